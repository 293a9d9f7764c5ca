"""The least that a convex objective's tangents allow, compiled: the inner loop of the certificate."""

from math import inf, isfinite

import numba
import numpy as np

from optexec.models.validation import Array

ROUNDING = 16 * np.finfo(float).eps
"""Allowance for rounding in a bound, as a fraction of the sums that it is computed from."""
CLOSED = 1e-13
"""Distance of a bound from the objective, relative to the sums in it, that no other price need improve."""
TINY = np.finfo(float).tiny


@numba.njit(cache=True, error_model="numpy")
def tangent_bounds(
    x: Array, value: Array, left: Array, right: Array, lo: Array, hi: Array, shares: Array, out: Array
) -> None:
    """Write bound, marginal price and KKT residual of each order as the rows of `out`, (3, M).

    Args:
        x: shares, (M, N).
        value: objectives there, (M, 1).
        left, right: one-sided derivatives there, (M, N).
        lo, hi: floors and caps, (M, N).
        shares: sizes of the orders, (M, 1).
    """
    for m in range(len(x)):
        at = (x[m], left[m], right[m], lo[m], hi[m], shares[m, 0])
        price = _cheapest(x[m], right[m], hi[m])
        lost, size = _lost(price, *at)
        if not (isfinite(price) and lost <= CLOSED * (size + abs(value[m, 0]))):
            price = _filling(*at)
            lost, size = _lost(price, *at)
        out[0, m] = value[m, 0] - lost - ROUNDING * (abs(value[m, 0]) + size)
        out[1, m], out[2, m] = price, _residual(price, *at)


@numba.njit(cache=True, error_model="numpy")
def _cheapest(x: Array, right: Array, hi: Array) -> float:
    """Least derivative of a bucket that may trade more: the multiplier where x is optimal; infinite without one."""
    price = inf
    for i in range(len(x)):
        if x[i] < hi[i]:
            price = min(price, right[i])
    return price


@numba.njit(cache=True, error_model="numpy")
def _filling(x: Array, left: Array, right: Array, lo: Array, hi: Array, shares: float) -> float:
    """The multiplier at which the tangent problem is solved: fill up from the floors in order of derivative.

    The order is found as far as it matters: of the steps on either side of a middle one, those are sorted further
    among which the order is filled (Hoare's selection).
    """
    n = len(x)
    price, room = np.empty(2 * n), np.empty(2 * n)
    wanted = shares
    for i in range(n):
        price[i], room[i] = left[i], x[i] - lo[i]
        price[n + i], room[n + i] = right[i], hi[i] - x[i]
        wanted -= lo[i]
    wanted *= 1.0 - ROUNDING
    first, last = 0, 2 * n - 1
    while first < last:
        middle = _median(price[first], price[(first + last) // 2], price[last])
        i, j = first, last
        while i <= j:
            while price[i] < middle:
                i += 1
            while price[j] > middle:
                j -= 1
            if i <= j:
                price[i], price[j] = price[j], price[i]
                room[i], room[j] = room[j], room[i]
                i, j = i + 1, j - 1
        below = room[first : j + 1].sum()
        if first <= j and wanted <= below:
            last = j
            continue
        wanted -= below
        if i - j == 2:
            if wanted <= room[j + 1]:
                return middle
            wanted -= room[j + 1]
        first = i
    return price[min(first, last)]


@numba.njit(cache=True, error_model="numpy")
def _median(a: float, b: float, c: float) -> float:
    return max(min(a, b), min(max(a, b), c))


@numba.njit(cache=True, error_model="numpy")
def _slope(price: float, x: float, left: float, right: float, hi: float) -> float:
    """The slope of a tangent nearest to a price; at a cap the left one, whatever the curve does beyond."""
    return left if x >= hi else min(max(price, left), right)


@numba.njit(cache=True, error_model="numpy")
def _lost(
    price: float, x: Array, left: Array, right: Array, lo: Array, hi: Array, shares: float
) -> tuple[float, float]:
    """Dollars by which the tangents' least lies below the objective, and the sums that they were computed from."""
    lost, size, missing = 0.0, 0.0, shares
    for i in range(len(x)):
        slope = _slope(price, x[i], left[i], right[i], hi[i])
        room = x[i] - lo[i] if slope > price else hi[i] - x[i]
        lost += abs(slope - price) * room if room > 0 else 0.0
        size += abs(slope) * x[i] if x[i] > 0 else 0.0
        missing -= x[i]
    return lost - price * missing, size + lost


@numba.njit(cache=True, error_model="numpy")
def _residual(price: float, x: Array, left: Array, right: Array, lo: Array, hi: Array, shares: float) -> float:
    steepest, wrong = max(abs(price), TINY), 0.0
    for i in range(len(x)):
        slope = _slope(price, x[i], left[i], right[i], hi[i])
        if isfinite(slope):
            steepest = max(steepest, abs(slope))
    for i in range(len(x)):
        slope = _slope(price, x[i], left[i], right[i], hi[i])
        room = x[i] - lo[i] if slope > price else hi[i] - x[i]
        wrong = max(wrong, min(abs(slope - price) / steepest, room / shares))
    return wrong
