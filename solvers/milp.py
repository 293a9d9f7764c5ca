"""Any problem with known curvature: the global optimum within a stated gap, from a refined under-estimator."""

import time
from dataclasses import dataclass

import numpy as np

from optexec.models.errors import SolverFailure
from optexec.models.impact import Impact
from optexec.models.limits import Limits
from optexec.models.piecewise import build_piecewise
from optexec.models.problem import Problem
from optexec.models.under_estimate import Grid, uniform_grid
from optexec.models.validation import Array
from optexec.solvers.baselines import best_bucket, greedy, twap
from optexec.solvers.feasible import settle
from optexec.solvers.highs import TOLERANCE, run_highs
from optexec.solvers.scaling import typical_objective
from optexec.solvers.waterfill import fill

FIRST_SEGMENTS = 6
MAX_ROUNDS = 60


@dataclass(frozen=True)
class GlobalAnswer:
    """The best schedule found and what is proven.

    Args:
        x: shares of each bucket, (N,).
        lower_bound: dollars that no schedule can undercut.
        status: "optimal" if the gap was closed, else "time_limit" or "iteration_limit".
    """

    x: Array
    lower_bound: float
    status: str


def milp(problem: Problem, gap: float = 1e-4, time_limit: float = 60.0) -> GlobalAnswer:
    """Global optimum within a relative gap, by a mixed-integer piecewise-linear under-estimator in HiGHS.

    The optimum of the under-estimator is a bound; its schedule, priced by the true objective, a candidate. Both
    are improved by touching the objective where the candidate sits, until bound and best schedule meet.

    Args:
        problem: a declaration whose curves have known convex and concave stretches.
        gap: relative gap at which to stop.
        time_limit: seconds; the best schedule and bound so far are returned when it runs out.

    >>> import optexec as ox
    >>> concave = ox.Power(a=[1.0, 0.5, 2.0], b=0.5)
    >>> answer = milp(ox.Problem(ox.Order(300), concave, ox.objective("A"), ox.Limits(maximum=200)))
    >>> answer.x.round(6).tolist(), answer.status
    ([100.0, 200.0, 0.0], 'optimal')
    """
    deadline = time.perf_counter() + time_limit
    best = min((start(problem) for start in (twap, best_bucket, greedy)), key=problem.objective)
    grid = _touching(uniform_grid(problem, FIRST_SEGMENTS), problem, best)
    bound, status = -np.inf, "iteration_limit"
    for _ in range(MAX_ROUNDS):
        left = deadline - time.perf_counter()
        if left <= 0:
            status = "time_limit"
            break
        lower, found = _under_estimate(problem, grid, gap, left)
        bound = max(bound, lower)
        candidates = [best] if found is None else [best, found, polish(problem, found)]
        best = min(candidates, key=problem.objective)
        if problem.objective(best) - bound <= gap * abs(problem.objective(best)):
            status = "optimal"
            break
        if found is not None:
            grid = _touching(_touching(grid, problem, found), problem, best)
        elif time.perf_counter() < deadline:
            break
    return GlobalAnswer(best, bound, status)


def _under_estimate(problem: Problem, grid: Grid, gap: float, seconds: float) -> tuple[float, Array | None]:
    """Bound and schedule of the under-estimator on a grid."""
    scale = typical_objective(problem)
    model = build_piecewise(problem, grid)
    answer = run_highs(model, objective_scale=scale, gap=gap / 4, time_limit=seconds)
    if answer.status == "infeasible":
        raise SolverFailure("HiGHS finds no schedule within the limits; report this problem")
    x = np.array([model.x[i].value for i in model.BUCKETS], dtype=float) if answer.found else None
    return answer.bound - problem.buckets * TOLERANCE * scale, None if x is None else settle(problem, x)


def polish(problem: Problem, x: Array) -> Array:
    """Trade off the buckets that sit on convex stretches of their curves exactly; the others keep their shares.

    Args:
        problem: a declaration whose curves have known convex and concave stretches.
        x: shares inside the limits, (N,).

    Returns:
        Shares that cost no more; x itself if the terms couple the buckets.

    >>> import optexec as ox
    >>> mixed = ox.PerBucket([ox.Power(1.0, 2.0), ox.Power(2.0, 2.0), ox.Power(1.0, 0.5)])
    >>> polish(ox.Problem(ox.Order(400), mixed, ox.objective("A")), np.array([150.0, 150.0, 100.0])).tolist()
    [200.0, 100.0, 100.0]
    """
    if not problem.separable:
        return x
    ends = zip(problem.lo.tolist(), problem.hi.tolist(), x.tolist(), strict=True)
    stretches = [_convex_stretch(problem.impact.take(i), *bucket) for i, bucket in enumerate(ends)]
    low, high = np.array(stretches).T
    return fill(problem.replace(limits=Limits(minimum=low, maximum=high)))


def _convex_stretch(impact: Impact, lo: float, hi: float, at: float) -> tuple[float, float]:
    """The stretch around `at` on which every addend is convex; `at` alone where one is concave."""
    around = [
        next(((a, b) for a, b, convex in part.pieces(lo, hi) if convex and a <= at <= b), (at, at))
        for part in impact.addends()
    ]
    return max(a for a, _ in around), min(b for _, b in around)


def _touching(grid: Grid, problem: Problem, x: Array) -> Grid:
    """The grid with the points of one more schedule."""
    near = 1e-9 * problem.shares
    breakpoints = [
        points if np.abs(points - at).min() <= near else np.sort(np.append(points, at))
        for points, at in zip(grid.breakpoints, x.tolist(), strict=True)
    ]
    return Grid(breakpoints, [*grid.schedules, x])
