"""Turn what a user wrote into clean numbers and arrays, or say precisely what is wrong with it."""

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from optexec.models.errors import InvalidInput

Array = NDArray[np.float64]
Parameter = float | Array
"""A scalar shared by all buckets, or one value a bucket."""


def _floats(name: str, value: Any) -> Array:
    if isinstance(value, (bool, np.bool_)):
        raise InvalidInput(f"{name} must be a number, got {value!r}")
    try:
        return np.array(value, dtype=np.float64)
    except (TypeError, ValueError, OverflowError):
        raise InvalidInput(f"{name} must be a number or an array of numbers, got {value!r:.80}") from None


def _reject(name: str, values: Array, bad: NDArray[np.bool_], must: str) -> None:
    """Raise for the first bad entry, naming its position in the array."""
    if bad.any():
        first = tuple(int(k) for k in np.argwhere(bad)[0])
        where = "".join(f"[{k}]" for k in first)
        raise InvalidInput(f"{name}{where} must be {must}, got {float(values[first])!r}")


def finite(name: str, value: Any, ndim: int = 1) -> Parameter:
    """A finite float or a read-only array of at most `ndim` dimensions.

    >>> finite("slope", 2)
    2.0
    >>> finite("slope", [1, float("nan")])
    Traceback (most recent call last):
    ...
    optexec.models.errors.InvalidInput: slope[1] must be finite, got nan
    """
    values = _floats(name, value)
    if values.ndim > ndim or (values.ndim and values.size == 0):
        raise InvalidInput(
            f"{name} must be a number or an array of at most {ndim} dimension(s), none of them empty, "
            f"got shape {values.shape}"
        )
    _reject(name, values, ~np.isfinite(values), "finite")
    if values.ndim == 0:
        return float(values)
    values.flags.writeable = False
    return values


def nonnegative(name: str, value: Any) -> Parameter:
    """As `finite`, and nowhere negative.

    >>> nonnegative("rho", -1)
    Traceback (most recent call last):
    ...
    optexec.models.errors.InvalidInput: rho must be >= 0, got -1.0
    """
    values = np.asarray(finite(name, value))
    _reject(name, values, values < 0, ">= 0")
    return values if values.ndim else float(values)


def positive(name: str, value: Any) -> Parameter:
    """As `finite`, and everywhere above zero.

    >>> positive("b", [0.5, 0.0])
    Traceback (most recent call last):
    ...
    optexec.models.errors.InvalidInput: b[1] must be > 0, got 0.0
    """
    values = np.asarray(finite(name, value))
    _reject(name, values, values <= 0, "> 0")
    return values if values.ndim else float(values)


def scalar(rule: Callable[[str, Any], Parameter], name: str, value: Any) -> float:
    """A single number that a rule, one of the functions above, accepts.

    Raises:
        InvalidInput: an array, or what the rule refuses.

    >>> scalar(nonnegative, "epsilon", 0)
    0.0
    >>> scalar(nonnegative, "epsilon", [0.1, 0.2])
    Traceback (most recent call last):
    ...
    optexec.models.errors.InvalidInput: epsilon must be a single number, got 2 of them
    """
    number = rule(name, value)
    if isinstance(number, np.ndarray):
        raise InvalidInput(f"{name} must be a single number, got {number.size} of them")
    return number


def positive_number(name: str, value: Any) -> float:
    """A single positive finite number.

    >>> positive_number("order.shares", float("inf"))
    Traceback (most recent call last):
    ...
    optexec.models.errors.InvalidInput: order.shares must be finite, got inf
    """
    return scalar(positive, name, value)


def common_length(lengths: dict[str, int]) -> int | None:
    """The one length that named arrays share; None if there are none.

    >>> common_length({"impact": 3, "limits": 4})
    Traceback (most recent call last):
    ...
    optexec.models.errors.InvalidInput: arrays of different lengths: impact has 3, limits has 4
    """
    if len(set(lengths.values())) > 1:
        told = ", ".join(f"{name} has {n}" for name, n in lengths.items())
        raise InvalidInput(f"arrays of different lengths: {told}")
    return next(iter(lengths.values()), None)
