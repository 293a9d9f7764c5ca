"""Convex costs taken apart into smooth curves and the straight segments of tables."""

from typing import Any

import numpy as np

from optexec.models.families import Linear
from optexec.models.impact import Impact, Sum
from optexec.models.per_bucket import Group, PerBucket
from optexec.models.tabulated import Tabulated
from optexec.models.validation import Array


def segments(impact: Impact, lo: Array, hi: Array) -> tuple[list[Impact], Array, Array]:
    """Curved impacts, and widths and slopes of the straight segments of each bucket on [lo, hi], (..., N, K).

    Args:
        impact: convex costs, with kinks in at most one table a bucket.
        lo, hi: floors and caps in shares, (..., N).

    >>> import optexec as ox
    >>> both = ox.Tabulated([0, 100, 200], [0.0, 1.0, 3.0]) + ox.Power(1e-6, 2.0)
    >>> curves, widths, slopes = segments(both, np.zeros(1), np.array([150.0]))
    >>> len(curves), widths.tolist(), slopes.tolist()
    (1, [[100.0, 50.0]], [[0.01, 0.02]])
    """
    if isinstance(impact, PerBucket):
        return _split_groups(impact, lo, hi)
    curves = [part for part in impact.addends() if part.smooth]
    kinked = [part for part in impact.addends() if not part.smooth]
    if not kinked:
        return curves, (hi - lo)[..., None], np.zeros((*lo.shape, 1))
    if isinstance(kinked[0], PerBucket):
        inner, room, slope = segments(kinked[0], lo, hi)
        return curves + inner, room, slope
    table: Any = kinked[0]
    grid = np.broadcast_to(table.shares, (*lo.shape, table.shares.shape[-1]))
    starts, ends = (np.clip(edge, lo[..., None], hi[..., None]) for edge in (grid[..., :-1], grid[..., 1:]))
    ends[..., -1] = hi
    return curves, ends - starts, np.broadcast_to(table.slopes, starts.shape)


def _split_groups(impact: PerBucket, lo: Array, hi: Array) -> tuple[list[Impact], Array, Array]:
    parts = [(at, *segments(part, lo[..., at], hi[..., at])) for at, part in impact.groups]
    widest = max(room.shape[-1] for _, _, room, _ in parts)
    rooms, slopes = np.zeros((2, *lo.shape, widest))
    for at, _, room, slope in parts:
        rooms[..., at, : room.shape[-1]], slopes[..., at, : room.shape[-1]] = room, slope
    curved: list[Group] = [(at, joined(curves)) for at, curves, _, _ in parts]
    return [PerBucket.of_groups(curved)], rooms, slopes


def joined(curves: list[Impact]) -> Impact:
    """The sum of curves, of which there may be none.

    >>> joined([])
    Linear(slope=0.0, quoted='total')
    """
    if len(curves) == 1:
        return curves[0]
    return Sum.of_parts(curves) if curves else Linear(0.0)


def has_only_one_table(impact: Impact) -> bool:
    """Whether the kinks of every bucket are those of at most one table of total costs.

    >>> import optexec as ox
    >>> table = ox.Tabulated([0, 100, 200], [0.0, 1.0, 3.0])
    >>> has_only_one_table(table + ox.Linear(0.01)), has_only_one_table(table + table)
    (True, False)
    """
    if isinstance(impact, PerBucket):
        return all(has_only_one_table(part) for _, part in impact.groups)
    kinked = [part for part in impact.addends() if not part.smooth]
    if len(kinked) == 1 and isinstance(kinked[0], (Tabulated, PerBucket)):
        table = kinked[0]
        return has_only_one_table(table) if isinstance(table, PerBucket) else table.quoted == "total"
    return not kinked
