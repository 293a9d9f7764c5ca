"""A desk's worth of orders through `optexec batch`: `python -m benchmarks.desk --folder FOLDER` from the root.

Orders and buckets are generated into FOLDER, which may be removed afterwards. Each run is a process of its own; peak
memory is that of the largest process among it and those that it starts.
"""

import json
import os
import shutil
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from itertools import islice
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import pandas as pd
import typer

import optexec as ox
from benchmarks.desk_orders import CONCAVE, problem, write
from benchmarks.reporting import machine, markdown

EXACT = 1e-9
LOOP = 1_000
"""Orders that a bare loop hands to `solve_many` at a time."""


def main(
    folder: Annotated[Path, typer.Option(help="scratch folder, outside the repository")],
    orders: Annotated[
        int, typer.Option(help="orders; of a hundred, 95 are convex, 4 concave and 1 malformed")
    ] = 10_000,
    buckets: Annotated[int, typer.Option(help="buckets of each order")] = 390,
    symbols: Annotated[int, typer.Option(help="at most so many symbols; without it each order has its own")] = 0,
    only: Annotated[str, typer.Option(help="the kind to solve, the others left out")] = "",
    options: Annotated[
        list[str] | None, typer.Option("--with", help="option of the command, such as --engine=dask")
    ] = None,
    repeats: Annotated[int, typer.Option(help="runs, of which the fastest counts")] = 1,
    check: Annotated[int, typer.Option(help="orders to solve one at a time as well, evenly spread; 0 for none")] = 500,
    loop: Annotated[bool, typer.Option(help="time a bare loop of solve_many too")] = False,
) -> None:
    """Run the command on generated orders, hold its answers to one-at-a-time solving, and print what it took."""
    desk = folder / f"{orders}-{buckets}-{symbols}{only}"
    if not desk.exists():
        part = desk.with_suffix(".part")
        shutil.rmtree(part, ignore_errors=True)
        part.mkdir(parents=True)
        write(part, orders, buckets, symbols or orders, only)
        part.rename(desk)
    print(machine(), file=sys.stderr)
    runs = [run(desk, options or []) for _ in range(repeats)]
    summary = pd.read_parquet(desk / "out" / "summary").sort_values("row")
    rows = pd.read_csv(desk / "orders.csv", dtype=str, keep_default_na=False, on_bad_lines="skip", quoting=3)
    whole = summary.merge(rows, on=["order_id", "symbol"], how="left").drop_duplicates("row")
    print(report(whole, runs, size(desk / "out")))
    if check:
        dollars, shares = difference(desk, whole, check)
        print(f"\nLargest difference from `ox.solve`, {check:,} orders: objective {dollars:.1e}, slice {shares:.1e}")
    if loop:
        print(f"\nProcessor time of a bare loop of `solve_many`: {bare_loop(desk, whole)}")


def run(desk: Path, options: list[str]) -> dict[str, Any]:
    """One run of the command into `desk/out`: seconds, the largest process in bytes, and what it tells."""
    shutil.rmtree(desk / "out", ignore_errors=True)
    script = (
        "import resource, sys\nfrom optexec.runners.app import main\n"
        "try: main()\n"
        "finally:\n"
        "    for used in map(resource.getrusage, (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)):\n"
        "        print(used.ru_maxrss, used.ru_utime + used.ru_stime, file=sys.stderr)\n"
    )
    words = ["batch", desk / "orders.csv", "--buckets", desk / "store", "-o", desk / "out", "--json", *options]
    began = time.perf_counter()
    done = subprocess.run(
        [sys.executable, "-c", script, *map(str, words)], capture_output=True, text=True, check=False, env=_all_cores()
    )
    seconds = time.perf_counter() - began
    if done.returncode not in (0, 5):
        raise SystemExit(done.stderr)
    own, own_used, others, others_used = map(float, done.stderr.split()[-4:])
    used = {"command": own * 1024, "worker": others * 1024, "command used": own_used, "workers used": others_used}
    return {"seconds": seconds, **used, **json.loads(done.stdout)}


def _all_cores() -> dict[str, str]:
    """The environment without the limits that other benchmarks set."""
    return {name: value for name, value in os.environ.items() if not name.endswith("_NUM_THREADS")}


def size(folder: Path) -> int:
    """Bytes of all files."""
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


def report(whole: pd.DataFrame, runs: list[dict[str, Any]], stored: int) -> str:
    """Tables of what the orders took by kind, and of the runs."""
    whole = whole.assign(
        kind=whole["symbol"].str.startswith(CONCAVE).map({True: "concave ", False: "convex "}) + whole["objective_y"]
    )
    whole.loc[whole["error"] != "", "kind"] = "malformed"
    kinds = [
        [
            str(kind),
            f"{len(group):,}",
            ", ".join(sorted(set(group["method"]) | set(group["status"]))).strip(", "),
            f"{group['seconds'].sum():,.2f}",
            f"{1e3 * group['seconds'].mean():,.3f}",
            f"{1e3 * group['seconds'].max():,.1f}",
        ]
        for kind, group in whole.groupby("kind")
    ]
    table = markdown(["kind", "orders", "method and status", "seconds in all", "ms each", "the slowest, ms"], kinds)
    took = sorted(each["seconds"] for each in runs)
    facts = {
        "orders": f"{len(whole):,}",
        "without a schedule": f"{runs[-1]['failed']:,}",
        "seconds, the fastest run": f"{took[0]:,.1f}",
        "seconds, the median run": f"{statistics.median(took):,.1f} of {len(runs)}",
        "processor time of the command": f"{min(each['command used'] for each in runs):,.1f} s",
        "processor time of the workers": f"{min(each['workers used'] for each in runs):,.1f} s",
        "orders a second": f"{len(whole) / took[0]:,.0f}",
        "largest memory of the command": f"{max(each['command'] for each in runs) / 1e6:,.0f} MB",
        "largest memory of a worker": f"{max(each['worker'] for each in runs) / 1e6:,.0f} MB",
        "results on disk": f"{stored / 1e6:,.1f} MB, {stored / len(whole):,.0f} bytes an order",
    }
    return f"{table}\n\n{markdown(['the run', ''], [list(fact) for fact in facts.items()])}"


def sound(desk: Path, whole: pd.DataFrame) -> Iterator[tuple[Any, dict[str, Any], pd.DataFrame]]:
    """Summary, row and buckets of the orders that have a schedule."""
    for found in whole[whole["error"] == ""].itertuples():
        table = pd.read_parquet(desk / "store" / f"symbol={found.symbol}" / "buckets.parquet")
        row = {"shares": found.shares, "side": found.side, "symbol": found.symbol, "objective": found.objective_y}
        yield found, row, table


def difference(desk: Path, whole: pd.DataFrame, number: int) -> tuple[float, float]:
    """Largest differences from `ox.solve`: of the objectives, relative, and of a slice, as a fraction of its order.

    Raises:
        SystemExit: one is above `EXACT`.
    """
    solved = whole[whole["error"] == ""]
    schedules = pd.read_parquet(desk / "out" / "schedules", columns=["order_id", "shares"])
    slices = dict(iter(schedules.groupby("order_id", observed=True)["shares"]))
    dollars = shares = 0.0
    for found, row, table in sound(desk, solved.iloc[:: max(len(solved) // number, 1)]):
        alone = ox.solve(problem(row, table))
        dollars = max(dollars, abs(found.objective_x / alone.objective - 1))
        apart = np.abs(slices[found.order_id].to_numpy() - alone.x)
        shares = max(shares, float(apart.max() / alone.problem.shares))
    if not max(dollars, shares) <= EXACT:
        raise SystemExit(f"an objective differs by {dollars}, a slice by {shares} of its order")
    return dollars, shares


def bare_loop(desk: Path, whole: pd.DataFrame) -> str:
    """Processor time to read, declare and solve the sound orders in one process with nothing around it."""
    spent, orders = dict.fromkeys(("read", "declare", "solve"), 0.0), sound(desk, whole)
    ox.solve_many([problem(row, table) for _, row, table in islice(sound(desk, whole), 60)])

    def timed(what: str, action: Callable[[], Any]) -> Any:
        began = time.process_time()
        result = action()
        spent[what] += time.process_time() - began
        return result

    while chunk := timed("read", lambda: list(islice(orders, LOOP))):
        declared = timed("declare", lambda chunk=chunk: [problem(row, table) for _, row, table in chunk])
        timed("solve", lambda declared=declared: ox.solve_many(declared))
    return ", ".join(f"{seconds:.2f} s to {what}" for what, seconds in spent.items())


if __name__ == "__main__":
    typer.run(main)
