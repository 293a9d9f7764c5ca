"""(C) with marginal costs that are one power each: a search for the price of the last bucket, compiled."""

from math import exp, inf, log

import numba
import numpy as np
from numpy.typing import NDArray

from optexec.models.validation import Array
from optexec.solvers.clearing import within_bracket
from optexec.solvers.feasible import meet_order
from optexec.solvers.price_recursion import (
    BEFORE,
    BUCKET,
    FAR,
    HELD,
    HELD_1,
    HELD_2,
    HIGH,
    LANES,
    LEFT,
    LIFT,
    LOG_SCALE,
    LOW,
    PRICE,
    REACH,
    RISK,
    ROOM,
    SHARES,
    SHARES_1,
    SHARES_2,
    SIZE,
    STATE,
    recur,
)

MAX_PRICES = 24
"""Trial prices for each order; those that need more are left to others."""
LONGEST = 100.0
"""Longest step of the logarithm of a price."""
UNLIMITED = 1e6
"""Multiple of the order that stands for no cap: a recursion that goes astray still knows which way it went."""
STEEPEST, SPENT = 300.0, 0.05
"""Bounds of what the first price is computed from."""
THIRD = 1e-4
"""Relative change of shares, and part of the way to where a bucket meets a limit, whose third power is nothing."""
NEAR = 1e-10
"""Relative distance of the shares from the order that may be spread over them."""
ROUNDING = 1e-13
"""Relative distance of the shares from the order that rounding may leave where no price moves them."""
LOWEST = -300.0
"""Logarithm of the price above the cheapest first share below which the last buckets are closed."""
NOTHING = 1e-30
"""Part of the first bucket's price at which a bucket may as well be closed."""
IDLE = -1
"""Order of a lane that has none."""
SEARCHING, ARRIVED, LOST = 0, 1, 2
"""What has become of an order."""
STEP, LEAST, MOST, TRIES, END = range(5)
"""Rows of a search: the last step of theta, the bracket about it, trials left, and the first of the closed buckets."""
SEARCH = END + 1


@numba.njit(cache=True, error_model="numpy")
def clear_inventories(
    first: Array,
    scale: Array,
    exponent: Array,
    rate: Array,
    risk: Array,
    lo: Array,
    hi: Array,
    shares: Array,
    x: Array,
    found: NDArray[np.bool_],
) -> None:
    """Write the shares that minimise impact cost and inventory risk, and whether they were found.

    With p_i the marginal cost that bucket i should have, the conditions of optimality are

        p_i = p_{i+1} + q_i R_i,  x_i = the shares in [lo_i, hi_i] at marginal cost p_i,  R_{i-1} = R_i + x_i,

    from R_N = 0 backwards: all terms are positive and nothing is lost to rounding. R_0 grows with p_N, and steps of
    third order on the logarithms of both find the p_N at which R_0 is the order. Where the order is gone so early that
    p_N would be less than the least number, the last buckets are closed.

    Args:
        first, scale, exponent, rate: the laws, see `models.marginal_law`, (M, N).
        risk: weights q of the inventories, (M, N).
        lo, hi: floors and caps in shares, (M, N).
        shares: sizes of the orders, (M, 1).
        x: shares, (M, N); written.
        found: whether they are the optimum, (M,); written. Left to others are orders with a marginal cost that has both
            a power and a straight line, or does not rise, and those whose price is not found in `MAX_PRICES` trials.
    """
    orders, number = x.shape
    lanes = 1 if orders == 1 else LANES
    buckets, state, search = np.zeros((number, BUCKET, lanes)), np.zeros((STATE, lanes)), np.zeros((SEARCH, lanes))
    theta, running = np.zeros(lanes), np.full(lanes, IDLE)
    found[:] = False
    waiting = 0
    while True:
        for j in range(lanes):
            while running[j] == IDLE and waiting < orders:
                m = waiting
                waiting += 1
                if _load(first[m], scale[m], exponent[m], rate[m], risk[m], lo[m], hi[m], shares[m, 0], buckets, j):
                    running[j], state[SIZE, j], theta[j] = m, shares[m, 0], _first_price(buckets, shares[m, 0], j)
                    search[LEAST, j], search[MOST, j], search[TRIES, j], search[END, j] = -inf, inf, MAX_PRICES, number
        if running.max() == IDLE:
            return
        recur(buckets, state, theta)
        for j in range(lanes):
            m = running[j]
            if m == IDLE:
                continue
            theta[j], outcome = _proceed(buckets, state[:, j], search[:, j], theta[j], j)
            if outcome == ARRIVED:
                found[m] = abs(_take(buckets, search[STEP, j], j, x[m]) - shares[m, 0]) <= NEAR * shares[m, 0]
                meet_order(x[m], lo[m], hi[m], shares[m, 0])
            if outcome != SEARCHING:
                running[j], theta[j] = IDLE, 0.0


@numba.njit(cache=True, error_model="numpy")
def _load(
    first: Array,
    scale: Array,
    exponent: Array,
    rate: Array,
    risk: Array,
    lo: Array,
    hi: Array,
    shares: float,
    buckets: Array,
    j: int,
) -> bool:
    """Put an order into a lane, its laws lifted over the cheapest; whether they are of the kind that is known here."""
    cheapest = inf
    for i in range(len(first)):
        level, free = exponent[i] == 0.0, lo[i] < hi[i]
        power, straight = scale[i] > 0.0 and not level, rate[i] > 0.0
        if free and (power == straight or (power and exponent[i] < 0.0)):
            return False
        lift = first[i] + scale[i] if level else first[i]
        cheapest = min(cheapest, lift) if free else cheapest
        buckets[i, LIFT, j] = lift
        buckets[i, LOG_SCALE, j] = log(scale[i] if power else rate[i]) if free else 0.0
        buckets[i, REACH, j] = (1.0 / exponent[i] if power else 1.0) if free else 0.0
        buckets[i, LOW, j], buckets[i, RISK, j] = lo[i], risk[i]
        buckets[i, HIGH, j] = hi[i] if hi[i] < shares else UNLIMITED * shares
    for i in range(len(first)):
        buckets[i, LIFT, j] = buckets[i, LIFT, j] - cheapest if buckets[i, REACH, j] > 0.0 else 0.0
    return cheapest < inf


@numba.njit(cache=True, error_model="numpy")
def _first_price(buckets: Array, shares: float, j: int) -> float:
    """Where to begin: the price at which even slices would clear the order, less what holding them takes from it.

    With z^2 the charge for holding over that for trading, straight marginal costs leave z / sinh z of the price. Where
    they are powers e of the shares, its logarithm -w becomes -log(1 + h w) / h, h = (1 - e) / 2: inventory falls like a
    power of time for e < 1, and runs out for e > 1.
    """
    number = len(buckets)
    even = log(shares / number)
    weighted, reaches, free, charge = 0.0, 0.0, 0.0, 0.0
    for i in range(number):
        lift, reach = buckets[i, LIFT, j], buckets[i, REACH, j]
        if reach > 0.0:
            price = buckets[i, LOG_SCALE, j] + even / reach
            weighted += reach * (price if lift == 0.0 else log(exp(price) + lift))
            reaches += reach
            free += 1.0
        charge += buckets[i, RISK, j] * (number - 1 - i)
    price = weighted / reaches
    z = min(np.sqrt(2.0 * charge * shares / number / exp(price) * reaches / free), STEEPEST)
    w = log(np.sinh(z) / z) if z > 0.0 else 0.0
    h = 0.5 * (1.0 - free / reaches)
    return price - (w if h == 0.0 else np.log1p(max(h * w, SPENT - 1.0)) / h)


@numba.njit(cache=True, error_model="numpy")
def _proceed(buckets: Array, state: Array, search: Array, theta: float, j: int) -> tuple[float, int]:
    """The next theta of a lane, and what has become of its order."""
    error, step = _step(state)
    search[STEP] = step
    if abs(error) <= ROUNDING or (state[LEFT] == 0.0 and abs(step) <= THIRD * state[ROOM]):
        complete = search[END] == len(buckets) or exp(theta) <= NOTHING * state[PRICE]
        return theta, ARRIVED if complete else LOST
    if error > 0.0:
        search[MOST] = theta
    else:
        search[LEAST] = theta
    astray = state[LEFT] > 0.0 and search[LEAST] > -inf
    theta = within_bracket(search[LEAST] if astray else theta + step, search[LEAST], search[MOST])
    if theta <= LOWEST:
        search[END] = _close(buckets, int(search[END]), state[SIZE], j)
        theta, search[LEAST], search[MOST] = LOWEST, -inf, inf
    search[TRIES] -= 1.0
    return theta, SEARCHING if theta < inf and search[TRIES] > 0.0 and search[END] > 0.0 else LOST


@numba.njit(cache=True, error_model="numpy")
def _step(state: Array) -> tuple[float, float]:
    """The excess of the shares over the order in logarithms, and the step of theta to undo it."""
    held, before, shares = state[HELD], state[BEFORE], state[SIZE]
    if not held > 0.0:
        return -inf, LONGEST
    error, change = log(held / shares), state[HELD_1] / held
    if not change > 0.0:
        return error, -LONGEST if error > 0.0 else LONGEST
    curvature = state[HELD_2] / held - change * change
    if state[LEFT] > 0.0:
        error += state[LEFT] * log(held / max(before, held / FAR))
        curvature = 0.0
    step = error / change / max(1.0 - 0.5 * error * curvature / (change * change), 0.5)
    return error, -min(max(step, -LONGEST), LONGEST)


@numba.njit(cache=True, error_model="numpy")
def _close(buckets: Array, end: int, shares: float, j: int) -> int:
    """Close as many buckets before `end` as the order is traded too early; where the open ones end then."""
    held, early = 0.0, end
    while early > 0 and held < shares:
        early -= 1
        held += buckets[early, SHARES, j]
    start = max(end - max(early, 1), 0)
    for i in range(start, end):
        buckets[i, LIFT, j] = inf
    return start


@numba.njit(cache=True, error_model="numpy")
def _take(buckets: Array, step: float, j: int, x: Array) -> float:
    """Write a lane's shares after the last step of theta; their sum."""
    total = 0.0
    for i in range(len(x)):
        x[i] = buckets[i, SHARES, j] + step * (buckets[i, SHARES_1, j] + 0.5 * step * buckets[i, SHARES_2, j])
        total += x[i]
    return total
