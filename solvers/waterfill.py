"""Convex (A) and (B): one marginal price for all buckets of an order."""

import numpy as np
from numpy.typing import NDArray

from optexec.models.errors import InvalidInput
from optexec.models.objective import ImpactCost, Smoothing
from optexec.models.problem import Problem
from optexec.models.validation import Array
from optexec.solvers.block import Block
from optexec.solvers.clearing import FOUND, SEARCHING, check_prices, clear_laws
from optexec.solvers.power_clearing import clear_powers
from optexec.solvers.price_brackets import clear_by_brackets

MAX_FITS = 12
"""Times that the marginal costs are fitted by power laws."""
Mask = NDArray[np.bool_]


def obstacle(problem: Problem) -> str:
    """Why water-filling does not apply; empty if it does.

    >>> import optexec as ox
    >>> obstacle(ox.Problem(ox.Order(300), ox.Linear(0.01), ox.objective("C", psi=1.0), buckets=3))
    'the inventory_risk term couples the buckets'
    """
    return _coupled(problem) or ("" if problem.convex else "the impact is not convex in every bucket")


def _coupled(problem: Problem) -> str:
    for term in problem.terms:
        if not isinstance(term, (ImpactCost, Smoothing)):
            return f"the {term.name} term couples the buckets"
    return ""


def waterfill(problem: Problem) -> Array:
    """minimise sum_i [c_i(x_i) + rho_i/2 x_i^2] subject to sum x = S, lo <= x <= hi, for convex c_i.

    At the optimum every bucket between its limits has the same marginal cost, the price lambda. Marginal costs that are
    a power and a straight line (power laws, half-spreads, smoothing) are cleared by one compiled search in the
    logarithms of price and shares, see `power_clearing`. Other smooth ones, m_i, are fitted by a power law through
    value and slope at x_i; the price at which the laws' shares add up to S is found by Newton steps on its logarithm:

        x_i(lambda) = x_i ((lambda - m_i(0)) / (m_i(x_i) - m_i(0)))^r_i,  r_i = (m_i(x_i) - m_i(0)) / (x_i m_i'(x_i)).

    A fit is Newton's method on logarithms, and a handful are enough. Kinked and flat marginal costs have no such fit;
    there the price is found by bisection, sped up by Newton steps, on the most shares whose marginal cost is at most
    the price. Where these jump, the buckets that tie share what is left in proportion to the shares that each could
    take at that price.

    Cost: O(N) a step. One search costs some 7 evaluations of the marginal costs; elsewhere some 6 steps on the price
    and 2 to 6 fits. KKT residual about 1e-12.
    Source: Patriksson (2008), "A survey on the continuous nonlinear resource allocation problem", section 2.

    Raises:
        InvalidInput: a problem that is not convex, or whose terms couple the buckets.

    >>> import optexec as ox
    >>> order, capped = ox.Order(300), ox.Limits(maximum=[100, 300, 300])
    >>> waterfill(ox.Problem(order, ox.Power(a=[1.0, 2.0, 2.0], b=2.0), ox.objective("A"), capped)).round(9).tolist()
    [100.0, 100.0, 100.0]
    """
    reason = _coupled(problem)
    if not reason:
        x, found = _by_one_search(block := Block.of(problem))
        if found[0]:
            return x[0]
        reason = obstacle(problem)
    if reason:
        raise InvalidInput(f"waterfill does not apply: {reason}; use method='auto'")
    return clear(block)[0]


def fill(problem: Problem) -> Array:
    """As `waterfill`, for curves that need be convex between the limits only; terms that couple buckets are left out.

    >>> import optexec as ox
    >>> bent = ox.Exponential(a=1.0, b=0.01, quoted="per_share")
    >>> fill(ox.Problem(ox.Order(200), bent, ox.objective("A"), ox.Limits(maximum=150), buckets=2)).round(9).tolist()
    [100.0, 100.0]
    """
    return clear(Block.of(problem))[0]


def clear(block: Block) -> Array:
    """As `fill`, for all orders of a block at once and at its shifted prices: shares, (M, N).

    >>> import optexec as ox
    >>> clear(Block.of(ox.Problem(ox.Order(300), ox.Power([1.0, 2.0], 2.0), ox.objective("A")))).round(9).tolist()
    [[200.0, 100.0]]
    """
    x, found = _by_one_search(block)
    if found.all():
        return x
    for method in (_by_power_laws, clear_by_brackets) if block.impact.smooth else (clear_by_brackets,):
        rest = ~found
        found[rest], x[rest] = method(block.some(rest))
        if found.all():
            break
    return block.settle(x)


def _by_one_search(block: Block) -> tuple[Array, Mask]:
    """Shares, (M, N), and for each order whether they were found and are the optimum of convex costs, (M,)."""
    x, found = np.empty(block.lo.shape), np.zeros(len(block.lo), dtype=bool)
    if (law := block.law()) is not None:
        clear_powers(*law, block.lo, block.hi, block.shares, x, found)
    return x, found


def _by_power_laws(block: Block) -> tuple[Mask, Array]:
    """For each order whether shares were found that are the optimum, (M,), and the shares, (M, N)."""
    x = block.inside()
    laws, theta, state = np.empty((2, *x.shape)), np.empty(len(x)), np.empty(len(x), dtype=np.int64)
    theta.fill(np.nan)
    state.fill(SEARCHING)
    with np.errstate(all="ignore"):
        first, marginal = block.first_price(), block.marginal(x)
        for _ in range(MAX_FITS):
            slope = block.slope(x)
            clear_laws(x, marginal, slope, first, block.lo, block.hi, block.shares, laws, theta, state)
            marginal = block.marginal(x)
            if not check_prices(x, marginal, first, block.lo, block.hi, theta, state):
                break
    return state == FOUND, x
