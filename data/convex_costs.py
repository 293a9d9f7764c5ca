"""Convex total costs from slippage per share at a grid of sizes: what every solver takes."""

import numpy as np

from optexec.data.convex_regression import convex_slopes, convex_values
from optexec.models.errors import unknown_name
from optexec.models.tabulated import Tabulated
from optexec.models.validation import Array

CONVEX = ("values", "slopes")


def convex_costs(sizes: Array, slippage: Array, convex: str = "values") -> Tabulated:
    """Convex and nondecreasing total costs near x g(x), from 0 at 0 shares: one curve a row.

    Slippage per share that never falls does not make a convex cost. What a convex solver needs is a convex total
    cost c(x) = x g(x), so it is c that is fitted: by `convex_values`, which moves the slippage per share as little as
    possible (weights 1/x^2), or by `convex_slopes`, which takes the greatest convex curve below c. Beyond the largest
    size a curve keeps its last slope: cap the buckets there.

    Args:
        sizes: increasing shares, > 0, (K,).
        slippage: g at the sizes, dollars a share, (R, K).
        convex: "values" or "slopes".

    Raises:
        InvalidInput: for another `convex`, sizes that do not increase, slippage that is not finite.

    >>> convex_costs(np.array([100.0, 200.0, 300.0]), np.array([[0.01, 0.01, 0.02]])).cost_at.round(6).tolist()
    [[0.0, 1.0, 2.0, 6.0]]
    """
    if convex not in CONVEX:
        raise unknown_name("way to a convex curve", convex, CONVEX)
    grid = np.append(0.0, sizes)
    cost = np.hstack([np.zeros((len(slippage), 1)), slippage * sizes])
    if convex == "slopes":
        return Tabulated(grid, convex_slopes(grid, cost, start=0.0, least_slope=0.0))
    weights = 1 / np.append(sizes[0], sizes) ** 2
    return Tabulated(grid, convex_values(grid, cost, weights, start=0.0, least_slope=0.0))


def continued(sizes: Array, slippage: Array) -> Array:
    """Carry rows of slippage on where they end in NaN: the total cost keeps its last slope, (R, K).

    That slope is the one between the last two sizes known, or from 0; a row without any stays NaN.

    >>> continued(np.array([1.0, 2.0, 4.0]), np.array([[1.0, 2.0, np.nan]])).tolist()
    [[1.0, 2.0, 2.5]]
    """
    grid = np.append(0.0, sizes)
    cost = np.hstack([np.zeros((len(slippage), 1)), slippage * sizes])
    last = np.maximum(np.isfinite(cost).sum(axis=1, keepdims=True) - 1, 1)
    ends, before = (np.take_along_axis(cost, at, axis=1) for at in (last, last - 1))
    slope = (ends - before) / (grid[last] - grid[last - 1])
    return np.where(np.isfinite(slippage), slippage, (ends + slope * (sizes - grid[last])) / sizes)
