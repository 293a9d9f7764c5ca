"""The price that clears an order where every marginal cost is a power and a straight line, compiled."""

from math import exp, inf, log

import numba
import numpy as np
from numpy.typing import NDArray

from optexec.models.validation import Array
from optexec.solvers.clearing import MAX_PRICES, NEAR, halley_step, within_bracket
from optexec.solvers.feasible import meet_order

NEARBY = 0.1
"""Relative distance of the guessed shares from the order from which the whole marginal costs are looked at."""
THIRD = 1e-4
"""Distance of a marginal cost from the price, in logarithms, whose third power is nothing."""
SMALL = 1e-2
"""Logarithm up to which five terms of the exponential series are exact to rounding."""
MAX_ROUNDS = 40
LOG_SCALE, LOG_RATE, LOG_SHARES, REACH, BEND, MISS, GAIN, LIFT = range(8)
"""Rows of an order's working numbers, (LIFT + 1, N)."""


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
    work = np.empty((LIFT + 1, x.shape[1]))
    for m in range(len(x)):
        found[m] = _clear(first[m], scale[m], exponent[m], rate[m], lo[m], hi[m], shares[m, 0], x[m], work)
        if found[m]:
            meet_order(x[m], lo[m], hi[m], shares[m, 0])


@numba.njit(cache=True, error_model="numpy")
def _clear(
    first: Array,
    scale: Array,
    exponent: Array,
    rate: Array,
    lo: Array,
    hi: Array,
    shares: float,
    x: Array,
    work: Array,
) -> bool:
    cheapest, one_part = _prepare(first, scale, exponent, rate, lo, hi, work)
    if not cheapest < inf:
        return False
    theta = _first_price(exponent, lo, hi, shares, work)
    theta = _guessed_shares(exponent, lo, hi, shares, x, work, theta, one_part)
    if one_part or not theta < inf:
        return theta < inf
    return _whole(exponent, rate, lo, hi, shares, x, work, theta)


@numba.njit(cache=True, error_model="numpy")
def _prepare(
    first: Array, scale: Array, exponent: Array, rate: Array, lo: Array, hi: Array, work: Array
) -> tuple[float, bool]:
    """Logarithms and lifts of the laws, the cheapest first share, and whether no law has two parts.

    The cheapest first share is infinite where a law does not rise.
    """
    cheapest, one_part = inf, True
    log_scale, log_rate, lift = work[LOG_SCALE], work[LOG_RATE], work[LIFT]
    known, its_log = 0.0, -inf
    for i in range(len(first)):
        level = exponent[i] == 0.0
        power, straight = scale[i] > 0.0 and not level, rate[i] > 0.0
        lift[i] = first[i] + scale[i] if level else first[i]
        if lo[i] < hi[i]:
            if not (power or straight) or (power and exponent[i] < 0.0):
                return inf, True
            cheapest = min(cheapest, lift[i])
        log_scale[i] = log(scale[i]) if power else -inf
        if rate[i] != known:
            known, its_log = rate[i], log(rate[i])
        log_rate[i] = its_log
        one_part = one_part and not (power and straight)
    for i in range(len(first)):
        lift[i] -= cheapest
    return cheapest, one_part


@numba.njit(cache=True, error_model="numpy")
def _first_price(exponent: Array, lo: Array, hi: Array, shares: float, work: Array) -> float:
    """Where to begin: the price at which the greater parts would clear the order if they were straight lines."""
    least, space = 0.0, 0.0
    for i in range(len(lo)):
        least += lo[i]
        space += hi[i] - lo[i]
    fraction = min(max((shares - least) / max(space, 1e-300), 0.0), 1.0)
    weighted, weights, known, its_log = 0.0, 0.0, 0.0, -inf
    for i in range(len(lo)):
        x = lo[i] + fraction * (hi[i] - lo[i])
        if lo[i] < hi[i] and x > 0:
            if x != known:
                known, its_log = x, log(x)
            power, straight = work[LOG_SCALE, i] + exponent[i] * its_log, work[LOG_RATE, i] + its_log
            price, weight = (power, x / exponent[i]) if power > straight else (straight, x)
            lift = work[LIFT, i]
            price = log(exp(price) + lift) if lift > 0 else price
            weighted += weight * price
            weights += weight
    return weighted / weights if weights > 0 else inf


@numba.njit(cache=True, error_model="numpy")
def _guessed_shares(
    exponent: Array, lo: Array, hi: Array, shares: float, x: Array, work: Array, theta: float, one_part: bool
) -> float:
    """Logarithm of the price above the cheapest at which the guessed shares clear the order; infinite if none does.

    Leaves the logarithms of the shares. Where the laws have one part the guess is exact.
    """
    low, high, near = -inf, inf, NEAR if one_part else NEARBY
    logs, reach, lift = work[LOG_SHARES], work[REACH], work[LIFT]
    log_scale, log_rate = work[LOG_SCALE], work[LOG_RATE]
    for _ in range(MAX_PRICES):
        total, change, bend, above = 0.0, 0.0, 0.0, exp(theta)
        for i in range(len(x)):
            net = above - lift[i]
            if not (net > 0.0 and lo[i] < hi[i]):
                x[i], reach[i], logs[i] = lo[i], 0.0, -inf
            else:
                height = theta if lift[i] == 0.0 else log(net)
                straight = height - log_rate[i]
                power = (height - log_scale[i]) / exponent[i]
                if one_part:
                    logs[i], reach[i] = (straight, 1.0) if straight < power else (power, 1.0 / exponent[i])
                else:
                    logs[i], reach[i] = _blend(power, straight, exponent[i])
                if lift[i] != 0.0:
                    reach[i] *= above / net
                x[i] = exp(logs[i])
                if x[i] >= hi[i]:
                    x[i], reach[i] = hi[i], 0.0
                elif x[i] <= lo[i]:
                    x[i], reach[i] = lo[i], 0.0
            total += x[i]
            change += x[i] * reach[i]
            bend += x[i] * reach[i] * reach[i]
        error, step = halley_step(total, change, bend, shares)
        if abs(error) <= near and abs(step) <= near:
            for i in range(len(x)):
                x[i] = min(max(x[i] * (1.0 + reach[i] * step), lo[i]), hi[i])
                logs[i] += reach[i] * step
            return theta + step
        low, high = (low, theta) if error > 0 else (theta, high)
        theta = within_bracket(theta + step, low, high)
    return inf


@numba.njit(cache=True, error_model="numpy")
def _blend(power: float, straight: float, exponent: float) -> tuple[float, float]:
    """Logarithm of the shares at a price, to about a tenth, and its derivative by that of the price.

    Args:
        power, straight: the logarithms if either part were all of the marginal cost.
        exponent: of the power.
    """
    least, own, other = (power, exponent, 1.0) if power < straight else (straight, 1.0, exponent)
    apart = other * abs(straight - power)
    lesser = 1.0 / (1.0 + apart * (1.0 + apart * (0.5 + apart / 6.0)))
    reach = (1.0 + lesser) / (own + lesser * other)
    return least - 2.0 * lesser / (2.0 + lesser) * reach, reach


@numba.njit(cache=True, error_model="numpy")
def _whole(
    exponent: Array,
    rate: Array,
    lo: Array,
    hi: Array,
    shares: float,
    x: Array,
    work: Array,
    theta: float,
) -> bool:
    """Steps of third order in the logarithms of shares and price together; whether they arrive."""
    log_scale, log_rate, logs, lift = work[LOG_SCALE], work[LOG_RATE], work[LOG_SHARES], work[LIFT]
    reach, curve, miss, gain = work[REACH], work[BEND], work[MISS], work[GAIN]
    for _ in range(MAX_ROUNDS):
        total, change, bend, worst, above = 0.0, 0.0, 0.0, 0.0, exp(theta)
        for i in range(len(x)):
            net = above - lift[i]
            if not (net > 0.0 and lo[i] < hi[i]):
                x[i], reach[i], curve[i], miss[i], gain[i], logs[i] = lo[i], 0.0, 0.0, 0.0, 0.0, -inf
                total += lo[i]
                continue
            height, gain[i] = (theta, 1.0) if lift[i] == 0.0 else (log(net), above / net)
            if logs[i] == -inf:
                logs[i] = min((height - log_scale[i]) / exponent[i], height - log_rate[i])
            power = exp(log_scale[i] + exponent[i] * logs[i])
            start = exp(logs[i])
            rise = power + rate[i] * start
            share = power / rise
            reach[i] = 1.0 / (1.0 + share * (exponent[i] - 1.0))
            spread = (exponent[i] - 1.0) * reach[i]
            curve[i] = 0.5 * share * (1.0 - share) * spread * spread * reach[i]
            miss[i] = height - log(rise)
            worst = max(worst, abs(miss[i]))
            now = start * _exp((reach[i] - curve[i] * miss[i]) * miss[i])
            if lo[i] < now < hi[i]:
                pull = (reach[i] - 2.0 * curve[i] * miss[i]) * gain[i]
                change += now * pull
                bend += now * (pull * (pull + 1.0 - gain[i]) - 2.0 * curve[i] * gain[i] * gain[i])
            else:
                now = hi[i] if now >= hi[i] else lo[i]
            x[i] = now
            total += now
        _, step = halley_step(total, change, bend, shares)
        for i in range(len(x)):
            ahead = miss[i] + gain[i] * step
            logs[i] += (reach[i] - curve[i] * ahead) * ahead
        if worst <= THIRD and abs(step) <= THIRD:
            for i in range(len(x)):
                if lo[i] < x[i] < hi[i]:
                    further = gain[i] * step
                    rise = reach[i] - curve[i] * (2.0 * miss[i] + further)
                    x[i] = min(max(x[i] * _exp(rise * further), lo[i]), hi[i])
            return True
        theta += step
    return False


@numba.njit(cache=True, error_model="numpy")
def _exp(t: float) -> float:
    """e^t, by its series where that is exact."""
    if abs(t) < SMALL:
        return 1.0 + t * (1.0 + t / 2.0 * (1.0 + t / 3.0 * (1.0 + t / 4.0 * (1.0 + t / 5.0))))
    return exp(t)
