"""Curves that average the books of all buckets so far."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import NamedTuple

import numpy as np
import pandas as pd

from optexec.data.book import displayed_depth, midpoint
from optexec.data.bucketing import TimeIndex, divide
from optexec.data.convex_costs import continued, convex_costs
from optexec.data.forecasts import Blend, Decaying, History
from optexec.data.monotone import monotone
from optexec.data.slippage import SIZE_GRID
from optexec.models.errors import unknown_name
from optexec.models.tabulated import Tabulated
from optexec.models.validation import Array

AVERAGES: Mapping[str, Decaying | Blend] = MappingProxyType(
    {"average": Decaying(4.0), "blend": Blend(0.25, Decaying(4.0))}
)
"""Averages by name. The blend is what half an hour of AAPL chooses among the `standard_forecasts`, see docs."""


class AveragedCurves(NamedTuple):
    """Curves of N buckets.

    Fields:
        start: start of each bucket, an index named "time", (N,).
        curves: convex total costs, one a bucket.
        shown: shares that a book up to the bucket's end displays, of the sizes of the curves, (N,). Beyond them a
            curve goes on at its last slope.
    """

    start: TimeIndex
    curves: Tabulated
    shown: Array


def averaged_curves(
    book: pd.DataFrame, bucket: str | pd.Timedelta = "60s", side: str = "buy", average: str = "blend"
) -> AveragedCurves:
    """Average the slippage of walking the books of this bucket and those before it, and make its total cost convex.

    The slippage of a bucket at a size is the forecast `AVERAGES[average]` as the bucket ends: a mean over the buckets
    so far that decays with age, in a blend with a part of the last book. Sizes are the fractions `SIZE_GRID` of the
    median displayed depth of the day; a size counts in the snapshots that display it, and one that none has displayed
    continues the cost at its last slope. Slippage that falls from one size to a larger one is pooled (`monotone`), and
    its total cost made convex by its slopes (`convex_costs`), which foretells as well as by its values and needs no
    solver. Nothing but the sizes depends on later snapshots, except in buckets before any book displays the smallest
    size: they have the curve of the first that does, and 0 shares shown.

    Args:
        book: snapshots of one day as `read_book` returns them.
        bucket: length of a bucket, such as "60s".
        side: side of the order, "buy" (walks the asks) or "sell" (walks the bids).
        average: a name of `AVERAGES`.

    Raises:
        InvalidInput: for another average or side, and what `divide` refuses.

    >>> from optexec.data import sample
    >>> from optexec.data.book import read_book
    >>> made = averaged_curves(read_book(sample.path("book.csv.gz")), "30min", "sell")
    >>> made.curves.cost_at.shape, bool((np.diff(made.curves.slopes) >= -1e-12 * made.curves.slopes.max()).all())
    ((13, 21), True)
    """
    if average not in AVERAGES:
        raise unknown_name("average", average, AVERAGES)
    seen = divide(book.index, bucket, np.isfinite(midpoint(book))).seen
    sizes = float(np.median(displayed_depth(book.iloc[seen], side))) * np.array(SIZE_GRID)
    history = History(book, bucket, side, sizes)
    slippage = AVERAGES[average].after_each(history)
    count = np.isfinite(slippage).sum(axis=1)
    known = slippage[np.maximum(np.arange(len(count)), np.argmax(count > 0))]
    curves = convex_costs(sizes, monotone(continued(sizes, known)), "slopes")
    return AveragedCurves(history.buckets.start, curves, np.append(0.0, sizes)[count])
