"""Almgren, "Optimal execution with nonlinear impact functions and trading-enhanced risk", Appl. Math. Finance 10, 2003.

Temporary impact that is a power of the trading rate, in continuous time with no deadline, and as terms over buckets.
"""

import math
from dataclasses import dataclass, fields
from typing import Any

import numpy as np

from optexec.models.errors import InvalidInput
from optexec.models.families import Linear, Power
from optexec.models.impact_cost import ImpactCost
from optexec.models.inventory_risk import InventoryRisk
from optexec.models.order import Order
from optexec.models.problem import Problem
from optexec.models.validation import Array, finite, nonnegative, positive_number, scalar


@dataclass(frozen=True)
class PowerLawExecution:
    """An order that pays h(v) = epsilon + eta v^k a share at rate v, and is as averse to variance as lambda says.

    It minimises E + lambda V = epsilon X + int eta v^(k+1) + lambda sigma^2 x^2 dt over all ways to sell x(0) = X, with
    as much time as that takes. Along the optimum k eta v^(k+1) = lambda sigma^2 x^2.

    Args:
        shares: X, > 0.
        sigma: volatility, dollars a share per sqrt(day), > 0.
        eta: temporary impact, dollars a share per (share a day)^k, > 0.
        k: exponent of the impact, > 0.
        risk_aversion: lambda per dollar, > 0.
        epsilon: fixed cost, dollars a share, >= 0.

    Raises:
        InvalidInput: a value out of range.

    >>> order = PowerLawExecution(1e5, sigma=1.0, eta=5e-6, k=1.0, risk_aversion=1e-6)
    >>> f"{order.characteristic_time:.2f} days, {order.expected_cost:.0f} +- {order.variance**0.5:.0f} dollars"
    '2.24 days, 11180 +- 105737 dollars'
    """

    shares: float
    sigma: float
    eta: float
    k: float
    risk_aversion: float
    epsilon: float = 0.0

    def __post_init__(self) -> None:
        for field in fields(self):
            if field.name != "epsilon":
                object.__setattr__(self, field.name, positive_number(field.name, getattr(self, field.name)))
        object.__setattr__(self, "epsilon", scalar(nonnegative, "epsilon", self.epsilon))

    @property
    def characteristic_time(self) -> float:
        """T* = (k eta X^(k-1)/(lambda sigma^2))^(1/(k+1)) days: the order is X/T* shares a day at first.

        For k = 1 it does not depend on the size of the order; larger orders are slower for k > 1, faster for k < 1.

        >>> round(PowerLawExecution(1e5, 1.0, 5e-6, 1.0, 1e-4).characteristic_time, 4)
        0.2236
        """
        scale = self.k * self.eta / (self.risk_aversion * self.sigma**2)
        return (scale * self.shares ** (self.k - 1)) ** (1 / (self.k + 1))

    @property
    def end(self) -> float:
        """Days until the order is done: (k+1)/(k-1) T* for k > 1, infinite for k <= 1.

        >>> PowerLawExecution(1e5, 1.0, 5e-6, 1.0, 1e-4).end
        inf
        """
        return (self.k + 1) / (self.k - 1) * self.characteristic_time if self.k > 1 else math.inf

    def holdings(self, times: Any) -> Array:
        """Optimal holdings x(t) in shares at times in days from the start: one, or (K,).

        x/X = (1 + (1-k)/(1+k) t/T*)^(-(1+k)/(1-k)), exp(-t/T*) for k = 1, and 0 after `end`.

        Raises:
            InvalidInput: a time that is negative or not finite.

        >>> order = PowerLawExecution(100.0, sigma=1.0, eta=1.0, k=3.0, risk_aversion=30_000.0)
        >>> order.characteristic_time, order.end, order.holdings([0.0, 1.0, 2.0, 3.0]).tolist()
        (1.0, 2.0, [100.0, 25.0, 0.0, 0.0])
        """
        elapsed = np.asarray(nonnegative("times", times)) / self.characteristic_time
        bend = (1 - self.k) / (1 + self.k) * elapsed
        with np.errstate(divide="ignore", invalid="ignore"):
            stretch = np.where(bend == 0, 1.0, np.log1p(np.maximum(bend, -1.0)) / bend)
        return self.shares * np.exp(-elapsed * stretch)

    @property
    def expected_cost(self) -> float:
        """E = epsilon X + (k+1)/(3k+1) eta X^(k+1)/T*^k in dollars.

        >>> round(PowerLawExecution(1e5, 1.0, 5e-6, 1.0, 1e-4).expected_cost)
        111803
        """
        rate = self.shares / self.characteristic_time
        return self.shares * (self.epsilon + (self.k + 1) / (3 * self.k + 1) * self.eta * rate**self.k)

    @property
    def variance(self) -> float:
        """V = (k+1)/(3k+1) sigma^2 X^2 T* in dollars squared.

        >>> round(PowerLawExecution(1e5, 1.0, 5e-6, 1.0, 1e-4).variance ** 0.5)
        33437
        """
        return (self.k + 1) / (3 * self.k + 1) * (self.sigma * self.shares) ** 2 * self.characteristic_time

    @property
    def utility(self) -> float:
        """U = E + lambda V in dollars; without epsilon, E = lambda V/k.

        >>> round(PowerLawExecution(1e5, 1.0, 5e-6, 1.0, 1e-4).utility)
        223607
        """
        return self.expected_cost + self.risk_aversion * self.variance

    def problem(self, edges: Any) -> Problem:
        """The order over buckets in ordinary terms: constant rate inside a bucket, done by the last edge.

        c_i(x) = epsilon x + eta x (x/tau_i)^k, a Power quoted per share. The integral of x^2 is taken by the trapezoid
        rule: psi = 2 lambda sigma^2, w_i = (tau_i + tau_{i+1})/2. The trapezoid at time 0 is the same for every
        schedule and left out: U is about the objective plus `first_variance_cost(edges)`, with an error of order tau^2.

        Args:
            edges: times in days from the start at which buckets begin and end, rising, (N+1,).

        Raises:
            InvalidInput: edges that do not rise, or fewer than two.

        >>> order = PowerLawExecution(1e5, sigma=1.0, eta=5e-6, k=1.0, risk_aversion=1e-4)
        >>> problem = order.problem(np.linspace(0.0, 2.0, 101))
        >>> problem.buckets, [term.name for term in problem.terms]
        (100, ['impact', 'inventory_risk'])
        """
        lengths = _lengths(edges)
        temporary = Power(self.eta * lengths**-self.k, self.k, quoted="per_share")
        held = (lengths + np.append(lengths[1:], 0.0)) / 2
        risk = InventoryRisk(psi=2 * self.risk_aversion * self.sigma**2, weights=held)
        return Problem(Order(self.shares), Linear(self.epsilon) + temporary, ImpactCost() + risk)

    def first_variance_cost(self, edges: Any) -> float:
        """lambda sigma^2 X^2 tau_1/2 in dollars: the trapezoid at time 0 that the terms of `problem` leave out.

        >>> PowerLawExecution(1e5, 1.0, 5e-6, 1.0, 1e-4).first_variance_cost([0.0, 0.5, 1.0])
        250000.0
        """
        return self.risk_aversion * (self.sigma * self.shares) ** 2 * float(_lengths(edges)[0]) / 2


def _lengths(edges: Any) -> Array:
    """Lengths of the buckets between edges, (N,)."""
    times = np.atleast_1d(finite("edges", edges))
    lengths = np.diff(times)
    if not lengths.size or lengths.min() <= 0:
        raise InvalidInput(f"edges must be two or more rising times in days, got {times.tolist()!r:.80}")
    return lengths
