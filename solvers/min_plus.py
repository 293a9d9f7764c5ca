"""Least sums of two cost arrays (min-plus convolution), compiled: the inner loop of the dynamic programme."""

import numba
import numpy as np

from optexec.models.validation import Array


def least_sums(first: int, costs: Array, ahead: Array, convex: bool) -> Array:
    """min over n of costs[n] + ahead[r - first - n], for every r; infinite where there is no such n.

    Args:
        first: what position 0 of `costs` stands for.
        costs: dollars, infinite where not allowed, (K,).
        ahead: dollars, infinite where not allowed, (L,).
        convex: whether every unbroken run of `costs` is convex, which takes O(L log L) steps instead of K L.

    >>> least_sums(1, np.array([1.0, 3.0]), np.array([0.0, 5.0, 7.0]), convex=True).tolist()
    [inf, 1.0, 3.0]
    """
    out = np.full(len(ahead), np.inf)
    for low, high in _runs(costs):
        run, window = costs[low:high], out[first + low :]
        if convex:
            for a, b in _runs(ahead):
                _convex_sums(run, ahead[a:b], window[a : b - 1 + len(run)])
        else:
            _all_sums(run, ahead, window)
    return out


def _runs(values: Array) -> list[tuple[int, int]]:
    """Start and end of every unbroken run of finite values.

    >>> _runs(np.array([1.0, np.inf, 2.0, 3.0]))
    [(0, 1), (2, 4)]
    """
    edges = np.flatnonzero(np.diff(np.isfinite(values), prepend=False, append=False)).tolist()
    return list(zip(edges[::2], edges[1::2], strict=True))


@numba.njit(cache=True, error_model="numpy")
def _all_sums(costs: Array, ahead: Array, out: Array) -> None:
    """By trying every pair; the inner loop runs over contiguous memory and vectorises."""
    for n in range(min(len(costs), len(out))):
        cost = costs[n]
        for k in range(len(out) - n):
            total = cost + ahead[k]
            least = out[n + k]
            out[n + k] = total if total < least else least


@numba.njit(cache=True, error_model="numpy")
def _convex_sums(costs: Array, ahead: Array, out: Array) -> None:
    """For convex costs: the best k in out[r] = min costs[r - k] + ahead[k] grows with r, so halve the rows.

    Every row of `out` must have such a k.
    """
    stack = np.empty((128, 4), np.int64)
    stack[0, 0], stack[0, 1], stack[0, 2], stack[0, 3] = 0, len(out) - 1, 0, len(ahead) - 1
    top = 1 if len(out) > 0 else 0
    while top > 0:
        top -= 1
        first, last, low, high = stack[top]
        row = (first + last) // 2
        least, best = np.inf, max(low, row - len(costs) + 1)
        for k in range(best, min(high, row) + 1):
            total = costs[row - k] + ahead[k]
            if total < least:
                least, best = total, k
        if least < out[row]:
            out[row] = least
        if first < row:
            stack[top, 0], stack[top, 1], stack[top, 2], stack[top, 3] = first, row - 1, low, best
            top += 1
        if row < last:
            stack[top, 0], stack[top, 1], stack[top, 2], stack[top, 3] = row + 1, last, best, high
            top += 1
