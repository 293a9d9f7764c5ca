"""Realised volatility of mids whose volatility is known."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

import optexec as ox
from optexec.data import sample
from optexec.data.book import read_book
from optexec.data.calibration import calibrate
from optexec.data.features import features
from optexec.data.volatility import ewma_volatility, realised_variance, rolling_volatility, seasonal_volatility
from optexec.models.errors import InvalidInput

AAPL = Path(__file__).parents[2].parent / "shared/data/lobster/AAPL_2012-06-21_0930_1030_mbp10_1s_rebuilt.csv.gz"
SIGMA = 0.001
START = 34_200.0


def brownian(seconds: NDArray[np.float64], random: np.random.Generator) -> pd.Series:
    """A mid seen at these seconds after 09:30, of volatility SIGMA a minute."""
    steps = SIGMA * np.sqrt(np.diff(seconds, prepend=0.0) / 60) * random.normal(size=seconds.size)
    return pd.Series(50 * np.exp(steps.cumsum()), index=pd.to_timedelta(START + seconds, unit="s"))


def deviations(estimates: list[pd.DataFrame]) -> NDArray[np.float64]:
    """Distance of each replication's last sigma from the truth, in its stated standard errors."""
    last = pd.concat([estimate.iloc[[-1]] for estimate in estimates])
    return ((last["sigma"] - SIGMA) / last["standard_error"]).to_numpy()


def holds(standardised: NDArray[np.float64]) -> None:
    """Hold standardised errors to mean 0 and deviation 1, within four standard errors of either."""
    size = standardised.size
    assert abs(standardised.mean()) < 0.1 + 4 / np.sqrt(size)
    assert abs(standardised.std() - 1) < 0.1 + 4 / np.sqrt(2 * size)


# What the estimators find


@pytest.mark.parametrize("snapshots", [1, 6])
def test_sigma_is_found_within_its_standard_error(snapshots: int) -> None:
    random = np.random.default_rng(snapshots)
    seconds = 60 / snapshots * np.arange(120 * snapshots + 1)
    realised = [realised_variance(brownian(seconds, random)) for _ in range(200)]
    holds(deviations([rolling_volatility(days, 60) for days in realised]))
    holds(deviations([ewma_volatility(days, 30) for days in realised]))


def test_sigma_is_found_from_irregular_and_missing_mids() -> None:
    random = np.random.default_rng(7)
    realised = []
    for _ in range(200):
        seconds = np.sort(random.uniform(0, 7_200, 500))
        mid = brownian(seconds[(seconds < 3_000) | (seconds > 4_000)], random)
        mid[random.random(mid.size) < 0.2] = np.nan
        realised.append(realised_variance(mid))
    holds(deviations([rolling_volatility(days, 90) for days in realised]))
    holds(deviations([ewma_volatility(days, 40) for days in realised]))


def test_standard_errors_are_the_textbook_ones() -> None:
    mid = brownian(60.0 * np.arange(391), np.random.default_rng(1))
    realised = realised_variance(mid)
    rolling, ewma = rolling_volatility(realised, 30).iloc[-1], ewma_volatility(realised, 10).iloc[-1]
    assert rolling["standard_error"] == pytest.approx(rolling["sigma"] / np.sqrt(2 * 30))
    kept = 0.5 ** (1 / 10)
    assert ewma["standard_error"] == pytest.approx(ewma["sigma"] / np.sqrt(2 * (1 + kept) / (1 - kept)), rel=1e-6)


def test_one_mid_a_bucket_gives_the_moments_of_the_returns() -> None:
    mid = brownian(60.0 * np.arange(50), np.random.default_rng(2))
    squares = np.diff(np.log(mid)) ** 2
    realised = realised_variance(mid)
    rolling = rolling_volatility(realised, 20)["sigma"] ** 2
    np.testing.assert_allclose(rolling.iloc[1:6], np.cumsum(squares)[:5] / np.arange(1, 6))
    np.testing.assert_allclose(rolling.iloc[20:], np.convolve(squares, np.ones(20) / 20, "valid"))
    weights = 0.5 ** (np.arange(49)[::-1] / 8)
    assert ewma_volatility(realised, 8)["sigma"].iloc[-1] ** 2 == pytest.approx(
        (weights * squares).sum() / weights.sum()
    )
    assert np.isnan(rolling.iloc[0])


@settings(deadline=None, max_examples=30)
@given(seed=st.integers(0, 2**32 - 1), bucket=st.sampled_from(["7s", "60s", "10min"]))
def test_squared_changes_and_times_add_up_over_the_day(seed: int, bucket: str) -> None:
    random = np.random.default_rng(seed)
    mid = brownian(np.sort(random.uniform(0, 3_600, 40)).round(3), random)
    realised = realised_variance(mid, bucket)
    assert realised["variance"].sum() == pytest.approx((np.diff(np.log(mid)) ** 2).sum())
    covered = realised["elapsed"].sum() * pd.Timedelta(bucket)
    assert covered.total_seconds() == pytest.approx((mid.index[-1] - mid.index[0]).total_seconds(), abs=1e-5)
    whole = rolling_volatility(realised, len(realised))["sigma"].iloc[-1]
    assert whole**2 == pytest.approx(realised["variance"].sum() / realised["elapsed"].sum())


def test_dollars_are_sigma_times_the_last_mid() -> None:
    mid = brownian(60.0 * np.arange(10), np.random.default_rng(3))
    table = rolling_volatility(realised_variance(mid), 5)
    np.testing.assert_allclose(table["dollars"].iloc[1:], table["sigma"].iloc[1:] * mid.to_numpy()[1:])


def test_a_still_market_after_a_wild_one_has_no_volatility() -> None:
    mid = brownian(60.0 * np.arange(40), np.random.default_rng(4))
    mid.iloc[20:] = mid.iloc[20]
    assert (rolling_volatility(realised_variance(mid), 5)["sigma"].iloc[26:] == 0).all()


# What the rest of the package does with it


def test_calibration_counts_the_same_changes() -> None:
    seconds = np.sort(np.random.default_rng(5).uniform(0, 600, 200))
    book = read_book(sample.path("book.csv.gz")).iloc[:200].set_axis(pd.to_timedelta(START + seconds, unit="s"))
    realised, table = realised_variance(features(book)["mid"], "30s"), calibrate(book, "30s")
    assert realised.index.equals(table.index)
    np.testing.assert_allclose(np.sqrt(realised["variance"]), table["sigma"], rtol=1e-12)
    np.testing.assert_array_equal(realised["price"], table["price"])


def test_sigma_makes_weights_of_inventory_risk() -> None:
    sigma = ewma_volatility(realised_variance(features(read_book(sample.path("book.csv.gz")))["mid"]), 10)["sigma"]
    weights = ox.volatility_weights(sigma.bfill())
    assert weights.shape == (390,)
    assert weights.mean() == pytest.approx(1.0)


# The time of day


def test_the_pattern_of_the_day_is_found_from_dated_days() -> None:
    random = np.random.default_rng(6)
    pattern = SIGMA * np.array([2.0, 1.0, 1.5])
    covered = []
    for _ in range(60):
        days = []
        for day in range(8):
            level = random.uniform(0.8, 1.2)
            steps = level * np.repeat(pattern, 30) * np.sqrt(1 / 30) * random.normal(size=90)
            start = pd.Timestamp("2025-03-05 09:29:59", tz="America/New_York") + pd.DateOffset(days=day)
            times = start + pd.to_timedelta(10 * np.arange(91), unit="s")
            days.append(realised_variance(pd.Series(np.exp(np.append(0, steps.cumsum())), index=times), "300s"))
        table = seasonal_volatility(days)
        assert table.index.tolist() == [pd.Timedelta(hours=9, minutes=minute) for minute in (30, 35, 40)]
        assert table["days"].tolist() == [8, 8, 8]
        covered.append((table["sigma"].to_numpy(), table["standard_error"].to_numpy()))
    sigma, error = np.array(covered).transpose(1, 0, 2)
    expected = pattern * np.sqrt(np.mean(np.linspace(0.8, 1.2, 10_001) ** 2))
    np.testing.assert_allclose(sigma.mean(axis=0), expected, rtol=0.02)
    np.testing.assert_allclose(sigma.std(axis=0), error.mean(axis=0), rtol=0.25)


def test_a_bucket_seen_on_one_day_has_no_error() -> None:
    random = np.random.default_rng(8)
    days = [realised_variance(brownian(30.0 * np.arange(count), random)) for count in (5, 9)]
    table = seasonal_volatility(days)
    assert table["days"].tolist() == [2, 2, 2, 1, 1]
    assert table["standard_error"].isna().tolist() == [False, False, False, True, True]


# A real hour


@pytest.mark.skipif(not AAPL.exists(), reason="the real AAPL hour is not beside the project")
def test_real_hour() -> None:
    mid = features(read_book(AAPL))["mid"]
    seconds = rolling_volatility(realised_variance(mid), 60).loc[pd.Timedelta("10:29:00")]
    minutes = rolling_volatility(realised_variance(mid.iloc[59::60]), 60).iloc[-1]
    np.testing.assert_allclose(1e4 * seconds[["sigma", "standard_error"]], [6.91, 0.08], atol=0.01)
    np.testing.assert_allclose(1e4 * minutes[["sigma", "standard_error"]], [7.26, 0.67], atol=0.01)
    assert abs(seconds["sigma"] - minutes["sigma"]) < 2 * minutes["standard_error"]


# What is refused


def test_bad_arguments() -> None:
    mid = brownian(60.0 * np.arange(5), np.random.default_rng(9))
    realised = realised_variance(mid)
    for window in (0, -1, 1.5, True):
        with pytest.raises(InvalidInput, match="window must be a whole number"):
            rolling_volatility(realised, window)
    with pytest.raises(InvalidInput, match="half_life must be > 0"):
        ewma_volatility(realised, 0)
    with pytest.raises(InvalidInput, match="two days or more, got 1"):
        seasonal_volatility([realised])
    with pytest.raises(InvalidInput, match="a mid is -50"):
        realised_variance(mid.replace(mid.iloc[2], -50.0))
    with pytest.raises(InvalidInput, match="no positive length of time"):
        realised_variance(mid, "soon")
    with pytest.raises(InvalidInput, match="never shows"):
        realised_variance(mid * np.nan)
    with pytest.raises(InvalidInput, match="not indexed by time"):
        realised_variance(mid.reset_index(drop=True))
