"""Figures of what the market was like: buckets of a day, walks through the book, volatility and volume."""

from itertools import cycle
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from optexec.analysis.plot_style import (
    ANSWER,
    DASHES,
    OTHERS,
    add_legend,
    bar_width,
    dress,
    dress_buckets,
    label_buckets,
    new_figure,
)

if TYPE_CHECKING:
    from matplotlib.figure import Figure

PANELS = {
    "half_spread": ("half-spread (cents a share)", 100.0),
    "b": ("exponent b of the impact curve", 1.0),
    "depth": ("shares displayed, mean", 1.0),
    "volume": ("shares traded", 1.0),
    "sigma": ("volatility (bps a bucket)", 1e4),
}
"""Columns of a bucket table that are drawn -> label and factor."""
OUTCOMES = ("mean", "last", "shown", "mid")
"""Columns of `by_bucket` that are no forecasts."""
BAND = (0.05, 0.95)
"""Quantiles between which the walks of all snapshots are shaded."""


def plot_buckets(table: pd.DataFrame) -> "Figure":
    """Draw a bucket table of `calibrate`: spread, exponent, depth, volume and volatility over the day."""
    shown = {name: panel for name, panel in PANELS.items() if name in table}
    figure = new_figure((10.0, 1.9 * len(shown) + 0.6))
    panels = figure.subplots(len(shown), 1, sharex=True, squeeze=False)[:, 0]
    for axes, (name, (label, factor)) in zip(panels, shown.items(), strict=True):
        axes.plot(np.arange(len(table)), factor * table[name], color=ANSWER, linewidth=1.4)
        axes.set_ylabel(label, fontsize=8)
        dress_buckets(axes, len(table))
    label_buckets(panels[-1], table.index)
    dress(panels[-1])
    figure.align_ylabels()
    return figure


def plot_walk(table: pd.DataFrame) -> "Figure":
    """Draw a table of `walk_table`: slippage a share against size, the median snapshot and nine tenths of them."""
    figure = new_figure((8.0, 5.0))
    axes = figure.subplots()
    for (side, walks), colour, dash in zip(table.groupby("side"), (ANSWER, OTHERS[0]), ("-", "--"), strict=False):
        cents = 100 * walks.groupby("shares")["per_share"].quantile(np.array([*BAND, 0.5])).unstack()
        axes.fill_between(cents.index, cents[BAND[0]], cents[BAND[1]], color=colour, alpha=0.15, linewidth=0)
        axes.plot(
            cents.index, cents[0.5], dash, marker="o", color=colour, markersize=4, label=f"{side}: median snapshot"
        )
    axes.set_xlabel("shares")
    axes.set_ylabel("slippage (cents a share)")
    axes.set_ylim(bottom=0)
    dress(axes)
    add_legend(axes)
    return figure


def plot_volatility(table: pd.DataFrame) -> "Figure":
    """Draw volatilities over the day with a band of one standard error."""
    figure = new_figure((9.0, 4.5))
    axes, place = figure.subplots(), np.arange(len(table))
    sigma, error = 1e4 * table["sigma"].to_numpy(), 1e4 * table["standard_error"].to_numpy()
    axes.fill_between(
        place, sigma - error, sigma + error, color=ANSWER, alpha=0.18, linewidth=0, label="one standard error"
    )
    axes.plot(place, sigma, color=ANSWER, linewidth=1.6, label="volatility")
    axes.set_ylabel("volatility (bps a bucket)")
    label_buckets(axes, table.index)
    dress_buckets(axes, len(table))
    add_legend(axes)
    return figure


def plot_profile(table: pd.DataFrame) -> "Figure":
    """Draw the share of the day's volume in each bucket, with standard errors."""
    figure = new_figure((9.0, 4.5))
    axes = figure.subplots()
    bars: Any = {"color": ANSWER, "ecolor": OTHERS[0], "error_kw": {"linewidth": 1}}
    error = 100 * table["standard_error"].fillna(0.0)
    axes.bar(np.arange(len(table)), 100 * table["share"], bar_width(len(table)), yerr=error, **bars)
    axes.set_ylabel("volume (% of the day)")
    label_buckets(axes, table.index)
    dress_buckets(axes, len(table))
    return figure


def plot_forecasts(table: pd.DataFrame) -> "Figure":
    """Draw a table of `by_bucket`: the mean slippage of each bucket, and what was forecast of it."""
    figure = new_figure((10.0, 4.8))
    axes, place = figure.subplots(), np.arange(len(table))
    axes.plot(place, 100 * table["mean"], color=ANSWER, linewidth=2, label="mean of the bucket")
    names = [name for name in table.columns if name not in OUTCOMES]
    for name, colour, dash in zip(names, cycle(OTHERS), cycle(DASHES)):
        axes.plot(place, 100 * table[name], color=colour, linestyle=dash, linewidth=1.2, label=str(name))
    axes.set_ylabel("slippage (cents a share)")
    label_buckets(axes, table.index)
    dress_buckets(axes, len(table))
    add_legend(axes, ncols=4)
    return figure
