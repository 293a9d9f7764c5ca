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
Horizon = Annotated[
    float | None,
    typer.Option("--horizon", help="Tell the psi by which 95 % of the order is done within these buckets."),
]
HalfLife = Annotated[
    float | None, typer.Option("--half-life", help="Tell the psi by which half of it is done within these buckets.")
]
Confidence = Annotated[
    float | None,
    typer.Option("--confidence", help="Tell the psi of least value at risk, such as 0.95; needs --volatility."),
]


@guarded
def trace_frontier(
    spec: SpecFile,
    points: Points = 50,
    volatility: Volatility = None,
    horizon: Horizon = None,
    half_life: HalfLife = None,
    confidence: Confidence = None,
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

    Example: optexec frontier inventory_risk.toml --half-life 90 --json
    """
    import json

    import optexec as ox
    from optexec.runners.output import check_writable, print_json, write_figure, write_table
    from optexec.runners.progress import working
    from optexec.runners.spec import load_spec

    check_writable(output)
    check_writable(plot, PLOTS)
    declared = load_spec(spec, [*(settings or ()), *solver_settings(gap=gap, time_limit=time_limit)])
    problem = declared.problem(objective)
    sigma = None if volatility is None else declared.dollars("volatility", volatility)
    chosen = _chosen(problem, sigma, horizon, half_life, confidence)
    with working(f"frontier of {points} points"):
        traced = ox.frontier(problem, points, sigma=sigma, method=declared.method, **declared.stopping)
    write_table(traced.frame.set_index("psi"), output)
    if plot is not None:
        write_figure(traced.plot(), plot)
    if as_json:
        print_json(**json.loads(traced.to_json()), chosen=chosen)
    else:
        _print(traced, chosen)


def _chosen(
    problem: "ox.Problem", sigma: Any, horizon: float | None, half_life: float | None, confidence: float | None
) -> dict[str, float]:
    """Target that was asked for -> the psi that meets it, dollars a share squared."""
    import optexec as ox

    if confidence is not None and sigma is None:
        raise ox.InvalidInput("--confidence needs the price's moves; give --volatility too")
    found: dict[str, float] = {}
    if horizon is not None:
        found["horizon"] = ox.psi_for_horizon(problem, horizon)
    if half_life is not None:
        found["half_life"] = ox.psi_for_half_life(problem, half_life)
    if confidence is not None:
        found["confidence"] = ox.psi_for_var(problem, sigma, confidence)
    return found


def _print(traced: "ox.Frontier", chosen: dict[str, float]) -> None:
    import numpy as np

    from optexec.runners.output import columns, console, facts, percent

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
    if chosen:
        out.print()
        out.print(facts({f"psi by {name.replace('_', '-')}": f"{psi:.6g} $/share²" for name, psi in chosen.items()}))


def _place(row: Any) -> list[str]:
    from optexec.runners.output import dollars

    return [dollars(row[name]) for name in ("cost", "standard_deviation", "least_cost")]


if __name__ == "__main__":
    run_alone(trace_frontier)
