"""One predictor and corrector step of the interior point for each of many orders, compiled: O(N) an order.

States are arrays (4, M, N, K) for M orders, N buckets and K straight segments a bucket: shares above each segment's
start and below its end, kept apart so that neither is rounded away, and the multipliers of the starts and ends.
"""

from math import isfinite, isnan, nan
from typing import Any

import numba
import numpy as np

from optexec.models.validation import Array

ABOVE, BELOW, FLOOR, CAP = 0, 1, 2, 3
"""Parts of a state."""
MOVING, ARRIVED, STOPPED = 0, 1, 2
"""Whether an order is still on its way, is where it should be, or cannot be brought any further."""
STILL = 1e-9
"""Fraction of the order that no segment may move by in the last step."""
TO_BOUNDARY = 0.995
"""Least part of the way to the nearest limit that a step goes; nearly all of it once the barrier falls fast."""
PATIENCE = 5
"""Steps without progress after which an order is called stalled."""


@numba.njit(cache=True, error_model="numpy")
def advance(
    state: Array,
    following: Array,
    free: Array,
    segment_slope: Array,
    x: Array,
    marginal: Array,
    curvature: Array,
    risk: Array,
    still: Array,
    tolerance: Array,
    status: Array,
    moved: Array,
    barrier: Array,
    stalled: Array,
    target: Array,
) -> tuple[bool, bool]:
    """Write the state that follows a step of Mehrotra's predictor and corrector; orders that arrived stay.

    Args:
        state, following: where the orders are, and where they go, (4, M, N, K).
        free: whether a segment has room, (M, N, K).
        segment_slope: what a segment adds to its bucket's marginal cost, (M, N, K).
        x: shares, (M, N).
        marginal, curvature: derivatives of each bucket's curved costs there, (M, N).
        risk: weights of the inventories, (M, N).
        still: shares that a segment moves by at most in a last step, (M,).
        tolerance: mean of multiplier times slack at which an order has arrived, dollars, (M,).
        status: MOVING, ARRIVED or STOPPED, (M,); changed.
        moved: largest move of a segment in the last step in shares, (M,); changed.
        barrier: least mean of multiplier times slack so far, (M,); changed.
        stalled: steps since then, (M,); changed.
        target: the barrier that the step aims at, (M,); changed.

    Returns:
        Whether an order is still moving, and whether one of those is stalled.
    """
    moving, careful = False, False
    for m in range(len(x)):
        following[:, m] = state[:, m]
        if status[m] != MOVING:
            continue
        now = _barrier(state[:, m], free[m])
        stalled[m] = 0 if now < barrier[m] else stalled[m] + 1
        barrier[m] = min(barrier[m], now)
        if now <= tolerance[m] and moved[m] <= still[m]:
            status[m] = ARRIVED
            continue
        target[m], moved[m] = _step(
            state[:, m], following[:, m], free[m], segment_slope[m], x[m], marginal[m], curvature[m], risk[m], now
        )
        if isnan(moved[m]):
            following[:, m] = state[:, m]
            status[m] = STOPPED
            continue
        moving, careful = True, careful or stalled[m] >= PATIENCE
    return moving, careful


@numba.njit(cache=True, error_model="numpy")
def _barrier(state: Array, free: Array) -> float:
    """Mean of multiplier times slack, dollars."""
    pairs, count = 0.0, 0
    for i in range(free.shape[0]):
        for k in range(free.shape[1]):
            if free[i, k]:
                pairs += state[FLOOR, i, k] * state[ABOVE, i, k] + state[CAP, i, k] * state[BELOW, i, k]
                count += 2
    return pairs / max(count, 1)


@numba.njit(cache=True, error_model="numpy")
def _step(
    state: Array,
    following: Array,
    free: Array,
    segment_slope: Array,
    x: Array,
    marginal: Array,
    curvature: Array,
    risk: Array,
    now: float,
) -> tuple[float, float]:
    """Write the following state of one order; the barrier aimed at and the largest move, NaN if it leads nowhere."""
    bucket, segment, first = _places(free)
    above, below, floor, cap, slope = _gathered(state, segment_slope, bucket, segment)
    per_above, per_below = 1.0 / above, 1.0 / below
    give = 1.0 / (floor * per_above + cap * per_below)
    stiff, system, own = _stiffness(give, first, bucket, marginal, curvature)
    held, weight = _between(x, risk, bucket[first[:-1]])
    pivots, factors = _factorised(system, weight)
    push = _direction(slope, own, held, first, give, stiff, pivots, factors)
    target = now * (max(_predicted(above, below, floor, cap, push, per_above, per_below), 0.0) / now) ** 3
    floor_aim, cap_aim, force = np.empty(len(above)), np.empty(len(above)), np.empty(len(above))
    for s in range(len(above)):
        floor_aim[s] = (target + push[s] * floor[s] * (1.0 + push[s] * per_above[s])) * per_above[s]
        cap_aim[s] = (target - push[s] * cap[s] * (1.0 - push[s] * per_below[s])) * per_below[s]
        force[s] = slope[s] - floor_aim[s] + cap_aim[s]
    push = _direction(force, own, held, first, give, stiff, pivots, factors)
    shares_fall, prices_fall, moved, size = 0.0, 0.0, 0.0, 0.0
    for s in range(len(above)):
        up, down = push[s] * per_above[s], push[s] * per_below[s]
        floor_aim[s] -= floor[s] * (1.0 + up)
        cap_aim[s] -= cap[s] * (1.0 - down)
        shares_fall = max(shares_fall, -up, down)
        prices_fall = max(prices_fall, -floor_aim[s] / floor[s], -cap_aim[s] / cap[s])
        moved = max(moved, abs(push[s]))
        size += abs(push[s]) + abs(floor_aim[s]) + abs(cap_aim[s])
    reach = min(max(TO_BOUNDARY, 1.0 - target / now), 1.0 - 1e-6)
    share, price = min(1.0, reach / shares_fall), min(1.0, reach / prices_fall)
    for s in range(len(above)):
        i, k = bucket[s], segment[s]
        following[ABOVE, i, k] = above[s] + share * push[s]
        following[BELOW, i, k] = below[s] - share * push[s]
        following[FLOOR, i, k] = floor[s] + price * floor_aim[s]
        following[CAP, i, k] = cap[s] + price * cap_aim[s]
    return target, moved if isfinite(size) else nan


@numba.njit(cache=True, error_model="numpy")
def _stiffness(
    give: Array, first: Array, bucket: Array, marginal: Array, curvature: Array
) -> tuple[Array, Array, Array]:
    """Of each open bucket: joint stiffness of its segments, and with its curvature; its marginal cost."""
    count = len(first) - 1
    stiff, system, own = np.empty(count), np.empty(count), np.empty(count)
    for p in range(count):
        i, joint = bucket[first[p]], 0.0
        for s in range(first[p], first[p + 1]):
            joint += give[s]
        stiff[p] = 1.0 / joint
        system[p], own[p] = curvature[i] + stiff[p], marginal[i]
    return stiff, system, own


@numba.njit(cache=True, error_model="numpy")
def _predicted(
    above: Array, below: Array, floor: Array, cap: Array, push: Array, per_above: Array, per_below: Array
) -> float:
    """Mean of multiplier times slack after the longest step towards products of zero."""
    shares_fall, prices_fall = 1.0, 1.0
    for s in range(len(above)):
        up, down = push[s] * per_above[s], push[s] * per_below[s]
        shares_fall = max(shares_fall, -up, down)
        prices_fall = max(prices_fall, 1.0 + up, 1.0 - down)
    share, price, pairs = 1.0 / shares_fall, 1.0 / prices_fall, 0.0
    for s in range(len(above)):
        pairs += (above[s] + share * push[s]) * floor[s] * (1.0 - price * (1.0 + push[s] * per_above[s]))
        pairs += (below[s] - share * push[s]) * cap[s] * (1.0 - price * (1.0 - push[s] * per_below[s]))
    return pairs / (2 * len(above))


@numba.njit(cache=True, error_model="numpy")
def _places(free: Array) -> Any:
    """Bucket and segment number of every segment with room, and where those of each open bucket begin."""
    bucket, segment = np.empty(free.size, dtype=np.int64), np.empty(free.size, dtype=np.int64)
    first = np.empty(len(free) + 1, dtype=np.int64)
    found, count = 0, 0
    for i in range(free.shape[0]):
        start = found
        for k in range(free.shape[1]):
            if free[i, k]:
                bucket[found], segment[found] = i, k
                found += 1
        if found > start:
            first[count] = start
            count += 1
    first[count] = found
    return bucket[:found], segment[:found], first[: count + 1]


@numba.njit(cache=True, error_model="numpy")
def _gathered(
    state: Array, segment_slope: Array, bucket: Array, segment: Array
) -> tuple[Array, Array, Array, Array, Array]:
    """The state and slopes of the segments with room, one after the other."""
    parts = np.empty((5, len(bucket)))
    for s in range(len(bucket)):
        i, k = bucket[s], segment[s]
        parts[0, s], parts[1, s] = state[ABOVE, i, k], state[BELOW, i, k]
        parts[2, s], parts[3, s] = state[FLOOR, i, k], state[CAP, i, k]
        parts[4, s] = segment_slope[i, k]
    return parts[0], parts[1], parts[2], parts[3], parts[4]


@numba.njit(cache=True, error_model="numpy")
def _between(x: Array, risk: Array, buckets: Array) -> tuple[Array, Array]:
    """Holding price and weight of the inventories from each open bucket to the next."""
    held, weight = np.zeros(len(buckets)), np.zeros(len(buckets))
    inventory, price, added = 0.0, 0.0, 0.0
    place = len(buckets) - 1
    for i in range(len(x) - 1, -1, -1):
        price += risk[i] * inventory
        added += risk[i]
        inventory += x[i]
        if place >= 0 and buckets[place] == i:
            held[place], weight[place] = price, added
            price, added = 0.0, 0.0
            place -= 1
    return held, weight


@numba.njit(cache=True, error_model="numpy")
def _factorised(system: Array, weight: Array) -> tuple[Array, Array]:
    """Reciprocal pivots and factors of L D L' of the tridiagonal system in the inventories between open buckets."""
    n = len(system) - 1
    pivots, factors = np.zeros(n), np.zeros(n)
    for j in range(n):
        pivot = system[j] + system[j + 1] + weight[j]
        if j:
            factors[j] = -system[j] * pivots[j - 1]
            pivot += factors[j] * system[j]
        pivots[j] = 1.0 / pivot
    return pivots, factors


@numba.njit(cache=True, error_model="numpy")
def _direction(
    force: Array,
    own: Array,
    held: Array,
    first: Array,
    give: Array,
    stiff: Array,
    pivots: Array,
    factors: Array,
) -> Array:
    """Newton moves of the segments under the force on each of them, in shares."""
    count = len(own)
    joint, inventory = np.empty(count), np.zeros(count + 1)
    for p in range(count):
        pull = 0.0
        for s in range(first[p], first[p + 1]):
            pull += give[s] * force[s]
        joint[p] = stiff[p] * pull
    for j in range(count - 1):
        right = own[j] + joint[j] - own[j + 1] - joint[j + 1] - held[j]
        inventory[j + 1] = right - factors[j] * inventory[j]
    for j in range(count - 2, -1, -1):
        inventory[j + 1] = inventory[j + 1] * pivots[j] - (factors[j + 1] * inventory[j + 2] if j < count - 2 else 0.0)
    push = np.empty(len(force))
    for p in range(count):
        move = inventory[p] - inventory[p + 1]
        rest, widest = move, first[p]
        for s in range(first[p], first[p + 1]):
            push[s] = give[s] * (stiff[p] * move + joint[p] - force[s])
            rest -= push[s]
            if give[s] > give[widest]:
                widest = s
        push[widest] += rest
    return push
