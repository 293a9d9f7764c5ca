"""Whole lots: round a schedule so that the sum stays exactly the order."""

import numpy as np

from optexec.models.errors import InfeasibleOrder
from optexec.models.problem import Problem
from optexec.models.validation import Array

ROUNDING = 1e-9
"""Fraction of a lot that a limit may miss a whole lot by and still hold it."""


def round_to_lots(problem: Problem, x: Array) -> Array:
    """Round shares to whole lots by largest remainder, inside the limits, with sum exactly S.

    Every slice is rounded down to whole lots; the lots left over go one each to the slices that lost the largest
    fraction of a lot. An odd remainder (S modulo the lot) trades inside the largest slice whose limits have
    room for it, the earliest of equals.

    Args:
        problem: the declaration; its order has a lot.
        x: shares of each bucket, (N,), that add up to S.

    Raises:
        InfeasibleOrder: the limits hold the order in shares but not in whole lots.

    >>> import optexec as ox
    >>> order = ox.Order(1_050, lot=100)
    >>> problem = ox.Problem(order, ox.Linear(0.01), ox.objective("A"), buckets=3)
    >>> round_to_lots(problem, np.array([340.0, 410.0, 300.0])).tolist()
    [300.0, 450.0, 300.0]
    """
    lot = float(problem.order.lot or 1.0)
    lots, odd = divmod(problem.shares, lot)
    if _is_whole(x, lot, odd):
        return x
    if odd == 0:
        low, high = _lot_bounds(problem, lot, np.zeros(problem.buckets))
        if _room(low, high, lots):
            return lot * _largest_remainder(x / lot, low, high, int(lots))
    else:
        for host in np.argsort(-x, kind="stable"):
            extra = np.zeros(problem.buckets)
            extra[host] = odd
            low, high = _lot_bounds(problem, lot, extra)
            if _room(low, high, lots):
                return lot * _largest_remainder((x - extra) / lot, low, high, int(lots)) + extra
    _, high = _lot_bounds(problem, lot, np.zeros(problem.buckets))
    raise InfeasibleOrder(
        f"the limits hold no schedule in whole lots of {lot:,.10g} for {problem.shares:,.10g} shares "
        f"(rounded down to lots they allow {lot * high.sum():,.10g}); use a smaller lot or wider limits"
    )


def _is_whole(x: Array, lot: float, odd: float) -> bool:
    """Whether shares are whole lots already, but for the odd remainder inside one slice."""
    rest = x % lot
    return bool(np.count_nonzero(rest) <= 1 and rest.sum() == odd)


def _lot_bounds(problem: Problem, lot: float, extra: Array) -> tuple[Array, Array]:
    """Least and most whole lots of each bucket beside the shares in `extra`."""
    low = np.ceil((problem.lo - extra) / lot - ROUNDING)
    return np.maximum(low, 0.0), np.floor((problem.hi - extra) / lot + ROUNDING)


def _room(low: Array, high: Array, lots: float) -> bool:
    return bool(np.all(low <= high) and low.sum() <= lots <= high.sum())


def _largest_remainder(wanted: Array, low: Array, high: Array, lots: int) -> Array:
    """Whole numbers between low and high, near `wanted`, that add up to `lots`."""
    whole = np.clip(np.floor(wanted + ROUNDING), low, high)
    while (missing := round(lots - whole.sum())) != 0:
        step = np.sign(missing)
        open_ = np.flatnonzero(whole < high if step > 0 else whole > low)
        eager = np.argsort(-step * (wanted - whole)[open_], kind="stable")[: abs(missing)]
        whole[open_[eager]] += step
    return whole
