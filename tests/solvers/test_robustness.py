"""What a general-purpose solver must get right at the edges of its range, or say that it did not."""

import numpy as np
import pytest

import optexec as ox

DOLLARS = [1e-12, 1e-6, 1.0, 1e6, 1e10]
OBJECTIVES = {"A": {}, "B": {"rho": 1e-3}, "C": {"psi": 1e-3}}


def table(dollars, objective, bent=False):
    cost = [[0, 5800, 6000], [0, 1200, 4400]] if bent else [[0, 400, 5800], [0, 1200, 4400]]
    impact = ox.Tabulated([[0, 400, 1_000], [0, 600, 1_000]], (dollars * np.array(cost, dtype=float)).tolist())
    parameters = {name: dollars * value for name, value in OBJECTIVES[objective].items()}
    return ox.Problem(ox.Order(1_000), impact, ox.objective(objective, **parameters))


@pytest.mark.parametrize("objective", OBJECTIVES)
@pytest.mark.parametrize("dollars", DOLLARS)
@pytest.mark.parametrize("method", ["ipopt", "highs"])
def test_tables_are_solved_in_any_currency(method, dollars, objective):
    s = ox.solve(table(dollars, objective), method)
    np.testing.assert_allclose(s.x, [400, 600], atol=0.1)
    assert s.status == "optimal"
    assert s.gap <= 1e-6


@pytest.mark.parametrize("objective", OBJECTIVES)
@pytest.mark.parametrize("dollars", DOLLARS)
def test_baselines_of_a_problem_that_is_not_convex_have_a_bound_in_any_currency(dollars, objective):
    expected = ox.solve(table(1.0, objective, bent=True), "twap")
    s = ox.solve(table(dollars, objective, bent=True), "twap")
    assert s.lower_bound / dollars == pytest.approx(expected.lower_bound, rel=1e-6)


@pytest.mark.parametrize("impact", [ox.Power(1.0, 1.2), ox.Power(1.0, 0.3, quoted="per_share"), ox.Power(1.0, 3.0)])
def test_ipopt_copes_with_closed_and_fixed_buckets(impact):
    limits = ox.Limits(minimum=[0, 0, 300, 0], maximum=[0, 1_000, 300, 1_000])
    s = ox.solve(ox.Problem(ox.Order(1_000), impact, ox.objective("A"), limits, buckets=4), "ipopt")
    np.testing.assert_allclose(s.x, [0, 350, 300, 350], atol=1e-3)


def test_a_failure_of_ipopt_names_what_ipopt_said():
    import pyomo.environ as pyo

    from optexec.solvers.casadi_ipopt import CasadiIpopt
    from optexec.solvers.ipopt import run_ipopt

    model = ox.build(ox.Problem(ox.Order(100), ox.Power([1.0, 2.0], 2.0), ox.objective("A")))
    model.never = pyo.Constraint(expr=model.x[1] ** 2 >= 1e6)
    with pytest.raises(ox.SolverFailure) as error:
        run_ipopt(model, solver=CasadiIpopt())
    assert "object at 0x" not in str(error.value)


def test_the_start_of_a_solver_is_not_passed_off_as_its_answer(monkeypatch):
    from optexec.solvers import highs

    none = highs.HighsAnswer("infeasible", False, -np.inf)
    monkeypatch.setattr(highs, "run_highs", lambda *args, **options: none)
    with pytest.raises(ox.SolverFailure):
        ox.solve(ox.Problem(ox.Order(100), ox.Linear([0.1, 0.2]), ox.objective("B", rho=1e-3)), "highs")


def test_an_optimum_of_nothing_is_optimal():
    # The second bucket is free, so the least cost is 0 and any rounding is infinitely large beside it.
    impact = ox.Power([0.1, 0.0], 0.3, quoted="per_share")
    for method in ("waterfill", "milp"):
        s = ox.solve(ox.Problem(ox.Order(1.0), impact, ox.objective("A")), method)
        assert s.objective <= 1e-12
        assert s.status == "optimal", method


def test_milp_ends_at_a_free_optimum_of_a_saturating_curve():
    impact = ox.Exponential([3e-15, 0.0], [7.6e-6, 1.8e-5], quoted="per_share")
    s = ox.solve(ox.Problem(ox.Order(974_159), impact, ox.objective("A")), "milp")
    assert s.objective == 0
    assert s.status == "optimal"
