"""The two tables of LOBSTER, messages and the book after each of them, read strictly and stretch by stretch."""

import csv
import io
import re
from collections.abc import Callable, Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from optexec.data.opened_file import opened
from optexec.models.errors import InvalidInput

NEW, CANCEL, DELETE, EXECUTION, HIDDEN, CROSS, HALT = range(1, 8)
"""Types of a message."""
MESSAGE_COLUMNS = ("time", "type", "order id", "size", "price", "direction")
EMPTY_PRICE = 9_999_999_999
"""Price of an empty ask level; that of an empty bid level is its negative."""
PRICE_UNIT = 10_000
"""Prices are dollars times this."""

MESSAGE_LINE = re.compile(rb"\d{1,5}(\.\d*)?,[1-7],-?\d+,\d+,-?\d+,(-1|0|1)\r?\n?")
"""What a row of a message file looks like."""

_ROWS = 16_384
_DAY = 86_400
_MOST = 10**10
_BYTE_ORDER_MARK = b"\xef\xbb\xbf"
_SHOWN = 40
_SECONDS = re.compile(rb"\d{1,5}(\.\d*)?")
_INTEGER = re.compile(rb"-?\d{1,18}")
_CHARACTERS = b"0123456789.,-\n"
_BEYOND_NANOSECONDS = re.compile(rb"(\.\d{9})\d+")

Integers = NDArray[np.int64]
Progress = Callable[[int], None] | None


class Messages(NamedTuple):
    """M consecutive messages of one file.

    Fields:
        path: the file, and `row`: the line of the first of them.
        time: nanoseconds after New York midnight, nondecreasing, (M,).
        kind: NEW to HALT, (M,).
        order: id of the limit order, (M,).
        size: shares, (M,).
        price: dollars times 10,000; of a HALT -1 (halted), 0 (quoting resumes) or 1 (trading resumes), (M,).
        direction: 1 for a buy limit order, -1 for a sell limit order, (M,).
    """

    path: Path
    row: int
    time: Integers
    kind: Integers
    order: Integers
    size: Integers
    price: Integers
    direction: Integers

    def fault(self, place: int, column: str, what: str) -> InvalidInput:
        """Return the error for one cell of message `place`, counted from 0."""
        return InvalidInput(f"{self.path}, row {self.row + place}, column {column}: {what}")

    def part(self, start: int, stop: int) -> "Messages":
        """Return the messages from `start` to before `stop`."""
        return Messages(self.path, self.row + start, *(column[start:stop] for column in self[2:]))


def read_messages(path: Path, progress: Progress = None) -> Iterator[Messages]:
    """Read a message file stretch by stretch; times are exact to the nanosecond.

    `progress` is called with the bytes of the file read so far.

    Raises:
        InvalidInput: with file, row and column, for a cell that is no number, another number of columns, an unknown
            type or direction, a negative size, a price that is none, or a time that goes back or leaves the day.

    >>> next(read_messages(Path("nowhere.csv")))
    Traceback (most recent call last):
    ...
    optexec.models.errors.InvalidInput: nowhere.csv: no such file; check the path
    """
    row, latest = 1, 0
    for frame in _stretches(path, MESSAGE_COLUMNS, progress):
        messages = _messages(path, row, frame)
        back = np.flatnonzero(np.diff(messages.time, prepend=latest) < 0)
        if back.size:
            raise messages.fault(int(back[0]), "time", "time goes back; sort both files as LOBSTER delivered them")
        yield messages
        row, latest = row + len(frame), int(messages.time[-1])


def join(stretches: Sequence[Messages]) -> Messages:
    """Join consecutive stretches of one file."""
    first, *_ = stretches
    columns = [np.concatenate(parts) for parts in zip(*(part[2:] for part in stretches), strict=True)]
    return Messages(first.path, first.row, *columns)


def _messages(path: Path, row: int, frame: pd.DataFrame) -> Messages:
    seconds = frame["time"].to_numpy()
    order, size, price = (frame[name].to_numpy() for name in ("order id", "size", "price"))
    kind, direction = frame["type"].to_numpy(), frame["direction"].to_numpy()
    halt, resting = kind == HALT, kind <= EXECUTION
    nobody = (kind >= CROSS) & (direction == 0)
    strange = {
        "time of day; write seconds after midnight, at most 86400": ("time", (seconds < 0) | (seconds > _DAY)),
        "type of message; types are 1 to 7": ("type", (kind < NEW) | (kind > HALT)),
        "id of a limit order; ids are positive": ("order id", resting & (order <= 0)),
        "number of shares; write 0 or more, and more than 0 for types 1 to 4": (
            "size",
            (size < resting) | (size > _MOST),
        ),
        "state of trading; in type 7 write -1, 0 or 1": ("price", halt & (np.abs(price) > 1)),
        "price; write dollars times 10000": ("price", ~halt & ((price < (kind != CROSS)) | (price >= EMPTY_PRICE))),
        "direction; write 1 for buy and -1 for sell orders": ("direction", (np.abs(direction) != 1) & ~nobody),
    }
    for what, (name, faulty) in strange.items():
        _refuse(path, row, frame[[name]].to_numpy(), [name], faulty[:, None], what)
    time = np.rint(seconds * 1e9).astype(np.int64)
    return Messages(path, row, time, kind, order, size, price, direction)


def read_ladders(path: Path) -> Iterator[Integers]:
    """Read an orderbook file stretch by stretch, (R, 4 L): ask price, ask size, bid price and bid size of each level.

    Raises:
        InvalidInput: with file, row and column, for a cell that is no integer, another number of columns, and a level
            that has a price and no shares or shares and no price, or that is no worse than the level before it.

    >>> next(read_ladders(Path("nowhere.csv")))
    Traceback (most recent call last):
    ...
    optexec.models.errors.InvalidInput: nowhere.csv: no such file; check the path
    """
    columns = _ladder_columns(path)
    row = 1
    for frame in _stretches(path, columns):
        ladders = frame.to_numpy()
        prices, sizes = ladders[:, 0::2], ladders[:, 1::2]
        empty = np.abs(prices) == EMPTY_PRICE
        away = np.where(empty, EMPTY_PRICE, prices * np.tile([1, -1], prices.shape[1] // 2))
        better = np.zeros_like(empty)
        better[:, 2:] = ~empty[:, 2:] & (away[:, 2:] <= away[:, :-2])
        strange = ~empty & ((prices <= 0) | (prices > EMPTY_PRICE))
        _refuse(path, row, prices, columns[0::2], strange, "price; write dollars times 10000, or +-9999999999")
        wrong = np.where(empty, sizes != 0, (sizes <= 0) | (sizes > _MOST))
        _refuse(path, row, sizes, columns[1::2], wrong, "size of its level; only an empty level has 0 shares")
        _refuse(
            path, row, prices, columns[0::2], better, "price behind that of the level before; order them best first"
        )
        yield ladders
        row += len(frame)


def _ladder_columns(path: Path) -> list[str]:
    with opened(path) as (handle, _):
        width = handle.readline().count(b",") + 1
    if width == len(MESSAGE_COLUMNS):
        raise InvalidInput(
            f"{path}, row 1: 6 columns, as in a message file; give the orderbook file, 4 columns a level"
        )
    sides = [(level, side) for level in range(1, max(width // 4, 1) + 1) for side in ("ask", "bid")]
    return [f"{side} {what} {level}" for level, side in sides for what in ("price", "size")]


def _refuse(
    path: Path, row: int, cells: NDArray[Any], names: Sequence[str], faulty: NDArray[np.bool_], what: str
) -> None:
    """Raise `InvalidInput` for the first faulty one of cells (R, K), whose first row is line `row` of the file."""
    if faulty.any():
        place, column = divmod(int(faulty.argmax()), len(names))
        cell = cells[place, column]
        raise InvalidInput(f"{path}, row {row + place}, column {names[column]}: {cell} is no {what}")


def _stretches(path: Path, columns: Sequence[str], progress: Progress = None) -> Iterator[pd.DataFrame]:
    """Parse a file without header stretch by stretch: the column "time" as float64, the others as int64."""
    with opened(path) as (handle, disk):
        row = 1
        while lines := list(islice(handle, _ROWS)):
            text = b"".join(lines).replace(b"\r\n", b"\n").removeprefix(_BYTE_ORDER_MARK)
            frame = _parsed(text, len(lines), columns)
            if frame is None:
                raise InvalidInput(f"{path}, row {_located(text, columns, row)}")
            yield frame
            row += len(lines)
            if progress:
                progress(disk.tell())
        if row == 1:
            raise InvalidInput(f"{path}: the file is empty; download it again")


def _parsed(text: bytes, lines: int, columns: Sequence[str]) -> pd.DataFrame | None:
    """Parse so many lines; None if any cell of theirs is not what it should be.

    Seconds of nine decimals and the nearest float agree to a hundredth of a nanosecond; further decimals are cut off.
    """
    commas, timed = len(columns) - 1, "time" in columns
    strange = text.translate(None, _CHARACTERS) or text.count(b".") > lines * timed
    if strange or text.count(b",") != lines * commas or text.partition(b"\n")[0].count(b",") != commas:
        return None
    try:
        frame = pd.read_csv(
            io.BytesIO(_BEYOND_NANOSECONDS.sub(rb"\1", text) if timed else text),
            header=None,
            names=list(columns),
            dtype={name: np.float64 if name == "time" else np.int64 for name in columns},
            na_filter=False,
            skip_blank_lines=False,
            quoting=csv.QUOTE_NONE,
        )
    except (ValueError, OverflowError):
        return None
    return frame if len(frame) == lines else None


def _located(text: bytes, columns: Sequence[str], row: int) -> str:
    """Say which line, and which cell of it, cannot be parsed, and what would mend it."""
    for place, line in enumerate(text.removesuffix(b"\n").split(b"\n"), start=row):
        cells = line.split(b",")
        if len(cells) != len(columns):
            return f"{place}: {_width_fault(cells, columns)}"
        for name, cell in zip(columns, cells, strict=True):
            form, wanted = (_SECONDS, "a time in seconds") if name == "time" else (_INTEGER, "an integer")
            if not form.fullmatch(cell):
                hint = "remove the header line" if place == 1 and cell[:1].isalpha() else "mend the cell"
                shown = cell[:_SHOWN].decode("utf-8", "replace")
                return f"{place}, column {name}: {shown!r} is not {wanted}; {hint}"
    return f"{row}: no table of numbers from here on; download the file again"


def _width_fault(cells: Sequence[bytes], columns: Sequence[str]) -> str:
    if cells == [b""]:
        return "a blank line; delete it"
    if len(columns) == len(MESSAGE_COLUMNS) and len(cells) % 4 == 0:
        return f"{len(cells)} columns, as in an orderbook file; give the message file, 6 columns"
    return f"{len(cells)} columns instead of {len(columns)}; complete the line or download the file again"
