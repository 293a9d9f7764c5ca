"""LOBSTER's limit-order-book data: a message file, with or without its orderbook file."""

import re
from collections.abc import Iterator
from datetime import date
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from optexec.data.events import Events
from optexec.data.lobster_pair import read_pair
from optexec.data.lobster_table import (
    CROSS,
    EXECUTION,
    HALT,
    MESSAGE_LINE,
    Messages,
    Progress,
    join,
    read_messages,
)
from optexec.data.opened_file import opened
from optexec.data.timestamps import MARKET_ZONE
from optexec.models.errors import InvalidInput

_HALTED, _RESUMED = -1, 1
_DATE = re.compile(r"\d{4}-\d{2}-\d{2}")
_NAME = re.compile(r"(.*_)message((?:_(\d+))?\.csv(?:\.gz)?)", re.DOTALL)


def read_lobster(
    message: str | Path,
    orderbook: str | Path | None = None,
    date: date | None = None,
    progress: Progress = None,
) -> Iterator[Events]:
    """Read the events of one stock and day from LOBSTER files, CSV or gzipped CSV (.gz), without header.

    The message file has a row an event: seconds after New York midnight, type (1 new limit order, 2 partial
    cancellation, 3 deletion, 4 execution of a displayed order, 5 of a hidden one, 6 cross trade, 7 halt), order id,
    size, price times 10,000, direction of the limit order (1 buy, -1 sell: its execution is a trade that a buyer
    began). The orderbook file has the book after each of these rows: ask price, ask size, bid price, bid size,
    level after level; +-9999999999 is the price of an empty level. Its first ten levels are taken. Without it the
    book is rebuilt from the messages, see `book_builder.rebuild`: the whole message file is then held in memory.

    The volume of an event is the size of types 4, 5 and 6. Trading is halted from a row of type 7 with price -1
    (halt) to one with price 1 (trading resumes); price 0 (quoting resumes) leaves it halted.

    Args:
        message: the message file.
        orderbook: the orderbook file of the same download.
        date: the day, in New York; by default the one in the name of the message file.
        progress: called with the bytes of the message file read so far.

    Returns:
        Stretches of the day; a pair of files is never held in memory as a whole.

    Raises:
        InvalidInput: naming file, row (line) and column, for a file that cannot be read, another number of columns,
            a cell that is none of the above, a time that goes back, files of different numbers of rows, a book that
            differs from the one before it by anything else than the message of its row (types 1 to 5), messages that
            no book can have led to, and a day that neither the name nor `date` tells.

    Source:
        LOBSTER, "Output structure", https://lobsterdata.com/info/DataStructure.php.

    >>> next(read_lobster("AAPL_2012-06-21_34200000_57600000_message_10.csv"))
    Traceback (most recent call last):
    ...
    optexec.models.errors.InvalidInput: AAPL_2012-06-21_34200000_57600000_message_10.csv: no such file; check the path
    """
    path = Path(message)
    midnight = pd.Timestamp(date or _date_in(path), tz=MARKET_ZONE)
    stretches = _rebuilt(path, progress) if orderbook is None else read_pair(path, Path(orderbook), progress)
    halted = False
    for messages, levels in stretches:
        events = _events(midnight, messages, levels, halted)
        yield events
        halted = bool(events.halted[-1])


def is_lobster_message(path: str | Path) -> bool:
    """Return whether a file is a LOBSTER message file, by its name or by the look of its first line.

    >>> is_lobster_message("AAPL_2012-06-21_34200000_57600000_message_10.csv"), is_lobster_message("book.csv")
    (True, False)
    """
    if _NAME.fullmatch(Path(path).name):
        return True
    try:
        with opened(Path(path)) as (handle, _):
            return MESSAGE_LINE.fullmatch(handle.readline(1 << 10)) is not None
    except InvalidInput:
        return False


def find_orderbook(message: str | Path) -> Path | None:
    """Return the orderbook file that lies beside a message file under LOBSTER's name, plain or gzipped, if any.

    >>> find_orderbook("AAPL_2012-06-21_34200000_57600000_message_10.csv") is None
    True
    """
    named = _NAME.fullmatch(Path(message).name)
    if named is None:
        return None
    partner = Path(message).with_name(f"{named[1]}orderbook{named[2]}")
    other = partner.with_suffix("") if partner.suffix == ".gz" else partner.with_name(f"{partner.name}.gz")
    return next((path for path in (partner, other) if path.is_file()), None)


def _date_in(path: Path) -> date:
    found = _DATE.search(path.name)
    try:
        return date.fromisoformat(found[0] if found else "")
    except ValueError:
        raise InvalidInput(
            f"{path}: no date in the name; give the argument date, or a name such as AAPL_2012-06-21_message_10.csv"
        ) from None


def _events(midnight: pd.Timestamp, messages: Messages, levels: NDArray[np.float64], halted: bool) -> Events:
    time = pd.DatetimeIndex(midnight.as_unit("ns").value + messages.time, tz="UTC").tz_convert(MARKET_ZONE)
    traded = (messages.kind >= EXECUTION) & (messages.kind <= CROSS)
    state = np.where(messages.kind == HALT, messages.price, 0)
    turns = np.flatnonzero(state != 0)
    latest = np.searchsorted(turns, np.arange(len(state)), side="right")
    states = np.concatenate([[_HALTED if halted else _RESUMED], state[turns]])
    return Events(time, levels, np.where(traded, messages.size, 0.0), states[latest] == _HALTED, len(levels))


def _rebuilt(path: Path, progress: Progress) -> Iterator[tuple[Messages, NDArray[np.float64]]]:
    from optexec.data.book_builder import rebuild

    messages = join(list(read_messages(path, progress)))
    place = 0
    for levels in rebuild(messages, _view_of(path)):
        yield messages.part(place, place + len(levels)), levels
        place += len(levels)


def _view_of(path: Path) -> int | None:
    """Return the number of levels in the name of a message file; None for all, which LOBSTER calls 0."""
    named = _NAME.fullmatch(path.name)
    return int(named[3] or 0) or None if named else None
