"""What a command feels like: help, completion, one-line errors, tables in a terminal and in a pipe, progress."""

import io
import os
import pty
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from typer.testing import Result

import optexec
from optexec.data import sample
from optexec.runners import progress
from optexec.runners.app import COMMANDS

Invoke = Callable[..., Result]
PROGRAM = [sys.executable, "-m", "optexec.runners.app"]


@pytest.mark.parametrize("command", COMMANDS)
def test_each_example_stands_on_a_line_of_its_own(invoke: Invoke, command: str) -> None:
    told = [line.strip() for line in invoke(command, "--help").stdout.splitlines()]
    examples = [
        line.strip() for line in (COMMANDS[command].__doc__ or "").splitlines() if line.strip().startswith("Example: ")
    ]
    assert examples
    for example in examples:
        assert example.startswith(f"Example: optexec {command} ")
        assert example in told, f"{example} is broken in a terminal of 80 columns"


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_json(invoke: Invoke, command: str) -> None:
    assert "--json" in invoke(command, "--help").stdout


def test_the_version_is_told(invoke: Invoke) -> None:
    assert invoke("--version").stdout == f"optexec {optexec.__version__}\n"


@pytest.mark.parametrize(
    ("words", "place", "wanted"),
    [
        ("optexec s", 1, {"solve", "simulate"}),
        ("optexec solve --obj", 2, {"--objective"}),
        ("optexec solve x.toml --objective ", 4, {"A", "B", "C"}),
        ("optexec solve x.toml --method wa", 4, {"waterfill"}),
    ],
)
def test_a_shell_completes_commands_options_and_values(words: str, place: int, wanted: set[str]) -> None:
    asked = {"_OPTEXEC_COMPLETE": "complete_bash", "COMP_WORDS": words, "COMP_CWORD": str(place)}
    script = "from optexec.runners.app import main; main(prog_name='optexec')"
    run = subprocess.run(
        [sys.executable, "-c", script], env=os.environ | asked, capture_output=True, text=True, check=False
    )
    assert set(run.stdout.split()) == wanted, run.stderr


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["slve"], "no such command 'slve'. Did you mean 'solve'? (see"),
        (["solve", "--gapp", "1", "x"], "no such option: --gapp (Possible options: --gap) (see"),
        (["solve", "x", "--gap", "much"], "invalid value for '--gap': "),
        (["simulate", "x"], "missing option '--volatility' (see"),
        (["solve", "--json"], "missing argument 'SPEC' (see"),
    ],
)
def test_wrong_usage_is_one_line_that_says_where_to_look(invoke: Invoke, arguments: list[str], told: str) -> None:
    result = invoke(*arguments)
    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr.count("\n") == 1
    assert result.stderr.startswith("optexec: ")
    assert told in result.stderr
    assert result.stderr.endswith("--help)\n")


def test_a_command_without_words_helps(invoke: Invoke) -> None:
    result = invoke("solve")
    assert result.exit_code == 2
    assert "Example: optexec solve" in result.output


def in_terminal(*arguments: object) -> str:
    """What a command writes on a terminal of 100 columns."""
    ours, theirs = pty.openpty()
    words = [*PROGRAM, *map(str, arguments)]
    environment = os.environ | {"COLUMNS": "100", "TERM": "xterm"}
    run = subprocess.Popen(words, stdin=theirs, stdout=theirs, stderr=theirs, env=environment)
    os.close(theirs)
    written = b""
    try:
        while chunk := os.read(ours, 65536):
            written += chunk
    except OSError:
        pass
    finally:
        os.close(ours)
    assert run.wait() == 0, written.decode()
    return written.decode()


def test_tables_are_ruled_in_a_terminal_and_plain_in_a_pipe(spec: Path) -> None:
    piped = subprocess.run([*PROGRAM, "solve", str(spec)], capture_output=True, text=True, check=True)
    terminal = in_terminal("solve", spec)
    assert "\x1b[1m" in terminal
    assert "───" in terminal
    assert piped.stdout.isascii()
    assert piped.stderr == ""
    for number in ("17.70", "18.30"):
        assert number in terminal
        assert number in piped.stdout


def test_json_is_all_that_a_process_prints() -> None:
    words = [*PROGRAM, "solve", str(sample.path("concave.toml")), "--method", "milp", "--json"]
    run = subprocess.run(words, capture_output=True, text=True, check=True)
    assert run.stdout.startswith("{")
    assert run.stdout.count("\n") == 1


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_long_work_tells_its_step_on_a_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(progress, "SOON", 0.0)
    monkeypatch.setenv("TERM", "xterm")
    for screen, wanted in ((Terminal(), True), (io.StringIO(), False)):
        monkeypatch.setattr(sys, "stderr", screen)
        with progress.working("verifying") as tell:
            tell("milp")
        assert ("verifying" in screen.getvalue()) == wanted


def test_short_work_tells_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    screen = Terminal()
    monkeypatch.setattr(sys, "stderr", screen)
    monkeypatch.setattr(progress, "SOON", 1e6)
    with progress.working("solving") as tell:
        tell("dp")
    assert screen.getvalue() == ""


def test_verify_tells_each_method_before_it_starts() -> None:
    import optexec as ox
    from optexec.solvers.verification import every_schedule

    problem, told = ox.Problem(ox.Order(300), ox.Power(a=[1.0, 2.0], b=2.0), ox.objective("A")), []
    names = list(every_schedule(problem, ["waterfill", "twap"], progress=told.append))
    assert told == names == ["waterfill", "twap"]


@pytest.mark.parametrize(
    ("command", "options"), [("compare", []), ("simulate", ["--volatility", "0.01", "--paths", 50])]
)
@pytest.mark.parametrize(("suffix", "beginning"), [(".png", b"\x89PNG"), (".svg", b"<?xml"), (".pdf", b"%PDF")])
def test_results_are_drawn_by_their_suffix(
    spec: Path, invoke: Invoke, tmp_path: Path, command: str, options: list[object], suffix: str, beginning: bytes
) -> None:
    picture = tmp_path / f"picture{suffix}"
    result = invoke(command, spec, *options, "--plot", picture)
    assert (result.exit_code, result.stderr) == (0, "")
    assert picture.read_bytes().startswith(beginning)
    assert invoke(command, spec, *options, "--plot", tmp_path / "picture.gif").exit_code == 2
