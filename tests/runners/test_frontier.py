"""`optexec frontier` tells what the library does, and refuses in one line."""

import json
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest
from typer.testing import Result

import optexec as ox
from optexec.data import sample
from optexec.runners.spec import load_spec

Invoke = Callable[..., Result]
Refused = Callable[..., str]


def test_json_is_the_frontier_of_the_library(spec: Path, invoke: Invoke) -> None:
    result = invoke("frontier", spec, "--objective", "C", "--points", 7, "--json")
    assert (result.exit_code, result.stderr) == (0, "")
    traced = ox.frontier(load_spec(spec).problem("C"), 7)
    assert json.loads(result.stdout) == json.loads(traced.to_json()) | {"chosen": {}}


def test_tables_have_units_and_fit(spec: Path, invoke: Invoke) -> None:
    result = invoke("frontier", spec, "--volatility", "sigma")
    lines = result.stdout.splitlines()
    for heading in ("psi ($/share²)", "cost ($)", "std deviation ($)", "least cost at that risk ($)", "gap (%)"):
        assert heading in lines[0]
    assert "12 of 50 points; -o and --json have all." in lines
    assert {"twap", "vwap", "pov", "front_loaded", "exponential"} <= {line.split()[0] for line in lines if line}
    assert max(map(len, lines)) <= 120
    traced = ox.frontier(load_spec(spec).problem(), sigma=[0.03 * 25, 0.02 * 25, 0.01 * 25])
    assert lines[1].split()[1:3] == [f"{traced.frame[name][0]:,.2f}" for name in ("cost", "standard_deviation")]
    assert "std deviation (shares)" in invoke("frontier", spec).stdout


def test_a_risk_aversion_is_chosen_by_its_target(invoke: Invoke) -> None:
    path = sample.path("inventory_risk.toml")
    problem, sigma = load_spec(path).problem(), load_spec(path).dollars("volatility", "sigma")
    asked = ("--horizon", 240, "--half-life", 90, "--confidence", 0.95, "--volatility", "sigma", "--points", 5)
    chosen = json.loads(invoke("frontier", path, *asked, "--json").stdout)["chosen"]
    assert chosen == {
        "horizon": ox.psi_for_horizon(problem, 240),
        "half_life": ox.psi_for_half_life(problem, 90),
        "confidence": ox.psi_for_var(problem, sigma, 0.95),
    }
    risk = next(term for term in problem.terms if term.name == "inventory_risk")
    halved = ox.solve(problem.replace(terms=ox.ImpactCost() + ox.InventoryRisk(chosen["half_life"], risk.weights)))
    assert abs(halved.inventory.iloc[89] / problem.shares - 0.5) < 1e-3
    assert f"psi by half-life   {chosen['half_life']:.6g} $/share²" in invoke("frontier", path, *asked).stdout


@pytest.mark.parametrize("name", ["frontier.csv", "frontier.parquet"])
def test_files_are_written(spec: Path, tmp_path: Path, invoke: Invoke, name: str) -> None:
    table, figure = tmp_path / name, tmp_path / "frontier.png"
    result = invoke("frontier", spec, "-o", table, "--plot", figure, "--set", "order.shares=600", "--points", "6")
    assert result.exit_code == 0, result.output
    frame = ox.frontier(load_spec(spec, ["order.shares=600"]).problem(), 6).frame.set_index("psi")
    written = pd.read_csv(table, index_col="psi") if name.endswith("csv") else pd.read_parquet(table)
    pd.testing.assert_frame_equal(written, frame)
    assert figure.read_bytes()[:8] == b"\x89PNG\r\n\x1a\n"


def test_a_sample_of_a_day(invoke: Invoke) -> None:
    path = sample.path("inventory_risk.toml")
    told = json.loads(invoke("frontier", path, "--points", 10, "--volatility", "sigma", "--json").stdout)
    assert told["risk_unit"] == "dollars"
    assert max(point["gap"] for point in told["points"]) < 1e-8


@pytest.mark.parametrize(
    ("code", "arguments", "told"),
    [
        (2, ["--confidence", "0.95"], "--confidence needs the price's moves; give --volatility too"),
        (2, ["--points", "1"], "points must be a whole number, at least 2, got 1"),
        (2, ["--volatility", "sgma"], "unknown column of buckets.csv 'sgma'; did you mean 'sigma'?"),
        (2, ["--volatility", "note"], "is not a number"),
        (2, ["--set", "objective.nam=A"], "unknown key 'nam'"),
        (2, ["-o", "frontier.xls"], "name it .csv or .parquet"),
        (2, ["--plot", "frontier.gif"], "name it .png"),
        (2, ["--set", "solve.method=newtn"], "unknown method 'newtn'"),
        (3, ["--set", "limits.participation=0.05"], "limits allow 750 of 900 shares"),
    ],
)
def test_refusals(spec: Path, refused: Refused, code: int, arguments: list[str], told: str) -> None:
    assert told in refused(code, "frontier", spec, *arguments)


def test_volatility_needs_a_price_and_dollars_a_sign(spec: Path, refused: Refused) -> None:
    table = spec.with_name("buckets.csv")
    table.write_text(table.read_text().replace("0.03,", "-0.03,"))
    assert "buckets.csv, row 2, column sigma: volatility[0] must be >= 0" in refused(
        2, "frontier", spec, "--volatility", "sigma"
    )
    spec.write_text(spec.read_text().replace("price = 25.0", ""))
    assert "key order.price: is missing" in refused(2, "frontier", spec, "--volatility", "sigma")


def test_a_solver_that_fails(spec: Path, refused: Refused, monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(*arguments: object, **settings: object) -> None:
        raise ox.SolverFailure("no schedule")

    monkeypatch.setattr("optexec.analysis.frontier.solve", fails)
    assert "no schedule" in refused(4, "frontier", spec)
