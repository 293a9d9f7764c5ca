"""What an objective is: a sum of terms, each of which owns its parameters, its value on arrays and its Pyomo block.

A new term is a new subclass of `Term` and nothing else: the objective, the itemised cost, the Pyomo models and
the certificate all work from the list of terms.
"""

from abc import ABC, abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from optexec.models.errors import InvalidInput
from optexec.models.under_estimate import Grid
from optexec.models.validation import Array

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
class Objective:
    """A sum of terms with different names; written `term + term`.

    Args:
        terms: the terms; their costs are in dollars.

    Raises:
        InvalidInput: two terms of one name, or something that is not a term.

    >>> import optexec as ox
    >>> [term.name for term in ox.ImpactCost() + ox.Smoothing(rho=1e-6)]
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

        >>> import optexec as ox
        >>> (ox.ImpactCost() + ox.Smoothing(rho=1e-6)).find(ox.Smoothing).rho
        1e-06
        """
        for term in self.terms:
            if isinstance(term, kind):
                return term
        return None
