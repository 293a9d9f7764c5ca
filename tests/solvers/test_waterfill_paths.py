"""How water-filling finds its price: laws known outright, laws fitted where curves are smooth, brackets elsewhere."""

from itertools import product

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from plain import Case, Curve
from references import cleared
from strategies import SHAPES, cases, examples, impact_of

import optexec as ox
from optexec.solvers import waterfill
from optexec.solvers.block import Block
from optexec.solvers.certificate import certify_block
from optexec.solvers.power_clearing import clear_powers
from optexec.solvers.tiles import TILE

SHARES = 1_000.0


def never(block):
    raise AssertionError("the other way was taken")


def declared(rows, rho=0.0, lo=0.0, hi=SHARES):
    """One list of plain curves a bucket: the case, and the problem made of them."""
    n = len(rows)
    lo, hi, rho = (np.broadcast_to(v, n).astype(float) for v in (lo, hi, rho))
    case = Case(1, SHARES, rows, lo.tolist(), hi.tolist(), rho.tolist(), 0.0, [1.0] * n)
    parts = []
    for curves in rows:
        first, *rest = map(impact_of, curves)
        parts.append(sum(rest, start=first))
    limits = ox.Limits(minimum=lo, maximum=hi)
    return case, ox.Problem(ox.Order(SHARES), ox.PerBucket(parts), ox.objective("B", rho=rho), limits)


def check(case, problem):
    """Cost and certificate against the bisection, and shares where the plain optimum leaves no choice."""
    s = ox.solve(problem, "waterfill")
    best, dearest = case.objective(cleared(case)), abs(case.objective(case.hi))
    assert s.objective == pytest.approx(best, rel=1e-10, abs=1e-13 * dearest)
    assert s.lower_bound <= best + 1e-12 * dearest
    assert s.kkt_residual <= 1e-9
    return s


def power(a, b, quoted="total"):
    return Curve("Power", quoted, (a / SHARES ** (b + (quoted == "per_share")), b))


def line(slope):
    return Curve("Linear", "total", (slope / SHARES,))


def saturating(level, reach):
    """Convex up to 2 / reach of the order."""
    return Curve("Exponential", "per_share", (level / SHARES, reach / SHARES))


def table(*slopes, quoted="total"):
    """Equally wide segments of these slopes."""
    grid = np.linspace(0, SHARES, len(slopes) + 1)
    values = np.append(0.0, np.cumsum(slopes)) / len(slopes)
    if quoted == "per_share":
        values = (values + 0.1) / SHARES
    return Curve("Tabulated", quoted, (tuple(grid.tolist()), tuple(values.tolist())))


SMOOTH = {
    "powers": [[power(1, 1.5)], [power(2, 1.5)], [power(0.1, 1.5)]],
    "unlike powers": [[power(1, 1.2)], [power(2, 3.0)], [power(0.1, 0.4, "per_share")]],
    "half-spread": [[power(1, 1.6), line(0.2)], [power(2, 1.6), line(0.2)], [power(3, 1.6), line(0.2)]],
    "unlike half-spreads": [[power(1, 1.6), line(0.2)], [power(2, 1.3), line(0.9)], [power(3, 2.0), line(40.0)]],
    "rebates": [[power(1, 1.6), line(-0.2)], [power(2, 1.3), line(-3.0)], [power(3, 2.0), line(0.4)]],
    "two powers": [[power(1, 1.2), power(3, 3.0)], [power(2, 1.5)], [power(0.3, 1.1), power(9, 2.0)]],
    "dear": [[power(1e-6, 1.5)], [power(1.0, 1.5)], [power(1e6, 1.5)]],
    "saturating": [[saturating(1, 0.4)], [saturating(2, 0.7)], [power(1, 1.5)]],
}
LIMITS = {
    "none": {},
    "caps": {"hi": [200.0, 900.0, 600.0]},
    "floors": {"lo": [100.0, 300.0, 0.0]},
    "both": {"lo": [100.0, 300.0, 0.0], "hi": [150.0, 1e3, 550.0]},
    "fixed": {"lo": [100.0, 0.0, 0.0], "hi": [100.0, 1e3, 0.0]},
}
SMOOTHING = {"none": 0.0, "some": [1e-6, 0.0, 4e-6], "mostly": [1e-2, 2e-2, 3e-2]}


@pytest.mark.parametrize(("curves", "limits", "rho"), list(product(SMOOTH, LIMITS, SMOOTHING)))
def test_power_laws_alone_solve_smooth_curves(curves, limits, rho, monkeypatch):
    monkeypatch.setattr(Block, "law", lambda block: None)
    case, problem = declared(SMOOTH[curves], SMOOTHING[rho], **LIMITS[limits])
    wanted = ox.solve(problem, "waterfill").x
    monkeypatch.setattr(waterfill, "clear_by_brackets", never)
    s = check(case, problem)
    np.testing.assert_array_equal(s.x, wanted)


LAWS = [name for name in SMOOTH if name not in ("two powers", "saturating")]


@pytest.mark.parametrize(("curves", "limits", "rho"), list(product(LAWS, LIMITS, SMOOTHING)))
def test_a_power_and_a_line_are_cleared_at_once(curves, limits, rho, monkeypatch):
    case, problem = declared(SMOOTH[curves], SMOOTHING[rho], **LIMITS[limits])
    with monkeypatch.context() as patch:
        patch.setattr(Block, "law", lambda block: None)
        fitted = ox.solve(problem, "waterfill").x
    monkeypatch.setattr(waterfill, "_by_power_laws", never)
    s = check(case, problem)
    np.testing.assert_allclose(s.x, fitted, rtol=1e-10, atol=1e-12 * SHARES)


@pytest.mark.parametrize("curves", SMOOTH)
@pytest.mark.parametrize("rho", SMOOTHING)
def test_the_law_of_a_block_is_its_marginal_cost(curves, rho):
    _, problem = declared(SMOOTH[curves], SMOOTHING[rho])
    block = Block.of(problem)
    assert (block.law() is None) == (curves not in LAWS)
    if (law := block.law()) is not None:
        x = np.array([[0.0, 1.0, 300.0]])
        np.testing.assert_allclose(law(x), block.marginal(x), rtol=1e-14)


@pytest.mark.parametrize("curves", SMOOTH)
@pytest.mark.parametrize("limits", LIMITS)
def test_brackets_find_what_power_laws_find(curves, limits, monkeypatch):
    case, problem = declared(SMOOTH[curves], SMOOTHING["some"], **LIMITS[limits])
    wanted = ox.solve(problem, "waterfill").x
    monkeypatch.setattr(Block, "law", lambda block: None)
    monkeypatch.setattr(waterfill, "_by_power_laws", lambda block: (np.zeros(len(block.lo), bool), block.inside()))
    np.testing.assert_allclose(check(case, problem).x, wanted, rtol=1e-8, atol=1e-9 * SHARES)


KINKED = {
    "tables": [[table(1, 2, 9)], [table(0.5, 2, 3)], [table(2, 2, 2)]],
    "ties": [[table(1, 1, 9)], [table(1, 3)], [line(1.0)]],
    "flat": [[table(0, 0, 5)], [table(0, 4)], [table(1, 1)]],
    "kinked slippage": [[table(0, 2, 5, quoted="per_share")], [table(0, 0, 1, quoted="per_share")], [power(1, 2.0)]],
    "table beside powers": [[table(0, 3, 9), power(1, 1.5)], [power(2, 1.2), line(0.3)], [power(1, 3.0)]],
    "lines": [[line(1.0)], [line(2.0)], [line(1.0)]],
    "free": [[line(0.0)], [power(1, 2.0)], [line(0.0)]],
    "free beside powers": [[power(0, 1.5)], [power(1, 1.5)], [power(2, 1.5)]],
    "a line among powers": [[line(0.7)], [power(1, 1.5)], [power(2, 1.1), line(0.7)]],
    "at the inflection": [[saturating(1, 2.0)], [saturating(1, 1.999)], [saturating(3, 2.0)]],
    "inflection beside a power": [[saturating(1, 2.0)], [power(1, 1.05)], [power(0.1, 3.0)]],
}


@pytest.mark.parametrize("curves", KINKED)
@pytest.mark.parametrize("limits", LIMITS)
@pytest.mark.parametrize("rho", SMOOTHING)
def test_curves_without_power_laws_are_cleared(curves, limits, rho):
    check(*declared(KINKED[curves], SMOOTHING[rho], **LIMITS[limits]))


@pytest.mark.parametrize("curves", ["tables", "ties", "flat", "kinked slippage", "table beside powers"])
def test_curves_with_kinks_are_never_fitted(curves, monkeypatch):
    monkeypatch.setattr(waterfill, "_by_power_laws", never)
    check(*declared(KINKED[curves]))


def test_buckets_that_tie_share_in_proportion_to_what_each_could_take():
    # All cost 1 a share up to 250, 500 and 750 shares: 900 of 1500.
    rows = [[table(1, 9, 9, 9)], [table(1, 1, 9, 9)], [table(1, 1, 1, 9)]]
    _, problem = declared(rows)
    s = ox.solve(problem.replace(order=ox.Order(900.0), limits=None), "waterfill")
    np.testing.assert_allclose(s.x, [150, 300, 450], rtol=1e-9)


@pytest.mark.parametrize("shape", SHAPES, ids="-".join)
@settings(max_examples=examples(5))
@given(data=st.data())
def test_random_curves_cost_what_bisection_finds(shape, data):
    case, problem = data.draw(cases(shapes=(shape,), convex=True, terms=("A", "B")))
    assume(problem.convex)
    s, best = ox.solve(problem, "waterfill"), case.objective(cleared(case))
    assert abs(s.objective - best) <= 1e-9 * case.yardstick()
    assert s.objective <= case.best()[1] + 1e-9 * case.yardstick()


@settings(max_examples=examples(30))
@given(cases(convex=True, terms=("A", "B")))
def test_random_mixtures_of_curves_cost_what_bisection_finds(drawn):
    case, problem = drawn
    assume(problem.convex)
    s, best = ox.solve(problem, "waterfill"), case.objective(cleared(case))
    assert abs(s.objective - best) <= 1e-9 * case.yardstick()
    assert s.objective <= case.best()[1] + 1e-9 * case.yardstick()


def test_orders_that_laws_clear_and_orders_that_they_do_not_share_a_block():
    smooth, free = SMOOTH["powers"], KINKED["free beside powers"]
    pairs = [declared(rows) for rows in (smooth, free, smooth, free)]
    for (case, problem), s in zip(pairs, ox.solve_many([p for _, p in pairs], "waterfill"), strict=True):
        assert s.objective == pytest.approx(check(case, problem).objective, rel=1e-12, abs=1e-15)


@pytest.mark.parametrize(
    ("buckets", "gap"),
    [(n, 1e-11) for n in (1, 31, 32, 33, 64, 101)] + [(n, 1e-9) for n in (TILE - 1, TILE, TILE + 1, 3 * TILE + 5)],
)
@pytest.mark.parametrize("spread", [0.0, 1.0])
def test_orders_of_any_length_are_cleared_in_tiles(buckets, gap, spread):
    def order(seed):
        rng = np.random.default_rng([seed, buckets])
        b, even = rng.uniform(1.1, 3.0, buckets), SHARES / buckets
        impact = ox.Power(rng.uniform(0.3, 3.0, buckets) * even ** (1 - b), b) + ox.Linear(
            spread * rng.uniform(0, 1, buckets)
        )
        limits = ox.Limits(minimum=0.1 * even, maximum=even * rng.uniform(1.0, 4.0, buckets))
        return ox.Problem(ox.Order(SHARES), impact, ox.objective("B", rho=rng.uniform(0, 2, buckets) / even), limits)

    block = Block.stack([order(seed) for seed in range(5)])
    x, found = np.empty(block.lo.shape), np.zeros(5, dtype=bool)
    clear_powers(*block.law(), block.lo, block.hi, block.shares, x, found)
    assert found.all()
    assert certify_block(block, x)[3].max() <= gap
    assert x.sum(axis=1) == pytest.approx(SHARES, rel=1e-14)
    for seed in range(5):
        assert waterfill.waterfill(order(seed)) == pytest.approx(x[seed], rel=1e-11)
