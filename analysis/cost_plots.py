"""Figures of what traded orders cost."""

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from optexec.analysis.cost_analysis import CostAnalysis
from optexec.analysis.plot_style import ANSWER, INK, OTHERS, dress, new_figure, set_heading, set_title
from optexec.analysis.wording import dollars, money

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def plot_cost_analysis(analysis: CostAnalysis) -> "Figure":
    """Draw the shortfall of an order step by step from its parts, and its slippage against benchmarks.

    Args:
        analysis: what `analyse` returns.

    Returns:
        A figure that belongs to no window: dollars on the left, basis points on the right.

    >>> from optexec.analysis.cost_analysis import Quote, analyse
    >>> from optexec.models.order import Order
    >>> at = lambda minute, price: Quote(f"2025-01-15T09:{minute}:00-05:00", price)
    >>> done = analyse([(at(31, 0).time, 900, 50.1)], Order(900), at(30, 50.0), at(30, 50.0), at(50, 50.0))
    >>> [axes.get_xlabel() or axes.get_ylabel() for axes in plot_cost_analysis(done).axes]
    ['cost ($)', 'slippage (bps of the benchmark)']
    """
    figure = new_figure((11.0, 4.5))
    steps, against = figure.subplots(1, 2, width_ratios=[1.4, 1])
    _draw_steps(steps, analysis)
    table = analysis.frame
    benchmarks = table[table.index.str.startswith("vs_")]
    _draw_bps(against, benchmarks.set_axis(benchmarks.index.str.removeprefix("vs_")))
    against.set_xlabel("slippage (bps of the benchmark)")
    set_title(against, "Fills against benchmarks")
    side = "Bought" if analysis.order.side == "buy" else "Sold"
    told = f"{side} {analysis.filled:,.10g} of {analysis.order.shares:,.10g} shares"
    set_heading(figure, f"{told}: shortfall {money(analysis.shortfall)}, {analysis.bps:.3g} bps")
    return figure


def plot_aggregate(table: pd.DataFrame) -> "Figure":
    """Draw the rates of many orders together.

    Args:
        table: what `aggregate` returns, or `CostAnalysis.frame`.

    Returns:
        A figure that belongs to no window: a bar a cost, in basis points.
    """
    figure = new_figure((8.0, 1.2 + 0.35 * len(table)))
    axes = figure.subplots()
    _draw_bps(axes, table)
    axes.set_xlabel("cost (bps of its notional)")
    return figure


def _draw_steps(axes: Any, analysis: CostAnalysis) -> None:
    """Each part from where the one before it ended, and the sum from 0."""
    names, parts = list(analysis.parts), np.array(list(analysis.parts.values()))
    ends = np.cumsum(parts)
    starts = np.append(0.0, ends[:-1])
    colours = [OTHERS[0] if part > 0 else OTHERS[1] for part in parts]
    axes.bar(names, parts, bottom=starts, color=colours, width=0.7)
    axes.bar(["shortfall"], [analysis.shortfall], color=ANSWER, width=0.7)
    tops = [*np.maximum(starts, ends), max(analysis.shortfall, 0.0)]
    small: Any = {"fontsize": 8, "color": INK, "textcoords": "offset points", "ha": "center"}
    for place, (top, value) in enumerate(zip(tops, [*parts, analysis.shortfall], strict=True)):
        axes.annotate(dollars(value), (place, top), (0, 3), **small)
    axes.axhline(0, color=INK, linewidth=0.8)
    axes.use_sticky_edges = False
    axes.margins(y=0.12)
    if not any(tops):
        axes.set_ylim(-1, 1)
    axes.set_ylabel("cost ($)")
    set_title(axes, "Shortfall by cause")
    dress(axes)


def _draw_bps(axes: Any, table: pd.DataFrame) -> None:
    bps = table["bps"].to_numpy()
    bars = np.where(np.isfinite(bps), bps, 0.0)
    axes.barh([str(name) for name in table.index], bars, color=[OTHERS[0] if bar > 0 else OTHERS[1] for bar in bars])
    for place, (value, bar) in enumerate(zip(bps, bars, strict=True)):
        text, side = f"{value:,.3g}" if np.isfinite(value) else "nothing traded", "left" if bar >= 0 else "right"
        axes.annotate(f" {text} ", (bar, place), va="center", ha=side, fontsize=8, color=INK)
    axes.axvline(0, color=INK, linewidth=0.8)
    axes.invert_yaxis()
    axes.use_sticky_edges = False
    axes.margins(x=0.2)
    if not bars.any():
        axes.set_xlim(-1, 1)
    dress(axes, "x")
