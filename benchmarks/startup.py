"""What it costs to start: processes that import a package, or print the help of the command."""

import subprocess
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path

from benchmarks.registry import Case, Claim, Driver, Side, Times, ratio

IMPORT, FIRST_USE, PANDAS, PASS = "import optexec", "from optexec import Problem, solve", "import pandas", "pass"
HELP = "optexec --help"
PROCESSES = {script: [sys.executable, "-c", script] for script in (IMPORT, FIRST_USE, PANDAS, PASS)}
PROCESSES[HELP] = [str(Path(sys.executable).with_name("optexec")), "--help"]


def start(words: list[str]) -> Driver:
    """A process, from start to end."""

    def total(_: None) -> Callable[[], object]:
        return partial(subprocess.run, words, check=True, stdout=subprocess.DEVNULL)

    return total


def nothing(_: int) -> None:
    """There is no problem to solve."""


def help_share(times: Times) -> float:
    """Time of the help as a fraction of what it may take."""
    return times.seconds(1, HELP, "total") / (5 * times.seconds(1, PASS, "total") + 0.3)


CASES = (
    Case(
        "startup",
        "Wall time of a process from start to end, the interpreter's own start included.",
        nothing,
        (1,),
        [Side(name, {"total": start(words)}) for name, words in PROCESSES.items()],
        claims=[
            Claim(f"`{IMPORT}` by `{PANDAS}`", ratio(1, (IMPORT, "total"), (PANDAS, "total")), "at most", 3),
            Claim(f"`{FIRST_USE}` by `{PANDAS}`", ratio(1, (FIRST_USE, "total"), (PANDAS, "total")), "at most", 3),
            Claim("`optexec --help` by 5 times `python -c pass` plus 0.3 s", help_share, "at most", 1.0),
        ],
    ),
)
