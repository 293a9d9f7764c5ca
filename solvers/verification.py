"""Heuristics and local solvers measured against the certified optimum."""

import time
from collections.abc import Callable, Iterable, Mapping

import numpy as np
import pandas as pd

from optexec.models.errors import InvalidInput, SolverFailure
from optexec.models.limits import NEAR
from optexec.models.lots import broken_lots
from optexec.models.problem import Problem
from optexec.models.schedule import TINY, Schedule
from optexec.models.validation import Array
from optexec.solvers import lagrange, local
from optexec.solvers.dispatch import methods, solve
from optexec.solvers.evaluation import GAP

LAGRANGE = "lagrange (stationary, not a minimum)"
OUTSIDE, NOT_IN_LOTS, FAILED = "outside the limits", "not in whole lots", "failed"
NO_SCHEDULE = (OUTSIDE, NOT_IN_LOTS, FAILED)
"""Statuses of rows that are no schedule of the problem."""


def verify(
    problem: Problem, names: Iterable[str] | None = None, gap: float = GAP, time_limit: float = 60.0, seed: int = 0
) -> pd.DataFrame:
    """Solve a problem by every method that applies and measure each against the certified optimum.

    Every bound holds for the problem whichever method found it, so the best of them certifies them all.

    On nonconvex problems with smooth curves there are two kinds of row beside the methods, both without a proof of
    their own. "ipopt[start]" is where IPOPT, a local solver, ends from a start: near the schedule of another method,
    or at random. "lagrange (stationary, not a minimum)" is the point of equal marginal costs of (A), before limits;
    on concave curves it is the dearest schedule of all.

    Args:
        problem: the declaration.
        names: methods to compare; by default all that apply, the local starts and the Lagrange point.
        gap: relative gap for the global methods, and at or below which a schedule is called optimal.
        time_limit: seconds for each method and each start.
        seed: of the random starts.

    Returns:
        One row a method, cheapest first: objective (dollars), excess (fraction above the best objective found),
        excess_bps (the same in basis points of arrival notional, NaN without a price), lower_bound (dollars, its
        own), gap (its own), certified_gap (fraction above the best bound), status and seconds. A status "outside the
        limits" or "not in whole lots" marks a point that is no schedule, "failed" a method that found none.

    >>> import optexec as ox
    >>> concave = ox.Power(a=[0.01, 0.013, 0.008], b=0.6)
    >>> table = verify(ox.Problem(ox.Order(1_000), concave, ox.objective("A")))
    >>> table.index[0], round(float(table.loc["twap", "excess"]), 3), table.index[-1]
    ('branch', 1.004, 'lagrange (stationary, not a minimum)')
    """
    return compare_schedules(every_schedule(problem, names, gap, time_limit, seed))


def every_schedule(
    problem: Problem,
    names: Iterable[str] | None = None,
    gap: float = GAP,
    time_limit: float = 60.0,
    seed: int = 0,
    progress: Callable[[str], None] | None = None,
) -> dict[str, Schedule]:
    """The schedules behind the rows of `verify`, by name.

    Args:
        problem, names, gap, time_limit, seed: as in `verify`.
        progress: called with the name of each method before it starts; None for nobody.

    >>> import optexec as ox
    >>> problem = ox.Problem(ox.Order(300), ox.Power(a=[1.0, 2.0], b=0.5), ox.objective("A"))
    >>> [name for name in every_schedule(problem) if "[" in name]  # doctest: +NORMALIZE_WHITESPACE
    ['ipopt[twap]', 'ipopt[front_loaded]', 'ipopt[greedy]', 'ipopt[random 1]', 'ipopt[random 2]',
     'ipopt[random 3]']
    """
    wanted = list(methods(problem)) if names is None else list(names)
    tell = progress or (lambda name: None)
    found = {}
    for name in wanted:
        tell(name)
        found[name] = _attempt(problem, name, gap, time_limit)
    if names is not None:
        return found
    tell("ipopt from several starts")
    bound = max((s.lower_bound for s in found.values()), default=-np.inf)
    whole = problem.completed
    if not local.obstacle(whole):
        starts = local.starting_points(whole, _shares(found), seed)
        ended = local.local_schedules(whole, starts, bound, gap, time_limit)
        found |= {name: schedule.of(problem) for name, schedule in ended.items()}
    return found | _false_point(whole, bound)


def compare_schedules(schedules: Mapping[str, Schedule]) -> pd.DataFrame:
    """The table of `verify` for schedules of one problem, by name.

    Raises:
        InvalidInput: no schedules.

    >>> import optexec as ox
    >>> problem = ox.Problem(ox.Order(300, price=20.0), ox.Power(a=0.01, b=2.0), ox.objective("A"), buckets=3)
    >>> mine = {"even": ox.evaluate(problem, [100, 100, 100]), "early": ox.evaluate(problem, [200, 100, 0])}
    >>> compare_schedules(mine)[["excess", "excess_bps"]].round(3).values.tolist()
    [[0.0, 0.0], [0.667, 333.333]]
    """
    if not schedules:
        raise InvalidInput("there are no schedules to compare; name at least one method")
    table = pd.DataFrame.from_dict({name: _row(s) for name, s in schedules.items()}, orient="index")
    least = table["objective"].where(~table["status"].isin(NO_SCHEDULE)).min()
    bound = table["lower_bound"].max()
    notional = next(iter(schedules.values())).problem.order.notional
    scale = np.maximum(abs(least), TINY)
    above = table["objective"] - least
    table.insert(1, "excess", above / scale)
    table.insert(2, "excess_bps", np.nan if notional is None else 1e4 * above / notional)
    table.insert(5, "certified_gap", (table["objective"] - bound) / scale)
    return table.rename_axis("method").sort_values("objective", kind="stable")


def _row(schedule: Schedule) -> dict[str, float | str]:
    return {
        "objective": schedule.objective,
        "lower_bound": schedule.lower_bound,
        "gap": schedule.gap,
        "status": schedule.status,
        "seconds": schedule.seconds,
    }


def _shares(schedules: Mapping[str, Schedule]) -> dict[str, Array]:
    return {name: s.problem.with_unfilled(s.x) for name, s in schedules.items() if s.status != FAILED}


def _attempt(problem: Problem, name: str, gap: float, time_limit: float) -> Schedule:
    """The answer of a method, or the record that it found none."""
    began = time.perf_counter()
    try:
        return solve(problem, name, gap, time_limit)
    except SolverFailure:
        return local.failed(problem, name, seconds=time.perf_counter() - began)


def _false_point(problem: Problem, bound: float) -> dict[str, Schedule]:
    """The row of the Lagrange point, where there is one that is no minimum."""
    if lagrange.obstacle(problem):
        return {}
    began = time.perf_counter()
    x = lagrange.stationary_point(problem)
    if x is None:
        return {}
    seconds = time.perf_counter() - began
    return {LAGRANGE: Schedule(problem, x, LAGRANGE, _standing(problem, x), bound, seconds=seconds)}


def _standing(problem: Problem, x: Array) -> str:
    """Whether shares that add up to the order are a schedule of the problem."""
    if np.abs(np.clip(x, problem.lo, problem.hi) - x).max() > NEAR * problem.shares:
        return OUTSIDE
    return NOT_IN_LOTS if broken_lots(problem, x).size else "feasible"
