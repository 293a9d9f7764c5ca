"""`optexec batch`: every order is what `ox.solve` makes of its declaration, and a bad one stops nothing."""

import json
import shutil
import subprocess
from collections.abc import Callable
from decimal import Decimal
from itertools import count, pairwise
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from desk_cases import (
    BUCKETS,
    TIMES,
    InlinePool,
    curves,
    declared,
    mounted,
    read,
    row,
    same_results,
    sound_rows,
    write_csv,
    write_store,
)
from typer.testing import Result

import optexec as ox
from optexec.runners.desk.work import Done

Batch = Callable[..., Result]


def check_as_solved(folder: Path, rows: list[dict]) -> None:
    summary, schedules = read(folder)
    assert summary["order_id"].tolist() == [cells["order_id"] for cells in rows]
    by_order = dict(list(schedules.groupby("order_id")))
    for cells, (_, found) in zip(rows, summary.iterrows(), strict=True):
        problem = declared(cells)
        expected = ox.solve(problem)
        shares = by_order[cells["order_id"]]["shares"].to_numpy()
        assert found["error"] == ""
        assert found["objective"] == pytest.approx(expected.objective, rel=1e-9)
        assert found["lower_bound"] == pytest.approx(expected.lower_bound, rel=1e-9)
        assert found["status"] == expected.status == "optimal"
        assert problem.objective(shares) == pytest.approx(found["objective"], rel=1e-12)
        assert shares.sum() == pytest.approx(problem.shares, rel=1e-9)
        assert by_order[cells["order_id"]]["inventory"].to_numpy() == pytest.approx(problem.inventory(shares))
        inside = [t for t in TIMES if cells["start"] <= t and (t < cells["end"] or not cells["end"])]
        assert by_order[cells["order_id"]]["bucket"].tolist() == inside
        assert set(by_order[cells["order_id"]]["symbol"]) == {cells["symbol"]}


def test_orders_of_a_csv_file_are_as_one_at_a_time(batch: Batch, tmp_path: Path) -> None:
    rows = sound_rows(24)
    result = batch(write_csv(tmp_path / "orders.csv", rows))
    assert result.exit_code == 0, result.output
    assert result.stderr == ""
    check_as_solved(tmp_path / "out", rows)
    assert "24 orders in" in result.stdout
    methods = set(read(tmp_path / "out")[0]["method"])
    assert methods == {"waterfill", "newton", "branch", "dp"}


def test_orders_of_a_parquet_file_are_as_those_of_a_csv_file(batch: Batch, tmp_path: Path) -> None:
    rows = sound_rows(8)
    typed = pd.DataFrame(rows).replace("", None).convert_dtypes()
    typed["shares"] = typed["shares"].astype(int)
    typed.to_parquet(tmp_path / "orders.parquet", index=False)
    assert batch(tmp_path / "orders.parquet").exit_code == 0
    summary, _ = read(tmp_path / "out")
    assert summary["row"].tolist() == list(range(1, 9))
    check_as_solved(tmp_path / "out", rows)


def test_convex_orders_are_solved_together(batch: Batch, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def never(*arguments: object, **options: object) -> None:
        raise AssertionError("solved by itself")

    monkeypatch.setattr("optexec.solve", never)
    rows = [row(f"o{k}", objective="ABC"[k % 3], shares=1000 + k) for k in range(30)]
    assert batch(write_csv(tmp_path / "orders.csv", rows)).exit_code == 0


MALFORMED = {
    "shares": (row("x", shares="ten"), "invalid", "key order.shares: input should be a valid number, got 'ten'"),
    "no shares": (row("x", shares=""), "invalid", "key order.shares: is missing; add it"),
    "negative": (row("x", shares=-5), "invalid", "order.shares must be > 0, got -5.0"),
    "huge": (row("x", shares="1e999"), "invalid", "order.shares must be finite, got inf"),
    "nan": (row("x", shares="nan"), "invalid", "order.shares must be finite, got nan"),
    "side": (row("x", side="by"), "invalid", "unknown side 'by'; did you mean 'buy'?"),
    "method": (row("x", method="newtn"), "invalid", "key solve.method: unknown method 'newtn'; did you mean 'newton'?"),
    "gap": (row("x", gap=-1), "invalid", "key solve.gap: gap must be > 0, got -1.0"),
    "time limit": (row("x", time_limit="nan"), "invalid", "key solve.time_limit: time_limit must be finite, got nan"),
    "not for it": (row("x", method="highs"), "invalid", "row 21: method 'highs' does not apply: "),
    "symbol": (row("x", symbol="AAAA"), "invalid", "unknown symbol of store 'AAAA'; did you mean 'AAA'?"),
    "no symbol": (row("x", symbol=" "), "invalid", "column symbol: is blank"),
    "no name": (row(""), "invalid", "column order_id: is blank"),
    "twice": (row("first"), "invalid", "column order_id: 'first' is that of row 2 too"),
    "objective": (row("x", objective="D"), "invalid", "unknown objective 'D'"),
    "no objective": (row("x", objective=""), "invalid", "key objective.name: is missing"),
    "no rho": (row("x", objective="B", rho=""), "invalid", "objective B needs rho"),
    "psi": (row("x", objective="C", psi=-1), "invalid", "psi must be >= 0, got -1.0"),
    "weights": (row("x", objective="C", weights="lnear"), "invalid", "unknown weights 'lnear'; did you mean 'linear'?"),
    "column": (row("x", volume="volum"), "invalid", "unknown column of symbol=AAA 'volum'; did you mean 'volume'?"),
    "text": (row("x", volume="time"), "invalid", "symbol=AAA, row 1, column time: '09:30' is not a number"),
    "participation": (row("x", participation=2), "invalid", "limits.participation must be a fraction in (0, 1]"),
    "infeasible": (row("x", participation=0.01), "infeasible", "; raise participation to "),
    "cap": (row("x", maximum=10), "infeasible", "limits allow 60 of 2,000 shares"),
    "lot": (row("x", lot=5000), "invalid", "order.lot is 5,000 shares, more than the order's 2,000"),
    "window": (row("x", start="09:33", end="09:33"), "invalid", "no bucket has its time in [09:33, 09:33)"),
    "late": (row("x", start="16:00"), "invalid", "they run from 09:30 to 09:35"),
    "short line": ("x,AAA,buy", "invalid", "3 fields where the header has 18; complete it"),
    "long line": ("x" + "," * 20, "invalid", "21 fields where the header has 18"),
    "quotes": ('x,AAA,"buy,5', "invalid", "not a line of CSV"),
    "bytes": ("x,AAA,\udcff" + "," * 15, "invalid", "not UTF-8 text"),
}


@pytest.fixture(scope="module")
def malformed() -> list:
    """A table of sound orders with a malformed one before each."""
    rows: list = [row("first")]
    for number, (cells, _, _) in enumerate(MALFORMED.values()):
        rows += [
            cells if isinstance(cells, str) else cells | {"order_id": cells["order_id"].replace("x", f"x{number}")}
        ]
        rows += [row(f"sound{number}", shares=1000 + number)]
    return rows


def test_malformed_orders_are_told_with_reasons_and_stop_nothing(batch: Batch, tmp_path: Path, malformed: list) -> None:
    result = batch(write_csv(tmp_path / "orders.csv", malformed))
    assert result.exit_code == 5
    summary, schedules = read(tmp_path / "out")
    assert summary["row"].tolist() == list(range(2, len(malformed) + 2))
    for (kind, (_, status, told)), (_, found) in zip(MALFORMED.items(), summary.iloc[1::2].iterrows(), strict=True):
        assert (found["status"], found["method"]) == (status, ""), kind
        assert told in found["error"], kind
        assert found["error"].startswith(f"{tmp_path}/orders.csv, row {found['row']}"), kind
        assert np.isnan(found["objective"])
    assert set(summary.iloc[::2]["status"]) == {"optimal"}
    assert len(schedules) == BUCKETS * (len(MALFORMED) + 1)
    assert f"{len(MALFORMED)} without a schedule" in result.stdout


def test_json_is_one_object_that_counts_the_orders(batch: Batch, tmp_path: Path, malformed: list) -> None:
    orders = write_csv(tmp_path / "orders.csv", malformed)
    for before in (0, len(malformed)):
        result = batch(orders, "--json")
        told = json.loads(result.stdout)
        assert (result.exit_code, result.stderr) == (5, "")
        assert told["schema"] == "optexec.batch.v1"
        assert (told["orders"], told["failed"]) == (len(malformed), len(MALFORMED))
        assert told["finished_before"] == before
        assert sum(kind["orders"] for kind in told["kinds"]) == len(malformed)
        assert {failure["row"] for failure in told["failures"]} == set(range(3, len(malformed) + 2, 2))


def test_an_order_that_crashes_a_solver_is_a_failure(batch: Batch, tmp_path: Path, monkeypatch) -> None:
    def crash(problem: ox.Problem, *arguments: object, **options: object) -> None:
        raise ZeroDivisionError("out of the blue")

    monkeypatch.setattr("optexec.solve", crash)
    assert batch(write_csv(tmp_path / "orders.csv", [row("good"), row("bad", "XAA", maximum=900)])).exit_code == 5
    summary, _ = read(tmp_path / "out")
    assert summary["status"].tolist() == ["optimal", "failed"]
    assert summary["error"][1] == f"{tmp_path}/orders.csv, row 3: ZeroDivisionError: out of the blue"


def test_a_block_that_crashes_is_solved_one_by_one(batch: Batch, tmp_path: Path, monkeypatch) -> None:
    def crash(*arguments: object) -> None:
        raise FloatingPointError("in a block")

    monkeypatch.setattr("optexec.runners.desk.work.solve_together", crash)
    rows = sound_rows(4)
    assert batch(write_csv(tmp_path / "orders.csv", rows)).exit_code == 0
    check_as_solved(tmp_path / "out", rows)


def test_a_second_run_solves_nothing_again(batch: Batch, tmp_path: Path, pool: InlinePool) -> None:
    orders = write_csv(tmp_path / "orders.csv", sound_rows(8))
    first = batch(orders)
    before = {path: path.read_bytes() for path in (tmp_path / "out").rglob("*.parquet")}
    pool.submitted.clear()
    second = batch(orders)
    assert (second.exit_code, pool.submitted) == (0, [])
    assert {path: path.read_bytes() for path in (tmp_path / "out").rglob("*.parquet")} == before
    assert first.stdout.splitlines()[:5] == second.stdout.splitlines()[:5]
    assert "8 of them by an earlier run" in second.stdout


@pytest.mark.parametrize("changed", ["orders", "buckets", "settings"])
def test_other_inputs_are_refused(batch: Batch, tmp_path: Path, store: Path, changed: str) -> None:
    orders = write_csv(tmp_path / "orders.csv", sound_rows(3))
    assert batch(orders).exit_code == 0
    if changed == "orders":
        write_csv(orders, sound_rows(4))
    if changed == "buckets":
        curves("CCC").to_parquet(store / "symbol=AAA" / "part.parquet", index=False)
    result = batch(orders, *(["--gap", "1e-3"] if changed == "settings" else []))
    assert result.exit_code == 2
    assert result.stderr.count("\n") == 1
    assert f"holds the results of other {changed}; name another folder, or remove it" in result.stderr


@pytest.mark.parametrize("changed", ["orders", "buckets", "new buckets", "no buckets", "no orders"])
def test_inputs_that_change_while_they_are_read_finish_nothing(
    batch: Batch, tmp_path: Path, store: Path, pool: InlinePool, changed: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And a run with the old ones goes on where it was."""
    monkeypatch.setattr("optexec.runners.desk.recording.FULL", 1)
    monkeypatch.setattr("optexec.runners.desk.reading.AHEAD", 2)
    rows = [row(f"o{k}", "AAA" if k < 6 else "BBB", shares=1000 + k) for k in range(12)]
    orders, path = write_csv(tmp_path / "orders.csv", rows), store / "symbol=BBB/part.parquet"
    assert batch(orders, "-o", tmp_path / "quiet").exit_code == 0
    kept = {each: each.read_bytes() for each in (orders, path)}
    pool.submitted.clear()
    solve, calls = pool.result, count(1)

    def change(future: int) -> Done:
        if next(calls) == 3:
            match changed:
                case "orders":
                    write_csv(orders, [cells | {"shares": 5} for cells in rows])
                case "buckets":
                    curves("CCC").to_parquet(path, index=False)
                case "new buckets":
                    curves("CCC").to_parquet(path.with_name("more.parquet"), index=False)
                case "no buckets":
                    shutil.rmtree(path.parent)
                case "no orders":
                    orders.unlink()
        return solve(future)

    monkeypatch.setattr(pool, "result", change)
    result = batch(orders)
    told = orders if "orders" in changed else path.parent
    assert result.stderr == f"optexec: {told}: has changed meanwhile; put it back and run the same command again\n"
    assert result.exit_code == 2
    assert 0 < len(read(tmp_path / "out")[0]) < len(rows)
    path.parent.mkdir(exist_ok=True)
    path.with_name("more.parquet").unlink(missing_ok=True)
    for each, content in kept.items():
        each.write_bytes(content)
    monkeypatch.setattr(pool, "result", solve)
    assert batch(orders).exit_code == 0
    same_results(tmp_path / "out", tmp_path / "quiet")


def test_labels_that_are_numbers_stay_as_they_are(batch: Batch, tmp_path: Path, store: Path) -> None:
    labels = [930, 931, 932, 1736951400000000000, 1736951460000000000, 1736951520000000000]
    path = store / "symbol=AAA/part.parquet"
    curves("AAA").assign(time=labels).to_parquet(path, index=False)
    curves("BBB").assign(time=np.array(labels) / 4).to_parquet(store / "symbol=BBB/part.parquet", index=False)
    rows = [row("x"), row("y", "BBB", end=233)]
    assert batch(write_csv(tmp_path / "orders.csv", rows)).exit_code == 0
    by_order = read(tmp_path / "out")[1].groupby("order_id")["bucket"].apply(list)
    assert by_order["x"] == [str(label) for label in labels]
    assert by_order["y"] == ["232.5", "232.75"]


def test_what_all_orders_share_stands_in_a_spec(batch: Batch, tmp_path: Path, store: Path) -> None:
    spec = tmp_path / "shared.toml"
    spec.write_text(
        '[order]\nshares = 1\n[buckets]\npath = "gone.csv"\nindex = "time"\n'
        '[[impact]]\nfamily = "Linear"\nquoted = "total"\nslope = 0.02\n'
        '[[impact]]\nfamily = "Power"\nquoted = "per_share"\na = "a"\nb = 0.5\n'
        '[objective]\nname = "C"\npsi = 1e-7\nweights = { volatility = "sigma" }\n[solve]\ngap = 1e-3\n'
    )
    (tmp_path / "orders.csv").write_text("order_id,symbol,shares,impact.1.slope\n1,AAA,900,\n2,AAA,900,0.5\n")
    assert batch(tmp_path / "orders.csv", "--spec", spec, "--set", "objective.psi=1e-6").exit_code == 0
    table, (summary, _) = curves("AAA"), read(tmp_path / "out")
    terms = ox.objective("C", psi=1e-6, weights=ox.volatility_weights(table["sigma"]))
    for slope, objective in zip((0.02, 0.5), summary["objective"], strict=True):
        impact = ox.Linear(slope) + ox.Power(table["a"].to_numpy(), 0.5, quoted="per_share")
        assert objective == pytest.approx(ox.solve(ox.Problem(ox.Order(900), impact, terms)).objective, rel=1e-9)


def test_an_order_names_its_own_method_gap_and_family(batch: Batch, tmp_path: Path) -> None:
    (tmp_path / "orders.csv").write_text(
        "order_id,symbol,shares,objective,family,quoted,slope,method,gap,trader\n"
        "1,AAA,900,A,Linear,per_share,a,twap,0.95,Ann\n2,AAA,900,A,Linear,per_share,a,,,Bob\n"
    )
    assert "unknown column 'trader'" in batch(tmp_path / "orders.csv").stderr
    assert batch(tmp_path / "orders.csv", "--ignore", "trader", "--method", "highs").exit_code == 0
    summary, _ = read(tmp_path / "out")
    assert summary["method"].tolist() == ["twap", "highs"]
    assert summary["status"].tolist() == ["optimal", "optimal"]
    assert summary["gap"][0] > 1e-4


def test_cells_of_every_kind_mean_what_they_mean_in_a_spec(batch: Batch, tmp_path: Path) -> None:
    """Decimals, booleans and tables: as text of a CSV file and as values of a Parquet file."""
    lines = [
        "order_id,symbol,shares,objective,psi,weights,must_complete,unfilled_cost,maximum",
        "1,AAA,900.5,C,1e-7,{ power = 2.0 },false,0.5,100",
        '2,AAA,901.5,C,1e-7,"{ volatility = ""sigma"" }",True,,600',
    ]
    (tmp_path / "orders.csv").write_text("\n".join(lines))
    typed = {
        "order_id": [1, 2],
        "symbol": pa.array(["AAA", "AAA"]).dictionary_encode(),
        "shares": [Decimal("900.5"), Decimal("901.5")],
        "objective": ["C", "C"],
        "psi": [1e-7, 1e-7],
        "weights": [{"power": 2.0, "volatility": None}, {"power": None, "volatility": "sigma"}],
        "must_complete": [False, True],
        "unfilled_cost": [Decimal("0.5"), None],
        "maximum": pa.array([100, 600], pa.int16()),
    }
    pq.write_table(pa.table(typed), tmp_path / "orders.parquet")
    table, impact = curves("AAA"), declared(row("x"))
    weights = (("power", 2.0), ox.volatility_weights(table["sigma"]))
    orders = (ox.Order(900.5, must_complete=False, unfilled_cost=0.5), ox.Order(901.5))
    expected = [
        ox.solve(ox.Problem(order, impact.impact, ox.objective("C", psi=1e-7, weights=w), ox.Limits(maximum=cap)))
        for order, w, cap in zip(orders, weights, (100, 600), strict=True)
    ]
    assert expected[0].unfilled > 100
    for kind in ("csv", "parquet"):
        assert batch(tmp_path / f"orders.{kind}", "-o", tmp_path / kind).exit_code == 0
        summary, schedules = read(tmp_path / kind)
        assert summary["objective"].to_numpy() == pytest.approx([s.objective for s in expected], rel=1e-9)
        traded = schedules.groupby("order_id")["shares"].sum()
        assert traded.to_numpy() == pytest.approx([s.x.sum() for s in expected], rel=1e-6)


def test_what_is_no_text_names_no_order(batch: Batch, tmp_path: Path) -> None:
    typed = {"order_id": [b"1", b"2"], "symbol": ["AAA", "AAA"], "shares": [9.0, 9.0], "objective": ["A", "A"]}
    pq.write_table(pa.table(typed), tmp_path / "orders.parquet")
    assert batch(tmp_path / "orders.parquet").exit_code == 5
    errors = read(tmp_path / "out")[0]["error"]
    assert errors.str.endswith("column order_id: is neither text nor a number; write it as text").all()


def test_decimal_columns_of_the_store_are_numbers(batch: Batch, tmp_path: Path, store: Path) -> None:
    path = store / "symbol=AAA/part.parquet"
    table = pq.read_table(path)
    decimals = [Decimal(round(a * 1e6)).scaleb(-6) for a in table["a"].to_pylist()]
    pq.write_table(table.set_column(table.column_names.index("a"), "a", pa.array(decimals)), path)
    assert batch(write_csv(tmp_path / "orders.csv", [row("x")])).exit_code == 0
    frame = curves("AAA")
    impact = ox.Power([float(a) for a in decimals], frame["b"], quoted="per_share") + ox.Linear(frame["half_spread"])
    expected = ox.solve(ox.Problem(ox.Order(2000), impact, ox.objective("A")))
    assert read(tmp_path / "out")[0]["objective"][0] == pytest.approx(expected.objective, rel=1e-9)


ODD = [
    "BRK/B",
    "A%B",
    "50%25",
    "Ä-株",
    "NA",
    "nan",
    "TRUE",
    "1E5",
    "0700",
    "A B",
    "A,B",
    'Q"',
    "=X",
    "a=b",
    "A\\B",
    "..",
    "~#?*:|",
]


def test_symbols_of_any_characters(batch: Batch, tmp_path: Path, store: Path) -> None:
    """As pandas writes them; each order gets the curves of its own symbol."""
    tables = {symbol: curves("AAA").assign(a=lambda t, k=k: t["a"] * (1 + k)) for k, symbol in enumerate(ODD)}
    whole = pd.concat([table.assign(symbol=symbol) for symbol, table in tables.items()])
    shutil.rmtree(store)
    whole.to_parquet(store, partition_cols=["symbol"], index=False)
    assert batch(write_csv(tmp_path / "orders.csv", [row(s, s) for s in ODD])).exit_code == 0
    summary, schedules = read(tmp_path / "out")
    assert summary["order_id"].tolist() == summary["symbol"].tolist() == ODD
    assert sorted(schedules["symbol"].unique()) == sorted(ODD)
    for symbol, found in zip(ODD, summary["objective"], strict=True):
        table = tables[symbol]
        impact = ox.Power(table["a"], table["b"], quoted="per_share") + ox.Linear(table["half_spread"])
        expected = ox.solve(ox.Problem(ox.Order(2000), impact, ox.objective("A")))
        assert found == pytest.approx(expected.objective, rel=1e-9), symbol


def test_more_symbols_than_are_kept_and_windows_of_one_bucket(
    batch: Batch, tmp_path: Path, store: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("optexec.data.bucket_store.KEPT", 3)
    monkeypatch.setattr("optexec.runners.desk.reading.AHEAD", 8)
    names = [f"S{k}" for k in range(30)]
    write_store(store, names)
    windows = [*pairwise(TIMES), (TIMES[-1], "")]
    cells = [(name, *windows[k % BUCKETS]) for k, name in enumerate([*names, *reversed(names)])]
    rows = [row(f"o{k}", name, start=start, end=end) for k, (name, start, end) in enumerate(cells)]
    assert batch(write_csv(tmp_path / "orders.csv", rows)).exit_code == 0
    summary, schedules = read(tmp_path / "out")
    assert summary["order_id"].tolist() == [each["order_id"] for each in rows]
    for (name, start, _), found in zip(cells, summary["objective"], strict=True):
        [only] = curves(name).set_index("time").loc[[start]].itertuples()
        assert found == pytest.approx(2000 * (only.half_spread + only.a * 2000**only.b), rel=1e-9)
    assert dict(zip(schedules["order_id"], schedules["bucket"], strict=True)) == {
        each["order_id"]: each["start"] for each in rows
    }
    assert schedules["shares"].to_numpy() == pytest.approx(2000)


def test_a_window_that_is_ignored_is_none(batch: Batch, tmp_path: Path) -> None:
    orders = write_csv(tmp_path / "orders.csv", [row("x", start="09:31", end="09:33")])
    assert batch(orders, "--ignore", "start", "--ignore", "end").exit_code == 0
    assert read(tmp_path / "out")[1]["bucket"].tolist() == TIMES


def test_the_time_limit_reaches_each_order(batch: Batch, tmp_path: Path, monkeypatch) -> None:
    asked = []
    solve = ox.solve

    def note(problem: ox.Problem, method: str, **options: float) -> ox.Schedule:
        asked.append(options)
        return solve(problem, method, **options)

    monkeypatch.setattr("optexec.solve", note)
    assert batch(write_csv(tmp_path / "o.csv", [row("x", "XAA", maximum=900)]), "--time-limit", 7).exit_code == 0
    assert asked == [{"time_limit": 7.0}]


def test_no_order_is_lost_or_solved_twice_by_a_run_that_stops(batch: Batch, tmp_path: Path, monkeypatch) -> None:
    """Whatever step it stops at: after each part of the folder that is written, and in the middle of it."""
    import optexec.data.results_folder as results

    rows = [*sound_rows(6), row("bad", side="by"), *(row(f"o{k}") for k in (3, 4, 5))]
    orders = write_csv(tmp_path / "orders.csv", rows)
    monkeypatch.setattr("optexec.runners.desk.recording.FULL", 1)
    monkeypatch.setattr("optexec.runners.desk.reading.CHUNK", BUCKETS)
    monkeypatch.setattr("optexec.runners.desk.reading.AHEAD", 3)
    assert batch(orders).exit_code == 5
    undisturbed = (tmp_path / "out").rename(tmp_path / "undisturbed")
    steps = len(list(undisturbed.rglob("*.parquet")))
    assert steps >= 10
    write = results._write
    for step in range(steps):
        left = step

        def stop(path: Path, content: bytes) -> None:
            nonlocal left
            left -= 1
            if left < 0 and path.suffix == ".parquet":
                path.with_name(f"{path.name}.new").write_bytes(bytes(content)[:100])
                raise KeyboardInterrupt
            write(path, content)

        monkeypatch.setattr(results, "_write", stop)
        assert batch(orders).exit_code == (130 if left < 0 else 5)
        monkeypatch.setattr(results, "_write", write)
        assert batch(orders).exit_code == 5
        same_results(tmp_path / "out", undisturbed)
        assert not list((tmp_path / "out").rglob("*.new"))
        (tmp_path / "out").rename(tmp_path / f"out{step}")


def test_a_full_disk_is_told_and_room_lets_the_run_go_on(batch: Batch, tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr("optexec.runners.desk.recording.FULL", 4)
    monkeypatch.setattr("optexec.runners.desk.reading.CHUNK", 4 * BUCKETS)
    orders = write_csv(tmp_path / "orders.csv", [row(f"o{k}", shares=1000 + k) for k in range(60)])
    assert batch(orders).exit_code == 0
    with mounted(tmp_path / "disk", "40k") as disk:
        result = batch(orders, "-o", disk / "out")
        assert (result.exit_code, result.stdout) == (2, "")
        assert result.stderr == (
            f"optexec: {disk}/out: cannot be written (No space left on device); finished orders are kept, "
            "mend it and run the same command again\n"
        )
        finished, _ = read(disk / "out")
        assert 0 < len(finished) < 60
        subprocess.run(["mount", "-o", "remount,size=10m", disk], check=True)
        told = " ".join(batch(orders, "-o", disk / "out").stdout.split())
        assert f"{len(finished)} of them by an earlier run" in told
        same_results(disk / "out", tmp_path / "out")
        subprocess.run(["mount", "-o", "remount,ro", disk], check=True)
        assert "Read-only file system" in batch(orders, "-o", disk / "new").stderr
        same_results(disk / "out", tmp_path / "out")
