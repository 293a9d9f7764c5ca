"""Every method against every lattice schedule: the enumeration contains no derivation that it could share."""

import numpy as np
import pytest
from hypothesis import assume, given, note, settings
from hypothesis import strategies as st
from plain import Case, Curve
from strategies import SHAPES, cases, feasible_points, lattice_points

import optexec as ox
from optexec.solvers.dispatch import METHODS

GLOBAL_GAP = 1e-4


def guaranteed(problem):
    """Names of the methods that apply and promise the optimum."""
    frame = ox.methods(problem).frame
    return frame.index[frame["applies"] & (frame["guarantee"] != "none")].tolist()


def check_schedule(case, schedule):
    """Sum, limits, and a value that the plain formulas confirm."""
    x = schedule.shares.to_numpy()
    tolerance = 1e-9 * case.shares
    assert abs(x.sum() - case.shares) <= tolerance, schedule.method
    assert np.all(x >= np.array(case.lo) - tolerance), schedule.method
    assert np.all(x <= np.array(case.hi) + tolerance), schedule.method
    own = case.objective(x.tolist())
    assert schedule.objective == pytest.approx(own, rel=1e-9, abs=1e-12 * case.yardstick()), schedule.method


def check_against_enumeration(case, problem):
    for name in ox.methods(problem):
        schedule = ox.solve(problem, name, gap=GLOBAL_GAP, time_limit=20)
        note(f"{name}: {schedule!r}, bound {schedule.lower_bound!r}, lattice {case.best()!r}")
        check_answer(case, schedule, name in guaranteed(problem))


def check_answer(case, schedule, promised):
    """A schedule within the limits, a true bound, and the optimum if the method promises it."""
    name, best, scale = schedule.method, case.best()[1], case.yardstick()
    check_schedule(case, schedule)
    assert schedule.lower_bound <= best + 1e-9 * scale, name
    assert schedule.lower_bound <= schedule.objective, name
    if promised:
        slack = GLOBAL_GAP * abs(schedule.objective) if name in ("milp", "branch") else 1e-6 * abs(best)
        assert schedule.objective <= best + slack + 1e-8 * scale, name
        if abs(best) > 1e-3 * scale:
            assert schedule.status == "optimal", name
            assert schedule.gap <= GLOBAL_GAP, name


def instance(curve, scales, rho=0.0, psi=0.0, cap=None, lot=None, volume=None):
    """An order of twelve units of ten shares in four buckets: plain, and as a problem."""
    shares, n = 120.0, len(scales)
    level, *rest = curve.parameters
    curves = [Curve(curve.family, curve.quoted, (level * scale, *rest)) for scale in scales]
    impact = getattr(ox, curve.family)([level * scale for scale in scales], *rest, quoted=curve.quoted)
    most = shares if cap is None else cap
    case = Case(12, 10.0, [[one] for one in curves], [0.0] * n, [most] * n, [rho] * n, psi, [1.0] * n)
    terms = [ox.ImpactCost(), *([ox.Smoothing(rho)] if rho else []), *([ox.InventoryRisk(psi)] if psi else [])]
    limits = ox.Limits(maximum=cap, volume=volume)
    return case, ox.Problem(ox.Order(shares, lot=lot), impact, ox.Objective(tuple(terms)), limits)


SCALES = (1.0, 1.4, 0.8, 1.1)
SQUARE, ROOT = Curve("Power", "total", (0.01, 2.0)), Curve("Power", "per_share", (0.02, 0.5))
SATURATING, TURNING = Curve("Exponential", "total", (5.0, 0.03)), Curve("Exponential", "per_share", (0.1, 0.03))
COMMON = {
    "one power": instance(ROOT, SCALES),
    "smoothed": instance(ROOT, SCALES, rho=2e-3),
    "risky": instance(ROOT, SCALES, psi=1e-3),
    "quadratic": instance(SQUARE, SCALES, psi=1e-3, cap=50.0),
    "saturating": instance(SATURATING, SCALES, cap=50.0),
    "turning": instance(TURNING, SCALES, psi=1e-3),
    "volumes": instance(ROOT, SCALES, volume=[400.0, 300.0, 100.0, 400.0]),
    "lots": instance(ROOT, SCALES, psi=1e-3, lot=10),
    "saturating lots": instance(SATURATING, SCALES, cap=50.0, lot=10),
}
"""Problems of every kind that some method is for."""
ON_LOTS = ("dp", "milp")
"""Methods that keep their promise in whole lots; the others solve in shares, and are rounded."""


def suited(name):
    """The common problems that a method applies to."""
    return [kind for kind, (_, problem) in COMMON.items() if not METHODS[name].obstacle(problem)]


@pytest.mark.parametrize("name", METHODS)
def test_every_method_has_a_common_problem_and_keeps_its_promise(name):
    assert suited(name), f"no common problem for {name}: add one that it applies to"
    for kind in suited(name):
        case, problem = COMMON[kind]
        lots = problem.order.lot is not None
        schedule = ox.solve(problem, name, gap=GLOBAL_GAP)
        assert schedule.method == name
        check_answer(case, schedule, name in guaranteed(problem) and (name in ON_LOTS or not lots))
        assert not lots or (schedule.x % problem.order.lot == 0).all()


@pytest.mark.parametrize("kind", COMMON)
def test_the_optimum_of_a_common_problem_is_no_baseline(kind):
    case, problem = COMMON[kind]
    promising = [name for name in guaranteed(problem) if name in ox.methods(problem)]
    assert promising
    best = min(ox.solve(problem, name, gap=GLOBAL_GAP).objective for name in promising)
    assert best < case.objective([30.0] * 4) * (1 - 1e-3)


@settings(max_examples=120)
@given(st.data())
def test_objective_is_the_plain_formula(data):
    case, problem = data.draw(cases())
    for x in (data.draw(lattice_points(case)), data.draw(feasible_points(case)).tolist()):
        assert problem.objective(np.array(x)) == pytest.approx(case.objective(x), rel=1e-11, abs=1e-13)


@pytest.mark.parametrize("shape", SHAPES, ids="-".join)
@settings(max_examples=8)
@given(data=st.data())
def test_no_method_misses_the_lattice_optimum_one_family(shape, data):
    check_against_enumeration(*data.draw(cases(shapes=(shape,))))


@settings(max_examples=30)
@given(cases())
def test_no_method_misses_the_lattice_optimum_mixed_families(drawn):
    check_against_enumeration(*drawn)


@settings(max_examples=30)
@given(cases(convex=True))
def test_no_method_misses_the_lattice_optimum_of_convex_problems(drawn):
    check_against_enumeration(*drawn)


@settings(max_examples=50)
@given(cases(convex=True))
def test_exact_methods_agree(drawn):
    case, problem = drawn
    exact = [name for name in guaranteed(problem) if name not in ("milp", "branch")]
    assume(len(exact) > 1)
    values = {name: ox.solve(problem, name).objective for name in exact}
    note(str(values))
    assert max(values.values()) - min(values.values()) <= 1e-6 * abs(case.best()[1]) + 1e-8 * case.yardstick()


@settings(max_examples=40)
@given(cases())
def test_auto_is_a_method_with_a_guarantee(drawn):
    case, problem = drawn
    schedule = ox.solve(problem, time_limit=20)
    assert schedule.method in guaranteed(problem)
    check_schedule(case, schedule)
    assert schedule.objective <= case.best()[1] + 1e-4 * abs(schedule.objective) + 1e-8 * case.yardstick()
