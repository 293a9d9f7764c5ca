"""Simulated costs are those of the closed forms, and no share is lost on any path."""

import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import optexec as ox
from optexec.analysis.cost_analysis import Quote, analyse
from optexec.analysis.price_paths import Arithmetic, Geometric, LogVolatility
from optexec.analysis.simulation import Follow, Market, simulate

THEORY = ox.AlmgrenChriss(1e6, horizon=5, periods=5, sigma=0.95, gamma=2.5e-7, eta=2.5e-6, epsilon=0.0625)
VOLUME = [3_000.0, 5_000.0, 4_000.0, 6_000.0]


def problem_of(theory, side="buy"):
    """The same order with the temporary impact that is paid, before eta is adjusted for the permanent one."""
    impact = ox.Linear(theory.epsilon) + ox.Linear(theory.eta / theory.tau, quoted="per_share")
    order = ox.Order(theory.shares, side, price=50.0)
    return ox.Problem(order, impact, ox.objective("A"), buckets=theory.periods)


def market_of(theory, side="buy"):
    towards = -1.0 if side == "buy" else 1.0
    prices = Arithmetic(theory.sigma * math.sqrt(theory.tau), towards * theory.drift * theory.tau)
    return Market(problem_of(theory, side), prices, permanent=theory.gamma)


def small(side="buy", shares=900.0, volume=VOLUME):
    limits = ox.Limits(volume=volume)
    return ox.Problem(
        ox.Order(shares, side, price=25.0),
        ox.Linear([0.01, 0.02, 0.01, 0.03]) + ox.Power([2e-5, 1e-5, 4e-5, 3e-5], 0.6, quoted="per_share"),
        ox.objective("C", psi=1e-5),
        limits=limits,
    )


def variance_error(sample):
    """Standard error of the sample variance, from the fourth moment."""
    centred = sample - sample.mean()
    return math.sqrt((np.mean(centred**4) - np.mean(centred**2) ** 2) / len(sample))


@pytest.mark.parametrize("side", ["buy", "sell"])
@pytest.mark.parametrize("drift", [0.0, 0.02, -0.3])
@pytest.mark.parametrize("risk_aversion", [0.0, 1e-6, 1e-5])
def test_mean_and_variance_are_those_of_almgren_and_chriss(side, drift, risk_aversion):
    theory = replace(THEORY, drift=drift)
    trades = replace(THEORY, drift=0.0).trades(risk_aversion)
    market = market_of(theory, side)
    done = simulate(ox.evaluate(market.problem, trades), market, paths=20_000, seed=11)
    assert abs(done.mean - theory.expected_cost(trades)) < 3 * done.standard_error
    assert abs(done.standard_deviation**2 - theory.variance(trades)) < 3 * variance_error(done.shortfall)
    paired = simulate(ox.evaluate(market.problem, trades), market, paths=4, antithetic=True)
    assert paired.mean == pytest.approx(theory.expected_cost(trades), rel=1e-9)


def test_the_optimal_holdings_have_the_least_simulated_utility():
    theory, lam = THEORY, 1e-6
    market = market_of(theory)

    def utility(trades):
        done = simulate(ox.evaluate(market.problem, trades), market, paths=20_000, seed=3, antithetic=True)
        return done.mean + lam * done.standard_deviation**2

    best = utility(theory.trades(lam))
    assert best < min(utility(theory.trades(other)) for other in (0.0, 2e-7, 5e-6))


def test_variance_is_that_of_price_risk_with_a_night_between_two_days():
    day = ox.PriceRisk.from_volatility([0.3, 0.1, 0.2])
    risk = day.then(day, overnight=0.6)
    order = ox.Order(1_000, "sell", price=30.0)
    problem = ox.Problem(order, ox.Linear(0.01), ox.objective("A"), buckets=6)
    schedule = ox.evaluate(problem, [300, 100, 200, 0, 250, 150])
    for law in (None, LogVolatility(0.3, 0.9)):
        done = simulate(schedule, Market(problem, Arithmetic(risk.sigma, random=law)), paths=40_000, seed=5)
        assert abs(done.standard_deviation**2 - risk.variance(schedule)) < 3 * variance_error(done.shortfall)
        assert abs(done.mean - schedule.objective) < 3 * done.standard_error


def test_geometric_tends_to_arithmetic_for_small_volatility():
    problem = small()
    schedule = ox.solve(problem)

    def apart(sigma):
        fraction, dollars = Market(problem, Geometric(sigma)), Market(problem, Arithmetic(25 * sigma))
        first, second = (simulate(schedule, market, paths=500, seed=1) for market in (fraction, dollars))
        return np.abs(first.shortfall - second.shortfall).max() / first.standard_deviation

    assert apart(1e-2) > 5 * apart(1e-3) > 25 * apart(1e-5)
    assert apart(1e-5) < 1e-3


def test_antithetic_pairs_reduce_the_standard_error():
    market = Market(small(), Geometric(0.05))
    plain, paired = (simulate(ox.solve(small()), market, 4_000, 2, antithetic) for antithetic in (False, True))
    assert paired.standard_error < 0.2 * plain.standard_error
    assert paired.standard_deviation == pytest.approx(plain.standard_deviation, rel=0.1)


def test_without_randomness_every_path_costs_what_the_declaration_says():
    problem = small("sell")
    for name in ("auto", "twap", "vwap"):
        schedule = ox.solve(problem, name)
        done = simulate(schedule, Market(problem, Arithmetic(0.0)), paths=3)
        assert done.shortfall == pytest.approx(np.full(3, schedule.breakdown["impact"]), rel=1e-12)
        assert done.frame["bps"][0] == pytest.approx(1e4 * schedule.breakdown["impact"] / 22_500)


def test_a_sell_order_costs_what_a_buy_order_does_when_prices_are_mirrored():
    buy, sell = (Market(small(side), Arithmetic(0.1, drift=0.05), 1e-4, 0.3, 0.5, "open") for side in ("buy", "sell"))
    bought = simulate(ox.solve(small()), buy, paths=200, seed=4)
    sold = replace(bought, market=sell, moved=50.0 - bought.moved, mids=50.0 - bought.mids)
    np.testing.assert_allclose(sold.frame, bought.frame, rtol=1e-9, atol=1e-9)
    real = simulate(ox.solve(small("sell")), sell, paths=200, seed=4)
    np.testing.assert_allclose(real.mids - real.moved, bought.moved - bought.mids, atol=1e-12)
    assert real.parts["permanent"].min() > 0


def test_schedules_are_compared_on_the_same_paths():
    problem = small()
    market = Market(problem, Arithmetic(0.1), dispersion=0.5, least_fill=0.5, permanent=1e-4)
    twap, vwap = (simulate(ox.solve(problem, name), market, paths=50, seed=6) for name in ("twap", "vwap"))
    assert np.array_equal(twap.moved, vwap.moved)
    assert np.array_equal(twap.volumes, vwap.volumes)
    calm = simulate(ox.solve(problem), Market(problem, Arithmetic(0.1)), paths=50, seed=6)
    assert np.array_equal(calm.moved, twap.moved)


def test_volumes_have_the_expected_mean_and_the_stated_dispersion():
    market = Market(small(), Arithmetic(0.1), dispersion=0.4)
    volumes = simulate(ox.solve(small()), market, paths=40_000, seed=1).volumes
    assert np.abs(volumes.mean(axis=0) / VOLUME - 1).max() < 0.01
    assert np.abs(np.log(volumes).std(axis=0) - 0.4).max() < 0.01


markets = st.fixed_dictionaries(
    {
        "permanent": st.sampled_from([0.0, 1e-4]),
        "dispersion": st.floats(0.0, 2.0),
        "least_fill": st.floats(0.0, 1.0),
        "at_end": st.sampled_from(["complete", "open"]),
    }
)


@settings(max_examples=60, deadline=None)
@given(markets, st.none() | st.floats(0.001, 1.0), st.floats(1.0, 1e6), st.integers(0, 99), st.booleans())
def test_filled_and_open_shares_are_the_order_on_every_path(fields, participation, shares, seed, antithetic):
    problem = small(shares=shares)
    plan = Follow(ox.solve(problem, "vwap"), participation)
    done = simulate(plan, Market(problem, Arithmetic(0.1), **fields), 20, seed, antithetic)
    left = np.full(20, problem.shares)
    for i in range(problem.buckets):
        left = left - done.shares[:, i]
    assert np.array_equal(left, done.open_shares)
    assert (done.shares >= 0).all()
    assert (done.open_shares >= 0).all()
    np.testing.assert_allclose(done.frame["filled"] + done.frame["open"], shares, rtol=1e-12)
    if fields["at_end"] == "complete":
        assert (done.open_shares == 0).all()
    capped = slice(None, None if fields["at_end"] == "open" else -1)
    if participation is not None:
        cap = participation * done.volumes[:, capped]
        assert (done.shares[:, capped] <= cap * (1 + 1e-12)).all()
    np.testing.assert_allclose(done.parts.sum(axis=1), done.shortfall, rtol=1e-12)


@settings(max_examples=40, deadline=None)
@given(st.integers(1, 10_000), st.integers(0, 99), st.lists(st.integers(0, 4_000), min_size=4, max_size=4))
def test_whole_shares_are_conserved_to_the_last_bit(shares, seed, wanted):
    problem = small(shares=float(shares))
    market = Market(problem, Arithmetic(0.1), at_end="open")
    done = simulate(lambda i, remaining, seen: np.full(len(remaining), float(wanted[i])), market, 5, seed)
    assert (done.shares.sum(axis=1) + done.open_shares == shares).all()
    assert done.open_shares[0] == max(shares - sum(wanted), 0)


def test_what_is_not_filled_is_carried_into_the_next_bucket():
    problem = small()
    schedule = ox.solve(problem, "twap")
    done = simulate(schedule, Market(problem, Arithmetic(0.0), least_fill=0.3), paths=200, seed=1)
    left = 900 - done.shares.cumsum(axis=1)
    held = np.array([675.0, 450.0, 225.0])
    before = np.column_stack([np.full(200, 900.0), left[:, :2]])
    fraction = done.shares[:, :3] / (before - held)
    assert 0.3 <= fraction.min() < 0.32
    assert 0.98 < fraction.max() <= 1.0
    np.testing.assert_allclose(done.shares[:, 3], left[:, 2])


def test_a_policy_sees_the_past_and_no_more():
    problem, seen_shapes = small(), []

    def policy(i, remaining, seen):
        seen_shapes.append((seen.mids.shape, seen.volumes.shape, seen.filled.shape))
        assert np.allclose(seen.filled.sum(axis=1) + remaining, 900)
        return np.where(seen.mids[:, -1] <= 25.0, remaining, 0.0)

    done = simulate(policy, Market(problem, Arithmetic(0.1)), paths=400, seed=1)
    assert seen_shapes == [((400, i + 1), (400, i + 1), (400, i)) for i in range(4)]
    assert (done.shares[:, 0] == 900).all()


def test_a_slice_moves_the_mid_of_the_later_ones():
    problem = small()
    market = Market(problem, Arithmetic(0.1), permanent=1e-3)
    fixed = simulate(ox.solve(problem, "twap"), market, paths=2, seed=1)
    push = 1e-3 * np.array([0, 225.0, 450.0, 675.0])
    np.testing.assert_allclose(fixed.mids[:, :4] - fixed.moved[:, :4], np.tile(push, (2, 1)))
    assert fixed.parts["permanent"][0] == pytest.approx(225 * push.sum())


def test_slippage_is_against_the_mids_of_the_path():
    problem = small("sell")
    market = Market(problem, Arithmetic(0.2), permanent=1e-4, dispersion=0.5)
    schedule = ox.solve(problem, "front_loaded")
    done = simulate(schedule, market, paths=30, seed=2)
    for k in (0, 29):
        mids, x, v = done.mids[k, :4], done.shares[k], done.volumes[k]
        received = sum(x * mids) - schedule.breakdown["impact"]
        vwap, twap = sum(v * mids) / sum(v), sum(mids) / 4
        assert done.vwap_slippage[k] == pytest.approx(1e4 * (900 * vwap - received) / 22_500)
        assert done.twap_slippage[k] == pytest.approx(1e4 * (900 * twap - received) / 22_500)
        assert done.shortfall[k] == pytest.approx(22_500 - received)
    twap = simulate(ox.solve(problem, "twap"), Market(problem, Arithmetic(0.2)), paths=30)
    assert np.ptp(twap.twap_slippage) < 1e-9
    summary = done.summary
    assert summary.loc["vwap_slippage", "mean"] == pytest.approx(done.vwap_slippage.mean())
    assert summary.loc["shortfall", ["q05", "q50", "q95"]].tolist() == done.quantiles().tolist()
    assert summary.loc["shortfall", ["mean", "standard_error"]].tolist() == [done.mean, done.standard_error]


def test_without_volumes_there_is_no_vwap():
    for volume in (None, [0.0] * 4):
        problem = small(volume=volume)
        done = simulate(ox.solve(problem), Market(problem, Arithmetic(0.1)), paths=10)
        assert done.volumes is None
        assert np.isnan(done.vwap_slippage).all()
        assert np.isfinite(done.summary.loc["twap_slippage"]).all()


@pytest.mark.parametrize("side", ["buy", "sell"])
def test_a_simulated_path_costs_the_same_as_fills_that_are_analysed(side):
    problem = small(side)
    market = Market(problem, Arithmetic(0.2), permanent=1e-4, dispersion=0.3, least_fill=0.5, at_end="open")
    done = simulate(Follow(ox.solve(problem), participation=0.05), market, paths=20, seed=9)
    sign = 1 if side == "buy" else -1
    for k in range(20):
        x = done.shares[k]
        bucket_costs = problem.impact.cost(x)
        times = [f"2025-01-15T10:0{i}:00Z" for i in range(5)]
        prices = done.mids[k, :4] + sign * bucket_costs / x
        start = Quote(times[0], 25.0)
        order = problem.order
        account = analyse(
            list(zip(times[:4], x, prices, strict=True)), order, start, start, Quote(times[4], done.mids[k, 4])
        )
        assert account.shortfall == pytest.approx(done.shortfall[k], rel=1e-9)
        assert account.parts["opportunity"] == pytest.approx(done.parts["opportunity"][k], rel=1e-9)


@pytest.mark.parametrize(
    ("fields", "told"),
    [
        ({"problem": small().replace(order=ox.Order(900))}, "order.price is missing"),
        ({"permanent": -1.0}, "permanent must be >= 0"),
        ({"permanent": [1.0, 2.0]}, "permanent must be one number"),
        ({"dispersion": -0.1}, "dispersion must be >= 0"),
        ({"dispersion": 0.1, "problem": small(volume=None)}, "dispersion needs an expected volume"),
        ({"least_fill": 1.5}, r"least_fill must be a fraction in \[0, 1\], got 1.5"),
        ({"at_end": "shut"}, "unknown rule for the end 'shut'"),
    ],
)
def test_a_market_that_is_refused(fields, told):
    with pytest.raises(ox.InvalidInput, match=told):
        Market(**{"problem": small(), "prices": Arithmetic(0.1), **fields})


@pytest.mark.parametrize(
    ("answer", "told"),
    [
        (-1.0, "the policy must answer shares >= 0, got -1.0 in bucket 0"),
        (float("nan"), "the policy must answer shares >= 0, got nan in bucket 0"),
        (np.ones(3), r"one number a path, 10, got shape \(3,\)"),
    ],
)
def test_a_policy_that_is_refused(answer, told):
    with pytest.raises(ox.InvalidInput, match=told):
        simulate(lambda i, remaining, seen: answer, Market(small(), Arithmetic(0.1)), paths=10)


def test_schedules_and_numbers_that_are_refused():
    market = Market(small(), Arithmetic(0.1))
    schedule = ox.solve(small(shares=800.0))
    with pytest.raises(ox.InvalidInput, match="the schedule is of 800 shares over 4 buckets, the market's"):
        simulate(schedule, market)
    with pytest.raises(ox.InvalidInput, match="participation must be a fraction"):
        Follow(schedule, participation=10)
    capped = Follow(ox.solve(small(volume=None)), participation=0.1)
    with pytest.raises(ox.InvalidInput, match="participation needs a volume"):
        simulate(capped, Market(small(volume=None), Arithmetic(0.1)))
    for prices in (Arithmetic(1e200), Geometric(0.1, drift=1e3)):
        with pytest.raises(ox.InvalidInput, match="the price leaves the range of numbers"):
            simulate(ox.solve(small()), Market(small(), prices), paths=20)
    with pytest.raises(ox.InvalidInput, match="leave the range of numbers; lower it"):
        simulate(ox.solve(small()), Market(small(), Arithmetic(0.1), dispersion=1e3), paths=20)
