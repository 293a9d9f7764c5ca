"""Convex (C) and any convex sum of the three terms: interior point on the tridiagonal system in the inventory."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.linalg.lapack import dpttrf, dpttrs

from optexec.models.errors import InvalidInput, SolverFailure
from optexec.models.families import Linear
from optexec.models.impact import Impact, Sum
from optexec.models.objective import ImpactCost, InventoryRisk, Smoothing
from optexec.models.per_bucket import Group, PerBucket
from optexec.models.problem import Problem
from optexec.models.schedule import TINY
from optexec.models.tabulated import Tabulated
from optexec.models.validation import Array
from optexec.solvers.certificate import certify
from optexec.solvers.feasible import settle
from optexec.solvers.scaling import allowance
from optexec.solvers.waterfill import fill

MAX_STEPS = 200
TOLERANCES = (1e-12, 1e-16, 1e-21, 1e-26)
"""Mean of multiplier times slack, as a fraction of price times order, at which the answer is looked at."""
CONVERGED = 1e-10
"""As `TOLERANCES`: what a path must have reached, unless its answer is accurate all the same."""
ACCURATE = 1e-10
"""Gap of the answer that is good enough."""
ROUGH = 1e-7
"""The same for bounds, which hold at any point."""
STILL = 1e-9
"""Fraction of the order that no bucket may move by in the last step."""
TO_BOUNDARY = 0.995
PATIENCE = 5
"""Steps without progress after which steps over which the objective would rise again are halved.

Where a curve turns into a line its curvature jumps, and full Newton steps may go round in circles.
"""
MAX_HALVINGS = 12
CLOSED = 1e-13
"""Room, as a fraction of the order, below which a bucket or segment is taken as it stands."""


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
    return "" if has_only_one_table(problem.impact) else "a cost curve has kinks beside those of one table"


def newton(problem: Problem) -> Array:
    """minimise sum_i f_i(x_i) + 1/2 sum_{i<N} q_i R_i^2 subject to lo <= x <= hi, x_i = R_{i-1} - R_i.

    R_0 = S and R_N = 0, f_i = c_i + rho_i/2 x^2 convex, q_i = psi w_i. With multipliers z >= 0 of the floors and y >= 0
    of the caps, the conditions for the inventories are

        -g_j + g_{j+1} + q_j R_j = 0,  g_i = f_i'(x_i) - z_i + y_i,  z_i (x_i - lo_i) = y_i (hi_i - x_i) = mu -> 0,

    and a Newton step solves a symmetric positive definite tridiagonal system in the N-1 inventories,

        (D' W D + diag(q)) dR = residual,  W_i = f_i'' + z_i/(x_i - lo_i) + y_i/(hi_i - x_i),

    in O(N). Steps follow Mehrotra's predictor and corrector and stay strictly inside the limits. A convex table of
    points is a sum of straight segments that fill in order, each with limits of its own; within a bucket the
    segments' curvatures W_ik combine like springs in series, 1 / sum_k (1 / W_ik).

    Cost: 10 to 30 steps of O(N) each. KKT residual about 1e-10.
    Source: Almgren and Chriss (2001), eq. 15, for the system; Mehrotra (1992); Nocedal and Wright (2006), ch. 14.

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
    path = _Path(problem)
    x = _walk(path, ACCURATE)
    if path.unfinished and _gap(problem, x) > ACCURATE:
        raise SolverFailure("newton did not converge; use method='ipopt'")
    return x


def approach(problem: Problem) -> Array:
    """As `newton`, for curves that need be convex between the limits only, and less accurate.

    For bounds, which hold at any point.

    >>> import optexec as ox
    >>> bent = ox.Exponential(a=1.0, b=0.01, quoted="per_share")
    >>> fixed = ox.Limits(minimum=[150, 0], maximum=[150, 150])
    >>> approach(ox.Problem(ox.Order(200), bent, ox.objective("C", psi=1e-3), fixed)).round(9).tolist()
    [150.0, 50.0]
    """
    return _walk(_Path(problem), ROUGH)


def descend(problem: Problem) -> Array:
    """As `approach`, for curves that are taken to be convex between the limits: the end of the path, unproven.

    >>> import optexec as ox
    >>> problem = ox.Problem(ox.Order(700), ox.Power(a=1.0, b=2.0), ox.objective("C", psi=1.0), buckets=3)
    >>> descend(problem).round(3).tolist()
    [366.667, 200.0, 133.333]
    """
    path = _Path(problem)
    return settle(problem, problem.inside() if path.decided else path.shares(path.follow(path.start(), TOLERANCES[0])))


def _walk(path: "_Path", accurate: float) -> Array:
    """Follow the path until the gap of its answer is `accurate`, or to its end; the best shares on the way."""
    problem = path.problem
    if path.decided:
        return settle(problem, problem.inside())
    point, found = path.start(), []
    for tolerance in TOLERANCES:
        point = path.follow(point, tolerance)
        found.append(settle(problem, path.shares(point)))
        if _gap(problem, found[-1]) > accurate:
            found.append(_refined(problem, found[-1]))
        if _gap(problem, found[-1]) <= accurate:
            break
    return min(found, key=lambda x: _gap(problem, x))


@dataclass(frozen=True)
class _Point:
    """A point strictly inside the limits of every segment.

    Args:
        above, below: shares above each segment's start and below its end, (N, K); kept apart so that neither is
            rounded away.
        floor, cap: multipliers of the starts and ends, (N, K).
    """

    above: Array
    below: Array
    floor: Array
    cap: Array


class _Path:
    """The central path of one problem, over the buckets that have room; closed ones pass their inventory on."""

    def __init__(self, problem: Problem) -> None:
        smoothing, risk = problem.terms.find(Smoothing), problem.terms.find(InventoryRisk)
        self.problem = problem
        self.careful, self.unfinished = False, False
        self.rho = 0.0 if smoothing is None else smoothing.rho
        self.risk = np.zeros(problem.buckets) if risk is None else risk.scaled_weights(problem.buckets)
        self.curves, room, slope = _segments(problem)
        self.open = np.flatnonzero((room > CLOSED * problem.shares).any(axis=1))
        self.room, self.slope = room[self.open], slope[self.open]
        self.free = self.room > CLOSED * problem.shares
        self.weights = self._between(self.risk)
        self.price = float(np.abs(problem.gradient(problem.inside())).max())

    @property
    def decided(self) -> bool:
        """Whether no bucket can move, or moving changes nothing: the derivatives are all zero."""
        return len(self.open) <= 1 or not self.price

    def follow(self, point: _Point, tolerance: float) -> _Point:
        """The last point reached: the end of the path unless rounding or a stall ended it earlier."""
        least, stalled = np.inf, 0
        for _ in range(MAX_STEPS):
            with np.errstate(all="ignore"):
                following, moved = self._step(point)
                barrier = self.barrier(following)
            if not (np.isfinite(moved) and np.isfinite(barrier)):
                break
            point = following
            stalled = 0 if barrier < least else stalled + 1
            least, self.careful = min(least, barrier), self.careful or (stalled >= PATIENCE and bool(self.curves))
            self.unfinished = barrier > CONVERGED * self.price * self.problem.shares
            if barrier <= tolerance * self.price * self.problem.shares and moved <= STILL * self.problem.shares:
                break
        return point

    def shares(self, point: _Point) -> Array:
        """Shares of each bucket, (N,)."""
        x = self.problem.lo.copy()
        x[self.open] += point.above.sum(axis=1)
        return x

    def _between(self, values: Array) -> Array:
        """Sums of one value a bucket over the buckets from each open one to the next, (open - 1,)."""
        return np.add.reduceat(values, self.open)[:-1] if len(self.open) else values[:0]

    def barrier(self, point: _Point) -> float:
        """Mean of multiplier times slack, dollars."""
        pairs = np.vdot(point.floor, point.above) + np.vdot(point.cap, point.below)
        return float(pairs) / max(2 * int(self.free.sum()), 1)

    def start(self) -> _Point:
        """The same fraction of every range, with multipliers of about the size of the price."""
        room = (self.problem.hi - self.problem.lo)[self.open]
        wanted = (self.problem.inside() - self.problem.lo)[self.open]
        fraction = np.divide(wanted, room, out=np.zeros(len(room)), where=room > 0)
        above = np.clip(fraction, 1e-8, 1 - 1e-8)[:, None] * self.room
        barrier = 0.1 * self.price * self.problem.shares / self.problem.buckets
        below = self.room - above
        return _Point(above, below, self._over(barrier, above), self._over(barrier, below))

    def _over(self, value: Any, slack: Array) -> Array:
        """value / slack of the free segments, 0 of the others."""
        return np.divide(value, slack, out=np.zeros(slack.shape), where=self.free)

    def _step(self, point: _Point) -> tuple[_Point, float]:
        """One predictor and corrector step, and the largest move of a segment in shares."""
        x = self.shares(point)
        marginal, curvature = self._derivatives(x)
        held = self._between(self.risk * self.problem.inventory(x))
        floor_slope, cap_slope = self._over(point.floor, point.above), self._over(point.cap, point.below)
        give = self._over(1.0, floor_slope + cap_slope)
        stiff = 1.0 / give.sum(axis=1)
        system = curvature + stiff
        solve = _tridiagonal(system[:-1] + system[1:] + self.weights, -system[1:-1])
        widest = give.argmax(axis=1)[:, None]

        def direction(floor_target: Any, cap_target: Any) -> _Point:
            towards = self._over(floor_target, point.above), self._over(cap_target, point.below)
            force = self.slope - towards[0] + towards[1]
            joint = stiff * (give * force).sum(axis=1)
            total = marginal + joint
            change = solve(total[:-1] - total[1:] - held)
            move = -np.diff(change, prepend=0.0, append=0.0)
            parts = give * ((stiff * move + joint)[:, None] - force)
            np.put_along_axis(parts, widest, 0.0, axis=1)
            np.put_along_axis(parts, widest, (move - parts.sum(axis=1))[:, None], axis=1)
            parts = np.where(self.free, parts, 0.0)
            return _Point(
                parts,
                -parts,
                towards[0] - point.floor - floor_slope * parts,
                towards[1] - point.cap + cap_slope * parts,
            )

        now = self.barrier(point)
        predicted = direction(0.0, 0.0)
        target = now * (max(self.barrier(_moved(point, predicted, 1.0)), 0.0) / now) ** 3
        corrected = direction(target - predicted.above * predicted.floor, target + predicted.above * predicted.cap)
        following = _moved(point, corrected, TO_BOUNDARY)
        for _ in range(MAX_HALVINGS if self.careful else 0):
            if self._descends(point, following, target):
                break
            following = _halfway(point, following)
        return following, float(np.abs(corrected.above).max())

    def _derivatives(self, x: Array) -> tuple[Array, Array]:
        """First and second derivative of the curved part of each open bucket's own costs."""
        marginal = sum((curve.marginal(x) for curve in self.curves), start=self.rho * x)
        curvature = sum((curve.marginal_slope(x) for curve in self.curves), start=self.rho + 0.0 * x)
        return marginal[self.open], curvature[self.open]

    def _descends(self, point: _Point, following: _Point, target: float) -> bool:
        """Whether the barrier function has not started to rise steeply again on the way between two points."""
        move = following.above - point.above
        negligible = 1e-9 * self.price * float(np.abs(move).sum())
        return self._rise(following, move, target) <= max(abs(self._rise(point, move, target)), negligible)

    def _rise(self, point: _Point, move: Array, target: float) -> float:
        """Derivative of the objective with logarithmic barriers of weight `target` along a move."""
        x, along = self.shares(point), move.sum(axis=1)
        force = self.slope - self._over(target, point.above) + self._over(target, point.below)
        held = self._between(self.risk * self.problem.inventory(x))
        own = np.vdot(force, move) + self._derivatives(x)[0] @ along
        return float(own - held @ np.cumsum(along)[:-1])


def _segments(problem: Problem) -> tuple[list[Impact], Array, Array]:
    """Curved impacts, and widths and slopes of the straight segments of each bucket, (N, K)."""
    if problem.terms.find(ImpactCost) is None:
        return [], (problem.hi - problem.lo)[:, None], np.zeros((problem.buckets, 1))
    return _split(problem.impact, problem.lo, problem.hi)


def _split(impact: Impact, lo: Array, hi: Array) -> tuple[list[Impact], Array, Array]:
    """As `_segments`, for one impact on [lo, hi]."""
    if isinstance(impact, PerBucket):
        return _split_groups(impact, lo, hi)
    curves = [part for part in impact.addends() if part.smooth]
    kinked = [part for part in impact.addends() if not part.smooth]
    if not kinked:
        return curves, (hi - lo)[:, None], np.zeros((len(lo), 1))
    if isinstance(kinked[0], PerBucket):
        inner, room, slope = _split(kinked[0], lo, hi)
        return curves + inner, room, slope
    table: Any = kinked[0]
    grid = np.broadcast_to(table.shares, (len(lo), table.shares.shape[-1]))
    starts, ends = (np.clip(edge, lo[:, None], hi[:, None]) for edge in (grid[:, :-1], grid[:, 1:]))
    ends[:, -1] = hi
    return curves, ends - starts, np.broadcast_to(table.slopes, starts.shape)


def _split_groups(impact: PerBucket, lo: Array, hi: Array) -> tuple[list[Impact], Array, Array]:
    parts = [(at, *_split(part, lo[at], hi[at])) for at, part in impact.groups]
    widest = max(room.shape[1] for _, _, room, _ in parts)
    rooms, slopes = np.zeros((2, len(lo), widest))
    for at, _, room, slope in parts:
        rooms[at, : room.shape[1]], slopes[at, : room.shape[1]] = room, slope
    curved: list[Group] = [(at, Sum(tuple(curves)) if curves else Linear(0.0)) for at, curves, _, _ in parts]
    return [PerBucket.of_groups(curved)], rooms, slopes


def has_only_one_table(impact: Impact) -> bool:
    """Whether the kinks of every bucket are those of at most one table of total costs."""
    if isinstance(impact, PerBucket):
        return all(has_only_one_table(part) for _, part in impact.groups)
    kinked = [part for part in impact.addends() if not part.smooth]
    if len(kinked) == 1 and isinstance(kinked[0], (Tabulated, PerBucket)):
        table = kinked[0]
        return has_only_one_table(table) if isinstance(table, PerBucket) else table.quoted == "total"
    return not kinked


def _moved(point: _Point, by: _Point, reach: float) -> _Point:
    """As far along a direction as the limits allow, times `reach`; primal and dual steps of their own."""
    shares = min(1.0, reach * min(_longest(point.above, by.above), _longest(point.below, by.below)))
    prices = min(1.0, reach * min(_longest(point.floor, by.floor), _longest(point.cap, by.cap)))
    return _Point(
        point.above + shares * by.above,
        point.below + shares * by.below,
        point.floor + prices * by.floor,
        point.cap + prices * by.cap,
    )


def _halfway(point: _Point, following: _Point) -> _Point:
    return _Point(
        0.5 * (point.above + following.above),
        0.5 * (point.below + following.below),
        0.5 * (point.floor + following.floor),
        0.5 * (point.cap + following.cap),
    )


def _tridiagonal(diagonal: Array, off: Array) -> Callable[[Array], Array]:
    """Solver of a symmetric positive definite tridiagonal system."""
    if len(diagonal) == 1:
        return lambda right: right / diagonal
    pivots, factors, _ = dpttrf(diagonal, off)
    return lambda right: dpttrs(pivots, factors, right)[0]


def _longest(value: Array, change: Array) -> float:
    """The longest step that keeps value + step * change nonnegative."""
    falls = change < 0
    return float((-value[falls] / change[falls]).min()) if falls.any() else np.inf


def _gap(problem: Problem, x: Array) -> float:
    """Dollars above the bound, as a fraction of the objective."""
    value = problem.objective(x)
    return (value - certify(problem, x).lower_bound) / max(allowance(problem, value, 1.0), TINY)


def _refined(problem: Problem, x: Array) -> Array:
    """Recover small slices to full relative accuracy from the prices that the inventory implies.

    Given the inventory, the buckets are separable again: f_i'(x_i) = lambda - sum_{k<i} q_k R_k.
    """
    risk = problem.terms.find(InventoryRisk)
    return fill(problem, np.zeros(problem.buckets) if risk is None else risk.gradient(problem, x))
