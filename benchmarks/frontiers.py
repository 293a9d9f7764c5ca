"""The efficient frontier against solving its points one by one, and against one of them."""

from collections.abc import Callable

import numpy as np

import optexec as ox
from benchmarks import power_laws
from benchmarks.power_laws import PowerLaw
from benchmarks.registry import Answer, Case, Claim, Side, ratio

DAY, POINTS = 390, 50
TRACED, LOOP, COLD = "`ox.frontier`", "a loop of `ox.solve`", "one `ox.solve`"


def traced(law: PowerLaw) -> Callable[[], Answer]:
    """The frontier of a problem that was not seen before."""
    problem = law.problem()
    return lambda: Answer(np.mean([schedule.x for schedule in ox.frontier(problem, POINTS).schedules], axis=0))


def one_by_one(law: PowerLaw) -> Callable[[], Answer]:
    """The same points, each declared and solved from nothing."""
    problem = law.problem()
    levels = ox.frontier(problem, POINTS).psi
    objectives = [ox.objective("C", psi=float(psi)) for psi in levels]
    return lambda: Answer(np.mean([ox.solve(problem.replace(terms=terms)).x for terms in objectives], axis=0))


def cold(law: PowerLaw) -> Callable[[], object]:
    """One problem of the frontier, from the order on."""
    return lambda: ox.solve(law.problem())


CASES = (
    Case(
        "frontier",
        f"The efficient frontier of (C) in {POINTS} points; the objective is that of the mean of its schedules.",
        power_laws.inventory_risk,
        (DAY,),
        [Side(TRACED, {"total": traced}), Side(LOOP, {"total": one_by_one}), Side(COLD, {"total": cold})],
        claims=[
            Claim(
                f"`ox.frontier` of {POINTS} points by one cold `ox.solve`",
                ratio(DAY, (TRACED, "total"), (COLD, "total")),
                "at most",
                20,
            ),
            Claim(
                "its points one by one by `ox.frontier`",
                ratio(DAY, (LOOP, "total"), (TRACED, "total")),
            ),
        ],
    ),
)
