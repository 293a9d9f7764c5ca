"""What is expected of the rest of a day as from now, and the problem that this makes of what is left of an order."""

from dataclasses import replace
from fractions import Fraction
from typing import Any

import numpy as np

from optexec.models.cost_level import scaled
from optexec.models.errors import InvalidInput
from optexec.models.execution_events import Forecast, Observed
from optexec.models.impact import Impact
from optexec.models.inventory_risk import InventoryRisk
from optexec.models.limits import Limits
from optexec.models.objective import Objective
from optexec.models.per_bucket import PerBucket
from optexec.models.problem import Problem
from optexec.models.validation import Array, Parameter
from optexec.solvers.thresholds import Thresholds


class Expectation:
    """Curves, volumes and volatility expected of every bucket, and the buckets without trading.

    Args:
        problem: the declaration: what is expected at first.

    >>> import optexec as ox
    >>> limits = ox.Limits(participation=0.1, volume=[3_000, 5_000])
    >>> day = Expectation(ox.Problem(ox.Order(600), ox.Linear(0.01), ox.objective("A"), limits))
    >>> day.foretell(Forecast(1, volume=[4_000]))
    >>> day.caps().tolist()
    [300.0, 400.0]
    """

    def __init__(self, problem: Problem) -> None:
        self.problem = problem
        self.buckets = problem.buckets
        self.closed = np.zeros(self.buckets, dtype=bool)
        self.seen: dict[int, float] = {}
        self._impact: Impact = problem.impact
        self._volume = self._declared_volume()
        self._dearer, self._wilder = np.ones((2, self.buckets))

    def position(self, bucket: int) -> int:
        """Bucket whose numbers hold for a bucket: itself, or the last one beyond the end."""
        return min(bucket, self.buckets - 1)

    def room(self, bucket: int) -> Fraction | None:
        """Most shares that may trade in a bucket by what the market has printed in it so far; None for any number."""
        at, declared = self.position(bucket), self.problem.limits
        caps = [] if declared.maximum is None else [_at(declared.maximum, at)]
        if declared.participation is not None:
            caps.append(_at(declared.participation, at) * _written(self.seen.get(bucket, 0.0)))
        return min(caps, default=None)

    def hard_caps(self) -> Array:
        """Most shares of each bucket whatever the market prints, (N,): infinite where nothing limits them."""
        maximum = self.problem.limits.maximum
        return np.where(self.closed, 0.0, np.inf if maximum is None else maximum)

    def caps(self) -> Array:
        """Most shares of each bucket if volumes are as expected, or as seen where that is more already, (N,)."""
        share = self.problem.limits.participation
        if share is None or self._volume is None:
            return self.hard_caps()
        volume = self._volume.copy()
        for bucket, printed in self.seen.items():
            if bucket < self.buckets:
                volume[bucket] = max(volume[bucket], printed)
        return np.minimum(self.hard_caps(), share * volume)

    def foretell(self, forecast: Forecast) -> None:
        """Expect what a forecast says of its buckets, and of all others what was declared.

        Raises:
            InvalidInput: buckets beyond the last, volumes where the declaration has none.
        """
        first, end = forecast.bucket, forecast.bucket + forecast.buckets
        if end > self.buckets:
            raise InvalidInput(f"the forecast goes to bucket {end - 1}, the last is {self.buckets - 1}")
        volume = self._declared_volume()
        if forecast.volume is not None:
            if volume is None:
                raise InvalidInput("the forecast has volumes where the declaration has none; give limits.volume")
            volume[first:end] = forecast.volume
        self._volume = volume
        self._impact = self.problem.impact
        if forecast.impact is not None:
            self._impact = _with(self.problem.impact, forecast.impact, first, end, self.buckets)

    def observe(self, seen: Observed, thresholds: Thresholds) -> bool:
        """Take note of the market in the bucket that is open; whether more or less is expected of it from now on."""
        at = self.position(seen.bucket)
        changed = False
        for expected, factor in zip((self._dearer, self._wilder), thresholds.factors(seen), strict=True):
            if factor is not None and expected[at] != factor:
                expected[at:] = 1.0
                expected[at : at + thresholds.lasts] = factor
                changed = True
        return changed

    def day(self, first: int, shares: float, done: float, beside: float = 0.0, demands: bool = True) -> Problem:
        """The day as expected, for the shares of bucket `first` and those after it.

        Args:
            first: position of the bucket.
            shares: to trade from its beginning on, > 0.
            done: those of them that have traded in it: its floor.
            beside: shares that have traded in it too, and count for its cap only.
            demands: whether floors and least slices hold, the least slices no larger than `shares`.

        Raises:
            InfeasibleOrder: caps, or floors, that do not hold the shares.
        """
        passed = np.arange(self.buckets) < first
        high = np.where(passed, shares, np.minimum(self.caps(), shares + beside))
        high[first] = max(high[first] - beside, done)
        declared = self.problem.limits
        low = np.where(passed, 0.0, np.minimum(declared.minimum, high)) * demands
        low[first] = max(low[first], done)
        least = np.where(passed, 0.0, np.minimum(declared.smallest, shares)) * demands
        limits = Limits(minimum=low, maximum=high, volume=self._volume, smallest=least)
        lot = self.problem.order.lot
        order = replace(self.problem.order, shares=shares, lot=None if lot is None else min(lot, shares))
        return Problem(order, self._costs(), self._terms(), limits, self.problem.index)

    def _declared_volume(self) -> Array | None:
        volume = self.problem.limits.volume
        return None if volume is None else np.array(np.broadcast_to(volume, self.buckets), dtype=float)

    def _costs(self) -> Impact:
        return self._impact if (self._dearer == 1).all() else scaled(self._impact, self._dearer)

    def _terms(self) -> Objective:
        terms = self.problem.terms
        if (self._wilder == 1).all():
            return terms
        return Objective(tuple(self._riskier(term) for term in terms))

    def _riskier(self, term: Any) -> Any:
        if not isinstance(term, InventoryRisk):
            return term
        return InventoryRisk(term.psi, term.weights_for(self.buckets) * self._wilder)


def _at(limit: Parameter, position: int) -> Fraction:
    return _written(limit[position] if isinstance(limit, np.ndarray) else limit)


def _written(number: float) -> Fraction:
    return Fraction(repr(float(number)))


def _with(declared: Impact, foretold: Impact, first: int, end: int, buckets: int) -> Impact:
    """The declared curves, those of buckets `first` to before `end` replaced."""
    inside = np.arange(first, end)
    others = np.setdiff1d(np.arange(buckets), inside)
    if not others.size:
        return foretold
    rest = declared if declared.buckets is None else declared.take(others)
    return PerBucket.of_groups([(inside, foretold), (others, rest)])
