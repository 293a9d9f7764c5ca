"""What desks do without an optimiser, and the usual heuristics. None of them promises anything about the optimum."""

from collections.abc import Iterable

import numpy as np

from optexec.models.errors import InvalidInput
from optexec.models.lots import pace_in_lots
from optexec.models.problem import Problem
from optexec.models.validation import Array
from optexec.solvers.feasible import settle, spread

GREEDY_SLICES = 1_000
"""Slices that `greedy` cuts an order without lots into."""
HALF_LIVES = 4
"""Half-lives of the inventory over the day in `exponential`."""


def needs_volume(problem: Problem) -> str:
    """Why a volume-based baseline does not apply; empty if it does."""
    if problem.limits.volume is None:
        return "limits.volume is not given"
    return "" if np.any(problem.limits.volume) else "limits.volume is zero in every bucket"


def _volume(problem: Problem) -> Array:
    if reason := needs_volume(problem):
        raise InvalidInput(f"the method does not apply: {reason}; give Limits(volume=[...])")
    return np.broadcast_to(np.asarray(problem.limits.volume, dtype=float), (problem.buckets,))


def twap(problem: Problem) -> Array:
    """Time-weighted: equal slices, as far as the limits allow.

    >>> import optexec as ox
    >>> twap(ox.Problem(ox.Order(300), ox.Linear(0.01), ox.objective("A"), buckets=3)).tolist()
    [100.0, 100.0, 100.0]
    """
    return _by_time(problem, np.ones(problem.buckets))


def vwap(problem: Problem) -> Array:
    """Volume-weighted: slices in proportion to the market's volume, as far as the limits allow.

    Raises:
        InvalidInput: no volume in the limits.

    >>> import optexec as ox
    >>> volume = ox.Limits(volume=[10, 20, 30])
    >>> vwap(ox.Problem(ox.Order(300), ox.Linear(0.01), ox.objective("A"), limits=volume)).tolist()
    [50.0, 100.0, 150.0]
    """
    return _by_time(problem, _volume(problem))


def pov(problem: Problem) -> Array:
    """Percentage of volume: the participation limit's share of each bucket's volume from the start until done.

    Without a participation limit the rate is the order's share of the whole day's volume, which is VWAP.

    Raises:
        InvalidInput: no volume in the limits.

    >>> import optexec as ox
    >>> limits = ox.Limits(participation=0.5, volume=[200, 300, 400])
    >>> pov(ox.Problem(ox.Order(300), ox.Linear(0.01), ox.objective("A"), limits=limits)).tolist()
    [100.0, 150.0, 50.0]
    """
    volume, rate = _volume(problem), problem.limits.participation
    if rate is None:
        return vwap(problem)
    wanted = np.clip(rate * volume, problem.lo, problem.hi)
    return pace_in_lots(problem, _in_order(problem, wanted, range(problem.buckets)))


def front_loaded(problem: Problem) -> Array:
    """Linearly falling slices: weights N, N-1, ..., 1.

    >>> import optexec as ox
    >>> front_loaded(ox.Problem(ox.Order(600), ox.Linear(0.01), ox.objective("A"), buckets=3)).tolist()
    [300.0, 200.0, 100.0]
    """
    return _by_time(problem, np.arange(problem.buckets, 0, -1, dtype=float))


def exponential(problem: Problem) -> Array:
    """Exponentially falling slices: the inventory would halve four times over the day if the day had no end.

    >>> import optexec as ox
    >>> exponential(ox.Problem(ox.Order(1500), ox.Linear(0.01), ox.objective("A"), buckets=4)).tolist()
    [800.0, 400.0, 200.0, 100.0]
    """
    return _by_time(problem, 0.5 ** (HALF_LIVES * np.arange(problem.buckets) / problem.buckets))


def best_bucket(problem: Problem) -> Array:
    """Fill buckets to their limit, the least average cost of a full bucket first.

    The optimum of concave (A) without limits; a heuristic otherwise.

    >>> import optexec as ox
    >>> concave = ox.Power(a=[1.0, 0.5, 2.0], b=0.5)
    >>> best_bucket(ox.Problem(ox.Order(300), concave, ox.objective("A"))).tolist()
    [0.0, 300.0, 0.0]
    """
    full = np.maximum(problem.hi, problem.lo)
    average = np.divide(_separable(problem, full), full, out=np.full(problem.buckets, np.inf), where=full > 0)
    return _in_order(problem, problem.hi, np.argsort(average, kind="stable"))


def greedy(problem: Problem) -> Array:
    """Slice by slice to the bucket where the next slice costs least.

    A slice is a thousandth of the order, in whole lots if the order has lots.
    Optimal on its grid for convex (A) and (B). On concave curves it follows the cheapest first slice and can end
    far from the best bucket. Inventory risk is not seen by it.

    >>> import optexec as ox
    >>> order = ox.Order(300, lot=1)
    >>> greedy(ox.Problem(order, ox.Power(a=[1.0, 2.0], b=2.0), ox.objective("A"))).tolist()
    [200.0, 100.0]
    """
    step = _greedy_slice(problem)
    x, missing = problem.lo.copy(), problem.shares - problem.lo.sum()
    cost = _separable(problem, x)
    while missing > 1e-12 * problem.shares:
        size = np.minimum(np.minimum(step, missing), problem.hi - x)
        price = np.divide(_separable(problem, x + size) - cost, size, out=np.full(len(x), np.inf), where=size > 0)
        i = int(np.argmin(price))
        if size[i] <= 0:
            break
        x[i] += size[i]
        cost[i] += price[i] * size[i]
        missing -= size[i]
    return settle(problem, x)


def _greedy_slice(problem: Problem) -> float:
    """A lot, or as many lots as make about a thousandth of the order; that thousandth without lots."""
    fraction, lot = problem.shares / GREEDY_SLICES, problem.order.lot
    return fraction if lot is None else lot * max(1, round(fraction / lot))


def _by_time(problem: Problem, weights: Array) -> Array:
    """Slices in proportion to weights, in whole lots at the same pace if the order has lots."""
    return pace_in_lots(problem, spread(problem, weights))


def _in_order(problem: Problem, wanted: Array, order: Iterable[int]) -> Array:
    """Go through the buckets and trade `wanted` in each above its floor until the order is done."""
    x, missing = problem.lo.copy(), problem.shares - problem.lo.sum()
    for i in order:
        slice_ = min(max(wanted[i] - x[i], 0.0), missing)
        x[i] += slice_
        missing -= slice_
    return settle(problem, x)


def _separable(problem: Problem, x: Array) -> Array:
    """Cost of each bucket at shares x from the terms that look at one bucket alone, (N,)."""
    costs = (term.bucket_costs(problem, x) for term in problem.terms if term.separable)
    return sum(costs, start=np.zeros(problem.buckets))
