"""Improve a schedule of a nonconvex problem where it can be done exactly."""

import numpy as np

from optexec.models.limits import Limits
from optexec.models.problem import Problem
from optexec.models.validation import Array
from optexec.solvers.feasible import settle
from optexec.solvers.newton import approach, descend
from optexec.solvers.waterfill import fill

LOOKS = 16
"""Steps in which a curve is looked at on either side of a bucket's shares."""


EXCHANGES = 50
"""Most exchanges in a row."""


def relaxed_shares(problem: Problem) -> Array:
    """The optimum of a problem whose curves are convex between the limits: by water-filling, or newton if coupled.

    >>> import optexec as ox
    >>> relaxed_shares(ox.Problem(ox.Order(300), ox.Power(1.0, 2.0), ox.objective("A"), buckets=3)).tolist()
    [100.0, 100.0, 100.0]
    """
    return fill(problem) if problem.separable else approach(problem)


def polish(problem: Problem, x: Array) -> Array:
    """Trade off the buckets whose marginal cost grows around their shares; the others keep their shares.

    Args:
        problem: a declaration.
        x: shares inside the limits, (N,); they need not add up to the order.

    Returns:
        Shares inside the limits that add up to the order.

    Raises:
        InfeasibleOrder: the buckets that can move have no room for what the others leave.

    >>> import optexec as ox
    >>> mixed = ox.PerBucket([ox.Power(1.0, 2.0), ox.Power(2.0, 2.0), ox.Power(1.0, 0.5)])
    >>> polish(ox.Problem(ox.Order(400), mixed, ox.objective("A")), np.array([150.0, 150.0, 100.0])).round(9).tolist()
    [200.0, 100.0, 100.0]
    """
    low, high = _rising(problem, x, problem.lo), _rising(problem, x, problem.hi)
    stretches = problem.replace(limits=Limits(minimum=low, maximum=high))
    return fill(stretches) if problem.separable else descend(stretches)


def _rising(problem: Problem, x: Array, end: Array) -> Array:
    """How far towards `end` each bucket's marginal cost does not fall with its shares, looked at in growing steps."""
    steps = np.linspace(0.0, 1.0, LOOKS + 1)[:, None] ** 3
    at = x + steps * (end - x)
    with np.errstate(divide="ignore", invalid="ignore"):
        change = np.diff(np.array([problem.charged_impact.marginal(row) for row in at]), axis=0)
    rises = np.where(end >= x, change, -change) >= 0
    reach = np.cumprod(rises, axis=0).sum(axis=0)
    return np.take_along_axis(at, reach[None, :], axis=0)[0]


def exchange(problem: Problem, x: Array, i: int) -> Array:
    """Improve a separable problem's schedule by exchanges: one bucket down to its floor, another up to its cap.

    Bucket i makes up for the difference; the best pair is taken again and again while that saves anything. For
    curves whose optimum fills some buckets and leaves others empty, this looks for a better fit of the filled ones.

    Args:
        problem: a declaration whose terms look at one bucket each.
        x: shares inside the limits that add up to the order, (N,).
        i: position of the bucket that trades between its limits.

    >>> import optexec as ox
    >>> concave, caps = ox.Power(a=[1.0, 1.0, 1.05], b=0.5), ox.Limits(maximum=[80, 90, 100])
    >>> problem = ox.Problem(ox.Order(100), concave, ox.objective("A"), caps)
    >>> exchange(problem, np.array([10.0, 90.0, 0.0]), 0).tolist()
    [0.0, 0.0, 100.0]
    """
    for _ in range(EXCHANGES):
        better = _best_exchange(problem, x, i)
        if problem.objective(better) >= problem.objective(x):
            break
        x = better
    return x


def _best_exchange(problem: Problem, x: Array, i: int) -> Array:
    others = np.arange(len(x)) != i
    down, up = np.flatnonzero(others & (x > problem.lo)), np.flatnonzero(others & (x < problem.hi))
    none = np.zeros(len(x))
    cost = [sum((t.bucket_costs(problem, at) for t in problem.terms), start=none) for at in (problem.lo, x, problem.hi)]
    freed = np.append(x[down] - problem.lo[down], 0.0)[:, None]
    taken = np.append(problem.hi[up] - x[up], 0.0)
    saved = np.append((cost[1] - cost[0])[down], 0.0)[:, None] - np.append((cost[2] - cost[1])[up], 0.0)
    own = x[i] + freed - taken
    allowed = (own >= problem.lo[i]) & (own <= problem.hi[i])
    allowed[: len(down), : len(up)] &= down[:, None] != up
    at = np.where(allowed, own, x[i])
    own_costs = (term.at_bucket(problem, i, at.ravel()) for term in problem.terms)
    price = sum(own_costs, start=np.zeros(at.size)).reshape(at.shape)
    a, b = np.unravel_index(np.argmin(np.where(allowed, price - saved, np.inf)), at.shape)
    moved = x.copy()
    moved[i] = at[a, b]
    moved[down[a : a + 1]], moved[up[b : b + 1]] = problem.lo[down[a : a + 1]], problem.hi[up[b : b + 1]]
    return settle(problem, moved)
