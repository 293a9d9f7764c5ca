"""Nondecreasing least squares: slippage per share that never falls with size."""

from typing import Any

import numpy as np

from optexec.models.errors import InvalidInput
from optexec.models.validation import Array, finite, positive


def monotone(values: Any, weights: Any = 1.0) -> Array:
    """The nondecreasing values nearest to `values`, row by row, by pooling adjacent violators.

    Each row v solves

        minimise  sum_k w_k (v_k - y_k)^2   subject to   v_1 <= v_2 <= ... <= v_K,

    which has one solution: y averaged over blocks of neighbours. It depends on the order of the points, not on
    the distances between them. A nondecreasing curve need not be convex: for that see `convex_regression`.
    O(K) a row; rows that do not fall anywhere are returned as they are.

    Args:
        values: y, slippage per share at increasing sizes, (K,) or (R, K).
        weights: w > 0, a number or one weight a point, (K,), shared by all rows.

    Returns:
        v, of the shape of `values`.

    Raises:
        InvalidInput: values that are not finite or have no dimension, weights that are not positive or of another
            length.

    Source:
        Barlow, Bartholomew, Bremner and Brunk (1972), Statistical Inference under Order Restrictions, section 1.2;
        scikit-learn's `isotonic_regression`.

    >>> monotone([1.0, 3.0, 2.0, 4.0]).tolist()
    [1.0, 2.5, 2.5, 4.0]
    >>> monotone([1.0, 3.0, 2.0, 4.0], weights=[1.0, 3.0, 1.0, 1.0]).tolist()
    [1.0, 2.75, 2.75, 4.0]
    """
    fitted = np.array(finite("values", values, ndim=2))
    if not fitted.ndim:
        raise InvalidInput("values must be an array, one value a size, got a number")
    weight = spread_out("weights", positive("weights", weights), fitted.shape[-1])
    rows = fitted.reshape(-1, fitted.shape[-1])
    for row in np.flatnonzero((np.diff(rows) < 0).any(axis=1)):
        rows[row] = pooled(rows[row], weight)
    return fitted


def pooled(values: Array, weights: Array) -> Array:
    """Pool adjacent violators of one row, shape (K,), of finite values and positive weights; see `monotone`.

    >>> pooled(np.array([2.0, 0.0]), np.array([3.0, 1.0])).tolist()
    [1.5, 1.5]
    """
    from sklearn.isotonic import isotonic_regression

    return np.asarray(isotonic_regression(values, sample_weight=weights), dtype=float)


def spread_out(name: str, parameter: Any, count: int) -> Array:
    """A number or an array of `count` numbers as an array; `InvalidInput` for another shape.

    >>> spread_out("weights", 2.0, 3).tolist()
    [2.0, 2.0, 2.0]
    """
    if np.shape(parameter) not in {(), (count,)}:
        raise InvalidInput(f"{name} must be a number or {count} of them, got shape {np.shape(parameter)}")
    return np.broadcast_to(np.asarray(parameter, dtype=float), (count,))
