"""Impact curves calibrated from books."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy.optimize import curve_fit

from optexec.data import calibration, sample
from optexec.data.book import BOOK_COLUMNS, LEVELS, displayed_depth, midpoint, read_book, walk_cost
from optexec.data.calibration import SIZE_GRID, calibrate
from optexec.data.curve_fits import fit_curves, impact
from optexec.data.pooling import pooled
from optexec.data.separable_fit import EXPONENTS, POWER, fit_shape
from optexec.data.slippage import slippage_points
from optexec.models.errors import InvalidInput

AAPL = Path(__file__).parents[2].parent / "shared/data/lobster/AAPL_2012-06-21_0930_1030_mbp10_1s_rebuilt.csv.gz"
HALF_SPREAD = 0.01
MID = 50.0


def snapshots(seconds: list[float], distances: NDArray[np.float64], sizes: NDArray[np.float64]) -> pd.DataFrame:
    """Repeat a symmetric ladder at each of these seconds after 09:30 New York."""
    ladder = np.concatenate([MID - distances, MID + distances, sizes, sizes])
    start = pd.Timestamp("2025-01-15 09:30", tz="America/New_York")
    index = pd.DatetimeIndex([start + pd.Timedelta(seconds=second) for second in seconds], name="time")
    return pd.DataFrame(np.tile(ladder, (len(seconds), 1)), index=index, columns=BOOK_COLUMNS)


def power_ladder(a: float, b: float, depth: float) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Ten levels whose walk costs half_spread x + a x^(1+b) at each level's end, the first level tiny."""
    ends = np.concatenate([[0.0, 1e-3 * depth], np.linspace(0.0, depth, LEVELS)[1:]])
    extra = np.diff(a * ends ** (1 + b)) / np.diff(ends)
    extra[0] = 0.0
    return HALF_SPREAD + extra, np.diff(ends)


# The fit


@settings(deadline=None)
@given(a=st.floats(0.01, 10), b=st.floats(0.06, 2.9), seed=st.integers(0, 2**32 - 1))
def test_exact_points_give_back_their_curve(a: float, b: float, seed: int) -> None:
    x = np.random.default_rng(seed).uniform(0.02, 1.5, size=(2, 8))
    fit = fit_shape(x, a * x**b, np.zeros(2, dtype=np.int64), 1, POWER)
    assert fit.b[0] == pytest.approx(b, abs=1e-6)
    assert fit.a[0] == pytest.approx(a, rel=1e-6)
    assert not fit.at_bound[0]


@settings(max_examples=30, deadline=None)
@given(b=st.floats(0.6, 2.0), seed=st.integers(0, 2**32 - 1))
def test_noisy_points_give_the_curve_of_a_generic_solver(b: float, seed: int) -> None:
    random = np.random.default_rng(seed)
    x = random.uniform(0.05, 1.0, size=(3, 20))
    y = x**b * np.exp(random.normal(0, 0.2, size=x.shape))
    fit = fit_shape(x, y, np.zeros(3, dtype=np.int64), 1, POWER)
    (log_a, exponent), _ = curve_fit(
        lambda u, log_a, exponent: np.exp(log_a) * u**exponent, x.ravel(), y.ravel(), p0=(0.0, 1.0)
    )
    assert fit.b[0] == pytest.approx(exponent, abs=1e-4)
    assert fit.a[0] == pytest.approx(np.exp(log_a), rel=1e-4)


def test_groups_do_not_touch_one_another() -> None:
    x = np.tile(np.linspace(0.1, 1, 10), (4, 1))
    exponents = np.array([0.3, 0.9, 0.3, 1.7])
    together = fit_shape(x, x ** exponents[:, None], np.array([0, 1, 0, 2]), 3, POWER)
    np.testing.assert_allclose(together.b, [0.3, 0.9, 1.7], atol=1e-6)


@pytest.mark.parametrize(("exponent", "bound"), [(0.01, EXPONENTS[0]), (5.0, EXPONENTS[1])])
def test_an_exponent_beyond_the_bounds_is_reported(exponent: float, bound: float) -> None:
    x = np.linspace(0.1, 1, 10)[None, :]
    fit = fit_shape(x, x**exponent, np.array([0]), 1, POWER)
    assert fit.at_bound[0]
    assert fit.b[0] == pytest.approx(bound, abs=1e-6)


# Whole books


@settings(max_examples=40, deadline=None)
@given(b=st.floats(0.2, 1.6), slippage=st.floats(0.01, 1.0), depth=st.floats(500, 50_000))
def test_a_book_made_from_a_power_law_gives_it_back(b: float, slippage: float, depth: float) -> None:
    a = slippage / depth**b
    book = snapshots([10.0, 50.0], *power_ladder(a, b, depth))
    for side in ("buy", "sell"):
        row = calibrate(book, side=side).iloc[0]
        assert row["half_spread"] == pytest.approx(HALF_SPREAD)
        assert row["depth"] == pytest.approx(depth)
        assert row["b"] == pytest.approx(b, abs=0.04)
        assert row["a"] * depth ** row["b"] == pytest.approx(slippage, rel=0.02)
        assert row["fit_error"] < 0.03
        assert not row["degenerate"]


@settings(max_examples=20, deadline=None)
@given(scale=st.floats(1e-3, 1e3))
def test_the_exponent_does_not_depend_on_the_unit_of_shares(scale: float) -> None:
    distances, sizes = power_ladder(0.001, 0.5, 5000.0)
    here = calibrate(snapshots([1.0], distances, sizes)).iloc[0]
    there = calibrate(snapshots([1.0], distances, sizes * scale)).iloc[0]
    assert there["b"] == pytest.approx(here["b"], abs=1e-6)
    assert there["a"] * scale ** there["b"] == pytest.approx(here["a"], rel=1e-5)


def test_curve_predicts_the_walk_of_the_sample() -> None:
    book = read_book(sample.path("book.csv.gz"))
    table = calibrate(book)
    shares = 0.5 * displayed_depth(book, "buy")
    fitted = shares * (table["half_spread"] + table["a"] * shares ** table["b"])
    missed = np.abs(fitted / walk_cost(book, "buy", shares[:, None])[:, 0] - 1)
    assert missed.median() < 0.02
    assert missed.max() < 0.06


def test_flat_book_is_degenerate_and_costs_its_half_spread() -> None:
    sizes = np.array([700.0] + [0.0] * (LEVELS - 1))
    distances = np.array([HALF_SPREAD] + [np.nan] * (LEVELS - 1))
    row = calibrate(snapshots([1.0, 2.0], distances, sizes)).iloc[0]
    assert row["degenerate"]
    assert (row["a"], row["b"], row["fit_error"]) == (0.0, 1.0, 0.0)
    assert row["half_spread"] == pytest.approx(HALF_SPREAD)


@pytest.mark.parametrize(("lost", "why"), [("failed", "the search failed"), ("a", "flat book")])
def test_a_bucket_that_gives_no_curve_has_that_of_the_day(lost: str, why: str, monkeypatch: pytest.MonkeyPatch) -> None:
    book = read_book(sample.path("book.csv.gz"))

    def damaged(points, families):
        fits = fit_curves(points, families)
        fits.loc[fits.index[3], [lost, "reason"]] = [True, ""] if lost == "failed" else [np.nan, why]
        return fits

    monkeypatch.setattr(calibration, "fit_curves", damaged)
    table = calibrate(book, "30min")
    day = pooled(slippage_points(book, "30min"), ["half_spread_power"]).iloc[0]
    row = table.iloc[3]
    assert row[["half_spread", "a", "b"]].tolist() == day[["half_spread", "a", "b"]].tolist()
    assert (row["degenerate"], row["reason"]) == (True, f"{why}; the day's curve instead")
    assert impact(table).cost(np.full(13, 500.0))[3] == impact(day.to_frame().T).cost(np.full(1, 500.0))[0]


def test_size_grid_is_stated() -> None:
    book = snapshots([1.0], *power_ladder(0.001, 0.5, 5000.0))
    assert calibrate(book).attrs["size_grid"] == SIZE_GRID
    assert 0 < min(SIZE_GRID) < max(SIZE_GRID) == 1.0


# Buckets


def test_buckets_are_half_open_and_empty_ones_carry_the_last_book() -> None:
    ladder = power_ladder(0.001, 0.5, 5000.0)
    book = snapshots([0.0, 59.999, 60.0, 250.0], *ladder).assign(volume=[1.0, 2.0, 4.0, 8.0])
    table = calibrate(book)
    clock = table.index.strftime("%H:%M:%S").tolist()
    assert clock == ["09:30:00", "09:31:00", "09:32:00", "09:33:00", "09:34:00"]
    assert table.index.name == "time"
    assert table["volume"].tolist() == [3.0, 4.0, 0.0, 0.0, 8.0]
    assert table["age"].tolist() == [0.0, 0.0, 60.0, 120.0, 0.0]
    carried = ["price", "half_spread", "depth", "a", "b"]
    np.testing.assert_allclose(table[carried].iloc[2], table[carried].iloc[1], rtol=1e-6)


def test_snapshots_without_both_sides_are_passed_over() -> None:
    book = snapshots([5.0, 65.0, 70.0, 130.0], *power_ladder(0.001, 0.5, 5000.0)).assign(volume=1.0)
    sized = [name for name in BOOK_COLUMNS if name.startswith("bid")]
    book.loc[book.index[[0, 2, 3]], sized] = [np.nan] * LEVELS + [0.0] * LEVELS
    table = calibrate(book)
    assert table.index.strftime("%H:%M").tolist() == ["09:31", "09:32"]
    assert table["volume"].tolist() == [2.0, 1.0]
    assert table["age"].tolist() == [0.0, 55.0]
    with pytest.raises(InvalidInput, match="never shows a bid and an ask"):
        calibrate(book.iloc[[0, 2]])


def test_timedelta_index_gives_timedelta_buckets() -> None:
    book = snapshots([1.0, 61.0], *power_ladder(0.001, 0.5, 5000.0))
    book.index = pd.to_timedelta([34_201, 34_261], unit="s")
    assert calibrate(book, pd.Timedelta(minutes=1)).index.tolist() == [
        pd.Timedelta("09:30:00"),
        pd.Timedelta("09:31:00"),
    ]


def test_price_is_the_last_mid_and_the_rest_are_means() -> None:
    distances, sizes = power_ladder(0.001, 0.5, 5000.0)
    first = snapshots([1.0], distances, sizes)
    second = snapshots([2.0], distances + 0.02, 3 * sizes)
    prices = [name for name in BOOK_COLUMNS if "_px_" in name]
    second[prices] += 0.5
    row = calibrate(pd.concat([first, second])).iloc[0]
    assert row["price"] == pytest.approx(MID + 0.5)
    assert row["half_spread"] == pytest.approx(HALF_SPREAD + 0.01)
    assert row["depth"] == pytest.approx(10_000.0)


def test_squared_volatilities_add_up_over_the_day() -> None:
    random = np.random.default_rng(5)
    book = snapshots([float(second) for second in range(600)], *power_ladder(0.001, 0.5, 5000.0))
    prices = [name for name in BOOK_COLUMNS if "_px_" in name]
    book[prices] = book[prices].add(random.normal(0, 0.01, size=600).cumsum(), axis=0)
    changes = np.diff(np.log(midpoint(book)))
    for bucket in ("30s", "60s", "600s"):
        assert (calibrate(book, bucket)["sigma"] ** 2).sum() == pytest.approx((changes**2).sum())


def test_single_snapshots_take_a_smoothed_volatility() -> None:
    book = snapshots([59.0, 119.0, 179.0], *power_ladder(0.001, 0.5, 5000.0))
    prices = [name for name in BOOK_COLUMNS if "_px_" in name]
    book[prices] = book[prices].mul(np.exp([0.0, 0.001, 0.003]), axis=0)
    kept = 0.5 ** (1 / 10)
    last = np.sqrt((kept * 0.001**2 + 0.002**2) / (kept + 1))
    np.testing.assert_allclose(calibrate(book)["sigma"], [0.001, 0.001, last], rtol=1e-9)
    assert calibrate(book.iloc[:1])["sigma"].isna().all()


# What is refused


@pytest.mark.parametrize("bucket", ["0s", "-5s", "soon", "", "NaT", 60, None])
def test_bucket_that_is_no_positive_time(bucket: str) -> None:
    book = snapshots([1.0], *power_ladder(0.001, 0.5, 5000.0))
    with pytest.raises(InvalidInput, match="no positive length of time"):
        calibrate(book, bucket)


def test_other_bad_arguments() -> None:
    book = snapshots([1.0, 3600.0], *power_ladder(0.001, 0.5, 5000.0))
    with pytest.raises(InvalidInput, match="unknown side 'bye'"):
        calibrate(book, side="bye")
    with pytest.raises(InvalidInput, match="give it a unit"):
        calibrate(book, "60")
    with pytest.raises(InvalidInput, match="times of the book go back"):
        calibrate(book.iloc[::-1])
    with pytest.raises(InvalidInput, match="not indexed by time"):
        calibrate(book.reset_index(drop=True))
    with pytest.raises(InvalidInput, match="not indexed by time"):
        calibrate(book.iloc[:0])
    with pytest.raises(InvalidInput, match="from 2025-01-15 to 2025-01-16"):
        calibrate(pd.concat([book, book.shift(freq="24h")]))


# A real hour


@pytest.mark.skipif(not AAPL.exists(), reason="the real AAPL hour is not beside the project")
def test_real_hour() -> None:
    book = read_book(AAPL)
    minutes, tens = calibrate(book, "60s"), calibrate(book, "10s")
    assert (len(minutes), len(tens)) == (61, 361)
    assert minutes["volume"].sum() == book["volume"].sum()
    np.testing.assert_allclose(minutes["b"].quantile([0.1, 0.5, 0.9]), [0.354, 0.586, 0.836], atol=2e-3)
    np.testing.assert_allclose(tens["b"].quantile([0.1, 0.5, 0.9]), [0.413, 0.776, 1.151], atol=2e-3)
    assert (minutes["degenerate"].sum(), tens["degenerate"].sum()) == (1, 3)


@pytest.mark.skipif(not AAPL.exists(), reason="the real AAPL hour is not beside the project")
def test_real_hour_has_the_published_exponents_of_total_cost() -> None:
    minutes = read_book(AAPL).iloc[59::60]
    shares = displayed_depth(minutes, "buy")[:, None] * np.array(SIZE_GRID)
    cost = walk_cost(minutes, "buy", shares)
    fit = fit_shape(shares / shares[:, -1:], cost / cost[:, -1:], np.arange(len(minutes)), len(minutes), POWER)
    np.testing.assert_allclose(np.quantile(fit.b - 1, [0.1, 0.5, 0.9]), [0.19, 0.44, 0.72], atol=0.006)
