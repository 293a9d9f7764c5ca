"""Least squares of y = a x^b, one curve a group, all groups at once."""

import numpy as np
from numpy.typing import NDArray

from optexec.data.separable_fit import EXPONENTS, POWER, Array, SeparableFit, fit_shape

__all__ = ["EXPONENTS", "fit_power"]


def fit_power(x: Array, y: Array, group: NDArray[np.int64], groups: int) -> SeparableFit:
    """Fit y = a x^b with a >= 0 and b within `EXPONENTS`, by least squares in each group; see `fit_shape`.

    A group whose y are all zero has no exponent: exclude it.

    >>> x = np.linspace(0.1, 1.0, 10)[None, :]
    >>> fit = fit_power(x, 0.02 * x**0.6, np.array([0]), 1)
    >>> round(float(fit.a[0]), 6), round(float(fit.b[0]), 6), bool(fit.error[0] < 1e-6)
    (0.02, 0.6, True)
    """
    return fit_shape(x, y, group, groups, POWER)
