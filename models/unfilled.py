"""Orders that need not complete: what shares left unfilled cost, and the same problem as one that completes."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from optexec.models.families import Linear
from optexec.models.impact import Impact
from optexec.models.limits import Limits
from optexec.models.objective import ImpactCost, Objective, Smoothing, Term, declare_squares
from optexec.models.order import Order
from optexec.models.per_bucket import PerBucket
from optexec.models.under_estimate import Grid
from optexec.models.validation import Array

if TYPE_CHECKING:
    from optexec.models.problem import Problem

UNFILLED = "unfilled"
"""Name of the term, and label of the bucket that stands for the unfilled shares."""


@dataclass(frozen=True)
class Unfilled(Term):
    """c u + p/2 u^2 for the u = S - sum_i x_i shares left after the last bucket, as the order says.

    Args:
        cost: c, dollars a share, >= 0.
        penalty: p, dollars a share squared, >= 0.

    >>> import optexec as ox
    >>> order = ox.Order(100, must_complete=False, unfilled_cost=0.1, unfilled_penalty=0.01)
    >>> problem = ox.Problem(order, ox.Linear([0.01, 0.02]), ox.objective("A"))
    >>> problem.breakdown(np.array([50.0, 30.0]))
    {'impact': 1.1, 'unfilled': 4.0}
    """

    cost: float
    penalty: float
    name: ClassVar[str] = UNFILLED
    quadratic: ClassVar[bool] = True

    @classmethod
    def of(cls, order: Order) -> "Unfilled":
        """The term of an order that need not complete."""
        return cls(order.unfilled_cost or 0.0, order.unfilled_penalty or 0.0)

    def _cost(self, unfilled: Any) -> Any:
        return self.cost * unfilled + Smoothing.slice_cost(self.penalty, unfilled)

    def bucket_costs(self, problem: "Problem", x: Array) -> Array:
        costs = np.zeros(problem.buckets)
        costs[-1] = self._cost(problem.inventory(x)[-1])
        return costs

    def gradient(self, problem: "Problem", x: Array) -> Array:
        return np.full(problem.buckets, -self.cost - self.penalty * problem.inventory(x)[-1])

    def declare(self, block: Any, model: Any) -> None:
        import pyomo.environ as pyo

        block.unit_cost, block.penalty = pyo.Param(mutable=True), pyo.Param(mutable=True)
        self.refresh(block, model, model.problem)
        left = model.R[model.BUCKETS.last()]
        block.cost = pyo.Expression(expr=block.unit_cost * left + Smoothing.slice_cost(block.penalty, left))

    def refresh(self, block: Any, model: Any, problem: "Problem") -> None:
        block.unit_cost.set_value(self.cost)
        block.penalty.set_value(self.penalty)

    def declare_bound(self, block: Any, model: Any, grid: Grid) -> None:
        import pyomo.environ as pyo

        last = model.BUCKETS.last()
        block.squares = pyo.Block()
        points = [model.problem.inventory(x)[-1:] for x in grid.schedules]
        declare_squares(block.squares, {last: model.R[last]}, np.array([self.penalty / 2]), points)
        block.cost = pyo.Expression(expr=self.cost * model.R[last] + block.squares.cost)


def completed(problem: "Problem") -> "Problem":
    """A problem that need not complete as one that must: the unfilled shares are the slice of one more bucket.

    Raises:
        InvalidInput: a term of one's own that has no `with_unfilled`.

    >>> import optexec as ox
    >>> order = ox.Order(100, must_complete=False, unfilled_cost=0.1)
    >>> whole = completed(ox.Problem(order, ox.Linear([0.01, 0.02]), ox.objective("A"), ox.Limits(maximum=30)))
    >>> whole.index.tolist(), whole.hi.tolist(), whole.objective(np.array([30.0, 30.0, 40.0]))
    ([1, 2, 'unfilled'], [30.0, 30.0, 100.0], 4.9)
    """
    order, buckets, price = problem.order, problem.buckets, Unfilled.of(problem.order)
    return problem.replace(
        order=order.in_full(),
        impact=_with_price(problem.charged_impact, buckets, price.cost),
        terms=_with_penalty([term.with_unfilled(buckets) for term in problem.terms], price.penalty, buckets),
        limits=Limits(
            minimum=np.append(problem.lo, 0.0),
            maximum=np.append(problem.hi, order.shares),
            smallest=np.append(problem.smallest, 0.0),
        ),
        buckets=[*problem.index, UNFILLED],
    )


def _with_price(curves: Impact, buckets: int, cost: float) -> Impact:
    """The curves of the buckets, and a straight line for the unfilled shares."""
    return PerBucket.of_groups([(np.arange(buckets), curves), (np.array([buckets]), Linear(np.array([cost])))])


def _with_penalty(terms: list[Term], penalty: float, buckets: int) -> Objective:
    """The terms, the impact cost among them, with the penalty as a smoothing of the last bucket."""
    others = [term for term in terms if not isinstance(term, ImpactCost | Smoothing)]
    smoothing = next((term.rho for term in terms if isinstance(term, Smoothing)), np.zeros(buckets + 1))
    rho = smoothing + np.append(np.zeros(buckets), penalty)
    return Objective((ImpactCost(), *([Smoothing(rho)] if rho.any() else []), *others))
