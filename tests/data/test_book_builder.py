"""The book after each message, rebuilt from messages alone."""

from collections import Counter
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from optexec.data.book import BOOK_COLUMNS, LEVELS
from optexec.data.book_builder import rebuild
from optexec.data.lobster import find_orderbook
from optexec.data.lobster_table import EMPTY_PRICE, Messages, join, read_ladders, read_messages
from optexec.models.errors import InvalidInput

LOBSTER = Path(__file__).parents[2].parent / "shared/data/lobster"
HOUR = LOBSTER / "AAPL_2012-06-21_34200000_37800000_message_50.csv.gz"
SECONDS = LOBSTER / "AAPL_2012-06-21_0930_1030_mbp10_1s_rebuilt.csv.gz"
FIRST = LOBSTER / "AAPL_2012-06-21_first998_message_10.csv"
real_data = pytest.mark.skipif(not HOUR.exists(), reason="the real AAPL hour is not beside the project")

Row = tuple[int, int, int, int, int]
Resting = dict[int, tuple[int, int, int]]
"""Shares, price and direction of each order."""


def messages_of(rows: list[Row]) -> Messages:
    kind, order, size, price, direction = np.array(rows, dtype=np.int64).reshape(-1, 5).T
    return Messages(Path("message.csv"), 1, np.arange(len(rows)), kind, order, size, price, direction)


def levels_of(resting: Resting) -> NDArray[np.float64]:
    """The ten best levels of these orders, added up price by price."""
    row = np.concatenate([np.full(2 * LEVELS, np.nan), np.zeros(2 * LEVELS)])
    for block, direction in enumerate((1, -1)):
        shares: Counter[int] = Counter()
        for size, price, side in resting.values():
            shares[price] += size * (side == direction)
        best = sorted((price for price, size in shares.items() if size), reverse=direction == 1)[:LEVELS]
        for level, price in enumerate(best):
            row[block * LEVELS + level] = price / 10_000
            row[(2 + block) * LEVELS + level] = shares[price]
    return row


def random_day(seed: int, rows: int, prices: int) -> tuple[list[Row], list[Resting]]:
    """Random messages that orders could have sent, and the orders that rest after each of them."""
    random = np.random.default_rng(seed)
    resting: Resting = {}
    messages, states = [], []
    for number in range(1, rows + 1):
        kind = int(random.choice([1, 2, 3, 4, 5, 6, 7], p=[0.5, 0.1, 0.2, 0.1, 0.04, 0.03, 0.03]))
        if kind in (2, 3, 4) and resting:
            order = int(random.choice(list(resting)))
            size, price, direction = resting[order]
            taken = size if kind == 3 else int(random.integers(1, size + 1))
            resting[order] = (size - taken, price, direction)
            if size == taken:
                del resting[order]
            messages.append((kind, order, taken, price, direction))
        elif kind > 4:
            messages.append((kind, 0, 5, -1 if kind == 7 else 1_000_000, 1))
        else:
            direction = int(random.choice([-1, 1]))
            price = 1_000_000 - direction * 100 * int(random.integers(1, prices + 1))
            resting[number] = (int(random.integers(1, 400)), price, direction)
            messages.append((1, number, *resting[number]))
        states.append(dict(resting))
    return messages, states


def rebuilt(rows: list[Row], view: int | None = None, first: NDArray[np.int64] | None = None) -> NDArray[np.float64]:
    return np.vstack(list(rebuild(messages_of(rows), view, first)))


def ladder(levels: NDArray[np.float64]) -> NDArray[np.int64]:
    """A row of levels as a row of an orderbook file."""
    bid, ask, bid_size, ask_size = levels.reshape(4, LEVELS)
    prices = [np.where(np.isnan(price), EMPTY_PRICE, np.rint(price * 10_000)) for price in (ask, bid)]
    return np.column_stack([prices[0], ask_size, prices[1], bid_size]).astype(np.int64).ravel()


days = st.tuples(st.integers(0, 2**32 - 1), st.integers(1, 250), st.sampled_from([3, 8, 15, 60]))


@settings(max_examples=80)
@given(day=days)
def test_a_whole_day_is_rebuilt_exactly(day: tuple[int, int, int]) -> None:
    rows, states = random_day(*day)
    np.testing.assert_array_equal(rebuilt(rows), [levels_of(state) for state in states])


@settings(max_examples=80)
@given(day=days, share=st.floats(0, 1))
def test_orders_older_than_the_file_are_known_by_what_becomes_of_them(day: tuple[int, int, int], share: float) -> None:
    rows, states = random_day(*day)
    start = int(share * (len(rows) - 1))
    before = states[start - 1] if start else {}
    kept = rows[start:]
    taken: Counter[int] = Counter()
    for kind, order, size, _, _ in kept:
        taken[order] += size if kind in (2, 3, 4) else 0
    known = [
        {
            order: (size - (before[order][0] - taken[order] if order in before else 0), price, direction)
            for order, (size, price, direction) in state.items()
        }
        for state in states[start:]
    ]
    np.testing.assert_array_equal(rebuilt(kept), [levels_of(state) for state in known])


@settings(max_examples=80)
@given(day=days, share=st.floats(0, 1))
def test_with_the_first_book_untouched_orders_are_known_as_well(day: tuple[int, int, int], share: float) -> None:
    seed, count, _ = day
    rows, states = random_day(seed, count, prices=LEVELS)
    start = int(share * (len(rows) - 1))
    expected = np.array([levels_of(state) for state in states[start:]])
    np.testing.assert_array_equal(rebuilt(rows[start:], None, ladder(expected[0])), expected)


def best_levels_only(rows: list[Row], states: list[Resting], view: int) -> list[int]:
    """The rows that change one of the best levels, as LOBSTER keeps them."""
    kept, before = [], {}
    for place, (row, after) in enumerate(zip(rows, states, strict=True)):
        kind, _, _, price, direction = row
        ranks = [
            len({p for _, p, d in state.values() if d == direction and (p - price) * direction > 0})
            for state in (before, after)
        ]
        if kind > 4 or min(ranks) < view:
            kept.append(place)
        before = after
    return kept


@settings(max_examples=60)
@given(seed=st.integers(0, 2**32 - 1))
def test_orders_that_are_deleted_behind_the_view_do_not_stay(seed: int) -> None:
    rows, states = random_day(seed, 400, prices=40)
    seen = best_levels_only(rows, states, view=15)
    levels = rebuilt([rows[place] for place in seen], view=15)
    expected = np.array([levels_of(states[place]) for place in seen])
    assert np.isfinite(levels[:, 2 * LEVELS :]).all()
    assert (levels[:, 2 * LEVELS :] >= 0).all()
    top = [0, LEVELS, 2 * LEVELS, 3 * LEVELS]
    assert (np.nan_to_num(levels[:, top]) == np.nan_to_num(expected[:, top])).all(axis=1).mean() > 0.9


def test_an_order_entered_behind_the_view_comes_by_its_id() -> None:
    rows = [(1, 10, 5, 1_000_000, 1), (1, 20, 5, 1_000_100, 1), (1, 30, 5, 1_000_200, 1), (3, 25, 7, 999_000, 1)]
    assert rebuilt(rows, view=2)[:, 2 * LEVELS + 1].tolist() == [0, 5, 5, 5]
    assert np.nansum(rebuilt(rows, view=50) == 99.9, axis=1).tolist() == [0, 0, 1, 0]
    assert np.nansum(rebuilt(rows) == 99.9, axis=1).tolist() == [1, 1, 1, 0]


def test_a_file_of_few_levels_shows_no_more() -> None:
    rows = [(1, number, 5, 1_000_000 + 100 * number, 1) for number in range(1, 8)]
    levels = rebuilt(rows, view=3)
    assert levels[-1, :4].tolist() == [100.07, 100.06, 100.05, pytest.approx(np.nan, nan_ok=True)]
    assert levels[-1, 2 * LEVELS : 3 * LEVELS].tolist() == [5, 5, 5, 0, 0, 0, 0, 0, 0, 0]


def test_shares_that_go_behind_the_view_and_are_never_heard_of_again_are_forgotten() -> None:
    rows = [(1, 1, 5, 1_000_000, 1), (1, 2, 5, 1_000_100, 1), (1, 3, 5, 1_000_200, 1), (3, 3, 5, 1_000_200, 1)]
    assert rebuilt(rows, view=2)[:, 2 * LEVELS : 2 * LEVELS + 3].tolist() == [
        [5, 0, 0],
        [5, 5, 0],
        [5, 5, 0],
        [5, 0, 0],
    ]
    assert rebuilt(rows)[-1, 2 * LEVELS : 2 * LEVELS + 3].tolist() == [5, 5, 0]


def test_an_order_cut_down_behind_the_view_leaves_nothing() -> None:
    rows = [(1, 1, 50, 1_000_000, 1), (1, 2, 5, 1_000_100, 1), (3, 2, 5, 1_000_100, 1), (3, 1, 20, 1_000_000, 1)]
    for view in (1, 50):
        assert rebuilt(rows, view)[-1, 2 * LEVELS] == 0
    with pytest.raises(InvalidInput, match="row 4, column size: order 1 holds more shares than its deletion"):
        rebuilt(rows)


NEW = (1, 7, 100, 1_000_000, 1)


@pytest.mark.parametrize(
    ("rows", "fragment"),
    [
        ([NEW, NEW], "row 2, column order id: order 7 is entered although"),
        ([(2, 7, 5, 1_000_000, 1), NEW], "row 2, column order id: order 7 is entered although"),
        ([NEW, (3, 7, 100, 1_000_000, 1), (2, 7, 1, 1_000_000, 1)], "row 3, column order id: order 7 is deleted"),
        ([(3, 7, 9, 1_000_000, 1), (3, 7, 9, 1_000_000, 1)], "row 2, column order id: order 7 is deleted"),
        ([NEW, (2, 7, 5, 1_000_100, 1)], "row 2, column price: order 7 is touched at another price"),
        ([NEW, (3, 7, 100, 1_000_000, -1)], "row 2, column price: order 7 is touched at another price or side"),
        ([NEW, (4, 7, 5, 1_000_100, -1)], "row 2, column price: order 7 is touched at another price or side"),
        ([NEW, (4, 7, 60, 1_000_000, 1), (2, 7, 41, 1_000_000, 1)], "row 3, column size: order 7 holds fewer"),
    ],
)
def test_what_no_order_can_do_is_refused(rows: list[Row], fragment: str) -> None:
    with pytest.raises(InvalidInput, match=f"message.csv, {fragment}"):
        rebuilt(rows)


def test_an_execution_at_a_better_price_takes_from_the_order_s_own_level() -> None:
    levels = rebuilt([NEW, (4, 7, 40, 1_000_050, 1)])
    assert levels[-1, [0, 2 * LEVELS]].tolist() == [100.0, 60.0]


def test_a_first_book_that_lacks_the_first_order_is_refused() -> None:
    with pytest.raises(InvalidInput, match="row 1, column size: the first book holds fewer shares"):
        rebuilt([NEW], None, np.array([1_000_100, 5, 1_000_000, 99]))


def test_older_orders_beyond_the_shares_of_the_first_book_come_when_they_are_touched() -> None:
    rows = [(5, 0, 1, 1_000_000, 1), (3, 7, 30, 1_000_000, 1), (3, 8, 40, 1_000_000, 1)]
    shown = rebuilt(rows, None, np.array([1_000_100, 5, 1_000_000, 30]))
    assert shown[:, 2 * LEVELS].tolist() == [30, 0, 0]


def test_messages_without_orders_leave_the_book_empty() -> None:
    levels = rebuilt([(5, 0, 10, 1_000_000, 1), (7, 0, 0, -1, -1)])
    assert np.isnan(levels[:, : 2 * LEVELS]).all()
    assert not levels[:, 2 * LEVELS :].any()


# A real hour


@pytest.fixture(scope="module")
def hour() -> Messages:
    return join(list(read_messages(HOUR)))


def hour_rows_of_first_file(hour: Messages) -> NDArray[np.bool_]:
    first = join(list(read_messages(FIRST)))
    kept = set(zip(*(column.tolist() for column in first[2:]), strict=True))
    return np.array([row in kept for row in zip(*(column.tolist() for column in hour[2:]), strict=True)])


def first_book() -> NDArray[np.int64]:
    orderbook = find_orderbook(FIRST)
    assert orderbook
    return next(read_ladders(orderbook))


def equal_rows(levels: NDArray[np.float64], expected: NDArray[np.float64]) -> int:
    return int(((levels == expected) | (np.isnan(levels) & np.isnan(expected))).all(axis=1).sum())


@real_data
@pytest.mark.parametrize(("view", "seed"), [(None, True), (50, False), (50, True)])
def test_every_row_of_lobster_s_own_book_is_rebuilt_from_messages(hour: Messages, view: int | None, seed: bool) -> None:
    shown = first_book()
    levels = np.vstack(list(rebuild(hour, view, shown[0] if seed else None)))[hour_rows_of_first_file(hour)]
    assert len(levels) == len(shown) == 999
    assert [ladder(row).tolist() for row in levels] == np.where(shown == -EMPTY_PRICE, EMPTY_PRICE, shown).tolist()


@real_data
def test_the_published_book_of_each_second_is_rebuilt_from_messages(hour: Messages) -> None:
    published = pd.read_csv(SECONDS)
    nanoseconds = (published["sec_after_midnight"].to_numpy() * 1e9).astype(np.int64)
    last = np.searchsorted(hour.time, nanoseconds, side="right") - 1
    for view, equal in ((None, 3600), (50, 3498)):
        levels = np.vstack(list(rebuild(hour, view, first_book()[0])))
        assert equal_rows(levels[last], published[BOOK_COLUMNS].to_numpy()) == equal


@real_data
def test_no_execution_of_the_real_hour_is_behind_a_better_price(hour: Messages) -> None:
    levels = np.vstack(list(rebuild(hour, 50)))
    executed = np.flatnonzero(hour.kind == 4)
    best = np.where(hour.direction[executed] == 1, levels[executed - 1, 0], levels[executed - 1, LEVELS])
    np.testing.assert_array_equal(best, hour.price[executed] / 10_000)
    assert (levels[:, 0] < levels[:, LEVELS]).all()
