"""Work reaches everyone once, whoever dies over it."""

from collections import Counter
from dataclasses import replace
from itertools import pairwise
from typing import Any

import pytest
from desk_cases import InlinePool
from hypothesis import given, settings
from hypothesis import strategies as st

from optexec.data.results_folder import Outcome
from optexec.models.errors import SolverFailure
from optexec.runners.desk.spreading import DEATHS, QUEUED, spread
from optexec.runners.desk.work import Done, Item, Work


class Died(Exception):
    pass


class DeadlyPool(InlinePool):
    """Work of poisoned rows dies, and so does all else that is in progress; other deaths are drawn.

    Work is done in an order that is drawn; of several orders some may be left.
    """

    lost = (Died,)

    def __init__(self, poisoned: set[int], data: Any) -> None:
        super().__init__()
        self.poisoned, self.data = poisoned, data
        self.broken: set[int] = set()
        self.accidents = 0

    def wait(self, futures: Any) -> list[int]:
        flying = sorted(futures)
        assert len(flying) == 1 or not any(self.submitted[future].alone for future in flying)
        assert len(flying) <= QUEUED * self.workers() + 1
        if hit := self.broken & set(flying):
            return sorted(hit)
        chosen = self.data.draw(st.sampled_from(flying))
        accident = self._rows(chosen) and self.accidents < 3 and self.data.draw(st.integers(0, 9)) == 0
        if accident or self._rows(chosen) & self.poisoned:
            self.accidents += accident
            self.broken = set(flying)
            return flying
        return [chosen]

    def _rows(self, future: int) -> set[int]:
        return {item.row for item in self.submitted[future].items}

    def result(self, future: int) -> Done:
        if future in self.broken:
            raise Died
        items = self.submitted[future].items
        if not items:
            return Done()
        kept = self.data.draw(st.integers(1, len(items)))
        outcomes = [Outcome(i.row, i.order_id, i.symbol, status="optimal") for i in items[:kept]]
        return Done(outcomes, left=list(items[kept:]))


def work(rows: range) -> Work:
    return Work(tuple(Item(row, str(row), "AAA", {}, 0, 1) for row in rows), {}, {}, "orders.csv")


@settings(max_examples=60)
@given(st.data(), st.lists(st.integers(1, 9), max_size=8), st.sets(st.integers(0, 40), max_size=3))
def test_every_order_is_done_once_and_only_the_guilty_are_given_up(data, sizes, poisoned):
    ends = [sum(sizes[:k]) for k in range(len(sizes) + 1)]
    source = [work(range(low, high)) for low, high in pairwise(ends)]
    refused = Done([Outcome(1_000, "", "AAA", error="refused")])
    pool = DeadlyPool(poisoned, data)
    found = [outcome for done in spread(pool, iter([*source, refused])) for outcome in done.outcomes]
    assert Counter(outcome.row for outcome in found) == Counter([*range(ends[-1]), 1_000])
    given_up = {outcome.row for outcome in found if outcome.status == "failed"}
    assert poisoned & set(range(ends[-1])) <= given_up
    if pool.accidents < DEATHS:
        assert given_up <= poisoned
    by_itself = Counter(w.items[0].row for w in pool.submitted if w.alone and len(w.items) == 1)
    for outcome in found:
        if outcome.row in given_up:
            assert by_itself[outcome.row] == DEATHS
            assert (
                outcome.error
                == f"orders.csv, row {outcome.row}: 2 processes died while they solved it, perhaps for memory"
            )


def test_a_suspect_is_alone_until_it_is_done():
    """Even the last one, behind which more of the source could be handed out."""

    class Alone(InlinePool):
        lost = (Died,)
        accidents = 1

        def wait(self, futures):
            assert len(futures) == 1 or not any(self.submitted[future].alone for future in futures)
            return sorted(futures)

        def result(self, future):
            items = self.submitted[future].items
            if self.accidents and items[0].row == 2:
                self.accidents -= 1
                raise Died
            return Done([Outcome(i.row, i.order_id, i.symbol, status="optimal") for i in items])

    pool = Alone()
    found = [
        outcome.row for done in spread(pool, (work(range(k, k + 1)) for k in range(20))) for outcome in done.outcomes
    ]
    assert Counter(found) == Counter(range(20))
    assert [w.items[0].row for w in pool.submitted if w.alone] == [2]


def test_no_more_is_read_than_can_be_handed_out():
    read, done = [], []

    def source():
        for number in range(50):
            read.append(number)
            yield work(range(number, number + 1))

    class Counting(InlinePool):
        def result(self, future):
            assert len(read) - len(done) <= QUEUED * self.workers() + 1
            done.append(future)
            return Done()

    list(spread(Counting(), source()))
    assert read == list(range(50))
    assert len(done) == 50


def test_no_order_is_blamed_for_processes_that_die_without_work():
    class Dying(InlinePool):
        lost = (Died,)

        def result(self, future):
            raise Died

    found = []
    with pytest.raises(SolverFailure, match="processes die whatever they do, perhaps for memory; see to it"):
        found.extend(spread(Dying(), iter([work(range(3)), work(range(3, 6))])))
    assert found == []


def test_workers_that_cannot_do_the_work_end_it():
    class Foreign(InlinePool):
        def result(self, future):
            raise ModuleNotFoundError("No module named 'optexec'")

    with pytest.raises(SolverFailure, match=r"the workers cannot do the work .*they need this optexec too"):
        list(spread(Foreign(), iter([work(range(3))])))


@pytest.mark.parametrize("number", [1, 2, 3, 10])
def test_pieces_hold_every_order_once(number):
    whole = replace(work(range(7)), deaths=1)
    pieces = list(whole.pieces(number))
    assert [item for piece in pieces for item in piece.items] == list(whole.items)
    assert len(pieces) <= number
    assert max(len(p.items) for p in pieces) - min(len(p.items) for p in pieces[:-1] or pieces) <= 1
