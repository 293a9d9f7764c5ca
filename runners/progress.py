"""Progress of long work, on stderr where that is a terminal."""

import sys
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
