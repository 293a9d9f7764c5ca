"""A charge on large slices, as a term of the objective."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from optexec.models.objective import Term
from optexec.models.under_estimate import Grid, declare_squares
from optexec.models.validation import Array, Parameter, nonnegative

if TYPE_CHECKING:
    from optexec.models.problem import Problem


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
