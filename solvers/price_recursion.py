"""All prices and slices from the price of the last bucket, for several orders at once: a recursion, compiled.

Orders go through the buckets in lanes, side by side in memory, so that a processor's vector instructions work on
several of them. What a bucket reads and writes is in one small array of fixed shape: of several arrays the compiler
could not tell that they do not overlap.
"""

from collections.abc import Callable
from math import inf

import numba
import numpy as np

from optexec.models.validation import Array
from optexec.solvers.vector_math import exp, log

LANES = 16
"""Orders that go through the buckets together."""
FAR = 10.0
"""Multiple of the order at which a recursion that has gone astray is stopped."""
PRICE, PRICE_1, PRICE_2, HELD, HELD_1, HELD_2, BEFORE, LEFT, ROOM, SIZE = range(10)
"""Rows of a recursion's state: price above the cheapest first share and inventory, with two derivatives each by theta,
the logarithm of the last bucket's price; the inventory one bucket later; buckets left when it was stopped; the change
of theta that would move a bucket's shares by all of themselves or onto a limit; and the size of the order."""
LIFT, LOG_SCALE, REACH, LOW, HIGH, RISK, SHARES, SHARES_1, SHARES_2 = range(9)
"""Rows of a bucket: its law log x = (log(price - lift) - log_scale) reach, its limits, the weight of the inventory it
leaves, and the shares found with two derivatives."""
STATE, LAW, BUCKET = SIZE + 1, RISK + 1, SHARES_2 + 1


def _recursion(lanes: int) -> Callable[[Array, Array], None]:
    """The recursion compiled for a number of lanes."""

    @numba.njit(cache=True, error_model="numpy", fastmath={"contract"})
    def run(buckets: Array, state: Array) -> None:
        now = np.empty((STATE + BUCKET, lanes))
        own = now[STATE:]
        for k in range(STATE):
            for j in range(lanes):
                now[k, j] = state[k, j]
        for i in range(len(buckets) - 1, -1, -1):
            for k in range(LAW):
                for j in range(lanes):
                    own[k, j] = buckets[i, k, j]
            for j in range(lanes):
                held, held_1, held_2, before = now[HELD, j], now[HELD_1, j], now[HELD_2, j], now[BEFORE, j]
                goes = 1.0 if held <= FAR * now[SIZE, j] else 0.0
                risk, reach, low, high = own[RISK, j], own[REACH, j], own[LOW, j], own[HIGH, j]
                price = now[PRICE, j] + risk * held
                price_1, price_2 = now[PRICE_1, j] + risk * held_1, now[PRICE_2, j] + risk * held_2
                net = price - own[LIFT, j]
                trades = net > 0.0
                x = exp((log(net) - own[LOG_SCALE, j]) * reach)
                per_net = 1.0 / net
                pull = price_1 * per_net
                rise = x * reach * pull
                bend = x * reach * price_2 * per_net + rise * (reach - 1.0) * pull
                gap, speed = (min(abs(x - low), abs(x - high)), rise) if trades else (-net, price_1)
                room = gap / speed
                x = x if trades else 0.0
                inside = goes if x > low else 0.0
                inside = inside if x < high else 0.0
                shares_1 = rise if inside > 0.0 else 0.0
                shares_2 = bend if inside > 0.0 else 0.0
                x = min(max(x, low), high)
                now[ROOM, j] = room if room < now[ROOM, j] else now[ROOM, j]
                now[PRICE, j], now[PRICE_1, j], now[PRICE_2, j] = price, price_1, price_2
                now[BEFORE, j] = before + goes * (held - before)
                now[LEFT, j] += 1.0 - goes
                now[HELD, j], now[HELD_1, j], now[HELD_2, j] = held + goes * x, held_1 + shares_1, held_2 + shares_2
                own[SHARES, j], own[SHARES_1, j], own[SHARES_2, j] = x, shares_1, shares_2
            for k in range(LAW, BUCKET):
                for j in range(lanes):
                    buckets[i, k, j] = own[k, j]
        for k in range(STATE):
            for j in range(lanes):
                state[k, j] = now[k, j]

    return run


_alone, _together = _recursion(1), _recursion(LANES)


@numba.njit(cache=True, error_model="numpy")
def recur(buckets: Array, state: Array, theta: Array) -> None:
    """Write what follows from the prices of the last bucket, the logarithms theta, one for each lane.

    Args:
        buckets: (N, BUCKET, lanes) for 1 or `LANES` lanes; shares and their derivatives are written.
        state: (STATE, lanes); all but the size of the order is written.
        theta: (lanes,).
    """
    for j in range(len(theta)):
        state[PRICE:HELD, j] = exp(theta[j])
        state[HELD:ROOM, j] = 0.0
        state[ROOM, j] = inf
    if len(theta) == 1:
        _alone(buckets, state)
    else:
        _together(buckets, state)
