"""A new plan in the course of the day against solving what is left of the order from nothing.

Run it from the root: `python -m benchmarks.replans`.
"""

from collections.abc import Callable

import numpy as np

import optexec as ox
from benchmarks import power_laws
from benchmarks.page import render
from benchmarks.power_laws import PowerLaw
from benchmarks.registry import Answer, Case, Claim, Side, ratio
from benchmarks.runner import run
from benchmarks.timing import FULL, use_one_core
from optexec.models.execution_decisions import Planned
from optexec.models.execution_events import Filled, Opened
from optexec.solvers.execution import Execution

DAY = 390
FILLED = 0.7
"""Part of the first slice that is filled."""
PLANNED, DECIDED, COLD = "`Replanner.plan`", "`Execution.take`", "`ox.solve` by newton"


def planned(law: PowerLaw) -> Callable[[], Answer]:
    """The plan from the second bucket on, near that from the first."""
    planner = ox.Replanner(law.problem())
    first = planner.plan(0, law.shares)
    done = FILLED * first.slice
    return lambda: Answer(np.append(done, planner.plan(1, law.shares - done, first).schedule.x))


def decided(law: PowerLaw) -> Callable[[], Answer]:
    """The same as an event of an execution, with the account and the child order."""
    day = Execution(ox.Replanner(law.problem()))
    day.take(Opened(0))
    day.take(Filled(FILLED * day.account.working))

    def take() -> Answer:
        [plan] = [decision for decision in day.take(Opened(1)) if isinstance(decision, Planned)]
        return Answer(np.append(day.account.filled, plan.shares))

    return take


def cold(law: PowerLaw) -> Callable[[], Answer]:
    """What is left, solved as a problem of its own."""
    problem = law.problem()
    done = FILLED * ox.solve(problem).x[0]
    rest = problem.part(1, shares=law.shares - done)
    return lambda: Answer(np.append(done, ox.solve(rest, "newton").x))


CASE = Case(
    "replan",
    f"(C) after the first bucket, of whose slice {FILLED:.0%} was filled: the plan for all other buckets.",
    power_laws.inventory_risk,
    (DAY,),
    [Side(PLANNED, {"total": planned}), Side(DECIDED, {"total": decided}), Side(COLD, {"total": cold})],
    claims=[
        Claim("a new plan by one newton solve", ratio(DAY, (PLANNED, "total"), (COLD, "total")), "at most", 3),
        Claim(
            "a new plan, account and child order by one newton solve",
            ratio(DAY, (DECIDED, "total"), (COLD, "total")),
            "at most",
            3,
        ),
    ],
)


if __name__ == "__main__":
    use_one_core()
    print(render(run([CASE], FULL)))
