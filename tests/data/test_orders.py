"""Every row of a table of orders is told by its number, whatever stands in the others."""

import gzip
from pathlib import Path

import pandas as pd
import pytest
from hypothesis import given
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
    whole = gzip.compress(b"order_id,symbol\n" + b"x,AAA\n" * 50_000)
    path.write_bytes(whole)
    assert OrderTable(path).count() == 50_000
    path.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(InvalidInput, match="not a whole CSV file"):
        list(OrderTable(path).rows())


def test_the_digest_is_that_of_the_content(tmp_path: Path) -> None:
    for name, content in (("a.csv", "order_id\n1\n"), ("b.csv", "order_id\n1\n"), ("c.csv", "order_id\n2\n")):
        (tmp_path / name).write_text(content)
    first, same, other = (OrderTable(tmp_path / f"{name}.csv").digest() for name in "abc")
    assert first == same != other
