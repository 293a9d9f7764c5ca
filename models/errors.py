"""The exceptions of optexec; every one of them says what is wrong, where, and what would mend it."""

from collections.abc import Iterable
from difflib import get_close_matches


class OptexecError(Exception):
    """Base of every error that optexec raises on purpose.

    >>> issubclass(InvalidInput, OptexecError)
    True
    """


class InvalidInput(OptexecError, ValueError):
    """The declaration or a file is wrong: a value, a shape, a name, a cell.

    >>> raise InvalidInput("shares must be positive, got -5")
    Traceback (most recent call last):
    ...
    optexec.models.errors.InvalidInput: shares must be positive, got -5
    """


class InfeasibleOrder(OptexecError, ValueError):
    """The declaration is sound, but its limits cannot hold the order.

    >>> raise InfeasibleOrder("limits allow 83,200 of 100,000 shares; raise participation to 0.121")
    Traceback (most recent call last):
    ...
    optexec.models.errors.InfeasibleOrder: limits allow 83,200 of 100,000 shares; raise participation to 0.121
    """


class SolverFailure(OptexecError, RuntimeError):
    """A solver returned no usable schedule, or is not installed.

    >>> issubclass(SolverFailure, RuntimeError)
    True
    """


def unknown_name(what: str, name: object, known: Iterable[str]) -> InvalidInput:
    """An `InvalidInput` for a name that does not exist, with the nearest one that does.

    >>> str(unknown_name("method", "waterfil", ["waterfill", "milp"]))
    "unknown method 'waterfil'; did you mean 'waterfill'? known: waterfill, milp"
    """
    names = list(known)
    near = get_close_matches(str(name), names, n=1)
    hint = f"; did you mean {near[0]!r}?" if near else ";"
    return InvalidInput(f"unknown {what} {str(name)!r}{hint} known: {', '.join(names)}")
