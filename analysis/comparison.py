"""Schedules side by side: the optimum of every objective and the baselines, each priced by every objective."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from optexec.models.errors import InvalidInput
from optexec.models.problem import Problem
from optexec.models.schedule import TINY, Schedule
from optexec.models.validation import Array
from optexec.solvers.dispatch import methods, solve


def baselines(problem: Problem) -> dict[str, Schedule]:
    """The schedules of every method that applies and promises nothing, by name: TWAP, VWAP and so on.

    >>> import optexec as ox
    >>> problem = ox.Problem(ox.Order(300), ox.Power(a=[1.0, 2.0, 4.0], b=2.0), ox.objective("A"))
    >>> list(baselines(problem))
    ['twap', 'front_loaded', 'exponential', 'best_bucket', 'greedy']
    """
    table = methods(problem).frame
    return {name: solve(problem, name) for name in table.index[table["applies"] & (table["guarantee"] == "none")]}


def savings(answer: Schedule, others: Mapping[str, Schedule]) -> pd.DataFrame:
    """What a schedule saves against others of the same problem.

    Args:
        answer: the schedule to measure against.
        others: schedules by name.

    Returns:
        One row a schedule, the answer first and the others from the cheapest: cost (dollars), saving (dollars
        that the answer costs less) and excess (saving as a fraction of the answer's cost).

    >>> import optexec as ox
    >>> problem = ox.Problem(ox.Order(300), ox.Power(a=[1.0, 2.0], b=2.0), ox.objective("A"))
    >>> savings(ox.solve(problem), {"twap": ox.solve(problem, "twap")}).round(3).to_dict("list")
    {'cost': [60000.0, 67500.0], 'saving': [0.0, 7500.0], 'excess': [0.0, 0.125]}
    """
    rows = {answer.method: answer.objective, **{name: other.objective for name, other in others.items()}}
    cost = pd.Series(rows, name="cost", dtype=float).rename_axis("schedule")
    ordered = pd.concat([cost.iloc[:1], cost.iloc[1:].sort_values(kind="stable")]).to_frame()
    ordered["saving"] = ordered["cost"] - answer.objective
    ordered["excess"] = ordered["saving"] / max(abs(answer.objective), TINY)
    return ordered


def compare(problems: Mapping[str, Problem], **stopping: Any) -> pd.DataFrame:
    """Solve every problem, and price each optimum and each baseline by every objective.

    Args:
        problems: declarations by the name of their objective; the order, the limits and the buckets must be the
            same, so that the schedule of one is a schedule of all.
        stopping: `gap` and `time_limit` as for `solve`.

    Returns:
        One row a schedule: "optimal for NAME" for every problem, then the baselines of the first problem. For
        every objective two columns: cost_NAME (dollars) and excess_NAME, the fraction by which that cost exceeds
        the certified lower bound of the objective (NaN where no bound is known).

    Raises:
        InvalidInput: no problems, or problems with other orders, limits or buckets.

    >>> import optexec as ox
    >>> a = ox.Problem(ox.Order(300), ox.Power(a=[1.0, 2.0], b=2.0), ox.objective("A"))
    >>> table = compare({"A": a, "B": a.replace(terms=ox.objective("B", rho=1e3))})
    >>> table.loc["optimal for A"].round(3).to_dict()
    {'cost_A': 60000.0, 'excess_A': 0.0, 'cost_B': 25060000.0, 'excess_B': 0.11}
    """
    first = _common(problems)
    optima = {name: solve(problem, **stopping) for name, problem in problems.items()}
    schedules = {f"optimal for {name}": s.x for name, s in optima.items()}
    schedules |= {name: s.x for name, s in baselines(first).items()}
    table = pd.DataFrame(index=pd.Index(schedules, name="schedule"))
    for name, problem in problems.items():
        cost = np.array([problem.objective(x) for x in schedules.values()])
        table[f"cost_{name}"], table[f"excess_{name}"] = cost, _excess(cost, optima[name].lower_bound)
    return table


def _excess(cost: Array, bound: float) -> Array:
    """Fraction by which costs exceed a bound; NaN without one."""
    return (cost - bound) / max(abs(bound), TINY) if np.isfinite(bound) else np.full(len(cost), np.nan)


def _common(problems: Mapping[str, Problem]) -> Problem:
    """The first problem, once the others are seen to have its schedules."""
    if not problems:
        raise InvalidInput("there is nothing to compare; give at least one problem")
    name, first = next(iter(problems.items()))
    for other, problem in problems.items():
        bounds = ((problem.lo, first.lo), (problem.hi, first.hi), (problem.smallest, first.smallest))
        same = problem.order == first.order and problem.index.equals(first.index)
        if not same or not all((a == b).all() for a, b in bounds):
            raise InvalidInput(f"problems {name} and {other} differ in order, limits or buckets; give them the same")
    return first
