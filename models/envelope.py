"""Convex envelopes: the largest convex curve below a cost curve on a bucket's range."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from optexec.models.curvature import Curvature, of_kind
from optexec.models.errors import InvalidInput
from optexec.models.impact import Impact, straight_inverse
from optexec.models.per_bucket import PerBucket
from optexec.models.tabulated import Tabulated
from optexec.models.under_estimate import Vertices, convex_hull, joint_corners
from optexec.models.validation import Array

BISECTIONS = 60
POLYGON = 33
"""Even points of a polygon below a curve of unknown curvature."""
CLOSER = 0.5 ** np.arange(8)
"""Distances, in even steps, of the further points about the shares where it matters."""


@dataclass(frozen=True, eq=False)
class Envelope(Impact):
    """The convex envelope on [lo, hi] of a curve that is convex, concave, or convex up to an inflection.

    It follows the curve up to the point `turn` from which the chord to the curve's end at hi is a tangent, and that
    chord from there on: all of a convex curve, none of a concave one.

    Args:
        base: the curve, of known curvature in every bucket.
        lo, hi: ends of the range in shares, (N,).
        turn: where curve and chord meet in shares, (N,).
        slope: slope of the chord, dollars a share, (N,).

    >>> import optexec as ox
    >>> lo, hi = np.zeros(1), np.full(1, 100.0)
    >>> float(envelope(ox.Power(a=1.0, b=0.5), lo, hi).cost(np.array([25.0]))[0])
    2.5
    """

    base: Impact
    lo: Array
    hi: Array
    turn: Array
    slope: Array

    @property
    def buckets(self) -> int | None:
        return len(self.lo)

    def cost(self, x: Any, xp: Any = np) -> Any:
        return self.base.cost(np.minimum(x, self.turn)) + self.slope * np.maximum(x - self.turn, 0.0)

    def marginal(self, x: Array) -> Array:
        return np.where(x < self.turn, self.base.marginal(np.minimum(x, self.turn)), self.slope)

    def marginal_left(self, x: Array) -> Array:
        on_curve = (x <= self.turn) & (self.turn > self.lo)
        return np.where(on_curve, self.base.marginal_left(np.minimum(x, self.turn)), self.slope)

    def marginal_slope(self, x: Array) -> Array:
        return np.where(x < self.turn, self.base.marginal_slope(np.minimum(x, self.turn)), 0.0)

    def curvature(self, hi: Array) -> Curvature:
        return of_kind(True, self.turn <= self.lo, hi)

    @property
    def smooth(self) -> bool:
        return self.base.smooth

    def inverse_marginal(self, price: Any, rho: Any = 0.0) -> Array | None:
        on_chord = straight_inverse(price, self.slope, rho)
        if np.all(self.turn <= self.lo):
            return np.clip(on_chord, self.lo, self.hi)
        on_curve = self.base.inverse_marginal(price, rho)
        if on_curve is None:
            return None
        return np.clip(np.where(on_chord > self.turn, on_chord, np.minimum(on_curve, self.turn)), self.lo, self.hi)

    def take(self, positions: Any) -> "Envelope":
        arrays = {name: getattr(self, name)[positions] for name in ("lo", "hi", "turn", "slope")}
        return replace(self, base=self.base.take(positions), **arrays)

    def declare(self, block: Any, x: Mapping[Any, Any], hi: Mapping[Any, float]) -> dict[Any, Any]:
        raise NotImplementedError("an envelope bounds a problem; it is solved by water-filling or newton")


def envelope(impact: Impact, lo: Array, hi: Array, near: Array | None = None) -> Impact:
    """A convex impact that nowhere on [lo, hi] exceeds `impact`.

    The convex envelope where the curvature is known or given by points. Other curves (sums of convex and concave ones)
    are first replaced by a polygon below them, which meets them at even steps and close to `near`.

    Args:
        impact: curves that have convex and concave stretches (`has_pieces`).
        lo, hi: ends of each bucket's range in shares, (N,).
        near: shares about which a polygon should be tight, (N,); the middle of the range by default.

    >>> import optexec as ox
    >>> chord = envelope(ox.Exponential(a=10.0, b=0.1), np.zeros(1), np.full(1, 20.0))
    >>> chord.cost(np.array([10.0])).round(3).tolist(), ox.Exponential(a=10.0, b=0.1).cost(10.0).round(3).item()
    ([4.323], 6.321)
    """
    near = 0.5 * (lo + hi) if near is None else near
    if isinstance(impact, PerBucket):
        return PerBucket.of_groups([(at, envelope(part, lo[at], hi[at], near[at])) for at, part in impact.groups])
    if impact.smooth and impact.curvature(hi).known.all():
        return _tangent_chords(impact, lo, hi)
    return _hulls(impact, lo, hi, near)


def is_exact(impact: Impact, lo: Array, hi: Array) -> bool:
    """Whether `envelope` gives the convex envelope itself, with no polygon in between.

    >>> import optexec as ox
    >>> lo, hi, curve = np.zeros(1), np.full(1, 20.0), ox.Exponential(a=10.0, b=0.1)
    >>> is_exact(curve, lo, hi), is_exact(curve + ox.Power(a=0.1, b=2.0), lo, hi)
    (True, False)
    """
    if isinstance(impact, PerBucket):
        return all(is_exact(part, lo[at], hi[at]) for at, part in impact.groups)
    table = isinstance(impact, Tabulated) and impact.quoted == "total"
    return table or (impact.smooth and bool(impact.curvature(hi).known.all()))


def splice(curves: Any, impact: Any, i: int, lo: float, hi: float, near: float) -> Impact:
    """Envelopes of an impact with those of bucket i made anew for another range.

    Args:
        curves: what `envelope(impact, ...)` gave.
        impact: the curves themselves.
        i: position of the bucket.
        lo, hi: ends of its new range in shares.
        near: shares about which a polygon should be tight.

    >>> import optexec as ox
    >>> root = ox.Power(a=1.0, b=[0.5, 0.5])
    >>> whole = envelope(root, np.zeros(2), np.full(2, 100.0))
    >>> splice(whole, root, 1, 0.0, 25.0, 10.0).cost(np.array([16.0, 16.0])).tolist()
    [1.6, 3.2]
    """
    if isinstance(curves, PerBucket):
        number, place = curves.home(i)
        positions, group = curves.groups[number]
        changed = (positions, splice(group, impact.groups[number][1], place, lo, hi, near))
        return PerBucket.of_groups([*curves.groups[:number], changed, *curves.groups[number + 1 :]])
    ends = np.array([lo]), np.array([hi])
    alone = impact.take(slice(i, i + 1))
    if isinstance(curves, Tabulated):
        return _splice_tables(curves, i, _hulls(alone, *ends, np.array([near])))
    one = _tangent_chords(alone, *ends)
    arrays = {name: getattr(curves, name).copy() for name in ("lo", "hi", "turn", "slope")}
    for name, values in arrays.items():
        values[i] = getattr(one, name)[0]
    return replace(curves, **arrays)


def straight_stretch(curves: Any, i: int, at: float) -> tuple[float, float]:
    """Ends of the straight stretch of bucket i's envelope that holds `at`; `at` twice where it is curved.

    >>> import optexec as ox
    >>> root = ox.Power(a=1.0, b=[0.5, 2.0])
    >>> curves = envelope(root, np.zeros(2), np.full(2, 100.0))
    >>> straight_stretch(curves, 0, 30.0), straight_stretch(curves, 1, 30.0)
    ((0.0, 100.0), (30.0, 30.0))
    """
    if isinstance(curves, PerBucket):
        number, place = curves.home(i)
        return straight_stretch(curves.groups[number][1], place, at)
    if isinstance(curves, Tabulated):
        k = int(np.clip(np.searchsorted(curves.shares[i], at, side="right"), 1, curves.shares.shape[1] - 1))
        return float(curves.shares[i, k - 1]), float(curves.shares[i, k])
    return (float(curves.turn[i]), float(curves.hi[i])) if at > curves.turn[i] else (at, at)


def _splice_tables(curves: Tabulated, i: int, one: Tabulated) -> Tabulated:
    points = max(curves.shares.shape[1], one.shares.shape[1])
    shares, cost = curves.shares.copy(), curves.cost_at.copy()
    if points > shares.shape[1]:
        rows = [_padded(x, y, points) for x, y in zip(shares, cost, strict=True)]
        shares, cost = np.array([x for x, _ in rows]), np.array([y for _, y in rows])
    shares[i], cost[i] = _padded(one.shares[0], one.cost_at[0], points)
    return Tabulated.of_corners(shares, cost)


def _tangent_chords(impact: Impact, lo: Array, hi: Array) -> Envelope:
    shape = impact.curvature(hi)
    if not shape.known.all():
        raise InvalidInput(f"the curvature of {impact!r:.80} is unknown: it has no envelope")
    bends = np.where(shape.convex, hi, np.where(shape.concave, lo, np.clip(shape.inflection, lo, hi)))
    turn = np.where(bends >= hi, hi, lo)
    both = (bends > lo) & (bends < hi)
    if both.any():
        turn = np.where(both, _touching(impact, lo, bends, hi), turn)
    level, width = impact.cost(turn), hi - turn
    rise = impact.cost(hi) - level
    slope = np.divide(rise, width, out=np.zeros(len(lo)), where=width > 0)
    with np.errstate(divide="ignore"):
        end = impact.marginal_left(hi)
    return Envelope(impact, lo, hi, turn, np.where((width > 0) | ~np.isfinite(end), slope, end))


def _touching(impact: Impact, lo: Array, bends: Array, hi: Array) -> Array:
    """The point of [lo, bends] whose tangent passes through the curve's end at hi; lo if every tangent passes below.

    The tangent's height at hi grows along the convex stretch, so bisection finds the point.
    """
    end = impact.cost(hi)

    def overshoots(at: Array) -> Any:
        return impact.cost(at) + impact.marginal(at) * (hi - at) >= end

    left, right = lo, bends
    for _ in range(BISECTIONS):
        middle = 0.5 * (left + right)
        over = overshoots(middle)
        left, right = np.where(over, left, middle), np.where(over, middle, right)
    return np.where(overshoots(lo), lo, left)


def _hulls(impact: Impact, lo: Array, hi: Array, near: Array) -> Tabulated:
    """Lower convex hulls of polygons below the curves, one row a bucket; exact for tables of total costs."""
    exact = isinstance(impact, Tabulated) and impact.quoted == "total"
    ranges = enumerate(zip(lo.tolist(), hi.tolist(), near.tolist(), strict=True))
    hulls = [
        convex_hull(joint_corners(impact.take(k), a, b, np.zeros(0) if exact else _corner_points(a, b, at)))
        for k, (a, b, at) in ranges
    ]
    points = 1 + max(2, *(len(x) for x, _ in hulls))
    rows = [_padded(x, y, points) for x, y in hulls]
    return Tabulated.of_corners(np.array([x for x, _ in rows]), np.array([y for _, y in rows]))


def _corner_points(lo: float, hi: float, near: float) -> Array:
    """Even steps over the range, and steps that shrink towards `near` from both sides."""
    steps = (hi - lo) / POLYGON * CLOSER
    about = np.concatenate([near - steps, [near], near + steps])
    return np.unique(np.clip(np.concatenate([np.linspace(lo, hi, POLYGON), about]), lo, hi))


def _padded(x: Array, y: Array, points: int) -> Vertices:
    """A hull continued to 0 shares on its first slope, and to a number of points on its last."""
    slopes = np.diff(y) / np.diff(x) if len(x) > 1 else np.zeros(1)
    if x[0] > 0:
        x, y = np.append(0.0, x), np.append(y[0] - slopes[0] * x[0], y)
    beyond = max(x[-1], 1.0) * np.arange(1, points - len(x) + 1)
    return np.append(x, x[-1] + beyond), np.append(y, y[-1] + slopes[-1] * beyond)
