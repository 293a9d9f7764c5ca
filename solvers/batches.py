"""Many orders at once: those of one structure are solved as the rows of one array."""

import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import compress
from typing import Any

import numpy as np

from optexec.models.errors import InvalidInput, OptexecError, SolverFailure
from optexec.models.limits import NEAR
from optexec.models.objective import InventoryRisk
from optexec.models.problem import Problem
from optexec.models.schedule import Schedule
from optexec.models.validation import Array, positive_number
from optexec.solvers import newton, waterfill
from optexec.solvers.block import Block, kind
from optexec.solvers.certificate import Certificate, certify_block
from optexec.solvers.dispatch import solve, starting_shares
from optexec.solvers.evaluation import GAP, proven
from optexec.solvers.segments import has_only_one_table

CHUNK = 16_384
"""Buckets, over all orders, that are solved together: few enough for their arrays to stay in a processor's cache."""
METHODS: dict[str, Callable[[Block, Array | None], Array]] = {
    "waterfill": lambda block, start: waterfill.clear(block),
    "newton": newton.optimum,
}


def solve_many(
    problems: Iterable[Problem],
    method: str = "auto",
    gap: float = GAP,
    time_limit: float = 60.0,
    starts: Iterable[Any] | None = None,
) -> list[Schedule]:
    """Solve many problems; as `solve` for each of them, to rounding.

    Convex orders without lots are solved together, by water-filling or newton, where they have the same number of
    buckets, the same terms and impacts of the same families. All others are solved one at a time. Memory beside
    problems and schedules does not grow with their number.

    Args:
        problems: the declarations.
        method, gap: as in `solve`.
        time_limit: seconds for each order that is solved by itself.
        starts: a schedule or shares near the optimum of each problem, as `start` of `solve`.

    Returns:
        A schedule for each problem, in their order; `seconds` of orders that were solved together is their share.

    Raises:
        InvalidInput, InfeasibleOrder, SolverFailure: as `solve`; the message says which problem.

    >>> import optexec as ox
    >>> impact = ox.Power(a=[1.0, 2.0], b=2.0)
    >>> problems = [ox.Problem(ox.Order(shares), impact, ox.objective("A")) for shares in (300, 600)]
    >>> [schedule.shares.round(6).tolist() for schedule in solve_many(problems)]
    [[200.0, 100.0], [400.0, 200.0]]
    """
    asked = list(problems)
    gap = positive_number("gap", gap)
    given = [None] * len(asked) if starts is None else list(starts)
    found = solve_together(asked, method, gap, None if starts is None else _starting_shares(asked, given))
    return [
        found[k] if k in found else _alone(k, problem, method, gap, time_limit, given[k])
        for k, problem in enumerate(asked)
    ]


def solve_together(
    problems: Sequence[Problem], method: str = "auto", gap: float = GAP, starts: Sequence[Any] | None = None
) -> dict[int, Schedule]:
    """Schedules of the orders that can be solved as rows of one array, by position; the others are left out.

    Args:
        problems, method, gap: as in `solve_many`.
        starts: shares near the optimum of each problem, (N,) each.

    >>> import optexec as ox
    >>> convex = ox.Problem(ox.Order(300), ox.Power(a=[1.0, 2.0], b=2.0), ox.objective("A"))
    >>> concave = convex.replace(impact=ox.Power(a=[1.0, 2.0], b=0.5))
    >>> list(solve_together([concave, convex]))
    [1]
    """
    completed = [problem.completed for problem in problems]
    found: dict[int, Schedule] = {}
    for name, places in _groups(completed, method):
        for chunk in _chunks(places, completed[places[0]].buckets):
            near = None if starts is None else np.array([starts[k] for k in chunk])
            found |= _together({k: completed[k] for k in chunk}, name, gap, near)
    return {k: schedule.of(problems[k]) for k, schedule in found.items()}


def _starting_shares(problems: Sequence[Problem], starts: Sequence[Any]) -> list[Array | None]:
    if len(starts) != len(problems):
        raise InvalidInput(f"starts holds {len(starts)} entries for {len(problems)} problems; give one for each")
    return [starting_shares(problem, start) for problem, start in zip(problems, starts, strict=True)]


def _groups(problems: Sequence[Problem], method: str) -> Iterator[tuple[str, list[int]]]:
    """Method, and positions of the problems that can be stacked for it."""
    groups: dict[Any, list[int]] = {}
    for k, problem in enumerate(problems):
        coupled = problem.terms.find(InventoryRisk) is not None
        name = ("newton" if coupled else "waterfill") if method == "auto" else method
        alike = kind(problem)
        if name in METHODS and alike is not None and problem.order.lot is None and not problem.semicontinuous:
            groups.setdefault((name, alike), []).append(k)
    for (name, _), places in groups.items():
        if not _obstacle(name, problems[places[0]]):
            yield name, places


def _obstacle(name: str, problem: Problem) -> bool:
    """Whether terms or families rule the method out, whatever their numbers are."""
    if name == "waterfill":
        return problem.terms.find(InventoryRisk) is not None
    return not has_only_one_table(problem.charged_impact)


def _chunks(places: list[int], buckets: int) -> Iterator[list[int]]:
    orders = max(1, CHUNK // buckets)
    for start in range(0, len(places), orders):
        yield places[start : start + orders]


def _together(problems: dict[int, Problem], name: str, gap: float, start: Array | None) -> dict[int, Schedule]:
    """Schedules of those among the problems of one kind that are convex; none if one of them defies the method."""
    started = time.perf_counter()
    block = Block.stack(list(problems.values()))
    convex = np.asarray(block.impact.curvature(block.hi).convex.all(axis=-1))
    if not convex.any():
        return {}
    block = block.some(convex)
    try:
        x = METHODS[name](block, None if start is None else start[convex])
    except SolverFailure:
        return {}
    if not (np.abs(x.sum(axis=-1) - block.shares[:, 0]) <= NEAR * block.shares[:, 0]).all():
        return {}
    answers = zip(compress(problems.items(), convex), x, certify_block(block, x).T.tolist(), strict=True)
    seconds = (time.perf_counter() - started) / len(x)
    return {
        k: proven(problem, own, value, Certificate(*proof), name, "", gap, seconds)
        for (k, problem), own, (value, *proof) in answers
    }


def _alone(k: int, problem: Problem, method: str, gap: float, time_limit: float, start: Any) -> Schedule:
    try:
        return solve(problem, method, gap, time_limit, start)
    except OptexecError as error:
        raise type(error)(f"problem {k}: {error}") from error
