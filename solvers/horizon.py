"""Receding horizon: plan a window of buckets, trade its first slice, look again, and plan again."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from optexec.models.drawable import Drawable
from optexec.models.errors import InvalidInput, unknown_name
from optexec.models.families import Linear
from optexec.models.impact import Impact
from optexec.models.limits import Limits
from optexec.models.objective import ImpactCost, InventoryRisk, Objective, Smoothing, Term
from optexec.models.per_bucket import PerBucket
from optexec.models.problem import Problem
from optexec.models.schedule import Schedule
from optexec.models.validation import Array, nonnegative, positive_number
from optexec.solvers.dispatch import solve
from optexec.solvers.evaluation import GAP

RULES = ("priced", "quota", "free")
IDLE = "beyond"
"""Label of the bucket that stands for all that the `free` rule leaves to later windows."""


class Outlook(NamedTuple):
    """What is expected of a stretch of buckets; None where the declaration still stands.

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
"""First bucket of a window, counted from 0, and its number of buckets -> what is expected of them."""


@dataclass(frozen=True, eq=False)
class Plan(Drawable):
    """What to trade in a window.

    Args:
        start: first bucket of the window, counted from 0.
        buckets: length of the window.
        schedule: the answer that the window is the beginning of, with its certificate.
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


@dataclass(frozen=True, eq=False)
class Replanner:
    """Plans for what is left of an order, a window of buckets at a time.

    A window has the curves and volumes of the forecast, the buckets beyond it those of the declaration. Beyond the
    window, one of three rules holds; in the last window everything that is left must trade.

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
            InfeasibleOrder: what is left cannot trade within the limits that are now expected.
            SolverFailure: as `solve`.
        """
        remaining = positive_number("remaining", remaining)
        buckets = self.problem.buckets
        if not 0 <= start < buckets:
            raise InvalidInput(f"there is no bucket {start} among {buckets}; count them from 0")
        stop = buckets if self.window is None else min(start + self.window, buckets)
        outlook = Outlook() if self.forecast is None else self.forecast(start, stop - start)
        day = self.problem if outlook.volume is None else _with_volume(self.problem, outlook.volume, start, stop)
        problem = self._window(day, start, stop, remaining)
        if outlook.impact is not None:
            problem = problem.replace(impact=_beginning(outlook.impact, problem.impact, stop - start, problem.buckets))
        near_shares = None if near is None else _later(near, start, problem)
        schedule = solve(problem, self.method, self.gap, self.time_limit, near_shares)
        return Plan(start, stop - start, schedule)

    def _window(self, day: Problem, start: int, stop: int, remaining: float) -> Problem:
        """The problem whose first slices are those of the window, by the rule for what lies beyond it."""
        if self.beyond == "priced" or stop == day.buckets:
            return day.part(start, shares=remaining)
        if self.beyond == "free":
            return _with_idle(day, start, stop, remaining)
        volume = np.broadcast_to(np.asarray(day.limits.volume), day.buckets)
        return day.part(start, stop, remaining * volume[start:stop].sum() / volume[start:].sum())


def _with_volume(day: Problem, volume: Any, start: int, stop: int) -> Problem:
    """The day with another volume expected from `start` to before `stop`."""
    if day.limits.volume is None:
        raise InvalidInput("the forecast has volumes where the declaration has none; give limits.volume")
    expected = np.array(np.broadcast_to(np.asarray(day.limits.volume), day.buckets))
    expected[start:stop] = _of_length("volumes", nonnegative("volume", volume), stop - start)
    return day.replace(limits=replace(day.limits, volume=expected))


def _beginning(window: Impact, declared: Impact, length: int, buckets: int) -> Impact:
    """Curves of a problem with `buckets` buckets: those of the window for the first of them, then those declared."""
    if window.buckets is not None and window.buckets != length:
        raise InvalidInput(f"the forecast has curves for {window.buckets} buckets, the window has {length}")
    if length == buckets:
        return window
    rest = np.arange(length, buckets)
    beyond = declared if declared.buckets is None else declared.take(rest)
    return PerBucket.of_groups([(np.arange(length), window), (rest, beyond)])


def _of_length(what: str, values: Any, length: int) -> Any:
    if np.ndim(values) and len(values) != length:
        raise InvalidInput(f"the forecast has {what} for {len(values)} buckets, the window has {length}")
    return values


def _with_idle(day: Problem, start: int, stop: int, remaining: float) -> Problem:
    """The window, and a bucket after it that holds for nothing whatever does not trade in the window."""
    span, length = slice(start, stop), stop - start
    impact = day.impact if day.impact.buckets is None else day.impact.take(np.arange(start, stop))
    return Problem(
        replace(day.order, shares=remaining),
        PerBucket.of_groups([(np.arange(length), impact), (np.array([length]), Linear(np.zeros(1)))]),
        Objective(tuple(_idle_term(term, span, day.buckets) for term in day.terms)),
        Limits(
            minimum=np.append(day.lo[span], 0.0),
            maximum=np.append(np.minimum(day.hi[span], remaining), remaining),
            smallest=np.append(day.smallest[span], 0.0),
        ),
        [*day.index[span], IDLE],
    )


def _idle_term(term: Term, span: slice, buckets: int) -> Term:
    """A term of the window that charges nothing in the idle bucket, but the risk of what is kept for it."""
    if isinstance(term, Smoothing):
        return Smoothing(np.append(np.broadcast_to(term.rho, buckets)[span], 0.0))
    if isinstance(term, InventoryRisk):
        return InventoryRisk(term.psi, np.append(term.weights_for(buckets)[span], 0.0))
    if isinstance(term, ImpactCost):
        return term
    raise InvalidInput(f"the free rule does not know what the {term.name} term charges for shares that do not trade")


def _later(near: Plan, start: int, problem: Problem) -> Array | None:
    """Shares of an earlier plan for the buckets of a later one; None where the plans do not overlap so."""
    passed = start - near.start
    known = near.schedule.x[passed:] if passed >= 0 else np.empty(0)
    return known if len(known) == problem.buckets else None
