"""The search for the last bucket's price: certificates, the interior point, and orders that it must leave alone."""

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

import optexec as ox
from optexec.solvers.block import Block
from optexec.solvers.certificate import certify_block
from optexec.solvers.inventory_clearing import clear_inventories
from optexec.solvers.newton import _by_path, optimum
from optexec.solvers.price_recursion import LANES
from optexec.solvers.waterfill import clear

DECADES = st.floats(-6, 6).map(lambda e: 10.0**e)


def cleared(block):
    """Shares, (M, N), and whether they were found, (M,)."""
    x, found = np.empty(block.lo.shape), np.zeros(len(block.lo), dtype=bool)
    risk = np.array(np.broadcast_to(block.risk, block.lo.shape))
    clear_inventories(*block.law(), risk, block.lo, block.hi, block.shares, x, found)
    return x, found


def order(seed, buckets=30, shares=1e4, exponents=(1.1, 2.5), spread=0.0, risk=1.0, floor=0.0, cap=np.inf):
    """Impact of a dollar a share for even slices, `risk` a share for holding them; spreads, floors, caps drawn."""
    rng = np.random.default_rng(seed)
    even, b = shares / buckets, rng.uniform(*exponents, buckets)
    impact = ox.Power(rng.uniform(0.3, 3, buckets) * even ** (1 - b) / b, b) + ox.Linear(
        spread * rng.uniform(0.5, 2, buckets)
    )
    limits = ox.Limits(
        minimum=floor * even * rng.uniform(0, 1, buckets),
        maximum=np.minimum(cap * even * rng.uniform(1, 2, buckets), shares),
    )
    return ox.Problem(ox.Order(shares), impact, ox.objective("C", psi=2 * risk / (shares * buckets)), limits)


def proven(block, x, accuracy=1e-9):
    value, bound, _, residual = certify_block(block, x)
    return bool(np.all(value - bound <= accuracy * np.abs(value)) and np.all(residual <= accuracy))


@pytest.mark.parametrize("risk", [0.0, 1e-4, 0.1, 1.0, 10.0, 1e3])
@pytest.mark.parametrize("limits", [{}, {"cap": 3.0}, {"cap": 3.0, "floor": 0.2}, {"spread": 2.0, "cap": 3.0}], ids=str)
def test_usual_orders_are_found_and_proven(risk, limits):
    """Floors behind a heavy risk keep trading at prices below all first shares, where there is no logarithm."""
    block = Block.stack([order(seed, risk=risk, **limits) for seed in range(40)])
    x, found = cleared(block)
    assert found.mean() >= (0.9 if risk <= 1.0 else 0.8 if "floor" not in limits else 0.0)
    assert proven(block.some(found), x[found]) if found.any() else "floor" in limits
    assert x[found].sum(axis=1) == pytest.approx(block.shares[found, 0], rel=1e-14)


@given(
    seed=st.integers(0, 10**6),
    shares=st.floats(0, 9).map(lambda e: 10.0**e),
    low=st.floats(1.001, 4.0),
    width=st.floats(0.0, 3.0),
    risk=DECADES,
    spread=st.sampled_from([0.0, 1e-3, 1.0, 1e3]),
    floor=st.sampled_from([0.0, 0.5]),
    cap=st.sampled_from([np.inf, 4.0, 1.1]),
)
def test_what_is_found_is_the_optimum_on_every_scale(seed, shares, low, width, risk, spread, floor, cap):
    problem = order(seed, 25, shares, (low, low + width), spread, risk, floor, cap)
    block = Block.of(problem)
    x, found = cleared(block)
    assume(found[0])
    assert proven(block, x)


@given(seed=st.integers(0, 10**6), risk=st.floats(-2, 2).map(lambda e: 10.0**e))
def test_the_interior_point_agrees(seed, risk):
    block = Block.of(order(seed, risk=risk, spread=0.3, cap=4.0))
    x, found = cleared(block)
    assume(found[0])
    by_path = _by_path(block, None)
    assert float(block.objective(x)[0, 0]) == pytest.approx(float(block.objective(by_path)[0, 0]), rel=1e-9)
    assert x == pytest.approx(by_path, abs=1e-5 * block.shares[0, 0])


def test_without_risk_it_is_water_filling():
    block = Block.stack([order(seed, risk=0.0, cap=2.0) for seed in range(5)])
    x, found = cleared(block)
    assert found.all()
    assert x == pytest.approx(clear(block), rel=1e-9)


def test_an_order_is_the_same_in_any_company():
    problems = [order(seed, risk=10.0 ** (seed % 5 - 2)) for seed in range(2 * LANES + 3)]
    x, found = cleared(Block.stack(problems))
    assert found.all()
    for problem, row in zip(problems, x, strict=True):
        alone, _ = cleared(Block.of(problem))
        assert row == pytest.approx(alone[0], rel=1e-9, abs=1e-12)


def test_orders_that_are_gone_early_leave_the_last_buckets_empty():
    impact = ox.Power(np.full(390, 1.0), 2.0)
    problem = ox.Problem(ox.Order(1e6), impact, ox.objective("C", psi=1e3))
    block = Block.of(problem)
    x, found = cleared(block)
    assert found.all()
    assert x[0, -1] == 0.0
    assert proven(block, x)


@pytest.mark.parametrize(
    "impact",
    [
        ox.Power([1.0, 2.0, 3.0], 2.5) + ox.Linear(0.1, "per_share"),
        ox.Power([1.0, 2.0, 3.0], 1.0),
        ox.Power([1.0, 0.0, 3.0], 2.0),
    ],
    ids=["two parts", "flat", "free"],
)
def test_other_laws_are_left_to_the_interior_point(impact):
    problem = ox.Problem(ox.Order(300.0), impact, ox.objective("C", psi=1e-3))
    block = Block.of(problem)
    _, found = cleared(block)
    assert not found.any()
    assert proven(block, optimum(block), 1e-8)


def test_orders_of_both_kinds_share_a_block():
    kinds = [ox.Power([1.0, 2.0, 3.0], 2.0), ox.Power([1.0, 0.0, 3.0], 2.0)]
    problems = [ox.Problem(ox.Order(300.0), kinds[k % 2], ox.objective("C", psi=1.0)) for k in range(6)]
    block = Block.stack(problems)
    _, found = cleared(block)
    assert found.tolist() == [True, False] * 3
    assert proven(block, optimum(block), 1e-8)


def test_closed_buckets_and_rebates():
    impact = ox.Power([1.0, 2.0, 3.0, 1.0], 2.0) + ox.Linear([0.5, -40.0, 0.0, 7.0])
    limits = ox.Limits(minimum=[0, 0, 25, 0], maximum=[200, 0, 25, 200])
    block = Block.of(ox.Problem(ox.Order(200.0), impact, ox.objective("C", psi=0.5), limits))
    x, found = cleared(block)
    assert found.all()
    assert x[0, [1, 2]].tolist() == [0.0, 25.0]
    assert proven(block, x)
