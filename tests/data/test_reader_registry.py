"""One small day in the format of every reader: each gives the same book, and none goes without."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import databento_dbn as dbn
import numpy as np
import pandas as pd
import pytest
from registered import book_readers

from optexec.data.book import BOOK_COLUMNS, LEVELS, read_book
from optexec.data.databento_csv import read_databento_csv
from optexec.data.databento_dbn import read_dbn
from optexec.data.lobster import read_lobster
from optexec.data.open_book import open_book

MIDNIGHT = pd.Timestamp("2025-01-15", tz="America/New_York").as_unit("ns")
OPEN = 34_200
ADD, CANCEL, DELETE, EXECUTE, HIDDEN = 1, 2, 3, 4, 5
BUY, SELL = 1, -1
CENT = 100  # in the unit of LOBSTER's prices, 1e-4 dollars


@dataclass(frozen=True)
class Message:
    """One event: nanoseconds after midnight, what happens to which order, shares, price in 1e-4 dollars, direction."""

    time: int
    kind: int
    order: int
    size: int
    price: int
    direction: int


def day() -> list[Message]:
    """Twelve levels a side are built up; then orders change, trade, and leave, at the best and behind the tenth."""
    told = []
    for level in range(12):
        told.append((ADD, 100 + level, 200 + level, (5_000 - level) * CENT, BUY))
        told.append((ADD, 200 + level, 300 + level, (5_002 + level) * CENT, SELL))
    told += [
        (CANCEL, 100, 50, 5_000 * CENT, BUY),
        (EXECUTE, 200, 120, 5_002 * CENT, SELL),
        (HIDDEN, 0, 70, 5_001 * CENT, SELL),
        (ADD, 300, 40, 5_001 * CENT, BUY),
        (EXECUTE, 200, 180, 5_002 * CENT, SELL),
        (DELETE, 105, 205, 4_995 * CENT, BUY),
        (ADD, 301, 60, 5_003 * CENT, SELL),
        (DELETE, 300, 40, 5_001 * CENT, BUY),
    ]
    return [Message((OPEN * 10**9) + k * 250_000_001, *fields) for k, fields in enumerate(told)]


def ladders(messages: list[Message]) -> list[dict[int, dict[int, int]]]:
    """Direction -> price -> shares after each message, worked out from the orders alone."""
    orders: dict[int, Message] = {}
    left: dict[int, int] = {}
    after = []
    for message in messages:
        if message.kind == ADD:
            orders[message.order], left[message.order] = message, message.size
        elif message.kind != HIDDEN:
            left[message.order] -= message.size
        shown: dict[int, dict[int, int]] = {BUY: {}, SELL: {}}
        for number, order in orders.items():
            if left[number]:
                side = shown[order.direction]
                side[order.price] = side.get(order.price, 0) + left[number]
        after.append(shown)
    return after


def best(shown: dict[int, dict[int, int]], direction: int) -> list[tuple[int, int]]:
    """(price, shares) of the ten best levels."""
    return sorted(shown[direction].items(), key=lambda level: -direction * level[0])[:LEVELS]


def row(shown: dict[int, dict[int, int]]) -> list[float]:
    """The book in the order of `BOOK_COLUMNS`."""
    sides = [best(shown, direction) for direction in (BUY, SELL)]
    empty = [LEVELS - len(side) for side in sides]
    prices = [[price / 10_000 for price, _ in side] + [np.nan] * n for side, n in zip(sides, empty, strict=True)]
    sizes = [[float(size) for _, size in side] + [0.0] * n for side, n in zip(sides, empty, strict=True)]
    return [*prices[0], *prices[1], *sizes[0], *sizes[1]]


def executed(message: Message) -> int:
    return message.size if message.kind in (EXECUTE, HIDDEN) else 0


def expected() -> pd.DataFrame:
    messages = day()
    index = pd.DatetimeIndex([MIDNIGHT + pd.Timedelta(message.time) for message in messages], name="time")
    table = pd.DataFrame([row(shown) for shown in ladders(messages)], index=index, columns=BOOK_COLUMNS)
    return table.assign(volume=[float(executed(message)) for message in messages])


def snapshots(folder: Path) -> list[Path]:
    expected().to_csv(folder / "book.csv")
    return [folder / "book.csv"]


def parquet(folder: Path) -> list[Path]:
    expected().to_parquet(folder / "book.parquet")
    return [folder / "book.parquet"]


def databento(folder: Path) -> list[Path]:
    """Each event ends in a record with flag 128; an execution is a record of its own before it."""
    head = dbn.Metadata("XNAS.ITCH", 0, dbn.SType.RAW_SYMBOL, dbn.SType.INSTRUMENT_ID, dbn.Schema.MBP_10, ["XYZ"])
    records = [head.encode()]
    for message, shown in zip(day(), ladders(day()), strict=True):
        pairs = [best(shown, direction) for direction in (BUY, SELL)]
        none = (dbn.UNDEF_PRICE, 0)
        bids, asks = ([(price * 10**5, size) for price, size in side] for side in pairs)
        bids, asks = (side + [none] * (LEVELS - len(side)) for side in (bids, asks))
        levels = [dbn.BidAskPair(b[0], a[0], b[1], a[1], 1, 1) for b, a in zip(bids, asks, strict=True)]
        moment, side = MIDNIGHT.value + message.time, dbn.Side.BID if message.direction == BUY else dbn.Side.ASK
        actions = [(dbn.Action.TRADE, 0)] if executed(message) else []
        for action, flags in (*actions, (dbn.Action.MODIFY, 128)):
            made = (2, 7, moment, message.price * 10**5, message.size, action, side, 0, moment)
            records.append(bytes(dbn.MBP10Msg(*made, flags=flags, levels=levels)))
    (folder / "day.dbn").write_bytes(b"".join(records))
    return [folder / "day.dbn"]


def databento_csv(folder: Path) -> list[Path]:
    [source] = databento(folder)
    with (folder / "day.csv").open("wb") as file:
        transcoder = dbn.Transcoder(file, dbn.Encoding.CSV, dbn.Compression.NONE)
        transcoder.write(source.read_bytes())
        transcoder.finish()
    return [folder / "day.csv"]


def lobster_messages(folder: Path, name: str = "XYZ_2025-01-15_message.csv") -> list[Path]:
    lines = [
        f"{message.time // 10**9}.{message.time % 10**9:09d},{message.kind},{message.order},{message.size},"
        f"{message.price},{message.direction}"
        for message in day()
    ]
    (folder / name).write_text("\n".join(lines) + "\n")
    return [folder / name]


def lobster(folder: Path) -> list[Path]:
    lines = []
    for shown in ladders(day()):
        cells: list[int] = []
        for level in range(LEVELS):
            for direction, none in ((SELL, 9_999_999_999), (BUY, -9_999_999_999)):
                side = best(shown, direction)
                cells += side[level] if level < len(side) else (none, 0)
        lines.append(",".join(map(str, cells)))
    (folder / "XYZ_2025-01-15_orderbook_10.csv").write_text("\n".join(lines) + "\n")
    return [*lobster_messages(folder, "XYZ_2025-01-15_message_10.csv"), folder / "XYZ_2025-01-15_orderbook_10.csv"]


WRITERS: dict[str, tuple[Callable[..., object], Callable[[Path], list[Path]]]] = {
    "snapshots": (read_book, snapshots),
    "parquet": (read_book, parquet),
    "databento": (read_dbn, databento),
    "databento csv": (read_databento_csv, databento_csv),
    "lobster": (read_lobster, lobster),
    "lobster messages alone": (read_lobster, lobster_messages),
}
"""Format -> its reader, and what writes the day in it."""
SNAPSHOTS = ("snapshots", "parquet")


def table_of(read: object) -> pd.DataFrame:
    """What a reader gives, as a table of events."""
    if isinstance(read, pd.DataFrame):
        return read
    parts = [
        pd.DataFrame(part.levels, index=part.time, columns=BOOK_COLUMNS).assign(volume=part.volume)
        for part in read  # type: ignore[attr-defined]
    ]
    return pd.concat(parts).rename_axis("time")


def test_every_reader_has_a_writer() -> None:
    assert {reader.__name__ for reader in book_readers()} == {reader.__name__ for reader, _ in WRITERS.values()}


@pytest.mark.parametrize("form", WRITERS)
def test_every_reader_gives_the_same_book(form: str, tmp_path: Path) -> None:
    reader, write = WRITERS[form]
    table = table_of(reader(*write(tmp_path)))
    pd.testing.assert_frame_equal(table, expected(), check_freq=False, rtol=1e-12)


@pytest.mark.parametrize("form", WRITERS)
def test_every_format_is_recognised_and_sampled_alike(form: str, tmp_path: Path) -> None:
    whole = open_book(*WRITERS["databento"][1](tmp_path), every="1s").book
    book = open_book(*WRITERS[form][1](tmp_path), every="1s").book
    if form in SNAPSHOTS:
        pd.testing.assert_frame_equal(book, expected(), check_freq=False, rtol=1e-12)
    else:
        pd.testing.assert_frame_equal(book, whole, rtol=1e-12)
    assert book["volume"].sum() == sum(map(executed, day()))


def test_the_day_has_what_tells_readers_apart() -> None:
    table = expected()
    assert table["bid_px_09"].isna().any()
    assert table["bid_px_09"].notna().any()
    assert (table["volume"] > 0).sum() == 3
    assert table["ask_px_00"].iloc[-1] != table["ask_px_00"].iloc[24]
