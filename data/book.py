"""Ten-level order books: reading them from a file, and what it costs to walk one side."""

from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from optexec.data.text_table import TextTable, read_table
from optexec.data.timestamps import time_index
from optexec.models.errors import InvalidInput, unknown_name

LEVELS = 10
SIDES = {"buy": "ask", "sell": "bid"}
PRICE_COLUMNS = [f"{ladder}_px_{level:02d}" for ladder in ("bid", "ask") for level in range(LEVELS)]
SIZE_COLUMNS = [f"{ladder}_sz_{level:02d}" for ladder in ("bid", "ask") for level in range(LEVELS)]
BOOK_COLUMNS = PRICE_COLUMNS + SIZE_COLUMNS
"""The 40 columns of a book: prices in dollars, best first, bids before asks, then sizes in shares likewise."""


def read_book(path: str | Path) -> pd.DataFrame:
    """Read snapshots of a ten-level order book, one a row.

    The file is CSV, plain or compressed by gzip or zstd, or Parquet (.parquet); columns are found by name in any order,
    and others are ignored:

    * `bid_px_00`..`bid_px_09` and `ask_px_..`: prices in dollars, best first;
    * `bid_sz_00`..`bid_sz_09` and `ask_sz_..`: shares displayed at those prices;
    * one of `time`, `ts_event` (ISO 8601 with an explicit offset, read as New York time) or
      `sec_after_midnight` (seconds after New York midnight, no date: the index holds Timedeltas);
    * optionally `volume`, or `vol_visible` and `vol_hidden` to be added up: shares traded since the
      previous row.

    An empty level, that is a price blank or 0 or a size 0, comes back as price NaN with size 0. A book may
    lack a side altogether.

    Args:
        path: the file.

    Returns:
        R rows indexed by "time": the 40 columns `BOOK_COLUMNS` as floats, and `volume` if the file has it.

    Raises:
        InvalidInput: naming file, row (line of the file, the header being 1) and column, for a file that
            cannot be read, a missing column, a cell that is no number, a negative price or size, a price
            without a size, a missing or negative volume, a crossed or locked book (best bid >= best ask),
            levels out of order, times without offset, or times that go back.

    Source:
        Column names as in Databento's MBP-10 schema.

    >>> from optexec.data import sample
    >>> book = read_book(sample.path("book.csv.gz"))
    >>> book.shape
    (390, 41)
    >>> book.index[0].isoformat()
    '2025-01-15T09:30:59-05:00'
    """
    table = read_table(Path(path))
    table.require(BOOK_COLUMNS)
    index = time_index(table)
    levels = _levels(table)
    _refuse_unsorted(table, levels)
    _refuse_crossed(table, levels)
    book = pd.DataFrame(levels, index=index, columns=BOOK_COLUMNS)
    volume = _volume(table)
    return book if volume is None else book.assign(volume=volume)


def _levels(table: TextTable) -> NDArray[np.float64]:
    """Read prices and sizes in the order of `BOOK_COLUMNS`, empty levels made NaN and 0."""
    prices, sizes = table.numbers(PRICE_COLUMNS), table.numbers(SIZE_COLUMNS)
    table.refuse(sizes < 0, SIZE_COLUMNS, "is a negative size; write 0 for an empty level")
    empty = np.isnan(prices) | (prices == 0) | (sizes == 0)
    table.refuse(~empty & np.isnan(sizes), SIZE_COLUMNS, "is no size for its price; write 0 for an empty level")
    table.refuse(~empty & (prices < 0), PRICE_COLUMNS, "is a negative price; leave an empty level blank")
    return np.hstack([np.where(empty, np.nan, prices), np.where(empty, 0.0, sizes)])


def _refuse_unsorted(table: TextTable, levels: NDArray[np.float64]) -> None:
    bids, asks = levels[:, :LEVELS], levels[:, LEVELS : 2 * LEVELS]
    worst_bid, worst_ask = np.fmin.accumulate(bids, axis=1), np.fmax.accumulate(asks, axis=1)
    ahead = np.hstack([bids[:, 1:] > worst_bid[:, :-1], asks[:, 1:] < worst_ask[:, :-1]])
    names = PRICE_COLUMNS[1:LEVELS] + PRICE_COLUMNS[LEVELS + 1 :]
    table.refuse(ahead, names, "is better than the level before it; order the levels best first")


def _refuse_crossed(table: TextTable, levels: NDArray[np.float64]) -> None:
    bid = np.fmax.reduce(levels[:, :LEVELS], axis=1)
    ask = np.fmin.reduce(levels[:, LEVELS : 2 * LEVELS], axis=1)
    crossed = np.flatnonzero(bid >= ask)
    if crossed.size:
        row = int(crossed[0])
        what = f"crossed book, bid {bid[row]:g} is not below ask {ask[row]:g}; drop or mend the row"
        raise table.fault(row, "bid_px_00", what)


def _volume(table: TextTable) -> NDArray[np.float64] | None:
    for names in (["volume"], ["vol_visible", "vol_hidden"]):
        if set(names) <= set(table.header):
            shares = table.numbers(names)
            table.refuse(~(shares >= 0), names, "is no volume; write 0 where nothing traded")
            return np.asarray(shares.sum(axis=1), dtype=float)
    return None


def midpoint(book: pd.DataFrame) -> NDArray[np.float64]:
    """Return the mid of best bid and best ask, dollars a share, shape (R,); NaN where a side is empty.

    >>> from optexec.data import sample
    >>> float(midpoint(read_book(sample.path("book.csv.gz")))[0]) > 0
    True
    """
    bid = np.fmax.reduce(ladder(book, "sell")[0], axis=1)
    ask = np.fmin.reduce(ladder(book, "buy")[0], axis=1)
    return np.asarray((bid + ask) / 2, dtype=float)


def displayed_depth(book: pd.DataFrame, side: str) -> NDArray[np.float64]:
    """Return the shares displayed on the side of the book that the order takes, all levels, shape (R,).

    Args:
        book: R snapshots as `read_book` returns them.
        side: "buy" takes the asks, "sell" the bids; another raises `InvalidInput`.

    >>> from optexec.data import sample
    >>> book = read_book(sample.path("book.csv.gz"))
    >>> bool((displayed_depth(book, "sell") > 0).all())
    True
    """
    return np.asarray(ladder(book, side)[1].cumsum(axis=1)[:, -1], dtype=float)


def walk(prices: ArrayLike, sizes: ArrayLike, shares: ArrayLike) -> NDArray[np.float64]:
    """Return the total paid for `shares` taken level by level, best first.

    Args:
        prices: price of each level, shape (R, L); NaN where the level is empty.
        sizes: shares displayed at each level, shape (R, L); 0 where the level is empty.
        shares: shares to take, shape (R, K), or (K,) for the same sizes in every row.

    Returns:
        Shares times price, shape (R, K); NaN where more is asked than the ladder displays.

    >>> walk([[10.0, 10.5]], [[100, 50]], [100, 120, 200])
    array([[1000., 1210.,   nan]])
    """
    price, size = np.asarray(prices, dtype=float), np.asarray(sizes, dtype=float)
    wanted = np.asarray(shares, dtype=float)
    filled = np.cumsum(size, axis=1)
    wanted = np.broadcast_to(wanted, (len(price), wanted.shape[-1]))
    taken = np.clip(wanted[:, :, None] - (filled - size)[:, None, :], 0.0, size[:, None, :])
    paid = np.einsum("rkl,rl->rk", taken, np.where(size > 0, price, 0.0))
    return np.where(wanted <= filled[:, -1:], paid, np.nan)


def walk_cost(book: pd.DataFrame, side: str, sizes: ArrayLike) -> NDArray[np.float64]:
    """Return what it costs, against the mid, to take `sizes` shares from the book at once.

    Positive when it is worse than the mid, for buys and sells alike; the half-spread is part of it.

    Args:
        book: R snapshots as `read_book` returns them.
        side: "buy" walks the asks, "sell" the bids.
        sizes: shares, shape (R, K), or (K,) for the same sizes in every snapshot.

    Returns:
        Dollars in total, shape (R, K); NaN where a size exceeds the displayed depth or a side is empty.

    Raises:
        InvalidInput: for another side, a negative size, sizes of another shape, or a frame without levels.

    >>> from optexec.data import sample
    >>> book = read_book(sample.path("book.csv.gz")).iloc[:1]
    >>> half_spread = float(book["ask_px_00"].iloc[0] - book["bid_px_00"].iloc[0]) / 2
    >>> bool(np.allclose(walk_cost(book, "buy", [0, 100]), [[0, 100 * half_spread]]))
    True
    """
    wanted = np.asarray(sizes, dtype=float)
    if wanted.ndim not in (1, 2) or (wanted.ndim == 2 and len(wanted) != len(book)):
        raise InvalidInput(f"sizes have shape {wanted.shape}; give (K,) or ({len(book)}, K)")
    if (wanted < 0).any():
        raise InvalidInput(f"sizes hold {np.nanmin(wanted):g}; give shares of 0 or more for either side")
    prices, shown = ladder(book, side)
    mid = midpoint(book)[:, None]
    cost = walk(np.abs(prices - mid), shown, wanted)
    return np.where(np.isfinite(mid), cost, np.nan)


def ladder(book: pd.DataFrame, side: str) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return prices and sizes of the levels that an order of this side takes, the best first, each (R, LEVELS).

    Raises `InvalidInput` for an unknown side, or a book without these columns.

    >>> from optexec.data import sample
    >>> prices, sizes = ladder(read_book(sample.path("book.csv.gz")), "buy")
    >>> prices[0, :2].tolist(), sizes.shape
    ([50.1, 50.12], (390, 10))
    """
    if side not in SIDES:
        raise unknown_name("side", side, SIDES)
    prices, sizes = ([f"{SIDES[side]}_{kind}_{level:02d}" for level in range(LEVELS)] for kind in ("px", "sz"))
    missing = [name for name in (*prices, *sizes) if name not in book.columns]
    if missing:
        raise InvalidInput(f"the book has no column {missing[0]!r}; read it with read_book")
    return book[prices].to_numpy(dtype=float), book[sizes].to_numpy(dtype=float)
