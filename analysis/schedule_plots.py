"""Figures of a schedule: what it trades, and what it still holds."""

from collections.abc import Iterator, Mapping
from itertools import cycle
from typing import TYPE_CHECKING, Any

import numpy as np

from optexec.analysis.pace import held
from optexec.analysis.plot_style import (
    ANSWER,
    CROWDED,
    DASHES,
    HEADROOM,
    INK,
    OTHERS,
    add_legend,
    bar_width,
    dress_buckets,
    label_buckets,
    new_figure,
    set_title,
)
from optexec.analysis.wording import money, term_name
from optexec.models.schedule import Schedule
from optexec.solvers.horizon import Plan

if TYPE_CHECKING:
    from matplotlib.figure import Figure


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
    figure = new_figure()
    traded, held = figure.subplots(2, 1, sharex=True, height_ratios=[1.5, 1])
    _draw_shares(traded, schedule, baselines or {})
    _draw_inventory(held, schedule, baselines or {})
    label_buckets(held, schedule.problem.index)
    for axes in (traded, held):
        dress_buckets(axes, schedule.problem.buckets)
    figure.align_ylabels()
    set_title(traded, _subtitle(schedule))
    above = {"transform": traded.transAxes, "fontsize": 13, "fontweight": "bold", "color": INK}
    traded.text(0.0, 1.12, describe(schedule), **above)
    return figure


def plot_plan(plan: Plan) -> "Figure":
    """Draw the shares of a plan's window, the slice to trade now in a colour of its own.

    Args:
        plan: what `Replanner.plan` returns.

    Returns:
        A figure that belongs to no window.

    >>> import optexec as ox
    >>> day = ox.Problem(ox.Order(900), ox.Power(1.0, 2.0), ox.objective("A"), buckets=6)
    >>> figure = plot_plan(ox.Replanner(day, window=3).plan(0, 900))
    >>> [round(float(bar.get_height()), 6) for bar in figure.axes[0].patches]
    [150.0, 150.0, 150.0]
    """
    figure = new_figure((9.0, 4.5))
    axes, shares = figure.subplots(), plan.shares
    axes.bar(0, shares.iloc[0], width=bar_width(len(shares)), color=OTHERS[0], label="to trade now")
    later = np.arange(1, len(shares))
    axes.bar(later, shares.iloc[1:], width=bar_width(len(shares)), color=ANSWER, label="planned")
    label_buckets(axes, shares.index)
    axes.set_ylabel("shares a bucket")
    axes.margins(y=HEADROOM)
    dress_buckets(axes, len(shares))
    add_legend(axes)
    beyond = plan.schedule.x[plan.buckets :].sum()
    left = f"; {beyond:,.6g} are left for later" if beyond else ""
    set_title(axes, f"{plan.slice:,.6g} shares now, {shares.sum():,.6g} in this window{left}")
    return figure


def _draw_shares(axes: Any, schedule: Schedule, baselines: Mapping[str, Schedule]) -> None:
    place = np.arange(schedule.problem.buckets)
    crowded = len(place) > CROWDED
    axes.bar(place, schedule.x, width=bar_width(len(place)), color=ANSWER, label=schedule.method)
    edges = np.append(place, len(place)) - 0.5
    for name, other, style in _styled(baselines):
        axes.stairs(other.x, edges, baseline=None, label=name, **style, linewidth=0.9 if crowded else 1.6)
    handles, names = axes.get_legend_handles_labels()
    own_first = {"handles": handles[-1:] + handles[:-1], "labels": names[-1:] + names[:-1]}
    add_legend(axes, **own_first, ncols=4, loc="upper right")
    axes.margins(y=HEADROOM)
    axes.set_ylabel("shares a bucket")


def _draw_inventory(axes: Any, schedule: Schedule, baselines: Mapping[str, Schedule]) -> None:
    edges = np.arange(schedule.problem.buckets + 1) - 0.5
    axes.plot(edges, held(schedule.problem, schedule.x), color=ANSWER, linewidth=2)
    axes.fill_between(edges, held(schedule.problem, schedule.x), color=ANSWER, alpha=0.12, linewidth=0)
    for _, other, style in _styled(baselines):
        axes.plot(edges, held(other.problem, other.x), **style, linewidth=1.6)
    axes.set_ylabel("shares still to trade")


def _styled(baselines: Mapping[str, Schedule]) -> Iterator[tuple[str, Schedule, dict[str, Any]]]:
    """Each baseline with a colour and a dash of its own."""
    for (name, other), colour, dash in zip(baselines.items(), cycle(OTHERS), cycle(DASHES)):
        yield name, other, {"color": colour, "linestyle": dash}


def describe(schedule: Schedule) -> str:
    """The order and what it is charged for, in words."""
    order = schedule.problem.order
    terms = " + ".join(term_name(term.name) for term in schedule.problem.charges)
    return f"{order.side.capitalize()} {order.shares:,.10g} shares, charged for {terms}"


def _subtitle(schedule: Schedule) -> str:
    bps = "" if schedule.bps is None else f" ({schedule.bps:.3g} bps)"
    gap = f"within {schedule.gap:.1g} of the optimum" if np.isfinite(schedule.lower_bound) else "no bound"
    return f"cost {money(schedule.objective)}{bps}, by {schedule.method}, {schedule.status}, {gap}"
