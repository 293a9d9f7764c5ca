"""Any problem with known curvature: the global optimum within a stated gap, from a refined under-estimator."""

import time
from typing import Any

import numpy as np

from optexec.models.errors import SolverFailure
from optexec.models.limits import NEAR
from optexec.models.lots import no_whole_lots, round_to_lots
from optexec.models.piecewise import build_piecewise, start
from optexec.models.problem import Problem
from optexec.models.slices import slices_in_lots
from optexec.models.under_estimate import Grid, uniform_grid
from optexec.models.validation import Array
from optexec.solvers.answer import Answer
from optexec.solvers.evaluation import relaxed_bound
from optexec.solvers.feasible import settle
from optexec.solvers.highs import TOLERANCE, run_highs
from optexec.solvers.incumbent import first_schedules, improved
from optexec.solvers.scaling import allowance, typical_objective

FIRST_SEGMENTS = 6
MAX_ROUNDS = 60


def milp(problem: Problem, gap: float = 1e-4, time_limit: float = 60.0) -> Answer:
    """Global optimum within a relative gap, by a mixed-integer piecewise-linear under-estimator in HiGHS.

    The optimum of the under-estimator is a bound; its schedule, priced by the true objective, a candidate. Both
    are improved by touching the objective where the candidate sits, until bound and best schedule meet; each search
    starts from the best schedule known, the dynamic programme's at first if the order is in lots. Whole lots
    and least slices are integer variables of the under-estimator, so the bound is one for schedules that keep them.

    Args:
        problem: a declaration whose curves have known convex and concave stretches.
        gap: relative gap at which to stop.
        time_limit: seconds; the best schedule and bound so far are returned when it runs out.

    Raises:
        InfeasibleOrder: limits that hold the order in shares but not in whole lots or least slices.
        SolverFailure: no schedule was found in time.

    >>> import optexec as ox
    >>> concave = ox.Power(a=[1.0, 0.5, 2.0], b=0.5)
    >>> answer = milp(ox.Problem(ox.Order(300), concave, ox.objective("A"), ox.Limits(maximum=200)))
    >>> answer.x.round(6).tolist(), answer.stopped
    ([100.0, 200.0, 0.0], '')
    """
    deadline = time.perf_counter() + time_limit
    schedules = first_schedules(problem)
    grid = uniform_grid(problem, FIRST_SEGMENTS)
    if schedules:
        grid = _touching(grid, problem, min(schedules, key=problem.objective))
    bound, stopped = relaxed_bound(problem), "iteration_limit"
    for _ in range(MAX_ROUNDS):
        left = deadline - time.perf_counter()
        if left <= 0:
            stopped = "time_limit"
            break
        lower, found = _under_estimate(problem, grid, schedules, gap, left)
        bound = max(bound, lower)
        schedules += [] if found is None else [found, *improved(problem, found)]
        if not schedules:
            break
        best = min(schedules, key=problem.objective)
        schedules, value = [best], problem.objective(best)
        if value - bound <= allowance(problem, value, gap):
            stopped = ""
            break
        if found is not None:
            grid = _touching(_touching(grid, problem, found), problem, best)
        elif time.perf_counter() < deadline:
            break
    if not schedules:
        raise SolverFailure(f"milp found no schedule in {time_limit:g} s; raise time_limit")
    return Answer(min(schedules, key=problem.objective), bound, stopped)


def _under_estimate(
    problem: Problem, grid: Grid, schedules: list[Array], gap: float, seconds: float
) -> tuple[float, Array | None]:
    """Bound and schedule of the under-estimator on a grid, from the best of the schedules that are known."""
    scale = typical_objective(problem)
    model = build_piecewise(problem, grid)
    if schedules:
        start(model, min(schedules, key=problem.objective))
    answer = run_highs(model, objective_scale=scale, gap=gap / 4, time_limit=seconds)
    if answer.status == "infeasible":
        raise no_whole_lots(problem, f"{problem.shares:,.10g} shares")
    found = _schedule(problem, model) if answer.found else None
    return answer.bound - problem.buckets * TOLERANCE * scale, found


def _schedule(problem: Problem, model: Any) -> Array:
    """The schedule that a solved under-estimator holds, free of HiGHS's tolerances."""
    if problem.order.lot is not None:
        return round_to_lots(problem, slices_in_lots(model))
    return settle(problem, np.array([model.x[i].value for i in model.BUCKETS], dtype=float))


def _touching(grid: Grid, problem: Problem, x: Array) -> Grid:
    """The grid with the points of one more schedule."""
    near = NEAR * problem.shares
    breakpoints = [
        points if np.abs(points - at).min() <= near else np.sort(np.append(points, at))
        for points, at in zip(grid.breakpoints, x.tolist(), strict=True)
    ]
    return Grid(breakpoints, [*grid.schedules, x])
