"""What a grid of sizes costs at each snapshot, buying and selling, as one long table."""

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from optexec.data.book import LEVELS, SIDES, displayed_depth, ladder, midpoint, walk_cost
from optexec.models.errors import unknown_name
from optexec.models.validation import positive

BEYOND = ("none", "linear")


def walk_table(book: pd.DataFrame, shares: ArrayLike, beyond: str = "none") -> pd.DataFrame:
    """Return the cost of walking the book for each snapshot, side and size.

    A book displays ten levels; what stands behind them is not known. The rule `beyond` says what a size that
    exceeds the displayed depth D costs, and `displayed` is False for every such row:

    * "none": it has no cost, NaN;
    * "linear": the displayed part costs what it costs, and the price goes on rising as a straight line in shares,
      through the middles of the best and of the last displayed level. With d the last level's distance from the
      mid, m its size and k the slope of that line, r shares beyond cost r (d + k m/2) + k r^2 / 2. On a ladder of
      equal sizes and equal ticks that is exact wherever a level would end; with a single level k = 0. A side
      that displays nothing has no cost under either rule.

    Args:
        book: R snapshots as `read_book` returns them.
        shares: sizes of the orders, (K,), > 0.
        beyond: the rule for sizes beyond the displayed depth, one of `BEYOND`.

    Returns:
        R x 2 x K rows, ordered by snapshot, side and size, with `time` (the book's index), `side` ("buy" walks the
        asks, "sell" the bids), `shares`, `cost` (dollars against the mid, half-spread included, positive for both
        sides), `per_share` (cost / shares) and `displayed`.

    Raises:
        InvalidInput: for sizes that are not positive, another rule, or a frame without levels.

    >>> from optexec.data import sample
    >>> from optexec.data.book import read_book
    >>> book = read_book(sample.path("book.csv.gz")).iloc[:1]
    >>> table = walk_table(book, [100, 10_000_000])
    >>> table["displayed"].tolist(), table["cost"].isna().tolist()
    ([True, False, True, False], [False, True, False, True])
    >>> bool(walk_table(book, [10_000_000], beyond="linear")["cost"].notna().all())
    True
    """
    if beyond not in BEYOND:
        raise unknown_name("rule beyond the displayed depth", beyond, BEYOND)
    sizes = np.atleast_1d(np.asarray(positive("shares", shares)))
    costs = np.stack([_cost(book, side, sizes, beyond) for side in SIDES], axis=1)
    depths = np.stack([displayed_depth(book, side) for side in SIDES], axis=1)
    known = np.isfinite(midpoint(book))[:, None, None]
    columns = {
        "time": np.repeat(np.arange(len(book)), len(SIDES) * sizes.size),
        "side": np.tile(np.repeat(list(SIDES), sizes.size), len(book)),
        "shares": np.tile(sizes, len(book) * len(SIDES)),
        "cost": costs.ravel(),
        "per_share": (costs / sizes).ravel(),
        "displayed": (known & (sizes <= depths[:, :, None])).ravel(),
    }
    return pd.DataFrame({**columns, "time": book.index[columns["time"]]})


def _cost(book: pd.DataFrame, side: str, sizes: NDArray[np.float64], beyond: str) -> NDArray[np.float64]:
    """Return the cost of every size at every snapshot, (R, K)."""
    cost = walk_cost(book, side, sizes)
    if beyond == "none":
        return cost
    depth = displayed_depth(book, side)[:, None]
    rest = np.maximum(sizes - depth, 0.0)
    start, slope = _continuation(book, side)
    return walk_cost(book, side, np.minimum(sizes, depth)) + rest * start[:, None] + slope[:, None] * rest**2 / 2


def _continuation(book: pd.DataFrame, side: str) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the distance from the mid at which the line leaves the displayed ladder, and its slope, (R,) each."""
    prices, sizes = ladder(book, side)
    distance = np.abs(prices - midpoint(book)[:, None])
    middle = sizes.cumsum(axis=1) - sizes / 2
    rows = np.arange(len(book))
    best, last = (sizes > 0).argmax(axis=1), LEVELS - 1 - (sizes > 0)[:, ::-1].argmax(axis=1)
    apart = middle[rows, last] - middle[rows, best]
    rise = distance[rows, last] - distance[rows, best]
    slope = np.divide(rise, apart, out=np.zeros(len(book)), where=apart > 0)
    return distance[rows, last] + slope * sizes[rows, last] / 2, slope
