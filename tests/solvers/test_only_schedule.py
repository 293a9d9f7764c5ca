"""Limits that leave one schedule: found by every way to a solver, against all schedules of a lattice."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from plain import whole_schedules

import optexec as ox
from optexec.solvers import local
from optexec.solvers.feasible import only_schedule


@st.composite
def lattices(draw):
    """Whole floors, caps and order that leave at least one schedule."""
    low = draw(st.lists(st.integers(0, 3), min_size=1, max_size=4))
    high = [floor + draw(st.integers(0, 2)) for floor in low]
    shares = draw(st.integers(max(sum(low), 1), max(sum(high), 1)))
    return low, [max(cap, 1) if not sum(high) else cap for cap in high], shares


@settings(max_examples=300)
@given(lattices())
def test_there_is_one_schedule_where_the_lattice_has_one(drawn):
    low, high, shares = drawn
    inside = [
        x for x in whole_schedules(shares, len(low)) if all(a <= v <= b for a, v, b in zip(low, x, high, strict=True))
    ]
    problem = ox.Problem(ox.Order(shares), ox.Linear(0.01), ox.objective("A"), ox.Limits(low, high), buckets=len(low))
    only = only_schedule(problem)
    if len(inside) == 1:
        assert only == pytest.approx(np.array(inside[0], dtype=float))
    else:
        assert only is None


CAPS = np.array([78.0, 78.0, 71.0, 83.0])


@pytest.mark.parametrize(
    "limits",
    [ox.Limits(maximum=CAPS), ox.Limits(minimum=CAPS), ox.Limits(minimum=[78, 78, 0, 83], maximum=[78, 78, 310, 83])],
    ids=["caps", "floors", "all but one"],
)
@pytest.mark.parametrize("shape", [ox.Power(np.arange(1.0, 5.0), 1.5), ox.Power(np.arange(1.0, 5.0), 0.5)])
def test_nothing_is_left_to_a_solver(limits, shape):
    problem = ox.Problem(ox.Order(CAPS.sum()), shape, ox.objective("C", psi=0.1), limits)
    if problem.convex:
        for schedule in (ox.Resolver(problem).solve(), ox.solve(problem, "ipopt")):
            np.testing.assert_allclose(schedule.x, CAPS, rtol=1e-12)
            assert schedule.gap <= 1e-9
    else:
        assert local.obstacle(problem) == "the limits leave no choice"
        assert not [name for name in ox.verify(problem, gap=1e-3).index if name.startswith("ipopt[")]


def test_a_constraint_of_ones_own_that_the_only_schedule_breaks_is_told():
    import pyomo.environ as pyo

    problem = ox.Problem(ox.Order(CAPS.sum()), ox.Power(1.0, 1.5), ox.objective("A"), ox.Limits(maximum=CAPS))
    again = ox.Resolver(problem)
    again.model.slack = pyo.Var(bounds=(0, 10))
    again.model.early = pyo.Constraint(expr=again.model.x[1] <= 70 + again.model.slack)
    np.testing.assert_allclose(again.solve().x, CAPS, rtol=1e-9)
    again.model.slack.setub(5)
    with pytest.raises(ox.SolverFailure, match="check constraints of your own"):
        again.solve()


def test_variables_of_ones_own_are_still_to_be_chosen():
    import pyomo.environ as pyo

    problem = ox.Problem(ox.Order(CAPS.sum()), ox.Power(1.0, 1.5), ox.objective("A"), ox.Limits(maximum=CAPS))
    again = ox.Resolver(problem)
    again.model.late = pyo.Var(bounds=(0, 10), initialize=7)
    again.model.over = pyo.Constraint(expr=again.model.x[1] <= 76 + again.model.late)
    again.model.cost.set_value(again.model.cost.expr + 1e3 * again.model.late)
    np.testing.assert_allclose(again.solve().x, CAPS, rtol=1e-6)
    assert again.model.late.value == pytest.approx(2, abs=1e-4)
