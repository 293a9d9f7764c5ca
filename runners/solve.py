"""`optexec solve`: the schedule of least cost, its certificate, and what it saves against the baselines."""

from pathlib import Path
from typing import TYPE_CHECKING

from optexec.runners.command_line import (
    PLOTS,
    Gap,
    Json,
    Method,
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


@guarded
def solve_order(
    spec: SpecFile,
    objective: Objective = None,
    method: Method = None,
    settings: Settings = None,
    gap: Gap = None,
    time_limit: TimeLimit = None,
    as_json: Json = False,
    output: Output = None,
    plot: Plot = None,
) -> None:
    """Find the schedule of least cost and certify it.

    Example: optexec solve cost.toml -o schedule.csv --plot schedule.png

    Example: optexec solve cost.toml --objective B --set objective.rho=1e-5

    Example: optexec solve cost.toml --method twap --json > twap.json
    """
    import optexec as ox
    from optexec.runners.output import check_writable, write_table
    from optexec.runners.progress import working
    from optexec.runners.spec import load_spec

    check_writable(output)
    check_writable(plot, PLOTS)
    options = solver_settings(method=method, gap=gap, time_limit=time_limit)
    declared = load_spec(spec, [*(settings or ()), *options])
    problem = declared.problem(objective)
    with working("solving") as tell:
        tell(declared.method)
        schedule = ox.solve(problem, declared.method, **declared.stopping)
    write_table(schedule.frame, output)
    if plot is not None:
        _draw(schedule, plot)
    if as_json:
        print(schedule.to_json())
    else:
        _print(schedule)


def _draw(schedule: "ox.Schedule", path: Path) -> None:
    from optexec.analysis.comparison import baselines
    from optexec.runners.output import write_figure

    shown = {name: other for name, other in baselines(schedule.problem).items() if name in ("twap", "vwap")}
    write_figure(schedule.plot(shown), path)


def _print(schedule: "ox.Schedule") -> None:
    from optexec.analysis.comparison import baselines, savings
    from optexec.runners.output import basis_points, columns, console, dollars, facts, percent

    others = {name: other for name, other in baselines(schedule.problem).items() if name != schedule.method}
    priced = {schedule.method: schedule, **others}
    rows = [
        [
            str(name),
            dollars(row.cost),
            basis_points(priced[str(name)].bps, "no price"),
            dollars(row.saving),
            percent(row.excess),
        ]
        for name, row in savings(schedule, others).iterrows()
    ]
    saving, excess = f"saving by {schedule.method} ($)", f"excess over {schedule.method} (%)"
    out = console()
    out.print(facts(_summary(schedule)))
    out.print()
    out.print(columns(["schedule", "cost ($)", "cost (bps)", saving, excess], rows))


def _summary(schedule: "ox.Schedule") -> dict[str, str]:
    from optexec.runners.output import money, percentage

    problem, order = schedule.problem, schedule.problem.order
    at = "" if order.price is None else f" at ${order.price:,.10g}"
    lots = "" if order.lot is None else f" in lots of {order.lot:,.10g}"
    bps = "" if schedule.bps is None else f" = {schedule.bps:.4g} bps of ${order.notional:,.0f}"
    return {
        "order": f"{order.side} {order.shares:,.10g} shares{at}{lots} over {problem.buckets:,} buckets",
        **({} if order.must_complete else {"unfilled": f"{schedule.unfilled:,.10g} shares"}),
        "method": f"{schedule.method}, {schedule.seconds:.2g} s",
        "status": schedule.status,
        "objective": f"{money(schedule.objective)}{bps}",
        **{f"  {name}": money(cost) for name, cost in schedule.breakdown.items()},
        "lower bound": money(schedule.lower_bound),
        "gap": percentage(schedule.gap),
    }


if __name__ == "__main__":
    run_alone(solve_order)
