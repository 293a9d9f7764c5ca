"""Convex costs of any kind: the marginal price between two that are known to be too low and too high."""

from collections.abc import Callable, Iterator

import numpy as np
from numpy.typing import NDArray

from optexec.models.validation import Array
from optexec.solvers.block import Block, total
from optexec.solvers.segments import segments

EPS = np.finfo(float).eps
MAX_STEPS = 400
MOST_KINKS = 64
"""Segments of a table up to which its corners are looked at one by one."""
Mask = NDArray[np.bool_]


def clear_by_brackets(block: Block) -> tuple[Mask, Array]:
    """The shares at the price where supply meets the order, for costs that are convex between the limits.

    Every step halves the excess or takes the middle of the bracket, so the loop ends.

    Returns:
        For each order whether shares were found, (M,): always; and the shares, (M, N).

    >>> import optexec as ox
    >>> table = ox.Tabulated([0, 100, 300], [0, 100, 500])
    >>> clear_by_brackets(Block.of(ox.Problem(ox.Order(300), table, ox.objective("A"), buckets=2)))[1].tolist()
    [[150.0, 150.0]]
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
