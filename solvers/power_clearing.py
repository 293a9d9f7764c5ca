"""The price that clears an order where every marginal cost is a power and a straight line, compiled.

Buckets are worked on in tiles, see `tiles`.
"""

from math import exp as exp_of
from math import inf

import numba
import numpy as np
from numpy.typing import NDArray

from optexec.models.validation import Array
from optexec.solvers.clearing import MAX_PRICES, NEAR, halley_step, within_bracket
from optexec.solvers.feasible import meet_order
from optexec.solvers.tiles import (
    BEND,
    CHANGE,
    CURVATURE,
    EXPONENT,
    GAIN,
    HIGH,
    INVERSE,
    LIFT,
    LOG_RATE,
    LOG_SCALE,
    LOGS,
    LOW,
    MISS,
    RATE,
    REACH,
    SHARES,
    SIZE,
    TILE,
    TOTAL,
    WORST,
    empty,
    fill,
    most,
    sums,
)
from optexec.solvers.vector_math import exp, log

NEARBY = 0.1
"""Relative distance of the guessed shares from the order from which the whole marginal costs are looked at."""
THIRD = 3e-4
"""Distance of a marginal cost from the price, in logarithms, times its bend if that is over 1, whose third power is
nothing."""
FAR_APART = 1e50
"""Distance of two parts, in logarithms, from which the lesser is nothing; its third power can be squared."""
CLEARED, OPEN = 1e-10, 1e-12
"""Relative distance of the shares from the order that may be spread over them; part of the price by which a bucket
that is closed may be too cheap. Beyond either, the last step has taken a bucket to a limit, or should open one."""
MAX_ROUNDS = 40
CLOSED = -1e300
"""Logarithm of the shares of a bucket that trades none but its floor."""
TINY = np.finfo(float).tiny


@numba.njit(cache=True, error_model="numpy")
def clear_powers(
    first: Array,
    scale: Array,
    exponent: Array,
    rate: Array,
    lo: Array,
    hi: Array,
    shares: Array,
    x: Array,
    found: NDArray[np.bool_],
) -> None:
    """Write the shares at which orders are cleared at one price each, and whether they were found.

    With y_i = log x_i, marginal costs first_i + scale_i x^exponent_i + rate_i x meet the price lambda where
    log(scale_i e^(exponent_i y_i) + rate_i e^y_i) = log(lambda - first_i). The greater of the two parts, and
    a guess of what the lesser takes from it, give the logarithms of the shares to about a tenth; the price at which
    these clear the order is the start of steps of third order in all y_i and log lambda together.

    Args:
        first, scale, exponent, rate: the laws, see `models.marginal_law`, (M, N).
        lo, hi: floors and caps in shares, (M, N).
        shares: sizes of the orders, (M, 1).
        x: shares, (M, N); written.
        found: whether they are the optimum, (M,); written. Orders with a marginal cost that does not rise are left to
            others.
    """
    tiles = np.empty((x.shape[1] + TILE - 1) // TILE * SIZE)
    tiles[-SIZE:] = 0.0
    for m in range(len(x)):
        fill(tiles, LIFT, first[m])
        fill(tiles, LOG_SCALE, scale[m])
        fill(tiles, EXPONENT, exponent[m])
        fill(tiles, RATE, rate[m])
        fill(tiles, LOW, lo[m])
        fill(tiles, HIGH, hi[m])
        found[m] = _clear(tiles, shares[m, 0])
        if found[m]:
            empty(tiles, SHARES, x[m])
            meet_order(x[m], lo[m], hi[m], shares[m, 0])


@numba.njit(cache=True, error_model="numpy")
def _clear(tiles: Array, shares: float) -> bool:
    cheapest, dearest, one_part, fraction = _prepare(tiles, shares)
    if not -inf < cheapest < inf:
        return False
    lifted = dearest > cheapest
    theta = _first_price(tiles, cheapest, lifted, fraction)
    theta = _guessed_shares(tiles, lifted, shares, theta, NEAR if one_part else NEARBY)
    if one_part or not theta < inf:
        return theta < inf
    return _whole(tiles, lifted, shares, theta)


@numba.njit(cache=True, error_model="numpy")
def _prepare(tiles: Array, shares: float) -> tuple[float, float, bool, float]:
    """Put logarithms and lifts in place of the laws.

    Returns:
        The cheapest first share, infinite where a law does not rise or nothing is free, and the dearest; whether no law
        has two parts; and the part of the room that the order takes.
    """
    for b in range(0, len(tiles), SIZE):
        own = tiles[b : b + SIZE]
        for j in range(TILE):
            scale, exponent, rate = own[LOG_SCALE + j], own[EXPONENT + j], own[RATE + j]
            low, high = own[LOW + j], own[HIGH + j]
            free = 1.0 if low < high else 0.0
            power = 1.0 if scale >= TINY else 0.0
            power = power if exponent != 0.0 else 0.0
            straight = 1.0 if rate >= TINY else 0.0
            falls = power if exponent < 0.0 else 0.0
            lift = own[LIFT + j] + (scale if exponent == 0.0 else 0.0)
            own[TOTAL + j], own[CHANGE + j], own[CURVATURE + j] = low, high - low, free * power * straight
            rises = max(power, straight) - falls
            own[BEND + j], own[WORST + j] = (lift, -lift if rises > 0.0 else inf) if free > 0.0 else (-inf, -inf)
            own[LIFT + j] = lift if free > 0.0 else inf
            own[LOG_SCALE + j] = log(scale) if power > 0.0 else -inf
            own[LOG_RATE + j] = log(rate) if straight > 0.0 else -inf
            exponent = exponent if power > 0.0 else 1.0
            own[EXPONENT + j], own[INVERSE + j] = exponent, 1.0 / exponent
    least, space, mixed = sums(tiles)
    fraction = (shares - least) / max(space, TINY)
    return -most(tiles, WORST), most(tiles, BEND), mixed == 0.0, min(max(fraction, 0.0), 1.0)


@numba.njit(cache=True, error_model="numpy")
def _first_price(tiles: Array, cheapest: float, lifted: bool, fraction: float) -> float:
    """Lift the laws over the cheapest; the price at which their greater parts, as straight lines, clear the order."""
    for b in range(0, len(tiles), SIZE):
        own = tiles[b : b + SIZE]
        for j in range(TILE):
            lift, exponent = own[LIFT + j] - cheapest, own[EXPONENT + j]
            x = own[LOW + j] + fraction * (own[HIGH + j] - own[LOW + j])
            y = log(x)
            power, straight = own[LOG_SCALE + j] + exponent * y, own[LOG_RATE + j] + y
            weight = x * own[INVERSE + j] if power > straight else x
            weight = weight if x > TINY else 0.0
            weight = weight if lift < inf else 0.0
            price = max(power, straight)
            price = log(exp(price) + lift) if lifted else price
            own[TOTAL + j] = weight
            own[CHANGE + j] = weight * price if weight > 0.0 else 0.0
            own[LIFT + j] = lift
    weights, weighted, _ = sums(tiles)
    return weighted / weights if weights > 0.0 else inf


@numba.njit(cache=True, error_model="numpy")
def _guessed_shares(tiles: Array, lifted: bool, shares: float, theta: float, near: float) -> float:
    """Logarithm of the price above the cheapest at which the guessed shares clear the order; infinite if none does.

    Leaves the shares and their logarithms. Where the laws have one part the guess is exact.
    """
    low, high = -inf, inf
    for _ in range(MAX_PRICES):
        error, step = halley_step(*_guess(tiles, lifted, theta), shares)
        if abs(error) <= near and abs(step) <= near:
            total = _shift(tiles, step, exp_of(theta))
            if near == NEARBY or abs(total - shares) <= CLEARED * shares:
                return theta + step
        low, high = (low, theta) if error > 0 else (theta, high)
        theta = within_bracket(theta + step, low, high)
    return inf


@numba.njit(cache=True, error_model="numpy")
def _guess(tiles: Array, lifted: bool, theta: float) -> tuple[float, float, float]:
    """The guessed shares at a price: their total and its derivatives by the logarithm of the price.

    Of the logarithms that the shares would have if either part were all of the marginal cost the less is right but for
    what the other part takes from it.
    """
    above = exp_of(theta)
    for b in range(0, len(tiles), SIZE):
        own = tiles[b : b + SIZE]
        for j in range(TILE):
            exponent, low, high = own[EXPONENT + j], own[LOW + j], own[HIGH + j]
            net = above - own[LIFT + j]
            height, gain = (log(net), above / net) if lifted else (theta, 1.0)
            straight, power = height - own[LOG_RATE + j], (height - own[LOG_SCALE + j]) * own[INVERSE + j]
            lesser, other = (exponent, 1.0) if power < straight else (1.0, exponent)
            apart = min(other * abs(straight - power), FAR_APART)
            times = 1.0 + apart * (1.0 + apart * (0.5 + apart * (1.0 / 6.0)))
            per = (1.0 + times) / ((0.5 + times) * (lesser * times + other))
            reach = (0.5 + times) * per
            y = min(power, straight) - per
            x = exp(y)
            x = x if net > 0.0 else 0.0
            reach *= gain
            own[LOGS + j] = y if net > 0.0 else CLOSED
            own[SHARES + j], own[REACH + j], own[MISS + j] = x, reach, net
            reach = reach if x > low else 0.0
            reach = reach if x < high else 0.0
            x = min(max(x, low), high)
            own[TOTAL + j] = x
            own[CHANGE + j] = x * reach
            own[CURVATURE + j] = x * reach * reach
    return sums(tiles)


@numba.njit(cache=True, error_model="numpy")
def _shift(tiles: Array, step: float, above: float) -> float:
    """The guessed shares after a step of the logarithm of the price; their total, infinite if another bucket opens."""
    for b in range(0, len(tiles), SIZE):
        own = tiles[b : b + SIZE]
        for j in range(TILE):
            y, further = own[LOGS + j], own[REACH + j] * step
            x = own[SHARES + j] * (1.0 + further)
            x = min(max(x if y > CLOSED else 0.0, own[LOW + j]), own[HIGH + j])
            opens = 1.0 if own[MISS + j] + above * step > OPEN * above else 0.0
            opens = opens if y == CLOSED else 0.0
            own[LOGS + j] = y + further if y > CLOSED else CLOSED
            own[SHARES + j], own[TOTAL + j] = x, inf if opens > 0.0 else x
    return sums(tiles)[0]


@numba.njit(cache=True, error_model="numpy")
def _whole(tiles: Array, lifted: bool, shares: float, theta: float) -> bool:
    """Steps of third order in the logarithms of shares and price together; whether they arrive."""
    for _ in range(MAX_ROUNDS):
        total, change, curvature, worst = _look(tiles, lifted, theta)
        _, step = halley_step(total, change, curvature, shares)
        total = _go(tiles, step, exp_of(theta))
        if worst <= THIRD and abs(step) <= THIRD and abs(total - shares) <= CLEARED * shares:
            return True
        theta += step
    return False


@numba.njit(cache=True, error_model="numpy")
def _look(tiles: Array, lifted: bool, theta: float) -> tuple[float, float, float, float]:
    """The shares that meet a price, to third order: their total, its derivatives, and how far they were from it."""
    above = exp_of(theta)
    for b in range(0, len(tiles), SIZE):
        own = tiles[b : b + SIZE]
        for j in range(TILE):
            exponent, low, high, y = own[EXPONENT + j], own[LOW + j], own[HIGH + j], own[LOGS + j]
            net = above - own[LIFT + j]
            height, gain = (log(net), above / net) if lifted else (theta, 1.0)
            opened = min((height - own[LOG_SCALE + j]) * own[INVERSE + j], height - own[LOG_RATE + j])
            y = y if y > CLOSED else opened
            power, start = exp(own[LOG_SCALE + j] + exponent * y), exp(y)
            rise = power + own[RATE + j] * start
            share = power / rise
            reach = 1.0 / (1.0 + share * (exponent - 1.0))
            spread = (exponent - 1.0) * reach
            bend = 0.5 * share * (1.0 - share) * spread * spread * reach
            miss = height - log(rise)
            x = start * exp((reach - bend * miss) * miss)
            x = x if net > 0.0 else 0.0
            own[WORST + j] = abs(miss) * max(bend, 1.0) if net > 0.0 else 0.0
            own[LOGS + j] = y if net > 0.0 else CLOSED
            own[SHARES + j], own[REACH + j], own[BEND + j], own[GAIN + j] = x, reach, bend, gain
            own[MISS + j] = miss if net > 0.0 else net
            pull = (reach - 2.0 * bend * miss) * gain
            inside = x if x > low else 0.0
            inside = inside if x < high else 0.0
            x = min(max(x, low), high)
            own[TOTAL + j] = x
            more = inside * pull
            own[CHANGE + j] = more if inside > 0.0 else 0.0
            bent = inside * (pull * (pull + 1.0 - gain) - 2.0 * bend * gain * gain)
            own[CURVATURE + j] = bent if inside > 0.0 else 0.0
    return *sums(tiles), most(tiles, WORST)


@numba.njit(cache=True, error_model="numpy")
def _go(tiles: Array, step: float, above: float) -> float:
    """As `_shift`, for shares that meet the price to third order."""
    for b in range(0, len(tiles), SIZE):
        own = tiles[b : b + SIZE]
        for j in range(TILE):
            y, reach, bend, miss = own[LOGS + j], own[REACH + j], own[BEND + j], own[MISS + j]
            further = own[GAIN + j] * step
            ahead = miss + further
            x = own[SHARES + j] * exp((reach - bend * (2.0 * miss + further)) * further)
            x = min(max(x if y > CLOSED else 0.0, own[LOW + j]), own[HIGH + j])
            opens = 1.0 if miss + above * step > OPEN * above else 0.0
            opens = opens if y == CLOSED else 0.0
            own[LOGS + j] = y + (reach - bend * ahead) * ahead if y > CLOSED else CLOSED
            own[SHARES + j], own[TOTAL + j] = x, inf if opens > 0.0 else x
    return sums(tiles)[0]
