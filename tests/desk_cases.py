"""A small store of buckets, tables of orders with the declarations they stand for, and a pool without processes."""

import csv
import shutil
import subprocess
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

import optexec as ox
from optexec.runners.desk.work import Done, Work, solve_work

BUCKETS = 6
PSI, RHO = 1e-7, 1e-6
TIMES = [f"09:{30 + i}" for i in range(BUCKETS)]
COLUMNS = (
    "order_id", "symbol", "side", "shares", "lot", "price", "start", "end",
    "objective", "rho", "psi", "weights", "maximum", "participation", "volume", "method", "gap", "time_limit",
)  # fmt: skip


def curves(symbol: str, buckets: int = BUCKETS) -> pd.DataFrame:
    """The buckets of a symbol; those of names in X have concave costs."""
    rng = np.random.default_rng([buckets, *symbol.encode()])
    times = [f"{9 + (30 + i) // 60:02d}:{(30 + i) % 60:02d}" for i in range(buckets)]
    table = {"time": times, "volume": rng.uniform(4e3, 9e3, buckets), "sigma": rng.uniform(0.01, 0.03, buckets)}
    if symbol.startswith("X"):
        table |= {"family": "Exponential", "quoted": "total"}
        table |= {"a": rng.uniform(20, 60, buckets), "b": rng.uniform(5e-4, 2e-3, buckets)}
    else:
        table |= {"family": "Power", "quoted": "per_share", "half_spread": rng.uniform(0.01, 0.02, buckets)}
        table |= {"a": rng.uniform(1e-4, 4e-4, buckets), "b": rng.uniform(0.4, 0.8, buckets)}
    return pd.DataFrame(table)


def write_store(path: Path, symbols: Iterable[str], buckets: int = BUCKETS) -> Path:
    for symbol in symbols:
        folder = path / f"symbol={symbol}"
        folder.mkdir(parents=True)
        curves(symbol, buckets).to_parquet(folder / "part.parquet", index=False)
    return path


def row(order_id: str, symbol: str = "AAA", **cells: Any) -> dict[str, Any]:
    """A sound row, changed."""
    sound = {"order_id": order_id, "symbol": symbol, "side": "buy", "shares": 2000, "objective": "A"}
    return dict.fromkeys(COLUMNS, "") | sound | {"rho": RHO, "psi": PSI, "volume": "volume"} | cells


def write_csv(path: Path, rows: Sequence[dict[str, Any] | str]) -> Path:
    """Rows, or lines as they are."""
    with path.open("w", newline="", encoding="utf-8", errors="surrogateescape") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(COLUMNS)
        for each in rows:
            if isinstance(each, str):
                file.write(each + "\n")
            else:
                writer.writerow([each[name] for name in COLUMNS])
    return path


def declared(cells: dict[str, Any], buckets: int = BUCKETS) -> ox.Problem:
    """What a sound row says, written by hand."""
    table = curves(cells["symbol"], buckets)
    low = table["time"].searchsorted(cells["start"]) if cells["start"] else 0
    high = table["time"].searchsorted(cells["end"]) if cells["end"] else buckets
    part = table.iloc[low:high]
    a, b = part["a"].to_numpy(), part["b"].to_numpy()
    if cells["symbol"].startswith("X"):
        impact: ox.Impact = ox.Exponential(a, b, quoted="total")
    else:
        impact = ox.Power(a, b, quoted="per_share") + ox.Linear(part["half_spread"].to_numpy())
    terms: dict[str, ox.Objective] = {
        "A": ox.objective("A"),
        "B": ox.objective("B", rho=RHO),
        "C": ox.objective("C", psi=PSI, weights=cells["weights"] or "uniform"),
    }
    limits = ox.Limits(
        maximum=cells["maximum"] or None,
        participation=cells["participation"] or None,
        volume=part["volume"].to_numpy() if cells["volume"] else None,
    )
    order = ox.Order(cells["shares"], side=cells["side"], lot=cells["lot"] or None, price=cells["price"] or None)
    return ox.Problem(order, impact, terms[cells["objective"]], limits)


def sound_rows(number: int) -> list[dict[str, Any]]:
    """Orders of every kind: convex, concave, in lots, over part of the day."""
    kinds: list[dict[str, Any]] = [
        {},
        {"objective": "B", "participation": 0.3},
        {"objective": "C", "weights": "linear"},
        {"symbol": "XAA", "maximum": 900},
        {"objective": "C", "lot": 100, "side": "sell"},
        {"start": "09:31", "end": "09:34", "objective": "B"},
        {"symbol": "BBB", "objective": "A", "start": "09:33", "price": 50.0},
        {"symbol": "BBB", "objective": "C", "end": "09:35", "maximum": 800, "shares": 1500},
    ]
    return [row(f"o{k}", **{"shares": 2000 + 50 * (k // len(kinds)), **kinds[k % len(kinds)]}) for k in range(number)]


def read(folder: Path) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Summary by row, and schedules."""
    summary = pd.read_parquet(folder / "summary").sort_values("row").reset_index(drop=True)
    return summary, pd.read_parquet(folder / "schedules")


def same_results(one: Path, other: Path) -> None:
    """Whether two folders hold the same orders, once each, with the same answers."""
    (left, slices), (right, others) = read(one), read(other)
    assert left["row"].is_unique
    timeless = ["seconds"]
    pd.testing.assert_frame_equal(left.drop(columns=timeless), right.drop(columns=timeless), check_exact=True)
    order = ["order_id", "bucket"]
    assert not slices.duplicated(order).any()
    first, second = (table.sort_values(order).reset_index(drop=True) for table in (slices, others))
    pd.testing.assert_frame_equal(first, second, check_exact=True)


@contextmanager
def mounted(place: Path, size: str) -> Iterator[Path]:
    """A disk of its own; skips where there is no right to mount one."""
    place.mkdir()
    words = ["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", place]
    if shutil.which("mount") is None or subprocess.run(words, capture_output=True, check=False).returncode:
        pytest.skip("no right to mount a small disk")
    try:
        yield place
    finally:
        subprocess.run(["umount", place], check=True)


class InlinePool:
    """Does the work in this process, the last piece first."""

    lost: tuple[type[BaseException], ...] = ()

    def __init__(self) -> None:
        self.submitted: list[Work] = []

    def workers(self) -> int:
        return 2

    def submit(self, work: Work) -> int:
        self.submitted.append(work)
        return len(self.submitted) - 1

    def wait(self, futures: Iterable[int]) -> list[int]:
        return [max(futures)]

    def result(self, future: int) -> Done:
        return solve_work(self.submitted[future])
