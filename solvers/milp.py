"""Any problem with known curvature: the global optimum within a stated gap, from a refined under-estimator."""

import time

import numpy as np

from optexec.models.errors import SolverFailure
from optexec.models.piecewise import build_piecewise
from optexec.models.problem import Problem
from optexec.models.under_estimate import Grid, uniform_grid
from optexec.models.validation import Array
from optexec.solvers.answer import Answer
from optexec.solvers.baselines import best_bucket, greedy, twap
from optexec.solvers.evaluation import relaxed_bound
from optexec.solvers.feasible import settle
from optexec.solvers.highs import TOLERANCE, run_highs
from optexec.solvers.polish import polish
from optexec.solvers.scaling import allowance, typical_objective

FIRST_SEGMENTS = 6
MAX_ROUNDS = 60


def milp(problem: Problem, gap: float = 1e-4, time_limit: float = 60.0) -> Answer:
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
    >>> answer.x.round(6).tolist(), answer.stopped
    ([100.0, 200.0, 0.0], '')
    """
    deadline = time.perf_counter() + time_limit
    best = min((start(problem) for start in (twap, best_bucket, greedy)), key=problem.objective)
    grid = _touching(uniform_grid(problem, FIRST_SEGMENTS), problem, best)
    bound, stopped = relaxed_bound(problem), "iteration_limit"
    for _ in range(MAX_ROUNDS):
        left = deadline - time.perf_counter()
        if left <= 0:
            stopped = "time_limit"
            break
        lower, found = _under_estimate(problem, grid, gap, left)
        bound = max(bound, lower)
        candidates = [best] if found is None else [best, found, polish(problem, found)]
        best = min(candidates, key=problem.objective)
        value = problem.objective(best)
        if value - bound <= allowance(problem, value, gap):
            stopped = ""
            break
        if found is not None:
            grid = _touching(_touching(grid, problem, found), problem, best)
        elif time.perf_counter() < deadline:
            break
    return Answer(best, bound, stopped)


def _under_estimate(problem: Problem, grid: Grid, gap: float, seconds: float) -> tuple[float, Array | None]:
    """Bound and schedule of the under-estimator on a grid."""
    scale = typical_objective(problem)
    model = build_piecewise(problem, grid)
    answer = run_highs(model, objective_scale=scale, gap=gap / 4, time_limit=seconds)
    if answer.status == "infeasible":
        raise SolverFailure("HiGHS finds no schedule within the limits; report this problem")
    x = np.array([model.x[i].value for i in model.BUCKETS], dtype=float) if answer.found else None
    return answer.bound - problem.buckets * TOLERANCE * scale, None if x is None else settle(problem, x)


def _touching(grid: Grid, problem: Problem, x: Array) -> Grid:
    """The grid with the points of one more schedule."""
    near = 1e-9 * problem.shares
    breakpoints = [
        points if np.abs(points - at).min() <= near else np.sort(np.append(points, at))
        for points, at in zip(grid.breakpoints, x.tolist(), strict=True)
    ]
    return Grid(breakpoints, [*grid.schedules, x])
