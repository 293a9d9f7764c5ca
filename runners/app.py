"""The program `optexec`: one command a module."""

from collections.abc import Callable

from optexec.runners.batch import solve_batch
from optexec.runners.calibrate import calibrate_books
from optexec.runners.command_line import application
from optexec.runners.compare import compare_objectives
from optexec.runners.frontier import trace_frontier
from optexec.runners.simulate import simulate_order
from optexec.runners.solve import solve_order
from optexec.runners.verify import verify_methods

COMMANDS: dict[str, Callable[..., None]] = {
    "solve": solve_order,
    "compare": compare_objectives,
    "verify": verify_methods,
    "calibrate": calibrate_books,
    "frontier": trace_frontier,
    "simulate": simulate_order,
    "batch": solve_batch,
}

main = application(help="Split a parent order over the trading day at the least cost, with a certificate.")
for name, command in COMMANDS.items():
    main.command(name, no_args_is_help=True)(command)


if __name__ == "__main__":
    main()
