"""One predictor and corrector step of the interior point for many orders at once, compiled: O(N) an order.

Arrays have the orders along their last axis, so that a processor's vector instructions work on several of them:
(N, M) for N buckets and M orders, (K, N, M) for the K straight segments of each bucket. A state is (4, K, N, M): shares
above each segment's start and below its end, kept apart so that neither is rounded away, and the multipliers of the
starts and ends.
"""

from math import inf, isnan

import numba

from optexec.models.validation import Array

ABOVE, BELOW, FLOOR, CAP = 0, 1, 2, 3
"""Parts of a state."""
MOVING, ARRIVED, STOPPED = 0, 1, 2
"""Whether an order is still on its way, is where it should be, or cannot be brought any further."""
STILL = 1e-9
"""Fraction of the order that no segment may move by in the last step."""
TO_BOUNDARY, TO_END = 0.995, 1.0 - 1e-6
"""Least and most part of the way to the nearest limit that a step goes; the more, the faster the barrier falls."""
PATIENCE = 5
"""Steps without progress after which an order is called stalled, and goes on with less haste."""
HASTE, CALM = 0.2, 0.7
"""Part of the barrier that a stalled order aims at, at least, and of the way to the nearest limit that it goes."""
SEGMENT_ARRAYS, BUCKET_ARRAYS, ORDER_ARRAYS = 7, 9, 6
"""Room that a step needs, in arrays of each shape."""
GIVE, PUSH, FLOOR_AIM, CAP_AIM, PER_ABOVE, PER_BELOW, FORCE = range(7)
JOINT, PULL, RATE, FORCED, HELD, REACH, DAMP, CARRIED, MOVE = range(9)
SHARE, PRICE, NOW, COUNT, MISSING, SIZE = range(6)


@numba.njit(cache=True, error_model="numpy")
def advance(
    state: Array,
    following: Array,
    free: Array,
    slope: Array,
    x: Array,
    marginal: Array,
    curvature: Array,
    risk: Array,
    shares: Array,
    tolerance: Array,
    status: Array,
    moved: Array,
    barrier: Array,
    stalled: Array,
    target: Array,
    segments: Array,
    buckets: Array,
    orders: Array,
) -> tuple[bool, bool]:
    """Write the state that follows a step of Mehrotra's predictor and corrector; orders that arrived stay.

    Args:
        state, following: where the orders are, and where they go.
        free: whether a segment has room, (K, N, M).
        slope: what a segment adds to its bucket's marginal cost, (K, N, M).
        x: shares, (N, M).
        marginal, curvature: derivatives of each bucket's curved costs there, (N, M).
        risk: weights of the inventories, (N, M).
        shares: sizes of the orders, (M,).
        tolerance: mean of multiplier times slack at which an order has arrived, dollars, (M,).
        status: MOVING, ARRIVED or STOPPED, (M,); changed.
        moved: largest move of a segment in the last step in shares, (M,); changed.
        barrier: least mean of multiplier times slack so far, (M,); changed.
        stalled: steps since then, (M,); changed.
        target: the barrier that the step aims at, (M,); changed.
        segments, buckets, orders: room for (SEGMENT_ARRAYS, K, N, M), (BUCKET_ARRAYS, N, M), (ORDER_ARRAYS, M).

    Returns:
        Whether an order is still moving, and whether one of those is stalled.
    """
    _measure(state, free, orders)
    for m in range(len(status)):
        if status[m] == MOVING:
            stalled[m] = 0 if orders[NOW, m] < barrier[m] else stalled[m] + 1
            barrier[m] = min(barrier[m], orders[NOW, m])
            if orders[NOW, m] <= tolerance[m] and moved[m] <= STILL * shares[m]:
                status[m] = ARRIVED
    _soften(state, free, curvature, segments, buckets)
    _hold(x, risk, shares, buckets, orders)
    _push(slope, marginal, risk, segments, buckets, orders)
    _predict(state, segments, orders, stalled, target)
    _aim(state, slope, target, segments)
    _push(segments[FORCE], marginal, risk, segments, buckets, orders)
    _lengthen(state, free, target, segments, orders, stalled, status, moved)
    _move(state, following, segments, orders)
    moving, careful = False, False
    for m in range(len(status)):
        if status[m] == MOVING:
            moving, careful = True, careful or stalled[m] >= PATIENCE
    return moving, careful


@numba.njit(cache=True, error_model="numpy")
def newton_moves(
    x: Array,
    marginal: Array,
    curvature: Array,
    inside: Array,
    risk: Array,
    shares: Array,
    segments: Array,
    buckets: Array,
    orders: Array,
) -> Array:
    """Newton moves of the buckets that are inside their limits, without barriers, in shares, (N, M).

    Args:
        x, marginal, curvature, risk, shares: as in `advance`, for smooth costs.
        inside: whether a bucket may move, (N, M).
        segments, buckets, orders: room as in `advance`, for one segment a bucket.
    """
    joint, rate = buckets[JOINT], buckets[RATE]
    for i in range(x.shape[0]):
        for m in range(x.shape[1]):
            joint[i, m] = 1.0 / curvature[i, m] if inside[i, m] else 0.0
            rate[i, m] = 1.0
    _hold(x, risk, shares, buckets, orders)
    segments[GIVE] = 0.0
    _push(segments[GIVE], marginal, risk, segments, buckets, orders)
    return buckets[MOVE]


@numba.njit(cache=True, error_model="numpy")
def _measure(state: Array, free: Array, orders: Array) -> None:
    """Mean of multiplier times slack, dollars."""
    above, below, floor, cap = state
    now, count = orders[NOW], orders[COUNT]
    now[:] = 0.0
    count[:] = 0.0
    for k in range(free.shape[0]):
        for i in range(free.shape[1]):
            for m in range(free.shape[2]):
                now[m] += floor[k, i, m] * above[k, i, m] + cap[k, i, m] * below[k, i, m]
                count[m] += 2.0 * free[k, i, m]
    for m in range(len(now)):
        now[m] /= max(count[m], 1.0)


@numba.njit(cache=True, error_model="numpy")
def _soften(state: Array, free: Array, curvature: Array, segments: Array, buckets: Array) -> None:
    """How far each segment gives way to a force, and the segments of a bucket together with its curvature."""
    above, below, floor, cap = state
    give, per_above, per_below = segments[GIVE], segments[PER_ABOVE], segments[PER_BELOW]
    joint, rate = buckets[JOINT], buckets[RATE]
    joint[:] = 0.0
    for k in range(free.shape[0]):
        for i in range(free.shape[1]):
            for m in range(free.shape[2]):
                room = free[k, i, m]
                per_above[k, i, m] = 1.0 / above[k, i, m] if room else 0.0
                per_below[k, i, m] = 1.0 / below[k, i, m] if room else 0.0
                stiff = floor[k, i, m] * per_above[k, i, m] + cap[k, i, m] * per_below[k, i, m]
                give[k, i, m] = 1.0 / stiff if room else 0.0
                joint[i, m] += give[k, i, m]
    for i in range(joint.shape[0]):
        for m in range(joint.shape[1]):
            rate[i, m] = 1.0 / (1.0 + curvature[i, m] * joint[i, m]) if joint[i, m] > 0 else 0.0


@numba.njit(cache=True, error_model="numpy")
def _hold(x: Array, risk: Array, shares: Array, buckets: Array, orders: Array) -> None:
    """What holding the inventories costs at the margin, and how far they give way to the price of the last bucket."""
    held, reach, damp = buckets[HELD], buckets[REACH], buckets[DAMP]
    joint, rate, missing = buckets[JOINT], buckets[RATE], orders[MISSING]
    last = x.shape[0] - 1
    inventory = orders[SIZE]
    inventory[:] = 0.0
    for i in range(last, -1, -1):
        for m in range(x.shape[1]):
            held[i, m] = risk[i, m] * inventory[m]
            inventory[m] += x[i, m]
    for m in range(x.shape[1]):
        missing[m] = shares[m] - inventory[m]
        reach[0, m] = joint[0, m] * rate[0, m]
    for i in range(last):
        for m in range(x.shape[1]):
            damp[i, m] = 1.0 / (1.0 + reach[i, m] * risk[i, m])
            reach[i + 1, m] = reach[i, m] * damp[i, m] + joint[i + 1, m] * rate[i + 1, m]


@numba.njit(cache=True, error_model="numpy")
def _push(force: Array, marginal: Array, risk: Array, segments: Array, buckets: Array, orders: Array) -> None:
    """Newton moves of the segments under the force on each of them, in shares.

    With the flexibility t_i = joint_i rate_i of a bucket and its force f_i, the moves are m_i = t_i (p_i - f_i) at
    prices with p_{i+1} = p_i - w_i r_i - held_i, where r_i is the change of inventory i. Eliminating forwards,
    r_i = carried_i - reach_i p_i; the price of the last bucket makes the moves add up to what is missing. A move is
    also the difference of the changes of two inventories, and taken from whichever has fewer digits to lose.
    """
    give, push = segments[GIVE], segments[PUSH]
    joint, pull, rate, forced = buckets[JOINT], buckets[PULL], buckets[RATE], buckets[FORCED]
    held, reach, damp, carried, move = buckets[HELD], buckets[REACH], buckets[DAMP], buckets[CARRIED], buckets[MOVE]
    price = orders[PRICE]
    last = joint.shape[0] - 1
    pull[:] = 0.0
    for k in range(force.shape[0]):
        for i in range(force.shape[1]):
            for m in range(force.shape[2]):
                pull[i, m] += give[k, i, m] * force[k, i, m]
    for i in range(last + 1):
        for m in range(joint.shape[1]):
            own = marginal[i, m] * joint[i, m] if joint[i, m] > 0 else 0.0
            forced[i, m] = (own + pull[i, m]) * rate[i, m]
    for m in range(joint.shape[1]):
        carried[0, m] = forced[0, m]
    for i in range(last):
        for m in range(joint.shape[1]):
            kept = (carried[i, m] - reach[i, m] * held[i, m]) * damp[i, m]
            carried[i + 1, m] = kept + forced[i + 1, m]
    change = orders[SHARE]
    for m in range(joint.shape[1]):
        change[m] = -orders[MISSING, m]
        price[m] = (carried[last, m] - change[m]) / reach[last, m]
    for i in range(last, -1, -1):
        for m in range(joint.shape[1]):
            before, added = 0.0, 0.0
            if i > 0:
                before = (carried[i - 1, m] - reach[i - 1, m] * (held[i - 1, m] + price[m])) * damp[i - 1, m]
                added = risk[i - 1, m] * before + held[i - 1, m]
            flex = joint[i, m] * rate[i, m] * price[m]
            exact = abs(flex) < abs(before) + abs(change[m])
            move[i, m] = flex - forced[i, m] if exact else before - change[m]
            price[m] += added
            change[m] = before
    if force.shape[0] == 1:
        push[0] = move
    else:
        _share_out(force, segments, buckets)


@numba.njit(cache=True, error_model="numpy")
def _share_out(force: Array, segments: Array, buckets: Array) -> None:
    """The moves of buckets shared out among their segments; the softest takes what rounding leaves."""
    give, push = segments[GIVE], segments[PUSH]
    joint, pull, move = buckets[JOINT], buckets[PULL], buckets[MOVE]
    for i in range(force.shape[1]):
        for m in range(force.shape[2]):
            rest, softest = move[i, m], 0
            for k in range(force.shape[0]):
                part = (move[i, m] + pull[i, m]) / joint[i, m] - force[k, i, m] if give[k, i, m] > 0 else 0.0
                push[k, i, m] = give[k, i, m] * part
                rest -= push[k, i, m]
                if give[k, i, m] > give[softest, i, m]:
                    softest = k
            push[softest, i, m] += rest


@numba.njit(cache=True, error_model="numpy")
def _predict(state: Array, segments: Array, orders: Array, stalled: Array, target: Array) -> None:
    """The barrier to aim at, from the longest step towards none."""
    above, below, floor, cap = state
    push, per_above, per_below = segments[PUSH], segments[PER_ABOVE], segments[PER_BELOW]
    share, price, after = orders[SHARE], orders[PRICE], orders[SIZE]
    share[:] = 1.0
    price[:] = 1.0
    after[:] = 0.0
    for k in range(push.shape[0]):
        for i in range(push.shape[1]):
            for m in range(push.shape[2]):
                up, down = push[k, i, m] * per_above[k, i, m], push[k, i, m] * per_below[k, i, m]
                share[m] = max(share[m], max(-up, down))
                price[m] = max(price[m], max(1.0 + up, 1.0 - down))
    for m in range(push.shape[2]):
        share[m], price[m] = 1.0 / share[m], 1.0 / price[m]
    for k in range(push.shape[0]):
        for i in range(push.shape[1]):
            for m in range(push.shape[2]):
                up, down = push[k, i, m] * per_above[k, i, m], push[k, i, m] * per_below[k, i, m]
                step = share[m] * push[k, i, m]
                after[m] += (above[k, i, m] + step) * floor[k, i, m] * (1.0 - price[m] * (1.0 + up))
                after[m] += (below[k, i, m] - step) * cap[k, i, m] * (1.0 - price[m] * (1.0 - down))
    for m in range(push.shape[2]):
        now = orders[NOW, m]
        left = max(after[m] / orders[COUNT, m], 0.0) / now
        target[m] = now * (left**3 if stalled[m] < PATIENCE else max(left, HASTE))


@numba.njit(cache=True, error_model="numpy")
def _aim(state: Array, slope: Array, target: Array, segments: Array) -> None:
    """Forces on the segments and multipliers that a full step towards the target leads to."""
    _, _, floor, cap = state
    push, per_above, per_below = segments[PUSH], segments[PER_ABOVE], segments[PER_BELOW]
    floor_aim, cap_aim, force = segments[FLOOR_AIM], segments[CAP_AIM], segments[FORCE]
    for k in range(push.shape[0]):
        for i in range(push.shape[1]):
            for m in range(push.shape[2]):
                move, up, down = push[k, i, m], per_above[k, i, m], per_below[k, i, m]
                floor_aim[k, i, m] = (target[m] + move * floor[k, i, m] * (1.0 + move * up)) * up
                cap_aim[k, i, m] = (target[m] - move * cap[k, i, m] * (1.0 - move * down)) * down
                force[k, i, m] = slope[k, i, m] - floor_aim[k, i, m] + cap_aim[k, i, m]


@numba.njit(cache=True, error_model="numpy")
def _lengthen(
    state: Array,
    free: Array,
    target: Array,
    segments: Array,
    orders: Array,
    stalled: Array,
    status: Array,
    moved: Array,
) -> None:
    """Turn the aims into changes of the multipliers, and find how far the orders may go; not at all if to nowhere."""
    _, _, floor, cap = state
    push, per_above, per_below = segments[PUSH], segments[PER_ABOVE], segments[PER_BELOW]
    floor_aim, cap_aim = segments[FLOOR_AIM], segments[CAP_AIM]
    share, price, size, most = orders[SHARE], orders[PRICE], orders[SIZE], orders[MISSING]
    for part in (share, price, size, most):
        part[:] = 0.0
    for k in range(push.shape[0]):
        for i in range(push.shape[1]):
            for m in range(push.shape[2]):
                room, move = free[k, i, m], push[k, i, m]
                up, down = move * per_above[k, i, m], move * per_below[k, i, m]
                floor_aim[k, i, m] -= floor[k, i, m] * (1.0 + up)
                cap_aim[k, i, m] -= cap[k, i, m] * (1.0 - down)
                from_floor = -floor_aim[k, i, m] / floor[k, i, m] if room else 0.0
                from_cap = -cap_aim[k, i, m] / cap[k, i, m] if room else 0.0
                share[m] = max(share[m], max(-up, down))
                price[m] = max(price[m], max(from_floor, from_cap))
                most[m] = max(most[m], abs(move))
                size[m] += abs(move) + abs(floor_aim[k, i, m]) + abs(cap_aim[k, i, m])
    for m in range(push.shape[2]):
        lost = isnan(size[m]) or size[m] == inf
        if status[m] == MOVING:
            moved[m] = most[m]
            status[m] = STOPPED if lost else MOVING
        reach = min(max(TO_BOUNDARY, 1.0 - target[m] / orders[NOW, m]), TO_END)
        reach = reach if stalled[m] < PATIENCE else CALM
        goes = status[m] == MOVING
        share[m] = min(1.0, reach / share[m]) if goes else 0.0
        price[m] = min(1.0, reach / price[m]) if goes else 0.0


@numba.njit(cache=True, error_model="numpy")
def _move(state: Array, following: Array, segments: Array, orders: Array) -> None:
    push, floor_change, cap_change = segments[PUSH], segments[FLOOR_AIM], segments[CAP_AIM]
    share, price = orders[SHARE], orders[PRICE]
    for k in range(push.shape[0]):
        for i in range(push.shape[1]):
            for m in range(push.shape[2]):
                goes = share[m] > 0
                shares = share[m] * push[k, i, m] if goes else 0.0
                following[ABOVE, k, i, m] = state[ABOVE, k, i, m] + shares
                following[BELOW, k, i, m] = state[BELOW, k, i, m] - shares
                floor = price[m] * floor_change[k, i, m] if goes else 0.0
                cap = price[m] * cap_change[k, i, m] if goes else 0.0
                following[FLOOR, k, i, m] = state[FLOOR, k, i, m] + floor
                following[CAP, k, i, m] = state[CAP, k, i, m] + cap
