"""One way into every kind of order-book file."""

import gzip
import shutil
from pathlib import Path

import databento_dbn as dbn
import numpy as np
import pandas as pd
import pytest

from optexec.data import sample
from optexec.data.book import BOOK_COLUMNS, LEVELS, displayed_depth, read_book, walk_cost
from optexec.data.calibration import calibrate
from optexec.data.databento_csv import read_databento_csv
from optexec.data.open_book import open_book
from optexec.data.quality import quality_of
from optexec.data.sampling import sample as sampled
from optexec.data.session import HALF_DAY, Session
from optexec.models.errors import InvalidInput

LOBSTER = Path(__file__).parents[2].parent / "shared/data/lobster"
MESSAGES = "AAPL_2012-06-21_first998_message_10.csv"
ORDERBOOK = "AAPL_2012-06-21_first998_orderbook_10.csv"
OPEN = pd.Timestamp("2025-01-15 09:30", tz="America/New_York").as_unit("ns").value
needs_lobster = pytest.mark.skipif(not LOBSTER.exists(), reason="the shared market data is not beside the project")


def day_of_dbn(path: Path, count: int = 50) -> Path:
    """One event every 1.5 seconds, each trading `place` shares at a book whose first ask grows."""
    head = dbn.Metadata("XNAS.ITCH", OPEN, dbn.SType.RAW_SYMBOL, dbn.SType.INSTRUMENT_ID, dbn.Schema.MBP_10, ["XYZ"])
    whole = head.encode()
    for place in range(count):
        prices = [((1000 - level) * 10**7, (1001 + level) * 10**7) for level in range(LEVELS)]
        levels = [dbn.BidAskPair(bid, ask, 100, 200 + place) for bid, ask in prices]
        moment = OPEN + place * 1_500_000_000
        for action, flags in ((dbn.Action.TRADE, 0), (dbn.Action.ADD, 128)):
            whole += bytes(
                dbn.MBP10Msg(
                    2, 7, moment, 10**10, place, action, dbn.Side.ASK, 0, moment + 9, flags=flags, levels=levels
                )
            )
    path.write_bytes(whole)
    return path


def csv_of(path: Path, folder: Path) -> Path:
    target = folder / "day.csv"
    with target.open("wb") as file:
        transcoder = dbn.Transcoder(file, dbn.Encoding.CSV, dbn.Compression.NONE)
        transcoder.write(path.read_bytes())
        transcoder.finish()
    return target


def refused(fragment: str, *paths: Path, **options: object) -> None:
    with pytest.raises(InvalidInput) as caught:
        open_book(*paths, **options)
    told = str(caught.value)
    assert any(told.startswith(str(path)) for path in paths)
    assert "\n" not in told
    assert fragment in told


def test_databento_of_either_kind_is_recognised_and_sampled(tmp_path: Path) -> None:
    dbn_day = open_book(day_of_dbn(tmp_path / "day.dbn"), every="2s")
    path = csv_of(tmp_path / "day.dbn", tmp_path)
    csv_day = open_book(str(path), every="2s", symbol="7")
    pd.testing.assert_frame_equal(dbn_day.book, csv_day.book)
    assert dbn_day.quality == csv_day.quality
    pd.testing.assert_frame_equal(csv_day.book, sampled(read_databento_csv(path), "2s").book)
    assert (csv_day.quality.rows, csv_day.quality.events, csv_day.quality.executed) == (100, 50, sum(range(50)))


def test_a_dbn_file_is_known_by_its_first_bytes(tmp_path: Path) -> None:
    named = open_book(day_of_dbn(tmp_path / "day.dbn"))
    renamed = open_book(shutil.move(tmp_path / "day.dbn", tmp_path / "day"))
    pd.testing.assert_frame_equal(named.book, renamed.book)


def test_a_sampled_book_goes_through_walk_and_calibration(tmp_path: Path) -> None:
    day = open_book(day_of_dbn(tmp_path / "day.dbn"))
    assert not np.isnan(walk_cost(day.book, "buy", [500.0])).any()
    assert displayed_depth(day.book, "buy")[0] == 10 * 200
    table = calibrate(day.book, "30s")
    assert table["volume"].sum() == day.quality.executed
    np.testing.assert_allclose(table["price"], 10.005)


def test_a_sampled_book_written_as_a_table_reads_back(tmp_path: Path) -> None:
    book = open_book(day_of_dbn(tmp_path / "day.dbn")).book
    book.to_csv(tmp_path / "book.csv")
    pd.testing.assert_frame_equal(read_book(tmp_path / "book.csv"), book.drop(columns="age"), check_index_type=False)


def test_a_table_of_snapshots_is_read_as_it_is() -> None:
    path = sample.path("book.csv.gz")
    day = open_book(path, every="5s")
    pd.testing.assert_frame_equal(day.book, read_book(path))
    assert day.quality == quality_of(day.book)


def test_a_session_leaves_rows_of_a_table_out() -> None:
    path = sample.path("book.csv.gz")
    day = open_book(path, session=HALF_DAY)
    pd.testing.assert_frame_equal(day.book, read_book(path).iloc[:210])
    assert (day.quality.rows, day.quality.outside) == (390, 180)
    refused("no row lies in the session", path, session=Session("17:00", "18:00"))


def test_a_parquet_table_is_a_table_of_snapshots(tmp_path: Path) -> None:
    book = read_book(sample.path("book.csv.gz"))
    book.to_parquet(tmp_path / "book.parquet")
    pd.testing.assert_frame_equal(open_book(tmp_path / "book.parquet").book, book)


@needs_lobster
def test_lobster_is_recognised_in_either_order_and_alone(tmp_path: Path) -> None:
    pair = open_book(LOBSTER / MESSAGES, LOBSTER / ORDERBOOK)
    swapped = open_book(LOBSTER / ORDERBOOK, LOBSTER / MESSAGES)
    found = open_book(LOBSTER / MESSAGES)
    pd.testing.assert_frame_equal(pair.book, swapped.book)
    pd.testing.assert_frame_equal(pair.book, found.book)
    traded = pd.read_csv(LOBSTER / MESSAGES, header=None).query("`1` in (4, 5, 6)")[3].sum()
    assert pair.quality.executed == pair.book["volume"].sum() == traded
    shutil.copy(LOBSTER / ORDERBOOK, tmp_path)
    refused("without their messages", tmp_path / ORDERBOOK)
    refused("a third file", LOBSTER / MESSAGES, LOBSTER / ORDERBOOK, tmp_path / ORDERBOOK)
    refused("leave out 'AAPL'", LOBSTER / MESSAGES, symbol="AAPL")


@needs_lobster
def test_lobster_seconds_are_those_of_the_table_rebuilt_from_it() -> None:
    day = open_book(LOBSTER / MESSAGES, LOBSTER / ORDERBOOK)
    table = read_book(LOBSTER / "AAPL_2012-06-21_0930_1030_mbp10_1s_rebuilt.csv.gz")
    start = pd.Timestamp("2012-06-21", tz="America/New_York")
    ends = (day.book.index - start).floor("s") + pd.Timedelta("1s")
    whole = slice(0, -1)
    expected = table.loc[ends[whole], [*BOOK_COLUMNS, "volume"]]
    np.testing.assert_array_equal(day.book.iloc[whole][[*BOOK_COLUMNS, "volume"]], expected)


def test_progress_reaches_the_reader(tmp_path: Path) -> None:
    path = csv_of(day_of_dbn(tmp_path / "day.dbn"), tmp_path)
    for file in (path, tmp_path / "day.dbn"):
        told: list[int] = []
        open_book(file, progress=told.append)
        assert told[-1] == file.stat().st_size


def test_files_of_no_known_kind(tmp_path: Path) -> None:
    refused("no such file", tmp_path / "day.csv")
    refused("no such file", tmp_path)
    path = tmp_path / "day.csv"
    for content in (b"", b"a,b\n1,2\n", b"hello", b"time,open,high,low,close\n1,2,3,4,5\n"):
        path.write_bytes(content)
        refused("no order book that is known", path)
    path.write_bytes(b"\x89PNG\r\n\x1a\n\xff")
    refused("not UTF-8 text", path)
    (tmp_path / "day.csv.gz").write_bytes(gzip.compress(b"a,b\n1,2\n")[:14])
    refused("gzip", tmp_path / "day.csv.gz")


def test_what_a_kind_of_file_does_not_take(tmp_path: Path) -> None:
    path, table = day_of_dbn(tmp_path / "day.dbn"), sample.path("book.csv.gz")
    refused("give two files only of LOBSTER", table, table)
    refused("row 1: not UTF-8 text", path, table)
    refused("leave out 'XYZ'", table, symbol="XYZ")
    refused("no rows of 'QQQ'", path, symbol="QQQ")


def test_a_databento_file_without_its_flags_is_no_table_of_snapshots(tmp_path: Path) -> None:
    path = csv_of(day_of_dbn(tmp_path / "day.dbn"), tmp_path)
    pd.read_csv(path, dtype=str).drop(columns="flags").to_csv(path, index=False)
    refused("no column 'flags'", path)


def test_errors_of_sampling_name_the_file(tmp_path: Path) -> None:
    path = day_of_dbn(tmp_path / "day.dbn")
    refused("no event lies in the session", path, session=Session("11:00", "12:00"))
    refused("makes", path, every="1us")
