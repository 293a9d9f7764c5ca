"""Least slices: what `Limits(smallest=...)` makes of floors and caps, what it refuses, and who honours it."""

import numpy as np
import pyomo.environ as pyo
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import optexec as ox
from optexec.solvers import lagrange, local
from optexec.solvers.dispatch import METHODS
from optexec.solvers.evaluation import relaxed_bound

HONOURS = {"dp", "milp"}


def declare(limits, shares=900.0, buckets=3, power=2.0, lot=None):
    impact = ox.Power([1.0 + k for k in range(buckets)], power)
    return ox.Problem(ox.Order(shares, lot=lot), impact, ox.objective("A"), limits)


def test_without_least_slices_nothing_is_semicontinuous():
    problem = declare(ox.Limits(minimum=10))
    assert not problem.semicontinuous
    assert problem.smallest.tolist() == [0, 0, 0]
    assert problem.trading(np.zeros(3, dtype=bool)) is problem


def test_a_floor_makes_the_bucket_trade_at_least_the_least_slice():
    problem = declare(ox.Limits(minimum=[50, 200, 0], smallest=100))
    assert problem.lo.tolist() == [100, 200, 0]
    assert problem.smallest.tolist() == [0, 0, 100]
    assert problem.semicontinuous
    assert not declare(ox.Limits(minimum=50, smallest=100)).semicontinuous


def test_a_cap_below_the_least_slice_closes_the_bucket():
    problem = declare(ox.Limits(maximum=[99, 100, 900], smallest=100))
    assert problem.hi.tolist() == [0, 100, 900]
    assert problem.smallest.tolist() == [0, 100, 100]


def test_a_cap_that_misses_the_least_slice_by_rounding_holds_it():
    problem = declare(ox.Limits(participation=0.29, volume=[100, 10_000, 10_000], smallest=29))
    assert 0.29 * 100 < 29
    assert problem.hi[0] == problem.smallest[0] == 0.29 * 100


@settings(max_examples=200)
@given(st.data())
def test_bounds_are_those_of_the_definition(data):
    n = data.draw(st.integers(1, 5))
    numbers = st.lists(st.integers(0, 9), min_size=n, max_size=n)
    low, high, least = data.draw(numbers), data.draw(numbers), data.draw(numbers)
    high = [max(pair) for pair in zip(low, high, strict=True)]
    shares = data.draw(st.integers(1, 9 * n))
    allowed = [
        {k for k in range(a, min(b, shares) + 1) if k == 0 or k >= m} for a, b, m in zip(low, high, least, strict=True)
    ]
    fits = all(allowed) and sum(map(min, allowed)) <= shares <= sum(map(max, allowed))
    limits = ox.Limits(minimum=low, maximum=high, smallest=least)
    if not fits:
        with pytest.raises(ox.InfeasibleOrder):
            declare(limits, shares, n)
        return
    problem = declare(limits, shares, n)
    told = zip(problem.lo, problem.hi, problem.smallest, strict=True)
    for k, (lo, hi, smallest) in enumerate(told):
        assert {v for v in range(int(hi) + 1) if v >= lo and (v == 0 or v >= smallest)} == allowed[k]


@pytest.mark.parametrize(
    ("smallest", "message"),
    [
        (-1, "limits.smallest must be >= 0"),
        ([1, np.nan, 1], r"limits.smallest\[1\] must be finite"),
        ([1, 2], "limits.maximum has 3, limits.smallest has 2"),
    ],
)
def test_wrong_least_slices_are_refused(smallest, message):
    with pytest.raises(ox.InvalidInput, match=message):
        ox.Limits(maximum=[1, 2, 3], smallest=smallest)


@pytest.mark.parametrize(
    ("limits", "message"),
    [
        (ox.Limits(maximum=[100, 0, 850], smallest=200), "lower limits.smallest, which closes 1 of 3 buckets"),
        (ox.Limits(minimum=[0, 0, 1], maximum=[900, 900, 150], smallest=200), "lower minimum or smallest or raise"),
        (ox.Limits(minimum=1, smallest=400), "lower limits.minimum or limits.smallest"),
        (ox.Limits(smallest=901), "lower limits.smallest, which closes 3 of 3 buckets"),
        (ox.Limits(participation=0.1, volume=2_500, smallest=400), "raise participation to 0.16"),
    ],
)
def test_orders_that_least_slices_cannot_hold_are_refused_with_the_mend(limits, message):
    with pytest.raises(ox.InfeasibleOrder, match=message):
        declare(limits)


def test_methods_for_slices_of_any_size_refuse():
    problem = declare(ox.Limits(smallest=100, volume=[1, 2, 3]), lot=100)
    assert set(ox.methods(problem)) == HONOURS
    for name in set(METHODS) - HONOURS:
        with pytest.raises(ox.InvalidInput, match=r"0 or at least limits.smallest: use dp or milp"):
            ox.solve(problem, name)
    assert ox.solve(problem).method == "dp"
    assert ox.solve(problem.replace(order=ox.Order(900))).method == "milp"


def test_verification_compares_the_methods_that_honour_them():
    problem = declare(ox.Limits(smallest=100), power=0.5, lot=100)
    assert local.obstacle(problem)
    assert lagrange.obstacle(problem)
    assert set(ox.verify(problem).index) == HONOURS


def test_evaluate_names_the_first_bucket_below_its_least_slice():
    problem = declare(ox.Limits(smallest=[0, 100, 100]))
    assert ox.evaluate(problem, [50, 850, 0]).x.tolist() == [50, 850, 0]
    with pytest.raises(ox.InfeasibleOrder, match=r"bucket 2 trades 60 shares.*0 or at least 100 \(limits.smallest\)"):
        ox.evaluate(problem, [800, 60, 40])


def test_the_relaxation_ignores_them_and_stays_below():
    for power in (0.5, 2.0):
        problem = declare(ox.Limits(smallest=350, maximum=500), power=power)
        least = ox.solve(problem.continuous()).objective
        answer = ox.solve(problem, "milp", gap=1e-6)
        assert relaxed_bound(problem) <= least * (1 + 1e-9)
        assert least <= answer.objective * (1 + 1e-6)
        assert np.all((answer.x == 0) | (answer.x >= 350))


def test_piecewise_models_hold_lots_and_least_slices():
    order, limits = ox.Order(950, lot=100), ox.Limits(minimum=[200, 0, 0], smallest=[0, 300, 0])
    problem = ox.Problem(order, ox.Linear([0.01, 0.02, 0.03]), ox.objective("A"), limits)
    model = ox.build_piecewise(problem)
    assert list(model.trades) == [2]
    assert all(v.is_integer() for v in model.lots.values())
    assert len(model.host) == 3
    assert ox.build(problem).component("lots") is None
    model.cost.deactivate()
    model.late = pyo.Objective(expr=model.x[1] + model.x[2])
    pyo.SolverFactory("highs").solve(model)
    assert ox.schedule_from(model).x.tolist() == [200.0, 0.0, 750.0]
