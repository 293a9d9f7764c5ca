"""The cost of trading against the impact curves, as a term of the objective."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from optexec.models.objective import Term
from optexec.models.under_estimate import Grid, declare_incremental, under_estimates
from optexec.models.validation import Array

if TYPE_CHECKING:
    from optexec.models.problem import Problem


@dataclass(frozen=True)
class ImpactCost(Term):
    """sum_i c_i(x_i): the cost of trading against the impact curves of the problem.

    >>> import numpy as np
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
