"""Impact given by points: a measured or learned curve, straight between the points."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, ClassVar, Self

import numpy as np

from optexec.models.curvature import Curvature
from optexec.models.errors import InvalidInput
from optexec.models.families import Family
from optexec.models.impact import Piece, declared, straight_inverse
from optexec.models.validation import Array, finite

ROUNDING = 1e-12
"""Slopes that differ by less than this fraction of the largest are one slope."""
SNAP = 1e-7
"""Shares within this fraction of the grid of a point are taken to sit on it."""


@dataclass(frozen=True, eq=False, repr=False, init=False)
class Tabulated(Family):
    """g through points (shares_k, cost_k), straight between them; beyond the last point it keeps its last slope.

    Args:
        shares: grid in shares, (K,) shared by all buckets or (N, K); starts at 0 and increases.
        cost: value of g at the grid, (K,) or (N, K): dollars ("total", 0 at 0 shares) or dollars a share
            ("per_share").
        quoted: "total" or "per_share".

    Raises:
        InvalidInput: fewer than two points, a grid that does not start at 0 or does not increase, a total cost
            that is not 0 at 0 shares, shapes that do not match.

    >>> Tabulated(shares=[0, 100, 200], cost=[0.0, 1.0, 3.0]).cost(np.array([150.0, 300.0])).tolist()
    [2.0, 5.0]
    """

    shares: Any
    cost_at: Any
    axes: ClassVar[int] = 1

    def __init__(self, shares: Any, cost: Any, quoted: str = "total") -> None:
        grid = np.asarray(finite("Tabulated.shares", shares, ndim=2))
        values = np.asarray(finite("Tabulated.cost", cost, ndim=2))
        for name, value in {"shares": grid, "cost_at": values, "quoted": quoted}.items():
            object.__setattr__(self, name, value)
        self._check()
        self._validate()

    @classmethod
    def of_corners(cls, shares: Array, cost: Array) -> Self:
        """Total costs through the corners of convex curves, (N, K) each; not checked, and free to start above 0.

        >>> Tabulated.of_corners(np.array([[0.0, 1.0]]), np.array([[0.5, 1.0]])).cost(np.zeros(1)).tolist()
        [0.5]
        """
        made = object.__new__(cls)
        for name, value in {"shares": shares, "cost_at": cost, "quoted": "total"}.items():
            object.__setattr__(made, name, value)
        return made

    def _check(self) -> None:
        grid, values = self.shares, self.cost_at
        if min(grid.ndim, values.ndim) == 0 or grid.shape[-1] != values.shape[-1] or grid.shape[-1] < 2:
            raise InvalidInput(
                "Tabulated.shares and Tabulated.cost must have the same number of points, two or more, "
                f"got shapes {grid.shape} and {values.shape}"
            )
        if np.any(grid[..., 0] != 0):
            raise InvalidInput(f"Tabulated.shares must start at 0, got {np.ravel(grid[..., 0])[0]:g}; add a point")
        if np.any(np.diff(grid) <= 0):
            raise InvalidInput(f"Tabulated.shares must increase, got {grid.tolist()!r:.80}")
        if self.quoted == "total" and np.any(values[..., 0] != 0):
            raise InvalidInput("Tabulated.cost of 0 shares must be 0 when quoted as a total cost")

    def __repr__(self) -> str:
        return f"Tabulated(shares={self.shares.tolist()!r}, cost={self.cost_at.tolist()!r}, quoted={self.quoted!r})"

    @property
    def parameters(self) -> dict[str, Any]:
        return {"shares": self.shares, "cost_at": self.cost_at}

    @property
    def shape(self) -> tuple[int, ...]:
        return np.broadcast_shapes(self.shares.shape[:-1], self.cost_at.shape[:-1])

    def _lengths(self) -> dict[str, int]:
        told = {"Tabulated.shares": self.shares, "Tabulated.cost": self.cost_at}
        return {name: len(value) for name, value in told.items() if value.ndim == 2}

    def take(self, positions: Any) -> Self:
        return self._with(**{n: v[positions] for n, v in self.parameters.items() if v.ndim == 2})

    @cached_property
    def slopes(self) -> Array:
        """Slope of g on each segment, (K-1,) or (N, K-1)."""
        return np.diff(self.cost_at) / np.diff(self.shares)

    def _at_segment(self, values: Array, segment: Any) -> Array:
        wide = np.broadcast_to(values, (*segment.shape, values.shape[-1]))
        return np.take_along_axis(wide, segment[..., None], axis=-1)[..., 0]

    def _segment(self, x: Array, passed: Any) -> Any:
        """Index of the segment that holds x; `passed(grid, x)` says whether a point lies behind."""
        count = passed(self.shares, np.asarray(x, dtype=float)[..., None]).sum(axis=-1)
        return np.clip(count - 1, 0, self.shares.shape[-1] - 2)

    def _derivatives(self, x: Array, passed: Any) -> tuple[Array, Array]:
        """Value and slope of g on the segment that holds x."""
        segment = self._segment(x, passed)
        slope = self._at_segment(self.slopes, segment)
        start = self._at_segment(self.shares, segment)
        return self._at_segment(self.cost_at, segment) + slope * (x - start), slope

    def curve(self, x: Any, xp: Any = np) -> Any:
        return self._derivatives(x, np.less_equal)[0]

    def _marginal(self, x: Array, passed: Any) -> Array:
        value, slope = self._derivatives(x, passed)
        return value + x * slope if self._order else slope

    def marginal(self, x: Array) -> Array:
        return self._marginal(x, np.less_equal)

    def marginal_left(self, x: Array) -> Array:
        return self._marginal(x, np.less)

    def marginal_slope(self, x: Array) -> Array:
        return 2 * self._order * self._derivatives(x, np.less_equal)[1]

    def curvature(self, hi: Array) -> Curvature:
        """Read off the slopes of the segments that start below `hi`."""
        used = np.broadcast_to(self.shares[..., :-1] < hi[..., None], (*hi.shape, self.shares.shape[-1] - 1))
        slopes = np.broadcast_to(self.slopes, used.shape)
        slack = ROUNDING * np.abs(slopes).max(axis=-1, keepdims=True)
        rises = np.where(used[..., 1:], np.diff(slopes), 0.0)
        up, down = rises >= -slack, rises <= slack
        if self._order:
            convex = up.all(axis=-1) & (~used | (slopes >= -slack)).all(axis=-1)
            concave = down.all(axis=-1) & (~used | (slopes <= slack)).all(axis=-1)
            return Curvature(convex, concave, np.full(hi.shape, np.nan))
        convex, concave = up.all(axis=-1), down.all(axis=-1)
        first_fall = np.argmax(~up, axis=-1) if rises.shape[-1] else np.zeros(hi.shape, dtype=int)
        after = np.arange(rises.shape[-1]) >= first_fall[..., None]
        turns = ~convex & ~concave & (down | ~after).all(axis=-1)
        at = self._at_segment(self.shares, first_fall + 1)
        return Curvature(convex, concave, np.where(turns, at, np.nan))

    @property
    def smooth(self) -> bool:
        return False

    @property
    def quadratic(self) -> bool:
        return not self._order

    def inverse_marginal(self, price: Any, rho: Any = 0.0) -> Array | None:
        """Most shares whose segments all cost at most `price` a share; for convex points quoted in total."""
        if self._order:
            return None
        widths = np.append(np.diff(self.shares)[..., :-1], np.full((*self.shares.shape[:-1], 1), np.inf), axis=-1)
        reach = straight_inverse(np.asarray(price)[..., None], self.slopes, np.asarray(rho)[..., None])
        return np.clip(reach - self.shares[..., :-1], 0.0, widths).sum(axis=-1)

    def snap(self, x: Array) -> Array:
        nearest = np.abs(self.shares - x[..., None]).argmin(axis=-1)
        point = self._at_segment(self.shares, nearest)
        return np.where(np.abs(point - x) <= SNAP * self.shares[..., -1], point, x)

    def has_pieces(self, hi: Array) -> bool:
        return True

    def pieces(self, lo: float, hi: float) -> list[Piece]:
        """Every segment by itself: straight as a total cost, a parabola if quoted per share."""
        inner = self.shares[(self.shares > lo) & (self.shares < hi)].tolist()
        ends = [lo, *inner, hi]
        slope = [float(self._derivatives(np.array(left), np.less_equal)[1]) for left in ends[:-1]]
        return [(a, b, s >= 0 or not self._order) for a, b, s in zip(ends, ends[1:], slope, strict=False)]

    def declare(self, block: Any, x: Mapping[Any, Any], hi: Mapping[Any, float]) -> dict[Any, Any]:
        """Convex points: a variable above every segment's cost. Others: Pyomo's incremental piecewise form."""
        import pyomo.environ as pyo

        block.declared, block.reach = self, dict(hi)
        convex = dict(zip(x, self.curvature(np.array([hi[i] for i in x])).convex.tolist(), strict=True))
        segments = [(i, k) for i in x if convex[i] for k in range(self.shares.shape[-1] - 1)]
        block.value = pyo.Var(list(x))
        block.start, block.level, block.slope = (pyo.Param(segments, mutable=True) for _ in range(3))
        block.through = pyo.Block(list(x))
        self.refresh(block, x, hi)

        @block.Constraint(segments)
        def above(b: Any, i: Any, k: int) -> Any:
            line = b.level[i, k] + b.slope[i, k] * (x[i] - b.start[i, k])
            return b.value[i] >= (x[i] * line if self._order else line)

        for k, i in enumerate(x):
            block.value[i].set_value(block.value[i].ub)
            if not convex[i]:
                block.through[i].curve = self.take(k)._piecewise(x[i], block.value[i], hi[i])
        return {i: x[i] * block.value[i] if self._order and not convex[i] else block.value[i] for i in x}

    def refresh(self, block: Any, x: Mapping[Any, Any], hi: Mapping[Any, float]) -> None:
        """New points, as many as before, for convex curves that stay convex; others are constants of a model."""
        had = declared(block, self)
        if (had.quoted, had.shares.shape[-1]) != (self.quoted, self.shares.shape[-1]):
            raise InvalidInput("the model has a table quoted otherwise, or of more or fewer points")
        for k, i in enumerate(x):
            curve = self.take(k)
            convex = bool(curve.curvature(np.array([hi[i]])).convex[0])
            was_convex = (i, 0) in block.start.index_set()
            if convex != was_convex or not (convex or (hi[i] == block.reach[i] and repr(curve) == repr(had.take(k)))):
                raise InvalidInput(
                    f"the points of bucket {i!r} are constants of the model, for they are not convex up to its cap, or "
                    "were not"
                )
            block.value[i].bounds = curve._range(hi[i])
            if convex:
                curve._write_lines(block, i, hi[i])

    def _range(self, hi: float) -> tuple[float, float]:
        """Least and most of what the model's variable stands for on [0, hi]: the cost, or slippage if not convex."""
        grid = np.append(self.shares[self.shares < hi], hi)
        values = self.cost(grid) if self.curvature(np.array([hi])).convex[0] else self.curve(grid)
        return float(values.min()), float(values.max())

    def _write_lines(self, block: Any, i: Any, hi: float) -> None:
        """The lines that the cost lies above; those of segments beyond the cap give way to the last one below it."""
        below = int(np.count_nonzero(self.shares[:-1] < hi))
        reached = np.minimum(np.arange(len(self.slopes)), max(below - 1, 0))
        for param, values in ((block.start, self.shares), (block.level, self.cost_at), (block.slope, self.slopes)):
            param.store_values({(i, k): value for k, value in enumerate(values[reached].tolist())})

    def _piecewise(self, x: Any, value: Any, hi: float) -> Any:
        import pyomo.environ as pyo

        grid = [*self.shares[self.shares < hi].tolist(), hi]
        points = self.curve(np.array(grid)).tolist()
        return pyo.Piecewise(value, x, pw_pts=grid, f_rule=points, pw_constr_type="EQ", pw_repn="INC")
