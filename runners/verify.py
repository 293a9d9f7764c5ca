"""`optexec verify`: every method that applies, against the certified optimum."""

from typing import TYPE_CHECKING

from optexec.runners.command_line import (
    Gap,
    Json,
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
    import pandas as pd

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
) -> None:
    """Solve by every method that applies, and measure each against the certified optimum.

    Example: optexec verify cost.toml --objective C --json
    """
    import optexec as ox
    from optexec.runners.output import check_writable, print_json, records, write_table
    from optexec.runners.spec import load_spec

    check_writable(output)
    declared = load_spec(spec, [*(settings or ()), *solver_settings(gap=gap, time_limit=time_limit)])
    problem = declared.problem(objective)
    table = ox.verify(problem, **declared.stopping)
    write_table(table, output)
    if as_json:
        print_json(SCHEMA, rows=records(table))
    else:
        _print(table, ox.methods(problem).frame["obstacle"])


def _print(table: "pd.DataFrame", obstacles: "pd.Series") -> None:
    from optexec.runners.output import columns, console, dollars, percent

    rows = [
        [
            str(method),
            dollars(row["objective"]),
            dollars(row["lower_bound"]),
            percent(row["gap"]),
            percent(row["excess"]),
            percent(row["certified_gap"]),
            row["status"],
            f"{row['seconds']:.3g}",
        ]
        for method, row in table.iterrows()
    ]
    own = ["objective ($)", "own bound ($)", "own gap (%)"]
    out = console()
    out.print(columns(["method", *own, "above best (%)", "above best bound (%)", "status", "time (s)"], rows))
    for method, obstacle in obstacles[obstacles != ""].items():
        out.print(f"{method} does not apply: {obstacle}.")


if __name__ == "__main__":
    run_alone(verify_methods)
