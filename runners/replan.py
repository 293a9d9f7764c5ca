"""`optexec replan`: the plan for the rest of the day and the next child order, from what has happened so far."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from optexec.runners.command_line import (
    Gap,
    Json,
    Method,
    Objective,
    Output,
    Settings,
    SpecFile,
    TimeLimit,
    guarded,
    run_alone,
    solver_settings,
)

if TYPE_CHECKING:
    from optexec.runners.day import Day
    from optexec.runners.spec import Spec
    from optexec.solvers.horizon import Replanner
    from optexec.solvers.thresholds import Thresholds

SCHEMA = "optexec.replan.v1"
SHOWN = 12
"""Buckets of the plan that are printed."""

Fills = Annotated[
    Path | None,
    typer.Option("--fills", metavar="FILE", help="Events so far: fills, market and more, as .csv or .jsonl."),
]
Log = Annotated[
    Path | None,
    typer.Option("--log", metavar="FILE", help="Keep an audit log, or continue it: its events come first in --fills."),
]
Window = Annotated[int | None, typer.Option("--window", help="Buckets of a plan; all that are left without it.")]
Beyond = Annotated[
    str, typer.Option("--beyond", metavar="priced|quota|free", help="Rule for what lies beyond the window.")
]
Volatility = Annotated[
    str | None,
    typer.Option("--volatility", metavar="NUMBER|COLUMN", help="Volatility expected of each bucket; spikes are told."),
]
Spread = Annotated[
    str | None,
    typer.Option("--spread", metavar="NUMBER|COLUMN", help="Spread expected of each bucket; spikes are told."),
]
Spike = Annotated[float, typer.Option("--spike", help="Multiple of what is expected above which it is a spike.")]
Lasts = Annotated[int, typer.Option("--spike-lasts", help="Buckets that a spike is taken to last.")]


@guarded
def replan_order(
    spec: SpecFile,
    fills: Fills = None,
    log: Log = None,
    window: Window = None,
    beyond: Beyond = "priced",
    volatility: Volatility = None,
    spread: Spread = None,
    spike: Spike = 2.0,
    spike_lasts: Lasts = 5,
    objective: Objective = None,
    method: Method = None,
    settings: Settings = None,
    gap: Gap = None,
    time_limit: TimeLimit = None,
    as_json: Json = False,
    output: Output = None,
) -> None:
    """Plan the rest of the day after the events so far, and tell the next child order.

    Example: optexec replan cost.toml --fills today.csv --log today.log
    """
    from optexec.runners.day import Day
    from optexec.runners.event_file import read_events
    from optexec.runners.output import check_writable, print_json, write_table
    from optexec.runners.spec import load_spec
    from optexec.solvers.horizon import Replanner

    check_writable(output)
    declared = load_spec(spec, [*(settings or ()), *solver_settings(method=method, gap=gap, time_limit=time_limit)])
    problem = declared.problem(objective)
    planner = Replanner(problem, window, beyond, method=declared.method, **declared.stopping)
    watch = _thresholds(declared, volatility, spread, spike, spike_lasts)
    events = [] if fills is None else read_events(fills, problem.index)
    day = Day.after(events, planner, watch, log, declared.inputs)
    write_table(day.table, output)
    if as_json:
        print_json(SCHEMA, **day.told)
    else:
        _print(day, planner)


def _thresholds(declared: "Spec", volatility: str | None, spread: str | None, spike: float, lasts: int) -> "Thresholds":
    from optexec.models.validation import positive_number
    from optexec.runners.parameters import Parameters, number_or_column
    from optexec.solvers.thresholds import Thresholds

    multiple = positive_number("--spike", spike)
    given = {"sigma": volatility, "spreads": spread}
    expected = {name: number_or_column(text) for name, text in given.items() if text is not None}

    def build(**columns: Any) -> Thresholds:
        return Thresholds(multiple, multiple, lasts, **columns)

    made: Thresholds = Parameters(declared.table).build(build, expected)
    return made


def _print(day: "Day", planner: "Replanner") -> None:
    from optexec.runners.output import columns, console, facts

    out = console()
    out.print(facts(_summary(day, planner)))
    if not day.table.empty:
        out.print()
        shown = day.table.head(SHOWN)
        out.print(
            columns([str(day.table.index.name), "shares"], [[str(k), f"{v:,.10g}"] for k, v in shown["shares"].items()])
        )
        if len(day.table) > SHOWN:
            out.print(f"and {len(day.table) - SHOWN:,} buckets more")


def _summary(day: "Day", planner: "Replanner") -> dict[str, str]:
    from optexec.runners.output import money, percentage

    told, order = day.told, planner.problem.order
    rows = {
        "order": f"{order.side} {told['shares']:,.10g} shares over {planner.problem.buckets:,} buckets",
        "filled": f"{told['filled']:,.10g}, {told['remaining']:,.10g} remain, {told['working']:,.10g} of them at work",
        "state": told["state"],
    }
    if told["shortfall"]:
        sure = "" if told["shortfall"]["certain"] else " at the volumes now expected"
        rows["infeasible as from now"] = f"shortfall {told['shortfall']['shares']:,.10g} shares{sure}"
    if plan := told["plan"]:
        rows["plan"] = f"{plan['method']}, {plan['status']}; {plan['reason']}"
        if plan["objective"] is not None:
            rows["objective"] = money(plan["objective"])
        if plan["lower_bound"] is not None:
            rows["lower bound"] = f"{money(plan['lower_bound'])}, gap {percentage(plan['gap'])}"
    when = "in" if day.open else "when it opens, in"
    for child in told["send"]:
        rows[f"send child {child['child']}"] = f"{order.side} {child['shares']:,.10g} shares {when} {child['bucket']}"
    for child in told["cut"]:
        rows[f"cut child {child['child']}"] = f"to {child['left']:,.10g} shares; {child['reason']}"
    if not told["send"] and told["waiting"]:
        rows["waiting"] = f"{told['waiting']:,.10g} shares for {told['bucket']}, released as the market's volume prints"
    if told["refused"]:
        rows["refused"] = f"{len(told['refused'])} events, the last: {told['refused'][-1]['reason']}"
    return rows


if __name__ == "__main__":
    run_alone(replan_order)
