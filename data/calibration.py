"""Impact curves from an order book: one row of parameters a bucket."""

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from optexec.data.book import PRICE_COLUMNS, displayed_depth, midpoint, walk_cost
from optexec.data.bucketing import TimeIndex, divide
from optexec.data.power_fit import fit_power

SIZE_GRID = tuple(step / 20 for step in range(1, 21))
VOLATILITY_HALFLIFE = 10

_FLAT = 1e-9


def calibrate(book: pd.DataFrame, bucket: str | pd.Timedelta = "60s", side: str = "buy") -> pd.DataFrame:
    """Fit the cost of walking the book, as a half-spread and a power curve for each bucket.

    Taking x shares in a bucket costs `half_spread * x + x * a * x**b` dollars against the mid: as impact,
    `Linear(half_spread)` beside `Power(a, b, quoted="per_share")`. The curve is fitted to the per-share
    slippage beyond the half-spread, g(x), at the fractions `SIZE_GRID` of each snapshot's displayed depth,
    by least squares on the points of all snapshots in the bucket, with x scaled by the depth D and g by
    g(D). The exponent depends on that grid, so the result carries it in `attrs["size_grid"]`.

    Buckets are half-open, [start, start + bucket), counted from midnight of the book's day. They begin with
    the first snapshot that has both sides. A bucket without such a snapshot takes the last one before it.

    Args:
        book: snapshots of one day as `read_book` returns them.
        bucket: length of a bucket, such as "60s".
        side: side of the order, "buy" (walks the asks) or "sell" (walks the bids).

    Returns:
        N rows indexed by "time", the start of the bucket:

        * `price`: last mid, dollars; `half_spread`: mean, dollars; `depth`: mean shares displayed;
        * `a`, `b`: the curve, dollars a share at x in shares, b within [0.05, 3];
        * `fit_error`: root mean square of the residuals over that of the points;
        * `degenerate`: the exponent ended on its bound, or the book is flat (then a = 0, b = 1);
        * `volume`: shares traded, if the book has it, a row's volume counted in the row's bucket
          and that of rows before the first bucket left out;
        * `sigma`: volatility of the log-mid over the bucket, the root of the sum of its squared changes,
          each counted where it ends. A bucket with fewer than two snapshots takes the root of the
          exponentially weighted mean of those sums (half-life `VOLATILITY_HALFLIFE` buckets) instead, and
          before the first change the next value known; NaN if the mid was seen only once;
        * `age`: seconds from the last snapshot to the bucket's start where the bucket had none, else 0.

    Raises:
        InvalidInput: for another side, a bucket that is no positive length of time, and a book that has
            no index of nondecreasing times, spans two days, or never shows both sides.

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
    table = pd.DataFrame({"price": mid[buckets.last]}, index=buckets.start)
    pooled = np.concatenate([buckets.seen, buckets.last[buckets.carried]])
    owner = np.concatenate([buckets.owner, np.flatnonzero(buckets.carried)])
    table = table.join(_curves(book.iloc[pooled], side, owner, buckets.start))
    if "volume" in book.columns:
        counted = buckets.rows >= 0
        traded = book["volume"].to_numpy(dtype=float)[counted]
        table["volume"] = np.bincount(buckets.rows[counted], traded, len(table))
    table["sigma"] = _volatility(np.log(mid[buckets.seen]), buckets.owner, len(table))
    table["age"] = np.where(buckets.carried, _seconds(buckets.start, book.index[buckets.last]), 0.0)
    table.attrs["size_grid"] = SIZE_GRID
    return table


def _curves(book: pd.DataFrame, side: str, owner: NDArray[np.int64], start: TimeIndex) -> pd.DataFrame:
    """Return half-spread, depth and fitted curve of each bucket, from the snapshots that each owns."""
    count = len(start)
    shown = displayed_depth(book, side)
    shares = shown[:, None] * np.array(SIZE_GRID)
    half_spread = _half_spread(book)
    slippage = np.maximum(walk_cost(book, side, shares) / shares - half_spread[:, None], 0.0)
    depth, at_depth = _means(owner, shown, count), _means(owner, slippage[:, -1], count)
    means = {"half_spread": _means(owner, half_spread, count), "depth": depth}
    flat = at_depth <= _FLAT * means["half_spread"]
    scale = np.where(flat, 1.0, at_depth)
    scaled = np.where(flat[owner, None], 1.0, slippage / scale[owner, None])
    fit = fit_power(shares / depth[owner, None], scaled, owner, count)
    columns = {
        **means,
        "a": np.where(flat, 0.0, fit.a * scale / depth**fit.b),
        "b": np.where(flat, 1.0, fit.b),
        "fit_error": np.where(flat, 0.0, fit.error),
        "degenerate": flat | fit.at_bound,
    }
    return pd.DataFrame(columns, index=start)


def _half_spread(book: pd.DataFrame) -> NDArray[np.float64]:
    """Return the distance from the mid to either best price of each snapshot, dollars."""
    asks = book[[name for name in PRICE_COLUMNS if name.startswith("ask")]]
    return np.asarray(np.fmin.reduce(asks.to_numpy(dtype=float), axis=1) - midpoint(book), dtype=float)


def _means(owner: NDArray[np.int64], values: NDArray[np.float64], count: int) -> NDArray[np.float64]:
    return np.bincount(owner, values, count) / np.bincount(owner, minlength=count)


def _volatility(log_mid: NDArray[np.float64], owner: NDArray[np.int64], count: int) -> NDArray[np.float64]:
    """Return the root of each bucket's summed squared changes, smoothed where it saw too few snapshots."""
    arrived = owner[1:]
    sums = np.bincount(arrived, np.diff(log_mid) ** 2, count).astype(float)
    sums[np.bincount(arrived, minlength=count) == 0] = np.nan
    smooth = pd.Series(sums).ewm(halflife=VOLATILITY_HALFLIFE).mean().bfill().to_numpy()
    return np.sqrt(np.where(np.bincount(owner, minlength=count) >= 2, sums, smooth))


def _seconds(later: pd.Index, earlier: pd.Index) -> NDArray[np.float64]:
    return np.asarray(pd.TimedeltaIndex(later - earlier).total_seconds(), dtype=np.float64)
