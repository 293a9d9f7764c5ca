"""Random days of an order: a declaration, a market that does as it likes, and an account kept in plain decimals.

A day is made from a seed and driven against `Execution` from outside: the driver knows only the events that it gives
and the decisions that it gets, and checks after each of them that no share is lost and no cap broken.
"""

import random
from decimal import Decimal

import optexec as ox
from optexec.models.execution_decisions import Account, Booked, Cut, Refused, Sent, Short
from optexec.models.execution_events import (
    Amended,
    Blackout,
    Cancelled,
    Closed,
    Filled,
    Forecast,
    Halted,
    Observed,
    Opened,
    Rejected,
    Resumed,
)
from optexec.solvers.horizon import Replanner
from optexec.solvers.thresholds import Thresholds


def written(number):
    """The decimal number that a float is written as."""
    return Decimal(repr(float(number)))


class RandomDay:
    """Events of one random day, made up as the decisions come in, and the checks on them.

    Attributes:
        planner, thresholds: what the execution is to be made of.
        events: those given so far.
        calm: nothing went wrong that could keep the order from being done.
    """

    def __init__(self, seed):
        self.random = random.Random(seed)
        self.buckets = self.random.randint(4, 12)
        self.planner, self.thresholds = self._declared()
        order, self.limits = self.planner.problem.order, self.planner.problem.limits
        self.lot, self.at_end, self.must_complete = order.lot, order.at_end, order.must_complete
        self.shares = self.size = written(order.shares)
        self.filled = Decimal(0)
        self.children, self.sent, self.booked, self.volume = {}, {}, {}, {}
        self.bucket, self.open, self.halted, self.closed = -1, False, False, set()
        self.short, self.late = None, Decimal(0)
        self.events, self.refused = [], []
        self.wild = self.random.random() < 0.8

    def chance(self, probability):
        return self.wild and self.random.random() < probability

    def _declared(self):
        rng, n = self.random, self.buckets
        lot = rng.choice([None, None, 100.0, 0.1])
        size = rng.randint(5, 40)
        shares = {None: 1000 * size + rng.choice([0, 1 / 3]), 100.0: 100 * size + rng.choice([0, 50])}.get(
            lot, round(0.1 * size + rng.choice([0, 0.05]), 2)
        )
        scale = 1 / shares
        a = [rng.uniform(0.5, 2) * scale**1.5 for _ in range(n)]
        impact = rng.choice(
            [
                ox.Power(a, 1.5),
                ox.Power(a, 0.5, quoted="per_share") + ox.Linear([rng.uniform(0.1, 0.2) * scale for _ in range(n)]),
                ox.Linear([value * scale**0.5 for value in a], quoted="per_share"),
            ]
        )
        name, parameters = rng.choice(
            [("A", {}), ("B", {"rho": scale**2}), ("C", {"psi": rng.uniform(0, 2) * scale**2, "weights": "linear"})]
        )
        mean = rng.uniform(0.8, 4.0) * shares / n
        limits = rng.choice(
            [
                {},
                {"volume": [10 * mean] * n},
                {"maximum": [round(rng.uniform(0.5, 1.5) * mean, 2) for _ in range(n)]},
                {"participation": 0.1, "volume": [round(rng.uniform(5, 15) * mean, 2) for _ in range(n)]},
                {
                    "participation": rng.choice([0.07, 0.25, 1.0]),
                    "volume": [round(rng.uniform(5, 15) * mean, 2) for _ in range(n)],
                    "maximum": round(2 * mean, 2),
                },
                {"minimum": round(0.2 * shares / n, 2), "smallest": 0.0},
            ]
        )
        if lot is not None and rng.random() < 0.3:
            limits = {**limits, "smallest": 2 * lot}
        left = rng.choice([{}, {}, {}, {"unfilled_cost": rng.uniform(0.3, 3) * scale, "unfilled_penalty": scale**2}])
        at_end = rng.choice(["finish", "finish", "stop", "continue"])
        order = ox.Order(shares, lot=lot, at_end=at_end, must_complete=not left, **left)
        problem = self._feasible(order, impact, ox.objective(name, **parameters), limits)
        window = rng.choice([None, None, 1, 3])
        beyond = (
            rng.choice(["priced", "quota", "free"])
            if problem.limits.volume is not None
            else rng.choice(["priced", "free"])
        )
        watch = Thresholds(sigma=0.02, spreads=[0.01] * n, lasts=rng.randint(1, 3))
        return Replanner(problem, window, beyond), watch

    def _feasible(self, order, impact, terms, limits):
        try:
            return ox.Problem(order, impact, terms, ox.Limits(**limits), buckets=self.buckets)
        except ox.InfeasibleOrder:
            return ox.Problem(order, impact, terms, buckets=self.buckets)

    def run(self, take):
        """Drive a day; `take` answers an event with decisions."""
        self.take = take
        self._before_the_open()
        last = self.buckets - 1
        bucket = 0
        while bucket <= last or (self.at_end == "continue" and self.account.state == "working" and bucket < 3 * last):
            if self.chance(0.05) and bucket < last:
                bucket += 1
            self._trade(bucket)
            bucket += 1
        if self.open:
            self.give(Closed(self.bucket))
        self._after_the_close()
        return self

    def _before_the_open(self):
        if self.chance(0.1):
            self._close_some(0)
        self._disturb()

    def _close_some(self, first):
        last = min(first + self.random.randint(0, 2), self.buckets - 1)
        self.give(Blackout(first, last))
        self.closed |= set(range(first, last + 1))

    def _trade(self, bucket):
        self.give(Opened(bucket))
        expected = 1000.0 if self.limits.volume is None else ox.Limits(volume=self.limits.volume).volume
        expected = expected if isinstance(expected, float) else float(expected[min(bucket, self.buckets - 1)])
        printed = 0.0
        for _ in range(self.random.randint(1, 3)):
            self._fill_some()
            if self.chance(0.15):
                self._disturb()
            printed = round(printed + expected * self.random.uniform(0.1, 0.8), 2)
            self.give(
                Observed(
                    bucket,
                    volume=printed,
                    volatility=self.random.choice([None, 0.01, 0.03, 0.09]) if self.wild else None,
                    spread=self.random.choice([None, 0.01, 0.05]) if self.wild else None,
                )
            )
        self._fill_some()
        if self.chance(0.2):
            self.give(Closed(bucket))
            self._disturb()

    def _fill_some(self):
        for child, (bucket, left) in list(self.children.items()):
            live = bucket == self.bucket and self.open and left
            lost = self.sent[child] - self.booked.get(child, Decimal(0))
            if live and self.chance(0.08):
                self.give(Rejected(child, "no"))
            elif live and not self.chance(0.2):
                part = 1.0 if not self.wild else self.random.choice([1.0, 1.0, 0.5, self.random.random()])
                self._fill(float(left) * part, self.random.choice([child, None]) if self.wild else child)
            elif lost > 0 and self.chance(0.25 if bucket == self.bucket else 0.1):
                self._fill(float(lost) * self.random.choice([1.0, 0.3, 2.0]), child)
        if self.chance(0.03):
            self._fill(1.0, 999)

    def _fill(self, shares, child):
        if shares > 0:
            self.give(Filled(shares, child, price=25.0))

    def _disturb(self):
        draw, rest = self.random.random(), self.buckets - 1 - self.bucket
        if not self.wild:
            return
        if draw < 0.25:
            until = self.random.choice([None, self.bucket + 2]) if self.bucket >= 0 else None
            self.give(Halted(until))
        elif draw < 0.5:
            self.give(Resumed())
        elif draw < 0.65:
            self.give(Amended(round(float(self.shares) * self.random.choice([0.3, 0.7, 1.2, 2.0]), 3)))
        elif draw < 0.68:
            self.give(Cancelled())
        elif draw < 0.78 and rest > 0:
            self._close_some(self.random.randint(self.bucket + 1, self.buckets - 1))
        elif rest > 0:
            first = self.bucket + 1
            count = self.random.randint(1, self.buckets - first)
            self.give(Forecast(first, ox.Power([float(self.shares) ** -1.5] * count, 1.5)))

    def _after_the_close(self):
        for child, size in list(self.sent.items()):
            if self.chance(0.2):
                self._fill(float(size), child)
        self.give(Opened(self.bucket))
        self.give(Closed(self.bucket))

    # ---- the account, from events and decisions alone

    def give(self, event):
        self.events.append(event)
        decisions = self.take(event)
        self.account = decisions[-1]
        assert isinstance(self.account, Account)
        refused = [d for d in decisions if isinstance(d, Refused)]
        self.refused += refused
        self._note(event, refused)
        booked = Decimal(0)
        for decision in decisions:
            booked += self._follow(decision)
        if isinstance(event, Filled):
            turned_away = sum((written(d.shares) for d in refused), Decimal(0))
            assert abs(booked + turned_away - written(event.shares)) <= Decimal("1e-11") * self.size
        self._check()

    def _note(self, event, refused):
        if refused and not isinstance(event, Filled):
            return
        match event:
            case Opened(bucket):
                self.bucket, self.open = bucket, True
            case Closed():
                self.open = False
            case Observed(bucket, volume) if volume is not None:
                self.volume[bucket] = written(volume)
            case Halted():
                self.halted = True
            case Resumed():
                self.halted = False
            case Amended(shares):
                self.shares, self.short = written(shares), None
            case Cancelled():
                self.short = None
            case Rejected(child):
                self.children[child] = (self.children[child][0], Decimal(0))
                self.sent[child] = self.booked.get(child, Decimal(0))
            case _:
                pass

    def _follow(self, decision):
        match decision:
            case Sent(child, bucket, shares):
                assert self.open
                assert not self.halted
                assert bucket == self.bucket
                assert min(bucket, self.buckets - 1) not in self.closed
                assert child not in self.sent
                self._check_lots(written(shares))
                self.children[child] = (bucket, written(shares))
                self.sent[child] = written(shares)
            case Cut(child, left):
                bucket, before = self.children[child]
                assert written(left) < before
                self.children[child] = (bucket, written(left))
            case Booked(child, bucket, shares, late):
                shares = written(shares)
                of, left = self.children[child]
                assert of == bucket
                assert late == (bucket != self.bucket or not self.open)
                self.children[child] = (of, max(left - shares, Decimal(0)))
                self.booked[child] = self.booked.get(child, Decimal(0)) + shares
                assert self.booked[child] <= self.sent[child]
                self.filled += shares
                self.late += shares if late else max(shares - left, Decimal(0))
                return shares
            case Short(shares, certain):
                assert self.must_complete
                self.short = (written(shares) - self._begun_lots(), self.late) if certain else None
            case _:
                pass
        return Decimal(0)

    def _begun_lots(self):
        """Shares in the market that only the fills under way can bring to whole lots."""
        return Decimal(0) if self.lot is None else sum(left % written(self.lot) for _, left in self.children.values())

    def _check_lots(self, shares):
        if self.lot is not None:
            lot = written(self.lot)
            free = self.shares - self.filled - sum(left for _, left in self.children.values())
            assert shares % lot in (0, free % lot), (shares, free)

    def _check(self):
        account = self.account
        shares, filled, remaining = map(written, (account.shares, account.filled, account.remaining))
        assert filled + remaining == shares
        assert abs(shares - self.shares) <= Decimal("1e-11") * self.size
        assert filled == self.filled
        assert 0 <= filled <= shares
        working = sum((left for _, left in self.children.values()), Decimal(0))
        assert working == written(account.working) <= remaining
        assert account.state != "working" or remaining
        for bucket in {of for of, _ in self.children.values()}:
            cap = self._cap(bucket)
            ours = [
                (self.booked.get(child, Decimal(0)) + left)
                for child, (of, left) in self.children.items()
                if of == bucket
            ]
            assert cap is None or sum(ours) <= cap, (bucket, sum(ours), cap)

    def _cap(self, bucket):
        at, caps = min(bucket, self.buckets - 1), []
        for limit, times in (
            (self.limits.maximum, 1),
            (self.limits.participation, self.volume.get(bucket, Decimal(0))),
        ):
            if limit is not None:
                caps.append(times * written(limit if isinstance(limit, float) else limit[at]))
        return min(caps, default=None)

    def check_end(self):
        """What must hold once the day is over."""
        account = self.account
        assert account.state in ("done", "unfilled", "cancelled", "working")
        assert (account.state == "done") == (account.remaining == 0)
        if account.state == "working":
            assert self.at_end == "continue"
            assert self.must_complete
        if not self.wild and self.must_complete and self.limits.participation is None:
            assert account.state == "done" or self.short is not None
        if account.state == "unfilled" and self.must_complete and self.buckets - 1 in self.closed:
            assert self.short is not None
        if self.short is not None and account.state == "unfilled":
            told, late = self.short
            assert written(account.remaining) >= told - (self.late - late) - Decimal("1e-9") * self.shares
