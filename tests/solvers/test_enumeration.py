"""Every method against every lattice schedule: the enumeration contains no derivation that it could share."""

import numpy as np
import pytest
from hypothesis import given, note, settings
from hypothesis import strategies as st
from strategies import SHAPES, cases, feasible_points, lattice_points

import optexec as ox

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
    point, best = case.best()
    scale = case.yardstick()
    for name in ox.methods(problem):
        schedule = ox.solve(problem, name, gap=GLOBAL_GAP, time_limit=20)
        note(f"{name}: {schedule!r}, bound {schedule.lower_bound!r}, lattice {best!r} at {point}")
        check_schedule(case, schedule)
        assert schedule.lower_bound <= best + 1e-9 * scale, name
        assert schedule.lower_bound <= schedule.objective, name
        if name in guaranteed(problem):
            slack = GLOBAL_GAP * abs(schedule.objective) if name in ("milp", "branch") else 1e-6 * abs(best)
            assert schedule.objective <= best + slack + 1e-8 * scale, name
            if abs(best) > 1e-3 * scale:
                assert schedule.status == "optimal", name
                assert schedule.gap <= GLOBAL_GAP, name


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
    values = {name: ox.solve(problem, name).objective for name in exact}
    note(str(values))
    if exact:
        assert max(values.values()) - min(values.values()) <= 1e-6 * abs(case.best()[1]) + 1e-8 * case.yardstick()


@settings(max_examples=40)
@given(cases())
def test_auto_is_a_method_with_a_guarantee(drawn):
    case, problem = drawn
    schedule = ox.solve(problem, time_limit=20)
    assert schedule.method in guaranteed(problem)
    check_schedule(case, schedule)
    assert schedule.objective <= case.best()[1] + 1e-4 * abs(schedule.objective) + 1e-8 * case.yardstick()
