"""A schedule stands in the folder wherever its order is finished."""

import sys
from contextlib import suppress
from types import FrameType
from typing import Any

import numpy as np
import pytest

import optexec as ox
from optexec.data.results_folder import Outcome
from optexec.runners.desk import recording
from optexec.runners.desk.recording import Recorder, Tally
from optexec.runners.desk.work import Done, Item


class Book:
    """In place of the desk and of the folder: rows that are written, each once."""

    def __init__(self) -> None:
        self.finished: list[int] = []
        self.slices_of: list[int] = []

    def slices(self, item: Item, *values: Any) -> int:
        return item.row

    def forget(self, row: int) -> None:
        pass

    def check(self, symbols: set[str]) -> None:
        pass

    def write(self, outcomes: list[Outcome], slices: list[int]) -> None:
        if outcomes:
            self.finished += [outcome.row for outcome in outcomes]
            self.slices_of += slices


def done(row: int) -> Done:
    item, values = Item(row, str(row), "AAA", {}, 0, 1), np.ones(1)
    return Done([Outcome(row, str(row), "AAA", status="optimal")], [(item, values, values)])


def interrupted(moment: int) -> Book:
    """What is written where Ctrl-C comes at a step of the recorder, counted from 0."""
    book, left = Book(), moment

    def trace(frame: FrameType, event: str, argument: Any) -> Any:
        nonlocal left
        if frame.f_code.co_filename != recording.__file__:
            return None
        frame.f_trace_opcodes = True
        if event == "opcode":
            left -= 1
            if left == -1:
                raise KeyboardInterrupt
        return trace

    tally = Tally()
    with suppress(KeyboardInterrupt), Recorder(book, book, tally) as recorder:  # type: ignore[arg-type]
        before = sys.gettrace()
        sys.settrace(trace)
        try:
            for row in range(4):
                recorder.add(done(row))
        finally:
            sys.settrace(before)
    return book


def test_ctrl_c_at_any_step_separates_no_order_from_its_schedule(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recording, "FULL", 2)
    books = [interrupted(moment) for moment in range(2_000)]
    assert books[0].finished == []
    assert books[-1].finished == [0, 1, 2, 3], "it was never over: more moments"
    for book in books:
        assert book.finished == book.slices_of == list(range(len(book.finished)))


@pytest.mark.parametrize(("bound", "slope", "told"), [(-1e9, 0.0, (-1e9, None)), (-np.inf, 0.01, (None, None))])
def test_a_number_that_cannot_be_told_is_none(bound: float, slope: float, told: tuple[float | None, None]) -> None:
    """A bound that is not known, and the gap of an objective of zero above a bound below zero."""
    problem = ox.Problem(ox.Order(2), ox.Linear(slope), ox.objective("A"), buckets=2)
    finished = Done()
    finished.add(Item(2, "x", "AAA", {}, 0, 2), ox.Schedule(problem, np.ones(2), "given", "feasible", bound))
    [outcome] = finished.outcomes
    assert (outcome.lower_bound, outcome.gap) == told
