"""A table of orders, read row by row: a damaged row is told by its number, and the rows after it are read."""

import csv
import io
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, TextIO, cast

import pandas as pd

from optexec.data.file_digest import sha256, stamp
from optexec.data.opened_file import PARQUET, opened
from optexec.models.errors import InvalidInput

ROWS = 4_096
"""Rows of a Parquet file that are in memory at once."""


@dataclass(frozen=True)
class Row:
    """One row of the table.

    Args:
        number: line of the file, the header being 1; rows of a Parquet file count from 1.
        cells: name -> what stands there: text of a CSV file, a value of a Parquet file; blanks are left out.
        fault: why the row cannot be read; empty if it can.

    >>> Row(2, {"order_id": "x"}).fault
    ''
    """

    number: int
    cells: dict[str, Any]
    fault: str = ""


class OrderTable:
    """A CSV file of orders, plain or compressed by gzip or zstd, or a Parquet (.parquet, .pq) file.

    A row of a CSV file is one line.

    Args:
        path: the file.

    Attributes:
        header: names of the columns.

    Raises:
        InvalidInput: a file that is missing, unreadable or empty, or names a column twice.

    >>> OrderTable(Path("nowhere.csv"))
    Traceback (most recent call last):
    ...
    optexec.models.errors.InvalidInput: nowhere.csv: no such file; check the path
    """

    def __init__(self, path: Path) -> None:
        if not path.is_file():
            raise InvalidInput(f"{path}: no such file; check the path")
        self.path, self._seen = path, stamp(path)
        self._parquet = path.suffix in PARQUET
        self.header = self._guarded(self._parquet_header if self._parquet else self._csv_header)
        twice = sorted({name for name in self.header if self.header.count(name) > 1})
        if twice:
            raise InvalidInput(f"{path}, row 1: column {twice[0]} appears twice; keep one of them")

    def rows(self) -> Iterator[Row]:
        """The rows in their order."""
        rows = self._parquet_rows() if self._parquet else self._csv_rows()
        while (row := self._guarded(lambda: next(rows, None))) is not None:
            yield row

    def count(self) -> int:
        """How many rows there are at most; blank lines of a CSV file count."""
        return int(self._guarded(self._parquet_count if self._parquet else self._csv_count))

    def digest(self) -> str:
        """SHA-256 of the file."""
        return sha256(self.path)

    def check(self) -> None:
        """See that the file is still the one whose header was read.

        Raises:
            InvalidInput: it is not.
        """
        if not self.path.is_file() or stamp(self.path) != self._seen:
            raise InvalidInput(f"{self.path}: has changed meanwhile; put it back and run the same command again")

    def _guarded(self, read: Callable[[], Any]) -> Any:
        """What `read` returns, its errors about the file told in one line."""
        from pyarrow import ArrowException

        try:
            return read()
        except InvalidInput:
            raise
        except (OSError, ValueError, OverflowError, csv.Error, ArrowException) as error:
            kind = "Parquet" if self._parquet else "CSV"
            told = " ".join(str(error).split())[:80]
            raise InvalidInput(f"{self.path}: not a whole {kind} file ({told}); write it again") from None

    @contextmanager
    def _lines(self) -> Iterator[TextIO]:
        """The lines of a CSV file; bytes that are not UTF-8 are surrogates, which do not encode."""
        with opened(self.path) as (contents, _):
            content = cast(BinaryIO, contents)
            yield io.TextIOWrapper(content, encoding="utf-8-sig", errors="surrogateescape", newline="\n")

    def _csv_header(self) -> tuple[str, ...]:
        with self._lines() as lines:
            first = lines.readline()
        if not first.strip():
            raise InvalidInput(f"{self.path}: the file is empty; it needs a header line and a row for each order")
        if not _is_utf8(first):
            raise InvalidInput(f"{self.path}, row 1: not UTF-8 text; save the file as UTF-8")
        return tuple(name.strip() for name in next(csv.reader([first])))

    def _csv_count(self) -> int:
        with self._lines() as lines:
            return max(sum(1 for _ in lines) - 1, 0)

    def _csv_rows(self) -> Iterator[Row]:
        with self._lines() as lines:
            for number, line in enumerate(lines, start=1):
                if number > 1 and line.strip():
                    yield self._csv_row(number, line)

    def _csv_row(self, number: int, line: str) -> Row:
        if not _is_utf8(line):
            return Row(number, {}, "not UTF-8 text; save the file as UTF-8")
        try:
            [cells] = csv.reader([line.rstrip("\r\n")], strict=True)
        except (csv.Error, ValueError) as error:
            return Row(number, {}, f"not a line of CSV ({error}); mend its quotation marks")
        named = {name: cell for name, text in zip(self.header, cells, strict=False) if (cell := text.strip())}
        if len(cells) != len(self.header):
            return Row(number, named, f"{len(cells)} fields where the header has {len(self.header)}; complete it")
        return Row(number, named)

    def _parquet_header(self) -> tuple[str, ...]:
        import pyarrow.parquet as pq

        return tuple(pq.read_schema(self.path).names)

    def _parquet_count(self) -> int:
        import pyarrow.parquet as pq

        return int(pq.read_metadata(self.path).num_rows)

    def _parquet_rows(self) -> Iterator[Row]:
        import pyarrow.parquet as pq

        number = 0
        with pq.ParquetFile(self.path) as file:
            for batch in file.iter_batches(batch_size=ROWS):
                for cells in batch.to_pylist():
                    number += 1
                    yield Row(number, {name: value for name, value in cells.items() if not _blank(value)})
            if number != file.metadata.num_rows:
                raise ValueError(f"it holds {number:,} rows and tells of {file.metadata.num_rows:,}")


def _is_utf8(line: str) -> bool:
    """Whether a line that `_lines` read had no other bytes."""
    try:
        line.encode()
    except UnicodeEncodeError:
        return False
    return True


def _blank(value: Any) -> bool:
    """Whether a value of a Parquet file stands for nothing.

    >>> [_blank(value) for value in (None, float("nan"), " ", 0, "x", [1.0])]
    [True, True, True, False, False, False]
    """
    if isinstance(value, str):
        return not value.strip()
    return value is None or (isinstance(value, float) and pd.isna(value))
