"""Least squares of y = h + a f(x; b), one curve a group, all groups at once."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

EXPONENTS = (0.05, 3.0)
RATES = (1e-3, 100.0)

_ROUNDS = 13
_CANDIDATES = 9
_AT_BOUND = 1e-6
_STATIONARY = 1e-5


@dataclass(frozen=True)
class Shape:
    """A shape f(x; b) >= 0 of a curve, the same formula in any unit of x.

    Args:
        value: f(x, b) for broadcastable arrays.
        slope: its derivative with respect to b.
        rescale: (a, b) of the curve a f(x; b) in single x, from those in units of `unit` x and `unit`.
        bounds: the least and the most b considered, for x of the order of 1; None for a shape without b, which is
            given b = 1.
        straight_below: b under which f is a straight line on x up to 1 for all practical purposes; 0 if never.

    >>> POWER.rescale(8.0, 0.5, 16.0)
    (2.0, 0.5)
    """

    value: Callable[[Array, Array], Array]
    slope: Callable[[Array, Array], Array]
    rescale: Callable[[Any, Any, Any], tuple[Any, Any]]
    bounds: tuple[float, float] | None = None
    straight_below: float = 0.0


LINEAR = Shape(lambda x, b: x + 0 * b, lambda x, b: 0 * (x + b), lambda a, b, unit: (a / unit, b))
POWER = Shape(lambda x, b: x**b, lambda x, b: x**b * np.log(x), lambda a, b, unit: (a / unit**b, b), EXPONENTS)
EXPONENTIAL = Shape(
    lambda x, b: -np.expm1(-b * x), lambda x, b: x * np.exp(-b * x), lambda a, b, unit: (a, b / unit), RATES, 0.05
)


class SeparableFit(NamedTuple):
    """Curves h + a f(x; b) of G groups: every field has shape (G,).

    Fields:
        a, b, h: the parameters; b = 1 for a shape without one, h = 0 for a fit without intercept.
        error: root mean square residual over root mean square of y.
        at_bound: whether b ended on a bound of its shape.
        converged: whether b did, or ended where the sum of squares no longer falls with it.

    >>> SeparableFit._fields
    ('a', 'b', 'h', 'error', 'at_bound', 'converged')
    """

    a: Array
    b: Array
    h: Array
    error: Array
    at_bound: NDArray[np.bool_]
    converged: NDArray[np.bool_]


def fit_shape(
    x: Array, y: Array, group: NDArray[np.int64], groups: int, shape: Shape, intercept: bool = False
) -> SeparableFit:
    """Fit y = h + a f(x; b) with a >= 0, h >= 0 and b within the shape's bounds, by least squares in each group.

    For a given b the best a and h are those of linear least squares, which leaves one unknown a group; a bracket
    around the best of a row of b is narrowed until b is known to about 1e-7 of itself. O(points) a narrowing.
    Scale x and y to the order of 1 beforehand.

    Args:
        x: positive abscissae, shape (P, K).
        y: ordinates >= 0, shape (P, K).
        group: the group of each row, 0..groups-1, shape (P,).
        groups: the number of groups; each needs a row.
        shape: f.
        intercept: whether h is fitted, else it is 0.

    Source:
        Golub and Pereyra (1973), variable projection.

    >>> x = np.linspace(0.1, 1.0, 10)[None, :]
    >>> fit = fit_shape(x, 0.5 + 2 * x**0.7, np.array([0]), 1, POWER, intercept=True)
    >>> round(float(fit.h[0]), 5), round(float(fit.a[0]), 5), round(float(fit.b[0]), 5)
    (0.5, 2.0, 0.7)
    """

    def total(values: Array) -> Array:
        return np.asarray(np.bincount(group, values.sum(axis=1), groups), dtype=np.float64)

    points, sum_y, sum_yy = total(np.ones_like(y)), total(y), total(y * y)

    def solve(b: Array) -> tuple[Array, Array, Array]:
        """Return the best a and h for each b, and how much of sum(y^2) the curve then explains."""
        f = shape.value(x, b[group, None])
        fy, ff = total(f * y), total(f * f)
        a = _ratio(fy, ff)
        h = np.zeros(groups)
        if intercept:
            a, h = _with_intercept(total(f), ff, sum_y, fy, points)
        return a, h, a * fy + h * sum_y

    b = np.ones(groups) if shape.bounds is None else _search(lambda b: solve(b)[2], shape.bounds, groups)
    a, h, _ = solve(b)
    residual = y - h[group, None] - a[group, None] * shape.value(x, b[group, None])
    at_bound = _at_bound(b, shape)
    slope = a[group, None] * b[group, None] * shape.slope(x, b[group, None])
    stationary = np.abs(total(slope * residual)) <= _STATIONARY * np.sqrt(total(slope**2) * sum_yy)
    return SeparableFit(a, b, h, np.sqrt(_ratio(total(residual**2), sum_yy)), at_bound, at_bound | stationary)


def _with_intercept(f: Array, ff: Array, y: Array, fy: Array, n: Array) -> tuple[Array, Array]:
    """Return a and h of y = h + a f by nonnegative least squares, from sums over the points."""
    determinant = n * ff - f * f
    a, h = _ratio(n * fy - f * y, determinant), _ratio(ff * y - f * fy, determinant)
    through_zero, level = h < 0, (a <= 0) | (determinant <= 0)
    a = np.where(level, 0.0, np.where(through_zero, _ratio(fy, ff), a))
    return a, np.where(level, y / n, np.where(through_zero, 0.0, h))


def _ratio(above: Array, below: Array) -> Array:
    return np.divide(above, below, out=np.zeros_like(above), where=below > 0)


def _search(explained: Callable[[Array], Array], bounds: tuple[float, float], groups: int) -> Array:
    """Return the b of each group that explains the most, by narrowing brackets in log b."""
    low, high = (np.full(groups, np.log(bound)) for bound in bounds)
    for _ in range(_ROUNDS):
        candidates = np.linspace(low, high, _CANDIDATES)
        best = np.argmax([explained(np.exp(b)) for b in candidates], axis=0)
        low = candidates[np.maximum(best - 1, 0), np.arange(groups)]
        high = candidates[np.minimum(best + 1, _CANDIDATES - 1), np.arange(groups)]
    return np.asarray(np.exp((low + high) / 2))


def _at_bound(b: Array, shape: Shape) -> NDArray[np.bool_]:
    if shape.bounds is None:
        return np.zeros(len(b), dtype=bool)
    low, high = shape.bounds
    return (b <= low * (1 + _AT_BOUND)) | (b >= high * (1 - _AT_BOUND))
