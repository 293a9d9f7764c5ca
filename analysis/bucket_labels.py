"""Labels of buckets as people read them: clock times where they are times of one day."""

import re

import pandas as pd

UNDATED = "1970-01-01"
"""Date of the times whose labels have none."""
DAY = pd.Timedelta(days=1)
TIME = re.compile(
    r"(?:(?P<date>[0-9]{4}-[0-9]{2}-[0-9]{2})[T ])?"
    r"(?P<clock>[0-9]{1,2}:[0-9]{2}(?::[0-9]{2}(?:\.[0-9]+)?)?)"
    r"(?(date)(?:Z|[+-][0-9]{2}:?[0-9]{2})?)"
)
"""A clock time, or a date with one and maybe a zone."""


def clock_times(index: pd.Index) -> pd.DatetimeIndex | None:
    """The labels as wall-clock times of one day that rise, of 1 January 1970 where they have no date; None for others.

    Times since midnight are such times too.

    >>> clock_times(pd.Index(["2025-01-15T09:30:00-05:00", "2025-01-15T09:31:00-05:00"]))[0]
    Timestamp('2025-01-15 09:30:00')
    >>> clock_times(pd.Index(["open", "close"])) is None, clock_times(pd.Index(["2024", "2025"])) is None
    (True, True)
    """
    times = _since_midnight(index) if isinstance(index, pd.TimedeltaIndex) else _walls(index)
    if times.hasnans or times.normalize().nunique() > 1 or not (times.is_unique and times.is_monotonic_increasing):
        return None
    return times


def _since_midnight(index: pd.TimedeltaIndex) -> pd.DatetimeIndex:
    """Times of the undated day; NaT for what is no time of a day."""
    return pd.Timestamp(UNDATED) + pd.TimedeltaIndex(index.where((index >= pd.Timedelta(0)) & (index < DAY)))


def _walls(index: pd.Index) -> pd.DatetimeIndex:
    """What a clock on the wall shows; NaT for a label that is no time."""
    found = [TIME.fullmatch(str(label)) for label in index]
    walls = pd.Series([f"{time['date'] or UNDATED} {time['clock']}" if time else "" for time in found], dtype=str)
    return pd.DatetimeIndex(pd.to_datetime(walls, format="ISO8601", errors="coerce"))


def clock_format(times: pd.DatetimeIndex) -> str:
    """How clock times are written: hours and minutes, and what is below a minute where there is any.

    >>> clock_format(pd.DatetimeIndex(["2025-01-15 09:30:00", "2025-01-15 09:30:20"]))
    '%H:%M:%S'
    """
    if (times != times.floor("s")).any():
        return "%H:%M:%S.%f"
    return "%H:%M:%S" if (times != times.floor("min")).any() else "%H:%M"


def axis_name(index: pd.Index) -> str:
    """What the axis of the buckets is called, with the date where there is one.

    >>> axis_name(pd.Index(["2025-01-15T09:30:00-05:00"])), axis_name(pd.RangeIndex(3, name="bucket"))
    ('start of bucket, 15 January 2025', 'bucket')
    """
    times = clock_times(index)
    if times is None:
        return str(index.name or "bucket")
    dated = times[0].normalize() != pd.Timestamp(UNDATED)
    date = f", {times[0].day} {times[0]:%B %Y}" if dated else ""
    return f"start of bucket{date}"


def bucket_names(index: pd.Index) -> list[str]:
    """One short name a bucket: 09:30 for a time on the minute, the label itself where it is no time of one day.

    >>> bucket_names(pd.Index(["2025-01-15T09:30:00-05:00", "2025-01-15T09:31:00-05:00"]))
    ['09:30', '09:31']
    """
    times = clock_times(index)
    if times is None:
        return [str(label) for label in index]
    return [str(name) for name in times.strftime(clock_format(times))]
