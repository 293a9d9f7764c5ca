"""Reading ten-level books, and walking them."""

import gzip
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from optexec.data import sample
from optexec.data.book import (
    BOOK_COLUMNS,
    LEVELS,
    displayed_depth,
    midpoint,
    read_book,
    walk,
    walk_cost,
)
from optexec.models.errors import InvalidInput

AAPL = Path(__file__).parents[2].parent / "shared/data/lobster/AAPL_2012-06-21_0930_1030_mbp10_1s_rebuilt.csv.gz"


def plain_frame(rows: int = 3) -> pd.DataFrame:
    """Text cells of a sound book: bids 9.99 down, asks 10.01 up, 100 shares more at each level."""
    columns = {"time": [f"2025-01-15T09:30:{second:02d}-05:00" for second in range(rows)]}
    for level in range(LEVELS):
        columns[f"bid_px_{level:02d}"] = [f"{9.99 - level / 100:.2f}"] * rows
        columns[f"ask_px_{level:02d}"] = [f"{10.01 + level / 100:.2f}"] * rows
        columns[f"bid_sz_{level:02d}"] = columns[f"ask_sz_{level:02d}"] = [str(100 * (level + 1))] * rows
    return pd.DataFrame(columns)


@pytest.fixture
def save(tmp_path: Path) -> Callable[[pd.DataFrame], Path]:
    def write(frame: pd.DataFrame) -> Path:
        frame.to_csv(tmp_path / "book.csv", index=False)
        return tmp_path / "book.csv"

    return write


Save = Callable[[pd.DataFrame], Path]


def refused(path: Path, *fragments: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        read_book(path)
    message = str(caught.value)
    assert message.startswith(str(path))
    assert "\n" not in message
    for fragment in fragments:
        assert fragment in message


# What a sound file gives


def test_columns_are_found_by_name_and_others_ignored(save: Save) -> None:
    frame = plain_frame()
    expected = read_book(save(frame))
    shuffled = frame[frame.columns[::-1]].assign(order_id="x", symbol="2 33")
    pd.testing.assert_frame_equal(read_book(save(shuffled)), expected)
    assert list(expected.columns) == BOOK_COLUMNS
    assert set(expected.dtypes) == {np.dtype(float)}
    assert expected["ask_px_03"].tolist() == [10.04] * 3
    assert expected["bid_sz_09"].tolist() == [1000.0] * 3


def test_gzip_crlf_byte_order_mark_and_blank_lines_change_nothing(tmp_path: Path, save: Save) -> None:
    expected = read_book(save(plain_frame()))
    lines = plain_frame().to_csv(index=False).splitlines()
    text = "\ufeff" + "\r\n".join([lines[0], "", *lines[1:]])
    path = tmp_path / "odd name: book.csv.gz"
    path.write_bytes(gzip.compress(text.encode()))
    pd.testing.assert_frame_equal(read_book(str(path)), expected)


@pytest.mark.parametrize(
    "moment",
    [
        "2025-01-15T14:30:59Z",
        "2025-01-15 09:30:59-05:00",
        "2025-01-15T15:30:59.000000000+0100",
        "2025-01-15T15:30:59+01",
    ],
)
@pytest.mark.parametrize("column", ["time", "ts_event"])
def test_offsets_are_converted_to_new_york(save: Save, moment: str, column: str) -> None:
    frame = plain_frame(1).assign(time=moment).rename(columns={"time": column})
    index = read_book(save(frame)).index
    assert index.name == "time"
    assert index[0] == pd.Timestamp("2025-01-15 09:30:59", tz="America/New_York")
    assert str(index.tz) == "America/New_York"


def test_seconds_after_midnight_become_timedeltas(save: Save) -> None:
    frame = plain_frame(2).drop(columns="time").assign(sec_after_midnight=["34200.5", "34201"])
    index = read_book(save(frame)).index
    assert index.tolist() == [pd.Timedelta(hours=9, minutes=30, seconds=0.5), pd.Timedelta("09:30:01")]


def test_equal_times_are_legitimate(save: Save) -> None:
    frame = plain_frame(2).assign(time="2025-01-15T14:30:59Z")
    assert read_book(save(frame)).index.has_duplicates


def test_volume_is_read_or_added_up(save: Save) -> None:
    whole = read_book(save(plain_frame(2).assign(volume=["7", "0"])))
    parts = read_book(save(plain_frame(2).assign(vol_visible=["3", "0"], vol_hidden=["4", "0"])))
    assert whole["volume"].tolist() == parts["volume"].tolist() == [7.0, 0.0]
    assert "volume" not in read_book(save(plain_frame(2).assign(vol_visible="3")))


@pytest.mark.parametrize(("price", "size"), [("", "0"), ("", ""), ("0.00", "0"), ("nan", "5"), ("10.1", "0")])
def test_empty_levels_become_nan_with_size_zero(save: Save, price: str, size: str) -> None:
    book = read_book(save(plain_frame(1).assign(ask_px_09=price, ask_sz_09=size)))
    assert np.isnan(book["ask_px_09"].iloc[0])
    assert book["ask_sz_09"].iloc[0] == 0
    assert displayed_depth(book, "buy")[0] == 4500


def test_parquet_goes_through_the_same_checks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "book.parquet"
    path.touch()
    numbers = plain_frame().drop(columns="time").astype(float)
    times = pd.DatetimeIndex(pd.to_datetime(plain_frame()["time"], utc=True), name="ts_event")
    monkeypatch.setattr(pd, "read_parquet", lambda _: numbers.set_index(times))
    book = read_book(path)
    assert book["bid_px_01"].tolist() == [9.98] * 3
    assert book.index[2] == times[2]
    monkeypatch.setattr(pd, "read_parquet", lambda _: numbers.assign(bid_sz_02=-1.0).set_index(times))
    refused(path, "row 1, column bid_sz_02", "negative")


# What is refused, and where


def test_file_that_is_not_there(tmp_path: Path) -> None:
    refused(tmp_path / "book.csv", "no such file")
    refused(tmp_path / "book.parquet", "no such file")


@pytest.mark.parametrize(
    ("name", "content", "fragment"),
    [
        ("book.csv", b"", "empty"),
        ("book.csv", b"\n\n", "empty"),
        ("book.csv", plain_frame(0).to_csv(index=False).encode(), "a header and no rows"),
        ("book.csv", b"caf\xe9,ask\n1,2\n", "UTF-8"),
        ("book.csv", gzip.compress(b"a,b\n1,2\n", mtime=0)[:-9], "gzip"),
        ("book.csv.gz", gzip.compress(b"a,b\n1,2\n", mtime=0)[:-9], "gzip"),
        ("book.csv", b"a;b\n1;2\n", "commas"),
        ("book.csv", b"a,b\n\n1,2,3\n", "row 3: 3 fields where the header has 2"),
        ("book.csv", b'a,b\n1,"' + b"2" * 200_000, "not a CSV file"),
    ],
)
def test_files_that_hold_no_table(tmp_path: Path, name: str, content: bytes, fragment: str) -> None:
    (tmp_path / name).write_bytes(content)
    refused(tmp_path / name, fragment)


def test_folder_and_broken_parquet(tmp_path: Path) -> None:
    (tmp_path / "book.parquet").write_bytes(b"not parquet")
    refused(tmp_path, "cannot be read")
    refused(tmp_path / "book.parquet", "save as CSV")


def test_missing_columns_name_the_nearest(save: Save) -> None:
    frame = plain_frame().rename(columns={"ask_px_03": "ask_price_03"}).drop(columns=["bid_sz_01"])
    refused(save(frame), "row 1", "no column 'ask_px_03'", "did you mean 'ask_price_03'", "1 more missing")
    refused(save(plain_frame().drop(columns="time")), "row 1", "no time column", "sec_after_midnight")


def test_column_that_appears_twice(save: Save) -> None:
    frame = plain_frame()
    frame.insert(0, "bid_px_00", "9.99", allow_duplicates=True)
    refused(save(frame), "bid_px_00 appears twice")


@pytest.mark.parametrize(
    ("column", "cell", "fragment"),
    [
        ("ask_px_04", "2 33.53", "'2 33.53' is not a number"),
        ("ask_px_04", "inf", "not a number"),
        ("bid_sz_07", "-100", "'-100' is a negative size"),
        ("bid_sz_07", "", "no size for its price"),
        ("bid_px_09", "-9.0", "negative price"),
        ("bid_px_00", "10.01", "bid 10.01 is not below ask 10.01"),
        ("bid_px_00", "10.02", "crossed"),
        ("ask_px_05", "10.04", "better than the level before"),
        ("bid_px_05", "9.96", "better than the level before"),
        ("volume", "", "no volume"),
        ("volume", "-1", "no volume"),
        ("time", "2025-01-15T09:30:01", "no offset"),
        ("time", "2025-01-15 09:30", "no offset"),
        ("time", "2025-01-15", "not a time"),
        ("time", "2025-13-15T09:30:01Z", "not a time"),
        ("time", "", "not a time"),
        ("time", "2025-01-15T09:29:59-05:00", "goes back"),
    ],
)
def test_bad_cell_is_reported_by_row_and_column(save: Save, column: str, cell: str, fragment: str) -> None:
    frame = plain_frame(4).assign(volume="5")
    frame.loc[2, column] = cell
    refused(save(frame), f"row 4, column {column}: ", fragment)


@pytest.mark.parametrize("cell", ["", "-1", "90000", "x"])
def test_seconds_outside_the_day(save: Save, cell: str) -> None:
    frame = plain_frame(2).drop(columns="time").assign(sec_after_midnight=["34200", cell])
    refused(save(frame), "row 3, column sec_after_midnight")


# Walking


def share_by_share(prices: list[float], sizes: list[int], mid: float, shares: int) -> float:
    queue = [price for price, size in zip(prices, sizes, strict=True) for _ in range(size)]
    return sum(abs(price - mid) for price in queue[:shares]) if shares <= len(queue) else np.nan


@st.composite
def books(draw: st.DrawFn) -> pd.DataFrame:
    """One snapshot with up to ten levels a side and gaps of one to five ticks, some levels empty."""
    row: dict[str, float] = {}
    for ladder, sign in (("bid", -1), ("ask", 1)):
        gaps = draw(st.lists(st.integers(1, 5), min_size=LEVELS, max_size=LEVELS))
        sizes = draw(st.lists(st.integers(0, 9), min_size=LEVELS, max_size=LEVELS))
        sizes[0] = max(sizes[0], 1)
        for level, ticks in enumerate(np.cumsum(gaps)):
            row[f"{ladder}_px_{level:02d}"] = (1000 + sign * ticks) / 100 if sizes[level] else np.nan
            row[f"{ladder}_sz_{level:02d}"] = float(sizes[level])
    return pd.DataFrame([row])[BOOK_COLUMNS]


@settings(deadline=None)
@given(book=books(), side=st.sampled_from(["buy", "sell"]))
def test_walk_cost_is_the_cost_share_by_share(book: pd.DataFrame, side: str) -> None:
    ladder = "ask" if side == "buy" else "bid"
    prices = [book[f"{ladder}_px_{level:02d}"].iloc[0] for level in range(LEVELS)]
    sizes = [int(book[f"{ladder}_sz_{level:02d}"].iloc[0]) for level in range(LEVELS)]
    mid = float(midpoint(book)[0])
    depth = int(displayed_depth(book, side)[0])
    assert depth == sum(sizes)
    wanted = np.arange(depth + 3)
    expected = [share_by_share(prices, sizes, mid, shares) for shares in wanted]
    np.testing.assert_allclose(walk_cost(book, side, wanted)[0], expected, atol=1e-10)
    assert np.isnan(expected[-2:]).all()


@settings(deadline=None)
@given(book=books(), fraction=st.floats(0, 1))
def test_a_sell_into_the_mirrored_book_costs_the_same(book: pd.DataFrame, fraction: float) -> None:
    mirrored = book.rename(columns=lambda name: f"{'ask' if name[:3] == 'bid' else 'bid'}{name[3:]}")
    prices = [name for name in BOOK_COLUMNS if "_px_" in name]
    mirrored[prices] = 20.0 - mirrored[prices]
    shares = fraction * displayed_depth(book, "buy")
    np.testing.assert_allclose(
        walk_cost(mirrored, "sell", shares), walk_cost(book, "buy", shares), atol=1e-9, equal_nan=False
    )


@settings(deadline=None)
@given(book=books(), side=st.sampled_from(["buy", "sell"]))
def test_walk_cost_is_convex_increasing_and_at_least_the_half_spread(book: pd.DataFrame, side: str) -> None:
    depth = float(displayed_depth(book, side)[0])
    shares = np.linspace(0, depth, 30)
    cost = walk_cost(book, side, shares)[0]
    half_spread = walk_cost(book, side, [1.0])[0, 0]
    assert cost[0] == 0
    assert (np.diff(cost, 2) >= -1e-9).all()
    assert (cost >= half_spread * shares - 1e-9).all()


def test_walk_takes_sizes_for_each_row_or_for_all() -> None:
    book = read_book(sample.path("book.csv.gz")).iloc[:3]
    shared = walk_cost(book, "buy", [100.0, 500.0])
    assert shared.shape == (3, 2)
    np.testing.assert_array_equal(walk_cost(book, "buy", np.tile([100.0, 500.0], (3, 1))), shared)
    np.testing.assert_array_equal(walk([[10.0, np.nan]], [[5, 0]], [5, 6]), [[50.0, np.nan]])


def test_a_book_without_one_side_has_no_mid_and_no_cost(save: Save) -> None:
    frame = plain_frame(1)
    frame[[name for name in frame if name.startswith("bid_sz")]] = "0"
    book = read_book(save(frame))
    assert np.isnan(midpoint(book)).all()
    assert np.isnan(walk_cost(book, "buy", [100.0])).all()
    assert displayed_depth(book, "sell")[0] == 0


def test_walk_refuses_what_it_cannot_walk() -> None:
    book = read_book(sample.path("book.csv.gz")).iloc[:3]
    with pytest.raises(InvalidInput, match="unknown side 'BUY'; known: buy, sell"):
        walk_cost(book, "BUY", [1.0])
    with pytest.raises(InvalidInput, match="sizes hold -5"):
        walk_cost(book, "sell", [-5.0])
    with pytest.raises(InvalidInput, match=r"shape \(2, 1\)"):
        walk_cost(book, "sell", [[1.0], [2.0]])
    with pytest.raises(InvalidInput, match="'ask_sz_04'"):
        displayed_depth(book.drop(columns="ask_sz_04"), "buy")


@pytest.mark.skipif(not AAPL.exists(), reason="the real AAPL hour is not beside the project")
def test_real_hour() -> None:
    book = read_book(AAPL)
    assert len(book) == 3600
    assert book.index[0] == pd.Timedelta("09:30:01")
    assert book["volume"].iloc[0] == 286 + 752
    minutes = book.iloc[59::60]
    half_spread = walk_cost(minutes, "buy", [1.0])[:, 0] / midpoint(minutes) * 1e4
    low, high = np.quantile(half_spread, [0.1, 0.9])
    assert (round(low, 1), round(high, 1)) == (1.2, 2.2)
