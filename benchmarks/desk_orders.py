"""A desk's orders from a seeded generator: convex ones, concave ones under caps, and malformed ones."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

import optexec as ox

SEED = 20_261
PRICE = 50.0
RHO, PSI = 1e-6, 2e-9
"""Dollars a share squared."""
PARTICIPATION = 0.2
DAY_VOLUME = 8e6
COLUMNS = (
    "order_id", "symbol", "side", "shares", "lot", "start", "end",
    "objective", "rho", "psi", "weights", "maximum", "participation", "volume",
)  # fmt: skip
CONCAVE = "X"
"""First letter of the symbols whose curves saturate."""
FAULTS: tuple[dict[str, Any], ...] = (
    {"shares": "ten"},
    {"shares": -100},
    {"shares": ""},
    {"side": "by"},
    {"symbol": "NOWHERE"},
    {"symbol": ""},
    {"order_id": ""},
    {"order_id": "O0000000"},
    {"participation": 1.5},
    {"participation": 1e-6},
    {"objective": "D"},
    {"objective": "C", "psi": ""},
    {"objective": "C", "psi": -1},
    {"volume": "volum"},
    {"objective": "C", "weights": "lnear"},
    {"start": "12:00", "end": "11:00"},
    {"lot": 1e9},
    {"shares": "1e999"},
    {"side": 'buy"'},
    {"side": "buy,sell"},
)
"""What malformed orders have in place of what is right; the last two break the line that they stand on."""


def kind(number: int) -> str:
    """What order number `number` is: of a hundred, 95 are "convex", 4 "concave" and 1 "malformed"."""
    place = number % 100
    return "convex" if place < 95 else "concave" if place < 99 else "malformed"


def symbol(number: int, symbols: int) -> str:
    """The symbol of an order: one of its own as long as there are enough."""
    return f"{CONCAVE if kind(number) == 'concave' else 'S'}{number % symbols:07d}"


def curves(name: str, buckets: int) -> pd.DataFrame:
    """The buckets of a symbol: slippage a share that grows as a power, or a total cost that saturates."""
    rng = np.random.default_rng([SEED, ord(name[0]), int(name[1:])])
    middle = (np.arange(buckets) + 0.5) / buckets
    volume = DAY_VOLUME / buckets * (0.6 + 2.4 * (2 * middle - 1) ** 2) * np.exp(0.3 * rng.standard_normal(buckets))
    depth = volume / 5 * np.exp(0.2 * rng.standard_normal(buckets))
    half_spread = 0.005 * rng.integers(1, 4, buckets)
    b = rng.uniform(0.4, 0.8, buckets)
    dear = 0.02 * np.exp(0.3 * rng.standard_normal(buckets))
    table = {"time": [f"{9 + (30 + i) // 60:02d}:{(30 + i) % 60:02d}" for i in range(buckets)], "volume": volume}
    if name.startswith(CONCAVE):
        table |= {"family": "Exponential", "quoted": "total", "a": depth * (half_spread + dear), "b": 1 / depth}
    else:
        table |= {"family": "Power", "quoted": "per_share", "half_spread": half_spread, "a": dear / depth**b, "b": b}
    return pd.DataFrame(table).assign(maximum=np.ceil(0.1 * volume))


def order(number: int, symbols: int) -> dict[str, Any]:
    """One row of the table of orders."""
    rng = np.random.default_rng([SEED, number])
    row = dict.fromkeys(COLUMNS, "") | {
        "order_id": f"O{number:07d}",
        "symbol": symbol(number, symbols),
        "side": ("buy", "sell")[number % 2],
        "shares": int(rng.uniform(0.005, 0.04) * DAY_VOLUME),
        "objective": "ABC"[number % 3],
        "rho": RHO,
        "psi": PSI,
        "weights": "linear",
        "volume": "volume",
        "participation": PARTICIPATION,
    }
    if kind(number) == "concave":
        row |= {"objective": "A", "participation": "", "maximum": "maximum"}
    return row | (FAULTS[number // 100 % len(FAULTS)] if kind(number) == "malformed" else {})


def problem(row: dict[str, Any], table: pd.DataFrame) -> ox.Problem:
    """The declaration of a sound order, without the command."""
    name = str(row["objective"])
    terms = {
        "A": lambda: ox.objective("A"),
        "B": lambda: ox.objective("B", rho=RHO),
        "C": lambda: ox.objective("C", psi=PSI, weights="linear"),
    }[name]()
    parent = ox.Order(float(row["shares"]), side=row["side"])
    if str(row["symbol"]).startswith(CONCAVE):
        impact: ox.Impact = ox.Exponential(table["a"].to_numpy(), table["b"].to_numpy(), quoted="total")
        return ox.Problem(parent, impact, terms, ox.Limits(maximum=table["maximum"].to_numpy()))
    power = ox.Power(table["a"].to_numpy(), table["b"].to_numpy(), quoted="per_share")
    limits = ox.Limits(participation=PARTICIPATION, volume=table["volume"].to_numpy())
    return ox.Problem(parent, power + ox.Linear(table["half_spread"].to_numpy()), terms, limits)


def write(folder: Path, orders: int, buckets: int, symbols: int, only: str = "") -> tuple[Path, Path]:
    """Write orders and buckets into a folder; the paths of the table of orders and of the store.

    Args:
        only: the kind to write; empty for all.
    """
    table, store = folder / "orders.csv", folder / "store"
    numbers = [k for k in np.random.default_rng(SEED).permutation(orders).tolist() if only in ("", kind(k))]
    with table.open("w", encoding="utf-8") as file:
        file.write(",".join(COLUMNS) + "\n")
        for line in _lines(numbers, symbols):
            file.write(line + "\n")
    for name in sorted({symbol(number, symbols) for number in numbers}):
        place = store / f"symbol={name}"
        place.mkdir(parents=True, exist_ok=True)
        pq.write_table(pa.Table.from_pandas(curves(name, buckets), preserve_index=False), place / "buckets.parquet")
    return table, store


def _lines(numbers: list[int], symbols: int) -> Iterator[str]:
    for number in numbers:
        row = order(number, symbols)
        yield ",".join(str(row[name]) for name in COLUMNS)
