"""From the events of a day to one book at the end of each interval of its session."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from optexec.data.book import BOOK_COLUMNS
from optexec.data.bucketing import length_of_time
from optexec.data.events import Events
from optexec.data.quality import Quality, Tally, best
from optexec.data.session import Session, session_on
from optexec.data.timestamps import MARKET_ZONE
from optexec.models.errors import InvalidInput

_MOST_ROWS = 1_000_000
_NOT_SEEN = -1


@dataclass(frozen=True, eq=False)
class BookDay:
    """The books of one day, and what the file they come from was like.

    Args:
        book: R snapshots indexed by "time": the 40 columns `BOOK_COLUMNS`, `volume`, and `age` if it was sampled.
        quality: what was counted on the way.

    >>> day = BookDay(pd.DataFrame(columns=BOOK_COLUMNS), Quality(rows=0, events=0))
    >>> day.quality.rows
    0
    """

    book: pd.DataFrame
    quality: Quality


def sample(
    events: Iterable[Events],
    every: str | pd.Timedelta = "1s",
    session: Session | None = None,
    source: str | Path = "the events",
) -> BookDay:
    """Take the last book at or before the end of each interval of a session.

    The session is divided into half-open intervals [start, start + every). A row shows the book as the
    interval ends and is labelled by the time of the interval's last event, so that it falls into the same
    half-open bucket as that event; where the interval had no event, the book is carried forward and the row
    is labelled by the interval's start. Its `age` is the time from the event that made the book to the label:
    0 unless carried. A book from before the session is carried into it; none is carried beyond the last event.

    Intervals that end halted, or with a crossed or locked book, have no row; the report counts them. `volume`
    counts the shares executed since the previous row, those of intervals without a row included; shares after
    the last row are added to it. So the volumes add up to all shares executed within the session.

    Args:
        events: stretches of one day in order of time.
        every: length of an interval.
        session: hours of the market; without it those of the New York Stock Exchange on that date.
        source: what the events are read from, for errors.

    Returns:
        Rows indexed by "time", the columns of `book.BOOK_COLUMNS`, `volume` (shares) and `age` (seconds).

    Raises:
        InvalidInput: for an interval that is no positive length of time or makes more than a million rows,
            events within the sessions of two days or of none, or no tradeable book in the session.

    >>> time = pd.DatetimeIndex(["2025-01-15 09:30:00.2", "2025-01-15 09:30:02.5"], tz="America/New_York")
    >>> levels = np.repeat([[10.0] * 10 + [10.1] * 10 + [100.0] * 20], 2, axis=0)
    >>> day = sample([Events(time, levels, np.array([5.0, 7.0]), np.array([False, False]), rows=2)])
    >>> day.book[["volume", "age"]].to_numpy().tolist()
    [[5.0, 0.0], [0.0, 0.8], [7.0, 0.0]]
    """
    clock = _Clock(length_of_time("every", every), session, source)
    for stretch in events:
        clock.take(stretch)
    return clock.close()


class _Clock:
    """The session of the first event that lies in one, and the last event of each of its intervals.

    Slot 0 of the arrays is the last event before the session, slot k the k-th interval.
    """

    def __init__(self, step: pd.Timedelta, session: Session | None, source: str | Path) -> None:
        self.step, self.session, self.source = step, session, source
        self.tally = Tally()
        self.reasons: dict[date, str] = {}
        self.day: date | None = None
        self.opening: tuple[int, NDArray[np.float64], bool] | None = None

    def take(self, stretch: Events) -> None:
        self.tally.read(stretch)
        if not len(stretch.time):
            return
        times = stretch.time.as_unit("ns").asi8
        before = 0
        for day in self._days(stretch.time):
            start, end = self._bounds(day)
            first, last = np.searchsorted(times, [start, end])
            if last > first:
                if self.day is None:
                    self._open(day, start, end)
                    before = first
                self._put(day, stretch, times, slice(first, last))
        if self.day is None:
            before = len(times)
        if before:
            self.opening = times[before - 1], stretch.levels[before - 1], bool(stretch.halted[before - 1])
            self._seat()

    def _days(self, time: pd.DatetimeIndex) -> list[date]:
        zone = self.session.zone if self.session else MARKET_ZONE
        first, last = (moment.tz_convert(zone).date() for moment in (time[0], time[-1]))
        return [first + timedelta(days=count) for count in range((last - first).days + 1)]

    def _bounds(self, day: date) -> tuple[int, int]:
        """Return start and end of a day's session in nanoseconds, both 0 where it has none."""
        try:
            session = self.session or session_on(day)
        except InvalidInput as closed:
            self.reasons[day] = str(closed)
            return 0, 0
        self.reasons[day] = f"no event lies in the session {session} of {day}; give the session of the market"
        start, end = session.bounds(day)
        return start.as_unit("ns").value, end.as_unit("ns").value

    def _open(self, day: date, start: int, end: int) -> None:
        count = -(-(end - start) // self.step.value)
        if count > _MOST_ROWS:
            raise InvalidInput(f"{self.source}: every {self.step} makes {count:,} rows; at most {_MOST_ROWS:,}")
        self.day, self.start, self.end, self.count = day, start, end, count
        self.time = np.full(count + 1, _NOT_SEEN, dtype=np.int64)
        self.levels = np.empty((count + 1, len(BOOK_COLUMNS)))
        self.halted = np.zeros(count + 1, dtype=bool)
        self.volume = np.zeros(count + 1)
        self._seat()

    def _seat(self) -> None:
        """Put the last event before the session into slot 0."""
        if self.day is not None and self.opening is not None:
            self.time[0], self.levels[0], self.halted[0] = self.opening

    def _put(self, day: date, stretch: Events, times: NDArray[np.int64], inside: slice) -> None:
        if day != self.day:
            raise InvalidInput(f"{self.source}: events in the sessions of {self.day} and {day}; split it by day")
        slot = 1 + (times[inside] - self.start) // self.step.value
        final = np.flatnonzero(np.append(np.diff(slot) > 0, True))
        place, slots = inside.start + final, slot[final]
        self.time[slots], self.levels[slots] = times[place], stretch.levels[place]
        self.halted[slots] = stretch.halted[place]
        self.volume += np.bincount(slot, stretch.volume[inside], self.count + 1)
        self.tally.count(stretch.levels[inside], stretch.volume[inside])

    def close(self) -> BookDay:
        if self.day is None or self.tally.last is None:
            told = next(reversed(self.reasons.values()), "no events")
            raise InvalidInput(f"{self.source}: {told}")
        covered = min(self.count, 1 + (self.tally.last.as_unit("ns").value - self.start) // self.step.value)
        slots = np.arange(1, covered + 1)
        seen = self.time != _NOT_SEEN
        origin = np.maximum.accumulate(np.where(seen, np.arange(self.count + 1), 0))[slots]
        bid, ask = best(self.levels[origin])
        without = {
            "no book yet": ~seen[origin],
            "halted": self.halted[origin],
            "crossed": bid > ask,
            "locked": bid == ask,
        }
        offered, left_out = _sieve(without)
        kept, made = slots[offered], self.time[origin[offered]]
        if not kept.size:
            raise InvalidInput(f"{self.source}: no tradeable book in the session of {self.day}; check the file")
        label = np.where(seen[kept], self.time[kept], self.start + (kept - 1) * self.step.value)
        age = (label - made) / 1e9
        index = pd.DatetimeIndex(label, tz="UTC", name="time").tz_convert(MARKET_ZONE)
        book = pd.DataFrame(self.levels[origin[offered]], index=index, columns=BOOK_COLUMNS)
        book = book.assign(volume=self._volume(kept), age=age)
        outside = self.tally.total - self.tally.events
        return BookDay(book, self.tally.quality(outside, age, left_out))

    def _volume(self, kept: NDArray[np.int64]) -> NDArray[np.float64]:
        executed = self.volume.cumsum()[kept]
        executed[-1] = self.volume.sum()
        return np.diff(executed, prepend=0.0)


def _sieve(without: dict[str, NDArray[np.bool_]]) -> tuple[NDArray[np.bool_], dict[str, int]]:
    """Return which intervals have a row, and how many do not, each counted under its first reason."""
    offered = np.ones_like(without["halted"])
    counts = {}
    for reason, which in without.items():
        counts[reason] = int((offered & which).sum())
        offered = offered & ~which
    return offered, {reason: count for reason, count in counts.items() if count}
