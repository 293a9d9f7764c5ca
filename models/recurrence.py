"""Solutions of x_{k-1} - 2 x_k + x_{k+1} = q x_k on k = 0..N, with all their digits for any q and without overflow.

The optimality condition of Almgren and Chriss (2000/2001, eq. 16) is this equation with q = lambda sigma^2 tau^2/eta~:
hyperbolic for q > 0, a straight line for q = 0, circular for q < 0.
"""

import math
from abc import ABC, abstractmethod
from dataclasses import dataclass

import numpy as np

from optexec.models.validation import Array

STEEPEST = 1e3
"""Angle from which a solution is 0 after one step in floating point."""


@dataclass(frozen=True)
class Recurrence(ABC):
    """Solutions of the equation on N steps.

    Args:
        steps: N.
        angle: theta >= 0 with 2 (cosh theta - 1) = q, or 2 (cos theta - 1) = q.
    """

    steps: int
    angle: float

    @abstractmethod
    def held(self) -> Array:
        """The solution with x_0 = 1 and x_N = 0, (N+1,)."""

    @abstractmethod
    def traded(self) -> Array:
        """Its falls x_{k-1} - x_k, k = 1..N, (N,)."""

    @abstractmethod
    def pushed(self) -> Array:
        """The solution with x_0 = x_N = 0 of the equation with -1 on its right: x'' = q x - 1, (N+1,)."""

    @property
    def _nodes(self) -> Array:
        return np.arange(self.steps + 1, dtype=float)

    @property
    def _middles(self) -> Array:
        return np.arange(self.steps, dtype=float) + 0.5


class Straight(Recurrence):
    """q = 0.

    >>> Straight(4, 0.0).held().tolist(), Straight(4, 0.0).pushed().tolist()
    ([1.0, 0.75, 0.5, 0.25, 0.0], [0.0, 1.5, 2.0, 1.5, 0.0])
    """

    def held(self) -> Array:
        return (self.steps - self._nodes) / self.steps

    def traded(self) -> Array:
        return np.full(self.steps, 1 / self.steps)

    def pushed(self) -> Array:
        return self._nodes * (self.steps - self._nodes) / 2


class Hyperbolic(Recurrence):
    """q > 0: sinh(theta (N-k))/sinh(theta N), written with exp of what is not positive and expm1.

    >>> held = Hyperbolic(2, 1.0).held()
    >>> bool(abs(held[1] - 1 / (2 * math.cosh(1.0))) < 1e-16)
    True
    """

    def held(self) -> Array:
        left = self.angle * (self.steps - self._nodes)
        part: Array = np.expm1(-2 * left) / math.expm1(-2 * self.angle * self.steps)
        return part * np.exp(-self.angle * self._nodes)

    def traded(self) -> Array:
        left = self.angle * (self.steps - self._middles)
        level = math.expm1(-self.angle) / math.expm1(-2 * self.angle * self.steps)
        return level * np.exp(-self.angle * (self._middles - 0.5)) * (1 + np.exp(-2 * left))

    def pushed(self) -> Array:
        theta, k, unit = self.angle, self._nodes, math.expm1(-self.angle)
        bow = (np.expm1(-theta * k) / unit) * (np.expm1(-theta * (self.steps - k)) / unit)
        return bow * math.exp(-theta) / (1 + math.exp(-theta * self.steps))


class Circular(Recurrence):
    """q < 0, with theta N < pi: sin(theta (N-k))/sin(theta N).

    >>> held = Circular(2, 1.0).held()
    >>> bool(abs(held[1] - 1 / (2 * math.cos(1.0))) < 1e-15)
    True
    """

    def held(self) -> Array:
        return np.sin(self.angle * (self.steps - self._nodes)) / math.sin(self.angle * self.steps)

    def traded(self) -> Array:
        left = self.angle * (self.steps - self._middles)
        return 2 * math.sin(self.angle / 2) * np.cos(left) / math.sin(self.angle * self.steps)

    def pushed(self) -> Array:
        half, k, unit = self.angle / 2, self._nodes, math.sin(self.angle / 2)
        bow = (np.sin(half * k) / unit) * (np.sin(half * (self.steps - k)) / unit)
        return bow / (2 * math.cos(half * self.steps))


def angle_of(q: float) -> float:
    """theta >= 0 with 2 (cosh theta - 1) = q, or with 2 (cos theta - 1) = q where q < 0; q > -4.

    >>> angle_of(0.0), round(angle_of(2 * (math.cosh(0.7) - 1)), 12), round(angle_of(2 * (math.cos(0.7) - 1)), 12)
    (0.0, 0.7, 0.7)
    """
    half = math.sqrt(abs(q)) / 2
    return 2 * (math.asinh(half) if q >= 0 else math.asin(half))


def recurrence(steps: int, q: float) -> Recurrence:
    """The solutions for a q above -4 sin^2(pi/(2 N)), below which the quadratic form behind them is not convex.

    >>> [type(recurrence(4, q)).__name__ for q in (0.5, 0.0, -0.5)]
    ['Hyperbolic', 'Straight', 'Circular']
    """
    kind = Hyperbolic if q > 0 else Circular if q < 0 else Straight
    return kind(steps, min(angle_of(q), STEEPEST))
