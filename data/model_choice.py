"""Which curves foretell the next bucket best, all models and buckets of a day at once."""

from collections.abc import Iterable

import numpy as np
import pandas as pd

from optexec.data.averages import AVERAGES, averaged_curves
from optexec.data.curve_families import FAMILIES
from optexec.data.curve_fits import fit_curves, fitted_slippage
from optexec.data.forecasts import History
from optexec.data.separable_fit import Array
from optexec.data.slippage import SlippagePoints, slippage_points
from optexec.models.errors import InvalidInput
from optexec.models.validation import positive_number

NAIVE = "previous_book"


def family_errors(
    book: pd.DataFrame,
    bucket: str | pd.Timedelta = "60s",
    side: str = "buy",
    shares: float | None = None,
    families: Iterable[str] = tuple(FAMILIES),
) -> pd.DataFrame:
    """Judge the curves of each bucket by the mean slippage of the bucket after it.

    The same errors as those of `out_of_sample.errors` for `forecasts.FittedCurve` and target "mean", where every
    bucket has snapshots of its own, without fitting the buckets one by one. Averages are judged as `averaged_curves`
    makes them, convex.

    Args:
        book: snapshots of one day as `read_book` returns them.
        bucket: length of a bucket.
        side: side of the order, "buy" or "sell".
        shares: size whose slippage is foretold; None for half the median displayed depth.
        families: names of `FAMILIES`, and of `AVERAGES`.

    Returns:
        One row a name, the best first, and one for the last book before each bucket, `NAIVE`: `n`, the buckets
        judged; `median_absolute`, median absolute error in dollars a share; `median_relative`, as a fraction of the
        outcome.
        attrs["shares"] is the size.

    Raises:
        InvalidInput: for fewer than two buckets that show the size, and what `slippage_points` refuses.

    >>> from optexec.data import sample
    >>> from optexec.data.book import read_book
    >>> told = family_errors(read_book(sample.path("book.csv.gz")), "10min", families=["linear_total", "power_total"])
    >>> sorted(told.index), told["n"].tolist()
    (['linear_total', 'power_total', 'previous_book'], [38, 38, 38])
    """
    points = slippage_points(book, bucket, side)
    size = float(np.median(points.depth)) / 2 if shares is None else positive_number("shares", shares)
    history = History(book, bucket, side, np.array([size]))
    outcome, buckets = history.bucket_means[1:, 0], history.buckets
    told = {NAIVE: history.last_books[:-1, 0]}
    for name in families:
        told[name] = _slippage(name, book, bucket, side, points, size)[:-1]
    missed = pd.DataFrame(told).sub(outcome, axis=0).abs()
    judged = missed.notna().all(axis=1) & ~buckets.carried[1:] & ~buckets.carried[:-1]
    if not judged.any():
        raise InvalidInput(f"no two buckets in a row show {size:,.10g} shares; lengthen the buckets")
    missed, outcome = missed[judged], outcome[judged]
    table = pd.DataFrame(
        {
            "n": len(missed),
            "median_absolute": missed.median(),
            "median_relative": missed.div(outcome, axis=0).median(),
        }
    ).sort_values("median_absolute", kind="stable")
    table.attrs["shares"] = size
    return table.rename_axis("forecast")


def _slippage(
    name: str, book: pd.DataFrame, bucket: str | pd.Timedelta, side: str, points: SlippagePoints, size: float
) -> Array:
    """Return what the curve of each of N buckets says of a size, dollars a share, (N,)."""
    if name in AVERAGES:
        curves = averaged_curves(book, bucket, side, name).curves
        return np.asarray(curves.cost(np.full(len(points.start), size)) / size)
    return np.asarray(fitted_slippage(fit_curves(points, [name]), np.array([size]))[:, 0])


def best_family(errors: pd.DataFrame) -> str:
    """Return the name of the least median absolute error in a table of `family_errors`.

    >>> errors = {"previous_book": 0.1, "power_total": 0.2, "linear_total": 0.3}
    >>> best_family(pd.DataFrame({"median_absolute": errors}))
    'power_total'
    """
    return str(errors["median_absolute"].drop(NAIVE).idxmin())
