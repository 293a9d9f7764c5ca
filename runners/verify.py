"""`optexec verify`: every method that applies, heuristics and local solvers, against the certified optimum."""

from typing import TYPE_CHECKING

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

SCHEMA = "optexec.verify.v1"


@guarded
def verify_methods(
    spec: SpecFile,
    objective: Objective = None,
    settings: Settings = None,
    gap: Gap = None,
    time_limit: TimeLimit = None,
    as_json: Json = False,
    output: Output = None,
    plot: Plot = None,
) -> None:
    """Solve by every method that applies, and measure each against the certified optimum.

    Example: optexec verify concave.toml --plot verify.png

    Example: optexec verify cost.toml --objective C --time-limit 10 --json
    """
    import optexec as ox
    from optexec.runners.output import check_writable, print_json, records, write_figure, write_table
    from optexec.runners.progress import working
    from optexec.runners.spec import load_spec
    from optexec.solvers.verification import compare_schedules, every_schedule

    check_writable(output)
    check_writable(plot, PLOTS)
    declared = load_spec(spec, [*(settings or ()), *solver_settings(gap=gap, time_limit=time_limit)])
    problem = declared.problem(objective)
    with working("verifying") as tell:
        schedules = every_schedule(problem, **declared.stopping, progress=tell)
    table = compare_schedules(schedules)
    write_table(table, output)
    if plot is not None:
        write_figure(ox.plot(schedules), plot)
    if as_json:
        print_json(SCHEMA, rows=records(table))
    else:
        _print(table, problem)


def _print(table: "pd.DataFrame", problem: "ox.Problem") -> None:
    from optexec.runners.output import basis_points, columns, console, dollars, percent

    rows = [
        [
            str(method),
            dollars(row["objective"]),
            percent(round(row["excess"], 9)),
            basis_points(row["excess_bps"], "no price"),
            dollars(row["lower_bound"]),
            percent(row["gap"]),
            row["status"],
            f"{row['seconds']:.2g}",
        ]
        for method, row in table.iterrows()
    ]
    above, own = ["above best (%)", "above best (bps)"], ["bound ($)", "gap (%)"]
    out = console()
    out.print(columns(["method", "objective ($)", *above, *own, "status", "time (s)"], rows))
    for note in _notes(table, problem):
        out.print(note)


def _notes(table: "pd.DataFrame", problem: "ox.Problem") -> list[str]:
    """What the table rests on: the best bound, what kind of row is none of a method's, which methods do not apply."""
    from math import isfinite

    import optexec as ox
    from optexec.runners.output import money
    from optexec.solvers.verification import LAGRANGE

    bound, names = table["lower_bound"], list(map(str, table.index))
    obstacles = ox.methods(problem).frame["obstacle"]
    least = f"No schedule costs less than {money(bound.max())} ({bound.idxmax()})."
    notes = [least if isfinite(bound.max()) else "No lower bound is known."]
    if any(name.startswith("ipopt[") for name in names):
        notes.append(
            "ipopt[...]: where a local solver ends from that start; its bound is the best of the other methods."
        )
        obstacles = obstacles.drop("ipopt")
    if LAGRANGE in names:
        notes.append("lagrange: equal marginal costs before limits; moving shares between concave buckets costs less.")
    return [*notes, *(f"{method} does not apply: {why}." for method, why in obstacles[obstacles != ""].items())]


if __name__ == "__main__":
    run_alone(verify_methods)
