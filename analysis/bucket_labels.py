"""Labels of buckets as people read them: clock times where they are times of one day."""

import pandas as pd

UNDATED = 1970
"""Year of the times whose labels have no date."""


def clock_times(index: pd.Index) -> pd.DatetimeIndex | None:
    """The labels as wall-clock times of one day, of 1 January 1970 where they have no date; None for other labels.

    Times since midnight are such times too.

    >>> clock_times(pd.Index(["2025-01-15T09:30:00-05:00", "2025-01-15T09:31:00-05:00"]))[0]
    Timestamp('2025-01-15 09:30:00')
    >>> clock_times(pd.Index(["open", "close"])) is None
    True
    """
    if isinstance(index, pd.TimedeltaIndex):
        return pd.Timestamp(f"{UNDATED}-01-01") + index if index.max() < pd.Timedelta(days=1) else None
    if pd.api.types.is_numeric_dtype(index):
        return None
    text = [str(label) for label in index]
    walls = [label[:19] if "T" in label or " " in label else f"{UNDATED}-01-01 {label}" for label in text]
    times = pd.to_datetime(pd.Series(walls), format="ISO8601", errors="coerce")
    if times.isna().any() or times.dt.normalize().nunique() > 1:
        return None
    return pd.DatetimeIndex(times)


def axis_name(index: pd.Index) -> str:
    """What the axis of the buckets is called, with the date where there is one.

    >>> axis_name(pd.Index(["2025-01-15T09:30:00-05:00"])), axis_name(pd.RangeIndex(3, name="bucket"))
    ('start of bucket, 15 January 2025', 'bucket')
    """
    times = clock_times(index)
    if times is None:
        return str(index.name or "bucket")
    date = f", {times[0].day} {times[0]:%B %Y}" if times[0].year > UNDATED else ""
    return f"start of bucket{date}"


def bucket_names(index: pd.Index) -> list[str]:
    """One short name a bucket: 09:30 for a time on the minute, the label itself where it is no time of one day.

    >>> bucket_names(pd.Index(["2025-01-15T09:30:00-05:00", "2025-01-15T09:31:00-05:00"]))
    ['09:30', '09:31']
    """
    times = clock_times(index)
    if times is None:
        return [str(label) for label in index]
    form = "%H:%M:%S" if (times != times.floor("min")).any() else "%H:%M"
    return [str(name) for name in times.strftime(form)]
