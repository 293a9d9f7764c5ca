"""The program `optexec`: one command a module."""

from collections.abc import Callable
from typing import Annotated

import typer

import optexec
from optexec.runners.batch import solve_batch
from optexec.runners.calibrate import calibrate_books
from optexec.runners.command_line import add_command, application
from optexec.runners.compare import compare_objectives
from optexec.runners.frontier import trace_frontier
from optexec.runners.replan import replan_order
from optexec.runners.replay import replay_log
from optexec.runners.report import report_schedule
from optexec.runners.simulate import simulate_order
from optexec.runners.solve import solve_order
from optexec.runners.verify import verify_methods

COMMANDS: dict[str, Callable[..., None]] = {
    "solve": solve_order,
    "compare": compare_objectives,
    "verify": verify_methods,
    "calibrate": calibrate_books,
    "replan": replan_order,
    "replay": replay_log,
    "frontier": trace_frontier,
    "simulate": simulate_order,
    "batch": solve_batch,
    "report": report_schedule,
}


def print_version(wanted: bool) -> None:
    """Print the version and leave, if it is wanted."""
    if wanted:
        typer.echo(f"optexec {optexec.__version__}")
        raise typer.Exit


Version = Annotated[
    bool, typer.Option("--version", help="Print the version and leave.", is_eager=True, callback=print_version)
]

main = application(completed=True)
for name, command in COMMANDS.items():
    add_command(main, command, name)


@main.callback()
def program(version: Version = False) -> None:
    """Split a parent order over the trading day at the least cost, with a certificate."""


if __name__ == "__main__":
    main()
