"""Where work is done: processes of this machine, or the workers of a Dask cluster."""

import os
import signal
import threading
import time
import warnings
from collections.abc import Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, BrokenExecutor, Future, wait
from contextlib import contextmanager
from typing import Any, Protocol

from optexec.runners.desk.work import Done, Work, solve_work

ONE_THREAD = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS"), "1")
"""What keeps linear algebra in one process from taking the processors of the others."""
IDLE = 600.0
"""Seconds after which a process without work ends."""
LOOK = 1.0
"""Seconds between looks at whether the process that handed out the work is alive."""


class Pool(Protocol):
    """Processes that do work."""

    @property
    def lost(self) -> tuple[type[BaseException], ...]:
        """Errors by which a future says that the process which did its work has died."""

    def workers(self) -> int:
        """How many there are at the moment."""

    def submit(self, work: Work) -> Any:
        """A future of what comes of some work."""

    def wait(self, futures: Iterable[Any]) -> Iterable[Any]:
        """Those of the futures that have ended, once one has."""

    def result(self, future: Any) -> Done:
        """What came of it, for a future that has ended."""


class LocalPool:
    """Processes of this machine, by joblib's loky; a new set of them takes over where one has died."""

    lost = (BrokenExecutor,)

    def __init__(self, workers: int) -> None:
        self._workers = workers
        self._executor = self._started()

    def _started(self) -> Any:
        from joblib.externals.loky.process_executor import ProcessPoolExecutor

        return ProcessPoolExecutor(self._workers, timeout=IDLE, initializer=_begin, env=ONE_THREAD)

    def workers(self) -> int:
        """See `Pool`."""
        return self._workers

    def submit(self, work: Work) -> Future[Done]:
        """See `Pool`."""
        try:
            return self._executor.submit(solve_work, work)
        except BrokenExecutor:
            self._executor.shutdown(wait=False, kill_workers=True)
            self._executor = self._started()
            return self._executor.submit(solve_work, work)

    def wait(self, futures: Iterable[Future[Done]]) -> Iterable[Future[Done]]:
        """See `Pool`."""
        return wait(futures, return_when=FIRST_COMPLETED).done

    def result(self, future: Future[Done]) -> Done:
        """See `Pool`."""
        return future.result()

    def close(self) -> None:
        """End the processes once they have done their work."""
        self._executor.shutdown(wait=True)

    def kill(self) -> None:
        """End the processes whatever they do, and however often Ctrl-C is pressed.

        loky would look for processes of theirs with `pgrep`, which may be missing or may be interrupted too, and then
        let them live; its own thread may miss the work that they had, and is not heard.
        """
        deaf = threading.current_thread() is threading.main_thread()
        heard = signal.signal(signal.SIGINT, signal.SIG_IGN) if deaf else None
        hook, threading.excepthook = threading.excepthook, lambda error: None
        try:
            for process in list(self._executor._processes.values()):
                process.terminate()
            self._executor.shutdown(wait=True, kill_workers=True)
        finally:
            threading.excepthook = hook
            if deaf:
                signal.signal(signal.SIGINT, heard)


@contextmanager
def local_pool(workers: int) -> Iterator[LocalPool]:
    """Processes of this machine for as long as the context lasts."""
    with warnings.catch_warnings():
        for told in ("A worker stopped while some jobs", "Failed to kill subprocesses on this platform"):
            warnings.filterwarnings("ignore", message=told)
        pool = LocalPool(workers)
        try:
            yield pool
        except BaseException:
            pool.kill()
            raise
        pool.close()


def _begin() -> None:
    """Start of a process: it ends with the one that started it, and leaves Ctrl-C to that one."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_with, args=(os.getppid(),), daemon=True).start()


def _end_with(parent: int) -> None:
    while os.getppid() == parent:
        time.sleep(LOOK)
    os._exit(1)
