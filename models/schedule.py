"""The answer: shares a bucket, what they cost, and how close to the least that is proven to be."""

import json
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
import pandas as pd

from optexec.models.drawable import Drawable
from optexec.models.json_values import known
from optexec.models.problem import Problem
from optexec.models.validation import Array

SCHEMA = "optexec.schedule.v1"
TINY = 1e-300
"""Keeps the relative gap of an objective of zero defined."""


def relative_gap(objective: float, bound: float) -> float:
    """(objective - bound) / |objective|: the fraction by which an objective could at most be beaten.

    >>> relative_gap(20.0, 19.0), relative_gap(20.0, float("-inf"))
    (0.05, inf)
    """
    return (objective - bound) / max(abs(objective), TINY)


@dataclass(frozen=True, eq=False)
class Schedule(Drawable):
    """Shares for each bucket and their certificate.

    Everything but the bound is recomputed from the shares by the declaration, never taken from a solver.

    Args:
        problem: the declaration.
        x: shares of each bucket, (N,).
        method: what produced it, such as "waterfill".
        status: "optimal" (the gap is closed), "feasible" (a schedule without that proof), or "time_limit" and
            "iteration_limit" (the solver stopped early; this is its best schedule).
        lower_bound: dollars that no schedule can undercut; -inf where none is known.
        marginal_price: the multiplier of the order's size, dollars a share, for convex problems; else NaN. It is the
            cost of one more share at an optimum where some slice stands between its limits; where every slice is at
            one, as when one bucket trades the whole order, it is one of many prices that keep them there.
        kkt_residual: relative violation of the optimality conditions, for convex problems; else NaN.
        seconds: time to solve.

    >>> import optexec as ox
    >>> problem = ox.Problem(ox.Order(300), ox.Power(a=1.0, b=2.0), ox.objective("A"), buckets=3)
    >>> schedule = ox.solve(problem)
    >>> schedule.shares.tolist(), schedule.objective, schedule.status
    ([100.0, 100.0, 100.0], 30000.0, 'optimal')
    """

    problem: Problem
    x: Array
    method: str
    status: str
    lower_bound: float
    marginal_price: float = float("nan")
    kkt_residual: float = float("nan")
    seconds: float = 0.0

    @property
    def shares(self) -> pd.Series:
        """Shares traded in each bucket, on the bucket index."""
        return pd.Series(self.x, index=self.problem.index, name="shares")

    @property
    def inventory(self) -> pd.Series:
        """Shares still held after each bucket, R_1..R_N, on the bucket index; the last is what stays unfilled."""
        return pd.Series(self.problem.inventory(self.x), index=self.problem.index, name="inventory")

    @property
    def unfilled(self) -> float:
        """Shares that stay unfilled after the last bucket; 0 for an order that must complete."""
        return float(self.problem.inventory(self.x)[-1])

    def of(self, problem: Problem) -> "Schedule":
        """The same answer for `problem`, whose `completed` it is a schedule of."""
        return self if self.problem is problem else replace(self, problem=problem, x=self.x[: problem.buckets])

    @cached_property
    def breakdown(self) -> dict[str, float]:
        """Cost of each term in dollars."""
        return self.problem.breakdown(self.x)

    @property
    def objective(self) -> float:
        """Value of the objective in dollars."""
        return sum(self.breakdown.values())

    @property
    def gap(self) -> float:
        """The `relative_gap` of the objective above the lower bound."""
        return relative_gap(self.objective, self.lower_bound)

    @property
    def bps(self) -> float | None:
        """Objective in basis points of arrival notional; None if the order has no price."""
        notional = self.problem.order.notional
        return None if notional is None else 1e4 * self.objective / notional

    @property
    def frame(self) -> pd.DataFrame:
        """One row a bucket: shares, inventory, and the cost of each term in dollars."""
        costs = {term.name: term.bucket_costs(self.problem, self.x) for term in self.problem.charges}
        return pd.DataFrame({"shares": self.shares, "inventory": self.inventory}).assign(**costs)

    def to_json(self) -> str:
        """The schedule as one JSON object (schema optexec.schedule.v1).

        An unknown bound is null; so is the gap then, and that of an objective of zero above a bound below zero.
        """
        return json.dumps(
            {
                "schema": SCHEMA,
                "method": self.method,
                "status": self.status,
                "objective": self.objective,
                "lower_bound": known(self.lower_bound),
                "gap": known(self.gap),
                "breakdown": self.breakdown,
                "shares": self.x.tolist(),
                "inventory": self.problem.inventory(self.x).tolist(),
                "seconds": self.seconds,
            },
            allow_nan=False,
        )

    def __repr__(self) -> str:
        return (
            f"<Schedule: {self.method}, {self.status}, objective {self.objective:,.6g}, gap {self.gap:.1e}, "
            f"{np.count_nonzero(self.x)} of {self.problem.buckets} buckets>"
        )
