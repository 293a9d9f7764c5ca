"""The central paths of the orders of a block: where they begin, and how they are followed to their ends."""

from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from optexec.models.marginal_law import MarginalLaw
from optexec.models.validation import Array
from optexec.solvers.block import Block
from optexec.solvers.central_path import (
    ABOVE,
    ARRIVED,
    BELOW,
    BUCKET_ARRAYS,
    MOVING,
    ORDER_ARRAYS,
    PATIENCE,
    SEGMENT_ARRAYS,
    STOPPED,
    advance,
    newton_moves,
)
from optexec.solvers.certificate import certify_block
from optexec.solvers.law_values import law_values
from optexec.solvers.segments import joined, segments

MAX_STEPS = 200
CONVERGED = 1e-10
"""Mean of multiplier times slack, as a fraction of price times order, that the end of a path must have reached."""
LONGEST = 2.0
"""Longest Newton step on logarithms of shares."""
MAX_HALVINGS = 12
"""Halvings of a stalled step over which the objective would rise again.

Where a curve turns into a line its curvature jumps, and full Newton steps may go round in circles.
"""
INSIDE = 1e-6
"""Part of its room that a segment is kept away from its ends at a start from known shares."""
LEAST, NEARER = 1e-8, 1e-2
"""Least gap assumed of known shares, as a fraction of price times order, and the part of a gap that a start aims at."""
CLOSED = 1e-13
"""Room, as a fraction of the order, below which a bucket or segment is taken as it stands."""
Mask = NDArray[np.bool_]


class BarrierPath:
    """The central paths of the orders of a block; buckets without room pass their inventory on.

    States and what belongs to segments have the shapes of `central_path`: (K, N, M) for M orders.

    Args:
        block: the orders; curves that are convex between the limits.

    >>> import optexec as ox
    >>> problem = ox.Problem(ox.Order(700), ox.Power(a=1.0, b=2.0), ox.objective("C", psi=1.0), buckets=3)
    >>> path = BarrierPath(Block.of(problem))
    >>> path.begin()
    >>> path.follow(1e-14, np.array([True]))
    >>> path.settled().round(3).tolist()
    [[366.667, 200.0, 133.333]]
    """

    def __init__(self, block: Block) -> None:
        curves, room, slope = segments(block.impact, block.lo, block.hi)
        self.block = block
        self.curved = bool(curves)
        self.own = replace(block, impact=joined(curves)).by_bucket()
        law = self.own.law()
        self.law = None if law is None else MarginalLaw(*(np.ascontiguousarray(np.transpose(v)) for v in law))
        self.values = np.empty(block.lo.T.shape), np.empty(block.lo.T.shape)
        room, self.slope = (np.ascontiguousarray(part.T) for part in (room, slope))
        self.sizes = block.shares[:, 0]
        self.free = room > CLOSED * self.sizes
        self.risk = np.array(np.broadcast_to(block.risk, block.lo.shape).T, order="C")
        self.room = room
        self.inside = block.inside()
        self.price = np.abs(block.gradient(self.inside)).max(axis=-1)
        self.scale = self.price * self.sizes
        self.scratch = [
            np.empty((SEGMENT_ARRAYS, *room.shape)),
            np.empty((BUCKET_ARRAYS, *room.shape[1:])),
            np.empty((ORDER_ARRAYS, len(self.sizes))),
        ]

    def begin(self, known: Array | None = None) -> None:
        """Take the first point of the path, near known shares, (M, N), if there are some."""
        self.state = self._start(self.inside, self.room) if known is None else self._start_near(known, self.room)
        moves = (self.free.any(axis=0).sum(axis=0) > 1) & (self.price > 0)
        self.status = np.where(moves, MOVING, ARRIVED)
        self.barrier = np.where(moves, np.inf, 0.0)
        self.target = np.zeros(len(moves))
        self.careful = np.zeros(len(moves), dtype=bool)
        self.near = known is not None

    @property
    def unknown(self) -> tuple[Array, Array]:
        """Shares inside the limits, (M, N), and infinite errors, (M,): where nothing better is known."""
        return self.inside, np.full(len(self.sizes), np.inf)

    @property
    def unfinished(self) -> Mask:
        """Orders whose path ended early, (M,)."""
        return self.barrier > CONVERGED * self.scale

    def follow(self, tolerance: float, wanted: Mask) -> None:
        """Move the wanted orders to the end of the path, unless rounding or a stall ends it earlier.

        A path from known shares ends as it stalls: where other limits bind at the optimum, a start inside is better.
        """
        orders = len(self.price)
        status = np.where(wanted, self.status, ARRIVED)
        least, stalled, moved = np.full(orders, np.inf), np.zeros(orders, dtype=np.int64), np.full(orders, np.inf)
        following = np.empty(self.state.shape)
        ends = tolerance * self.scale
        with np.errstate(all="ignore"):
            for _ in range(MAX_STEPS):
                x = self.shares(self.state)
                moving, careful = advance(
                    self.state,
                    following,
                    self.free,
                    self.slope,
                    x.T,
                    *self._derivatives(x),
                    self.risk,
                    self.sizes,
                    ends,
                    status,
                    moved,
                    least,
                    stalled,
                    self.target,
                    *self.scratch,
                )
                if careful and self.near:
                    self.status = np.where((stalled >= PATIENCE) & (status == MOVING), STOPPED, self.status)
                    status = np.where(self.status == STOPPED, STOPPED, status)
                elif careful and self.curved:
                    self.careful |= (stalled >= PATIENCE) & (status == MOVING)
                if self.careful.any():
                    self._halve(following, self.careful & (status == MOVING))
                self.state, following = following, self.state
                if not moving:
                    break
        self.barrier = np.where(wanted & (self.status == MOVING), least, self.barrier)

    def settled(self) -> Array:
        """Shares of each bucket inside the limits and onto the orders, (M, N)."""
        return self.block.settle(np.ascontiguousarray(self.shares(self.state)))

    def shares(self, state: Array) -> Array:
        """Shares of each bucket, (M, N), those of one bucket side by side."""
        above = state[ABOVE]
        return (self.own.lo.T + (above[0] if len(above) == 1 else above.sum(axis=0))).T

    def _derivatives(self, x: Array) -> tuple[Array, Array]:
        """First and second derivatives of the curved costs at shares (M, N), as (N, M)."""
        if self.law is None:
            return np.ascontiguousarray(self.own.marginal(x).T), np.ascontiguousarray(self.own.slope(x).T)
        law_values(*self.law, np.ascontiguousarray(x.T), *self.values)
        return self.values

    def polished(self, x: Array) -> Array:
        """Shares after a Newton step on their logarithms, which slices of any size can follow, (M, N)."""
        block = self.block
        with np.errstate(all="ignore"):
            move = newton_moves(
                np.ascontiguousarray(x.T),
                *self._derivatives(x),
                np.ascontiguousarray(((x > block.lo) & (x < block.hi)).T),
                self.risk,
                self.sizes,
                *self.scratch,
            ).T
            factor = np.exp(np.clip(np.where(x > 0, move / x, 0.0), -LONGEST, LONGEST))
        return block.settle(np.ascontiguousarray(x * factor))

    def _start(self, x: Array, room: Array) -> Array:
        """The same fraction of every range, with multipliers of about the size of the price."""
        block = self.block
        width = block.hi - block.lo
        fraction = np.divide(x - block.lo, width, out=np.zeros(x.shape), where=width > 0)
        above = np.minimum(np.maximum(fraction, 1e-8), 1 - 1e-8).T * room
        below = room - above
        barrier = 0.1 * self.scale / block.lo.shape[1]
        return np.array([above, below, self._over(barrier, above), self._over(barrier, below)])

    def _start_near(self, known: Array, room: Array) -> Array:
        """Just inside the limits near known shares, with multipliers that fit the prices there.

        The barrier is that of a point on the path whose gap is a part of the one that these shares have.
        """
        filled = np.clip((known.T - self.block.lo.T - self._before(room)) / np.where(room > 0, room, 1.0), 0.0, 1.0)
        above = np.clip(filled, INSIDE, 1 - INSIDE) * room
        below = room - above
        x = np.ascontiguousarray((self.block.lo.T + above.sum(axis=0)).T)
        value, bound, price, _ = certify_block(self.block, x)
        barrier = NEARER * np.maximum(value - bound, LEAST * self.scale) / np.maximum(2 * self.free.sum(axis=(0, 1)), 1)
        excess = (self.own.marginal(x) + self.own.holding_price(x)).T + self.slope - price
        floor = self._over(barrier, above) + np.where(self.free, np.maximum(excess, 0.0), 0.0)
        cap = self._over(barrier, below) + np.where(self.free, np.maximum(-excess, 0.0), 0.0)
        return np.array([above, below, floor, cap])

    @staticmethod
    def _before(room: Array) -> Array:
        """Room of the segments of a bucket that fill before each of them, (K, N, M)."""
        return np.cumsum(room, axis=0) - room

    def _over(self, value: Any, slack: Array) -> Array:
        """value / slack of the free segments, 0 of the others."""
        return np.divide(value, slack, out=np.zeros(slack.shape), where=self.free)

    def _halve(self, following: Array, careful: Mask) -> None:
        """Halve the steps of careful orders while the objective would rise again before their end."""
        for _ in range(MAX_HALVINGS):
            too_far = careful & ~self._descends(following)
            if not too_far.any():
                break
            following[..., too_far] = 0.5 * (self.state[..., too_far] + following[..., too_far])

    def _descends(self, following: Array) -> Mask:
        """Whether the barrier function has not started to rise steeply again on the way between two states, (M,)."""
        move = following[ABOVE] - self.state[ABOVE]
        negligible = 1e-9 * self.price * np.abs(move).sum(axis=(0, 1))
        return self._rise(following, move) <= np.maximum(np.abs(self._rise(self.state, move)), negligible)

    def _rise(self, state: Array, move: Array) -> Array:
        """Derivative of the objective with logarithmic barriers along a move, (M,)."""
        x = self.shares(state)
        force = self.slope - self._over(self.target, state[ABOVE]) + self._over(self.target, state[BELOW])
        own = (self.own.marginal(x) + self.own.holding_price(x)).T
        return (force * move).sum(axis=(0, 1)) + (own * move.sum(axis=0)).sum(axis=0)
