"""Figures of the two choices before a schedule: over what time to trade, and in how many slices."""

import math
from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from optexec.analysis.plot_style import ANSWER, INK, OTHERS, add_legend, dress, new_figure
from optexec.analysis.wording import money
from optexec.models.almgren_chriss import AlmgrenChriss
from optexec.models.families import Power
from optexec.models.strategies import best_number_of_slices, best_uniform_horizon, slicing_costs, uniform_moments
from optexec.models.validation import Array

if TYPE_CHECKING:
    from matplotlib.figure import Figure

SIZE = (8.0, 5.0)
REACH, PLACES = 8, 201
"""How many times below and above the best choice a curve goes, and at how many places it is drawn."""
WITHIN = 0.999
"""The longest horizon drawn, as a fraction of the one at which permanent impact outweighs the temporary."""


def plot_horizon(market: AlmgrenChriss, risk_aversion: float) -> "Figure":
    """Draw what trading at a constant rate costs against the horizon, U-shaped, with the best horizon marked.

    Args:
        market: the order; its horizon does not matter, its number of periods does (see `best_uniform_horizon`).
        risk_aversion: lambda per dollar, > 0.

    Returns:
        A figure that belongs to no window: expected cost E, risk lambda V and their sum in dollars over horizons from
        an eighth of the best to eight times it, or to where permanent impact outweighs the temporary.

    Raises:
        InvalidInput: a value out of range; a best horizon at which permanent impact outweighs the temporary.

    >>> figure = plot_horizon(AlmgrenChriss(1e6, 5, 50, 0.95, 2.5e-7, 2.5e-6), risk_aversion=1e-6)
    >>> [text.get_text() for text in figure.axes[0].texts]
    ['2.93 days, $1,830,915.93']
    """
    best = best_uniform_horizon(market.eta, market.sigma, risk_aversion, market.periods)
    longest = 2 * market.eta * market.periods / market.gamma if market.gamma else math.inf

    def parts(horizons: Array) -> dict[str, Array]:
        orders = [replace(market, horizon=horizon) for horizon in horizons.tolist()]
        cost, variance = np.transpose([uniform_moments(order) for order in orders])
        return {"expected cost": cost, "risk": risk_aversion * variance}

    horizons = np.geomspace(best / REACH, max(best, min(REACH * best, WITHIN * longest)), PLACES)
    figure = _curves(horizons, parts(horizons), "horizon (days)")
    return _marked(figure, best, parts(np.array([best])), f"{best:.3g} days")


def plot_slices(shares: float, impact: Power, cost_per_slice: float, holding_cost: float = 0.0) -> "Figure":
    """Draw what an order costs against the number of equal slices, U-shaped, with the best number marked.

    Args:
        shares, impact, cost_per_slice, holding_cost: as in `slicing_costs`.

    Returns:
        A figure that belongs to no window: impact, charges, risk if it is charged, and their sum in dollars, for whole
        numbers of slices from an eighth of the best to eight times it.

    Raises:
        InvalidInput: a value out of range, one curve a bucket.

    >>> figure = plot_slices(10_000, Power(a=1e-6, b=1.0, quoted="per_share"), cost_per_slice=1.0)
    >>> [text.get_text() for text in figure.axes[0].texts]
    ['10 slices, $20.00']
    """

    def parts(slices: Array) -> dict[str, Array]:
        costs = slicing_costs(shares, impact, cost_per_slice, slices, holding_cost)
        return {name: part for name, part in costs.items() if name != "risk" or holding_cost}

    best = best_number_of_slices(shares, impact, cost_per_slice, holding_cost)
    numbers = np.unique(np.geomspace(max(1, best // REACH), REACH * best, PLACES).round())
    figure = _curves(numbers, parts(numbers), "number of slices")
    return _marked(figure, best, parts(np.array([best])), f"{best:,} slice{'s' if best > 1 else ''}")


def _curves(places: Array, parts: Mapping[str, Array], label: str) -> "Figure":
    """The parts of a cost in thin dashed lines and their sum in a thick one, over a logarithmic axis."""
    from matplotlib.ticker import LogLocator, NullFormatter

    figure = new_figure(SIZE)
    axes = figure.subplots()
    axes.plot(places, sum(parts.values()), color=ANSWER, linewidth=2.4, label="sum")
    for (name, part), colour in zip(parts.items(), OTHERS, strict=False):
        axes.plot(places, part, color=colour, linewidth=1.6, linestyle="--", label=name)
    axes.set_xscale("log")
    axes.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    axes.xaxis.set_minor_formatter(NullFormatter())
    axes.set_ylim(bottom=0)
    axes.set_xlabel(label)
    axes.set_ylabel("dollars")
    dress(axes, "both")
    add_legend(axes)
    return figure


def _marked(figure: "Figure", best: float, parts: Mapping[str, Array], told: str) -> "Figure":
    """The same figure with a point at the best choice, and what it is and costs beside it."""
    (axes,), least = figure.axes, sum(float(part[0]) for part in parts.values())
    axes.scatter(best, least, s=60, color=ANSWER, zorder=4)
    where: Any = {"xytext": (0, 14), "textcoords": "offset points", "ha": "center", "color": INK}
    axes.annotate(f"{told}, {money(least)}", (best, least), **where)
    return figure
