"""Figures: what a schedule trades, what it still holds, and how far it is from the optimum."""

from collections.abc import Iterator, Mapping
from itertools import cycle
from textwrap import shorten
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from optexec.models.schedule import Schedule
from optexec.models.validation import Array
from optexec.solvers.verification import FAILED, LAGRANGE, NO_SCHEDULE, compare_schedules

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from optexec.analysis.frontier import Frontier

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
PANELS, PANELS_A_ROW = 12, 4
TITLE, STARTS_NAMED = 44, 2
"""Characters in the title of a panel, and the most starts of IPOPT that it names."""
OPTIMUM, LOCAL, FALSE, EARLY, HEURISTIC = (
    "certified optimum",
    "IPOPT from a start, not the optimum",
    "Lagrange point: stationary, not a minimum",
    "search stopped early",
    "baseline or heuristic",
)
KINDS: dict[str, dict[str, Any]] = {
    OPTIMUM: {"color": ANSWER, "linewidth": 2.4},
    LOCAL: {"color": OTHERS[1], "linewidth": 1.8},
    FALSE: {"color": OTHERS[0], "linewidth": 1.8, "linestyle": (0, (4, 1.5))},
    EARLY: {"color": OTHERS[5], "linewidth": 1.8},
    HEURISTIC: {"color": OTHERS[3], "linewidth": 1.8},
}
"""What the panels of `plot_verification` tell apart, and how."""
WIDE, TRAJECTORIES = 20, 5
"""Ratio of costs from which a frontier has a logarithmic axis, and the most inventories beside it."""
RINGED = {"edgecolors": "white", "linewidths": 0.5, "zorder": 4}
"""Markers that stay apart from what they lie on."""
SAME_SHARES, SAME_COST = 5e-3, 1e-4
"""Fractions of the order and of the least cost within which schedules share a panel."""


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


def _label_buckets(axes: Any, index: pd.Index, most: int = TICKS) -> None:
    """A readable number of labels, about `most`: clock times on round minutes where the labels are times of one day."""
    times = _times(index)
    if times is None:
        places = np.arange(0, len(index), max(1, -(-len(index) // most)))
        axes.set_xticks(places, [str(label) for label in index[places]])
        axes.set_xlabel(str(index.name))
        return
    minutes = np.asarray(times.hour * 60 + times.minute)
    step = next(step for step in (1, 5, 10, 15, 30, 60, 120) if np.ptp(minutes) / step < most or step == 120)
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


def plot_verification(schedules: Mapping[str, Schedule]) -> "Figure":
    """Draw the inventory of every method in a panel of its own, cheapest first, over that of the best schedule.

    Methods that end in the same schedule share a panel; its title tells by how much it costs more than the best.
    Beyond twelve panels those of random starts are left out first, then the dearest.

    Args:
        schedules: schedules of one problem by method, as `every_schedule` gives them.

    Returns:
        A figure that belongs to no window; `figure.savefig("verify.png")` writes it.

    >>> import optexec as ox
    >>> from optexec.solvers.verification import every_schedule
    >>> problem = ox.Problem(ox.Order(300), ox.Power(a=[1.0, 2.0], b=0.5), ox.objective("A"))
    >>> figure = plot_verification(every_schedule(problem, ["branch", "twap"]))
    >>> [axes.get_title(loc="left").splitlines() for axes in figure.axes]
    [['branch', '$17.32'], ['twap', '$36.74, +112.13 %']]
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    drawn = {name: s for name, s in schedules.items() if s.status != FAILED}
    table = compare_schedules(drawn)
    best = drawn[str(table.index[~table["status"].isin(NO_SCHEDULE)][0])]
    groups = _groups(drawn, table)
    shown = _main(groups)
    rows, columns = -(-len(shown) // PANELS_A_ROW), min(len(shown), PANELS_A_ROW)
    figure = Figure(figsize=(SIZE[0], 1.7 + 2.1 * rows), dpi=DPI, layout="constrained", facecolor="white")
    FigureCanvasAgg(figure)
    panels = figure.subplots(rows, columns, sharex=True, sharey=True, squeeze=False).ravel()
    for axes, names in zip(panels, shown, strict=False):
        _draw_panel(axes, drawn[names[0]], best)
        axes.set_title(f"{_joined(names)}\n{_verdict(table.loc[names[0]])}", loc="left", fontsize=8.5, color=INK)
    for axes in panels[len(shown) :]:
        axes.remove()
    _label_panels(figure, panels[: len(shown)], columns, best.problem.index)
    told = _bound(table["lower_bound"].max(), len(groups) - len(shown))
    figure.suptitle(f"{_title(best)}\n{told}", x=0.01, ha="left", fontsize=11, color=INK)
    _add_key(figure, [_kind(names[0], drawn[names[0]]) for names in shown])
    return figure


def _groups(schedules: Mapping[str, Schedule], table: pd.DataFrame) -> list[list[str]]:
    """Methods by schedule, cheapest first; those of one schedule in the order in which they were given."""
    groups: list[list[str]] = []
    for name in map(str, table.index):
        same = (group for group in groups if _alike(schedules, table["excess"], group[0], name))
        if (group := next(same, None)) is not None:
            group.append(name)
        else:
            groups.append([name])
    order = list(schedules)
    return [sorted(group, key=order.index) for group in groups]


def _alike(schedules: Mapping[str, Schedule], excess: "pd.Series[float]", first: str, second: str) -> bool:
    apart = np.abs(_held(schedules[first]) - _held(schedules[second])).max()
    same_line = apart <= SAME_SHARES * schedules[first].problem.shares
    same_kind = _kind(first, schedules[first]) == _kind(second, schedules[second])
    return bool(same_line and same_kind and abs(excess[first] - excess[second]) <= SAME_COST)


def _main(groups: list[list[str]]) -> list[list[str]]:
    """At most `PANELS` groups: random starts go first, then the dearest but the Lagrange point."""

    def dispensable(k: int) -> tuple[bool, bool, int]:
        return all("random" in name for name in groups[k]), LAGRANGE not in groups[k], k

    kept = sorted(range(len(groups)), key=dispensable)[:PANELS]
    return [groups[k] for k in sorted(kept)]


def _kind(name: str, schedule: Schedule) -> str:
    if schedule.status == "optimal":
        return OPTIMUM
    if name.startswith("ipopt["):
        return LOCAL
    if name == LAGRANGE:
        return FALSE
    return EARLY if schedule.status.endswith("_limit") else HEURISTIC


def _draw_panel(axes: Any, schedule: Schedule, best: Schedule) -> None:
    """The inventory of a schedule as a line, that of the best as an area behind it."""
    edges = np.arange(best.problem.buckets + 1) - 0.5
    axes.fill_between(edges, _held(best), color=ANSWER, alpha=0.18, linewidth=0)
    axes.plot(edges, _held(schedule), **KINDS[_kind(schedule.method, schedule)], zorder=3)
    _dress(axes, best.problem.buckets)


def _joined(names: list[str]) -> str:
    """The methods of a panel in one line: the starts of IPOPT inside one pair of brackets, counted if they are many."""
    starts = [name.removeprefix("ipopt[").removesuffix("]") for name in names if name.startswith("ipopt[")]
    told = ", ".join(starts) if len(starts) <= STARTS_NAMED else f"{len(starts)} starts"
    others = ["lagrange" if name == LAGRANGE else name for name in names if not name.startswith("ipopt[")]
    return shorten(", ".join([*others, *([f"ipopt[{told}]"] if starts else [])]), TITLE, placeholder=" ...")


def _verdict(row: Any) -> str:
    """Dollars, the excess over the best in percent and, with a price, in basis points, and whether it is allowed."""
    bps = "" if np.isnan(row["excess_bps"]) else f" = {row['excess_bps']:+.3g} bps"
    excess = f", {100 * row['excess']:+,.2f} %{bps}" if abs(row["excess"]) > SAME_COST else ""
    return f"${row['objective']:,.2f}{excess}{f', {row.status}' if row['status'] in NO_SCHEDULE else ''}"


def _bound(bound: float, hidden: int) -> str:
    told = f"no schedule costs less than ${bound:,.2f}" if np.isfinite(bound) else "no lower bound is known"
    return f"{told}; {hidden} more schedules are not shown" if hidden else told


def _label_panels(figure: Any, panels: Any, columns: int, index: pd.Index) -> None:
    """Labels of the buckets below the lowest panel of each column, one name for the upward axes of all."""
    for axes in panels[-columns:]:
        axes.tick_params(labelbottom=True)
        _label_buckets(axes, index, TICKS // PANELS_A_ROW + 1)
        axes.xaxis.label.set_fontsize(9)
    figure.supylabel("shares still to trade", fontsize=10, color=INK)


def _add_key(figure: Any, kinds: list[str]) -> None:
    from matplotlib.lines import Line2D
    from matplotlib.patches import Patch

    lines = [Line2D([], [], label=kind, **style) for kind, style in KINDS.items() if kind in kinds]
    area = Patch(color=ANSWER, alpha=0.18, linewidth=0, label="best schedule, for comparison")
    handles = [*lines, area]
    figure.legend(handles=handles, loc="outside lower left", ncols=3, frameon=False, fontsize=9, labelcolor=INK)


def plot_frontier(frontier: "Frontier") -> "Figure":
    """Draw cost against standard deviation with the baselines, and beside it the inventory of some of the optima.

    Args:
        frontier: the frontier to show. A frontier whose costs span more than a factor of 20 has a logarithmic axis.

    Returns:
        A figure that belongs to no window; `figure.savefig("frontier.png")` writes it.

    >>> import optexec as ox
    >>> problem = ox.Problem(ox.Order(300), ox.Power(a=1e-4, b=2.0), ox.objective("A"), buckets=3)
    >>> figure = plot_frontier(ox.frontier(problem, points=10, sigma=0.02))
    >>> [(axes.get_xlabel(), axes.get_ylabel()) for axes in figure.axes]
    [('standard deviation of the cost ($)', 'expected cost ($)'), ('bucket', 'shares still to trade')]
    """
    from matplotlib import colormaps
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=SIZE, dpi=DPI, layout="constrained", facecolor="white")
    FigureCanvasAgg(figure)
    plane, inventories = figure.subplots(1, 2, width_ratios=[1.4, 1])
    some = _spread_out(frontier.frame["standard_deviation"].to_numpy())
    colours = colormaps["viridis"](np.linspace(0.9, 0.1, len(some)))
    _draw_plane(plane, frontier)
    problem = frontier.schedules[0].problem
    edges = np.arange(problem.buckets + 1) - 0.5
    for k, colour in zip(some, colours, strict=True):
        point = frontier.frame.iloc[k]
        plane.scatter(point["standard_deviation"], point["cost"], s=70, color=colour, zorder=3)
        label = f"psi = {frontier.psi[k]:.2g} $/share²"
        inventories.plot(edges, _held(frontier.schedules[k]), color=colour, linewidth=2, label=label)
    inventories.set_ylabel("shares still to trade")
    _label_buckets(inventories, problem.index, TICKS // 2)
    _dress(inventories, problem.buckets)
    inventories.legend(frameon=False, fontsize=9, labelcolor=INK)
    figure.suptitle(_frontier_title(frontier), x=0.01, ha="left", fontsize=13, fontweight="bold", color=INK)
    return figure


def _draw_plane(axes: Any, frontier: "Frontier") -> None:
    from matplotlib.ticker import MaxNLocator, StrMethodFormatter

    frame, marks = frontier.frame, cycle("sD^vPX*")
    axes.plot(frame["standard_deviation"], frame["cost"], color=ANSWER, linewidth=2, label="efficient frontier")
    for (name, row), colour, mark in zip(frontier.baselines.iterrows(), cycle(OTHERS), marks):
        axes.scatter(row["standard_deviation"], row["cost"], s=60, color=colour, marker=mark, label=name, **RINGED)
    costs = np.append(frame["cost"], frontier.baselines["cost"])
    if costs.min() > 0 and costs.max() > WIDE * costs.min():
        axes.set_yscale("log")
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_major_formatter(StrMethodFormatter("{x:,.10g}"))
        axis.label.set_color(INK)
    axes.xaxis.set_major_locator(MaxNLocator(6))
    axes.set_xlabel(_risk_label(frontier))
    axes.set_ylabel("expected cost ($)")
    axes.grid(color="#DDDDDD", linewidth=0.7)
    axes.set_axisbelow(True)
    axes.spines[["top", "right"]].set_visible(False)
    axes.tick_params(colors=INK, labelsize=9)
    axes.legend(frameon=False, fontsize=9, labelcolor=INK)


def _risk_label(frontier: "Frontier") -> str:
    if frontier.risk_unit == "dollars":
        return "standard deviation of the cost ($)"
    return "risk: root of the weighted sum of squared inventories (shares)"


def _spread_out(deviation: Array) -> list[int]:
    """Positions of at most `TRAJECTORIES` points, about evenly spaced in standard deviation, with both ends."""
    wanted = np.linspace(deviation[0], deviation[-1], TRAJECTORIES)
    return sorted({int(np.abs(deviation - level).argmin()) for level in wanted})


def _frontier_title(frontier: "Frontier") -> str:
    order = frontier.schedules[0].problem.order
    return f"{order.side.capitalize()} {order.shares:,.10g} shares: cost against risk"
