"""What a local solver makes of a nonconvex problem: IPOPT from several starts. Its answers prove nothing."""

import time
from collections.abc import Mapping
from typing import Any

import numpy as np

from optexec.models.problem import Problem
from optexec.models.schedule import Schedule
from optexec.models.validation import Array
from optexec.solvers.evaluation import GAP, certified, in_lots
from optexec.solvers.feasible import only_schedule, settle, spread
from optexec.solvers.scaling import typical_objective

STARTS = ("twap", "vwap", "front_loaded", "greedy")
"""Methods whose schedules IPOPT starts from, where they apply."""
RANDOM_STARTS = 3
INWARD = 0.01
"""Fraction of the way from a start to the middle of the limits, so that IPOPT begins strictly inside them."""
MARGIN = 1e-7
"""The same for floors where the marginal cost is infinite: IPOPT keeps that far off them."""


def obstacle(problem: Problem) -> str:
    """Why IPOPT from several starts has nothing to tell of a problem; empty if it has.

    >>> import optexec as ox
    >>> obstacle(ox.Problem(ox.Order(300), ox.Linear(0.01), ox.objective("A"), buckets=3))
    'the problem is convex: every start ends in the optimum'
    """
    if problem.convex:
        return "the problem is convex: every start ends in the optimum"
    if problem.semicontinuous:
        return "slices must be 0 or at least limits.smallest, which IPOPT cannot say"
    if not problem.charged_impact.smooth:
        return "a cost curve has kinks"
    return "" if only_schedule(problem) is None else "the limits leave no choice"


def starting_points(problem: Problem, answers: Mapping[str, Array], seed: int = 0) -> dict[str, Array]:
    """Schedules strictly inside the limits, by name: near those of `STARTS`, and at random.

    Args:
        problem: the declaration.
        answers: shares of each bucket by method, (N,) each.
        seed: of the random schedules; the same seed gives the same schedules.

    >>> import optexec as ox
    >>> problem = ox.Problem(ox.Order(300), ox.Power(a=[1.0, 2.0], b=0.5), ox.objective("A"))
    >>> points = starting_points(problem, {"greedy": np.array([300.0, 0.0])})
    >>> list(points), points["greedy"].tolist()
    (['greedy', 'random 1', 'random 2', 'random 3'], [298.5, 1.5])
    """
    random = np.random.default_rng(seed)
    weights = random.dirichlet(np.ones(problem.buckets), size=RANDOM_STARTS)
    points = {name: answers[name] for name in STARTS if name in answers}
    points |= {f"random {k}": spread(problem, weight) for k, weight in enumerate(weights, start=1)}
    return {name: (1 - INWARD) * x + INWARD * problem.inside() for name, x in points.items()}


def local_schedules(
    problem: Problem, starts: Mapping[str, Array], bound: float, gap: float = GAP, time_limit: float = 60.0
) -> dict[str, Schedule]:
    """Where IPOPT ends from each start: schedules by the name of the row, "ipopt[start]".

    A start from which IPOPT finds no schedule gives one of status "failed" without shares.

    Args:
        problem: a declaration whose curves are smooth.
        starts: shares strictly inside the limits by name, (N,) each.
        bound: dollars that no schedule of the problem can undercut; the bound of every row.
        gap: relative gap at or below which a schedule is called optimal.
        time_limit: seconds for each start.

    >>> import optexec as ox
    >>> problem = ox.Problem(ox.Order(300), ox.Power(a=[1.0, 2.0, 1.1], b=0.5), ox.objective("A"))
    >>> found = local_schedules(problem, {"early": np.array([200.0, 60.0, 40.0])}, bound=0.0)
    >>> found["ipopt[early]"].x.round(3).tolist()
    [300.0, 0.0, 0.0]
    """
    from optexec.models.formulation import build

    model, floors = build(problem), _finite_floors(problem)
    for i, floor in zip(model.BUCKETS, floors.tolist(), strict=True):
        model.x[i].setlb(floor)
    return {
        f"ipopt[{name}]": _from_start(model, x, f"ipopt[{name}]", bound, gap, time_limit) for name, x in starts.items()
    }


def failed(problem: Problem, method: str, bound: float = -np.inf, seconds: float = 0.0) -> Schedule:
    """The record of a method that found no schedule: no shares, no objective.

    >>> import optexec as ox
    >>> failed(ox.Problem(ox.Order(300), ox.Linear(0.01), ox.objective("A"), buckets=3), "ipopt").objective
    nan
    """
    nowhere = np.full(problem.buckets, np.nan)
    return Schedule(problem, nowhere, method=method, status="failed", lower_bound=bound, seconds=seconds)


def _from_start(model: Any, start: Array, method: str, bound: float, gap: float, time_limit: float) -> Schedule:
    from optexec.models.formulation import put
    from optexec.solvers.ipopt import run_ipopt

    problem, began = model.problem, time.perf_counter()
    put(model, start)
    try:
        ending = run_ipopt(model, objective_scale=typical_objective(problem), time_limit=time_limit)
        x = settle(problem, _on_floors(problem, np.array([model.x[i].value for i in model.BUCKETS], dtype=float)))
    except (RuntimeError, ArithmeticError):
        return failed(problem, method, bound, time.perf_counter() - began)
    return certified(
        problem,
        x,
        in_lots(problem, x),
        method=method,
        lower_bound=bound,
        stopped="" if ending == "optimal" else ending,
        gap=gap,
        seconds=time.perf_counter() - began,
    )


def _finite_floors(problem: Problem) -> Array:
    """The floors, a little above them where the marginal cost is infinite and IPOPT would break off."""
    steep = np.isinf(problem.gradient(problem.lo))
    return problem.lo + np.where(steep, MARGIN, 0.0) * (problem.inside() - problem.lo)


def _on_floors(problem: Problem, x: Array) -> Array:
    """Shares with those that IPOPT leaves at `_finite_floors` put onto the floors themselves."""
    return np.where(x <= 2 * _finite_floors(problem) - problem.lo, problem.lo, x)
