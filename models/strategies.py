"""Schedules written down in closed form, what they cost, and the horizon and number of slices that cost least.

Costs are those of `AlmgrenChriss` without drift; equation numbers are those of Almgren and Chriss (2000/2001).
"""

import math
from typing import NamedTuple

import numpy as np

from optexec.models.almgren_chriss import AlmgrenChriss
from optexec.models.errors import InvalidInput
from optexec.models.families import Power
from optexec.models.validation import Array, nonnegative, positive_number, scalar


class Moments(NamedTuple):
    """Expected cost E in dollars and variance V in dollars squared of a schedule.

    >>> Moments(100.0, 25.0).utility(0.1)
    102.5
    """

    expected_cost: float
    variance: float

    def utility(self, risk_aversion: float) -> float:
        """U = E + lambda V in dollars."""
        return self.expected_cost + risk_aversion * self.variance


def uniform(market: AlmgrenChriss) -> Array:
    """Equal trades X/N, (N,): TWAP (eq. 9), the least E.

    >>> uniform(AlmgrenChriss(300, 3, 3, 1.0, 0.0, 1.0)).tolist()
    [100.0, 100.0, 100.0]
    """
    return np.full(market.periods, market.shares / market.periods)


def uniform_moments(market: AlmgrenChriss) -> Moments:
    """E = gamma X^2/2 + epsilon X + eta~ X^2/T, V = sigma^2 X^2 T/3 (1 - 1/N)(1 - 1/(2N)) (eqs. 10 and 11).

    >>> uniform_moments(AlmgrenChriss(300, 3, 3, 1.0, 0.0, 1.0))
    Moments(expected_cost=30000.0, variance=50000.0)
    """
    n = market.periods
    return _moments(market, 1 / n, (n - 1) * (2 * n - 1) / (6 * n))


def falling(market: AlmgrenChriss) -> Array:
    """Trades that fall linearly, in proportion to N, N-1, ..., 1, (N,); the holdings fall quadratically.

    >>> falling(AlmgrenChriss(600, 3, 3, 1.0, 0.0, 1.0)).tolist()
    [300.0, 200.0, 100.0]
    """
    n = market.periods
    return market.shares * np.arange(n, 0, -1) * 2 / (n * (n + 1))


def falling_moments(market: AlmgrenChriss) -> Moments:
    """E and V of `falling`: sums of n_k = 2X(N+1-k)/(N(N+1)) and x_k = X(N-k)(N+1-k)/(N(N+1)), squared.

    sum n^2 = 2(2N+1)/(3N(N+1)) X^2, sum x^2 = (N-1)(3N^2-2)/(15N(N+1)) X^2.

    >>> falling_moments(AlmgrenChriss(600, 3, 3, 1.0, 0.0, 1.0))
    Moments(expected_cost=140000.0, variance=100000.0)
    """
    n = market.periods
    return _moments(market, 2 * (2 * n + 1) / (3 * n * (n + 1)), (n - 1) * (3 * n**2 - 2) / (15 * n * (n + 1)))


def exponential(market: AlmgrenChriss, kappa: float) -> Array:
    """Trades that fall by exp(-kappa tau) a period and add up to X by the horizon, (N,).

    Args:
        market: the order.
        kappa: rate per day, >= 0; 0 is `uniform`.

    Raises:
        InvalidInput: a negative rate.

    >>> exponential(AlmgrenChriss(700, 3, 3, 1.0, 0.0, 1.0), math.log(2)).round(9).tolist()
    [400.0, 200.0, 100.0]
    """
    angle = _angle(market, kappa)
    if angle == 0:
        return uniform(market)
    level = math.expm1(-angle) / math.expm1(-angle * market.periods)
    return market.shares * level * np.exp(-angle * np.arange(market.periods))


def exponential_moments(market: AlmgrenChriss, kappa: float) -> Moments:
    """E and V of `exponential`: sum n^2 = X^2 tanh(kappa tau/2)/tanh(kappa T/2); V by the sum of squares.

    The holdings are x_k = X (exp(-kappa t_k) - exp(-kappa T))/(1 - exp(-kappa T)).

    >>> moments = exponential_moments(AlmgrenChriss(700, 3, 3, 1.0, 0.0, 1.0), math.log(2))
    >>> round(moments.expected_cost, 6), round(moments.variance, 6)
    (210000.0, 100000.0)
    """
    angle, n = _angle(market, kappa), market.periods
    if angle == 0:
        return uniform_moments(market)
    k = np.arange(1, n + 1)
    held = np.exp(-angle * k) * np.expm1(-angle * (n - k)) / math.expm1(-angle * n)
    return _moments(market, math.tanh(angle / 2) / math.tanh(angle * n / 2), float(held @ held))


def _angle(market: AlmgrenChriss, kappa: float) -> float:
    return scalar(nonnegative, "kappa", kappa) * market.tau


def _moments(market: AlmgrenChriss, traded: float, held: float) -> Moments:
    """From sum n^2/X^2 and sum x^2/X^2 (eqs. 5 and 8)."""
    temporary = market.adjusted_eta / market.tau * traded * market.shares**2
    fixed = market.permanent_cost + market.epsilon * market.shares
    return Moments(fixed + temporary, (market.sigma * market.shares) ** 2 * market.tau * held)


def best_uniform_horizon(eta: float, sigma: float, risk_aversion: float, periods: float = math.inf) -> float:
    """T* = sqrt(3 eta/(lambda sigma^2)) days: the horizon over which trading at a constant rate has the least utility.

    Over T, eta X^2/T falls and lambda sigma^2 X^2 T/3 grows; X and the other costs do not matter. Over N periods the
    variance is (1 - 1/N)(1 - 1/(2N)) times that (eq. 11), and eta~ X^2/T = eta X^2/T - gamma X^2/(2N), so T* is longer.

    Args:
        eta: temporary impact, dollars a share per (share a day), > 0.
        sigma: volatility, dollars a share per sqrt(day), > 0.
        risk_aversion: lambda per dollar, > 0.
        periods: N, > 1; infinite for continuous trading.

    Raises:
        InvalidInput: a value out of range.

    >>> round(best_uniform_horizon(eta=2.5e-6, sigma=0.95, risk_aversion=1e-6), 4)
    2.8828
    """
    if not periods > 1:
        raise InvalidInput(
            f"periods must be > 1, got {periods!r}: one trade has no variance, and no horizon is too long"
        )
    risk = positive_number("risk_aversion", risk_aversion) * positive_number("sigma", sigma) ** 2
    return math.sqrt(3 * positive_number("eta", eta) / (risk * (1 - 1 / periods) * (1 - 1 / (2 * periods))))


def best_number_of_slices(shares: float, impact: Power, cost_per_slice: float) -> int:
    """The number N of equal slices with the least N c(X/N) + N f: impact falls with N, a charge f for each slice grows.

    For c(x) = a x^b with b > 1 the best N is next to X (a (b-1)/f)^(1/b). One slice where b <= 1. Without a charge
    each further slice makes the order cheaper and no number is the best.

    Args:
        shares: X, > 0.
        impact: cost of a slice, one for all: scalars.
        cost_per_slice: f > 0 dollars, such as a ticket charge.

    Raises:
        InvalidInput: a value out of range, one curve a bucket.

    >>> best_number_of_slices(10_000, Power(a=1e-6, b=1.0, quoted="per_share"), cost_per_slice=1.0)
    10
    """
    shares, charge = positive_number("shares", shares), positive_number("cost_per_slice", cost_per_slice)
    if impact.shape:
        raise InvalidInput(f"impact must be one curve for all slices, got {impact.buckets} of them; give scalars")
    scale, degree = float(impact.a), float(impact.degree)
    if degree <= 1:
        return 1
    near = max(1, math.floor(shares * (scale * (degree - 1) / charge) ** (1 / degree)))

    def cost(slices: int) -> float:
        return slices * (charge + float(impact.cost(np.array(shares / slices))))

    return min((near, near + 1), key=cost)
