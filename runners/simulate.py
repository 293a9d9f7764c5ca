"""`optexec simulate`: the optimum, TWAP and VWAP on the same random paths."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Annotated, Any

import typer

from optexec.runners.command_line import (
    PLOTS,
    Gap,
    Json,
    Objective,
    Output,
    Plot,
    Settings,
    SpecFile,
    TimeLimit,
    guarded,
    run_alone,
    solver_settings,
)

if TYPE_CHECKING:
    import pandas as pd

    import optexec as ox
    from optexec.analysis.simulation import Market, Simulation
    from optexec.runners.spec import Spec

SCHEMA = "optexec.simulate.v1"
OPTIMUM, REPLANNED = "optimum", "replanned"
OTHERS = ("twap", "vwap")
STATISTICS = {
    "mean": "expected cost",
    "standard_error": "standard error",
    "standard_deviation": "std deviation",
    "q05": "5 %",
    "q50": "50 %",
    "q95": "95 %",
}
"""Columns of a summary -> what they are called in a heading."""
COLUMN = "NUMBER|COLUMN"

Volatility = Annotated[
    str,
    typer.Option(
        "--volatility",
        metavar=COLUMN,
        help="Volatility of each bucket as a fraction of the price, as calibrate has it.",
    ),
]
Drift = Annotated[
    str,
    typer.Option("--drift", metavar=COLUMN, help="Expected rise of the price in each bucket as a fraction of it."),
]
Permanent = Annotated[
    float, typer.Option("--permanent", help="Permanent impact, dollars a share per share traded before.")
]
Dispersion = Annotated[
    float, typer.Option("--dispersion", help="Standard deviation of the logarithm of a bucket's volume.")
]
LeastFill = Annotated[
    float, typer.Option("--least-fill", help="Slices are filled by a random fraction from this one to 1.")
]
Replan = Annotated[
    str | None,
    typer.Option(
        "--replan",
        metavar="priced|quota|free",
        help="Also plan anew in every bucket on every day, by this rule for what lies beyond the window.",
    ),
]
Window = Annotated[
    int | None, typer.Option("--window", help="Buckets of a window of --replan; by default all that are left.")
]
Paths = Annotated[int, typer.Option("--paths", help="Random days.")]
Seed = Annotated[int, typer.Option("--seed", help="The same seed gives the same days.")]
Antithetic = Annotated[bool, typer.Option("--antithetic", help="Draw days in pairs whose prices move oppositely.")]


@guarded
def simulate_order(
    spec: SpecFile,
    volatility: Volatility,
    drift: Drift = "0",
    permanent: Permanent = 0.0,
    dispersion: Dispersion = 0.0,
    least_fill: LeastFill = 1.0,
    replan: Replan = None,
    window: Window = None,
    paths: Paths = 10_000,
    seed: Seed = 0,
    antithetic: Antithetic = False,
    objective: Objective = None,
    settings: Settings = None,
    gap: Gap = None,
    time_limit: TimeLimit = None,
    as_json: Json = False,
    output: Output = None,
    plot: Plot = None,
) -> None:
    """Trade the optimum, TWAP and VWAP on the same random days, and show what each costs.

    Example: optexec simulate inventory_risk.toml --volatility sigma

    Example: optexec simulate cost.toml --volatility 0.0004 --plot days.png
    """
    from optexec.analysis.price_paths import Arithmetic
    from optexec.analysis.simulation import Market, simulate
    from optexec.runners.output import check_writable, print_json, records, write_figure, write_table
    from optexec.runners.progress import working
    from optexec.runners.spec import load_spec

    check_writable(output)
    check_writable(plot, PLOTS)
    declared = load_spec(spec, [*(settings or ()), *solver_settings(gap=gap, time_limit=time_limit)])
    problem = declared.problem(objective)
    planner = _planner(declared, problem, replan, window)
    prices = Arithmetic(declared.dollars("volatility", volatility), declared.dollars("drift", drift))
    market = Market(problem, prices, permanent, dispersion, least_fill)
    with working(f"{paths:,} days") as tell:
        tell("schedules")
        schedules, traded = _schedules(problem, declared), {}
        for name, schedule in schedules.items():
            tell(name)
            traded[name] = simulate(schedule, market, paths, seed, antithetic)
    if planner is not None:
        traded[REPLANNED] = _replanned(planner, market, paths, seed, antithetic)
    table = _table(traded)
    write_table(table, output)
    if plot is not None:
        beside = {name: other for name, other in traded.items() if name != OPTIMUM}
        write_figure(traded[OPTIMUM].plot(beside, name=OPTIMUM), plot)
    if as_json:
        print_json(SCHEMA, paths=paths, seed=seed, antithetic=antithetic, rows=records(table))
    else:
        _print(table, schedules[OPTIMUM])


def _schedules(problem: "ox.Problem", declared: "Spec") -> "dict[str, ox.Schedule]":
    """The optimum and the baselines that apply, by name."""
    import optexec as ox

    applies = ox.methods(problem).frame["applies"]
    answer = {OPTIMUM: ox.solve(problem, declared.method, **declared.stopping)}
    return answer | {name: ox.solve(problem, name) for name in OTHERS if applies[name]}


def _planner(declared: "Spec", problem: "ox.Problem", replan: str | None, window: int | None) -> "ox.Replanner | None":
    import optexec as ox

    if replan is not None:
        return ox.Replanner(problem, window, replan, method=declared.method, **declared.stopping)
    if window is not None:
        raise ox.InvalidInput("--window is that of --replan; give --replan too, or leave it out")
    return None


def _replanned(planner: "ox.Replanner", market: "Market", *draws: Any) -> "Simulation":
    """The days of a re-planned order; where participation is capped, volumes are expected by the ratio so far."""
    import numpy as np

    from optexec.analysis.replanning import Replan, SoFar
    from optexec.analysis.simulation import simulate
    from optexec.runners.progress import counting

    problem = planner.problem
    limits = problem.limits
    volumes = None if limits.participation is None else SoFar(np.broadcast_to(limits.volume, problem.buckets))
    policy = Replan(planner, volumes)
    with counting("planning", problem.buckets) as tell:

        def watched(i: int, remaining: Any, seen: Any) -> Any:
            tell()
            return policy(i, remaining, seen)

        return simulate(watched, market, *draws)


def _table(traded: "dict[str, Simulation]") -> "pd.DataFrame":
    """One row a schedule, a column for each statistic of each measure, such as `shortfall_mean`."""
    import pandas as pd

    rows = {
        name: {
            f"{measure}_{statistic}": value
            for measure, statistics in simulation.summary.to_dict("index").items()
            for statistic, value in statistics.items()
        }
        for name, simulation in traded.items()
    }
    return pd.DataFrame.from_dict(rows, orient="index").rename_axis("schedule")


def _print(table: "pd.DataFrame", optimum: "ox.Schedule") -> None:
    from optexec.runners.output import basis_points, columns, console, dollars

    def bps(value: float) -> str:
        return basis_points(value, "no volume")

    out = console()
    for measure, unit, text in (("shortfall", "$", dollars), ("bps", "bps", bps)):
        headings = [f"{heading} ({unit})" for heading in STATISTICS.values()]
        out.print(columns(["schedule", *headings], _rows(table, [f"{measure}_{name}" for name in STATISTICS], text)))
        out.print()
    slippage = [f"{name}_slippage_{statistic}" for name in OTHERS for statistic in ("mean", "standard_error")]
    against = [heading for name in OTHERS for heading in (f"against {name.upper()} (bps)", "standard error (bps)")]
    out.print(columns(["schedule", *against], _rows(table, slippage, bps)))
    out.print("No day pays for inventory risk and smoothing: they are preferences.")
    out.print(f"{OPTIMUM}: by {optimum.method}, {optimum.status}. Costs are positive when worse.")
    if "vwap" not in table.index:
        out.print("vwap is left out: the spec has no limits.volume.")


def _rows(table: "pd.DataFrame", names: list[str], text: Callable[[float], str]) -> list[list[str]]:
    return [[str(schedule), *(text(row[name]) for name in names)] for schedule, row in table.iterrows()]


if __name__ == "__main__":
    run_alone(simulate_order)
