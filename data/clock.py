"""Times of day: those that a user writes, and those of the rows of a table."""

import re

import pandas as pd

from optexec.models.errors import InvalidInput

_CLOCK = re.compile(r"(([01]?\d|2[0-3]):[0-5]\d(:[0-5]\d(\.\d{1,9})?)?|24:00)", re.ASCII)


def is_clock_time(text: str) -> bool:
    """Whether a text is what `clock_time` reads.

    >>> is_clock_time("9:30"), is_clock_time("9"), is_clock_time("25:00")
    (True, False, False)
    """
    return _CLOCK.fullmatch(text) is not None


def clock_time(what: str, text: str | pd.Timedelta) -> pd.Timedelta:
    """A time of the clock such as "9:30", "09:30" or "09:30:00.5" as time since midnight; "24:00" is the day's end.

    Args:
        what: whose time it is, for errors.
        text: the time; a Timedelta is since midnight already.

    Raises:
        InvalidInput: a text of another form.

    >>> clock_time("start", "9:30") == clock_time("start", "09:30:00")
    True
    >>> clock_time("start", "noon")
    Traceback (most recent call last):
    ...
    optexec.models.errors.InvalidInput: start 'noon' is no time of day; write it as 09:30
    """
    if isinstance(text, pd.Timedelta):
        return text
    if not isinstance(text, str) or not is_clock_time(text):
        raise InvalidInput(f"{what} {text!r:.40} is no time of day; write it as 09:30")
    hours, minutes, *seconds = text.split(":")
    return pd.Timedelta(f"{hours}:{minutes}:{seconds[0] if seconds else '00'}")


def time_of_day(times: pd.Index) -> pd.TimedeltaIndex:
    """Times as time since midnight; Timedeltas are that already.

    >>> time_of_day(pd.DatetimeIndex(["2025-01-15T09:30"])).tolist()
    [Timedelta('0 days 09:30:00')]
    """
    if isinstance(times, pd.DatetimeIndex):
        local = times.tz_localize(None)
        return pd.TimedeltaIndex(local - local.normalize())
    return pd.TimedeltaIndex(times)
