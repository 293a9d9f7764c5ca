"""The profile of the day's volume: hand values, known profiles, and real days that it has not seen."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import trim_mean

import optexec as ox
from optexec.data.minute_bars import read_minute_bars
from optexec.data.volume_profile import TRIM, expected_volume, volume_profile
from optexec.models.errors import InvalidInput

SHARED = Path(__file__).parents[2].parent / "shared/data"
AAPL = SHARED / "intradayModel_AAPL_15min_volume_26x124.csv"
IBM = sorted((SHARED / "minute_bars").glob("IBM_*.csv"))
U_SHAPE = np.array([0.3, 0.15, 0.1, 0.15, 0.3])


def days(count: int, random: np.random.Generator) -> pd.DataFrame:
    """Volumes of days of very different size with shares around U_SHAPE."""
    shares = random.dirichlet(50 * U_SHAPE, count).T
    return pd.DataFrame(shares * random.lognormal(10, 1, count), index=["a", "b", "c", "d", "e"])


# What the profile is


def test_a_few_days_give_the_mean_of_their_shares() -> None:
    volumes = pd.DataFrame({"x": [1, 3], "y": [500, 500], "z": [0, 10]}, index=["am", "pm"])
    profile = volume_profile(volumes)
    assert profile["share"].tolist() == [pytest.approx(0.25), pytest.approx(0.75)]
    assert profile["standard_error"].tolist() == [pytest.approx(np.std([0.25, 0.5, 0], ddof=1) / np.sqrt(3))] * 2
    assert profile.index.tolist() == ["am", "pm"]


@settings(deadline=None)
@given(seed=st.integers(0, 2**32 - 1), count=st.integers(1, 40))
def test_shares_are_the_trimmed_means_scaled_to_one(seed: int, count: int) -> None:
    volumes = days(count, np.random.default_rng(seed))
    share = volume_profile(volumes)["share"]
    expected = trim_mean(volumes / volumes.sum(), TRIM, axis=1)
    np.testing.assert_allclose(share, expected / expected.sum())
    assert share.sum() == pytest.approx(1.0)
    assert (share >= 0).all()


@settings(deadline=None)
@given(seed=st.integers(0, 2**32 - 1), factor=st.floats(1e-3, 1e3))
def test_the_size_and_order_of_days_do_not_matter(seed: int, factor: float) -> None:
    volumes = days(9, np.random.default_rng(seed))
    scaled = volumes[volumes.columns[::-1]].assign(**{"0": volumes[0] * factor}).drop(columns=0)
    pd.testing.assert_frame_equal(volume_profile(scaled), volume_profile(volumes))


def test_one_strange_day_moves_nothing() -> None:
    volumes = days(10, np.random.default_rng(1))
    strange = volumes.copy()
    strange[3] = [0, 0, 1e9, 0, 0]
    moved = volume_profile(strange)["share"] - volume_profile(volumes)["share"]
    assert moved.abs().max() < 0.02
    plain = (strange / strange.sum()).mean(axis=1) - (volumes / volumes.sum()).mean(axis=1)
    assert plain.abs().max() > 0.06


def test_a_known_profile_is_found_within_its_standard_error() -> None:
    random = np.random.default_rng(2)
    tables = [volume_profile(days(20, random)) for _ in range(500)]
    shares = np.array([table["share"] for table in tables])
    errors = np.array([table["standard_error"] for table in tables])
    np.testing.assert_allclose(shares.mean(axis=0), U_SHAPE, atol=0.005)
    np.testing.assert_allclose(shares.std(axis=0), np.sqrt((errors**2).mean(axis=0)), rtol=0.12)


def test_a_single_day_is_its_own_profile_without_error() -> None:
    profile = volume_profile(pd.DataFrame({"x": [1, 3]}))
    assert profile["share"].tolist() == [0.25, 0.75]
    assert profile["standard_error"].isna().all()


# What it is used for


def test_the_expected_volume_is_the_share_of_the_total() -> None:
    profile = volume_profile(days(6, np.random.default_rng(3)))
    volume = expected_volume(profile, 1e6)
    assert volume.sum() == pytest.approx(1e6)
    np.testing.assert_allclose(volume / 1e6, profile["share"])


def test_it_serves_vwap_pov_and_participation_limits() -> None:
    volume = expected_volume(volume_profile(days(6, np.random.default_rng(4))), 1e6)
    problem = ox.Problem(
        ox.Order(50_000),
        ox.Power(1.0, 2.0),
        ox.objective("A"),
        ox.Limits(participation=0.1, volume=volume),
        volume.index,
    )
    np.testing.assert_allclose(ox.solve(problem, "vwap").shares, 50_000 * volume / 1e6)
    assert (ox.solve(problem).shares <= 0.1 * volume + 1e-6).all()
    assert ox.solve(problem, "pov").shares.sum() == pytest.approx(50_000)


# Real days


@pytest.mark.skipif(not AAPL.exists(), reason="the shared market data is not beside the project")
def test_real_days_are_predicted_better_than_by_a_flat_profile() -> None:
    volumes = pd.read_csv(AAPL, index_col=0)
    assert volumes.shape == (26, 124)
    profile = volume_profile(volumes.iloc[:, :100])
    shares = volumes.iloc[:, 100:] / volumes.iloc[:, 100:].sum()
    missed, flat = shares.sub(profile["share"], axis=0), shares - 1 / 26
    root_mean_square = [np.sqrt((error**2).to_numpy().mean()) for error in (missed, flat)]
    np.testing.assert_allclose(root_mean_square, [0.01538, 0.02904], atol=1e-5)
    assert ((missed**2).sum() < (flat**2).sum()).sum() >= 22
    assert profile["share"].iloc[[0, -1]].min() > 2 * profile["share"].iloc[8:18].max()
    assert (profile["standard_error"] < 0.1 * profile["share"]).all()


@pytest.mark.skipif(len(IBM) < 4, reason="the shared market data is not beside the project")
def test_minute_bars_make_a_profile() -> None:
    bars = {path.stem: read_minute_bars(path)["volume"].resample("30min").sum() for path in IBM}
    profile = volume_profile(pd.DataFrame(bars))
    assert len(profile) == 13
    assert profile["share"].iloc[[0, -1]].min() > profile["share"].iloc[4:9].max()


# What is refused


@pytest.mark.parametrize("cell", [np.nan, -1.0, np.inf, None, "12 000"])
def test_a_bucket_without_volume_is_named(cell: object) -> None:
    volumes = days(3, np.random.default_rng(5)).astype(object)
    volumes.loc["c", 1] = cell
    with pytest.raises(InvalidInput, match=r"bucket c, day 1: .* is no volume"):
        volume_profile(volumes)


def test_other_bad_tables_are_refused() -> None:
    volumes = days(3, np.random.default_rng(6))
    with pytest.raises(InvalidInput, match="day 1 has no volume"):
        volume_profile(volumes.assign(**{"1": 0.0}).drop(columns=1))
    with pytest.raises(InvalidInput, match=r"shape \(5, 0\)"):
        volume_profile(volumes.iloc[:, :0])
    with pytest.raises(InvalidInput, match="day 0 appears twice"):
        volume_profile(volumes.set_axis([0, 0, 1], axis=1))
    with pytest.raises(InvalidInput, match="bucket a appears twice"):
        volume_profile(volumes.rename(index={"b": "a"}))
    with pytest.raises(InvalidInput, match="total must be > 0"):
        expected_volume(volume_profile(volumes), 0)
