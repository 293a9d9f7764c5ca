"""Impact curves of buckets that borrow from one another: pooled, by time of day across days, or shrunk to a mean."""

from collections.abc import Iterable, Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd

from optexec.data.clock import time_of_day
from optexec.data.curve_families import family_of
from optexec.data.curve_fits import fit_curves
from optexec.data.separable_fit import Array
from optexec.data.slippage import SlippagePoints
from optexec.models.errors import InvalidInput

LEAST = 4
_HALVINGS = 100


def pooled(points: SlippagePoints, families: Iterable[str] = ("half_spread_power",)) -> pd.DataFrame:
    """Fit one curve of each family to the points of all buckets; the buckets are the clusters of its errors.

    Args:
        points: as `slippage_points` returns them.
        families: names of `curve_families.FAMILIES`.

    Returns:
        The columns of `fit_curves`, one row a family, at the start of the first bucket.

    >>> from optexec.data import sample
    >>> from optexec.data.book import read_book
    >>> from optexec.data.slippage import slippage_points
    >>> day = pooled(slippage_points(read_book(sample.path("book.csv.gz")), "30min"))
    >>> len(day), int(day["clusters"].iloc[0])
    (1, 13)
    """
    whole = points._replace(start=points.start[:1], owner=np.zeros_like(points.owner), cluster=points.owner)
    return fit_curves(whole, families)


def by_time_of_day(days: Sequence[SlippagePoints], families: Iterable[str] = ("half_spread_power",)) -> pd.DataFrame:
    """Fit one curve of each family to each time of day, on the points of all days; the days are the clusters.

    Args:
        days: points of D days on the same size grid and the same length of bucket, one `slippage_points` each.
        families: names of `curve_families.FAMILIES`.

    Returns:
        The columns of `fit_curves`, one row a family and time of day that some day has, indexed by the time since
        midnight. Errors are NaN where a single day has that time.

    Raises:
        InvalidInput: for no day, or days on different size grids.

    >>> from optexec.data import sample
    >>> from optexec.data.book import read_book
    >>> from optexec.data.slippage import slippage_points
    >>> day = slippage_points(read_book(sample.path("book.csv.gz")), "30min")
    >>> by_time_of_day([day, day])["clusters"].tolist()
    [2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2]
    """
    if not days:
        raise InvalidInput("there is no day to pool; give the points of one at least")
    if len({day.size_grid for day in days}) > 1:
        raise InvalidInput("the days have different size grids; sample them on one")
    clocks = [time_of_day(day.start) for day in days]
    start = pd.TimedeltaIndex(np.unique(np.concatenate(clocks)), name="time")
    owner = [start.get_indexer(clock)[day.owner] for clock, day in zip(clocks, days, strict=True)]
    together = SlippagePoints(
        start=start,
        owner=np.concatenate(owner),
        cluster=np.repeat(np.arange(len(days)), [len(day.owner) for day in days]),
        shares=np.concatenate([day.shares for day in days]),
        slippage=np.concatenate([day.slippage for day in days]),
        half_spread=np.concatenate([day.half_spread for day in days]),
        depth=np.concatenate([day.depth for day in days]),
        size_grid=days[0].size_grid,
    )
    return fit_curves(together, families)


class Shrinkage(NamedTuple):
    """N estimates drawn to their mean.

    Fields:
        estimate: after shrinkage, (N,).
        error: its standard error, (N,); the uncertainty of `between` is left out.
        kept: weight of the estimate's own value against the mean, (N,).
        mean: what they were drawn to.
        between: variance of the true values about the mean.

    >>> Shrinkage._fields
    ('estimate', 'error', 'kept', 'mean', 'between')
    """

    estimate: Array
    error: Array
    kept: Array
    mean: float
    between: float


def shrink(estimate: Array, error: Array) -> Shrinkage:
    """Draw N estimates to their mean, each the more the less precise it is.

    With y_i the estimates, s_i their standard errors, t2 the variance between the true values,

        w_i = 1 / (s_i^2 + t2),  m = sum w_i y_i / sum w_i,  t2 >= 0 such that sum w_i (y_i - m)^2 = N - 1,
        kept_i = 1 - (N - 3)/(N - 1) s_i^2 / (s_i^2 + t2),
        shrunk_i = kept_i y_i + (1 - kept_i) m,  error_i^2 = kept_i s_i^2 + (1 - kept_i)^2 / sum w_i.

    With equal s_i this is the positive-part James-Stein estimator. An estimate that is NaN, or has no standard
    error, takes no part and becomes m.

    Args:
        estimate, error: y and s, (N,).

    Raises:
        InvalidInput: for fewer than four estimates with a standard error.

    Source:
        Paule and Mandel (1982) for t2 by the method of moments, as in DerSimonian and Kacker (2007); Morris (1983)
        for kept.

    >>> drawn = shrink(np.array([1.0, 2.0, 3.0, 4.0, 5.0]), np.full(5, 1.0))
    >>> round(drawn.between, 3), drawn.kept.round(3).tolist()
    (1.5, [0.8, 0.8, 0.8, 0.8, 0.8])
    >>> drawn.estimate.round(3).tolist()
    [1.4, 2.2, 3.0, 3.8, 4.6]
    """
    known = np.isfinite(estimate) & np.isfinite(error)
    count = int(known.sum())
    if count < LEAST:
        raise InvalidInput(f"{count} buckets have a standard error and shrinkage needs {LEAST}; use longer buckets")
    y, within = estimate[known], error[known] ** 2
    between = _between(y, within)
    weight, mean = _weighted(y, within, between)
    own = 1 - (count - 3) / (count - 1) * within * weight
    kept, variance = np.zeros(len(estimate)), np.full(len(estimate), between + 1 / weight.sum())
    kept[known], variance[known] = own, own * within + (1 - own) ** 2 / weight.sum()
    drawn = np.where(known, kept * np.where(known, estimate, 0.0) + (1 - kept) * mean, mean)
    return Shrinkage(drawn, np.sqrt(variance), kept, mean, between)


def _weighted(y: Array, within: Array, between: float) -> tuple[Array, float]:
    """Return the weights w_i and the mean m; a vanishing variance counts as the least that leaves w_i finite."""
    floor = np.finfo(float).eps * float(np.ptp(y) ** 2 + within.max()) + np.finfo(float).tiny * len(y)
    weight = 1 / np.maximum(within + between, floor)
    return weight, float(weight @ y / weight.sum())


def _between(y: Array, within: Array) -> float:
    """Return t2, the root of a function that falls with it, by bisection; 0 where even that is too much."""

    def excess(between: float) -> float:
        weight, mean = _weighted(y, within, between)
        return float(weight @ (y - mean) ** 2) - (len(y) - 1)

    low, high = 0.0, float(np.var(y, ddof=1))
    if excess(low) <= 0:
        return 0.0
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        low, high = (middle, high) if excess(middle) > 0 else (low, middle)
    return (low + high) / 2


def shrunk(fits: pd.DataFrame, toward: pd.DataFrame | None = None) -> pd.DataFrame:
    """Draw the curves of the buckets of a day to their mean, or to those of the same time on other days.

    Three logarithms are drawn, each by `shrink`: of the half-spread, of the slippage at a reference size (level), and
    of b. The level stands for a, whose errors in shares are all but one with those of b; the reference size is half
    the median displayed depth. With `toward`, it is their differences from that curve that are drawn to their mean.

    The errors are taken as known. With fewer than about 10 snapshots a bucket they are themselves so uncertain that,
    where the buckets hardly differ, one pooled curve is nearer the truth.

    Args:
        fits: rows of one family as `fit_curves` returns them. A degenerate or failed curve, and one without a
            standard error, as of a bucket with a single snapshot, takes no part and gets the mean.
        toward: rows of the same family as `by_time_of_day` returns them, with every time of day of `fits`.

    Returns:
        One row a row of `fits`: `family`, `half_spread`, `a`, `b` and `depth`; `level`, what a f(x; b) is at the
        reference size; `half_spread_error`, `level_error`, `b_error`; and `half_spread_kept`, `level_kept`,
        `b_kept`, the weight of the bucket's own fit (see `shrink`). The columns of a parameter that the family has
        not are left out, but for `half_spread` and `b`. `attrs` has the `reference` size in shares, the
        `between` variances by name, and the `size_grid`.

    Raises:
        InvalidInput: for rows of several families, fewer than four usable curves, a time of day that `toward` lacks
            or has no curve for.

    Source:
        See `shrink`.

    >>> from optexec.data import sample
    >>> from optexec.data.book import read_book
    >>> from optexec.data.slippage import slippage_points
    >>> fits = fit_curves(slippage_points(read_book(sample.path("book.csv.gz")), "30min"), ["power_per_share"])
    >>> curves = shrunk(fits)
    >>> bool(np.log(curves["b"]).std() < np.log(fits["b"]).std())
    True
    """
    family = family_of(fits)
    reference = float(fits["depth"].median() / 2)
    logs, errors = _logarithms(fits, reference)
    base = pd.DataFrame(0.0, index=fits.index, columns=logs.columns)
    if toward is not None:
        base = _matching(toward, fits, reference)
    table = fits[["family", "half_spread", "b", "depth"]].copy()
    between = {}
    for name in logs.columns:
        drawn = shrink((logs[name] - base[name]).to_numpy(), errors[name].to_numpy())
        table[name] = np.exp(base[name].to_numpy() + drawn.estimate)
        table[f"{name}_error"], table[f"{name}_kept"] = drawn.error * table[name], drawn.kept
        between[name] = drawn.between
    at_reference = family.shape.value(np.array(reference), table["b"].to_numpy(dtype=float))
    table.insert(2, "a", table["level"] / at_reference)
    table.attrs = {"reference": reference, "between": between, "size_grid": fits.attrs.get("size_grid")}
    return table


def _logarithms(fits: pd.DataFrame, reference: float) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return the logarithms of level, b and half-spread, as far as the family has them, and their errors."""
    family = family_of(fits)
    a, b = fits["a"].to_numpy(dtype=float), fits["b"].to_numpy(dtype=float)
    usable = ~(fits["degenerate"] | fits["failed"]).to_numpy(dtype=bool) & (a > 0)
    value, slope = (f(np.array(reference), b) for f in (family.shape.value, family.shape.slope))
    a_error, b_error = (fits[f"{name}_error"] / fits[name].where(usable) for name in ("a", "b"))
    logs = {"level": np.log(np.where(usable, a * value, np.nan))}
    errors = {"level": a_error}
    if family.shape.bounds is not None:
        turn = b * slope / value * b_error
        logs["b"], errors["b"] = np.log(np.where(usable, b, np.nan)), b_error
        errors["level"] = ((a_error**2 + turn**2 + 2 * fits["correlation"] * a_error * turn).clip(lower=0)) ** 0.5
    if family.half_spread != "none":
        logs["half_spread"] = np.log(fits["half_spread"].where(usable).to_numpy(dtype=float))
        errors["half_spread"] = fits["half_spread_error"] / fits["half_spread"]
    return pd.DataFrame(logs, index=fits.index), pd.DataFrame(errors, index=fits.index)


def _matching(toward: pd.DataFrame, fits: pd.DataFrame, reference: float) -> pd.DataFrame:
    """Return the logarithms of the curve that `toward` has at the time of day of each row of `fits`."""
    if set(toward["family"]) != set(fits["family"]):
        raise InvalidInput("the curves to shrink towards are of another family; fit the same one")
    logs, _ = _logarithms(toward, reference)
    found = logs.reindex(time_of_day(fits.index)).set_axis(fits.index)
    missing = found.isna().any(axis=1)
    if missing.any():
        raise InvalidInput(f"there is no curve to shrink towards at {missing.idxmax()}; pool days that have one")
    return found
