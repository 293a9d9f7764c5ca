"""Impact curves from an order book: one row of parameters a bucket."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from optexec.data.book import midpoint
from optexec.data.bucketing import divide
from optexec.data.curve_families import FAMILIES, PARAMETERS, family_named
from optexec.data.curve_fits import fit_curves
from optexec.data.pooling import by_time_of_day, pooled, shrunk
from optexec.data.slippage import SIZE_GRID, SlippagePoints, slippage_points
from optexec.models.errors import InvalidInput, unknown_name

__all__ = ["MODEL", "SIZE_GRID", "WAYS", "calibrate", "curves"]

MODEL = "half_spread_power"
WAYS = ("each", "shrunk", "pooled")
VOLATILITY_HALFLIFE = 10


def calibrate(
    book: pd.DataFrame,
    bucket: str | pd.Timedelta = "60s",
    side: str = "buy",
    model: str = MODEL,
    way: str = "each",
    earlier: Sequence[pd.DataFrame] = (),
) -> pd.DataFrame:
    """Fit the cost of walking the book in each bucket.

    With the model "half_spread_power", taking x shares in a bucket costs `half_spread * x + x * a * x**b` dollars
    against the mid: as impact, `Linear(half_spread)` beside `Power(a, b, quoted="per_share")`. The curve is fitted
    to the per-share slippage beyond the half-spread, g(x), at the fractions `SIZE_GRID` of each snapshot's
    displayed depth, by least squares on the points of all snapshots in the bucket, with x scaled by the depth D
    and g by g(D). The other models are likewise, see `curve_families`; `curve_fits.impact` of the table is the
    impact. The parameters depend on the size grid, so the result carries it in `attrs["size_grid"]`.

    Buckets are half-open, [start, start + bucket), counted from midnight of the book's day. They begin with
    the first snapshot that has both sides. A bucket without such a snapshot takes the last one before it.

    Args:
        book: snapshots of one day as `read_book` returns them.
        bucket: length of a bucket, such as "60s".
        side: side of the order, "buy" (walks the asks) or "sell" (walks the bids).
        model: a name of `curve_families.FAMILIES`.
        way, earlier: as in `curves`, `earlier` being books.

    Returns:
        N rows indexed by "time", the start of the bucket:

        * `price`: last mid, dollars; `half_spread`: of the curve, or the mean of the snapshots where the model has
          none, dollars; `depth`: mean shares displayed;
        * `a`, `b` and what else `curves` gives: for a power per share, dollars a share at x in shares, b within
          [0.05, 3];
        * `volume`: shares traded, if the book has it, a row's volume counted in the row's bucket
          and that of rows before the first bucket left out;
        * `sigma`: volatility of the log-mid over the bucket, the root of the sum of its squared changes,
          each counted where it ends. A bucket with fewer than two snapshots takes the root of the
          exponentially weighted mean of those sums (half-life `VOLATILITY_HALFLIFE` buckets) instead, and
          before the first change the next value known; NaN if the mid was seen only once;
        * `age`: seconds from the last snapshot to the bucket's start where the bucket had none, else 0.

    Raises:
        InvalidInput: for another side, model or way, a bucket that is no positive length of time, a book that has
            no index of nondecreasing times, spans two days, or never shows both sides, and what `curves` refuses.

    Source:
        Almgren, Thum, Hauptmann and Li (2005) for a power curve beside a half-spread.

    >>> from optexec.data import sample
    >>> from optexec.data.book import read_book
    >>> table = calibrate(read_book(sample.path("book.csv.gz")), bucket="30min", side="sell")
    >>> len(table), table.attrs["size_grid"][-1]
    (13, 1.0)
    >>> bool(table["b"].between(0.05, 3).all())
    True
    """
    mid = midpoint(book)
    buckets = divide(book.index, bucket, np.isfinite(mid))
    points = slippage_points(book, bucket, side)
    fits = curves(points, model, way, [slippage_points(day, bucket, side) for day in earlier])
    if family_named(model).half_spread == "none":
        fits["half_spread"] = points.means(points.half_spread)
    table = pd.DataFrame({"price": mid[buckets.last]}, index=buckets.start).join(fits)
    if "volume" in book.columns:
        counted = buckets.rows >= 0
        traded = book["volume"].to_numpy(dtype=float)[counted]
        table["volume"] = np.bincount(buckets.rows[counted], traded, len(table))
    table["sigma"] = _volatility(np.log(mid[buckets.seen]), buckets.owner, len(table))
    table["age"] = np.where(buckets.carried, _seconds(buckets.start, book.index[buckets.last]), 0.0)
    table.attrs["size_grid"] = points.size_grid
    return table


def curves(
    points: SlippagePoints, model: str = MODEL, way: str = "each", earlier: Sequence[SlippagePoints] = ()
) -> pd.DataFrame:
    """Fit one curve a bucket that can be traded on: by itself, drawn to a mean, or shared by the day.

    Args:
        points: of the N buckets.
        model: a name of `curve_families.FAMILIES`.
        way: "each" (the bucket's own points), "shrunk" (drawn to the mean of the day, or to the same time on earlier
            days, see `pooling.shrunk`) or "pooled" (one curve for all buckets).
        earlier: points of earlier days, for "shrunk".

    Returns:
        N rows: `family`, `half_spread`, `a`, `b`, `depth` and their standard errors as `fit_curves` or `shrunk` give
        them, and where they are fitted as they stand, `fit_error`, `degenerate` and `reason`. A bucket whose points
        give no curve at all has that of the whole day, and its `reason` says so.

    Raises:
        InvalidInput: for another model or way, earlier days with another way, and what the fits refuse.

    >>> from optexec.data import sample
    >>> from optexec.data.book import read_book
    >>> points = slippage_points(read_book(sample.path("book.csv.gz")), "30min")
    >>> curves(points, way="pooled")["b"].nunique(), curves(points, "power_total")["b"].nunique()
    (1, 13)
    """
    family_named(model)
    if way not in WAYS:
        raise unknown_name("way", way, WAYS)
    if earlier and way != "shrunk":
        raise InvalidInput(f"earlier days are what curves are shrunk to; they say nothing when way is {way!r}")
    if way == "pooled":
        return pooled(points, [model]).iloc[np.zeros(len(points.start), dtype=int)].set_axis(points.start)
    fits = fit_curves(points, [model])
    if way == "shrunk":
        return shrunk(fits, by_time_of_day(earlier, [model]) if earlier else None)
    return _completed(fits, points, model)


def _completed(fits: pd.DataFrame, points: SlippagePoints, model: str) -> pd.DataFrame:
    """Return the fits with the curve of the whole day where a bucket's points gave none."""
    numbers = list(PARAMETERS)
    lost = fits["failed"].to_numpy(dtype=bool) | ~np.isfinite(fits[numbers].to_numpy(dtype=float)).all(axis=1)
    if not lost.any():
        return fits
    day = pooled(points, [model]).iloc[0]
    if day["failed"] or not np.isfinite(day[numbers].to_numpy(dtype=float)).all():
        raise InvalidInput(f"the book gives no curve of the model {model}; choose another of {', '.join(FAMILIES)}")
    fits.loc[lost, numbers] = day[numbers].to_numpy(dtype=float)
    fits.loc[lost, "degenerate"] = True
    fits.loc[lost, "failed"] = False
    fits.loc[lost, "reason"] = fits.loc[lost, "reason"].replace("", "the search failed") + "; the day's curve instead"
    return fits


def _volatility(log_mid: NDArray[np.float64], owner: NDArray[np.int64], count: int) -> NDArray[np.float64]:
    """Return the root of each bucket's summed squared changes, smoothed where it saw too few snapshots."""
    arrived = owner[1:]
    sums = np.bincount(arrived, np.diff(log_mid) ** 2, count).astype(float)
    sums[np.bincount(arrived, minlength=count) == 0] = np.nan
    smooth = pd.Series(sums).ewm(halflife=VOLATILITY_HALFLIFE).mean().bfill().to_numpy()
    return np.sqrt(np.where(np.bincount(owner, minlength=count) >= 2, sums, smooth))


def _seconds(later: pd.Index, earlier: pd.Index) -> NDArray[np.float64]:
    return np.asarray(pd.TimedeltaIndex(later - earlier).total_seconds(), dtype=np.float64)
