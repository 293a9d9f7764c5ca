"""A real order book end to end: an AAPL hour of 2012 in 360 ten-second buckets, and 20,000 shares over them."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from typer.testing import CliRunner

import optexec as ox
from optexec.data.book import read_book
from optexec.data.calibration import calibrate
from optexec.data.curve_fits import impact
from optexec.data.model_choice import best_family, family_errors
from optexec.data.open_book import open_book
from optexec.runners.app import main

SHARED = Path(__file__).parents[2] / "shared" / "data" / "lobster"
BOOK = SHARED / "AAPL_2012-06-21_0930_1030_mbp10_1s_rebuilt.csv.gz"
RISK_AVERSION = 1e-6
"""Per dollar, as in Almgren and Chriss (2001)."""

pytestmark = pytest.mark.skipif(not BOOK.exists(), reason="the shared market data is not beside the project")


@pytest.fixture(scope="module")
def table() -> pd.DataFrame:
    book = read_book(BOOK)
    return calibrate(book[book.index < pd.Timedelta("10:30:00")], bucket="10s", side="buy")


@pytest.fixture(scope="module")
def problems(table) -> dict[str, ox.Problem]:
    sigma = (table["sigma"] * table["price"]).to_numpy()
    psi = 2 * RISK_AVERSION * float(np.mean(sigma**2))
    objectives = {
        "A": ox.objective("A"),
        "B": ox.objective("B", rho=1e-3),
        "C": ox.objective("C", psi=psi, weights=ox.volatility_weights(sigma)),
    }
    return {
        name: ox.Problem(
            ox.Order(20_000, side="buy", price=float(table["price"].iloc[0])),
            ox.Linear(table["half_spread"]) + ox.Power(table["a"], table["b"], quoted="per_share"),
            terms,
            limits=ox.Limits(volume=table["volume"]),
            buckets=table.index,
        )
        for name, terms in objectives.items()
    }


def test_the_hour_has_360_buckets_with_plausible_curves(table):
    assert len(table) == 360
    half_spread_bp = 1e4 * table["half_spread"] / table["price"]
    assert 1.0 < half_spread_bp.quantile(0.1) < half_spread_bp.quantile(0.9) < 3.0
    raw = pd.read_csv(BOOK)
    assert (
        table["volume"].sum() == raw.loc[raw["sec_after_midnight"] < 37_800, ["vol_visible", "vol_hidden"]].sum().sum()
    )


@pytest.mark.parametrize("name", ["A", "B", "C"])
def test_the_certified_optimum_beats_twap_and_vwap(problems, name):
    problem = problems[name]
    schedule = ox.solve(problem)
    assert schedule.status == "optimal"
    assert schedule.gap <= 1e-8
    assert abs(schedule.shares.sum() - 20_000) <= 1e-9 * 20_000
    for baseline in ("twap", "vwap"):
        assert schedule.objective < 0.95 * ox.solve(problem, baseline).objective


def test_the_cost_is_that_of_the_table_by_hand(problems, table):
    schedule = ox.solve(problems["A"])
    by_hand = 0.0
    for x, h, a, b in zip(schedule.x, table["half_spread"], table["a"], table["b"], strict=True):
        by_hand += x * h + x * a * x**b
    assert schedule.objective == pytest.approx(by_hand, rel=1e-12)


def test_smoothing_evens_out_and_risk_trades_earlier(problems):
    answers = {name: ox.solve(problem) for name, problem in problems.items()}
    assert answers["B"].x.max() < answers["A"].x.max()
    half = 180
    assert answers["C"].x[:half].sum() > answers["A"].x[:half].sum() + 1_000


MESSAGES = SHARED / "AAPL_2012-06-21_34200000_37800000_message_50.csv.gz"


@pytest.mark.parametrize("objective", ["A", "B", "C"])
def test_from_raw_messages_to_a_verified_schedule(objective, hour):
    chosen = best_family(family_errors(hour, "60s", "buy"))
    curves = calibrate(hour, "60s", "buy", chosen)
    sigma = (curves["sigma"] * curves["price"]).to_numpy()
    terms = {
        "A": ox.objective("A"),
        "B": ox.objective("B", rho=1e-3),
        "C": ox.ImpactCost() + ox.PriceRisk.from_volatility(sigma).inventory_risk(RISK_AVERSION),
    }
    order = ox.Order(10_000, side="buy", lot=100, price=float(curves["price"].iloc[0]))
    limits = ox.Limits(maximum=curves["depth"] / 2, volume=curves["volume"])
    checked = ox.verify(ox.Problem(order, impact(curves), terms[objective], limits, curves.index))
    certified = checked.loc["dp"]
    assert certified["gap"] <= 1e-9
    assert (checked["excess"].dropna() >= -1e-9).all()
    assert checked.loc["twap", "excess"] > 0


def test_from_raw_messages_by_commands_alone(tmp_path):
    """The table and the `[[impact]]` that `calibrate --model auto` gives, solved for A, B and C and verified."""
    table, spec = tmp_path / "buckets.parquet", tmp_path / "spec.toml"
    made = run("calibrate", MESSAGES, "-o", table, "--bucket", "60s", "--model", "auto", "--end", "10:30")
    assert made["errors"][made["model"]] < made["errors"]["previous_book"]
    order = '[order]\nshares = 10_000\nlot = 100\n[limits]\nmaximum = "depth"\n[objective]\nname = "A"\n'
    spec.write_text(f'{order}rho = 1e-3\npsi = 1e-7\n[buckets]\npath = "buckets.parquet"\n{made["impact"]}\n')
    for objective in "ABC":
        told = run("verify", spec, "--objective", objective)["rows"]
        excess = {row["method"]: row["excess"] for row in told}
        assert min(value for value in excess.values() if value is not None) >= -1e-9
        assert next(row["gap"] for row in told if row["method"] == "dp") <= 1e-9
        assert excess["twap"] > 0


def run(*arguments: object) -> dict[str, Any]:
    done = CliRunner().invoke(main, [*map(str, arguments), "--json"])
    assert done.exit_code == 0, done.output
    return json.loads(done.stdout)


@pytest.fixture(scope="module")
def hour() -> pd.DataFrame:
    return open_book(MESSAGES).book
