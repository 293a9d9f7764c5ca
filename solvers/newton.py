"""Convex (C) and any convex sum of the three terms: interior point on the tridiagonal system in the inventory."""

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from optexec.models.errors import InvalidInput, SolverFailure
from optexec.models.limits import NEAR
from optexec.models.objective import ImpactCost, InventoryRisk, Smoothing
from optexec.models.problem import Problem
from optexec.models.schedule import TINY
from optexec.models.validation import Array
from optexec.solvers.barrier_path import BarrierPath
from optexec.solvers.block import Block
from optexec.solvers.certificate import certify_block
from optexec.solvers.inventory_clearing import clear_inventories
from optexec.solvers.scaling import NOTHING
from optexec.solvers.segments import has_only_one_table
from optexec.solvers.waterfill import clear

TOLERANCES = (1e-14, 1e-17, 1e-21, 1e-26)
"""Mean of multiplier times slack, as a fraction of price times order, at which the answer is looked at."""
ACCURATE = 1e-10
"""Error of an answer, see `_error`, that is good enough."""
ACCEPTABLE = 1e-8
"""The same for a path that ended early."""
ROUGH = 1e-7
"""The same for bounds, which hold at any point."""
MAX_POLISHES = 20
"""Newton steps on logarithms, from known shares or for answers that the path leaves inaccurate."""
MAX_STRIDES, SHORT = 8, 1e-5
"""Most of them from known shares before the answer is looked at, and their length that ends them earlier."""


def obstacle(problem: Problem) -> str:
    """Why the interior point does not apply; empty if it does.

    >>> import optexec as ox
    >>> obstacle(ox.Problem(ox.Order(300), ox.Power(1.0, 0.5), ox.objective("C", psi=1.0), buckets=3))
    'the impact is not convex in every bucket'
    """
    for term in problem.terms:
        if not isinstance(term, (ImpactCost, Smoothing, InventoryRisk)):
            return f"the second derivative of the {term.name} term is unknown"
    if not problem.convex:
        return "the impact is not convex in every bucket"
    return "" if has_only_one_table(problem.charged_impact) else "a cost curve has kinks beside those of one table"


def newton(problem: Problem, start: Array | None = None) -> Array:
    """minimise sum_i f_i(x_i) + 1/2 sum_{i<N} q_i R_i^2 subject to lo <= x <= hi, x_i = R_{i-1} - R_i.

    R_0 = S and R_N = 0, f_i = c_i + rho_i/2 x^2 convex, q_i = psi w_i. With multipliers z >= 0 of the floors and y >= 0
    of the caps, the conditions for the inventories are

        -g_j + g_{j+1} + q_j R_j = 0,  g_i = f_i'(x_i) - z_i + y_i,  z_i (x_i - lo_i) = y_i (hi_i - x_i) = mu -> 0,

    and a Newton step solves a symmetric positive definite tridiagonal system in the N-1 inventories,

        (D' W D + diag(q)) dR = residual,  W_i = f_i'' + z_i/(x_i - lo_i) + y_i/(hi_i - x_i),

    in O(N), by elimination in the buckets' prices (see `central_path`). Steps follow Mehrotra's predictor and corrector
    and stay strictly inside the limits. A convex table of points is a sum of straight segments that fill in order, each
    with limits of its own; within a bucket the segments' curvatures W_ik combine like springs in series,
    1 / sum_k (1 / W_ik).

    Where every marginal cost is one power, with a half-spread or without, the price of the last bucket decides all
    others, and a search for that one number ends sooner (see `inventory_clearing`); the path is for all other orders.

    From a start with the floors and caps of the optimum, Newton steps on the logarithms of the shares get there without
    barriers: slices of every size follow at the same pace.

    Cost: 3 to 8 evaluations of the marginal costs where one price decides, KKT residual about 1e-14; elsewhere 10 to 30
    steps of O(N) each, 2 to 6 cheaper ones from the optimum of a problem like it, and 1e-10.
    Source: Almgren and Chriss (2001), eq. 15, for the system; Mehrotra (1992); Nocedal and Wright (2006), ch. 14.

    Args:
        problem: a convex declaration.
        start: shares near the optimum, (N,), such as those of a schedule for slightly different numbers.

    Raises:
        InvalidInput: a problem that is not convex, or with kinks beside those of one table, or another kind of term.
        SolverFailure: no convergence.

    >>> import optexec as ox
    >>> problem = ox.Problem(ox.Order(700), ox.Power(a=1.0, b=2.0), ox.objective("C", psi=1.0), buckets=3)
    >>> newton(problem).round(6).tolist()
    [366.666667, 200.0, 133.333333]
    """
    if reason := obstacle(problem):
        raise InvalidInput(f"newton does not apply: {reason}; use method='auto'")
    return optimum(Block.of(problem), None if start is None else start[None])[0]


def optimum(block: Block, start: Array | None = None) -> Array:
    """As `newton`, for all orders of a block at once: shares, (M, N).

    Args:
        block: the problems.
        start: shares near the optimum, (M, N), if some are known.

    Raises:
        SolverFailure: no convergence for one of the orders.

    >>> import optexec as ox
    >>> problem = ox.Problem(ox.Order(700), ox.Power(a=1.0, b=2.0), ox.objective("C", psi=1.0), buckets=3)
    >>> optimum(Block.of(problem)).round(6).tolist()
    [[366.666667, 200.0, 133.333333]]
    """
    x, found = np.empty(block.lo.shape), np.zeros(len(block.lo), dtype=bool)
    if (law := block.law()) is not None:
        risk = np.ascontiguousarray(np.broadcast_to(block.risk, block.lo.shape))
        clear_inventories(*law, risk, block.lo, block.hi, block.shares, x, found)
    if not found.all():
        x[~found] = _by_path(block.some(~found), None if start is None else start[~found])
    return x


def _by_path(block: Block, start: Array | None) -> Array:
    """As `optimum`, by Newton steps from the start and along the central path."""
    path = BarrierPath(block)
    x, error = path.unknown
    if start is not None and block.impact.smooth:
        x, error = _polish(path, *_better(path, _neared(path, block.settle(start)), x, error), ACCURATE)
    for known in (None,) if start is None else (start, None):
        if not (error > ACCURATE).any():
            return x
        path.begin(known)
        x, error = _walk(path, x, error, ACCURATE)
        if not (path.unfinished & (error > ACCEPTABLE)).any():
            return x
    raise SolverFailure("newton did not converge; use method='ipopt'")


def approach(problem: Problem) -> Array:
    """As `newton`, for curves that need be convex between the limits only, and less accurate.

    For bounds, which hold at any point.

    >>> import optexec as ox
    >>> bent = ox.Exponential(a=1.0, b=0.01, quoted="per_share")
    >>> fixed = ox.Limits(minimum=[150, 0], maximum=[150, 150])
    >>> approach(ox.Problem(ox.Order(200), bent, ox.objective("C", psi=1e-3), fixed)).round(9).tolist()
    [150.0, 50.0]
    """
    path = BarrierPath(Block.of(problem))
    path.begin()
    return _walk(path, *path.unknown, ROUGH)[0][0]


def descend(problem: Problem) -> Array:
    """As `approach`, for curves that are taken to be convex between the limits: the end of the path, unproven.

    >>> import optexec as ox
    >>> problem = ox.Problem(ox.Order(700), ox.Power(a=1.0, b=2.0), ox.objective("C", psi=1.0), buckets=3)
    >>> descend(problem).round(3).tolist()
    [366.667, 200.0, 133.333]
    """
    path = BarrierPath(Block.of(problem))
    path.begin()
    path.follow(TOLERANCES[0], np.ones(1, dtype=bool))
    return path.settled()[0]


def _walk(path: BarrierPath, best: Array, least: Array, accurate: float) -> tuple[Array, Array]:
    """Follow the path until the errors of its answers are `accurate`, or to its end; the best shares, their errors.

    Args:
        path: of the orders, begun.
        best, least: shares, (M, N), and their errors, (M,), to improve on.
        accurate: error that is good enough.
    """
    for tolerance in TOLERANCES:
        path.follow(tolerance, least > accurate)
        best, least = _better(path, path.settled(), best, least)
        if not (least > accurate).any():
            return best, least
    best, least = _better(path, _refined(path.block, best, least > accurate), best, least)
    return _polish(path, best, least, accurate) if path.block.impact.smooth else (best, least)


def _polish(path: BarrierPath, best: Array, least: Array, accurate: float) -> tuple[Array, Array]:
    """Newton steps on the logarithms of shares for as long as they help; arguments and results as of `_walk`.

    Buckets at a limit stay there, so that the steps end at the optimum only where the shares have its limits.
    """
    for _ in range(MAX_POLISHES):
        rough, before = least > accurate, least
        if rough.any():
            best, least = _better(path, path.polished(best), best, least)
        if not (rough & (least < before)).any():
            break
    return best, least


def _neared(path: BarrierPath, x: Array) -> Array:
    """Shares after Newton steps on their logarithms, until the steps are short enough to end quadratically."""
    for _ in range(MAX_STRIDES):
        before, x = x, path.polished(x)
        if (np.abs(x - before).max(axis=-1) <= SHORT * path.sizes).all():
            break
    return x


def _better(path: BarrierPath, x: Array, best: Array, least: Array) -> tuple[Array, Array]:
    """The shares of the smaller error for each order, and the errors."""
    error = _error(path, x)
    return np.where((error < least)[:, None], x, best), np.fmin(error, least)


def _error(path: BarrierPath, x: Array) -> Array:
    """Dollars above the bound, as a fraction of the objective, or a tenth of the KKT residual if that is more, (M,).

    Infinite for shares that miss the order, which a start far from the optimum may lead to.
    """
    value, bound, _, residual = certify_block(path.block, x)
    gap = (value - bound) / np.maximum(np.maximum(np.abs(value), NOTHING * path.scale), TINY)
    missed = np.abs(x.sum(axis=-1) - path.sizes) > NEAR * path.sizes
    return np.where(missed, np.inf, np.maximum(gap, 0.1 * residual))


def _refined(block: Block, x: Array, wanted: NDArray[np.bool_]) -> Array:
    """Recover small slices of the wanted orders to full relative accuracy from the prices that the inventory implies.

    Given the inventory, the buckets are separable again: f_i'(x_i) = lambda - sum_{k<i} q_k R_k.
    """
    some = replace(block, offset=block.offset + block.holding_price(x)).some(wanted)
    refined = x.copy()
    refined[wanted] = clear(some)
    return refined
