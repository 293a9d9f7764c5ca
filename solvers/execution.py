"""An order through its day: events in, decisions out, every share accounted for, and no cap ever broken."""

from dataclasses import replace
from fractions import Fraction
from functools import singledispatchmethod

from optexec.models.errors import InvalidInput
from optexec.models.execution_decisions import Account, Booked, Cut, Decision, Refused, Sent
from optexec.models.execution_events import (
    Amended,
    Blackout,
    Cancelled,
    Closed,
    Event,
    Filled,
    Forecast,
    Halted,
    Observed,
    Opened,
    Rejected,
    Resumed,
)
from optexec.models.ledger import Child, Ledger
from optexec.models.order import check_lots
from optexec.models.validation import common_length
from optexec.solvers.dispatch import choose
from optexec.solvers.expectation import Expectation
from optexec.solvers.horizon import Replanner
from optexec.solvers.rest_of_day import Rest, RestOfDay
from optexec.solvers.slice_size import Sizes
from optexec.solvers.thresholds import Thresholds

DUST = Fraction(1, 10**9)
"""Fraction of the order below which a slice is not worth a child order, unless it is all that is left."""


class Execution:
    """Trades an order through its day: `take` an event, carry out the decisions that it answers.

    It has no clock, no randomness and no files: the same events give the same decisions, bit for bit, unless a method
    that watches its time limit stops early. It never raises for what an event says; what does not fit is `Refused`.

    * A bucket opens: what is left is planned anew and the first slice is sent. A halt, its end, a blackout, an
      amendment, a forecast, and a spike beyond `thresholds` are answered by a new plan at once.
    * Where no method has a plan, the last one is kept in proportion, and the plan says why.
    * Caps: `limits.maximum` holds whatever happens. `limits.participation` holds for the volume that the market has
      printed in the bucket so far, own shares inside: until then the rest of a slice waits for `Observed`.
    * Priorities where not all can be had: caps, then completion, then floors and least slices.
    * A slice is never so small that the caps of the buckets after it would not hold the rest, whatever the window.
    * Fills count as far as their child order, the order and the bucket's caps hold them, late ones in the bucket that
      they were sent for. The rest of a fill is refused, never absorbed.
    * A rejected child order is not sent again before the next observation of its bucket, or the next bucket.
    * Child orders end with their bucket. Nothing trades between `Closed` and `Opened`: a night. Its variance is in the
      risk weights, see `PriceRisk.then`.
    * An order that cannot finish inside its caps says so as soon as that is so, see `Short`, and trades what they hold.
    * The end of the window: see `Order.at_end`. An order that need not complete is planned with what unfilled shares
      cost; it is never short.

    Args:
        planner: the declaration of the day and the rules of its plans; its `forecast` must be None, because forecasts
            are events.
        thresholds: when volatility and spread call for a new plan.

    Raises:
        InvalidInput: a planner with forecasts of its own, a method that does not apply or "pov", thresholds for another
            number of buckets, a term that does not say what it is for what is left of the order (see `Term.part`).

    >>> import optexec as ox
    >>> problem = ox.Problem(ox.Order(900), ox.Power([1.0, 2.0, 2.0], 2.0), ox.objective("A"))
    >>> day = Execution(Replanner(problem))
    >>> for decision in day.take(Opened(0)):
    ...     print(decision)
    Planned(first=0, shares=(450.0, 225.0, 225.0), method='closed_form', status='optimal', objective=...
    Sent(child=1, bucket=0, shares=450.0)
    Account(bucket=0, shares=900.0, filled=0.0, remaining=900.0, working=450.0, state='working')
    >>> day.take(Filled(300, child=1))[-1].remaining
    600.0
    >>> day.take(Opened(1))[2]
    Sent(child=2, bucket=1, shares=300.0)
    """

    def __init__(self, planner: Replanner, thresholds: Thresholds | None = None) -> None:
        if planner.forecast is not None:
            raise InvalidInput("an execution takes its forecasts as events; leave the forecast of its planner out")
        self.planner = planner
        self.thresholds = Thresholds() if thresholds is None else thresholds
        common_length({"buckets": planner.problem.buckets, **self.thresholds.lengths})
        _check_plans(planner)
        order = planner.problem.order
        self.order = order
        self.ledger = Ledger(order.shares)
        self.expected = Expectation(planner.problem)
        self.sizes = Sizes(self.ledger.unit, None if order.lot is None else self.ledger.count(order.lot))
        self.ahead = RestOfDay(planner, self.expected, self.ledger.count)
        self.bucket = -1
        self.slice = Fraction(0)
        self.open = self._over = self._cancelled = self._halted = self._rejected = self._kept = False
        self._resumes = 0
        self._answer: list[Decision] = []

    @property
    def account(self) -> Account:
        """Where the order stands."""
        ledger = self.ledger
        shares, filled, remaining, working = map(
            float, (ledger.shares, ledger.filled, ledger.remaining, ledger.working)
        )
        return Account(self.bucket, shares, filled, remaining, working, self.state)

    @property
    def state(self) -> str:
        """One of "working", "done", "cancelled" and "unfilled"."""
        if not self.ledger.remaining:
            return "done"
        if self._cancelled:
            return "cancelled"
        return "unfilled" if self._over else "working"

    def has_bucket(self, bucket: int) -> bool:
        """Whether a bucket can still open."""
        within = bucket < self.expected.buckets or self._continues
        return within and bucket > self.bucket and not self._over

    @property
    def _continues(self) -> bool:
        """Whether buckets follow the end of the window."""
        return self.order.at_end == "continue" and self.order.must_complete

    @property
    def waiting(self) -> Fraction:
        """Shares of the slice of the bucket at hand that are neither in the market nor done."""
        taken = self.ledger.done(self.bucket) + self.ledger.working
        return max(min(self.slice - taken, self.ledger.free), Fraction(0))

    def take(self, event: Event) -> tuple[Decision, ...]:
        """What to do about an event, in this order; the last is the `Account` after it."""
        self._answer = []
        self._on(event)
        self._cut_back()
        self._send()
        self._answer.append(self.account)
        return tuple(self._answer)

    @singledispatchmethod
    def _on(self, event: Event) -> None:
        raise InvalidInput(f"{event!r:.80} is not an event")

    @_on.register
    def _(self, event: Opened) -> None:
        if not self.has_bucket(event.bucket):
            passed = event.bucket <= self.bucket
            return self._refuse("open", None, "it has passed" if passed else "the window is over")
        self._end_bucket()
        self.bucket, self.open = event.bucket, True
        planned = self.ahead.last_slice
        if self._last and self.order.at_end == "stop" and planned is not None:
            self._keep_to_plan(planned)
        else:
            self._replan("the bucket opens")

    @_on.register
    def _(self, event: Closed) -> None:
        if event.bucket != self.bucket or not self.open:
            return self._refuse("close", None, f"bucket {event.bucket} is not open")
        self._end_bucket()
        goes_on = self._continues and self.state == "working"
        self._over = self.bucket >= self.expected.buckets - 1 and not goes_on

    @_on.register
    def _(self, event: Observed) -> None:
        if event.bucket > self.bucket:
            return self._refuse("market", None, f"bucket {event.bucket} has not opened")
        if event.volume is not None:
            before = self.expected.seen.get(event.bucket, 0.0)
            if event.volume < before:
                return self._refuse("market", None, f"{before:,.10g} shares had been printed before")
            self.expected.seen[event.bucket] = event.volume
        if event.bucket == self.bucket and self.open:
            self._rejected = False
            try:
                changed = self.expected.observe(event, self.thresholds)
            except InvalidInput as error:
                return self._refuse("market", None, str(error))
            if changed:
                self._replan("volatility or spread crossed its threshold")

    @_on.register
    def _(self, event: Filled) -> None:
        left = self.ledger.count(event.shares)
        if event.child is not None and event.child not in self.ledger.children:
            return self._refuse("fill", left, f"there is no child order {event.child}")
        if event.child is None:
            for child in self.ledger.at_work:
                left -= self._book(child, min(left, child.open))
        else:
            left -= self._book(self.ledger.children[event.child], left)
        if left:
            named = "the child orders at work" if event.child is None else f"child order {event.child}"
            self._refuse("fill", left, f"more than {named}, the order, or the caps of the bucket have room for")

    @_on.register
    def _(self, event: Rejected) -> None:
        if event.child not in self.ledger.children:
            return self._refuse("reject", None, f"there is no child order {event.child}")
        self._rejected |= self.ledger.children[event.child].bucket == self.bucket
        self.ledger.reject(event.child)

    @_on.register
    def _(self, event: Amended) -> None:
        if self._over or self._cancelled:
            return self._refuse("amend", None, "the order has ended")
        try:
            check_lots(event.shares, self.order.lot)
            self.ledger.amend(event.shares)
        except InvalidInput as error:
            return self._refuse("amend", self.ledger.count(event.shares), str(error))
        self._kept = False
        self._replan("the order was amended")

    @_on.register
    def _(self, event: Cancelled) -> None:
        if self.state != "working":
            return self._refuse("cancel", None, f"the order is {self.state}")
        self._cancelled = True

    @_on.register
    def _(self, event: Halted) -> None:
        self._halted, self._resumes = True, event.until or 0
        self._replan("trading is halted")

    @_on.register
    def _(self, event: Resumed) -> None:
        if not self._halted:
            return self._refuse("resume", None, "trading is not halted")
        self._halted, self._resumes = False, 0
        self._replan("trading resumes")

    @_on.register
    def _(self, event: Blackout) -> None:
        if event.last >= self.expected.buckets:
            return self._refuse("blackout", None, f"the last bucket is {self.expected.buckets - 1}")
        self.expected.closed[event.first : event.last + 1] = True
        self._replan("buckets were closed")

    @_on.register
    def _(self, event: Forecast) -> None:
        try:
            self.expected.foretell(event)
        except InvalidInput as error:
            return self._refuse("forecast", None, str(error))
        self._replan("the forecast changed")

    def _refuse(self, what: str, shares: Fraction | None, reason: str) -> None:
        self._answer.append(Refused(what, None if shares is None else float(shares), reason))

    def _book(self, child: Child, shares: Fraction) -> Fraction:
        """Book what counts of a fill."""
        limit = self.expected.room(child.bucket)
        room = shares if limit is None else limit - self.ledger.done(child.bucket)
        booked = self.ledger.fill(child.number, shares, room // self.ledger.unit * self.ledger.unit)
        if booked:
            late = child.bucket != self.bucket or not self.open
            self._answer.append(Booked(child.number, child.bucket, float(booked), late))
        return booked

    def _end_bucket(self) -> None:
        for child in self.ledger.at_work:
            self._cut(child, Fraction(0), "the bucket is over")
        self.open = self._rejected = False
        self.slice = Fraction(0)

    def _cut(self, child: Child, left: Fraction, reason: str) -> None:
        self.ledger.cut(child.number, left)
        self._answer.append(Cut(child.number, float(left), reason))

    @property
    def _trades(self) -> bool:
        """Whether shares may be in the market now."""
        closed = self.expected.closed[self.expected.position(self.bucket)]
        return self.state == "working" and self.open and not (self._halted or closed)

    @property
    def _last(self) -> bool:
        """Whether no bucket of the window follows the one at hand."""
        return self.bucket >= self.expected.buckets - 1

    @property
    def _sweeps(self) -> bool:
        """Whether the bucket takes all that its caps hold: the last one, or any of an order that cannot finish."""
        if self._last:
            return self.order.at_end != "stop" and self.order.must_complete
        return self.ahead.shortfall > 0

    def _cut_back(self) -> None:
        """Take out of the market what no longer may trade there, the newest child orders first."""
        ledger = self.ledger
        most = Fraction(0)
        if self._trades:
            most = min(self._capped(self.slice) - ledger.done(self.bucket), ledger.remaining)
        for child in reversed(ledger.at_work):
            surplus = ledger.working - max(most, Fraction(0))
            if surplus > 0:
                self._cut(child, max(child.open - surplus, Fraction(0)), self._reason_to_cut)

    @property
    def _reason_to_cut(self) -> str:
        if self.state != "working":
            return f"the order is {self.state}"
        return "no more is to trade in the bucket" if self._trades else "trading is halted or closed"

    def _capped(self, shares: Fraction) -> Fraction:
        """Shares of the bucket as far as its caps and the printed volume hold them."""
        cap = self.expected.room(self.bucket)
        return shares if cap is None else min(shares, cap // self.ledger.unit * self.ledger.unit)

    def _send(self) -> None:
        """Send what the slice still lacks, as far as caps and the printed volume hold it."""
        ledger = self.ledger
        if not self._trades or self._rejected:
            return
        odd = self._sweeps or (self.sizes.lot is not None and (ledger.free - self.waiting) % self.sizes.lot == 0)
        taken = ledger.done(self.bucket) + ledger.working
        size = self.sizes.most(min(self.waiting, self._capped(self.slice) - taken), ledger.free, odd)
        if size and (size >= DUST * ledger.shares or size == ledger.free):
            self._answer.append(Sent(ledger.send(self.bucket, size), self.bucket, float(size)))

    def _replan(self, reason: str) -> None:
        """Plan what is left from the bucket at hand on, or from the next one that can trade."""
        if self.state != "working":
            return
        ahead, rest = self.ahead, self._rest()
        self._measure(rest)
        if self._kept or not self.open:
            return
        done, remaining = self.ledger.done(self.bucket), self.ledger.remaining
        self.slice = done
        if ahead.reached(rest) > 0:
            plan = ahead.renew(rest, reason)
            self._answer.append(replace(plan, first=self._first))
            if self._trades:
                planned = self.sizes.nearest(max(plan.shares[0] - float(done), 0.0), remaining)
                self.slice += max(planned, ahead.indispensable(rest))
        if self._trades and self._sweeps:
            self.slice = done + remaining

    @property
    def _first(self) -> int:
        """The first bucket that can trade as far as is known: the one at hand, or a later one."""
        return self.bucket if self._trades else max(self.bucket + 1, self._resumes if self._halted else 0)

    def _rest(self) -> Rest:
        """What is left, by position; buckets past the end are like the last."""
        remaining, buckets = float(self.ledger.remaining), self.expected.buckets
        if not self._trades:
            return Rest(min(self._first, buckets - 1 if self._continues else buckets), remaining)
        done = self.ledger.done(self.bucket)
        beside = Fraction(0) if self.sizes.lot is None else done % self.sizes.lot
        return Rest(self.expected.position(self.bucket), remaining, float(done - beside), float(beside))

    def _keep_to_plan(self, shares: float) -> None:
        """Trade no more than these in the last bucket whatever happens in it, and say what that leaves."""
        if self.state == "working":
            self._kept = True
            self.slice = self.sizes.nearest(shares, self.ledger.remaining)
            self._measure(self._rest())

    def _measure(self, rest: Rest) -> None:
        """Say what of the rest cannot trade any more, if that has changed."""
        here = self.bucket if self.open else self.bucket + 1
        most = self.slice - self.ledger.done(self.bucket) if self._kept else self.ledger.remaining
        if (short := self.ahead.measure(rest, here, most)) is not None:
            self._answer.append(short)


def _check_plans(planner: Replanner) -> None:
    """Refuse a method, and terms, that cannot plan what is left of an order."""
    problem = planner.problem
    choose(problem, planner.method)
    if planner.method == "pov":
        raise InvalidInput(
            "method 'pov' does not apply to an execution: its plans know volumes and caps but no rate, and would be "
            "those of 'vwap'; use 'vwap' or 'auto', held to limits.participation of the volume that prints"
        )
    for term in problem.terms:
        term.part(slice(problem.buckets - 1, problem.buckets), problem.buckets)
