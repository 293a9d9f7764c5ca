"""What a file of order books was like, in counts."""

import numpy as np
import pandas as pd
from hypothesis import given
from hypothesis import strategies as st

from optexec.data import sample
from optexec.data.book import LEVELS, read_book
from optexec.data.events import Events
from optexec.data.quality import Quality, Tally, best, flaws, quality_of
from optexec.data.session import HALF_DAY, REGULAR

OPEN = pd.Timestamp("2025-01-15 09:30", tz="America/New_York")


def stretch(halted: list[bool], start: int = 0) -> Events:
    count = len(halted)
    time = OPEN + pd.to_timedelta(np.arange(start, start + count), unit="s")
    return Events(time, np.full((count, 40), np.nan), np.ones(count), np.array(halted, dtype=bool), rows=count)


def one(bid: float, ask: float) -> np.ndarray:
    levels = np.full(40, np.nan)
    levels[[0, LEVELS]] = bid, ask
    return levels


def test_flaws_of_each_kind() -> None:
    books = np.array([one(9, 10), one(10, 10), one(11, 10), one(9, np.nan), one(np.nan, np.nan)])
    assert flaws(books) == {"crossed": 1, "locked": 1, "one_sided": 2, "empty_levels": 5 * 18 + 3}


def test_best_prices_pass_over_empty_levels() -> None:
    levels = one(np.nan, 10)[None, :]
    levels[0, [2, 15]] = 8, 12
    bid, ask = best(levels)
    assert (bid[0], ask[0]) == (8, 10)


@given(halted=st.lists(st.booleans(), min_size=1, max_size=12), cut=st.integers(0, 12))
def test_halts_are_the_runs_of_halted_events(halted: list[bool], cut: int) -> None:
    tally = Tally()
    tally.read(stretch(halted[:cut]))
    tally.read(stretch(halted[cut:], min(cut, len(halted))))
    expected, since = [], None
    for second, halt in enumerate(halted):
        if halt and since is None:
            since = second
        if not halt and since is not None:
            expected.append((since, second))
            since = None
    if since is not None:
        expected.append((since, len(halted) - 1))
    found = tally.quality(0, np.empty(0), {}).halts
    assert [((a - OPEN).total_seconds(), (b - OPEN).total_seconds()) for a, b in found] == expected


def test_counts_of_stretches_add_up() -> None:
    tally = Tally()
    tally.read(stretch([False, False])._replace(rows=5, dropped={"torn": 3}, doubtful={"odd": 1}))
    tally.read(stretch([False], 2)._replace(dropped={"torn": 1, "other": 2}, doubtful={"odd": 1}))
    tally.count(np.array([one(9, 10), one(11, 10)]), np.array([4.0, 5.0]))
    quality = tally.quality(1, np.array([0.0, 1.0, 5.0]), {"crossed": 1})
    assert (quality.rows, quality.events, quality.outside, quality.executed) == (6, 2, 1, 9.0)
    assert quality.dropped == {"torn": 4, "other": 2}
    assert quality.doubtful == {"odd": 2}
    assert (quality.median_age, quality.max_age) == (1.0, 5.0)
    assert (quality.first, quality.last) == (OPEN, OPEN + pd.Timedelta("2s"))


def test_frame_and_lines_tell_everything_counted() -> None:
    moment = OPEN + pd.Timedelta("5s")
    quality = Quality(
        rows=12_345,
        events=9,
        executed=1_234_567_890,
        first=OPEN,
        last=moment,
        halts=((OPEN, moment),),
        dropped={"torn": 3},
        doubtful={"odd": 2},
        left_out={"halted": 4},
    )
    frame, text = quality.frame, "\n".join(quality.lines)
    assert frame.index.name == "what"
    assert frame["count"].dtype == float
    told = {"rows dropped, torn": 3, "rows in doubt, odd": 2, "intervals left out, halted": 4, "rows read": 12_345}
    for what, count in told.items():
        assert frame.loc[what, "count"] == count
        assert f"{what}: {count:,}" in text
    assert "shares executed: 1,234,567,890" in text
    assert f"halt: {OPEN} to {moment}" in text
    assert f"first and last event: {OPEN} to {moment}" in text


def test_quality_of_a_table_counts_its_rows() -> None:
    book = read_book(sample.path("book.csv.gz"))
    quality = quality_of(book)
    assert (quality.rows, quality.events, quality.outside, quality.crossed) == (390, 390, 0, 0)
    assert quality.executed == book["volume"].sum()
    assert (quality.first, quality.last) == (book.index[0], book.index[-1])
    assert quality_of(book, REGULAR) == quality
    half = quality_of(book, HALF_DAY)
    assert (half.rows, half.events, half.outside) == (390, 210, 180)
    assert half.executed == book["volume"].iloc[:210].sum()


def test_age_of_a_table_is_the_time_since_the_book_changed() -> None:
    book = read_book(sample.path("book.csv.gz")).iloc[[0, 0, 0, 1, 1]]
    book.index = pd.to_timedelta([0, 1, 5, 6, 9], unit="s")
    quality = quality_of(book)
    assert (quality.median_age, quality.max_age) == (1.0, 5.0)


def test_quality_of_no_rows() -> None:
    quality = quality_of(read_book(sample.path("book.csv.gz")).iloc[:0])
    assert (quality.rows, quality.first) == (0, None)
    assert np.isnan(quality.max_age)
