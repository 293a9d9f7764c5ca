"""A table file as text cells, so that a bad cell can be reported by its row and column."""

import csv
import io
from collections.abc import Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from optexec.data.opened_file import PARQUET, read_text
from optexec.models.errors import InvalidInput

_BLANKS = frozenset({"", "nan", "na", "n/a", "null", "none", "nat", "<na>"})
_SHOWN = 40


@dataclass(frozen=True, eq=False)
class TextTable:
    """Text cells of shape (R, C) under C column names, each row with its line number in the file.

    >>> cells = np.array([["1.5", "2 33.53"]], dtype=object)
    >>> table = TextTable(Path("book.csv"), ("bid", "ask"), cells, np.array([2]))
    >>> table.numbers(["bid"])
    array([[1.5]])
    >>> table.numbers(["ask"])
    Traceback (most recent call last):
    ...
    optexec.models.errors.InvalidInput: book.csv, row 2, column ask: '2 33.53' is not a number; mend the cell
    """

    path: Path
    header: tuple[str, ...]
    cells: NDArray[np.object_]
    lines: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.cells)

    def require(self, names: Sequence[str]) -> None:
        """Raise `InvalidInput` unless every name heads exactly one column."""
        missing = [name for name in names if name not in self.header]
        if missing:
            raise InvalidInput(f"{self.path}, row 1: {self._missing(missing, names)}")
        for name in names:
            if self.header.count(name) > 1:
                raise InvalidInput(f"{self.path}, row 1: column {name} appears twice; keep one of them")

    def _missing(self, missing: Sequence[str], names: Sequence[str]) -> str:
        spare = [name for name in self.header if name not in names]
        near = get_close_matches(missing[0], spare, n=1)
        if near:
            hint = f"did you mean {near[0]!r}?"
        elif len(self.header) == 1:
            hint = "separate the columns with commas"
        else:
            hint = "name the columns in the first line"
        others = f" ({len(missing) - 1} more missing)" if len(missing) > 1 else ""
        return f"no column {missing[0]!r}; {hint}{others}"

    def text(self, names: Sequence[str]) -> NDArray[np.object_]:
        """Return the cells of the K named columns, shape (R, K)."""
        self.require(names)
        return self.cells[:, [self.header.index(name) for name in names]]

    def numbers(self, names: Sequence[str]) -> NDArray[np.float64]:
        """Read the K named columns as numbers, shape (R, K): blank cells NaN, other text `InvalidInput`."""
        text = self.text(names)
        values = np.asarray(pd.to_numeric(text.ravel(), errors="coerce"), dtype=float).reshape(text.shape)
        corrupt = ~np.isfinite(values)
        corrupt[corrupt] = [cell.strip().lower() not in _BLANKS for cell in text[corrupt]]
        self.refuse(corrupt, names, "is not a number; mend the cell")
        return values

    def refuse(self, faulty: NDArray[np.bool_], names: Sequence[str], complaint: str) -> None:
        """Raise `InvalidInput` for the first True of `faulty`, shape (R, K), quoting its cell."""
        if faulty.any():
            row, place = divmod(int(faulty.argmax()), len(names))
            cell = self.cells[row, self.header.index(names[place])][:_SHOWN]
            raise self.fault(row, names[place], f"{cell!r} {complaint}")

    def fault(self, row: int, column: str, what: str) -> InvalidInput:
        """Return the error for one cell: the file, the line it stands on, its column, and what is wrong."""
        return InvalidInput(f"{self.path}, row {self.lines[row]}, column {column}: {what}")


def read_table(path: Path) -> TextTable:
    """As `read_rows`; raises `InvalidInput` for a file without rows as well.

    >>> read_table(Path("nowhere.csv"))
    Traceback (most recent call last):
    ...
    optexec.models.errors.InvalidInput: nowhere.csv: no such file; check the path
    """
    table = read_rows(path)
    if not len(table):
        raise InvalidInput(f"{path}: a header and no rows; add at least one row")
    return table


def read_rows(path: Path) -> TextTable:
    """Read every cell of a CSV file, plain or compressed by gzip or zstd, or of a Parquet (.parquet, .pq) file as text.

    Rows are numbered as lines of the file, the header being line 1; a Parquet file counts its rows from 1.
    Blank lines are skipped and keep their number. Raises `InvalidInput` for a file that is missing, unreadable or
    empty, or has a row of another length than its header.

    >>> import tempfile
    >>> path = Path(tempfile.mkdtemp(), "fills.csv")
    >>> _ = path.write_text("event,shares")
    >>> len(read_rows(path))
    0
    """
    return _parquet_table(path) if path.suffix in PARQUET else _csv_table(path)


def _csv_table(path: Path) -> TextTable:
    records = _records(path)
    if not records:
        raise InvalidInput(f"{path}: the file is empty; it needs a header line and at least one row")
    (_, names), *rows = records
    for line, row in rows:
        if len(row) != len(names):
            raise InvalidInput(f"{path}, row {line}: {len(row)} fields where the header has {len(names)}; complete it")
    header = tuple(name.strip() for name in names)
    cells = np.array([row for _, row in rows], dtype=object).reshape(len(rows), len(names))
    return TextTable(path, header, cells, np.array([line for line, _ in rows], dtype=np.int64))


def _records(path: Path) -> list[tuple[int, list[str]]]:
    """Read each line that is not blank, with its number."""
    try:
        reader = csv.reader(io.StringIO(read_text(path), newline=""))
        return [(reader.line_num, row) for row in reader if row]
    except csv.Error as error:
        raise InvalidInput(f"{path}: not a CSV file ({error}); save it as UTF-8 CSV") from None


def _parquet_table(path: Path) -> TextTable:
    if not path.is_file():
        raise InvalidInput(f"{path}: no such file; check the path")
    try:
        frame = pd.read_parquet(path)
        named = frame.reset_index() if frame.index.name else frame
        columns = [[str(value) for value in named.iloc[:, place]] for place in range(named.shape[1])]
    except ImportError:
        raise InvalidInput(f"{path}: reading Parquet needs pyarrow; install it or save as CSV") from None
    except (OSError, ValueError, NotImplementedError):
        raise InvalidInput(f"{path}: not a Parquet file; write it again or save as CSV") from None
    cells = np.array(columns, dtype=object).reshape(named.shape[::-1]).T
    return TextTable(path, tuple(map(str, named.columns)), cells, np.arange(1, len(named) + 1))
