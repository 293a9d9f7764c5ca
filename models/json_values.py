"""Numbers and arrays as JSON has them."""

import math
from collections.abc import Mapping
from typing import Any


def known(number: float) -> float | None:
    """A number that can be told; None for one that is infinite or NaN.

    >>> known(0.5), known(float("-inf"))
    (0.5, None)
    """
    return float(number) if math.isfinite(number) else None


def json_value(value: Any) -> Any:
    """A value with lists for arrays and tuples, and None for numbers that are not `known`, however deep.

    >>> import numpy as np
    >>> json_value({"x": np.array([1.0, np.nan]), "gap": float("inf"), "method": "dp"})
    {'x': [1.0, None], 'gap': None, 'method': 'dp'}
    """
    if isinstance(value, Mapping):
        return {key: json_value(member) for key, member in value.items()}
    if hasattr(value, "tolist"):
        return json_value(value.tolist())
    if isinstance(value, list | tuple):
        return [json_value(member) for member in value]
    return known(value) if isinstance(value, float) else value
