"""The buckets of many symbols: Parquet files in folders `symbol=...`, one row a bucket."""

import hashlib
import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from optexec.data.file_digest import stamp
from optexec.models.errors import InvalidInput, unknown_name
from optexec.models.validation import Array

KEY = "symbol="
KEPT = 1_024
"""Symbols whose buckets stay in memory."""


@dataclass(frozen=True, eq=False)
class StoredBuckets:
    """The buckets of one symbol as arrays, small enough to travel to another process.

    Args:
        path: the symbol's folder.
        header: names of all columns of the table.
        columns: name -> numbers (N,), a blank NaN, or a column of another kind as an index; maybe not all of them.
        length: number of buckets, N.
        first: row of the symbol's table that the first bucket is, from 0.

    >>> buckets = StoredBuckets(Path("store/symbol=ABC"), ("a",), {"a": np.array([1.0, np.nan])}, 2)
    >>> buckets.numbers("a")
    Traceback (most recent call last):
    ...
    optexec.models.errors.InvalidInput: store/symbol=ABC, row 2, column a: is blank; fill it in
    """

    path: Path
    header: tuple[str, ...]
    columns: Mapping[str, Any]
    length: int
    first: int = 0

    def __len__(self) -> int:
        return self.length

    def numbers(self, name: str) -> Array:
        """One column of numbers, (N,).

        Raises:
            InvalidInput: a column of another kind, or a blank in it.
        """
        values = self.columns[name]
        if not isinstance(values, np.ndarray):
            raise self.fault(0, name, f"{values[0]!r:.40} is not a number; name a column of numbers")
        blank = np.isnan(values)
        if blank.any():
            raise self.fault(int(blank.argmax()), name, "is blank; fill it in")
        return values

    def labels(self, name: str) -> pd.Index:
        """One column as labels.

        Raises:
            InvalidInput: a label that is blank, occurs twice, or is no text, number or time.
        """
        index = pd.Index(self.columns[name], name=name)
        strange = [isinstance(label, bytes | dict | np.ndarray) for label in index]
        if any(strange):
            raise self.fault(strange.index(True), name, "is no text, number or time; name a column of labels")
        twice = "labels two buckets; labels must be unique"
        for faulty, what in ((index.isna(), "is blank; fill it in"), (index.duplicated(), twice)):
            if faulty.any():
                raise self.fault(int(np.argmax(faulty)), name, what)
        return index

    def fault(self, row: int, column: str, what: str) -> InvalidInput:
        """The error for one cell: the folder, the row of the symbol's table from 1, its column, and what is wrong."""
        return InvalidInput(f"{self.path}, row {self.first + row + 1}, column {column}: {what}")

    def only(self, names: set[str]) -> "StoredBuckets":
        """The same with the columns of these names alone.

        >>> two = StoredBuckets(Path("s"), ("a", "b"), {"a": np.ones(2), "b": np.ones(2)}, 2)
        >>> list(two.only({"b", "c"}).columns)
        ['b']
        """
        return replace(self, columns={name: values for name, values in self.columns.items() if name in names})

    def part(self, low: int, high: int) -> "StoredBuckets":
        """The buckets from position `low` to before `high`."""
        if (low, high) == (0, self.length):
            return self
        columns = {name: values[low:high] for name, values in self.columns.items()}
        return replace(self, columns=columns, length=high - low, first=self.first + low)


class BucketStore:
    """A folder with the buckets of each symbol in Parquet files below `symbol=NAME`, read in the order of their names.

    Args:
        path: the folder.

    Raises:
        InvalidInput: no such folder, no symbol in it, or two folders of one symbol.

    >>> BucketStore(Path("nowhere"))
    Traceback (most recent call last):
    ...
    optexec.models.errors.InvalidInput: nowhere: no such folder; give that of the buckets
    """

    def __init__(self, path: Path) -> None:
        if not path.is_dir():
            raise InvalidInput(f"{path}: no such folder; give that of the buckets")
        folders = sorted(folder for folder in path.iterdir() if folder.name.startswith(KEY) and folder.is_dir())
        self.path = path
        self.folders: dict[str, Path] = {}
        for folder in folders:
            first = self.folders.setdefault(unquote(folder.name.removeprefix(KEY)), folder)
            if first is not folder:
                raise InvalidInput(f"{path}: {first.name} and {folder.name} are one symbol; keep one of them")
        if not self.folders:
            raise InvalidInput(f"{path}: no folder {KEY}NAME in it; write the buckets as Parquet partitioned by symbol")
        self.buckets = lru_cache(maxsize=KEPT)(self._read)
        self._last: dict[str, tuple[Any, pd.Index]] = {}
        self._seen: dict[str, int] = {}

    def _read(self, symbol: str) -> StoredBuckets:
        """All buckets of a symbol.

        Raises:
            InvalidInput: a symbol that is not there, files that cannot be read or hold no rows.
        """
        if symbol not in self.folders:
            raise self._unknown(symbol)
        folder = self.folders[symbol]
        table = _table(folder)
        columns = {name: self._read_column(folder, name, table.column(name)) for name in table.column_names}
        return StoredBuckets(folder, tuple(columns), columns, len(table))

    def _read_column(self, folder: Path, name: str, column: Any) -> NDArray[np.float64] | pd.Index:
        import pyarrow as pa

        try:
            return self._values(name, column)
        except (ValueError, pa.ArrowException) as error:
            told = str(error).splitlines()[0]
            raise InvalidInput(f"{folder}, column {name}: cannot be read ({told:.80}); write it again") from None

    def _values(self, name: str, column: Any) -> NDArray[np.float64] | pd.Index:
        """Numbers as floats, all else as an index: the same one as for the last symbol where they are equal."""
        import pyarrow as pa

        if pa.types.is_decimal(column.type):
            column = column.cast(pa.float64())
        if pa.types.is_integer(column.type) or pa.types.is_floating(column.type):
            values: NDArray[np.float64] = column.to_numpy().astype(float, copy=False)
            return values
        last = self._last.get(name)
        if last is None or not last[0].equals(column):
            self._last[name] = last = (column, _index(column))
        return last[1]

    def _unknown(self, symbol: str) -> InvalidInput:
        if len(self.folders) <= 20:
            return unknown_name(f"symbol of {self.path.name}", symbol, self.folders)
        return InvalidInput(f"unknown symbol of {self.path.name} {symbol!r}; it has {len(self.folders):,} others")

    def digest(self) -> str:
        """SHA-256 of all that is stored.

        Raises:
            InvalidInput: a file that cannot be read.
        """
        whole = hashlib.sha256()
        for symbol, folder in self.folders.items():
            self._seen[symbol] = _stamp(folder)
            for path in _files(folder):
                content = _content(path)
                whole.update(f"{symbol}/{path.name}/{len(content)}/".encode(errors="surrogateescape"))
                whole.update(content)
        return whole.hexdigest()

    def check(self, symbols: Iterable[str]) -> None:
        """See that the files of some symbols are still those that `digest` has read.

        Raises:
            InvalidInput: they are not.
        """
        for symbol in self.folders.keys() & symbols:
            if _stamp(self.folders[symbol]) != self._seen[symbol]:
                raise InvalidInput(
                    f"{self.folders[symbol]}: has changed meanwhile; put it back and run the same command again"
                )


def _files(folder: Path) -> list[Path]:
    return [folder / name for name in sorted(os.listdir(folder)) if name.endswith(".parquet")]


def _content(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise InvalidInput(f"{path}: cannot be read ({error.strerror}); mend it or leave it out") from None


def _stamp(folder: Path) -> int:
    """What changes when one of the files of a folder is written again, added or removed."""
    try:
        return hash(tuple((path.name, stamp(path)) for path in _files(folder)))
    except FileNotFoundError:
        return 0


def _table(folder: Path) -> Any:
    """The Parquet files of a folder as one Arrow table."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    tables = []
    for path in _files(folder):
        try:
            tables.append(pq.ParquetFile(pa.BufferReader(_content(path)), pre_buffer=False).read(use_threads=False))
        except (OSError, pa.ArrowException) as error:
            raise InvalidInput(f"{path}: cannot be read ({str(error).splitlines()[0]:.80}); write it again") from None
    if not any(len(table) for table in tables):
        raise InvalidInput(f"{folder}: no buckets; write one row for each")
    try:
        return pa.concat_tables(tables, promote_options="permissive")
    except pa.ArrowException as error:
        raise InvalidInput(f"{folder}: files of different columns ({str(error).splitlines()[0]:.80})") from None


def _index(column: Any) -> pd.Index:
    """A column that holds no numbers; text as objects, whose comparison is quick."""
    index = pd.Index(column.to_pandas())
    return index.astype(object) if pd.api.types.is_string_dtype(index) else index
