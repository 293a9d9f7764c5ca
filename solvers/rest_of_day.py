"""The plan for what is left of an order, whatever has become of its day: the best that its caps hold."""

from collections.abc import Iterator
from dataclasses import dataclass, replace

from optexec.models.errors import InfeasibleOrder, OptexecError
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


def plan_rest(planner: Replanner, expected: Expectation, rest: Rest, near: Plan | None) -> tuple[Plan, str]:
    """The plan for shares that the caps hold, and what had to give for it, "" if nothing.

    Floors and least slices give way where they do not fit what is left, and so does a window whose own share of it
    (the quota) does not fit its caps.

    Args:
        planner: the rules.
        expected: of the day.
        rest: no more shares than it reaches.
        near: an earlier plan, where the search begins.

    Raises:
        OptexecError: no method gives a plan.

    >>> import optexec as ox
    >>> limits = ox.Limits(minimum=400, maximum=500)
    >>> planner = Replanner(ox.Problem(ox.Order(900), ox.Power(1.0, 2.0), ox.objective("A"), limits, buckets=2))
    >>> plan, gave = plan_rest(planner, Expectation(planner.problem), Rest(0, 600.0), None)
    >>> plan.slice, gave
    (300.0, 'floors and least slices do not fit what is left')
    """
    for attempt, demands, gave in _attempts(planner):
        try:
            day = expected.day(rest.first, rest.shares + rest.done, rest.done, rest.beside, demands)
            return replace(attempt, problem=day).plan(rest.first, rest.shares + rest.done, near), gave
        except InfeasibleOrder as error:
            failure: OptexecError = error
    raise failure


def _attempts(planner: Replanner) -> Iterator[tuple[Replanner, bool, str]]:
    yield planner, True, ""
    yield planner, False, "floors and least slices do not fit what is left"
    yield replace(planner, window=None, beyond="priced"), False, "the window does not fit its caps"
