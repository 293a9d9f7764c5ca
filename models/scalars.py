"""Parameters that are one number, never an array."""

from collections.abc import Callable
from typing import Any

import numpy as np

from optexec.models.errors import InvalidInput
from optexec.models.validation import Parameter


def scalar(rule: Callable[[str, Any], Parameter], name: str, value: Any) -> float:
    """A single number that a rule of `validation` accepts.

    Raises:
        InvalidInput: an array, or what the rule refuses.

    >>> from optexec.models.validation import nonnegative
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
