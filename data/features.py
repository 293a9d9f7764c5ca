"""Features of a book: what a model of execution costs may know at each snapshot, by their published formulas."""

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from optexec.data.book import PRICE_COLUMNS, displayed_depth, midpoint
from optexec.data.bucketing import divide
from optexec.data.timestamps import MARKET_ZONE
from optexec.models.errors import InvalidInput
from optexec.models.validation import nonnegative

VOLATILITY_WINDOW = "60s"

_NO_SIZE = 1e-9


def features(book: pd.DataFrame) -> pd.DataFrame:
    """Return the features of each snapshot, none of which looks at a later one.

    Args:
        book: R snapshots of one day as `read_book` returns them.

    Returns:
        R rows on the book's index:

        * `mid`: dollars a share, as `midpoint`; `spread`: dollars, as `spread`;
        * `depth`: shares displayed on both sides; `imbalance`: in [-1, 1], as `imbalance`;
        * `volatility`: of the log-mid from one snapshot to the next, as `trailing_volatility`;
        * `hour`: New York hour of the day with its fraction, as `hour_of_day`.

    Raises:
        InvalidInput: for a frame without levels or without an index of nondecreasing times of one day.

    >>> from optexec.data import sample
    >>> from optexec.data.book import read_book
    >>> table = features(read_book(sample.path("book.csv.gz")))
    >>> list(table)
    ['mid', 'spread', 'depth', 'imbalance', 'volatility', 'hour']
    >>> bool((table["spread"] > 0).all())
    True
    """
    mid = pd.Series(midpoint(book), index=book.index)
    columns = {
        "mid": mid,
        "spread": spread(book),
        "depth": depth(book),
        "imbalance": imbalance(book),
        "volatility": trailing_volatility(mid),
        "hour": hour_of_day(book.index),
    }
    return pd.DataFrame(columns, index=book.index)


def spread(book: pd.DataFrame) -> NDArray[np.float64]:
    """Return best ask - best bid, dollars a share, shape (R,); NaN where a side is empty.

    >>> from optexec.data import sample
    >>> from optexec.data.book import read_book
    >>> book = read_book(sample.path("book.csv.gz"))
    >>> bool(np.array_equal(spread(book), book["ask_px_00"] - book["bid_px_00"]))
    True
    """
    bids, asks = (
        _columns(book, [name for name in PRICE_COLUMNS if name.startswith(ladder)]) for ladder in ("bid", "ask")
    )
    return np.asarray(np.fmin.reduce(asks, axis=1) - np.fmax.reduce(bids, axis=1), dtype=float)


def depth(book: pd.DataFrame) -> NDArray[np.float64]:
    """Return the shares displayed at the ten levels of both sides together, shape (R,).

    >>> from optexec.data import sample
    >>> from optexec.data.book import SIZE_COLUMNS, read_book
    >>> book = read_book(sample.path("book.csv.gz"))
    >>> bool(np.allclose(depth(book), book[SIZE_COLUMNS].sum(axis=1)))
    True
    """
    return displayed_depth(book, "buy") + displayed_depth(book, "sell")


def imbalance(book: pd.DataFrame) -> NDArray[np.float64]:
    """Return (bid_sz_00 - ask_sz_00) / (bid_sz_00 + ask_sz_00 + 1e-9), shape (R,).

    It is 1 when only bids and -1 when only asks stand at the first level, and 0 when neither does.

    Source:
        Cont, Kukanov and Stoikov (2014); Gould and Bonart (2016).

    >>> imbalance(pd.DataFrame({"bid_sz_00": [300.0, 0.0], "ask_sz_00": [100.0, 0.0]})).round(9).tolist()
    [0.5, 0.0]
    """
    bid, ask = _columns(book, ["bid_sz_00", "ask_sz_00"]).T
    return np.asarray((bid - ask) / (bid + ask + _NO_SIZE), dtype=float)


def trailing_volatility(mid: pd.Series) -> NDArray[np.float64]:
    """Return the standard deviation of the changes of log-mid in the trailing 60 seconds, shape (R,).

    The window of a snapshot at time t is (t - 60 s, t] and ends with that snapshot, so nothing later counts, not
    even at the same time. A change runs from the last known mid to the next and belongs to the time where it ends.
    The divisor is the number of changes less one (ddof = 1). NaN until two changes stand in the window, as at the
    start of the day. It is per change, not per second: 60 changes of a one-second book make a minute.

    Args:
        mid: prices, dollars, (R,), on an index of nondecreasing times of one day; NaN where unknown.

    Raises:
        InvalidInput: for an index that is none of these.

    >>> seconds = pd.to_timedelta([34_200, 34_201, 34_202, 34_262], unit="s")
    >>> trailing_volatility(pd.Series(np.exp([0.0, 0.0, 0.002, 0.002]), index=seconds)).round(6).tolist()
    [nan, nan, 0.001414, nan]
    """
    _midnight(mid.index)
    known = np.flatnonzero(mid.notna())
    changes = pd.Series(np.nan, index=mid.index)
    changes.iloc[known[1:]] = np.diff(np.log(mid.to_numpy(dtype=float)[known]))
    window = changes.rolling(VOLATILITY_WINDOW, min_periods=2)
    return window.std(ddof=1).to_numpy(dtype=float)


def hour_of_day(times: pd.Index) -> NDArray[np.float64]:
    """Return the hours since New York midnight, with their fraction, shape (R,).

    Args:
        times: nondecreasing times of one day, of any zone (New York if they carry none), or since midnight.

    Raises:
        InvalidInput: for an index that is none of these.

    >>> hour_of_day(pd.DatetimeIndex(["2025-01-15T14:30:00Z"])).tolist()
    [9.5]
    """
    local: pd.Index = times.tz_convert(MARKET_ZONE) if isinstance(times, pd.DatetimeIndex) and times.tz else times
    since = pd.TimedeltaIndex(local - _midnight(local).repeat(len(local)))
    return np.asarray(since.total_seconds(), dtype=float) / 3600


def volume_ratio(book: pd.DataFrame, shares: ArrayLike) -> NDArray[np.float64]:
    """Return an order's shares over the depth of both sides, shape (R,); NaN where nothing is displayed.

    Args:
        book: R snapshots as `read_book` returns them.
        shares: size of the order, one number or one a snapshot, >= 0.

    Raises:
        InvalidInput: for shares that are negative, not finite or of another length.

    >>> from optexec.data import sample
    >>> from optexec.data.book import read_book
    >>> book = read_book(sample.path("book.csv.gz"))
    >>> bool(np.allclose(volume_ratio(book, 500) * depth(book), 500))
    True
    """
    wanted = np.asarray(nonnegative("shares", shares))
    shown = depth(book)
    if wanted.ndim and len(wanted) != len(book):
        raise InvalidInput(f"shares have length {len(wanted)}, the book {len(book)} rows; give one number or one a row")
    return np.asarray(wanted / np.where(shown > 0, shown, np.nan), dtype=float)


def _columns(book: pd.DataFrame, names: list[str]) -> NDArray[np.float64]:
    missing = [name for name in names if name not in book.columns]
    if missing:
        raise InvalidInput(f"the book has no column {missing[0]!r}; read it with read_book")
    return book[names].to_numpy(dtype=float)


def _midnight(times: pd.Index) -> pd.Index:
    """Return the midnight of the one day that the times belong to, (1,); `InvalidInput` if they are no such times."""
    return divide(times, "1D", np.ones(len(times), dtype=bool)).start
