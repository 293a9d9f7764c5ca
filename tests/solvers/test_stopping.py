"""A search that is stopped early says so, and what it returns still holds."""

import numpy as np
import pytest
from strategies import hard

import optexec as ox


@pytest.mark.parametrize("seconds", [1e-6, 0.5])
def test_a_time_limit_leaves_a_schedule_and_a_bound(seconds):
    problem = hard(60)
    s = ox.solve(problem, "milp", gap=1e-9, time_limit=seconds)
    assert s.status == "time_limit"
    assert s.x.sum() == pytest.approx(problem.shares, rel=1e-9)
    assert np.all(s.x >= problem.lo - 1e-6)
    assert np.all(s.x <= problem.hi + 1e-6)
    assert np.isfinite(s.lower_bound)
    assert 0 < s.lower_bound < s.objective
    assert s.objective <= ox.solve(problem, "twap").objective


@pytest.mark.slow
def test_the_bound_of_a_stopped_search_is_below_a_longer_search():
    problem = hard(20)
    short = ox.solve(problem, "milp", gap=1e-9, time_limit=0.2)
    long = ox.solve(problem, "milp", gap=1e-4, time_limit=15)
    assert short.lower_bound <= long.objective
    assert long.lower_bound <= short.objective
    assert long.objective <= short.objective * (1 + 1e-12)


def test_an_infeasible_answer_is_never_called_optimal_when_ipopt_is_stopped():
    problem = ox.Problem(ox.Order(1_000), ox.Power(np.linspace(1, 2, 60), 1.4), ox.objective("C", psi=1e-3))
    try:
        s = ox.solve(problem, "ipopt", time_limit=1e-6)
    except ox.SolverFailure:
        return
    assert s.x.sum() == pytest.approx(problem.shares, rel=1e-9)
    best = ox.solve(problem, "ipopt")
    assert s.lower_bound <= best.objective * (1 + 1e-9)
    assert s.status != "optimal" or s.objective <= best.objective * (1 + 1.1e-4)
