"""Schedules written down in closed form, what they cost, and the horizon and number of slices that cost least.

Costs are those of `AlmgrenChriss` without drift; equation numbers are those of Almgren and Chriss (2000/2001).
"""

import math
from typing import Any, NamedTuple

import numpy as np

from optexec.models.almgren_chriss import AlmgrenChriss
from optexec.models.errors import InvalidInput
from optexec.models.families import Power
from optexec.models.validation import Array, nonnegative, positive_number, scalar, whole


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


def slicing_costs(
    shares: float, impact: Power, cost_per_slice: float, slices: Any, holding_cost: float = 0.0
) -> dict[str, Array]:
    """What an order costs in N equal slices, in dollars, by its parts: impact N c(X/N), charges N f, risk.

    The slices are a fixed time tau apart, so that more of them take longer. Risk is lambda times the variance,
    phi X^2 (N-1)(2N-1)/(6N) with phi = lambda sigma^2 tau (`uniform_moments`).

    Args:
        shares: X, > 0.
        impact: cost of a slice, one for all: scalars.
        cost_per_slice: f > 0 dollars, such as a ticket charge.
        slices: N, whole numbers >= 1, (K,).
        holding_cost: phi = lambda sigma^2 tau dollars a share^2 held from one slice to the next, >= 0.

    Returns:
        "impact", "charges" and "risk", each (K,).

    Raises:
        InvalidInput: a value out of range, one curve a bucket.

    >>> impact = Power(a=1e-6, b=1.0, quoted="per_share")
    >>> {name: part.tolist() for name, part in slicing_costs(1_000, impact, 0.5, [1, 2], holding_cost=4e-6).items()}
    {'impact': [1.0, 0.5], 'charges': [0.5, 1.0], 'risk': [0.0, 1.0]}
    """
    shares, charge, risk = _slicing(shares, impact, cost_per_slice, holding_cost)
    number = np.atleast_1d(whole("slices", slices))
    return {
        "impact": number * impact.cost(shares / number),
        "charges": number * charge,
        "risk": risk * (number - 1) * (2 * number - 1) / (6 * number),
    }


def best_number_of_slices(shares: float, impact: Power, cost_per_slice: float, holding_cost: float = 0.0) -> int:
    """The number N of equal slices that cost least (see `slicing_costs`): impact falls with N, charges and risk grow.

    For c(x) = a x^b with b > 1 the costs are convex in N, and the best N is next to where their slope is zero:
    a (b-1) (X/N)^b = f + phi X^2 (2 - 1/N^2)/6, which is N = X (a (b-1)/f)^(1/b) without risk. One slice where b <= 1.
    Without a charge or risk each further slice makes the order cheaper and no number is the best.

    Args, raises: as `slicing_costs`.

    >>> impact = Power(a=1e-6, b=1.0, quoted="per_share")
    >>> best_number_of_slices(10_000, impact, cost_per_slice=1.0)
    10
    >>> best_number_of_slices(10_000, impact, cost_per_slice=1.0, holding_cost=1e-7)
    5
    """
    shares, charge, risk = _slicing(shares, impact, cost_per_slice, holding_cost)
    scale, degree = float(impact.a), float(impact.degree)
    if degree <= 1:
        return 1

    def falls(slices: int) -> bool:
        return scale * (degree - 1) * (shares / slices) ** degree > charge + risk * (2 - 1 / slices**2) / 6

    def cost(slices: int) -> float:
        return sum(float(part[0]) for part in slicing_costs(shares, impact, charge, slices, holding_cost).values())

    most = shares * (scale * (degree - 1) / (charge + risk / 6)) ** (1 / degree)
    low, high = 1, max(1, math.floor(most)) + 1
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if falls(middle) else (low, middle)
    return min((low, low + 1), key=cost)


def _slicing(shares: float, impact: Power, cost_per_slice: float, holding_cost: float) -> tuple[float, float, float]:
    """X, f and phi X^2, checked."""
    if impact.shape:
        raise InvalidInput(f"impact must be one curve for all slices, got {impact.buckets} of them; give scalars")
    size, charge = positive_number("shares", shares), positive_number("cost_per_slice", cost_per_slice)
    return size, charge, scalar(nonnegative, "holding_cost", holding_cost) * size**2
