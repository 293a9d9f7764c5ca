"""Run cases: time every side by phase, hold the answers to each other, and judge the claims."""

import math
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

from benchmarks.registry import REUSING, Answer, Case, Side
from benchmarks.reporting import machine, versions
from benchmarks.timing import Effort, Timing, measure

SCHEMA = "optexec.benchmarks.v1"
PACKAGES = (
    "optexec", "numpy", "scipy", "pandas", "numba", "Pyomo", "casadi", "highspy",
    "cvxpy", "clarabel", "PySCIPOpt", "slippage-tca",
)  # fmt: skip


@dataclass(frozen=True)
class Row:
    """One phase of one side at one size.

    Args:
        minimum, median: seconds of the repetitions.
        own_seconds: least time by the solver's own clock, None if it has none.
        objective: dollars, by the declaration; None for a phase without an answer.
        difference: of the objective from the reference, as a fraction of it.
        accuracy: what the difference is held to.
    """

    size: int
    side: str
    phase: str
    repeats: int
    minimum: float
    median: float
    own_seconds: float | None = None
    objective: float | None = None
    difference: float | None = None
    accuracy: float | None = None


class CaseTimes:
    """The rows of one case by size, side and phase."""

    def __init__(self, rows: Sequence[Row]) -> None:
        self._rows = {(row.size, row.side, row.phase): row for row in rows}

    def seconds(self, size: int, side: str, phase: str) -> float:
        """Least time of a phase."""
        return self._rows[size, side, phase].minimum

    def own_seconds(self, size: int, side: str, phase: str) -> float:
        """The same by the solver's own clock."""
        own = self._rows[size, side, phase].own_seconds
        if own is None:
            raise LookupError(f"{side} has no clock of its own in {phase}")
        return own


def run(cases: Sequence[Case], effort: Effort, *, sizes: slice = slice(None)) -> dict[str, Any]:
    """Run cases one after the other; the record of the run, ready for JSON.

    Args:
        cases: what to run.
        effort: how often to repeat.
        sizes: which of each sweep.
    """
    began, records, claims = time.perf_counter(), [], []
    for case in cases:
        rows = [row for size in case.sweep[sizes] for row in run_size(case, size, effort)]
        records.append({"name": case.name, "text": case.text, "rows": [asdict(row) for row in rows]})
        claims += judge(case, CaseTimes(rows))
    return {
        "schema": SCHEMA,
        "machine": machine(),
        "versions": versions(*PACKAGES),
        "effort": asdict(effort),
        "seconds": time.perf_counter() - began,
        "claims": claims,
        "cases": records,
    }


def run_size(case: Case, size: int, effort: Effort) -> list[Row]:
    """Every phase of every side at one size.

    Raises:
        RuntimeError: an objective is further from the first side's than its accuracy allows.
    """
    declaration, rows, reference = case.build(size), list[Row](), None
    for side, phase, timing in _timed(case, size, declaration, effort):
        row = Row(size, side.name, phase, len(timing.seconds), timing.minimum, timing.median)
        if isinstance(timing.outcome, Answer):
            row = _checked(row, side, declaration, timing, reference)
            reference = row.objective if reference is None else reference
        rows.append(row)
    return rows


def _timed(case: Case, size: int, declaration: Any, effort: Effort) -> Iterator[tuple[Side, str, Timing]]:
    """Every phase of every side, in turns."""
    turns = [(side, phase) for side in case.sides_at(size) for phase in case.phases if phase in side.drivers]
    timings = [Timing([], [], None)] * len(turns)
    for number in range(effort.rounds):
        print(f"{case.name}, size {size:,}, round {number + 1} of {effort.rounds}", file=sys.stderr, flush=True)
        timings = [timing + _time(*turn, declaration, effort) for timing, turn in zip(timings, turns, strict=True)]
    return ((*turn, timing) for timing, turn in zip(timings, turns, strict=True))


def _time(side: Side, phase: str, declaration: Any, effort: Effort) -> Timing:
    print(f"  {side.name}: {phase}", file=sys.stderr, flush=True)
    driver = side.drivers[phase]
    if phase not in REUSING:
        return measure(lambda: driver(declaration), effort)
    action = driver(declaration)
    return measure(lambda: action, effort)


def _checked(row: Row, side: Side, declaration: Any, timing: Timing, reference: float | None) -> Row:
    """The row with its objective, held to the reference."""
    objective = declaration.price(timing.outcome.found)
    reference = objective if reference is None else reference
    difference = (objective - reference) / abs(reference)
    if not abs(difference) <= side.accuracy:
        raise RuntimeError(f"{side.name} ({row.phase}) found {objective!r}, but optexec {reference!r}")
    own = min(timing.own_seconds)
    return replace(
        row,
        own_seconds=None if math.isnan(own) else own,
        objective=objective,
        difference=difference,
        accuracy=side.accuracy,
    )


def judge(case: Case, times: CaseTimes) -> list[dict[str, Any]]:
    """The claims of a case whose numbers were run."""
    judged = []
    for claim in case.claims:
        try:
            measured = claim.measure(times)
        except LookupError:
            continue
        entry = {"case": case.name, "text": claim.text, "sense": claim.sense, "target": claim.target}
        judged.append({**entry, "unit": claim.unit, "measured": measured, "met": claim.met(measured)})
    return judged
