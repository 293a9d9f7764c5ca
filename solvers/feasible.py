"""Bring shares back inside the limits and onto the order."""

import numba
import numpy as np

from optexec.models.errors import SolverFailure
from optexec.models.limits import ROUNDING
from optexec.models.problem import Problem
from optexec.models.validation import Array

EXACT = 0.5 * np.finfo(float).eps
"""Fraction of the order by which rounding may miss it."""
FEASIBILITY = 1e-6
"""Fraction of the order by which a solver's shares may miss it before they are refused."""


def settle(problem: Problem, x: Array) -> Array:
    """Clip shares to their limits and spread what is missing from the order over the room that is left.

    Where a bucket has a least slice, shares below half of it are none.

    Args:
        problem: the declaration.
        x: shares of each bucket, (N,), feasible up to a solver's tolerance.

    Raises:
        SolverFailure: shares that miss the order, or a least slice, by more than a solver's tolerance.
        InfeasibleOrder: the buckets that trade cannot hold the order by themselves.

    >>> import optexec as ox
    >>> problem = ox.Problem(ox.Order(300), ox.Linear(0.01), ox.objective("A"), buckets=3)
    >>> settle(problem, np.array([100.00001, -1e-9, 200.0])).sum()
    np.float64(300.0)
    """
    problem = problem.trading(x > problem.smallest / 2)
    inside = np.clip(x, problem.lo, problem.hi)
    missing = problem.shares - inside.sum()
    if not abs(missing) <= FEASIBILITY * problem.shares:
        raise SolverFailure(
            f"the solver's shares add up to {x.sum():,.10g} instead of {problem.shares:,.10g}; "
            "use another method, or look at constraints of your own"
        )
    return meet(inside[None], problem.lo[None], problem.hi[None], np.array([[problem.shares]]))[0]


def only_schedule(problem: Problem) -> Array | None:
    """The one schedule that the limits leave, (N,); None where they leave a choice.

    A bucket trades at least what is left when all others trade their caps, and at most what their floors leave.

    >>> import optexec as ox
    >>> capped = ox.Limits(maximum=[100, 200])
    >>> only_schedule(ox.Problem(ox.Order(300), ox.Linear(0.01), ox.objective("A"), capped)).tolist()
    [100.0, 200.0]
    """
    low = np.maximum(problem.lo, problem.hi - (problem.hi.sum() - problem.shares))
    high = np.minimum(problem.hi, problem.lo + (problem.shares - problem.lo.sum()))
    return settle(problem, low) if (high - low <= ROUNDING * problem.shares).all() else None


def meet(x: Array, lo: Array, hi: Array, shares: Array) -> Array:
    """Spread what shares miss of their orders by rounding over the room that is left, in proportion to the shares.

    Args:
        x: shares, (M, N) for M orders.
        lo, hi: floors and caps, (M, N).
        shares: sizes of the orders, (M, 1).

    >>> x, hi = np.array([[60.0, 200.0]]), np.array([[60.0, 300.0]])
    >>> meet(x, np.zeros((1, 2)), hi, np.array([[270.0]])).tolist()
    [[60.0, 210.0]]
    """
    inside = np.array(x)
    _meet_all(inside, lo, hi, shares)
    return inside


@numba.njit(cache=True, error_model="numpy")
def _meet_all(x: Array, lo: Array, hi: Array, shares: Array) -> None:
    for m in range(len(x)):
        meet_order(x[m], lo[m], hi[m], shares[m, 0])


@numba.njit(cache=True, error_model="numpy")
def meet_order(x: Array, lo: Array, hi: Array, shares: float) -> None:
    """As `meet`, for one order and in place, compiled: (N,)."""
    for i in range(len(x)):
        x[i] = min(max(x[i], lo[i]), hi[i])
    for _ in range(3):
        missing = shares - x.sum()
        if not abs(missing) > EXACT * shares:
            break
        whole, idle = 0.0, 0.0
        for i in range(len(x)):
            whole += x[i] - lo[i] if missing < 0 else (x[i] if x[i] < hi[i] else 0.0)
            idle += hi[i] - x[i]
        empty = missing > 0 and not whole > 0
        whole = idle if empty else whole
        if not whole > 0:
            break
        for i in range(len(x)):
            room = hi[i] - x[i]
            weight = x[i] - lo[i] if missing < 0 else (room if empty else (x[i] if room > 0 else 0.0))
            x[i] = min(max(x[i] + missing / whole * weight, lo[i]), hi[i])


def spread(problem: Problem, weights: Array) -> Array:
    """Shares in proportion to weights, inside the limits, with sum S: x_i = clip(t w_i, lo_i, hi_i).

    What the buckets of positive weight cannot hold is spread evenly over the others.

    Args:
        problem: the declaration.
        weights: >= 0, (N,).

    >>> import optexec as ox
    >>> capped = ox.Limits(maximum=[60, 200, 200])
    >>> problem = ox.Problem(ox.Order(300), ox.Linear(0.01), ox.objective("A"), limits=capped)
    >>> spread(problem, np.array([1.0, 1.0, 2.0])).tolist()
    [60.0, 80.0, 160.0]
    """
    lo, hi, first = problem.lo, problem.hi, weights > 0
    if first.all() or hi[first].sum() + lo[~first].sum() >= problem.shares:
        level = _level(weights[first], lo[first], hi[first], problem.shares - lo[~first].sum())
        return settle(problem, np.clip(level * weights, lo, hi))
    level = _level(np.ones((~first).sum()), lo[~first], hi[~first], problem.shares - hi[first].sum())
    return settle(problem, np.where(first, hi, np.clip(level, lo, hi)))


def _level(weights: Array, lo: Array, hi: Array, shares: float) -> float:
    """The t at which sum_i clip(t w_i, lo_i, hi_i) reaches `shares`, for weights > 0.

    The sum is piecewise linear in t: sort its kinks and interpolate.
    """
    kinks = np.concatenate([lo / weights, hi / weights])
    order = np.argsort(kinks, kind="stable")
    kinks, slope = kinks[order], np.cumsum(np.concatenate([weights, -weights])[order])
    totals = lo.sum() + np.append(0.0, np.cumsum(slope[:-1] * np.diff(kinks)))
    at = int(np.searchsorted(totals, shares))
    if at in (0, len(kinks)):
        return float(kinks[min(at, len(kinks) - 1)])
    return float(kinks[at - 1] + (shares - totals[at - 1]) / slope[at - 1])
