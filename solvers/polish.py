"""Improve a schedule of a nonconvex problem where it can be done exactly."""

import numpy as np

from optexec.models.impact import Impact
from optexec.models.limits import Limits
from optexec.models.problem import Problem
from optexec.models.validation import Array
from optexec.solvers.newton import approach
from optexec.solvers.waterfill import fill


def relaxed_shares(problem: Problem) -> Array:
    """The optimum of a problem whose curves are convex between the limits: by water-filling, or newton if coupled.

    >>> import optexec as ox
    >>> relaxed_shares(ox.Problem(ox.Order(300), ox.Power(1.0, 2.0), ox.objective("A"), buckets=3)).tolist()
    [100.0, 100.0, 100.0]
    """
    return fill(problem) if problem.separable else approach(problem)


def polish(problem: Problem, x: Array) -> Array:
    """Trade off the buckets that sit on convex stretches of their curves exactly; the others keep their shares.

    Args:
        problem: a declaration whose curves have convex and concave stretches.
        x: shares inside the limits, (N,).

    Returns:
        Shares that cost no more than x.

    >>> import optexec as ox
    >>> mixed = ox.PerBucket([ox.Power(1.0, 2.0), ox.Power(2.0, 2.0), ox.Power(1.0, 0.5)])
    >>> polish(ox.Problem(ox.Order(400), mixed, ox.objective("A")), np.array([150.0, 150.0, 100.0])).tolist()
    [200.0, 100.0, 100.0]
    """
    ends = zip(problem.lo.tolist(), problem.hi.tolist(), x.tolist(), strict=True)
    stretches = [_convex_stretch(problem.impact.take(i), *bucket) for i, bucket in enumerate(ends)]
    low, high = np.array(stretches).T
    better = relaxed_shares(problem.replace(limits=Limits(minimum=low, maximum=high)))
    return min((x, better), key=problem.objective)


def _convex_stretch(impact: Impact, lo: float, hi: float, at: float) -> tuple[float, float]:
    """The stretch around `at` on which every addend is convex; `at` alone where one is concave."""
    around = [
        next(((a, b) for a, b, convex in part.pieces(lo, hi) if convex and a <= at <= b), (at, at))
        for part in impact.addends()
    ]
    return max(a for a, _ in around), min(b for _, b in around)
