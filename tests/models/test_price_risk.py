"""Risk in dollars: against covariances, simulated prices, Almgren and Chriss, and what a night does to a schedule."""

import math
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

import optexec as ox
from optexec.models.almgren_chriss import AlmgrenChriss
from optexec.models.price_risk import PriceRisk, forecast_volatility

MINUTE_BARS = Path(__file__).parents[2].parent / "shared" / "data" / "minute_bars"
SIGMA = np.array([0.05, 0.03, 0.02, 0.03, 0.04])
DAY = PriceRisk.from_volatility(SIGMA)
WEEKEND = DAY.then(DAY, overnight=0.12)
X = np.array([400.0, 250.0, 150.0, 120.0, 80.0])

volatilities = st.lists(st.just(0.0) | st.floats(1e-6, 5), min_size=1, max_size=8).filter(any)


def covariance_of_trade_prices(moves):
    """Of the prices of trades i and j: the moves before both."""
    n = len(moves)
    return np.array([[sum(moves[: min(i, j)]) for j in range(n)] for i in range(n)])


@given(volatilities, st.floats(0.1, 200), st.integers(0, 2**32 - 1))
def test_the_variance_is_that_of_the_covariance_of_trade_prices(sigma, price, seed):
    x = np.random.default_rng(seed).uniform(0, 1000, len(sigma))
    risk = PriceRisk.from_volatility(sigma, price)
    covariance = covariance_of_trade_prices([(s * price) ** 2 for s in sigma])
    assert risk.variance(x) == pytest.approx(x @ covariance @ x, rel=1e-9)
    assert risk.standard_deviation(x) == pytest.approx(math.sqrt(x @ covariance @ x), rel=1e-9)


@given(volatilities, st.floats(1e-9, 10), st.integers(0, 2**32 - 1))
def test_the_term_charges_lambda_times_the_variance(sigma, lam, seed):
    x = np.random.default_rng(seed).uniform(0, 1000, len(sigma))
    risk = PriceRisk.from_volatility(sigma)
    terms = ox.ImpactCost() + ox.Smoothing(1e-3) + risk.inventory_risk(lam)
    problem = ox.Problem(ox.Order(x.sum()), ox.Linear(0.02), terms, buckets=len(sigma))
    cost = 0.02 * x.sum() + 5e-4 * (x @ x)
    assert problem.objective(x) == pytest.approx(cost + lam * risk.variance(x), rel=1e-12)
    by_hand = ox.InventoryRisk(risk.psi(lam), risk.weights)
    assert problem.replace(terms=by_hand).objective(x) == pytest.approx(lam * risk.variance(x), rel=1e-12)
    assert risk.weights.mean() == pytest.approx(1.0, rel=1e-12)
    np.testing.assert_allclose(risk.weights, ox.volatility_weights(sigma), rtol=1e-12)


def test_the_variance_is_that_of_simulated_shortfalls():
    rng, paths = np.random.default_rng(5), 100_000
    error, gaps = math.sqrt(2 / paths), {4: 0.12}
    price, shortfall = np.full(paths, 50.0), np.zeros(paths)
    x = np.concatenate([X, X[::-1]])
    for bucket, (shares, sigma) in enumerate(zip(x, np.concatenate([SIGMA, SIGMA]), strict=True)):
        shortfall += shares * (price - 50.0)
        price += sigma * rng.standard_normal(paths) + gaps.get(bucket, 0.0) * rng.standard_normal(paths)
    assert shortfall.var(ddof=1) == pytest.approx(
        WEEKEND.variance(x), abs=4 * WEEKEND.variance(x) * math.sqrt(2 / paths)
    )
    assert shortfall.mean() == pytest.approx(0.0, abs=4 * WEEKEND.standard_deviation(x) / math.sqrt(paths))
    blind = PriceRisk.from_volatility(np.concatenate([SIGMA, SIGMA])).variance(x)
    assert WEEKEND.variance(x) - blind > 40 * error * blind


def test_no_random_number_is_at_risk_before_the_first_trade_or_after_the_last():
    all_at_once, last_only = np.eye(5)[0] * 1000, np.eye(5)[4] * 1000
    assert DAY.variance(all_at_once) == 0
    assert DAY.variance(last_only) == pytest.approx(1e6 * (SIGMA[:-1] ** 2).sum(), rel=1e-12)
    wilder_close = PriceRisk.from_volatility([*SIGMA[:-1], 9.0])
    assert wilder_close.variance(X) == pytest.approx(DAY.variance(X), rel=1e-12)


@pytest.mark.parametrize("lam", [0.0, 1e-7, 1e-6, 1e-4])
def test_constant_volatility_is_almgren_and_chriss(lam):
    market = AlmgrenChriss(1e6, horizon=5, periods=20, sigma=0.95, gamma=2.5e-7, eta=2.5e-6, epsilon=0.0625)
    risk = PriceRisk.from_volatility(np.full(20, market.sigma * math.sqrt(market.tau)))
    trades = market.trades(lam)
    assert risk.variance(trades) == pytest.approx(market.variance(trades), rel=1e-12)
    assert risk.psi(lam) == pytest.approx(2 * lam * market.sigma**2 * market.tau, rel=1e-12)
    terms = ox.ImpactCost() + ox.Smoothing(2 * market.adjusted_eta / market.tau) + risk.inventory_risk(lam)
    schedule = ox.solve(ox.Problem(ox.Order(1e6), ox.Linear(market.epsilon), terms, buckets=20))
    np.testing.assert_allclose(schedule.x, trades, rtol=1e-6, atol=1e-9 * 1e6)
    assert schedule.objective + market.permanent_cost == pytest.approx(market.utility(trades, lam), rel=1e-9)
    assert risk.variance(schedule) == pytest.approx(market.variance(trades), rel=1e-6)


def test_the_frontier_takes_the_same_risk():
    problem = ox.Problem(ox.Order(2_000), ox.Power(1e-5, 2.0), ox.objective("A"), buckets=10)
    traced = ox.frontier(problem, points=6, sigma=WEEKEND.sigma)
    for row, schedule in zip(traced.frame.itertuples(), traced.schedules, strict=True):
        assert row.variance == pytest.approx(WEEKEND.variance(schedule), rel=1e-9)
        assert row.psi == pytest.approx(WEEKEND.psi(row.risk_aversion), rel=1e-9)


def two_days(night, lam, impact, caps):
    day = PriceRisk.from_volatility(SIGMA)
    terms = ox.ImpactCost() + day.then(day, overnight=night).inventory_risk(lam)
    return ox.solve(ox.Problem(ox.Order(2_000), impact, terms, ox.Limits(maximum=caps), buckets=10))


@given(
    st.floats(1e-4, 1e-1),
    st.lists(st.floats(0, 0.5), min_size=2, max_size=4, unique=True).map(sorted),
    st.integers(0, 2**32 - 1),
)
def test_more_is_traded_before_a_wilder_night(lam, nights, seed):
    rng = np.random.default_rng(seed)
    impact = ox.Linear(0.01) + ox.Power(rng.uniform(1e-6, 1e-4, 10), rng.uniform(0.3, 1.2), quoted="per_share")
    caps = rng.uniform(400, 900, 10)
    held = [two_days(night, lam, impact, caps).inventory[5] for night in nights]
    assert np.all(np.diff(held) <= 1e-4 * 2_000)


def test_a_certain_night_changes_nothing_and_a_wild_one_leaves_nothing_overnight():
    held = [two_days(night, 1e-3, ox.Power(1e-5, 2.0), 2_000).inventory[5] for night in (0.0, 0.1, 1.0, 100.0)]
    flat = PriceRisk.from_volatility(np.tile(SIGMA, 2))
    terms = ox.ImpactCost() + flat.inventory_risk(1e-3)
    alone = ox.solve(ox.Problem(ox.Order(2_000), ox.Power(1e-5, 2.0), terms, buckets=10))
    assert held[0] == pytest.approx(alone.inventory[5], rel=1e-6)
    assert held[0] > 1.1 * held[1] > 1.2 * held[2]
    assert held[3] < 0.1


def test_days_are_laid_end_to_end():
    week = DAY.then(DAY, 0.1).then(DAY, 0.2).then(PriceRisk.from_volatility([1.0]), 0.3)
    sigma = np.concatenate([np.tile(SIGMA, 3), [1.0]])
    extra = np.zeros(16)
    extra[[4, 9, 14]] = 0.01, 0.04, 0.09
    np.testing.assert_allclose(week.moves, sigma**2 + extra, rtol=1e-12)
    right = DAY.then(DAY.then(DAY, 0.2).then(PriceRisk.from_volatility([1.0]), 0.3), 0.1)
    np.testing.assert_allclose(week.moves, right.moves, rtol=1e-12)
    assert DAY.with_gap(after=3, sigma=0.02, price=50.0).moves[2] == pytest.approx(0.02**2 + 1.0)
    np.testing.assert_array_equal(DAY.moves, SIGMA**2)


@given(volatilities, st.floats(0.01, 100), st.floats(0.01, 100))
def test_units(sigma, price, more):
    x = np.arange(1.0, len(sigma) + 1)
    risk, dearer = PriceRisk.from_volatility(sigma, price), PriceRisk.from_volatility(sigma, more * price)
    assert dearer.standard_deviation(x) == pytest.approx(more * risk.standard_deviation(x), rel=1e-9)
    assert risk.standard_deviation(more * x) == pytest.approx(more * risk.standard_deviation(x), rel=1e-9)
    assert dearer.psi(1e-6 / more) == pytest.approx(more * risk.psi(1e-6), rel=1e-9)
    np.testing.assert_allclose(dearer.weights, risk.weights, rtol=1e-9)


patterns = st.lists(st.floats(0.1, 3), min_size=1, max_size=6).map(np.array)


@given(patterns, st.lists(st.floats(0.1, 10), min_size=1, max_size=8), st.floats(0.5, 50))
def test_a_pattern_times_levels_is_forecast_as_the_pattern_at_the_weighted_level(pattern, levels, half_life):
    history = np.outer(levels, pattern)
    level = pd.Series(np.square(levels)).ewm(halflife=half_life).mean().iloc[-1]
    np.testing.assert_allclose(forecast_volatility(history, half_life), pattern * math.sqrt(level), rtol=1e-9)


@given(st.integers(1, 6), st.integers(1, 5), st.floats(0.01, 100), st.integers(0, 2**32 - 1))
def test_a_forecast_is_in_the_unit_of_the_history_and_has_its_days_pattern(days, buckets, scale, seed):
    rng = np.random.default_rng(seed)
    history = rng.uniform(0.1, 1, (days, buckets))
    forecast = forecast_volatility(history, 3.0)
    np.testing.assert_allclose(forecast_volatility(scale * history, 3.0), scale * forecast, rtol=1e-9)
    shuffled = forecast_volatility(rng.permutation(history), 3.0)
    np.testing.assert_allclose(ox.volatility_weights(shuffled), ox.volatility_weights(forecast), rtol=1e-9)
    louder = history * np.where(np.arange(days) == 0, 7.0, 1.0)[:, None]
    np.testing.assert_allclose(
        ox.volatility_weights(forecast_volatility(louder)),
        ox.volatility_weights(forecast_volatility(history)),
        rtol=1e-9,
    )


def test_recent_days_count_more():
    calm, wild = np.ones((10, 3)), np.full((10, 3), 3.0)
    rising, falling = (forecast_volatility(np.vstack(v), 5.0)[0] for v in ((calm, wild), (wild, calm)))
    assert rising > math.sqrt(5.0) > falling
    assert forecast_volatility(np.vstack([calm, wild]), 1e9)[0] == pytest.approx(math.sqrt(5.0), rel=1e-6)
    assert forecast_volatility(np.vstack([calm, wild]), 0.01)[0] == pytest.approx(3.0, rel=1e-9)


def test_the_pattern_of_simulated_days_is_found():
    rng, standard_error = np.random.default_rng(2), math.sqrt(2 / 30 / 400)
    truth = 0.02 + 0.03 * np.linspace(-1, 1, 13) ** 2
    levels = np.exp(rng.normal(0, 0.5, 400))
    moves = rng.standard_normal((400, 13, 30)) * (truth * levels[:, None])[:, :, None]
    weights = ox.volatility_weights(forecast_volatility(np.sqrt((moves**2).mean(axis=2))))
    np.testing.assert_allclose(weights, ox.volatility_weights(truth), rtol=4 * standard_error)


@pytest.mark.skipif(not MINUTE_BARS.exists(), reason="shared/data/minute_bars is not beside the repository")
@pytest.mark.parametrize("name", ["IBM", "BAC", "AIG"])
def test_the_forecast_of_a_real_day_is_likelier_than_a_flat_one(name):
    files = sorted(MINUTE_BARS.glob(f"{name}_*_1min.csv"))
    history = np.array([half_hours(pd.read_csv(file)) for file in files])
    forecast, today = forecast_volatility(history[:-1]) ** 2, history[-1] ** 2
    flat = np.full(13, forecast.mean())

    def unlikelihood(variance):
        return float((today / variance + np.log(variance)).sum())

    assert unlikelihood(forecast) < unlikelihood(flat)


def half_hours(bars):
    """Volatility of the mid over each half hour of a day, dollars a share."""
    middle = (bars["bid"] + bars["ask"]).to_numpy() / 2
    squares = np.append(0.0, np.diff(middle)) ** 2
    return np.sqrt(squares.reshape(13, 30).sum(axis=1))


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: PriceRisk([0.0, 0.0]), "moves must not be zero in every bucket"),
        (lambda: PriceRisk([1.0, -1.0]), r"moves\[1\] must be >= 0, got -1.0"),
        (lambda: PriceRisk(1.0), "moves must have one value for each bucket, got the number 1.0"),
        (lambda: PriceRisk.from_volatility([0.1, -0.2]), r"sigma\[1\] must be >= 0"),
        (lambda: PriceRisk.from_volatility(0.1), "sigma must have one value for each bucket"),
        (lambda: PriceRisk.from_volatility([0.1], price=0.0), "price must be > 0"),
        (lambda: DAY.with_gap(after=5, sigma=1.0), "after must be the number of a bucket .* from 1 to 4, got 5"),
        (lambda: DAY.with_gap(after=0, sigma=1.0), "from 1 to 4, got 0"),
        (lambda: DAY.with_gap(after=1.5, sigma=1.0), "from 1 to 4, got 1.5"),
        (lambda: DAY.with_gap(after=1, sigma=-1.0), "sigma must be >= 0"),
        (lambda: DAY.with_gap(after=1, sigma=[1.0, 2.0]), "sigma must be a single number"),
        (lambda: DAY.then(DAY, overnight=math.nan), "sigma must be finite"),
        (lambda: DAY.psi(-1e-6), "risk_aversion must be >= 0"),
        (lambda: DAY.variance([1.0, 2.0]), "one value for each of 5 buckets, got 2"),
        (lambda: DAY.variance([1.0, 2.0, math.nan, 4.0, 5.0]), r"shares\[2\] must be finite"),
        (lambda: forecast_volatility([1.0, 2.0]), r"one row a day, got shape \(2,\)"),
        (lambda: forecast_volatility([[1.0, 2.0], [1.0, math.nan]]), r"history\[1\]\[1\] must be finite"),
        (lambda: forecast_volatility([[1.0, 2.0], [-1.0, 1.0]]), r"history\[1\]\[0\] must be >= 0"),
        (lambda: forecast_volatility([[1.0, 2.0], [0.0, 0.0]]), r"history\[1\] is zero in every bucket.*leave it out"),
        (lambda: forecast_volatility([[1.0, 2.0]], half_life=0.0), "half_life must be > 0"),
    ],
)
def test_a_wrong_argument_is_named(call, message):
    with pytest.raises(ox.InvalidInput, match=message) as refused:
        call()
    assert "\n" not in str(refused.value)
