"""Damaged files: what they give is what the sound file gives wherever the damage did not reach, or they are refused."""

import gzip
from collections.abc import Callable
from difflib import SequenceMatcher
from pathlib import Path
from typing import Any

import databento_dbn as dbn
import numpy as np
import pyarrow as arrow
import pytest

from optexec.data.book import BOOK_COLUMNS, LEVELS, read_book
from optexec.data.databento_csv import read_databento_csv
from optexec.data.databento_dbn import read_dbn
from optexec.data.open_book import open_book
from optexec.models.errors import InvalidInput

OPEN = 1_736_951_400_000_000_000
ROWS = 24
SEEDS = range(20)
Mutation = Callable[[bytes, np.random.Generator], bytes]
Answer = list[tuple[object, ...]]


# Sound files


def dbn_bytes() -> bytes:
    """Every third event is a trade of two records; the ladder's sizes change one at a time."""
    random = np.random.default_rng(7)
    head = dbn.Metadata("XNAS.ITCH", OPEN, dbn.SType.RAW_SYMBOL, dbn.SType.INSTRUMENT_ID, dbn.Schema.MBP_10, ["XYZ"])
    bids = asks = [100] * LEVELS
    found = [head.encode()]
    for place in range(ROWS):
        trade, side = place % 3 == 0, dbn.Side.BID if place % 2 else dbn.Side.ASK
        changed = [int(size) for size in np.where(np.arange(LEVELS) == place % LEVELS, random.integers(1, 999), 0)]
        if place and not trade:
            bids = [new or old for new, old in zip(changed, bids, strict=True)] if place % 2 else bids
            asks = asks if place % 2 else [new or old for new, old in zip(changed, asks, strict=True)]
        levels = [
            dbn.BidAskPair((58_570 - level) * 10**7, (58_571 + level) * 10**7, bids[level], asks[level], 1, 1)
            for level in range(LEVELS)
        ]
        action = dbn.Action.TRADE if trade else dbn.Action.MODIFY
        moment = OPEN + (place + trade) * 700_000_000
        message = dbn.MBP10Msg(
            2, 7, moment, 10**10, place, action, side, 0, moment + 9, flags=0 if trade else 128, levels=levels
        )
        found.append(bytes(message))
    return b"".join(found)


def csv_bytes(pretty: bool) -> bytes:
    file = arrow.BufferOutputStream()
    transcoder = dbn.Transcoder(file, dbn.Encoding.CSV, dbn.Compression.NONE, pretty, pretty)
    transcoder.write(dbn_bytes())
    transcoder.finish()
    return file.getvalue().to_pybytes()


def table_bytes() -> bytes:
    """Snapshots, one a second."""
    random = np.random.default_rng(8)
    lines = [",".join(["time", *BOOK_COLUMNS, "volume"])]
    for second in range(ROWS):
        prices = [f"{price / 100:.2f}" for price in [*range(9999, 9989, -1), *range(10001, 10011)]]
        sizes = [str(size) for size in random.integers(1, 999, size=2 * LEVELS)]
        lines.append(",".join([f"2025-01-15T09:30:{second:02d}-05:00", *prices, *sizes, str(second)]))
    return ("\n".join(lines) + "\n").encode()


def events_of(path: Path) -> Answer:
    reader = read_dbn if ".dbn" in path.name else read_databento_csv
    return [
        (time, levels.tobytes(), volume)
        for part in reader(path)
        for time, levels, volume in zip(part.time, part.levels, part.volume, strict=True)
    ]


def rows_of(path: Path) -> Answer:
    book = read_book(path)
    return [(time, row.tobytes()) for time, row in zip(book.index, book.to_numpy(), strict=True)]


# Mutations of text


def cells(line: bytes) -> list[bytes]:
    return line.split(b",")


def on_lines(change: Callable[[list[bytes], np.random.Generator], list[bytes]]) -> Mutation:
    """A mutation of the lines below the header."""

    def mutate(content: bytes, random: np.random.Generator) -> bytes:
        header, *lines = content.splitlines()
        return b"\n".join([header, *change(lines, random)]) + b"\n"

    return mutate


def on_a_cell(change: Callable[[bytes, np.random.Generator], bytes], only_numbers: bool = False) -> Mutation:
    def change_lines(lines: list[bytes], random: np.random.Generator) -> list[bytes]:
        row = random.integers(len(lines))
        split = cells(lines[row])
        places = [place for place, cell in enumerate(split) if not only_numbers or cell.replace(b".", b"").isdigit()]
        place = random.choice(places)
        split[place] = change(split[place], random)
        return [*lines[:row], b",".join(split), *lines[row + 1 :]]

    return on_lines(change_lines)


def insert(texts: list[bytes]) -> Callable[[bytes, np.random.Generator], bytes]:
    def change(content: bytes, random: np.random.Generator) -> bytes:
        place = random.integers(len(content) + 1)
        return content[:place] + texts[random.integers(len(texts))] + content[place:]

    return change


def cut(content: bytes, random: np.random.Generator) -> bytes:
    place, length = random.integers(len(content)), random.integers(1, 40)
    return content[:place] + content[place + length :]


def truncate(content: bytes, random: np.random.Generator) -> bytes:
    return content[: random.integers(len(content))]


def flip(content: bytes, random: np.random.Generator) -> bytes:
    place = random.integers(len(content))
    return content[:place] + bytes([content[place] ^ (1 << random.integers(8))]) + content[place + 1 :]


def overwrite(content: bytes, random: np.random.Generator) -> bytes:
    place = random.integers(len(content))
    return content[:place] + random.bytes(4) + content[place + 4 :]


def swap_cells(lines: list[bytes], random: np.random.Generator) -> list[bytes]:
    row = random.integers(len(lines))
    split = cells(lines[row])
    one, other = random.choice(len(split), size=2, replace=False)
    split[one], split[other] = split[other], split[one]
    return [*lines[:row], b",".join(split), *lines[row + 1 :]]


def shift_row(lines: list[bytes], random: np.random.Generator) -> list[bytes]:
    """Lose one cell of a row and double another, so that the row keeps its length."""
    row = random.integers(len(lines))
    split = cells(lines[row])
    lost, doubled = random.choice(len(split), size=2, replace=False)
    twice = [*split[: doubled + 1], *split[doubled:]]
    del twice[lost if lost <= doubled else lost + 1]
    return [*lines[:row], b",".join(twice), *lines[row + 1 :]]


def lose_a_cell(lines: list[bytes], random: np.random.Generator) -> list[bytes]:
    row = random.integers(len(lines))
    split = cells(lines[row])
    del split[random.integers(len(split))]
    return [*lines[:row], b",".join(split), *lines[row + 1 :]]


def swap_rows(lines: list[bytes], random: np.random.Generator) -> list[bytes]:
    one, other = random.choice(len(lines), size=2, replace=False)
    lines[one], lines[other] = lines[other], lines[one]
    return lines


def shuffle_rows(lines: list[bytes], random: np.random.Generator) -> list[bytes]:
    return [lines[place] for place in random.permutation(len(lines))]


def lose_rows(lines: list[bytes], random: np.random.Generator) -> list[bytes]:
    first = random.integers(len(lines) - 4)
    return lines[:first] + lines[first + random.integers(1, 4) :]


def without_a_column(content: bytes, random: np.random.Generator) -> bytes:
    split = [cells(line) for line in content.splitlines()]
    place = random.integers(len(split[0]))
    return b"\n".join(b",".join(row[:place] + row[place + 1 :]) for row in split) + b"\n"


def header_again(content: bytes, random: np.random.Generator) -> bytes:
    lines = content.splitlines()
    lines.insert(random.integers(1, len(lines)), lines[0])
    return b"\n".join(lines) + b"\n"


def other_line_ends(content: bytes, random: np.random.Generator) -> bytes:
    lines = content.splitlines()
    ends = [b"\n", b"\r\n", b"\n\n", b"\r\n\r\n", b"\r"]
    return b"".join(line + ends[random.integers(len(ends))] for line in lines)


def garbled_header(content: bytes, random: np.random.Generator) -> bytes:
    header, rest = content.split(b"\n", 1)
    return flip(header, random) + b"\n" + rest


TEXT: dict[str, Mutation] = {
    "bytes cut": cut,
    "truncated": truncate,
    "bit flipped": flip,
    "bytes overwritten": overwrite,
    "cells swapped": on_lines(swap_cells),
    "text in a number": on_a_cell(insert([b" ", b"x", b"1 ", b".", b"-", b"e", b"\0", b"\xff", b'"', b"O"]), True),
    "digits in a number": on_a_cell(insert([b"0", b"7", b"00"]), True),
    "comma in a cell": on_a_cell(insert([b","])),
    "negative": on_a_cell(lambda cell, _: b"-" + cell, True),
    "huge": on_a_cell(lambda cell, _: cell + b"0" * 30, True),
    "point lost": on_a_cell(lambda cell, _: cell.replace(b".", b"")),
    "blank": on_a_cell(lambda _, __: b""),
    "NUL": insert([b"\0", b"\0\0\0"]),
    "not UTF-8": insert([b"\xff", b"\xc3(", b"\x80"]),
    "row shifted": on_lines(shift_row),
    "cell lost": on_lines(lose_a_cell),
    "rows swapped": on_lines(swap_rows),
    "rows shuffled": on_lines(shuffle_rows),
    "rows lost": on_lines(lose_rows),
    "column lost": without_a_column,
    "header again": header_again,
    "line ends": other_line_ends,
    "header garbled": garbled_header,
}
BINARY: dict[str, Mutation] = {
    "bytes cut": cut,
    "truncated": truncate,
    "bit flipped": flip,
    "bytes overwritten": overwrite,
    "bytes inserted": insert([b"\0", b"\xff" * 7, b"junk", b"\0" * 400]),
}


# The rule


def apart(before: Answer, after: Answer) -> int:
    """How many entries of either were lost, replaced or added, in order."""
    matcher = SequenceMatcher(None, before, after, autojunk=False)
    changes = [code for code in matcher.get_opcodes() if code[0] != "equal"]
    return sum(max(high - low, top - bottom) for _, low, high, bottom, top in changes)


def lines_of(content: bytes) -> Answer:
    return [(line,) for line in content.splitlines() if line]


def records_of(content: bytes) -> Answer:
    start = 8 + int.from_bytes(content[4:8], "little")
    return [(content[:start],), *((content[low : low + 368],) for low in range(start, len(content), 368))]


def answer(read: Callable[[Path], Any], path: Path) -> Any:
    """What a reader gives, None where it refuses in one line that begins with the file."""
    try:
        return read(path)
    except InvalidInput as error:
        told = str(error)
    assert told.startswith(str(path))
    assert "\n" not in told
    return None


def judge(path: Path, read: Callable[[Path], Answer], whole: Answer, reach: int) -> bool:
    """Return whether a damaged file was read; it may differ in two events for each row that the damage reached.

    Two, because a row that no longer ends an event leaves its trades to the next.
    """
    found = answer(read, path)
    opened = answer(open_book, path)
    if found is None:
        assert opened is None
        return False
    assert apart(whole, found) <= 2 * reach, f"{apart(whole, found)} events differ where {reach} rows do"
    return True


def damaged(name: str, content: bytes, mutations: dict[str, Mutation]) -> list[tuple[str, int, bytes]]:
    return [
        (kind, seed, mutate(content, np.random.default_rng([seed, len(kind), len(name)])))
        for kind, mutate in mutations.items()
        for seed in SEEDS
    ]


@pytest.mark.parametrize(
    ("name", "content", "read"),
    [
        ("pretty.csv", csv_bytes(True), events_of),
        ("integers.csv", csv_bytes(False), events_of),
        ("table.csv", table_bytes(), rows_of),
    ],
)
def test_damaged_text(tmp_path: Path, name: str, content: bytes, read: Callable[[Path], Answer]) -> None:
    path = tmp_path / name
    path.write_bytes(content)
    whole = read(path)
    outcomes = []
    for kind, _, mutated in damaged(name, content, TEXT):
        path.write_bytes(mutated)
        outcomes.append((kind, judge(path, read, whole, apart(lines_of(content), lines_of(mutated)))))
    refused = {kind for kind in TEXT if not any(was_read for of, was_read in outcomes if of == kind)}
    assert {"cell lost", "comma in a cell", "header again", "rows shuffled"} <= refused
    assert sum(was_read for _, was_read in outcomes) > len(outcomes) / 10


def test_damaged_dbn(tmp_path: Path) -> None:
    content, path = dbn_bytes(), tmp_path / "day.dbn"
    path.write_bytes(content)
    whole = events_of(path)
    outcomes = []
    for _, _, mutated in damaged("day.dbn", content, BINARY):
        path.write_bytes(mutated)
        outcomes.append(judge(path, events_of, whole, apart(records_of(content), records_of(mutated))))
    assert 0.1 * len(outcomes) < sum(outcomes) < 0.9 * len(outcomes)


@pytest.mark.parametrize("name", ["pretty.csv.gz", "table.csv.gz"])
def test_damaged_gzip_gives_the_same_or_nothing(tmp_path: Path, name: str) -> None:
    content, read = (csv_bytes(True), events_of) if "pretty" in name else (table_bytes(), rows_of)
    path = tmp_path / name
    packed = gzip.compress(content, mtime=0)
    path.write_bytes(packed)
    whole = read(path)
    for _, _, mutated in damaged(name, packed, BINARY):
        path.write_bytes(mutated)
        judge(path, read, whole, 0)


@pytest.mark.parametrize("name", ["day.csv.zst", "day.dbn.zst"])
def test_damaged_zstd_is_refused_wherever_it_is_cut(tmp_path: Path, name: str) -> None:
    packed = arrow.Codec("zstd").compress(csv_bytes(True) if "csv" in name else dbn_bytes(), asbytes=True)
    path = tmp_path / name
    for kept in range(0, len(packed), 37):
        path.write_bytes(packed[:kept])
        assert not judge(path, events_of, [], 0)


# Silent wrong numbers that look like right ones


@pytest.mark.parametrize(
    ("column", "before", "after", "refusal"),
    [
        ("ask_px_04", b"585.750000000", b"58.5750000000", "ask_px_04: 58.575 is not worse"),
        ("ask_px_04", b"585.750000000", b"5857.50000000", "ask_px_05: 585.76 is not worse"),
        ("ask_px_04", b"585.750000000", b"585750000000", "ask_px_04: 585750000000 is no price in dollars"),
        ("bid_px_04", b"585.660000000", b"5856.60000000", "bid_px_04: 5856.6 is not worse"),
        ("bid_px_04", b"585.660000000", b"585.670000000", "bid_px_04: 585.67 is not worse"),
        ("ask_px_00", b"585.710000000", b"", "ask_sz_00"),
        ("ask_sz_03", None, b"0", "ask_sz_03: 0 is no size for its price"),
        ("ask_sz_03", None, b"4294967296", "no whole number"),
        ("action", None, b"Q", "action: 'Q' is none of"),
    ],
)
def test_one_wrong_cell_is_found(tmp_path: Path, column: str, before: bytes | None, after: bytes, refusal: str) -> None:
    header, *lines = csv_bytes(True).splitlines()
    place = cells(header).index(column.encode())
    split = cells(lines[7])
    assert before in (None, split[place])
    split[place] = after
    path = tmp_path / "day.csv"
    path.write_bytes(b"\n".join([header, *lines[:7], b",".join(split), *lines[8:]]) + b"\n")
    with pytest.raises(InvalidInput) as caught:
        open_book(path)
    assert f"{path}, row 9, column " in str(caught.value)
    assert refusal in str(caught.value)


@pytest.mark.parametrize("after", ["5858.0", "900.0"])
def test_a_wrong_price_at_the_last_level_is_in_doubt(tmp_path: Path, after: str) -> None:
    header, *lines = csv_bytes(True).splitlines()
    place = cells(header).index(b"ask_px_09")
    split = cells(lines[8])
    split[place] = after.encode()
    path = tmp_path / "day.csv"
    path.write_bytes(b"\n".join([header, *lines[:8], b",".join(split), *lines[9:]]) + b"\n")
    assert open_book(path).quality.doubtful["book moves against the action"] >= 1


def test_a_wrong_best_price_is_crossed_and_not_offered(tmp_path: Path) -> None:
    header, *lines = csv_bytes(True).splitlines()
    place = cells(header).index(b"bid_px_00")
    split = cells(lines[-1])
    split[place] = b"5857.0"
    path = tmp_path / "day.csv"
    path.write_bytes(b"\n".join([header, *lines[:-1], b",".join(split)]) + b"\n")
    day = open_book(path)
    assert day.quality.crossed == day.quality.left_out["crossed"] == 1
    assert day.book["bid_px_00"].max() < 586


@pytest.mark.parametrize("shift", [-1, 1])
def test_a_row_shifted_by_a_cell_is_refused(tmp_path: Path, shift: int) -> None:
    header, *lines = csv_bytes(True).splitlines()
    path = tmp_path / "day.csv"
    needed = {place for place, name in enumerate(cells(header)) if name.decode() in BOOK_COLUMNS}
    for start in range(min(needed), max(needed)):
        split = cells(lines[5])
        moved = split[: start + 1] + split[start:-1] if shift > 0 else split[:start] + split[start + 1 :] + [b"1"]
        path.write_bytes(b"\n".join([header, *lines[:5], b",".join(moved), *lines[6:]]) + b"\n")
        with pytest.raises(InvalidInput):
            open_book(path)
