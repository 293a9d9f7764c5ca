"""The proof: a lower bound that no schedule can undercut, for any convex problem and from any solver's answer."""

from dataclasses import dataclass

import numpy as np

from optexec.models.problem import Problem
from optexec.models.validation import Array
from optexec.solvers.block import Block
from optexec.solvers.tangent_bound import tangent_bounds

HAIR = 1e-14
"""Fraction of a bucket's range between its floor and tangents a hair above it."""
WIDE = 1e-9
"""Relative gap of a bound above which other tangents are tried."""


@dataclass(frozen=True)
class Certificate:
    """What is proven of a schedule.

    Args:
        lower_bound: dollars that no feasible schedule can undercut.
        marginal_price: lambda, dollars a share: the price at which the bound is attained; see `Schedule`.
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
    largest for g_i = lambda clipped to that interval, and for the lambda found by one sort of the derivatives, or
    for the least derivative of a bucket that may trade more, if that closes the gap. If a gap stays, tangents a hair
    above the floors are tried too: a power near a straight line is flat at no shares, and steep from the first on.

    Cost: one evaluation of the gradient and a sort, O(N log N); two where a gap stays.
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
    x = np.minimum(np.maximum(problem.charged_impact.snap(x), problem.lo), problem.hi)
    value = problem.objective(x)
    proof = _tangents_of(problem, x, value)
    if value - proof.lower_bound <= WIDE * abs(value):
        return proof
    above = _above(x, problem.lo, problem.hi)
    return max(proof, _tangents_of(problem, above, problem.objective(above)), key=lambda each: each.lower_bound)


def _tangents_of(problem: Problem, x: Array, value: float) -> Certificate:
    left, right = problem.gradient_left(x)[None], problem.gradient(x)[None]
    proof = _proofs(
        x[None], np.array([[value]]), left, right, problem.lo[None], problem.hi[None], np.array([[problem.shares]])
    )
    return Certificate(*proof[:, 0].tolist())


def certify_block(block: Block, x: Array) -> Array:
    """Objectives, lower bounds, marginal prices and KKT residuals as by `certify`, (4, M), of M convex problems.

    Args:
        block: the problems.
        x: shares, (M, N), inside the limits.

    >>> import optexec as ox
    >>> problem = ox.Problem(ox.Order(300), ox.Power(a=1.0, b=2.0), ox.objective("A"), buckets=3)
    >>> certify_block(Block.of(problem), np.full((1, 3), 100.0))[2].tolist()
    [200.0]
    """
    near = block.impact.snap(x)
    at = x if near is x else np.minimum(np.maximum(near, block.lo), block.hi)
    value = block.objective(x)
    proofs = _tangents_of_block(block, at, value if at is x else block.objective(at))
    wide = value[:, 0] - proofs[0] > WIDE * np.abs(value[:, 0])
    if wide.any():
        some = block.some(wide)
        above = _above(at[wide], some.lo, some.hi)
        again = _tangents_of_block(some, above, some.objective(above))
        proofs[:, wide] = np.where(again[0] > proofs[0, wide], again, proofs[:, wide])
    return np.vstack([value.T, proofs])


def _tangents_of_block(block: Block, x: Array, value: Array) -> Array:
    right = block.gradient(x)
    left = right if block.impact.smooth else block.gradient_left(x)
    return _proofs(x, value, left, right, block.lo, block.hi, block.shares)


def _above(x: Array, lo: Array, hi: Array) -> Array:
    return np.maximum(x, lo + HAIR * (hi - lo))


def _proofs(x: Array, value: Array, left: Array, right: Array, lo: Array, hi: Array, shares: Array) -> Array:
    """Bounds, prices and residuals, (3, M), of objectives with values (M, 1) and derivatives (M, N) at x."""
    out = np.empty((3, len(x)))
    tangent_bounds(x, value, left, right, lo, hi, shares, out)
    return out
