"""Orders that need not complete, by every method: enumeration, the published closed form, and the two limits."""

from dataclasses import dataclass

import numpy as np
import pyomo.environ as pyo
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from plain import Case, whole_schedules
from strategies import SHAPES, cases

import optexec as ox
from optexec.models.piecewise import start
from optexec.solvers.highs import run_highs

GLOBAL_GAP = 1e-4
GLOBAL = ("milp", "branch")
SMOOTH = tuple(shape for shape in SHAPES if shape[0] != "Tabulated")


@dataclass(frozen=True)
class OpenCase(Case):
    """A plain case whose order may leave u shares unfilled, at cost u + penalty/2 u^2 and the risk of holding them."""

    cost: float
    penalty: float

    def terms(self, x):
        left = self.shares - sum(x)
        risk = self.psi / 2 * self.weights[-1] * left**2
        return *super().terms(x), risk, self.cost * left + self.penalty / 2 * left**2

    def lattice(self):
        for x in whole_schedules(self.units, len(self.lo) + 1):
            shares = [k * self.unit for k in x[:-1]]
            if all(lo <= v <= hi for lo, v, hi in zip(self.lo, shares, self.hi, strict=True)):
                yield shares


@st.composite
def open_cases(draw, lots=False, **kinds):
    """A random declaration that need not complete; its caps need not hold the order."""
    case, problem = draw(cases(**kinds))
    cost = draw(st.sampled_from([0.0, 0.3, 1.0, 4.0])) / case.shares
    penalty = draw(st.sampled_from([0.0, 1.0, 8.0])) / case.shares**2
    cut = draw(st.sampled_from([0, 1, 3]))
    hi = [max(lo, high - cut * case.unit) for lo, high in zip(case.lo, case.hi, strict=True)]
    order = ox.Order(
        case.shares,
        lot=case.unit if lots else None,
        must_complete=False,
        unfilled_cost=cost,
        unfilled_penalty=penalty,
    )
    open_case = OpenCase(**{**vars(case), "hi": hi}, cost=cost, penalty=penalty)
    return open_case, problem.replace(order=order, limits=ox.Limits(minimum=case.lo, maximum=hi))


def check_against_enumeration(case, problem):
    point, best = case.best()
    scale = case.yardstick()
    for name in ox.methods(problem):
        schedule = ox.solve(problem, name, gap=GLOBAL_GAP, time_limit=20)
        x = schedule.shares.to_numpy()
        assert len(x) == len(case.lo)
        assert np.all(x >= np.array(case.lo) - 1e-9 * case.shares), name
        assert np.all(x <= np.array(case.hi) + 1e-9 * case.shares), name
        assert schedule.unfilled == pytest.approx(case.shares - x.sum(), abs=1e-9 * case.shares)
        assert schedule.inventory.iloc[-1] == schedule.unfilled
        assert schedule.objective == pytest.approx(case.objective(x.tolist()), rel=1e-9, abs=1e-11 * scale), name
        assert schedule.lower_bound <= best + 1e-9 * scale, name
        if ox.methods(problem).frame.loc[name, "guarantee"] != "none":
            slack = GLOBAL_GAP * abs(schedule.objective) if name in GLOBAL else 1e-6 * abs(best)
            exact = problem.order.lot is None or name in ("dp", "milp")
            assert schedule.objective <= best + slack + 1e-8 * scale or not exact, (name, point)


@settings(max_examples=40)
@given(open_cases())
def test_no_method_misses_the_lattice_optimum(drawn):
    check_against_enumeration(*drawn)


@settings(max_examples=25)
@given(open_cases(convex=True))
def test_no_method_misses_the_lattice_optimum_of_convex_problems(drawn):
    check_against_enumeration(*drawn)


@settings(max_examples=25)
@given(open_cases(lots=True))
def test_no_method_misses_the_optimum_in_whole_lots(drawn):
    check_against_enumeration(*drawn)


@pytest.mark.parametrize("cost", [0.02, 0.1, 5.0])
@pytest.mark.parametrize("method", ["dp", "milp"])
def test_odd_shares_trade_inside_one_slice_or_stay_unfilled(method, cost):
    order = ox.Order(750, lot=200, must_complete=False, unfilled_cost=cost, unfilled_penalty=1e-4)
    problem = ox.Problem(order, ox.Power([1e-4, 1.2e-4], 2.0), ox.objective("C", psi=5e-5))
    splits = [
        np.array([200.0 * a + 150.0 * (odd == 0), 200.0 * b + 150.0 * (odd == 1)])
        for a in range(4)
        for b in range(4 - a)
        for odd in (0, 1, None)
    ]
    best = min(problem.objective(x) for x in splits)
    schedule = ox.solve(problem, method, gap=1e-9)
    assert schedule.objective == pytest.approx(best, rel=1e-9)
    assert any(np.allclose(schedule.x, x) for x in splits)


@settings(max_examples=30)
@given(open_cases(shapes=SMOOTH))
def test_the_models_of_an_open_order_say_the_same_as_the_objective(drawn):
    case, problem = drawn
    m = ox.build(problem)
    for x in list(case.lattice())[:20]:
        for variables, values in ((m.x, x), (m.R, problem.inventory(np.array(x)))):
            for variable, value in zip(variables.values(), values, strict=True):
                variable.set_value(float(value), skip_validation=True)
        costs = {name: pyo.value(m.term[name].cost) for name in m.term}
        assert costs == pytest.approx(problem.breakdown(np.array(x)), abs=1e-11 * case.yardstick())
        assert all(
            abs(pyo.value(row.body) - pyo.value(row.upper)) <= 1e-9 * case.shares for row in m.inventory.values()
        )
    assert m.find_component("completion") is None


@settings(max_examples=15)
@given(open_cases())
def test_the_under_estimator_of_an_open_order_is_never_above_its_optimum(drawn):
    case, problem = drawn
    point, best = case.best()
    m = ox.build_piecewise(problem, breakpoints=4)
    start(m, np.array(point))
    answer = run_highs(m, objective_scale=max(abs(best), 1e-3), gap=1e-6)
    assert answer.status == "optimal"
    assert answer.bound <= best + 1e-6 * case.yardstick()
    read = ox.schedule_from(m)
    assert read.objective >= best - 1e-6 * case.yardstick() or read.objective >= answer.bound


def test_an_open_order_of_its_own_model_and_by_the_resolver_is_that_of_the_methods():
    order = ox.Order(300, must_complete=False, unfilled_cost=2.0, unfilled_penalty=0.5)
    problem = ox.Problem(order, ox.Power(0.01, 2.0), ox.objective("C", psi=0.01), buckets=4)
    best = ox.solve(problem, "newton")
    m = ox.build(problem)
    pyo.SolverFactory("highs").solve(m)
    assert ox.schedule_from(m).objective == pytest.approx(best.objective, rel=1e-7)
    for solver in ("ipopt", "highs"):
        again = ox.Resolver(problem, solver)
        assert again.solve().objective == pytest.approx(best.objective, rel=1e-7)
        cheaper = problem.replace(order=ox.Order(400, must_complete=False, unfilled_cost=0.5))
        assert again.solve(cheaper).objective == pytest.approx(ox.solve(cheaper).objective, rel=1e-7)
        with pytest.raises(ox.InvalidInput, match="the model has the terms impact, inventory_risk, unfilled"):
            again.solve(problem.replace(order=ox.Order(300)))


@settings(max_examples=40)
@given(cases(convex=True))
def test_a_prohibitive_cost_gives_the_schedule_that_must_complete(drawn):
    case, problem = drawn
    must = ox.solve(problem)
    dear = problem.replace(order=ox.Order(case.shares, must_complete=False, unfilled_cost=1e4 / case.unit))
    schedule = ox.solve(dear)
    assert schedule.unfilled <= 1e-9 * case.shares
    assert schedule.objective == pytest.approx(must.objective, rel=1e-6, abs=1e-8 * case.yardstick())


@pytest.mark.parametrize("name", ["waterfill", "newton", "ipopt", "highs", "branch", "milp"])
def test_nothing_trades_where_unfilled_shares_cost_nothing(name):
    order = ox.Order(300, must_complete=False, unfilled_cost=0.0)
    schedule = ox.solve(ox.Problem(order, ox.Power([0.1, 0.2, 0.3], 2.0), ox.objective("A")), name)
    assert schedule.unfilled == pytest.approx(300.0, abs=1e-2)
    assert schedule.objective == pytest.approx(0.0, abs=1e-4)


@settings(max_examples=30)
@given(open_cases(convex=True), st.sampled_from([0.5, 2.0]))
def test_many_orders_at_once_are_each_by_itself(drawn, factor):
    case, problem = drawn
    dearer = ox.Order(case.shares, must_complete=False, unfilled_cost=case.cost * factor, unfilled_penalty=case.penalty)
    problems = [problem, problem.replace(order=dearer), problem]
    alone = [ox.solve(p) for p in problems]
    for found in (ox.solve_many(problems), ox.solve_many(problems, starts=alone)):
        for one, many in zip(alone, found, strict=True):
            assert many.problem.order == one.problem.order
            assert many.objective == pytest.approx(one.objective, rel=1e-8, abs=1e-9 * case.yardstick())


def riccati(shares, buckets, eta, phi, alpha):
    """Least cost of min sum eta x_i^2 + phi R_i^2 + alpha R_N^2 over free x, by the Riccati recursion from the end."""
    value = phi + alpha
    rates = []
    for _ in range(buckets):
        rates.append(value / (eta + value))
        value = eta * value / (eta + value) + phi
    x, left = [], shares
    for rate in reversed(rates):
        x.append(rate * left)
        left -= x[-1]
    return np.array(x), left, (value - phi) * shares**2


def cartea_jaimungal(times, shares, horizon, eta, phi, alpha):
    """Inventory q(t) that minimises the integral of eta v^2 + phi q^2 and alpha q(T)^2, and that minimum.

    Cartea, Jaimungal and Penalva (2015), section 6.5, without permanent impact: with gamma = sqrt(phi/eta) and
    zeta = (alpha + sqrt(eta phi)) / (alpha - sqrt(eta phi)), q is q_0 (zeta e^(gamma (T-t)) - e^(-gamma (T-t))) over
    zeta e^(gamma T) - e^(-gamma T); here in hyperbolic form, which holds for alpha = sqrt(eta phi) too.
    """
    gamma, root = np.sqrt(phi / eta), np.sqrt(eta * phi)

    def shape(t):
        return root * np.cosh(gamma * (horizon - t)) + alpha * np.sinh(gamma * (horizon - t))

    slope = root * np.sinh(gamma * horizon) + alpha * np.cosh(gamma * horizon)
    return shares * shape(times) / shape(0.0), root * slope / shape(0.0) * shares**2


ETA, PHI, HORIZON = 2e-6, 8e-6, 1.5


def terminal(alpha, buckets):
    """The problem of a temporary impact eta v^2, a running penalty phi q^2 and a terminal one alpha q_T^2."""
    tau = HORIZON / buckets
    order = ox.Order(1_000, must_complete=False, unfilled_cost=0.0, unfilled_penalty=2 * alpha)
    return ox.Problem(order, ox.Power(ETA / tau, 2.0), ox.objective("C", psi=2 * PHI * tau), buckets=buckets)


@pytest.mark.parametrize("alpha", [1e-7, 4e-6, 1e-4])
@pytest.mark.parametrize("method", ["newton", "ipopt", "highs"])
def test_a_terminal_penalty_is_its_recursion(alpha, method):
    problem = terminal(alpha, buckets=20)
    tau = HORIZON / 20
    x, left, cost = riccati(1_000.0, 20, ETA / tau, PHI * tau, alpha)
    schedule = ox.solve(problem, method)
    np.testing.assert_allclose(schedule.x, x, rtol=1e-5)
    assert schedule.unfilled == pytest.approx(left, rel=1e-5)
    assert schedule.objective == pytest.approx(cost, rel=1e-10)
    assert schedule.gap < 1e-8


@pytest.mark.parametrize("alpha", [1e-7, 4e-6, 1e-4])
def test_a_terminal_penalty_nears_the_published_closed_form_as_buckets_shrink(alpha):
    errors = []
    for buckets in (50, 100, 200):
        schedule = ox.solve(terminal(alpha, buckets))
        times = np.linspace(0.0, HORIZON, buckets + 1)[1:]
        inventory, cost = cartea_jaimungal(times, 1_000.0, HORIZON, ETA, PHI, alpha)
        errors.append(
            (np.abs(schedule.inventory.to_numpy() - inventory).max() / 1_000.0, schedule.objective / cost - 1)
        )
    shares, costs = np.abs(np.array(errors)).T
    assert shares[-1] < 0.01
    assert costs[-1] < 0.02
    for error in (shares, costs):  # of first order in the length of a bucket at least
        assert (error[:-1] / error[1:] > 1.9).all()


def test_caps_that_do_not_hold_the_order_leave_the_rest_unfilled():
    order = dict(shares=900, must_complete=False, unfilled_cost=100.0)
    limits = ox.Limits(participation=0.1, volume=[1_000, 2_000, 3_000])
    with pytest.raises(ox.InfeasibleOrder, match="limits allow 600 of 900 shares"):
        ox.Problem(ox.Order(900), ox.Power(0.1, 1.5), ox.objective("A"), limits)
    problem = ox.Problem(ox.Order(**order), ox.Power(0.1, 1.5), ox.objective("A"), limits)
    for name in ("auto", "ipopt", "milp", "twap", "vwap", "pov", "front_loaded", "greedy"):
        schedule = ox.solve(problem, name)
        np.testing.assert_allclose(schedule.x, [100, 200, 300], atol=1e-3)
        assert schedule.unfilled == pytest.approx(300, abs=1e-3)
    in_lots = problem.replace(order=ox.Order(**order | {"shares": 910, "lot": 70}))
    for name in ("dp", "milp", "twap", "vwap"):
        assert ox.solve(in_lots, name).x.tolist() == [70, 140, 280]


def test_baselines_fill_what_the_limits_allow_and_heuristics_weigh_what_unfilled_shares_cost():
    order = ox.Order(300, must_complete=False, unfilled_cost=1e-6)
    problem = ox.Problem(order, ox.Power([0.1, 0.2, 0.3], 2.0), ox.objective("A"), ox.Limits(volume=[1, 2, 3]))
    assert ox.solve(problem, "twap").x.tolist() == [100, 100, 100]
    assert ox.solve(problem, "vwap").x.tolist() == [50, 100, 150]
    assert ox.solve(problem, "greedy").unfilled > 299
    assert ox.solve(problem, "best_bucket").unfilled == pytest.approx(300)
    table = ox.verify(problem)
    assert table["excess"].min() == 0
    assert table.loc["twap", "objective"] > table.loc["waterfill", "objective"]


def test_methods_tell_why_they_do_not_apply():
    order = ox.Order(300, must_complete=False, unfilled_cost=0.1)
    closed = ox.Problem(order, ox.Power(0.1, 2.0), ox.objective("A"), ox.Limits(maximum=0), buckets=3)
    told = ox.methods(closed).frame["obstacle"]
    assert told["twap"] == "the limits allow no trade"
    assert told["closed_form"] == "the impact is not one power law that is convex and shared by all buckets"
    assert told["dp"] == "the order has no lot"
    assert ox.solve(closed).unfilled == 300
    least = closed.replace(limits=ox.Limits(maximum=200, smallest=150))
    assert list(ox.methods(least)) == ["milp"]
    assert ox.methods(least).frame.loc["twap", "obstacle"].startswith("slices must be 0 or at least")


def test_least_slices_and_unfilled_shares():
    order = ox.Order(400, lot=10, must_complete=False, unfilled_cost=30.0)
    problem = ox.Problem(order, ox.Power([0.1, 0.12, 0.14], 2.0), ox.objective("A"), ox.Limits(smallest=170))
    x = [[a, b, c] for a in range(0, 401, 10) for b in range(0, 401 - a, 10) for c in range(0, 401 - a - b, 10)]
    allowed = [np.array(p, float) for p in x if all(v == 0 or v >= 170 for v in p)]
    best = min(problem.objective(p) for p in allowed)
    for name in ("dp", "milp"):
        schedule = ox.solve(problem, name, gap=1e-9)
        assert schedule.objective == pytest.approx(best, rel=1e-9)
        assert 0 < schedule.unfilled < 170


def test_every_window_of_an_open_order_is_the_tail_of_its_plan():
    order = ox.Order(900, must_complete=False, unfilled_cost=2.0, unfilled_penalty=0.01)
    problem = ox.Problem(order, ox.Power(np.linspace(1, 2, 6) * 0.01, 2.0), ox.objective("C", psi=1e-3))
    plan = ox.solve(problem)
    assert 50 < plan.unfilled < 850
    planner, left = ox.Replanner(problem, window=2), 900.0
    for k in range(6):
        slice_ = planner.plan(k, left).slice
        assert slice_ == pytest.approx(plan.x[k], rel=1e-7)
        left -= slice_
    assert left == pytest.approx(plan.unfilled, rel=1e-7)


class Own(ox.Term):
    name = "own"
    separable = True

    def bucket_costs(self, problem, x):
        return 0.1 * x**2

    def gradient(self, problem, x):
        return 0.2 * x

    def declare(self, block, model):
        block.cost = pyo.Expression(expr=pyo.quicksum(0.1 * model.x[i] ** 2 for i in model.BUCKETS))


class Told(Own):
    def with_unfilled(self, buckets):
        return Padded(buckets)


class Padded(Own):
    def __init__(self, buckets):
        self.charged = np.append(np.ones(buckets), 0.0)

    def bucket_costs(self, problem, x):
        return self.charged * super().bucket_costs(problem, x)

    def gradient(self, problem, x):
        return self.charged * super().gradient(problem, x)

    def declare(self, block, model):
        traded = list(model.BUCKETS)[:-1]
        block.cost = pyo.Expression(expr=pyo.quicksum(0.1 * model.x[i] ** 2 for i in traded))


def test_a_term_of_ones_own_says_what_it_is_beside_unfilled_shares():
    order = ox.Order(300, must_complete=False, unfilled_cost=10.0)
    problem = ox.Problem(order, ox.Linear(0.01), ox.ImpactCost() + Own(), buckets=3)
    with pytest.raises(ox.InvalidInput, match=r"own term does not say .* add a `with_unfilled`"):
        ox.solve(problem)
    schedule = ox.solve(problem.replace(terms=ox.ImpactCost() + Told()))
    np.testing.assert_allclose(schedule.x, (10.0 - 0.01) / 0.2, rtol=1e-6)
