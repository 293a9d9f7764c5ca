"""What every command shares: its options, and how its errors leave the program."""

import sys
from collections.abc import Callable
from functools import wraps
from pathlib import Path
from typing import Annotated, Any, ParamSpec

import typer
from typer.core import TyperCommand, TyperGroup

from optexec.models.errors import InfeasibleOrder, OptexecError, SolverFailure

BAD_INPUT, INFEASIBLE, SOLVER_FAILED, INTERRUPTED = 2, 3, 4, 130
SOME_FAILED = DIFFERENT = 5
"""Exit codes beside 0, done."""
WRONG_USAGE: Any = typer.BadParameter.__mro__[1]
"""Typer's error for an option, an argument or a command that there is not, which it does not export."""

Parameters = ParamSpec("Parameters")

SpecFile = Annotated[Path, typer.Argument(metavar="SPEC", help="TOML file that declares the problem.")]
Objective = Annotated[
    str | None,
    typer.Option(
        "--objective",
        metavar="A|B|C",
        help="Objective, in place of the one that SPEC names.",
        autocompletion=lambda: ["A", "B", "C"],
    ),
]
Settings = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="KEY=VALUE", help="Replace a key of SPEC, such as objective.psi=1e-6; repeatable."),
]
Gap = Annotated[float | None, typer.Option("--gap", help="Relative gap at which a global search stops.")]
TimeLimit = Annotated[float | None, typer.Option("--time-limit", help="Seconds for each solve.")]
Method = Annotated[
    str | None,
    typer.Option(
        "--method", help="Method, in place of the one that SPEC names.", autocompletion=lambda: method_names()
    ),
]
Json = Annotated[bool, typer.Option("--json", help="Print one JSON object and nothing else.")]
Output = Annotated[
    Path | None, typer.Option("--output", "-o", metavar="FILE", help="Write the table to a .csv or .parquet file.")
]
Plot = Annotated[
    Path | None, typer.Option("--plot", metavar="FILE", help="Draw the result to a .png, .svg or .pdf file.")
]
PLOTS = (".png", ".svg", ".pdf")
"""Suffixes of pictures."""


def method_names() -> list[str]:
    """What `--method` may be, for a shell that completes it.

    >>> method_names()[:2]
    ['auto', 'closed_form']
    """
    from optexec.solvers.dispatch import METHODS

    return ["auto", *METHODS]


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
            leave(str(error), _code(error))
        except OSError as error:
            leave(f"{error.filename or 'output'}: cannot be read or written ({error.strerror or error})", BAD_INPUT)
        except MemoryError as error:
            leave(f"not enough memory ({error}); ask for fewer buckets, points or days", SOLVER_FAILED)
        except KeyboardInterrupt:
            leave("interrupted", INTERRUPTED)

    return run


def _code(error: OptexecError) -> int:
    if isinstance(error, InfeasibleOrder):
        return INFEASIBLE
    return SOLVER_FAILED if isinstance(error, SolverFailure) else BAD_INPUT


def leave(message: str, code: int) -> None:
    """End the program with one line on stderr and an exit code."""
    typer.echo(" ".join(f"optexec: {message}".split()), err=True)
    raise typer.Exit(code)


class _OneLine:
    """Tells wrong usage in one line, as every other error is told."""

    def main(self, *args: Any, standalone_mode: bool = True, **extra: Any) -> Any:
        run: Any = super()
        if not standalone_mode:
            return run.main(*args, standalone_mode=False, **extra)
        try:
            sys.exit(run.main(*args, standalone_mode=False, **extra) or 0)
        except WRONG_USAGE as error:
            if type(error).__name__ == "NoArgsIsHelpError":
                error.show()
            else:
                typer.echo(_one_line(error), err=True)
            sys.exit(BAD_INPUT)


class _Group(_OneLine, TyperGroup):
    pass


class _Command(_OneLine, TyperCommand):
    pass


def _one_line(error: Any) -> str:
    """What is wrong, and where it is said what is right."""
    told = error.format_message().rstrip(".")
    program = error.ctx.command_path if error.ctx is not None else "optexec"
    return " ".join(f"optexec: {told[:1].lower()}{told[1:]} (see {program} --help)".split())


def application(completed: bool = False) -> typer.Typer:
    """An empty application in the house's manner: errors in one line, no tracebacks dressed up.

    Args:
        completed: whether it offers to complete its commands and options in the shell.
    """
    return typer.Typer(cls=_Group, add_completion=completed, no_args_is_help=True, pretty_exceptions_enable=False)


def add_command(app: typer.Typer, command: Callable[..., None], name: str | None = None) -> None:
    """Make a function a command of an application; its docstring is the help."""
    app.command(name, cls=_Command, no_args_is_help=True)(command)


def run_alone(command: Callable[..., None]) -> None:
    """Run one command as a program of its own."""
    app = application()
    add_command(app, command)
    app()
