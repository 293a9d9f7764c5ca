"""Figure of parameters side by side: how fast each variant of a problem trades, and what that costs and risks."""

from collections.abc import Mapping
from itertools import cycle
from typing import TYPE_CHECKING, Any

import numpy as np

from optexec.analysis.pace import held
from optexec.analysis.plots import ANSWER, DPI, INK, OTHERS
from optexec.analysis.sensitivity import told
from optexec.models.errors import InvalidInput
from optexec.models.schedule import Schedule

if TYPE_CHECKING:
    from matplotlib.figure import Figure

SIZE = (11.0, 4.8)


def plot_sensitivity(schedules: Mapping[str, Schedule]) -> "Figure":
    """Draw the inventories of variants of a problem, and beside them the cost and the charge for risk of each.

    Args:
        schedules: the optimum of each variant by its name, as `solve_many` finds them; maybe of different numbers of
            buckets.

    Returns:
        A figure that belongs to no window: shares still to trade in percent of the order against the part of the
        buckets that has passed; and dollars, the cost and on top of it the charge for risk, of `sensitivity`.

    Raises:
        InvalidInput: no schedules.

    >>> import optexec as ox
    >>> calm = ox.Problem(ox.Order(300), ox.Power(a=1e-4, b=2.0), ox.objective("C", psi=2e-5), buckets=4)
    >>> wild = calm.replace(terms=ox.objective("C", psi=8e-5))
    >>> figure = plot_sensitivity({"volatility": ox.solve(calm), "volatility x 2": ox.solve(wild)})
    >>> [line.get_label() for line in figure.axes[0].lines]
    ['volatility', 'volatility x 2']
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    if not schedules:
        raise InvalidInput("there is nothing to draw; give at least one schedule")
    figure = Figure(figsize=SIZE, dpi=DPI, layout="constrained", facecolor="white")
    FigureCanvasAgg(figure)
    pace, dollars = figure.subplots(1, 2, width_ratios=(3, 2))
    for (name, schedule), colour in zip(schedules.items(), cycle((ANSWER, *OTHERS)), strict=False):
        inventory = held(schedule.problem, schedule.x)
        passed = np.linspace(0, 100, len(inventory))
        pace.plot(passed, 100 * inventory / inventory[0], color=colour, linewidth=1.8, label=name)
    pace.set_xlabel("buckets passed (%)")
    pace.set_ylabel("still to trade (% of the order)")
    pace.legend(frameon=False, fontsize=9, labelcolor=INK)
    _draw_dollars(dollars, schedules)
    for axes, across in ((pace, "y"), (dollars, "x")):
        axes.grid(axis=across, color="#DDDDDD", linewidth=0.7)
        axes.set_axisbelow(True)
        axes.spines[["top", "right"]].set_visible(False)
        axes.tick_params(colors=INK, labelsize=9)
        for axis in (axes.xaxis, axes.yaxis):
            axis.label.set_color(INK)
    return figure


def _draw_dollars(axes: Any, schedules: Mapping[str, Schedule]) -> None:
    from matplotlib.ticker import StrMethodFormatter

    table = told(schedules)
    axes.barh(table.index, table["cost"], color=ANSWER, label="cost")
    axes.barh(table.index, table["risk"], left=table["cost"], color=OTHERS[3], label="charge for risk")
    axes.invert_yaxis()
    axes.set_xlabel("dollars")
    axes.xaxis.set_major_formatter(StrMethodFormatter("{x:,.10g}"))
    axes.legend(frameon=False, fontsize=9, labelcolor=INK, loc="lower center", bbox_to_anchor=(0.5, 1.0), ncols=2)
