"""The smooth impact families; each formula is written once and serves arrays and Pyomo expressions alike."""

from abc import abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, fields
from functools import cache, cached_property
from typing import Any, ClassVar, Self

import numpy as np

from optexec.models.curvature import Curvature, of_kind
from optexec.models.errors import InvalidInput, unknown_name
from optexec.models.impact import Impact, declared, straight_inverse
from optexec.models.marginal_law import MarginalLaw, line
from optexec.models.validation import Array, Parameter, common_length, finite, nonnegative, positive

QUOTATIONS = ("total", "per_share")


class Family(Impact):
    """An impact given by a formula g(x) with parameters, and by how g is quoted.

    With `quoted="total"`, g(x) is the cost of x shares; with `quoted="per_share"` it is the slippage of each of
    them, and the cost is x g(x). A family is a frozen dataclass: every field but `quoted` is a parameter, a
    scalar or one value a bucket.

    >>> import optexec as ox
    >>> curve = ox.Power(a=[2.0, 1.0], b=0.5)
    >>> isinstance(curve, Family), curve.quoted, curve.parameters["b"], curve.buckets
    (True, 'total', 0.5, 2)
    >>> curve.cost(np.array([4.0, 4.0])).tolist()
    [4.0, 2.0]
    >>> ox.Power(a=[2.0, 1.0], b=0.5, quoted="per_share").cost(np.array([4.0, 4.0])).tolist()
    [16.0, 8.0]
    """

    quoted: str
    exponents: ClassVar[tuple[str, ...]] = ()
    """Parameters that a Pyomo model holds as constants, because they decide whether it is linear or quadratic."""
    axes: ClassVar[int] = 0
    """Dimensions of the parameter of one curve: 0 for a number, 1 for a list of points."""

    def _validate(self, **rules: Any) -> None:
        """Clean each parameter with its rule, and hold their lengths together."""
        for name, rule in rules.items():
            value = rule(f"{type(self).__name__}.{name}", getattr(self, name))
            object.__setattr__(self, name, value)
        if self.quoted not in QUOTATIONS:
            raise unknown_name("quotation", self.quoted, QUOTATIONS)
        common_length(self._lengths())

    def _lengths(self) -> dict[str, int]:
        prefix = type(self).__name__
        return {f"{prefix}.{n}": len(v) for n, v in self.parameters.items() if isinstance(v, np.ndarray)}

    @property
    def parameters(self) -> dict[str, Any]:
        """Name -> value of each parameter."""
        return {name: getattr(self, name) for name in _parameter_names(type(self))}

    @property
    def buckets(self) -> int | None:
        return self.shape[-1] if self.shape else None

    @property
    def shape(self) -> tuple[int, ...]:
        return np.broadcast_shapes(*(np.shape(v) for v in self.parameters.values()))

    @property
    def _order(self) -> int:
        """Power of x that turns g into the total cost: 1 if quoted per share, else 0."""
        return int(self.quoted == "per_share")

    def __repr__(self) -> str:
        told = [f"{n}={np.asarray(v).tolist()!r}" for n, v in self.parameters.items()]
        return f"{type(self).__name__}({', '.join(told)}, quoted={self.quoted!r})"

    def _with(self, **parameters: Any) -> Self:
        """A copy with other parameters, taken as they are: slices of clean arrays, or Pyomo Params."""
        copy = object.__new__(type(self))
        for name, value in {**self.parameters, "quoted": self.quoted, **parameters}.items():
            object.__setattr__(copy, name, value)
        return copy

    def take(self, positions: Any) -> Self:
        arrays = {n: v[positions] for n, v in self.parameters.items() if isinstance(v, np.ndarray)}
        return self._with(**{n: float(v) if v.ndim == 0 else v for n, v in arrays.items()})

    def declare(self, block: Any, x: Mapping[Any, Any], hi: Mapping[Any, float]) -> dict[Any, Any]:
        """One Param a parameter, indexed by bucket; the cost is the family's own formula over them."""
        import pyomo.environ as pyo

        block.declared = self
        for name, values in self._by_label(x).items():
            mutable = name not in self.exponents
            block.add_component(name, pyo.Param(list(x), initialize=values, mutable=mutable))
        names = list(self.parameters)
        return {i: self._with(**{n: block.find_component(n)[i] for n in names}).cost(x[i], pyo) for i in x}

    def refresh(self, block: Any, x: Mapping[Any, Any], hi: Mapping[Any, float]) -> None:
        had = declared(block, self)
        if had.quoted != self.quoted:
            raise InvalidInput(f"the model has {type(self).__name__} quoted {had.quoted!r}")
        for name, values in self._by_label(x).items():
            held = block.find_component(name)
            if name not in self.exponents:
                held.store_values(values)
            elif held.extract_values() != values:
                raise InvalidInput(f"{type(self).__name__}.{name} is a constant of the model")

    def _by_label(self, x: Mapping[Any, Any]) -> dict[str, dict[Any, float]]:
        """Name -> bucket label -> value of each parameter."""
        return {
            name: dict(zip(x, np.broadcast_to(value, len(x)).tolist(), strict=True))
            for name, value in self.parameters.items()
        }

    @abstractmethod
    def curve(self, x: Any, xp: Any = np) -> Any:
        """The formula g(x) as the family quotes it."""

    def cost(self, x: Any, xp: Any = np) -> Any:
        return x * self.curve(x, xp) if self._order else self.curve(x, xp)


@dataclass(frozen=True, eq=False, repr=False)
class Linear(Family):
    """g(x) = slope x: a half-spread or fee as a total cost; linear temporary impact if quoted per share.

    Args:
        slope: dollars a share ("total") or dollars a share squared ("per_share"); scalar or (N,). A rebate is
            negative, and only as a total cost.
        quoted: "total" or "per_share".

    Raises:
        InvalidInput: a value that is not finite, a negative slope quoted per share.

    >>> Linear(0.01).cost(np.array([200.0])).tolist()
    [2.0]
    """

    slope: Parameter
    quoted: str = "total"

    def __post_init__(self) -> None:
        self._validate(slope=finite if self.quoted == "total" else nonnegative)

    def curve(self, x: Any, xp: Any = np) -> Any:
        return self.slope * x

    def marginal(self, x: Array) -> Array:
        return 2 * self.slope * x if self._order else self.slope + 0.0 * x

    def marginal_slope(self, x: Array) -> Array:
        return 2 * self._order * self.slope + 0.0 * x

    def curvature(self, hi: Array) -> Curvature:
        return of_kind(True, np.asarray(self.slope) == 0 if self._order else True, hi)

    def marginal_law(self) -> MarginalLaw:
        return line(0.0, 2 * self.slope) if self._order else line(self.slope, 0.0)

    @property
    def quadratic(self) -> bool:
        return True

    def inverse_marginal(self, price: Any, rho: Any = 0.0) -> Array | None:
        level, steepness = (0.0, 2 * self.slope + rho) if self._order else (self.slope, rho)
        return straight_inverse(price, level, steepness)


@dataclass(frozen=True, eq=False, repr=False)
class Power(Family):
    """g(x) = a x^b: the power law of market impact (Almgren 2003, eq. 5: per share with b = k).

    Args:
        a: scale, >= 0, scalar or (N,): dollars / share^b ("total") or dollars / share^(1+b) ("per_share").
        b: exponent, > 0, scalar or (N,).
        quoted: "total" (convex for b > 1, concave for b < 1) or "per_share" (convex for every b).

    Raises:
        InvalidInput: a negative or not finite value, b = 0, arrays of different lengths.

    >>> Power(a=2.0, b=0.5, quoted="per_share").cost(np.array([4.0])).tolist()
    [16.0]
    """

    a: Parameter
    b: Parameter
    quoted: str = "total"
    exponents: ClassVar[tuple[str, ...]] = ("b",)

    def __post_init__(self) -> None:
        self._validate(a=nonnegative, b=positive)

    @property
    def degree(self) -> Parameter:
        """Exponent of the total cost: b, or b + 1 if quoted per share."""
        return self.b + self._order

    def curve(self, x: Any, xp: Any = np) -> Any:
        return self.a * x**self.b

    @cached_property
    def _laws(self) -> tuple["_PowerLaw", "_PowerLaw"]:
        """The first and second derivative of the cost."""
        degree = self.degree
        first = _PowerLaw(self.a * degree, degree - 1)
        return first, first.derivative()

    def marginal(self, x: Array) -> Array:
        return self._laws[0](x)

    def marginal_slope(self, x: Array) -> Array:
        return self._laws[1](x)

    def marginal_law(self) -> MarginalLaw:
        return MarginalLaw(0.0, self.a * self.degree, self.degree - 1, 0.0)

    def first_price(self, shape: tuple[int, ...]) -> Array:
        return self._laws[0].at_zero() + np.zeros(shape)

    def curvature(self, hi: Array) -> Curvature:
        degree, free = self.degree, np.equal(self.a, 0)
        return of_kind(np.greater_equal(degree, 1) | free, np.less_equal(degree, 1) | free, hi)

    @property
    def quadratic(self) -> bool:
        return bool(np.isin(self.degree, (1, 2)).all())

    def inverse_marginal(self, price: Any, rho: Any = 0.0) -> Array | None:
        degree, a, rho = np.asarray(self.degree), np.asarray(self.a), np.asarray(rho)
        flat, square = (degree == 1) | (a == 0), degree == 2
        if np.any(~flat & ~square & (rho > 0)):
            return None
        with np.errstate(divide="ignore", over="ignore", invalid="ignore"):
            curve = (np.maximum(price, 0.0) / (a * degree)) ** (1 / (degree - 1))
        line = straight_inverse(price, np.where(degree == 1, a, 0.0), np.where(square, 2 * a, 0.0) + rho)
        return np.where(flat | square, line, curve)


@cache
def _parameter_names(family: Any) -> list[str]:
    return [f.name for f in fields(family) if f.name != "quoted"]


def _saturation(t: Any, xp: Any) -> Any:
    """1 - exp(-t), with all its digits for small t where the namespace can give them."""
    return -xp.expm1(-t) if hasattr(xp, "expm1") else 1 - xp.exp(-t)


class _PowerLaw:
    """scale x^exponent, infinite at 0 for a negative exponent, 0 where the scale is 0."""

    def __init__(self, scale: Parameter, exponent: Parameter) -> None:
        self.scale, self.exponent = scale, exponent
        self.vanishes = np.equal(scale, 0)
        self.plain = not self.vanishes.any()
        self.bounded = bool(np.greater_equal(exponent, 0).all())

    def __call__(self, x: Array) -> Array:
        if self.plain and (self.bounded or x.all()):
            return self.scale * np.power(x, self.exponent)
        with np.errstate(divide="ignore", invalid="ignore"):
            return np.where(self.vanishes, 0.0, self.scale * np.power(x, self.exponent))

    def at_zero(self) -> Any:
        """Its value at x = 0."""
        level = self.scale * np.equal(self.exponent, 0)
        return level if self.bounded else np.where(np.less(self.exponent, 0) & ~self.vanishes, np.inf, level)

    def derivative(self) -> "_PowerLaw":
        return _PowerLaw(self.scale * self.exponent, self.exponent - 1)


@dataclass(frozen=True, eq=False, repr=False)
class Exponential(Family):
    """g(x) = a (1 - exp(-b x)): impact that saturates at a.

    Args:
        a: level, >= 0, scalar or (N,): dollars ("total") or dollars a share ("per_share").
        b: rate, > 0, per share; scalar or (N,).
        quoted: "total" (concave) or "per_share" (convex up to x = 2/b, concave beyond).

    Raises:
        InvalidInput: a negative or not finite value, b = 0, arrays of different lengths.

    >>> Exponential(a=10.0, b=0.01).curvature(np.array([500.0])).names()
    ['concave']
    >>> Exponential(a=10.0, b=0.01, quoted="per_share").curvature(np.array([150.0, 500.0])).names()
    ['convex', 'convex-then-concave']
    """

    a: Parameter
    b: Parameter
    quoted: str = "total"

    def __post_init__(self) -> None:
        self._validate(a=nonnegative, b=positive)

    def curve(self, x: Any, xp: Any = np) -> Any:
        return self.a * _saturation(self.b * x, xp)

    def marginal(self, x: Array) -> Array:
        slope = self.a * self.b * np.exp(-self.b * x)
        return self.curve(x) + x * slope if self._order else slope

    def marginal_slope(self, x: Array) -> Array:
        slope = self.a * self.b * np.exp(-self.b * x)
        return slope * (2 - self.b * x) if self._order else -self.b * slope

    def curvature(self, hi: Array) -> Curvature:
        free = np.broadcast_to(np.asarray(self.a) == 0, hi.shape)
        if not self._order:
            return of_kind(free, True, hi)
        turn = np.broadcast_to(2 / np.asarray(self.b), hi.shape)
        convex = (hi <= turn) | free
        return Curvature(convex, free, np.where(convex, np.nan, turn))
