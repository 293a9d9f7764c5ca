"""The hours in which a market trades, and those of the New York Stock Exchange on a given date."""

from dataclasses import dataclass
from datetime import date, timedelta
from functools import cache
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from pandas.tseries.holiday import (
    AbstractHolidayCalendar,
    GoodFriday,
    Holiday,
    USLaborDay,
    USMartinLutherKingJr,
    USMemorialDay,
    USPresidentsDay,
    USThanksgivingDay,
    nearest_workday,
    sunday_to_monday,
)

from optexec.data.clock import clock_time, time_of_day
from optexec.data.timestamps import MARKET_ZONE
from optexec.models.errors import InvalidInput

_SATURDAY = 5


@dataclass(frozen=True)
class Session:
    """The hours [start, end) of a day, on the clock of a zone; the moment `end` itself lies outside.

    Args:
        start: time of the clock, "09:30" or "09:30:00".
        end: likewise, later than `start`; "24:00" is the end of the day.
        zone: name in the IANA time zone database; its daylight saving is followed.

    Raises:
        InvalidInput: for a time or zone that does not exist, or an end that is not after the start.

    >>> Session().bounds(date(2025, 1, 15))[0].isoformat()
    '2025-01-15T09:30:00-05:00'
    >>> Session().bounds(date(2025, 7, 15))[1].tz_convert("UTC").isoformat()
    '2025-07-15T20:00:00+00:00'
    """

    start: str = "09:30"
    end: str = "16:00"
    zone: str = MARKET_ZONE

    def __post_init__(self) -> None:
        if not self.hours[0] < self.hours[1]:
            raise InvalidInput(f"session ends at {self.end}, not after its start {self.start}; give a later end")
        try:
            ZoneInfo(self.zone)
        except (KeyError, ValueError, OSError):
            raise InvalidInput(f"no time zone {self.zone!r}; write it as {MARKET_ZONE!r}") from None

    @property
    def hours(self) -> tuple[pd.Timedelta, pd.Timedelta]:
        """Start and end as times since midnight on the clock."""
        return clock_time("session start", self.start), clock_time("session end", self.end)

    def bounds(self, day: date) -> tuple[pd.Timestamp, pd.Timestamp]:
        """Return the moments at which the session of a day starts and ends."""
        start, end = (
            (pd.Timestamp(day) + hour).tz_localize(self.zone, ambiguous=True, nonexistent="shift_forward")
            for hour in self.hours
        )
        return start, end

    def contains(self, times: pd.Index) -> NDArray[np.bool_]:
        """Return which moments, or times since the zone's midnight, lie in the session of their day, shape (R,).

        Raises `InvalidInput` for an index that holds no times.

        >>> REGULAR.contains(pd.to_timedelta(["09:29:59", "09:30:00", "16:00:00"])).tolist()
        [False, True, False]
        """
        if isinstance(times, pd.DatetimeIndex):
            times = time_of_day(times.tz_convert(self.zone))
        if not isinstance(times, pd.TimedeltaIndex):
            raise InvalidInput("the book is not indexed by time; read it with read_book")
        start, end = self.hours
        return np.asarray((times >= start) & (times < end), dtype=bool)

    def __str__(self) -> str:
        return f"{self.start}-{self.end} {self.zone}"


REGULAR = Session()
HALF_DAY = Session(end="13:00")


class _Holidays(AbstractHolidayCalendar):
    rules = [  # noqa: RUF012
        Holiday("New Year's Day", month=1, day=1, observance=sunday_to_monday),
        USMartinLutherKingJr,
        USPresidentsDay,
        GoodFriday,
        USMemorialDay,
        Holiday("Juneteenth", month=6, day=19, start_date="2022-01-01", observance=nearest_workday),
        Holiday("Independence Day", month=7, day=4, observance=nearest_workday),
        USLaborDay,
        USThanksgivingDay,
        Holiday("Christmas Day", month=12, day=25, observance=nearest_workday),
    ]


def session_on(day: date) -> Session:
    """Return the session of the New York Stock Exchange on a date: `REGULAR` or `HALF_DAY`.

    Half days are the day after Thanksgiving, Christmas Eve and July 3rd, where they are trading days.
    Closures that follow no rule, such as days of mourning or storms, are not known here.

    Raises:
        InvalidInput: for a date without a session: a Saturday or Sunday, or a holiday of today's rules (a
            holiday on a Saturday is kept on the Friday before, New Year's Day excepted; on a Sunday, on the
            Monday after).

    Source:
        NYSE Rule 7.2, and the hours that the exchange publishes each year.

    >>> session_on(date(2025, 7, 3)) is HALF_DAY
    True
    >>> session_on(date(2025, 12, 25))
    Traceback (most recent call last):
    ...
    optexec.models.errors.InvalidInput: 2025-12-25 has no session (Christmas Day); give the session of the market
    """
    day = pd.Timestamp(day).date()
    reason = "weekend" if day.weekday() >= _SATURDAY else _holidays(day.year).get(day)
    if reason:
        raise InvalidInput(f"{day} has no session ({reason}); give the session of the market")
    eves = [date(day.year, 7, 3), date(day.year, 12, 24)]
    after_thanksgiving = _holidays(day.year).get(day - timedelta(days=1)) == USThanksgivingDay.name
    return HALF_DAY if day in eves or after_thanksgiving else REGULAR


@cache
def _holidays(year: int) -> dict[date, str]:
    named = _Holidays().holidays(pd.Timestamp(year, 1, 1), pd.Timestamp(year, 12, 31), return_name=True)
    return dict(zip(pd.DatetimeIndex(named.index).date, map(str, named), strict=True))
