"""Problems as arrays, an order a row and a bucket a column: what the structured solvers work on."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numba
import numpy as np
from numpy.typing import NDArray

from optexec.models.impact import Impact
from optexec.models.marginal_law import MarginalLaw
from optexec.models.objective import ImpactCost, InventoryRisk, Smoothing, inventory
from optexec.models.per_bucket import remade, rows, structure
from optexec.models.problem import Problem
from optexec.models.validation import Array
from optexec.solvers.feasible import meet

TINY = np.finfo(float).tiny


@dataclass(frozen=True, eq=False)
class Block:
    """The numbers of M problems with N buckets each; lots and least slices are not looked at.

    Args:
        impact: cost curves of arrays (M, N) of shares; free where the objective does not charge them.
        rho: smoothing, dollars a share squared, (M, N) or (1, 1).
        risk: weights psi w_i of the inventories, the last one zero, (M, N) or (1, 1).
        lo, hi: floors and caps in shares, (M, N).
        shares: sizes of the orders, (M, 1).
        offset: dollars a share added to the marginal cost of each bucket, (M, N) or (1, 1).
    """

    impact: Impact
    rho: Array
    risk: Array
    lo: Array
    hi: Array
    shares: Array
    offset: Array

    @classmethod
    def of(cls, problem: Problem) -> "Block":
        """One problem, M = 1.

        >>> import optexec as ox
        >>> problem = ox.Problem(ox.Order(300), ox.Linear(0.01), ox.objective("C", psi=2.0), buckets=3)
        >>> Block.of(problem).risk.tolist()
        [[2.0, 2.0, 0.0]]
        """
        smoothing, risk = problem.terms.find(Smoothing), problem.terms.find(InventoryRisk)
        return cls(
            impact=problem.charged_impact,
            rho=ZERO if smoothing is None else np.array(smoothing.rho, ndmin=2),
            risk=ZERO if risk is None else risk.scaled_weights(problem.buckets)[None],
            lo=problem.lo[None],
            hi=problem.hi[None],
            shares=np.array([[problem.shares]]),
            offset=ZERO,
        )

    @classmethod
    def stack(cls, problems: Sequence[Problem]) -> "Block":
        """Several problems, M of them, of equal `kind`.

        >>> import optexec as ox
        >>> impact = ox.Linear(0.01, quoted="per_share")
        >>> Block.stack([ox.Problem(ox.Order(s), impact, ox.objective("A"), buckets=3) for s in (300, 600)]).hi.tolist()
        [[300.0, 300.0, 300.0], [600.0, 600.0, 600.0]]
        """
        if len(problems) == 1:
            return cls.of(problems[0])
        terms = [problem.terms for problem in problems]
        smoothed, risky = (terms[0].find(kind) is not None for kind in (Smoothing, InventoryRisk))
        buckets = problems[0].buckets
        return cls(
            impact=rows([problem.charged_impact for problem in problems]),
            rho=np.array([np.atleast_1d(each.find(Smoothing).rho) for each in terms]) if smoothed else ZERO,
            risk=np.array([each.find(InventoryRisk).scaled_weights(buckets) for each in terms]) if risky else ZERO,
            lo=np.array([problem.lo for problem in problems]),
            hi=np.array([problem.hi for problem in problems]),
            shares=np.array([[problem.shares] for problem in problems]),
            offset=ZERO,
        )

    def some(self, chosen: NDArray[np.bool_]) -> "Block":
        """The problems that are chosen, one flag an order, (M,); at least one."""
        if chosen.all():
            return self
        rho, risk, offset = (v if len(v) == 1 else v[chosen] for v in (self.rho, self.risk, self.offset))
        lo, hi, shares = self.lo[chosen], self.hi[chosen], self.shares[chosen]
        return Block(remade(self.impact, lambda v: v[chosen]), rho, risk, lo, hi, shares, offset)

    def by_bucket(self) -> "Block":
        """The same, with what belongs to one bucket side by side in memory."""
        arrays = (np.asfortranarray(v) for v in (self.rho, self.risk, self.lo, self.hi, self.shares, self.offset))
        return self if len(self.lo) == 1 else Block(remade(self.impact, np.asfortranarray), *arrays)

    @cached_property
    def _impact_only(self) -> bool:
        return not (self.rho.any() or self.offset.any())

    @cached_property
    def _has_risk(self) -> bool:
        return bool(self.risk.any())

    def law(self) -> MarginalLaw | None:
        """As `marginal`, where it is a power and a straight line: every field (M, N). None where it is not."""
        law = self.impact.marginal_law()
        if law is None:
            return None
        first, scale, exponent, rate = np.empty((len(law), *self.lo.shape))
        first[...], scale[...], exponent[...], rate[...] = law
        if self.offset is not ZERO:
            first += self.offset
        if self.rho is not ZERO:
            rate += self.rho
        return MarginalLaw(first, scale, exponent, rate)

    def marginal(self, x: Array) -> Array:
        """Derivative of each bucket's own costs, inventory apart, dollars a share; right-hand at a kink."""
        impact = self.impact.marginal(x)
        return impact if self._impact_only else impact + (self.rho * x + self.offset)

    def marginal_left(self, x: Array) -> Array:
        """As `marginal`, left-hand at a kink."""
        impact = self.impact.marginal_left(x)
        return impact if self._impact_only else impact + (self.rho * x + self.offset)

    def first_price(self) -> Array:
        """Marginal cost of the first share in each bucket, dollars a share, (M, N)."""
        price = self.impact.first_price(self.lo.shape)
        return price if self._impact_only else price + self.offset

    def slope(self, x: Array) -> Array:
        """Second derivative of each bucket's own costs, dollars a share squared."""
        return self.impact.marginal_slope(x) + self.rho

    def holding_price(self, x: Array) -> Array:
        """What a share traded in each bucket was charged for being held until then, dollars a share, (M, N)."""
        return InventoryRisk.holding_price(self.risk, inventory(x)) if self._has_risk else np.zeros(x.shape)

    def gradient(self, x: Array) -> Array:
        """Derivative of the objective by each x_i, dollars a share; right-hand at a kink."""
        return self.marginal(x) + self.holding_price(x) if self._has_risk else self.marginal(x)

    def gradient_left(self, x: Array) -> Array:
        """As `gradient`, left-hand at a kink."""
        return self.marginal_left(x) + self.holding_price(x)

    def objective(self, x: Array) -> Array:
        """Dollars, (M, 1), the offset among them."""
        costs = self.impact.cost(x)
        if not self._impact_only:
            costs = costs + Smoothing.slice_cost(self.rho, x) + self.offset * x
        return total(costs + InventoryRisk.holding_cost(self.risk, inventory(x)) if self._has_risk else costs)

    def inverse_marginal(self, price: Array) -> Array | None:
        """Most shares at which `marginal` is at most `price`, before limits; None where no closed form exists."""
        return self.impact.inverse_marginal(price - self.offset, self.rho)

    def inside(self) -> Array:
        """Shares strictly between the limits wherever they leave room: one fraction of each range, the order in all."""
        return _inside(self.lo, self.hi, self.shares)

    def settle(self, x: Array) -> Array:
        """Shares inside the limits and onto the orders, for shares that are so but for rounding."""
        return meet(x, self.lo, self.hi, self.shares)


ZERO: Any = np.zeros((1, 1))


@numba.njit(cache=True, error_model="numpy")
def _inside(lo: Array, hi: Array, shares: Array) -> Array:
    x = np.empty(lo.shape)
    for m in range(len(lo)):
        least, room = 0.0, 0.0
        for i in range(lo.shape[1]):
            least += lo[m, i]
            room += hi[m, i] - lo[m, i]
        fraction = min(max((shares[m, 0] - least) / max(room, TINY), 0.0), 1.0)
        for i in range(lo.shape[1]):
            x[m, i] = lo[m, i] + fraction * (hi[m, i] - lo[m, i])
    return x


def kind(problem: Problem) -> Any:
    """What problems must have in common to be stacked; None for a term that a block does not know.

    >>> import optexec as ox
    >>> one, other = (ox.Problem(ox.Order(s), ox.Linear(0.01), ox.objective("A"), buckets=3) for s in (300, 600))
    >>> kind(one) == kind(other)
    True
    """
    smoothing, risk = problem.terms.find(Smoothing), problem.terms.find(InventoryRisk)
    if any(not isinstance(term, (ImpactCost, Smoothing, InventoryRisk)) for term in problem.terms):
        return None
    rho = None if smoothing is None else getattr(smoothing.rho, "shape", ())
    return problem.buckets, structure(problem.charged_impact), rho, risk is not None


def total(values: Array) -> Array:
    """Sum of each order over its buckets, (M, 1).

    >>> total(np.ones((2, 3))).tolist()
    [[3.0], [3.0]]
    """
    return values.sum(axis=-1, keepdims=True)
