"""A limit-order book from LOBSTER messages alone: the book after each message."""

from collections.abc import Iterator

import numba
import numpy as np
from numpy.typing import NDArray

from optexec.data.book import LEVELS
from optexec.data.lobster_table import PRICE_UNIT, Integers, Messages
from optexec.data.look_ahead import look_ahead, seeded

_ROWS = 16_384


def rebuild(
    messages: Messages, view: int | None = None, first: Integers | None = None
) -> Iterator[NDArray[np.float64]]:
    """Rebuild the ten-level book after each message.

    An order that the file cancels, deletes or executes without having entered it held at least the shares that
    are taken out of it. In a file of all levels it rested there before the first message. A file of the best
    `view` levels leaves out what happens behind them; there such an order enters before the first new order of a
    greater id, as the exchange numbers orders in time. Shares that no message takes out are forgotten as their
    level moves behind the view, where they can be deleted without a message; orders that are never touched, before
    the file or behind its view, are not known. So the book of a file of all levels is exact but for orders
    older than the file that it never touches, and that of a file of 50 levels nearly so in its best ten.

    Args:
        messages: M messages, in order of time.
        view: number of levels of the message file (LOBSTER's name ends in it); None for all.
        first: the book after the first message, (4 L,) as in an orderbook file. Its levels hold the shares it
            says: fewer older orders than the messages tell, and shares beyond those.

    Returns:
        Stretches of E rows, (E, 40), in the order of `book.BOOK_COLUMNS`; an empty level has price NaN and size 0.

    Raises:
        InvalidInput: with file, row and column, for an order that is entered twice, touched after its deletion or
            before its entry, at another price or side than its own, or for more shares than it holds; in a file of
            all levels also for a deletion of fewer.

    Source:
        Huang and Polak (2011), LOBSTER: Limit Order Book Reconstruction System; its "output structure" page.

    >>> from pathlib import Path
    >>> order, kind = np.array([7, 8, 5, 7]), np.array([1, 1, 4, 3])
    >>> size, price = np.array([100, 50, 30, 100]), np.array([100_000, 101_000, 100_000, 100_000])
    >>> direction = np.array([1, -1, 1, 1])
    >>> messages = Messages(Path("message.csv"), 1, np.arange(4), kind, order, size, price, direction)
    >>> levels = np.vstack(list(rebuild(messages)))
    >>> levels[:, [0, 20, 10, 30]].tolist()
    [[10.0, 130.0, nan, 0.0], [10.0, 130.0, 10.1, 50.0], [10.0, 100.0, 10.1, 50.0], [nan, 0.0, 10.1, 50.0]]
    """
    orders = look_ahead(messages, view)
    arrivals = orders.arrivals if first is None else seeded(orders, messages, first)
    capacity = len(np.unique(np.concatenate([orders.key, arrivals.key]))) + 1
    book, held = np.zeros((2, 3, capacity), dtype=np.int64), np.zeros(2, dtype=np.int64)
    seen = len(messages.time) + len(arrivals.key) if view is None else view
    for start in range(0, len(messages.time), _ROWS):
        part = slice(start, start + _ROWS)
        levels = np.empty((len(orders.key[part]), 4 * LEVELS))
        due = slice(*np.searchsorted(arrivals.before, [start, start + len(levels)]))
        coming = arrivals.before[due] - start, arrivals.key[due], arrivals.size[due], arrivals.silent[due]
        _replay(book, held, seen, orders.key[part], orders.shares[part], orders.silent[part], *coming, levels)
        yield levels


@numba.njit(cache=True)
def _replay(
    book: Integers,
    held: Integers,
    view: int,
    key: Integers,
    shares: Integers,
    silent: Integers,
    before: Integers,
    late_key: Integers,
    late_shares: Integers,
    late_silent: Integers,
    levels: NDArray[np.float64],
) -> None:
    """Apply E messages and the arrivals among them to the book, and write the book after each of them.

    Args:
        book: per side (asks, bids) key, size and silent shares of its levels, the best one last, (2, 3, C); changed.
        held: number of levels of each side, (2,); changed.
        view: number of levels that messages tell of.
        key, shares, silent: as in `Orders`, (E,).
        before, late_key, late_shares, late_silent: as in `Arrivals`, `before` counted from the first of the E messages.
        levels: the best levels after each message, (E, 40); written.
    """
    late = 0
    for place in range(len(key)):
        while late < len(before) and before[late] == place:
            _change(book, held, view, late_key[late], late_shares[late], late_silent[late])
            late += 1
        if shares[place] != 0:
            _change(book, held, view, key[place], shares[place], silent[place])
        for side in range(2):
            sign = 2 * side - 1
            for level in range(LEVELS):
                column, there = LEVELS * (1 - side) + level, held[side] - 1 - level
                known = there >= 0 and level < view
                levels[place, column] = sign * book[side, 0, there] / PRICE_UNIT if known else np.nan
                levels[place, column + 2 * LEVELS] = book[side, 1, there] if known else 0.0


@numba.njit(cache=True)
def _change(book: Integers, held: Integers, view: int, key: int, shares: int, silent: int) -> None:
    """Add shares to the level of this key, and forget the silent shares of the level that moves behind the view."""
    side = 1 if key > 0 else 0
    place = _place(book, held, side, key)
    if silent < 0:
        silent = -min(-silent, book[side, 2, place])
        shares += silent
    book[side, 1, place] += shares
    book[side, 2, place] += silent
    if book[side, 1, place] <= 0:
        _remove(book, held, side, place)
    behind = held[side] - view - 1
    if behind >= 0 and book[side, 2, behind] > 0:
        book[side, 1, behind] -= book[side, 2, behind]
        book[side, 2, behind] = 0
        if book[side, 1, behind] == 0:
            _remove(book, held, side, behind)


@numba.njit(cache=True)
def _place(book: Integers, held: Integers, side: int, key: int) -> int:
    """Return the place of the level of this key, made empty if there is none; most are near the best, the last."""
    place = held[side]
    while place > 0 and book[side, 0, place - 1] >= key:
        place -= 1
    if place < held[side] and book[side, 0, place] == key:
        return place
    for level in range(held[side], place, -1):
        for row in range(3):
            book[side, row, level] = book[side, row, level - 1]
    book[side, 0, place], book[side, 1, place], book[side, 2, place] = key, 0, 0
    held[side] += 1
    return place


@numba.njit(cache=True)
def _remove(book: Integers, held: Integers, side: int, place: int) -> None:
    held[side] -= 1
    for level in range(place, held[side]):
        for row in range(3):
            book[side, row, level] = book[side, row, level + 1]
