"""Forecasts of the next bucket's slippage: what they are, how they are judged and chosen."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from optexec.data.book import BOOK_COLUMNS, LEVELS, displayed_depth, midpoint, read_book, walk_cost
from optexec.data.curve_fits import fit_curves, fitted_slippage
from optexec.data.forecasts import (
    Blend,
    Decaying,
    FittedCurve,
    Forecast,
    History,
    PooledCurve,
    ShrunkCurve,
    previous_book,
    previous_bucket,
    standard_forecasts,
)
from optexec.data.out_of_sample import by_bucket, choose, errors, summary
from optexec.data.pooling import pooled
from optexec.data.slippage import slippage_points
from optexec.models.errors import InvalidInput

AAPL = Path(__file__).parents[2].parent / "shared/data/lobster/AAPL_2012-06-21_0930_1030_mbp10_1s_rebuilt.csv.gz"
MID = 100.0
SHARES = 450.0
OPEN = pd.Timedelta("09:30:00")


def book_of(slippage: NDArray[np.float64], per_bucket: int, size: float = 100.0) -> pd.DataFrame:
    """One snapshot a row, all ten levels on both sides at this distance from the mid, minute by minute from 09:30."""
    distances = np.asarray(slippage)[:, None] + 1e-9 * np.arange(LEVELS)
    sizes = np.full_like(distances, size)
    step = pd.Timedelta("60s") / per_bucket
    index = pd.TimedeltaIndex(OPEN + step * np.arange(len(distances)), name="time")
    return pd.DataFrame(np.hstack([MID - distances, MID + distances, sizes, sizes]), index=index, columns=BOOK_COLUMNS)


def noisy_book(minutes: int, seed: int, per_bucket: int = 4) -> pd.DataFrame:
    random = np.random.default_rng(seed)
    slippage = 0.05 * np.exp(0.3 * random.normal(size=minutes * per_bucket))
    book = book_of(slippage, per_bucket)
    sizes = [name for name in BOOK_COLUMNS if "_sz_" in name]
    prices = [name for name in BOOK_COLUMNS if "_px_" in name]
    book[sizes] *= np.exp(0.2 * random.normal(size=(len(book), 1)))
    steps = 1e-3 * np.arange(LEVELS) * (1 + random.random((len(book), 1)))
    book[prices] += np.hstack([-steps, steps])
    return book


def history_of(book: pd.DataFrame, shares: float = SHARES, side: str = "buy") -> History:
    return History(book, "60s", side, np.array([shares]))


# Forecasts by hand


def test_naive_forecasts_are_the_last_book_and_the_mean_of_the_last_bucket() -> None:
    book = book_of(np.array([0.01, 0.03, 0.05, 0.09]), per_bucket=2)
    assert previous_book(history_of(book))[0] == pytest.approx(0.09, abs=1e-6)
    assert previous_bucket(history_of(book))[0] == pytest.approx(0.07, abs=1e-6)


def test_books_that_show_too_few_shares_are_passed_over() -> None:
    book = book_of(np.array([0.01, 0.03, 0.05, 0.09, 0.2, 0.3]), per_bucket=2)
    book.iloc[3:, 20:] = 10.0
    assert previous_book(history_of(book))[0] == pytest.approx(0.05, abs=1e-6)
    assert previous_bucket(history_of(book))[0] == pytest.approx(0.05, abs=1e-6)
    assert Decaying(1.0)(history_of(book))[0] == pytest.approx((0.02 + 2 * 0.05) / 3, abs=1e-6)
    assert np.isnan(previous_book(history_of(book, shares=5000.0))[0])
    assert np.isnan(Decaying(1.0)(history_of(book, shares=5000.0))[0])


@settings(max_examples=20, deadline=None)
@given(half_life=st.floats(0.3, 30), weight=st.floats(0, 1), seed=st.integers(0, 1000))
def test_decaying_means_and_blends_by_hand(half_life: float, weight: float, seed: int) -> None:
    book = noisy_book(6, seed)
    slippage = walk_cost(book, "sell", [SHARES])[:, 0] / SHARES
    above = below = 0.0
    for age in range(6):
        share = 0.5 ** (age / half_life)
        own = slippage[4 * (5 - age) : 4 * (6 - age)]
        above, below = above + share * own.mean(), below + share
    history = history_of(book, side="sell")
    assert Decaying(half_life)(history)[0] == pytest.approx(above / below)
    blend = weight * slippage[-1] + (1 - weight) * above / below
    assert Blend(weight, Decaying(half_life))(history)[0] == pytest.approx(blend)


def test_curves_are_those_of_the_last_bucket_and_of_all() -> None:
    book = noisy_book(6, 1)
    points, shares = slippage_points(book, "60s"), np.array([SHARES])
    fits = fit_curves(points, ["power_total"])
    assert FittedCurve("power_total")(history_of(book)) == pytest.approx(fitted_slippage(fits, shares)[-1])
    whole = fitted_slippage(pooled(points, ["power_total"]), shares)[0]
    assert PooledCurve("power_total")(history_of(book)) == pytest.approx(whole)
    shrunk = ShrunkCurve("power_total")(history_of(book))[0]
    ends = sorted([fitted_slippage(fits, shares)[-1, 0], whole[0]])
    assert 0.9 * ends[0] < shrunk < 1.1 * ends[1]


def test_there_is_no_shrinkage_before_the_fourth_bucket() -> None:
    book = noisy_book(4, 1)
    forecast = ShrunkCurve("power_total")
    assert np.isnan(forecast(history_of(book.iloc[:12]))).all()
    assert np.isfinite(forecast(history_of(book))).all()


def test_standard_forecasts_have_one_curve_a_family() -> None:
    names = list(standard_forecasts(["power_total", "linear_total"], [2, 4], [0.5]))
    assert names == [
        "previous_book",
        "previous_bucket",
        "fitted power_total",
        "fitted linear_total",
        "pooled half_spread_power",
        "shrunk half_spread_power",
        "decaying 2",
        "decaying 4",
        "blend 0.5 decaying 2",
        "blend 0.5 decaying 4",
    ]


# Never a look ahead


def test_forecasts_do_not_change_with_what_comes_after() -> None:
    forecasts = standard_forecasts(["half_spread_power"], [2], [0.5])
    book, other = noisy_book(10, 1), noisy_book(10, 2)
    table = by_bucket(book, "60s", "buy", SHARES, forecasts, "09:35:00")
    for minute in range(5, 10):
        spliced = pd.concat([book.iloc[: 4 * minute], other.iloc[4 * minute :]])
        again = by_bucket(spliced, "60s", "buy", SHARES, forecasts, "09:35:00")
        rows = slice(0, minute - 4)
        pd.testing.assert_frame_equal(again[["mid", *forecasts]].iloc[rows], table[["mid", *forecasts]].iloc[rows])
        assert not np.isclose(again["mean"].iloc[minute - 5], table["mean"].iloc[minute - 5])


def test_the_choice_does_not_change_with_what_comes_after() -> None:
    forecasts = standard_forecasts([], [1, 4], [0.25, 0.75])
    shares = {"buy": SHARES, "sell": SHARES}
    del forecasts["pooled half_spread_power"], forecasts["shrunk half_spread_power"]
    for seed in range(4):
        book, other = noisy_book(20, seed), noisy_book(20, seed + 50)
        spliced = pd.concat([book.iloc[:60], 3 * other.iloc[60:]])
        arguments = ("60s", shares, forecasts, "09:31:00", "09:45:00")
        name = choose(book, *arguments)
        assert name == choose(spliced, *arguments) == choose(book.iloc[:60], *arguments)


# Judging


def test_outcome_is_the_mean_and_the_last_book_of_the_bucket() -> None:
    book = book_of(np.array([0.01, 0.03, 0.05, 0.09, 0.02, 0.02]), per_bucket=2)
    book.iloc[5, 20:] = 10.0
    table = by_bucket(book, "60s", "buy", SHARES, {"previous_book": previous_book}, "09:30:00")
    assert table.index.tolist() == [pd.Timedelta("09:31:00"), pd.Timedelta("09:32:00")]
    np.testing.assert_allclose(table["mean"], [0.07, 0.02], atol=1e-6)
    np.testing.assert_allclose(table["last"], [0.09, 0.02], atol=1e-6)
    assert table["shown"].tolist() == [1.0, 0.5]
    np.testing.assert_allclose(table["previous_book"], [0.03, 0.09], atol=1e-6)
    assert table["mid"].tolist() == [MID, MID]


def test_buckets_without_a_snapshot_have_no_outcome_and_are_left_out() -> None:
    book = book_of(np.full(10, 0.05), per_bucket=1).drop(index=OPEN + pd.Timedelta("3min"))
    forecasts: dict[str, Forecast] = {"previous_book": previous_book}
    table = by_bucket(book, "60s", "buy", SHARES, forecasts, "09:31:00")
    assert table["mean"].isna().sum() == 1
    told = summary(table)
    assert told[["n", "left_out"]].to_numpy().tolist() == [[8, 1], [8, 1]]


def test_errors_by_hand() -> None:
    book = noisy_book(12, 3)
    forecasts: dict[str, Forecast] = {"previous_book": previous_book, "lasting": Decaying(4.0)}
    told = errors(book, "60s", "sell", SHARES, forecasts, "09:32:00", "09:40:00")
    slippage = (walk_cost(book, "sell", [SHARES])[:, 0] / SHARES).reshape(12, 4)
    mids = midpoint(book).reshape(12, 4)
    weights = [0.5 ** (np.arange(k)[::-1] / 4.0) for k in range(12)]
    forecast = {
        "previous_book": np.array([slippage[k - 1, -1] for k in range(2, 10)]),
        "lasting": np.array([weights[k] @ slippage[:k].mean(axis=1) / weights[k].sum() for k in range(2, 10)]),
    }
    for target, outcome in {"mean": slippage[2:10].mean(axis=1), "last": slippage[2:10, -1]}.items():
        for name, values in forecast.items():
            missed, row = np.abs(values - outcome), told.loc[(target, name)]
            assert row["n"] == 8
            assert row["median_absolute"] == pytest.approx(np.median(missed))
            assert row["median_bps"] == pytest.approx(np.median(1e4 * missed / mids[1:9, -1]))
            assert row["median_relative"] == pytest.approx(np.median(missed / outcome))
            assert row["mean_absolute"] == pytest.approx(missed.mean())
            beyond = missed - np.abs(forecast["previous_book"] - outcome)
            assert row["difference"] == pytest.approx(beyond.mean())
            centred, lags = beyond - beyond.mean(), 2
            scatter = sum(
                centred[i] * centred[j] * (1 - abs(i - j) / (lags + 1))
                for i in range(8)
                for j in range(8)
                if abs(i - j) <= lags
            )
            assert row["difference_error"] == pytest.approx(np.sqrt(scatter / 8 / 7))


def test_all_forecasts_are_judged_on_the_same_buckets() -> None:
    book = noisy_book(10, 5)
    forecasts: dict[str, Forecast] = {"previous_book": previous_book, "late": ShrunkCurve("half_spread_power")}
    told = errors(book, "60s", "buy", SHARES, forecasts, "09:31:00")
    assert told["n"].tolist() == [6, 6, 6, 6]
    assert told["left_out"].tolist() == [3, 3, 3, 3]


def test_noise_about_a_constant_favours_the_mean_and_a_random_walk_the_last_book() -> None:
    random = np.random.default_rng(11)
    still = book_of(0.05 * np.exp(0.3 * random.normal(size=400)), per_bucket=4)
    walk = book_of(0.05 * np.exp(0.05 * random.normal(size=400).cumsum()), per_bucket=4)
    forecasts: dict[str, Forecast] = {"previous_book": previous_book, "lasting": Decaying(16.0)}
    arguments = ("60s", {"buy": SHARES}, forecasts, "09:40:00", "11:10:00")
    assert choose(still, *arguments) == "lasting"
    assert choose(walk, *arguments) == "previous_book"
    told = errors(still, "60s", "buy", SHARES, forecasts, "09:40:00").loc[("mean", "lasting")]
    assert told["difference"] < -3 * told["difference_error"]


def test_both_sides_count_as_one_sample() -> None:
    book = noisy_book(15, 9)
    forecasts: dict[str, Forecast] = {f"decaying {half_life}": Decaying(half_life) for half_life in (0.5, 2, 8)}
    sides = {"buy": SHARES, "sell": 300.0}
    missed = {
        name: [
            *(
                np.abs(table[name] - table["mean"])
                for table in (by_bucket(book, "60s", side, size, forecasts, "09:31:00") for side, size in sides.items())
            )
        ]
        for name in forecasts
    }
    medians = {name: np.median(np.concatenate(parts)) for name, parts in missed.items()}
    assert choose(book, "60s", sides, forecasts, "09:31:00", "10:00:00") == min(medians, key=lambda name: medians[name])


# What is refused


def test_bad_arguments() -> None:
    book = noisy_book(6, 1)
    naive: dict[str, Forecast] = {"previous_book": previous_book}
    with pytest.raises(InvalidInput, match="shares must be > 0"):
        by_bucket(book, "60s", "buy", 0, naive, "09:31:00")
    with pytest.raises(InvalidInput, match="'noon' is no time of day"):
        by_bucket(book, "60s", "buy", SHARES, naive, "noon")
    with pytest.raises(InvalidInput, match="no bucket with one before it from 12:00:00 to 24:00"):
        by_bucket(book, "60s", "buy", SHARES, naive, "12:00:00")
    with pytest.raises(InvalidInput, match="a forecast is named 'mean'"):
        by_bucket(book, "60s", "buy", SHARES, {"mean": previous_book}, "09:31:00")
    with pytest.raises(InvalidInput, match="unknown side 'bye'"):
        errors(book, "60s", "bye", SHARES, naive, "09:31:00")
    with pytest.raises(InvalidInput, match="unknown forecast 'previous_bok'; did you mean 'previous_book'"):
        errors(book, "60s", "buy", SHARES, naive, "09:31:00", naive="previous_bok")
    with pytest.raises(InvalidInput, match="ask for fewer shares"):
        errors(book, "60s", "buy", 1e6, naive, "09:31:00")
    with pytest.raises(InvalidInput, match="unknown target 'worst'"):
        choose(book, "60s", {"buy": SHARES}, naive, "09:31:00", "09:35:00", "worst")
    with pytest.raises(InvalidInput, match="nothing to choose for"):
        choose(book, "60s", {}, naive, "09:31:00", "09:35:00")


# A real hour


@pytest.mark.slow
@pytest.mark.skipif(not AAPL.exists(), reason="the real AAPL hour is not beside the project")
def test_real_hour_is_forecast_better_by_what_the_first_half_chooses() -> None:
    book = read_book(AAPL)
    training = book[book.index < pd.Timedelta("10:00:00")]
    shares = {side: float(np.median(displayed_depth(training, side)) / 2) for side in ("buy", "sell")}
    forecasts = standard_forecasts(["power_per_share", "half_spread_power"])
    name = choose(book, "60s", shares, forecasts, "09:31:00", "10:00:00")
    chosen = {"previous_book": previous_book, "chosen": forecasts[name]}
    for side, size in shares.items():
        told = errors(book, "60s", side, size, chosen, "10:00:00", "10:30:00").loc["mean"]
        assert told["n"].tolist() == [30, 30]
        assert told.loc["chosen", "median_absolute"] < 0.85 * told.loc["previous_book", "median_absolute"]
        assert told.loc["chosen", "difference"] < -1.5 * told.loc["chosen", "difference_error"]
