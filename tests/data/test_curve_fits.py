"""Families of curves fitted to the buckets of a book."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from numpy.typing import NDArray
from scipy.optimize import least_squares

from optexec.data.book import BOOK_COLUMNS, LEVELS, read_book
from optexec.data.curve_families import FAMILIES, PARAMETERS
from optexec.data.curve_fits import fit_curves, fitted_slippage, impact
from optexec.data.fit_errors import cluster_covariance, interval
from optexec.data.slippage import SlippagePoints, slippage_points
from optexec.models.errors import InvalidInput

AAPL = Path(__file__).parents[2].parent / "shared/data/lobster/AAPL_2012-06-21_0930_1030_mbp10_1s_rebuilt.csv.gz"
GRID = tuple(step / (LEVELS - 1) for step in range(1, LEVELS))
MID = 50.0
DEPTH = 5000.0
TRUTH = {
    "linear_per_share": (0.0, 4e-6, 1.0),
    "linear_total": (0.0, 0.01, 1.0),
    "power_per_share": (0.0, 1e-3, 0.4),
    "power_total": (0.0, 0.002, 1.4),
    "exponential_per_share": (0.0, 0.05, 3e-4),
    "exponential_total": (0.0, 150.0, 3e-4),
    "half_spread_power": (0.01, 1e-4, 0.6),
    "fitted_spread_power": (0.02, 4e-6, 1.0),
}


def simulated_book(
    family: str, buckets: int, snapshots: int, noise: float, seed: int = 1, depth_noise: float = 0.2
) -> pd.DataFrame:
    """Ladders whose walk to the end of each level costs what the curve of TRUTH says, but for noise.

    The first level is tiny, the other nine are equal. Each snapshot has its own depth, a factor on its curve and a
    tilt of it, both with mean nought, and its own half-spread where the family has one.
    """
    random, rows = np.random.default_rng(seed), buckets * snapshots
    half_spread, a, b = TRUTH[family]
    ends = np.array([0.0, 1e-7, *GRID]) * DEPTH * np.exp(random.normal(0, depth_noise, (rows, 1)))

    def curve(x: NDArray[np.float64]) -> NDArray[np.float64]:
        total = a * FAMILIES[family].shape.value(x, np.array(b))
        return np.divide(total, x, out=np.zeros_like(x), where=x > 0) if FAMILIES[family].quoted == "total" else total

    factor = np.exp(random.normal(0, noise, (rows, 1)) - noise**2 / 2)
    tilt = noise / 2 * random.normal(size=(rows, 1)) * (ends / ends[:, -1:] - 0.3)
    spread = half_spread * np.exp(random.normal(0, noise, (rows, 1)) - noise**2 / 2)
    cost = ends * (spread + curve(ends) * factor + curve(np.array([DEPTH])) * tilt)
    sizes = np.diff(ends)
    distances = np.diff(cost) / sizes
    distances[:, 0] = spread[:, 0] if half_spread else distances[:, 1]
    index = pd.timedelta_range(0, periods=rows, freq=pd.Timedelta("60s") / snapshots, name="time")
    return pd.DataFrame(np.hstack([MID - distances, MID + distances, sizes, sizes]), index=index, columns=BOOK_COLUMNS)


def points_of(shares: NDArray[np.float64], slippage: NDArray[np.float64], half_spread: float = 0.0) -> SlippagePoints:
    """One bucket with the same sizes in every snapshot."""
    rows = len(slippage)
    start = pd.to_timedelta([0], unit="s").rename("time")
    return SlippagePoints(
        start,
        np.zeros(rows, dtype=np.int64),
        np.arange(rows),
        np.tile(shares, (rows, 1)),
        slippage,
        np.full(rows, half_spread),
        np.full(rows, shares[-1]),
    )


# The parameters


def test_every_family_has_a_curve_to_be_recovered() -> None:
    assert set(TRUTH) == set(FAMILIES)


@pytest.mark.parametrize("family", TRUTH)
def test_a_book_made_from_a_curve_gives_it_back(family: str) -> None:
    book = simulated_book(family, buckets=2, snapshots=4, noise=0.0)
    for side in ("buy", "sell"):
        fits = fit_curves(slippage_points(book, "60s", side, GRID), [family])
        np.testing.assert_allclose(fits[list(PARAMETERS)], np.tile(TRUTH[family], (2, 1)), rtol=2e-4)
        assert (fits["fit_error"] < 1e-5).all()
        assert not (fits["degenerate"] | fits["failed"]).any()


def free(family: str) -> NDArray[np.bool_]:
    """Which of `PARAMETERS` a family fits."""
    declared = FAMILIES[family]
    return np.array([declared.half_spread == "fitted", True, declared.shape.bounds is not None])


@pytest.mark.parametrize("family", TRUTH)
def test_estimates_hold_the_truth_as_often_as_their_intervals_say(family: str) -> None:
    book = simulated_book(family, buckets=2000, snapshots=20, noise=0.1)
    fits = fit_curves(slippage_points(book, "60s", "buy", GRID), [family])
    assert not fits["failed"].any()
    assert fits["degenerate"].mean() < 0.01
    estimated = free(family) | [FAMILIES[family].half_spread == "measured", False, False]
    for name, truth, expected in zip(PARAMETERS, TRUTH[family], estimated, strict=True):
        known = fits[f"{name}_error"].notna()
        assert known.mean() > 0.99 if expected else not known.any()
        if expected:
            low, high = interval(fits[name], fits[f"{name}_error"], fits["clusters"])
            assert 0.93 <= ((low <= truth) & (truth <= high))[known].mean() <= 0.97


@pytest.mark.parametrize("family", TRUTH)
def test_noisy_points_give_the_curve_of_a_generic_solver(family: str) -> None:
    declared = FAMILIES[family]
    points = slippage_points(simulated_book(family, 2, 8, 0.1), "60s", "buy", GRID)
    fits = fit_curves(points, [family])
    truth = np.array(TRUTH[family])
    fitted = free(family)
    for bucket in range(2):
        own = points.owner == bucket
        x, y = points.shares[own], points.slippage[own]
        if declared.half_spread == "measured":
            y = y - points.half_spread[own, None]
        if declared.quoted == "total":
            y = y * x

        def residual(factors: NDArray[np.float64], x: NDArray = x, y: NDArray = y) -> NDArray[np.float64]:
            scaled = np.ones(3)
            scaled[fitted] = factors
            half_spread, level, b = truth * scaled
            level *= declared.shape.value(DEPTH, truth[2]) / declared.shape.value(DEPTH, b)
            offset = half_spread if declared.half_spread == "fitted" else 0.0
            return ((offset + level * declared.shape.value(x, b) - y) / y.max()).ravel()

        found = least_squares(residual, np.ones(fitted.sum()), xtol=1e-13, ftol=1e-13, gtol=1e-13)
        np.testing.assert_allclose(fits["b"].iloc[bucket], truth[2] * (found.x[-1] if fitted[2] else 1.0), rtol=1e-4)
        if fitted[0]:
            np.testing.assert_allclose(fits["half_spread"].iloc[bucket], truth[0] * found.x[0], rtol=1e-3)
        explained = np.sqrt(2 * found.cost / ((y / y.max()) ** 2).sum())
        assert fits["fit_error"].iloc[bucket] == pytest.approx(explained, rel=1e-6)


@pytest.mark.parametrize("family", TRUTH)
def test_the_unit_of_shares_and_of_money_does_not_matter(family: str) -> None:
    book = simulated_book(family, 2, 6, 0.1)
    scaled = book.copy()
    scaled[[name for name in book if "_sz_" in name]] *= 1000.0
    scaled[[name for name in book if "_px_" in name]] *= 7.0
    here, there = (fit_curves(slippage_points(each, "60s", "buy", GRID), [family]) for each in (book, scaled))
    x = np.linspace(500.0, DEPTH, 5)
    np.testing.assert_allclose(fitted_slippage(there, 1000 * x), 7 * fitted_slippage(here, x), rtol=1e-5)
    for name in ("a", "b"):
        relative = [table[f"{name}_error"] / table[name] for table in (here, there)]
        if name == "b" or "power" not in family:
            np.testing.assert_allclose(relative[1], relative[0], rtol=1e-4)


# Standard errors


def test_covariance_is_the_formula_cluster_by_cluster() -> None:
    random = np.random.default_rng(3)
    jacobian, residual = random.normal(size=(9, 4, 2)), random.normal(size=(9, 4))
    cluster, group = np.array([7, 7, 3, 3, 3, 5, 1, 1, 2]), np.array([0, 0, 0, 0, 0, 0, 1, 1, 1])
    found = cluster_covariance(jacobian, residual, cluster, group, 2)
    for number in range(2):
        own = group == number
        bread = np.linalg.inv(np.einsum("pki,pkj->ij", jacobian[own], jacobian[own]))
        names, meat = np.unique(cluster[own]), np.zeros((2, 2))
        for name in names:
            rows = own & (cluster == name)
            block, error = jacobian[rows].reshape(-1, 2), residual[rows].ravel()
            score = block.T @ np.linalg.solve(np.eye(len(block)) - block @ bread @ block.T, error)
            meat += np.outer(score, score)
        expected = (len(names) - 1) / len(names) * bread @ meat @ bread
        np.testing.assert_allclose(found[number], expected, rtol=1e-9)


def test_a_fixed_parameter_has_no_error_and_does_not_touch_the_others() -> None:
    random = np.random.default_rng(4)
    jacobian, residual = random.normal(size=(6, 3, 2)), random.normal(size=(6, 3))
    jacobian[:, :, 0] = 0.0
    cluster, group = np.arange(6), np.zeros(6, dtype=np.int64)
    found = cluster_covariance(jacobian, residual, cluster, group, 1)[0]
    alone = cluster_covariance(jacobian[:, :, 1:], residual, cluster, group, 1)[0]
    assert np.isnan(found[0]).all()
    assert found[1, 1] == pytest.approx(alone[0, 0])


def test_errors_of_a_singular_problem_are_unknown() -> None:
    jacobian = np.ones((4, 2, 2))
    found = cluster_covariance(jacobian, np.ones((4, 2)), np.arange(4), np.zeros(4, dtype=np.int64), 1)
    assert np.isnan(found).all()


def test_one_snapshot_has_no_standard_error() -> None:
    fits = fit_curves(slippage_points(simulated_book("fitted_spread_power", 3, 1, 0.1), "60s", "buy", GRID))
    assert fits[["half_spread_error", "a_error", "b_error", "correlation"]].isna().all(axis=None)
    assert (fits["clusters"] == 1).all()


def test_points_of_one_snapshot_do_not_count_as_independent() -> None:
    family = "linear_total"
    points = slippage_points(simulated_book(family, 400, 10, 0.1), "60s", "buy", GRID)
    rows, sizes = points.shares.shape
    apart = SlippagePoints(
        points.start,
        np.repeat(points.owner, sizes),
        np.arange(rows * sizes),
        points.shares.reshape(-1, 1),
        points.slippage.reshape(-1, 1),
        np.repeat(points.half_spread, sizes),
        np.repeat(points.depth, sizes),
    )
    honest, naive = fit_curves(points, [family]), fit_curves(apart, [family])
    np.testing.assert_allclose(honest["a"], naive["a"], rtol=1e-9)
    assert np.sqrt((honest["a_error"] ** 2).mean()) == pytest.approx(honest["a"].std(), rel=0.1)
    assert np.sqrt((naive["a_error"] ** 2).mean()) < 0.6 * honest["a"].std()


@pytest.mark.parametrize("level", [0.0, 1.0, 95])
def test_a_level_that_is_no_probability(level: float) -> None:
    with pytest.raises(InvalidInput, match="level"):
        interval(pd.Series([1.0]), pd.Series([0.1]), pd.Series([5]), level)


# Degenerate buckets


X = np.linspace(100.0, 1000.0, 10)


def test_a_flat_book_is_degenerate_per_share_and_a_straight_line_in_total() -> None:
    fits = fit_curves(points_of(X, np.full((3, 10), 0.01), half_spread=0.01)).set_index("family")
    assert fits["reason"].to_dict() == {
        "linear_per_share": "flat book",
        "linear_total": "",
        "power_per_share": "flat book",
        "power_total": "",
        "exponential_per_share": "flat book",
        "exponential_total": "b times depth below 0.05, a straight line",
        "half_spread_power": "flat book",
        "fitted_spread_power": "flat book",
    }
    assert fits.loc["power_total", "b"] == pytest.approx(1.0)
    for name in ("half_spread_power", "fitted_spread_power"):
        assert fits.loc[name, list(PARAMETERS)].tolist() == pytest.approx([0.01, 0.0, 1.0])
    assert (fits["degenerate"] == (fits["reason"] != "")).all()


@pytest.mark.parametrize(
    ("family", "slippage", "reason"),
    [
        ("power_per_share", 1e-9 * X**3.5, "b at its bound"),
        ("power_per_share", 0.5 + 1e-5 * X, "b at its bound"),
        ("exponential_per_share", 1e-5 * X, "b times depth below 0.05, a straight line"),
        ("exponential_per_share", 0.5 + 1e-9 * X, "b at its bound"),
        ("exponential_total", 1e-5 * X, "b times depth below 0.05, a straight line"),
        ("fitted_spread_power", 1e-3 * np.maximum(X - 300, 0), "half-spread at 0"),
    ],
)
def test_curves_that_the_points_do_not_determine(family: str, slippage: NDArray[np.float64], reason: str) -> None:
    noise = np.array([[0.98], [1.01], [1.01]])
    fit = fit_curves(points_of(X, slippage * noise), [family]).iloc[0]
    assert (fit["degenerate"], fit["reason"], fit["failed"]) == (True, reason, False)
    assert np.isnan(fit["b_error"]) == (reason != "half-spread at 0")
    assert np.isfinite(fit["a_error"])


def test_fewer_sizes_than_parameters_give_no_curve() -> None:
    fits = fit_curves(points_of(np.array([100.0, 200.0]), np.array([[0.1, 0.3]] * 4))).set_index("family")
    assert fits.loc[["fitted_spread_power"], list(PARAMETERS)].isna().all(axis=None)
    assert fits.loc["fitted_spread_power", "reason"] == "fewer distinct sizes than parameters"
    assert fits.loc["power_per_share", "b"] == pytest.approx(np.log2(3))


@pytest.mark.skipif(not AAPL.exists(), reason="the real AAPL hour is not beside the project")
def test_real_hour_has_few_curves_that_are_degenerate_but_for_the_saturating_cost() -> None:
    book = read_book(AAPL)
    fits = fit_curves(slippage_points(book[book.index < pd.Timedelta("10:30:00")]))
    assert not fits["failed"].any()
    degenerate = fits.groupby("family")["degenerate"].sum()
    assert degenerate["power_per_share"] == degenerate["half_spread_power"] == 1
    assert degenerate["power_total"] == degenerate["exponential_per_share"] == 0
    assert degenerate["exponential_total"] == 58
    assert degenerate["fitted_spread_power"] == 29


# As impact


@pytest.mark.parametrize("family", TRUTH)
def test_impact_costs_what_the_fit_says(family: str) -> None:
    fits = fit_curves(slippage_points(simulated_book(family, 4, 3, 0.1), "60s", "buy", GRID), [family])
    x = np.array([10.0, 700.0, 2500.0, 6000.0])
    np.testing.assert_allclose(impact(fits).cost(x), x * np.diag(fitted_slippage(fits, x)), rtol=1e-12)
    single = impact(fits.iloc[[2]])
    assert single.buckets is None
    np.testing.assert_allclose(single.cost(x), x * fitted_slippage(fits.iloc[[2]], x)[0], rtol=1e-12)


def test_impact_refuses_what_is_no_curve() -> None:
    points = points_of(np.array([100.0]), np.array([[0.1], [0.1]]))
    fits = fit_curves(points, ["linear_total", "power_total"])
    with pytest.raises(InvalidInput, match="of 2 families"):
        impact(fits)
    with pytest.raises(InvalidInput, match="bucket 0 days 00:00:00 gave no curve"):
        impact(fits[fits["family"] == "power_total"])
    with pytest.raises(InvalidInput, match="gave no curve"):
        impact(fits[fits["family"] == "linear_total"].assign(failed=True))


def test_unknown_and_missing_families() -> None:
    points = points_of(X, np.full((1, 10), 0.01))
    with pytest.raises(InvalidInput, match="did you mean 'power_total'"):
        fit_curves(points, ["power_totl"])
    with pytest.raises(InvalidInput, match="no family to fit"):
        fit_curves(points, [])


def test_the_size_grid_is_in_the_result() -> None:
    points = slippage_points(simulated_book("power_total", 1, 2, 0.1), "60s", "buy", GRID)
    assert fit_curves(points).attrs["size_grid"] == GRID
