"""Convex envelopes: below the curve everywhere, convex, and as high as that allows."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import optexec as ox
from optexec.models.envelope import envelope, splice

CURVES = {
    "concave": ox.Power(a=[1.0, 2.0], b=[0.5, 0.8]),
    "convex": ox.Power(a=[1.0, 2.0], b=[0.5, 0.8], quoted="per_share"),
    "saturating": ox.Exponential(a=[10.0, 20.0], b=[0.05, 0.2], quoted="per_share"),
    "table": ox.Tabulated([0, 10, 40, 70, 100], [[0, 1, 20, 22, 60], [0, 9, 10, 40, 41]]),
    "slippage table": ox.Tabulated([0, 10, 40, 100], [1.0, 2.0, 0.5, 3.0], quoted="per_share"),
    "sum": ox.Linear(0.1) + ox.Power(0.02, [0.6, 0.9], "per_share") + ox.Exponential(30.0, 0.05),
    "different": ox.PerBucket(
        [ox.Power(1.0, 0.5), ox.Exponential(5.0, 0.1, "per_share") + ox.Tabulated([0, 50, 100], [0, 1, 9])]
    ),
}
EXACT = ["concave", "convex", "saturating", "table"]


def chord_minimum(curve, lo, hi, at, points=2_001):
    """The convex envelope at a point by its definition: the least mean of two points of the curve on either side."""
    kinks = [k for k in (10.0, 40.0, 70.0) if lo < k < hi]
    grid = np.unique(np.concatenate([np.linspace(lo, hi, points), kinks, [at]]))
    values = curve(grid)
    left, right = grid <= at, grid >= at
    width = np.maximum(grid[right][None, :] - grid[left][:, None], 1e-300)
    share = (at - grid[left])[:, None] / width
    mean = (1 - share) * values[left][:, None] + share * values[right][None, :]
    return min(mean.min(), values[grid == at][0])


ranges = st.tuples(st.floats(0, 40), st.floats(50, 100))


@pytest.mark.parametrize("name", CURVES)
@given(span=ranges, at=st.floats(0, 1))
def test_it_lies_below_the_curve_and_is_convex(name, span, at):
    impact, (lo, hi) = CURVES[name], (np.full(2, v) for v in span)
    curves = envelope(impact, lo, hi)
    points = [lo + t * (hi - lo) for t in np.append(np.linspace(0, 1, 201), at)]
    below = np.array([curves.cost(x) for x in points])
    true = np.array([impact.cost(x) for x in points])
    assert np.all(below <= true + 1e-9 * np.abs(true).max())
    bends = np.diff(below[:-1], 2, axis=0)
    assert bends.min() >= -1e-9 * np.abs(true).max()


@pytest.mark.parametrize("name", EXACT)
@given(span=ranges, at=st.floats(0.01, 0.99))
def test_it_is_the_largest_convex_curve_below(name, span, at):
    impact, (lo, hi) = CURVES[name], span
    x = np.full(2, lo + at * (hi - lo))
    found = envelope(impact, np.full(2, lo), np.full(2, hi)).cost(x)
    for i in range(2):
        one = impact.take(i)
        least = chord_minimum(lambda v, one=one: one.cost(v), lo, hi, x[i], points=401)
        assert found[i] <= least + 1e-9 * abs(least)
        assert found[i] >= least - 2e-4 * np.ptp(one.cost(np.linspace(lo, hi, 50)))


@pytest.mark.parametrize("name", CURVES)
def test_splicing_a_range_is_building_it_anew(name):
    impact, lo, hi = CURVES[name], np.array([0.0, 5.0]), np.array([100.0, 90.0])
    spliced = splice(envelope(impact, lo, hi), impact, 1, 20.0, 60.0, 40.0)
    anew = envelope(impact, np.array([0.0, 20.0]), np.array([100.0, 60.0]), np.array([50.0, 40.0]))
    for share in np.linspace(0, 1, 21):
        x = np.array([100.0 * share, 20.0 + 40.0 * share])
        assert spliced.cost(x) == pytest.approx(anew.cost(x), rel=1e-9, abs=1e-9)
