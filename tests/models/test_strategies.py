"""Schedules in closed form, and the horizon and number of slices that cost least."""

import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import optexec as ox
from optexec.models.almgren_chriss import AlmgrenChriss
from optexec.models.strategies import (
    best_number_of_slices,
    best_uniform_horizon,
    exponential,
    exponential_moments,
    falling,
    falling_moments,
    slicing_costs,
    uniform,
    uniform_moments,
)

MARKET = AlmgrenChriss(1e6, horizon=5, periods=5, sigma=0.95, gamma=2.5e-7, eta=2.5e-6, epsilon=0.0625)
markets = st.builds(
    AlmgrenChriss,
    shares=st.floats(1e2, 1e7),
    horizon=st.floats(0.1, 20),
    periods=st.integers(1, 60),
    sigma=st.floats(0.01, 5),
    gamma=st.floats(0, 1e-8),
    eta=st.floats(1e-6, 1e-3),
    epsilon=st.floats(0, 0.1),
)


def assert_moments(market, trades, moments):
    assert trades.shape == (market.periods,)
    assert trades.sum() == pytest.approx(market.shares, rel=1e-12)
    assert moments.expected_cost == pytest.approx(market.expected_cost(trades), rel=1e-11)
    scale = 1e-11 * (market.sigma * market.shares) ** 2 * market.horizon
    assert moments.variance == pytest.approx(market.variance(trades), rel=1e-9, abs=scale)
    assert moments.utility(1e-6) == pytest.approx(market.utility(trades, 1e-6), rel=1e-9)


@given(markets, st.one_of(st.just(0.0), st.floats(1e-9, 1e3)))
def test_formulas_are_the_costs_of_their_schedules(market, kappa):
    assert_moments(market, uniform(market), uniform_moments(market))
    assert_moments(market, falling(market), falling_moments(market))
    assert_moments(market, exponential(market, kappa), exponential_moments(market, kappa))


@given(markets, st.floats(1e-9, 1e-4))
def test_no_strategy_has_less_utility_than_the_optimum(market, lam):
    best = market.utility(market.trades(lam), lam) * (1 - 1e-12)
    kappa = market.kappa(lam)
    moments = [uniform_moments(market), falling_moments(market), exponential_moments(market, min(kappa, 1e3))]
    assert min(m.utility(lam) for m in moments) >= best


def test_a_long_horizon_makes_the_exponential_the_optimum():
    market = replace(MARKET, horizon=100.0, periods=100)
    np.testing.assert_allclose(exponential(market, market.kappa(1e-6)), market.trades(1e-6), rtol=1e-9, atol=1e-9)


def test_the_published_uniform_schedule():
    moments = uniform_moments(MARKET)
    assert moments.expected_cost == pytest.approx(662_500, rel=1e-12)
    assert moments.variance == pytest.approx(1.083e12, rel=1e-12)


@pytest.mark.parametrize("lam", [1e-8, 1e-6, 1e-4])
@pytest.mark.parametrize("periods", [2, 5, 50])
def test_the_best_horizon_is_below_its_neighbours(lam, periods):
    best = best_uniform_horizon(MARKET.eta, MARKET.sigma, lam, periods)

    def cost(horizon):
        return uniform_moments(replace(MARKET, horizon=horizon, periods=periods, gamma=0.0)).utility(lam)

    assert cost(best) < min(cost(0.99 * best), cost(1.01 * best))
    continuous = best_uniform_horizon(MARKET.eta, MARKET.sigma, lam)
    assert continuous == pytest.approx(math.sqrt(3 * MARKET.eta / (lam * MARKET.sigma**2)), rel=1e-12)
    assert continuous == pytest.approx(best_uniform_horizon(MARKET.eta, MARKET.sigma, lam, 1e9), rel=1e-8)
    assert continuous < best


def test_the_best_horizon_does_not_depend_on_permanent_impact():
    best = best_uniform_horizon(MARKET.eta, MARKET.sigma, 1e-6, 50)

    def cost(horizon):
        return uniform_moments(replace(MARKET, horizon=horizon, periods=50)).utility(1e-6)

    assert cost(best) < min(cost(0.99 * best), cost(1.01 * best))


@pytest.mark.parametrize("risk_aversion", [0.0, 1e-6])
def test_cost_does_not_turn_in_the_number_of_periods_without_a_charge(risk_aversion):
    """Over a fixed horizon more periods never help the uniform schedule: V grows with N, and so does eta~."""
    costs = [uniform_moments(replace(MARKET, periods=n)).utility(risk_aversion) for n in range(1, 50)]
    assert np.all(np.diff(costs) > 0)


@pytest.mark.parametrize(("b", "charge"), [(0.3, 0.01), (0.5, 1.0), (1.0, 0.5), (1.0, 3.7), (2.0, 40.0), (1.0, 1e9)])
def test_the_best_number_of_slices_is_the_least_of_all(b, charge):
    impact = ox.Power(1e-6 * 10 ** (3 * (1 - b)), b, quoted="per_share")
    best = best_number_of_slices(10_000, impact, charge)
    number = np.arange(1, 3000)
    costs = number * charge + number * impact.cost(10_000 / number)
    assert costs[best - 1] == costs.min()
    assert best < 2999


@pytest.mark.parametrize("b", [0.5, 1.0])
def test_one_slice_is_best_where_slicing_does_not_help(b):
    assert best_number_of_slices(10_000, ox.Power(1.0, b), 0.1) == 1


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: best_uniform_horizon(1e-6, 1.0, 0.0), "risk_aversion must be > 0"),
        (lambda: best_uniform_horizon(1e-6, 1.0, 1e-6, periods=1), "periods must be > 1.*no variance"),
        (lambda: best_number_of_slices(100, ox.Power(1.0, 2.0), 0.0), "cost_per_slice must be > 0"),
        (lambda: best_number_of_slices(100, ox.Power([1.0, 2.0], 2.0), 1.0), "one curve for all slices, got 2"),
        (lambda: slicing_costs(100, ox.Power(1.0, 2.0), 1.0, [2, 1.5]), r"slices\[1\] must be a whole number, got 1.5"),
        (lambda: slicing_costs(100, ox.Power(1.0, 2.0), 1.0, 0), "slices must be > 0"),
        (lambda: exponential(MARKET, -1.0), "kappa must be >= 0"),
        (lambda: exponential(MARKET, [1.0, 2.0]), "kappa must be a single number"),
    ],
)
def test_a_wrong_argument_is_named(call, message):
    with pytest.raises(ox.InvalidInput, match=message):
        call()
