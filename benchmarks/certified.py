"""Certified optima of nonconvex problems: optexec against SCIP, one thread each.

Run `python -m benchmarks.certified --out docs/benchmarks-certified.md`.
"""

import argparse
import math
import statistics
import sys
import time
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import optexec as ox
from benchmarks.certified_instances import instances
from benchmarks.reporting import machine, markdown, publish, told, versions
from benchmarks.scip import ScipRun, run_scip

TITLE = "Certified optima of nonconvex problems"
GAP = 1e-4
TOLERANCE = 1e-5
"""Fraction of the objective by which SCIP's bound may exceed a true cost: its rows hold to 1e-6."""
HEADER = (
    "instance", "impact share", "method", "objective $", "gap", "s",
    "SCIP objective $", "SCIP bound $", "SCIP gap", "SCIP s", "of it own", "ratio",
)  # fmt: skip
TEXT = """
Each of {count} problems (four kinds of cost curves, N = 30, 100, 390 buckets, objectives A and C, caps of about three
times S/N, S = 100,000 shares; `benchmarks/certified_instances.py`) solved to a relative gap of {gap:g} within {limit:g}
seconds, on one thread, one problem after the other in one run{repeats}.

* optexec: `solve(problem, gap={gap:g}, time_limit={limit:g})`, wall time of the call. Each kind is solved once before
  the clock starts, so that imports and compilation are not in it.
* SCIP: the exact model of `build(problem)` through Pyomo's `scip_direct`, as it stands (tabulated curves are Pyomo's
  incremental `Piecewise`), with the bounds on the inventory that the caps imply, in units of S/N shares and of a
  bucket's mean cost, and without probing: in shares and dollars SCIP stalls or stops with an error of its LP solver,
  and probing alone can take up the limit. Wall time of the solve call, with the translation from Pyomo; beside it
  SCIP's own. Building and scaling the model is not in it.
* A side that does not close the gap counts with {limit:g} seconds; the ratio is SCIP's time by optexec's. Costs are
  those of the schedules by the declaration. The run stops if one undercuts the other's bound, or both close and differ.

{table}

Geometric mean of the ratio: **{mean:.1f}** ({kinds}). Certified: optexec {ours} of {count}, SCIP {theirs} of {count}.

{machine}; {packages}.
"""


@dataclass(frozen=True)
class Ours:
    """What optexec made of a problem: dollars, seconds, and the share of impact in the objective."""

    method: str
    status: str
    objective: float
    lower_bound: float
    gap: float
    seconds: float
    impact_share: float

    @property
    def certified(self) -> bool:
        return self.status == "optimal"


@dataclass(frozen=True)
class Row:
    """One problem solved by both."""

    name: str
    ours: Ours
    scip: ScipRun
    limit: float

    @property
    def ratio(self) -> float:
        """SCIP's time by ours; who does not close the gap is charged the limit."""
        return _charged(self.scip, self.limit) / _charged(self.ours, self.limit)

    def cells(self) -> list[str]:
        ours, scip = self.ours, self.scip
        return [
            self.name, f"{ours.impact_share:.0%}", ours.method, f"{ours.objective:,.3f}", f"{ours.gap:.1e}",
            _seconds(ours), _dollars(scip.objective), _dollars(scip.lower_bound), f"{scip.gap:.1e}",
            _seconds(scip), f"{scip.own_seconds:.2f}", f"{self.ratio:.1f}",
        ]  # fmt: skip

    def record(self) -> dict[str, Any]:
        """Plain numbers; null where there is none."""
        sides = {"optexec": {**asdict(self.ours), "certified": self.ours.certified}}
        sides["scip"] = {**asdict(self.scip), "gap": self.scip.gap}
        finite = {side: {k: _plain(v) for k, v in entries.items()} for side, entries in sides.items()}
        return {"instance": self.name, **finite, "ratio": self.ratio}


def _charged(run: Ours | ScipRun, limit: float) -> float:
    return run.seconds if run.certified else limit


def _seconds(run: Ours | ScipRun) -> str:
    return f"{run.seconds:.2f}" if run.certified else f"{run.seconds:.2f} (open)"


def _dollars(value: float) -> str:
    return f"{value:,.3f}" if math.isfinite(value) else "none"


def _plain(value: Any) -> Any:
    return None if isinstance(value, float) and not math.isfinite(value) else value


def run_ours(problem: ox.Problem, gap: float, limit: float) -> Ours:
    """Solve a problem by `optexec.solve`."""
    started = time.perf_counter()
    schedule = ox.solve(problem, gap=gap, time_limit=limit)
    seconds = time.perf_counter() - started
    share = schedule.breakdown["impact"] / schedule.objective
    return Ours(
        schedule.method, schedule.status, schedule.objective, schedule.lower_bound, schedule.gap, seconds, float(share)
    )


def compare(name: str, problem: ox.Problem, limit: float, gap: float = GAP, repeat: int = 1) -> Row:
    """Solve a problem by both, `repeat` times each with the run of median time kept, and check them on each other."""
    ours = _median([run_ours(problem, gap, limit) for _ in range(repeat)])
    scip = _median([run_scip(problem, gap, limit) for _ in range(repeat)])
    check(name, ours, scip, gap)
    return Row(name, ours, scip, limit)


def _median(runs: list[Any]) -> Any:
    return sorted(runs, key=lambda run: run.seconds)[len(runs) // 2]


def check(name: str, ours: Ours, scip: ScipRun, gap: float = GAP) -> None:
    """Hold the two answers to each other.

    Raises:
        RuntimeError: one's schedule undercuts the other's bound, or both close the gap at costs further apart than it.
    """
    slack = TOLERANCE * abs(ours.objective)
    if scip.objective < ours.lower_bound - slack:
        raise RuntimeError(f"{name}: SCIP found {scip.objective!r} below the bound {ours.lower_bound!r}")
    if ours.objective < scip.lower_bound - slack:
        raise RuntimeError(f"{name}: {ours.method} found {ours.objective!r} below SCIP's bound {scip.lower_bound!r}")
    apart = abs(ours.objective - scip.objective)
    if ours.certified and scip.certified and apart > gap * abs(ours.objective) + slack:
        raise RuntimeError(f"{name}: both close at costs {apart:g} dollars apart")


def warm_up(limit: float) -> None:
    """Pay for imports and compilation before the clock starts."""
    for name, problem in instances().items():
        if problem.buckets == 30:
            run_ours(problem, GAP, limit)
            if name.startswith("power"):
                run_scip(problem, GAP, 1.0)


def report(rows: Sequence[Row], limit: float, repeat: int, packages: dict[str, str]) -> str:
    """The section of the document."""
    return TEXT.format(
        count=len(rows),
        gap=GAP,
        limit=limit,
        repeats="" if repeat == 1 else f", the median of {repeat} runs",
        table=markdown(HEADER, [row.cells() for row in rows]),
        mean=mean_ratio(rows),
        kinds=", ".join(f"{kind} {mean:.1f}" for kind, mean in kind_ratios(rows).items()),
        ours=sum(row.ours.certified for row in rows),
        theirs=sum(row.scip.certified for row in rows),
        machine=machine(),
        packages=told(packages),
    )


def mean_ratio(rows: Iterable[Row]) -> float:
    """Geometric mean of SCIP's time by ours."""
    return statistics.geometric_mean(row.ratio for row in rows)


def kind_ratios(rows: Sequence[Row]) -> dict[str, float]:
    """The same for each kind of curve that occurs."""
    kinds = dict.fromkeys(row.name.split("-")[0] for row in rows)
    return {kind: mean_ratio(row for row in rows if row.name.startswith(kind)) for kind in kinds}


def _versions() -> dict[str, str]:
    import pyscipopt

    scip = pyscipopt.Model()
    number = f"{scip.getMajorVersion()}.{scip.getMinorVersion()}.{scip.getTechVersion()}"
    return {**versions("optexec", "numpy", "scipy", "Pyomo", "PySCIPOpt"), "SCIP": number}


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--limit", type=float, default=60.0, help="seconds for each side and problem")
    parser.add_argument("--out", type=Path, help="markdown document to write the table to, and JSON beside it")
    parser.add_argument("--only", nargs="+", metavar="NAME", help="these problems alone")
    parser.add_argument("--repeat", type=int, default=1, help="runs of each; the one of median time counts")
    return parser.parse_args()


def _chosen(only: Sequence[str] | None) -> dict[str, ox.Problem]:
    problems = instances()
    unknown = sorted(set(only or ()) - set(problems))
    if unknown:
        sys.exit(f"unknown instances: {', '.join(unknown)}; there are {', '.join(problems)}")
    return {name: problem for name, problem in problems.items() if not only or name in only}


def main() -> None:
    """Run the comparison and print or write its table."""
    arguments = _arguments()
    problems = _chosen(arguments.only)
    warm_up(arguments.limit)
    rows = []
    for name, problem in problems.items():
        rows.append(compare(name, problem, arguments.limit, repeat=arguments.repeat))
        print(" | ".join(rows[-1].cells()), file=sys.stderr, flush=True)
    packages = _versions()
    text = report(rows, arguments.limit, arguments.repeat, packages)
    if arguments.out is None:
        print(text)
        return
    data = {"limit": arguments.limit, "gap": GAP, "repeat": arguments.repeat, "machine": machine()}
    data |= {"versions": packages, "geometric_mean_ratio": mean_ratio(rows), "by_kind": kind_ratios(rows)}
    data["rows"] = [row.record() for row in rows]
    publish(arguments.out, TITLE, text, data)


if __name__ == "__main__":
    main()
