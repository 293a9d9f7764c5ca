"""Convex (A) and (B): one marginal price for all buckets, found by safeguarded Newton steps."""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from optexec.models.errors import InvalidInput
from optexec.models.objective import ImpactCost, Smoothing
from optexec.models.problem import Problem
from optexec.models.validation import Array
from optexec.solvers.feasible import settle

MAX_STEPS = 400
EPS = np.finfo(float).eps


def obstacle(problem: Problem) -> str:
    """Why water-filling does not apply; empty if it does.

    >>> import optexec as ox
    >>> obstacle(ox.Problem(ox.Order(300), ox.Linear(0.01), ox.objective("C", psi=1.0), buckets=3))
    'the inventory_risk term couples the buckets'
    """
    for term in problem.terms:
        if not isinstance(term, (ImpactCost, Smoothing)):
            return f"the {term.name} term couples the buckets"
    return "" if problem.convex else "the impact is not convex in every bucket"


def waterfill(problem: Problem) -> Array:
    """minimise sum_i [c_i(x_i) + rho_i/2 x_i^2] subject to sum x = S, lo <= x <= hi, for convex c_i.

    At the optimum every bucket between its limits has the same marginal cost, the price lambda. For a price,
    x_i(lambda) is the most shares of bucket i whose marginal cost is at most lambda; the sum of these grows with
    lambda, and the price at which it reaches S is found by bisection, sped up by Newton steps.

    Where marginal costs are flat the sum jumps at the price: the buckets that tie there share what is left in
    proportion to the shares that each could take at that price.

    Cost: some ten evaluations of the marginals where their inverse has a closed form (O(N) each), else some ten
    evaluations a step. KKT residual about 1e-12.
    Source: Patriksson (2008), "A survey on the continuous nonlinear resource allocation problem", section 2.

    Raises:
        InvalidInput: a problem that is not convex, or whose terms couple the buckets.

    >>> import optexec as ox
    >>> order, capped = ox.Order(300), ox.Limits(maximum=[100, 300, 300])
    >>> waterfill(ox.Problem(order, ox.Power(a=[1.0, 2.0, 2.0], b=2.0), ox.objective("A"), capped)).tolist()
    [100.0, 100.0, 100.0]
    """
    if reason := obstacle(problem):
        raise InvalidInput(f"waterfill does not apply: {reason}; use method='auto'")
    return fill(problem)


def fill(problem: Problem, offset: Array | float = 0.0) -> Array:
    """As `waterfill`, for curves that need be convex between the limits only, at shifted prices.

    Args:
        problem: the declaration; terms that couple the buckets are not looked at.
        offset: dollars a share added to the marginal cost of each bucket, (N,).

    >>> import optexec as ox
    >>> bent = ox.Exponential(a=1.0, b=0.01, quoted="per_share")
    >>> fill(ox.Problem(ox.Order(200), bent, ox.objective("A"), ox.Limits(maximum=150), buckets=2)).tolist()
    [100.0, 100.0]
    """
    return settle(problem, _clear(_Supply(problem, offset), problem))


class _Supply:
    """Shares that each bucket takes at a price."""

    def __init__(self, problem: Problem, offset: Array | float) -> None:
        smoothing = problem.terms.find(Smoothing)
        self.offset = offset
        self.rho = 0.0 if smoothing is None else smoothing.rho
        self.impact = problem.impact
        self.charges_impact = problem.terms.find(ImpactCost) is not None
        self.lo, self.hi = problem.lo, problem.hi
        self.floor_price = self.marginal(self.lo)
        self.cap_price = self.marginal_left(self.hi)
        self.last = 0.5 * (self.lo + self.hi)

    def marginal(self, x: Array) -> Array:
        return self.rho * x + self.offset + (self.impact.marginal(x) if self.charges_impact else 0.0)

    def marginal_left(self, x: Array) -> Array:
        return self.rho * x + self.offset + (self.impact.marginal_left(x) if self.charges_impact else 0.0)

    def slope(self, x: Array) -> Array:
        return self.rho + (self.impact.marginal_slope(x) if self.charges_impact else 0.0 * x)

    def at(self, price: float, below: Array, above: Array) -> Array:
        """Most shares of each bucket, inside its limits, whose marginal cost is at most `price`.

        Args:
            price: dollars a share.
            below, above: the same at a lower and at a higher price, (N,).
        """
        closed = self.impact.inverse_marginal(price - self.offset, self.rho) if self.charges_impact else None
        if closed is not None:
            return np.clip(closed, self.lo, self.hi)
        x = np.where(self.cap_price <= price, self.hi, self.lo)
        inner = (self.floor_price <= price) & (self.cap_price > price)
        if not inner.any():
            return x
        self.last = np.where(inner, invert(self.marginal, self.slope, price, below, above, self.last, inner), x)
        return self.last

    def elasticity(self, x: Array) -> float:
        """Derivative of the total supply by the price, from the buckets between their limits."""
        inside = (x > self.lo) & (x < self.hi)
        with np.errstate(divide="ignore", over="ignore"):
            return float(np.sum(1.0 / np.broadcast_to(self.slope(x), x.shape)[inside]))


def _clear(supply: _Supply, problem: Problem) -> Array:
    """The shares at the price where supply meets the order.

    Every step halves the excess or takes the middle of the bracket, so the loop ends.
    """
    low, high = float(supply.floor_price.min()), float(supply.cap_price.max())
    below, above = problem.lo, problem.hi
    price, last = _middle(low, high), np.inf
    for _ in range(MAX_STEPS):
        if not low < price < high:
            break
        x = supply.at(price, below, above)
        excess = x.sum() - problem.shares
        if abs(excess) <= 4 * EPS * problem.shares:
            return x
        if excess > 0:
            high, above = price, x
        else:
            low, below = price, x
        elasticity = supply.elasticity(x)
        newton = price - excess / elasticity if elasticity > 0 else np.nan
        trusted = low < newton < high and abs(excess) <= 0.5 * abs(last)
        price, last = newton if trusted else _middle(low, high), excess
    room = (above - below).sum()
    share = (problem.shares - below.sum()) / room if room > 0 else 0.0
    return below + min(max(share, 0.0), 1.0) * (above - below)


def _middle(low: float, high: float) -> float:
    """Geometric where the ends have one sign and lie decades apart, else arithmetic."""
    if low > 0 and high > 4 * low:
        return float(np.sqrt(low) * np.sqrt(high))
    return low + 0.5 * (high - low)


def invert(
    marginal: Callable[[Array], Array],
    slope: Callable[[Array], Array],
    price: float,
    lo: Array,
    hi: Array,
    start: Array,
    wanted: NDArray[np.bool_],
) -> Array:
    """Most shares in [lo, hi] at which a nondecreasing marginal cost is at most `price`, for all buckets at once.

    Newton steps inside a bracket that holds the answer; a step that leaves the bracket or does not halve the
    residual is replaced by bisection, geometric while the bracket spans more than a factor of four.

    Args:
        marginal, slope: the marginal cost and its derivative, (N,) -> (N,).
        price: dollars a share, between the marginal costs at lo and hi wherever `wanted`.
        lo, hi: ends of the bracket, (N,).
        start: where to begin, (N,); the middle where that is not strictly inside the bracket.
        wanted: buckets to solve for, (N,).

    >>> every = np.ones(1, dtype=bool)
    >>> invert(lambda x: 2 * x, lambda x: 2 + 0 * x, 3.0, np.zeros(1), np.full(1, 9.0), np.ones(1), every).tolist()
    [1.5]
    """
    least = lo + EPS**2 * (hi - lo)
    x = np.where((start > lo) & (start < hi), start, 0.5 * (lo + hi))
    last, settled = np.full(lo.shape, np.inf), ~wanted
    for _ in range(MAX_STEPS):
        residual = marginal(x) - price
        lo, hi = np.where(residual <= 0, x, lo), np.where(residual > 0, x, hi)
        with np.errstate(all="ignore"):
            newton = x - residual / slope(x)
            middle = np.where(hi > 4 * lo, np.sqrt(np.maximum(lo, least) * hi), 0.5 * (lo + hi))
        near = np.abs(newton - x) <= 2 * EPS * np.abs(x)
        settled = settled | near | (hi - lo <= 2 * EPS * hi) | (hi <= least)
        if settled.all():
            break
        trusted = (newton > lo) & (newton < hi) & (np.abs(residual) <= 0.5 * last)
        x, last = np.where(settled, x, np.where(trusted, newton, middle)), np.abs(residual)
    return x
