"""Sessions of a market and the calendar of the New York Stock Exchange."""

from datetime import date

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from optexec.data.session import HALF_DAY, REGULAR, Session, session_on
from optexec.models.errors import InvalidInput

CLOSED = {
    2021: ["01-01", "01-18", "02-15", "04-02", "05-31", "07-05", "09-06", "11-25", "12-24"],
    2022: ["01-17", "02-21", "04-15", "05-30", "06-20", "07-04", "09-05", "11-24", "12-26"],
    2023: ["01-02", "01-16", "02-20", "04-07", "05-29", "06-19", "07-04", "09-04", "11-23", "12-25"],
    2024: ["01-01", "01-15", "02-19", "03-29", "05-27", "06-19", "07-04", "09-02", "11-28", "12-25"],
    2026: ["01-01", "01-19", "02-16", "04-03", "05-25", "06-19", "07-03", "09-07", "11-26", "12-25"],
}
HALF = {
    2021: ["11-26"],
    2022: ["11-25"],
    2023: ["07-03", "11-24"],
    2024: ["07-03", "11-29", "12-24"],
    2026: ["11-27", "12-24"],
}


@pytest.mark.parametrize("year", CLOSED)
def test_the_calendar_is_the_one_the_exchange_published(year: int) -> None:
    closed, half = [], []
    for day in pd.bdate_range(f"{year}-01-01", f"{year}-12-31"):
        try:
            session = session_on(day.date())
        except InvalidInput:
            closed.append(f"{day:%m-%d}")
            continue
        if session is HALF_DAY:
            half.append(f"{day:%m-%d}")
        else:
            assert session is REGULAR
    assert (closed, half) == (CLOSED[year], HALF[year])


@pytest.mark.parametrize(("day", "reason"), [("2025-01-18", "weekend"), ("2025-04-18", "Good Friday")])
def test_a_day_without_session_says_why(day: str, reason: str) -> None:
    with pytest.raises(InvalidInput, match=rf"{day} has no session \({reason}\)"):
        session_on(date.fromisoformat(day))


def test_juneteenth_was_a_trading_day_before_2022() -> None:
    assert session_on(date(2020, 6, 19)) is REGULAR


def test_bounds_follow_daylight_saving() -> None:
    before, after = date(2025, 3, 7), date(2025, 3, 10)
    assert [REGULAR.bounds(day)[0].tz_convert("UTC").hour for day in (before, after)] == [14, 13]
    assert HALF_DAY.bounds(before)[1].isoformat() == "2025-03-07T13:00:00-05:00"


def test_a_whole_day_may_last_23_hours() -> None:
    start, end = Session("00:00", "24:00").bounds(date(2025, 3, 9))
    assert end - start == pd.Timedelta(hours=23)


@given(day=st.dates(date(2000, 1, 1), date(2040, 1, 1)), second=st.integers(0, 86_399))
def test_contains_is_half_open_and_agrees_with_bounds(day: date, second: int) -> None:
    start, end = REGULAR.bounds(day)
    edges = [start - pd.Timedelta("1ns"), start, end - pd.Timedelta("1ns"), end]
    moment = start.tz_convert("UTC").normalize() + pd.Timedelta(seconds=second)
    times = pd.DatetimeIndex([*edges, moment.tz_convert(start.tz)]).as_unit("ns")
    expected = [False, True, True, False, bool(start <= moment < end)]
    assert REGULAR.contains(times).tolist() == expected
    assert REGULAR.contains(times.tz_convert("Asia/Tokyo")).tolist() == expected


def test_times_since_midnight_are_compared_with_the_clock() -> None:
    times = pd.TimedeltaIndex([pd.Timedelta("12:59:59.999"), pd.Timedelta("13:00:00")])
    np.testing.assert_array_equal(HALF_DAY.contains(times), [True, False])


@pytest.mark.parametrize(
    ("arguments", "fragment"),
    [
        (("16:00", "09:30"), "not after its start"),
        (("09:30", "09:30"), "not after its start"),
        (("9.30", "16:00"), "session start '9.30'"),
        (("09:30", "25:00"), "session end '25:00'"),
        (("0930", "16:00"), "session start '0930'"),
        (("09:30", "16:00Z"), "session end"),
        ((930, "16:00"), "session start 930"),
        (("09:30", "16:00", "New York"), "no time zone 'New York'"),
        (("09:30", "16:00", ""), "no time zone ''"),
    ],
)
def test_what_is_no_session(arguments: tuple[str, ...], fragment: str) -> None:
    with pytest.raises(InvalidInput, match=fragment):
        Session(*arguments)
