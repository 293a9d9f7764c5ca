"""Bounds never lie: against every schedule of a lattice ten times finer than the one the problems are drawn on.

OPTEXEC_EXAMPLES says how many random problems to try.
"""

import numpy as np
import pytest
from hypothesis import given, note, settings
from plain import whole_schedules
from strategies import cases, examples

import optexec as ox

GAP = 1e-4
FINER = 10


def least_on_the_lattice(case, problem):
    """The least objective over the lattice inside the limits, by the plain sum of the terms, for all points at once."""
    steps = np.array(list(whole_schedules(FINER * case.units, len(case.lo))), dtype=float)
    x = steps * (case.unit / FINER)
    slack = 1e-9 * case.unit
    x = x[np.all((x >= np.array(case.lo) - slack) & (x <= np.array(case.hi) + slack), axis=1)]
    held = case.shares - np.cumsum(x, axis=1)[:, :-1]
    impact = problem.impact.cost(x).sum(axis=1)
    smoothing = (np.array(case.rho) / 2 * x**2).sum(axis=1)
    risk = case.psi / 2 * (np.array(case.weights)[:-1] * held**2).sum(axis=1)
    return float((impact + smoothing + risk).min())


@pytest.mark.slow
@settings(max_examples=examples(60))
@given(cases(max_units=5))
def test_no_finer_lattice_point_undercuts_a_bound_or_beats_the_gap(drawn):
    case, problem = drawn
    least, scale = least_on_the_lattice(case, problem), case.yardstick()
    schedule = ox.solve(problem, gap=GAP, time_limit=10)
    note(f"{schedule!r}, bound {schedule.lower_bound!r}, lattice {least!r}")
    assert schedule.lower_bound <= least + 1e-9 * scale
    assert schedule.objective <= least + GAP * abs(schedule.objective) + 1e-8 * scale
    assert ox.solve(problem, "twap").lower_bound <= least + 1e-9 * scale
