"""Progress of long work, on stderr where that is a terminal."""

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

SOON = 1.0
"""Seconds after which work that goes on is told of."""
LARGE = 20_000_000
"""Bytes from which reading is long work."""


@contextmanager
def counting(what: str, total: int) -> Iterator[Callable[[], None]]:
    """A callback for each of `total` steps that are done.

    >>> with counting("planning", 2) as tell:
    ...     tell()
    """
    if not sys.stderr.isatty():
        yield lambda: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (TextColumn(what), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task(what, total=total)
        yield lambda: bar.advance(task)


@contextmanager
def reading(paths: list[Path]) -> Iterator[Callable[[int], None] | None]:
    """A callback that takes the bytes of the current file read so far; None where nobody watches or it is short.

    >>> with reading([Path("nowhere.csv")]) as tell:
    ...     tell is None
    True
    """
    total = sum(path.stat().st_size for path in paths if path.is_file())
    if total < LARGE or not sys.stderr.isatty():
        yield None
        return
    from rich.console import Console
    from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (TextColumn("reading"), BarColumn(), DownloadColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task, before, passed = bar.add_task("reading", total=total), 0, 0

        def tell(read: int) -> None:
            nonlocal before, passed
            passed += before if read < before else 0
            before = read
            bar.update(task, completed=passed + read)

        yield tell


EVERY = 10.0
"""Seconds between lines of progress."""


@contextmanager
def solving(total: int, before: int, shown: str) -> Iterator[Callable[[int], None]]:
    """A callback that takes how many more orders are finished.

    Args:
        total: orders in all.
        before: orders that were finished earlier.
        shown: "bar or lines": a bar on a terminal, else a line now and then; "bar": nothing but on a terminal;
            "nothing".

    >>> with solving(10, 0, "nothing") as tell:
    ...     tell(3)
    """
    if shown == "nothing" or (shown == "bar" and not sys.stderr.isatty()):
        yield lambda more: None
    elif sys.stderr.isatty():
        with _bar(total, before) as tell:
            yield tell
    else:
        yield _Lines(total, before).tell


@contextmanager
def _bar(total: int, before: int) -> Iterator[Callable[[int], None]]:
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    rate = TextColumn("{task.fields[rate]}")
    shown = (TextColumn("orders"), BarColumn(), MofNCompleteColumn(), rate, TimeRemainingColumn())
    with Progress(*shown, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("orders", total=total, completed=before, rate="")

        def tell(more: int) -> None:
            bar.update(task, advance=more)
            speed = bar.tasks[0].finished_speed or bar.tasks[0].speed
            bar.update(task, rate=f"{speed:,.0f}/s" if speed else "")

        yield tell


class _Lines:
    """A line of progress on stderr every few seconds."""

    def __init__(self, total: int, before: int) -> None:
        self._total, self._before, self._now = total, before, before
        self._began = self._told = time.monotonic()

    def tell(self, more: int) -> None:
        """Count orders, and tell of them if it is time."""
        self._now += more
        moment = time.monotonic()
        if moment - self._told < EVERY:
            return
        self._told = moment
        rate = (self._now - self._before) / (moment - self._began)
        left = (self._total - self._now) / rate if rate else float("inf")
        told = f"{self._now:,} of {self._total:,} orders, {rate:,.1f} a second, {left:,.0f} s left"
        print(told, file=sys.stderr, flush=True)


@contextmanager
def working(what: str) -> Iterator[Callable[[str], None]]:
    """Tell what is being done and for how long, once it has taken a second; a callback tells the step it is at.

    >>> with working("solving") as tell:
    ...     tell("milp")
    """
    if not sys.stderr.isatty():
        yield lambda step: None
        return
    from threading import Timer

    from rich.console import Console
    from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

    columns = (SpinnerColumn(), TextColumn("{task.description}", markup=False), TimeElapsedColumn())
    shown = Progress(*columns, console=Console(stderr=True), transient=True)
    task = shown.add_task(what)
    start = Timer(SOON, shown.start)
    start.daemon = True
    start.start()
    try:
        yield lambda step: shown.update(task, description=f"{what}: {step}")
    finally:
        start.cancel()
        start.join()
        shown.stop()
