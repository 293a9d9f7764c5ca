"""Features of a book against their formulas, snapshot by snapshot."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from optexec.data import sample
from optexec.data.book import BOOK_COLUMNS, LEVELS, read_book
from optexec.data.features import features, hour_of_day, imbalance, spread, trailing_volatility, volume_ratio
from optexec.models.errors import InvalidInput

AAPL = Path(__file__).parents[2].parent / "shared/data/lobster/AAPL_2012-06-21_0930_1030_mbp10_1s_rebuilt.csv.gz"
BOOKS = [
    "sample",
    pytest.param("aapl", marks=pytest.mark.skipif(not AAPL.exists(), reason="the real hour is not beside the project")),
]


@pytest.fixture(scope="module")
def day() -> pd.DataFrame:
    return read_book(sample.path("book.csv.gz"))


def window_by_window(times: list[float], mids: list[float]) -> list[float]:
    """Standard deviation of the changes that end in (t - 60, t], up to each row, by the definition."""
    result, ends, changes, before = [], [], [], None
    for time, mid in zip(times, mids, strict=True):
        if not np.isnan(mid):
            if before is not None:
                ends.append(time)
                changes.append(np.log(mid) - np.log(before))
            before = mid
        inside = [change for end, change in zip(ends, changes, strict=True) if time - 60 < end]
        result.append(np.std(inside, ddof=1) if len(inside) > 1 else np.nan)
    return result


@pytest.mark.parametrize("name", BOOKS)
def test_every_feature_is_its_published_formula(name: str) -> None:
    book = read_book(AAPL if name == "aapl" else sample.path("book.csv.gz"))
    table = features(book)
    bid, ask, bid_size, ask_size = (book[f"{column}_00"] for column in ("bid_px", "ask_px", "bid_sz", "ask_sz"))
    depth = sum(book[f"{ladder}_sz_{level:02d}"] for ladder in ("bid", "ask") for level in range(LEVELS))
    np.testing.assert_array_equal(table["mid"], (bid + ask) / 2)
    np.testing.assert_array_equal(table["spread"], ask - bid)
    np.testing.assert_array_equal(table["depth"], depth)
    np.testing.assert_array_equal(table["imbalance"], (bid_size - ask_size) / (bid_size + ask_size + 1e-9))
    np.testing.assert_allclose(volume_ratio(book, 700.0), 700.0 / depth)
    seconds = (book.index - book.index[0]).total_seconds().tolist()
    expected = window_by_window(seconds, table["mid"].tolist())
    np.testing.assert_allclose(table["volatility"], expected, rtol=1e-6, atol=1e-12)


@settings(deadline=None, max_examples=60)
@given(
    steps=st.lists(
        st.tuples(st.sampled_from([0.0, 0.5, 7.0, 30.0, 60.0, 61.0]), st.sampled_from([9.9, 10.0, 10.1, np.nan])),
        min_size=1,
        max_size=30,
    ),
    dated=st.booleans(),
)
def test_volatility_is_that_of_the_trailing_window(steps: list[tuple[float, float]], dated: bool) -> None:
    seconds = np.cumsum([gap for gap, _ in steps])
    index = pd.to_timedelta(34_200 + seconds, unit="s")
    times = pd.Timestamp("2025-01-15", tz="America/New_York") + index if dated else index
    mids = [mid for _, mid in steps]
    found = trailing_volatility(pd.Series(mids, index=times))
    np.testing.assert_allclose(found, window_by_window(seconds.tolist(), mids), rtol=1e-9, atol=1e-12)


def test_no_feature_looks_ahead(day: pd.DataFrame) -> None:
    pd.testing.assert_frame_equal(features(day.iloc[:100]), features(day).iloc[:100])


def test_volatility_starts_at_the_third_snapshot(day: pd.DataFrame) -> None:
    seconds = day.set_axis(pd.to_timedelta(34_200 + np.arange(len(day)), unit="s"))
    assert features(seconds)["volatility"].isna().tolist() == [True, True] + [False] * (len(day) - 2)


@pytest.mark.parametrize(
    ("times", "hour"),
    [
        (pd.DatetimeIndex(["2025-07-15T13:45:00Z"]), 9.75),
        (pd.DatetimeIndex(["2025-01-15T15:30:36+01:00"]), 9.51),
        (pd.DatetimeIndex(["2025-01-15T09:30:00"]), 9.5),
        (pd.to_timedelta([57_600], unit="s"), 16.0),
    ],
)
def test_hour_is_new_york_time_with_its_fraction(times: pd.Index, hour: float) -> None:
    assert hour_of_day(times).tolist() == [pytest.approx(hour, abs=1e-12)]


def test_hours_of_the_sample_run_over_the_session(day: pd.DataFrame) -> None:
    hours = features(day)["hour"]
    assert (hours.iloc[0], hours.iloc[-1]) == (pytest.approx(9.5 + 59 / 3600), pytest.approx(15 + 59 / 60 + 59 / 3600))


def test_a_book_without_one_side_has_no_mid_and_no_spread(day: pd.DataFrame) -> None:
    one_sided = day.iloc[:3].copy()
    asks = [name for name in BOOK_COLUMNS if name.startswith("ask")]
    one_sided.loc[one_sided.index[1], asks] = [np.nan] * LEVELS + [0.0] * LEVELS
    table = features(one_sided)
    assert table[["mid", "spread"]].isna().all(axis=1).tolist() == [False, True, False]
    assert table["imbalance"].iloc[1] == pytest.approx(1.0)
    assert table["depth"].iloc[1] == one_sided.iloc[1].filter(like="bid_sz").sum()


def test_an_empty_book_has_no_volume_ratio(day: pd.DataFrame) -> None:
    empty = day.iloc[:2].copy()
    empty[[name for name in BOOK_COLUMNS if "_sz_" in name]] = 0.0
    assert np.isnan(volume_ratio(empty, 100.0)).all()
    assert imbalance(empty).tolist() == [0.0, 0.0]


def test_volume_ratio_takes_a_size_for_each_snapshot(day: pd.DataFrame) -> None:
    sizes = np.arange(1.0, 1.0 + len(day))
    np.testing.assert_allclose(volume_ratio(day, sizes), volume_ratio(day, 1.0) * sizes)


def test_what_is_refused(day: pd.DataFrame) -> None:
    with pytest.raises(InvalidInput, match="'bid_sz_00'"):
        imbalance(day.drop(columns="bid_sz_00"))
    with pytest.raises(InvalidInput, match="'ask_px_03'"):
        spread(day.drop(columns="ask_px_03"))
    with pytest.raises(InvalidInput, match="go back"):
        features(day.iloc[::-1])
    with pytest.raises(InvalidInput, match="not indexed by time"):
        features(day.reset_index(drop=True))
    with pytest.raises(InvalidInput, match="from 2025-01-15 to 2025-01-16"):
        features(pd.concat([day, day.shift(freq="24h")]))
    with pytest.raises(InvalidInput, match="shares must be >= 0"):
        volume_ratio(day, -1.0)
    with pytest.raises(InvalidInput, match="length 2, the book 390 rows"):
        volume_ratio(day, [1.0, 2.0])
