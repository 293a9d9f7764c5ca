"""What calibrated curves miss of the books they are of, and how much of the day they rest on, in numbers."""

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from optexec.data.clock import time_of_day
from optexec.data.slippage import SlippagePoints
from optexec.models.errors import InvalidInput
from optexec.models.impact import Impact
from optexec.models.validation import Array

QUANTILES = (0.05, 0.25, 0.5, 0.75, 0.95)


def residuals(points: SlippagePoints, curves: Impact) -> Array:
    """Slippage of the curves less that of the snapshots, as a fraction of the latter, (P, K).

    Args:
        points: what the curves are of, P snapshots in N buckets at K sizes.
        curves: one a bucket.

    Raises:
        InvalidInput: curves of another number of buckets.

    >>> from optexec.models.families import Linear
    >>> times = pd.to_timedelta([0], unit="s")
    >>> one = np.array([[100.0]])
    >>> points = SlippagePoints(times, np.array([0]), np.array([0]), one, np.array([[0.02]]), *[np.ones(1)] * 2)
    >>> residuals(points, Linear(0.03)).round(6).tolist()
    [[0.5]]
    """
    if curves.buckets not in (None, len(points.start)):
        raise InvalidInput(f"the curves are of {curves.buckets} buckets, the points of {len(points.start)}")
    own = curves if curves.buckets is None else curves.take(points.owner)
    costs = np.column_stack([own.cost(sizes) for sizes in points.shares.T])
    return np.asarray(costs / (points.slippage * points.shares) - 1.0)


def residual_quantiles(points: SlippagePoints, curves: Impact) -> pd.DataFrame:
    """Quantiles of `residuals` over all snapshots, one row a size; arguments as there.

    Returns:
        Rows indexed by "size", a fraction of the displayed depth; a column for each of `QUANTILES`.

    >>> from optexec.data import sample
    >>> from optexec.data.book import read_book
    >>> from optexec.data.curve_fits import fit_curves, impact
    >>> from optexec.data.slippage import slippage_points
    >>> points = slippage_points(read_book(sample.path("book.csv.gz")), "30min")
    >>> told = residual_quantiles(points, impact(fit_curves(points, ["half_spread_power"])))
    >>> told.shape, bool(abs(told.loc[0.5, 0.5]) < 0.02)
    ((20, 5), True)
    """
    quantiles = np.nanquantile(residuals(points, curves), QUANTILES, axis=0).T
    return pd.DataFrame(quantiles, index=pd.Index(points.size_grid, name="size"), columns=list(QUANTILES))


def coverage(
    points: SlippagePoints, carried: NDArray[np.bool_], doubtful: NDArray[np.bool_], every: str = "30min"
) -> pd.DataFrame:
    """How many snapshots the curves rest on, by time of day.

    Args:
        points: what the curves are of, N buckets.
        carried: which buckets had no snapshot of their own and took the last before them, (N,).
        doubtful: which curves the points do not determine, (N,).
        every: length of a row.

    Returns:
        Rows indexed by "from", New York time since midnight, that hold the buckets starting in them: `buckets`,
        `snapshots`, `carried` and `undetermined`.

    >>> from optexec.data import sample
    >>> from optexec.data.book import read_book
    >>> from optexec.data.slippage import slippage_points
    >>> points = slippage_points(read_book(sample.path("book.csv.gz")).iloc[:90], "10min")
    >>> none = np.zeros(len(points.start), dtype=bool)
    >>> coverage(points, none, none)["snapshots"].tolist()
    [30, 30, 30]
    """
    seen = np.bincount(points.owner, minlength=len(points.start)) - carried
    rows = pd.DataFrame({"buckets": 1, "snapshots": seen, "carried": carried, "undetermined": doubtful}).astype(int)
    return rows.groupby(time_of_day(points.start).floor(every)).sum().rename_axis("from")
