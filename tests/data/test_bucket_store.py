"""Buckets by symbol: what is read, what is refused, and which of them lie in a window."""

from decimal import Decimal
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from optexec.data.bucket_store import BucketStore
from optexec.data.text_table import read_rows
from optexec.models.errors import InvalidInput


def put(store: Path, symbol: str, frame: pd.DataFrame, name: str = "part.parquet") -> None:
    (store / f"symbol={symbol}").mkdir(parents=True, exist_ok=True)
    frame.to_parquet(store / f"symbol={symbol}" / name, index=False)


def test_files_of_a_symbol_follow_each_other_by_name(tmp_path: Path) -> None:
    put(tmp_path, "BRK%2FB", pd.DataFrame({"time": ["b"], "a": [2]}), "1.parquet")
    put(tmp_path, "BRK%2FB", pd.DataFrame({"time": ["a"], "a": [1.5]}), "0.parquet")
    store = BucketStore(tmp_path)
    assert list(store.folders) == ["BRK/B"]
    buckets = store.buckets("BRK/B")
    assert (buckets.header, len(buckets)) == (("time", "a"), 2)
    assert buckets.numbers("a").tolist() == [1.5, 2.0]
    assert buckets.labels("time").tolist() == ["a", "b"]


def test_a_symbol_has_one_folder(tmp_path: Path) -> None:
    for symbol in ("BRK%2FB", "BRK%2fB"):
        put(tmp_path, symbol, pd.DataFrame({"a": [1.0]}))
    with pytest.raises(InvalidInput, match="symbol=BRK%2FB and symbol=BRK%2fB are one symbol; keep one of them"):
        BucketStore(tmp_path)


def test_decimals_are_numbers_and_their_nulls_are_blank(tmp_path: Path) -> None:
    put(tmp_path, "A", pd.DataFrame({"a": [Decimal("0.25"), Decimal("12345678.75")], "b": [Decimal("0.5"), None]}))
    buckets = BucketStore(tmp_path).buckets("A")
    assert buckets.numbers("a").tolist() == [0.25, 12345678.75]
    with pytest.raises(InvalidInput, match="row 2, column b: is blank; fill it in"):
        buckets.numbers("b")


def test_files_are_checked_against_those_of_the_digest(tmp_path: Path) -> None:
    for symbol in "AB":
        put(tmp_path, symbol, pd.DataFrame({"a": [1.0]}))
    store = BucketStore(tmp_path)
    store.digest()
    store.check(["A", "B", "unknown"])
    put(tmp_path, "B", pd.DataFrame({"a": [2.0]}))
    store.check(["A"])
    with pytest.raises(InvalidInput, match=r"symbol=B: has changed meanwhile; put it back"):
        store.check(["A", "B"])


def test_a_part_of_the_buckets_keeps_the_numbers_of_its_rows(tmp_path: Path) -> None:
    put(tmp_path, "A", pd.DataFrame({"time": list("abcd"), "a": [1.0, None, 3.0, np.nan]}))
    part = BucketStore(tmp_path).buckets("A").part(2, 4)
    assert len(part) == 2
    with pytest.raises(InvalidInput, match="symbol=A, row 4, column a: is blank; fill it in"):
        part.numbers("a")
    with pytest.raises(InvalidInput, match="symbol=A, row 3, column time: 'c' is not a number"):
        part.numbers("time")


@pytest.mark.parametrize(
    ("frame", "told"),
    [
        (pd.DataFrame({"time": ["a", "a"]}), "row 2, column time: labels two buckets; labels must be unique"),
        (pd.DataFrame({"time": ["a", None]}), "row 2, column time: is blank; fill it in"),
    ],
)
def test_labels_name_one_bucket_each(tmp_path: Path, frame: pd.DataFrame, told: str) -> None:
    put(tmp_path, "A", frame)
    with pytest.raises(InvalidInput, match=told):
        BucketStore(tmp_path).buckets("A").labels("time")


@pytest.mark.parametrize("label", [[1], {"hour": 9}, b"open"])
def test_labels_are_text_numbers_or_times(tmp_path: Path, label: object) -> None:
    put(tmp_path, "A", pd.DataFrame({"time": [None, label]}))
    with pytest.raises(InvalidInput, match="row 2, column time: is no text, number or time; name a column of labels"):
        BucketStore(tmp_path).buckets("A").labels("time")


def test_text_that_is_not_utf8_is_refused_in_one_line(tmp_path: Path) -> None:
    put(tmp_path, "A", pd.DataFrame({"a": [1.0]}))
    damaged = pa.StringArray.from_buffers(1, pa.py_buffer(np.array([0, 1], np.int32)), pa.py_buffer(b"\xff"))
    pq.write_table(pa.table({"time": damaged}), tmp_path / "symbol=A" / "part.parquet")
    with pytest.raises(InvalidInput, match=r"symbol=A, column time: cannot be read \(.*\); write it again$"):
        BucketStore(tmp_path).buckets("A")
    with pytest.raises(InvalidInput, match=r"part\.parquet: not a Parquet file; write it again or save as CSV$"):
        read_rows(tmp_path / "symbol=A" / "part.parquet")


def test_symbols_without_buckets(tmp_path: Path) -> None:
    (tmp_path / "symbol=EMPTY").mkdir()
    put(tmp_path, "ROWLESS", pd.DataFrame({"a": np.empty(0)}))
    put(tmp_path, "TWO", pd.DataFrame({"a": [1.0]}), "0.parquet")
    put(tmp_path, "TWO", pd.DataFrame({"a": ["text"]}), "1.parquet")
    store = BucketStore(tmp_path)
    for symbol, told in (("EMPTY", "no buckets"), ("ROWLESS", "no buckets"), ("TWO", "files of different columns")):
        with pytest.raises(InvalidInput, match=told):
            store.buckets(symbol)


def test_the_digest_is_that_of_the_content(tmp_path: Path) -> None:
    put(tmp_path, "A", pd.DataFrame({"a": [1.0]}))
    first = BucketStore(tmp_path).digest()
    assert BucketStore(tmp_path).digest() == first
    put(tmp_path, "A", pd.DataFrame({"a": [2.0]}))
    second = BucketStore(tmp_path).digest()
    (tmp_path / "symbol=A").rename(tmp_path / "symbol=B")
    third = BucketStore(tmp_path).digest()
    put(tmp_path, "C", pd.DataFrame({"a": [2.0]}))
    (tmp_path / "symbol=C").rename(tmp_path / "symbol=\udcff")
    assert len({first, second, third, BucketStore(tmp_path).digest()}) == 4


def test_a_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    put(tmp_path, "A", pd.DataFrame({"a": [1.0]}))
    gone = tmp_path / "symbol=A" / "z.parquet"
    gone.symlink_to(tmp_path / "nowhere.parquet")
    store = BucketStore(tmp_path)
    for read in (store.digest, lambda: store.buckets("A")):
        with pytest.raises(
            InvalidInput, match=f"^{gone}: cannot be read \\(No such file or directory\\); mend it or leave it out"
        ):
            read()
