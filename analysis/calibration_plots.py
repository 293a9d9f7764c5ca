"""Figure of a calibration: curves against the books, what they miss, and how much each bucket saw."""

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from optexec.analysis.plots import ANSWER, DPI, INK, OTHERS
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
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    missed = residuals(points, curves)
    figure = Figure(figsize=SIZE, dpi=DPI, layout="constrained", facecolor="white")
    FigureCanvasAgg(figure)
    grid = figure.add_gridspec(2, 2)
    _draw_curves(figure.add_subplot(grid[0, 0]), points, curves)
    _draw_residuals(figure.add_subplot(grid[0, 1]), points, 100 * missed)
    _draw_coverage(figure.add_subplot(grid[1, :]), points, doubtful)
    for axes in figure.axes:
        axes.grid(axis="y", color="#DDDDDD", linewidth=0.7)
        axes.set_axisbelow(True)
        axes.spines[["top", "right"]].set_visible(False)
        axes.tick_params(colors=INK, labelsize=9)
    return figure


def _draw_curves(axes: Any, points: SlippagePoints, curves: Impact) -> None:
    count = len(points.start)
    shown = np.unique(np.linspace(0, count - 1, min(SHOWN, count)).round().astype(int))
    for number, colour in zip(shown, (ANSWER, *OTHERS), strict=False):
        own = points.owner == number
        sizes, slippage = points.shares[own].mean(axis=0), points.slippage[own].mean(axis=0)
        place = np.linspace(sizes[0], sizes[-1], 100)
        axes.plot(sizes, 100 * slippage, "o", color=colour, markersize=3.5)
        curve = curves if curves.buckets is None else curves.take(int(number))
        axes.plot(
            place, 100 * curve.cost(place) / place, color=colour, linewidth=1.6, label=_clock(points.start[number])
        )
    axes.set_xlabel("shares", color=INK)
    axes.set_ylabel("slippage (cents a share)", color=INK)
    axes.legend(frameon=False, fontsize=9, labelcolor=INK, title="bucket from")
    axes.set_title("Curves on the mean book of some buckets", loc="left", fontsize=10, color=INK)


def _draw_residuals(axes: Any, points: SlippagePoints, missed: Array) -> None:
    place = 100 * np.array(points.size_grid)
    for low, high, shade in BANDS:
        ends = np.nanquantile(missed, [low, high], axis=0)
        axes.fill_between(place, *ends, color=ANSWER, alpha=shade, linewidth=0, label=f"{high - low:.0%} of snapshots")
    axes.plot(place, np.nanmedian(missed, axis=0), color=ANSWER, linewidth=2, label="median")
    axes.axhline(0, color=INK, linewidth=0.8)
    axes.set_xlabel("size (% of displayed depth)", color=INK)
    axes.set_ylabel("curve less book (% of slippage)", color=INK)
    axes.legend(frameon=False, fontsize=9, labelcolor=INK)
    axes.set_title("Residuals of every snapshot, by size", loc="left", fontsize=10, color=INK)


def _draw_coverage(axes: Any, points: SlippagePoints, doubtful: NDArray[np.bool_]) -> None:
    place = np.arange(len(points.start))
    seen = np.bincount(points.owner, minlength=len(place))
    axes.bar(place, seen, width=1.0 if len(place) > 60 else 0.8, color=ANSWER)
    if doubtful.any():
        axes.plot(place[doubtful], seen[doubtful], "v", color=OTHERS[0], markersize=6, label="curve not determined")
        axes.set_ylim(0, 1.2 * seen.max())
        axes.legend(frameon=False, fontsize=9, labelcolor=INK, loc="upper right")
    ticks = np.unique(np.linspace(0, len(place) - 1, min(12, len(place))).round().astype(int))
    axes.set_xticks(ticks, [_clock(points.start[k]) for k in ticks])
    axes.set_xlabel("start of the bucket, New York", color=INK)
    axes.set_ylabel("snapshots a bucket", color=INK)
    axes.set_title("What each bucket's curve rests on", loc="left", fontsize=10, color=INK)


def _clock(moment: pd.Timestamp | pd.Timedelta) -> str:
    """Time of day as HH:MM:SS."""
    since = (
        moment if isinstance(moment, pd.Timedelta) else moment.tz_localize(None) - moment.tz_localize(None).normalize()
    )
    return str(pd.Timestamp(0) + since)[11:19]
