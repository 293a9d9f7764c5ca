"""Figures of methods side by side: the schedule of each, and how far it is from the bound."""

from collections.abc import Mapping
from textwrap import shorten
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from optexec.analysis.pace import held
from optexec.analysis.plot_style import (
    ANSWER,
    INK,
    OTHERS,
    SIZE,
    TICKS,
    draw_percentages,
    dress_buckets,
    label_buckets,
    new_figure,
)
from optexec.analysis.schedule_plots import describe
from optexec.analysis.wording import LEGIBLE, money
from optexec.models.schedule import Schedule
from optexec.solvers.verification import FAILED, LAGRANGE, NO_SCHEDULE, compare_schedules

if TYPE_CHECKING:
    from matplotlib.figure import Figure

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
DOLLARS, PERCENT = 1e7, 1e4
"""Sizes from which the title of a panel has few digits."""
SAME_SHARES, SAME_COST = 5e-3, 1e-4
"""Fractions of the order and of the least cost within which schedules share a panel."""


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
    drawn = {name: s for name, s in schedules.items() if s.status != FAILED}
    table = compare_schedules(drawn)
    best = drawn[str(table.index[~table["status"].isin(NO_SCHEDULE)][0])]
    groups = _groups(drawn, table)
    shown = _main(groups)
    rows, columns = -(-len(shown) // PANELS_A_ROW), min(len(shown), PANELS_A_ROW)
    figure = new_figure((SIZE[0], 1.7 + 2.1 * rows))
    panels = figure.subplots(rows, columns, sharex=True, sharey=True, squeeze=False).ravel()
    for axes, names in zip(panels, shown, strict=False):
        _draw_panel(axes, drawn[names[0]], best)
        axes.set_title(f"{_joined(names)}\n{_verdict(table.loc[names[0]])}", loc="left", fontsize=8.5, color=INK)
    for axes in panels[len(shown) :]:
        axes.remove()
    _label_panels(figure, panels[: len(shown)], columns, best.problem.index)
    told = _bound(table["lower_bound"].max(), len(groups) - len(shown))
    figure.suptitle(f"{describe(best)}\n{told}", x=0.01, ha="left", fontsize=11, color=INK)
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
    problem = schedules[first].problem
    apart = np.abs(held(problem, schedules[first].x) - held(problem, schedules[second].x)).max()
    same_line = apart <= SAME_SHARES * problem.shares
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
    axes.fill_between(edges, held(best.problem, best.x), color=ANSWER, alpha=0.18, linewidth=0)
    axes.plot(edges, held(schedule.problem, schedule.x), **KINDS[_kind(schedule.method, schedule)], zorder=3)
    dress_buckets(axes, best.problem.buckets)


def _joined(names: list[str]) -> str:
    """The methods of a panel in one line: the starts of IPOPT inside one pair of brackets, counted if they are many."""
    starts = [name.removeprefix("ipopt[").removesuffix("]") for name in names if name.startswith("ipopt[")]
    told = ", ".join(starts) if len(starts) <= STARTS_NAMED else f"{len(starts)} starts"
    others = ["lagrange" if name == LAGRANGE else name for name in names if not name.startswith("ipopt[")]
    return shorten(", ".join([*others, *([f"ipopt[{told}]"] if starts else [])]), TITLE, placeholder=" ...")


def _verdict(row: Any) -> str:
    """Dollars, the excess over the best in percent and, with a price, in basis points, and whether it is allowed."""
    above = []
    if abs(row["excess"]) > SAME_COST:
        percent = 100 * row["excess"]
        above += [f"{percent:{'+,.2f' if abs(percent) < PERCENT else '+.3g'}} %"] if abs(percent) < LEGIBLE else []
        above += [] if np.isnan(row["excess_bps"]) else [f"{row['excess_bps']:+.3g} bps"]
    cost = money(row["objective"], "" if abs(row["objective"]) < DOLLARS else ".4g")
    told = [cost, *([" = ".join(above)] if above else []), *([row["status"]] if row["status"] in NO_SCHEDULE else [])]
    return ", ".join(told)


def _bound(bound: float, hidden: int) -> str:
    told = f"no schedule costs less than {money(bound)}" if np.isfinite(bound) else "no lower bound is known"
    return f"{told}; {hidden} more schedules are not shown" if hidden else told


def _label_panels(figure: Any, panels: Any, columns: int, index: pd.Index) -> None:
    """Labels of the buckets below the lowest panel of each column, one name for the upward axes of all."""
    for axes in panels[-columns:]:
        axes.tick_params(labelbottom=True)
        label_buckets(axes, index, TICKS // PANELS_A_ROW + 1)
        axes.xaxis.label.set_fontsize(9)
    figure.supylabel("shares still to trade", fontsize=10, color=INK)


def _add_key(figure: Any, kinds: list[str]) -> None:
    from matplotlib.lines import Line2D
    from matplotlib.patches import Patch

    lines = [Line2D([], [], label=kind, **style) for kind, style in KINDS.items() if kind in kinds]
    area = Patch(color=ANSWER, alpha=0.18, linewidth=0, label="best schedule, for comparison")
    handles = [*lines, area]
    figure.legend(handles=handles, loc="outside lower left", ncols=3, frameon=False, fontsize=9, labelcolor=INK)


def plot_methods(table: pd.DataFrame) -> "Figure":
    """Draw how far each method of the table of `verify` is above the best bound, cheapest first.

    Args:
        table: what `verify` returns.

    Returns:
        A figure that belongs to no window: a bar a method, in percent; points that are no schedules are left out.

    >>> import optexec as ox
    >>> concave = ox.Power(a=[0.01, 0.013, 0.008], b=0.6)
    >>> figure = plot_methods(ox.verify(ox.Problem(ox.Order(1_000), concave, ox.objective("A"))))
    >>> figure.axes[0].get_xlabel()
    'cost above the certified bound (%)'
    """
    from matplotlib.patches import Patch

    told = table[~table["status"].isin(NO_SCHEDULE)]
    figure = new_figure((9.0, 1.2 + 0.28 * len(told)))
    axes = figure.subplots()
    best = [ANSWER if status == "optimal" else OTHERS[3] for status in told["status"]]
    draw_percentages(axes, list(map(str, told.index)), told["certified_gap"].to_numpy(), best)
    axes.set_xlabel("cost above the certified bound (%)")
    figure.legend(
        handles=[Patch(color=ANSWER, label="optimal"), Patch(color=OTHERS[3], label="not proved optimal")],
        loc="outside lower left",
        ncols=2,
        frameon=False,
        fontsize=9,
        labelcolor=INK,
    )
    return figure
