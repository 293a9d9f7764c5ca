"""One model solved again with other numbers: the answers of fresh solves, refusals, and constraints of one's own."""

import numpy as np
import pyomo.environ as pyo
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from strategies import cases, changed

import optexec as ox
from optexec.solvers.casadi_nlp import CasadiNlp
from optexec.solvers.highs import run_highs
from optexec.solvers.highs_model import HighsModel
from optexec.solvers.ipopt import run_ipopt
from optexec.solvers.scaling import typical_objective

QUADRATIC = [("Linear", "total"), ("Linear", "per_share"), ("Tabulated", "total")]
SOLVERS = {"ipopt": 1e-8, "highs": 1e-6}
"""Relative accuracy of each solver's objective."""


def declared(shares=300.0, psi=0.5, a=(1.0, 2.0, 2.0), limits=None):
    impact = ox.Linear(0.1) + ox.Power(list(a), 2.0)
    return ox.Problem(ox.Order(shares), impact, ox.objective("C", psi=psi), limits)


def agree(schedule, objective, accuracy):
    slack = accuracy * typical_objective(schedule.problem)
    assert schedule.objective == pytest.approx(objective, rel=accuracy, abs=slack)
    assert schedule.lower_bound <= objective + slack


def follow(data, problem, solver):
    """Solve a problem, changed ones and the first one again; each must be what a fresh solve gives.

    Both solvers break off on some degenerate problems, but then on the fresh model too.
    """
    assume(solver in ox.methods(problem))
    again, accuracy = ox.Resolver(problem, solver), SOLVERS[solver]
    for other in (problem, *data.draw(st.lists(changed(problem), min_size=1, max_size=3)), problem):
        if solver not in ox.methods(other):
            continue
        try:
            schedule = again.solve(other)
        except ox.SolverFailure:
            with pytest.raises(ox.SolverFailure, match=r"HiGHS|IPOPT"):
                run(solver, ox.build(other))
            continue
        assert schedule.problem is other
        agree(schedule, ox.solve(other, solver).objective, accuracy)
        if "newton" in ox.methods(other):
            agree(schedule, ox.solve(other, "newton").objective, accuracy)


@settings(max_examples=60)
@given(st.data())
def test_ipopt_follows_the_numbers(data):
    follow(data, data.draw(cases(convex=True))[1], "ipopt")


@settings(max_examples=60)
@given(st.data())
def test_highs_follows_the_numbers(data):
    follow(data, data.draw(cases(shapes=QUADRATIC, convex=True))[1], "highs")


def run(solver, model):
    if solver == "highs":
        run_highs(model, objective_scale=typical_objective(model.problem))
    else:
        run_ipopt(model, objective_scale=typical_objective(model.problem))


@pytest.mark.parametrize("solver", SOLVERS)
@settings(max_examples=25)
@given(data=st.data())
def test_a_constraint_of_ones_own_stays_in_force(solver, data):
    problem = declared()
    again = ox.Resolver(problem, solver)

    def restrict(model):
        model.even = pyo.Constraint(expr=model.x[2] == model.x[3] + 0.1 * model.S)

    restrict(again.model)
    for shares, psi in data.draw(st.lists(st.tuples(st.integers(50, 900), st.integers(0, 30)), min_size=2, max_size=3)):
        other = declared(shares=float(shares), psi=psi / 10)
        schedule = again.solve(other)
        assert schedule.x[1] - schedule.x[2] == pytest.approx(0.1 * shares, abs=1e-6 * shares)
        fresh = ox.build(other)
        restrict(fresh)
        run(solver, fresh)
        agree(schedule, ox.schedule_from(fresh).objective, SOLVERS[solver])


@pytest.mark.parametrize("solver", SOLVERS)
def test_params_and_bounds_of_ones_own_count_as_they_are(solver):
    again = ox.Resolver(declared(), solver)
    m = again.model
    m.share, m.cap = pyo.Param(initialize=0.0, mutable=True), pyo.Param(initialize=1e3, mutable=True)
    m.early = pyo.Constraint(expr=m.share * m.x[1] + m.x[2] <= m.cap)
    free = again.solve().x
    assert free == pytest.approx(ox.solve(declared()).x, abs=1e-3)
    m.cap.set_value(0.5 * free[1])
    assert again.solve().x[1] == pytest.approx(0.5 * free[1], abs=1e-3)
    m.share.set_value(1.0)
    assert again.solve().x[:2].sum() == pytest.approx(0.5 * free[1], abs=1e-3)
    m.cap.set_value(1e3)
    assert again.solve().x == pytest.approx(free, abs=1e-3)


@pytest.mark.parametrize("solver", SOLVERS)
def test_a_variable_that_is_fixed_by_hand_keeps_its_value_until_it_is_freed(solver):
    again = ox.Resolver(declared(), solver)
    again.model.x[1].fix(30.0)
    assert again.solve().x[0] == pytest.approx(30.0)
    again.model.x[1].fix(60.0)
    schedule = again.solve(declared(psi=1.5))
    past = ox.Limits(minimum=[60, 0, 0], maximum=[60, 300, 300])
    agree(schedule, ox.solve(declared(psi=1.5, limits=past)).objective, SOLVERS[solver])
    again.model.x[1].unfix()
    agree(again.solve(declared()), ox.solve(declared()).objective, SOLVERS[solver])


@pytest.mark.parametrize("solver", SOLVERS)
def test_the_declaration_overrules_numbers_set_in_the_model_by_hand(solver):
    again = ox.Resolver(declared(), solver)
    again.model.S.set_value(100.0)
    again.model.term["inventory_risk"].psi.set_value(9.0)
    again.model.x[1].setub(1.0)
    agree(again.solve(), ox.solve(declared()).objective, SOLVERS[solver])


@pytest.mark.parametrize(("solver", "translation"), [("ipopt", CasadiNlp), ("highs", HighsModel)])
def test_the_model_is_translated_again_only_when_it_has_other_constraints_or_terms(solver, translation, monkeypatch):
    translated, original = [], translation.__init__
    monkeypatch.setattr(translation, "__init__", lambda self, model: translated.append(1) or original(self, model))
    again = ox.Resolver(declared(), solver)
    for psi in (0.1, 0.2, 0.3):
        again.solve(declared(psi=psi))
    assert len(translated) == 1
    again.model.early = pyo.Constraint(expr=again.model.x[1] <= 20)
    assert again.solve().x[0] == pytest.approx(20.0, abs=1e-4)
    again.model.early.deactivate()
    ox.swap_terms(again.model, ox.objective("A"))
    without_risk = declared().replace(terms=ox.objective("A"))
    agree(again.solve(), ox.solve(without_risk).objective, SOLVERS[solver])
    assert len(translated) == 3


@pytest.mark.parametrize("solver", SOLVERS)
def test_every_bucket_may_be_past(solver):
    again = ox.Resolver(declared(), solver)
    done = ox.Limits(minimum=[100, 0, 200], maximum=[100, 0, 200])
    assert again.solve(declared(limits=done)).x.tolist() == pytest.approx([100.0, 0.0, 200.0])
    again.model.early = pyo.Constraint(expr=again.model.x[1] <= 99)
    with pytest.raises(ox.SolverFailure, match="of your own"):
        again.solve()


@pytest.mark.parametrize("solver", SOLVERS)
def test_a_closed_bucket_of_a_steep_power_is_no_obstacle(solver):
    impact = ox.Power([1.0, 2.0, 2.0], 1.2 if solver == "ipopt" else 2.0)
    problem = ox.Problem(ox.Order(300), impact, ox.objective("C", psi=0.5))
    again = ox.Resolver(problem, solver)
    again.solve()
    closed = problem.replace(limits=ox.Limits(maximum=[0, 300, 300]))
    agree(again.solve(closed), ox.solve(closed, "newton").objective, SOLVERS[solver])


@pytest.mark.parametrize("solver", SOLVERS)
def test_after_numbers_that_leave_no_schedule_others_are_solved(solver):
    again = ox.Resolver(declared(), solver)
    again.model.early = pyo.Constraint(expr=again.model.x[1] + again.model.x[2] <= 200)
    wanted = again.solve().objective
    with pytest.raises(ox.SolverFailure, match="of your own"):
        again.solve(declared(limits=ox.Limits(maximum=[300, 300, 50])))
    with pytest.raises(ox.InfeasibleOrder):
        again.solve(declared(limits=ox.Limits(maximum=50)))
    agree(again.solve(declared()), wanted, SOLVERS[solver])


@pytest.mark.parametrize("solver", SOLVERS)
def test_a_refused_change_leaves_the_last_problem(solver):
    again = ox.Resolver(declared(), solver)
    wanted = again.solve().objective
    with pytest.raises(ox.InvalidInput, match=r"Power\.b is a constant of the model; build a new"):
        again.solve(declared().replace(impact=ox.Linear(0.7) + ox.Power([1.0, 2.0, 2.0], 1.0)))
    with pytest.raises(ox.InvalidInput, match="does not apply"):
        again.solve(declared().replace(impact=ox.Linear(0.1) + ox.Power([1.0, 2.0, 2.0], 0.5)))
    assert again.solve().objective == pytest.approx(wanted, rel=SOLVERS[solver])


def test_problems_and_solvers_that_do_not_fit_are_refused_at_once():
    concave = ox.Problem(ox.Order(300), ox.Power([1.0, 2.0], 0.5), ox.objective("A"))
    with pytest.raises(ox.InvalidInput, match="not convex"):
        ox.Resolver(concave)
    with pytest.raises(ox.InvalidInput, match="not linear or quadratic"):
        ox.Resolver(concave.replace(impact=ox.Power([1.0, 2.0], 1.5)), "highs")
    with pytest.raises(ox.InvalidInput, match="unknown solver 'ipop'; did you mean 'ipopt'"):
        ox.Resolver(declared(), "ipop")
    with pytest.raises(ox.InvalidInput, match="time_limit"):
        ox.Resolver(declared(), time_limit=0)


@pytest.mark.parametrize("solver", SOLVERS)
def test_whole_lots_are_kept(solver):
    problem = declared().replace(order=ox.Order(300, lot=50))
    schedule = ox.Resolver(problem, solver).solve()
    assert np.allclose(schedule.x % 50, 0)
    assert schedule.x.sum() == 300


def test_highs_refuses_a_constraint_of_ones_own_that_is_not_linear():
    again = ox.Resolver(declared(), "highs")
    again.model.bend = pyo.Param(initialize=0.0, mutable=True)
    again.model.curved = pyo.Constraint(expr=again.model.bend * again.model.x[1] ** 2 + again.model.x[2] <= 200)
    with pytest.raises(ox.SolverFailure, match="curved"):
        again.solve()
    again.model.curved.set_value(again.model.x[1] ** 2 <= 200)
    with pytest.raises(ox.SolverFailure, match="curved"):
        again.solve()
    again.model.curved.deactivate()
    agree(again.solve(), ox.solve(declared()).objective, 1e-6)
