"""The price at which fitted power laws add up to the orders, compiled: the inner loop of water-filling."""

from math import exp, inf, isnan, log, nan

import numba
import numpy as np

from optexec.models.validation import Array

ACCURATE = 1e-12
"""Distance of a marginal cost from the price, relative to the price, at which shares are the optimum."""
NEAR = 1e-7
"""Relative distance of the laws' shares from the order from which one more step, and its first order, is exact."""
LONGEST = 3.0
"""Longest step of the logarithm of a price."""
ROUNDING = 4 * np.finfo(float).eps
"""Relative distance of a total from the order that rounding leaves."""
MAX_PRICES = 80
SEARCHING, FOUND, LOST = 0, 1, 2
"""States of an order."""


@numba.njit(cache=True, error_model="numpy")
def check_prices(x: Array, marginal: Array, first: Array, lo: Array, hi: Array, theta: Array, state: Array) -> bool:
    """Call the orders FOUND whose shares are the optimum; whether others are still SEARCHING.

    Args:
        x: shares, (M, N).
        marginal: marginal costs there, (M, N).
        first: marginal cost of the first share, (M, N).
        lo, hi: floors and caps in shares, (M, N).
        theta: logarithm of the price above the cheapest first share, (M,).
        state: SEARCHING, FOUND or LOST, (M,); changed.
    """
    searching = False
    for m in range(len(x)):
        if state[m] == SEARCHING:
            cheapest = first[m].min()
            price = cheapest + exp(theta[m])
            wrong = _mispriced(x[m], marginal[m], price, lo[m], hi[m])
            if wrong <= ACCURATE * (price - cheapest + abs(cheapest)):
                state[m] = FOUND
            else:
                searching = True
    return searching


@numba.njit(cache=True, error_model="numpy")
def clear_laws(
    x: Array,
    marginal: Array,
    slope: Array,
    first: Array,
    lo: Array,
    hi: Array,
    shares: Array,
    laws: Array,
    theta: Array,
    state: Array,
) -> None:
    """Fit a power law to each bucket's marginal cost, and move the shares to where the laws clear the orders.

    The law of a bucket is log x = level + reach log(price - first). Orders that have no such laws are called LOST.

    Args:
        x: shares, (M, N); moved.
        marginal, slope: first and second derivative of each bucket's own costs there, (M, N).
        first: marginal cost of the first share, (M, N).
        lo, hi: floors and caps in shares, (M, N).
        shares: sizes of the orders, (M, 1).
        laws: level and reach of each bucket, (2, M, N), changed; those of buckets that trade nothing stay as they were.
        theta: logarithm of the price above the cheapest first share, (M,); NaN to begin with, changed.
        state: SEARCHING, FOUND or LOST, (M,); changed.
    """
    for m in range(len(x)):
        if state[m] != SEARCHING:
            continue
        cheapest = first[m].min()
        if isnan(theta[m]):
            laws[0, m], laws[1, m] = -inf, 0.0
        _fit(x[m], marginal[m], slope[m], first[m], laws[0, m], laws[1, m])
        if isnan(theta[m]):
            theta[m] = _guess(x[m], marginal[m], cheapest, laws[1, m])
        theta[m] = _search(x[m], first[m], cheapest, lo[m], hi[m], shares[m, 0], laws[0, m], laws[1, m], theta[m])
        if isnan(theta[m]):
            state[m] = LOST


@numba.njit(cache=True, error_model="numpy")
def _mispriced(x: Array, marginal: Array, price: float, lo: Array, hi: Array) -> float:
    """Largest distance of a marginal cost from the price in a bucket that could still move towards it."""
    worst = 0.0
    for i in range(len(x)):
        excess = marginal[i] - price
        if isnan(excess):
            return inf
        if (excess > worst and x[i] > lo[i]) or (-excess > worst and x[i] < hi[i]):
            worst = abs(excess)
    return worst


@numba.njit(cache=True, error_model="numpy")
def _fit(x: Array, marginal: Array, slope: Array, first: Array, level: Array, reach: Array) -> None:
    for i in range(len(x)):
        if x[i] > 0:
            rise = marginal[i] - first[i]
            reach[i] = rise / (x[i] * slope[i])
            level[i] = log(x[i]) - reach[i] * log(rise)


@numba.njit(cache=True, error_model="numpy")
def _guess(x: Array, marginal: Array, cheapest: float, reach: Array) -> float:
    """Where the straight lines through the laws would clear the order."""
    weighted, weights = 0.0, 0.0
    for i in range(len(x)):
        if x[i] > 0 and marginal[i] > cheapest:
            weighted += x[i] * reach[i] * log(marginal[i] - cheapest)
            weights += x[i] * reach[i]
    return weighted / weights


@numba.njit(cache=True, error_model="numpy")
def _search(
    x: Array,
    first: Array,
    cheapest: float,
    lo: Array,
    hi: Array,
    shares: float,
    level: Array,
    reach: Array,
    theta: float,
) -> float:
    """Halley's steps on the logarithm of the laws' shares, inside a bracket; NaN if they do not arrive."""
    rate, low, high = np.empty(len(x)), -inf, inf
    for _ in range(MAX_PRICES):
        _take(x, rate, first, cheapest, level, reach, theta)
        error, step = _halley(x, rate, lo, hi, shares)
        if abs(error) <= NEAR:
            _shift(x, rate, lo, hi, step)
            return theta + step
        low, high = (low, theta) if error > 0 else (theta, high)
        theta = within_bracket(theta + step, low, high)
    return nan


@numba.njit(cache=True, error_model="numpy")
def _take(x: Array, rate: Array, first: Array, cheapest: float, level: Array, reach: Array, theta: float) -> None:
    """Write the laws' shares at a price, and the rates at which their logarithms grow with its logarithm."""
    above = exp(theta)
    for i in range(len(x)):
        net = above - (first[i] - cheapest)
        rate[i] = reach[i] * (above / net) if net > 0 else 0.0
        x[i] = exp(level[i] + reach[i] * (theta if net == above else log(net))) if net > 0 else 0.0


@numba.njit(cache=True, error_model="numpy")
def within_bracket(theta: float, low: float, high: float) -> float:
    """A step that stays in the bracket; else the middle of it."""
    return theta if low < theta < high else 0.5 * (low + high)


@numba.njit(cache=True, error_model="numpy")
def _halley(x: Array, rate: Array, lo: Array, hi: Array, shares: float) -> tuple[float, float]:
    """Clip shares to their limits, where their rates are zero; the excess in logarithms, and the step to undo it."""
    total, change, bend = 0.0, 0.0, 0.0
    for i in range(len(x)):
        inside = lo[i] < x[i] < hi[i]
        x[i] = x[i] if inside else (hi[i] if x[i] >= hi[i] else lo[i])
        rate[i] = rate[i] if inside else 0.0
        total += x[i]
        change += x[i] * rate[i]
        bend += x[i] * rate[i] * rate[i]
    return halley_step(total, change, bend, shares)


@numba.njit(cache=True, error_model="numpy")
def halley_step(total: float, change: float, bend: float, shares: float) -> tuple[float, float]:
    """The excess of a total over an order in logarithms, and the step of the logarithm of the price to undo it.

    Args:
        total: shares at the price.
        change, bend: first and second derivative of the total by the logarithm of the price.
        shares: size of the order.
    """
    error = log(total / shares)
    if error == 0 or (not change > 0 and abs(error) <= ROUNDING):
        return error, 0.0
    if not change > 0:
        return error, -LONGEST if error > 0 else LONGEST
    elasticity = change / total
    curvature = bend / total - elasticity * elasticity
    step = error / elasticity / max(1.0 - 0.5 * error * curvature / (elasticity * elasticity), 0.5)
    return error, -min(max(step, -LONGEST), LONGEST)


@numba.njit(cache=True, error_model="numpy")
def _shift(x: Array, rate: Array, lo: Array, hi: Array, step: float) -> None:
    """The laws' shares after a step of the logarithm of the price whose square is nothing."""
    for i in range(len(x)):
        x[i] = min(max(x[i] * (1.0 + rate[i] * step), lo[i]), hi[i])
