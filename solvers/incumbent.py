"""Schedules for a global search to start from, and better ones near those that it finds."""

from contextlib import suppress

import numpy as np

from optexec.models.errors import InfeasibleOrder
from optexec.models.problem import Problem
from optexec.models.validation import Array
from optexec.solvers.baselines import best_bucket, greedy, twap
from optexec.solvers.dp import backward, obstacle
from optexec.solvers.evaluation import in_lots
from optexec.solvers.feasible import spread
from optexec.solvers.polish import polish

PAIRS = 1e9
"""Slices times inventories, over all buckets, up to which a dynamic programme is worth its while as a start."""


def first_schedules(problem: Problem) -> list[Array]:
    """Schedules inside the limits, in whole lots and of least slices; empty if none was found.

    An order in lots starts from its dynamic programme where that takes no more than a second or so, any other from
    heuristics that are repaired where they break a least slice.

    >>> import optexec as ox
    >>> least = ox.Limits(smallest=120)
    >>> problem = ox.Problem(ox.Order(300), ox.Power(1.0, 2.0), ox.objective("A"), least, buckets=3)
    >>> first_schedules(problem)[0].tolist()
    [150.0, 150.0, 0.0]
    """
    with suppress(InfeasibleOrder):
        if _worth_a_table(problem):
            return [backward(problem).schedule()]
    loose = problem.continuous()
    return [x for start in (twap, best_bucket, greedy) for x in repaired(problem, start(loose))]


def _worth_a_table(problem: Problem) -> bool:
    if obstacle(problem):
        return False
    return problem.buckets * (problem.shares / problem.order.lot) ** 2 <= PAIRS


def repaired(problem: Problem, x: Array) -> list[Array]:
    """The cheapest schedule of those near `x` that keep lots and least slices, as a list of one; empty if none does.

    The buckets that trade are those with the most shares against their least slice, as many as is cheapest; the
    order is spread over them in proportion to x.

    Args:
        problem: the declaration.
        x: shares of each bucket, (N,).
    """
    reach = np.divide(x, problem.smallest, out=np.full(len(x), np.inf), where=problem.smallest > 0)
    rank = np.argsort(np.argsort(-reach, kind="stable"))
    found = []
    for count in range(problem.buckets + 1) if problem.semicontinuous else [problem.buckets]:
        with suppress(InfeasibleOrder):
            chosen = problem.trading(rank < count)
            found.append(in_lots(chosen, spread(chosen, np.maximum(x, 0.0))))
    return [min(found, key=problem.objective)] if found else []


def improved(problem: Problem, x: Array) -> list[Array]:
    """A schedule near `x` in which the buckets on convex stretches are traded off exactly; none for whole lots.

    Buckets with a least slice that do not trade stay closed.
    """
    if problem.order.lot is not None:
        return []
    return [polish(problem.trading(x > 0), x)]
