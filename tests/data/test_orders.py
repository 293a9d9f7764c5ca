"""Every row of a table of orders is told by its number, whatever stands in the others."""

import gzip
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from optexec.data.orders import OrderTable, Row
from optexec.models.errors import InvalidInput

SOUND = b"x,AAA"
LINES = st.lists(
    st.sampled_from([SOUND, b"", b"  ", b"x", b"x,AAA,5", b'x,"AAA', b"\xff,AAA", b"x,\x00", b'"a""b",AAA'])
)


@given(LINES, st.sampled_from([b"\n", b"\r\n"]), st.booleans())
def test_a_damaged_line_is_that_line_alone(tmp_path_factory, lines, end, closed):
    path = tmp_path_factory.mktemp("orders") / "orders.csv"
    path.write_bytes(b"\xef\xbb\xbforder_id, symbol" + end + end.join([*lines, b""] if closed else lines))
    table = OrderTable(path)
    assert table.header == ("order_id", "symbol")
    rows = list(table.rows())
    assert [row.number for row in rows] == [k for k, line in enumerate(lines, start=2) if line.strip()]
    for row in rows:
        line = lines[row.number - 2]
        assert bool(row.fault) == (line not in (SOUND, b"x,\x00", b'"a""b",AAA')), line
        if line == SOUND:
            assert row.cells == {"order_id": "x", "symbol": "AAA"}
    assert table.count() >= len(rows)


def test_blank_cells_are_left_out(tmp_path: Path) -> None:
    (tmp_path / "orders.csv").write_text("order_id,symbol,lot\n 007 ,AAA,\n")
    assert list(OrderTable(tmp_path / "orders.csv").rows()) == [Row(2, {"order_id": "007", "symbol": "AAA"})]
    frame = pd.DataFrame({"order_id": [7], "symbol": [" "], "lot": [float("nan")], "side": [None]})
    frame.to_parquet(tmp_path / "orders.parquet", index=False)
    table = OrderTable(tmp_path / "orders.parquet")
    assert list(table.rows()) == [Row(1, {"order_id": 7})]
    assert table.count() == 1


def test_compressed_files_are_read_and_torn_ones_refused(tmp_path: Path) -> None:
    path = tmp_path / "orders.csv.gz"
    whole = gzip.compress(b"order_id,symbol\n" + b"x,AAA\n" * 50_000, mtime=0)
    path.write_bytes(whole)
    assert OrderTable(path).count() == 50_000
    path.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(InvalidInput, match="not a whole gzip file"):
        list(OrderTable(path).rows())


@pytest.mark.parametrize("name", ["orders.csv", "orders.csv.gz"])
@pytest.mark.parametrize("compress", [bytes, gzip.compress, pa.Codec("zstd").compress], ids=["plain", "gzip", "zstd"])
def test_a_file_is_compressed_if_its_bytes_say_so(tmp_path: Path, name: str, compress: Any) -> None:
    path = tmp_path / name
    path.write_bytes(compress(b"order_id,symbol\nx,AAA\n"))
    table = OrderTable(path)
    assert list(table.rows()) == [Row(2, {"order_id": "x", "symbol": "AAA"})]
    assert table.count() == 1


HEADER = b"order_id,symbol\n"


@pytest.mark.parametrize(
    ("name", "content", "told"),
    [
        ("orders.csv", b"order_id,symbol\rx,AAA\r", "new-line character seen in unquoted field"),
        ("orders.csv", b"order_id," + b"x" * 200_000, "field larger than field limit"),
        ("orders.parquet", b"PAR1\xff\xff\xff\x7fPAR1", "smaller than the size reported by footer"),
        ("orders.parquet", b"PAR1PAR1", "Parquet file size is 8 bytes"),
    ],
)
def test_a_file_that_cannot_be_read(tmp_path: Path, name: str, content: bytes, told: str) -> None:
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(InvalidInput, match=rf"{name}: not a whole (CSV|Parquet) file \(.*{told}.*\); write it again$"):
        OrderTable(path)


def test_a_header_in_another_encoding(tmp_path: Path) -> None:
    path = tmp_path / "orders.csv"
    path.write_bytes("order_id,symbol,händler\n".encode("latin-1"))
    with pytest.raises(InvalidInput, match=rf"^{path}, row 1: not UTF-8 text; save the file as UTF-8$"):
        OrderTable(path)


@pytest.mark.parametrize(
    "content", [gzip.compress(HEADER)[:10] + b"\xff" * 20, gzip.compress(HEADER)[:12]], ids=["damaged", "torn"]
)
def test_a_gzip_file_that_cannot_be_read(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "orders.csv.gz"
    path.write_bytes(content)
    with pytest.raises(InvalidInput, match=rf"^{path}: not a whole gzip file; fetch it again or compress it again$"):
        OrderTable(path)


def compressed() -> bytes:
    return gzip.compress(HEADER + b"".join(b"%d,S%d\n" % (k, k * k) for k in range(300)), mtime=0)


def typed() -> bytes:
    """A Parquet file with columns of many types, in small row groups."""
    table = pa.table(
        {
            "order_id": [str(k) for k in range(300)],
            "symbol": pa.array(["AAA", "BBB", "CCC"] * 100).dictionary_encode(),
            "start": [datetime(2025, 1, 15, 9, 30 + k % 30) for k in range(300)],
            "shares": [Decimal(k) / 4 for k in range(300)],
            "weights": [{"power": k / 2} for k in range(300)],
            "a": [[float(k)] * (k % 3) for k in range(300)],
        }
    )
    sink = pa.BufferOutputStream()
    pq.write_table(table, sink, row_group_size=100)
    return sink.getvalue().to_pybytes()


@pytest.mark.parametrize(("name", "whole"), [("orders.csv.gz", compressed()), ("orders.parquet", typed())])
@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_a_damaged_file_is_refused_in_one_line_or_read(tmp_path: Path, name: str, whole: bytes, data: Any) -> None:
    end = data.draw(st.just(len(whole)) | st.integers(0, len(whole)), "end")
    content, kind = bytearray(whole[:end]), 2  # bytes that tell what kind of file it is
    for place in data.draw(st.lists(st.integers(kind, max(end - 1, kind)), max_size=4 if end > kind else 0), "places"):
        content[place] ^= data.draw(st.integers(1, 255), "change")
    (tmp_path / name).write_bytes(content)
    told, read = "", []
    try:
        table = OrderTable(tmp_path / name)
        read = [row.number for row in table.rows()]
        assert table.count() >= len(read)
    except InvalidInput as error:
        told = str(error)
    first = 1 if name.endswith("parquet") else 2
    assert told.startswith(f"{tmp_path}/{name}") if told else read == list(range(first, first + 300))
    assert "\n" not in told


def test_the_digest_is_that_of_the_content(tmp_path: Path) -> None:
    for name, content in (("a.csv", "order_id\n1\n"), ("b.csv", "order_id\n1\n"), ("c.csv", "order_id\n2\n")):
        (tmp_path / name).write_text(content)
    first, same, other = (OrderTable(tmp_path / f"{name}.csv").digest() for name in "abc")
    assert first == same != other
