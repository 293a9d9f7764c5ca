"""Units that bring a model to order one, so that a solver's absolute tolerances mean the same for every order."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import inf
from typing import Any, Self

import numpy as np

from optexec.models.problem import Problem
from optexec.models.validation import Array


@dataclass(frozen=True)
class Scaling:
    """Units of the variables and of the objective.

    Args:
        columns: size of one unit of each variable, (n,).
        objective: size of one unit of the objective, in dollars.
    """

    columns: Array
    objective: float

    @classmethod
    def of(cls, variables: Sequence[Any], objective: float) -> Self:
        """The range of each Pyomo variable that has one and is continuous, else 1."""
        ends = [(v, *v.bounds) for v in variables]
        ranges = [
            high - low if None not in (low, high) and high > low and v.is_continuous() else 1.0 for v, low, high in ends
        ]
        return cls(np.array(ranges, dtype=float), objective if objective > 0 else 1.0)


def typical_objective(problem: Problem) -> float:
    """Size of the objective in dollars: its value at a schedule inside the limits.

    >>> import optexec as ox
    >>> typical_objective(ox.Problem(ox.Order(300), ox.Linear(0.01), ox.objective("A"), buckets=3))
    3.0
    """
    return abs(problem.objective(problem.inside()))


NOTHING = 1e-12
"""Fraction of the typical objective that counts as no cost at all: the least cost may be zero."""


def allowance(problem: Problem, value: float, gap: float) -> float:
    """Dollars by which an objective of `value` may exceed its bound at a relative gap.

    >>> import optexec as ox
    >>> allowance(ox.Problem(ox.Order(300), ox.Linear(0.01), ox.objective("A"), buckets=3), 3.0, gap=1e-4)
    0.00030000000000000003
    """
    return max(gap * abs(value), NOTHING * typical_objective(problem))


def within(problem: Problem, value: float, bound: float, gap: float) -> bool:
    """Whether an objective of `value`, less than infinite, exceeds a bound by no more than a relative gap allows.

    >>> import optexec as ox
    >>> free = ox.Problem(ox.Order(300), ox.Linear(0.0), ox.objective("A"), buckets=3)
    >>> within(free, 3.0, 2.9, gap=0.1), within(free, 3.0, 2.9, gap=1e-4)
    (True, False)
    """
    excess = value - bound
    return value < inf and (excess <= gap * abs(value) or excess <= allowance(problem, value, gap))
