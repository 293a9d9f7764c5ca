"""Whole lots: round a schedule so that the sum stays exactly the order."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from optexec.models.errors import InfeasibleOrder
from optexec.models.order import Order
from optexec.models.problem import Problem
from optexec.models.validation import Array

ROUNDING = 1e-9
"""Fraction of a lot that a limit may miss a whole lot by and still hold it."""
NEAR = 1e-4
"""Fraction of a lot that a solver's shares may miss whole lots by and still be those lots."""
DIGITS = 4 * np.finfo(float).eps
"""Fraction of shares by which their digits, and those of a lot, may miss a whole lot."""


def whole_lots(order: Order) -> tuple[int, float]:
    """Whole lots of an order that has a lot, and the odd shares beside them.

    >>> whole_lots(Order(1_050, lot=100)), whole_lots(Order(0.3, lot=0.1))
    ((10, 50.0), (3, 0.0))
    """
    lot = float(order.lot or 1.0)
    near = round(order.shares / lot)
    if abs(order.shares - near * lot) <= lot * _slack(order.shares, lot):
        return near, 0.0
    lots, odd = divmod(order.shares, lot)
    return int(lots), odd


def lots_below(shares: Any, lot: float) -> Any:
    """Most whole lots that are no more than these shares but for rounding; any shape.

    >>> lots_below(np.array([299.0, 0.3]), 100.0).tolist(), float(lots_below(0.3, 0.1))
    ([2.0, 0.0], 3.0)
    """
    return np.floor(shares / lot + _slack(shares, lot))


def lots_above(shares: Any, lot: float) -> Any:
    """Least whole lots that are no fewer than these shares but for rounding; any shape.

    >>> lots_above(np.array([299.0, 300.0]), 100.0).tolist(), float(lots_above(0.1 + 0.2, 0.1))
    ([3.0, 3.0], 3.0)
    """
    return np.ceil(shares / lot - _slack(shares, lot))


def _slack(shares: Any, lot: float) -> Any:
    """Fraction of a lot by which shares may miss whole lots and still be them."""
    return np.maximum(ROUNDING, DIGITS * np.abs(shares) / lot)


def most_lots(problem: Problem) -> Array:
    """Most whole lots that each bucket's limit holds, (N,)."""
    most: Array = lots_below(problem.hi, float(problem.order.lot or 1.0))
    return most


def most_shares(shares: float, high: Array, lot: float | None = None) -> float:
    """Most of `shares` that caps hold, in whole lots and the odd remainder inside one slice.

    Args:
        shares: to trade, > 0.
        high: cap of each bucket, (N,).
        lot: shares a lot, None for any numbers. Fewer shares than a lot trade in one slice.

    >>> most_shares(350.0, np.array([120.0, 160.0])), most_shares(350.0, np.array([120.0, 160.0]), lot=100)
    (280.0, 250.0)
    """
    high = np.minimum(high, shares)
    if lot is None:
        room = float(high.sum())
        return shares if room >= shares * (1 - ROUNDING) else room
    lot = min(lot, shares)
    lots, odd = whole_lots(Order(shares, lot=lot))
    fits = lots_below(high, lot)
    most = lot * min(lots, fits.sum())
    if odd:
        hosts = high >= odd
        beside = fits.sum() - fits + lots_below(high - odd, lot)
        most = max(most, float((odd + lot * np.minimum(lots, beside[hosts])).max(initial=0.0)))
    return shares if most >= shares * (1 - ROUNDING) else float(most)


def no_whole_lots(problem: Problem, of: str) -> InfeasibleOrder:
    """An `InfeasibleOrder` for limits that hold no schedule in whole lots (and least slices) of what `of` says.

    >>> import optexec as ox
    >>> problem = ox.Problem(ox.Order(300, lot=100), ox.Linear(0.01), ox.objective("A"), buckets=4)
    >>> str(no_whole_lots(problem, "300 shares"))
    'the limits hold no schedule in whole lots of 100 for 300 shares; use a smaller lot or wider limits'
    """
    kind = f"whole lots of {problem.order.lot:,.10g}" if problem.order.lot else "slices"
    least, mend = "", "use a smaller lot or wider limits"
    if problem.semicontinuous:
        least, mend = " that are 0 or at least limits.smallest", "lower limits.smallest or use wider limits"
    return InfeasibleOrder(f"the limits hold no schedule in {kind}{least} for {of}; {mend}")


def round_to_lots(problem: Problem, x: Array) -> Array:
    """Round shares to whole lots by largest remainder, inside the limits, with sum exactly S.

    Every slice is rounded down to whole lots; the lots left over go one each to the slices that lost the largest
    fraction of a lot. An odd remainder (S modulo the lot) trades inside the largest slice whose limits have
    room for it, the earliest of equals. Shares that are whole lots already but for rounding keep their lots.

    Args:
        problem: the declaration; its order has a lot.
        x: shares of each bucket, (N,), that add up to S.

    Raises:
        InfeasibleOrder: the limits hold the order in shares but not in whole lots; or shares between whole lots
            where slices have a least size, which rounding might undercut.

    >>> import optexec as ox
    >>> order = ox.Order(1_050, lot=100)
    >>> problem = ox.Problem(order, ox.Linear(0.01), ox.objective("A"), buckets=3)
    >>> round_to_lots(problem, np.array([340.0, 410.0, 300.0])).tolist()
    [300.0, 450.0, 300.0]
    """
    lot = float(problem.order.lot or 1.0)
    lots, odd = whole_lots(problem.order)
    near = _nearest(problem, x, lot, lots, odd)
    if near is not None:
        return near
    if problem.semicontinuous:
        raise InfeasibleOrder(
            "the shares are not in whole lots, and rounding them could leave a slice below limits.smallest; "
            "solve the order by dp or milp"
        )
    for host in np.argsort(-x, kind="stable")[: len(x) if odd else 1]:
        extra = np.zeros(problem.buckets)
        extra[host] = odd
        low, high = _lot_bounds(problem, lot, extra)
        if _room(low, high, lots):
            return lot * _largest_remainder((x - extra) / lot, low, high, lots) + extra
    raise InfeasibleOrder(
        f"the limits hold no schedule in whole lots of {lot:,.10g} for {problem.shares:,.10g} shares "
        f"(rounded down to lots they allow {lot * most_lots(problem).sum():,.10g}); use a smaller lot or wider limits"
    )


def pace_in_lots(problem: Problem, x: Array) -> Array:
    """Whole lots that keep to the pace of a schedule: their running total is the nearest that the limits allow.

    Largest remainders would trade the lots of equal slices in the first buckets, and those of VWAP at its peaks.
    `round_to_lots` adds an odd remainder, and what the caps of the last buckets cannot hold.

    Args:
        problem: the declaration; shares of an order without lots are left as they are.
        x: shares of each bucket, (N,).

    >>> import optexec as ox
    >>> problem = ox.Problem(ox.Order(300, lot=100), ox.Linear(0.01), ox.objective("A"), buckets=6)
    >>> pace_in_lots(problem, np.full(6, 50.0)).tolist()
    [100.0, 0.0, 100.0, 0.0, 100.0, 0.0]
    """
    if problem.order.lot is None:
        return x
    lot, (lots, _) = float(problem.order.lot), whole_lots(problem.order)
    total = np.minimum(lots_below(np.cumsum(x) + 0.5 * lot, lot), lots)
    low, high = _lot_bounds(problem, lot, np.zeros(problem.buckets))
    whole, traded = np.empty(problem.buckets), 0.0
    for i in range(problem.buckets):
        whole[i] = min(max(total[i] - traded, low[i]), high[i])
        traded += whole[i]
    return lot * whole


def broken_lots(problem: Problem, x: Array) -> NDArray[np.intp]:
    """Positions of slices that are not whole lots though the order has a lot; one may hold the odd remainder.

    Args:
        problem: the declaration.
        x: shares of each bucket, (N,), that add up to S.

    >>> import optexec as ox
    >>> problem = ox.Problem(ox.Order(350, lot=100), ox.Linear(0.01), ox.objective("A"), buckets=3)
    >>> broken_lots(problem, np.array([200.0, 150.0, 0.0])).tolist()
    []
    >>> broken_lots(problem, np.array([120.0, 130.0, 100.0])).tolist()
    [0, 1]
    """
    if problem.order.lot is None:
        return np.empty(0, dtype=np.intp)
    broken = np.flatnonzero(_off_lots(x, problem.order.lot) > NEAR * problem.order.lot)
    return broken[:0] if len(broken) == 1 and whole_lots(problem.order)[1] else broken


def _nearest(problem: Problem, x: Array, lot: float, lots: int, odd: float) -> Array | None:
    """The whole lots, and the odd remainder inside one slice, that shares are up to `NEAR`; None if they are not."""
    extra = odd_shares(x, lot, odd)
    whole = np.round((x - extra) / lot)
    rounded = lot * whole + extra
    low, high = _lot_bounds(problem, lot, extra)
    fits = np.all((low <= whole) & (whole <= high)) and whole.sum() == lots and extra.sum() == odd
    allowed = (rounded == 0) | (rounded >= problem.smallest - lot * _slack(problem.smallest, lot))
    same = np.all(np.abs(rounded - x) <= NEAR * lot)
    return rounded if fits and same and allowed.all() else None


def odd_shares(x: Array, lot: float, odd: float) -> Array:
    """The odd remainder beside whole lots in the slice that has it, (N,); zeros if all are nearer to whole lots alone.

    >>> odd_shares(np.array([300.0, 450.0]), lot=100.0, odd=50.0).tolist()
    [0.0, 50.0]
    >>> odd_shares(np.array([300.01, 400.0]), lot=100.0, odd=0.01).tolist()
    [0.01, 0.0]
    """
    nearer = _off_lots(x, lot) - _off_lots(x - odd, lot)
    extra, host = np.zeros(len(x)), np.argmax(nearer)
    extra[host] = odd if nearer[host] > 0 else 0.0
    return extra


def _off_lots(x: Array, lot: float) -> Array:
    """Shares by which slices miss whole lots."""
    return np.abs(x - lot * np.round(x / lot))


def _lot_bounds(problem: Problem, lot: float, extra: Array) -> tuple[Array, Array]:
    """Least and most whole lots of each bucket beside the shares in `extra`."""
    return np.maximum(lots_above(problem.lo - extra, lot), 0.0), lots_below(problem.hi - extra, lot)


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
