"""The direct way to HiGHS: the same answers as Pyomo's own interface, and a start that is taken."""

import subprocess
import sys

import numpy as np
import pyomo.environ as pyo
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from pyomo.contrib.solver.common.factory import SolverFactory
from pyomo.contrib.solver.common.results import SolutionStatus
from strategies import cases, hard

import optexec as ox
from optexec.models.piecewise import start
from optexec.solvers.highs import run_highs, solve_matrices
from optexec.solvers.highs_model import HighsModel


def by_pyomo(model, gap):
    """Least cost that Pyomo's interface to HiGHS finds, from a solver that has seen no other model.

    Unscaled, HiGHS's quadratic solver may go round in circles on a degenerate problem: these are left out.
    """
    options = {"mip_rel_gap": gap, "mip_abs_gap": 0.0, "threads": 1}
    options |= {f"{kind}_feasibility_tolerance": 1e-9 for kind in ("primal", "dual", "mip")}
    solver = SolverFactory("highs")
    results = solver.solve(model, solver_options=options, time_limit=1, raise_exception_on_nonoptimal_result=False)
    assume(results.solution_status is SolutionStatus.optimal)
    return pyo.value(model.cost)


@settings(max_examples=40)
@given(data=st.data())
def test_the_under_estimator_has_the_optimum_that_pyomos_interface_finds(data):
    case, problem = data.draw(cases())
    if data.draw(st.booleans()):
        problem = problem.replace(order=ox.Order(case.shares, lot=case.unit))
    ours, theirs = (ox.build_piecewise(problem, 3) for _ in range(2))
    answer = run_highs(ours, objective_scale=case.yardstick(), gap=1e-9)
    slack = 2e-6 * case.yardstick()
    least = by_pyomo(theirs, 1e-9)
    assert answer.status == "optimal"
    assert pyo.value(ours.cost) == pytest.approx(least, abs=slack)
    assert answer.bound == pytest.approx(least, abs=slack)


@settings(max_examples=30)
@given(cases(shapes=[("Linear", "total"), ("Linear", "per_share")], convex=True))
def test_a_quadratic_model_has_the_optimum_that_pyomos_interface_finds(drawn):
    case, problem = drawn
    ours, theirs = ox.build(problem), ox.build(problem)
    run_highs(ours, objective_scale=case.yardstick())
    assert pyo.value(ours.cost) == pytest.approx(by_pyomo(theirs, 0.0), abs=2e-6 * case.yardstick())


def test_a_start_is_where_the_search_begins():
    problem = hard(60)
    x = ox.solve(problem, "branch", gap=1e-3).x
    cold, warm = (ox.build_piecewise(problem, 6) for _ in range(2))
    start(warm, x)
    any_gap_will_do = 1e3
    assert run_highs(cold, gap=any_gap_will_do).found
    assert run_highs(warm, gap=any_gap_will_do).found
    assert pyo.value(warm.cost) <= problem.objective(x)
    assert pyo.value(warm.cost) < pyo.value(cold.cost)


@settings(max_examples=40)
@given(data=st.data())
def test_a_start_changes_neither_the_bound_nor_the_optimum(data):
    case, problem = data.draw(cases())
    lots = data.draw(st.booleans())
    smallest = data.draw(st.sampled_from([0.0, case.unit, 2 * case.unit]))
    try:
        limits = ox.Limits(problem.lo, problem.hi, smallest=smallest)
        order = ox.Order(case.shares, lot=case.unit if lots else None)
        problem = problem.replace(order=order, limits=limits)
        known = ox.solve(problem, "milp", gap=1e-4, time_limit=20).x
    except ox.InfeasibleOrder:
        assume(False)
    cold, warm = (ox.build_piecewise(problem, 3) for _ in range(2))
    start(warm, known)
    without, with_start = (run_highs(m, objective_scale=case.yardstick(), gap=1e-9) for m in (cold, warm))
    slack = 1e-7 * case.yardstick()
    assert with_start.bound == pytest.approx(without.bound, abs=slack)
    assert pyo.value(warm.cost) == pytest.approx(pyo.value(cold.cost), abs=slack)


def test_a_start_that_breaks_a_constraint_of_ones_own_is_left():
    problem = ox.Problem(ox.Order(300), ox.Power([1.0, 2.0, 3.0], 0.5), ox.objective("A"))
    model = ox.build_piecewise(problem, 4)
    model.late = pyo.Constraint(expr=model.x[1] <= 50)
    start(model, np.array([300.0, 0.0, 0.0]))
    assert run_highs(model).status == "optimal"
    assert model.x[1].value <= 50 + 1e-6
    assert ox.schedule_from(model).x.tolist() == pytest.approx([0.0, 300.0, 0.0])


def test_the_odd_remainder_starts_in_its_own_bucket():
    problem = ox.Problem(ox.Order(350, lot=100), ox.Power([1.0, 2.0], 2.0), ox.objective("A"))
    model = ox.build_piecewise(problem, 2)
    start(model, np.array([200.0, 150.0]))
    assert [model.lots[i].value for i in (1, 2)] == [2, 1]
    assert [model.host[i].value for i in (1, 2)] == [0, 1]


def test_highs_prints_nothing(capfd):
    problem = ox.Problem(ox.Order(300), ox.Power(a=[1.0, 2.0], b=2.0), ox.objective("A"))
    ox.solve(problem, "highs")
    assert capfd.readouterr() == ("", "")


BESIDE_ANOTHER_USER = """
import highspy
theirs = highspy.Highs()
theirs.setOptionValue("output_flag", False)
theirs.setOptionValue("threads", 2)
theirs.addVariable(1.0, 2.0)
assert theirs.run() == highspy.HighsStatus.kOk

import numpy as np
import optexec as ox
from optexec.models.piecewise import start
from optexec.solvers.highs import run_highs

problem = ox.Problem(ox.Order(300), ox.Power([1.0, 2.0, 1.1], 0.5), ox.objective("A"), ox.Limits(maximum=250))
model = ox.build_piecewise(problem, 4)
start(model, np.array([250.0, 0.0, 50.0]))
run_highs(model, gap=1e3)
print(ox.schedule_from(model).objective <= problem.objective(np.array([250.0, 0.0, 50.0])))
print(ox.solve(ox.Problem(ox.Order(300), ox.Power([1.0, 2.0], 2.0), ox.objective("A")), "highs").x.round(6).tolist())
"""


def test_another_user_of_highs_with_threads_of_its_own_is_no_hindrance():
    done = subprocess.run([sys.executable, "-c", BESIDE_ANOTHER_USER], capture_output=True, text=True, check=False)
    assert done.stdout.splitlines()[-2:] == ["True", "[200.0, 100.0]"], done.stderr


def fixed_at(slices):
    """A quadratic model of 300 shares with every variable fixed: slices, and the inventory that follows."""
    problem = ox.Problem(ox.Order(300), ox.Power([1.0, 2.0], 2.0), ox.objective("C", psi=0.5))
    model = ox.build(problem)
    for variables, values in ((model.x, slices), (model.R, problem.inventory(np.array(slices)))):
        for variable, value in zip(variables.values(), values, strict=True):
            variable.fix(float(value))
    return problem, model


def test_a_model_with_nothing_to_choose_has_its_value():
    problem, model = fixed_at([100.0, 200.0])
    answer = run_highs(model)
    assert (answer.status, answer.found) == ("optimal", True)
    assert answer.bound == pytest.approx(problem.objective(np.array([100.0, 200.0])))


@pytest.mark.parametrize(("size", "status"), [(300.0, "optimal"), (310.0, "infeasible")])
def test_a_model_with_nothing_to_choose_keeps_its_constraints(size, status):
    _, model = fixed_at([100.0, 200.0])
    translated = HighsModel(model)
    model.S.set_value(size)
    translated.refresh()
    answer = solve_matrices(translated.matrices(1.0))
    assert (answer.status, answer.found) == (status, status == "optimal")


def test_a_start_of_a_model_without_impact_is_that_of_its_lots():
    problem = ox.Problem(ox.Order(350, lot=100), ox.Power([1.0, 2.0], 0.5), ox.Smoothing(1.0))
    model = ox.build_piecewise(problem, 2)
    start(model, np.array([200.0, 150.0]))
    assert [model.lots[i].value for i in (1, 2)] == [2, 1]
