"""Risk in dollars: the variance of a schedule's shortfall under volatility that changes, and over nights.

Shares that wait are exposed to the moves of the price while they wait. With v_i the variance of the move between trade
i and trade i+1, and R_i the shares held meanwhile, the shortfall has the variance sum_{i<N} v_i R_i^2 (Almgren and
Chriss 2000/2001, eq. 5, where v_i is sigma^2 tau).
"""

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from optexec.models.errors import InvalidInput
from optexec.models.inventory_risk import InventoryRisk, inventory, volatility_weights
from optexec.models.schedule import Schedule
from optexec.models.validation import Array, finite, nonnegative, positive_number, scalar


@dataclass(frozen=True, eq=False)
class PriceRisk:
    """How uncertain the price is over each bucket, and with it the shortfall of any schedule over those buckets.

    A bucket's slice trades at its start; the price then moves, independently of earlier moves, while R_i is held.

    Args:
        moves: v_i, variance of the price's move over bucket i and what follows it until the next, dollars^2 a share^2,
            >= 0 and not all zero, (N,). The last is not at risk, since R_N = 0; it counts in the mean of `weights`.

    Raises:
        InvalidInput: values that are negative, not finite or all zero, or not one a bucket.

    >>> import optexec as ox
    >>> day = PriceRisk.from_volatility([0.04, 0.02, 0.03])
    >>> round(day.standard_deviation([500, 300, 200]), 6)
    20.396078
    >>> order, impact = ox.Order(1_000), ox.Power(a=1e-5, b=2.0)
    >>> problem = ox.Problem(order, impact, ox.ImpactCost() + day.inventory_risk(risk_aversion=0.01), buckets=3)
    >>> schedule = ox.solve(problem)
    >>> round(schedule.breakdown["inventory_risk"] / day.variance(schedule), 12)
    0.01
    """

    moves: Array

    def __post_init__(self) -> None:
        moves = _one_a_bucket("moves", self.moves)
        if not moves.any():
            raise InvalidInput("moves must not be zero in every bucket")
        object.__setattr__(self, "moves", moves)

    @classmethod
    def from_volatility(cls, sigma: Any, price: float = 1.0) -> "PriceRisk":
        """Price risk over the buckets of one day.

        Args:
            sigma: volatility over each bucket (not a day or a year), (N,), >= 0: dollars a share, or a fraction of the
                price.
            price: dollars; left out where sigma is in dollars.

        >>> PriceRisk.from_volatility([0.002, 0.001], price=50.0).moves.round(6).tolist()
        [0.01, 0.0025]
        """
        return cls((_one_a_bucket("sigma", sigma) * positive_number("price", price)) ** 2)

    def with_gap(self, after: int, sigma: float, price: float = 1.0) -> "PriceRisk":
        """The same with a time without trading between two buckets, such as a halt or a lunch break.

        Args:
            after: the bucket before the gap, counted from 1; not the last.
            sigma: volatility over the gap, >= 0, and price: as in `from_volatility`.

        Raises:
            InvalidInput: a bucket that does not exist or has none after it, a value out of range.

        >>> PriceRisk.from_volatility([3.0, 3.0, 3.0]).with_gap(after=2, sigma=4.0).sigma.tolist()
        [3.0, 5.0, 3.0]
        """
        last = len(self.moves) - 1
        if isinstance(after, bool) or not isinstance(after, (int, np.integer)) or not 1 <= after <= last:
            raise InvalidInput(
                f"after must be the number of a bucket that another one follows, from 1 to {last}, got {after!r}"
            )
        moves = self.moves.copy()
        moves[after - 1] += (scalar(nonnegative, "sigma", sigma) * positive_number("price", price)) ** 2
        return PriceRisk(moves)

    def then(self, other: "PriceRisk", overnight: float, price: float = 1.0) -> "PriceRisk":
        """Two days laid end to end, with the night between them.

        Args:
            other: the day after.
            overnight: volatility from the close to the next open, >= 0, and price: as in `from_volatility`.

        >>> day = PriceRisk.from_volatility([3.0, 3.0])
        >>> day.then(day, overnight=4.0).then(day, overnight=0.0).sigma.tolist()
        [3.0, 5.0, 3.0, 3.0, 3.0, 3.0]
        """
        both = PriceRisk(np.append(self.moves, other.moves))
        return both.with_gap(len(self.moves), overnight, price)

    @property
    def sigma(self) -> Array:
        """Volatility while R_i is held, dollars a share, (N,), as `frontier` and `psi_for_var` take it."""
        return np.sqrt(self.moves)

    @property
    def weights(self) -> Array:
        """w_i = v_i / mean(v), (N,), for `InventoryRisk`.

        >>> PriceRisk.from_volatility([1.0, 1.0, 2.0]).weights.tolist()
        [0.5, 0.5, 2.0]
        """
        return volatility_weights(self.sigma)

    def psi(self, risk_aversion: float) -> float:
        """psi = 2 lambda mean(v), with which psi/2 sum w_i R_i^2 is lambda times the variance.

        Args:
            risk_aversion: lambda per dollar, >= 0.

        Raises:
            InvalidInput: a value that is negative, not finite, or not one number.

        >>> PriceRisk.from_volatility([0.5, 0.5]).psi(risk_aversion=1e-6)
        5e-07
        """
        return 2 * scalar(nonnegative, "risk_aversion", risk_aversion) * float(self.moves.mean())

    def inventory_risk(self, risk_aversion: float) -> InventoryRisk:
        """The term that charges lambda times the variance, in dollars; argument as `psi`.

        >>> PriceRisk.from_volatility([0.5, 0.5]).inventory_risk(1e-6).psi
        5e-07
        """
        return InventoryRisk(self.psi(risk_aversion), self.weights)

    def variance(self, shares: Any) -> float:
        """sum_{i<N} v_i R_i^2, variance of the shortfall in dollars^2.

        What a schedule leaves unfilled is held over the last bucket's move too: there the sum goes to N.

        Args:
            shares: a schedule, or the shares of each bucket, (N,), of an order that completes.

        Raises:
            InvalidInput: not one finite number a bucket.

        >>> PriceRisk.from_volatility([0.5, 0.1]).variance([60.0, 40.0])
        400.0
        """
        x = np.asarray(finite("shares", shares.x if isinstance(shares, Schedule) else shares))
        if x.shape != self.moves.shape:
            raise InvalidInput(f"shares must have one value for each of {len(self.moves)} buckets, got {x.size}")
        held = shares.problem.inventory(x) if isinstance(shares, Schedule) else inventory(x)
        return float(self.moves @ held**2)

    def standard_deviation(self, shares: Any) -> float:
        """Root of `variance`, in dollars; argument as there.

        >>> PriceRisk.from_volatility([0.5, 0.1]).standard_deviation([60.0, 40.0])
        20.0
        """
        return math.sqrt(self.variance(shares))


def forecast_volatility(history: Any, half_life: float = 10.0) -> Array:
    """Forecast of the next day's volatility by bucket: the time of day's usual share of it, times its level of late.

    Day d has the level L_d, the mean of sigma_di^2 over its buckets. The pattern is the mean of sigma_di^2 / L_d over
    days, so that a wild day counts no more than a calm one; the level is the mean of L_d with weights that halve every
    `half_life` days into the past. The forecast is the root of pattern times level.

    Args:
        history: volatility of each bucket, one row a day, oldest first, (days, N), >= 0 and in any unit.
        half_life: days, > 0.

    Returns:
        sigma in the unit of the history, (N,).

    Raises:
        InvalidInput: values that are negative or not finite, not rows of days, a day on which no price moved.

    >>> forecast_volatility([[3.0, 1.0], [6.0, 2.0]], half_life=1.0).round(6).tolist()
    [5.196152, 1.732051]
    """
    sigma = np.asarray(finite("history", history, ndim=2))
    if sigma.ndim != 2:
        raise InvalidInput(f"history must be a table, one row a day, got shape {sigma.shape}")
    for day, row in enumerate(sigma):
        if not np.asarray(nonnegative(f"history[{day}]", row)).any():
            raise InvalidInput(f"history[{day}] is zero in every bucket: no price moved that day; leave it out")
    variance = sigma**2
    levels = variance.mean(axis=1)
    pattern = (variance / levels[:, None]).mean(axis=0)
    recency = 0.5 ** (np.arange(len(sigma))[::-1] / positive_number("half_life", half_life))
    return np.asarray(np.sqrt(pattern * np.average(levels, weights=recency)))


def _one_a_bucket(name: str, value: Any) -> Array:
    values = nonnegative(name, value)
    if not isinstance(values, np.ndarray):
        raise InvalidInput(f"{name} must have one value for each bucket, got the number {values!r}")
    return values
