"""Exponential and logarithm that compiled loops can work out for several numbers at once.

The library's own are calls, and a loop with a call in it goes one number at a time. These two are straight arithmetic:
a processor's vector instructions take four or eight numbers through it together.
"""

from typing import Any

import numba
import numpy as np
from llvmlite import ir
from numba import types
from numba.extending import intrinsic

LEAST, MOST = -708.0, 709.0
"""Exponents beyond which `exp` stays where it is."""
LOG2_E = 1.4426950408889634
LN2_HIGH, LN2_LOW = 0.6931471803691238, 1.9082149292705877e-10
"""log 2 in two parts, the first with zeros enough that a multiple of it is exact."""
ROUNDER = 1.5 * 2.0**52
"""Added to a number, leaves it rounded to a whole one in the last bits."""
FRACTION_BITS, BIAS = np.uint64(52), np.uint64(1023)
ROUNDER_BITS = np.uint64(0x4338000000000000)
ROOT_HALF = np.uint64(0x3FE6A09E667F3BCD)
"""Bits of the square root of a half, where the logarithm's mantissas begin."""
TO_ONE = np.uint64(0x3FF0000000000000 - 0x3FE6A09E667F3BCD)
FRACTION = np.uint64(0x000FFFFFFFFFFFFF)


@intrinsic
def _bits(typing_context: Any, x: Any) -> Any:
    """The bits of a number, as an integer."""
    return types.uint64(types.float64), lambda _, builder, __, args: builder.bitcast(args[0], ir.IntType(64))


@intrinsic
def _number(typing_context: Any, bits: Any) -> Any:
    """The number of these bits."""
    return types.float64(types.uint64), lambda _, builder, __, args: builder.bitcast(args[0], ir.DoubleType())


@numba.njit(cache=True, error_model="numpy", fastmath={"contract"})
def exp(t: float) -> float:
    """e^t to 1e-15 of itself for t in [LEAST, MOST], and the ends' values beyond.

    t = k log 2 + r with |r| <= log(2)/2, and e^r by its Taylor series up to r^13.

    >>> round(exp(1.0), 14), exp(-1e9) == exp(LEAST)
    (2.71828182845905, True)
    """
    t = min(max(t, LEAST), MOST)
    shifted = t * LOG2_E + ROUNDER
    k = shifted - ROUNDER
    r = (t - k * LN2_HIGH) - k * LN2_LOW
    s = r * r
    q = s * s
    low = (1.0 / 6 + r * (1.0 / 24)) + s * (1.0 / 120 + r * (1.0 / 720))
    middle = (1.0 / 5040 + r * (1.0 / 40320)) + s * (1.0 / 362880 + r * (1.0 / 3628800))
    high = (1.0 / 39916800 + r * (1.0 / 479001600)) + s * (1.0 / 6227020800)
    rest = r + s * (0.5 + r * (low + q * (middle + q * high)))
    power = _number((_bits(shifted) + BIAS) << FRACTION_BITS)
    return power + power * rest


@numba.njit(cache=True, error_model="numpy", fastmath={"contract"})
def log(x: float) -> float:
    """log x to 1e-15 of itself for positive x that are neither denormal nor infinite; any number for others.

    x = 2^k (1 + f) with 1 + f between the roots of 1/2 and 2, and log(1 + f) = 2 artanh s, s = f / (2 + f), by its
    series up to s^21; 2 s is f - s f.

    >>> log(1.0), log(np.e)
    (0.0, 1.0)
    """
    bits = _bits(x) + TO_ONE
    k = _number((bits >> FRACTION_BITS) + ROUNDER_BITS) - (ROUNDER + 1023.0)
    f = _number((bits & FRACTION) + ROOT_HALF) - 1.0
    s = f / (2.0 + f)
    z = s * s
    w = z * z
    low = (2.0 / 3 + z * (2.0 / 5)) + w * (2.0 / 7 + z * (2.0 / 9))
    high = (2.0 / 11 + z * (2.0 / 13)) + w * (2.0 / 15 + z * (2.0 / 17))
    highest = 2.0 / 19 + z * (2.0 / 21)
    series = z * (low + (w * w) * (high + (w * w) * highest))
    return k * LN2_HIGH + (f - (s * (f - series) - k * LN2_LOW))
