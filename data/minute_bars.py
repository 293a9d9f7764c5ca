"""One-minute bars of a session: volume, trades and closing quote of every minute, also of those the file omits."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from optexec.data.text_table import TextTable, read_table

OPEN = pd.Timedelta(hours=9, minutes=30)
SESSION_MINUTES = 390
TRADED = ["volume", "n_trades", "vwap", "max_print"]
QUOTED = ["bid", "bid_sz", "ask", "ask_sz"]

_MINUTE = pd.Timedelta(minutes=1)


def read_minute_bars(path: str | Path, minutes: int = SESSION_MINUTES) -> pd.DataFrame:
    r"""Read the one-minute bars of one session, one row a minute.

    The file is CSV, plain or compressed, or Parquet (.parquet); columns are found by name, in any order, and others
    are ignored: `minute` (whole minutes since 09:30 New York), `volume` and `n_trades` of the minute, `vwap` (dollars;
    blank or 0 where nothing traded), `max_print` (shares of its largest trade), and `bid`, `bid_sz`, `ask`, `ask_sz`,
    the quote at its end in dollars and shares (a side blank or 0 where there is none).

    * Rows before minute 0 or from `minutes` on, the pre- and post-market, are left out unread.
    * A minute that the file omits has no trades: volume, n_trades and max_print 0, vwap NaN.
    * A minute without a row, or without a quote of both sides, carries the last quote, NaN before the first one.
    * A cross is one print inside its bar. Where the first or the last bar holds one, its `max_print` is the cross, and
      volume - max_print what traded continuously.

    Args:
        path: the file.
        minutes: length of the session; 390, or 210 for a day that closes at 13:00.

    Returns:
        `minutes` rows indexed by "time", the start of the minute as Timedelta since midnight: volume, n_trades, vwap,
        max_print, bid, bid_sz, ask, ask_sz as floats, and `age`, seconds that the quote was carried (0 if it is the
        minute's own). `attrs` holds `omitted`, the minutes without a row, and `outside_session`, the rows left out.

    Raises:
        InvalidInput: naming file, row and column, for a file that cannot be read, a missing column, a cell that is no
            number, a minute that is not whole, appears twice or goes back, a missing or negative volume or number of
            trades, a volume without vwap, a print larger than the volume, a crossed quote (a locked one passes), a
            quote without a size; and for a file without a row inside the session.

    >>> import tempfile
    >>> rows = "minute,volume,n_trades,vwap,max_print,bid,bid_sz,ask,ask_sz\n"
    >>> rows += "-5,100,1,49.0,100,48.9,1,49.1,1\n0,1200,3,49.0,900,48.95,300,49.04,200\n"
    >>> rows += "2,500,2,49.1,400,49.05,300,49.10,200\n"
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = Path(folder) / "bars.csv"
    ...     _ = path.write_text(rows)
    ...     bars = read_minute_bars(path, minutes=3)
    >>> bars["volume"].tolist(), bars["bid"].tolist(), bars["age"].tolist()
    ([1200.0, 0.0, 500.0], [48.95, 48.95, 49.05], [0.0, 60.0, 0.0])
    >>> bars.attrs
    {'omitted': 1, 'outside_session': 1}
    """
    table = read_table(Path(path))
    table.require(["minute", *TRADED, *QUOTED])
    minute = _minute(table)
    inside = (minute >= 0) & (minute < minutes)
    if not inside.any():
        raise table.fault(0, "minute", f"no row lies within minutes 0 to {minutes - 1} of the session; give it one")
    session = replace(table, cells=table.cells[inside], lines=table.lines[inside])
    every = pd.RangeIndex(minutes)
    traded = pd.DataFrame(_traded(session), index=minute[inside], columns=TRADED).reindex(every)
    quoted = pd.DataFrame(_quoted(session), index=minute[inside], columns=QUOTED).reindex(every)
    bars = traded.fillna({"volume": 0.0, "n_trades": 0.0, "max_print": 0.0}).join(quoted.ffill())
    last = pd.Series(every, index=every).where(quoted["bid"].notna()).ffill()
    bars["age"] = (every - last) * _MINUTE.total_seconds()
    bars.index = (OPEN + every * _MINUTE).rename("time")
    bars.attrs = {"omitted": int(minutes - inside.sum()), "outside_session": int((~inside).sum())}
    return bars


def _minute(table: TextTable) -> NDArray[np.int64]:
    minute = table.numbers(["minute"])
    table.refuse(~(minute == np.floor(minute)), ["minute"], "is not a whole minute; count minutes since 09:30")
    back = np.diff(minute, axis=0, prepend=-np.inf) <= 0
    table.refuse(back, ["minute"], "does not come after the row before; sort the rows and keep one a minute")
    return minute[:, 0].astype(np.int64)


def _traded(table: TextTable) -> NDArray[np.float64]:
    """Return the columns `TRADED`; vwap is NaN where nothing traded."""
    counts = ["volume", "n_trades", "max_print"]
    table.refuse(~(table.numbers(counts) >= 0), counts, "is no number of 0 or more; write 0 where nothing traded")
    volume, trades, vwap, largest = table.numbers(TRADED).T
    unpriced = (volume > 0) & ~(vwap > 0)
    table.refuse(unpriced[:, None], ["vwap"], "is no price for the volume traded; give its average price")
    table.refuse((largest > volume)[:, None], ["max_print"], "is larger than the volume of its minute; mend either")
    return np.column_stack([volume, trades, np.where(volume > 0, vwap, np.nan), largest])


def _quoted(table: TextTable) -> NDArray[np.float64]:
    """Return the columns `QUOTED`, all NaN where a side is missing."""
    quote = table.numbers(QUOTED)
    bid, bid_size, ask, ask_size = quote.T
    table.refuse(quote < 0, QUOTED, "is negative; leave an empty side blank")
    both = (bid > 0) & (ask > 0)
    table.refuse((both & (bid > ask))[:, None], ["bid"], "is above the ask: a crossed quote; mend or blank it")
    sizes = np.column_stack([bid_size, ask_size])
    table.refuse(both[:, None] & ~(sizes > 0), ["bid_sz", "ask_sz"], "is no size for its price; give it or blank both")
    return np.where(both[:, None], quote, np.nan)
