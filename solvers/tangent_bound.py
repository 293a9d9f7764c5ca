"""The least that a convex objective's tangents allow, compiled: the inner loop of the certificate."""

from math import isfinite

import numba
import numpy as np

from optexec.models.validation import Array

ROUNDING = 16 * np.finfo(float).eps
"""Allowance for rounding in a bound, as a fraction of the sums that it is computed from."""
TINY = np.finfo(float).tiny


@numba.njit(cache=True, error_model="numpy")
def tangent_bounds(
    x: Array, value: Array, left: Array, right: Array, lo: Array, hi: Array, shares: Array, order: Array, out: Array
) -> None:
    """Write bound, marginal price and KKT residual of each order as the rows of `out`, (3, M).

    Args:
        x: shares, (M, N).
        value: objectives there, (M, 1).
        left, right: one-sided derivatives there, (M, N).
        lo, hi: floors and caps, (M, N).
        shares: sizes of the orders, (M, 1).
        order: what sorts the 2 N derivatives of each order, those from the left before those from the right.
    """
    for m in range(len(x)):
        price = _price(x[m], left[m], right[m], lo[m], hi[m], shares[m, 0], order[m])
        size, slack, missing, steepest = abs(value[m, 0]), 0.0, shares[m, 0], abs(price)
        for i in range(x.shape[1]):
            slope = min(max(price, left[m, i]), right[m, i])
            room = x[m, i] - lo[m, i] if slope > price else hi[m, i] - x[m, i]
            slack += abs(slope - price) * room if room > 0 else 0.0
            size += abs(slope) * x[m, i] if x[m, i] > 0 else 0.0
            missing -= x[m, i]
            if isfinite(slope):
                steepest = max(steepest, abs(slope))
        scale, wrong = max(steepest, TINY), 0.0
        for i in range(x.shape[1]):
            slope = min(max(price, left[m, i]), right[m, i])
            room = x[m, i] - lo[m, i] if slope > price else hi[m, i] - x[m, i]
            wrong = max(wrong, min(abs(slope - price) / scale, room / shares[m, 0]))
        out[0, m] = value[m, 0] + price * missing - slack - ROUNDING * (size + slack)
        out[1, m], out[2, m] = price, wrong


@numba.njit(cache=True, error_model="numpy")
def _price(x: Array, left: Array, right: Array, lo: Array, hi: Array, shares: float, order: Array) -> float:
    """The multiplier at which the tangent problem is solved: fill up from the floors in order of derivative."""
    wanted = (shares - lo.sum()) * (1.0 - ROUNDING)
    filled, n, price = 0.0, len(x), np.nan
    for k in order:
        price = left[k] if k < n else right[k - n]
        filled += x[k] - lo[k] if k < n else hi[k - n] - x[k - n]
        if filled >= wanted:
            break
    return price
