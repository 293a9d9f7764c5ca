"""Figures of cost against risk."""

from itertools import cycle
from typing import TYPE_CHECKING, Any

import numpy as np

from optexec.analysis.frontier import Frontier
from optexec.analysis.pace import held
from optexec.analysis.plot_style import (
    ANSWER,
    OTHERS,
    RINGED,
    TICKS,
    add_legend,
    dress,
    dress_buckets,
    is_wide,
    label_buckets,
    new_figure,
    set_heading,
)
from optexec.models.validation import Array

if TYPE_CHECKING:
    from matplotlib.figure import Figure

TRAJECTORIES = 5
"""The most inventories beside a frontier."""


def plot_frontier(frontier: Frontier) -> "Figure":
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

    figure = new_figure()
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
        inventories.plot(edges, held(problem, frontier.schedules[k].x), color=colour, linewidth=2, label=label)
    inventories.set_ylabel("shares still to trade")
    label_buckets(inventories, problem.index, TICKS // 2)
    dress_buckets(inventories, problem.buckets)
    add_legend(inventories)
    order = problem.order
    set_heading(figure, f"{order.side.capitalize()} {order.shares:,.10g} shares: cost against risk")
    return figure


def _draw_plane(axes: Any, frontier: Frontier) -> None:
    from matplotlib.ticker import MaxNLocator

    frame, marks = frontier.frame, cycle("sD^vPX*")
    axes.plot(frame["standard_deviation"], frame["cost"], color=ANSWER, linewidth=2, label="efficient frontier")
    for (name, row), colour, mark in zip(frontier.baselines.iterrows(), cycle(OTHERS), marks):
        axes.scatter(row["standard_deviation"], row["cost"], s=60, color=colour, marker=mark, label=name, **RINGED)
    if is_wide(np.append(frame["cost"], frontier.baselines["cost"])):
        axes.set_yscale("log")
    axes.xaxis.set_major_locator(MaxNLocator(6))
    axes.set_xlabel(_risk_label(frontier))
    axes.set_ylabel("expected cost ($)")
    dress(axes, "both")
    add_legend(axes)


def _risk_label(frontier: Frontier) -> str:
    if frontier.risk_unit == "dollars":
        return "standard deviation of the cost ($)"
    return "risk: root of the weighted sum of squared inventories (shares)"


def _spread_out(deviation: Array) -> list[int]:
    """Positions of at most `TRAJECTORIES` points, about evenly spaced in standard deviation, with both ends."""
    wanted = np.linspace(deviation[0], deviation[-1], TRAJECTORIES)
    return sorted({int(np.abs(deviation - level).argmin()) for level in wanted})
