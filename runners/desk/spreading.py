"""Hand work out and take what comes of it, whatever happens to those who do it."""

from collections import deque
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from optexec.models.errors import OptexecError, SolverFailure
from optexec.runners.desk.pools import Pool
from optexec.runners.desk.work import Done, Work

QUEUED = 2
"""Pieces of work for each worker that are handed out at a time."""
DEATHS = 2
"""Processes that one order may take with it before it is given up."""


def spread(pool: Pool, source: Iterator[Work | Done]) -> Iterator[Done]:
    """What comes of all work of a source, in any order; what is done passes through.

    Work whose process died is done again when nothing else is in progress, so that it is known who is to blame: then
    in halves, and an order that takes `DEATHS` processes with it by itself is a failure.

    Args:
        pool: who does the work.
        source: read as far as there is someone to do the next piece.

    Raises:
        SolverFailure: processes that die without work too, or cannot do it.
    """
    waiting, flying = _Waiting(source), dict[Any, Work]()
    while True:
        while (piece := waiting.next(len(flying), QUEUED * pool.workers() + 1)) is not None:
            if isinstance(piece, Done):
                yield piece
            else:
                flying[pool.submit(piece)] = piece
        if not flying:
            return
        for future in pool.wait(flying):
            work = flying.pop(future)
            try:
                done = pool.result(future)
            except pool.lost:
                if work.alone:
                    _check(pool)
                waiting.suspect(work)
                continue
            except OptexecError:
                raise
            except Exception as error:
                raise SolverFailure(f"the workers cannot do the work ({error}); they need this optexec too") from None
            if done.left:
                waiting.add(work.some(tuple(done.left)).pieces(QUEUED * pool.workers()))
            yield done


def _check(pool: Pool) -> None:
    """See that a process lives which has nothing to do: else no order is to blame."""
    try:
        for future in pool.wait([pool.submit(Work((), {}, {}, ""))]):
            pool.result(future)
    except pool.lost:
        raise SolverFailure(
            "processes die whatever they do, perhaps for memory; see to it and run the same command to go on"
        ) from None


class _Waiting:
    """Work that is to be handed out: what is left of earlier work, then that of the source."""

    def __init__(self, source: Iterator[Work | Done]) -> None:
        self._source = source
        self._left: deque[Work | Done] = deque()
        self._suspects: deque[Work] = deque()
        self._alone = False

    def next(self, flying: int, most: int) -> Work | Done | None:
        """The next piece; None while none is to be handed out.

        Args:
            flying: pieces in progress.
            most: how many of them there may be.
        """
        if self._left and isinstance(self._left[0], Done):
            return self._left.popleft()
        if flying and (self._alone or self._suspects or flying >= most):
            return None
        self._alone = bool(self._suspects)
        if self._alone:
            return replace(self._suspects.popleft(), alone=True)
        return self._left.popleft() if self._left else next(self._source, None)

    def add(self, pieces: Iterator[Work]) -> None:
        """Take back what is left of some work."""
        self._left.extend(replace(piece, alone=False, deaths=0) for piece in pieces)

    def suspect(self, work: Work) -> None:
        """Take back work whose process died."""
        if not work.alone:
            self._suspects.append(work)
        elif len(work.items) > 1:
            self._suspects.extendleft(work.pieces(2))
        elif work.deaths + 1 < DEATHS:
            self._suspects.append(replace(work, deaths=work.deaths + 1))
        else:
            [item] = work.items
            told = f"{DEATHS} processes died while they solved it, perhaps for memory"
            self._left.appendleft(Done([item.without_schedule(told, work.where(item))]))
