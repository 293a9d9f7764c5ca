"""The accuracy that is promised, over badly scaled data, against optima found in plain Python."""

from itertools import pairwise

import numpy as np
import pytest
from plain import Case, Curve
from references import cleared, shot, violation

import optexec as ox

KKT, GAP, SUM = 1e-9, 1e-8, 1e-12
KKT_WHERE_ALL_TRADES_FIRST = 1e-8
ALL = 0.999
"""Fraction of the order that one bucket takes where it is said to take all."""
SIZES = [1.0, 37.0, 1e4, 1e9]
EXPONENTS = [1.05, 1.2, 1.5, 2.0, 3.0]
URGENCY = [0.0, 1e-6, 1e-3, 1.0, 1e3, 1e6, 1e9]
"""psi S^2 where the cost of trading the order at once is of order one."""


def limits_of(rng, kind, buckets, shares):
    """Floors and caps around a plan that holds the order, some of them close to it."""
    plan = rng.dirichlet(np.ones(buckets)) * shares
    lo, hi = np.zeros(buckets), np.full(buckets, shares)
    if kind in ("caps", "both"):
        hi = np.minimum(plan * rng.choice([1.001, 2, 10, 100], buckets), shares)
    if kind == "both":
        lo = plan * rng.choice([0, 0.1, 0.99], buckets)
    return lo, hi


def instance(seed, shares, decades, kind, objective, buckets=(1, 2, 3, 8), exponents=EXPONENTS, spreads=True):
    """A random problem whose impact scales span this many decades, and the same in plain numbers."""
    rng = np.random.default_rng(seed)
    n = int(rng.choice(buckets))
    b = rng.choice(exponents, n) if rng.random() < 0.5 else np.full(n, rng.choice(exponents))
    a = 10 ** rng.uniform(-decades / 2, decades / 2, n) / shares**b
    h = 10 ** rng.uniform(-3, 3, n) / shares if spreads and rng.random() < 0.5 else np.zeros(n)
    rho = 10 ** rng.uniform(-3, 3, n) / shares**2 if "B" in objective and rng.random() < 0.5 else np.zeros(n)
    psi = float(rng.choice(URGENCY)) / shares**2 if "C" in objective else 0.0
    lo, hi = limits_of(rng, kind, n, shares)
    impact = ox.Power(a, b) + ox.Linear(h) if h.any() else ox.Power(a, b)
    terms = ox.ImpactCost() + ox.Smoothing(rho)
    if "C" in objective:
        terms = terms + ox.InventoryRisk(psi)
    curves = [
        [Curve("Power", "total", (float(u), float(v))), Curve("Linear", "total", (float(w),))]
        for u, v, w in zip(a, b, h, strict=True)
    ]
    case = Case(1, shares, curves, lo.tolist(), hi.tolist(), rho.tolist(), psi, [1.0] * n)
    return case, ox.Problem(ox.Order(shares), impact, terms, ox.Limits(minimum=lo, maximum=hi))


def check_sum_and_limits(problem, x):
    assert abs(x.sum() - problem.shares) <= SUM * problem.shares
    assert (x >= problem.lo).all()
    assert (x <= problem.hi).all()


def check_conditions(case, schedule, kkt, gap, what):
    check_sum_and_limits(schedule.problem, schedule.x)
    assert schedule.kkt_residual <= kkt, what
    assert violation(case, schedule.x.tolist(), schedule.marginal_price) <= kkt + 1e-14, what
    assert schedule.gap <= gap, what
    assert schedule.status == "optimal", what


@pytest.mark.parametrize("shares", SIZES)
@pytest.mark.parametrize("decades", [0, 4, 8, 12])
def test_waterfill_meets_the_optimality_conditions(shares, decades):
    for seed in range(60):
        kind = ["none", "caps", "both"][seed % 3]
        case, problem = instance(seed, shares, decades, kind, "B", (1, 2, 3, 8, 40))
        s = ox.solve(problem, "waterfill")
        check_conditions(case, s, KKT, GAP, (seed, s))


@pytest.mark.parametrize("shares", SIZES)
@pytest.mark.parametrize("decades", [0, 6, 12])
def test_waterfill_is_a_bisection_in_plain_python(shares, decades):
    for seed in range(8):
        kind = ["none", "caps", "both"][seed % 3]
        case, problem = instance(seed, shares, decades, kind, "B", (2, 3))
        x, s = cleared(case), ox.solve(problem, "waterfill")
        np.testing.assert_allclose(s.x, x, rtol=1e-9, atol=1e-12 * shares, err_msg=f"{seed} {s}")
        assert s.objective == pytest.approx(case.objective(x), rel=1e-10)


@pytest.mark.parametrize("shares", SIZES)
@pytest.mark.parametrize("decades", [0, 4, 8, 12])
def test_newton_meets_the_optimality_conditions(shares, decades):
    for seed in range(60):
        kind = ["none", "caps", "both"][seed % 3]
        case, problem = instance(seed, shares, decades, kind, "C")
        s = ox.solve(problem, "newton")
        kkt = KKT_WHERE_ALL_TRADES_FIRST if s.x[0] > ALL * shares else KKT
        check_conditions(case, s, kkt, GAP, (seed, s))


@pytest.mark.parametrize("shares", SIZES)
@pytest.mark.parametrize("decades", [0, 2])
def test_newton_is_a_shooting_method_in_plain_python(shares, decades):
    for seed in range(40):
        case, problem = instance(seed, shares, decades, "none", "C", (2, 3, 8, 20), spreads=False)
        powers = [curves[0].parameters for curves in case.curves]
        held = [case.psi] * (len(powers) - 1)
        x = np.array(shot([a for a, _ in powers], [b for _, b in powers], held, shares))
        s = ox.solve(problem, "newton")
        np.testing.assert_allclose(s.x, x, atol=1e-6 * shares, err_msg=f"{seed} {s}")
        best = problem.objective(x)
        assert best * (1 - 1e-13) <= s.objective <= best * (1 + 1e-8), (seed, s)
        assert s.lower_bound <= best * (1 + 1e-13), (seed, s)


@pytest.mark.parametrize("method", ["waterfill", "newton"])
@pytest.mark.parametrize("exponent", [1.2, 2.0, 2.7])
@pytest.mark.parametrize("quoted", ["total", "per_share"])
def test_fractions_do_not_depend_on_shares_or_dollars(method, exponent, quoted):
    scales, caps = np.array([1.0, 3.0, 0.2, 5.0]), np.array([1.0, 1.0, 0.4, 0.3])
    degree = exponent + (quoted == "per_share")

    def fractions(shares, dollars):
        impact = ox.Power(dollars * scales / shares**degree, exponent, quoted) + ox.Linear(0.1 * dollars / shares)
        terms = ox.objective("B", rho=dollars * np.array([0.1, 0.0, 2.0, 1.0]) / shares**2)
        if method == "newton":
            terms = terms + ox.InventoryRisk(psi=0.5 * dollars / shares**2)
        s = ox.solve(ox.Problem(ox.Order(shares), impact, terms, ox.Limits(maximum=shares * caps)), method)
        return s.x / shares, s.objective / dollars

    x, value = fractions(1.0, 1.0)
    for shares, dollars in [(2.0**20, 1.0), (1.0, 2.0**-20), (1e9, 1e-6), (37.0, 1e9), (1e4, 1e6)]:
        other, other_value = fractions(shares, dollars)
        np.testing.assert_allclose(other, x, atol=1e-7)
        assert other_value == pytest.approx(value, rel=1e-10)


@pytest.mark.parametrize("method", ["waterfill", "newton"])
@pytest.mark.parametrize("exponent", EXPONENTS)
def test_equal_laws_share_in_proportion_over_twelve_decades(method, exponent):
    scales = 10.0 ** np.array([-6, 0, 6])
    s = ox.solve(ox.Problem(ox.Order(1.0), ox.Power(scales, exponent), ox.objective("A")), method)
    wanted = (scales / scales[0]) ** (-1 / (exponent - 1))
    wanted /= wanted.sum()
    np.testing.assert_allclose(
        s.x, wanted, **{"waterfill": {"rtol": 1e-9, "atol": 1e-16}, "newton": {"atol": 1e-7}}[method]
    )


@pytest.mark.parametrize("exponent", EXPONENTS)
@pytest.mark.parametrize("shares", SIZES)
def test_without_aversion_to_risk_newton_is_water_filling(exponent, shares):
    impact = ox.Power(np.array([1.0, 3.0, 0.2, 5.0]) / shares**exponent, exponent)
    averse = ox.Problem(ox.Order(shares), impact, ox.objective("C", psi=0.0))
    s, wanted = ox.solve(averse, "newton"), ox.solve(averse.replace(terms=ox.objective("A")), "waterfill")
    np.testing.assert_allclose(s.x, wanted.x, atol=1e-6 * shares)
    assert s.objective == pytest.approx(wanted.objective, rel=1e-9)


@pytest.mark.parametrize("exponent", EXPONENTS)
def test_aversion_to_risk_trades_earlier_until_all_trades_first(exponent):
    impact = ox.Power(1.0, exponent)
    first = [
        ox.solve(ox.Problem(ox.Order(1.0), impact, ox.objective("C", psi=psi), buckets=5), "newton").x.cumsum()
        for psi in [0.0, 1e-3, 1.0, 1e3, 1e6, 1e9]
    ]
    assert all((late <= early + 1e-6).all() for late, early in pairwise(first))
    assert first[-1][0] >= 1 - 1e-6


def accurate(schedule, kkt=KKT, gap=GAP):
    return schedule.kkt_residual <= kkt and schedule.gap <= gap


def test_newton_prices_the_little_that_is_left_where_all_trades_first():
    problem = ox.Problem(ox.Order(1e3), ox.Power(1e3**-1.2, 1.2), ox.objective("C", psi=10.0), buckets=2)
    assert accurate(ox.solve(problem, "newton"))


def one_dear(scales, psi, exponent=1.05, **limits):
    """Buckets of which one is many decades dearer than the others."""
    return ox.Problem(ox.Order(1.0), ox.Power(scales, exponent), ox.objective("C", psi=psi), ox.Limits(**limits))


@pytest.mark.parametrize(
    ("scales", "psi"), [([1e-2, 1e3, 1e-2], 0.1), ([1.0, 1e6, 1.0], 10.0), ([1e-6, 1e5, 1e-4], 0.1)]
)
def test_a_dear_bucket_does_not_spoil_newton(scales, psi):
    assert accurate(ox.solve(one_dear(scales, psi), "newton"))


@pytest.mark.parametrize(
    "problem",
    [
        one_dear([1e-4, 1e4, 1e-4], 1e-6),
        one_dear([1e-3, 1e4, 1e-3], 1e-6, 1.2, minimum=[0, 0.01, 0.3], maximum=[1, 0.3, 0.6]),
    ],
    ids=["free", "limits"],
)
def test_newton_converges_beside_a_dear_bucket(problem):
    assert accurate(ox.solve(problem, "newton"))


def test_newton_converges_where_a_cap_stops_an_urgent_order():
    limits = {"minimum": [0.033, 0, 0], "maximum": [0.33, 1, 0.05]}
    assert accurate(ox.solve(one_dear([0.0193, 1.8869, 0.044], 1e3, 1.5, **limits), "newton"))


@pytest.mark.parametrize(("exponent", "psi"), [(1.05, 1e9), (1.5, 1e6)])
def test_newton_closes_the_gap_where_all_trades_in_the_first_of_many(exponent, psi):
    problem = ox.Problem(ox.Order(1.0), ox.Power(1.0, exponent), ox.objective("C", psi=psi), buckets=30)
    assert accurate(ox.solve(problem, "newton"))


def test_waterfill_prices_the_little_that_one_bucket_leaves():
    terms = ox.objective("B", rho=[0.1, 1e6])
    s = ox.solve(ox.Problem(ox.Order(1.0), ox.Power([0.0001782, 0.1417425], 2.01), terms), "waterfill")
    assert accurate(s)


STEEP = {
    "a": "0.432 4.09 492000 124000 1.17 106 0.000598 8.17 1130 0.0281 187000 178 2.11e-05 0.00709 1780 0.000554 10900 "
    "2.62e-05 6.45e-05 1.99e-06",
    "rho": "0.0138 0.0946 0.256 134 75.7 16.8 0.00165 0.57 939 7.06 218 0.0202 0.63 1.15 0.00207 0.00439 0.00282 0.114 "
    "29.9 0.175",
}


def test_waterfill_finds_slices_that_are_hardly_there():
    a, rho = (np.array(STEEP[name].split(), dtype=float) for name in ("a", "rho"))
    problem = ox.Problem(ox.Order(1.0), ox.Power(a, 1.05), ox.objective("B", rho=rho))
    assert accurate(ox.solve(problem, "waterfill"))
