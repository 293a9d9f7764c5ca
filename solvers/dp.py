"""Whole lots: the exact optimum on the lot grid for any curve, by backward induction over the inventory."""

import math
import time
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from optexec.models.errors import InvalidInput, SolverFailure
from optexec.models.inventory_risk import InventoryRisk
from optexec.models.lots import ROUNDING, lots_above, lots_below, no_whole_lots, whole_lots
from optexec.models.problem import Problem
from optexec.models.validation import Array

MEMORY = 2**30
"""Bytes that the table of values may take."""


@dataclass(frozen=True, eq=False)
class Policy:
    """The least cost-to-go from every bucket and every inventory, and so the best slice there.

    Args:
        problem: the declaration.
        lot: shares a lot.
        odd: shares beside the whole lots, traded inside one slice; 0 if there are none.
        values: (layers, N+1, lots+1): dollars from the start of bucket i (from 0) with r lots to trade; layer 0
            with the odd shares traded, layer 1 (if there are odd shares) with them still to trade.
    """

    problem: Problem
    lot: float
    odd: float
    values: Array

    @property
    def cost(self) -> float:
        """Least cost of the whole order in dollars."""
        return float(self.values[-1, 0, -1])

    @cached_property
    def stages(self) -> "Stages":
        """Costs of slices and of inventory by lots."""
        return Stages(self.problem, self.lot, self.values.shape[2] - 1)

    def schedule(self, start: int = 0, lots: int | None = None, odd_left: bool | None = None) -> Array:
        """The best slices from a bucket on, for any inventory that is left there.

        Args:
            start: position of the first bucket to plan, from 0.
            lots: whole lots left; all of them by default.
            odd_left: whether the odd shares are still to trade; by default if there are any.

        Returns:
            Shares of buckets start..N-1.

        Raises:
            InfeasibleOrder: limits that cannot hold what is left in whole lots.

        >>> import optexec as ox
        >>> order = ox.Order(400, lot=100)
        >>> table = backward(ox.Problem(order, ox.Power(a=[1.0, 2.0, 2.0], b=2.0), ox.objective("A")))
        >>> table.schedule().tolist(), table.schedule(start=1, lots=1).tolist()
        ([200.0, 100.0, 100.0], [100.0, 0.0])
        """
        left = self.values.shape[2] - 1 if lots is None else lots
        layer = len(self.values) - 1 if odd_left is None else int(odd_left)
        if not np.isfinite(self.values[layer, start, left]):
            raise no_whole_lots(self.problem, f"{left * self.lot:,.10g} shares from bucket {start + 1} on")
        x = np.zeros(self.problem.buckets - start)
        for i in range(start, self.problem.buckets):
            slice_, left, layer = self._best_slice(i, left, layer)
            x[i - start] = slice_
        return x

    def _best_slice(self, i: int, left: int, layer: int) -> tuple[float, int, int]:
        """Shares to trade in bucket i, the most of equally good ones, and the state after."""
        options = []
        for after, extra in ((layer, 0.0), (0, self.odd)) if layer else ((layer, 0.0),):
            first, costs = self.stages.slices(i, extra)
            most = min(left - first, len(costs) - 1)
            if most < 0:
                continue
            lots_after = left - first - np.arange(most + 1)
            ahead = self.values[after, i + 1, lots_after] + self.stages.holding(i, lots_after, after * self.odd)
            totals = costs[: most + 1] + ahead
            n = most - int(np.argmin(totals[::-1]))
            options.append((float(totals[n]), (first + n) * self.lot + extra, left - first - n, after))
        _, slice_, left, layer = min(options)
        return slice_, left, layer


@dataclass(frozen=True, eq=False)
class Stages:
    """Costs of one bucket by whole lots.

    Args:
        problem: the declaration.
        lot: shares a lot.
        lots: most lots to trade.
    """

    problem: Problem
    lot: float
    lots: int

    @cached_property
    def _weights(self) -> Array:
        term = self.problem.terms.find(InventoryRisk)
        return np.zeros(self.problem.buckets) if term is None else term.scaled_weights(self.problem.buckets)

    def holding(self, i: int, lots: Any, odd: float) -> Array:
        """Cost of holding whole lots and the odd shares after bucket i, in dollars."""
        return InventoryRisk.holding_cost(self._weights[i], lots * self.lot + odd)

    def slices(self, i: int, extra: float) -> tuple[int, Array]:
        """First number of lots that may trade in bucket i beside `extra` shares, and the costs from it on.

        A slice below the least one costs infinitely much.
        """
        low = max(0, int(lots_above(self.problem.lo[i] - extra, self.lot)))
        high = min(self.lots, int(lots_below(self.problem.hi[i] - extra, self.lot)))
        x: Any = np.arange(low, high + 1) * self.lot + extra
        separable = [term for term in self.problem.terms if term.separable]
        forbidden = (x > 0) & (x < self.problem.smallest[i] - ROUNDING * self.lot)
        start = np.where(forbidden, np.inf, 0.0)
        return low, sum((term.at_bucket(self.problem, i, x) for term in separable), start=start)


def backward(problem: Problem, time_limit: float = math.inf) -> Policy:
    """Least cost-to-go of every bucket and inventory, for an order in whole lots.

    With r lots left before bucket i (from 0) and V_N(r) = 0 for r = 0, infinite otherwise,

        V_i(r) = min over lots n of  c_i(n) + psi w_i/2 (r - n)^2 + V_{i+1}(r - n),

    exact on the lot grid for any curve. An odd remainder doubles the states: whether it has been traded. A slice
    below `limits.smallest` (the odd remainder's with its lots) costs infinitely much.

    Args:
        problem: the declaration.
        time_limit: seconds, looked at between buckets.

    Cost: a bucket with a convex curve takes O(L log L) steps for L lots, because the best inventory to leave
    grows with r; any other takes L times the lots it may trade. Where infinite costs leave holes, in a curve or in
    V, each unbroken run is convex by itself. Memory: 8 (N+1)(L+1) bytes, twice with an odd
    remainder.
    Source: Bellman (1957); row minima of totally monotone matrices by divide and conquer, Aggarwal et al. (1987).

    Raises:
        InvalidInput: an order without lots, a term that couples the buckets otherwise than by the inventory, a
            table of values over 1 GiB.
        InfeasibleOrder: limits that cannot hold the order in whole lots.
        SolverFailure: the time ran out.

    >>> import optexec as ox
    >>> concave = ox.Power(a=[1.0, 0.5, 2.0], b=0.5)
    >>> backward(ox.Problem(ox.Order(400, lot=100), concave, ox.objective("A"))).cost
    10.0
    """
    from optexec.solvers.min_plus import least_sums

    if reason := obstacle(problem):
        raise InvalidInput(f"dp does not apply: {reason}")
    lot = float(problem.order.lot or 1.0)
    lots, odd = whole_lots(problem.order)
    stages = Stages(problem, lot, lots)
    values = np.full((1 + (odd > 0), problem.buckets + 1, lots + 1), np.inf)
    values[0, -1, 0] = 0.0
    held = np.arange(lots + 1)
    convex = problem.curvature.convex
    deadline = time.perf_counter() + time_limit
    for i in reversed(range(problem.buckets)):
        if time.perf_counter() > deadline:
            done = f"{problem.buckets - 1 - i:,} of {problem.buckets:,} buckets in {time_limit:g} s"
            raise SolverFailure(f"dp did no more than {done}; give it time or larger lots")
        first, costs = stages.slices(i, 0.0)
        ahead = values[0, i + 1] + stages.holding(i, held, 0.0)
        values[0, i] = least_sums(first, costs, ahead, bool(convex[i]))
        if odd:
            waiting = values[1, i + 1] + stages.holding(i, held, odd)
            hosted = least_sums(*stages.slices(i, odd), ahead, bool(convex[i]))
            values[1, i] = np.minimum(least_sums(first, costs, waiting, bool(convex[i])), hosted)
    policy = Policy(problem, lot, odd, values)
    if not np.isfinite(policy.cost):
        raise no_whole_lots(problem, f"{problem.shares:,.10g} shares")
    return policy


def obstacle(problem: Problem) -> str:
    """Why the dynamic programme does not apply; empty if it does.

    >>> import optexec as ox
    >>> obstacle(ox.Problem(ox.Order(300), ox.Linear(0.01), ox.objective("A"), buckets=3))
    'the order has no lot'
    """
    if problem.order.lot is None:
        return "the order has no lot"
    for term in problem.terms:
        if not term.separable and not isinstance(term, InventoryRisk):
            return f"the {term.name} term couples the buckets"
    lots, odd = whole_lots(problem.order)
    size = 8.0 * (1 + (odd > 0)) * (problem.buckets + 1) * (lots + 1)
    return "" if size <= MEMORY else f"its table would take {size / 2**30:.1f} GiB; use larger lots"
