"""Temporary impact of small trades: the half-spread, and the slope of slippage in size, with standard errors."""

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from optexec.data.book import displayed_depth, walk_cost
from optexec.data.bucketing import Buckets, divide
from optexec.data.estimate import Estimate, ratio_of_sums
from optexec.data.features import spread
from optexec.models.errors import InvalidInput
from optexec.models.validation import positive_number

SIZES = 5
"""Sizes a snapshot is walked for, evenly spaced up to the largest."""


def half_spread(book: pd.DataFrame, bucket: str | pd.Timedelta = "5min") -> Estimate:
    """Estimate the mean half-spread, dollars a share: `Linear(value)` as impact.

    A book with `volume` weighs each quote by the volume of the next row, that traded while the quote stood; one
    without weighs all quotes alike. Snapshots without both sides are passed over. Quotes near in time resemble one
    another, so the error takes the buckets, not the snapshots, as independent.

    Args:
        book: snapshots of one day as `read_book` returns them.
        bucket: length of the half-open buckets, counted from midnight, that count as independent.

    Raises:
        InvalidInput: for fewer than two buckets with quotes that count, a bucket that is no positive length of time,
            and a book that never shows both sides or has no index of nondecreasing times of one day.

    >>> from optexec.data import sample
    >>> from optexec.data.book import read_book
    >>> estimate = half_spread(read_book(sample.path("book.csv.gz")))
    >>> estimate.clusters, bool(0 < estimate.low < estimate.high)
    (78, True)
    """
    halves = spread(book) / 2
    weight = np.ones(len(book))
    if "volume" in book.columns:
        weight = np.append(book["volume"].to_numpy(dtype=float)[1:], 0.0)
    usable = np.isfinite(halves)
    buckets = divide(book.index, bucket, usable)
    return ratio_of_sums(_sums(buckets, weight[usable] * halves[usable]), _sums(buckets, weight[usable]))


def temporary_impact(
    book: pd.DataFrame, side: str = "buy", fraction: float = 0.1, bucket: str | pd.Timedelta = "5min"
) -> Estimate:
    """Estimate eta of slippage = half-spread + eta shares, in dollars a share per share, from walking the book.

    As impact, `Power(eta, 1, quoted="per_share")` beside `Linear(half-spread)`. Each snapshot is walked for `SIZES`
    sizes evenly spaced up to `fraction` of the depth displayed on its side, and eta is the least-squares slope through
    the origin of per-share slippage beyond the snapshot's own half-spread on shares. A book is flat up to its best
    size and rises after it, so eta depends on `fraction`; state it with the result. The points of one snapshot, and
    snapshots near in time, depend on one another: the error takes the buckets as independent.

    This is the cost of taking shares at once, before the book refills; trading them over the bucket costs less.

    Args:
        book: snapshots of one day as `read_book` returns them.
        side: "buy" walks the asks, "sell" the bids.
        fraction: largest size, as a fraction of the displayed depth, in (0, 1].
        bucket: length of the half-open buckets, counted from midnight, that count as independent.

    Raises:
        InvalidInput: for another side, a fraction outside (0, 1], and what `half_spread` refuses.

    Source:
        Almgren and Chriss (2001), eq. (7), for the linear law.

    >>> from optexec.data import sample
    >>> from optexec.data.book import read_book
    >>> eta = temporary_impact(read_book(sample.path("book.csv.gz")), side="sell", fraction=0.2)
    >>> eta.clusters, bool(0 < eta.low < eta.high)
    (78, True)
    """
    if positive_number("fraction", fraction) > 1:
        raise InvalidInput(f"fraction must be a fraction of the displayed depth in (0, 1], got {fraction!r}")
    depth, halves = displayed_depth(book, side), spread(book) / 2
    usable = np.isfinite(halves)
    buckets = divide(book.index, bucket, usable)
    shares = depth[usable, None] * fraction * np.arange(1, SIZES + 1) / SIZES
    slippage = walk_cost(book[usable], side, shares) / shares - halves[usable, None]
    return ratio_of_sums(_sums(buckets, (slippage * shares).sum(axis=1)), _sums(buckets, (shares**2).sum(axis=1)))


def _sums(buckets: Buckets, values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Add up one value a usable snapshot in each bucket."""
    return np.asarray(np.bincount(buckets.owner, values, len(buckets.start)), dtype=np.float64)
