"""Re-planning on many random days at once: a `Replanner` as the policy of a simulation."""

from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import numpy as np

from optexec.analysis.simulation import Observed
from optexec.models.errors import InfeasibleOrder, InvalidInput
from optexec.models.problem import Problem
from optexec.models.schedule import Schedule
from optexec.models.validation import Array, positive
from optexec.solvers.batches import solve_many
from optexec.solvers.horizon import Outlook, Replanner

DONE = 1e-9
"""Fraction of the order below which shares are none."""

Expectation = Callable[[int, Observed], Array]
"""(bucket i from 0, what is observed) -> volumes expected of buckets i..N-1, (K, N-i) or (N-i,)."""


@dataclass(frozen=True, eq=False)
class SoFar:
    """Volumes expected by the ratio so far: a day that has been busier than expected is expected to stay so.

    With volumes V observed so far, bucket j >= i is expected to have v_j (V_1 + ... + V_{i-1}) / (v_1 + ... + v_{i-1});
    the bucket i that is about to trade is not looked at.

    Args:
        expected: v, volume expected of each bucket before the day begins, (N,), > 0.

    Raises:
        InvalidInput: volumes that are not one positive number a bucket.

    >>> seen = Observed(np.ones((2, 2)), np.array([[100.0, 300.0], [50.0, 300.0]]), np.zeros((2, 1)))
    >>> SoFar([100.0, 200.0, 300.0])(1, seen).tolist()
    [[200.0, 300.0], [100.0, 150.0]]
    """

    expected: Array

    def __post_init__(self) -> None:
        object.__setattr__(self, "expected", np.atleast_1d(positive("expected", self.expected)))

    def __call__(self, i: int, seen: Observed) -> Array:
        if seen.volumes is None:
            raise InvalidInput("volumes so far need a volume; give the market's problem Limits(volume=[...])")
        ratio = seen.volumes[:, :i].sum(axis=1) / self.expected[:i].sum() if i else np.ones(len(seen.volumes))
        return ratio[:, None] * self.expected[i:]


@dataclass(frozen=True, eq=False)
class Replan:
    """The policy that plans anew in every bucket, from the shares that remain on each path.

    The slices keep the declared caps of the bucket, a cap on participation by the volume that prints on the path, not
    by the expected one. Where what remains no longer fits the caps that are expected, or the plan leaves shares
    unfilled with the bucket at its cap, all that the cap turns out to allow is traded. Paths in the same state are
    planned once, and all of a bucket's plans are solved together.

    Args:
        planner: plans the order of the market.
        volumes: what is expected of the volume, given the path, such as `SoFar`; None for what the planner expects.

    >>> import optexec as ox
    >>> day = ox.Problem(ox.Order(700), ox.Power(1.0, 2.0), ox.objective("C", psi=1.0), buckets=3)
    >>> remaining, seen = np.array([300.0, 600.0]), Observed(np.ones((2, 2)), None, np.zeros((2, 1)))
    >>> Replan(Replanner(day))(1, remaining, seen).round(6).tolist()
    [180.0, 360.0]
    """

    planner: Replanner
    volumes: Expectation | None = None

    def __call__(self, i: int, remaining: Array, seen: Observed) -> Array:
        problem = self.planner.problem
        wanted, open_ = np.zeros(len(remaining)), remaining > DONE * problem.shares
        states = remaining[:, None]
        if self.volumes is not None:
            expected = np.broadcast_to(self.volumes(i, seen), (len(remaining), problem.buckets - i))
            states = np.hstack([states, expected])
        keys = [state.tobytes() for state in states[open_]]
        distinct = dict(zip(keys, states[open_], strict=True))
        slices = dict(zip(distinct, self._slices(i, distinct.values()), strict=True))
        wanted[open_] = [slices[key] for key in keys]
        return np.minimum(wanted, _cap(problem, i, seen))

    def _slices(self, i: int, states: Iterable[Array]) -> list[float]:
        """Slices of bucket i for what remains followed by the volumes, if these are not what the planner expects."""
        planner, window = self.planner, self.planner.window_at(i)
        slices, problems = [], {}
        for k, (left, *volumes) in enumerate(states):
            expected = window.expecting(Outlook(volume=volumes)) if volumes else window
            slices.append(0.0 if expected.waits else left)
            with suppress(InfeasibleOrder):
                if expected.holds(left):
                    problems[k] = expected.declaration(left)
        schedules = solve_many(problems.values(), planner.method, planner.gap, planner.time_limit)
        for k, schedule in zip(problems, schedules, strict=True):
            if planner.problem.order.must_complete or not _wants_more(schedule):
                slices[k] = float(schedule.x[0])
        return slices


def _wants_more(schedule: Schedule) -> bool:
    """Whether shares stay unfilled although the first bucket trades all that is expected to be allowed."""
    problem = schedule.problem
    at_cap = problem.hi[0] - schedule.x[0] <= DONE * problem.shares
    return bool(at_cap and schedule.unfilled > DONE * problem.shares)


def _cap(problem: Problem, i: int, seen: Observed) -> Any:
    """Most shares that the declared caps allow bucket i, on the volume that prints, (K,) or a number."""
    limits, cap = problem.limits, np.inf
    if limits.maximum is not None:
        cap = float(np.broadcast_to(limits.maximum, problem.buckets)[i])
    if limits.participation is None or seen.volumes is None:
        return cap
    share = float(np.broadcast_to(limits.participation, problem.buckets)[i])
    return np.minimum(cap, share * seen.volumes[:, i])
