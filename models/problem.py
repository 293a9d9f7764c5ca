"""The declaration: an order, its impact, the terms of the objective and the limits, over one set of buckets."""

from collections.abc import Iterable
from copy import copy
from dataclasses import replace
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from optexec.models.curvature import Curvature
from optexec.models.errors import InvalidInput
from optexec.models.families import Linear
from optexec.models.impact import Impact
from optexec.models.limits import Limits
from optexec.models.objective import ImpactCost, Objective, Term, inventory
from optexec.models.order import Order
from optexec.models.unfilled import Unfilled, completed
from optexec.models.validation import Array, common_length, finite

LARGEST = 1e100
"""Shares and dollars that can be squared and added up."""
FREE = Linear(0.0)
"""What trading costs where the objective does not charge it."""


class Problem:
    """Split an order over the buckets at the least value of the objective.

        minimise   sum of the terms of the objective
        subject to sum_i x_i = S,  lo_i <= x_i <= hi_i,  x_i = 0 or x_i >= smallest_i,
                   whole lots if the order says so

    An order that need not complete has sum_i x_i <= S, and what it says of the rest is one more term.

    Treat it as frozen; `replace` gives a changed copy.

    Args:
        order: the parent order.
        impact: cost curves, shared by all buckets or one a bucket.
        terms: a term, a sum of terms, or `objective("A" | "B" | "C", ...)`.
        limits: floors, caps and participation; None for none.
        buckets: number of buckets, or an index with one unique label a bucket (times, numbers); may be left out
            where an array among the other arguments gives the number. Labels are then 1..N.

    Attributes:
        index: bucket labels, a pandas Index of length N.
        buckets: N.
        lo, hi: floor and cap of each bucket in shares, (N,); no cap exceeds the order.
        smallest: least slice of each bucket that may also trade nothing, (N,); 0 where every number inside the
            limits will do.

    Raises:
        InvalidInput: arguments of the wrong kind, arrays of different lengths, an unknown number of buckets,
            labels that repeat.
        InfeasibleOrder: limits that cannot hold the order.

    >>> import optexec as ox
    >>> problem = Problem(ox.Order(1_000), ox.Power(a=1e-4, b=1.5), ox.objective("A"), buckets=4)
    >>> problem.buckets, problem.hi.tolist()
    (4, [1000.0, 1000.0, 1000.0, 1000.0])
    """

    def __init__(
        self, order: Order, impact: Impact, terms: Any, limits: Limits | None = None, buckets: Any = None
    ) -> None:
        self.order = _of_class("order", order, Order)
        self.impact = _of_class("impact", impact, Impact)
        self.terms = _objective(terms)
        self.limits = _limits(limits)
        self.index = _index(buckets, self._lengths())
        self.buckets = len(self.index)
        self.lo: Array
        self.hi: Array
        self.smallest: Array
        self._read_limits()
        self._check_range(self.charges)

    def _read_limits(self) -> None:
        self.lo, self.hi = self.limits.bounds(self.order, self.buckets)
        self.smallest = self.limits.thresholds(self.lo, self.hi)

    def __repr__(self) -> str:
        return f"<Problem: {self.order!r} over {self.buckets} buckets, {' + '.join(t.name for t in self.terms)}>"

    def _check_range(self, terms: Iterable[Term]) -> None:
        """Refuse numbers that leave the range which arithmetic can square and add up, in these of its terms."""
        smallest = min(self.shares, self.order.lot or self.shares)
        with np.errstate(all="ignore"):
            dearest = abs(self._total(terms, self.hi)) if self.shares <= LARGEST else np.inf
        if not (dearest <= LARGEST and smallest >= 1 / LARGEST):
            raise InvalidInput(
                f"{self.shares:.3g} shares would cost up to ${dearest:.3g}, beyond what can be computed; "
                "check the units of the order and of the impact's parameters"
            )

    def _lengths(self) -> dict[str, int]:
        impact = {} if self.impact.buckets is None else {"impact": self.impact.buckets}
        return impact | self.limits.lengths | self.terms.lengths

    def replace(self, **changes: Any) -> "Problem":
        """The same declaration with some of the constructor's arguments changed.

        >>> import optexec as ox
        >>> problem = Problem(ox.Order(1_000), ox.Linear([0.01, 0.02]), ox.objective("A"))
        >>> problem.replace(terms=ox.objective("B", rho=1e-6)).terms.find(ox.Smoothing).rho
        1e-06
        """
        if changes.keys() == {"terms"}:
            return self._charging(_objective(changes["terms"]))
        if changes.keys() <= {"order", "limits"}:
            return self._trading(**{"order": self.order, "limits": self.limits, **changes})
        kept = {name: getattr(self, name) for name in ("order", "impact", "terms", "limits")}
        return Problem(**{**kept, "buckets": self.index, **changes})

    def part(self, start: int, stop: int | None = None, shares: float | None = None, **changes: Any) -> "Problem":
        """The declaration of some shares of the order over the buckets from position `start` to before `stop`.

        The tail of an optimum is the optimum of the tail for the shares that the rest of it leaves.

        Args:
            start, stop: 0 <= start < stop <= N; None for N.
            shares: to trade there, > 0; None for all of the order. Fewer than a lot trade in one slice.
            changes: other arguments of the constructor that differ there, such as limits on newer volumes.

        Raises:
            InvalidInput: no such buckets, shares out of range, a term of one's own that has arrays and no `part`.
            InfeasibleOrder: limits that cannot hold the shares.

        >>> import optexec as ox
        >>> problem = Problem(ox.Order(700), ox.Power(1.0, 2.0), ox.objective("C", psi=1.0), buckets=3)
        >>> rest = problem.part(1, shares=ox.solve(problem).x[1:].sum())
        >>> ox.solve(rest).shares.round(6).to_dict()
        {2: 200.0, 3: 133.333333}
        """
        stop = self.buckets if stop is None else stop
        if not 0 <= start < stop <= self.buckets:
            raise InvalidInput(f"no buckets from {start} to before {stop} among {self.buckets}; count them from 0")
        span = slice(start, stop)
        size = self.shares if shares is None else float(shares)
        lot = self.order.lot if self.order.lot is None else min(self.order.lot, size)
        kept = {
            "order": replace(self.order, shares=size, lot=lot),
            "impact": self.impact if self.impact.buckets is None else self.impact.take(np.arange(start, stop)),
            "terms": Objective(tuple(term.part(span, self.buckets) for term in self.terms)),
            "limits": self.limits.part(span),
            "buckets": self.index[span],
        }
        return Problem(**{**kept, **changes})

    def _charging(self, terms: Objective) -> "Problem":
        """The same problem with another objective; what does not depend on it is not computed again."""
        other = copy(self)
        other.terms = terms
        other.__dict__.pop("_completed", None)
        if other.charged_impact is not self.charged_impact:
            other.__dict__.pop("curvature", None)
        common_length({"buckets": self.buckets, **terms.lengths})
        other._check_range([term for term in terms if term not in self.terms])
        return other

    def _trading(self, order: Order, limits: Limits | None) -> "Problem":
        """The same curves and terms for another order or within other limits."""
        other = copy(self)
        for name in ("curvature", "semicontinuous", "_completed"):
            other.__dict__.pop(name, None)
        other.order = _of_class("order", order, Order)
        other.limits = _limits(limits)
        common_length({"buckets": self.buckets, **other.limits.lengths})
        other._read_limits()
        other._check_range(other.charges)
        return other

    @property
    def shares(self) -> float:
        """Size S of the order in shares."""
        return self.order.shares

    @property
    def charges(self) -> tuple[Term, ...]:
        """The terms of the objective, and that of the shares left unfilled if the order need not complete."""
        terms = self.terms.terms
        return terms if self.order.must_complete else (*terms, Unfilled.of(self.order))

    @property
    def completed(self) -> "Problem":
        """The same problem with an order that must complete, which is what the solvers see.

        Itself if it is one; otherwise the unfilled shares are the slice of one more bucket, the last, which has no
        limits and in which a share costs what the order says (see `with_unfilled`).

        Raises:
            InvalidInput: shares may stay unfilled, and a term of one's own has no `with_unfilled`.
        """
        return self if self.order.must_complete else self._completed

    @cached_property
    def _completed(self) -> "Problem":
        return completed(self)

    @property
    def charged_impact(self) -> Impact:
        """The cost curves as far as the objective charges them: free without `ImpactCost` among its terms.

        >>> import optexec as ox
        >>> problem = Problem(ox.Order(300), ox.Power([1.0, 2.0], 0.5), ox.Smoothing(1.0))
        >>> problem.charged_impact, problem.convex
        (Linear(slope=0.0, quoted='total'), True)
        """
        return FREE if self.terms.find(ImpactCost) is None else self.impact

    @cached_property
    def curvature(self) -> Curvature:
        """Shape of each bucket's cost curve on [0, hi]; straight where the objective does not charge it."""
        return self.charged_impact.curvature(self.hi)

    @property
    def convex(self) -> bool:
        """Whether every cost that is charged is convex on the limits, and so the problem but for lots and slices."""
        return bool(self.curvature.convex.all())

    @property
    def separable(self) -> bool:
        """Whether the objective is a sum over buckets of functions of that bucket's shares alone."""
        return all(term.separable for term in self.terms)

    @cached_property
    def semicontinuous(self) -> bool:
        """Whether some bucket may trade nothing or a least slice, and nothing in between."""
        return bool(self.smallest.any())

    def continuous(self) -> "Problem":
        """The declaration without lots and least slices: any shares between the limits.

        >>> import optexec as ox
        >>> order, limits = ox.Order(1_000, lot=100), ox.Limits(smallest=300)
        >>> loose = Problem(order, ox.Linear([0.01, 0.02]), ox.objective("A"), limits).continuous()
        >>> loose.order.lot, loose.semicontinuous
        (None, False)
        """
        return self.replace(order=replace(self.order, lot=None), limits=Limits(minimum=self.lo, maximum=self.hi))

    def trading(self, chosen: NDArray[np.bool_]) -> "Problem":
        """The declaration once it is decided which of the buckets with a least slice trade: the others are closed.

        Args:
            chosen: one a bucket, (N,); not looked at where there is no least slice.

        Raises:
            InfeasibleOrder: buckets that cannot hold the order.

        >>> import optexec as ox
        >>> problem = Problem(ox.Order(900), ox.Linear([0.01, 0.02]), ox.objective("A"), ox.Limits(smallest=300))
        >>> one = problem.trading(np.array([True, False]))
        >>> one.lo.tolist(), one.hi.tolist()
        ([300.0, 0.0], [900.0, 0.0])
        """
        if not self.semicontinuous:
            return self
        free = self.smallest == 0
        low, high = np.where(free, self.lo, self.smallest * chosen), np.where(free | chosen, self.hi, 0.0)
        return self.replace(limits=Limits(minimum=low, maximum=high))

    def inventory(self, x: Array) -> Array:
        """R_i = sum_{j>i} x_j, shares still to trade after bucket i, (N,); the last is 0.

        For shares that add up to S this is R_i = R_{i-1} - x_i with R_0 = S. If the order need not complete it is so
        for any shares, and the last is what stays unfilled.
        """
        return inventory(self.with_unfilled(x))[: self.buckets]

    def with_unfilled(self, x: Array) -> Array:
        """Shares of each bucket of `completed`: with what stays unfilled at the end, if that may be.

        >>> import optexec as ox
        >>> order = ox.Order(300, must_complete=False, unfilled_cost=0.1)
        >>> problem = Problem(order, ox.Linear(0.01), ox.objective("A"), buckets=2)
        >>> problem.with_unfilled(np.array([100.0, 150.0])).tolist()
        [100.0, 150.0, 50.0]
        """
        return x if self.order.must_complete else np.append(x, max(self.shares - float(x.sum()), 0.0))

    def inside(self) -> Array:
        """Shares strictly between the limits wherever they leave room, with sum S: one fraction of each range.

        If the order need not complete, the unfilled shares take part as one more range.

        >>> import optexec as ox
        >>> Problem(ox.Order(300), ox.Linear(0.01), ox.objective("A"), buckets=3).inside().tolist()
        [100.0, 100.0, 100.0]
        """
        if not self.order.must_complete:
            return self.completed.inside()[: self.buckets]
        room = self.hi - self.lo
        fraction = (self.shares - self.lo.sum()) / max(room.sum(), np.finfo(float).tiny)
        return self.lo + min(max(fraction, 0.0), 1.0) * room

    def objective(self, x: Array) -> float:
        """Value of the objective at shares x, (N,), in dollars."""
        return self._total(self.charges, x)

    def _total(self, terms: Iterable[Term], x: Array) -> float:
        return sum(float(term.bucket_costs(self, x).sum()) for term in terms)

    def breakdown(self, x: Array) -> dict[str, float]:
        """Cost of each term at shares x, in dollars, by name."""
        return {term.name: float(term.bucket_costs(self, x).sum()) for term in self.charges}

    def gradient(self, x: Array) -> Array:
        """Derivative of the objective by each x_i, (N,), dollars a share; right-hand at a kink.

        If the order need not complete, a share more in a bucket is one less unfilled.
        """
        return np.sum([term.gradient(self, x) for term in self.charges], axis=0)

    def gradient_left(self, x: Array) -> Array:
        """Left-hand derivative of the objective by each x_i, (N,)."""
        return np.sum([term.gradient_left(self, x) for term in self.charges], axis=0)

    def as_shares(self, values: Any) -> Array:
        """Shares that a user gives, one number a bucket, as a clean array.

        Raises:
            InvalidInput: not one finite number a bucket.
        """
        x = np.asarray(finite("shares", values))
        if x.shape != (self.buckets,):
            raise InvalidInput(f"shares must have one value for each of {self.buckets} buckets, got {x.size}")
        return x


def _objective(terms: Any) -> Objective:
    found: Objective = _of_class("terms", Objective((terms,)) if isinstance(terms, Term) else terms, Objective)
    return found


def _limits(limits: Any) -> Limits:
    found: Limits = Limits() if limits is None else _of_class("limits", limits, Limits)
    return found


def _of_class(name: str, value: Any, kind: type) -> Any:
    if not isinstance(value, kind):
        raise InvalidInput(f"{name} must be of class {kind.__name__}, got {value!r:.80}")
    return value


def _index(buckets: Any, lengths: dict[str, int]) -> pd.Index:
    """Bucket labels from what the user said and the lengths of the arrays."""
    if buckets is None:
        number = common_length(lengths)
        if number is None:
            raise InvalidInput("the number of buckets is unknown: give buckets=N, or a parameter as an array")
        return pd.RangeIndex(1, number + 1, name="bucket")
    if isinstance(buckets, (int, np.integer)) and not isinstance(buckets, bool):
        if buckets < 1:
            raise InvalidInput(f"buckets must be at least 1, got {buckets}")
        index: pd.Index = pd.RangeIndex(1, int(buckets) + 1, name="bucket")
    else:
        index = _labels(buckets)
    common_length({"buckets": len(index), **lengths})
    return index


def _labels(buckets: Any) -> pd.Index:
    try:
        index = pd.Index(buckets)
    except TypeError:
        raise InvalidInput(f"buckets must be a number or an index of labels, got {buckets!r:.80}") from None
    if not len(index):
        raise InvalidInput("buckets must have at least one label, got none")
    if index.has_duplicates:
        raise InvalidInput(f"bucket labels must be unique, {index[index.duplicated()][0]!r} occurs twice")
    return index.rename(index.name or "bucket")
