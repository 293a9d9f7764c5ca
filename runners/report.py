"""`optexec report`: one HTML page that shows a schedule, what it saves, and how that is known."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from optexec.runners.command_line import (
    Gap,
    Json,
    Method,
    Objective,
    Settings,
    TimeLimit,
    guarded,
    run_alone,
    solver_settings,
)
from optexec.runners.frontier import Volatility

if TYPE_CHECKING:
    import optexec as ox
    from optexec.analysis.recorded_schedule import RecordedSchedule
    from optexec.runners.spec import Spec

SCHEMA = "optexec.report.v1"
PAGES = (".html", ".htm")
RECORD = ".json"

Source = Annotated[
    Path,
    typer.Argument(
        metavar="SPEC|SCHEDULE.json", help="TOML file that declares the problem, or a schedule that solve --json wrote."
    ),
]
Page = Annotated[Path, typer.Option("--output", "-o", metavar="FILE", help="Page to write, an .html file.")]
SpecOfRecord = Annotated[
    Path | None,
    typer.Option(
        "--spec",
        metavar="SPEC",
        help="The spec that SCHEDULE.json solves; without it the report has only what the schedule records.",
    ),
]
FrontierPoints = Annotated[
    int | None,
    typer.Option("--points", help="Points of the frontier, whatever --method is; 0 leaves it out, 40 by default."),
]
POINTS = 40


@guarded
def report_schedule(
    source: Source,
    output: Page,
    spec: SpecOfRecord = None,
    points: FrontierPoints = None,
    volatility: Volatility = None,
    objective: Objective = None,
    method: Method = None,
    settings: Settings = None,
    gap: Gap = None,
    time_limit: TimeLimit = None,
    as_json: Json = False,
) -> None:
    """Write one HTML page that shows the schedule, what it saves, and its proof; it opens without a network.

    Example: optexec report inventory_risk.toml -o report.html

    Example: optexec report schedule.json --spec cost.toml -o report.html
    """
    import optexec as ox
    from optexec.analysis.provenance import Provenance
    from optexec.analysis.report import Report
    from optexec.models.errors import InvalidInput
    from optexec.runners.output import check_writable
    from optexec.runners.progress import working
    from optexec.runners.spec import load_spec
    from optexec.solvers.verification import every_schedule

    check_writable(output, PAGES)
    recorded = source.suffix == RECORD
    if spec is not None and not recorded:
        raise InvalidInput(f"--spec goes with a SCHEDULE.json; {source} is a spec itself")
    record = _record(source) if recorded else None
    if record is not None:
        _refuse_unread({"--method": method}, source, "leave it out")
    if record is not None and spec is None:
        of_the_spec = {
            "--points": points,
            "--volatility": volatility,
            "--objective": objective,
            "--set": settings or None,
        }
        _refuse_unread({**of_the_spec, "--gap": gap, "--time-limit": time_limit}, source, "give --spec too")
        numbers: dict[str, Any] = {"objective": record.objective, "lower_bound": record.bound, "gap": record.gap}
        _write(output, record.html(Provenance.of([source])), record.verdict, {**numbers, "savings": {}}, as_json)
        return
    count = POINTS if points is None else points
    options = solver_settings(method=method, gap=gap, time_limit=time_limit)
    declared = load_spec(spec or source, [*(settings or ()), *options])
    sigma = None if volatility is None else declared.dollars("volatility", volatility)
    with working("report") as tell:
        tell("schedule")
        schedule = _schedule(declared, objective, record, source)
        tell("frontier")
        problem = schedule.problem
        traced = None if count == 0 else ox.frontier(problem, count, sigma=sigma, **declared.stopping)
        methods = every_schedule(problem, **declared.stopping, progress=tell)
    changes = [*(settings or ()), *options, *([f"objective.name={objective}"] if objective else [])]
    origin = Provenance.of([*declared.sources, *([source] if recorded else [])], changes)
    report = Report(schedule, methods, traced, origin, record)
    numbers = {"objective": schedule.objective, "lower_bound": report.bound, "gap": report.gap}
    _write(output, report.html(), report.verdict, {**numbers, "savings": report.savings}, as_json)


def _refuse_unread(options: dict[str, object], source: Path, mend: str) -> None:
    """Refuse options that are not read for a schedule that is solved already."""
    from optexec.models.errors import InvalidInput

    for name, value in options.items():
        if value is not None:
            raise InvalidInput(f"{name} is not read for {source}, a schedule that is solved already; {mend}")


def _record(path: Path) -> "RecordedSchedule":
    from optexec.analysis.recorded_schedule import RecordedSchedule
    from optexec.data.opened_file import read_text
    from optexec.models.errors import InvalidInput

    text = read_text(path)
    try:
        return RecordedSchedule.from_json(text)
    except InvalidInput as error:
        raise InvalidInput(f"{path}: {error}") from None


def _schedule(
    declared: "Spec", objective: str | None, record: "RecordedSchedule | None", source: Path
) -> "ox.Schedule":
    """The schedule: solved, or that of the record once it is seen to be one of the problem."""
    import optexec as ox

    problem = declared.problem(objective)
    if record is None:
        return ox.solve(problem, declared.method, **declared.stopping)
    try:
        return record.schedule(problem)
    except ox.OptexecError as error:
        raise type(error)(f"{source}: {error}") from None


def _write(path: Path, page: str, verdict: str, numbers: dict[str, Any], as_json: bool) -> None:
    from optexec.runners.output import print_json, writing

    with writing(path):
        path.write_text(page, encoding="utf-8")
    if as_json:
        print_json(SCHEMA, path=str(path), verdict=verdict, **numbers)
    else:
        print(f"{verdict}\nWrote {path}.")


if __name__ == "__main__":
    run_alone(report_schedule)
