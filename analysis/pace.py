"""How fast a schedule trades: how much is done by a time, and the time by which so much is done."""

import numpy as np

from optexec.models.problem import Problem
from optexec.models.validation import Array

ROUNDING = 1e-12
"""Fraction of the order by which rounding may move the inventory."""


def held(problem: Problem, x: Array) -> Array:
    """R_0..R_N of shares x, (N+1,).

    >>> import optexec as ox
    >>> problem = ox.Problem(ox.Order(300), ox.Linear(0.01), ox.objective("A"), buckets=2)
    >>> held(problem, np.array([200.0, 100.0])).tolist()
    [300.0, 100.0, 0.0]
    """
    return np.append(problem.shares, problem.inventory(x))


def time_until(inventory: Array, share: float) -> float:
    """Buckets from the start until a share of the order is done, trading evenly inside a bucket.

    Args:
        inventory: R_0..R_N, (N+1,), falling.
        share: in (0, 1); 0.5 gives the half-life of the inventory.

    Returns:
        Buckets; inf if more than that stays unfilled.

    >>> time_until(np.array([300.0, 100.0, 0.0]), 0.5), time_until(np.array([300.0, 200.0, 200.0]), 0.5)
    (0.75, inf)
    """
    left = (1.0 - share) * inventory[0]
    done = inventory <= left + ROUNDING * inventory[0]
    if not done.any():
        return np.inf
    k = int(np.argmax(done))
    return float(k - (left - inventory[k]) / (inventory[k - 1] - inventory[k]))


def done_by(inventory: Array, day: float) -> float:
    """Share of the order that is done after a part of the buckets, trading evenly inside a bucket.

    Args:
        inventory: R_0..R_N, (N+1,).
        day: part of the buckets, in [0, 1].

    >>> done_by(np.array([400.0, 100.0, 0.0]), 0.25)
    0.375
    """
    places = np.arange(len(inventory))
    return float(1.0 - np.interp(day * places[-1], places, inventory) / inventory[0])
