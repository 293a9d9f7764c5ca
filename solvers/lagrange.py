"""The point of equal marginal costs on concave curves: stationary, often taken for the optimum, and the dearest."""

import numpy as np

from optexec.models.impact_cost import ImpactCost
from optexec.models.problem import Problem
from optexec.models.validation import Array

HALVINGS = 120
PRICES = 129
"""Prices among which the sum of the shares is searched for crossings of the order."""
FRACTIONS = np.geomspace(1e-12, 1.0, 64)
"""Slices, as fractions of the order, whose marginal costs these prices are drawn from."""
LEVEL = 1e-6
"""Relative difference at or below which marginal costs are equal."""


def obstacle(problem: Problem) -> str:
    """Why there is no false Lagrange point to look for; empty if there may be one.

    >>> import optexec as ox
    >>> obstacle(ox.Problem(ox.Order(300), ox.Power(1.0, 2.0), ox.objective("A"), buckets=3))
    'fewer than two buckets have a concave stretch'
    """
    shape = problem.impact.curvature(np.full(problem.buckets, problem.shares))
    if any(not isinstance(term, ImpactCost) for term in problem.terms):
        return "the objective has terms beside the impact cost"
    if problem.semicontinuous:
        return "slices must be 0 or at least limits.smallest"
    if not problem.impact.smooth:
        return "a cost curve has kinks"
    if not shape.known.all() or shape.linear.any():
        return "a marginal cost neither rises nor falls strictly"
    return "" if np.count_nonzero(~shape.convex) > 1 else "fewer than two buckets have a concave stretch"


def stationary_point(problem: Problem) -> Array | None:
    """Shares with one marginal cost wherever they trade, at least two of them on concave stretches; None without.

    For a price lambda, x_i(lambda) is where the marginal cost of bucket i is lambda: on all of [0, S] if it rises or
    falls throughout, and on the concave stretch if it rises first. The price is where the sum crosses S. The limits
    are not looked at. Two buckets on concave stretches make it no minimum: moving shares between them, either way,
    costs less. If every curve is concave it is the maximum over all schedules.

    Args:
        problem: a declaration without `obstacle`.

    >>> import optexec as ox
    >>> concave = ox.Problem(ox.Order(300), ox.Power(a=[1.0, 2.0], b=0.5), ox.objective("A"))
    >>> x = stationary_point(concave)
    >>> x.round(6).tolist()  # in proportion to a^(1 / (1 - b)) = a^2
    [60.0, 240.0]
    >>> concave.objective(x) > max(concave.objective(np.array(y)) for y in ([300.0, 0.0], [150.0, 150.0], [0.0, 300.0]))
    True
    """
    prices = _prices(problem)
    surplus = _shares_at(problem, prices).sum(axis=-1) - problem.shares
    crossings = np.flatnonzero(np.sign(surplus[:-1]) * np.sign(surplus[1:]) <= 0)
    points = (_between(problem, prices[k], prices[k + 1]) for k in crossings)
    return next((x for x in points if _is_stationary(problem, x)), None)


def _prices(problem: Problem) -> Array:
    """Marginal costs that occur between nothing and the whole order, thinned out, rising."""
    slices = FRACTIONS[:, None] * np.full(problem.buckets, problem.shares)
    return np.unique(np.quantile(problem.impact.marginal(slices), np.linspace(0.0, 1.0, PRICES)))


def _shares_at(problem: Problem, price: Array) -> Array:
    """x_i(lambda) by bisection for prices (K,), (K, N); the nearest end where no shares have that marginal cost."""
    shape = problem.impact.curvature(np.full(problem.buckets, problem.shares))
    low = np.tile(np.nan_to_num(shape.inflection, nan=0.0), (len(price), 1))
    high = np.full(low.shape, problem.shares)
    for _ in range(HALVINGS):
        middle = (low + high) / 2
        above = problem.impact.marginal(middle) > price[:, None]
        left = np.where(shape.convex, above, ~above)
        low, high = np.where(left, low, middle), np.where(left, middle, high)
    return low


def _between(problem: Problem, left: float, right: float) -> Array:
    """The shares at the price between two where their sum crosses the order, brought onto it."""
    falls = _shares_at(problem, np.array([left])).sum() > problem.shares
    for _ in range(HALVINGS):
        middle = (left + right) / 2
        above = _shares_at(problem, np.array([middle])).sum() > problem.shares
        left, right = (middle, right) if above == falls else (left, middle)
    x = _shares_at(problem, np.array([left]))[0]
    return x * (problem.shares / x.sum())


def _is_stationary(problem: Problem, x: Array) -> bool:
    """Whether marginal costs are equal where it trades, and fall in at least two buckets."""
    trades = x > 0
    marginal = problem.impact.marginal(x)[trades]
    falls = problem.impact.marginal_slope(x)[trades] < 0
    return bool(np.ptp(marginal) <= LEVEL * np.abs(marginal).max() and np.count_nonzero(falls) > 1)
