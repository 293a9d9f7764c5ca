"""Which snapshots of a book fall into which bucket of the day."""

from datetime import timedelta
from typing import NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from optexec.models.errors import InvalidInput

TimeIndex = pd.DatetimeIndex | pd.TimedeltaIndex

_MOST_BUCKETS = 1_000_000


class Buckets(NamedTuple):
    """N buckets of a day and the snapshots that each of them sees.

    Fields:
        start: start of each bucket, an index named "time", (N,).
        seen: positions of the usable snapshots, (U,).
        owner: the bucket of each usable snapshot, nondecreasing, (U,).
        last: position of the last usable snapshot at or before the end of each bucket, (N,).
        carried: whether that snapshot is from an earlier bucket, (N,).
        rows: the bucket of each row of the book, usable or not, negative before the first bucket, (R,).
    """

    start: TimeIndex
    seen: NDArray[np.int64]
    owner: NDArray[np.int64]
    last: NDArray[np.int64]
    carried: NDArray[np.bool_]
    rows: NDArray[np.int64]


def divide(times: pd.Index, bucket: str | pd.Timedelta, usable: NDArray[np.bool_]) -> Buckets:
    """Divide a day into half-open buckets [start, start + bucket), counted from its midnight.

    The first bucket is that of the first usable snapshot, the last that of the last time.

    Args:
        times: R nondecreasing times of one day, or times since midnight.
        bucket: length of a bucket.
        usable: which of the R snapshots can be calibrated.

    Raises:
        InvalidInput: for times or a bucket that are none of these, or when nothing is usable.

    >>> times = pd.to_timedelta([34_201, 34_259, 34_330], unit="s")
    >>> buckets = divide(times, "60s", np.array([True, True, True]))
    >>> len(buckets.start), buckets.owner.tolist(), buckets.rows.tolist()
    (3, [0, 0, 2], [0, 0, 2])
    >>> buckets.last.tolist(), buckets.carried.tolist()
    ([1, 1, 2], [False, True, False])
    """
    offsets, midnight = _since_midnight(times)
    width = length_of_time("bucket", bucket)
    seen = np.flatnonzero(usable)
    if not seen.size:
        raise InvalidInput("the book never shows a bid and an ask together; there is nothing to calibrate")
    number = np.asarray(offsets // width, dtype=np.int64)
    first, count = int(number[seen[0]]), int(number[-1] - number[seen[0]]) + 1
    if count > _MOST_BUCKETS:
        raise InvalidInput(f"bucket {bucket!r} makes {count:,} buckets; give it a unit, such as '60s'")
    rows = number - first
    owner = rows[seen]
    latest = np.searchsorted(owner, np.arange(count), side="right") - 1
    start = _starts(midnight, width, first, count)
    return Buckets(start, seen, owner, seen[latest], owner[latest] < np.arange(count), rows)


def _since_midnight(times: pd.Index) -> tuple[pd.TimedeltaIndex, pd.Timestamp | pd.Timedelta]:
    """Return the times of the day and the midnight they are counted from."""
    if not isinstance(times, pd.DatetimeIndex | pd.TimedeltaIndex) or not len(times) or times.hasnans:
        raise InvalidInput("the book is not indexed by time; read it with read_book")
    if not times.is_monotonic_increasing:
        raise InvalidInput("the times of the book go back; sort it by its index")
    if isinstance(times, pd.TimedeltaIndex):
        return times, pd.Timedelta(0)
    if times[0].date() != times[-1].date():
        raise InvalidInput(f"the book runs from {times[0].date()} to {times[-1].date()}; calibrate one day at a time")
    midnight = times[0].normalize()
    return times - midnight, midnight


def length_of_time(name: str, value: str | pd.Timedelta) -> pd.Timedelta:
    """A positive length of time, such as "60s"; another value raises `InvalidInput` by its name.

    >>> length_of_time("bucket", "5min")
    Timedelta('0 days 00:05:00')
    """
    try:
        length = pd.Timedelta(value if isinstance(value, str | timedelta) else "")
    except ValueError:
        length = pd.Timedelta(0)
    if not length > pd.Timedelta(0):
        raise InvalidInput(f"{name} {value!r} is no positive length of time; write it as '60s'")
    return length.as_unit("ns")


def _starts(midnight: pd.Timestamp | pd.Timedelta, width: pd.Timedelta, first: int, count: int) -> TimeIndex:
    return (midnight + pd.to_timedelta(np.arange(first, first + count) * width)).rename("time")
