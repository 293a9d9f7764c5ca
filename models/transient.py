"""Transient impact: each trade moves the price, and the move decays before the next.

Obizhaeva and Wang, "Optimal trading strategy and supply/demand dynamics", J. Financial Markets 16, 2013, in continuous
time; Alfonsi, Fruth and Schied, "Optimal execution strategies in limit order books with general shape functions",
Quantitative Finance 10(2), 2010, for equally spaced trades.
"""

import math
from dataclasses import dataclass, fields
from typing import Any, ClassVar

import numpy as np

from optexec.models.errors import InvalidInput
from optexec.models.families import Linear
from optexec.models.impact_cost import ImpactCost
from optexec.models.objective import Term
from optexec.models.order import Order
from optexec.models.problem import Problem
from optexec.models.validation import Array, Parameter, nonnegative, positive, scalar, whole


@dataclass(frozen=True, eq=False)
class TransientImpact(Term):
    """sum_i x_i (D_i + level/2 x_i), D_i = decay_i (D_{i-1} + level x_{i-1}): trades pay what earlier ones have moved.

    The same as level/2 sum_ij x_i x_j prod of the decays between i and j. With E_i = decay_i E_{i-1} + x_i it is
    level/2 (sum_{i<N} (1 - decay_{i+1}^2) E_i^2 + E_N^2), the convex form that the Pyomo model has.

    Args:
        level: kappa, dollars a share per share, >= 0.
        decay: part of the move that is left from one bucket to the next, between 0 and 1: exp(-rho tau) for a
            resilience rho; scalar, or (N,) of which the first is not used.

    What is left of an order cannot be planned by itself: its first trades pay for those before them (see `part`).

    Raises:
        InvalidInput: a value out of range.

    >>> import optexec as ox
    >>> term = TransientImpact(level=0.02, decay=0.5)
    >>> problem = ox.Problem(ox.Order(200), ox.Linear(0.0), ox.ImpactCost() + term, buckets=2)
    >>> term.bucket_costs(problem, np.array([100.0, 100.0])).tolist()
    [100.0, 200.0]
    """

    level: float
    decay: Parameter
    name: ClassVar[str] = "transient_impact"
    quadratic: ClassVar[bool] = True

    def __post_init__(self) -> None:
        object.__setattr__(self, "level", scalar(nonnegative, "level", self.level))
        decay = nonnegative("decay", self.decay)
        if np.max(decay) > 1:
            raise InvalidInput(
                f"decay must be between 0 and 1, got {float(np.max(decay))!r}; for a rate it is exp(-rate)"
            )
        object.__setattr__(self, "decay", decay)

    def bucket_costs(self, problem: Problem, x: Array) -> Array:
        return self.level * x * (self._carried(x) + x / 2)

    def gradient(self, problem: Problem, x: Array) -> Array:
        later = _carry(x[::-1], np.roll(self._decays(len(x))[::-1], 1))[::-1]
        return self.level * (self._carried(x) + x + later)

    def part(self, span: slice, buckets: int) -> "TransientImpact":
        """The term of the first buckets.

        Raises:
            InvalidInput: buckets after others, whose trades have moved the price by a number that a part cannot know.
        """
        if span.start > 0:
            raise InvalidInput(
                f"the {self.name} term of what is left of an order would forget what the trades so far have moved; "
                "solve the whole order again, with minimum = maximum = what has traded in the buckets that have passed"
            )
        return TransientImpact(self.level, self.decay[span] if isinstance(self.decay, np.ndarray) else self.decay)

    def declare(self, block: Any, model: Any) -> None:
        import pyomo.environ as pyo

        labels = list(model.BUCKETS)
        block.level = pyo.Param(mutable=True)
        block.decay = pyo.Param(model.BUCKETS, mutable=True)
        block.moved = pyo.Var(model.BUCKETS, initialize=0.0)
        self.refresh(block, model, model.problem)
        before = dict(zip(labels[1:], labels, strict=False))

        @block.Constraint(model.BUCKETS)
        def carried(b: Any, i: Any) -> Any:
            left = b.decay[i] * b.moved[before[i]] if i in before else 0.0
            return b.moved[i] == left + model.x[i]

        fades = pyo.quicksum((1 - block.decay[i] ** 2) * block.moved[j] ** 2 for i, j in before.items())
        block.cost = pyo.Expression(expr=0.5 * block.level * (fades + block.moved[labels[-1]] ** 2))

    def refresh(self, block: Any, model: Any, problem: Problem) -> None:
        block.level.set_value(self.level)
        block.moved.setlb(0.0)
        block.moved.setub(problem.shares)
        block.decay.store_values(dict(zip(model.BUCKETS, self._decays(problem.buckets).tolist(), strict=True)))

    def _decays(self, buckets: int) -> Array:
        return np.broadcast_to(self.decay, buckets)

    def _carried(self, x: Array) -> Array:
        return _carry(x, self._decays(len(x)))


def _carry(x: Array, decay: Array) -> Array:
    """d_i = decay_i (d_{i-1} + x_{i-1}), d_1 = 0."""
    carried = np.zeros(len(x))
    for i in range(1, len(x)):
        carried[i] = decay[i] * (carried[i - 1] + x[i - 1])
    return carried


@dataclass(frozen=True)
class ObizhaevaWang:
    """An order in a book that is refilled at an exponential rate, in closed form and as terms.

    Args:
        shares: X, > 0.
        horizon: T, days, > 0.
        resilience: rho per day, > 0.
        transient: kappa, the part of a trade's impact that decays, dollars a share per share, > 0. In a book of depth
            q, transient and permanent impact add up to 1/q.
        permanent: lambda, the part that stays, dollars a share per share, >= 0.
        half_spread: dollars a share, >= 0.

    Raises:
        InvalidInput: a value out of range.

    >>> book = ObizhaevaWang(1e5, horizon=1.0, resilience=2.0, transient=1e-4, permanent=1e-4)
    >>> book.block, book.rate, book.expected_cost
    (25000.0, 50000.0, 750000.0)
    """

    shares: float
    horizon: float
    resilience: float
    transient: float
    permanent: float = 0.0
    half_spread: float = 0.0

    def __post_init__(self) -> None:
        for field in fields(self):
            rule = nonnegative if field.name in ("permanent", "half_spread") else positive
            object.__setattr__(self, field.name, scalar(rule, field.name, getattr(self, field.name)))

    @property
    def block(self) -> float:
        """Shares traded at once at the start, and again at the end: X/(rho T + 2), in continuous time.

        >>> ObizhaevaWang(1e5, 1.0, 8.0, 1e-4).block
        10000.0
        """
        return self.shares / (self.resilience * self.horizon + 2)

    @property
    def rate(self) -> float:
        """Shares a day in between, rho X/(rho T + 2): as many as the book refills.

        >>> ObizhaevaWang(1e5, 1.0, 8.0, 1e-4).rate
        80000.0
        """
        return self.resilience * self.block

    @property
    def fixed_cost(self) -> float:
        """Dollars that every schedule pays: permanent impact lambda X^2/2 and half the spread.

        >>> ObizhaevaWang(1e5, 1.0, 8.0, 1e-4, permanent=1e-4).fixed_cost
        500000.0
        """
        return self.permanent * self.shares**2 / 2 + self.half_spread * self.shares

    @property
    def expected_cost(self) -> float:
        """Dollars of the optimum in continuous time, above the arrival price: `fixed_cost` + kappa X^2/(rho T + 2).

        >>> ObizhaevaWang(1e5, 1.0, 8.0, 1e-4).expected_cost
        100000.0
        """
        return self.fixed_cost + self.transient * self.shares * self.block

    def trades(self, number: int) -> Array:
        """The best trades at equally spaced times from 0 to T, (number,) (Alfonsi, Fruth and Schied, block-shaped).

        With a = exp(-rho T/(number - 1)): the first and the last are X/(2 + (number - 2)(1 - a)), the others 1 - a
        times that.

        Raises:
            InvalidInput: fewer than two trades, or no whole number of them.

        >>> ObizhaevaWang(1e5, 1.0, 2.0, 1.0).trades(3).round(2).tolist()
        [37992.18, 24015.64, 37992.18]
        """
        refilled = -math.expm1(-self._angle(number))
        ends = self.shares / (2 + (number - 2) * refilled)
        return np.concatenate([[ends], np.full(int(number) - 2, refilled * ends), [ends]])

    def cost_of_trades(self, number: int) -> float:
        """Dollars of `trades(number)`: `fixed_cost` + kappa/2 X^2 (1 + a)/(number - (number - 2) a).

        >>> round(ObizhaevaWang(1e5, 1.0, 2.0, 1.0).cost_of_trades(3))
        2598436148
        """
        refilled = -math.expm1(-self._angle(number))
        return self.fixed_cost + self.transient / 2 * self.shares**2 * (2 - refilled) / (2 + (number - 2) * refilled)

    def problem(self, number: int) -> Problem:
        """The declaration of `number` equally spaced trades; its objective leaves out permanent impact.

        >>> book = ObizhaevaWang(1e5, 1.0, 2.0, 1.0)
        >>> round(book.problem(3).objective(book.trades(3)))
        2598436148
        """
        decays = TransientImpact(self.transient, math.exp(-self._angle(number)))
        return Problem(Order(self.shares), Linear(self.half_spread), ImpactCost() + decays, buckets=number)

    def _angle(self, number: int) -> float:
        """rho times the time between trades."""
        if scalar(whole, "number", number) < 2:
            raise InvalidInput(f"number must be at least 2 trades, one at each end of the horizon, got {number!r}")
        return self.resilience * self.horizon / (number - 1)
