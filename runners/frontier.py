"""`optexec frontier`: the least cost for every level of risk, and where the baselines stand."""

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
    import optexec as ox

SHOWN = 12
"""Rows of the frontier that are printed; all of them go to files and JSON."""
Points = Annotated[int, typer.Option("--points", help="Risk aversions, from none to nearly immediate trading.")]
Volatility = Annotated[
    str | None,
    typer.Option(
        "--volatility",
        metavar="NUMBER|COLUMN",
        help="Volatility of each bucket as a fraction of the price, as calibrate has it: risk is then in dollars.",
    ),
]


@guarded
def trace_frontier(
    spec: SpecFile,
    points: Points = 50,
    volatility: Volatility = None,
    objective: Objective = None,
    settings: Settings = None,
    gap: Gap = None,
    time_limit: TimeLimit = None,
    as_json: Json = False,
    output: Output = None,
    plot: Plot = None,
) -> None:
    """Trace cost against risk over risk aversion, and place the baselines.

    Example: optexec frontier inventory_risk.toml --plot frontier.png

    Example: optexec frontier inventory_risk.toml --volatility sigma -o points.csv
    """
    import optexec as ox
    from optexec.runners.output import check_writable, write_table
    from optexec.runners.progress import working
    from optexec.runners.spec import load_spec

    check_writable(output)
    check_writable(plot, PLOTS)
    declared = load_spec(spec, [*(settings or ()), *solver_settings(gap=gap, time_limit=time_limit)])
    problem = declared.problem(objective)
    sigma = None if volatility is None else declared.dollars("volatility", volatility)
    with working(f"frontier of {points} points"):
        traced = ox.frontier(problem, points, sigma=sigma, method=declared.method, **declared.stopping)
    write_table(traced.frame.set_index("psi"), output)
    if plot is not None:
        traced.plot().savefig(plot)
    if as_json:
        print(traced.to_json())
    else:
        _print(traced)


def _print(traced: "ox.Frontier") -> None:
    import numpy as np

    from optexec.runners.output import columns, console, percent

    unit = "$" if traced.risk_unit == "dollars" else "shares"
    headings = ["cost ($)", f"std deviation ({unit})", "least cost at that risk ($)"]
    shown = traced.frame.iloc[np.unique(np.linspace(0, len(traced.frame) - 1, SHOWN).round().astype(int))]
    points = [
        [f"{row['psi']:.3g}", *_place(row), percent(row["gap"]), str(row["method"])] for _, row in shown.iterrows()
    ]
    others = [[str(name), *_place(row)] for name, row in traced.baselines.iterrows()]
    out = console()
    out.print(columns(["psi ($/share²)", *headings, "gap (%)", "method"], points))
    if len(shown) < len(traced.frame):
        out.print(f"{len(shown)} of {len(traced.frame)} points; -o and --json have all.")
    out.print()
    out.print(columns(["baseline", *headings], others))


def _place(row: Any) -> list[str]:
    from optexec.runners.output import dollars

    return [dollars(row[name]) for name in ("cost", "standard_deviation", "least_cost")]


if __name__ == "__main__":
    run_alone(trace_frontier)
