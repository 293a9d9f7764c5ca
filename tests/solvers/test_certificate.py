"""The bound holds wherever it is computed, is closed at the optimum, and does not depend on units."""

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from plain import whole_schedules
from strategies import cases, feasible_points

import optexec as ox
from optexec.solvers.certificate import Certificate, certify
from optexec.solvers.evaluation import proven
from optexec.solvers.scaling import within


@settings(max_examples=200)
@given(st.data())
def test_bound_holds_at_any_schedule_of_a_convex_problem(data):
    case, problem = data.draw(cases(convex=True))
    schedule = ox.evaluate(problem, data.draw(feasible_points(case)))
    best, rounding = case.best()[1], 1e-12 * case.yardstick()
    assert schedule.lower_bound <= best + rounding
    assert schedule.lower_bound <= schedule.objective


@settings(max_examples=60)
@given(st.data())
def test_bound_holds_at_any_schedule_of_any_problem(data):
    case, problem = data.draw(cases())
    schedule = ox.evaluate(problem, data.draw(feasible_points(case)))
    assert schedule.lower_bound <= case.best()[1] + 1e-9 * case.yardstick()


@settings(max_examples=100)
@given(st.data())
def test_gap_is_the_excess_over_the_bound(data):
    case, problem = data.draw(cases(convex=True))
    s = ox.evaluate(problem, data.draw(feasible_points(case)))
    assume(s.objective != 0)
    assert s.gap == pytest.approx((s.objective - s.lower_bound) / abs(s.objective), rel=1e-12)
    assert sum(s.breakdown.values()) == pytest.approx(s.objective, rel=1e-12, abs=1e-300)


def test_bound_is_the_frank_wolfe_formula():
    # f = x1^2 + 2 x2^2 at (1, 2): gradient (2, 8), so all 3 shares go to bucket 1: 9 + 2 * 2 - 8 * 2 = -3.
    problem = ox.Problem(ox.Order(3), ox.Power(a=[1.0, 2.0], b=2.0), ox.objective("A"))
    schedule = ox.evaluate(problem, [1.0, 2.0])
    assert schedule.lower_bound == pytest.approx(-3.0, rel=1e-12)
    assert schedule.gap == pytest.approx(12 / 9, rel=1e-12)


@settings(max_examples=100)
@given(cases(convex=True, terms=("A", "B")))
def test_waterfill_satisfies_the_optimality_conditions(drawn):
    case, problem = drawn
    assume(problem.convex)
    s = ox.solve(problem, "waterfill")
    assert s.kkt_residual <= 1e-9
    assert s.objective - s.lower_bound <= 1e-9 * case.yardstick()


@settings(max_examples=25)
@given(cases(convex=True, terms=("C", "BC")))
def test_exact_methods_with_inventory_risk_satisfy_the_optimality_conditions(drawn):
    case, problem = drawn
    assume(problem.convex)
    names = [name for name in ("ipopt", "highs", "newton") if name in ox.methods(problem)]
    assert "ipopt" in names
    for name in names:
        s = ox.solve(problem, name)
        assert s.kkt_residual <= 1e-5, name
        assert s.objective - s.lower_bound <= 1e-6 * case.yardstick(), name


@pytest.mark.parametrize("method", ["waterfill", "ipopt", "highs", "milp"])
def test_an_optimum_at_a_kink_is_certified(method):
    # Slopes 1 then 9 against slopes 2 then 8: any price in between puts both buckets on their kinks.
    impact = ox.Tabulated([[0, 40, 100], [0, 60, 100]], [[0, 40, 580], [0, 120, 440]])
    problem = ox.Problem(ox.Order(100), impact, ox.objective("A"))
    s = ox.solve(problem, method)
    np.testing.assert_allclose(s.x, [40, 60], atol=1e-4)
    assert s.objective == pytest.approx(160, rel=1e-6)
    assert s.gap <= 1e-6
    assert s.status == "optimal"


@pytest.mark.parametrize("method", ["waterfill", "ipopt", "milp"])
def test_an_optimum_at_a_kink_of_slippage_is_certified(method):
    # Half-spread 1 up to 40 shares, then rising by 1 a share: marginal 1 below the kink, 41 above it.
    table = ox.Tabulated([0, 40, 100], [1.0, 1.0, 61.0], quoted="per_share")
    problem = ox.Problem(ox.Order(80), table, ox.objective("A"), buckets=2)
    s = ox.solve(problem, method)
    np.testing.assert_allclose(s.x, [40, 40], atol=1e-4)
    assert s.gap <= 1e-6


SIZES = [1.0, 37.0, 1e4, 1e9]
DOLLARS = [1e-12, 1e-6, 1.0, 1e6, 1e12]
LAWS = {
    "power": lambda s, d: ox.Power(a=[d / s**1.5, 2 * d / s**1.5, 3 * d / s**1.5], b=1.5),
    "slippage": lambda s, d: ox.Power(a=[d / s**1.4, 2 * d / s**1.4, 3 * d / s**1.4], b=0.4, quoted="per_share"),
    "spread": lambda s, d: ox.Linear(d / s) + ox.Power(a=[d / s**2, 2 * d / s**2, 3 * d / s**2], b=2.0),
    "table": lambda s, d: ox.Tabulated(
        np.outer(np.ones(3), [0.0, 0.3 * s, s]), [[0, k * d * 0.1, k * d * 0.9] for k in (1, 2, 3)]
    ),
    "saturating": lambda s, d: ox.Exponential([d / s, 2 * d / s, 3 * d / s], 1.5 / s, quoted="per_share"),
}


@pytest.mark.parametrize("law", LAWS)
@pytest.mark.parametrize("objective", ["A", "B", "C"])
def test_the_relative_schedule_does_not_depend_on_units(law, objective):
    def problem(shares, dollars):
        parameters = {"A": {}, "B": {"rho": dollars / shares**2}, "C": {"psi": 0.5 * dollars / shares**2}}[objective]
        return ox.Problem(ox.Order(shares), LAWS[law](shares, dollars), ox.objective(objective, **parameters))

    names = [n for n in ("waterfill", "newton", "ipopt", "highs") if n in ox.methods(problem(1.0, 1.0))]
    exact = ("waterfill", "newton")
    assert names
    for name in names:
        expected = ox.solve(problem(1.0, 1.0), name)
        assert expected.gap <= 1e-9 or name not in exact
        extremes = (
            [(s, d) for s in SIZES for d in DOLLARS] if name in exact else [(1e9, 1e-12), (1e9, 1e12), (37.0, 1e-12)]
        )
        for shares, dollars in extremes:
            got = ox.solve(problem(shares, dollars), name)
            assert got.gap <= (1e-9 if name in exact else 1e-5), (name, shares, dollars)
            if law != "table":
                np.testing.assert_allclose(
                    got.x / shares,
                    expected.x,
                    atol=1e-7 if name in exact else 1e-3,
                    err_msg=f"{name} {shares} {dollars}",
                )
            assert got.objective / dollars == pytest.approx(expected.objective, rel=1e-9 if name in exact else 1e-5)


BENT = {
    "table": lambda: ox.Tabulated([0, 250, 500, 1_000], [0, 400, 100, 600]),
    "slippage": lambda: ox.Tabulated([0, 250, 500, 1_000], [0.4, 1.6, 0.2, 0.6], quoted="per_share"),
    "sum": lambda: ox.Exponential(1.0, 0.01, quoted="per_share") + ox.Power(3.0, 0.5),
}


@pytest.mark.parametrize("curve", BENT)
@pytest.mark.parametrize("objective", ["A", "C"])
def test_the_bound_of_curves_of_mixed_curvature_holds_however_they_are_declared(curve, objective):
    terms = ox.objective("C", psi=1e-5) if objective == "C" else ox.objective("A")
    for impact in (BENT[curve](), ox.PerBucket([BENT[curve]() for _ in range(2)])):
        problem = ox.Problem(ox.Order(1_000), impact, terms, buckets=2)
        best = min(problem.objective(np.array([x, 1_000.0 - x])) for x in range(0, 1_001, 5))
        for name in ox.methods(problem):
            assert ox.solve(problem, name).lower_bound <= best * (1 + 1e-9), (name, impact)


@pytest.mark.parametrize("exponent", [1.0, 2.0])
def test_a_schedule_at_every_cap_has_a_bound_that_is_its_cost(exponent):
    # Ten times a tenth is less than one in floating point, and no bucket may trade more.
    problem = ox.Problem(ox.Order(1), ox.Power(2.0, exponent), ox.objective("A"), ox.Limits(maximum=0.1), buckets=10)
    proof = certify(problem, problem.hi)
    assert proof.lower_bound == pytest.approx(problem.objective(problem.hi), rel=1e-12)
    assert np.isfinite(proof.marginal_price)


@settings(max_examples=100)
@given(st.lists(st.floats(0.0, 3.0), min_size=3, max_size=3), st.integers(1, 2), st.sampled_from([0.0, 0.01]))
def test_what_a_curve_does_past_its_cap_is_no_part_of_the_bound(slopes, cap, rho):
    # Convex up to a cap that is one of the table's points, and anything beyond it.
    slopes = [*sorted(slopes[:2]), slopes[2] - 2]
    table = ox.Tabulated([0, 100, 200, 300], [0.0, *(100 * np.cumsum(slopes)).tolist()])
    limits = ox.Limits(maximum=100.0 * cap)
    problem = ox.Problem(ox.Order(200), table, ox.objective("B", rho=rho), limits, buckets=3)
    assume(problem.convex)
    points = [20.0 * np.array(x) for x in whole_schedules(10, 3)]
    inside = [x for x in points if (x <= problem.hi).all()]
    best = min(map(problem.objective, inside))
    for x in inside:
        assert ox.evaluate(problem, x).lower_bound <= best + 1e-9
    for schedule in ox.solve_many([problem, problem], "waterfill"):
        assert schedule.lower_bound <= best + 1e-9


def test_an_infinite_bound_is_refused():
    problem = ox.Problem(ox.Order(300), ox.Linear(0.01), ox.objective("A"), buckets=3)
    assert not within(problem, np.inf, 3.0, 1e-9)
    with pytest.raises(ox.SolverFailure, match="bound of inf"):
        proven(problem, np.full(3, 100.0), 3.0, Certificate(np.inf, 0.01, 0.0), "by hand")


NEARLY_STRAIGHT = {
    "total": ox.Power([0.01, 0.01, 0.02], 1 + 1e-6),
    "slippage": ox.Power([0.01, 0.01, 0.02], 0.01, quoted="per_share"),
    "beside a spread": ox.Power([0.01, 0.01, 0.02], 1e-4, quoted="per_share") + ox.Linear(0.005),
}


@pytest.mark.parametrize("curve", NEARLY_STRAIGHT)
@pytest.mark.parametrize("terms", [ox.objective("A"), ox.objective("B", rho=1e-9)], ids=["A", "B"])
def test_powers_near_a_straight_line_are_certified(curve, terms):
    # The marginal cost of the dear bucket is nothing at no shares, and past the price at the first that can be written.
    problems = [ox.Problem(ox.Order(size), NEARLY_STRAIGHT[curve], terms) for size in (300.0, 5e6)]
    for problem in problems:
        half = problem.shares / 2
        schedule = ox.evaluate(problem, [half, half, 0.0])
        assert 0 <= schedule.gap <= 1e-9
    for schedule in ox.solve_many(problems, "waterfill"):
        assert 0 <= schedule.gap <= 1e-9
        assert schedule.x[2] <= 1e-12 * schedule.problem.shares
