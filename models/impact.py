"""Impact: what it costs to trade x shares in a bucket. This is the part that every curve shares; see `families`."""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, reduce
from operator import add
from typing import Any

import numpy as np

from optexec.models.curvature import Curvature, of_sum
from optexec.models.errors import InvalidInput
from optexec.models.marginal_law import MarginalLaw, line
from optexec.models.validation import Array, common_length

Piece = tuple[float, float, bool]
"""(left, right, convex): a stretch in shares on which a curve is convex (else concave)."""


class Impact(ABC):
    """Total cost c_i(x) in dollars of trading x shares in bucket i, and what the solvers need to know of it.

    Arrays of shares have one entry a bucket in their last axis. Impacts add up with `+`.
    A family of your own derives from `Family`.

    >>> import optexec as ox
    >>> impact = ox.Linear(0.01) + ox.Power(a=[2e-5, 1e-5], b=1.0, quoted="per_share")
    >>> isinstance(impact, Impact), impact.buckets
    (True, 2)
    >>> x = np.array([1_000.0, 1_000.0])
    >>> impact.cost(x).tolist(), impact.marginal(x).round(6).tolist()
    ([30.0, 20.0], [0.05, 0.03])
    >>> impact.curvature(hi=x).names()
    ['convex', 'convex']
    """

    @property
    @abstractmethod
    def buckets(self) -> int | None:
        """Number of buckets that the parameters imply; None if all are scalars."""

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of the curves: () if all buckets share one, (N,), or (M, N) for the buckets of M orders."""
        return () if self.buckets is None else (self.buckets,)

    @abstractmethod
    def cost(self, x: Any, xp: Any = np) -> Any:
        """Total cost in dollars; `xp` is the namespace of exp and log: numpy or pyomo.environ."""

    @abstractmethod
    def marginal(self, x: Array) -> Array:
        """Right-hand derivative of the cost, dollars a share."""

    def marginal_left(self, x: Array) -> Array:
        """Left-hand derivative of the cost; differs from `marginal` at a kink only."""
        return self.marginal(x)

    def marginal_law(self) -> MarginalLaw | None:
        """The marginal cost as a power and a straight line; None where it is not of that form."""
        return None

    def first_price(self, shape: tuple[int, ...]) -> Array:
        """Marginal cost of the first share in each bucket, dollars a share; (N,), or (M, N) for M orders."""
        return self.marginal(np.zeros(shape))

    @abstractmethod
    def marginal_slope(self, x: Array) -> Array:
        """Second derivative of the cost, dollars a share squared."""

    @abstractmethod
    def curvature(self, hi: Array) -> Curvature:
        """Shape of each bucket's curve on [0, hi]; `hi` has one entry a bucket."""

    @property
    def smooth(self) -> bool:
        """Whether the marginal cost has no jumps."""
        return True

    @property
    def quadratic(self) -> bool:
        """Whether `declare` writes the cost with linear and quadratic terms and linear constraints only."""
        return False

    def inverse_marginal(self, price: Any, rho: Any = 0.0) -> Array | None:
        """Shares at which marginal cost + rho x is `price`, before limits; None where no closed form exists."""
        return None

    def snap(self, x: Array) -> Array:
        """`x` with entries that sit within rounding of a kink moved onto it."""
        return x

    @abstractmethod
    def take(self, positions: Any) -> "Impact":
        """The impact of the buckets at these positions (an integer gives a scalar impact)."""

    def has_pieces(self, hi: Array) -> bool:
        """Whether `pieces` can split every addend of every bucket on [0, hi]."""
        return bool(self.curvature(hi).known.all())

    def pieces(self, lo: float, hi: float) -> list[Piece]:
        """Convex and concave stretches of [lo, hi] in shares; for a scalar impact that has them.

        Raises:
            InvalidInput: a curve of unknown curvature.

        >>> import optexec as ox
        >>> ox.Exponential(a=1.0, b=0.01, quoted="per_share").pieces(0.0, 500.0)
        [(0.0, 200.0, True), (200.0, 500.0, False)]
        """
        shape = self.curvature(np.array([hi]))
        if not shape.known[0]:
            raise InvalidInput(f"the curvature of {self!r} is unknown on [{lo:g}, {hi:g}]")
        turn = float(shape.inflection[0])
        if lo < turn < hi:
            return [(lo, turn, True), (turn, hi, False)]
        return [(lo, hi, bool(shape.convex[0]) or hi <= turn)]

    def addends(self) -> list["Impact"]:
        """The impacts that this one is a sum of; itself if it is not a sum."""
        return [self]

    @abstractmethod
    def declare(self, block: Any, x: Mapping[Any, Any], hi: Mapping[Any, float]) -> dict[Any, Any]:
        """Put parameters and auxiliary constraints on a Pyomo block; return the cost expression of each bucket.

        Args:
            block: an empty Pyomo Block to write on.
            x: bucket label -> Pyomo variable, in the order of the buckets.
            hi: bucket label -> the most shares that the bucket may trade.
        """

    def refresh(self, block: Any, x: Mapping[Any, Any], hi: Mapping[Any, float]) -> None:
        """Write this impact's numbers into the mutable Params of a block that one of its structure has declared.

        Args:
            block, x, hi: as in `declare`.

        Raises:
            InvalidInput: another structure, or numbers that the block holds as constants; all of them by default.
        """
        raise InvalidInput(f"a model cannot take other numbers of {type(self).__name__}, which has no method `refresh`")

    def __add__(self, other: "Impact") -> "Impact":
        """The impact whose cost is the sum of both costs."""
        if not isinstance(other, Impact):
            return NotImplemented
        return Sum((*self.addends(), *other.addends()))


def declared(block: Any, impact: Impact) -> Any:
    """The impact that has declared a block, which must be of the class of the one whose numbers it is to take.

    Raises:
        InvalidInput: an impact of another class.
    """
    found = getattr(block, "declared", None)
    if type(found) is not type(impact):
        raise InvalidInput(
            f"the model has an impact of class {type(found).__name__} where the declaration has {type(impact).__name__}"
        )
    return found


def straight_inverse(price: Any, level: Any, steepness: Any) -> Array:
    """Most shares at which level + steepness x is at most `price`: unlimited or none where it is flat.

    >>> straight_inverse(3.0, np.array([1.0, 1.0, 5.0]), np.array([0.5, 0.0, 0.0])).tolist()
    [4.0, inf, 0.0]
    """
    with np.errstate(divide="ignore", invalid="ignore"):
        rising = (price - level) / np.asarray(steepness)
    unlimited = np.where(np.asarray(price) >= level, np.inf, 0.0)
    return np.where(np.asarray(steepness) > 0, np.maximum(rising, 0.0), unlimited)


@dataclass(frozen=True, eq=False)
class Sum(Impact):
    """Impacts that add up; written `a + b`.

    Args:
        parts: the addends.

    Raises:
        InvalidInput: addends with different numbers of buckets.

    >>> import optexec as ox
    >>> impact = ox.Linear(0.01) + ox.Power(a=2e-6, b=2)
    >>> float(impact.cost(np.array([100.0]))[0])
    1.02
    """

    parts: tuple[Impact, ...]

    def __post_init__(self) -> None:
        lengths = {f"impact {k + 1}": part.buckets for k, part in enumerate(self.parts)}
        common_length({name: n for name, n in lengths.items() if n is not None})

    def __repr__(self) -> str:
        return " + ".join(map(repr, self.parts))

    @classmethod
    def of_parts(cls, parts: Sequence[Impact]) -> "Sum":
        """The sum of impacts that are known to fit together."""
        made = object.__new__(cls)
        object.__setattr__(made, "parts", tuple(parts))
        return made

    @property
    def buckets(self) -> int | None:
        return next((part.buckets for part in self.parts if part.buckets is not None), None)

    @property
    def shape(self) -> tuple[int, ...]:
        return np.broadcast_shapes(*(part.shape for part in self.parts))

    def cost(self, x: Any, xp: Any = np) -> Any:
        return reduce(add, (part.cost(x, xp) for part in self.parts))

    def marginal(self, x: Array) -> Array:
        return reduce(add, (part.marginal(x) for part in self.parts))

    def marginal_left(self, x: Array) -> Array:
        return reduce(add, (part.marginal_left(x) for part in self.parts))

    def marginal_slope(self, x: Array) -> Array:
        return reduce(add, (part.marginal_slope(x) for part in self.parts))

    def marginal_law(self) -> MarginalLaw | None:
        law: MarginalLaw | None = line(0.0, 0.0)
        for part in self.parts:
            law = None if law is None else law.plus(part.marginal_law())
        return law

    def first_price(self, shape: tuple[int, ...]) -> Array:
        return reduce(add, (part.first_price(shape) for part in self.parts))

    def curvature(self, hi: Array) -> Curvature:
        return of_sum([part.curvature(hi) for part in self.parts])

    @property
    def smooth(self) -> bool:
        return all(part.smooth for part in self.parts)

    @property
    def quadratic(self) -> bool:
        return all(part.quadratic for part in self.parts)

    def inverse_marginal(self, price: Any, rho: Any = 0.0) -> Array | None:
        """Closed where one addend has a closed form and the others are straight lines."""
        curved, straight = self._split
        if curved:
            return curved[0].inverse_marginal(price - straight, rho) if len(curved) == 1 else None
        return straight_inverse(price, straight, rho)

    @cached_property
    def _split(self) -> tuple[list[Impact], Array]:
        """The addends that are not straight lines, and the marginal cost of the others."""
        one = np.ones(self.shape or 1)
        straight = [bool(part.curvature(np.inf * one).linear.all()) for part in self.parts]
        slopes = [part.marginal(one) for part, is_straight in zip(self.parts, straight, strict=True) if is_straight]
        return [p for p, s in zip(self.parts, straight, strict=True) if not s], sum(slopes, start=np.zeros(1))

    def snap(self, x: Array) -> Array:
        return reduce(lambda y, part: part.snap(y), self.parts, x)

    def has_pieces(self, hi: Array) -> bool:
        return all(part.has_pieces(hi) for part in self.parts)

    def take(self, positions: Any) -> Impact:
        return Sum(tuple(part.take(positions) for part in self.parts))

    def addends(self) -> list[Impact]:
        return list(self.parts)

    def declare(self, block: Any, x: Mapping[Any, Any], hi: Mapping[Any, float]) -> dict[Any, Any]:
        import pyomo.environ as pyo

        block.declared = self
        block.addend = pyo.Block(range(1, len(self.parts) + 1))
        costs = [part.declare(block.addend[k + 1], x, hi) for k, part in enumerate(self.parts)]
        return {i: reduce(add, (cost[i] for cost in costs)) for i in x}

    def refresh(self, block: Any, x: Mapping[Any, Any], hi: Mapping[Any, float]) -> None:
        count = len(declared(block, self).parts)
        if count != len(self.parts):
            raise InvalidInput(f"the model has a sum of {count} impacts, not of {len(self.parts)}")
        for k, part in enumerate(self.parts):
            part.refresh(block.addend[k + 1], x, hi)
