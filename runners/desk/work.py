"""The work of one process: orders as plain values and arrays in, schedules as arrays out."""

import time
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Any

import optexec as ox
from optexec.data.bucket_store import StoredBuckets
from optexec.data.results_folder import Outcome
from optexec.models.json_values import known
from optexec.models.validation import Array
from optexec.runners.desk.order_columns import stored_impact
from optexec.runners.spec import Spec, declare
from optexec.runners.toml_file import put
from optexec.solvers.batches import solve_together
from optexec.solvers.evaluation import GAP

STATUS = {ox.InvalidInput: "invalid", ox.InfeasibleOrder: "infeasible"}
"""Class of an error -> what the summary calls it; "failed" for all others."""


@dataclass(frozen=True)
class Item:
    """One order.

    Args:
        row: its row in the table of orders.
        values: key of a spec -> value.
        low, high: positions of its first bucket, and of the one after its last.
    """

    row: int
    order_id: str
    symbol: str
    values: dict[str, Any]
    low: int
    high: int

    def without_schedule(self, error: Exception | str, where: str = "") -> Outcome:
        """The outcome of an order that has no schedule.

        Args:
            where: what the error does not say itself, the table and the row.
        """
        status = STATUS.get(type(error), "failed")  # type: ignore[arg-type]
        told = str(error) if isinstance(error, str | ox.OptexecError) else f"{type(error).__name__}: {error}"
        told = f"{where}: {told}" if where else told
        return Outcome(self.row, self.order_id, self.symbol, status=status, error=" ".join(told.split()))


@dataclass(frozen=True, eq=False)
class Work:
    """Orders for one process.

    Args:
        items: the orders.
        tables: symbol -> its buckets.
        shared: the document of what all orders have in common.
        source: name of the table of orders, for errors.
        seconds: orders that are solved by themselves are begun within this time, the first one always.
        alone: nothing else was in progress when it was handed out.
        deaths: how often its process died meanwhile.
    """

    items: tuple[Item, ...]
    tables: dict[str, StoredBuckets]
    shared: dict[str, Any]
    source: str
    seconds: float = 1.0
    alone: bool = False
    deaths: int = 0

    def where(self, item: Item) -> str:
        """The table and the row of an item."""
        return f"{self.source}, row {item.row}"

    def some(self, items: tuple[Item, ...]) -> "Work":
        """The work that some of the items are."""
        symbols = {item.symbol for item in items}
        return replace(self, items=items, tables={s: t for s, t in self.tables.items() if s in symbols})

    def pieces(self, number: int) -> Iterator["Work"]:
        """The work in at most this number of pieces of like size."""
        size = -(-len(self.items) // number)
        for start in range(0, len(self.items), size):
            yield self.some(self.items[start : start + size])


@dataclass(eq=False)
class Done:
    """What came of some orders.

    Fields:
        outcomes: one an order that is finished.
        solved: (item, shares, inventory) of those that have a schedule, (N,) each.
        left: orders that were not begun.
    """

    outcomes: list[Outcome] = field(default_factory=list)
    solved: list[tuple[Item, Array, Array]] = field(default_factory=list)
    left: list[Item] = field(default_factory=list)

    def add(self, item: Item, schedule: ox.Schedule) -> None:
        """Note an order that is solved."""
        inventory = schedule.problem.inventory(schedule.x)
        self.outcomes.append(
            Outcome(
                item.row,
                item.order_id,
                item.symbol,
                schedule.objective,
                known(schedule.lower_bound),
                known(schedule.gap),
                schedule.method,
                schedule.status,
                schedule.seconds,
            )
        )
        self.solved.append((item, schedule.x, inventory))


@dataclass(frozen=True, eq=False)
class _Declared:
    """An order as a problem, and how it is to be solved."""

    item: Item
    problem: ox.Problem
    method: str
    stopping: dict[str, Any]


def solve_work(work: Work) -> Done:
    """Solve orders: convex ones as the rows of arrays, the others one after the other while there is time.

    An order that is wrong, or that no solver masters, is an outcome with its reason and never an error.

    >>> import numpy as np
    >>> import pandas as pd
    >>> cells = {"family": pd.Index(["Power"] * 2), "quoted": pd.Index(["total"] * 2)}
    >>> cells |= {"a": np.array([1.0, 2.0]), "b": np.array([2.0, 2.0])}
    >>> values = {"order.shares": 300.0, "objective.name": "A"}
    >>> items = [Item(2, "x", "ABC", values, 0, 2), Item(3, "y", "ABC", values | {"order.side": "by"}, 0, 2)]
    >>> work = Work(tuple(items), {"ABC": StoredBuckets("store", tuple(cells), cells, 2)}, {}, "orders.csv")
    >>> done = solve_work(work)
    >>> [(item.order_id, shares.round(6).tolist()) for item, shares, _ in done.solved]
    [('x', [200.0, 100.0])]
    >>> done.outcomes[0].error
    "orders.csv, row 3, key order.side: unknown side 'by'; did you mean 'buy'? known: buy, sell"
    """
    until = time.perf_counter() + work.seconds
    done, declared = Done(), []
    for item in work.items:
        try:
            declared.append(_declared(work, item))
        except Exception as error:
            done.outcomes.append(item.without_schedule(error))
    rest = _solve_together(declared, done)
    for number, order in enumerate(rest):
        if number and time.perf_counter() > until:
            done.left.append(order.item)
            continue
        try:
            done.add(order.item, ox.solve(order.problem, order.method, **order.stopping))
        except Exception as error:
            done.outcomes.append(order.item.without_schedule(error, work.where(order.item)))
    return done


def _declared(work: Work, item: Item) -> _Declared:
    where = work.where(item)
    buckets = work.tables[item.symbol]
    document = _copied(work.shared)
    for key, value in item.values.items():
        put(document, key, value, where)
    if "impact" not in document:
        document["impact"] = stored_impact(buckets)
    spec = Spec(where, declare(document, where), buckets.part(item.low, item.high))
    return _Declared(item, spec.problem(), spec.method, spec.stopping)


def _copied(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _copied(member) for key, member in value.items()}
    return [_copied(member) for member in value] if isinstance(value, list) else value


def _solve_together(declared: list[_Declared], done: Done) -> list[_Declared]:
    """Add the orders that can be solved as rows of arrays to what is done; the others."""
    rest, alike = [], dict[tuple[str, float | None], list[_Declared]]()
    for order in declared:
        alike.setdefault((order.method, order.stopping.get("gap")), []).append(order)
    for (method, gap), orders in alike.items():
        try:
            found = solve_together([order.problem for order in orders], method, GAP if gap is None else gap)
        except Exception:  # one of them: each by itself will tell which
            found = {}
        for k, order in enumerate(orders):
            if k in found:
                done.add(order.item, found[k])
            else:
                rest.append(order)
    return rest
