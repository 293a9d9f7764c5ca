"""Curves that the objective does not charge decide nothing: not the methods, not the bound, not the answer."""

import numpy as np
import pytest

import optexec as ox
from optexec.solvers.block import kind

TERMS = {
    "smoothing": ox.Objective((ox.Smoothing([1.0, 2.0, 3.0]),)),
    "risk": ox.Objective((ox.InventoryRisk(0.5),)),
    "both": ox.Smoothing(1.0) + ox.InventoryRisk(0.5),
}
CURVES = {
    "concave": ox.Power([1.0, 2.0, 3.0], 0.5),
    "bent": ox.Tabulated([0, 100, 200, 300], [0, 200, 210, 400]),
    "unknown": ox.Exponential(1.0, 0.01, quoted="per_share") + ox.Power(3.0, 0.5),
}
LIMITS = {"none": ox.Limits(), "limits": ox.Limits(minimum=[20, 0, 0], maximum=[150, 200, 120])}


@pytest.mark.parametrize("terms", TERMS)
@pytest.mark.parametrize("curve", CURVES)
@pytest.mark.parametrize("limits", LIMITS)
@pytest.mark.parametrize("completes", [True, False])
def test_a_problem_that_charges_no_impact_is_that_of_free_trading(terms, curve, limits, completes):
    told = {} if completes else {"must_complete": False, "unfilled_cost": 40.0}
    problem, free = (
        ox.Problem(ox.Order(300, **told), impact, TERMS[terms], LIMITS[limits], buckets=3)
        for impact in (CURVES[curve], ox.Linear(0.0))
    )
    assert problem.convex
    assert list(ox.methods(problem)) == list(ox.methods(free))
    assert kind(problem) == kind(free)
    for name in ox.methods(problem):
        found, expected = ox.solve(problem, name), ox.solve(free, name)
        np.testing.assert_allclose(found.x, expected.x, atol=1e-6, err_msg=name)
        assert found.lower_bound == pytest.approx(expected.lower_bound, rel=1e-9), name
    found, expected = ox.solve_many([problem, free])
    assert found.objective == pytest.approx(expected.objective, rel=1e-12)


def test_smoothing_alone_evens_the_schedule_out():
    problem = ox.Problem(ox.Order(300), ox.Power([1.0, 2.0, 3.0], 0.5), ox.Smoothing(1.0))
    np.testing.assert_allclose(ox.solve(problem).x, 100.0)
    assert ox.solve(problem, "milp").objective == pytest.approx(15_000, rel=1e-4)


def test_convexity_follows_the_objective():
    charged = ox.Problem(ox.Order(300), ox.Power([1.0, 2.0], 0.5), ox.objective("B", rho=1.0))
    assert not charged.convex
    uncharged = charged.replace(terms=ox.Smoothing(1.0))
    assert uncharged.convex
    assert not uncharged.replace(terms=ox.objective("A")).convex
    assert not charged.convex
