"""Piecewise-linear curves that never exceed the cost curves: chords where concave, tangents where convex."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from optexec.models.impact import Impact
from optexec.models.tabulated import Tabulated
from optexec.models.validation import Array

if TYPE_CHECKING:
    from optexec.models.problem import Problem

ROUNDING = 1e-12
"""Slopes that differ by less than this fraction of the largest are one slope."""
SLIVER = 1e-8
"""Fraction of a curve's range below which a solver does not see a segment, and calls what needs it impossible."""
Vertices = tuple[Array, Array]
"""Shares and dollars at the corners of a piecewise-linear curve, in increasing order of shares."""


@dataclass(frozen=True)
class Grid:
    """Where an under-estimator touches the objective.

    Args:
        breakpoints: for each bucket, shares at which its cost curve is met exactly.
        schedules: shares (N,) at which the convex terms are linearised.

    >>> import optexec as ox
    >>> problem = ox.Problem(ox.Order(100), ox.Power(a=[1.0, 1.0], b=0.5), ox.objective("A"))
    >>> grid = Grid([np.array([0.0, 25.0, 100.0]), np.array([0.0, 100.0])], [np.array([50.0, 50.0])])
    >>> len(ox.build_piecewise(problem, grid).term["impact"].fill)
    3
    """

    breakpoints: Sequence[Array]
    schedules: Sequence[Array]


def uniform_grid(problem: "Problem", segments: int) -> Grid:
    """`segments` equal segments between the limits of each bucket, its least slice, and schedules early to late.

    >>> import optexec as ox
    >>> grid = uniform_grid(ox.Problem(ox.Order(100), ox.Linear(0.01), ox.objective("A"), buckets=2), 2)
    >>> grid.breakpoints[0].tolist(), len(grid.schedules)
    ([0.0, 50.0, 100.0], 2)
    """
    ranges = zip(problem.lo, np.maximum(problem.lo, problem.smallest), problem.hi, strict=True)
    breakpoints = [np.union1d(np.linspace(a, b, segments + 1), least) for a, least, b in ranges]
    time = (np.arange(problem.buckets) + 0.5) / problem.buckets
    decays = np.exp(-np.outer(np.linspace(0.0, 12.0, segments), time))
    return Grid(breakpoints, list(problem.shares * decays / decays.sum(axis=1, keepdims=True)))


def under_estimates(problem: "Problem", breakpoints: Sequence[Array]) -> list[Vertices]:
    """An under-estimate of each bucket's cost on [lo, hi].

    Args:
        problem: a declaration whose curves have known convex and concave stretches.
        breakpoints: for each bucket, shares at which its curve is met exactly; the ends of the limits and the
            points where a curve changes its kind are added.

    Raises:
        InvalidInput: a curve of unknown curvature.

    >>> import optexec as ox
    >>> concave = ox.Problem(ox.Order(100), ox.Power(a=1.0, b=0.5), ox.objective("A"), buckets=1)
    >>> [corners.tolist() for corners in under_estimates(concave, [np.array([25.0])])[0]]
    [[0.0, 25.0, 100.0], [0.0, 5.0, 10.0]]
    """
    ends = zip(problem.lo.tolist(), problem.hi.tolist(), breakpoints, strict=True)
    return [joint_corners(problem.impact.take(k), lo, hi, points) for k, (lo, hi, points) in enumerate(ends)]


def joint_corners(impact: Impact, lo: float, hi: float, points: Array) -> Vertices:
    """As `corners` for an impact that may be a sum: the addends' under-estimates added up.

    >>> import optexec as ox
    >>> both = ox.Power(1.0, 2.0) + ox.Power(1.0, 0.5)
    >>> [list(map(float, c)) for c in joint_corners(both, 0.0, 4.0, np.zeros(0))]
    [[0.0, 2.0, 4.0], [0.0, 1.0, 18.0]]
    """
    curves = [corners(part, lo, hi, points) for part in impact.addends()]
    if len(curves) == 1:
        return curves[0]
    shares = np.unique(np.concatenate([x for x, _ in curves]))
    apart = np.diff(shares, prepend=-np.inf) > ROUNDING * (hi - lo)
    shares = shares[apart]
    shares[-1] = hi
    return shares, np.sum([np.interp(shares, x, y) for x, y in curves], axis=0)


def corners(impact: Impact, lo: float, hi: float, points: Array) -> Vertices:
    """Corners of an under-estimate of one curve (scalar parameters, no sum) that meets it at lo, hi and the points.

    >>> import optexec as ox
    >>> [list(map(float, c)) for c in corners(ox.Power(1.0, 2.0), 0.0, 4.0, np.zeros(0))]
    [[0.0, 2.0, 4.0], [0.0, 0.0, 16.0]]
    """
    if isinstance(impact, Tabulated) and impact.quoted == "total":
        inner = impact.shares[(impact.shares > lo) & (impact.shares < hi)]
        grid = np.unique(np.concatenate([[lo], inner, [hi]]))
        return grid, impact.cost(grid)
    if hi <= lo:
        return np.array([lo]), np.atleast_1d(impact.cost(np.array([lo])))
    parts = []
    for left, right, convex in impact.pieces(lo, hi):
        inner = points[(points > left) & (points < right)]
        grid = np.unique(np.concatenate([[left], inner, [right]]))
        parts.append(_tangents(impact, grid) if convex else (grid, impact.cost(grid)))
    kept = [np.concatenate([part[axis][:-1] for part in parts] + [parts[-1][axis][-1:]]) for axis in (0, 1)]
    return kept[0], kept[1]


def _tangents(impact: Impact, grid: Array) -> Vertices:
    """The largest of the tangents at the grid: the curve's value at both ends, corners where tangents meet.

    A power near a straight line has a tangent at 0 that holds for a sliver of the range only; it is left out.
    """
    slope, level = impact.marginal(grid), impact.cost(grid)
    slope[-1] = impact.marginal_left(grid[-1:])[0]
    rise = slope[1:] - slope[:-1]
    width = np.diff(grid)
    with np.errstate(divide="ignore", invalid="ignore"):
        meet = grid[:-1] + (level[1:] - level[:-1] - slope[1:] * width) / -rise
    bent = (rise > 0) & (meet > grid[:-1]) & (meet < grid[1:])
    at = meet[bent]
    corner = level[:-1][bent] + slope[:-1][bent] * (at - grid[:-1][bent])
    shares, dollars = np.concatenate([grid[:1], at, grid[-1:]]), np.concatenate([level[:1], corner, level[-1:]])
    return _without_sliver(shares, dollars)


def _without_sliver(shares: Array, dollars: Array) -> Vertices:
    """A convex curve without its first segment if that is a sliver: the next one goes on to the end."""
    width = shares[1] - shares[0]
    if len(shares) < 3 or width > SLIVER * (shares[-1] - shares[0]):
        return shares, dollars
    start = dollars[1] - width * (dollars[2] - dollars[1]) / (shares[2] - shares[1])
    return np.delete(shares, 1), np.append(start, dollars[2:])


def convex_hull(curve: Vertices) -> Vertices:
    """The largest convex curve below a piecewise-linear one: its lower convex hull (Andrew 1979).

    >>> [corners.tolist() for corners in convex_hull((np.array([0.0, 1.0, 2.0]), np.array([0.0, 3.0, 2.0])))]
    [[0.0, 2.0], [0.0, 2.0]]
    """
    hull: list[tuple[float, float]] = []
    for x, y in zip(curve[0].tolist(), curve[1].tolist(), strict=True):
        while len(hull) > 1:
            (x1, y1), (x2, y2) = hull[-2:]
            if (y2 - y1) * (x - x2) < (y - y2) * (x2 - x1):
                break
            hull.pop()
        hull.append((x, y))
    return np.array([x for x, _ in hull]), np.array([y for _, y in hull])


def declare_incremental(block: Any, curves: Mapping[Any, Vertices], x: Any) -> None:
    """Piecewise-linear costs on a Pyomo block: the incremental (delta) form, with binaries only where needed.

    Each segment k of bucket i is filled by 0 <= fill_ik <= width_k, x_i = first corner + sum_k fill_ik. A run of
    segments with growing slopes fills in order by itself; between runs a binary `opened` says that the run
    before is full, without which the next stays empty; the Param `begins` says at how many shares the run begins.
    Convex curves have one run and no binaries.

    Source: Markowitz and Manne (1957); Vielma (2015), "Mixed integer linear programming formulation techniques",
    section 10.

    Args:
        block: an empty Pyomo Block to write on.
        curves: bucket label -> corners of its curve.
        x: the slices, by bucket label.
    """
    import pyomo.environ as pyo

    runs = {i: _runs(*curve) for i, curve in curves.items()}
    segments = {(i, k): segment for i, curve in curves.items() for k, segment in enumerate(_segments(*curve))}
    block.fill = pyo.Var(list(segments), bounds=lambda b, i, k: (0.0, segments[i, k][0]))
    begins = {(i, r): float(curves[i][0][run[0]]) for i in curves for r, run in enumerate(runs[i]) if r}
    block.opened = pyo.Var(list(begins), domain=pyo.Binary)
    block.begins = pyo.Param(list(begins), initialize=begins, within=pyo.Reals)

    @block.Constraint(list(curves))
    def filled(b: Any, i: Any) -> Any:
        first = float(curves[i][0][0])
        return x[i] == first + pyo.quicksum(b.fill[i, k] for k in range(len(curves[i][0]) - 1))

    block.order = pyo.ConstraintList()
    for i, bucket_runs in runs.items():
        for r, run in enumerate(bucket_runs):
            for k in run:
                width = segments[i, k][0]
                if r + 1 < len(bucket_runs):
                    block.order.add(block.fill[i, k] >= width * block.opened[i, r + 1])
                if r > 0:
                    block.order.add(block.fill[i, k] <= width * block.opened[i, r])
    fixed = sum(float(curve[1][0]) for curve in curves.values())
    block.cost = pyo.Expression(
        expr=fixed + pyo.quicksum(slope * block.fill[key] for key, (_, slope) in segments.items())
    )


def _segments(shares: Array, dollars: Array) -> list[tuple[float, float]]:
    """(width, slope) of each segment."""
    widths = np.diff(shares)
    return list(zip(widths.tolist(), (np.diff(dollars) / widths).tolist(), strict=True))


def _runs(shares: Array, dollars: Array) -> list[list[int]]:
    """Consecutive segments whose slopes do not fall, as lists of segment numbers."""
    slopes = [slope for _, slope in _segments(shares, dollars)]
    slack = ROUNDING * max(map(abs, slopes), default=0.0)
    runs: list[list[int]] = []
    for k, slope in enumerate(slopes):
        if k and slope >= slopes[k - 1] - slack:
            runs[-1].append(k)
        else:
            runs.append([k])
    return runs


def declare_squares(block: Any, variable: Any, weights: Array, points: Sequence[Array]) -> None:
    """sum_i weights_i v_i^2 from below: each square above its tangents at the points, one variable a square."""
    import pyomo.environ as pyo

    active = {i: (k, float(w)) for k, (i, w) in enumerate(zip(variable, weights, strict=True)) if w > 0}
    block.square = pyo.Var(list(active), bounds=lambda b, i: (0.0, variable[i].ub ** 2))
    block.tangents = pyo.ConstraintList()
    for i, (k, _) in active.items():
        for at in sorted({float(point[k]) for point in points}):
            block.tangents.add(block.square[i] >= 2 * at * variable[i] - at**2)
    block.cost = pyo.Expression(expr=pyo.quicksum(w * block.square[i] for i, (_, w) in active.items()))
