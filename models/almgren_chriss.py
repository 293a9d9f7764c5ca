"""Almgren and Chriss, "Optimal execution of portfolio transactions", J. Risk 3(2), 2000/2001: closed form and terms.

Equation numbers are those of the December 2000 version.
"""

import math
from dataclasses import dataclass, fields
from typing import Any

import numpy as np

from optexec.models.errors import InvalidInput
from optexec.models.families import Linear
from optexec.models.impact import Impact
from optexec.models.impact_cost import ImpactCost
from optexec.models.inventory_risk import InventoryRisk, inventory
from optexec.models.order import Order
from optexec.models.problem import Problem
from optexec.models.recurrence import Recurrence, angle_of, recurrence
from optexec.models.smoothing import Smoothing
from optexec.models.validation import Array, finite, nonnegative, positive, positive_number, scalar, whole

BISECTIONS = 200


@dataclass(frozen=True)
class AlmgrenChriss:
    """An order in a market with linear impact, traded over equal periods.

    In period k the price moves in the order's favour by sigma sqrt(tau) xi_k + alpha tau - gamma n_k, xi_k of mean 0
    and variance 1, and the n_k shares trade epsilon + eta n_k/tau worse than the price before it (eqs. 1, 2, 6, 7).
    Costs are positive when worse. Time is in any one unit, here days; prices in dollars. A schedule of trades
    n_1..n_N has shape (N,), the holdings x_0..x_N before and after them shape (N+1,).

    Args:
        shares: X, size of the order in shares, > 0.
        horizon: T, days, > 0.
        periods: N, a whole number of periods, each of length tau = T/N.
        sigma: volatility, dollars a share per sqrt(day), > 0.
        gamma: permanent impact, dollars a share per share, >= 0.
        eta: temporary impact, dollars a share per (share a day), > 0.
        epsilon: fixed cost, dollars a share, >= 0, such as half the spread.
        drift: alpha, dollars a share per day by which the price is expected to move in the order's favour (up for a
            sell order, down for a buy order).

    Raises:
        InvalidInput: a value out of range; permanent impact that is not one number (see `linear_permanent`);
            eta~ = eta - gamma tau/2 that is not positive.

    >>> market = AlmgrenChriss(1e6, horizon=5, periods=5, sigma=0.95, gamma=2.5e-7, eta=2.5e-6, epsilon=0.0625)
    >>> trades = market.trades(risk_aversion=1e-6)
    >>> trades.round().tolist()
    [458044.0, 252101.0, 141957.0, 85756.0, 62142.0]
    >>> f"{market.expected_cost(trades):.0f} {market.variance(trades) ** 0.5:.0f}"
    '911227 603431'
    """

    shares: float
    horizon: float
    periods: int
    sigma: float
    gamma: float
    eta: float
    epsilon: float = 0.0
    drift: float = 0.0

    def __post_init__(self) -> None:
        rules = {"epsilon": nonnegative, "drift": finite, "gamma": linear_permanent, "periods": whole}
        for field in fields(self):
            rule = rules.get(field.name, positive)
            object.__setattr__(self, field.name, scalar(rule, field.name, getattr(self, field.name)))
        object.__setattr__(self, "periods", int(self.periods))
        if not self.adjusted_eta > 0:
            least = self.gamma * self.horizon / (2 * self.eta)
            raise InvalidInput(
                f"eta - gamma tau / 2 must be > 0, got {self.adjusted_eta!r}: over periods this long the permanent "
                f"impact outweighs the temporary; use more than {least:.6g} periods"
            )

    @property
    def tau(self) -> float:
        """Length of a period in days."""
        return self.horizon / self.periods

    @property
    def adjusted_eta(self) -> float:
        """eta~ = eta - gamma tau/2 (eq. 8)."""
        return self.eta - self.gamma * self.tau / 2

    def kappa(self, risk_aversion: float) -> float:
        """Urgency per day: 2 (cosh(kappa tau) - 1) = lambda sigma^2 tau^2/eta~, with cos for a negative lambda.

        Source: section 2.2, below eq. 18; Table 1.

        >>> market = AlmgrenChriss(1e6, 5, 5, 0.95, 2.5e-7, 2.5e-6)
        >>> f"{market.kappa(1e-6):.6f}"
        '0.607076'
        """
        return angle_of(self._curvature(risk_aversion)) / self.tau

    def half_life(self, risk_aversion: float) -> float:
        """Theta = 1/kappa in days, in which the holdings fall by a factor e; infinite for lambda = 0 (section 2.3).

        >>> AlmgrenChriss(1e6, 5, 5, 0.95, 2.5e-7, 2.5e-6).half_life(0.0)
        inf
        """
        kappa = self.kappa(risk_aversion)
        return 1 / kappa if kappa > 0 else math.inf

    @property
    def least_risk_aversion(self) -> float:
        """The lambda below zero at which kappa T = pi: from there on, utility has no least value.

        The quadratic form sum_k eta~/tau n_k^2 + lambda sigma^2 tau x_k^2 in x_1..x_{N-1} has the least eigenvalue
        4 sin^2(pi/(2N)) eta~/tau + lambda sigma^2 tau. Minus infinity for one period.

        >>> AlmgrenChriss(1e6, 5, 1, 0.95, 0.0, 2.5e-6).least_risk_aversion
        -inf
        """
        if self.periods == 1:
            return -math.inf
        return -4 * math.sin(math.pi / (2 * self.periods)) ** 2 * self.adjusted_eta / (self.sigma * self.tau) ** 2

    def holdings(self, risk_aversion: float) -> Array:
        """Optimal holdings x_0..x_N in shares, (N+1,): eq. 17, with sin for a negative lambda, and the drift's part.

        The optimum among all schedules, sales and purchases alike, of the quadratic terms. Where it trades in one
        direction (always, for lambda >= 0 and no drift) it is the optimum of `problem` too.

        Args:
            risk_aversion: lambda per dollar; negative is risk-seeking, infinite trades everything at once.

        Raises:
            InvalidInput: a lambda at or below `least_risk_aversion`.

        >>> AlmgrenChriss(100, 4, 4, 1.0, 0.0, 1.0).holdings(0.0).tolist()
        [100.0, 75.0, 50.0, 25.0, 0.0]
        """
        solution = self._solution(risk_aversion)
        return self.shares * solution.held() + self._push * solution.pushed()

    def trades(self, risk_aversion: float) -> Array:
        """Optimal trades n_1..n_N in shares, (N,): eq. 18, and the drift's part; arguments as `holdings`.

        >>> AlmgrenChriss(100, 4, 4, 1.0, 0.0, 1.0).trades(1e9).round(6).tolist()
        [100.0, 0.0, 0.0, 0.0]
        """
        solution = self._solution(risk_aversion)
        return self.shares * solution.traded() - self._push * np.diff(solution.pushed())

    def breakdown(self, trades: Any) -> dict[str, float]:
        """Expected cost of a schedule in dollars, by its parts (eq. 8); the permanent part is the same for all.

        Args:
            trades: n_1..n_N, (N,).

        Raises:
            InvalidInput: not N finite numbers that add up to the order.

        >>> AlmgrenChriss(100, 2, 2, 1.0, 0.01, 1.0, 0.5).breakdown([50, 50])
        {'permanent': 50.0, 'fixed': 50.0, 'temporary': 4975.0, 'drift': 0.0}
        """
        trades = self._checked(trades)
        return {
            "permanent": self.permanent_cost,
            "fixed": self.epsilon * float(np.abs(trades).sum()),
            "temporary": self.adjusted_eta / self.tau * float(trades @ trades),
            "drift": 0.0 - self.drift * self.tau * float(inventory(trades).sum()),
        }

    @property
    def permanent_cost(self) -> float:
        """gamma X^2/2 in dollars, which no schedule changes, and which the terms of `problem` leave out."""
        return self.gamma * self.shares**2 / 2

    def expected_cost(self, trades: Any) -> float:
        """E in dollars (eq. 8, less the drift's gain); arguments as `breakdown`.

        >>> AlmgrenChriss(100, 2, 2, 1.0, 0.01, 1.0, 0.5).expected_cost([50, 50])
        5075.0
        """
        return sum(self.breakdown(trades).values())

    def variance(self, trades: Any) -> float:
        """V = sigma^2 tau sum_k x_k^2 in dollars squared (eq. 5); arguments as `breakdown`.

        >>> AlmgrenChriss(100, 2, 2, 1.0, 0.01, 1.0).variance([50, 50])
        2500.0
        """
        held = inventory(self._checked(trades))
        return self.sigma**2 * self.tau * float(held @ held)

    def utility(self, trades: Any, risk_aversion: float) -> float:
        """U = E + lambda V in dollars, which the optimum makes least (eq. 15).

        >>> AlmgrenChriss(100, 2, 2, 1.0, 0.01, 1.0).utility([50, 50], 0.1)
        5275.0
        """
        return self.expected_cost(trades) + risk_aversion * self.variance(trades)

    def lvar(self, trades: Any, quantile: float) -> float:
        """L-VaR in dollars: E + lambda_v sqrt(V), the cost that is not exceeded at a confidence (section 3.2).

        Args:
            trades: as `breakdown`.
            quantile: lambda_v of the normal distribution, such as 1.645 for 95 %.

        >>> AlmgrenChriss(100, 2, 2, 1.0, 0.01, 1.0).lvar([50, 50], 2.0)
        5125.0
        """
        return self.expected_cost(trades) + quantile * math.sqrt(self.variance(trades))

    def lvar_risk_aversion(self, quantile: float) -> float:
        """The lambda whose optimal schedule has the least L-VaR (section 3.2).

        The point of the frontier with dE/dsd = -lambda_v, so lambda = lambda_v/(2 sd). The frontier of E against sd is
        convex, so lambda sd grows with lambda, up to a bound: from a quantile of twice that bound the least L-VaR is to
        trade everything in the first period, and lambda is infinite.

        Args:
            quantile: lambda_v > 0.

        Raises:
            InvalidInput: a quantile that is not positive.

        >>> market = AlmgrenChriss(1e6, 5, 5, 0.95, 2.5e-7, 2.5e-6, 0.0625)
        >>> f"{market.lvar_risk_aversion(1.645):.4e}"
        '1.6944e-06'
        """
        quantile = positive_number("quantile", quantile)
        if quantile >= 2 * self._most_aversion_times_deviation:
            return math.inf

        def excess(risk_aversion: float) -> float:
            return 2 * risk_aversion * math.sqrt(self.variance(self.trades(risk_aversion))) - quantile

        low, high = 0.0, quantile / (self.sigma * self.shares * math.sqrt(self.horizon))
        while excess(high) < 0:
            low, high = high, 2 * high
        for _ in range(BISECTIONS):
            middle = low + (high - low) / 2
            low, high = (middle, high) if excess(middle) < 0 else (low, middle)
        return low

    @property
    def _most_aversion_times_deviation(self) -> float:
        """The bound of lambda sd: lambda sigma^2 x_k tends to eta~ X/tau^2 + alpha/2 for k = 1, then to alpha/2."""
        if self.periods == 1:
            return 0.0
        first = self.adjusted_eta * self.shares / self.tau**2 + self.drift / 2
        return math.sqrt(self.tau) / self.sigma * math.hypot(first, self.drift / 2 * math.sqrt(self.periods - 2))

    def static_holding(self, risk_aversion: float) -> float:
        """x_bar = alpha/(2 lambda sigma^2) shares, worth holding for the drift alone (section 4.1).

        Raises:
            InvalidInput: lambda = 0, for which no holding is too large.

        >>> market = AlmgrenChriss(1e6, 5, 5, sigma=0.95, gamma=2.5e-7, eta=2.5e-6, drift=0.02)
        >>> round(market.static_holding(1e-6))
        11080
        """
        return self.drift / (2 * positive_number("risk_aversion", risk_aversion) * self.sigma**2)

    def drift_gain(self, risk_aversion: float) -> float:
        """Dollars of utility by which knowing the drift betters the schedule for no drift (section 4.1).

        U is quadratic, so this is alpha tau/2 sum_k (x_k - x_k without drift); for lambda > 0 that is
        x_bar alpha T/2 (1 - tau tanh(kappa T/2)/(T tanh(kappa tau/2))).

        >>> AlmgrenChriss(100, 2, 2, 1.0, 0.0, 1.0, drift=0.5).drift_gain(0.0)
        0.03125
        """
        return self.drift * self.tau / 2 * self._push * float(self._solution(risk_aversion).pushed().sum())

    def serial_correlation_gain(self, correlation: float) -> float:
        """Dollars a day from trading against the last price move when moves are serially correlated (section 4.2).

        A move of xi sigma sqrt(tau) is followed on average by rho/(1 - rho) times as much. A share moved from now to
        much later, or back, earns that; moving m shares costs eta~ m^2/tau. The best m gains
        (rho/(1 - rho))^2 sigma^2 tau^2/(4 eta~) a period, whatever the size of the order; by periods a day.

        Args:
            correlation: rho of one period's price move with the next, strictly between -1 and 1.

        Raises:
            InvalidInput: a correlation that is not strictly between -1 and 1.

        >>> ten_minutes = AlmgrenChriss(1e6, horizon=1, periods=39, sigma=0.95, gamma=0, eta=2.5e-6)
        >>> f"{ten_minutes.serial_correlation_gain(-0.1):.2f}"
        '19.12'
        """
        rho = scalar(finite, "correlation", correlation)
        if not -1 < rho < 1:
            raise InvalidInput(f"correlation must be strictly between -1 and 1, got {rho!r}")
        return (rho / (1 - rho) * self.sigma) ** 2 * self.tau / (4 * self.adjusted_eta)

    def problem(self, risk_aversion: float) -> Problem:
        """The declaration in ordinary terms; its objective is U less `permanent_cost`.

        c_i(x) = (epsilon - alpha tau (i-1)) x, rho = 2 eta~/tau, psi = 2 lambda sigma^2 tau, w_i = 1, one bucket a
        period. Its schedules trade in one direction.

        Args:
            risk_aversion: lambda >= 0, finite.

        Raises:
            InvalidInput: a negative lambda, for which the inventory term is not convex.

        >>> market = AlmgrenChriss(1e6, 5, 5, 0.95, 2.5e-7, 2.5e-6, 0.0625)
        >>> market.problem(0.0).objective(market.trades(0.0)) + market.permanent_cost
        662500.0
        """
        if risk_aversion < 0:
            raise InvalidInput(
                f"risk_aversion must be >= 0 for the terms, got {risk_aversion!r}: an inventory term with a negative "
                "weight is not convex; `holdings` and `trades` have the closed form for risk-seeking orders"
            )
        waited = self.drift * self.tau * np.arange(self.periods)
        fixed = Linear(np.asarray(self.epsilon - waited, dtype=np.float64))
        temporary = Smoothing(rho=2 * self.adjusted_eta / self.tau)
        risk = InventoryRisk(psi=2 * risk_aversion * self.sigma**2 * self.tau)
        return Problem(Order(self.shares), fixed, ImpactCost() + temporary + risk, buckets=self.periods)

    def _curvature(self, risk_aversion: float) -> float:
        """q = lambda sigma^2 tau^2/eta~ of the difference equation (eq. 16)."""
        if not risk_aversion > self.least_risk_aversion:
            raise InvalidInput(
                f"risk_aversion must be > {self.least_risk_aversion:.6g}, got {risk_aversion!r}: below, variance is "
                "worth more than the impact of buying and selling for it costs, and no schedule is the best; raise it "
                "or shorten the horizon"
            )
        return risk_aversion * (self.sigma * self.tau) ** 2 / self.adjusted_eta if self.periods > 1 else 0.0

    def _solution(self, risk_aversion: float) -> Recurrence:
        return recurrence(self.periods, self._curvature(risk_aversion))

    @property
    def _push(self) -> float:
        """alpha tau^2/(2 eta~): shares by which the drift bends the holdings in one period."""
        return self.drift * self.tau**2 / (2 * self.adjusted_eta)

    def _checked(self, trades: Any) -> Array:
        values = np.asarray(finite("trades", trades))
        if values.shape != (self.periods,):
            raise InvalidInput(f"trades must have one value for each of {self.periods} periods, got {values.size}")
        if not math.isclose(values.sum(), self.shares, rel_tol=1e-6):
            raise InvalidInput(f"trades must add up to {self.shares:,.10g} shares, got {values.sum():,.10g}")
        return values


def linear_permanent(name: str, gamma: Any) -> float:
    """A coefficient of linear permanent impact, the only kind under which permanent impact is a constant.

    A permanent impact that is not linear, or not the same at all times, lets a round trip earn money on average, and
    so has no best schedule: Huberman and Stanzl (2004), "Price manipulation and quasi-arbitrage", Econometrica 72(4).

    Args:
        name: what to call it in the message.
        gamma: dollars a share per share, >= 0.

    Raises:
        InvalidInput: an impact curve, an array, a negative value.

    >>> linear_permanent("gamma", [1e-7, 2e-7])
    Traceback (most recent call last):
    ...
    optexec.models.errors.InvalidInput: gamma must be one number, dollars a share per share: permanent impact that is \
not linear, or not the same in every bucket, lets a round trip earn money (Huberman and Stanzl 2004)
    """
    value = None if isinstance(gamma, Impact) or callable(gamma) else nonnegative(name, gamma)
    if not isinstance(value, float):
        raise InvalidInput(
            f"{name} must be one number, dollars a share per share: permanent impact that is not linear, or not the "
            "same in every bucket, lets a round trip earn money (Huberman and Stanzl 2004)"
        )
    return value
