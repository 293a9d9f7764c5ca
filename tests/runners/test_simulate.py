"""`optexec simulate` tells what the library does, and refuses in one line."""

import json
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest
from typer.testing import Result

import optexec as ox
from optexec.analysis.price_paths import Arithmetic
from optexec.analysis.replanning import Replan, SoFar
from optexec.analysis.simulation import Market, Simulation, simulate
from optexec.data import sample
from optexec.runners.spec import load_spec

Invoke = Callable[..., Result]
Refused = Callable[..., str]
PATHS = ("--paths", 200, "--seed", 3)


def by_library(spec: Path, name: str, *market: float, drift: float = 0.0, antithetic: bool = False) -> Simulation:
    problem = load_spec(spec).problem()
    prices = Arithmetic([0.03 * 25, 0.02 * 25, 0.01 * 25], drift * 25)
    return simulate(ox.solve(problem, name), Market(problem, prices, *market), 200, 3, antithetic)


def test_json_is_the_summary_of_the_library(spec: Path, invoke: Invoke) -> None:
    options = ("--drift", 1e-3, "--permanent", 1e-5, "--dispersion", 0.3, "--least-fill", 0.5, "--antithetic")
    result = invoke("simulate", spec, "--volatility", "sigma", *PATHS, *options, "--json")
    assert (result.exit_code, result.stderr) == (0, "")
    told = json.loads(result.stdout)
    assert [told[key] for key in ("schema", "paths", "seed", "antithetic")] == ["optexec.simulate.v1", 200, 3, True]
    assert [row["schedule"] for row in told["rows"]] == ["optimum", "twap", "vwap"]
    for row, name in zip(told["rows"], ("auto", "twap", "vwap"), strict=True):
        summary = by_library(spec, name, 1e-5, 0.3, 0.5, drift=1e-3, antithetic=True).summary
        expected = {f"{m}_{s}": v for m, values in summary.to_dict("index").items() for s, v in values.items()}
        assert row == {"schedule": row["schedule"], **expected}


def test_tables_have_units_and_fit(spec: Path, invoke: Invoke) -> None:
    result = invoke("simulate", spec, "--volatility", "sigma", *PATHS)
    lines = result.stdout.splitlines()
    names = ("expected cost", "standard error", "std deviation", "5 %", "50 %", "95 %")
    for line, unit in ((lines[0], "$"), (lines[5], "bps")):
        assert all(f"{name} ({unit})" in line for name in names)
    assert "against VWAP (bps)" in lines[10]
    assert max(map(len, lines)) <= 120
    done = by_library(spec, "twap")
    shown = [done.mean, done.standard_error, done.standard_deviation, *done.quantiles()]
    assert lines[2].split() == ["twap", *(f"{value:,.2f}" for value in shown)]
    assert lines[-2] == "No day pays for inventory risk and smoothing: they are preferences."
    assert lines[-1] == "optimum: by waterfill, optimal. Costs are positive when worse."


def test_the_same_seed_gives_the_same_days(spec: Path, invoke: Invoke) -> None:
    one, again, other = (
        invoke("simulate", spec, "--volatility", 0.01, "--paths", 50, "--seed", seed).stdout for seed in (1, 1, 2)
    )
    assert one == again != other


@pytest.mark.parametrize("name", ["days.csv", "days.parquet"])
def test_files_are_written(spec: Path, tmp_path: Path, invoke: Invoke, name: str) -> None:
    result = invoke("simulate", spec, "--volatility", "0.02", *PATHS, "-o", tmp_path / name)
    assert result.exit_code == 0, result.output
    written = (
        pd.read_csv(tmp_path / name, index_col="schedule") if name.endswith("csv") else pd.read_parquet(tmp_path / name)
    )
    assert list(written.index) == ["optimum", "twap", "vwap"]
    assert written.shape == (3, 24)


def test_without_volume_vwap_is_left_out(spec: Path, invoke: Invoke) -> None:
    arguments = ("simulate", spec, "--volatility", 0.01, *PATHS, "--set", "limits={}")
    lines = invoke(*arguments).stdout.splitlines()
    assert lines[-1] == "vwap is left out: the spec has no limits.volume."
    assert "no volume" in lines[-4]
    told = json.loads(invoke(*arguments, "--json").stdout)
    assert [row["schedule"] for row in told["rows"]] == ["optimum", "twap"]
    assert told["rows"][0]["vwap_slippage_mean"] is None


def test_a_sample_of_a_day(invoke: Invoke) -> None:
    path = sample.path("inventory_risk.toml")
    told = json.loads(
        invoke("simulate", path, "--volatility", "sigma", "--paths", 400, "--antithetic", "--json").stdout
    )
    problem = load_spec(path).problem()
    costs = {"optimum": ox.solve(problem), "twap": ox.solve(problem, "twap"), "vwap": ox.solve(problem, "vwap")}
    for row in told["rows"]:
        assert row["shortfall_mean"] == pytest.approx(costs[row["schedule"]].breakdown["impact"], rel=1e-6)
    deviations = [row["shortfall_standard_deviation"] for row in told["rows"]]
    assert deviations[0] < min(deviations[1:])


@pytest.mark.parametrize(
    ("code", "arguments", "told"),
    [
        (2, ["--volatility", "sgma"], "unknown column of buckets.csv 'sgma'; did you mean 'sigma'?"),
        (2, ["--volatility", "note"], "is not a number"),
        (2, ["--volatility", "-0.1"], "volatility must be >= 0"),
        (2, ["--volatility", "nan"], "volatility must be finite"),
        (2, ["--volatility", "1e300"], "the price leaves the range of numbers"),
        (2, ["--volatility", "0.01", "--drift", "inf"], "drift must be finite"),
        (2, ["--volatility", "0.01", "--paths", "1"], "paths must be a whole number, at least 2, got 1"),
        (2, ["--volatility", "0.01", "--paths", "7", "--antithetic"], "paths must be even"),
        (2, ["--volatility", "0.01", "--paths", "1000000000"], "paths must be at most"),
        (2, ["--volatility", "0.01", "--seed", "-1"], "seed must be a whole number, at least 0"),
        (2, ["--volatility", "0.01", "--permanent", "-1"], "permanent must be >= 0"),
        (2, ["--volatility", "0.01", "--least-fill", "2"], "least_fill must be a fraction in [0, 1]"),
        (2, ["--volatility", "0.01", "--dispersion", "-1"], "dispersion must be >= 0"),
        (2, ["--volatility", "0.01", "-o", "days.xls"], "name it .csv or .parquet"),
        (3, ["--volatility", "0.01", "--set", "limits.participation=0.05"], "limits allow 750 of 900 shares"),
    ],
)
def test_refusals(spec: Path, refused: Refused, code: int, arguments: list[str], told: str) -> None:
    assert told in refused(code, "simulate", spec, *arguments)


def test_fractions_need_a_price_and_say_where_they_are_wrong(spec: Path, refused: Refused) -> None:
    table = spec.with_name("buckets.csv")
    table.write_text(table.read_text().replace("0.03,", "-0.03,"))
    assert "buckets.csv, row 2, column sigma: volatility[0] must be >= 0" in refused(
        2, "simulate", spec, "--volatility", "sigma"
    )
    spec.write_text(spec.read_text().replace("price = 25.0", ""))
    assert "key order.price: is missing" in refused(2, "simulate", spec, "--volatility", "sigma")


def test_replanned_days_are_those_of_the_library(spec: Path, invoke: Invoke) -> None:
    options = ("--volatility", "sigma", *PATHS, "--dispersion", 0.3, "--least-fill", 0.5)
    result = invoke("simulate", spec, *options, "--replan", "quota", "--window", 2, "--json")
    assert (result.exit_code, result.stderr) == (0, "")
    rows = {row["schedule"]: row for row in json.loads(result.stdout)["rows"]}
    assert list(rows) == ["optimum", "twap", "vwap", "replanned"]
    problem = load_spec(spec).problem()
    policy = Replan(ox.Replanner(problem, 2, "quota"), SoFar(problem.limits.volume))
    prices = Arithmetic([0.03 * 25, 0.02 * 25, 0.01 * 25])
    done = simulate(policy, Market(problem, prices, 0.0, 0.3, 0.5), 200, 3)
    assert rows["replanned"]["shortfall_mean"] == pytest.approx(done.mean, rel=1e-12)
    assert rows["replanned"]["shortfall_mean"] != pytest.approx(rows["optimum"]["shortfall_mean"], rel=1e-3)


@pytest.mark.parametrize(("option", "value", "told"), [("--replan", "prized", "'priced'"), ("--window", 0, "window")])
def test_wrong_rules_and_windows_are_refused(
    spec: Path, refused: Refused, option: str, value: object, told: str
) -> None:
    settings = {"--replan": "priced", option: value}
    given = [part for pair in settings.items() for part in pair]
    assert told in refused(2, "simulate", spec, "--volatility", "sigma", *PATHS, *given)


def test_rules_of_windows_are_refused_before_the_work(
    spec: Path, refused: Refused, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("optexec.analysis.simulation.simulate", None)
    given = ("simulate", spec, "--volatility", "sigma")
    assert "'priced'" in refused(2, *given, "--replan", "prized")
    assert "--window is that of --replan" in refused(2, *given, "--window", 2)
