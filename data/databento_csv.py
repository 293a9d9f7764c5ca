"""Databento's MBP-10 schema as CSV."""

import csv
import io
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from optexec.data.book import PRICE_COLUMNS, SIZE_COLUMNS
from optexec.data.databento_records import FIXED_POINT, UNDEFINED_PRICE, Records, join
from optexec.data.events import Events
from optexec.data.opened_file import opened
from optexec.data.text_table import TextTable
from optexec.models.errors import InvalidInput

TIMES = ("ts_event", "ts_recv")
IDENTITY = ("symbol", "instrument_id", "publisher_id")

_MARKS = {"rtype", "action", "side", "depth", "flags", "ts_in_delta", "sequence"}
_NUMBERS = ("flags", "size", *PRICE_COLUMNS, *SIZE_COLUMNS)
_LETTERS = ("action", "side")
_BLANKS = ["", "nan", "NaN", "NAN", "NA", "N/A", "null", "NULL", "None", "NaT", "<NA>"]
_BLOCK = 1 << 23
_LONGEST_HEADER = 1 << 16
_NANOSECONDS = re.compile(r"\d+", re.ASCII)
_ISO = re.compile(r"\d{4}-\d{2}-\d{2}[T ]\d{2}:\d{2}(:\d{2}(\.\d{1,9})?)?(Z|[+-]\d{2}(:?\d{2})?)", re.ASCII)
_LEAST_FIXED, _MOST_DOLLARS = 1e5, 1e7
"""No price is below a hundredth of a cent, in units of 1e-9 dollars, or above ten million dollars."""


def is_databento(header: tuple[str, ...]) -> bool:
    """Return whether these are column names of an MBP schema, rather than of a plain table of snapshots.

    >>> is_databento(("ts_event", "action", "flags", "bid_px_00")), is_databento(("time", "bid_px_00"))
    (True, False)
    """
    return "bid_px_00" in header and len(_MARKS & set(header)) > 1


def read_databento_csv(
    path: str | Path, symbol: str | None = None, progress: Callable[[int], None] | None = None
) -> Iterator[Events]:
    """Read the events of one book from an MBP-10 CSV file, plain or compressed by gzip or zstd.

    Columns are found by name, in any order, and others are ignored: `ts_event` (or `ts_recv` alone),
    `action`, `side`, `flags`, `size` and the 40 columns `book.BOOK_COLUMNS`; of `symbol`, `instrument_id` and
    `publisher_id` those that are there. Times are ISO 8601 with an offset, or integer nanoseconds since 1970.
    Prices are dollars, or integers in units of 1e-9 dollars: fixed point if their median is 1e7 or more;
    a price of the other kind is refused. A price blank, 0 or 9223372036854775807 is an empty level.

    The rows are understood as `databento_records.join` says. The last line of a file that does not end in a line
    end counts as doubtful, as it may be cut short.

    Args:
        path: the file; it is read in blocks, so that it need not fit in memory.
        symbol: which book, by symbol or instrument_id, if there are several.
        progress: called with the bytes of the file read so far.

    Raises:
        InvalidInput: naming file, line and column, for a file that cannot be read or is cut off, a missing
            column, a cell that is no number or no time, prices that may be of either kind, a line of another
            length than the header; and as `join` does.

    Source:
        Databento's documentation of the schema MBP-10, https://databento.com/docs.

    >>> next(read_databento_csv("nowhere.csv"))
    Traceback (most recent call last):
    ...
    optexec.models.errors.InvalidInput: nowhere.csv: no such file; check the path
    """
    return join(_records(Path(path), progress), Path(path), "row", symbol)


def header_of(path: Path) -> tuple[str, ...]:
    """Return the column names in the first line of a CSV file, plain or compressed by gzip or zstd."""
    with opened(path) as (stream, _):
        return _header(path, stream)


def _header(path: Path, stream: io.BufferedIOBase) -> tuple[str, ...]:
    line = stream.readline(_LONGEST_HEADER)
    try:
        text = line.decode("utf-8-sig").rstrip("\r\n")
        if "\r" in text or "\0" in text:
            raise InvalidInput(f"{path}, row 1: not lines of text; save it as CSV with line ends")
        return tuple(name.strip() for name in next(csv.reader([text]), ()))
    except (UnicodeDecodeError, csv.Error):
        raise InvalidInput(
            f"{path}, row 1: not UTF-8 text; save it as UTF-8 CSV, or name it by its compression"
        ) from None


def _records(path: Path, progress: Callable[[int], None] | None) -> Iterator[Records]:
    with opened(path) as (stream, disk):
        reader = _Reader(path, _header(path, stream))
        for block in _blocks(stream):
            if records := reader.records(block):
                yield records
            if progress:
                progress(disk.tell())


def _blocks(stream: io.BufferedIOBase) -> Iterator[bytes]:
    """Cut a stream into blocks that end with a line."""
    rest = b""
    while block := stream.read(_BLOCK):
        cut = block.rfind(b"\n") + 1
        whole, rest = (rest + block[:cut], block[cut:]) if cut else (b"", rest + block)
        if whole:
            yield whole
    if rest:
        yield rest


class _Reader:
    """Blocks of lines read under one header; the kinds of time and price are those of the first that has any."""

    def __init__(self, path: Path, header: tuple[str, ...]) -> None:
        self.path, self.header, self.line = path, header, 2
        self.iso: bool | None = None
        self.unit: float | None = None
        self.times = [name for name in TIMES if name in header] or [TIMES[0]]
        self.identity = [name for name in IDENTITY if name in header]
        self.names = [*self.times, *_LETTERS, *_NUMBERS, *self.identity]
        TextTable(path, header, np.empty((0, len(header)), dtype=object), np.empty(0, np.int64)).require(self.names)

    def records(self, block: bytes) -> Records | None:
        """Read a block of whole lines; None if all of them are blank."""
        every = block.splitlines()
        lines = {number: line for number, line in enumerate(every, self.line) if line}
        self.line += len(every)
        if not lines:
            return None
        columns = self._columns(block, lines)
        number = np.fromiter(lines, dtype=np.int64)
        return Records(
            number=number,
            event=columns[self.times[0]],
            received=columns[self.times[-1]],
            action=columns["action"],
            side=columns["side"],
            flags=columns["flags"],
            size=columns["size"],
            prices=self._dollars(np.column_stack([columns[name] for name in PRICE_COLUMNS]), number),
            sizes=np.column_stack([columns[name] for name in SIZE_COLUMNS]),
            identity={name: columns[name] for name in self.identity},
            doubtful={} if block.endswith((b"\n", b"\r")) else {"last line without a line end": 1},
        )

    def _columns(self, block: bytes, lines: dict[int, bytes]) -> dict[str, Any]:
        """Return the columns needed: times in nanoseconds, letters as bytes, numbers, and identities."""
        import pyarrow as arrow
        from pyarrow import csv as arrow_csv

        if self.iso is None:
            first = self._table(dict(list(lines.items())[:1])).text(self.times)[0, 0]
            self.iso = not _NANOSECONDS.fullmatch(first)
        text = arrow.dictionary(arrow.int32(), arrow.string())
        moment = arrow.timestamp("ns", "UTC") if self.iso else arrow.int64()
        kinds = dict.fromkeys(self.names, text) | dict.fromkeys(_NUMBERS, arrow.float64())
        kinds |= dict.fromkeys(self.times, moment)
        places = {name: str(self.header.index(name)) for name in self.names}
        try:
            table = arrow_csv.read_csv(
                arrow.py_buffer(block),
                read_options=arrow_csv.ReadOptions(column_names=[str(place) for place in range(len(self.header))]),
                convert_options=arrow_csv.ConvertOptions(
                    column_types={places[name]: kind for name, kind in kinds.items()},
                    include_columns=list(places.values()),
                    null_values=_BLANKS,
                ),
            )
        except arrow.ArrowInvalid as error:
            raise self._complaint(lines, str(error).splitlines()[0]) from None
        missing = sum(table.column(places[name]).null_count for name in self.times)
        if missing or table.num_rows != len(lines):
            raise self._complaint(lines, "quotes that do not close")
        found = {name: table.column(place) for name, place in places.items()}
        return {
            **{name: found[name].cast(arrow.int64()).to_numpy() for name in self.times},
            **{name: _letters(found[name].to_pandas()) for name in _LETTERS},
            **{name: found[name].to_numpy() for name in _NUMBERS},
            **{name: found[name].to_pandas().array for name in self.identity},
        }

    def _table(self, lines: dict[int, bytes]) -> TextTable:
        """Return lines as cells, refusing one of another length than the header."""
        rows = [next(csv.reader([line.decode(errors="replace")]), []) for line in lines.values()]
        for number, row in zip(lines, rows, strict=True):
            if len(row) != len(self.header):
                what = f"{len(row)} fields where the header has {len(self.header)}; complete it"
                raise InvalidInput(f"{self.path}, row {number}: {what}")
        return TextTable(self.path, self.header, np.array(rows, dtype=object), np.fromiter(lines, dtype=np.int64))

    def _complaint(self, lines: dict[int, bytes], otherwise: str) -> InvalidInput:
        """Return the error of the first cell that cannot be read."""
        where = f"{self.path}, rows {min(lines)} to {max(lines)}"
        try:
            table = self._table(lines)
            table.numbers(_NUMBERS)
            for name in self.times:
                shape = "2025-01-15T14:30:59.123456789Z" if self.iso else "nanoseconds since 1970"
                table.refuse(self._no_time(table.text([name])), [name], f"is not a time; write it as {shape}")
        except InvalidInput as found:
            return found
        except csv.Error as error:
            return InvalidInput(f"{where}: not CSV ({error}); save it as UTF-8 CSV")
        return InvalidInput(f"{where}: not CSV ({otherwise:.120}); save it as UTF-8 CSV")

    def _no_time(self, cells: NDArray[np.object_]) -> NDArray[np.bool_]:
        shape = _ISO if self.iso else _NANOSECONDS
        strange = np.array([shape.fullmatch(cell) is None for cell in cells[:, 0]])
        if self.iso:
            strange |= np.asarray(pd.to_datetime(list(cells[:, 0]), utc=True, format="ISO8601", errors="coerce").isna())
        return strange[:, None]

    def _dollars(self, prices: NDArray[np.float64], number: NDArray[np.int64]) -> NDArray[np.float64]:
        """Return prices in dollars, those that stand for an empty level NaN."""
        undefined = (prices == UNDEFINED_PRICE) | (prices == UNDEFINED_PRICE / FIXED_POINT)
        prices = np.where(undefined | (prices == 0), np.nan, prices)
        if self.unit is None:
            self.unit = self._unit(prices[~np.isnan(prices)])
        whole = prices == np.floor(prices)
        if self.unit == 1.0:
            strange, told = prices >= _MOST_DOLLARS, "is no price in dollars, as the first rows have them"
        else:
            strange = (prices < _LEAST_FIXED) | ~whole | (prices >= _MOST_DOLLARS * FIXED_POINT)
            told = "is no price in units of 1e-9 dollars, as the first rows have them"
        strange &= ~np.isnan(prices)
        if strange.any():
            row, place = np.argwhere(strange)[0]
            where = f"{self.path}, row {number[row]}, column {PRICE_COLUMNS[place]}"
            raise InvalidInput(f"{where}: {prices[row, place]:.15g} {told}; mend the cell")
        return prices / (self.unit or 1.0)

    def _unit(self, prices: NDArray[np.float64]) -> float | None:
        """Return what a dollar is in the file's prices, None while there are none."""
        if not prices.size:
            return None
        typical = float(np.median(prices))
        if typical >= _MOST_DOLLARS:
            return FIXED_POINT
        if typical < _LEAST_FIXED or (prices != np.floor(prices)).any():
            return 1.0
        raise InvalidInput(
            f"{self.path}: prices such as {typical:.15g} may be dollars or 1e-9 dollars; write them with decimals"
        )


def _letters(cells: pd.Series) -> NDArray[np.bytes_]:
    categories = np.array([category.encode() for category in cells.cat.categories], dtype=np.bytes_)
    return categories[cells.cat.codes]
