"""A message file of LOBSTER and its orderbook file, read side by side."""

from collections.abc import Iterator
from itertools import zip_longest
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from optexec.data.book import LEVELS
from optexec.data.lobster_table import (
    EMPTY_PRICE,
    EXECUTION,
    HIDDEN,
    NEW,
    PRICE_UNIT,
    Integers,
    Messages,
    Progress,
    read_ladders,
    read_messages,
)
from optexec.models.errors import InvalidInput


def read_pair(
    message: Path, orderbook: Path, progress: Progress = None
) -> Iterator[tuple[Messages, NDArray[np.float64]]]:
    r"""Read stretches of messages and the ten-level book after each of them, (E, 40) as in `book.BOOK_COLUMNS`.

    Row k of the orderbook file is the book that message k makes of row k - 1; this is checked for types 1 to 5.

    Raises:
        InvalidInput: with file and row, as `lobster.read_lobster` says.

    >>> from tempfile import TemporaryDirectory
    >>> with TemporaryDirectory() as folder:
    ...     message, orderbook = Path(folder, "message.csv"), Path(folder, "orderbook.csv")
    ...     _ = message.write_text("34200.5,1,7,100,5853300,1\n34200.6,1,8,50,5853300,1\n")
    ...     _ = orderbook.write_text("5859400,200,5853300,100\n5859400,200,5853300,150\n")
    ...     ((messages, levels),) = read_pair(message, orderbook)
    >>> levels[:, [0, 20, 10, 30]].tolist()
    [[585.33, 100.0, 585.94, 200.0], [585.33, 150.0, 585.94, 200.0]]
    """
    before = np.empty((0, 0), dtype=np.int64)
    rows = 0
    for messages, ladders in zip_longest(read_messages(message, progress), read_ladders(orderbook)):
        told, shown = (0 if part is None else len(part) for part in (messages and messages.time, ladders))
        if told != shown:
            short, long = (message, orderbook) if told < shown else (orderbook, message)
            what = f"the file ends where {long} goes on; give the two files of one download"
            raise InvalidInput(f"{short}, row {rows + min(told, shown)}: {what}")
        _refuse_contradiction(orderbook, messages, ladders, before)
        yield messages, _levels(ladders)
        before, rows = ladders[-1:], rows + shown


def _levels(ladders: Integers) -> NDArray[np.float64]:
    """Return the best ten levels in the order of `book.BOOK_COLUMNS`, empty ones as NaN and 0."""
    levels = np.zeros((len(ladders), 4, LEVELS))
    levels[:, :2] = np.nan
    for block, first in enumerate((2, 0, 3, 1)):
        best = ladders[:, first::4][:, :LEVELS]
        levels[:, block, : best.shape[1]] = best
    prices = levels[:, :2]
    prices[np.abs(prices) == EMPTY_PRICE] = np.nan
    prices /= PRICE_UNIT
    return levels.reshape(len(ladders), -1)


class _Side(NamedTuple):
    """One side of R books, best level first: price (asks) or minus price (bids), and shares; both (R, L)."""

    away: Integers
    shares: Integers


def _refuse_contradiction(orderbook: Path, messages: Messages, ladders: Integers, before: Integers) -> None:
    """Refuse a book that is not what its message makes of the one before it.

    An execution may be reported at another price than that of the level it takes from.
    """
    ladders = np.concatenate([before, ladders]) if len(before) else ladders
    unseen = len(messages.time) + 1 - len(ladders)
    messages = messages.part(unseen, len(messages.time))
    shares = np.where(messages.kind == NEW, messages.size, np.where(messages.kind <= EXECUTION, -messages.size, 0))
    wrong = np.zeros(len(messages.time), dtype=bool)
    for sign, first in ((1, 0), (-1, 2)):
        away, size = sign * ladders[:, first::4], ladders[:, first + 1 :: 4]
        side = _Side(np.where(np.abs(away) == EMPTY_PRICE, EMPTY_PRICE, away), size)
        price, change, single = _difference(_Side(*(part[:-1] for part in side)), _Side(*(part[1:] for part in side)))
        stated = np.where(messages.direction == -sign, shares, 0)
        here = (price == sign * messages.price) | (messages.kind == EXECUTION)
        behind = sign * messages.price > side.away[:-1, -1]
        wrong |= ~single | np.where(change == 0, (stated != 0) & ~behind, (change != stated) | ~here)
    wrong &= messages.kind <= HIDDEN
    if wrong.any():
        place = int(wrong.argmax())
        told = f"type {messages.kind[place]}, {messages.size[place]} shares at {messages.price[place]}"
        raise InvalidInput(
            f"{orderbook}, row {messages.row + place}: the book does not change as the message of that row says "
            f"({told}); give the two files of one download as they were"
        )


def _difference(before: _Side, after: _Side) -> tuple[Integers, Integers, NDArray[np.bool_]]:
    """Return price and shares of the first level that changes, and whether it is the only one that does, each (R,).

    A level that vanishes lets the others move up and one from behind the last come in; a new one moves them back.
    """
    levels = np.arange(before.away.shape[1])
    place = ((before.away != after.away) | (before.shares != after.shares)).argmax(axis=1)[:, None]
    (old, old_shares), (new, new_shares) = (
        (np.take_along_axis(part, place, axis=1) for part in side) for side in (before, after)
    )
    lost, gained = new > old, new < old
    origin = levels + (lost & (levels >= place)) - (gained & (levels > place))
    origin = np.minimum(origin, levels[-1])
    moved = _Side(*(np.take_along_axis(part, origin, axis=1) for part in before))
    same = (moved.away == after.away) & (moved.shares == after.shares)
    same |= np.where(lost, levels == levels[-1], levels == place)
    change = np.where(gained, 0, -old_shares) + np.where(lost, 0, new_shares)
    return np.minimum(old, new)[:, 0], change[:, 0], same.all(axis=1)
