"""The Pyomo models: the same value as the declaration, terms that swap, constraints of one's own, and the bound."""

from itertools import pairwise

import numpy as np
import pyomo.environ as pyo
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from strategies import SHAPES, cases, curves, feasible_points, impact_of, stacked

import optexec as ox
from optexec.solvers.casadi_ipopt import CasadiIpopt
from optexec.solvers.highs import run_highs
from optexec.solvers.ipopt import ipopt_program, run_ipopt

SHARES = 100.0
SMOOTH = tuple(shape for shape in SHAPES if shape[0] != "Tabulated")
TERMS = {
    "A": ox.objective("A"),
    "B": ox.objective("B", rho=4e-4),
    "C": ox.objective("C", psi=3e-4, weights="linear"),
}


def put(model, x):
    """Set the shares and the inventory that follows from them."""
    held = model.problem.inventory(np.asarray(x))
    for i, shares, rest in zip(model.BUCKETS, np.asarray(x).tolist(), held.tolist(), strict=True):
        model.x[i].set_value(shares, skip_validation=True)
        model.R[i].set_value(rest, skip_validation=True)


@settings(max_examples=100)
@given(st.data())
def test_cost_of_the_model_is_the_objective(data):
    case, problem = data.draw(cases(shapes=SMOOTH))
    x = data.draw(feasible_points(case))
    model = ox.build(problem)
    put(model, x)
    slack = 1e-12 * case.yardstick()
    assert pyo.value(model.cost) == pytest.approx(problem.objective(x), rel=1e-10, abs=slack)
    for name, value in problem.breakdown(x).items():
        assert pyo.value(model.term[name].cost) == pytest.approx(value, rel=1e-10, abs=slack), name
    assert set(model.term) == set(problem.breakdown(x))


@pytest.mark.parametrize("shape", SMOOTH, ids="-".join)
@settings(max_examples=20)
@given(data=st.data())
def test_the_pyomo_expression_of_a_family_is_its_cost(shape, data):
    layer = [data.draw(curves(shape, SHARES)) for _ in range(2)]
    problem = ox.Problem(ox.Order(SHARES), stacked(layer), TERMS["A"])
    x = SHARES * np.array([0.37, 0.63])
    model = ox.build(problem)
    put(model, x)
    assert pyo.value(model.cost) == pytest.approx(sum(c.cost(v) for c, v in zip(layer, x, strict=True)), rel=1e-12)


@pytest.mark.parametrize("quoted", ["total", "per_share"])
@settings(max_examples=8)
@given(data=st.data())
def test_tabulated_cost_of_the_model_is_the_objective_at_fixed_shares(quoted, data):
    layer = [data.draw(curves(("Tabulated", quoted), SHARES, points=4)) for _ in range(2)]
    problem = ox.Problem(ox.Order(SHARES), stacked(layer), TERMS["C"])
    x = SHARES * np.array([0.37, 0.63])
    model = ox.build(problem)
    put(model, x)
    for i in model.BUCKETS:
        model.x[i].fix()
        model.R[i].fix()
    assert run_highs(model, gap=1e-9).status == "optimal"
    assert pyo.value(model.cost) == pytest.approx(problem.objective(x), rel=1e-6, abs=1e-7)


def test_the_components_are_those_that_the_documentation_names():
    problem = ox.Problem(ox.Order(SHARES), ox.Power([1.0, 2.0], 2.0), TERMS["C"], buckets=["early", "late"])
    model = ox.build(problem)
    assert list(model.BUCKETS) == ["early", "late"]
    assert pyo.value(model.S) == SHARES
    assert model.x["early"].bounds == (0, SHARES)
    put(model, [30.0, 70.0])
    for row in (model.inventory["early"], model.inventory["late"], model.completion):
        assert pyo.value(row.body) == pytest.approx(pyo.value(row.upper))
    model.term["inventory_risk"].psi.set_value(1.0)
    assert pyo.value(model.term["inventory_risk"].cost) == pytest.approx(0.5 * 0.5 * 70**2)


def base():
    impact = ox.Linear([0.01, 0.012, 0.015, 0.011], quoted="total") + ox.Power([1e-4, 2e-4, 3e-4, 2e-4], 2.0)
    return ox.Problem(ox.Order(SHARES), impact, TERMS["A"])


def by_highs(model):
    assert run_highs(model, objective_scale=1.0).status == "optimal"


def by_ipopt(model):
    assert run_ipopt(model, solver=CasadiIpopt()) == "optimal"


def by_program(model):
    if ipopt_program() is None:
        pytest.skip("the ipopt program is not installed")
    assert run_ipopt(model) == "optimal"


def by_pyomo(model):
    pyo.SolverFactory("highs").solve(model)


SOLVERS = {"highs": by_highs, "casadi": by_ipopt, "program": by_program, "pyomo": by_pyomo}


@pytest.mark.parametrize("solver", ["highs", "casadi", "program"])
@pytest.mark.parametrize("order", ["ABCA", "CBAC", "BACB"])
@pytest.mark.parametrize("constrained", [False, True])
def test_swapping_terms_gives_what_a_fresh_model_gives(solver, order, constrained):
    def restrict(model):
        if constrained:
            model.early = pyo.Constraint(expr=model.x[1] + model.x[2] <= 0.3 * SHARES)
        return model

    swapped = restrict(ox.build(base().replace(terms=TERMS[order[0]])))
    SOLVERS[solver](swapped)
    for name in order[1:]:
        ox.swap_terms(swapped, TERMS[name])
        SOLVERS[solver](swapped)
        fresh = restrict(ox.build(base().replace(terms=TERMS[name])))
        SOLVERS[solver](fresh)
        for i in fresh.BUCKETS:
            assert swapped.x[i].value == pytest.approx(fresh.x[i].value, abs=1e-4 * SHARES)
        assert pyo.value(swapped.cost) == pytest.approx(pyo.value(fresh.cost), rel=1e-7)
        assert list(swapped.term) == list(fresh.term)
        assert swapped.problem.objective(np.array([swapped.x[i].value for i in swapped.BUCKETS])) == pytest.approx(
            pyo.value(swapped.cost), rel=1e-8
        )
        if constrained:
            assert pyo.value(swapped.x[1] + swapped.x[2]) <= 0.3 * SHARES + 1e-6


@pytest.mark.parametrize("terms", TERMS)
@pytest.mark.parametrize("solver", SOLVERS)
def test_a_constraint_of_your_own_end_to_end(solver, terms):
    problem = base().replace(terms=TERMS[terms])
    model = ox.build(problem)
    model.noon = pyo.Constraint(expr=model.x[1] + model.x[2] <= 0.3 * SHARES)
    SOLVERS[solver](model)
    schedule = ox.schedule_from(model, method=solver)
    assert schedule.x.sum() == pytest.approx(SHARES, rel=1e-9)
    assert schedule.x[:2].sum() <= 0.3 * SHARES * (1 + 1e-6)
    grid = [
        np.array([a, b, c, 100 - a - b - c], dtype=float)
        for a in range(31)
        for b in range(31 - a)
        for c in range(101 - a - b)
    ]
    best = min(problem.objective(x) for x in grid)
    assert schedule.objective <= best * (1 + 1e-6)
    assert schedule.objective >= best * (1 - 1e-2)
    assert schedule.method == solver
    free = ox.solve(problem)
    assert free.x[:2].sum() > 0.3 * SHARES
    assert schedule.lower_bound <= free.objective * (1 + 1e-9)


def test_an_unsolved_or_unfinished_model_is_not_read():
    model = ox.build(base())
    for i in model.BUCKETS:
        model.x[i].set_value(None)
    with pytest.raises(ox.SolverFailure):
        ox.schedule_from(model)
    put(model, [10.0, 10.0, 10.0, 10.0])
    with pytest.raises(ox.SolverFailure, match="40"):
        ox.schedule_from(model)


def test_a_constraint_that_nothing_satisfies_is_a_solver_failure():
    model = ox.build(base())
    model.never = pyo.Constraint(expr=model.x[1] + model.x[2] >= 2 * SHARES)
    with pytest.raises(ox.SolverFailure):
        run_ipopt(model, solver=CasadiIpopt())
    assert run_highs(ox_never()).status == "infeasible"


def ox_never():
    model = ox.build(base())
    model.never = pyo.Constraint(expr=model.x[1] + model.x[2] >= 2 * SHARES)
    return model


@settings(max_examples=30)
@given(cases())
def test_the_piecewise_model_is_a_bound_that_grows(drawn):
    case, problem = drawn
    best, slack = case.best()[1], 1e-7 * case.yardstick()
    values = []
    for breakpoints in (1, 2, 4, 8):
        model = ox.build_piecewise(problem, breakpoints)
        answer = run_highs(model, objective_scale=max(case.yardstick(), 1e-12), gap=1e-9)
        assert answer.status == "optimal"
        values.append(pyo.value(model.cost))
    assert all(value <= best + slack for value in values)
    impact_only = len(list(problem.terms)) == 1
    if impact_only:  # grids of 1, 2, 4, 8 segments are nested; the schedules of the other terms' tangents are not
        assert all(later >= earlier - slack for earlier, later in pairwise(values))


def test_the_piecewise_model_closes_on_the_optimum():
    problem = ox.Problem(ox.Order(SHARES), ox.Power([1.0, 1.3, 0.9], 0.6), TERMS["A"], ox.Limits(maximum=45))
    optimum = min(problem.objective(np.array(x)) for x in ([45, 10, 45], [45, 45, 10], [10, 45, 45]))
    shortfall = []
    for breakpoints in (1, 4, 16, 64):
        model = ox.build_piecewise(problem, breakpoints)
        run_highs(model, gap=1e-9)
        shortfall.append(1 - pyo.value(model.cost) / optimum)
    assert shortfall[0] > 0.01
    assert 0 <= shortfall[-1] + 1e-9 < 0.002
    assert all(b <= a + 1e-9 for a, b in pairwise(shortfall))


@settings(max_examples=60)
@given(cases(convex=True))
def test_convex_curves_need_no_binaries(drawn):
    _, problem = drawn
    if problem.convex and not has_table(problem):
        assert len(ox.build_piecewise(problem, 8).term["impact"].opened) == 0


def has_table(problem):
    return "Tabulated" in repr(problem.impact)


def test_a_convex_table_needs_no_binaries_and_a_concave_one_does():
    convex = ox.Tabulated([0, 40, 70, 100], [0, 40, 100, 580])
    concave = ox.Tabulated([0, 40, 70, 100], [0, 80, 100, 110])
    for table, count in ((convex, 0), (concave, 4)):
        problem = ox.Problem(ox.Order(SHARES), table, TERMS["A"], buckets=2)
        assert len(ox.build_piecewise(problem, 1).term["impact"].opened) == count


@pytest.mark.parametrize("breakpoints", [0, -1])
def test_a_piecewise_model_needs_a_segment(breakpoints):
    with pytest.raises(ox.InvalidInput, match="breakpoints"):
        ox.build_piecewise(base(), breakpoints)


@pytest.mark.parametrize("shape", SHAPES, ids="-".join)
@settings(max_examples=25)
@given(data=st.data())
def test_under_estimates_stay_below_the_curve(shape, data):
    from optexec.models.under_estimate import under_estimates

    curve = data.draw(curves(shape, SHARES))
    problem = ox.Problem(ox.Order(SHARES), impact_of(curve), TERMS["A"], buckets=1)
    points = np.array(data.draw(st.lists(st.floats(0, SHARES), min_size=1, max_size=4, unique=True)))
    x, y = under_estimates(problem, [np.sort(points)])[0]
    grid = np.linspace(0, SHARES, 301)
    truth = np.array([curve.cost(v) for v in grid])
    assert np.all(np.interp(grid, x, y) <= truth + 1e-10 * max(np.abs(truth).max(), 1e-300))
