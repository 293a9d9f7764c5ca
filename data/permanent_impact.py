"""Permanent impact: how far the mid moves, for good, with each share of signed volume."""

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from optexec.data.book import midpoint
from optexec.data.bucketing import Buckets, divide
from optexec.data.estimate import Estimate, ratio_of_sums
from optexec.models.errors import InvalidInput


def permanent_impact(
    book: pd.DataFrame, signed_volume: pd.Series | None = None, window: str | pd.Timedelta = "5min"
) -> Estimate:
    """Estimate gamma of mid move = gamma * signed volume + noise, in dollars a share per share.

    The day is cut into half-open windows counted from midnight. A window's move is its last mid less the last mid of
    the window before (its own first mid, for the first window); its flow is the sum of the signed volume of its
    time. gamma is the least-squares slope through the origin: a price without drift and a linear permanent impact
    leave no intercept. Windows are taken as independent; their noise may differ in variance.

    gamma says what flow and move have in common. Where traders react to the move, or a sign was read from it, as
    `tick_rule` does, that is more than the flow has caused.

    Args:
        book: snapshots of one day as `read_book` returns them.
        signed_volume: shares on an index of times like the book's, bought by the aggressor positive, sold negative,
            one a trade or one a row of the book. What traded up to the book's first mid moved no mid that is known,
            and is left out. None takes the book's `volume` with the signs of `tick_rule`.
        window: length of a window.

    Returns:
        gamma with its standard error, 95 % interval, and the number of windows with flow.

    Raises:
        InvalidInput: for fewer than two windows with flow, a volume that is missing, times of another kind than the
            book's or after its last window, a window that is no positive length of time, and a book without volume
            (if no signed volume is given) or without an index of nondecreasing times of one day.

    Source:
        Almgren and Chriss (2001), eq. (6), for the linear law; Kyle (1985).

    >>> from optexec.data import sample
    >>> from optexec.data.book import read_book
    >>> gamma = permanent_impact(read_book(sample.path("book.csv.gz")), window="15min")
    >>> gamma.clusters, bool(gamma.low < gamma.value < gamma.high)
    (26, True)
    """
    mid = midpoint(book)
    buckets = divide(book.index, window, np.isfinite(mid))
    ends = mid[buckets.last]
    moves = np.diff(ends, prepend=mid[buckets.seen[0]])
    signed = tick_rule(book) if signed_volume is None else signed_volume
    flow = _flow(signed, book.index[buckets.seen[0]], buckets, pd.Timedelta(window))
    if np.count_nonzero(flow) < 2:
        raise InvalidInput(
            f"signed volume is not 0 in {np.count_nonzero(flow)} of {flow.size} windows of {window}; "
            "it needs two or more: shorten the window or give a longer book"
        )
    return ratio_of_sums(moves * flow, flow**2)


def tick_rule(book: pd.DataFrame) -> pd.Series:
    """Return the volume of each row with the sign of the last change of the mid, shares, (R,).

    A row's volume is all bought if the mid's last change up to that row was a rise, all sold if it was a fall, and
    counts 0 before the first change. A rough substitute for signed trades: signs read from the mid make the flow of
    a window correlate with its move whatever the impact, so a gamma from them is biased upwards.

    Args:
        book: R snapshots as `read_book` returns them, with `volume`.

    Raises:
        InvalidInput: for a book without `volume`.

    Source:
        Lee and Ready (1991), the tick test, here on the mid.

    >>> from optexec.data import sample
    >>> from optexec.data.book import read_book
    >>> book = read_book(sample.path("book.csv.gz"))
    >>> signed = tick_rule(book)
    >>> bool((signed.abs().iloc[1:] == book["volume"].iloc[1:]).all()), float(signed.iloc[0])
    (True, 0.0)
    """
    if "volume" not in book.columns:
        raise InvalidInput("the book has no column 'volume'; give signed trades, or a book with volume")
    change = pd.Series(midpoint(book), index=book.index).ffill().diff()
    sign = (change / change.abs()).ffill().fillna(0.0)
    return (sign * book["volume"]).rename("signed_volume")


def _flow(
    signed_volume: pd.Series, first: pd.Timestamp | pd.Timedelta, buckets: Buckets, width: pd.Timedelta
) -> NDArray[np.float64]:
    """Return the signed volume of each window, that up to the first mid left out."""
    times, shares = signed_volume.index, signed_volume.to_numpy(dtype=float)
    end = buckets.start[-1] + width
    try:
        counted, late = np.asarray(times > first), np.asarray(times >= end)
    except TypeError:
        raise InvalidInput(
            f"signed volume is indexed by {times.dtype}, the book by {buckets.start.dtype}; give both the same times"
        ) from None
    if not np.isfinite(shares).all():
        raise InvalidInput(f"signed volume at {times[~np.isfinite(shares)][0]} is missing; write 0 where none traded")
    if late.any():
        raise InvalidInput(f"signed volume at {times[late][0]} lies after the book's last window, which ends at {end}")
    owner = buckets.start.searchsorted(times[counted], side="right") - 1
    return np.asarray(np.bincount(owner, shares[counted], len(buckets.start)), dtype=np.float64)
