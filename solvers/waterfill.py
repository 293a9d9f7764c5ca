"""Convex (A) and (B): one marginal price for all buckets of an order."""

from collections.abc import Callable, Iterator

import numpy as np
from numpy.typing import NDArray

from optexec.models.errors import InvalidInput
from optexec.models.impact_cost import ImpactCost
from optexec.models.problem import Problem
from optexec.models.smoothing import Smoothing
from optexec.models.validation import Array
from optexec.solvers.block import Block, total
from optexec.solvers.clearing import FOUND, SEARCHING, check_prices, clear_laws
from optexec.solvers.power_clearing import clear_powers
from optexec.solvers.segments import segments

EPS = np.finfo(float).eps
MAX_FITS = 12
"""Times that the marginal costs are fitted by power laws."""
MAX_STEPS = 400
MOST_KINKS = 64
"""Segments of a table up to which its corners are looked at one by one."""
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
    for method in (_by_power_laws, _by_brackets) if block.impact.smooth else (_by_brackets,):
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


class _Supply:
    """Most shares that each bucket takes at a price, inside its limits."""

    def __init__(self, block: Block) -> None:
        self.block = block
        self.floor_price = block.marginal(block.lo)
        self.cap_price = block.marginal_left(block.hi)
        self.last = 0.5 * (block.lo + block.hi)

    def at(self, price: Array, below: Array, above: Array) -> Array:
        """Most shares of each bucket whose marginal cost is at most `price`.

        Args:
            price: dollars a share, (M, 1).
            below, above: the same at a lower and at a higher price, (M, N).
        """
        block = self.block
        closed = block.inverse_marginal(price)
        if closed is not None:
            return np.clip(closed, block.lo, block.hi)
        x = np.where(self.cap_price <= price, block.hi, block.lo)
        inner = (self.floor_price <= price) & (self.cap_price > price)
        if not inner.any():
            return x
        self.last = np.where(inner, invert(block.marginal, block.slope, price, below, above, self.last, inner), x)
        return self.last

    def elasticity(self, x: Array) -> Array:
        """Derivative of each order's total supply by the price, from the buckets between their limits."""
        inside = (x > self.block.lo) & (x < self.block.hi)
        with np.errstate(divide="ignore", over="ignore"):
            return total(np.where(inside, 1.0 / self.block.slope(x), 0.0))


def _by_brackets(block: Block) -> tuple[Mask, Array]:
    """As `_by_power_laws`, for all convex costs: the shares at the price where supply meets the order.

    Every step halves the excess or takes the middle of the bracket, so the loop ends.
    """
    supply = _Supply(block)
    low, high = supply.floor_price.min(axis=-1, keepdims=True), supply.cap_price.max(axis=-1, keepdims=True)
    below, above = (np.broadcast_to(end, supply.last.shape) for end in (block.lo, block.hi))
    low, high, below, above = _between_kinks(block, supply, low, high, below, above)
    price, last = _between(low, high, block.shares, below, above), np.full(low.shape, np.inf)
    met = np.zeros(low.shape, dtype=bool)
    for _ in range(MAX_STEPS):
        searching = ~met & (low < price) & (price < high)
        if not searching.any():
            break
        x = supply.at(price, below, above)
        excess = total(x) - block.shares
        met = met | (searching & (np.abs(excess) <= 4 * EPS * block.shares))
        too_dear, too_cheap = searching & (excess >= 0), searching & (excess <= 0)
        high, above = np.where(too_dear, price, high), np.where(too_dear, x, above)
        low, below = np.where(too_cheap, price, low), np.where(too_cheap, x, below)
        with np.errstate(all="ignore"):
            newton = price - excess / supply.elasticity(x)
            trusted = (low < newton) & (newton < high) & (np.abs(excess) <= 0.5 * np.abs(last))
        price, last = np.where(trusted, newton, _middle(low, high)), excess
    room = total(above - below)
    missing = block.shares - total(below)
    share = np.divide(missing, room, out=np.zeros(room.shape), where=room > 0)
    return np.ones(len(share), dtype=bool), below + np.clip(share, 0.0, 1.0) * (above - below)


def _between_kinks(
    block: Block, supply: _Supply, low: Array, high: Array, below: Array, above: Array
) -> tuple[Array, Array, Array, Array]:
    """The bracket narrowed to where no table has a corner, or to the price at which supply jumps past the orders.

    Args:
        block: the orders.
        supply: their supply.
        low, high: prices about the answer, (M, 1).
        below, above: supply at these, (M, N).
    """
    kinks = _kinks(block)
    if not kinks.shape[1]:
        return low, high, below, above
    first, last = np.full(low.shape, -1), np.full(low.shape, kinks.shape[1])
    for _ in range(kinks.shape[1].bit_length()):
        place = np.clip((first + last) // 2, 0, kinks.shape[1] - 1)
        price = np.take_along_axis(kinks, place, axis=1)
        x = supply.at(price, below, above)
        enough = total(x) >= block.shares
        moves = (first < place) & (place < last)
        (last,) = _where(moves & enough, (place,), (last,))
        high, above = _where(moves & enough & np.isfinite(price), (price, x), (high, above))
        first, low, below = _where(moves & ~enough, (place, price, x), (first, low, below))
    price = np.nextafter(high, -np.inf)
    x = supply.at(price, below, above)
    jumps = total(x) <= block.shares
    low, below = _where(jumps, (price, x), (low, below))
    high, above = _where(~jumps & (price > low), (price, x), (high, above))
    return low, high, below, above


def _where(chosen: Mask, new: tuple[Array, ...], old: tuple[Array, ...]) -> Iterator[Array]:
    return (np.where(chosen, a, b) for a, b in zip(new, old, strict=True))


def _kinks(block: Block) -> Array:
    """Prices at which supply may jump, in increasing order, (M, P): of tables' corners and of flat marginal costs."""
    _, widths, _ = segments(block.impact, block.lo, block.hi)
    floor, cap = block.marginal(block.lo), block.marginal_left(block.hi)
    if widths.shape[-1] == 1:
        flat = (floor == cap) & (block.lo < block.hi)
        return np.sort(np.where(flat, floor, np.inf), axis=-1)[:, : flat.sum(axis=-1).max()]
    if widths.shape[-1] > MOST_KINKS:
        return floor[:, :0]
    corners = np.minimum(block.lo[..., None] + np.cumsum(widths, axis=-1), block.hi[..., None])
    sides = [side(corners[..., k]) for k in range(corners.shape[-1]) for side in (block.marginal_left, block.marginal)]
    return np.sort(np.concatenate([floor, *sides], axis=-1), axis=-1)


def _between(low: Array, high: Array, shares: Array, below: Array, above: Array) -> Array:
    """The price at which supply on a straight line from `below` at `low` to `above` at `high` meets the orders."""
    with np.errstate(all="ignore"):
        price = low + (shares - total(below)) / total(above - below) * (high - low)
    return np.where((low < price) & (price < high), price, _middle(low, high))


def _middle(low: Array, high: Array) -> Array:
    """Geometric where the ends have one sign and lie decades apart, else arithmetic."""
    with np.errstate(over="ignore", invalid="ignore"):
        return np.where((low > 0) & (high > 4 * low), np.sqrt(low) * np.sqrt(high), low + 0.5 * (high - low))


def invert(
    marginal: Callable[[Array], Array],
    slope: Callable[[Array], Array],
    price: Array,
    lo: Array,
    hi: Array,
    start: Array,
    wanted: Mask,
) -> Array:
    """Most shares in [lo, hi] at which a nondecreasing marginal cost is at most `price`, for all buckets at once.

    Newton steps inside a bracket that holds the answer; a step that leaves the bracket or does not halve the
    residual is replaced by bisection, geometric while the bracket spans more than a factor of four.

    Args:
        marginal, slope: the marginal cost and its derivative, (N,) -> (M, N) -> (M, N).
        price: dollars a share, (M, 1), between the marginal costs at lo and hi wherever `wanted`.
        lo, hi: ends of the bracket, (N,).
        start: where to begin, (N,); the middle where that is not strictly inside the bracket.
        wanted: buckets to solve for, (N,).

    >>> every = np.ones(1, dtype=bool)
    >>> invert(lambda x: 2 * x, lambda x: 2 + 0 * x, 3.0, np.zeros(1), np.full(1, 9.0), np.ones(1), every).tolist()
    [1.5]
    """
    least = lo + EPS**2 * (hi - lo)
    x = np.where((start > lo) & (start < hi), start, 0.5 * (lo + hi))
    last, settled = np.full(lo.shape, np.inf), ~wanted
    for _ in range(MAX_STEPS):
        residual = marginal(x) - price
        lo, hi = np.where(residual <= 0, x, lo), np.where(residual > 0, x, hi)
        with np.errstate(all="ignore"):
            newton = x - residual / slope(x)
            middle = np.where(hi > 4 * lo, np.sqrt(np.maximum(lo, least) * hi), 0.5 * (lo + hi))
        near = np.abs(newton - x) <= 2 * EPS * np.abs(x)
        settled = settled | near | (hi - lo <= 2 * EPS * hi) | (hi <= least)
        if settled.all():
            break
        trusted = (newton > lo) & (newton < hi) & (np.abs(residual) <= 0.5 * last)
        x, last = np.where(settled, x, np.where(trusted, newton, middle)), np.abs(residual)
    return x
