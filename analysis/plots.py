"""One way to draw every result: `plot`."""

from collections.abc import Mapping
from functools import singledispatch
from typing import TYPE_CHECKING, Any

import pandas as pd

from optexec.analysis.calibration_plots import plot_calibration
from optexec.analysis.cost_analysis import CostAnalysis
from optexec.analysis.cost_plots import plot_cost_analysis
from optexec.analysis.frontier import Frontier
from optexec.analysis.frontier_plots import plot_frontier
from optexec.analysis.schedule_plots import plot_plan, plot_schedule
from optexec.analysis.simulation import Simulation
from optexec.analysis.simulation_plots import plot_simulation
from optexec.analysis.strategy_plots import plot_horizon
from optexec.analysis.table_plots import plot_table
from optexec.analysis.verification_plots import plot_verification
from optexec.data.slippage import SlippagePoints
from optexec.models.almgren_chriss import AlmgrenChriss
from optexec.models.errors import InvalidInput
from optexec.models.schedule import Schedule
from optexec.solvers.horizon import Plan

if TYPE_CHECKING:
    from matplotlib.figure import Figure


@singledispatch
def plot(result: Any, *arguments: Any, **options: Any) -> "Figure":
    """Draw a result, with units on every axis and in colours that colour-blind eyes tell apart.

    Args:
        result: one of

            * a `Schedule`: shares and inventory; schedules to draw beside it by name may follow;
            * a `Plan` of a `Replanner`: the slice to trade now and the window;
            * schedules of one problem by name, as `every_schedule` gives them: a panel for each;
            * a `Frontier`: cost against risk, and some of its inventories;
            * a `Simulation`: the days' shortfall and its parts; others to draw beside it by name may follow;
            * a `CostAnalysis`: shortfall by cause, and slippage against benchmarks;
            * `SlippagePoints`, the curves, and which of them are in doubt: curves on books, residuals, coverage;
            * an `AlmgrenChriss` market and a risk aversion: cost against the horizon;
            * a table of `verify`, `compare`, `sensitivity`, `aggregate`, `calibrate`, `walk_table`, `family_errors`,
              `by_bucket` or the `summary` of its errors, `volume_profile` or the volatilities.
        arguments, options: what the kind takes beside it.

    Returns:
        A matplotlib Figure that belongs to no window; `figure.savefig("schedule.png")` writes it.

    Raises:
        InvalidInput: a result that has no picture.

    >>> import optexec as ox
    >>> problem = ox.Problem(ox.Order(300), ox.Power(a=[1.0, 2.0], b=2.0), ox.objective("A"))
    >>> figure = plot(ox.verify(problem))
    >>> figure.axes[0].get_xlabel()
    'cost above the certified bound (%)'
    """
    raise InvalidInput(f"{type(result).__name__} has no picture; help(optexec.plot) lists what has one")


plot.register(Schedule)(plot_schedule)
plot.register(Plan)(plot_plan)
plot.register(Mapping)(plot_verification)
plot.register(Frontier)(plot_frontier)
plot.register(Simulation)(plot_simulation)
plot.register(CostAnalysis)(plot_cost_analysis)
plot.register(SlippagePoints)(plot_calibration)
plot.register(AlmgrenChriss)(plot_horizon)
plot.register(pd.DataFrame)(plot_table)
