"""What every command shares: its options, and how its errors leave the program."""

from collections.abc import Callable
from functools import wraps
from pathlib import Path
from typing import Annotated, ParamSpec

import typer

from optexec.models.errors import InfeasibleOrder, OptexecError, SolverFailure

BAD_INPUT, INFEASIBLE, SOLVER_FAILED, SOME_FAILED, INTERRUPTED = 2, 3, 4, 5, 130
"""Exit codes beside 0, done."""

Parameters = ParamSpec("Parameters")

SpecFile = Annotated[Path, typer.Argument(metavar="SPEC", help="TOML file that declares the problem.")]
Objective = Annotated[
    str | None, typer.Option("--objective", metavar="A|B|C", help="Objective, in place of the one that SPEC names.")
]
Settings = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="KEY=VALUE", help="Replace a key of SPEC, such as objective.psi=1e-6; repeatable."),
]
Gap = Annotated[float | None, typer.Option("--gap", help="Relative gap at which a global search stops.")]
TimeLimit = Annotated[float | None, typer.Option("--time-limit", help="Seconds for each solve.")]
Json = Annotated[bool, typer.Option("--json", help="Print one JSON object and nothing else.")]
Output = Annotated[
    Path | None, typer.Option("--output", "-o", metavar="FILE", help="Write the table to a .csv or .parquet file.")
]


def solver_settings(**given: object) -> list[str]:
    """Options of the command line as settings of `[solve]`, those that were given.

    >>> solver_settings(method="milp", gap=None)
    ['solve.method=milp']
    """
    return [f"solve.{name}={value}" for name, value in given.items() if value is not None]


def guarded(command: Callable[Parameters, None]) -> Callable[Parameters, None]:
    """The command with its errors told in one line on stderr and an exit code: 2, 3, 4, or 130 if interrupted."""

    @wraps(command)
    def run(*args: Parameters.args, **kwargs: Parameters.kwargs) -> None:
        try:
            command(*args, **kwargs)
        except BrokenPipeError:
            raise
        except OptexecError as error:
            _leave(str(error), _code(error))
        except OSError as error:
            _leave(f"{error.filename or 'output'}: cannot be written ({error.strerror or error})", BAD_INPUT)
        except KeyboardInterrupt:
            _leave("interrupted", INTERRUPTED)

    return run


def _code(error: OptexecError) -> int:
    if isinstance(error, InfeasibleOrder):
        return INFEASIBLE
    return SOLVER_FAILED if isinstance(error, SolverFailure) else BAD_INPUT


def _leave(message: str, code: int) -> None:
    typer.echo(" ".join(f"optexec: {message}".split()), err=True)
    raise typer.Exit(code)


def application(help: str | None = None) -> typer.Typer:
    """An empty application in the house's manner: plain help, no tracebacks dressed up."""
    return typer.Typer(help=help, add_completion=False, no_args_is_help=True, pretty_exceptions_enable=False)


def run_alone(command: Callable[..., None]) -> None:
    """Run one command as a program of its own."""
    app = application()
    app.command(no_args_is_help=True)(command)
    app()
