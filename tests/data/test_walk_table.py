"""Costs of a grid of sizes against a walk share by share."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from optexec.data import sample
from optexec.data.book import BOOK_COLUMNS, LEVELS, SIDES, displayed_depth, read_book, walk_cost
from optexec.data.walk_table import walk_table
from optexec.models.errors import InvalidInput

AAPL = Path(__file__).parents[2].parent / "shared/data/lobster/AAPL_2012-06-21_0930_1030_mbp10_1s_rebuilt.csv.gz"
HALF_CENTS = 200


def queue(row: pd.Series, side: str) -> list[int]:
    """Distance from the mid of each share displayed, best first, in half cents."""
    cents = [round(100 * row[name]) for name in ("bid_px_00", "ask_px_00")]
    sign = 1 if side == "buy" else -1
    distances: list[int] = []
    for level in range(LEVELS):
        shares = int(row[f"{SIDES[side]}_sz_{level:02d}"])
        if shares:
            price = round(100 * row[f"{SIDES[side]}_px_{level:02d}"])
            distances += [sign * (2 * price - sum(cents))] * shares
    return distances


def of_side(table: pd.DataFrame, side: str) -> pd.DataFrame:
    return table[table["side"] == side]


def agrees(table: pd.DataFrame, book: pd.DataFrame) -> None:
    """Hold every row of a table, made under the rule "none", against the queue of its snapshot and side."""
    per_snapshot = len(table) // len(book)
    for number, (_, rows) in enumerate(table.groupby(np.arange(len(table)) // per_snapshot)):
        for side in SIDES:
            distances = queue(book.iloc[number], side)
            for line in of_side(rows, side).itertuples():
                assert line.displayed == (line.shares <= len(distances))
                if line.displayed:
                    exact = sum(distances[: int(line.shares)])
                    assert round(HALF_CENTS * line.cost) == exact
                    assert line.cost == pytest.approx(exact / HALF_CENTS, rel=1e-11)
                    assert line.per_share == pytest.approx(line.cost / line.shares, rel=1e-14)
                else:
                    assert np.isnan([line.cost, line.per_share]).all()


@st.composite
def books(draw: st.DrawFn) -> pd.DataFrame:
    """One snapshot with up to ten levels a side and gaps of one to five cents, some levels empty."""
    row: dict[str, float] = {}
    for ladder, sign in (("bid", -1), ("ask", 1)):
        gaps = draw(st.lists(st.integers(1, 5), min_size=LEVELS, max_size=LEVELS))
        sizes = draw(st.lists(st.integers(0, 9), min_size=LEVELS, max_size=LEVELS))
        sizes[0] = max(sizes[0], 1)
        for level, ticks in enumerate(np.cumsum(gaps)):
            row[f"{ladder}_px_{level:02d}"] = (1000 + sign * ticks) / 100 if sizes[level] else np.nan
            row[f"{ladder}_sz_{level:02d}"] = float(sizes[level])
    return pd.DataFrame([row], index=pd.to_timedelta([34_200], unit="s"))[BOOK_COLUMNS]


def ladder(distances: list[float], sizes: list[float]) -> pd.DataFrame:
    """One snapshot, mid 50, the same ladder on both sides, padded with empty levels."""
    spare = LEVELS - len(sizes)
    away, shown = np.array(distances + [np.nan] * spare), np.array(sizes + [0.0] * spare)
    levels = np.concatenate([50 - away, 50 + away, shown, shown])
    return pd.DataFrame([levels], index=pd.to_timedelta([34_200], unit="s"), columns=BOOK_COLUMNS)


@settings(deadline=None, max_examples=25)
@given(book=books())
def test_costs_are_those_share_by_share(book: pd.DataFrame) -> None:
    most = int(max(displayed_depth(book, side)[0] for side in SIDES))
    agrees(walk_table(book, np.arange(1, most + 3)), book)


@pytest.mark.skipif(not AAPL.exists(), reason="the real AAPL hour is not beside the project")
def test_real_hour_share_by_share() -> None:
    random = np.random.default_rng(20120621)
    book = read_book(AAPL)
    rows = book.iloc[np.sort(random.choice(len(book), 150, replace=False))]
    sizes = np.unique(random.integers(1, 4_000, 25))
    table = walk_table(rows, sizes)
    assert 0.1 < table["displayed"].mean() < 0.9
    agrees(table, rows)


def test_rows_are_ordered_by_snapshot_side_and_size() -> None:
    book = read_book(sample.path("book.csv.gz")).iloc[:3]
    table = walk_table(book, [100, 500])
    assert list(table) == ["time", "side", "shares", "cost", "per_share", "displayed"]
    assert table["time"].tolist() == book.index.repeat(4).tolist()
    assert table["side"].tolist() == ["buy", "buy", "sell", "sell"] * 3
    assert table["shares"].tolist() == [100.0, 500.0] * 6
    for side in SIDES:
        np.testing.assert_array_equal(of_side(table, side)["cost"], walk_cost(book, side, [100, 500]).ravel())


def test_a_single_size_may_be_a_number() -> None:
    assert len(walk_table(read_book(sample.path("book.csv.gz")), 100.0)) == 2 * 390


# Beyond the displayed depth


@settings(deadline=None, max_examples=25)
@given(book=books(), side=st.sampled_from(list(SIDES)), extra=st.integers(1, 60))
def test_each_share_beyond_pays_its_point_of_the_line(book: pd.DataFrame, side: str, extra: int) -> None:
    distances = queue(book.iloc[0], side)
    depth = len(distances)
    first, last = distances.count(distances[0]), distances.count(distances[-1])
    middles = (first / 2, depth - last / 2)
    slope = (distances[-1] - distances[0]) / (middles[1] - middles[0]) if distances[-1] > distances[0] else 0.0
    beyond = sum(distances[-1] + slope * (depth + share - 0.5 - middles[1]) for share in range(1, extra + 1))
    table = walk_table(book, [depth, depth + extra], beyond="linear")
    found = of_side(table, side)
    assert found["displayed"].tolist() == [True, False]
    np.testing.assert_allclose(HALF_CENTS * found["cost"], np.array([0, beyond]) + sum(distances), rtol=1e-9)


@settings(deadline=None, max_examples=25)
@given(book=books(), side=st.sampled_from(list(SIDES)))
def test_the_linear_rule_changes_nothing_displayed_and_stays_convex(book: pd.DataFrame, side: str) -> None:
    sizes = np.arange(1, 2 * int(displayed_depth(book, side)[0]) + 3)
    none, linear = (of_side(walk_table(book, sizes, beyond=rule), side) for rule in ("none", "linear"))
    pd.testing.assert_frame_equal(none[none["displayed"]], linear[linear["displayed"]])
    assert none["displayed"].equals(linear["displayed"])
    assert (np.diff(linear["cost"], 2) >= -1e-9).all()


@pytest.mark.parametrize("shown", [2, 5, 9])
def test_the_linear_rule_finds_the_hidden_levels_of_an_even_ladder(shown: int) -> None:
    distances = [0.01 + 0.02 * level for level in range(LEVELS)]
    whole, seen = ladder(distances, [300.0] * LEVELS), ladder(distances[:shown], [300.0] * shown)
    ends = 300.0 * np.arange(1, LEVELS + 1)
    np.testing.assert_allclose(walk_table(seen, ends, beyond="linear")["cost"], walk_table(whole, ends)["cost"])


def test_a_single_level_goes_on_at_its_price() -> None:
    table = walk_table(ladder([0.05], [100.0]), [250.0], beyond="linear")
    np.testing.assert_allclose(table["per_share"], 0.05)
    assert not table["displayed"].any()


@pytest.mark.parametrize("beyond", ["none", "linear"])
def test_a_book_without_one_side_has_no_cost(beyond: str) -> None:
    book = ladder([0.05], [100.0])
    book[[name for name in BOOK_COLUMNS if name.startswith("bid_px")]] = np.nan
    book[[name for name in BOOK_COLUMNS if name.startswith("bid_sz")]] = 0.0
    table = walk_table(book, [50.0, 150.0], beyond=beyond)
    assert table["cost"].isna().all()
    assert not table["displayed"].any()


@pytest.mark.skipif(not AAPL.exists(), reason="the real AAPL hour is not beside the project")
def test_the_linear_rule_predicts_the_far_half_of_the_real_books() -> None:
    book = read_book(AAPL)
    near = book.copy()
    for name in BOOK_COLUMNS:
        if int(name[-2:]) >= 5:
            near[name] = np.nan if "_px_" in name else 0.0
    for side in SIDES:
        depth = displayed_depth(book, side)
        true = walk_cost(book, side, depth[:, None])[:, 0]
        found = [
            of_side(walk_table(near.iloc[[row]], [depth[row]], beyond="linear"), side)["cost"].iloc[0]
            for row in range(0, len(book), 240)
        ]
        missed = np.abs(np.array(found) / true[::240] - 1)
        assert np.median(missed) < 0.15


def test_what_is_refused() -> None:
    book = ladder([0.05], [100.0])
    with pytest.raises(InvalidInput, match="unknown rule beyond the displayed depth 'linar'; did you mean 'linear'"):
        walk_table(book, [1.0], beyond="linar")
    with pytest.raises(InvalidInput, match=r"shares\[1\] must be > 0"):
        walk_table(book, [1.0, 0.0])
    with pytest.raises(InvalidInput, match="'ask_sz_04'"):
        walk_table(book.drop(columns="ask_sz_04"), [1.0])
