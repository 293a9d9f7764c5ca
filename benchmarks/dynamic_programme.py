"""The dynamic programme on lots: optexec against slippage-tca on slippage-tca's own problem.

Run `python -m benchmarks.dynamic_programme --out docs/benchmarks-certified.md`.
"""

import argparse
import statistics
import time
import tracemalloc
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

import optexec as ox
from benchmarks.reporting import machine, markdown, publish, told, versions
from optexec.models.validation import Array

TITLE = "Dynamic programme on lots"
PACKAGES = ("optexec", "slippage-tca", "numpy", "numba")
TOLERANCE = 1e-9
"""Relative difference between two sums of the same costs."""
TEXT = """
One curve for all buckets, linear impact, {periods} periods x {lots:,} lots: temporary impact {epsilon:g} + {eta:g} v
and permanent impact {gamma:g} v a share at the rate v, risk lambda sigma^2 tau R^2. slippage-tca solves it by
`solve_schedule`, optexec by `solve` (method `dp`) on `Linear(epsilon) + Linear(eta/tau - gamma/2, quoted="per_share")`
and `InventoryRisk(psi=2 lambda sigma^2 tau)`, which leaves out the constant gamma S^2/2. One run on one thread: the
median time of {repeat}, after a warm-up that compiles optexec's loop (not counted) and before the run whose peak
memory `tracemalloc` traced. The run stops unless both schedules cost the same in both packages' objectives.

{table}

Time ratio **{times:.1f}**, memory ratio **{memory:.1f}**. {agreement}

{machine}; {packages}.
"""


@dataclass(frozen=True)
class Task:
    """An order to trade in lots at linear impact: Almgren and Chriss (2000) on a grid.

    Args:
        lots, lot: size of the order in lots, and shares a lot.
        periods, horizon: number of periods, and their length in days altogether.
        volatility: dollars a share and root day.
        aversion: lambda, per dollar.
        epsilon: dollars a share, fixed.
        eta: dollars a share at one share a day, temporary.
        gamma: dollars a share and share, permanent.
    """

    lots: int = 2_000
    lot: float = 50.0
    periods: int = 390
    horizon: float = 1.0
    volatility: float = 0.95
    aversion: float = 2e-5
    epsilon: float = 0.01
    eta: float = 5e-7
    gamma: float = 2.5e-8

    @property
    def tau(self) -> float:
        """Length of a period in days."""
        return self.horizon / self.periods

    @property
    def shares(self) -> float:
        return self.lots * self.lot

    @property
    def permanent(self) -> float:
        """Dollars of permanent impact that no schedule can change."""
        return 0.5 * self.gamma * self.shares**2


@dataclass(frozen=True)
class Run:
    """Shares of each period, seconds and peak bytes."""

    x: Array
    seconds: float
    peak: int


def our_problem(task: Task) -> ox.Problem:
    """The task as a declaration; its objective leaves out `task.permanent`.

    Permanent impact gamma sum_k n_k (S - R_{k-1}) is gamma/2 (S^2 - sum_k n_k^2).
    """
    impact = ox.Linear(task.epsilon) + ox.Linear(task.eta / task.tau - task.gamma / 2, quoted="per_share")
    psi = 2 * task.aversion * task.volatility**2 * task.tau
    order = ox.Order(task.shares, side="buy", lot=task.lot)
    return ox.Problem(order, impact, ox.objective("C", psi=psi), buckets=task.periods)


def solve_ours(task: Task) -> Array:
    """The schedule of optexec."""
    return ox.solve(our_problem(task), method="dp").shares.to_numpy()


def solve_theirs(task: Task) -> Array:
    """The schedule of slippage-tca."""
    from slippage.scheduling import solve_schedule

    plan = solve_schedule(
        quantity=task.shares,
        horizon=task.horizon,
        periods=task.periods,
        volatility=task.volatility,
        impact=_their_impact(task),
        risk_aversion=task.aversion,
        lot_size=task.lot,
    )
    return np.array(plan.trades)


def _their_impact(task: Task) -> Any:
    from slippage.impact import LinearImpact

    return LinearImpact(gamma=task.gamma, eta=task.eta, epsilon=task.epsilon)


def our_cost(task: Task, x: Array) -> float:
    """Cost of a schedule by optexec's objective, permanent impact added."""
    return our_problem(task).objective(x) + task.permanent


def their_cost(task: Task, x: Array) -> float:
    """Cost of a schedule by slippage-tca's objective."""
    from slippage.scheduling import schedule_objective

    return schedule_objective(_their_impact(task), x.tolist(), task.tau, task.volatility, task.aversion)


def check(task: Task, ours: Array, theirs: Array) -> str:
    """Hold the schedules to each other, and say how they agree.

    Raises:
        RuntimeError: the packages price a schedule differently, or one schedule is better than the other.
    """
    costs = [price(task, x) for price in (our_cost, their_cost) for x in (ours, theirs)]
    if max(costs) - min(costs) > TOLERANCE * abs(costs[0]):
        raise RuntimeError(f"the costs differ: ours and theirs by optexec {costs[:2]}, by slippage-tca {costs[2:]}")
    moved = 0.5 * float(np.abs(ours - theirs).sum()) / task.lot
    if moved == 0:
        return f"The schedules are the same, at ${costs[0]:,.6f}."
    return f"The schedules cost the same, ${costs[0]:,.6f}; they differ in {moved:.0f} lots, which are ties."


def measure(task: Task, solve: Callable[[Task], Array], repeat: int) -> Run:
    """Median time of some runs, and the peak memory of one more."""
    seconds = []
    for _ in range(repeat):
        started = time.perf_counter()
        solve(task)
        seconds.append(time.perf_counter() - started)
    tracemalloc.start()
    x = solve(task)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return Run(x, statistics.median(seconds), peak)


def compare(task: Task, repeat: int) -> tuple[Run, Run, str]:
    """Both packages on a task, and how their schedules agree."""
    small = Task(lots=20, periods=5)
    solve_ours(small)
    solve_theirs(small)
    ours, theirs = measure(task, solve_ours, repeat), measure(task, solve_theirs, repeat)
    return ours, theirs, check(task, ours.x, theirs.x)


def report(task: Task, ours: Run, theirs: Run, agreement: str, repeat: int) -> str:
    """The section of the document."""
    rows = [
        [name, f"{our_cost(task, run.x):,.6f}", f"{run.seconds:.3f}", f"{run.peak / 2**20:.1f}"]
        for name, run in (("optexec", ours), ("slippage-tca", theirs))
    ]
    return TEXT.format(
        **asdict(task),
        table=markdown(["package", "cost $", "seconds", "peak MiB"], rows),
        times=theirs.seconds / ours.seconds,
        memory=theirs.peak / ours.peak,
        agreement=agreement,
        repeat=repeat,
        machine=machine(),
        packages=told(versions(*PACKAGES)),
    )


def main() -> None:
    """Run the comparison and print or write its table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, help="markdown document to write the table to, and JSON beside it")
    parser.add_argument("--repeat", type=int, default=3, help="runs of each; the median time counts")
    arguments = parser.parse_args()
    task = Task()
    ours, theirs, agreement = compare(task, arguments.repeat)
    text = report(task, ours, theirs, agreement, arguments.repeat)
    if arguments.out is None:
        print(text)
        return
    sides = {"optexec": ours, "slippage-tca": theirs}
    data = {name: {"seconds": run.seconds, "peak_bytes": run.peak} for name, run in sides.items()}
    data |= {"task": asdict(task), "agreement": agreement, "machine": machine(), "versions": versions(*PACKAGES)}
    publish(arguments.out, TITLE, text, data)


if __name__ == "__main__":
    main()
