"""The theory by other roads: exact linear solves, price paths, deadlines, tails and units; closed form and terms."""

import itertools
import math
from dataclasses import dataclass, replace
from decimal import Decimal, localcontext
from statistics import NormalDist
from typing import ClassVar

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from published import published
from scipy.optimize import minimize_scalar
from strategies import cases, examples

import optexec as ox
from optexec.models.almgren2003 import PowerLawExecution
from optexec.models.almgren_chriss import AlmgrenChriss
from optexec.models.athl import EquityImpact
from optexec.models.transient import ObizhaevaWang, TransientImpact

TABLE_1 = AlmgrenChriss(1e6, horizon=5, periods=5, sigma=0.95, gamma=2.5e-7, eta=2.5e-6, epsilon=0.0625)
seeds = st.integers(0, 2**32 - 1)
factors = st.floats(1e-3, 1e3)
markets = st.builds(
    AlmgrenChriss,
    shares=st.floats(1e2, 1e7),
    horizon=st.floats(0.1, 20),
    periods=st.integers(2, 25),
    sigma=st.floats(0.01, 5),
    gamma=st.floats(0, 1e-8),
    eta=st.floats(1e-6, 1e-3),
    epsilon=st.floats(0, 0.1),
    drift=st.floats(-0.1, 0.1),
)


def aversion(market, angle):
    """The lambda with this kappa T; below zero the risk-seeking one whose sine turns by so much."""
    step = abs(angle) / market.periods
    q = 4 * math.sinh(step / 2) ** 2 if angle >= 0 else -4 * math.sin(step / 2) ** 2
    return q * market.adjusted_eta / (market.sigma * market.tau) ** 2


def solved_exactly(market, lam):
    """Holdings that make dU/dx_k = 0, k = 1..N-1, by elimination in 120 digits: no exponential and no sine."""
    with localcontext() as context:
        context.prec = 120
        tau = Decimal(market.horizon) / market.periods
        eta = Decimal(market.eta) - Decimal(market.gamma) * tau / 2
        diagonal = 2 + Decimal(lam) * (Decimal(market.sigma) * tau) ** 2 / eta
        push = Decimal(market.drift) * tau**2 / (2 * eta)
        pivots, right = [], []
        for _ in range(1, market.periods):
            above = right[-1] / pivots[-1] if pivots else Decimal(market.shares)
            right.append(push + above)
            pivots.append(diagonal - (1 / pivots[-1] if pivots else 0))
        held = [Decimal(0)]
        for pivot, value in zip(reversed(pivots), reversed(right), strict=True):
            held.append((value + held[-1]) / pivot)
        held = [Decimal(market.shares), *reversed(held)]
        return [float(x) for x in held], [float(a - b) for a, b in itertools.pairwise(held)]


def assert_exact(market, lam, rtol):
    held, traded = solved_exactly(market, lam)
    for found, exact in ((market.holdings(lam), held), (market.trades(lam), traded)):
        np.testing.assert_allclose(found, exact, rtol=rtol, atol=rtol * np.abs(exact).max())


ANGLES = [1e-9, 1e-6, 1e-3, 0.1, 1.0, 30.0, 1e3, 1e4, -1e-9, -1e-6, -1e-3, -0.1, -1.0, -2.0, -3.0, -3.1415]


@pytest.mark.parametrize("drift", [0.0, 0.03])
@pytest.mark.parametrize(("angle", "periods"), [(a, n) for a in ANGLES for n in (2, 5, 60) if a / n < 1e3])
def test_closed_form_is_the_exact_elimination_from_nearly_straight_to_nearly_at_once(angle, periods, drift):
    market = replace(TABLE_1, periods=periods, gamma=1e-8, drift=drift)
    near_half_a_turn = 1e-8 if angle < -3.1 else 1e-10
    assert_exact(market, aversion(market, angle), near_half_a_turn)


@pytest.mark.parametrize("angle", [1e-9, 1e-3, 1.0, 100.0, 1e4])
def test_without_drift_even_the_smallest_trade_has_its_digits(angle):
    market = replace(TABLE_1, periods=200, gamma=1e-8)
    lam = aversion(market, angle)
    held, traded = solved_exactly(market, lam)
    np.testing.assert_allclose(market.holdings(lam), held, rtol=1e-9, atol=1e-250)
    np.testing.assert_allclose(market.trades(lam), traded, rtol=1e-9, atol=1e-250)


@given(markets, st.floats(-3.0, 40.0))
def test_any_market_is_the_exact_elimination(market, angle):
    assert_exact(market, aversion(market, angle), 1e-9)


@given(markets, st.floats(-2.9, 5.0), seeds)
def test_any_market_is_stationary_by_a_dense_linear_solve(market, angle, seed):
    lam = aversion(market, angle)
    falls = np.diff(np.eye(market.periods + 1), axis=0)
    costly, risky = 2 * market.adjusted_eta / market.tau, 2 * lam * market.sigma**2 * market.tau
    hessian = costly * falls.T @ falls + risky * np.diag([0.0, *np.ones(market.periods - 1), 0.0])
    inner = slice(1, market.periods)
    right = market.drift * market.tau - hessian[inner, 0] * market.shares
    held = np.linalg.solve(hessian[inner, inner], right)
    np.testing.assert_allclose(market.holdings(lam)[inner], held, rtol=1e-7, atol=1e-7 * np.abs(held).max())
    step = np.random.default_rng(seed).normal(size=market.periods - 1)
    assert step @ hessian[inner, inner] @ step > 0


@dataclass(frozen=True, eq=False)
class RiskSeeking(ox.Term):
    """sum_k rho/2 n_k^2 + psi/2 x_k^2 with psi < 0: not convex term by term, but convex as one while kappa T < pi."""

    rho: float
    psi: float
    name: ClassVar[str] = "risk_seeking"

    def bucket_costs(self, problem, x):
        return self.rho / 2 * x**2 + self.psi / 2 * problem.inventory(x) ** 2

    def gradient(self, problem, x):
        held = problem.inventory(x)
        return self.rho * x + self.psi * np.append(0.0, np.cumsum(held[:-1]))

    def declare(self, block, model):
        import pyomo.environ as pyo

        squares = (self.rho / 2 * model.x[i] ** 2 + self.psi / 2 * model.R[i] ** 2 for i in model.BUCKETS)
        block.cost = pyo.Expression(expr=pyo.quicksum(squares))


@pytest.mark.parametrize("angle", [-1e-6, -0.3, -1.0, -1.5])
def test_risk_seeking_through_a_term_of_ones_own(angle):
    market = replace(TABLE_1, periods=20)
    lam = aversion(market, angle)
    trades = market.trades(lam)
    assert trades.min() > 0
    both = RiskSeeking(2 * market.adjusted_eta / market.tau, 2 * lam * market.sigma**2 * market.tau)
    problem = ox.Problem(ox.Order(market.shares), ox.Linear(market.epsilon), ox.ImpactCost() + both, buckets=20)
    schedule = ox.solve(problem, "ipopt")
    np.testing.assert_allclose(schedule.x, trades, atol=1e-6 * market.shares)
    assert schedule.objective + market.permanent_cost == pytest.approx(market.utility(trades, lam), rel=1e-9)
    assert schedule.lower_bound + market.permanent_cost == pytest.approx(market.utility(trades, lam), rel=1e-6)
    assert np.all(np.diff(trades) > 0)


@pytest.mark.parametrize("method", ["newton", "highs"])
@pytest.mark.parametrize(("angle", "periods"), [(1e-9, 50), (1e-3, 50), (1.0, 50), (100.0, 100), (1e4, 400)])
def test_solvers_stand_where_the_closed_form_does(angle, periods, method):
    market = replace(TABLE_1, periods=periods, gamma=0.0)
    lam = aversion(market, angle)
    schedule = ox.solve(market.problem(lam), method)
    np.testing.assert_allclose(schedule.x, market.trades(lam), rtol=1e-6, atol=1e-6 * market.shares)
    assert schedule.objective == pytest.approx(market.utility(market.trades(lam), lam), rel=1e-6)


@pytest.mark.parametrize("angle", [1e-9, 1e-3, 1.0, 10.0])
def test_ipopt_stands_there_while_the_last_trade_is_not_negligible(angle):
    market = replace(TABLE_1, periods=50, gamma=0.0)
    lam = aversion(market, angle)
    schedule = ox.solve(market.problem(lam), "ipopt")
    np.testing.assert_allclose(schedule.x, market.trades(lam), atol=1e-6 * market.shares)
    assert schedule.objective == pytest.approx(market.utility(market.trades(lam), lam), rel=1e-6)


def shortfalls(market, trades, noise):
    """Arrival value less proceeds of a sell order, by walking the price (eqs. 1, 2, 6, 7), one path a row of noise."""
    price = np.zeros(len(noise))
    shortfall = np.zeros(len(noise))
    for n, xi in zip(trades, noise.T, strict=True):
        shortfall -= n * (price - market.epsilon * np.sign(n) - market.eta * n / market.tau)
        price += market.sigma * math.sqrt(market.tau) * xi + market.drift * market.tau - market.gamma * n
    return shortfall


@given(markets, seeds)
def test_the_items_of_the_cost_add_up_to_what_a_certain_price_path_costs(market, seed):
    rng = np.random.default_rng(seed)
    trades = rng.normal(1, 0.8, market.periods)
    assume(abs(trades.sum()) > 0.1)
    trades *= market.shares / trades.sum()
    items = market.breakdown(trades)
    gross = sum(map(abs, items.values())) + market.gamma * float(trades @ trades)
    certain = shortfalls(market, trades, np.zeros((1, market.periods)))[0]
    assert sum(items.values()) == pytest.approx(certain, abs=1e-9 * gross)
    assert items["permanent"] == market.permanent_cost == pytest.approx(market.gamma * market.shares**2 / 2, rel=1e-12)
    lasting = certain - shortfalls(replace(market, gamma=0.0), trades, np.zeros((1, market.periods)))[0]
    own = market.gamma * float(trades @ trades) / 2
    assert items["permanent"] - own == pytest.approx(lasting, abs=1e-9 * gross)


@pytest.mark.parametrize("drift", [0.0, 0.5])
def test_simulated_shortfalls_have_the_expected_cost_and_the_variance(drift):
    market, paths = replace(TABLE_1, drift=drift), 200_000
    trades = market.trades(1e-6)
    drawn = shortfalls(market, trades, np.random.default_rng(8).standard_normal((paths, 5)))
    variance = market.variance(trades)
    assert drawn.mean() == pytest.approx(market.expected_cost(trades), abs=4 * math.sqrt(variance / paths))
    assert drawn.var(ddof=1) == pytest.approx(variance, abs=4 * variance * math.sqrt(2 / paths))
    covered = (drawn <= market.lvar(trades, NormalDist().inv_cdf(0.95))).mean()
    assert covered == pytest.approx(0.95, abs=4 * math.sqrt(0.95 * 0.05 / paths))


@given(markets, st.floats(0.1, 3.0))
@settings(max_examples=examples(40))
def test_no_other_aversion_has_less_value_at_risk(market, quantile):
    market = replace(market, drift=0.0)
    lam = market.lvar_risk_aversion(quantile)
    best = market.lvar(market.trades(lam), quantile)

    def lvar(log_aversion):
        return market.lvar(market.trades(math.exp(log_aversion)), quantile)

    scale = math.log(quantile / (market.sigma * market.shares * math.sqrt(market.horizon)))
    searched = minimize_scalar(lvar, bounds=(scale - 5, scale + 60), method="bounded", options={"xatol": 1e-9})
    assert best <= min(searched.fun, market.lvar(market.trades(math.inf), quantile)) * (1 + 1e-12)


@pytest.mark.parametrize("confidence", [0.9, 0.95, 0.99])
def test_the_least_value_at_risk_is_found_through_the_solver_too(confidence):
    market = replace(TABLE_1, periods=20)
    move = market.sigma * math.sqrt(market.tau)
    psi = ox.psi_for_var(market.problem(0.0), move, confidence)
    lam = market.lvar_risk_aversion(NormalDist().inv_cdf(confidence))
    assert psi == pytest.approx(2 * lam * move**2, rel=1e-5)


def test_the_approximations_of_kappa_that_the_errata_name():
    rough = math.sqrt(1e-6 * TABLE_1.sigma**2 / TABLE_1.eta)
    adjusted = math.sqrt(1e-6 * TABLE_1.sigma**2 / TABLE_1.adjusted_eta)
    assert (round(rough, 4), round(TABLE_1.kappa(1e-6), 4), round(adjusted, 4)) == (0.6008, 0.6071, 0.6164)
    fine = replace(TABLE_1, periods=5000)
    assert fine.kappa(1e-6) == pytest.approx(rough, rel=1e-4)


def richardson(value, coarsest):
    """The limit of values whose error is even in the length of buckets, from three grids."""
    runs = [value(coarsest * 2**k) for k in range(3)]
    once = [(4 * b - a) / 3 for a, b in itertools.pairwise(runs)]
    return (16 * once[1] - once[0]) / 15


def power_law(inputs):
    return PowerLawExecution(inputs["X"], inputs["sigma"], inputs["eta"], inputs["k"], inputs["lam"])


def cost_by(order, method, edges):
    schedule = ox.solve(order.problem(edges), method)
    return schedule.objective + order.first_variance_cost(edges)


@pytest.mark.parametrize("case", published("Almgren2003"))
def test_almgren_2003_through_every_solver_that_applies(case):
    order = power_law(case["inputs"])

    def edges(buckets):
        s, unit = np.linspace(0.0, 1.0, buckets + 1), order.characteristic_time
        return unit * (np.expm1(6 * s) if order.k < 1 else 8 * s * (1 + s))

    for method in ("ipopt", "highs") if order.k == 1 else ("ipopt",):
        limit = richardson(lambda buckets, m=method: cost_by(order, m, edges(buckets)), 100)
        assert limit == pytest.approx(order.utility, rel=1e-6), method
    with pytest.raises(ox.InvalidInput, match="not linear or quadratic"):
        ox.solve(replace(order, k=0.7).problem([0.0, 1.0, 2.0]), "highs")


@pytest.mark.parametrize("k", [1.5, 2.0, 3.0])
def test_convex_impact_is_done_at_its_finite_end_through_the_solver_too(k):
    order = PowerLawExecution(1e5, sigma=1.0, eta=0.5 / 1e5**k, k=k, risk_aversion=1e-5)
    assert order.end == pytest.approx((k + 1) / (k - 1) * order.characteristic_time, rel=1e-12)
    assert order.holdings([order.end, 1.5 * order.end]).tolist() == [0.0, 0.0]
    held = ox.solve(order.problem(np.linspace(0, 1.5 * order.end, 301))).inventory
    assert 0 <= held[200] < 1e-5 * order.shares
    assert held[100] == pytest.approx(float(order.holdings(order.end / 2)), rel=0.01)
    assert held[100] > 0.02 * order.shares


@pytest.mark.parametrize("k", [0.5, 1.0, 2.0])
def test_a_deadline_costs_more_and_less_so_the_later_it_is(k):
    order = PowerLawExecution(1e5, sigma=1.0, eta=0.5 / 1e5**k, k=k, risk_aversion=1e-5)
    deadlines = np.array([0.25, 0.5, 1.0, 2.0]) * order.characteristic_time
    costs = [richardson(lambda n, end=t: cost_by(order, "newton", np.linspace(0, end, n + 1)), 50) for t in deadlines]
    assert np.all(np.diff(costs) < 0)
    assert costs[-1] > order.utility


@pytest.mark.parametrize("times", [0.3, 1.0, 4.0])
def test_linear_impact_to_a_deadline_costs_as_almgren_and_chriss_in_continuous_time(times):
    order = PowerLawExecution(1e5, sigma=1.0, eta=5e-6, k=1.0, risk_aversion=1e-5, epsilon=0.01)
    end = times * order.characteristic_time
    found = richardson(lambda n: cost_by(order, "newton", np.linspace(0, end, n + 1)), 50)
    rate = math.sqrt(order.risk_aversion * order.sigma**2 * order.eta)
    assert found == pytest.approx(0.01 * 1e5 + rate * 1e10 / math.tanh(times), rel=1e-8)
    market = AlmgrenChriss(1e5, end, 100_000, order.sigma, 0.0, order.eta, 0.01)
    assert market.utility(market.trades(1e-5), 1e-5) == pytest.approx(found, rel=1e-4)
    halfway = market.holdings(1e-5)[50_000]
    assert halfway == pytest.approx(1e5 * math.sinh(times / 2) / math.sinh(times), rel=1e-8)


power_laws = st.builds(
    PowerLawExecution,
    shares=st.floats(1e2, 1e7),
    sigma=st.floats(0.01, 5),
    eta=st.floats(1e-8, 1e-3),
    k=st.floats(0.2, 3),
    risk_aversion=st.floats(1e-8, 1e-3),
    epsilon=st.floats(0, 0.1),
)


@given(power_laws, factors, factors, factors)
def test_units_of_shares_time_and_currency_of_a_power_law(order, more, time, currency):
    k = order.k
    other = PowerLawExecution(
        more * order.shares,
        sigma=currency * order.sigma / (more * math.sqrt(time)),
        eta=currency * order.eta * (time / more) ** k / more,
        k=k,
        risk_aversion=order.risk_aversion / currency,
        epsilon=currency * order.epsilon / more,
    )
    assert other.characteristic_time == pytest.approx(time * order.characteristic_time, rel=1e-9)
    assert other.expected_cost == pytest.approx(currency * order.expected_cost, rel=1e-9)
    assert other.variance == pytest.approx(currency**2 * order.variance, rel=1e-9)
    times = np.array([0.0, 0.2, 1.0, 3.0]) * order.characteristic_time
    far = dict(rtol=1e-7, atol=1e-9 * more * order.shares)
    np.testing.assert_allclose(other.holdings(time * times), more * order.holdings(times), **far)
    assert order.utility == pytest.approx(
        order.epsilon * order.shares + (1 + k) * order.risk_aversion * order.variance / k, rel=1e-9
    )


@given(power_laws, factors)
def test_a_larger_power_law_order_is_slower_or_faster_as_its_exponent_says(order, more):
    larger = replace(order, shares=more * order.shares, epsilon=0.0)
    longer = more ** ((order.k - 1) / (order.k + 1))
    assert larger.characteristic_time == pytest.approx(longer * order.characteristic_time, rel=1e-9)
    assert larger.variance == pytest.approx(more**2 * longer * order.variance, rel=1e-9)


stocks = st.builds(
    EquityImpact,
    sigma=st.floats(0.001, 0.1),
    volume=st.floats(1e4, 1e8),
    outstanding=st.floats(1e6, 1e10),
    gamma=st.floats(0.01, 1),
    eta=st.floats(0.01, 1),
    beta=st.floats(0.2, 1.5),
    delta=st.floats(0.05, 1),
)


@given(stocks, st.floats(0.001, 0.5), st.floats(0.05, 2), factors)
def test_units_of_shares_volatility_and_currency_of_a_stock(stock, part, duration, more):
    shares, price = part * stock.volume, 40.0
    split = replace(stock, volume=more * stock.volume, outstanding=more * stock.outstanding)
    assert split.cost(more * shares, duration) == pytest.approx(stock.cost(shares, duration), rel=1e-9)
    assert split.permanent_cost(more * shares, price / more) == pytest.approx(
        stock.permanent_cost(shares, price), rel=1e-9
    )
    calmer = replace(stock, sigma=stock.sigma / more)
    assert more * calmer.cost(shares, duration) == pytest.approx(stock.cost(shares, duration), rel=1e-9)
    assert stock.permanent(more * shares) == pytest.approx(more * stock.permanent(shares), rel=1e-9)
    wider = replace(stock, outstanding=more * stock.outstanding).permanent(shares)
    assert wider == pytest.approx(more**stock.delta * stock.permanent(shares), rel=1e-9)
    faster = stock.temporary(shares, duration / more)
    assert faster == pytest.approx(more**stock.beta * stock.temporary(shares, duration), rel=1e-9)
    volume = np.array([stock.volume * duration])
    dollars = stock.impact(volume, price).cost(np.array([shares]))[0]
    assert dollars == pytest.approx(shares * price * stock.temporary(shares, duration), rel=1e-9)
    assert stock.impact(volume, more * price).cost(np.array([shares]))[0] == pytest.approx(more * dollars, rel=1e-9)


@given(stocks, st.floats(0.001, 0.5), seeds)
@settings(max_examples=examples(30))
def test_any_stock_through_the_terms(stock, part, seed):
    rng = np.random.default_rng(seed)
    share_of_day, shares, price = rng.dirichlet(np.full(6, 5.0)), part * stock.volume, 25.0
    impact = stock.impact(share_of_day * stock.volume * 0.4, price)
    schedule = ox.solve(ox.Problem(ox.Order(shares, price=price), impact, ox.objective("A")), "waterfill")
    np.testing.assert_allclose(schedule.x, share_of_day * shares, rtol=1e-6)
    dollars = schedule.objective + stock.permanent_cost(shares, price)
    assert dollars / (shares * price) == pytest.approx(stock.cost(shares, 0.4), rel=1e-6)


@given(markets, st.floats(0.0, 20.0), factors, factors, factors)
@settings(max_examples=examples(30))
def test_units_of_shares_time_and_currency_through_the_solver(market, angle, more, time, currency):
    market = replace(market, drift=0.0)
    lam = aversion(market, angle)
    other = AlmgrenChriss(
        more * market.shares,
        horizon=time * market.horizon,
        periods=market.periods,
        sigma=currency * market.sigma / (more * math.sqrt(time)),
        gamma=currency * market.gamma / more**2,
        eta=currency * market.eta * time / more**2,
        epsilon=currency * market.epsilon / more,
    )
    one, two = ox.solve(market.problem(lam), "newton"), ox.solve(other.problem(lam / currency), "newton")
    np.testing.assert_allclose(two.x, more * one.x, rtol=1e-6, atol=1e-7 * more * market.shares)
    assert two.objective == pytest.approx(currency * one.objective, rel=1e-9)


@given(cases(convex=True), st.data())
@settings(max_examples=examples(40))
def test_the_tail_of_any_convex_optimum_is_an_optimum_of_the_rest(drawn, data):
    case, problem = drawn
    assume(problem.buckets > 1)
    start = data.draw(st.integers(1, problem.buckets - 1))
    x = ox.solve(problem, gap=1e-9).x
    assume(x[start:].sum() > 1e-6 * problem.shares)
    rest = problem.part(start, shares=x[start:].sum())
    again = ox.solve(rest, gap=1e-9)
    far = 1e-7 * case.yardstick()
    assert again.objective == pytest.approx(rest.objective(x[start:]), abs=far)
    assert again.lower_bound >= rest.objective(x[start:]) - far


@given(cases(), st.data())
@settings(max_examples=examples(40))
def test_the_tail_of_any_optimum_in_lots_is_an_optimum_of_the_rest(drawn, data):
    case, problem = drawn
    problem = problem.replace(order=ox.Order(problem.shares, lot=case.unit))
    assume(problem.buckets > 1)
    start = data.draw(st.integers(1, problem.buckets - 1))
    x = ox.solve(problem, "dp").x
    assume(x[start:].sum() > 0)
    rest = problem.part(start, shares=x[start:].sum())
    assert ox.solve(rest, "dp").objective == pytest.approx(rest.objective(x[start:]), abs=1e-9 * case.yardstick())


@pytest.mark.parametrize("start", [1, 4, 9])
def test_the_tail_of_a_transient_optimum_is_that_of_the_rest_and_the_move_that_is_left(start):
    book = ObizhaevaWang(1e5, horizon=1.0, resilience=2.0, transient=1e-4, half_spread=0.01)
    trades, decay = book.trades(11), math.exp(-0.2)
    np.testing.assert_allclose(ox.solve(book.problem(11), "highs").x, trades, rtol=1e-6)
    left = book.transient * sum(x * decay ** (start - j) for j, x in enumerate(trades[:start]))
    slippage = ox.Linear(0.01 + left * decay ** np.arange(11 - start))
    terms = ox.ImpactCost() + TransientImpact(book.transient, decay)
    again = ox.solve(ox.Problem(ox.Order(trades[start:].sum()), slippage, terms), "highs")
    np.testing.assert_allclose(again.x, trades[start:], rtol=1e-5)


@given(markets, st.floats(-2.5, 30.0), st.data())
def test_the_tail_of_any_closed_form_is_the_closed_form_of_the_rest(market, angle, data):
    lam = aversion(market, angle)
    start = data.draw(st.integers(1, market.periods - 1))
    held = market.holdings(lam)
    assume(held[start] > 1e-9 * market.shares)
    later = market.periods - start
    rest = replace(market, shares=float(held[start]), horizon=market.tau * later, periods=later)
    far = 1e-9 * np.abs(held).max()
    np.testing.assert_allclose(rest.holdings(lam), held[start:], rtol=1e-9, atol=far)


@pytest.mark.parametrize("nonlinear", [ox.Power(1e-7, 0.5), ox.Linear([1e-7, 2e-7]), np.sqrt, [1e-7, 2e-7]])
def test_permanent_impact_that_is_not_linear_is_refused_with_the_reason(nonlinear):
    with pytest.raises(ox.InvalidInput, match="not linear, or not the same in every bucket, lets a round trip earn"):
        replace(TABLE_1, gamma=nonlinear)


@pytest.mark.parametrize("move", [math.sqrt, lambda n: n**2, lambda n: n + n**3], ids=["concave", "square", "cubic"])
def test_permanent_impact_that_is_not_linear_lets_a_round_trip_earn_money(move):
    def round_trip(trades, move):
        price, paid = 0.0, 0.0
        for n in trades:
            after = price + math.copysign(move(abs(n)), n)
            paid += n * (price + after) / 2
            price = after
        return paid

    trips = [(2.0, -1.0, -1.0), (1.0, 1.0, -2.0)]
    assert min(round_trip(trip, move) for trip in trips) < -0.1
    assert [round_trip(trip, lambda n: 0.3 * n) for trip in trips] == pytest.approx([0.0, 0.0], abs=1e-12)
