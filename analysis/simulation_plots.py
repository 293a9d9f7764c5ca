"""Figure of simulated days: the distribution of the shortfall, and what it is made of."""

from collections.abc import Mapping
from itertools import cycle
from typing import TYPE_CHECKING, Any

import numpy as np

from optexec.analysis.plot_style import (
    ANSWER,
    DASHES,
    INK,
    OTHERS,
    add_legend,
    dress,
    new_figure,
    set_heading,
    set_title,
)
from optexec.analysis.simulation import QUANTILES, Simulation
from optexec.analysis.wording import money

if TYPE_CHECKING:
    from matplotlib.figure import Figure

BINS = 60
NARROW = 1e-4
"""Least width of the histogram, as a fraction of the shortfall: days that are all the same have a width too."""
OUTER = (0.001, 0.999)
"""Quantiles between which days are counted in the histogram's bars, so that one wild day does not flatten them."""


def plot_simulation(
    simulation: Simulation, others: Mapping[str, Simulation] | None = None, name: str = "simulated"
) -> "Figure":
    """Draw how often each shortfall occurs, with its mean and quantiles, and the mean of each of its parts.

    Args:
        simulation: the simulation to show.
        others: simulations of the same market to draw beside it, by name.
        name: of the simulation itself.

    Returns:
        A figure that belongs to no window.

    >>> import optexec as ox
    >>> from optexec.analysis.price_paths import Arithmetic
    >>> from optexec.analysis.simulation import Market, simulate
    >>> problem = ox.Problem(ox.Order(300, price=10.0), ox.Linear(0.01), ox.objective("A"), buckets=3)
    >>> figure = plot_simulation(simulate(ox.solve(problem), Market(problem, Arithmetic(0.02)), paths=500))
    >>> [axes.get_xlabel() for axes in figure.axes]
    ['shortfall ($)', 'mean of the part ($)']
    """
    shown = {name: simulation, **(others or {})}
    figure = new_figure((11.0, 5.2))
    days, parts = figure.subplots(1, 2, width_ratios=[1.5, 1])
    _draw_days(days, shown)
    _draw_parts(parts, shown)
    order = simulation.market.problem.order
    told = f"{order.side.capitalize()} {order.shares:,.10g} shares on {simulation.draws.paths:,} random days"
    set_heading(figure, told)
    return figure


def _styles(shown: Mapping[str, Simulation]) -> list[dict[str, Any]]:
    colours, dashes = (ANSWER, *OTHERS), ("-", *DASHES)
    return [{"color": c, "linestyle": d} for _, c, d in zip(shown, cycle(colours), cycle(dashes))]


def _draw_days(axes: Any, shown: Mapping[str, Simulation]) -> None:
    every = np.concatenate([simulation.shortfall for simulation in shown.values()])
    low, high = np.quantile(every, OUTER).tolist()
    least = NARROW * max(abs(low), abs(high)) or 1.0
    wider = max(least - (high - low), 0.0) / 2
    edges = np.linspace(low - wider, high + wider, BINS + 1)
    for (name, simulation), style in zip(shown.items(), _styles(shown), strict=True):
        share = 100 * np.histogram(simulation.shortfall, edges)[0] / simulation.draws.paths
        label = f"{name}: mean {money(simulation.mean)}, standard error {money(simulation.standard_error)}"
        axes.stairs(share, edges, **style, linewidth=1.8, label=label)
        axes.axvline(simulation.mean, **style, linewidth=1.2)
    name, first = next(iter(shown.items()))
    low, middle, high = first.quantiles(QUANTILES)
    axes.axvspan(low, high, color=ANSWER, alpha=0.08, linewidth=0)
    set_title(axes, f"{name}: 5 % of days below {money(low)}, half below {money(middle)}, 5 % above {money(high)}")
    axes.set_xlabel("shortfall ($)")
    axes.set_ylabel("days (% in each bar)")
    axes.set_ylim(bottom=0)
    dress(axes)
    add_legend(axes, loc="upper left", bbox_to_anchor=(0.0, -0.13))


def _draw_parts(axes: Any, shown: Mapping[str, Simulation]) -> None:
    names = list(next(iter(shown.values())).parts)
    height = 0.8 / len(shown)
    for k, ((name, simulation), style) in enumerate(zip(shown.items(), _styles(shown), strict=True)):
        means, errors = np.transpose([simulation.draws.estimate(simulation.parts[part].to_numpy()) for part in names])
        places = np.arange(len(names)) + (k - (len(shown) - 1) / 2) * height
        axes.barh(places, means, height, xerr=errors, color=style["color"], ecolor=INK, capsize=2, label=name)
    axes.axvline(0, color=INK, linewidth=0.8)
    axes.set_yticks(np.arange(len(names)), names)
    axes.invert_yaxis()
    axes.set_xlabel("mean of the part ($)")
    set_title(axes, "What it is made of; whiskers are standard errors")
    dress(axes, "x")
