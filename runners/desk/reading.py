"""From the table of orders to work: what can be refused at once is, and orders alike come together."""

from collections.abc import Container, Iterable, Iterator
from itertools import groupby, islice
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa

from optexec.data.bucket_store import BucketStore, StoredBuckets
from optexec.data.bucket_window import Labels
from optexec.data.orders import OrderTable, Row
from optexec.data.results_folder import Outcome, Slices
from optexec.models.errors import InvalidInput
from optexec.models.validation import Array
from optexec.runners.desk.order_columns import CURVES, SPREAD, keys, named, typed
from optexec.runners.desk.work import Done, Item, Work
from optexec.solvers.batches import CHUNK

AHEAD = 2_048
"""Orders that are read before they are put in order."""
LARGEST = 16 * CHUNK
"""Buckets, over all orders, of one piece of work."""
PIECES = 8
"""Pieces of work, at least, that a full reading is cut into: enough for some processes to be busy."""
TIME = "time"
"""Column of labels where the spec names none."""


class Desk:
    """The orders of a table, with the buckets of their symbols.

    Args:
        table: the orders.
        store: the buckets.
        shared: the document of what all orders have in common, `--spec` and `--set`.
        ignored: columns of the orders that are not read.

    Raises:
        InvalidInput: a column of the orders that is none of a spec.
    """

    def __init__(self, table: OrderTable, store: BucketStore, shared: dict[str, Any], ignored: tuple[str, ...]) -> None:
        self.table, self.store = table, store
        try:
            self.keys = keys(table.header, ignored)
        except InvalidInput as error:
            raise InvalidInput(f"{table.path}: {error}") from None
        self.shared = {key: value for key, value in shared.items() if key != "buckets"}
        self.index = shared.get("buckets", {}).get("index")
        self._bounds = ["" if name in ignored else name for name in ("start", "end")]
        self._first: dict[str, int] = {}
        self._known: tuple[Any, Labels, pa.Array] | None = None
        self._text: dict[int, pa.Array] = {}

    def slices(self, item: Item, shares: Array, inventory: Array) -> Slices:
        """The schedule of an order that `work` has given, once, with the labels of its buckets."""
        return Slices(item.order_id, item.symbol, self._text.pop(item.row), shares, inventory)

    def forget(self, row: int) -> None:
        """An order that `work` has given has no schedule."""
        self._text.pop(row, None)

    def check(self, symbols: Iterable[str]) -> None:
        """See that what was read of the orders and of some symbols is still there.

        Raises:
            InvalidInput: it is not.
        """
        self.table.check()
        self.store.check(symbols)

    def _labels(self, buckets: StoredBuckets) -> tuple[Labels, pa.Array]:
        """Labels of the buckets of a symbol, and the same as text; most symbols have those of the last one."""
        name = self.index or (TIME if TIME in buckets.header else None)
        if name is not None and name not in buckets.header:
            raise InvalidInput(f"{buckets.path}: no column {name!r}; buckets.index names that of the labels")
        column = np.arange(1, len(buckets) + 1) if name is None else buckets.columns[name]
        if self._known is None or not _same(self._known[0], column):
            index = pd.Index(column, name="bucket") if name is None else buckets.labels(name)
            text = pa.array([_shown(label) for label in index], pa.string())
            self._known = column, Labels(index, str(index.name)), text
        return self._known[1:]

    def work(self, finished: Container[int]) -> Iterator[Work | Done]:
        """The orders that are not finished yet: refusals as what is done, all others as work.

        Args:
            finished: rows of the table.
        """
        rows = self.table.rows()
        while ahead := list(islice(rows, AHEAD)):
            refused, items, tables = Done(), list[Item](), dict[str, StoredBuckets]()
            for row in ahead:
                try:
                    self._name(row)
                    if row.number not in finished:
                        items.append(self._item(row, tables))
                except InvalidInput as error:
                    if row.number not in finished:
                        refused.outcomes.append(self._refused(row, error))
            if refused.outcomes:
                yield refused
            yield from self._pieces(items, tables)

    def _name(self, row: Row) -> None:
        """Note whose row it is.

        Raises:
            InvalidInput: a row that cannot be read, and an order without a name or with that of another.
        """
        if row.fault:
            raise InvalidInput(f"{self.table.path}, row {row.number}: {row.fault}")
        order_id = self._word(row, "order_id", "each order needs one of its own")
        first = self._first.setdefault(order_id, row.number)
        if first != row.number:
            raise self._fault(row, "order_id", f"{order_id!r} is that of row {first} too; each order needs its own")

    def _item(self, row: Row, tables: dict[str, StoredBuckets]) -> Item:
        symbol = self._word(row, "symbol", "name one of the buckets")
        try:
            buckets = tables.setdefault(symbol, self.store.buckets(symbol))
            labels, text = self._labels(buckets)
            low, high = labels.window(*(row.cells.get(name) for name in self._bounds))
        except InvalidInput as error:
            raise InvalidInput(f"{self.table.path}, row {row.number}: {error}") from None
        self._text[row.number] = text[low:high]
        values = {key: typed(row.cells[name]) for name, key in self.keys.items() if name in row.cells}
        return Item(row.number, _text(row, "order_id"), symbol, values, low, high)

    def _word(self, row: Row, column: str, needed: str) -> str:
        """The text of a cell that must hold some."""
        if isinstance(row.cells.get(column), bytes | list | dict):
            raise self._fault(row, column, "is neither text nor a number; write it as text")
        if text := _text(row, column):
            return text
        raise self._fault(row, column, f"is blank; {needed}")

    def _fault(self, row: Row, column: str, what: str) -> InvalidInput:
        return InvalidInput(f"{self.table.path}, row {row.number}, column {column}: {what}")

    def _refused(self, row: Row, error: InvalidInput) -> Outcome:
        return Outcome(row.number, _text(row, "order_id"), _text(row, "symbol"), error=str(error))

    def _pieces(self, items: list[Item], tables: dict[str, StoredBuckets]) -> Iterator[Work]:
        """The orders in work of like size, those that can be solved as the rows of one array beside each other."""
        if not items:
            return
        items = sorted(items, key=_kind)
        ends = np.cumsum([item.high - item.low for item in items])
        size = min(max(ends[-1] / PIECES, CHUNK), LARGEST)
        for _, piece in groupby(zip(items, ends, strict=True), key=lambda pair: (pair[1] - 1) // size):
            yield self._work(tuple(item for item, _ in piece), tables)

    def _work(self, items: tuple[Item, ...], tables: dict[str, StoredBuckets]) -> Work:
        names = {SPREAD, *CURVES} | named(self.shared)
        names |= {text for item in items for text in named(item.values)}
        needed = {symbol: tables[symbol].only(names) for symbol in {item.symbol for item in items}}
        return Work(items, needed, self.shared, str(self.table.path))


def _shown(label: Any) -> str:
    """A label as text; a whole number without a point, as it stood in the store."""
    return np.format_float_positional(label, trim="-") if isinstance(label, float) else str(label)


def _text(row: Row, name: str) -> str:
    return str(row.cells.get(name, "")).strip()


def _kind(item: Item) -> tuple[Any, ...]:
    """What orders have in common that can be solved together, as far as it can be told before they are declared."""
    values = item.values
    return "order.lot" in values, item.high - item.low, str(values.get("objective.name")), item.symbol


def _same(one: Any, other: Any) -> bool:
    """Whether two columns hold equal labels, as far as it can be told at once."""
    return one is other or (
        isinstance(one, np.ndarray) and isinstance(other, np.ndarray) and np.array_equal(one, other)
    )
