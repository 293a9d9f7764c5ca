"""Almgren and Chriss (2000/2001): its tables, its formulas in many digits, and the same through the terms."""

import itertools
import math
from dataclasses import replace
from decimal import Decimal, localcontext

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from published import published
from scipy.signal import lfilter

import optexec as ox
from optexec.models.almgren_chriss import AlmgrenChriss

TABLE_1 = AlmgrenChriss(1e6, horizon=5, periods=5, sigma=0.95, gamma=2.5e-7, eta=2.5e-6, epsilon=0.0625)
METHODS = ["newton", "ipopt", "highs"]


def market_of(inputs):
    names = {"shares": "X", "horizon": "T", "periods": "N"}
    fields = ("shares", "horizon", "periods", "sigma", "gamma", "eta", "epsilon")
    return AlmgrenChriss(**{name: inputs[names.get(name, name)] for name in fields})


def at(kappa_t, market=TABLE_1):
    """The risk aversion with this kappa T, negative where kappa T stands for an angle below zero."""
    angle = abs(kappa_t) / market.periods
    q = 4 * math.sinh(angle / 2) ** 2 if kappa_t >= 0 else -4 * math.sin(angle / 2) ** 2
    return q * market.adjusted_eta / (market.sigma * market.tau) ** 2


@pytest.mark.parametrize("case", published("AC2001-table1"))
def test_table_1_in_closed_form(case):
    market, expect = market_of(case["inputs"]), case["expect"]
    lam = case["inputs"]["lam"]
    trades = market.trades(lam)
    np.testing.assert_allclose(trades, expect["trades"], rtol=1e-9)
    np.testing.assert_allclose(market.holdings(lam), expect["holdings"], rtol=1e-9)
    assert market.kappa(lam) == pytest.approx(expect["kappa"], rel=1e-9)
    assert market.kappa(lam) * market.horizon == pytest.approx(expect["kappaT"], rel=1e-9)
    assert market.half_life(lam) == pytest.approx(expect["half_life"] or math.inf, rel=1e-9)
    assert market.expected_cost(trades) == pytest.approx(expect["E"], rel=1e-9)
    assert market.variance(trades) == pytest.approx(expect["V"], rel=1e-9)
    assert math.sqrt(market.variance(trades)) == pytest.approx(expect["sd"], rel=1e-9)
    assert market.utility(trades, lam) == pytest.approx(expect["U"], rel=1e-9)


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("case", published("AC2001-table1"))
def test_table_1_through_the_terms(case, method):
    market, expect = market_of(case["inputs"]), case["expect"]
    schedule = ox.solve(market.problem(case["inputs"]["lam"]), method)
    np.testing.assert_allclose(schedule.x, expect["trades"], rtol=1e-6)
    assert schedule.objective + market.permanent_cost == pytest.approx(expect["U"], rel=1e-9)
    assert schedule.lower_bound + market.permanent_cost == pytest.approx(expect["U"], rel=1e-6)


@pytest.mark.parametrize("case", published("AC2001-LVaR95"))
def test_the_least_value_at_risk(case):
    market, expect, quantile = market_of(case["inputs"]), case["expect"], case["inputs"]["lam_v"]
    lam = market.lvar_risk_aversion(quantile)
    trades = market.trades(lam)
    assert lam == pytest.approx(quantile / (2 * math.sqrt(market.variance(trades))), rel=1e-14)
    assert lam == pytest.approx(expect["lam"], rel=1e-7)  # which was searched for where L-VaR is flat
    stated = market.trades(expect["lam"])
    np.testing.assert_allclose(stated, expect["trades"], rtol=1e-9)
    assert market.expected_cost(stated) == pytest.approx(expect["E"], rel=1e-9)
    assert math.sqrt(market.variance(stated)) == pytest.approx(expect["sd"], rel=1e-9)
    assert market.lvar(stated, quantile) == pytest.approx(expect["VaR"], rel=1e-9)
    assert market.lvar(trades, quantile) <= market.lvar(stated, quantile) * (1 + 1e-15)
    np.testing.assert_allclose(trades, expect["trades"], rtol=1e-7)
    assert market.expected_cost(trades) == pytest.approx(expect["E"], rel=1e-7)
    assert math.sqrt(market.variance(trades)) == pytest.approx(expect["sd"], rel=1e-7)
    assert market.lvar(trades, quantile) == pytest.approx(expect["VaR"], rel=1e-9)
    for method in METHODS:
        schedule = ox.solve(market.problem(lam), method)
        np.testing.assert_allclose(schedule.x, expect["trades"], rtol=1e-6)
        assert market.lvar(schedule.x, quantile) == pytest.approx(expect["VaR"], rel=1e-9)


@pytest.mark.parametrize("case", published("AC2001-table2"))
def test_table_2(case):
    inputs, expect = case["inputs"], case["expect"]
    periods = round(1 / inputs["tau"])
    markets = [AlmgrenChriss(1e6, 1.0, periods, inputs["sigma"], inputs["gamma"], eta) for eta in inputs["eta"]]
    gains = [market.serial_correlation_gain(inputs["rho"]) for market in markets]
    np.testing.assert_allclose(gains, expect["gain"], rtol=1e-9)
    np.testing.assert_allclose(gains, case["published"], atol=1.0)


def test_the_serial_correlation_gain_is_what_its_policy_earns():
    """Section 4.2 on simulated moves: each period move rho/(1-rho) tau/(2 eta) times the last move, and back later."""
    rho, steps, later = 0.8, 1_000_000, 60
    market = AlmgrenChriss(1e6, 1.0, 10, sigma=2.0, gamma=0.0, eta=1e-3)
    noise = market.sigma * math.sqrt(market.tau) * np.random.default_rng(0).standard_normal(steps)
    move = lfilter([math.sqrt(1 - rho**2)], [1, -rho], noise)
    price = np.cumsum(move)
    shifted = rho / (1 - rho) * market.tau / (2 * market.eta) * move[:-later]
    earned = shifted * (price[later:] - price[:-later]) - market.eta / market.tau * shifted**2
    assert earned.mean() / market.tau == pytest.approx(market.serial_correlation_gain(rho), rel=0.1)


def exactly(market, lam):
    """Holdings by eq. 17, E and V by eq. 20, in as many digits as it takes."""
    with localcontext() as context:
        context.prec = 150
        number = Decimal
        shares, tau, n = number(market.shares), number(market.tau), market.periods
        eta = number(market.eta) - number(market.gamma) * tau / 2
        half = (number(lam) * (number(market.sigma) * tau) ** 2 / eta).sqrt() / 2
        theta = 2 * (half + (half * half + 1).sqrt()).ln()

        def sinh(x):
            return (x.exp() - (-x).exp()) / 2

        def cosh(x):
            return (x.exp() + (-x).exp()) / 2

        all_in = sinh(n * theta)
        held = [shares * sinh((n - k) * theta) / all_in for k in range(n + 1)]
        tanh = sinh(theta / 2) / cosh(theta / 2)
        rise = tanh * (tau * sinh(2 * n * theta) + 2 * n * tau * sinh(theta)) / (2 * tau * tau * all_in**2)
        cost = number(market.gamma) * shares**2 / 2 + number(market.epsilon) * shares + eta * shares**2 * rise
        bow = tau * all_in * cosh((n - 1) * theta) - n * tau * sinh(theta)
        variance = number(market.sigma) ** 2 * shares**2 / 2 * bow / (all_in**2 * sinh(theta))
        traded = [float(a - b) for a, b in itertools.pairwise(held)]
        return [float(x) for x in held], traded, float(cost), float(variance)


@pytest.mark.parametrize(
    ("kappa_t", "periods"),
    [*itertools.product([1e-9, 1e-5, 1e-2, 1.0, 30.0, 700.0], [1, 2, 5, 390]), (1e4, 20), (1e4, 390)],
)
def test_every_digit_from_nearly_straight_to_nearly_at_once(kappa_t, periods):
    market = replace(TABLE_1, periods=periods, gamma=1e-8)
    lam = at(kappa_t, market)
    held, traded, cost, variance = exactly(market, lam)
    trades = market.trades(lam)
    far = dict(rtol=1e-11, atol=1e-250)
    np.testing.assert_allclose(market.holdings(lam), held, **far)
    np.testing.assert_allclose(trades, traded, **far)
    assert market.kappa(lam) * market.horizon == pytest.approx(kappa_t if periods > 1 else 0.0, rel=1e-12)
    assert market.expected_cost(trades) == pytest.approx(cost, rel=1e-12)
    assert market.variance(trades) == pytest.approx(variance if periods > 1 else 0.0, rel=1e-11, abs=1e-250)


@pytest.mark.parametrize(
    ("kappa_t", "periods"), [(1e-9, 100), (1e-3, 100), (1.0, 100), (10.0, 100), (1e2, 100), (1e3, 100), (1e4, 2000)]
)
def test_newton_agrees_from_nearly_straight_to_nearly_at_once(kappa_t, periods):
    market = replace(TABLE_1, periods=periods, gamma=0.0)
    lam = at(kappa_t, market)
    schedule = ox.solve(market.problem(lam), "newton")
    np.testing.assert_allclose(schedule.x, market.trades(lam), rtol=1e-6, atol=1e-9 * market.shares)
    assert schedule.objective == pytest.approx(market.utility(market.trades(lam), lam), rel=1e-9)


def test_infinite_aversion_trades_at_once_and_one_period_leaves_no_choice():
    assert TABLE_1.trades(math.inf).tolist() == [1e6, 0, 0, 0, 0]
    assert TABLE_1.holdings(math.inf).tolist() == [1e6, 0, 0, 0, 0, 0]
    single = replace(TABLE_1, periods=1)
    assert single.trades(1e-6).tolist() == single.trades(-1.0).tolist() == [1e6]


@pytest.mark.parametrize("quantile", [1e-3, 0.5, 2.33, 4.0])
def test_the_least_value_at_risk_is_below_its_neighbours(quantile):
    lam = TABLE_1.lvar_risk_aversion(quantile)

    def lvar(aversion):
        return TABLE_1.lvar(TABLE_1.trades(aversion), quantile)

    assert lvar(lam) < min(lvar(0.99 * lam), lvar(1.01 * lam), lvar(0.0), lvar(math.inf))


def test_from_some_quantile_on_all_at_once_has_the_least_value_at_risk():
    bound = 2 * TABLE_1.shares * TABLE_1.adjusted_eta / (TABLE_1.sigma * TABLE_1.tau**1.5)
    assert TABLE_1.lvar_risk_aversion(1.001 * bound) == math.inf
    assert 1e3 < TABLE_1.lvar_risk_aversion(0.999 * bound) / TABLE_1.lvar_risk_aversion(0.1) < math.inf
    all_at_once = TABLE_1.lvar(TABLE_1.trades(math.inf), 1.001 * bound)
    assert all_at_once < min(TABLE_1.lvar(TABLE_1.trades(lam), 1.001 * bound) for lam in (1e-6, 1e-5, 1e-4, 1e-3))


def test_the_least_value_at_risk_under_drift():
    market = replace(TABLE_1, drift=0.1)
    lam = market.lvar_risk_aversion(1.645)
    best = market.lvar(market.trades(lam), 1.645)
    rng = np.random.default_rng(3)
    for _ in range(200):
        step = rng.normal(size=5)
        other = market.trades(lam) + 1e4 * (step - step.mean())
        assert market.lvar(other, 1.645) > best


@pytest.mark.parametrize("periods", [2, 5, 30])
def test_under_drift_too_aversion_times_deviation_grows_to_where_all_at_once_is_best(periods):
    market = replace(TABLE_1, periods=periods, drift=2.0)
    bound = 1e5 * math.sqrt(market.variance(market.trades(1e5)))
    lam = market.lvar_risk_aversion(2 * bound * (1 - 1e-4))
    assert lam == pytest.approx(bound * (1 - 1e-4) / math.sqrt(market.variance(market.trades(lam))), rel=1e-9)
    assert market.lvar_risk_aversion(2 * bound * (1 + 1e-4)) == math.inf


@pytest.mark.parametrize("kappa_t", [-1e-9, -1.0, -1.5, -2.5, -3.1])
def test_risk_seeking_is_stationary_and_the_least(kappa_t):
    """The gradient of U along every direction that keeps the order vanishes, and U grows that way."""
    lam = at(kappa_t)
    trades = TABLE_1.trades(lam)
    held = TABLE_1.holdings(lam)
    assert held[0] == pytest.approx(TABLE_1.shares, rel=1e-12)
    assert held[-1] == 0
    np.testing.assert_allclose(-np.diff(held), trades, rtol=1e-9)
    q = lam * (TABLE_1.sigma * TABLE_1.tau) ** 2 / TABLE_1.adjusted_eta
    np.testing.assert_allclose(np.diff(held, 2), q * held[1:-1], rtol=1e-9, atol=1e-9 * abs(held).max())
    smooth = replace(TABLE_1, epsilon=0.0)
    for step in np.random.default_rng(1).normal(size=(50, 5)):
        other = trades + 1e5 * (step - step.mean())
        assert smooth.utility(other, lam) > smooth.utility(trades, lam)


def test_risk_seeking_trades_later_and_buys_first_beyond_a_right_angle():
    first = [TABLE_1.trades(at(-angle))[0] for angle in (0.5, 1.0, 1.5, 2.5)]
    assert np.all(np.diff([2e5, *first]) < 0)
    assert first[2] > 0 > first[3]
    assert at(-math.pi) == pytest.approx(TABLE_1.least_risk_aversion, rel=1e-12)


def test_beyond_half_a_turn_there_is_no_best_schedule():
    least = TABLE_1.least_risk_aversion
    with pytest.raises(
        ox.InvalidInput, match=r"risk_aversion must be > -1\.\d+e-06.*no schedule is the best.*raise it"
    ):
        TABLE_1.trades(least)
    swing = TABLE_1.shares * np.sin(np.pi * np.arange(6) / 5)
    line = TABLE_1.holdings(0.0)
    smooth = replace(TABLE_1, epsilon=0.0)
    far = [smooth.utility(-np.diff(line + scale * swing), 1.1 * least) for scale in (0, 10, 100)]
    assert far[0] > far[1] > far[2]


def test_the_terms_refuse_risk_seeking():
    with pytest.raises(ox.InvalidInput, match=r"risk_aversion must be >= 0 for the terms.*not convex.*holdings"):
        TABLE_1.problem(-1e-8)


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize(("lam", "drift"), [(1e-6, 0.02), (1e-6, -0.02), (0.0, 0.05), (5e-6, 0.2)])
def test_drift_through_the_terms(lam, drift, method):
    market = replace(TABLE_1, drift=drift)
    trades = market.trades(lam)
    assert trades.min() > 0
    schedule = ox.solve(market.problem(lam), method)
    np.testing.assert_allclose(schedule.x, trades, rtol=0, atol=1e-6 * market.shares)
    assert schedule.objective + market.permanent_cost == pytest.approx(market.utility(trades, lam), rel=1e-9)


@pytest.mark.parametrize("kappa_t", [-2.0, -1e-7, 0.0, 1e-7, 1.0, 50.0])
def test_drift_adds_the_same_shares_to_every_order(kappa_t):
    """Section 4.1: the drift's part does not depend on X, and solves x'' = q (x - x_bar)."""
    market = replace(TABLE_1, drift=0.3)
    lam = at(kappa_t)
    part = market.holdings(lam) - TABLE_1.holdings(lam)
    double = replace(market, shares=2e6).holdings(lam) - replace(TABLE_1, shares=2e6).holdings(lam)
    np.testing.assert_allclose(part, double, atol=1e-8 * market.shares)
    q, push = lam * market.sigma**2 / market.adjusted_eta, market.drift * market.tau**2 / (2 * market.adjusted_eta)
    np.testing.assert_allclose(np.diff(part, 2), q * part[1:-1] - push, atol=1e-9 * market.shares)
    blind = TABLE_1.trades(lam)
    gain = market.utility(blind, lam) - market.utility(market.trades(lam), lam)
    if kappa_t > -math.pi / 2:
        assert market.drift_gain(lam) == pytest.approx(gain, rel=1e-6)


def test_the_drift_formulas_of_section_4_1():
    market, lam = replace(TABLE_1, drift=0.02), 1e-6
    kappa, bar = market.kappa(lam), market.static_holding(lam)
    assert bar == pytest.approx(11_080.33, abs=0.01)
    t = np.linspace(0, 5, 6)
    blend = 1 - (np.sinh(kappa * (5 - t)) + np.sinh(kappa * t)) / np.sinh(kappa * 5)
    np.testing.assert_allclose(market.holdings(lam), TABLE_1.holdings(lam) + blend * bar, rtol=1e-12, atol=1e-6)
    gain = bar * 0.02 * 5 / 2 * (1 - np.tanh(kappa * 2.5) / (5 * np.tanh(kappa / 2)))
    assert market.drift_gain(lam) == pytest.approx(gain, rel=1e-12)


@pytest.mark.parametrize("stop", [1, 3, 7])
@pytest.mark.parametrize("lam", [0.0, 1e-7, 1e-6, 1e-4])
def test_the_tail_of_an_optimal_trajectory_is_the_optimal_trajectory_of_the_tail(stop, lam):
    market = replace(TABLE_1, periods=10, drift=0.03)
    rest = replace(
        market, shares=float(market.holdings(lam)[stop]), horizon=5 - stop / 2, periods=10 - stop, drift=0.03
    )
    np.testing.assert_allclose(rest.trades(lam), market.trades(lam)[stop:], rtol=1e-9, atol=1e-12 * market.shares)
    again = ox.solve(rest.problem(lam), "newton")
    np.testing.assert_allclose(again.x, market.trades(lam)[stop:], atol=1e-6 * rest.shares)


scales = st.floats(1e-3, 1e3)
markets = st.builds(
    AlmgrenChriss,
    shares=st.floats(1e2, 1e7),
    horizon=st.floats(0.1, 20),
    periods=st.integers(1, 40),
    sigma=st.floats(0.01, 5),
    gamma=st.just(0.0),
    eta=st.floats(1e-8, 1e-3),
    epsilon=st.floats(0, 0.1),
    drift=st.floats(-0.1, 0.1),
)


@example(TABLE_1, 1e-6, 7.0, 390.0, 100.0)
@given(markets, st.one_of(st.just(0.0), st.floats(1e-12, 1e-4)), scales, scales, scales)
def test_scaling_laws(market, lam, more, time, currency):
    """c times the order and the drift: c times the schedule. Time in minutes, money in cents: the same schedule."""
    far = dict(rtol=1e-9, atol=1e-9 * market.shares * (1 + abs(market._push)))
    larger = replace(market, shares=more * market.shares, drift=more * market.drift)
    np.testing.assert_allclose(larger.trades(lam), more * market.trades(lam), rtol=1e-9, atol=more * far["atol"])
    units = AlmgrenChriss(
        market.shares,
        horizon=time * market.horizon,
        periods=market.periods,
        sigma=currency * market.sigma / math.sqrt(time),
        gamma=currency * market.gamma,
        eta=currency * market.eta * time,
        epsilon=currency * market.epsilon,
        drift=currency * market.drift / time,
    )
    trades = market.trades(lam)
    np.testing.assert_allclose(units.trades(lam / currency), trades, **far)
    gross = sum(map(abs, market.breakdown(trades).values())) + lam * market.variance(trades)
    assert units.utility(trades, lam / currency) == pytest.approx(
        currency * market.utility(trades, lam), abs=1e-9 * currency * gross
    )
    assert units.half_life(lam / currency) == pytest.approx(time * market.half_life(lam), rel=1e-6)


@given(markets, st.floats(1e-9, 1e-4), st.floats(0.1, 3))
def test_more_aversion_costs_more_and_risks_less(market, lam, step):
    calm = replace(market, drift=0.0)
    wary, bold = calm.trades(lam * (1 + step)), calm.trades(lam)
    assert calm.expected_cost(wary) >= calm.expected_cost(bold) * (1 - 1e-12)
    assert calm.variance(wary) <= calm.variance(bold) * (1 + 1e-12)
    assert wary.min() >= 0


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"gamma": ox.Power(1e-7, 0.5, quoted="per_share")}, "not linear.*round trip.*Huberman and Stanzl"),
        ({"gamma": ox.Linear(1e-7)}, "must be one number, dollars a share per share"),
        ({"gamma": [1e-7, 2e-7]}, "not the same in every bucket.*round trip"),
        ({"gamma": lambda v: v**0.5}, "not linear"),
        ({"gamma": -1e-7}, "gamma must be >= 0"),
        ({"gamma": 6e-6}, r"eta - gamma tau / 2 must be > 0.*more than 6 periods"),
        ({"periods": 2.5}, "periods must be a whole number, got 2.5"),
        ({"sigma": 0.0}, "sigma must be > 0"),
        ({"eta": [1.0, 2.0]}, "eta must be a single number"),
        ({"drift": math.nan}, "drift must be finite"),
    ],
)
def test_a_wrong_parameter_is_named(changes, message):
    with pytest.raises(ox.InvalidInput, match=message):
        replace(TABLE_1, **changes)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda m: m.expected_cost([1e6, 0, 0]), "one value for each of 5 periods, got 3"),
        (lambda m: m.variance([1e6, 0, 0, 0, 5]), "trades must add up to 1,000,000 shares, got 1,000,005"),
        (lambda m: m.serial_correlation_gain(1.0), "strictly between -1 and 1"),
        (lambda m: m.static_holding(0.0), "risk_aversion must be > 0"),
        (lambda m: m.lvar_risk_aversion(0.0), "quantile must be > 0"),
        (lambda m: m.trades(math.nan), "risk_aversion must be >"),
    ],
)
def test_a_wrong_argument_is_named(call, message):
    with pytest.raises(ox.InvalidInput, match=message):
        call(TABLE_1)
