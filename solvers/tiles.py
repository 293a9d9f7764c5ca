"""Buckets of an order in tiles, so that a processor's vector instructions take several at once: layout, compiled.

A tile holds a number of rows of `TILE` buckets, one after the other in one array: of several arrays the compiler could
not tell that they do not overlap, and would take the buckets one by one.
"""

from math import inf

import numba

from optexec.models.validation import Array

TILE = 56
"""Buckets of a tile, a multiple of eight: seven tiles hold the 390 minutes of a trading day, all but full."""
ROWS = 18
SIZE = ROWS * TILE
LIFT, LOG_SCALE, LOG_RATE, EXPONENT, INVERSE, RATE, LOW, HIGH, LOGS, SHARES, REACH, BEND, MISS, GAIN = range(
    0, 14 * TILE, TILE
)
"""Rows of a tile, by their first places: laws and limits, logarithms of the shares, shares, and what a step needs."""
TOTAL, CHANGE, CURVATURE, WORST = range(14 * TILE, SIZE, TILE)
"""Rows to be summed over: shares with two derivatives by the logarithm of the price; the last is the distance of the
marginal cost from the price, `THIRD`."""


@numba.njit(cache=True, error_model="numpy")
def fill(tiles: Array, row: int, values: Array) -> None:
    """Write one number a bucket, (N,), to a row of the tiles; what is beyond the last bucket stays as it is."""
    for b in range((len(values) + TILE - 1) // TILE):
        part, own = values[b * TILE : (b + 1) * TILE], tiles[b * SIZE + row :]
        for j in range(len(part)):
            own[j] = part[j]


@numba.njit(cache=True, error_model="numpy")
def empty(tiles: Array, row: int, values: Array) -> None:
    """Read what `fill` writes."""
    for b in range((len(values) + TILE - 1) // TILE):
        part, own = values[b * TILE : (b + 1) * TILE], tiles[b * SIZE + row :]
        for j in range(len(part)):
            part[j] = own[j]


@numba.njit(cache=True, error_model="numpy", fastmath={"reassoc"})
def sums(tiles: Array) -> tuple[float, float, float]:
    """Sums of the rows TOTAL, CHANGE and CURVATURE."""
    total, change, curvature = 0.0, 0.0, 0.0
    for b in range(0, len(tiles), SIZE):
        own = tiles[b : b + SIZE]
        for j in range(TILE):
            total += own[TOTAL + j]
            change += own[CHANGE + j]
            curvature += own[CURVATURE + j]
    return total, change, curvature


@numba.njit(cache=True, error_model="numpy", fastmath={"nnan", "nsz"})
def most(tiles: Array, row: int) -> float:
    """Largest number of a row."""
    largest = -inf
    for b in range(row, len(tiles), SIZE):
        own = tiles[b : b + TILE]
        for j in range(TILE):
            largest = max(largest, own[j])
    return largest
