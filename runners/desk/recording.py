"""What comes of the orders, on its way into the folder and in numbers."""

import time
from dataclasses import dataclass, field
from typing import Any

from optexec.data.results_folder import Outcome, ResultsFolder, Slices
from optexec.runners.desk.reading import Desk
from optexec.runners.desk.work import Done

FULL = 512
"""Orders that are written at once."""
OLD = 2.0
"""Seconds after which fewer are written: no more work than that is lost with this process."""
KEPT = 100
"""Orders without a schedule that are remembered with their reason."""


@dataclass
class Kind:
    """The orders of one method and status: how many, and seconds to solve them, in all and for the slowest."""

    orders: int = 0
    seconds: float = 0.0
    longest: float = 0.0


@dataclass
class Tally:
    """The orders that are finished, in numbers.

    Fields:
        kinds: (method, status) -> its numbers.
        failures: the first orders without a schedule.
        failed: how many have none.

    >>> tally = Tally()
    >>> tally.add(Outcome(2, "x", "ABC", 1.0, 1.0, 0.0, "newton", "optimal", 0.5))
    >>> tally.add(Outcome(3, "y", "ABC", error="order.shares must be > 0"))
    >>> tally.orders, tally.failed, tally.kinds["newton", "optimal"].seconds
    (2, 1, 0.5)
    """

    kinds: dict[tuple[str, str], Kind] = field(default_factory=dict)
    failures: list[Outcome] = field(default_factory=list)
    failed: int = 0

    def add(self, outcome: Outcome) -> None:
        """Count one order."""
        kind = self.kinds.setdefault((outcome.method, outcome.status), Kind())
        kind.orders += 1
        kind.seconds += outcome.seconds
        kind.longest = max(kind.longest, outcome.seconds)
        if outcome.error:
            self.failed += 1
            if len(self.failures) < KEPT:
                self.failures.append(outcome)

    @property
    def orders(self) -> int:
        """How many orders are finished."""
        return sum(kind.orders for kind in self.kinds.values())


class Recorder:
    """Writes finished orders, many at a time; a context that writes the last ones where it ends.

    Args:
        folder: where they go.
        desk: where they come from.
        tally: counts them once they are written.
    """

    def __init__(self, folder: ResultsFolder, desk: Desk, tally: Tally) -> None:
        self._folder, self._desk, self._tally = folder, desk, tally
        self._parts: list[tuple[list[Outcome], list[Slices]]] = []
        self._written = time.monotonic()

    def __enter__(self) -> "Recorder":
        return self

    def __exit__(self, *error: Any) -> None:
        self._write()

    def add(self, done: Done) -> None:
        """Take finished orders."""
        self._parts.append((done.outcomes, [self._desk.slices(*solved) for solved in done.solved]))
        for outcome in done.outcomes:
            if outcome.error:
                self._desk.forget(outcome.row)
        full = sum(len(outcomes) for outcomes, _ in self._parts) >= FULL
        if full or time.monotonic() - self._written >= OLD:
            self._write()

    def _write(self) -> None:
        parts, self._parts = self._parts, []
        outcomes = [outcome for part, _ in parts for outcome in part]
        self._desk.check({outcome.symbol for outcome in outcomes})
        self._folder.write(outcomes, [each for _, part in parts for each in part])
        for outcome in outcomes:
            self._tally.add(outcome)
        self._written = time.monotonic()
