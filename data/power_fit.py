"""Least squares of y = a x^b, one curve a group, all groups at once."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

EXPONENTS = (0.05, 3.0)

_ROUNDS = 14
_CANDIDATES = 15
_AT_BOUND = 1e-6


class PowerFit(NamedTuple):
    """Curves a x^b of G groups: every field has shape (G,).

    `error` is the root mean square residual over the root mean square of y; `at_bound` says that the
    exponent ended on one of `EXPONENTS`.

    >>> PowerFit._fields
    ('a', 'b', 'error', 'at_bound')
    """

    a: NDArray[np.float64]
    b: NDArray[np.float64]
    error: NDArray[np.float64]
    at_bound: NDArray[np.bool_]


def fit_power(x: NDArray[np.float64], y: NDArray[np.float64], group: NDArray[np.int64], groups: int) -> PowerFit:
    """Fit y = a x^b with a >= 0 and b within `EXPONENTS`, by least squares in each group.

    For a given b the best a is sum(y x^b) / sum(x^2b), which leaves one unknown a group; a bracket around
    the best of a row of exponents is narrowed until b is known to about 1e-9. O(points) a narrowing.
    Scale x and y to the order of 1 beforehand. A group whose y are all zero has no exponent: exclude it.

    Args:
        x: positive abscissae, shape (P, K).
        y: ordinates >= 0, shape (P, K).
        group: the group of each row, 0..groups-1, shape (P,).
        groups: the number of groups; each needs a row.

    Source:
        Golub and Pereyra (1973), variable projection.

    >>> x = np.linspace(0.1, 1.0, 10)[None, :]
    >>> fit = fit_power(x, 0.02 * x**0.6, np.array([0]), 1)
    >>> round(float(fit.a[0]), 6), round(float(fit.b[0]), 6), bool(fit.error[0] < 1e-6)
    (0.02, 0.6, True)
    """
    log_x = np.log(x)

    def total(values: NDArray[np.float64]) -> NDArray[np.float64]:
        return np.asarray(np.bincount(group, values.sum(axis=1), groups), dtype=np.float64)

    def scale(b: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Return the best a for each exponent, and how much of sum(y^2) the curve then explains."""
        power = np.exp(b[group, None] * log_x)
        a = total(power * y) / total(power * power)
        return a, a * total(power * y)

    low, high = (np.full(groups, bound) for bound in EXPONENTS)
    for _ in range(_ROUNDS):
        candidates = np.linspace(low, high, _CANDIDATES)
        best = np.argmax([scale(b)[1] for b in candidates], axis=0)
        low = candidates[np.maximum(best - 1, 0), np.arange(groups)]
        high = candidates[np.minimum(best + 1, _CANDIDATES - 1), np.arange(groups)]
    b = (low + high) / 2
    a = scale(b)[0]
    residual = y - a[group, None] * np.exp(b[group, None] * log_x)
    at_bound = (b - EXPONENTS[0] < _AT_BOUND) | (EXPONENTS[1] - b < _AT_BOUND)
    return PowerFit(a, b, np.sqrt(total(residual**2) / total(y**2)), at_bound)
