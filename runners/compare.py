"""`optexec compare`: the objectives side by side, each schedule priced by all of them."""

from typing import TYPE_CHECKING

from optexec.runners.command_line import (
    PLOTS,
    Gap,
    Json,
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

SCHEMA = "optexec.compare.v1"


@guarded
def compare_objectives(
    spec: SpecFile,
    settings: Settings = None,
    gap: Gap = None,
    time_limit: TimeLimit = None,
    as_json: Json = False,
    output: Output = None,
    plot: Plot = None,
) -> None:
    """Price the optimum of every objective, and the baselines, under every objective.

    Example: optexec compare cost.toml -o comparison.csv --plot comparison.png

    Example: optexec compare cost.toml --set objective.psi=1e-8
    """
    import optexec as ox
    from optexec.analysis.comparison import compare
    from optexec.models.objective import PARAMETERS
    from optexec.runners.output import check_writable, print_json, records, write_figure, write_table
    from optexec.runners.progress import working
    from optexec.runners.spec import load_spec

    check_writable(output)
    check_writable(plot, PLOTS)
    declared = load_spec(spec, [*(settings or ()), *solver_settings(gap=gap, time_limit=time_limit)])
    missing = declared.missing()
    problems = {name: declared.problem(name) for name in PARAMETERS if name not in missing}
    with working(f"comparing {', '.join(problems)}"):
        table = compare(problems, **declared.stopping)
    write_table(table, output)
    if plot is not None:
        write_figure(ox.plot(table), plot)
    if as_json:
        print_json(SCHEMA, rows=records(table))
    else:
        _print(table, list(problems), missing)


def _print(table: "pd.DataFrame", names: list[str], missing: dict[str, str]) -> None:
    from optexec.runners.output import columns, console, dollars, percent

    headings = [heading for name in names for heading in (f"{name}: cost ($)", f"{name}: above bound (%)")]
    rows = [
        [
            str(schedule),
            *(text for name in names for text in (dollars(row[f"cost_{name}"]), percent(row[f"excess_{name}"]))),
        ]
        for schedule, row in table.iterrows()
    ]
    out = console()
    out.print(columns(["schedule", *headings], rows))
    for name, key in missing.items():
        out.print(f"Objective {name} is left out: the spec has no {key}.")


if __name__ == "__main__":
    run_alone(compare_objectives)
