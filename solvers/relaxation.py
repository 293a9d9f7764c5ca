"""A convex problem that lies below a nonconvex one: its certificate is a bound for both."""

from collections.abc import Sequence

import numpy as np

from optexec.models.limits import Limits
from optexec.models.problem import Problem
from optexec.models.tabulated import Tabulated
from optexec.models.under_estimate import Grid, Vertices, convex_hull, under_estimates, uniform_grid
from optexec.models.validation import Array

SEGMENTS = 16


def convex_relaxation(problem: Problem, grid: Grid | None = None) -> Problem:
    """The problem with every cost curve replaced by a convex piecewise-linear curve below it.

    The curve is the lower convex hull of the bucket's under-estimate on [0, hi], so it touches the true convex
    envelope at the grid. Floors, caps and the other terms stay.

    Args:
        problem: a declaration whose curves have known convex and concave stretches.
        grid: where to touch the curves; uniform by default.

    Raises:
        InvalidInput: a curve of unknown curvature.

    >>> import optexec as ox
    >>> concave = ox.Power(a=1.0, b=0.5)
    >>> capped = ox.Problem(ox.Order(100), concave, ox.objective("A"), ox.Limits(maximum=64), buckets=2)
    >>> convex_relaxation(capped).objective(np.array([32.0, 68.0 - 4.0]))
    12.0
    """
    open_ = problem.replace(limits=Limits(maximum=problem.hi))
    grid = uniform_grid(open_, SEGMENTS) if grid is None else grid
    hulls = [convex_hull(curve) for curve in under_estimates(open_, grid.breakpoints)]
    order = problem.order
    whole = type(order)(order.shares, order.side, price=order.price)
    return problem.replace(order=whole, impact=_tabulated(hulls))


def _tabulated(hulls: Sequence[Vertices]) -> Tabulated:
    """One table for all buckets: shorter hulls continue on their last slope."""
    points = max(2, *(len(x) for x, _ in hulls))
    rows = [_padded(x, y, points) for x, y in hulls]
    return Tabulated([x for x, _ in rows], [y for _, y in rows])


def _padded(x: Array, y: Array, points: int) -> Vertices:
    step = max(x[-1], 1.0)
    slope = (y[-1] - y[-2]) / (x[-1] - x[-2]) if len(x) > 1 else 0.0
    extra = step * np.arange(1, points - len(x) + 1)
    return np.append(x, x[-1] + extra), np.append(y, y[-1] + slope * extra)
