"""Concave impact: the optimum is an extreme point, and the Lagrange point is the worst one."""

from itertools import permutations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import optexec as ox

levels = st.lists(st.integers(50, 200).map(lambda k: k / 100), min_size=2, max_size=6)


def concave(family, a, limits=None, shares=1_000.0):
    impact = ox.Power(a, 0.6) if family == "Power" else ox.Exponential(a, 1.5 / shares)
    return ox.Problem(ox.Order(shares), impact, ox.objective("A"), limits=limits)


def cheapest_extreme_point(problem):
    """Fill buckets in every order until the order is done: all points with at most one bucket inside its limits."""
    best = np.inf
    for order in permutations(range(problem.buckets)):
        x, left = problem.lo.copy(), problem.shares - problem.lo.sum()
        for i in order:
            step = min(left, problem.hi[i] - x[i])
            x[i], left = x[i] + step, left - step
        best = min(best, problem.objective(x))
    return best


@pytest.mark.parametrize("family", ["Power", "Exponential"])
@settings(max_examples=15)
@given(a=levels)
def test_without_limits_the_whole_order_goes_to_the_cheapest_bucket(family, a):
    problem = concave(family, a)
    for name in ("milp", "best_bucket"):
        schedule = ox.solve(problem, name, gap=1e-6)
        assert schedule.x[int(np.argmax(schedule.x))] == pytest.approx(1_000, rel=1e-9), name
        assert a[int(np.argmax(schedule.x))] == min(a), name
        assert schedule.gap <= 1e-6, name


@pytest.mark.parametrize("family", ["Power", "Exponential"])
@settings(max_examples=15)
@given(data=st.data())
def test_at_most_one_bucket_strictly_inside_its_limits(family, data):
    a = data.draw(levels)
    caps = data.draw(st.lists(st.integers(200, 700), min_size=len(a), max_size=len(a)))
    if sum(caps) < 1_000:
        caps[0] += 1_000 - sum(caps)
    problem = concave(family, a, ox.Limits(maximum=caps))
    for name in ("milp", "branch"):
        schedule = ox.solve(problem, name, gap=1e-7)
        inside = np.minimum(schedule.x - problem.lo, problem.hi - schedule.x) > 1e-6 * problem.shares
        assert inside.sum() <= 1, name
        assert schedule.objective == pytest.approx(cheapest_extreme_point(problem), rel=2e-7), name


@given(a=levels, direction=st.integers(0, 2**32 - 1))
def test_the_lagrange_point_is_the_maximum(a, direction):
    b = 0.6
    problem = concave("Power", a)
    share = np.array(a) ** (1 / (1 - b))
    top = 1_000 * share / share.sum()
    marginal = problem.gradient(top)
    np.testing.assert_allclose(marginal, marginal[0], rtol=1e-9)
    other = np.random.default_rng(direction).dirichlet(np.ones(len(a))) * 1_000
    assert problem.objective(other) <= problem.objective(top) * (1 + 1e-12)
    assert ox.solve(problem).objective < problem.objective(top)


def test_methods_of_convex_problems_refuse_concave_ones():
    problem = concave("Power", [1.0, 2.0])
    frame = ox.methods(problem).frame
    exact = frame.index[frame["guarantee"].str.contains("exact|optimal")].difference(["dp"])
    assert {"closed_form", "waterfill", "ipopt", "highs"} <= set(exact)
    for name in exact:
        with pytest.raises(ox.InvalidInput, match=name):
            ox.solve(problem, name)


def test_greedy_is_far_from_the_best_bucket():
    # The first slices are cheapest where a b is least; the whole order is cheapest where a is.
    impact = ox.PerBucket([ox.Exponential(10.0, 0.0005), ox.Exponential(2.0, 0.005)])
    problem = ox.Problem(ox.Order(5_000), impact, ox.objective("A"))
    trap, best = ox.solve(problem, "greedy"), ox.solve(problem)
    assert trap.objective > 4 * best.objective
    assert trap.lower_bound <= best.objective
