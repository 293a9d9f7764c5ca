"""Figures of tables, by what their columns say they are."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from optexec.analysis.cost_plots import plot_aggregate
from optexec.analysis.market_plots import plot_buckets, plot_forecasts, plot_profile, plot_volatility, plot_walk
from optexec.analysis.plot_style import ANSWER, OTHERS, add_legend, draw_percentages, dress, new_figure, set_title
from optexec.analysis.verification_plots import plot_methods
from optexec.models.errors import InvalidInput

if TYPE_CHECKING:
    from matplotlib.figure import Figure

PREFIX = "excess_"


def plot_table(table: pd.DataFrame) -> "Figure":
    """Draw a table whose columns tell what it is of.

    Args:
        table: of `verify`, `compare`, `sensitivity`, `aggregate`, `calibrate`, `walk_table`, `family_errors`,
            `by_bucket` or the `summary` of its errors, `volume_profile`, or the volatilities.

    Raises:
        InvalidInput: a table of another kind, or without rows.

    >>> import optexec as ox
    >>> calm = ox.Problem(ox.Order(300), ox.Power(a=1e-4, b=2.0), ox.objective("C", psi=2e-5), buckets=4)
    >>> figure = plot_table(ox.sensitivity({"calm": calm}))
    >>> [axes.get_xlabel() for axes in figure.axes]
    ['done (% of the order)', 'dollars']
    """
    if not len(table):
        raise InvalidInput("the table has no rows to draw")
    for columns, draw in KINDS:
        if columns <= set(map(str, table.columns)):
            return draw(table)
    if any(str(column).startswith(PREFIX) for column in table.columns):
        return plot_comparison(table)
    told = ", ".join(map(str, table.columns))
    raise InvalidInput(f"a table of {told} has no picture; help(optexec.plot) lists what has one")


def plot_comparison(table: pd.DataFrame) -> "Figure":
    """Draw the table of `compare`: a panel for each objective, a bar a schedule, in percent above its bound."""
    names = [str(column).removeprefix(PREFIX) for column in table.columns if str(column).startswith(PREFIX)]
    figure = new_figure((3.2 + 2.6 * len(names), 1.4 + 0.32 * len(table)))
    panels = figure.subplots(1, len(names), sharey=True, squeeze=False)[0]
    for axes, name, colour in zip(panels, names, (ANSWER, *OTHERS), strict=False):
        draw_percentages(axes, list(map(str, table.index)), table[f"{PREFIX}{name}"].to_numpy(), colour)
        axes.set_xlabel("above the bound (%)")
        set_title(axes, f"Objective {name}")
    return figure


def plot_sensitivity(table: pd.DataFrame) -> "Figure":
    """Draw the table of `sensitivity`: what is done after each quarter of the time, and dollars of cost and risk."""
    from matplotlib.ticker import MaxNLocator

    names, rows = [str(name) for name in table.index], np.arange(len(table))
    figure = new_figure((11.0, 1.8 + 0.45 * len(table)))
    pace, dollars = figure.subplots(1, 2, sharey=True)
    quarters = {"done_25": "a quarter", "done_50": "half", "done_75": "three quarters"}
    for (column, part), mark, colour in zip(quarters.items(), "osD", (ANSWER, *OTHERS), strict=False):
        pace.plot(100 * table[column], rows, mark, color=colour, markersize=7, label=f"after {part} of the time")
    pace.set_xlim(0, 105)
    pace.set_yticks(rows, names)
    pace.set_xlabel("done (% of the order)")
    dollars.barh(rows, table["cost"], color=ANSWER, height=0.6, label="cost")
    dollars.barh(rows, table["risk"], left=table["cost"], color=OTHERS[0], height=0.6, label="charge for risk")
    dollars.set_xlabel("dollars")
    dollars.xaxis.set_major_locator(MaxNLocator(6))
    for axes in (pace, dollars):
        dress(axes, "x")
        add_legend(axes, loc="lower center", bbox_to_anchor=(0.5, 1.0), ncols=3)
    pace.invert_yaxis()
    return figure


def plot_errors(table: pd.DataFrame) -> "Figure":
    """Draw median absolute errors of forecasts of the next bucket, the best in a colour of its own."""
    flat = table.reset_index()
    keys = [column for column in flat.columns if column not in table.columns]
    names = [", ".join(str(flat.loc[row, key]) for key in keys) for row in flat.index]
    cents = 100 * flat["median_absolute"].to_numpy()
    figure = new_figure((8.0, 1.4 + 0.32 * len(flat)))
    axes = figure.subplots()
    axes.barh(names, cents, color=[ANSWER if value == cents.min() else OTHERS[3] for value in cents])
    axes.invert_yaxis()
    axes.set_xlabel("median absolute error of the next bucket's slippage (cents a share)")
    dress(axes, "x")
    return figure


Draw = Callable[[pd.DataFrame], Any]
KINDS: tuple[tuple[set[str], Draw], ...] = (
    ({"objective", "certified_gap", "status"}, plot_methods),
    ({"done_25", "done_50", "done_75", "cost", "risk"}, plot_sensitivity),
    ({"cost", "notional", "bps", "fill_rate"}, plot_aggregate),
    ({"side", "shares", "per_share", "displayed"}, plot_walk),
    ({"price", "half_spread", "depth"}, plot_buckets),
    ({"n", "median_absolute"}, plot_errors),
    ({"mean", "last", "shown", "mid"}, plot_forecasts),
    ({"sigma", "standard_error", "dollars"}, plot_volatility),
    ({"share", "standard_error"}, plot_profile),
)
"""Columns that tell a table -> how it is drawn; the first that fits."""
