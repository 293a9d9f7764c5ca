"""Nonconvex problems to a proven gap, against SCIP: two kinds of `benchmarks.certified`, which has them all."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import optexec as ox
from benchmarks.certified import GAP, TOLERANCE, Ours, run_ours
from benchmarks.certified_instances import instance
from benchmarks.registry import Answer, Case, Side
from benchmarks.scip import ScipRun, run_scip

LIMIT = 20.0


@dataclass(frozen=True)
class Instance:
    """One problem of `benchmarks.certified_instances`."""

    problem: ox.Problem

    def price(self, found: Ours | ScipRun) -> float:
        """The objective that the run has recomputed from its shares.

        Raises:
            RuntimeError: the run ended before it closed the gap.
        """
        if not found.certified:
            raise RuntimeError(f"{self.problem!r} is not closed within {LIMIT:g} seconds: {found}")
        return found.objective


def _instance(buckets: int, kind: str, objective: str) -> Instance:
    return Instance(instance(kind, buckets, objective))


def by_optexec(task: Instance) -> Callable[[], Answer]:
    """`ox.solve` to the gap."""
    return lambda: Answer(run_ours(task.problem, GAP, LIMIT))


def by_scip(task: Instance) -> Callable[[], Answer]:
    """The Pyomo model built, scaled, translated and solved to the gap."""

    def action() -> Answer:
        scip = run_scip(task.problem, GAP, LIMIT)
        return Answer(scip, scip.own_seconds)

    return action


SIDES = (
    Side("optexec", {"total": by_optexec}),
    Side("SCIP", {"total": by_scip}, accuracy=GAP + TOLERANCE),
)
CASES = (
    Case(
        "concave-C",
        f"Concave power laws under caps, with inventory risk, to a proven gap of {GAP:g}.",
        partial(_instance, kind="power", objective="C"),
        (30, 100),
        SIDES,
    ),
    Case(
        "mixed-A",
        f"Convex, concave and saturating curves under caps, impact cost alone, to a proven gap of {GAP:g}.",
        partial(_instance, kind="mixed", objective="A"),
        (30, 100, 390),
        SIDES,
    ),
)
