"""The time of each row of a table: New York timestamps, or seconds after New York midnight."""

import re

import numpy as np
import pandas as pd

from optexec.data.text_table import TextTable
from optexec.models.errors import InvalidInput

MARKET_ZONE = "America/New_York"
ZONED_COLUMNS = ("time", "ts_event")
SECONDS_COLUMN = "sec_after_midnight"

_DAY = 86_400
_CLOCK = re.compile(r"\d{4}-\d{2}-\d{2}[T ]\d{2}:\d{2}(:\d{2}(\.\d{1,9})?)?")
_OFFSET = re.compile(r"(Z|[+-]\d{2}(:?\d{2})?)$")


def time_index(table: TextTable) -> pd.DatetimeIndex | pd.TimedeltaIndex:
    """Return the index "time" of a table, from the first it has of `time`, `ts_event`, `sec_after_midnight`.

    ISO 8601 times with an offset become New York timestamps; seconds after New York midnight become
    Timedeltas, as they carry no date. Raises `InvalidInput` where there is no such column, a cell is not a
    time, an offset is missing, or time goes back; equal times are legitimate.

    >>> from pathlib import Path
    >>> cells = np.array([["2025-01-15T14:30:59Z"]], dtype=object)
    >>> time_index(TextTable(Path("book.csv"), ("time",), cells, np.array([2])))[0].isoformat()
    '2025-01-15T09:30:59-05:00'
    """
    column = next((name for name in (*ZONED_COLUMNS, SECONDS_COLUMN) if name in table.header), None)
    if column is None:
        raise InvalidInput(
            f"{table.path}, row 1: no time column; name one {', '.join(ZONED_COLUMNS)} or {SECONDS_COLUMN}"
        )
    index = _seconds(table) if column == SECONDS_COLUMN else _zoned(table, column)
    backwards = np.flatnonzero(np.diff(index.asi8) < 0) + 1
    if backwards.size:
        raise table.fault(int(backwards[0]), column, "time goes back; sort the rows by time")
    return index


def _seconds(table: TextTable) -> pd.TimedeltaIndex:
    seconds = table.numbers([SECONDS_COLUMN])
    outside = ~((seconds >= 0) & (seconds <= _DAY))
    table.refuse(outside, [SECONDS_COLUMN], f"is not within a day; write seconds from 0 to {_DAY}")
    return pd.TimedeltaIndex(pd.to_timedelta(seconds[:, 0], unit="s"), name="time")


def _zoned(table: TextTable, column: str) -> pd.DatetimeIndex:
    text = [cell.strip() for cell in table.text([column])[:, 0]]
    bare = np.array([[_CLOCK.fullmatch(cell) is not None] for cell in text])
    table.refuse(bare, [column], "has no offset from UTC; end it with one, such as Z or -05:00")
    shaped = np.array([_CLOCK.fullmatch(_OFFSET.sub("", cell)) is not None for cell in text])
    moments = pd.DatetimeIndex(pd.to_datetime(text, utc=True, format="ISO8601", errors="coerce"))
    strange = ~shaped | np.asarray(moments.isna())
    table.refuse(strange[:, None], [column], "is not a time; write it as 2025-01-15T09:30:59-05:00")
    return moments.tz_convert(MARKET_ZONE).rename("time")
