"""The workers of a Dask cluster, of one that is running or of one that is started on this machine."""

import logging
import signal
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any

from optexec.models.errors import InvalidInput, SolverFailure
from optexec.runners.desk.work import Done, Work, solve_work

PATIENCE = 60.0
"""Seconds to wait for a worker where there is none."""
CONNECT = 10.0
"""Seconds within which a scheduler must answer."""
LOOK = 1.0
"""Seconds after which the number of workers is asked for again."""
OURS = {
    "distributed.scheduler.allowed-failures": 1,
    "distributed.nanny.pre-spawn-environ.MALLOC_TRIM_THRESHOLD_": None,
}
"""Settings of a cluster of our own. Dask makes workers return freed memory to the system at once, and those that branch
and bound then spend half their time to get it back."""


class DaskPool:
    """The workers of a cluster, however many there are at the moment.

    Args:
        client: a `distributed.Client`.
    """

    def __init__(self, client: Any) -> None:
        from distributed.scheduler import KilledWorker

        self.lost: tuple[type[BaseException], ...] = (KilledWorker,)
        self._client = client
        self._threads, self._asked = 0, -LOOK
        self._seen = time.monotonic()

    def workers(self) -> int:
        """See `Pool`."""
        if time.monotonic() - self._asked >= LOOK:
            with self._connected():
                self._threads = sum(self._client.nthreads().values())
            self._asked = time.monotonic()
            if self._threads:
                self._seen = self._asked
            elif self._asked - self._seen > PATIENCE:
                raise SolverFailure(f"the cluster has had no worker for {PATIENCE:.0f} s; start some and run again")
        return max(self._threads, 1)

    def submit(self, work: Work) -> Any:
        """See `Pool`."""
        with self._connected():
            return self._client.submit(solve_work, work, pure=False)

    def wait(self, futures: Iterable[Any]) -> Iterable[Any]:
        """See `Pool`."""
        from distributed import wait

        while True:
            try:
                with self._connected(), self._client.as_current():
                    return wait(list(futures), timeout=10 * LOOK, return_when="FIRST_COMPLETED").done
            except TimeoutError:
                self.workers()

    def result(self, future: Any) -> Done:
        """See `Pool`."""
        with self._connected():
            done: Done = future.result()
            return done

    @contextmanager
    def _connected(self) -> Iterator[None]:
        """Tell a scheduler that is gone in one line."""
        from concurrent.futures import CancelledError as Cancelled

        from distributed import CancelledError
        from distributed.comm import CommClosedError

        try:
            yield
        except (Cancelled, CancelledError, CommClosedError, ConnectionError):
            raise SolverFailure("the scheduler is gone; start it again and run the same command to go on") from None


@contextmanager
def dask_pool(scheduler: str | None, workers: int) -> Iterator[DaskPool]:
    """The workers of the cluster at an address, or of one that lasts as long as the context.

    Args:
        scheduler: address, such as tcp://host:8786; None to start a cluster on this machine.
        workers: how many processes that one has.

    Raises:
        InvalidInput: Dask is not installed, or no scheduler answers.
        SolverFailure: a cluster of our own does not start.
    """
    try:
        from distributed import Client
    except ImportError:
        raise InvalidInput('--engine dask needs Dask; run pip install ".[dask]" in the folder of optexec') from None
    with _quiet(), _cluster(workers) if scheduler is None else _address(scheduler) as cluster:
        try:
            client = Client(cluster, timeout=CONNECT, set_as_default=False)
        except (OSError, ValueError) as error:
            told = " ".join(str(error).split())[:120]
            raise InvalidInput(f"--scheduler {scheduler}: no answer ({told}); check the address") from None
        try:
            yield DaskPool(client)
        finally:
            client.close(timeout=5)


@contextmanager
def _address(scheduler: str) -> Iterator[str]:
    yield scheduler


@contextmanager
def _cluster(workers: int) -> Iterator[Any]:
    import dask
    from distributed import LocalCluster

    with dask.config.set(OURS):
        try:
            started = LocalCluster(
                n_workers=workers,
                threads_per_worker=1,
                dashboard_address="127.0.0.1:0",
                scheduler_kwargs={"dashboard": False},
                preload=__name__,
            )
        except (OSError, RuntimeError) as error:
            raise SolverFailure(f"the cluster did not start ({error}); run the same command to go on") from None
        with started as cluster:
            yield cluster


def dask_setup(worker: Any) -> None:
    """Start of a worker of our own cluster, by Dask: it leaves Ctrl-C and the telling of errors to the command."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    logging.disable(logging.CRITICAL)


@contextmanager
def _quiet() -> Iterator[None]:
    """Keep Dask from telling of lost connections and workers: what matters of them is an error of our own."""
    loggers = [logging.getLogger(name) for name in logging.root.manager.loggerDict if name.startswith("distributed")]
    levels = [log.level for log in loggers]
    for log in loggers:
        log.setLevel(logging.CRITICAL + 1)
    try:
        yield
    finally:
        for log, level in zip(loggers, levels, strict=True):
            log.setLevel(level)
