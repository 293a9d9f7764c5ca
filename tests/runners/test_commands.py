"""The commands: what they print and write, and that it is what the library says."""

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from typer.testing import Result

import optexec as ox
from optexec.data import sample
from optexec.data.book import read_book
from optexec.data.calibration import calibrate
from optexec.data.curve_fits import fitted_slippage
from optexec.data.slippage import slippage_points
from optexec.runners.calibrate import window
from optexec.runners.calibrated_curves import Asked, calibrated
from optexec.runners.spec import load_spec

Invoke = Callable[..., Result]
EXAMPLES = ("cost", "smoothing", "inventory_risk", "concave", "mixed")
SCHEDULE_KEYS = [
    "schema",
    "method",
    "status",
    "objective",
    "lower_bound",
    "gap",
    "breakdown",
    "shares",
    "inventory",
    "seconds",
]


def refuse_constant(name: str) -> None:
    raise AssertionError(f"{name} is not JSON")


def parsed(result: Result) -> dict:
    """The one JSON object on stdout, nothing on stderr."""
    assert result.exit_code == 0, result.output
    assert result.stderr == ""
    return json.loads(result.stdout, parse_constant=refuse_constant)


def ended(*arguments: str, code: int = 0) -> subprocess.CompletedProcess[str]:
    done = subprocess.run([sys.executable, *arguments], capture_output=True, text=True, check=False)
    assert done.returncode == code, done.stderr
    assert "Traceback" not in done.stderr
    return done


@pytest.mark.parametrize("name", EXAMPLES)
def test_the_example_specs_are_solved_and_certified(invoke: Invoke, name: str) -> None:
    told = parsed(invoke("solve", sample.path(f"{name}.toml"), "--json"))
    problem = load_spec(sample.path(f"{name}.toml")).problem()
    shares = np.array(told["shares"])
    assert told["status"] == "optimal"
    assert 0 <= told["gap"] <= 1e-4
    assert shares.sum() == pytest.approx(100_000, rel=1e-9)
    assert (shares >= problem.lo - 1e-6).all()
    assert (shares <= problem.hi + 1e-6).all()
    assert told["objective"] == pytest.approx(problem.objective(shares), rel=1e-9)


def test_the_inventory_example_trades_early_and_the_cost_example_does_not() -> None:
    half = {}
    for name in ("cost", "inventory_risk"):
        schedule = ox.solve(load_spec(sample.path(f"{name}.toml")).problem())
        half[name] = int((schedule.inventory.to_numpy() < 50_000).argmax())
        assert schedule.shares.max() < 10_000
    assert half["inventory_risk"] < 120 < 180 < half["cost"]


def test_the_mixed_example_is_neither_convex_nor_concave() -> None:
    problem = load_spec(sample.path("mixed.toml")).problem()
    assert {"convex", "convex-then-concave"} == set(problem.curvature.names())


@pytest.mark.parametrize("name", EXAMPLES)
def test_every_example_holds_the_parameters_of_every_objective(name: str) -> None:
    assert load_spec(sample.path(f"{name}.toml")).missing() == {}


def test_solve_json_is_the_schedule(spec: Path, invoke: Invoke) -> None:
    told = parsed(invoke("solve", spec, "--json"))
    schedule = ox.solve(load_spec(spec).problem())
    assert list(told) == SCHEDULE_KEYS
    assert told["schema"] == "optexec.schedule.v1"
    assert told["shares"] == schedule.x.tolist()
    assert told["inventory"] == schedule.inventory.tolist()
    assert told["breakdown"] == schedule.breakdown


@pytest.mark.parametrize(
    ("arguments", "settings", "objective"),
    [
        (["--objective", "B"], [], "B"),
        (["--objective", "C", "--set", "objective.psi=1e-3"], ["objective.psi=1e-3"], "C"),
        (["--set", "order.shares=600"], ["order.shares=600"], None),
        (["--method", "twap"], ["solve.method=twap"], None),
        (["--set", "solve.method=vwap", "--method", "greedy"], ["solve.method=greedy"], None),
    ],
)
def test_options_override_the_spec(
    spec: Path, invoke: Invoke, arguments: list[str], settings: list[str], objective: str | None
) -> None:
    told = parsed(invoke("solve", spec, "--json", *arguments))
    read = load_spec(spec, settings)
    schedule = ox.solve(read.problem(objective), read.method)
    assert (told["method"], told["shares"]) == (schedule.method, schedule.x.tolist())
    plain = parsed(invoke("solve", spec, "--json"))
    assert plain["shares"] != told["shares"]


def test_gap_and_time_limit_reach_the_solver(spec: Path, invoke: Invoke) -> None:
    method = ["--method", "twap", "--json"]
    assert parsed(invoke("solve", spec, *method))["status"] == "feasible"
    assert parsed(invoke("solve", spec, *method, "--gap", "0.9"))["status"] == "optimal"
    assert parsed(invoke("solve", spec, *method, "--set", "solve.gap=0.9"))["status"] == "optimal"
    assert invoke("solve", spec, "--time-limit", "-1").exit_code == 2


def test_solve_tells_the_answer_and_the_baselines(spec: Path, invoke: Invoke) -> None:
    result = invoke("solve", spec)
    problem = load_spec(spec).problem()
    answer, twap = ox.solve(problem), ox.solve(problem, "twap")
    lines = {line.split()[0]: line.split() for line in result.stdout.splitlines() if line.strip()}
    assert lines["objective"][1] == f"${answer.objective:,.2f}"
    assert f"{answer.bps:.4g} bps of $22,500" in result.stdout
    saving = twap.objective - answer.objective
    excess = 100 * saving / answer.objective
    assert lines["twap"][1:] == [f"{twap.objective:.2f}", f"{twap.bps:.3f}", f"{saving:.2f}", f"{excess:.2f}"]
    assert {"vwap", "pov", "front_loaded", "exponential", "best_bucket", "greedy"} <= set(lines)
    assert max(map(len, result.stdout.splitlines())) <= 120


@pytest.mark.parametrize("name", ["schedule.csv", "schedule.parquet"])
def test_solve_writes_the_schedule(spec: Path, tmp_path: Path, invoke: Invoke, name: str) -> None:
    path = tmp_path / name
    assert invoke("solve", spec, "--objective", "B", "-o", path).exit_code == 0
    frame = ox.solve(load_spec(spec).problem("B")).frame
    written = pd.read_csv(path, index_col="time") if name.endswith("csv") else pd.read_parquet(path)
    assert list(written.columns) == ["shares", "inventory", "impact", "smoothing"]
    assert written.index.tolist() == ["09:30", "09:31", "09:32"]
    np.testing.assert_allclose(written.to_numpy(), frame.to_numpy(), rtol=1e-12)


def test_solve_draws_the_schedule(spec: Path, tmp_path: Path, invoke: Invoke) -> None:
    path = tmp_path / "schedule.png"
    assert invoke("solve", spec, "--plot", path).exit_code == 0
    assert path.read_bytes()[:8] == b"\x89PNG\r\n\x1a\n"


@pytest.mark.parametrize(
    ("option", "name", "told"),
    [
        ("-o", "schedule.xls", "name it .csv or .parquet"),
        ("-o", "nowhere/schedule.csv", "there is no folder"),
        ("--plot", "schedule.gif", "name it .png"),
        ("-o", "folder.csv", "cannot be written"),
        ("--plot", "folder.png", "cannot be written"),
    ],
)
def test_outputs_that_cannot_be_written(
    spec: Path, tmp_path: Path, refused: Callable[..., str], option: str, name: str, told: str
) -> None:
    for folder in ("folder.csv", "folder.png"):
        (tmp_path / folder).mkdir()
    assert told in refused(2, "solve", spec, "--json", option, tmp_path / name)


def test_compare_prices_every_schedule_by_every_objective(spec: Path, tmp_path: Path, invoke: Invoke) -> None:
    told = parsed(invoke("compare", spec, "--json", "-o", tmp_path / "comparison.csv"))
    assert list(told) == ["schema", "rows"]
    assert told["schema"] == "optexec.compare.v1"
    rows = {row.pop("schedule"): row for row in told["rows"]}
    problems = {name: load_spec(spec).problem(name) for name in "ABC"}
    optima = {f"optimal for {name}": ox.solve(problem) for name, problem in problems.items()}
    names = ("twap", "vwap", "pov", "front_loaded", "exponential", "best_bucket", "greedy")
    schedules = {**optima, **{name: ox.solve(problems["A"], name) for name in names}}
    assert list(rows) == list(schedules)
    for label, schedule in schedules.items():
        for name, problem in problems.items():
            cost, bound = ox.evaluate(problem, schedule.x).objective, optima[f"optimal for {name}"].lower_bound
            assert rows[label][f"cost_{name}"] == pytest.approx(cost, rel=1e-12)
            assert rows[label][f"excess_{name}"] == pytest.approx((cost - bound) / bound, abs=1e-12)
    written = pd.read_csv(tmp_path / "comparison.csv", index_col="schedule")
    assert written.loc["twap", "cost_B"] == pytest.approx(rows["twap"]["cost_B"])


def test_compare_tells_what_it_leaves_out(spec: Path, invoke: Invoke) -> None:
    spec.write_text(spec.read_text().replace("psi = 1e-4", ""))
    result = invoke("compare", spec)
    assert "Objective C is left out: the spec has no objective.psi." in result.stdout
    assert list(parsed(invoke("compare", spec, "--json"))["rows"][0]) == [
        "schedule",
        "cost_A",
        "excess_A",
        "cost_B",
        "excess_B",
    ]


def test_verify_is_the_table_of_the_library(spec: Path, tmp_path: Path, invoke: Invoke) -> None:
    told = parsed(invoke("verify", spec, "--objective", "B", "--json", "-o", tmp_path / "methods.csv"))
    table = ox.verify(load_spec(spec).problem("B"))
    assert list(told) == ["schema", "rows"]
    assert told["schema"] == "optexec.verify.v1"
    assert sorted(row["method"] for row in told["rows"]) == sorted(table.index)
    for row in told["rows"]:
        assert list(row) == ["method", *table.columns]
        assert row["objective"] == pytest.approx(table.loc[row["method"], "objective"], rel=1e-9)
    assert set(pd.read_csv(tmp_path / "methods.csv")["method"]) == set(table.index)
    plain = invoke("verify", spec).stdout
    assert "closed_form does not apply:" in plain


def test_verify_measures_local_solvers_and_the_lagrange_point(spec: Path, tmp_path: Path, invoke: Invoke) -> None:
    concave = """
[order]
shares = 900
price = 25.0
[impact]
family = "Power"
quoted = "total"
a = [1.0, 1.1, 0.9]
b = 0.6
[objective]
name = "A"
"""
    spec.write_text(concave)
    rows = {row["method"]: row for row in parsed(invoke("verify", spec, "--json"))["rows"]}
    lagrange = rows["lagrange (stationary, not a minimum)"]
    assert {"ipopt[twap]", "ipopt[greedy]", "ipopt[random 3]"} < set(rows)
    assert lagrange["excess_bps"] == pytest.approx(1e4 * lagrange["excess"] * rows["branch"]["objective"] / 22_500)
    result = invoke("verify", spec, "--plot", tmp_path / "verify.png")
    assert (tmp_path / "verify.png").read_bytes()[:8] == b"\x89PNG\r\n\x1a\n"
    assert f"No schedule costs less than ${rows['branch']['lower_bound']:,.2f}" in result.stdout
    assert "above best" in result.stdout
    assert "ipopt does not apply" not in result.stdout
    assert max(map(len, result.stdout.splitlines())) <= 120
    spec.write_text(concave.replace("price = 25.0", ""))
    assert "no price" in invoke("verify", spec).stdout


@pytest.mark.parametrize("name", ["buckets.csv", "buckets.parquet"])
def test_calibrate_writes_a_table_that_a_spec_can_name(tmp_path: Path, invoke: Invoke, name: str) -> None:
    book, output = sample.path("book.csv.gz"), tmp_path / name
    arguments = ["--bucket", "5min", "--side", "sell", "--start", "10:00", "--end", "11:00"]
    told = parsed(invoke("calibrate", book, "-o", output, *arguments, "--json"))
    table = calibrate(window(read_book(book), "10:00", "11:00"), "5min", "sell")
    assert list(told) == [
        "schema",
        "buckets",
        "first",
        "last",
        "median_half_spread_bps",
        "median_depth",
        "carried_forward",
        "b_quantiles",
        "median_fit_error",
        "degenerate_fits",
        "model",
        "impact",
        "errors",
        "residuals",
        "coverage",
        "quality",
    ]
    assert told["schema"] == "optexec.calibrate.v1"
    assert told["buckets"] == 12
    assert told["b_quantiles"]["0.5"] == pytest.approx(table["b"].median())
    assert told["median_half_spread_bps"] == pytest.approx((1e4 * table["half_spread"] / table["price"]).median())
    assert told["first"] == "2025-01-15T10:00:00-05:00"
    assert told["coverage"] == [
        {"from": start, "buckets": 6, "snapshots": 30, "carried": 0, "undetermined": 0} for start in ("10:00", "10:30")
    ]
    points = slippage_points(window(read_book(book), "10:00", "11:00"), "5min", "sell")
    missed = np.array(
        [fitted_slippage(table.iloc[[own]], sizes)[0] for own, sizes in zip(points.owner, points.shares, strict=True)]
    )
    missed = missed / points.slippage - 1
    assert told["residuals"]["size"] == pytest.approx(points.size_grid)
    for quantile in (0.05, 0.5, 0.95):
        assert told["residuals"][f"{quantile:g}"] == pytest.approx(np.quantile(missed, quantile, axis=0), abs=1e-9)
    settings = [f"buckets.path={output}", "order.shares=2000", "limits.participation=0.5"]
    problem = load_spec(sample.path("cost.toml"), settings).problem()
    assert problem.buckets == 12
    assert problem.impact.marginal(np.zeros(12)) == pytest.approx(table["half_spread"].to_numpy())


def test_calibrate_chooses_a_model_and_tells_the_spec_that_reads_it(tmp_path: Path, invoke: Invoke) -> None:
    book, output = sample.path("book.csv.gz"), tmp_path / "buckets.csv"
    told = parsed(invoke("calibrate", book, "-o", output, "--bucket", "10min", "--model", "auto", "--json"))
    assert told["model"] == min(told["errors"].keys() - {"previous_book"}, key=told["errors"].get)
    spec = tmp_path / "spec.toml"
    spec.write_text(
        f'[order]\nshares = 5_000\n[buckets]\npath = "buckets.csv"\n{told["impact"]}\n[objective]\nname = "A"\n'
    )
    made = calibrated(told["model"], Asked(read_book(book), "10min", "buy"))
    x = np.full(len(made.table), 300.0)
    assert load_spec(spec).problem().impact.cost(x) == pytest.approx(made.impact.cost(x), rel=1e-9)


@pytest.mark.parametrize("model", ["average", "blend", "oracle"])
def test_calibrate_writes_and_draws_curves_by_points(tmp_path: Path, invoke: Invoke, model: str) -> None:
    book, output, figure = sample.path("book.csv.gz"), tmp_path / "buckets.csv", tmp_path / "fit.svg"
    days = [book, book] if model == "oracle" else [book]
    arguments = ["--bucket", "30min", "--side", "sell", "--model", model, "--plot", figure, "--json"]
    told = parsed(invoke("calibrate", *days, "-o", output, *arguments))
    earlier = tuple(read_book(day) for day in days[1:])
    made = calibrated(model, Asked(read_book(book), "30min", "sell", earlier=earlier))
    spec = tmp_path / "spec.toml"
    spec.write_text(
        f'[order]\nshares = 9_000\n[buckets]\npath = "{output}"\n{told["impact"]}\n[objective]\nname = "A"\n'
    )
    problem = load_spec(spec).problem()
    x = np.full(len(made.table), 1_234.0)
    assert problem.convex
    assert problem.impact.cost(x) == pytest.approx(made.impact.cost(x), rel=1e-9)
    assert sum(row["buckets"] for row in told["coverage"]) == told["buckets"] == (12 if model == "oracle" else 13)
    assert sum(row["snapshots"] for row in told["coverage"]) == (360 if model == "oracle" else 390)
    assert max(map(abs, told["residuals"]["0.5"])) < 0.5
    assert "slippage (cents a share)" in figure.read_text()


def test_an_average_is_of_one_day_and_each_bucket(tmp_path: Path, invoke: Invoke, refused: Callable[..., str]) -> None:
    book, arguments = sample.path("book.csv.gz"), ["-o", tmp_path / "b.csv", "--bucket", "30min"]
    for model in ("average", "blend"):
        assert f"the model {model} averages the books of one day" in refused(
            2, "calibrate", book, *arguments, "--model", model, "--way", "shrunk"
        )
        assert "leave out" in refused(2, "calibrate", book, book, *arguments, "--model", model)
    told = parsed(invoke("calibrate", book, *arguments, "--model", "auto", "--way", "pooled", "--json"))
    assert not {"average", "blend"} & {told["model"], *told["errors"]}


@pytest.mark.parametrize("arguments", [["--way", "pooled"], ["--model", "power_total", "--way", "each"]])
def test_calibrate_draws_its_curves(tmp_path: Path, invoke: Invoke, arguments: list[str]) -> None:
    book, figure = sample.path("book.csv.gz"), tmp_path / "fit.svg"
    shown = invoke(
        "calibrate", book, "-o", tmp_path / "b.csv", "--bucket", "30min", "--plot", figure, *arguments
    ).stdout
    assert "previous_book" in shown
    assert "[[impact]]" in shown
    assert "slippage (cents a share)" in figure.read_text()


def test_calibrate_learns_from_earlier_days(tmp_path: Path, invoke: Invoke, refused: Callable[..., str]) -> None:
    book, output = sample.path("book.csv.gz"), tmp_path / "buckets.parquet"
    told = parsed(invoke("calibrate", book, book, "-o", output, "--bucket", "10min", "--model", "oracle", "--json"))
    spec = tmp_path / "spec.toml"
    spec.write_text(
        f'[order]\nshares = 5_000\n[buckets]\npath = "{output}"\n{told["impact"]}\n[objective]\nname = "A"\n'
    )
    problem = load_spec(spec).problem()
    assert problem.convex
    assert problem.buckets == 38
    alone = refused(2, "calibrate", book, "-o", output, "--model", "oracle")
    assert "learns from earlier days" in alone
    learned = ("calibrate", book, book, "-o", output, "--model", "oracle")
    assert "leave out --way" in refused(2, *learned, "--way", "pooled")
    whole = refused(2, *learned, "--bucket", "24h")
    assert "the day has one bucket; give a longer day or a shorter --bucket" in whole
    assert "unknown curve family 'powr'" in refused(2, "calibrate", book, "-o", output, "--model", "powr")
    assert "unknown way 'shrink'; did you mean 'shrunk'?" in refused(
        2, "calibrate", book, "-o", output, "--way", "shrink"
    )


def test_a_window_is_half_open() -> None:
    book = read_book(sample.path("book.csv.gz"))
    minutes = window(book.set_axis(book.index.floor("min")), "09:31", "09:33").index
    assert [f"{minute:%H:%M}" for minute in minutes] == ["09:31", "09:32"]
    since_midnight = book.set_axis(book.index.floor("min") - book.index[0].normalize())
    assert len(window(since_midnight, "09:31", "09:33")) == 2
    assert len(window(book, None, None)) == len(book)


def test_calibrate_refuses_what_is_no_time_or_book(tmp_path: Path, refused: Callable[..., str]) -> None:
    book, output = sample.path("book.csv.gz"), tmp_path / "b.csv"
    assert "--start '9h30' is no time of day" in refused(2, "calibrate", book, "-o", output, "--start", "9h30")
    assert "no snapshot from 20:00" in refused(2, "calibrate", book, "-o", output, "--start", "20:00")
    assert "unknown side 'by'; did you mean 'buy'?" in refused(2, "calibrate", book, "-o", output, "--side", "by")
    assert "'x' is no positive length" in refused(2, "calibrate", book, "-o", output, "--bucket", "x")
    assert "no such file" in refused(2, "calibrate", tmp_path / "nowhere.csv", "-o", output)
    assert not output.exists()


def test_edges_of_the_order(spec: Path, invoke: Invoke) -> None:
    free = ["--set", "limits={}", "--json"]
    assert sum(parsed(invoke("solve", spec, *free, "--set", "order.shares=1"))["shares"]) == pytest.approx(1)
    assert sum(parsed(invoke("solve", spec, *free, "--set", "order.shares=1e9"))["shares"]) == pytest.approx(1e9)
    one_open = parsed(invoke("solve", spec, "--json", "--set", "limits={maximum=[0, 900, 0]}"))
    assert one_open["shares"] == [0, 900, 0]


def test_one_bucket(tmp_path: Path, invoke: Invoke) -> None:
    path = tmp_path / "one.toml"
    impact = "[impact]\nfamily = 'Power'\nquoted = 'total'\na = 1e-3\nb = 1.5\n"
    path.write_text(f"[order]\nshares = 100\n[buckets]\nnumber = 1\n{impact}[objective]\nname = 'C'\npsi = 1e-4\n")
    told = parsed(invoke("solve", path, "--json"))
    assert (told["shares"], told["inventory"]) == ([100.0], [0.0])
    assert told["objective"] == pytest.approx(1e-3 * 100**1.5)


def test_lots(spec: Path, invoke: Invoke) -> None:
    shares = parsed(invoke("solve", spec, "--json", "--set", "order.lot=100", "--set", "limits={}"))["shares"]
    assert sum(shares) == 900
    assert all(x % 100 == 0 for x in shares)


def test_a_module_is_its_command(spec: Path) -> None:
    alone = ended("-m", "optexec.runners.solve", str(spec), "--json")
    joint = ended("-m", "optexec.runners.app", "solve", str(spec), "--json")
    assert alone.stderr == joint.stderr == ""
    first, second = json.loads(alone.stdout), json.loads(joint.stdout)
    assert first.pop("seconds") > 0 < second.pop("seconds")
    assert first == second
    told = [ended("-m", f"optexec.runners.{name}", "nowhere", code=2).stderr for name in ("solve", "compare", "verify")]
    assert told == ["optexec: nowhere: no such file; check the path\n"] * 3
    assert "--output" in ended("-m", "optexec.runners.calibrate", "nowhere", code=2).stderr


def test_help_does_not_pay_for_the_libraries() -> None:
    heavy = ("numpy", "pandas", "pydantic", "pyomo", "matplotlib", "highspy", "casadi")
    script = f"""
import sys
from optexec.runners.app import main
try:
    main(["--help"])
except SystemExit as leave:
    assert leave.code == 0
sys.exit(str([name for name in {heavy} if name in sys.modules] or 0))
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    assert done.stderr.strip() == "0"
    assert all(f" {command} " in done.stdout for command in ("solve", "compare", "verify", "calibrate"))


@pytest.mark.parametrize("arguments", [["slve"], ["solve", "--gapp", "1", "x"], ["solve", "x", "--gap", "much"]])
def test_wrong_usage_is_bad_input(invoke: Invoke, arguments: list[str]) -> None:
    result = invoke(*arguments)
    assert (result.exit_code, result.stdout) == (2, "")


@pytest.mark.parametrize("command", ["solve", "compare", "verify", "calibrate"])
def test_every_command_tells_an_example(invoke: Invoke, command: str) -> None:
    assert f"Example: optexec {command}" in " ".join(invoke(command, "--help").stdout.split())


@pytest.mark.parametrize(
    ("raised", "code", "told"),
    [
        (KeyboardInterrupt(), 130, "optexec: interrupted\n"),
        (ox.SolverFailure("IPOPT gave up"), 4, "optexec: IPOPT gave up\n"),
        (ox.InfeasibleOrder("too\nlarge"), 3, "optexec: too large\n"),
    ],
)
def test_exit_codes(
    spec: Path, invoke: Invoke, monkeypatch: pytest.MonkeyPatch, raised: BaseException, code: int, told: str
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise raised

    monkeypatch.setattr(ox, "solve", fail)
    result = invoke("solve", spec, "--json")
    assert (result.exit_code, result.stdout, result.stderr) == (code, "", told)
