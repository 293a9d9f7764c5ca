"""Whole lots: exact sums, limits, the largest remainder, and honest gaps."""

from decimal import Decimal

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from plain import whole_schedules
from strategies import cases

import optexec as ox
from optexec.models.lots import lots_above, lots_below, most_shares, whole_lots
from optexec.models.slices import slices_in_lots, start_slices


def declare(shares, lot, limits=None, buckets=4, impact=None, terms=None):
    impact = ox.Linear(0.01) if impact is None else impact
    return ox.Problem(ox.Order(shares, lot=lot), impact, terms or ox.objective("A"), limits=limits, buckets=buckets)


@settings(max_examples=300)
@given(
    lot=st.sampled_from([1, 7, 100]),
    lots=st.integers(1, 60),
    odd=st.integers(0, 99),
    weights=st.lists(st.integers(0, 100), min_size=1, max_size=8).filter(any),
)
def test_rounding_keeps_the_sum_and_puts_the_odd_remainder_in_one_slice(lot, lots, odd, weights):
    shares = lot * lots + odd % lot
    x = shares * np.array(weights) / sum(weights)
    rounded = ox.round_to_lots(declare(shares, lot, buckets=len(weights)), x)
    assert rounded.sum() == shares
    assert np.all(rounded >= 0)
    remainders = rounded % lot
    assert np.count_nonzero(remainders) == (odd % lot > 0)
    assert remainders.sum() == odd % lot
    assert np.all(np.abs(rounded - x) < 2 * lot + 1e-9)


@settings(max_examples=200)
@given(weights=st.lists(st.integers(0, 100), min_size=2, max_size=6).filter(any), lots=st.integers(1, 40))
def test_rounding_is_by_largest_remainder(weights, lots):
    x = 100.0 * lots * np.array(weights) / sum(weights)
    rounded = ox.round_to_lots(declare(100 * lots, 100, buckets=len(weights)), x)
    down = np.floor(x / 100 + 1e-9)
    up = rounded / 100 - down
    assert set(up.tolist()) <= {0.0, 1.0}
    remainder = x / 100 - down
    if up.any() and not up.all():
        assert remainder[up == 1].min() >= remainder[up == 0].max() - 1e-9


@settings(max_examples=200)
@given(
    whole=st.lists(st.integers(0, 9), min_size=1, max_size=6),
    odd=st.sampled_from([0.0, 1e-5, 0.004, 0.01, 50.0, 99.99, 99.996]),
    noise=st.lists(st.floats(-1e-6, 1e-6), min_size=6, max_size=6),
    data=st.data(),
)
def test_shares_in_whole_lots_but_for_a_solvers_rounding_keep_them(whole, odd, noise, data):
    x = 100.0 * np.array(whole)
    x[data.draw(st.integers(0, len(x) - 1))] += odd
    if x.sum() < 100:
        return
    near = np.maximum(x + noise[: len(x)], 0.0)
    rounded = ox.round_to_lots(declare(float(x.sum()), 100, buckets=len(x)), near)
    np.testing.assert_allclose(rounded, x, rtol=0, atol=1e-9)


@pytest.mark.parametrize("odd", [1e-5, 0.005, 99.995])
@pytest.mark.parametrize("method", ["dp", "milp"])
def test_an_odd_remainder_near_no_lot_or_a_whole_one_beside_least_slices(odd, method):
    limits = ox.Limits(smallest=200, maximum=[300, 500, 500])
    problem = declare(1_000 + odd, 100, limits, impact=ox.Power([1.0, 2.0, 3.0], 2.0), buckets=3)
    x = ox.solve(problem, method).x
    assert x.sum() == pytest.approx(1_000 + odd, rel=1e-15)
    possible = [np.array(lots) * 100.0 + odd * np.eye(3)[host] for lots in whole_schedules(10, 3) for host in range(3)]
    inside = [y for y in possible if np.all(y <= problem.hi) and np.all((y == 0) | (y >= 200))]
    assert problem.objective(x) == pytest.approx(min(map(problem.objective, inside)), rel=1e-6)


def test_a_start_has_the_odd_remainder_in_the_slice_that_trades_it():
    problem = declare(1_000.005, 100, buckets=3)
    model = ox.build_piecewise(problem, 2)
    start_slices(model, np.array([300.0, 500.005, 200.0]))
    assert [model.host[i].value for i in model.BUCKETS] == [0, 1, 0]
    assert slices_in_lots(model).tolist() == [300.0, 500.005, 200.0]


@given(st.integers(1, 10**11), st.sampled_from([0.1, 0.01, 0.3, 1e-8, 100.0]))
def test_an_order_of_many_lots_has_no_odd_remainder_from_rounding(lots, lot):
    """Shares as they are written: the decimal product."""
    shares = float(Decimal(repr(lot)) * lots)
    assert whole_lots(ox.Order(shares, lot=lot)) == (lots, 0.0)
    assert lots_below(shares, lot) == lots_above(shares, lot) == lots
    assert most_shares(shares, np.array([shares]), lot) == shares


def test_an_odd_remainder_beside_many_lots_is_kept():
    lots, odd = whole_lots(ox.Order(10_000_000 * 0.1 + 0.05, lot=0.1))
    assert (lots, odd) == (10_000_000, pytest.approx(0.05, abs=1e-8))


@settings(max_examples=200)
@given(st.data())
def test_rounding_stays_inside_the_limits(data):
    n, lot = data.draw(st.integers(2, 5)), 10
    lo = np.array(data.draw(st.lists(st.integers(0, 60), min_size=n, max_size=n)))
    hi = lo + np.array(data.draw(st.lists(st.integers(0, 200), min_size=n, max_size=n)))
    shares = data.draw(st.integers(max(int(lo.sum()), lot), max(int(hi.sum()), lot)))
    if not lo.sum() <= shares <= hi.sum():
        return
    problem = declare(shares, lot, ox.Limits(minimum=lo, maximum=hi), n)
    fraction = (shares - lo.sum()) / max((hi - lo).sum(), 1)
    try:
        rounded = ox.round_to_lots(problem, lo + fraction * (hi - lo))
    except ox.InfeasibleOrder:
        assert not any(fits(problem, host) for host in range(n))
        return
    assert rounded.sum() == shares
    assert np.all(rounded >= lo)
    assert np.all(rounded <= hi)
    assert np.count_nonzero(rounded % lot) <= 1


def fits(problem, host):
    """Whether the limits hold a schedule in whole lots with the odd remainder in this bucket."""
    lots, odd = divmod(int(problem.shares), int(problem.order.lot))
    low = high = 0
    for k, (a, b) in enumerate(zip(problem.lo, problem.hi, strict=True)):
        extra = odd if k == host else 0
        least, most = max(-((extra - a) // problem.order.lot), 0), (b - extra) // problem.order.lot
        if least > most:
            return False
        low, high = low + least, high + most
    return low <= lots <= high


@pytest.mark.parametrize("method", ["waterfill", "milp", "twap", "greedy", "dp"])
def test_limits_that_hold_no_lots_are_infeasible(method):
    problem = declare(200, 100, ox.Limits(maximum=50))
    with pytest.raises(ox.InfeasibleOrder, match="lots of 100"):
        ox.solve(problem, method)


def lot_optimum(case, lot_units):
    """The cheapest lattice schedule in lots of `lot_units` units, the odd remainder inside any one slice."""
    lots, odd = divmod(case.units, lot_units)
    best = None
    for whole in whole_schedules(lots, len(case.lo)):
        for host in range(len(case.lo)) if odd else [0]:
            x = [(k * lot_units + (odd if i == host else 0)) * case.unit for i, k in enumerate(whole)]
            inside = all(a <= v + 1e-9 <= b + 2e-9 for a, v, b in zip(case.lo, x, case.hi, strict=True))
            if inside and (best is None or case.objective(x) < best):
                best = case.objective(x)
    return best


@settings(max_examples=30)
@given(data=st.data())
def test_the_gap_in_lots_is_honest(data):
    case, problem = data.draw(cases(limited=False))
    lot = data.draw(st.integers(1, min(3, case.units)))
    in_lots = problem.replace(order=ox.Order(case.shares, lot=lot * case.unit))
    best = lot_optimum(case, lot)
    for name in ox.methods(in_lots):
        s = ox.solve(in_lots, name, time_limit=20)
        assert s.x.sum() == case.shares, name
        assert np.count_nonzero(np.abs(s.x / (lot * case.unit) % 1) > 1e-9) <= 1, name
        slack = 1e-9 * case.yardstick()
        assert s.objective >= best - slack, name
        assert s.lower_bound <= best + slack, name
        if s.status == "optimal":
            assert s.objective <= best + 1e-4 * abs(best) + slack, name
        if name == "dp":
            assert s.objective <= best + slack


@settings(max_examples=300)
@given(
    half_lots=st.integers(1, 16),
    caps=st.lists(st.integers(0, 9), min_size=1, max_size=4),
    lot=st.sampled_from([1.0, 0.1, 100.0]),
)
def test_the_most_that_caps_hold_in_lots_is_that_of_all_schedules(half_lots, caps, lot):
    """In units of half a lot: all slices of whole lots, or those and the odd half in one of them."""
    odd = half_lots % 2 if half_lots > 1 else 0
    step = 2 if half_lots > 1 else 1
    reach = 0
    for units in range(half_lots + 1):
        for x in whole_schedules(units, len(caps)):
            inside = all(v <= cap for v, cap in zip(x, caps, strict=True))
            remainders = [v % step for v in x]
            if inside and sum(remainders) <= odd:
                reach = max(reach, units)
    most = most_shares(half_lots * lot / 2, np.array(caps) * lot / 2, lot)
    assert most == pytest.approx(reach * lot / 2)


def test_the_most_that_caps_hold_in_shares_is_their_sum_or_the_order():
    assert most_shares(100.0, np.array([30.0, 40.0])) == 70
    assert most_shares(60.0, np.array([30.0, np.inf])) == 60
    assert most_shares(0.3, np.array([0.1, 0.2])) == 0.3
    assert most_shares(0.3, np.array([0.1, 0.2]), lot=0.1) == 0.3


def test_lots_that_cannot_be_counted_are_refused():
    many = ox.Problem(ox.Order(1e17, lot=100), ox.Linear([1.0, 2.0]), ox.objective("A"))
    assert ox.solve(many).x.tolist() == [1e17, 0]
    with pytest.raises(ox.InvalidInput, match=r"1e\+30 shares are too many lots of 100 to count; raise the lot"):
        ox.Order(1e30, lot=100)
