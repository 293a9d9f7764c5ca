"""Progress of long work: lines where nobody watches a terminal, a bar where somebody does."""

import io
import sys

import pytest

from optexec.runners import progress


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_lines_tell_rate_and_time_left(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    moments = iter([0.0, 5.0, 10.0, 12.0, 20.0])
    monkeypatch.setattr(progress.time, "monotonic", lambda: next(moments))
    with progress.solving(1_000, 500, "bar or lines") as tell:
        for _ in range(4):
            tell(50)
    told = capsys.readouterr()
    assert told.out == ""
    assert told.err.splitlines() == [
        "600 of 1,000 orders, 10.0 a second, 40 s left",
        "700 of 1,000 orders, 10.0 a second, 30 s left",
    ]


@pytest.mark.parametrize("shown", ["bar", "nothing"])
def test_silence(shown: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(progress, "EVERY", 0.0)
    with progress.solving(10, 0, shown) as tell:
        tell(5)
    assert capsys.readouterr() == ("", "")


def test_a_bar_on_a_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    screen = Terminal()
    monkeypatch.setattr(sys, "stderr", screen)
    monkeypatch.setenv("TERM", "xterm")
    with progress.solving(10, 4, "bar or lines") as tell:
        tell(3)
    assert "7/10" in screen.getvalue()
    screen.truncate(0)
    with progress.solving(10, 0, "nothing") as tell:
        tell(3)
    assert "3/10" not in screen.getvalue()
