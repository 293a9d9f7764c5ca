"""Cost against risk: what a schedule costs, the variance of that cost, and the declaration at each risk aversion."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from optexec.models.errors import InvalidInput
from optexec.models.inventory_risk import InventoryRisk, volatility_weights
from optexec.models.objective import Objective
from optexec.models.problem import Problem
from optexec.models.schedule import TINY
from optexec.models.validation import Array, common_length, nonnegative

NEARLY = 1e-3
"""How near the grid of risk aversions comes to its ends, as a fraction of the cost and of the variance."""
NEGLIGIBLE = 1e-9
"""Difference of variances that is rounding, as a fraction of the variance of waiting until the last bucket."""
LEAST_RISE = 1e-4
"""Fraction of the cost that speed is taken to cost at least: solvers tell charges far below it from nothing."""


@dataclass(frozen=True, eq=False)
class Tradeoff:
    """The two sides of a problem: dollars of cost, and the variance of those dollars.

    Args:
        costs: the declaration without inventory risk; its objective is the cost.
        weights: w of the variance, as in `InventoryRisk`.
        mean_variance: of the price over a bucket, dollars^2 a share^2; None where volatilities are not known, which
            leaves variances in shares^2.

    >>> import optexec as ox
    >>> order, impact = ox.Order(300), ox.Power(a=1e-4, b=2.0)
    >>> problem = ox.Problem(order, impact, ox.objective("C", psi=1e-5), buckets=3)
    >>> x = np.array([200.0, 100.0, 0.0])
    >>> Tradeoff.of(problem).cost(x), Tradeoff.of(problem).variance(x)
    (5.0, 10000.0)
    >>> Tradeoff.of(problem, sigma=0.02).variance(x)
    4.0
    """

    costs: Problem
    weights: Any
    mean_variance: float | None = None

    @property
    def unit(self) -> float:
        """u in variance = u sum_{i<N} w_i R_i^2: the mean variance of the price, 1 where that is not known."""
        return 1.0 if self.mean_variance is None else self.mean_variance

    @classmethod
    def of(cls, problem: Problem, sigma: Any = None) -> "Tradeoff":
        """Take a problem apart.

        Args:
            problem: a declaration; without inventory risk its weights are uniform.
            sigma: volatility of the price while R_i is held, dollars a share, scalar or (N,), in place of the
                weights of the problem.

        Raises:
            InvalidInput: no cost beside inventory risk, volatilities that are negative or all zero.
        """
        risk = problem.terms.find(InventoryRisk)
        others = Objective(tuple(term for term in problem.terms if term is not risk))
        if not others.terms:
            raise InvalidInput("the objective is inventory risk alone: there is no cost to weigh it against; add terms")
        costs = problem.replace(terms=others)
        if sigma is None:
            return cls(costs, "uniform" if risk is None else risk.weights)
        volatility = np.atleast_1d(nonnegative("sigma", sigma))
        if volatility.size > 1:
            common_length({"sigma": volatility.size, "the problem": problem.buckets})
        volatility = np.broadcast_to(volatility, problem.buckets)
        return cls(costs, volatility_weights(volatility), float((volatility**2).mean()))

    def at(self, psi: float) -> Problem:
        """The declaration at risk aversion psi, dollars a share^2: cost + psi/2 sum_{i<N} w_i R_i^2."""
        return self.costs.replace(terms=self.costs.terms + InventoryRisk(psi, self.weights))

    def cost(self, x: Array) -> float:
        """Dollars of shares x, (N,), without the charge for risk."""
        return self.costs.objective(x)

    def variance(self, x: Array) -> float:
        """u sum_{i<N} w_i R_i^2 of shares x, (N,)."""
        return 2 * self.unit * float(InventoryRisk(1.0, self.weights).bucket_costs(self.costs, x).sum())

    def fastest(self) -> Array:
        """The least inventory after every bucket that the limits allow, before lots and least slices, (N,).

        >>> import optexec as ox
        >>> capped = ox.Limits(minimum=[0, 0, 20], maximum=[100, 300, 300])
        >>> Tradeoff.of(ox.Problem(ox.Order(300), ox.Linear(0.01), ox.objective("A"), capped)).fastest().tolist()
        [100.0, 180.0, 20.0]
        """
        problem = self.costs
        spare = problem.shares - problem.lo.sum()
        return problem.lo + np.diff(np.minimum(np.cumsum(problem.hi - problem.lo), spare), prepend=0.0)

    def chord(self, neutral: Array) -> tuple[float, float]:
        """Dollars that the fastest schedule costs beyond the cheapest, and the variance that it saves.

        The dollars are taken to be at least `LEAST_RISE` of the cost.

        Args:
            neutral: shares of least cost, (N,).
        """
        fastest, cost = self.fastest(), self.cost(neutral)
        dearer = max(self.cost(fastest) - cost, LEAST_RISE * abs(cost))
        return dearer, self.variance(neutral) - self.variance(fastest)

    def has_choice(self, neutral: Array) -> bool:
        """Whether the fastest schedule has less variance than the cheapest.

        Args:
            neutral: shares of least cost, (N,).
        """
        waiting = np.zeros(self.costs.buckets)
        waiting[-1] = self.costs.shares
        return self.chord(neutral)[1] > NEGLIGIBLE * self.variance(waiting)

    def slope(self, neutral: Array) -> float:
        """The psi at which the cheapest and the fastest schedule are equally good; a number above 0 in any case.

        Args:
            neutral: shares of least cost, (N,).
        """
        dearer, calmer = self.chord(neutral)
        return 2 * self.unit * dearer / max(calmer, TINY) or 1.0

    def grid(self, neutral: Array, points: int) -> Array:
        """Risk aversions from nearly none to nearly immediate trading, evenly spaced in their logarithm.

        With C_0, V_0 of the cheapest schedule and C_1, V_1 of the fastest, an optimum at psi satisfies

            C - C_0 <= psi/(2u) (V_0 - V_1)    and    V - V_1 <= 2u/psi (C_1 - C_0),

        each because it is no worse at psi than that schedule. The grid starts where the first bound is a thousandth
        of C_0 (or of C_1 - C_0 if that is less), and ends where the second is a thousandth of V_0 - V_1.

        Args:
            neutral: shares of least cost, (N,).
            points: length of the grid.

        Returns:
            (points,); empty where the cheapest schedule is the fastest.
        """
        if not self.has_choice(neutral):
            return np.empty(0)
        dearer, _ = self.chord(neutral)
        middle = self.slope(neutral)
        near = np.clip(abs(self.cost(neutral)) / max(dearer, TINY), NEARLY, 1.0)
        return np.geomspace(NEARLY * near * middle, middle / NEARLY, points)
