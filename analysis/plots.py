"""Figures: what a schedule trades, and what it still holds."""

from collections.abc import Iterator, Mapping
from itertools import cycle
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from optexec.models.schedule import Schedule
from optexec.models.validation import Array

if TYPE_CHECKING:
    from matplotlib.figure import Figure

SIZE = (11.0, 6.4)
DPI = 150
INK = "#333333"
ANSWER = "#0072B2"
OTHERS = ("#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")
"""The palette of Okabe and Ito, told apart by colour-blind eyes as well."""
DASHES = ("--", "-.", ":", (0, (5, 1)), (0, (3, 1, 1, 1)))
LEGEND = {"ncols": 4, "frameon": False, "loc": "upper right", "fontsize": 9, "labelcolor": INK}
CROWDED = 60
"""Buckets beyond which bars touch and lines are thin."""
TICKS = 14
"""Most labels on the axis of the buckets."""


def plot_schedule(schedule: Schedule, baselines: Mapping[str, Schedule] | None = None) -> "Figure":
    """Draw the shares of each bucket as bars with other schedules as lines, and the inventory below.

    Args:
        schedule: the schedule to show.
        baselines: schedules of the same buckets to draw beside it, by name.

    Returns:
        A figure that belongs to no window; `figure.savefig("schedule.png")` writes it.

    >>> import optexec as ox
    >>> problem = ox.Problem(ox.Order(300), ox.Power(a=[1.0, 2.0], b=2.0), ox.objective("A"))
    >>> figure = plot_schedule(ox.solve(problem), {"twap": ox.solve(problem, "twap")})
    >>> [axes.get_ylabel() for axes in figure.axes]
    ['shares a bucket', 'shares still to trade']
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=SIZE, dpi=DPI, layout="constrained", facecolor="white")
    FigureCanvasAgg(figure)
    traded, held = figure.subplots(2, 1, sharex=True, height_ratios=[1.5, 1])
    _draw_shares(traded, schedule, baselines or {})
    _draw_inventory(held, schedule, baselines or {})
    _label_buckets(held, schedule.problem.index)
    for axes in (traded, held):
        _dress(axes, schedule.problem.buckets)
    figure.align_ylabels()
    traded.set_title(_subtitle(schedule), loc="left", fontsize=10, color=INK)
    above = {"transform": traded.transAxes, "fontsize": 13, "fontweight": "bold", "color": INK}
    traded.text(0.0, 1.12, _title(schedule), **above)
    return figure


def _draw_shares(axes: Any, schedule: Schedule, baselines: Mapping[str, Schedule]) -> None:
    place = np.arange(schedule.problem.buckets)
    crowded = len(place) > CROWDED
    axes.bar(place, schedule.x, width=1.0 if crowded else 0.8, color=ANSWER, label=schedule.method)
    edges = np.append(place, len(place)) - 0.5
    for name, other, style in _styled(baselines):
        axes.stairs(other.x, edges, baseline=None, label=name, **style, linewidth=0.9 if crowded else 1.6)
    handles, names = axes.get_legend_handles_labels()
    axes.legend(handles[-1:] + handles[:-1], names[-1:] + names[:-1], **LEGEND)
    axes.set_ylabel("shares a bucket")


def _draw_inventory(axes: Any, schedule: Schedule, baselines: Mapping[str, Schedule]) -> None:
    edges = np.arange(schedule.problem.buckets + 1) - 0.5
    axes.plot(edges, _held(schedule), color=ANSWER, linewidth=2)
    axes.fill_between(edges, _held(schedule), color=ANSWER, alpha=0.12, linewidth=0)
    for _, other, style in _styled(baselines):
        axes.plot(edges, _held(other), **style, linewidth=1.6)
    axes.set_ylabel("shares still to trade")


def _styled(baselines: Mapping[str, Schedule]) -> Iterator[tuple[str, Schedule, dict[str, Any]]]:
    """Each baseline with a colour and a dash of its own."""
    for (name, other), colour, dash in zip(baselines.items(), cycle(OTHERS), cycle(DASHES)):
        yield name, other, {"color": colour, "linestyle": dash}


def _held(schedule: Schedule) -> Array:
    """R_0..R_N, (N+1,)."""
    return np.append(schedule.problem.shares, schedule.inventory.to_numpy())


def _label_buckets(axes: Any, index: pd.Index) -> None:
    """A readable number of labels: clock times on round minutes where the labels are times of one day."""
    times = _times(index)
    if times is None:
        places = np.arange(0, len(index), max(1, -(-len(index) // TICKS)))
        axes.set_xticks(places, [str(label) for label in index[places]])
        axes.set_xlabel(str(index.name))
        return
    minutes = np.asarray(times.hour * 60 + times.minute)
    step = next(step for step in (1, 5, 10, 15, 30, 60, 120) if np.ptp(minutes) / step < TICKS or step == 120)
    first = np.unique(minutes // step, return_index=True)[1]
    places = first[minutes[first] % step == 0]
    axes.set_xticks(places, [f"{time:%H:%M}" for time in times[places]])
    day = f", {times[0]:%d %B %Y}" if times[0].year > 1970 else ""
    axes.set_xlabel(f"start of bucket{day}")


def _times(index: pd.Index) -> pd.DatetimeIndex | None:
    """The labels as wall-clock times of one day; None if they are something else."""
    if pd.api.types.is_numeric_dtype(index):
        return None
    text = [str(label) for label in index]
    walls = [label[:19] if "T" in label or " " in label else f"1970-01-01 {label}" for label in text]
    times = pd.to_datetime(pd.Series(walls), format="ISO8601", errors="coerce")
    if times.isna().any() or times.dt.normalize().nunique() > 1:
        return None
    return pd.DatetimeIndex(times)


def _dress(axes: Any, buckets: int) -> None:
    from matplotlib.ticker import StrMethodFormatter

    axes.set_xlim(-0.5, buckets - 0.5)
    axes.set_ylim(bottom=0)
    axes.yaxis.set_major_formatter(StrMethodFormatter("{x:,.0f}"))
    for axis in (axes.xaxis, axes.yaxis):
        axis.label.set_color(INK)
    axes.grid(axis="y", color="#DDDDDD", linewidth=0.7)
    axes.set_axisbelow(True)
    axes.spines[["top", "right"]].set_visible(False)
    axes.tick_params(colors=INK, labelsize=9)


def _title(schedule: Schedule) -> str:
    order = schedule.problem.order
    terms = " + ".join(term.name.replace("_", " ") for term in schedule.problem.terms)
    return f"{order.side.capitalize()} {order.shares:,.10g} shares, charged for {terms}"


def _subtitle(schedule: Schedule) -> str:
    bps = "" if schedule.bps is None else f" ({schedule.bps:.3g} bps)"
    gap = f"within {schedule.gap:.1g} of the optimum" if np.isfinite(schedule.lower_bound) else "no bound"
    return f"cost ${schedule.objective:,.2f}{bps}, by {schedule.method}, {schedule.status}, {gap}"
