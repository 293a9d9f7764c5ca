"""What the oracle may know before a bucket starts, and what the bucket then costs."""

from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from optexec.data.book import midpoint, walk_cost
from optexec.data.bucketing import divide
from optexec.data.convex_costs import continued
from optexec.data.features import features
from optexec.data.monotone import monotone
from optexec.models.errors import InvalidInput
from optexec.models.validation import Array, positive

FEATURES = ("spread", "depth", "imbalance", "volatility", "hour")
INPUTS = ("size", "vol_ratio", *FEATURES)
RISING = ("size", "vol_ratio")
MOST_UNSEEN = 0.5
"""A size counts in a bucket unless more than this fraction of the bucket's snapshots display less than it."""


class Outcome(NamedTuple):
    """What came after each of R snapshots, at K sizes.

    Fields:
        slippage: mean slippage per share over the snapshots of the bucket that starts right after the snapshot, over
            those that display the size, (R, K), dollars; NaN if fewer than half of them do or the book ends before.
        complete: whether the book covers that bucket, (R,).
        overlap: most snapshots in one bucket.
        beyond: (snapshot, size) pairs of the book in which the size exceeds the displayed depth.
    """

    slippage: Array
    complete: NDArray[np.bool_]
    overlap: int
    beyond: int


def increasing(name: str, sizes: Any) -> Array:
    """Return sizes as an array, (K,); `InvalidInput` unless they are positive and increase.

    >>> increasing("sizes", [100, 250]).tolist()
    [100.0, 250.0]
    """
    shares = np.asarray(positive(name, sizes))
    if shares.ndim != 1 or (np.diff(shares) <= 0).any():
        raise InvalidInput(f"{name} must be an array of increasing shares, (K,), got {shares.tolist()!r:.80}")
    return shares


def two_sided(book: pd.DataFrame, bucket: pd.Timedelta | str) -> pd.DataFrame:
    """Return the snapshots that have a bid and an ask; `InvalidInput` for a book or bucket that `divide` refuses.

    >>> from optexec.data import sample
    >>> from optexec.data.book import read_book
    >>> book = read_book(sample.path("book.csv.gz"))
    >>> len(two_sided(book, "60s")) == len(book)
    True
    """
    return book.iloc[divide(book.index, bucket, np.isfinite(midpoint(book))).seen]


def walk_per_share(book: pd.DataFrame, side: str, sizes: Array) -> Array:
    """Return the slippage per share of walking each snapshot's book, (R, K), dollars; NaN beyond its depth.

    >>> from optexec.data import sample
    >>> from optexec.data.book import read_book
    >>> walk_per_share(read_book(sample.path("book.csv.gz")), "buy", np.array([100.0, 1e9])).shape
    (390, 2)
    """
    return walk_cost(book, side, sizes) / sizes


def known(book: pd.DataFrame, side: str, sizes: Array, halflife: pd.Timedelta, at: Any = slice(None)) -> pd.DataFrame:
    """Return what is known at snapshots of a book: `FEATURES`, and the recent slippage at each size.

    The recent slippage is the mean of `walk_per_share` over this and all earlier snapshots of the book that display
    the size, a snapshot counting half as much for every `halflife` it is older. Sizes that no snapshot has displayed
    yet continue the total cost at its last slope, and `monotone` smooths out any fall from one size to a larger one,
    which is averaged over fewer snapshots. Nothing in a row depends on later snapshots.

    Args:
        book: two-sided snapshots of one day.
        side: "buy" or "sell".
        sizes: increasing shares, (K,).
        halflife: of a snapshot's weight.
        at: positions of the snapshots asked for, (R,), or a slice of them.

    Returns:
        R rows on the times of those snapshots: `FEATURES`, then the columns `recent_columns(side, sizes)`, dollars
        a share; these are NaN until the smallest size has been displayed once.

    >>> from optexec.data import sample
    >>> from optexec.data.book import read_book
    >>> rows = known(read_book(sample.path("book.csv.gz")), "buy", np.array([100.0, 250.0]), pd.Timedelta("5min"))
    >>> list(rows)
    ['spread', 'depth', 'imbalance', 'volatility', 'hour', 'buy_100.0', 'buy_250.0']
    """
    walked = pd.DataFrame(walk_per_share(book, side, sizes))
    averaged = (
        walked.ewm(halflife=halflife, times=_nanoseconds(book).view("datetime64[ns]")).mean().to_numpy(copy=True)[at]
    )
    seen = np.isfinite(averaged[:, 0])
    if seen.any():
        averaged[seen] = monotone(continued(sizes, averaged[seen]))
    recent = dict(zip(recent_columns(side, sizes), averaged.T, strict=True))
    return features(book)[list(FEATURES)].iloc[at].assign(**recent)


def _nanoseconds(book: pd.DataFrame) -> NDArray[np.int64]:
    """Return the time of each snapshot since the first, (R,)."""
    return pd.TimedeltaIndex(book.index - book.index[0]).as_unit("ns").asi8


def recent_columns(side: str, sizes: Array) -> list[str]:
    """Return the names of the columns of recent slippage.

    >>> recent_columns("sell", np.array([100.0, 250.0]))
    ['sell_100.0', 'sell_250.0']
    """
    return [f"{side}_{size!r}" for size in sizes.tolist()]


def outcome(book: pd.DataFrame, side: str, sizes: Array, bucket: pd.Timedelta) -> Outcome:
    """Return what the bucket after each snapshot costs; see `Outcome`.

    A snapshot at time t stands for a bucket that starts right after it: the snapshots in (t, t + bucket].

    >>> from optexec.data import sample
    >>> from optexec.data.book import read_book
    >>> book = read_book(sample.path("book.csv.gz"))
    >>> after = outcome(book, "buy", np.array([100.0, 250.0]), pd.Timedelta("60s"))
    >>> bool(np.allclose(after.slippage[:-1], walk_per_share(book, "buy", np.array([100.0, 250.0]))[1:]))
    True
    """
    walked = walk_per_share(book, side, sizes)
    shown = np.isfinite(walked)
    time, length = _nanoseconds(book), bucket.as_unit("ns").value
    first, end = (np.searchsorted(time, time + after, side="right") for after in (0, length))
    count = np.vstack([np.zeros(len(sizes)), shown.cumsum(axis=0)])
    total = np.vstack([np.zeros(len(sizes)), np.where(shown, walked, 0.0).cumsum(axis=0)])
    complete = (time + length <= time[-1]) & (end > first)
    number, inside = count[end] - count[first], (end - first)[:, None]
    counted = complete[:, None] & (number > 0) & (number >= (1 - MOST_UNSEEN) * inside)
    mean = (total[end] - total[first]) / np.maximum(number, 1)
    return Outcome(np.where(counted, mean, np.nan), complete, int((end - first).max()), int((~shown).sum()))


def inputs(rows: pd.DataFrame, shares: Array) -> Array:
    """Return the `INPUTS` of R rows of `known` at K sizes, one row a pair, sizes running fastest, (R K, 7).

    >>> row = pd.DataFrame([[0.02, 500.0, 0.0, 1e-4, 9.5]], columns=list(FEATURES))
    >>> inputs(row, np.array([100.0, 250.0]))[:, :3].tolist()
    [[100.0, 0.2, 0.02], [250.0, 0.5, 0.02]]
    """
    repeated = np.repeat(rows[list(FEATURES)].to_numpy(dtype=float), len(shares), axis=0)
    size = np.tile(shares, len(rows))
    return np.column_stack([size, size / repeated[:, FEATURES.index("depth")], repeated])
