"""Curves of buckets that borrow from one another."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy.optimize import curve_fit

from optexec.data import sample
from optexec.data.book import read_book
from optexec.data.clock import time_of_day
from optexec.data.curve_fits import fit_curves, fitted_slippage, impact
from optexec.data.pooling import by_time_of_day, pooled, shrink, shrunk
from optexec.data.slippage import SlippagePoints, slippage_points
from optexec.models.errors import InvalidInput

BOOK = read_book(sample.path("book.csv.gz"))
DEPTH = 1000.0
LEVEL, EXPONENT = 0.05, 0.5


def simulated_day(
    buckets: int, between: float, seed: int, snapshots: int = 6, noise: float = 0.3
) -> tuple[SlippagePoints, NDArray[np.float64]]:
    """Power curves whose level at half the depth and exponent vary between buckets, and what they are, (N, 2)."""
    random = np.random.default_rng(seed)
    truth = np.array([LEVEL, EXPONENT]) * np.exp(random.normal(0, between, size=(buckets, 2)))
    owner = np.repeat(np.arange(buckets), snapshots)
    depth = DEPTH * np.exp(random.normal(0, 0.1, size=len(owner)))
    grid = np.arange(1, 11) / 10
    shares = depth[:, None] * grid
    factor = np.exp(random.normal(0, noise, (len(owner), 1)) - noise**2 / 2)
    tilt = noise / 2 * random.normal(size=(len(owner), 1)) * (grid - 0.55)
    curve = truth[owner, :1] * (2 * shares / DEPTH) ** truth[owner, 1:]
    start = pd.to_timedelta(60 * np.arange(buckets), unit="s").rename("time")
    cluster = np.arange(len(owner))
    slippage = curve * (factor + tilt)
    return SlippagePoints(start, owner, cluster, shares, slippage, 0 * depth, depth, tuple(grid)), truth


def squared_error(fits: pd.DataFrame, truth: NDArray[np.float64]) -> NDArray[np.float64]:
    """Mean squared errors of the logarithms of level and exponent, of one curve a row or one for all."""
    level = np.log(fitted_slippage(fits, np.array([DEPTH / 2]))[:, 0] / truth[:, 0])
    exponent = np.log(fits["b"].to_numpy() / truth[:, 1])
    return np.array([np.mean(level**2), np.mean(exponent**2)])


# Pooled


def test_the_pooled_curve_is_that_of_all_points() -> None:
    points = slippage_points(BOOK, "30min")
    day = pooled(points, ["power_per_share", "half_spread_power"])
    x, y = points.shares.ravel(), points.slippage.ravel()
    (level, b), _ = curve_fit(lambda u, level, b: level * u**b, x / points.depth.mean(), y, p0=(0.03, 0.5))
    assert day["b"].iloc[0] == pytest.approx(b, rel=1e-5)
    assert day["a"].iloc[0] == pytest.approx(level / points.depth.mean() ** b, rel=1e-4)
    assert day["half_spread"].iloc[1] == pytest.approx(points.half_spread.mean())
    assert day["clusters"].tolist() == [13, 13]
    assert impact(day.iloc[[1]]).buckets is None


def test_pooled_errors_allow_for_buckets_that_differ() -> None:
    estimates, errors = [], []
    for seed in range(150):
        day = pooled(simulated_day(20, 0.3, seed)[0], ["linear_total"]).iloc[0]
        estimates.append(day["a"])
        errors.append(day["a_error"])
    assert np.sqrt(np.mean(np.square(errors))) == pytest.approx(np.std(estimates), rel=0.2)


# By time of day


def test_a_time_of_day_has_the_curve_of_the_points_of_all_days() -> None:
    first, second = (slippage_points(part, "30min") for part in (BOOK.iloc[:120], BOOK.iloc[60:]))
    moved = second._replace(start=second.start + pd.Timedelta(days=1), slippage=1.3 * second.slippage)
    table = by_time_of_day([first, moved], ["power_per_share"])
    assert table.index.tolist() == [pd.Timedelta("09:30:00") + k * pd.Timedelta("30min") for k in range(13)]
    assert table["clusters"].tolist() == [1, 1, 2, 2, *[1] * 9]
    assert table["a_error"].notna().tolist() == [False, False, True, True, *[False] * 9]
    alone = fit_curves(first, ["power_per_share"])
    np.testing.assert_allclose(table["b"].iloc[:2], alone["b"].iloc[:2], rtol=1e-9)
    assert table["depth"].iloc[3] == pytest.approx(alone["depth"].iloc[3])
    middle = fitted_slippage(table.iloc[[3]], np.array([3000.0])) / fitted_slippage(alone.iloc[[3]], np.array([3000.0]))
    assert middle.item() == pytest.approx(1.15, abs=0.02)


def test_time_of_day_is_the_clock_of_the_market() -> None:
    summer = pd.DatetimeIndex(["2025-07-15 09:31"], tz="America/New_York")
    assert time_of_day(summer).tolist() == time_of_day(pd.to_timedelta(["09:31:00"])).tolist()


def test_days_that_do_not_go_together() -> None:
    with pytest.raises(InvalidInput, match="no day to pool"):
        by_time_of_day([])
    coarse = slippage_points(BOOK, "30min", "buy", [0.5, 1.0])
    with pytest.raises(InvalidInput, match="different size grids"):
        by_time_of_day([coarse, slippage_points(BOOK, "30min")])


# Shrinkage of numbers


@settings(max_examples=50, deadline=None)
@given(count=st.integers(4, 30), error=st.floats(0.1, 3.0), seed=st.integers(0, 2**32 - 1))
def test_equal_errors_give_the_positive_part_of_james_and_stein(count: int, error: float, seed: int) -> None:
    estimate = np.random.default_rng(seed).normal(2.0, 1.5, size=count)
    scatter = ((estimate - estimate.mean()) ** 2).sum()
    factor = 1 - (count - 3) * error**2 / max(scatter, (count - 1) * error**2)
    expected = estimate.mean() + factor * (estimate - estimate.mean())
    np.testing.assert_allclose(shrink(estimate, np.full(count, error)).estimate, expected, rtol=1e-9)


@settings(max_examples=50, deadline=None)
@given(count=st.integers(4, 30), seed=st.integers(0, 2**32 - 1))
def test_the_variance_between_solves_the_moment_equation(count: int, seed: int) -> None:
    random = np.random.default_rng(seed)
    estimate, error = random.normal(size=count), random.uniform(0.1, 1.5, size=count)
    drawn = shrink(estimate, error)
    weight = 1 / (error**2 + drawn.between)
    mean = weight @ estimate / weight.sum()
    moment = weight @ (estimate - mean) ** 2
    assert drawn.mean == pytest.approx(mean)
    assert moment == pytest.approx(count - 1) if drawn.between > 0 else moment <= count - 1 + 1e-9
    assert (np.diff(drawn.kept[np.argsort(error)]) <= 1e-12).all()


def test_the_variance_between_is_recovered() -> None:
    random = np.random.default_rng(7)
    error = random.uniform(0.2, 1.0, size=20_000)
    estimate = 3.0 + random.normal(0, 0.5, size=20_000) + random.normal(0, error)
    drawn = shrink(estimate, error)
    assert drawn.between == pytest.approx(0.25, rel=0.05)
    assert drawn.mean == pytest.approx(3.0, abs=0.02)


def test_errors_after_shrinkage_are_the_scatter_about_the_truth() -> None:
    random = np.random.default_rng(8)
    error = random.uniform(0.2, 1.0, size=20_000)
    truth = random.normal(0, 0.5, size=20_000)
    drawn = shrink(truth + random.normal(0, error), error)
    assert np.mean(((drawn.estimate - truth) / drawn.error) ** 2) == pytest.approx(1.0, rel=0.05)


def test_exact_estimates_keep_their_value_and_unknown_ones_take_the_mean() -> None:
    drawn = shrink(np.array([1.0, 2.0, 3.0, 9.0, np.nan, 5.0]), np.array([0.0, 0.5, 0.5, 0.5, 0.1, np.nan]))
    assert drawn.estimate[0] == 1.0
    assert drawn.kept.tolist()[4:] == [0.0, 0.0]
    assert drawn.estimate[4:].tolist() == [drawn.mean, drawn.mean]
    same = shrink(np.full(5, 2.0), np.zeros(5))
    np.testing.assert_allclose(same.estimate, 2.0)


def test_three_estimates_are_too_few() -> None:
    with pytest.raises(InvalidInput, match="3 buckets have a standard error and shrinkage needs 4"):
        shrink(np.arange(4.0), np.array([1.0, 1.0, 1.0, np.nan]))


# Shrinkage of curves


@pytest.mark.parametrize("between", [0.05, 0.1, 0.3])
def test_shrunk_curves_are_nearer_the_truth_than_those_of_one_bucket_or_of_all(between: float) -> None:
    total = np.zeros((3, 2))
    for seed in range(10):
        points, truth = simulated_day(60, between, seed, snapshots=20)
        own = fit_curves(points, ["power_per_share"])
        day = pooled(points, ["power_per_share"])
        total += [squared_error(table, truth) for table in (own, shrunk(own), day)]
    assert (total[1] < total[0]).all()
    assert (total[1] < total[2]).all()


def test_curves_of_other_days_are_a_better_mean_where_the_time_of_day_matters() -> None:
    slope = np.exp(np.linspace(1.0, -1.0, 60))
    days = [simulated_day(60, 0.1, seed) for seed in range(11)]
    shaped = [day._replace(slippage=day.slippage * slope[day.owner, None]) for day, _ in days]
    truth = days[0][1] * np.column_stack([slope, np.ones(60)])
    own = fit_curves(shaped[0], ["power_per_share"])
    clock = by_time_of_day(shaped[1:], ["power_per_share"])
    plain, informed = squared_error(shrunk(own), truth), squared_error(shrunk(own, clock), truth)
    assert informed[0] < 0.75 * plain[0]


def test_shrunk_curves_go_through_their_level_and_say_what_they_kept() -> None:
    points, _ = simulated_day(30, 0.2, 1)
    curves = shrunk(fit_curves(points, ["power_per_share"]))
    reference = curves.attrs["reference"]
    np.testing.assert_allclose(fitted_slippage(curves, np.array([reference]))[:, 0], curves["level"])
    assert curves[["level_kept", "b_kept"]].to_numpy().min() > 0
    assert curves[["level_kept", "b_kept"]].to_numpy().max() < 1
    assert curves.attrs["between"]["level"] == pytest.approx(0.04, rel=0.7)
    assert curves.attrs["size_grid"] == points.size_grid
    assert impact(curves).buckets == 30


@pytest.mark.parametrize("family", ["linear_per_share", "exponential_per_share", "half_spread_power", "power_total"])
def test_every_kind_of_family_can_be_shrunk(family: str) -> None:
    points = slippage_points(BOOK, "15min")
    fits = fit_curves(points, [family])
    curves = shrunk(fits)
    x = np.array([4000.0])
    logs = [np.log(fitted_slippage(table, x)[:, 0]) for table in (fits, curves)]
    assert logs[1].std() < logs[0].std()
    assert np.abs(logs[1] - logs[0]).max() < 0.5
    assert impact(curves).buckets == 26


def test_degenerate_curves_take_the_mean() -> None:
    points, _ = simulated_day(12, 0.2, 2)
    flat = np.where(points.owner[:, None] == 3, 0.01, points.slippage)
    single = points.owner != 5
    single[np.flatnonzero(~single)[0]] = True
    kept = points._replace(
        owner=points.owner[single],
        cluster=points.cluster[single],
        shares=points.shares[single],
        slippage=flat[single],
        half_spread=np.full(single.sum(), 0.01),
        depth=points.depth[single],
    )
    curves = shrunk(fit_curves(kept, ["power_per_share"]))
    assert curves["level_kept"].iloc[[3, 5]].tolist() == [0.0, 0.0]
    np.testing.assert_allclose(curves["b"].iloc[3], curves["b"].iloc[5])


def test_curves_to_shrink_towards_have_to_match() -> None:
    points, _ = simulated_day(12, 0.2, 2)
    fits = fit_curves(points, ["power_per_share"])
    with pytest.raises(InvalidInput, match="another family"):
        shrunk(fits, by_time_of_day([points], ["power_total"]))
    with pytest.raises(InvalidInput, match="no curve to shrink towards at 0 days 00:11:00"):
        shrunk(fits, by_time_of_day([points], ["power_per_share"]).iloc[:11])
