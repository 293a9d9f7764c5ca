"""Receding horizon: plan a window of buckets, trade its first slice, look again, and plan again."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from optexec.models.drawable import Drawable
from optexec.models.errors import InfeasibleOrder, InvalidInput, unknown_name
from optexec.models.impact import Impact
from optexec.models.limits import Limits
from optexec.models.order import Order
from optexec.models.per_bucket import PerBucket
from optexec.models.problem import Problem
from optexec.models.schedule import Schedule
from optexec.models.validation import Array, nonnegative, positive_number
from optexec.solvers.dispatch import solve
from optexec.solvers.evaluation import GAP

RULES = ("priced", "quota", "free")


class Outlook(NamedTuple):
    """What is expected of a window, or of all buckets from its first to the end of the day.

    None where the declaration still stands.

    Fields:
        impact: cost curves, one for each of its buckets or shared by them.
        volume: shares that the market will trade in each of them, for limits that depend on it.

    >>> import optexec as ox
    >>> day = ox.Problem(ox.Order(900), ox.Power(1.0, 2.0), ox.objective("A"), buckets=3)
    >>> dear_now = ox.Replanner(day, window=1, forecast=lambda start, count: Outlook(impact=ox.Power(4.0, 2.0)))
    >>> dear_now.plan(0, 900).shares.round(6).to_dict()
    {1: 100.0}
    """

    impact: Impact | None = None
    volume: Any = None


Forecast = Callable[[int, int], Outlook]
"""First bucket of a window, counted from 0, and its number of buckets -> what is expected from it on."""


@dataclass(frozen=True, eq=False)
class Plan(Drawable):
    """What to trade in a window.

    Args:
        start: first bucket of the window, counted from 0.
        buckets: length of the window.
        schedule: the answer that the window is the beginning of, with its certificate.

    >>> import optexec as ox
    >>> day = ox.Problem(ox.Order(900), ox.Power(1.0, 2.0), ox.objective("A"), buckets=3)
    >>> plan = ox.Replanner(day, window=2).plan(1, 600)
    >>> plan.start, round(plan.slice, 6), plan.shares.round(6).to_dict()
    (1, 300.0, {2: 300.0, 3: 300.0})
    """

    start: int
    buckets: int
    schedule: Schedule

    @property
    def shares(self) -> pd.Series:
        """Shares for each bucket of the window."""
        return self.schedule.shares.iloc[: self.buckets]

    @property
    def slice(self) -> float:
        """Shares for the first bucket: the slice to trade now."""
        return float(self.schedule.x[0])

    def later(self, bucket: int) -> Array:
        """Shares of the schedule for a bucket, counted from 0, and those after it; none where it begins later."""
        return self.schedule.x[bucket - self.start :] if bucket >= self.start else np.empty(0)


@dataclass(frozen=True, eq=False)
class Replanner:
    """Plans for what is left of an order, a window of buckets at a time.

    A window has the curves and volumes of the forecast; the buckets beyond it have those of the declaration, unless
    the forecast reaches to the end of the day. Beyond the window, one of three rules holds; in the last window
    everything that is left must trade.

    * "priced": the inventory left at its end is charged what it costs to trade beyond, at best. That cost-to-go is
      the least objective of the buckets beyond, so window and rest are one problem, and with unchanged forecasts the
      slices of all windows are the optimum of the day.
    * "quota": the window trades its share of the volume that is expected from here to the end, as an order of its own.
    * "free": the window trades any number of shares up to what is left, and nothing is charged for the rest but
      the risk of holding it in the window. This is the constraint "sum <= S_rem" of published write-ups; unless risk
      presses, it leaves everything to the last window.

    Args:
        problem: the declaration of the whole day.
        window: number of buckets, at least 1; None for all that are left.
        beyond: "priced", "quota" (needs volumes) or "free".
        forecast: what is expected of a window; None for the declaration.
        method, gap, time_limit: as in `solve`.

    Raises:
        InvalidInput: a window that is no positive number, an unknown rule, a quota without volumes.

    >>> import optexec as ox
    >>> day = ox.Problem(ox.Order(700), ox.Power(1.0, 2.0), ox.objective("C", psi=1.0), buckets=3)
    >>> planner = Replanner(day, window=1)
    >>> first = planner.plan(0, 700.0)
    >>> round(first.slice, 6), round(planner.plan(1, 700.0 - first.slice, near=first).slice, 6)
    (366.666667, 200.0)
    """

    problem: Problem
    window: int | None = None
    beyond: str = "priced"
    forecast: Forecast | None = None
    method: str = "auto"
    gap: float = GAP
    time_limit: float = 60.0

    def __post_init__(self) -> None:
        window = self.window
        if window is not None and (isinstance(window, bool) or not isinstance(window, (int, np.integer)) or window < 1):
            raise InvalidInput(f"window must be a whole number of buckets, at least 1, got {window!r:.80}")
        if self.beyond not in RULES:
            raise unknown_name("rule", self.beyond, RULES)
        if self.beyond == "quota" and self.problem.limits.volume is None:
            raise InvalidInput("the quota of a window is its share of the volume; give limits.volume")

    def plan(self, start: int, remaining: float, near: Plan | None = None) -> Plan:
        """The plan for the window that begins at a bucket.

        Args:
            start: number of buckets that have passed.
            remaining: shares left to trade, > 0.
            near: a plan of this order for an earlier or the same bucket: where the search begins.

        Raises:
            InvalidInput: no such bucket, shares that are no positive number, a forecast of another length.
            InfeasibleOrder: what is left cannot trade within the limits that are now expected, or a window with a
                quota expects no volume.
            SolverFailure: as `solve`.
        """
        problem = self.declaration(start, remaining)
        known = np.empty(0) if near is None else near.later(start)
        schedule = solve(
            problem, self.method, self.gap, self.time_limit, known if len(known) == problem.buckets else None
        )
        return Plan(start, self._stop(start) - start, schedule)

    def declaration(self, start: int, remaining: float) -> Problem:
        """The problem whose first slices are those of the window that begins at a bucket.

        Args:
            start, remaining: as in `plan`.

        Raises:
            InvalidInput, InfeasibleOrder: as `plan`.

        >>> import optexec as ox
        >>> day = ox.Problem(ox.Order(700), ox.Power(1.0, 2.0), ox.objective("C", psi=1.0), buckets=3)
        >>> Replanner(day).declaration(1, 300.0)
        <Problem: Order(shares=300.0) over 2 buckets, impact + inventory_risk>
        """
        return self.window_at(start).declaration(remaining)

    def window_at(self, start: int) -> "Window":
        """The window that begins at a bucket, before it is known how much remains: curves, volumes and the rule."""
        day, stop = self.problem, self._stop(start)
        part = day.part(start, day.buckets if self.beyond == "priced" else stop, order=_unpriced(day.order))
        free = self.beyond == "free" and stop < day.buckets
        quota = None
        if self.beyond == "quota":
            quota = np.broadcast_to(np.asarray(day.limits.volume), day.buckets)[start:]
        order = part.order if free else day.order
        window = Window(part, part.limits, order, stop - start, day.buckets - start, quota)
        return window if self.forecast is None else window.expecting(self.forecast(start, stop - start))

    def _stop(self, start: int) -> int:
        """The end of the window that begins at a bucket."""
        buckets = self.problem.buckets
        if not 0 <= start < buckets:
            raise InvalidInput(f"there is no bucket {start} among {buckets}; count them from 0")
        return buckets if self.window is None else min(start + self.window, buckets)


@dataclass(frozen=True, eq=False)
class Window:
    """What is expected of a window and of what follows it, for any number of shares that remain; see `Replanner`.

    Args:
        problem: curves and terms, for an order that any limits hold.
        limits: those that are expected of its buckets.
        order: the order whose shares remain.
        length: number of buckets of the window, the first ones of the problem.
        left: number of buckets to the end of the day.
        quota: volume expected of these where the window trades its share of it, (left,); None where it does not.
    """

    problem: Problem
    limits: Limits
    order: Order
    length: int
    left: int
    quota: Array | None

    def expecting(self, outlook: Outlook) -> "Window":
        """The window with other curves or volumes expected.

        Raises:
            InvalidInput: volumes where the declaration has none, another number of buckets, values out of range.
        """
        problem, limits, quota = self.problem, self.limits, self.quota
        if outlook.volume is not None:
            volume = np.asarray(nonnegative("volume", outlook.volume))
            told = np.broadcast_to(volume, self._reach("volumes", len(volume) if volume.ndim else None))
            limits = self._limits(told)
            quota = None if quota is None else np.append(told, quota[len(told) :])
        if outlook.impact is not None:
            problem = problem.replace(impact=self._curves(outlook.impact))
        return replace(self, problem=problem, limits=limits, quota=quota)

    def _reach(self, what: str, told: int | None) -> int:
        """Number of buckets that a forecast is for: those of the window, or all to the end of the day."""
        if told not in (None, self.length, self.left):
            raise InvalidInput(f"the forecast has {what} for {told} buckets, the window has {self.length}")
        return told or self.length

    def _limits(self, volume: Array) -> Limits:
        limits, buckets = self.limits, self.problem.buckets
        if limits.volume is None:
            raise InvalidInput("the forecast has volumes where the declaration has none; give limits.volume")
        declared = np.broadcast_to(np.asarray(limits.volume), buckets)
        return replace(limits, volume=np.append(volume, declared[len(volume) :])[:buckets])

    def _curves(self, impact: Impact) -> Impact:
        """The curves that are forecast, then those declared."""
        reach, declared, buckets = self._reach("curves", impact.buckets), self.problem.impact, self.problem.buckets
        if reach >= buckets:
            return impact if reach == buckets else impact.take(np.arange(buckets))
        rest = np.arange(reach, buckets)
        beyond = declared if declared.buckets is None else declared.take(rest)
        return PerBucket.of_groups([(np.arange(reach), impact), (rest, beyond)])

    def holds(self, remaining: float) -> bool:
        """Whether the caps that are expected reach so many shares, if they must be reached."""
        return not self.order.must_complete or self._room >= self._share * remaining

    @property
    def waits(self) -> bool:
        """Whether it has nothing to trade: a quota where all the volume is expected beyond it."""
        return self._share == 0

    @cached_property
    def _room(self) -> float:
        """Shares that the limits allow, no more than the day's order in a bucket."""
        return float(self.problem.replace(limits=self.limits).hi.sum())

    def declaration(self, remaining: float) -> Problem:
        """The problem of the window for so many shares, > 0; raises as `Replanner.declaration`."""
        shares = self._share * positive_number("remaining", remaining)
        if not shares:
            raise InfeasibleOrder(
                f"no volume is expected in the window from bucket {self.problem.index[0]!r}, so its quota is nothing; "
                "use a longer window or another rule"
            )
        lot = None if self.order.lot is None else min(self.order.lot, shares)
        return self.problem.replace(order=replace(self.order, shares=shares, lot=lot), limits=self.limits)

    @cached_property
    def _share(self) -> float:
        """Part of what remains that the window is planned for; none where it expects no volume and is not the last."""
        if self.quota is None or self.length == self.left:
            return 1.0
        own = float(self.quota[: self.length].sum())
        return own / float(self.quota.sum()) if own else 0.0


def _unpriced(order: Order) -> Order:
    """The order with nothing charged for what it leaves unfilled."""
    return replace(order, must_complete=False, unfilled_cost=0.0, unfilled_penalty=0.0)
