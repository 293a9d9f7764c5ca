"""The terms of the objective. A term owns its parameters, evaluates itself on arrays and writes its Pyomo block.

A new term is a new subclass of `Term` and nothing else: the objective, the itemised cost, the Pyomo models and
the certificate all work from the list of terms.
"""

from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from optexec.models.errors import InvalidInput, unknown_name
from optexec.models.under_estimate import Grid, declare_incremental, under_estimates
from optexec.models.validation import Array, Parameter, finite, nonnegative

if TYPE_CHECKING:
    from optexec.models.problem import Problem


class Term(ABC):
    """One summand of the objective, in dollars.

    Arrays of shares `x` have shape (N,). A term must be convex and differentiable in the shares, except the
    impact cost, whose curve may be anything that an impact can be.

    >>> import optexec as ox
    >>> problem = ox.Problem(ox.Order(100), ox.Linear([0.01, 0.02]), ox.objective("B", rho=2e-4))
    >>> x = np.array([75.0, 25.0])
    >>> [(term.name, round(float(term.bucket_costs(problem, x).sum()), 6)) for term in problem.terms]
    [('impact', 1.25), ('smoothing', 0.625)]
    >>> isinstance(ox.Smoothing(rho=2e-4), Term), ox.Smoothing(rho=2e-4).gradient(problem, x).round(6).tolist()
    (True, [0.015, 0.005])
    """

    name: ClassVar[str]
    separable: ClassVar[bool] = False
    quadratic: ClassVar[bool] = False

    @property
    def lengths(self) -> dict[str, int]:
        """Name -> length of each parameter that is an array over the buckets."""
        return {name: len(v) for name, v in vars(self).items() if isinstance(v, np.ndarray)}

    @abstractmethod
    def bucket_costs(self, problem: "Problem", x: Array) -> Array:
        """Cost of each bucket in dollars, (N,)."""

    def part(self, span: slice, buckets: int) -> "Term":
        """The term of a stretch of the buckets of a problem that has `buckets` of them.

        By default the term as it is, if it has no arrays. A term whose buckets pay for what has traded before them must
        refuse a part that does not begin at the first.

        Raises:
            InvalidInput: a term with arrays that does not say what it is for some of the buckets.
        """
        if self.lengths:
            raise InvalidInput(f"the {self.name} term does not say what it is for some of the buckets: add a `part`")
        return self

    def with_unfilled(self, buckets: int) -> "Term":
        """The term of `buckets` buckets and one more, whose slice is what the order leaves unfilled.

        It charges nothing for that slice itself; see `Problem.completed`.

        Raises:
            InvalidInput: a term that does not say what it is there.
        """
        raise InvalidInput(
            f"the {self.name} term does not say what it is where shares stay unfilled: add a `with_unfilled`"
        )

    def at_bucket(self, problem: "Problem", i: int, x: Array) -> Array:
        """Cost of one bucket (by position) for each of many share numbers x, (K,), of a separable term.

        Raises:
            InvalidInput: a term that is not separable, or does not say it.
        """
        raise InvalidInput(f"the {self.name} term does not say what one bucket costs by itself")

    @abstractmethod
    def gradient(self, problem: "Problem", x: Array) -> Array:
        """Derivative of the term's cost by each x_i, dollars a share, (N,); right-hand at a kink."""

    def gradient_left(self, problem: "Problem", x: Array) -> Array:
        """Left-hand derivative; differs from `gradient` at a kink only."""
        return self.gradient(problem, x)

    @abstractmethod
    def declare(self, block: Any, model: Any) -> None:
        """Write parameters and a named Expression `cost` on a Pyomo block of `model` (see `build`)."""

    def refresh(self, block: Any, model: Any, problem: "Problem") -> None:
        """Write this term's numbers into the mutable Params of a block that a term of its class has declared.

        Args:
            block: a block that `declare` has written, maybe of a term with other numbers.
            model: the model of the block; its variables have the bounds of `problem`.
            problem: the declaration that has this term.

        Raises:
            InvalidInput: numbers that the block holds as constants. By default a term takes any number of a changed
                declaration for a constant.
        """
        if problem is not model.problem:
            raise InvalidInput(
                f"a model cannot take other numbers of the {self.name} term: {type(self).__name__} has no method "
                "`refresh`"
            )

    def declare_bound(self, block: Any, model: Any, grid: Grid) -> None:
        """As `declare`, with an under-estimate that is linear (or mixed-integer linear) in place of the cost.

        By default the tangent planes at the grid's schedules, which lie below a convex term everywhere.
        """
        import pyomo.environ as pyo

        block.value = pyo.Var(domain=pyo.Reals)
        block.tangents = pyo.ConstraintList()
        for at in grid.schedules:
            slope = self.gradient(model.problem, at).tolist()
            level = float(self.bucket_costs(model.problem, at).sum() - np.dot(slope, at))
            block.tangents.add(
                block.value >= level + pyo.quicksum(g * model.x[i] for g, i in zip(slope, model.BUCKETS, strict=True))
            )
        block.cost = pyo.Expression(expr=block.value)

    def __add__(self, other: "Term | Objective") -> "Objective":
        """The objective that sums both."""
        return Objective((self,)) + other


@dataclass(frozen=True)
class ImpactCost(Term):
    """sum_i c_i(x_i): the cost of trading against the impact curves of the problem.

    >>> import optexec as ox
    >>> problem = ox.Problem(ox.Order(100), ox.Linear([0.01, 0.02]), ImpactCost())
    >>> ImpactCost().bucket_costs(problem, np.array([50.0, 50.0])).tolist()
    [0.5, 1.0]
    """

    name: ClassVar[str] = "impact"
    separable: ClassVar[bool] = True

    def bucket_costs(self, problem: "Problem", x: Array) -> Array:
        return problem.impact.cost(x)

    def with_unfilled(self, buckets: int) -> "ImpactCost":
        return self

    def at_bucket(self, problem: "Problem", i: int, x: Array) -> Array:
        return problem.impact.take(i).cost(x)

    def gradient(self, problem: "Problem", x: Array) -> Array:
        return problem.impact.marginal(x)

    def gradient_left(self, problem: "Problem", x: Array) -> Array:
        return problem.impact.marginal_left(x)

    def declare(self, block: Any, model: Any) -> None:
        import pyomo.environ as pyo

        costs = model.problem.impact.declare(block, *_slices(model))
        block.cost = pyo.Expression(expr=pyo.quicksum(costs.values()))

    def refresh(self, block: Any, model: Any, problem: "Problem") -> None:
        problem.impact.refresh(block, *_slices(model))

    def declare_bound(self, block: Any, model: Any, grid: Grid) -> None:
        problem = model.problem
        curves = under_estimates(problem, grid.breakpoints)
        declare_incremental(block, dict(zip(model.BUCKETS, curves, strict=True)), model.x)


def _slices(model: Any) -> tuple[dict[Any, Any], dict[Any, float]]:
    """Bucket label -> the variable of its shares, and -> the most that it may be."""
    return {i: model.x[i] for i in model.BUCKETS}, {i: model.x[i].ub for i in model.BUCKETS}


@dataclass(frozen=True, eq=False)
class Smoothing(Term):
    """sum_i rho_i/2 x_i^2: charges large slices, and so evens the schedule out.

    Args:
        rho: dollars a share squared, >= 0; scalar or (N,).

    Raises:
        InvalidInput: a negative or not finite value.

    >>> import optexec as ox
    >>> problem = ox.Problem(ox.Order(100), ox.Linear([0.01, 0.02]), ox.ImpactCost() + Smoothing(rho=2e-4))
    >>> Smoothing(rho=2e-4).bucket_costs(problem, np.array([100.0, 50.0])).tolist()
    [1.0, 0.25]
    """

    rho: Parameter
    name: ClassVar[str] = "smoothing"
    separable: ClassVar[bool] = True
    quadratic: ClassVar[bool] = True

    def __post_init__(self) -> None:
        object.__setattr__(self, "rho", nonnegative("rho", self.rho))

    @staticmethod
    def slice_cost(rho: Any, x: Any) -> Any:
        """Dollars for a slice of x shares."""
        return 0.5 * rho * x**2

    def bucket_costs(self, problem: "Problem", x: Array) -> Array:
        return self.slice_cost(self.rho, x)

    def part(self, span: slice, buckets: int) -> "Smoothing":
        return Smoothing(self.rho[span]) if isinstance(self.rho, np.ndarray) else self

    def with_unfilled(self, buckets: int) -> "Smoothing":
        return Smoothing(np.append(np.broadcast_to(self.rho, buckets), 0.0))

    def at_bucket(self, problem: "Problem", i: int, x: Array) -> Array:
        return self.slice_cost(float(np.broadcast_to(self.rho, problem.buckets)[i]), x)

    def gradient(self, problem: "Problem", x: Array) -> Array:
        return self.rho * x

    def declare(self, block: Any, model: Any) -> None:
        import pyomo.environ as pyo

        block.rho = pyo.Param(model.BUCKETS, mutable=True)
        self.refresh(block, model, model.problem)
        block.cost = pyo.Expression(expr=pyo.quicksum(self.slice_cost(block.rho[i], model.x[i]) for i in model.BUCKETS))

    def refresh(self, block: Any, model: Any, problem: "Problem") -> None:
        values = np.broadcast_to(self.rho, problem.buckets).tolist()
        block.rho.store_values(dict(zip(model.BUCKETS, values, strict=True)))

    def declare_bound(self, block: Any, model: Any, grid: Grid) -> None:
        weights = np.broadcast_to(self.rho, len(model.BUCKETS)) / 2
        declare_squares(block, model.x, weights, grid.schedules)


@dataclass(frozen=True, eq=False)
class InventoryRisk(Term):
    """psi/2 sum_{i=1}^{N-1} w_i R_i^2: charges the shares still held after each bucket but the last.

    Shares that an order leaves unfilled are held after the last bucket too, so there the sum goes to N.

    Args:
        psi: dollars a share squared, >= 0. Almgren-Chriss risk aversion lambda is psi = 2 lambda sigma^2 tau.
        weights: "uniform" (1), "linear" (i/N), ("power", gamma) ((i/N)^gamma), or an array (N,) of values >= 0,
            such as `volatility_weights(sigma)`; the last entry is used only for shares left unfilled.

    Raises:
        InvalidInput: a negative or not finite value, an unknown weighting.

    >>> import optexec as ox
    >>> problem = ox.Problem(ox.Order(100), ox.Linear([0.01, 0.02]), ox.objective("C", psi=2e-4))
    >>> InventoryRisk(psi=2e-4).bucket_costs(problem, np.array([60.0, 40.0])).tolist()
    [0.16, 0.0]
    """

    psi: float
    weights: Any = "uniform"
    name: ClassVar[str] = "inventory_risk"
    quadratic: ClassVar[bool] = True

    def __post_init__(self) -> None:
        psi = nonnegative("psi", self.psi)
        if isinstance(psi, np.ndarray):
            raise InvalidInput(f"psi must be a single number, got {psi.size} of them; put the profile in weights")
        object.__setattr__(self, "psi", psi)
        object.__setattr__(self, "weights", _checked_weights(self.weights))

    def weights_for(self, buckets: int) -> Array:
        """w_1..w_N as an array, (N,).

        >>> InventoryRisk(1.0, weights="linear").weights_for(4).tolist()
        [0.25, 0.5, 0.75, 1.0]
        """
        if isinstance(self.weights, np.ndarray):
            return self.weights
        exponent = {"uniform": 0.0, "linear": 1.0}.get(self.weights) if isinstance(self.weights, str) else None
        gamma = self.weights[1] if exponent is None else exponent
        return (np.arange(1, buckets + 1) / buckets) ** gamma if gamma else np.ones(buckets)

    def scaled_weights(self, buckets: int) -> Array:
        """psi w_i for i = 1..N with the last entry zero, (N,): the second derivative by each R_i.

        >>> InventoryRisk(2.0).scaled_weights(3).tolist()
        [2.0, 2.0, 0.0]
        """
        weights = self.psi * self.weights_for(buckets)
        weights[-1] = 0.0
        return weights

    def _charged_weights(self, problem: "Problem") -> Array:
        """psi w_i, (N,), the last entry zero if nothing can be held after the last bucket."""
        buckets = problem.buckets
        complete = problem.order.must_complete
        return self.scaled_weights(buckets) if complete else self.psi * self.weights_for(buckets)

    @staticmethod
    def holding_cost(weight: Any, inventory: Any) -> Any:
        """Dollars for holding `inventory` shares after a bucket with `weight` = psi w_i."""
        return 0.5 * weight * inventory**2

    @staticmethod
    def holding_price(weights: Array, inventory: Array) -> Array:
        """d/dx_j = sum_{i<j} weight_i R_i: a share traded in bucket j is held through every earlier one, (..., N)."""
        price = np.zeros(inventory.shape)
        np.cumsum((weights * inventory)[..., :-1], axis=-1, out=price[..., 1:])
        return price

    def part(self, span: slice, buckets: int) -> "InventoryRisk":
        return InventoryRisk(self.psi, self.weights_for(buckets)[span])

    def with_unfilled(self, buckets: int) -> "InventoryRisk":
        return InventoryRisk(self.psi, np.append(self.weights_for(buckets), 0.0))

    def bucket_costs(self, problem: "Problem", x: Array) -> Array:
        return self.holding_cost(self._charged_weights(problem), problem.inventory(x))

    def gradient(self, problem: "Problem", x: Array) -> Array:
        weights, held = self._charged_weights(problem), problem.inventory(x)
        price = self.holding_price(weights, held)
        return price if problem.order.must_complete else price - weights @ held

    def declare(self, block: Any, model: Any) -> None:
        import pyomo.environ as pyo

        block.psi = pyo.Param(mutable=True)
        block.weight = pyo.Param(model.BUCKETS, mutable=True)
        self.refresh(block, model, model.problem)
        held = list(model.BUCKETS)[: -1 if model.problem.order.must_complete else None]
        block.cost = pyo.Expression(
            expr=pyo.quicksum(self.holding_cost(block.psi * block.weight[i], model.R[i]) for i in held)
        )

    def refresh(self, block: Any, model: Any, problem: "Problem") -> None:
        block.psi.set_value(self.psi)
        weights = self.weights_for(problem.buckets).tolist()
        block.weight.store_values(dict(zip(model.BUCKETS, weights, strict=True)))

    def declare_bound(self, block: Any, model: Any, grid: Grid) -> None:
        weights = self._charged_weights(model.problem) / 2
        declare_squares(block, model.R, weights, [model.problem.inventory(x) for x in grid.schedules])


def inventory(x: Array) -> Array:
    """Shares still to trade after each bucket, sum_{j>i} x_j, (..., N); the last is 0.

    >>> inventory(np.array([3.0, 2.0, 1.0])).tolist()
    [3.0, 1.0, 0.0]
    """
    held = np.zeros(x.shape)
    np.cumsum(x[..., :0:-1], axis=-1, out=held[..., -2::-1])
    return held


def declare_squares(block: Any, variable: Any, weights: Array, points: Sequence[Array]) -> None:
    """sum_i weights_i v_i^2 from below: each square above its tangents at the points, one variable a square."""
    import pyomo.environ as pyo

    active = {i: (k, float(w)) for k, (i, w) in enumerate(zip(variable, weights, strict=True)) if w > 0}
    block.square = pyo.Var(list(active), bounds=lambda b, i: (0.0, variable[i].ub ** 2))
    block.tangents = pyo.ConstraintList()
    for i, (k, _) in active.items():
        for at in sorted({float(point[k]) for point in points}):
            block.tangents.add(block.square[i] >= 2 * at * variable[i] - at**2)
    block.cost = pyo.Expression(expr=pyo.quicksum(w * block.square[i] for i, (_, w) in active.items()))


def _checked_weights(weights: Any) -> Any:
    if isinstance(weights, str):
        if weights not in ("uniform", "linear"):
            raise unknown_name("weights", weights, ["uniform", "linear", "('power', gamma)"])
        return weights
    if isinstance(weights, (tuple, list)) and len(weights) == 2 and weights[0] == "power":
        return "power", float(nonnegative("weights exponent", weights[1]))
    values = nonnegative("weights", weights)
    if not isinstance(values, np.ndarray):
        raise InvalidInput(f"weights must be a name or one value a bucket, got {weights!r}")
    return values


def volatility_weights(sigma: Any) -> Array:
    """Weights for `InventoryRisk` from a volatility forecast: sigma_i^2 scaled to mean 1.

    Args:
        sigma: volatility of each bucket, (N,), in any unit, >= 0 and not all zero.

    Raises:
        InvalidInput: values that are negative, not finite or all zero.

    >>> volatility_weights([1.0, 1.0, 2.0]).tolist()
    [0.5, 0.5, 2.0]
    """
    variance = np.atleast_1d(nonnegative("sigma", sigma)) ** 2
    if not variance.any():
        raise InvalidInput("sigma must not be zero in every bucket")
    return np.asarray(finite("sigma", variance / variance.mean()))


@dataclass(frozen=True)
class Objective:
    """A sum of terms with different names; written `term + term`.

    Args:
        terms: the terms; their costs are in dollars.

    Raises:
        InvalidInput: two terms of one name, or something that is not a term.

    >>> [term.name for term in ImpactCost() + Smoothing(rho=1e-6)]
    ['impact', 'smoothing']
    """

    terms: tuple[Term, ...]

    def __post_init__(self) -> None:
        for term in self.terms:
            if not isinstance(term, Term):
                raise InvalidInput(f"an objective is a sum of terms, got {term!r:.80}")
        names = [term.name for term in self.terms]
        twice = sorted({name for name in names if names.count(name) > 1})
        if twice:
            raise InvalidInput(f"the objective has two terms named {twice[0]!r}; add their parameters up")

    def __iter__(self) -> Iterator[Term]:
        return iter(self.terms)

    @property
    def lengths(self) -> dict[str, int]:
        """Name -> length of each parameter of a term that is an array."""
        return {name: length for term in self.terms for name, length in term.lengths.items()}

    def __add__(self, other: "Term | Objective") -> "Objective":
        """This objective and one more term, or the terms of another."""
        if isinstance(other, Term):
            return replace(self, terms=(*self.terms, other))
        if isinstance(other, Objective):
            return replace(self, terms=(*self.terms, *other.terms))
        return NotImplemented

    def find(self, kind: type[Term]) -> Any:
        """The term of this class, None if there is none.

        >>> (ImpactCost() + Smoothing(rho=1e-6)).find(Smoothing).rho
        1e-06
        """
        for term in self.terms:
            if isinstance(term, kind):
                return term
        return None


PARAMETERS = {"A": (), "B": ("rho",), "C": ("psi", "weights")}
"""What each named objective reads."""


def objective(name: str, **parameters: Any) -> Objective:
    """(A) impact cost, (B) impact cost and smoothing, (C) impact cost and inventory risk.

    Args:
        name: "A", "B" or "C".
        parameters: `rho` for B; `psi` and optionally `weights` for C.

    Raises:
        InvalidInput: an unknown name or parameter, a missing one, a value out of range.

    >>> objective("C", psi=1e-7, weights="linear")
    Objective(terms=(ImpactCost(), InventoryRisk(psi=1e-07, weights='linear')))
    """
    if name not in PARAMETERS:
        raise unknown_name("objective", name, PARAMETERS)
    for given in parameters:
        if given not in PARAMETERS[name]:
            known = ", ".join(PARAMETERS[name]) or "none"
            raise InvalidInput(f"objective {name} has no parameter {given!r}; it reads: {known}")
    if name != "A" and PARAMETERS[name][0] not in parameters:
        raise InvalidInput(f"objective {name} needs {PARAMETERS[name][0]}")
    if name == "A":
        return Objective((ImpactCost(),))
    extra = Smoothing(**parameters) if name == "B" else InventoryRisk(**parameters)
    return ImpactCost() + extra
