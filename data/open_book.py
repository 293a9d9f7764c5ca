"""One way into every kind of order-book file."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pandas as pd

from optexec.data.book import BOOK_COLUMNS, read_book
from optexec.data.databento_csv import header_of, is_databento, read_databento_csv
from optexec.data.databento_dbn import is_dbn, read_dbn
from optexec.data.events import Events
from optexec.data.opened_file import PARQUET
from optexec.data.quality import quality_of
from optexec.data.sampling import BookDay, sample
from optexec.data.session import Session
from optexec.models.errors import InvalidInput

_ORDERBOOK = "_orderbook_"


def open_book(
    path: str | Path,
    *more: str | Path,
    every: str | pd.Timedelta = "1s",
    session: Session | None = None,
    symbol: str | None = None,
    progress: Callable[[int], None] | None = None,
) -> BookDay:
    """Read a day of ten-level books from a file of any known kind, and say what the file was like.

    * Databento MBP-10 as CSV (`read_databento_csv`) or DBN (`read_dbn`): events, sampled by `sample`;
    * LOBSTER (`lobster.read_lobster`): the message file, with the order-book file given too or found beside it
      under its name; sampled likewise;
    * a table of snapshots (`read_book`): its rows as they are. It is not sampled, so `every` does not apply
      to it; rows outside the session are left out if a session is given.

    The kind is told by the name (.dbn, .parquet, `_message_`) and by the first line of the file.

    Args:
        path: the file.
        more: LOBSTER's other file, in either order.
        every: length of the sampled intervals.
        session: hours of the market; without it those of the New York Stock Exchange on the date of the events.
        symbol: which book of a Databento file that holds several.
        progress: called with the bytes of the file read so far.

    Raises:
        InvalidInput: for a file of no known kind, and as the reader of its kind and `sample` do.

    >>> from optexec.data import sample as bundled
    >>> day = open_book(bundled.path("book.csv.gz"))
    >>> len(day.book), day.quality.rows
    (390, 390)
    """
    files = [Path(file) for file in (path, *more)]
    events = _events(files, symbol, progress)
    return _snapshots(files[0], session) if events is None else sample(events, every, session, files[0])


def _events(files: list[Path], symbol: str | None, progress: Callable[[int], None] | None) -> Iterator[Events] | None:
    """Return the events of a file, None for a table of snapshots."""
    for path in files:
        if not path.is_file():
            raise InvalidInput(f"{path}: no such file; check the path")
    first = files[0]
    if len(files) == 1 and is_dbn(first):
        return read_dbn(first, symbol, progress)
    header = () if first.suffix in PARQUET else header_of(first)
    if len(files) == 1 and is_databento(header):
        return read_databento_csv(first, symbol, progress)
    if symbol is not None:
        raise InvalidInput(f"{first}: only a Databento file is asked for a symbol; leave out {symbol!r}")
    if len(files) == 1 and (first.suffix in PARQUET or set(BOOK_COLUMNS) & set(header)):
        return None
    return _lobster(files, progress)


def _lobster(files: list[Path], progress: Callable[[int], None] | None) -> Iterator[Events]:
    from optexec.data.lobster import find_orderbook, is_lobster_message, read_lobster

    messages, *books = sorted(files, key=lambda file: _ORDERBOOK in file.name)
    if _ORDERBOOK in messages.name:
        raise InvalidInput(f"{messages}: order books of LOBSTER without their messages; give the message file too")
    if not is_lobster_message(messages):
        raise InvalidInput(
            f"{messages}: no order book that is known; its first line is neither the header of Databento MBP-10 "
            "(action, flags, bid_px_00, ...) nor that of snapshots (time, bid_px_00, ...) nor a LOBSTER message, "
            "and it is no DBN or Parquet; check the file, and give two files only of LOBSTER"
        )
    if len(books) > 1:
        raise InvalidInput(f"{books[1]}: a third file; LOBSTER has one of messages and one of order books")
    return read_lobster(messages, books[0] if books else find_orderbook(messages), progress=progress)


def _snapshots(path: Path, session: Session | None) -> BookDay:
    book = read_book(path)
    quality = quality_of(book, session)
    if session is None:
        return BookDay(book, quality)
    inside = book[session.contains(book.index)]
    if inside.empty:
        raise InvalidInput(f"{path}: no row lies in the session {session}; give the session of the market")
    return BookDay(inside, quality)
