"""Reading LOBSTER files, sound and mutilated."""

import gzip
from collections import Counter
from collections.abc import Callable
from datetime import date
from decimal import Decimal
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from optexec.data import book_builder, lobster_table
from optexec.data.book import BOOK_COLUMNS, LEVELS
from optexec.data.events import Events
from optexec.data.lobster import find_orderbook, is_lobster_message, read_lobster
from optexec.models.errors import InvalidInput

LOBSTER = Path(__file__).parents[2].parent / "shared/data/lobster"
HOUR = LOBSTER / "AAPL_2012-06-21_34200000_37800000_message_50.csv.gz"
SECONDS = LOBSTER / "AAPL_2012-06-21_0930_1030_mbp10_1s_rebuilt.csv.gz"
FIRST = LOBSTER / "AAPL_2012-06-21_first998_message_10.csv"
real_data = pytest.mark.skipif(not HOUR.exists(), reason="the real AAPL hour is not beside the project")

MESSAGE, ORDERBOOK = (
    "TEST_2025-01-15_34200000_57600000_message_10.csv",
    "TEST_2025-01-15_34200000_57600000_orderbook_10.csv",
)
EMPTY = {1: "-9999999999,0", -1: "9999999999,0"}
Lines = list[str]
Pair = tuple[Lines, Lines]


def random_pair(seed: int, rows: int = 60, depth: int = 9, levels: int = 10) -> Pair:
    """Lines of a message file and of its orderbook file; orders rest at `depth` prices a side."""
    random = np.random.default_rng(seed)
    resting: dict[int, tuple[int, int, int]] = {}
    messages, books = [], []
    nanoseconds = 34_200 * 10**9
    for number in range(1, rows + 1):
        nanoseconds += int(random.integers(1, 10**9))
        kind = int(random.choice([1, 2, 3, 4, 5], p=[0.55, 0.1, 0.15, 0.1, 0.1]))
        if kind in (2, 3, 4) and resting:
            order = int(random.choice(list(resting)))
            held, price, direction = resting.pop(order)
            size = held if kind == 3 else int(random.integers(1, held + 1))
            if held > size:
                resting[order] = held - size, price, direction
        elif kind == 5:
            order, size, price, direction = 0, 7, 1_000_000, 1
        else:
            kind, order, size, direction = 1, number, int(random.integers(1, 400)), int(random.choice([-1, 1]))
            price = 1_000_000 - direction * 100 * int(random.integers(1, depth + 1))
            resting[order] = size, price, direction
        seconds = f"{nanoseconds // 10**9}.{nanoseconds % 10**9:09d}".rstrip("0")
        messages.append(f"{seconds},{kind},{order},{size},{price},{direction}")
        shares: Counter[tuple[int, int]] = Counter()
        for size, price, direction in resting.values():
            shares[direction, price] += size
        ladders = [[f"{key[1]},{shares[key]}" for key in sorted(shares) if key[0] == side] for side in (-1, 1)]
        asks, bids = ladders[0] + [EMPTY[-1]] * levels, ladders[1][::-1] + [EMPTY[1]] * levels
        books.append(",".join(f"{ask},{bid}" for ask, bid in zip(asks[:levels], bids[:levels], strict=True)))
    return messages, books


@pytest.fixture
def save(tmp_path: Path) -> Callable[..., Path]:
    def write(lines: Lines, name: str = MESSAGE) -> Path:
        (tmp_path / name).write_text("\n".join(lines) + "\n")
        return tmp_path / name

    return write


Save = Callable[..., Path]


def joined(stretches: list[Events]) -> Events:
    time = pd.DatetimeIndex(np.concatenate([part.time.asi8 for part in stretches]), tz="UTC")
    columns = [np.concatenate([part[field] for part in stretches]) for field in (1, 2, 3)]
    return Events(time.tz_convert("America/New_York"), *columns, rows=sum(part.rows for part in stretches))


def read(message: Path, orderbook: Path | None = None, day: date | None = None) -> Events:
    return joined(list(read_lobster(message, orderbook, day)))


def assert_same(one: Events, other: Events) -> None:
    assert one.time.equals(other.time)
    for here, there in zip(one[1:5], other[1:5], strict=True):
        np.testing.assert_array_equal(here, there)


def refused(message: Path, orderbook: Path | None, *fragments: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        list(read_lobster(message, orderbook))
    told = str(caught.value)
    assert told.startswith(tuple(str(path) for path in (message, orderbook) if path))
    assert "\n" not in told
    for fragment in fragments:
        assert fragment in told


# What sound files give


@settings(max_examples=30)
@given(seed=st.integers(0, 2**32 - 1), rows=st.integers(1, 120))
def test_the_book_of_the_orderbook_file_is_the_one_rebuilt_from_messages(
    tmp_path_factory: pytest.TempPathFactory, seed: int, rows: int
) -> None:
    folder = tmp_path_factory.mktemp("pair")
    messages, books = random_pair(seed, rows)
    (folder / MESSAGE).write_text("\n".join(messages))
    (folder / ORDERBOOK).write_text("\n".join(books) + "\n")
    pair = read(folder / MESSAGE, find_orderbook(folder / MESSAGE))
    assert pair.rows == len(pair.time) == rows
    assert_same(pair, read(folder / MESSAGE))


def test_a_row_of_the_orderbook_becomes_a_row_of_the_book(save: Save) -> None:
    message = save(["34200.004241176,1,16113575,18,5853300,1"])
    orderbook = save(["5859400,200,5853300,18,9999999999,0,5853000,150"], ORDERBOOK)
    events = read(message, orderbook)
    book = pd.Series(events.levels[0], index=BOOK_COLUMNS)
    assert book[["ask_px_00", "ask_sz_00", "bid_px_00", "bid_sz_00"]].tolist() == [585.94, 200, 585.33, 18]
    assert book[["bid_px_01", "bid_sz_01", "ask_sz_01", "bid_sz_02"]].tolist() == [585.30, 150, 0, 0]
    assert book[["ask_px_01", "ask_px_09", "bid_px_02"]].isna().all()
    assert events.time[0] == pd.Timestamp("2025-01-15 09:30:00.004241176", tz="America/New_York")


@settings(max_examples=50)
@given(nanoseconds=st.lists(st.integers(0, 86_399 * 10**9), min_size=1, max_size=50), decimals=st.integers(9, 14))
def test_times_are_exact_to_the_nanosecond(
    tmp_path_factory: pytest.TempPathFactory, nanoseconds: list[int], decimals: int
) -> None:
    path = tmp_path_factory.mktemp("times") / MESSAGE
    moments = sorted(nanoseconds)
    tail = "9" * (decimals - 9)
    path.write_text("\n".join(f"{Decimal(moment).scaleb(-9):.9f}{tail},5,0,1,5853300,1" for moment in moments))
    midnight = pd.Timestamp("2025-01-15", tz="America/New_York").value
    assert (read(path).time.asi8 - midnight).tolist() == moments


@pytest.mark.parametrize("second", ["34200", "34200.", "34200.5", "34200.500000000000"])
def test_times_of_any_number_of_decimals(save: Save, second: str) -> None:
    time = read(save([f"{second},5,0,1,5853300,1"])).time
    assert time[0] == pd.Timestamp("2025-01-15 09:30", tz="America/New_York") + pd.Timedelta(
        seconds=float(second) % 34200
    )


def test_volume_is_the_size_of_executions_displayed_hidden_and_crossed(save: Save) -> None:
    kinds = ["1,7,100", "4,7,60", "2,7,30", "5,0,20", "6,-1,500", "3,7,10"]
    message = save([f"34200.{place},{kind},5853300,1" for place, kind in enumerate(kinds)])
    assert read(message).volume.tolist() == [0, 60, 0, 20, 500, 0]


def test_trading_is_halted_until_it_resumes_and_not_when_quoting_does(
    save: Save, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = ["5,0,1,5853300,1", "7,0,0,-1,-1", "5,0,1,5853300,1", "7,0,0,0,-1", "7,0,0,1,-1", "5,0,1,5853300,1"]
    lines = [f"34200.{place},{row}" for place, row in enumerate(rows)]
    for stretch in (1, 2, 100):
        monkeypatch.setattr(lobster_table, "_ROWS", stretch)
        orderbook = save(["5859400,200,5853300,18"] * len(lines), ORDERBOOK)
        assert read(save(lines), orderbook).halted.tolist() == [False, True, True, True, False, False]
    assert read(save(lines)).halted.tolist() == [False, True, True, True, False, False]


@pytest.mark.parametrize("stretch", [1, 7, 60])
def test_stretches_change_nothing(save: Save, monkeypatch: pytest.MonkeyPatch, stretch: int) -> None:
    messages, books = random_pair(3)
    message, orderbook = save(messages), save(books, ORDERBOOK)
    expected = read(message, orderbook)
    for module in (lobster_table, book_builder):
        monkeypatch.setattr(module, "_ROWS", stretch)
    assert_same(read(message, orderbook), expected)
    assert_same(read(message), expected)


def test_gzip_line_ends_and_byte_order_mark_change_nothing(tmp_path: Path, save: Save) -> None:
    messages, books = random_pair(5)
    expected = read(save(messages), save(books, ORDERBOOK))
    for name, lines in ((MESSAGE, messages), (ORDERBOOK, books)):
        (tmp_path / f"{name}.gz").write_bytes(gzip.compress(b"\xef\xbb\xbf" + "\r\n".join(lines).encode()))
        (tmp_path / name).unlink()
    message = tmp_path / f"{MESSAGE}.gz"
    assert find_orderbook(message) == tmp_path / f"{ORDERBOOK}.gz"
    assert_same(read(message, tmp_path / f"{ORDERBOOK}.gz"), expected)


@pytest.mark.parametrize("levels", [1, 3, 10, 14, 50])
def test_any_number_of_levels_and_never_more_than_ten(save: Save, levels: int) -> None:
    messages, books = random_pair(8, 300, depth=30, levels=levels)
    shown = read(save(messages), save(books, ORDERBOOK)).levels.reshape(-1, 4, LEVELS)
    _, whole = random_pair(8, 300, depth=30, levels=10)
    expected = read(save(messages), save(whole, ORDERBOOK)).levels.reshape(-1, 4, LEVELS)
    kept = min(levels, LEVELS)
    np.testing.assert_array_equal(shown[:, :, :kept], expected[:, :, :kept])
    assert np.isnan(shown[:, :2, kept:]).all()
    assert not shown[:, 2:, kept:].any()


def test_equal_rows_are_legitimate(save: Save) -> None:
    row = "34200.5,5,0,100,5853300,1"
    assert read(save([row, row]), save(["5859400,200,5853300,18"] * 2, ORDERBOOK)).volume.tolist() == [100, 100]


def test_progress_is_told_in_bytes_of_the_message_file(save: Save) -> None:
    message = save(random_pair(1)[0])
    seen: list[int] = []
    list(read_lobster(message, progress=seen.append))
    assert seen[-1] == message.stat().st_size
    assert seen == sorted(seen)


def test_the_day_is_that_of_the_argument_or_of_the_name(save: Save) -> None:
    row = ["34200.5,5,0,100,5853300,1"]
    assert read(save(row)).time[0].date() == date(2025, 1, 15)
    assert read(save(row), day=date(2024, 7, 1)).time[0].isoformat() == "2024-07-01T09:30:00.500000-04:00"
    assert read(save(row, "messages.csv"), day=date(2024, 7, 1)).time[0].date() == date(2024, 7, 1)
    refused(save(row, "messages.csv"), None, "no date in the name; give the argument date")
    refused(save(row, "A_2024-13-41_message_1.csv"), None, "no date in the name")


def test_a_message_file_is_known_by_its_name_or_its_first_line(save: Save) -> None:
    row = ["34200.5,5,0,100,5853300,1"]
    assert is_lobster_message(save(["anything"]))
    assert is_lobster_message(save(row, "renamed file: 1.csv"))
    assert not is_lobster_message(save(["5859400,200,5853300,18"], ORDERBOOK))
    assert not is_lobster_message(save(["ts_event,action"], "mbp-10.csv"))
    assert not is_lobster_message("nowhere.csv")


def test_the_orderbook_file_is_found_by_its_name(save: Save, tmp_path: Path) -> None:
    message = save(["34200.5,5,0,100,5853300,1"])
    assert find_orderbook(message) is None
    orderbook = save(["5859400,200,5853300,18"], ORDERBOOK)
    assert find_orderbook(message) == orderbook
    orderbook.rename(tmp_path / f"{ORDERBOOK}.gz")
    assert find_orderbook(str(message)) == tmp_path / f"{ORDERBOOK}.gz"
    assert find_orderbook(tmp_path / "book.csv") is None


# What is refused, and where


@pytest.mark.parametrize(
    ("row", "fragment"),
    [
        ("x,1,9,100,1000000,1", "row 3, column time: 'x' is not a time in seconds"),
        (",1,9,100,1000000,1", "row 3, column time: '' is not a time"),
        ("-1,1,9,100,1000000,1", "row 3, column time: -1.0 is no time of day"),
        ("90000,1,9,100,1000000,1", "row 3, column time: 90000.0 is no time of day"),
        ("34199.9,1,9,100,1000000,1", "row 3, column time: time goes back"),
        ("34300,0,9,100,1000000,1", "row 3, column type: 0 is no type of message; types are 1 to 7"),
        ("34300,8,9,100,1000000,1", "row 3, column type: 8"),
        ("34300,one,9,100,1000000,1", "row 3, column type: 'one' is not an integer"),
        ("34300,1,0,100,1000000,1", "row 3, column order id: 0"),
        ("34300,1,9.5,100,1000000,1", "row 3, column order id: '9.5' is not an integer"),
        ("34300,1,9,-100,1000000,1", "row 3, column size: -100 is no number of shares"),
        ("34300,1,9,0,1000000,1", "row 3, column size: 0"),
        ("34300,5,9,-1,1000000,1", "row 3, column size: -1"),
        ("34300,1,9,99999999999,1000000,1", "row 3, column size: 99999999999"),
        ("34300,1,9,9999999999999999999999,1000000,1", "row 3, column size: '9999999999999999999999' is not"),
        ("34300,1,9,100,100.33,1", "row 3, column price: '100.33' is not an integer"),
        ("34300,1,9,100,2 33.53,1", "row 3, column price: '2 33.53' is not an integer; mend the cell"),
        ("34300,1,9,100,1e6,1", "row 3, column price: '1e6'"),
        ("34300,1,9,100,0,1", "row 3, column price: 0 is no price"),
        ("34300,1,9,100,-9999999999,1", "row 3, column price: -9999999999"),
        ("34300,7,0,0,2,-1", "row 3, column price: 2 is no state of trading"),
        ("34300,1,9,100,1000000,0", "row 3, column direction: 0"),
        ("34300,1,9,100,1000000,B", "row 3, column direction: 'B'"),
        ("34300,1,9,100,1000000", "row 3: 5 columns instead of 6"),
        ("34300,1,9,100,1000000,1,1", "row 3: 7 columns instead of 6"),
        ("", "row 3: a blank line; delete it"),
    ],
)
def test_a_bad_message_is_reported_by_row_and_column(save: Save, row: str, fragment: str) -> None:
    first = ["34200.5,5,0,100,1000000,1", "34201,5,0,100,1000000,1"]
    message, orderbook = save([*first, row, *first]), save(["1000100,200,1000000,18"] * 5, ORDERBOOK)
    refused(message, None, fragment)
    refused(message, orderbook, fragment)


@pytest.mark.parametrize(
    ("row", "fragment"),
    [
        ("1000100,200,1000000,x", "row 2, column bid size 1: 'x' is not an integer"),
        ("1000100,200,1000000,", "row 2, column bid size 1: ''"),
        ("100.01,200,1000000,18", "row 2, column ask price 1: '100.01' is not an integer"),
        ("1000100,-200,1000000,18", "row 2, column ask size 1: -200 is no size"),
        ("1000100,0,1000000,18", "row 2, column ask size 1: 0 is no size"),
        ("1000100,200,-9999999999,18", "row 2, column bid size 1: 18 is no size"),
        ("1000100,200,0,18", "row 2, column bid price 1: 0 is no price"),
        ("1000100,200,1000000", "row 2: 3 columns instead of 4"),
        ("1000100,200,1000000,18,1", "row 2: 5 columns instead of 4"),
        ("1000100,200,1000000,19", "row 2: the book does not change as the message of that row says (type 5"),
    ],
)
def test_a_bad_book_is_reported_by_row_and_column(save: Save, row: str, fragment: str) -> None:
    sound = "1000100,200,1000000,18"
    message = save(["34200.5,5,0,100,1000000,1"] * 3)
    refused(message, save([sound, row, sound], ORDERBOOK), fragment)


@pytest.mark.parametrize(
    ("row", "column"),
    [
        ("1000100,200,1000000,18,1000100,200,999900,18", "ask price 2: 1000100"),
        ("1000100,200,1000000,18,1000200,200,1000100,18", "bid price 2: 1000100"),
        ("9999999999,0,1000000,18,1000200,200,999900,18", "ask price 2: 1000200"),
    ],
)
def test_levels_stand_best_first_and_none_behind_an_empty_one(save: Save, row: str, column: str) -> None:
    refused(save(["34200.5,5,0,100,1000000,1"]), save([row], ORDERBOOK), f"row 1, column {column} is no price behind")


def test_files_of_different_lengths_are_refused(save: Save, monkeypatch: pytest.MonkeyPatch) -> None:
    messages, books = random_pair(2)
    for stretch in (7, 59, 60, 100):
        monkeypatch.setattr(lobster_table, "_ROWS", stretch)
        refused(save(messages[:-1]), save(books, ORDERBOOK), f"{MESSAGE}, row 59: the file ends where", "one download")
        refused(save(messages), save(books[:-1], ORDERBOOK), f"{ORDERBOOK}, row 59: the file ends where", MESSAGE)


def test_the_wrong_file_is_refused(save: Save) -> None:
    messages, books = random_pair(2)
    message, orderbook = save(messages), save(books, ORDERBOOK)
    refused(save(books), None, "row 1: 40 columns, as in an orderbook file; give the message file")
    refused(save(messages), message, "row 1: 6 columns, as in a message file; give the orderbook file")
    refused(message, save(random_pair(4)[1], ORDERBOOK), "give the two files of one download")
    assert orderbook.is_file()


def test_a_header_is_refused(save: Save) -> None:
    messages, books = random_pair(2)
    header = "time,type,order id,size,price,direction"
    refused(save([header, *messages]), None, "row 1, column time: 'time' is not a time in seconds; remove the header")
    titles = ",".join(f"level {place}" for place in range(40))
    refused(save(messages), save([titles, *books], ORDERBOOK), "row 1, column ask price 1", "remove the header line")


def test_files_that_cannot_be_read(tmp_path: Path, save: Save) -> None:
    messages, books = random_pair(2)
    orderbook = save(books, ORDERBOOK)
    for name, content, fragment in [
        (MESSAGE, b"", "the file is empty"),
        (MESSAGE, gzip.compress("\n".join(messages).encode())[:-9], "not a whole gzip file"),
        (f"{MESSAGE}.gz", gzip.compress("\n".join(messages).encode())[:-9], "not a whole gzip file"),
        (MESSAGE, b"caf\xe9", "row 1: 1 columns instead of 6"),
    ]:
        (tmp_path / name).write_bytes(content)
        refused(tmp_path / name, None, fragment)
        refused(tmp_path / name, orderbook, fragment)
    refused(tmp_path / "A_2025-01-15_message_9.csv", None, "no such file; check the path")
    refused(save(messages), tmp_path / "nowhere.csv", "no such file; check the path")
    (tmp_path / "B_2025-01-15_message_9.csv").mkdir()
    refused(tmp_path / "B_2025-01-15_message_9.csv", None, "cannot be read")


# Mutilations that can be detected


def some_row(random: np.random.Generator, messages: Lines, kinds: str) -> int:
    """A row between the first and the last of one of these types."""
    return int(random.choice([row for row in range(1, len(messages) - 1) if messages[row].split(",")[1] in kinds]))


def with_cell(lines: Lines, row: int, column: int, change: Callable[[str], str]) -> Lines:
    cells = lines[row].split(",")
    cells[column] = change(cells[column])
    return [*lines[:row], ",".join(cells), *lines[row + 1 :]]


def foreign_byte(random: np.random.Generator, pair: Pair) -> Pair:
    which = int(random.integers(2))
    row = int(random.integers(len(pair[which])))
    line = pair[which][row]
    at = int(random.integers(len(line) + 1))
    strange = str(random.choice(list('x ";#e_+\t'))) if random.random() < 0.8 else "\0"
    spoilt = [*pair[which][:row], line[:at] + strange + line[at:], *pair[which][row + 1 :]]
    return (spoilt, pair[1]) if which == 0 else (pair[0], spoilt)


def comma_lost_or_won(random: np.random.Generator, pair: Pair) -> Pair:
    which = int(random.integers(2))
    row = int(random.integers(len(pair[which])))
    cells = pair[which][row].split(",")
    at = int(random.integers(1, len(cells)))
    joint = ",," if random.random() < 0.5 else ""
    spoilt = [*pair[which]]
    spoilt[row] = ",".join(cells[:at]) + joint + ",".join(cells[at:])
    return (spoilt, pair[1]) if which == 0 else (pair[0], spoilt)


def row_lost_or_doubled_in_one(random: np.random.Generator, pair: Pair) -> Pair:
    which, row = int(random.integers(2)), int(random.integers(len(pair[0])))
    times = int(random.choice([0, 2]))
    spoilt = [*pair[which][:row], *[pair[which][row]] * times, *pair[which][row + 1 :]]
    return (spoilt, pair[1]) if which == 0 else (pair[0], spoilt)


def row_lost_in_both(random: np.random.Generator, pair: Pair) -> Pair:
    row = some_row(random, pair[0], "1234")
    return [*pair[0][:row], *pair[0][row + 1 :]], [*pair[1][:row], *pair[1][row + 1 :]]


def rows_of_the_book_exchanged(random: np.random.Generator, pair: Pair) -> Pair:
    row = some_row(random, pair[0], "1234")
    books = [*pair[1]]
    books[row - 1], books[row] = books[row], books[row - 1]
    return pair[0], books


def size_in_the_book(random: np.random.Generator, pair: Pair) -> Pair:
    row, column = int(random.integers(len(pair[1]) - 1)), 1 + 2 * int(random.integers(20))
    return pair[0], with_cell(pair[1], row, column, lambda cell: str(int(cell) + int(random.choice([-1, 1, 10]))))


def price_in_the_book(random: np.random.Generator, pair: Pair) -> Pair:
    row, column = int(random.integers(len(pair[1]) - 1)), 2 * int(random.integers(20))
    return pair[0], with_cell(pair[1], row, column, lambda cell: str(int(cell) + int(random.choice([-1, 1, 100]))))


def size_of_a_message(random: np.random.Generator, pair: Pair) -> Pair:
    row = some_row(random, pair[0], "1234")
    return with_cell(pair[0], row, 3, lambda cell: str(random.choice([int(cell) + 1, int(cell) * 10, 0]))), pair[1]


def price_of_a_message(random: np.random.Generator, pair: Pair) -> Pair:
    row = some_row(random, pair[0], "123")
    return with_cell(pair[0], row, 4, lambda cell: str(random.choice([int(cell) + 1, int(cell) // 10, -1]))), pair[1]


def side_of_a_message(random: np.random.Generator, pair: Pair) -> Pair:
    return with_cell(pair[0], some_row(random, pair[0], "1234"), 5, lambda cell: str(-int(cell))), pair[1]


def type_of_a_message(random: np.random.Generator, pair: Pair) -> Pair:
    other = {"1": "3", "2": "1", "3": "5", "4": "1", "5": "8"}
    return with_cell(pair[0], some_row(random, pair[0], "12345"), 1, other.__getitem__), pair[1]


def time_that_goes_back(random: np.random.Generator, pair: Pair) -> Pair:
    row = int(random.integers(1, len(pair[0])))
    return with_cell(pair[0], row, 0, lambda cell: f"{float(cell) - 2:.9f}"), pair[1]


def file_cut_off(random: np.random.Generator, pair: Pair) -> Pair:
    which = int(random.integers(2))
    text = "\n".join(pair[which][:-1])
    spoilt = text[: int(random.integers(1, len(text)))].split("\n")
    return (spoilt, pair[1]) if which == 0 else (pair[0], spoilt)


def decimal_point(random: np.random.Generator, pair: Pair) -> Pair:
    if random.random() < 0.5:
        return with_cell(pair[0], some_row(random, pair[0], "12345"), 4, lambda cell: f"{int(cell) / 1e4}"), pair[1]
    return pair[0], with_cell(pair[1], int(random.integers(60)), int(random.integers(40)), lambda cell: f"{cell}.0")


def blank_line(random: np.random.Generator, pair: Pair) -> Pair:
    row = int(random.integers(len(pair[0])))
    return [*pair[0][:row], "", *pair[0][row:]], pair[1]


def files_exchanged(random: np.random.Generator, pair: Pair) -> Pair:
    return pair[1], pair[0]


MUTILATIONS = [
    foreign_byte,
    comma_lost_or_won,
    row_lost_or_doubled_in_one,
    row_lost_in_both,
    rows_of_the_book_exchanged,
    size_in_the_book,
    price_in_the_book,
    size_of_a_message,
    price_of_a_message,
    side_of_a_message,
    type_of_a_message,
    time_that_goes_back,
    file_cut_off,
    decimal_point,
    blank_line,
    files_exchanged,
]


@pytest.mark.parametrize("mutilate", MUTILATIONS, ids=lambda mutilate: mutilate.__name__)
def test_a_mutilated_pair_is_refused(save: Save, mutilate: Callable[[np.random.Generator, Pair], Pair]) -> None:
    for seed in range(40):
        messages, books = mutilate(np.random.default_rng(seed), random_pair(seed))
        refused(save(messages), save(books, ORDERBOOK), "; ")


def outcome(message: Path, orderbook: Path | None = None) -> Events | str:
    """The events, or what is wrong with the files."""
    try:
        return read(message, orderbook)
    except InvalidInput as error:
        return str(error)


def spoilt(text: bytes, *seed: int) -> bytes:
    """A text with one byte changed, mostly to one that such a file may hold."""
    random = np.random.default_rng(seed)
    changed = bytearray(text)
    letters = [*b"0123456789" * 3, *b".,-\n", *random.integers(256, size=6)]
    changed[int(random.integers(len(text)))] = int(random.choice(letters))
    return bytes(changed)


def test_changed_bytes_are_refused_or_leave_the_book_as_it_was(tmp_path: Path) -> None:
    message, orderbook = tmp_path / MESSAGE, tmp_path / ORDERBOOK
    refusals = 0
    for pair_seed in range(10):
        texts = ["\n".join(lines).encode() for lines in random_pair(pair_seed)]
        for path, text in zip((message, orderbook), texts, strict=True):
            path.write_bytes(text)
        sound = read(message, orderbook)
        for seed in range(20):
            path, text = [(message, texts[0]), (orderbook, texts[1])][seed % 2]
            path.write_bytes(spoilt(text, pair_seed, seed))
            found = outcome(message, orderbook)
            path.write_bytes(text)
            if isinstance(found, str):
                assert found.startswith((str(message), str(orderbook)))
                refusals += 1
            else:
                np.testing.assert_array_equal(found.levels, sound.levels)
    assert 100 < refusals < 190


def test_changed_bytes_in_messages_alone_are_refused_by_name_or_read(tmp_path: Path) -> None:
    message = tmp_path / MESSAGE
    refusals = 0
    for pair_seed in range(10):
        text = "\n".join(random_pair(pair_seed)[0]).encode()
        for seed in range(20):
            message.write_bytes(spoilt(text, pair_seed, seed))
            found = outcome(message)
            if isinstance(found, str):
                assert found.startswith(str(message))
                refusals += 1
            else:
                bids, asks, sizes = np.split(found.levels, [LEVELS, 2 * LEVELS], axis=1)
                assert len(found.levels) == 60
                assert (sizes >= 0).all()
                assert not (np.diff(-bids, axis=1) <= 0).any()
                assert not (np.diff(asks, axis=1) <= 0).any()
    assert 80 < refusals < 180


# Real files


@real_data
def test_real_pair_of_files() -> None:
    orderbook = find_orderbook(FIRST)
    assert orderbook is not None
    events = read(FIRST, orderbook)
    rows = np.loadtxt(orderbook, delimiter=",", dtype=np.int64)
    assert events.rows == 999
    np.testing.assert_array_equal(events.levels[:, 0], rows[:, 2] / 10_000)
    np.testing.assert_array_equal(events.levels[:, 39], rows[:, 37])
    assert events.time[0].isoformat() == "2012-06-21T09:30:00.004241176-04:00"
    assert not events.halted.any()


@real_data
def test_real_hour_of_messages_has_the_published_volume_of_each_second() -> None:
    events = read(HOUR)
    published = pd.read_csv(SECONDS)
    ends = np.ceil((events.time - pd.Timestamp("2012-06-21 09:30", tz="America/New_York")) / pd.Timedelta("1s"))
    volume = np.bincount(np.asarray(ends, dtype=int) - 1, weights=events.volume, minlength=3600)
    np.testing.assert_array_equal(volume, published["vol_visible"] + published["vol_hidden"])
    assert events.volume.sum() == 350_494 + 183_135
