"""The proof: a lower bound that no schedule can undercut, for any convex problem and from any solver's answer."""

from dataclasses import dataclass

import numpy as np

from optexec.models.problem import Problem
from optexec.models.validation import Array

ROUNDING = 16 * np.finfo(float).eps
"""Allowance for rounding in a bound, as a fraction of the sums that it is computed from."""


@dataclass(frozen=True)
class Certificate:
    """What is proven of a schedule.

    Args:
        lower_bound: dollars that no feasible schedule can undercut.
        marginal_price: lambda, dollars a share: the price at which the bound is attained, and the cost of one
            more share if the schedule is optimal.
        kkt_residual: largest violation of the optimality conditions: the distance between a bucket's marginal
            cost and lambda as a fraction of the price scale, or the shares that it may still move towards its
            limit as a fraction of the order, whichever is less.
    """

    lower_bound: float
    marginal_price: float
    kkt_residual: float


def certify(problem: Problem, x: Array) -> Certificate:
    """Frank-Wolfe bound of a convex problem at shares x.

    A convex f lies above its tangents, f(y) >= f(x) + g (y - x) for every subgradient g, and the right-hand side
    is least over {lo <= y <= hi, sum y = S} where the cheapest buckets are filled first. With the multiplier
    lambda of sum y = S it reads

        bound = f(x) + lambda (S - sum x) - sum_i [(g_i - lambda)^+ (x_i - lo_i) + (lambda - g_i)^+ (hi_i - x_i)],

    which is a valid bound for every lambda and every g_i between the left and the right derivative. It is
    largest for g_i = lambda clipped to that interval, and for the lambda found by one sort of the derivatives.

    Cost: one evaluation of the gradient and a sort, O(N log N).
    Source: Frank and Wolfe (1956), section 4; Jaggi (2013), "Revisiting Frank-Wolfe", eq. 2.

    Args:
        problem: a convex declaration.
        x: shares of each bucket, (N,), inside the limits.

    >>> import optexec as ox
    >>> problem = ox.Problem(ox.Order(300), ox.Power(a=1.0, b=2.0), ox.objective("A"), buckets=3)
    >>> proof = certify(problem, np.full(3, 100.0))
    >>> round(proof.lower_bound, 6), proof.marginal_price, proof.kkt_residual
    (30000.0, 200.0, 0.0)
    """
    x = np.clip(problem.impact.snap(x), problem.lo, problem.hi)
    left, right = problem.gradient_left(x), problem.gradient(x)
    down, up = x - problem.lo, problem.hi - x
    price = _price(problem, left, right, down, up)
    slope = np.clip(price, left, right)
    falls, rises = np.maximum(slope - price, 0.0), np.maximum(price - slope, 0.0)
    value = problem.objective(x)
    missing = price * (problem.shares - x.sum())
    slack = _dot(falls, down) + _dot(rises, up)
    rounding = ROUNDING * (abs(value) + _dot(np.abs(slope), x) + slack)
    finite = np.abs(slope[np.isfinite(slope)])
    scale = max(abs(price), float(finite.max(initial=0.0)), np.finfo(float).tiny)
    residual = np.maximum(
        np.minimum(falls / scale, down / problem.shares), np.minimum(rises / scale, up / problem.shares)
    )
    return Certificate(float(value + missing - slack - rounding), price, float(residual.max()))


def _dot(derivative: Array, shares: Array) -> float:
    """Dollars; a derivative may be infinite where there are no shares to move."""
    return float(np.multiply(derivative, shares, out=np.zeros(len(shares)), where=shares > 0).sum())


def _price(problem: Problem, left: Array, right: Array, down: Array, up: Array) -> float:
    """The multiplier at which the tangent problem is solved: fill up from the floors in order of derivative."""
    derivatives = np.concatenate([left, right])
    order = np.argsort(derivatives, kind="stable")
    filled = np.cumsum(np.concatenate([down, up])[order])
    wanted = (problem.shares - problem.lo.sum()) * (1 - ROUNDING)
    at = min(int(np.searchsorted(filled, wanted)), len(order) - 1)
    return float(derivatives[order[at]])
