"""Baselines against constructions of a line or two."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import optexec as ox


def declare(shares, n, limits=None, impact=None, terms=None, lot=None):
    impact = ox.Linear(0.01) if impact is None else impact
    return ox.Problem(ox.Order(shares, lot=lot), impact, terms or ox.objective("A"), limits=limits, buckets=n)


def shares_of(problem, name):
    return ox.solve(problem, name).x


@pytest.mark.parametrize("n", [1, 3, 7, 390])
def test_baselines_without_limits_are_their_formulas(n):
    k, volume = np.arange(n), 50.0 + np.arange(n) % 13
    problem = declare(1_000.0, n, ox.Limits(volume=volume))
    weights = {
        "twap": np.ones(n),
        "vwap": volume,
        "pov": volume,
        "front_loaded": n - k,
        "exponential": 0.5 ** (4 * k / n),
    }
    for name, w in weights.items():
        np.testing.assert_allclose(shares_of(problem, name), 1_000 * w / w.sum(), rtol=1e-10, err_msg=name)


def clipped(weights, lo, hi, shares):
    """clip(t w, lo, hi) with sum S, by bisection on t."""
    low, high = 0.0, 2 * (shares + hi.sum()) / weights.min()
    for _ in range(200):
        t = (low + high) / 2
        low, high = (t, high) if np.clip(t * weights, lo, hi).sum() < shares else (low, t)
    return np.clip(high * weights, lo, hi)


@st.composite
def limited(draw):
    n = draw(st.integers(1, 8))
    lo = np.array(draw(st.lists(st.integers(0, 40), min_size=n, max_size=n)), dtype=float)
    hi = lo + np.array(draw(st.lists(st.integers(0, 200), min_size=n, max_size=n)))
    volume = np.array(draw(st.lists(st.integers(1, 500), min_size=n, max_size=n)), dtype=float)
    t = draw(st.floats(0, 1))
    shares = max(float(lo.sum() + t * (hi - lo).sum()), 1e-3)
    if not lo.sum() <= shares <= hi.sum():
        hi = hi + 1
        shares = float(lo.sum() + 0.5)
    return declare(shares, n, ox.Limits(minimum=lo, maximum=hi, volume=volume)), volume


@settings(max_examples=200)
@given(limited())
def test_proportional_baselines_inside_limits_are_clipped_lines(drawn):
    problem, volume = drawn
    n = problem.buckets
    k = np.arange(n)
    laws = {"twap": np.ones(n), "vwap": volume, "front_loaded": 1.0 * (n - k), "exponential": 0.5 ** (4 * k / n)}
    for name, w in laws.items():
        expected = clipped(w, problem.lo, np.minimum(problem.hi, problem.shares), problem.shares)
        np.testing.assert_allclose(
            shares_of(problem, name), expected, rtol=1e-7, atol=1e-7 * problem.shares, err_msg=name
        )


@settings(max_examples=100)
@given(
    volume=st.lists(st.integers(1, 500), min_size=1, max_size=8), rate=st.floats(0.05, 1.0), part=st.floats(0.01, 0.999)
)
def test_pov_takes_its_rate_until_the_order_is_done(volume, rate, part):
    shares = part * rate * sum(volume)
    left, expected = shares, []
    for v in volume:
        expected.append(min(rate * v, left))
        left -= expected[-1]
    problem = declare(shares, len(volume), ox.Limits(participation=rate, volume=volume))
    np.testing.assert_allclose(shares_of(problem, "pov"), expected, rtol=1e-9, atol=1e-9 * shares)


def test_volume_baselines_say_when_there_is_no_volume():
    problem = declare(100, 3)
    for name in ("vwap", "pov"):
        assert name not in ox.methods(problem)
        with pytest.raises(ox.InvalidInput, match="volume"):
            ox.solve(problem, name)


def test_a_bucket_without_volume_gets_nothing_from_vwap():
    problem = declare(90, 3, ox.Limits(volume=[10, 0, 20]))
    assert shares_of(problem, "vwap").tolist() == pytest.approx([30, 0, 60])


@settings(max_examples=100)
@given(data=st.data())
def test_baselines_in_lots_keep_within_half_a_lot_of_their_pace(data):
    n, lots = data.draw(st.integers(1, 60)), data.draw(st.integers(1, 80))
    lot = data.draw(st.sampled_from([1, 100, 0.1]))
    volume = data.draw(st.lists(st.integers(1, 99), min_size=n, max_size=n))
    problem = declare(lots * lot, n, ox.Limits(volume=volume), lot=lot)
    free = problem.replace(order=ox.Order(problem.shares))
    for name in ("twap", "vwap", "pov", "front_loaded", "exponential"):
        x = shares_of(problem, name)
        assert np.allclose(x / lot, np.round(x / lot))
        assert x.sum() == pytest.approx(problem.shares)
        behind = np.cumsum(shares_of(free, name) - x)
        assert np.abs(behind).max() <= (0.5 + 1e-6) * lot, name


def test_twap_in_few_lots_is_spread_over_the_day():
    assert np.flatnonzero(shares_of(declare(1_000, 390, lot=100), "twap")).tolist() == list(range(19, 390, 39))


def test_pov_in_lots_trades_what_a_cap_cut_off_in_the_next_bucket_that_has_room():
    limits = ox.Limits(participation=0.5, volume=[340, 500, 500, 800, 200])  # caps 1.7, 2.5, 2.5, 4, 1 lots
    assert shares_of(declare(1_000, 5, limits, lot=100), "pov").tolist() == [100, 200, 200, 400, 100]
    assert shares_of(declare(750, 5, limits, lot=100), "pov").tolist() == [100, 250, 200, 200, 0]


def test_best_bucket_fills_in_order_of_average_cost():
    impact = ox.Power([1.0, 0.5, 2.0, 0.7], 0.5)
    assert shares_of(declare(300, 4, impact=impact), "best_bucket").tolist() == [0, 300, 0, 0]
    capped = declare(300, 4, ox.Limits(maximum=[200, 120, 200, 90], minimum=[0, 0, 10, 0]), impact=impact)
    # Average cost a / sqrt(cap): .0707, .0456, .141, .0738; the floor of 10 is kept.
    assert shares_of(capped, "best_bucket").tolist() == pytest.approx([170, 120, 10, 0])


@settings(max_examples=60)
@given(data=st.data())
def test_greedy_is_exact_on_convex_lattices(data):
    n, units = data.draw(st.integers(1, 4)), data.draw(st.integers(1, 12))
    a = data.draw(st.lists(st.integers(1, 30), min_size=n, max_size=n))
    rho = data.draw(st.integers(0, 5))
    problem = declare(
        units, n, impact=ox.Power([v / 10 for v in a], 1.5), terms=ox.objective("B", rho=float(rho)), lot=1
    )
    least = [0.0] + [np.inf] * units  # least[s]: cheapest way to trade s shares in the buckets so far
    for v in a:
        cost = [v / 10 * k**1.5 + rho / 2 * k * k for k in range(units + 1)]
        least = [min(least[s - k] + cost[k] for k in range(s + 1)) for s in range(units + 1)]
    greedy = ox.solve(problem, "greedy")
    assert greedy.objective == pytest.approx(least[units], rel=1e-12)
    assert greedy.lower_bound <= least[units] * (1 + 1e-12)


@settings(max_examples=200)
@given(st.lists(st.integers(1, 99), min_size=1, max_size=8), st.sampled_from([10, 100, 1_000]))
def test_caps_that_are_the_order_but_for_rounding_are_the_schedule(tenths, unit):
    caps = np.array(tenths) / unit
    problem = declare(sum(tenths) / unit, len(caps), ox.Limits(maximum=caps, volume=caps))
    for name in ("twap", "vwap", "front_loaded", "exponential"):
        np.testing.assert_allclose(shares_of(problem, name), caps, rtol=1e-12, err_msg=name)
