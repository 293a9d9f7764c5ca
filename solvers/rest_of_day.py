"""Plans for what is left of an order, whatever has become of its day: the best that its caps hold."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from fractions import Fraction

import numpy as np

from optexec.models.errors import InfeasibleOrder, OptexecError
from optexec.models.execution_decisions import Planned, Short
from optexec.models.json_values import known
from optexec.models.lots import most_shares
from optexec.models.validation import Array
from optexec.solvers.expectation import Expectation
from optexec.solvers.horizon import Plan, Replanner


@dataclass(frozen=True)
class Rest:
    """What is left of an order at some moment.

    Args:
        first: position of the first bucket that can trade it; N if there is none.
        shares: that are left, > 0.
        done: shares that have traded in that bucket, in whole lots.
        beside: and those beside the whole lots.
    """

    first: int
    shares: float
    done: float = 0.0
    beside: float = 0.0

    def reach(self, caps: Array, lot: float | None) -> float:
        """Most of the shares that caps of all buckets, (N,), hold in lots.

        >>> Rest(1, 500.0, done=100.0).reach(np.array([900.0, 300.0, 200.0]), None)
        400.0
        """
        high = caps[self.first :].copy()
        if not high.size:
            return 0.0
        high[0] = max(high[0] - self.done - self.beside, 0.0)
        return most_shares(self.shares, high, lot)


class RestOfDay:
    """The plan at hand, and what of the order does not fit its caps.

    Args:
        planner: the rules of the plans.
        expected: of the day; read anew for each plan.
        count: makes whole units of a number of shares.

    Attributes:
        plan: the last one that a method gave; None if there is none.
        last_slice: what was planned last for the last bucket; None if that did not go so far.
        shortfall: shares that the caps of the window do not hold, as they are expected now.

    >>> import optexec as ox
    >>> limits = ox.Limits(minimum=400, maximum=500)
    >>> planner = Replanner(ox.Problem(ox.Order(900), ox.Power(1.0, 2.0), ox.objective("A"), limits, buckets=2))
    >>> ahead = RestOfDay(planner, Expectation(planner.problem), Fraction)
    >>> plan = ahead.renew(Rest(0, 600.0), "amended")
    >>> plan.shares, plan.reason
    ((300.0, 300.0), 'amended; floors and least slices do not fit what is left')
    >>> ahead.measure(Rest(1, 600.0), here=1, most=Fraction(600))
    Short(shares=100.0, certain=True)
    """

    def __init__(self, planner: Replanner, expected: Expectation, count: Callable[[float], Fraction]) -> None:
        self.planner = planner
        self.expected = expected
        self.count = count
        self.plan: Plan | None = None
        self.last_slice: float | None = None
        self.shortfall = Fraction(0)
        self._told = Short(0.0, certain=False)
        self._order = planner.problem.order

    @property
    def endless(self) -> bool:
        """Whether what the window does not hold can trade past its end."""
        last = self.expected.caps()[-1]
        return self._order.at_end == "continue" and bool(last > 0 and last >= (self._order.lot or 0))

    def reached(self, rest: Rest) -> float:
        """Shares of the rest that the caps expected hold."""
        return rest.reach(self.expected.caps(), self._order.lot)

    def measure(self, rest: Rest, here: int, most: Fraction) -> Short | None:
        """Find the shortfall; what to say of it if that has changed, None if it has not.

        Args:
            rest: what is left, from the first bucket that is expected to trade.
            here: the first that could, if a halt ended at once.
            most: shares of the rest that may trade whatever the caps hold.
        """
        if not self._order.must_complete:
            return None
        self.shortfall = self.count(rest.shares - min(self.reached(rest), float(most)))
        short = Short(0.0, certain=False)
        if self.shortfall and not self.endless:
            soonest = replace(rest, first=min(rest.first, here))
            held = min(soonest.reach(self.expected.hard_caps(), self._order.lot), float(most))
            short = Short(float(self.shortfall), certain=held < rest.shares)
        changed, self._told = short != self._told, short
        return short if changed else None

    def indispensable(self, rest: Rest) -> Fraction:
        """Shares that the buckets after the first do not hold, which a window may not look at."""
        if self.endless or not self._order.must_complete:
            return Fraction(0)
        return self.count(rest.shares - self.reached(Rest(rest.first + 1, rest.shares)))

    def renew(self, rest: Rest, reason: str) -> Planned:
        """Plan what the caps hold of the rest, or all of it if the order need not complete.

        Where no method has a plan, the last one is kept in proportion; without one, each bucket has an equal part.

        Floors and least slices give way where they do not fit what is left, and so does a window whose own share of it
        (the quota) does not fit its caps.

        Args:
            rest: of which the caps hold some.
            reason: why, for the record.
        """
        if self._order.must_complete:
            rest = replace(rest, shares=self.reached(rest))
        try:
            self.plan, gave = self._attempted(rest)
        except OptexecError as error:
            return self._without_method(rest, f"{reason}; {error}")
        schedule = self.plan.schedule
        self.last_slice = float(schedule.x[-1]) if len(schedule.x) == self.expected.buckets - rest.first else None
        first, *others = self.plan.shares.tolist()
        return Planned(
            rest.first,
            (first + rest.beside, *others),
            schedule.method,
            schedule.status,
            float(schedule.objective),
            known(schedule.lower_bound),
            known(schedule.gap),
            f"{reason}; {gave}" if gave else reason,
        )

    def _attempted(self, rest: Rest) -> tuple[Plan, str]:
        """The first attempt that fits, and what had to give for it."""
        for attempt, demands, gave in self._attempts():
            try:
                day = self.expected.day(rest.first, rest.shares + rest.done, rest.done, rest.beside, demands)
                return replace(attempt, problem=day).plan(rest.first, rest.shares + rest.done, self.plan), gave
            except InfeasibleOrder as error:
                failure = error
        raise failure

    def _attempts(self) -> Iterator[tuple[Replanner, bool, str]]:
        yield self.planner, True, ""
        yield self.planner, False, "floors and least slices do not fit what is left"
        yield replace(self.planner, window=None, beyond="priced"), False, "the window does not fit its caps"

    def _without_method(self, rest: Rest, reason: str) -> Planned:
        """The rest in proportion to the last plan for the buckets that can trade, or evenly where it has none."""
        trades = self.expected.caps()[rest.first :] > 0
        method, weights, unfilled = "twap", trades.astype(float), 0.0
        kept = self._kept(rest) * trades
        if self.plan is not None and kept.any():
            method, weights, unfilled = self.plan.schedule.method, kept, self.plan.schedule.unfilled
            reason = f"{reason}; the last plan is kept"
        shares = rest.shares * weights / (weights.sum() + unfilled)
        self.last_slice = float(shares[-1])
        shares[0] += rest.done + rest.beside
        return Planned(rest.first, tuple(shares.tolist()), method, "fallback", None, None, None, reason)

    def _kept(self, rest: Rest) -> Array:
        """What the last plan still has for the buckets of the rest; zeros where it does not go so far."""
        buckets = self.expected.buckets - rest.first
        planned = np.zeros(buckets) if self.plan is None else self.plan.later(rest.first)
        if len(planned) != buckets:
            return np.zeros(buckets)
        return np.append(max(planned[0] - rest.done, 0.0), planned[1:])
