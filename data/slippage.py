"""Points of the slippage curve: what a share costs at several sizes, from every snapshot of every bucket."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from optexec.data.book import PRICE_COLUMNS, displayed_depth, midpoint, walk_cost
from optexec.data.bucketing import TimeIndex, divide
from optexec.data.separable_fit import Array
from optexec.models.errors import InvalidInput

SIZE_GRID = tuple(step / 20 for step in range(1, 21))


class SlippagePoints(NamedTuple):
    """K points from each of P snapshots, which belong to N buckets.

    Fields:
        start: start of each bucket, an index named "time", (N,).
        owner: bucket of each snapshot, (P,); every bucket has one at least.
        cluster: number of each snapshot's cluster, (P,): points of one cluster of a bucket depend on one another.
        shares: sizes, (P, K), the largest last.
        slippage: cost of a share against the mid at those sizes, half-spread included, dollars, (P, K).
        half_spread: of each snapshot, dollars, (P,).
        depth: shares displayed on the side walked, (P,).
        size_grid: the sizes as fractions of the displayed depth, K of them, ascending.

    >>> SlippagePoints._fields[:3]
    ('start', 'owner', 'cluster')
    """

    start: TimeIndex
    owner: NDArray[np.int64]
    cluster: NDArray[np.int64]
    shares: Array
    slippage: Array
    half_spread: Array
    depth: Array
    size_grid: tuple[float, ...] = SIZE_GRID

    def means(self, values: Array) -> Array:
        """Return the mean over the snapshots of each bucket of one value a snapshot, (N,).

        >>> start = pd.to_timedelta([0, 60], unit="s")
        >>> points = SlippagePoints(start, np.array([0, 0, 1]), *[np.empty(0)] * 5)
        >>> points.means(np.array([1.0, 3.0, 5.0])).tolist()
        [2.0, 5.0]
        """
        count = len(self.start)
        return np.asarray(np.bincount(self.owner, values, count) / np.bincount(self.owner, minlength=count))

    def later(self, first: int) -> "SlippagePoints":
        """Return the points of the buckets from number `first` on.

        >>> start = pd.to_timedelta([0, 60], unit="s")
        >>> points = SlippagePoints(start, np.array([0, 0, 1]), *[np.arange(3)] * 5).later(1)
        >>> len(points.start), points.owner.tolist(), points.depth.tolist()
        (1, [0], [2])
        """
        own = self.owner >= first
        return SlippagePoints(
            self.start[first:],
            self.owner[own] - first,
            self.cluster[own],
            self.shares[own],
            self.slippage[own],
            self.half_spread[own],
            self.depth[own],
            self.size_grid,
        )


def slippage_points(
    book: pd.DataFrame,
    bucket: str | pd.Timedelta = "60s",
    side: str = "buy",
    size_grid: Sequence[float] = SIZE_GRID,
) -> SlippagePoints:
    """Walk every snapshot of a day at sizes that are fractions of its own displayed depth.

    Buckets are those of `bucketing.divide`; one without a snapshot of both sides takes the last before it. Each
    snapshot is a cluster of its own.

    Args:
        book: snapshots of one day as `read_book` returns them.
        bucket: length of a bucket, such as "60s".
        side: "buy" walks the asks, "sell" the bids.
        size_grid: ascending fractions of the displayed depth, within (0, 1].

    Raises:
        InvalidInput: for another size grid or side, and what `divide` refuses.

    >>> from optexec.data import sample
    >>> from optexec.data.book import read_book
    >>> points = slippage_points(read_book(sample.path("book.csv.gz")), "30min")
    >>> len(points.start), points.shares.shape
    (13, (390, 20))
    >>> bool((points.slippage >= points.half_spread[:, None] - 1e-9).all())
    True
    """
    fractions = _clean_grid(size_grid)
    buckets = divide(book.index, bucket, np.isfinite(midpoint(book)))
    used = book.iloc[np.concatenate([buckets.seen, buckets.last[buckets.carried]])]
    owner = np.concatenate([buckets.owner, np.flatnonzero(buckets.carried)])
    depth = displayed_depth(used, side)
    shares = depth[:, None] * fractions
    slippage = walk_cost(used, side, shares) / shares
    return SlippagePoints(
        buckets.start,
        owner,
        np.arange(len(used)),
        shares,
        slippage,
        _half_spread(used),
        depth,
        tuple(fractions.tolist()),
    )


def _clean_grid(size_grid: Sequence[float]) -> Array:
    fractions = np.asarray(size_grid, dtype=float)
    if fractions.ndim != 1 or not fractions.size or not (np.diff(fractions, prepend=0.0, append=np.inf) > 0).all():
        raise InvalidInput(f"size_grid must ascend from above 0, got {list(size_grid)!r:.80}")
    if fractions[-1] > 1:
        raise InvalidInput(f"size_grid ends at {fractions[-1]:g}; give fractions of the displayed depth, at most 1")
    return fractions


def _half_spread(book: pd.DataFrame) -> Array:
    """Return the distance from the mid to either best price of each snapshot, dollars."""
    asks = book[[name for name in PRICE_COLUMNS if name.startswith("ask")]]
    return np.asarray(np.fmin.reduce(asks.to_numpy(dtype=float), axis=1) - midpoint(book), dtype=float)
