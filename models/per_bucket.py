"""Different impact families in one problem: one impact a bucket."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from optexec.models.curvature import Curvature
from optexec.models.errors import InvalidInput
from optexec.models.families import Family
from optexec.models.impact import Impact, Sum, declared
from optexec.models.marginal_law import MarginalLaw
from optexec.models.validation import Array

Group = tuple[Any, Impact]
"""Positions of buckets, and their impact with one value a bucket."""


class PerBucket(Impact):
    """One impact for each bucket, of any family each.

    Args:
        impacts: an impact with scalar parameters for every bucket, in order.

    Raises:
        InvalidInput: no impacts, something that is not an impact, an impact with one value a bucket.

    >>> import optexec as ox
    >>> mixed = PerBucket([ox.Linear(0.01), ox.Power(a=1.0, b=0.5), ox.Linear(0.02)])
    >>> mixed.cost(np.array([100.0, 16.0, 100.0])).tolist()
    [1.0, 4.0, 2.0]
    """

    def __init__(self, impacts: Sequence[Impact]) -> None:
        impacts = tuple(impacts)
        if not impacts:
            raise InvalidInput("PerBucket needs one impact a bucket, got none")
        for k, impact in enumerate(impacts):
            if not isinstance(impact, Impact):
                raise InvalidInput(f"PerBucket[{k}] must be an impact, got {impact!r:.80}")
            if impact.buckets is not None:
                raise InvalidInput(f"PerBucket[{k}] must have scalar parameters, got {impact.buckets} values")
        self.groups = _grouped(impacts)

    @classmethod
    def of_groups(cls, groups: Sequence[Group]) -> "PerBucket":
        """The impact whose buckets at `positions` are those of the group's impact, for positions that cover 0..N-1."""
        made = object.__new__(cls)
        made.groups = list(groups)
        return made

    def __repr__(self) -> str:
        return f"PerBucket([{', '.join(repr(self.take(k)) for k in range(self.buckets))}])"

    @property
    def buckets(self) -> int:
        return sum(len(positions) for positions, _ in self.groups)

    @property
    def shape(self) -> tuple[int, ...]:
        orders = np.broadcast_shapes(*(impact.shape[:-1] for _, impact in self.groups))
        return (*orders, self.buckets)

    def home(self, i: int) -> tuple[int, int]:
        """Number of the group that holds bucket i, and the bucket's place in it.

        Raises:
            InvalidInput: a position beyond the buckets.
        """
        for number, (positions, _) in enumerate(self.groups):
            place = np.flatnonzero(positions == i)
            if place.size:
                return number, int(place[0])
        raise InvalidInput(f"there is no bucket {i} among {self.buckets}")

    def _gather(self, x: Array, evaluate: Callable[[Impact, Any], Array]) -> Array:
        out = np.empty(np.shape(x))
        for positions, impact in self.groups:
            out[..., positions] = evaluate(impact, positions)
        return out

    def cost(self, x: Any, xp: Any = np) -> Any:
        return self._gather(x, lambda impact, at: impact.cost(x[..., at]))

    def marginal(self, x: Array) -> Array:
        return self._gather(x, lambda impact, at: impact.marginal(x[..., at]))

    def marginal_left(self, x: Array) -> Array:
        return self._gather(x, lambda impact, at: impact.marginal_left(x[..., at]))

    def marginal_slope(self, x: Array) -> Array:
        return self._gather(x, lambda impact, at: impact.marginal_slope(x[..., at]))

    def curvature(self, hi: Array) -> Curvature:
        out = Curvature(np.empty(hi.shape, bool), np.empty(hi.shape, bool), np.empty(hi.shape))
        for at, impact in self.groups:
            shape = impact.curvature(hi[..., at])
            out.convex[..., at], out.concave[..., at], out.inflection[..., at] = (
                shape.convex,
                shape.concave,
                shape.inflection,
            )
        return out

    def marginal_law(self) -> MarginalLaw | None:
        gathered = np.empty((len(MarginalLaw._fields), *self.shape))
        for at, impact in self.groups:
            law = impact.marginal_law()
            if law is None:
                return None
            for whole, part in zip(gathered, law, strict=True):
                whole[..., at] = part
        return MarginalLaw(*gathered)

    @property
    def smooth(self) -> bool:
        return all(impact.smooth for _, impact in self.groups)

    @property
    def quadratic(self) -> bool:
        return all(impact.quadratic for _, impact in self.groups)

    def inverse_marginal(self, price: Any, rho: Any = 0.0) -> Array | None:
        shape = np.broadcast_shapes(np.shape(price), np.shape(rho), (self.buckets,))
        prices, rhos = np.broadcast_to(price, shape), np.broadcast_to(rho, shape)
        out = np.empty(shape)
        for at, impact in self.groups:
            part = impact.inverse_marginal(prices[..., at], rhos[..., at])
            if part is None:
                return None
            out[..., at] = part
        return out

    def snap(self, x: Array) -> Array:
        return self._gather(x, lambda impact, at: impact.snap(x[..., at]))

    def has_pieces(self, hi: Array) -> bool:
        return all(impact.has_pieces(hi[at]) for at, impact in self.groups)

    def take(self, positions: Any) -> Impact:
        if isinstance(positions, (int, np.integer)):
            number, place = self.home(int(positions))
            return self.groups[number][1].take(place)
        wanted = np.arange(self.buckets)[positions]
        home, seat = np.empty((2, self.buckets), dtype=np.intp)
        for k, (at, _) in enumerate(self.groups):
            home[at], seat[at] = k, np.arange(len(at))
        found = [(np.flatnonzero(home[wanted] == k), impact) for k, (_, impact) in enumerate(self.groups)]
        return PerBucket.of_groups([(at, impact.take(seat[wanted[at]])) for at, impact in found if at.size])

    def declare(self, block: Any, x: Mapping[Any, Any], hi: Mapping[Any, float]) -> dict[Any, Any]:
        import pyomo.environ as pyo

        block.declared = self
        block.family = pyo.Block(range(1, len(self.groups) + 1))
        costs: dict[Any, Any] = {}
        for k, (positions, impact) in enumerate(self.groups):
            costs |= impact.declare(block.family[k + 1], _members(x, positions), hi)
        return {i: costs[i] for i in x}

    def refresh(self, block: Any, x: Mapping[Any, Any], hi: Mapping[Any, float]) -> None:
        had = [positions.tolist() for positions, _ in declared(block, self).groups]
        if had != [positions.tolist() for positions, _ in self.groups]:
            raise InvalidInput("the model has other families in some of the buckets")
        for k, (positions, impact) in enumerate(self.groups):
            impact.refresh(block.family[k + 1], _members(x, positions), hi)


def _members(x: Mapping[Any, Any], positions: Any) -> dict[Any, Any]:
    """The entries of x at these positions."""
    labels = list(x)
    return {labels[p]: x[labels[p]] for p in positions}


def structure(impact: Impact) -> Any:
    """Impacts of equal structure differ in their parameters only, and can be evaluated as one.

    >>> import optexec as ox
    >>> [structure(ox.Linear(0.01)) == structure(other) for other in (ox.Linear(0.02), ox.Linear([0.01]))]
    [True, False]
    """
    if isinstance(impact, Sum):
        return tuple(structure(part) for part in impact.parts)
    if isinstance(impact, PerBucket):
        return tuple((positions.tobytes(), structure(part)) for positions, part in impact.groups)
    if isinstance(impact, Family):
        return type(impact), impact.quoted, tuple(getattr(v, "shape", ()) for v in impact.parameters.values())
    return id(impact)


def rows(impacts: Sequence[Impact]) -> Impact:
    """One impact of arrays (M, N) of shares whose row m has the curves of impact m.

    Args:
        impacts: M impacts of equal `structure`.

    >>> import optexec as ox
    >>> both = rows([ox.Linear([0.01, 0.02]), ox.Linear([0.03, 0.04])])
    >>> both.cost(np.full((2, 2), 100.0)).tolist()
    [[1.0, 2.0], [3.0, 4.0]]
    """
    first = impacts[0]
    members: list[Any] = list(impacts)
    if isinstance(first, Sum):
        return Sum.of_parts([rows(parts) for parts in zip(*(m.parts for m in members), strict=True)])
    if isinstance(first, PerBucket):
        groups = zip(*(m.groups for m in members), strict=True)
        return PerBucket.of_groups([(alike[0][0], rows([part for _, part in alike])) for alike in groups])
    if isinstance(first, Family):
        values = {n: np.array([m.parameters[n] for m in members]) for n in first.parameters}
        shared = 1 + first.axes
        return first._with(**{n: v[:, None] if v.ndim == shared else v for n, v in values.items()})
    return first


def remade(impact: Impact, change: Callable[[Array], Array]) -> Impact:
    """The impact made by `rows` with every array of parameters changed, such as to some of its rows.

    >>> import optexec as ox
    >>> both = rows([ox.Linear([0.01, 0.02]), ox.Linear([0.03, 0.04])])
    >>> remade(both, lambda values: values[1:]).slope.tolist()
    [[0.03, 0.04]]
    """
    if isinstance(impact, Sum):
        return Sum.of_parts([remade(part, change) for part in impact.parts])
    if isinstance(impact, PerBucket):
        return PerBucket.of_groups([(positions, remade(part, change)) for positions, part in impact.groups])
    if isinstance(impact, Family):
        arrays = {n: v for n, v in impact.parameters.items() if isinstance(v, np.ndarray)}
        return impact._with(**{name: change(value) for name, value in arrays.items()})
    return impact


def _stacked(impacts: Sequence[Impact]) -> Impact:
    first = impacts[0]
    if isinstance(first, Sum):
        parts = zip(*(impact.addends() for impact in impacts), strict=True)
        return Sum(tuple(_stacked(part) for part in parts))
    if isinstance(first, Family):
        members: list[Any] = list(impacts)
        return first._with(**{n: np.array([m.parameters[n] for m in members]) for n in first.parameters})
    return first


def _grouped(impacts: Sequence[Impact]) -> list[Group]:
    """(positions, impact) for each structure that occurs, the impact with its members' parameters stacked."""
    members: dict[Any, list[int]] = {}
    for position, impact in enumerate(impacts):
        members.setdefault(structure(impact), []).append(position)
    return [(np.array(at), _stacked([impacts[p] for p in at])) for at in members.values()]
