"""Almgren, Thum, Hauptmann and Li, "Direct estimation of equity market impact", Risk 18(7), 2005, pp. 57-62.

Impact of a US equity order from its size, the stock's volatility, volume and shares outstanding.
"""

from dataclasses import dataclass, fields
from typing import Any

import numpy as np

from optexec.models.families import Power
from optexec.models.validation import Parameter, positive, positive_number

STANDARD_ERRORS = {"gamma": 0.041, "eta": 0.0062, "beta": 0.038, "delta": 0.22}
"""Of the coefficients, as published.

delta was estimated as .267 and set to 1/4, the power of size in permanent impact as .891 +- .10 and set to 1.
"""


@dataclass(frozen=True)
class EquityImpact:
    """Impact of trading in one stock, as fractions of the arrival price. Time is volume time: 1 is a day's volume.

    Args:
        sigma: daily volatility, a fraction such as 0.0157, > 0.
        volume: V, average daily volume in shares, > 0.
        outstanding: Theta, shares outstanding, > 0.
        gamma, eta: coefficients of permanent and temporary impact, > 0.
        beta: exponent of temporary impact in the rate of trading, > 0.
        delta: exponent of Theta/V in permanent impact, > 0.

    Raises:
        InvalidInput: a value that is not one positive number.

    >>> ibm = EquityImpact(sigma=0.0157, volume=6_561_000, outstanding=1_728_000_000)
    >>> f"{1e4 * ibm.permanent(656_100):.0f} bps, {1e4 * ibm.cost(656_100, duration=0.2):.0f} bps"
    '20 bps, 25 bps'
    """

    sigma: float
    volume: float
    outstanding: float
    gamma: float = 0.314
    eta: float = 0.142
    beta: float = 0.6
    delta: float = 0.25

    def __post_init__(self) -> None:
        for field in fields(self):
            object.__setattr__(self, field.name, positive_number(field.name, getattr(self, field.name)))

    def permanent(self, shares: Any) -> Parameter:
        """I = gamma sigma (X/V) (Theta/V)^delta: the price's move that stays, as a fraction of the price.

        It does not depend on how fast the order trades; the order itself pays half of it on average.

        Args:
            shares: X > 0, scalar or any one-dimensional array.

        Raises:
            InvalidInput: a value that is not positive and finite.

        >>> round(1e4 * EquityImpact(0.0157, 6_561_000, 1_728_000_000).permanent(656_100), 2)
        19.86
        """
        turnover = self.outstanding / self.volume
        return self.gamma * self.sigma * (positive("shares", shares) / self.volume) * turnover**self.delta

    def temporary(self, shares: Any, duration: Any) -> Parameter:
        """H = eta sigma (X/(V T))^beta: the slippage at the constant rate X/T, as a fraction of the price.

        Args:
            shares: X > 0, scalar or array.
            duration: T > 0 in days of volume, scalar or array.

        Raises:
            InvalidInput: a value that is not positive and finite.

        >>> round(1e4 * EquityImpact(0.0157, 6_561_000, 1_728_000_000).temporary(656_100, 0.5), 2)
        8.49
        """
        rate = positive("shares", shares) / (self.volume * positive("duration", duration))
        return self.eta * self.sigma * rate**self.beta

    def cost(self, shares: Any, duration: Any) -> Parameter:
        """J = I/2 + H: the average shortfall of the order, as a fraction of the price; arguments as `temporary`.

        >>> round(1e4 * EquityImpact(0.0157, 6_561_000, 1_728_000_000).cost(656_100, 0.1), 2)
        32.22
        """
        return self.permanent(shares) / 2 + self.temporary(shares, duration)

    def cost_error(self, shares: Any, duration: Any) -> Parameter:
        """Standard error of J from those of gamma and eta, taken as independent, with the published coefficients.

        The error of the mean over many orders; one order's cost varies by about sigma sqrt(T/3) more.

        >>> f"{1e4 * EquityImpact(0.0157, 6_561_000, 1_728_000_000).cost_error(656_100, 0.1):.2f}"
        '1.62'
        """
        permanent = self.permanent(shares) / 2 * STANDARD_ERRORS["gamma"] / self.gamma
        return np.hypot(permanent, self.temporary(shares, duration) * STANDARD_ERRORS["eta"] / self.eta)

    def permanent_cost(self, shares: float, price: float) -> float:
        """Dollars that permanent impact costs an order on average, X price I/2; the same for every schedule.

        Raises:
            InvalidInput: shares or a price that is not one positive number.

        >>> round(EquityImpact(0.0157, 6_561_000, 1_728_000_000).permanent_cost(656_100, 80.0))
        52120
        """
        half = float(self.permanent(positive_number("shares", shares))) / 2
        return shares * positive_number("price", price) * half

    def impact(self, volume: Any, price: float) -> Power:
        """Temporary impact as the impact of a problem: c_i(x) = price eta sigma x (x/V_i)^beta dollars.

        Args:
            volume: V_i, volume expected in each bucket in shares, > 0, (N,), or a scalar for all.
            price: arrival price in dollars, > 0.

        Raises:
            InvalidInput: a value that is not positive and finite.

        >>> ibm = EquityImpact(sigma=0.0157, volume=6_561_000, outstanding=1_728_000_000)
        >>> curve = ibm.impact(volume=[656_100.0, 656_100.0], price=80.0)
        >>> (curve.cost(np.array([65_610.0, 0.0])) / (65_610 * 80.0) * 1e4).round(2).tolist()
        [5.6, 0.0]
        """
        scale = positive_number("price", price) * self.eta * self.sigma
        return Power(scale * np.asarray(positive("volume", volume)) ** -self.beta, self.beta, quoted="per_share")
