"""Convex curves through noisy points: least squares on values, and isotonic regression of slopes."""

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from scipy.optimize import minimize, nnls

from optexec.data.convex_regression import VARIABLES, convex_slopes, convex_values
from optexec.models.errors import InvalidInput

SEEDS = st.integers(0, 2**32 - 1)
BOTH = pytest.mark.parametrize("fit", [convex_values, convex_slopes])


def noisy(seed, most=14):
    """An uneven grid and a bent curve with noise on it, in units of any size."""
    random = np.random.default_rng(seed)
    count = int(random.integers(2, most))
    shares = 10.0 ** random.uniform(-2, 4) * np.cumsum(random.uniform(0.05, 1.0, count))
    curve = np.linspace(0, 1, count) ** random.uniform(0.4, 2.5) + random.normal(0, 0.2, count)
    return shares, 10.0 ** random.uniform(-3, 5) * curve, random.uniform(0.1, 10.0, count)


def by_hinges(shares, values, weights, start=None, least_slope=None):
    """The same curve from another problem: nonnegative least squares over a line and hinges, solved by NNLS."""
    x = (shares - shares[0]) / (shares[-1] - shares[0])
    base = 0.0 if start is None else start
    slope = 0.0 if least_slope is None else least_slope * (shares[-1] - shares[0])
    columns = [np.maximum(x - knot, 0.0) for knot in x[1:-1]] + [x]
    if start is None:
        columns += [np.ones_like(x), -np.ones_like(x)]
    if least_slope is None:
        columns += [-x]
    shape, root = np.column_stack(columns), np.sqrt(weights)
    rest = values - base - slope * x
    scale = np.abs(rest).max() or 1.0
    found, _ = nnls(shape * root[:, None], rest / scale * root, maxiter=10_000)
    return base + slope * x + scale * shape @ found


def minorant(shares, values):
    """Greatest convex minorant: at each point the lowest chord between two points around it."""
    count = len(shares)

    def chord(i, j, k):
        if i == j:
            return values[k]
        return values[i] + (values[j] - values[i]) * (shares[k] - shares[i]) / (shares[j] - shares[i])

    return np.array([min(chord(i, j, k) for i in range(k + 1) for j in range(k, count)) for k in range(count)])


def least_bend(shares, values):
    """Most negative change of slope, relative to the steepest slope."""
    slopes = np.diff(values) / np.diff(shares)
    return min(np.diff(slopes).min(initial=0.0) / max(np.abs(slopes).max(), 1e-300), 0.0)


# Values


@settings(max_examples=60)
@given(seed=SEEDS)
def test_values_are_those_of_nonnegative_least_squares_over_hinges(seed):
    shares, values, weights = noisy(seed)
    found, other = convex_values(shares, values, weights), by_hinges(shares, values, weights)
    np.testing.assert_allclose(found, other, rtol=0, atol=1e-8 * np.abs(values).max())


@settings(max_examples=40)
@given(seed=SEEDS, start=st.floats(-1, 1), least=st.floats(-0.5, 1))
@example(seed=2509495, start=-0.009616010400113284, least=1.192092896e-07)
def test_values_with_a_held_start_and_a_least_slope(seed, start, least):
    shares, values, weights = noisy(seed)
    scale = np.abs(values).max()
    start, least = start * scale, least * scale / (shares[-1] - shares[0])
    found = convex_values(shares, values, weights, start=start, least_slope=least)
    other = by_hinges(shares, values, weights, start, least)
    assert found[0] == start
    np.testing.assert_allclose(found, other, rtol=0, atol=1e-8 * scale)
    assert ((np.diff(found) / np.diff(shares)).min() - least) * (shares[-1] - shares[0]) >= -1e-11 * scale


@pytest.mark.parametrize("seed", range(3))
def test_values_are_those_of_a_generic_solver(seed):
    random = np.random.default_rng(seed)
    shares = np.cumsum(random.uniform(0.5, 1.5, 7))
    values, weights, widths = random.normal(size=7), random.uniform(0.5, 2.0, 7), np.diff(shares)
    generic = minimize(
        lambda v: np.dot(weights, (v - values) ** 2),
        np.zeros(7),
        jac=lambda v: 2 * weights * (v - values),
        constraints={"type": "ineq", "fun": lambda v: np.diff(np.diff(v) / widths)},
        method="SLSQP",
        options={"ftol": 1e-15, "maxiter": 1000},
    )
    np.testing.assert_allclose(convex_values(shares, values, weights), generic.x, atol=1e-6)


def test_curves_that_share_a_model_are_those_of_a_model_each():
    random = np.random.default_rng(3)
    shares = np.cumsum(random.uniform(0.1, 1.0, 20))
    rows = random.normal(size=(2 * VARIABLES // 20 + 5, 20)) * 10.0 ** random.uniform(-4, 4, (45, 1))
    together, alone = convex_values(shares, rows), np.array([convex_values(shares, row) for row in rows])
    assert (np.abs(together - alone).max(axis=1) <= 1e-9 * np.abs(rows).max(axis=1)).all()


# Slopes


@settings(max_examples=60)
@given(seed=SEEDS)
def test_slopes_are_those_of_the_greatest_convex_minorant(seed):
    shares, values, _ = noisy(seed)
    scale = np.abs(values).max()
    lowest = minorant(shares, values)
    np.testing.assert_allclose(convex_slopes(shares, values, start=values[0]), lowest, rtol=0, atol=1e-11 * scale)
    lifted = lowest + (values - lowest).mean()
    np.testing.assert_allclose(convex_slopes(shares, values), lifted, rtol=0, atol=1e-11 * scale)


def test_a_least_slope_is_a_bound_on_the_isotonic_regression_of_the_slopes():
    shares, values = np.array([0.0, 1.0, 3.0, 4.0, 6.0]), np.array([0.0, -2.0, 1.0, 0.5, 5.0])
    widths, slopes = np.diff(shares), np.diff(values) / np.diff(shares)
    generic = minimize(
        lambda s: np.dot(widths, (s - slopes) ** 2),
        np.linspace(0, 1, 4),
        constraints={"type": "ineq", "fun": lambda s: np.append(np.diff(s), s[0])},
        method="SLSQP",
        options={"ftol": 1e-15},
    )
    fitted = convex_slopes(shares, values, start=0.0, least_slope=0.0)
    np.testing.assert_allclose(np.diff(fitted) / widths, generic.x, atol=1e-6)


# Both


@BOTH
@settings(max_examples=60)
@given(seed=SEEDS)
def test_the_result_is_convex(fit, seed):
    shares, values, _ = noisy(seed, most=30)
    assert least_bend(shares, fit(shares, values)) >= -1e-12
    held = fit(shares, values, start=0.0, least_slope=0.0)
    assert held[0] == 0.0
    assert (np.diff(held) >= 0).all()
    assert least_bend(shares, held) >= -1e-12


@BOTH
@settings(max_examples=60)
@given(seed=SEEDS)
def test_convex_points_come_back(fit, seed):
    shares, values, weights = noisy(seed)
    convex = by_hinges(shares, values, weights)
    np.testing.assert_allclose(fit(shares, convex), convex, rtol=0, atol=1e-12 * np.abs(convex).max())
    start = fit(shares, convex, start=convex[0])
    np.testing.assert_allclose(start, convex, rtol=0, atol=1e-12 * np.abs(convex).max())


@BOTH
def test_rows_and_units_do_not_touch_the_answer(fit):
    random = np.random.default_rng(5)
    shares, rows = np.cumsum(random.uniform(0.1, 1.0, 9)), random.normal(size=(6, 9))
    together = fit(shares, rows)
    assert together.shape == (6, 9)
    np.testing.assert_allclose(together, [fit(shares, row) for row in rows], atol=1e-9)
    np.testing.assert_allclose(fit(1e5 * shares, 1e-4 * rows), 1e-4 * together, atol=1e-13)


@BOTH
def test_two_points_are_convex(fit):
    np.testing.assert_allclose(fit([1.0, 4.0], [3.0, 1.0]), [3.0, 1.0], rtol=1e-15)
    np.testing.assert_allclose(fit([1.0, 4.0], [3.0, 3.0], start=3.0, least_slope=2.0), [3.0, 9.0], rtol=1e-9)


def test_they_are_different_estimators_and_the_first_is_nearer_in_values():
    shares, values = np.arange(4.0), np.array([0.0, 2.0, 1.0, 3.0])
    by_values, by_slopes = convex_values(shares, values), convex_slopes(shares, values)
    np.testing.assert_allclose(by_values, [0.5, 1.0, 1.5, 3.0], atol=1e-9)
    np.testing.assert_allclose(by_slopes, [0.375, 0.875, 1.375, 3.375], atol=1e-15)
    assert np.sum((by_values - values) ** 2) < np.sum((by_slopes - values) ** 2)


@BOTH
@pytest.mark.parametrize(
    ("shares", "values", "fragment"),
    [
        ([0.0, 1.0, 1.0], [0.0, 1.0, 2.0], "shares must increase"),
        ([0.0, 1.0], [0.0, 1.0, 2.0], "need K >= 2, got shapes"),
        ([0.0], [0.0], "need K >= 2, got shapes"),
        ([[0.0, 1.0]], [0.0, 1.0], "shares must be"),
        ([0.0, 1.0], [0.0, float("nan")], r"values\[1\] must be finite"),
    ],
)
def test_what_is_refused(fit, shares, values, fragment):
    with pytest.raises(InvalidInput, match=fragment):
        fit(shares, values)


def test_bad_weights_and_bounds():
    with pytest.raises(InvalidInput, match="weights must be a number or 3 of them"):
        convex_values([0, 1, 2], [0.0, 1.0, 2.0], weights=[1.0, 1.0])
    with pytest.raises(InvalidInput, match="weights must be > 0"):
        convex_values([0, 1, 2], [0.0, 1.0, 2.0], weights=0)
    with pytest.raises(InvalidInput, match="least_slope must be finite"):
        convex_slopes([0, 1, 2], [0.0, 1.0, 2.0], least_slope=float("-inf"))
