"""What a whole batch can be refused for: one line, code 2, nothing written."""

import gzip
from collections.abc import Callable
from pathlib import Path

import pytest
from desk_cases import row, sound_rows, write_csv
from typer.testing import Result

Batch = Callable[..., Result]


def line(result: Result) -> str:
    assert (result.exit_code, result.stdout) == (2, ""), result.output
    assert result.stderr.count("\n") == 1
    return result.stderr


@pytest.mark.parametrize(
    ("name", "content", "told"),
    [
        ("orders.csv", b"", "the file is empty"),
        ("orders.csv", b"symbol,shares\nAAA,5\n", "no column 'order_id'"),
        ("orders.csv", b"order_id,shares\nx,5\n", "no column 'symbol'"),
        ("orders.csv", b"order_id,symbol,participaton\n", "'participaton'; did you mean 'participation'?"),
        ("orders.csv", b"order_id,symbol,side,side\n", "column side appears twice"),
        ("orders.csv", b"order_id,symbol,buckets.path\n", "unknown column 'buckets.path'"),
        ("orders.csv.gz", b"\x1f\x8bno gzip", "not a whole gzip file"),
        ("orders.parquet", b"no parquet", "not a whole Parquet file"),
    ],
)
def test_a_file_that_holds_no_orders(batch: Batch, tmp_path: Path, name: str, content: bytes, told: str) -> None:
    (tmp_path / name).write_bytes(content)
    assert told in line(batch(tmp_path / name))
    assert not (tmp_path / "out").exists()


def test_no_such_files(batch: Batch, tmp_path: Path, invoke: Callable[..., Result]) -> None:
    assert "nowhere.csv: no such file" in line(batch(tmp_path / "nowhere.csv"))
    orders = write_csv(tmp_path / "orders.csv", sound_rows(1))
    for store, told in ((tmp_path / "nowhere", "no such folder"), (tmp_path, "no folder symbol=NAME in it")):
        assert told in line(invoke("batch", orders, "--buckets", store, "-o", tmp_path / "out"))


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (["--set", "limts.maximum=5"], "unknown key 'limts'; did you mean 'limits'?"),
        (["--set", "limits"], "not of the form key=value"),
        (["--set", "limits.maximun=5"], "--set, key limits: unknown key 'maximun'; did you mean 'maximum'?"),
        (["--set", "limits=5"], "--set, key limits: input should be a valid dictionary"),
        (["--set", "order.side=by"], "--set, key order.side: unknown side 'by'; did you mean 'buy'?"),
        (["--set", "order.at_end=stp"], "--set, key order.at_end: unknown ending 'stp'"),
        (["--set", "objective.name=D"], "--set, key objective.name: unknown objective 'D'"),
        (["--set", "objective.terms=[{ smothing = { rho = 1.0 } }]"], "unknown key 'smothing'"),
        (["--set", "impact=[{ family = 'Linaer', quoted = 'total' }]"], "unknown family 'Linaer'"),
        (["--set", "impact=[]"], "--set, key impact: list should have at least 1 item"),
        (["--set", "buckets.indx=time"], "--set, key buckets: unknown key 'indx'; did you mean 'index'?"),
        (["--set", "buckets.index=5"], "--set, key buckets.index: input should be a valid string, got 5"),
        (["--set", "buckets=time"], "--set, key buckets: input should be a valid dictionary"),
        (["--method", "newtn"], "--set, key solve.method: unknown method 'newtn'; did you mean 'newton'?"),
        (["--gap", "-1"], "--set, key solve.gap: gap must be > 0, got -1"),
        (["--time-limit", "0"], "--set, key solve.time_limit: time_limit must be > 0, got 0"),
        (["--ignore", "trader"], "no column 'trader'"),
        (["--scheduler", "tcp://127.0.0.1:9", "--workers", 2], "leave --engine and --workers out"),
        (["--scheduler", "tcp://127.0.0.1:9", "--engine", "local"], "leave --engine and --workers out"),
    ],
)
def test_options(batch: Batch, tmp_path: Path, options: list, told: str) -> None:
    assert told in line(batch(write_csv(tmp_path / "orders.csv", sound_rows(1)), *options))


def test_a_mistake_in_what_all_orders_share_is_that_of_the_spec(batch: Batch, tmp_path: Path) -> None:
    orders, spec = write_csv(tmp_path / "orders.csv", sound_rows(2)), tmp_path / "shared.toml"
    for text, told in (
        ("[limits]\nparticipaton = 0.1", "key limits: unknown key 'participaton'; did you mean 'participation'?"),
        ('[order]\nshares = "many"', "key order.shares: input should be a valid number, got 'many'"),
        ('[buckets]\nindex = ["time"]', "key buckets.index: input should be a valid string"),
        ("[[impact]]\nfamily = 'Power'\nslope = 'a'", "key impact.1: unknown key 'slope'; known: family, quoted, a, b"),
    ):
        spec.write_text(text)
        assert f"{spec}, {told}" in line(batch(orders, "--spec", spec))
    assert not (tmp_path / "out").exists()


def test_what_orders_add_to_is_no_mistake(batch: Batch, tmp_path: Path) -> None:
    """Half an impact, an objective or limits in the spec, and the other half in the orders."""
    spec = tmp_path / "shared.toml"
    spec.write_text(
        '[buckets]\nindex = "time"\n[impact]\na = "a"\nb = 0.5\n'
        '[objective]\nname = "B"\n[limits]\nparticipation = 0.5\n'
    )
    (tmp_path / "orders.csv").write_text(
        "order_id,symbol,shares,family,quoted,rho,volume\n1,AAA,900,Power,per_share,1e-6,volume\n"
    )
    assert batch(tmp_path / "orders.csv", "--spec", spec).exit_code == 0


def test_a_torn_file_leaves_no_folder(batch: Batch, tmp_path: Path) -> None:
    """Whose results would be those of other orders once the file is mended."""
    whole = gzip.compress(write_csv(tmp_path / "orders.csv", sound_rows(9)).read_bytes())
    (tmp_path / "orders.csv.gz").write_bytes(whole[:-9])
    assert "not a whole gzip file" in line(batch(tmp_path / "orders.csv.gz"))
    assert not (tmp_path / "out").exists()


def test_a_store_whose_buckets_declare_no_impact(batch: Batch, tmp_path: Path, store: Path) -> None:
    import pandas as pd

    path = store / "symbol=AAA" / "part.parquet"
    whole = pd.read_parquet(path)
    whole.drop(columns="quoted").to_parquet(path, index=False)
    (store / "symbol=BBB" / "part.parquet").write_bytes(b"PAR1")
    mixed = pd.read_parquet(store / "symbol=XAA" / "part.parquet")
    mixed.loc[2, "family"] = "Power"
    mixed.to_parquet(store / "symbol=XAA" / "part.parquet", index=False)
    orders = write_csv(tmp_path / "orders.csv", [row("a", "AAA"), row("b", "BBB"), row("x", "XAA")])
    result = batch(orders, "--json")
    assert result.exit_code == 5
    for told in ("no column 'quoted'; add it", "part.parquet: cannot be read", "column family: differs between"):
        assert told in result.stdout


def test_a_store_that_cannot_be_read(batch: Batch, tmp_path: Path, store: Path) -> None:
    (store / "symbol=AAA/more.parquet").mkdir()
    orders = write_csv(tmp_path / "orders.csv", sound_rows(1))
    assert "symbol=AAA/more.parquet: cannot be read (Is a directory); mend it" in line(batch(orders))


def test_an_output_that_is_none(batch: Batch, tmp_path: Path) -> None:
    orders = write_csv(tmp_path / "orders.csv", sound_rows(1))
    assert "there is no folder" in line(batch(orders, "-o", tmp_path / "no" / "out"))
    assert "holds other things than a batch" in line(batch(orders, "-o", tmp_path))
    assert "cannot be written" in line(batch(orders, "-o", orders))


def test_dask_that_is_not_there(batch: Batch, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "distributed", None)
    orders = write_csv(tmp_path / "orders.csv", sound_rows(1))
    assert 'run pip install ".[dask]"' in line(batch(orders, "--engine", "dask"))


def test_a_cluster_that_does_not_start(batch: Batch, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def dead(**settings: object) -> None:
        raise RuntimeError("Nanny failed to start.")

    monkeypatch.setattr("distributed.LocalCluster", dead)
    result = batch(write_csv(tmp_path / "orders.csv", sound_rows(1)), "--engine", "dask")
    told = "optexec: the cluster did not start (Nanny failed to start.); run the same command to go on\n"
    assert (result.exit_code, result.stderr) == (4, told)


def test_no_scheduler_answers(batch: Batch, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("optexec.runners.desk.dask_pool.CONNECT", 0.5)
    orders = write_csv(tmp_path / "orders.csv", sound_rows(1))
    for address in ("tcp://127.0.0.1:9", "nonsense://x"):
        assert f"--scheduler {address}: no answer (" in line(batch(orders, "--scheduler", address))
