"""Figure of a calibration: curves against the books, what they miss, and how much each bucket saw."""

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from optexec.analysis.bucket_labels import bucket_names
from optexec.analysis.plot_style import (
    ANSWER,
    INK,
    OTHERS,
    add_legend,
    bar_width,
    dress,
    label_buckets,
    new_figure,
    set_title,
)
from optexec.data.fit_report import residuals
from optexec.data.slippage import SlippagePoints
from optexec.models.impact import Impact
from optexec.models.validation import Array

if TYPE_CHECKING:
    from matplotlib.figure import Figure

SIZE = (11.0, 8.0)
SHOWN = 4
"""Buckets whose curves are drawn, evenly over the day."""
BANDS = ((0.05, 0.95, 0.15), (0.25, 0.75, 0.30))
"""Quantiles between which residuals are shaded, and how darkly."""


def plot_calibration(points: SlippagePoints, curves: Impact, doubtful: NDArray[np.bool_]) -> "Figure":
    """Draw the curves of some buckets on their books, the residuals of all of them, and the snapshots behind each.

    Args:
        points: what the curves are of, N buckets.
        curves: one a bucket.
        doubtful: which of them the points do not determine, (N,).

    Returns:
        A figure that belongs to no window: slippage per share in cents against shares, mean of the bucket's snapshots
        as points and the curve as a line; residuals in percent of the slippage against the fraction of displayed
        depth, with bands that hold half and nine tenths of the snapshots; snapshots by time of day, with the buckets
        whose points do not determine a curve marked.

    Raises:
        InvalidInput: curves of another number of buckets.

    >>> from optexec.data import sample
    >>> from optexec.data.book import read_book
    >>> from optexec.data.curve_fits import fit_curves, impact
    >>> from optexec.data.slippage import slippage_points
    >>> points = slippage_points(read_book(sample.path("book.csv.gz")), "30min")
    >>> fits = fit_curves(points, ["half_spread_power"])
    >>> figure = plot_calibration(points, impact(fits), fits["degenerate"].to_numpy())
    >>> [axes.get_ylabel() for axes in figure.axes]
    ['slippage (cents a share)', 'curve less book (% of slippage)', 'snapshots a bucket']
    """
    missed = residuals(points, curves)
    figure = new_figure(SIZE)
    grid = figure.add_gridspec(2, 2)
    _draw_curves(figure.add_subplot(grid[0, 0]), points, curves)
    _draw_residuals(figure.add_subplot(grid[0, 1]), points, 100 * missed)
    _draw_coverage(figure.add_subplot(grid[1, :]), points, doubtful)
    for axes in figure.axes:
        dress(axes)
    return figure


def _draw_curves(axes: Any, points: SlippagePoints, curves: Impact) -> None:
    count, names = len(points.start), bucket_names(points.start)
    shown = np.unique(np.linspace(0, count - 1, min(SHOWN, count)).round().astype(int))
    for number, colour in zip(shown, (ANSWER, *OTHERS), strict=False):
        own = points.owner == number
        sizes, slippage = points.shares[own].mean(axis=0), points.slippage[own].mean(axis=0)
        place = np.linspace(sizes[0], sizes[-1], 100)
        axes.plot(sizes, 100 * slippage, "o", color=colour, markersize=3.5)
        curve = curves if curves.buckets is None else curves.take(int(number))
        axes.plot(place, 100 * curve.cost(place) / place, color=colour, linewidth=1.6, label=names[number])
    axes.set_xlabel("shares")
    axes.set_ylabel("slippage (cents a share)")
    add_legend(axes, title="bucket from")
    set_title(axes, "Curves on the mean book of some buckets")


def _draw_residuals(axes: Any, points: SlippagePoints, missed: Array) -> None:
    place = 100 * np.array(points.size_grid)
    for low, high, shade in BANDS:
        ends = np.nanquantile(missed, [low, high], axis=0)
        axes.fill_between(place, *ends, color=ANSWER, alpha=shade, linewidth=0, label=f"{high - low:.0%} of snapshots")
    axes.plot(place, np.nanmedian(missed, axis=0), color=ANSWER, linewidth=2, label="median")
    axes.axhline(0, color=INK, linewidth=0.8)
    axes.set_xlabel("size (% of displayed depth)")
    axes.set_ylabel("curve less book (% of slippage)")
    add_legend(axes)
    set_title(axes, "Residuals of every snapshot, by size")


def _draw_coverage(axes: Any, points: SlippagePoints, doubtful: NDArray[np.bool_]) -> None:
    place = np.arange(len(points.start))
    seen = np.bincount(points.owner, minlength=len(place))
    axes.bar(place, seen, width=bar_width(len(place)), color=ANSWER)
    if doubtful.any():
        axes.plot(place[doubtful], seen[doubtful], "v", color=OTHERS[0], markersize=6, label="curve not determined")
        axes.set_ylim(0, 1.2 * seen.max())
        add_legend(axes, loc="upper right")
    label_buckets(axes, points.start)
    axes.set_xlabel(f"{axes.get_xlabel()} (New York)")
    axes.set_ylabel("snapshots a bucket")
    set_title(axes, "What each bucket's curve rests on")
