"""From events to one book at the end of each interval."""

import itertools
from collections.abc import Iterable

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from optexec.data.book import BOOK_COLUMNS, LEVELS
from optexec.data.bucketing import divide
from optexec.data.calibration import calibrate
from optexec.data.events import Events
from optexec.data.sampling import BookDay, sample
from optexec.data.session import HALF_DAY, Session
from optexec.models.errors import InvalidInput

OPEN = pd.Timestamp("2025-01-15 09:30", tz="America/New_York")
SHORT = Session("09:30", "09:30:20")


def book(bid: float, ask: float) -> list[float]:
    """Ten levels of a cent below `bid` and above `ask`; NaN leaves the side empty."""
    ladder = np.arange(LEVELS) / 100
    prices = np.concatenate([bid - ladder, ask + ladder])
    return [*prices, *np.where(np.isnan(prices), 0.0, 100.0)]


def events(
    seconds: Iterable[float],
    books: Iterable[tuple[float, float]] | None = None,
    volume: Iterable[float] | None = None,
    halted: Iterable[bool] | None = None,
    start: pd.Timestamp = OPEN,
) -> Events:
    """Events at these seconds after the open; books 9.99 / 10.01 unless told."""
    offsets = pd.to_timedelta([round(second * 1e9) for second in seconds], unit="ns")
    count = len(offsets)
    levels = np.array([book(*pair) for pair in (books or [(9.99, 10.01)] * count)]).reshape(count, 40)
    shares = np.array(list(volume or [0] * count), dtype=float)
    return Events(start + offsets, levels, shares, np.array(list(halted or [False] * count)), rows=count)


def clock(day: BookDay) -> list[float]:
    return [(moment - OPEN).total_seconds() for moment in day.book.index]


# Labels and carrying


def test_a_row_is_the_last_book_of_its_interval_labelled_by_its_last_event() -> None:
    day = sample([events([0.0, 0.4, 0.9, 1.0], [(9, 10), (8, 10), (7, 10), (6, 10)])])
    assert clock(day) == [0.9, 1.0]
    assert day.book["bid_px_00"].tolist() == [7, 6]
    assert day.book.index.name == "time"
    assert str(day.book.index.tz) == "America/New_York"
    assert list(day.book.columns) == [*BOOK_COLUMNS, "volume", "age"]
    assert set(day.book.dtypes) == {np.dtype(float)}


def test_an_interval_without_event_carries_the_book_and_tells_its_age() -> None:
    day = sample([events([0.25, 3.5])])
    assert clock(day) == [0.25, 1.0, 2.0, 3.5]
    assert day.book["age"].tolist() == [0.0, 0.75, 1.75, 0.0]
    assert (day.quality.median_age, day.quality.max_age) == (0.375, 1.75)


def test_nothing_is_carried_beyond_the_last_event_of_the_file() -> None:
    assert len(sample([events([0.5, 2.5])], session=SHORT).book) == 3
    assert len(sample([events([0.5, 2.5, 30.0])], session=SHORT).book) == 20


def test_a_book_from_before_the_session_is_carried_into_it() -> None:
    day = sample([events([-3600.0], [(5, 6)]), events([-10.0], [(7, 8)]), events([2.5])])
    assert clock(day) == [0.0, 1.0, 2.5]
    assert day.book["bid_px_00"].tolist() == [7, 7, 9.99]
    assert day.book["age"].tolist() == [10, 11, 0]
    assert day.quality.outside == 2


def test_without_an_earlier_book_the_day_begins_with_its_first_event() -> None:
    day = sample([events([2.5, 3.5])])
    assert clock(day) == [2.5, 3.5]
    assert day.quality.left_out == {"no book yet": 2}


@pytest.mark.parametrize("every", ["1s", "250ms", "7s", "1min"])
@pytest.mark.parametrize("bucket", ["1s", "10s", "60s"])
def test_every_row_falls_into_the_bucket_of_the_event_it_shows(every: str, bucket: str) -> None:
    random = np.random.default_rng(3)
    seconds = np.sort(random.integers(0, 240, size=60) + random.choice([0.0, 0.25, 0.999999999], size=60))
    day = sample([events(seconds)], every)
    buckets = divide(day.book.index, bucket, np.ones(len(day.book), dtype=bool))
    width = pd.Timedelta(bucket)
    shown = OPEN + pd.to_timedelta(np.round(seconds * 1e9).astype(np.int64), unit="ns")
    fresh = day.book.index[day.book["age"].to_numpy() == 0]
    assert set(fresh) <= set(shown)
    owners = buckets.start[buckets.owner]
    assert ((owners <= day.book.index) & (day.book.index < owners + width)).all()
    if pd.Timedelta(every) <= width and width % pd.Timedelta(every) == pd.Timedelta(0):
        last = pd.Series(shown, index=(shown - OPEN) // width).groupby(level=0).last()
        seen = pd.Series(day.book.index, index=(day.book.index - OPEN) // width)[day.book["age"].to_numpy() == 0]
        assert seen.groupby(level=0).last().tolist() == last.tolist()


def test_an_event_at_the_end_of_a_bucket_counts_in_the_next() -> None:
    day = sample([events([59.999999999, 60.0], volume=[3, 4])], "60s")
    assert calibrate(day.book, "60s")["volume"].tolist() == [3, 4]


# Books that are not offered


def test_crossed_locked_and_halted_intervals_have_no_row_and_lose_no_volume() -> None:
    pairs = [(9, 10), (10, 9.5), (10, 10), (9, 10), (9, 10), (8, 10)]
    halted = [False, False, False, True, False, False]
    day = sample([events([0.5, 1.5, 2.5, 3.5, 4.5, 5.5], pairs, [1, 2, 4, 8, 16, 32], halted)])
    assert clock(day) == [0.5, 4.5, 5.5]
    assert day.book["volume"].tolist() == [1, 30, 32]
    assert day.quality.left_out == {"halted": 1, "crossed": 1, "locked": 1}
    assert (day.quality.crossed, day.quality.locked) == (1, 1)


def test_a_halt_lasts_until_trading_resumes() -> None:
    day = sample([events([0.5, 1.5]), events([2.5], halted=[True]), events([5.25, 6.5])])
    assert clock(day) == [0.5, 1.5, 5.25, 6.5]
    assert day.quality.halts == ((OPEN + pd.Timedelta("2.5s"), OPEN + pd.Timedelta("5.25s")),)


def test_volume_after_the_last_row_is_added_to_it() -> None:
    day = sample([events([0.5, 1.5, 2.5], [(9, 10), (10, 9), (10, 9)], [1, 2, 4])])
    assert day.book["volume"].tolist() == [7]


def test_a_book_that_is_crossed_only_within_its_interval_is_offered_after() -> None:
    day = sample([events([0.1, 0.2], [(10, 9), (9, 10)])])
    assert len(day.book) == day.quality.crossed == 1
    assert day.quality.left_out == {}


def test_a_one_sided_book_stays_and_is_counted() -> None:
    day = sample([events([0.5, 1.5], [(9, np.nan), (9, 10)])])
    assert day.book["ask_px_00"].isna().tolist() == [True, False]
    assert (day.quality.one_sided, day.quality.empty_levels) == (1, 10)


# Against the definition


def by_definition(stretch: Events, session: Session, step: float) -> list[tuple[float, float, float, float]]:
    """Label, best bid, volume and age of each row, interval by interval."""
    start, end = session.bounds(OPEN.date())
    seconds = [(time - start).total_seconds() for time in stretch.time]
    length = (end - start).total_seconds()
    rows, pending = [], 0.0
    for number in range(int(np.ceil(length / step))):
        low, high = number * step, min((number + 1) * step, length)
        if not any(second >= low for second in seconds):
            break
        inside = [place for place, second in enumerate(seconds) if low <= second < high]
        pending += sum(stretch.volume[place] for place in inside)
        before = [place for place, second in enumerate(seconds) if second < high]
        if not before or stretch.halted[before[-1]]:
            continue
        bid, ask = stretch.levels[before[-1], [0, LEVELS]]
        if bid >= ask:
            continue
        label = seconds[inside[-1]] if inside else low
        rows.append((label, bid, pending, label - seconds[before[-1]]))
        pending = 0.0
    if rows:
        rows[-1] = (*rows[-1][:2], rows[-1][2] + pending, rows[-1][3])
    return rows


@given(
    ticks=st.lists(st.integers(-8, 100), min_size=1, max_size=25).map(sorted),
    step=st.sampled_from([0.25, 1.0, 3.0]),
    cuts=st.lists(st.integers(0, 25), max_size=3).map(sorted),
    data=st.data(),
)
def test_rows_are_those_of_the_definition(ticks: list[int], step: float, cuts: list[int], data: st.DataObject) -> None:
    count = len(ticks)
    pairs = data.draw(st.lists(st.sampled_from([(9, 10), (8, 10), (10, 10), (11, 10)]), min_size=count, max_size=count))
    volume = data.draw(st.lists(st.integers(0, 9), min_size=count, max_size=count))
    halted = data.draw(st.lists(st.sampled_from([False, False, True]), min_size=count, max_size=count))
    whole = events([tick / 4 for tick in ticks], pairs, volume, halted)
    edges = [0, *[min(cut, count) for cut in cuts], count]
    stretches = [
        Events(*(column[low:high] for column in whole[:4]), rows=high - low) for low, high in itertools.pairwise(edges)
    ]
    expected = by_definition(whole, SHORT, step)
    if not expected or not any(0 <= tick < 80 for tick in ticks):
        with pytest.raises(InvalidInput):
            sample(stretches, f"{round(step * 1000)}ms", SHORT)
        return
    day = sample(stretches, f"{round(step * 1000)}ms", SHORT)
    found = zip(clock(day), day.book["bid_px_00"], day.book["volume"], day.book["age"], strict=True)
    np.testing.assert_allclose(list(found), expected, atol=1e-12)
    inside = [shares for tick, shares in zip(ticks, volume, strict=True) if 0 <= tick < 80]
    assert day.book["volume"].sum() == day.quality.executed == sum(inside)
    assert day.quality.outside == count - len(inside)
    assert day.quality.rows == count


# Sessions


def test_half_days_end_at_one_without_being_told() -> None:
    start = pd.Timestamp("2025-07-03 12:59:58", tz="America/New_York")
    day = sample([events([0.0, 5.0], start=start)])
    assert day.book.index[-1] == start + pd.Timedelta("1s")
    assert sample([events([0.0, 5.0], start=start)], session=Session()).book.index[-1] > start + pd.Timedelta("2s")
    assert sample([events([0.0])], session=HALF_DAY).quality.events == 1


def test_the_session_follows_daylight_saving() -> None:
    summer = pd.Timestamp("2025-07-15 13:30:00.5", tz="UTC")
    stretch = events([0.0], start=summer)
    day = sample([stretch._replace(time=stretch.time.tz_convert("America/New_York"))])
    assert day.book.index[0].isoformat() == "2025-07-15T09:30:00.500000-04:00"


def test_an_evening_before_is_outside_but_its_book_is_carried() -> None:
    day = sample([events([0.0], [(1, 2)], start=OPEN - pd.Timedelta("13h")), events([1.5])])
    assert clock(day) == [0.0, 1.5]
    assert day.book["bid_px_00"].iloc[0] == 1
    assert day.book["age"].iloc[0] == 13 * 3600


@pytest.mark.parametrize("unit", ["ns", "us"])
def test_times_of_any_resolution(unit: str) -> None:
    stretch = events([0.5, 1.5])
    assert clock(sample([stretch._replace(time=stretch.time.as_unit(unit))])) == [0.5, 1.5]


@pytest.mark.parametrize(
    ("stretches", "fragment"),
    [
        ([], "no events"),
        ([events([])], "no events"),
        ([events([-1.0])], "no event lies in the session 09:30-16:00 America/New_York of 2025-01-15"),
        ([events([0.0], start=OPEN + pd.Timedelta("3D"))], "2025-01-18 has no session (weekend)"),
        ([events([0.0, 86_400.0])], "sessions of 2025-01-15 and 2025-01-16"),
        ([events([0.0]), events([86_400.0])], "sessions of 2025-01-15 and 2025-01-16"),
        ([events([0.0], [(10, 9)])], "no tradeable book"),
    ],
)
def test_days_without_a_book(stretches: list[Events], fragment: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        sample(stretches, source="day.csv")
    assert str(caught.value).startswith("day.csv: ")
    assert fragment in str(caught.value)


@pytest.mark.parametrize("every", ["0s", "-1s", "soon", "", 1, None])
def test_interval_that_is_no_length_of_time(every: str) -> None:
    with pytest.raises(InvalidInput, match="no positive length of time"):
        sample([events([0.0])], every)


def test_interval_that_makes_too_many_rows() -> None:
    with pytest.raises(InvalidInput, match="makes 23,400,000 rows"):
        sample([events([0.0])], "1ms")


def test_a_last_interval_may_be_shorter() -> None:
    day = sample([events([0.0, 19.5, 25.0], volume=[1, 2, 4])], "7s", SHORT)
    assert clock(day) == [0.0, 7.0, 19.5]
    assert day.book["volume"].tolist() == [1, 0, 2]
