"""The generated desk: sound orders are solved, and every way of being malformed is told."""

from contextlib import contextmanager
from pathlib import Path

import pandas as pd
import pytest
from desk_cases import InlinePool, read
from typer.testing import CliRunner

import optexec as ox
from benchmarks.desk_orders import FAULTS, curves, kind, order, problem, write
from optexec.runners.app import main

ORDERS, BUCKETS, SYMBOLS = 100 * len(FAULTS), 8, 20


def test_only_malformed_orders_fail_each_for_a_reason_of_its_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    @contextmanager
    def inline(workers: int):
        yield InlinePool()

    monkeypatch.setattr("optexec.runners.desk.pools.local_pool", inline)
    table, store = write(tmp_path, ORDERS, BUCKETS, SYMBOLS)
    result = CliRunner().invoke(main, ["batch", str(table), "--buckets", str(store), "-o", str(tmp_path / "out"), "-q"])
    assert result.exit_code == 5, result.output
    summary, _ = read(tmp_path / "out")
    assert len(summary) == ORDERS
    failed = summary[summary["error"] != ""]
    assert len(failed) == len(FAULTS)
    reasons = failed["error"].str.replace(r".*row \d+(, |: )", "", regex=True)
    assert reasons.nunique() == len(FAULTS)
    numbers = set(failed["order_id"].str[1:]) - {"", "0000000"}
    assert {kind(int(number)) for number in numbers} == {"malformed"}
    check(summary[summary["error"] == ""].iloc[::50])


def check(solved: pd.DataFrame) -> None:
    """Hold objectives to those of the declarations that the benchmark writes by hand."""
    for found in solved.itertuples():
        row = order(int(found.order_id[1:]), SYMBOLS)
        expected = ox.solve(problem(row, curves(found.symbol, BUCKETS))).objective
        assert found.objective == pytest.approx(expected, rel=1e-9)
