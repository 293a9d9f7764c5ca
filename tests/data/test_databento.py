"""Reading MBP-10 files of Databento, as CSV and as DBN."""

import datetime as dt
import gzip
import sys
import tracemalloc
from collections.abc import Iterable
from pathlib import Path

import databento_dbn as dbn
import numpy as np
import pandas as pd
import pyarrow as arrow
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pyarrow import csv as arrow_csv

from optexec.data import databento_csv
from optexec.data.book import BOOK_COLUMNS, LEVELS, PRICE_COLUMNS, SIZE_COLUMNS
from optexec.data.databento_csv import read_databento_csv
from optexec.data.databento_dbn import read_dbn
from optexec.data.events import Events
from optexec.models.errors import InvalidInput

OPEN = pd.Timestamp("2025-01-15 09:30", tz="America/New_York")
UNDEFINED = 2**63 - 1
CENT = 10_000_000
COUNTS = [name.replace("_sz_", "_ct_") for name in SIZE_COLUMNS]


def records(count: int, seed: int = 0, gap: int = 10**9) -> pd.DataFrame:
    """`count` rows as Databento writes them with fixed-point prices, and a clear before them; gaps in nanoseconds.

    Every event changes one size (M), trades visibly (T, then C), trades hidden (T) or shifts the book by a cent: one
    side, then the other, whereby the row between them is locked.
    """
    random = np.random.default_rng(seed)
    kind = random.choice(["M", "TC", "T", "up"], size=count, p=[0.7, 0.15, 0.1, 0.05])
    kind[0] = "M"
    kind = np.repeat(kind, np.where(np.isin(kind, ["TC", "up"]), 2, 1))[:count]
    event_start = np.append(True, (kind[1:] != kind[:-1]) | ~np.isin(kind[1:], ["TC", "up"]))
    for place in np.flatnonzero(~event_start):
        event_start[place] = not event_start[place - 1]
    first = event_start & np.isin(kind, ["TC", "up"])
    last = ~first
    action = np.select([kind == "M", kind == "T", (kind == "TC") & first, kind == "TC"], ["M", "T", "T", "C"], "M")
    side = np.where(kind == "up", np.where(first, "B", "A"), random.choice(["A", "B"], size=count))
    changed = np.where(side == "B", 0, LEVELS) + random.integers(0, LEVELS, size=count)
    sizes = np.full((count, 2 * LEVELS), np.nan)
    side[0], moved = "N", action != "T"
    sizes[np.flatnonzero(moved), changed[moved]] = random.integers(1, 900, size=moved.sum())
    sizes[0] = 100
    shift = np.column_stack([np.cumsum((kind == "up") & first), np.cumsum((kind == "up") & last)]) * CENT
    ladder = np.arange(LEVELS) * CENT
    prices = np.hstack([99_99 * CENT - ladder + shift[:, :1], 100_00 * CENT + ladder + shift[:, 1:]])
    time = OPEN.as_unit("ns").value + np.cumsum(np.where(event_start, random.integers(0, gap, size=count), 0))
    fixed = {"rtype": 10, "publisher_id": 2, "instrument_id": 38}
    table = pd.DataFrame({"ts_recv": time + 100_000, "ts_event": time, **fixed, "action": action, "side": side})
    table = table.assign(depth=0, price=100_00 * CENT, size=random.integers(1, 500, size=count))
    table = table.assign(flags=np.where(last, 130, 2), ts_in_delta=165_000, sequence=np.arange(count))
    levels = pd.DataFrame(np.hstack([prices, pd.DataFrame(sizes).ffill().to_numpy()]), columns=BOOK_COLUMNS)
    levels = levels.astype(np.int64).assign(**dict.fromkeys(COUNTS, 1))
    table = pd.concat([table, levels[interleaved()]], axis=1).assign(symbol="XYZ")
    clear = table.iloc[:1].assign(action="R", side="N", price=UNDEFINED, size=0, flags=130)
    clear[PRICE_COLUMNS] = UNDEFINED
    clear[SIZE_COLUMNS + COUNTS] = 0
    return pd.concat([clear, table], ignore_index=True)


def interleaved() -> list[str]:
    kinds = [f"{side}_{kind}" for kind in ("px", "sz", "ct") for side in ("bid", "ask")]
    return [f"{kind}_{level:02d}" for level in range(LEVELS) for kind in kinds]


def pretty(table: pd.DataFrame) -> pd.DataFrame:
    """The same rows with ISO 8601 times and decimal prices, an undefined price blank."""
    text = table.astype(object)
    for name in ("ts_event", "ts_recv"):
        times = pd.DatetimeIndex(table[name].to_numpy(np.int64), tz="UTC")
        text[name] = [f"{time.isoformat(timespec='nanoseconds').removesuffix('+00:00')}Z" for time in times]
    for name in ("price", *PRICE_COLUMNS):
        text[name] = ["" if price == UNDEFINED else f"{price // 10**9}.{price % 10**9:09d}" for price in table[name]]
    return text


def save(table: pd.DataFrame, path: Path, line_end: str = "\n", index: bool = False) -> Path:
    text = table.to_csv(index=index, lineterminator=line_end).encode()
    if path.suffix == ".gz":
        text = gzip.compress(text)
    if path.suffix == ".zst":
        text = arrow.Codec("zstd").compress(text, asbytes=True)
    path.write_bytes(text)
    return path


def save_dbn(table: pd.DataFrame, path: Path, names: dict[str, int] | None = None, schema: str = "mbp-10") -> Path:
    day = dt.date(2025, 1, 15)
    mappings = {
        name: [{"start_date": day, "end_date": day + dt.timedelta(days=1), "symbol": str(number)}]
        for name, number in (names or {"XYZ": 38}).items()
    }
    head = dbn.Metadata(
        dataset="XNAS.ITCH",
        start=int(table["ts_event"].iloc[0]),
        stype_in=dbn.SType.RAW_SYMBOL,
        stype_out=dbn.SType.INSTRUMENT_ID,
        schema=dbn.Schema.from_str(schema),
        symbols=list(mappings),
        mappings=[_Mapping(name, intervals) for name, intervals in mappings.items()],
    )
    whole = head.encode() + b"".join(bytes(message(row)) for row in table.to_dict("records"))
    path.write_bytes(arrow.Codec("zstd").compress(whole, asbytes=True) if path.suffix == ".zst" else whole)
    return path


class _Mapping:
    def __init__(self, raw_symbol: str, intervals: list[dict]) -> None:
        self.raw_symbol, self.intervals = raw_symbol, [_Interval(**interval) for interval in intervals]


class _Interval:
    def __init__(self, start_date: dt.date, end_date: dt.date, symbol: str) -> None:
        self.start_date, self.end_date, self.symbol = start_date, end_date, symbol


def message(row: dict) -> dbn.MBP10Msg:
    levels = [
        dbn.BidAskPair(*(row[f"{name}_{level:02d}"] for name in ("bid_px", "ask_px", "bid_sz", "ask_sz")))
        for level in range(LEVELS)
    ]
    names = ("publisher_id", "instrument_id", "ts_event", "price", "size")
    arguments = [row[name] for name in names]
    action, side = dbn.Action.from_str(row["action"]), dbn.Side.from_str(row["side"])
    return dbn.MBP10Msg(*arguments, action, side, row["depth"], row["ts_recv"], flags=row["flags"], levels=levels)


def one_by_one(table: pd.DataFrame) -> list[tuple[int, list[float], float]]:
    """Time, book and volume of each event, row after row."""
    found, volume, book = [], 0.0, [0.0] * 40
    for row in table.to_dict("records"):
        if row["action"] == "T":
            volume += row["size"]
        elif row["action"] not in "FN":
            book = [0 if row[name] == UNDEFINED else row[name] / 1e9 for name in PRICE_COLUMNS]
            book += [row[name] for name in SIZE_COLUMNS]
        if row["flags"] & 128:
            found.append((row["ts_event"], book, volume))
            volume = 0.0
    return found


def together(stretches: Iterable[Events]) -> Events:
    parts = list(stretches)
    time = pd.DatetimeIndex(np.concatenate([part.time.asi8 for part in parts]), tz="UTC")
    columns = [np.concatenate([part[place] for part in parts]) for place in (1, 2, 3)]
    counts = [pd.Series([part[place] for part in parts]).apply(pd.Series).sum().to_dict() for place in (5, 6)]
    return Events(time.tz_convert("America/New_York"), *columns, sum(part.rows for part in parts), *counts)


def read(path: Path, symbol: str | None = None) -> Events:
    return together((read_dbn if ".dbn" in path.name else read_databento_csv)(path, symbol))


def same(left: Events, right: Events) -> None:
    assert left.time.equals(right.time)
    for place in (1, 2, 3):
        np.testing.assert_array_equal(left[place], right[place])
    assert left[4:] == right[4:]


def refused(path: Path, *fragments: str, symbol: str | None = None) -> None:
    with pytest.raises(InvalidInput) as caught:
        read(path, symbol)
    told = str(caught.value)
    assert told.startswith(str(path))
    assert "\n" not in told
    for fragment in fragments:
        assert fragment in told


# What a sound file gives


@pytest.mark.parametrize("seed", range(5))
def test_events_are_those_found_row_by_row(tmp_path: Path, seed: int) -> None:
    table = records(400, seed)
    events = read(save(pretty(table), tmp_path / "day.csv"))
    expected = one_by_one(table)
    assert events.time.as_unit("ns").asi8.tolist() == [time for time, _, _ in expected]
    np.testing.assert_array_equal(np.nan_to_num(events.levels), [book for _, book, _ in expected])
    assert events.volume.tolist() == [volume for _, _, volume in expected]
    assert not events.halted.any()
    assert (events.rows, events.doubtful) == (401, {})


def variants(table: pd.DataFrame) -> dict[str, pd.DataFrame]:
    text = pretty(table)
    zeros = text.copy()
    zeros[PRICE_COLUMNS] = zeros[PRICE_COLUMNS].replace("", "0.00")
    scaled = text.copy()
    scaled[PRICE_COLUMNS] = scaled[PRICE_COLUMNS].replace("", "9223372036.854775807")
    spaced = text.assign(ts_event=[time.replace("T", " ").replace("Z", "+00:00") for time in text["ts_event"]])
    duplicated = text.copy()
    duplicated.insert(3, "ts_event.1", text["ts_event"])
    return {
        "pretty": text,
        "integers": table,
        "times pretty": table.assign(ts_event=text["ts_event"], ts_recv=text["ts_recv"]),
        "prices pretty": text.assign(ts_event=table["ts_event"], ts_recv=table["ts_recv"]),
        "nan": text.replace("", "nan"),
        "zeros": zeros,
        "undefined scaled": scaled,
        "other order": text[sorted(text.columns, reverse=True)],
        "with order_id": text.assign(order_id=7),
        "ts_event twice": duplicated,
        "spaced times": spaced,
        "without identity": text.drop(columns=["symbol", "instrument_id", "publisher_id", "rtype", "price", "depth"]),
    }


@pytest.mark.parametrize("name", variants(records(1)))
def test_every_way_of_writing_the_same_rows_gives_the_same_events(tmp_path: Path, name: str) -> None:
    table = records(60, 3)
    expected = read(save(pretty(table), tmp_path / "plain.csv"))
    same(read(save(variants(table)[name], tmp_path / "other.csv")), expected)


@pytest.mark.parametrize("name", ["odd name: 2025-01-15T09:30.csv", "day.csv.gz", "day.csv.zst"])
@pytest.mark.parametrize("line_end", ["\n", "\r\n", "\n\n", "\r"])
def test_compression_line_ends_and_names_change_nothing(tmp_path: Path, name: str, line_end: str) -> None:
    table = pretty(records(40))
    expected = read(save(table, tmp_path / "plain.csv"))
    path = save(table, tmp_path / name, line_end, index=True)
    if line_end == "\r":
        refused(path, "row 1: not lines of text")
    else:
        same(read(path), expected)


def test_blocks_of_any_size_give_the_same_events(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = save(pretty(records(90, 1)), tmp_path / "day.csv", "\r\n")
    whole = read(path)
    for size in (700, 1_501, 10_000):
        monkeypatch.setattr(databento_csv, "_BLOCK", size)
        same(read(path), whole)


def test_only_ts_recv(tmp_path: Path) -> None:
    table = pretty(records(20))
    path = save(table.assign(ts_event=table["ts_recv"]), tmp_path / "event.csv")
    same(read(save(table.drop(columns="ts_event"), tmp_path / "received.csv")), read(path))


def test_intermediate_rows_are_not_offered(tmp_path: Path) -> None:
    table = records(300, 2)
    locked = table["bid_px_00"] == table["ask_px_00"]
    assert (locked & (table["bid_px_00"] != UNDEFINED)).any()
    levels = read(save(table, tmp_path / "day.csv")).levels
    filled = ~np.isnan(levels[:, 0])
    assert (levels[filled, 0] < levels[filled, LEVELS]).all()


def test_fills_are_no_volume_and_trades_do_not_move_the_book(tmp_path: Path) -> None:
    table = records(3).iloc[[0, 1, 1, 1]].assign(action=["R", "M", "T", "F"], flags=130, size=50)
    table.iloc[2, table.columns.get_loc("bid_sz_04")] = 7
    events = read(save(table, tmp_path / "day.csv"))
    assert events.volume.tolist() == [0, 0, 50, 0]
    np.testing.assert_array_equal(events.levels[2:], events.levels[[1, 1]])
    assert events.doubtful == {"book moves against the action": 2}


def test_a_book_flagged_as_maybe_bad_is_counted(tmp_path: Path) -> None:
    table = records(5).assign(flags=128 + 4)
    assert read(save(table, tmp_path / "day.csv")).doubtful == {"flagged as maybe a bad book": 6}


def test_a_change_on_the_other_side_is_doubtful(tmp_path: Path) -> None:
    table = records(5).iloc[[0, 1, 1]].assign(action=["R", "M", "C"], side=["N", "B", "B"], flags=130)
    path = save(table, tmp_path / "day.csv")
    assert read(path).doubtful == {"book moves against the action": 1}
    table.iloc[2, table.columns.get_loc("ask_sz_09")] += 1
    assert read(save(table, tmp_path / "day.csv")).doubtful == {"book moves against the action": 2}


def test_an_event_cut_off_keeps_its_trades(tmp_path: Path) -> None:
    table = records(4)
    table["flags"], table["action"] = [130, 130, 130, 0, 0], ["R", "M", "M", "T", "C"]
    events = read(save(table, tmp_path / "day.csv"))
    assert len(events.time) == 4
    assert events.volume[-1] == table["size"][3]
    np.testing.assert_array_equal(events.levels[3], events.levels[2])
    assert events.dropped == {"of an event cut off by the end": 2}


def test_snapshot_rows_take_the_time_they_were_received(tmp_path: Path) -> None:
    table = records(6)
    table.loc[1, "flags"] = 32 + 8 + 128
    table.loc[1, "ts_event"] -= 10**15
    events = read(save(table, tmp_path / "day.csv"))
    assert events.time.is_monotonic_increasing
    assert events.time[1] == pd.Timestamp(table["ts_recv"][1], tz="UTC")


def test_one_of_several_symbols(tmp_path: Path) -> None:
    mine, other = records(30, 1), records(30, 2).assign(symbol="ABC", instrument_id=39)
    both = pd.concat([mine, other]).sort_values("ts_event", kind="stable")
    for name, write in (("both.csv", save), ("both.dbn", save_named)):
        path = write(both, tmp_path / name)
        expected = read(save(mine, tmp_path / "mine.csv"))
        for symbol in ("XYZ", "38"):
            events = read(path, symbol)
            same(events._replace(rows=31, dropped=expected.dropped), expected)
            assert events.dropped["of other symbols"] == 31
        refused(path, "several books", "ABC, XYZ" if name == "both.csv" else "symbol")
        refused(path, "no rows of 'QQQ'", "ABC", symbol="QQQ")


def save_named(table: pd.DataFrame, path: Path) -> Path:
    return save_dbn(table, path, {"XYZ": 38, "ABC": 39})


def test_books_of_two_venues_are_refused(tmp_path: Path) -> None:
    table = records(5)
    table.loc[4, "publisher_id"] = 39
    refused(save(table, tmp_path / "day.csv"), "row 6, column publisher_id", "2, 39")


def test_progress_is_told_in_bytes_of_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(databento_csv, "_BLOCK", 5_000)
    path = save(pretty(records(80)), tmp_path / "day.csv")
    told: list[int] = []
    for _ in read_databento_csv(path, progress=told.append):
        pass
    assert told == sorted(told)
    assert len(told) > 5
    assert told[-1] == path.stat().st_size


def test_a_last_line_without_end_is_doubtful(tmp_path: Path) -> None:
    path = save(pretty(records(5)), tmp_path / "day.csv")
    whole = read(path)
    path.write_bytes(path.read_bytes()[:-1])
    same(read(path)._replace(doubtful={}), whole)
    assert read(path).doubtful == {"last line without a line end": 1}


# DBN


@pytest.mark.parametrize("name", ["day.dbn", "day.dbn.zst"])
def test_dbn_reads_as_the_csv_of_the_same_records(tmp_path: Path, name: str) -> None:
    table = records(200, 4)
    same(read(save_dbn(table, tmp_path / name)), read(save(pretty(table), tmp_path / "day.csv")))


@pytest.mark.parametrize("pretty_px", [True, False])
@pytest.mark.parametrize("pretty_ts", [True, False])
def test_the_csv_that_databento_writes_reads_as_its_dbn(tmp_path: Path, pretty_px: bool, pretty_ts: bool) -> None:
    path = save_dbn(records(50, 4), tmp_path / "day.dbn")
    with (tmp_path / "day.csv").open("wb") as file:
        transcoder = dbn.Transcoder(file, dbn.Encoding.CSV, dbn.Compression.NONE, pretty_px, pretty_ts)
        transcoder.write(path.read_bytes())
        transcoder.finish()
    assert b"XYZ" in (tmp_path / "day.csv").read_bytes()
    same(read(tmp_path / "day.csv"), read(path))


def test_dbn_without_its_library(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = save_dbn(records(2), tmp_path / "day.dbn")
    monkeypatch.setitem(sys.modules, "databento_dbn", None)
    refused(path, "pip install '.[databento]'")


def test_damaged_dbn(tmp_path: Path) -> None:
    path = save_dbn(records(5), tmp_path / "day.dbn")
    whole = path.read_bytes()
    path.write_bytes(whole[:-100])
    refused(path, "after record 5", "cut off")
    path.write_bytes(whole[: len(whole) - 6 * 368])
    refused(path, "no MBP-10 records")
    path.write_bytes(whole[:-300] + b"\x00" * 300 + whole[-368:])
    refused(path, "record 6, column ask_sz_00: 0 is no size for its price")
    path.write_bytes(whole[:-368] + b"\x00" * 368)
    refused(path, "a record of type 0 in 0 bytes")
    path.write_bytes(b"no DBN at all")
    refused(path, "not whole DBN")
    path.write_bytes(b"")
    refused(path, "not whole DBN")
    refused(tmp_path / "nowhere.dbn", "no such file")
    packed = arrow.Codec("zstd").compress(whole, asbytes=True)
    for cut in (3, 40, len(packed) - 1):
        path.write_bytes(packed[:cut])
        refused(path, ":" if cut == 3 else "Truncated")


def test_dbn_of_another_schema(tmp_path: Path) -> None:
    path = save_dbn(records(5), tmp_path / "day.dbn")
    trade = dbn.TradeMsg(2, 38, OPEN.as_unit("ns").value, 10**11, 5, dbn.Action.TRADE, dbn.Side.ASK, 0, 0)
    path.write_bytes(path.read_bytes() + bytes(trade))
    refused(path, "after record 6", "type 0 in 48 bytes")


# What is refused, and where


@pytest.mark.parametrize(
    ("column", "cell", "fragment"),
    [
        ("bid_px_03", "2 33.53", "'2 33.53' is not a number"),
        ("ask_px_00", "100.01.1", "is not a number"),
        ("ask_sz_02", "12O", "'12O' is not a number"),
        ("bid_px_05", "inf", "is "),
        ("bid_px_00", "-99.990000000", "negative price"),
        ("bid_px_07", "9992", "not worse than the level before"),
        ("ask_px_03", "100.010000000", "not worse than the level before"),
        ("ask_px_09", "100090000000", "no price in dollars"),
        ("ask_sz_04", "-5", "no whole number of shares"),
        ("ask_sz_04", "1.5", "no whole number of shares"),
        ("ask_sz_04", "99999999999", "no whole number of shares"),
        ("bid_sz_04", "0", "no size for its price"),
        ("bid_sz_04", "", "no size for its price"),
        ("action", "X", "'X' is none of"),
        ("action", "", "none of"),
        ("action", "AA", "none of"),
        ("side", "C", "none of"),
        ("flags", "", "no bit field"),
        ("flags", "300", "no bit field"),
        ("flags", "-1", "no bit field"),
        ("size", "-1", "no whole number of shares"),
        ("ts_event", "2025-01-15T14:30:59.5", "is not a time"),
        ("ts_event", "2025-13-15T14:30:59.5Z", "is not a time"),
        ("ts_event", "", "is not a time"),
        ("ts_event", "2025-01-15T14:29:59.5Z", "time goes back"),
        ("ts_event", "1925-01-15T14:29:59.5Z", "no time"),
        ("symbol", "XY", "several books"),
        ("symbol", "", "several books"),
        ("instrument_id", "3", "several books"),
    ],
)
@pytest.mark.parametrize("line_end", ["\n", "\n\n"])
def test_bad_cell_is_reported_by_row_and_column(
    tmp_path: Path, column: str, cell: str, fragment: str, line_end: str
) -> None:
    table = pretty(records(12))
    place = table.index[table["action"] == "M"][3]
    table.loc[place, column] = cell
    row = place + 2 if line_end == "\n" else 2 * place + 3
    refused(save(table, tmp_path / "day.csv", line_end), f"row {row}, column {column}: ", fragment)


def test_a_corrupt_cell_beyond_the_first_block_keeps_its_row(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(databento_csv, "_BLOCK", 3_000)
    table = pretty(records(60))
    table.loc[50, "ask_px_06"] = "1OO"
    refused(save(table, tmp_path / "day.csv"), "row 52, column ask_px_06: '1OO'")
    table = pretty(records(60))
    table.loc[50, "ask_px_06"] = "-1"
    refused(save(table, tmp_path / "day.csv", "\n\n"), "row 103, column ask_px_06: -1 is a negative price")


def test_a_price_without_its_size_and_a_hole(tmp_path: Path) -> None:
    table = pretty(records(6))
    table.loc[3, "ask_px_09"] = ""
    refused(save(table, tmp_path / "day.csv"), "row 5, column ask_sz_09", "size without a price")
    table.loc[3, "ask_sz_09"] = 0
    assert np.isnan(read(save(table, tmp_path / "day.csv")).levels[:, 19]).sum() == 2
    table.loc[3, ["ask_px_08", "ask_sz_08"]] = ["", 0]
    table.loc[3, ["ask_px_09", "ask_sz_09"]] = ["100.200000000", 5]
    refused(save(table, tmp_path / "day.csv"), "row 5, column ask_px_09", "without holes")


def test_prices_of_two_kinds_are_refused(tmp_path: Path) -> None:
    table, text = records(9), pretty(records(9))
    mixed = text.copy()
    mixed.loc[5, PRICE_COLUMNS] = table.loc[5, PRICE_COLUMNS].astype(str)
    refused(save(mixed, tmp_path / "day.csv"), "row 7, column bid_px_00", "no price in dollars")
    mixed = table.astype(str)
    mixed.loc[5, PRICE_COLUMNS] = text.loc[5, PRICE_COLUMNS]
    refused(save(mixed, tmp_path / "day.csv"), "row 7, column bid_px_00", "no price in units of 1e-9")


def test_whole_prices_that_may_be_of_either_kind_are_refused(tmp_path: Path) -> None:
    table = records(9)
    for name in PRICE_COLUMNS:
        table[name] = table[name].where(table[name] == UNDEFINED, table[name] // 10**5)
    refused(save(table, tmp_path / "day.csv"), "may be dollars or 1e-9 dollars")


@pytest.mark.parametrize("column", ["flags", "action", "side", "size", "bid_px_07", "ask_sz_00"])
def test_missing_column(tmp_path: Path, column: str) -> None:
    refused(save(pretty(records(3)).drop(columns=column), tmp_path / "day.csv"), "row 1", f"no column '{column}'")


def test_no_time_column(tmp_path: Path) -> None:
    refused(save(pretty(records(3)).drop(columns=["ts_event", "ts_recv"]), tmp_path / "day.csv"), "'ts_event'")


def test_a_needed_column_twice(tmp_path: Path) -> None:
    table = pretty(records(3))
    table.insert(0, "bid_px_00", "1", allow_duplicates=True)
    refused(save(table, tmp_path / "day.csv"), "bid_px_00 appears twice")


def test_lines_of_another_length(tmp_path: Path) -> None:
    path = save(pretty(records(9)), tmp_path / "day.csv")
    lines = path.read_text().splitlines()
    for damaged in (lines[5] + ",1", lines[5].rsplit(",", 3)[0]):
        path.write_text("\n".join([*lines[:5], damaged, *lines[6:]]) + "\n")
        refused(path, "row 6", "fields where the header has")


def test_files_that_are_no_databento_csv(tmp_path: Path) -> None:
    path = tmp_path / "day.csv"
    refused(path, "no such file")
    text = save(pretty(records(3)), path).read_bytes()
    for damaged, fragment in (
        (b"", "row 1: no column"),
        (text.splitlines()[0] + b"\n", "no records"),
        (text.replace(b",", b";"), "no column"),
        (b"\xff\xfe" + text, "UTF-8"),
        (text.replace(b"XYZ", b"X\xffZ"), "rows 2 to 5: not CSV"),
    ):
        path.write_bytes(damaged)
        refused(path, fragment)
    packed = gzip.compress(text)
    path = tmp_path / "day.csv.gz"
    for damaged in (packed[:-5], packed[:60], packed[:100] + b"junk" + packed[104:]):
        path.write_bytes(damaged)
        refused(path, "gzip")
    path = tmp_path / "day.csv.zst"
    path.write_bytes(arrow.Codec("zstd").compress(text, asbytes=True)[:-9])
    refused(path, "Truncated")


def test_no_event_ends(tmp_path: Path) -> None:
    refused(save(pretty(records(5).assign(flags=2)), tmp_path / "day.csv"), "no row ends an event")


# Many rows


def test_many_rows_are_read_in_bounded_memory(tmp_path: Path) -> None:
    table = records(300_000, 5)
    path = tmp_path / "day.csv"
    arrow_csv.write_csv(arrow.Table.from_pandas(table), path, arrow_csv.WriteOptions(quoting_style="none"))
    expected = table.loc[table["action"] == "T", "size"].sum()
    ended = (table["flags"] & 128 > 0).sum()
    del table
    tracemalloc.start()
    counts = [(part.volume.sum(), len(part.time), part.rows) for part in read_databento_csv(path)]
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert np.sum(counts, axis=0).tolist() == [expected, ended, 300_001]
    assert peak < 0.08e9 < 0.14e9 < path.stat().st_size


@settings(max_examples=25)
@given(order=st.permutations(range(12)), seed=st.integers(0, 99))
def test_columns_may_stand_in_any_order(tmp_path_factory: pytest.TempPathFactory, order: list[int], seed: int) -> None:
    table = pretty(records(8, seed))
    path = tmp_path_factory.mktemp("order") / "day.csv"
    expected = read(save(table, path))
    names = [name for place in order for name in table.columns[place::12]]
    same(read(save(table[names], path)), expected)
