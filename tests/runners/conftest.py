"""The small spec in a folder of its own, and the program run in this process."""

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from optexec.runners.app import main


@pytest.fixture
def spec(tmp_path: Path) -> Path:
    for name in ("spec.toml", "buckets.csv"):
        shutil.copy(Path(__file__).parent / "small" / name, tmp_path)
    return tmp_path / "spec.toml"


@pytest.fixture
def invoke() -> Callable[..., Result]:
    def run(*arguments: object) -> Result:
        return CliRunner().invoke(main, [str(argument) for argument in arguments])

    return run


@pytest.fixture
def refused(invoke: Callable[..., Result]) -> Callable[..., str]:
    """Run a command that must fail with one line on stderr, nothing on stdout and the given code; the line."""

    def run(code: int, *arguments: object) -> str:
        result = invoke(*arguments)
        assert (result.exit_code, result.stdout) == (code, ""), result.output
        assert result.stderr.count("\n") == 1, result.stderr
        return result.stderr.removeprefix("optexec: ").strip()

    return run
