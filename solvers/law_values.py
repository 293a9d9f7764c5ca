"""Marginal costs that are a power and a straight line, with their derivatives, compiled: one power for both."""

import numba

from optexec.models.validation import Array


@numba.njit(cache=True, error_model="numpy")
def law_values(
    first: Array, scale: Array, exponent: Array, rate: Array, x: Array, marginal: Array, slope: Array
) -> None:
    """Write the marginal costs first + scale x^exponent + rate x and their derivatives; all arrays (N, M).

    Args:
        first, scale, exponent, rate: see `models.marginal_law`.
        x: shares, > 0 where the derivative of the power is not bounded.
        marginal, slope: dollars a share, and dollars a share squared; written.
    """
    for i in range(x.shape[0]):
        for m in range(x.shape[1]):
            power = scale[i, m] * x[i, m] ** exponent[i, m] if scale[i, m] > 0.0 else 0.0
            marginal[i, m] = first[i, m] + power + rate[i, m] * x[i, m]
            steep = exponent[i, m] * power / x[i, m] if x[i, m] > 0.0 else 0.0
            slope[i, m] = steep + rate[i, m]
