"""What holds for every term of the objective, and that none goes without."""

import numpy as np
import pyomo.environ as pyo
import pytest
from registered import subclasses

import optexec as ox
from optexec.models.unfilled import Unfilled
from optexec.solvers.highs import run_highs
from optexec.solvers.ipopt import run_ipopt

SHARES, BUCKETS = 100.0, 4
KINKED = ox.Tabulated([0, 40, 70, 100], [0, 40, 100, 580])
POINTS = [np.array(x) for x in ([40.0, 30.0, 20.0, 10.0], [0.0, 70.0, 0.0, 30.0], [40.0, 20.0, 0.0, 40.0])]
"""Schedules; some of their slices lie on a corner of `KINKED`."""

TERMS: dict[type[ox.Term], ox.Term] = {
    ox.ImpactCost: ox.ImpactCost(),
    ox.Smoothing: ox.Smoothing(rho=[1e-3, 2e-3, 0.0, 5e-3]),
    ox.InventoryRisk: ox.InventoryRisk(psi=1e-3, weights=[1.0, 3.0, 2.0, 9.0]),
    ox.TransientImpact: ox.TransientImpact(level=1e-3, decay=[0.5, 0.9, 0.0, 0.6]),
    Unfilled: Unfilled(cost=0.1, penalty=1e-3),
}
REMEMBERING = {ox.TransientImpact}
"""Terms whose later buckets pay for the earlier ones, so that no part of them stands alone."""
each_term = pytest.mark.parametrize("kind", TERMS, ids=lambda kind: kind.__name__)
each_point = pytest.mark.parametrize("x", POINTS, ids=["early", "gaps", "corners"])


def problem_with(term: ox.Term) -> ox.Problem:
    """The term alone: curves with corners if it is the impact cost, free trading if not."""
    if isinstance(term, Unfilled):
        told = {"unfilled_cost": term.cost, "unfilled_penalty": term.penalty}
        order = ox.Order(2 * SHARES, must_complete=False, **told)
        return ox.Problem(order, ox.Linear(0.0), ox.objective("A"), buckets=BUCKETS)
    if isinstance(term, ox.ImpactCost):
        return ox.Problem(ox.Order(SHARES), KINKED, ox.Objective((term,)), buckets=BUCKETS)
    return ox.Problem(ox.Order(SHARES), ox.Linear(0.0), ox.ImpactCost() + term, buckets=BUCKETS)


def cost(term: ox.Term, x: np.ndarray) -> float:
    return float(term.bucket_costs(problem_with(term), x).sum())


def cost_in_model(model: pyo.ConcreteModel, term: ox.Term, x: np.ndarray) -> float:
    """The named cost of the term's block where shares and inventory are fixed and all else is as cheap as can be."""
    held = model.problem.inventory(x)
    for i, shares, rest in zip(model.BUCKETS, x.tolist(), held.tolist(), strict=True):
        model.x[i].fix(shares, skip_validation=True)
        model.R[i].fix(rest, skip_validation=True)
    if any(not variable.fixed for variable in model.component_data_objects(pyo.Var)):
        linear = term.quadratic or isinstance(term, ox.ImpactCost) or model.name == "bound"
        assert (run_highs(model, gap=1e-9).status if linear else run_ipopt(model)) == "optimal"
    return float(pyo.value(model.term[term.name].cost))


def test_every_term_has_its_tests() -> None:
    assert set(TERMS) == set(subclasses(ox.Term))
    assert {kind.__name__ for kind in TERMS} - {"Unfilled"} <= set(ox.__all__), "an order brings Unfilled, not a user"


@each_term
@each_point
def test_gradients_are_the_derivatives_on_either_side(kind: type[ox.Term], x: np.ndarray) -> None:
    term, step = TERMS[kind], 1e-6 * SHARES
    problem = problem_with(term)
    right, left = term.gradient(problem, x), term.gradient_left(problem, x)
    for k, unit in enumerate(np.eye(BUCKETS)):
        rise = (cost(term, x + step * unit) - cost(term, x)) / step
        assert right[k] == pytest.approx(rise, rel=1e-4, abs=1e-6)
        if x[k] > 0:
            fall = (cost(term, x) - cost(term, x - step * unit)) / step
            assert left[k] == pytest.approx(fall, rel=1e-4, abs=1e-6)


def test_some_point_lies_on_a_corner() -> None:
    problem = problem_with(ox.ImpactCost())
    assert any((problem.gradient(x) != problem.gradient_left(x)).any() for x in POINTS)


@each_term
@each_point
def test_the_pyomo_block_costs_what_the_arrays_cost(kind: type[ox.Term], x: np.ndarray) -> None:
    term = TERMS[kind]
    assert cost_in_model(ox.build(problem_with(term)), term, x) == pytest.approx(cost(term, x), rel=1e-6, abs=1e-7)


@each_term
@each_point
@pytest.mark.parametrize("segments", [1, 4])
def test_the_under_estimate_lies_below(kind: type[ox.Term], x: np.ndarray, segments: int) -> None:
    term = TERMS[kind]
    model = ox.build_piecewise(problem_with(term), segments)
    model.name = "bound"
    assert cost_in_model(model, term, x) <= cost(term, x) * (1 + 1e-7) + 1e-7


@each_term
def test_it_is_convex(kind: type[ox.Term]) -> None:
    term = TERMS[kind]
    for x in POINTS:
        for y in (*POINTS, np.zeros(BUCKETS)):
            assert cost(term, 0.5 * (x + y)) <= 0.5 * (cost(term, x) + cost(term, y)) * (1 + 1e-12)


@each_term
def test_it_says_bucket_by_bucket_what_it_costs(kind: type[ox.Term]) -> None:
    term = TERMS[kind]
    problem = problem_with(term)
    for x in POINTS:
        costs = term.bucket_costs(problem, x)
        assert costs.shape == (BUCKETS,)
        assert problem.breakdown(x)[term.name] == pytest.approx(costs.sum(), rel=1e-12)
        if term.separable:
            alone = [term.at_bucket(problem, i, x[i : i + 1])[0] for i in range(BUCKETS)]
            np.testing.assert_allclose(alone, costs, rtol=1e-12)


@each_term
def test_its_name_is_its_own(kind: type[ox.Term]) -> None:
    assert [other.name for other in TERMS.values()].count(TERMS[kind].name) == 1
    assert kind.__name__ in repr(TERMS[kind])


@each_term
def test_its_part_charges_what_the_whole_charges_for_those_buckets(kind: type[ox.Term]) -> None:
    problem = problem_with(TERMS[kind])
    if kind in REMEMBERING:
        with pytest.raises(ox.InvalidInput, match=TERMS[kind].name):
            problem.part(1, shares=50)
        return
    for x in POINTS:
        rest = problem.part(1, shares=float(problem.inventory(x)[0]))
        [term] = [term for term in rest.charges if isinstance(term, kind)]
        costs = TERMS[kind].bucket_costs(problem, x)[1:]
        np.testing.assert_allclose(term.bucket_costs(rest, x[1:]), costs, rtol=1e-12)
