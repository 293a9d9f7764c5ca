"""Almgren (2003): its table, its trajectories, and their limit through the terms."""

import itertools
from dataclasses import replace

import numpy as np
import pytest
from published import published
from scipy.integrate import quad

import optexec as ox
from optexec.models.almgren2003 import PowerLawExecution

CONVEX = [  # Almgren (2003), the table for k = 2, h(100,000 a day) = 0.5: 1/lambda, T*, E and sd in thousands
    (1e-3, 0.22, 462, 30),
    (1e-4, 0.46, 99, 45),
    (1e-5, 1.00, 21, 65),
    (1e-6, 2.15, 5, 96),
    (1e-7, 4.64, 1, 141),
]


def order_of(inputs):
    return PowerLawExecution(inputs["X"], inputs["sigma"], inputs["eta"], inputs["k"], inputs["lam"])


def order_with(k, epsilon=0.0):
    return PowerLawExecution(1e5, sigma=1.0, eta=0.5 / 1e5**k, k=k, risk_aversion=1e-5, epsilon=epsilon)


@pytest.mark.parametrize("case", published("Almgren2003"))
def test_the_table_in_closed_form(case):
    order, expect, printed = order_of(case["inputs"]), case["expect"], case["published"]
    assert order.characteristic_time == pytest.approx(expect["Tstar"], rel=1e-9)
    assert order.expected_cost == pytest.approx(expect["E"], rel=1e-9)
    assert order.variance**0.5 == pytest.approx(expect["sd"], rel=1e-9)
    assert order.characteristic_time == pytest.approx(printed["Tstar"], abs=0.005)
    assert order.expected_cost / 1000 == pytest.approx(printed["E_k"], abs=0.5)
    assert order.variance**0.5 / 1000 == pytest.approx(printed["sd_k"], abs=0.5)


@pytest.mark.parametrize(("lam", "time", "cost", "deviation"), CONVEX)
def test_the_table_of_convex_impact(lam, time, cost, deviation):
    order = replace(order_with(2.0), risk_aversion=lam)
    assert order.characteristic_time == pytest.approx(time, abs=0.005)
    assert order.expected_cost / 1000 == pytest.approx(cost, abs=0.5)
    assert order.variance**0.5 / 1000 == pytest.approx(deviation, abs=0.5)
    assert order.end == pytest.approx(3 * order.characteristic_time, rel=1e-12)


@pytest.mark.parametrize("k", [0.3, 0.5, 0.999999, 1.0, 1.000001, 1.5, 2.0, 3.0])
def test_a_trajectory_has_the_costs_that_the_formulas_say(k):
    """E and V by quadrature over the trajectory, with k eta v^(k+1) = lambda sigma^2 x^2."""
    order = order_with(k, epsilon=0.01)
    unit = order.characteristic_time

    def held(t):
        return float(order.holdings(t))

    def rate(t):
        return (order.risk_aversion * (order.sigma * held(t)) ** 2 / (order.k * order.eta)) ** (1 / (order.k + 1))

    last = min(order.end, 1e4 * unit)
    grid = [0.0, *np.geomspace(unit / 10, last, 30)]
    pieces = list(itertools.pairwise(grid))
    variance = sum(quad(lambda t: (order.sigma * held(t)) ** 2, *p, epsrel=1e-12)[0] for p in pieces)
    cost = sum(quad(lambda t: order.eta * rate(t) ** (order.k + 1), *p, epsrel=1e-12)[0] for p in pieces)
    assert order.variance == pytest.approx(variance, rel=1e-8)
    assert order.expected_cost == pytest.approx(cost + 0.01 * order.shares, rel=1e-8)
    assert rate(0.0) == pytest.approx(order.shares / unit, rel=1e-12)
    for t in (0.1 * unit, unit):
        slope = (held(t - 1e-5 * unit) - held(t + 1e-5 * unit)) / (2e-5 * unit)
        assert slope == pytest.approx(rate(t), rel=1e-7)


def test_the_trajectory_is_smooth_in_the_exponent():
    times = np.linspace(0.0, 5.0, 51)
    near = [replace(order_with(1.0), k=k).holdings(times) for k in (1 - 1e-9, 1.0, 1 + 1e-9)]
    np.testing.assert_allclose(near[0], near[1], rtol=1e-6)
    np.testing.assert_allclose(near[2], near[1], rtol=1e-6)


@pytest.mark.parametrize("k", [0.5, 1.0, 2.0])
def test_the_rest_of_a_trajectory_is_the_trajectory_of_the_rest(k):
    order = order_with(k)
    times = np.linspace(0.0, 2.0, 9) * order.characteristic_time
    stop = times[3]
    rest = replace(order, shares=float(order.holdings(stop)))
    np.testing.assert_allclose(rest.holdings(times), order.holdings(times + stop), rtol=1e-9, atol=1e-9)


def edges_for(order, buckets):
    """Edges that are close together at first and reach to the end, or to where next to nothing is left."""
    s = np.linspace(0.0, 1.0, buckets + 1)
    if order.k > 1:
        return s * order.end
    return order.characteristic_time * (np.expm1(6 * s) if order.k < 1 else 8 * s * (1 + s))


def utility(order, buckets, method):
    edges = edges_for(order, buckets)
    schedule = ox.solve(order.problem(edges), method)
    return schedule.objective + order.first_variance_cost(edges), schedule, edges


@pytest.mark.parametrize("case", published("Almgren2003"))
def test_the_table_through_the_terms(case):
    _converges(order_of(case["inputs"]))


@pytest.mark.parametrize("lam", [1e-3, 1e-7])
def test_convex_impact_through_the_terms(lam):
    _converges(replace(order_with(2.0), risk_aversion=lam, epsilon=0.01))


def _converges(order):
    """The error is even in the length of buckets, so three grids give the limit: U, and holdings on the coarsest."""
    runs = [utility(order, buckets, "newton") for buckets in (200, 400, 800)]
    coarse, middle, fine = (run[0] for run in runs)
    twice = [(4 * b - a) / 3 for a, b in ((coarse, middle), (middle, fine))]
    limit = (16 * twice[1] - twice[0]) / 15
    assert limit == pytest.approx(order.utility, rel=1e-9)
    held = [run[1].inventory.to_numpy()[2**k - 1 :: 2**k] for k, run in enumerate(runs)]
    halves = [(4 * b - a) / 3 for a, b in ((held[0], held[1]), (held[1], held[2]))]
    times = edges_for(order, 200)[1:]
    np.testing.assert_allclose(halves[1], order.holdings(times), atol=2e-6 * order.shares)


@pytest.mark.parametrize("k", [0.5, 1.0, 2.0])
def test_other_solvers_agree_through_the_terms(k):
    order = order_with(k, epsilon=0.01)
    value, schedule, _ = utility(order, 50, "newton")
    for method in ("ipopt", "highs") if k == 1 else ("ipopt",):
        other, again, _ = utility(order, 50, method)
        assert other == pytest.approx(value, rel=1e-6)
        np.testing.assert_allclose(again.x, schedule.x, atol=1e-5 * order.shares)


@pytest.mark.parametrize("k", [0.5, 1.0, 2.0])
def test_characteristic_time_grows_with_size_as_the_exponent_says(k):
    order = order_with(k)
    double = replace(order, shares=2 * order.shares)
    assert double.characteristic_time == pytest.approx(order.characteristic_time * 2 ** ((k - 1) / (k + 1)), rel=1e-12)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: replace(order_with(1.0), risk_aversion=0.0), "risk_aversion must be > 0"),
        (lambda: replace(order_with(1.0), k=[1.0, 2.0]), "k must be a single number"),
        (lambda: replace(order_with(1.0), epsilon=-1.0), "epsilon must be >= 0"),
        (lambda: order_with(1.0).holdings([0.0, -1.0]), r"times\[1\] must be >= 0"),
        (lambda: order_with(1.0).problem([0.0, 1.0, 1.0]), "edges must be two or more rising times"),
        (lambda: order_with(1.0).problem([0.0]), "edges must be two or more rising times"),
    ],
)
def test_a_wrong_argument_is_named(call, message):
    with pytest.raises(ox.InvalidInput, match=message):
        call()
