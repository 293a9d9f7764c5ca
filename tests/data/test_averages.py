"""Curves that average past books: what they are, that they never look ahead, and that solvers take them."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import optexec as ox
from optexec.data import sample
from optexec.data.averages import AVERAGES, averaged_curves
from optexec.data.book import BOOK_COLUMNS, LEVELS, displayed_depth, read_book, walk_cost
from optexec.data.curve_families import FAMILIES
from optexec.data.forecasts import History
from optexec.data.model_choice import NAIVE, family_errors
from optexec.data.slippage import SIZE_GRID
from optexec.models.errors import InvalidInput

AAPL = Path(__file__).parents[2].parent / "shared/data/lobster/AAPL_2012-06-21_0930_1030_mbp10_1s_rebuilt.csv.gz"
NAMES = list(AVERAGES)


@pytest.fixture(scope="module")
def book() -> pd.DataFrame:
    return read_book(sample.path("book.csv.gz"))


def ladders(heights: list[float], depth: float = 1_000.0, per_bucket: int = 2) -> pd.DataFrame:
    """Minutes of equal books, ten levels rising evenly from 1 cent, each minute's slippage times its height."""
    distance = 0.01 * np.arange(1, LEVELS + 1) * np.repeat(heights, per_bucket)[:, None]
    shown = np.full_like(distance, depth / LEVELS)
    seconds = 34_200 + np.arange(len(distance)) * 60 / per_bucket
    index = pd.TimedeltaIndex(pd.to_timedelta(seconds, unit="s"), name="time")
    return pd.DataFrame(np.hstack([50 - distance, 50 + distance, shown, shown]), index=index, columns=BOOK_COLUMNS)


def test_an_average_of_equal_books_is_their_walk() -> None:
    """Ladders of equal levels have convex costs with corners at tenths of the depth, which are on the grid."""
    books = ladders([1.0, 1.0, 1.0])
    sizes = 1_000 * np.array(SIZE_GRID)
    for name in NAMES:
        made = averaged_curves(books, "60s", "buy", name)
        np.testing.assert_allclose(made.curves.cost_at[:, 1:], walk_cost(books, "buy", sizes)[::2], rtol=1e-9)
        assert made.shown.tolist() == [1_000.0] * 3


def test_the_weights_are_those_of_the_name() -> None:
    heights = [1.0, 3.0, 2.0]
    books = ladders(heights)
    books.iloc[-1, :20] = 50 + (books.iloc[-1, :20] - 50) * 1.5
    decay = 0.5 ** (np.array([2, 1, 0]) / 4)
    mean = decay @ [1.0, 3.0, 2.5] / decay.sum()
    one = walk_cost(ladders([1.0]), "sell", [500.0])[0, 0]
    for name, expected in {"average": mean, "blend": 0.25 * 3.0 + 0.75 * mean}.items():
        curves = averaged_curves(books, "60s", "sell", name).curves
        assert curves.cost(np.full(3, 500.0))[-1] == pytest.approx(expected * one, rel=1e-9)


@pytest.mark.parametrize("side", ["buy", "sell"])
@pytest.mark.parametrize("name", NAMES)
def test_curves_are_near_the_forecast_convex_and_of_every_bucket(book, side, name) -> None:
    made = averaged_curves(book, "10min", side, name)
    sizes = np.median(displayed_depth(book, side)) * np.array(SIZE_GRID)
    forecast = AVERAGES[name].after_each(History(book, "10min", side, sizes)) * sizes
    curves = made.curves
    assert len(made.start) == len(curves.cost_at) == 39
    assert (curves.cost_at[:, 0] == 0).all()
    assert (np.diff(curves.slopes) >= -1e-12 * curves.slopes.max()).all()
    known = np.isfinite(forecast)
    assert known.mean() > 0.9
    missed = np.abs(curves.cost_at[:, 1:] / forecast - 1)[known]
    assert np.quantile(missed, 0.95) < 0.05


@pytest.mark.parametrize("name", NAMES)
def test_a_curve_does_not_change_with_later_books(book, name) -> None:
    """Apart from the grid of sizes, which both days have in common here."""
    now, later = ladders([1.0, 2.0, 1.5]), ladders([1.0, 2.0, 1.5, 9.0, 4.0])
    first, all_of_them = averaged_curves(now, average=name), averaged_curves(later, average=name)
    np.testing.assert_array_equal(all_of_them.curves.cost_at[:3], first.curves.cost_at)


def test_what_no_book_has_displayed_yet_goes_on_at_the_last_slope_and_is_told() -> None:
    books = ladders([1.0, 1.0, 1.0])
    books.iloc[:2, 20:] = 50.0
    made = averaged_curves(books, "60s", "buy", "average")
    assert made.shown.tolist() == [500.0, 1_000.0, 1_000.0]
    slopes = made.curves.slopes[0]
    assert slopes[10:] == pytest.approx(slopes[9])
    books.iloc[:2, 20:] = 1.0
    made = averaged_curves(books, "60s", "buy", "average")
    assert made.shown.tolist() == [0.0, 1_000.0, 1_000.0]
    np.testing.assert_array_equal(made.curves.cost_at[0], made.curves.cost_at[1])


def test_a_minute_without_a_book_keeps_the_curve() -> None:
    books = ladders([1.0, 2.0, 3.0]).drop(index=pd.to_timedelta([34_260, 34_290], unit="s"))
    made = averaged_curves(books, "60s", "buy", "average").curves.cost_at
    np.testing.assert_array_equal(made[1], made[0])
    assert (made[2, 1:] > made[1, 1:]).all()


@pytest.mark.parametrize("method", ["waterfill", "newton", "dp", "milp"])
def test_solvers_take_them(book, method) -> None:
    made = averaged_curves(book, "65min", "sell")
    problem = ox.Problem(ox.Order(6_000, lot=100), made.curves, ox.objective("A"), ox.Limits(maximum=2_000))
    certified, found = ox.solve(problem, "dp"), ox.solve(problem, method)
    assert found.objective >= certified.objective * (1 - 1e-3 * (method in ("waterfill", "newton"))) * (1 - 1e-9)
    assert found.objective == pytest.approx(certified.objective, rel=1e-3)


def test_where_books_scatter_about_a_level_averages_foretell_better_than_any_single_bucket() -> None:
    rng = np.random.default_rng(4)
    told = family_errors(ladders(np.exp(0.3 * rng.normal(size=60)).tolist()), families=[*FAMILIES, *NAMES])
    assert set(told.index[:2]) == {"average", "blend"}
    assert told.loc["average", "median_absolute"] < 0.8 * told["median_absolute"].drop(NAMES).min()


def test_where_books_wander_the_last_book_is_better_than_an_average() -> None:
    rng = np.random.default_rng(5)
    told = family_errors(ladders(np.exp(0.2 * rng.normal(size=60).cumsum()).tolist()), families=NAMES)
    assert told.index.tolist() == [NAIVE, "blend", "average"]


def test_what_is_no_average_or_book(book) -> None:
    with pytest.raises(InvalidInput, match="unknown average 'mean'; known: average, blend"):
        averaged_curves(book, average="mean")
    with pytest.raises(InvalidInput, match="unknown side 'bye'"):
        averaged_curves(book, side="bye")
    with pytest.raises(InvalidInput, match="never shows a bid and an ask together"):
        averaged_curves(book.assign(**dict.fromkeys([name for name in BOOK_COLUMNS if "bid_px" in name], np.nan)))


@pytest.mark.skipif(not AAPL.exists(), reason="the real AAPL hour is not beside the project")
@pytest.mark.parametrize("side", ["buy", "sell"])
def test_on_the_second_half_of_the_real_hour_the_blend_is_better_than_every_family_and_the_last_book(side) -> None:
    """Its half-life and its part of the last book are the choice of the first half; ten minutes to begin with."""
    book = read_book(AAPL)
    second = book[book.index >= pd.Timedelta("09:50:00")]
    told = family_errors(second[second.index < pd.Timedelta("10:30:00")], "60s", side, families=[*FAMILIES, "blend"])
    assert told.loc["blend", "median_absolute"] < 0.9 * told.loc[NAIVE, "median_absolute"]
    assert told.index[0] == "blend"
