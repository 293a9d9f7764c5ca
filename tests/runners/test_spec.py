"""Spec files become the problems that they declare."""

import gzip
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import optexec as ox
from optexec.runners.spec import load_spec

A, B, VOLUME = [2e-5, 1e-5, 4e-5], [1.0, 1.0, 1.0], [4000.0, 6000.0, 5000.0]
LABELS = ["09:30", "09:31", "09:32"]
HAND_MADE = """
[order]
shares = 600
[impact]
family = "{family}"
quoted = "{quoted}"
{parameters}
[objective]
name = "A"
"""


def hand_made(folder: Path, family: str, quoted: str, parameters: str) -> ox.Impact:
    path = folder / "hand.toml"
    path.write_text(HAND_MADE.format(family=family, quoted=quoted, parameters=parameters))
    return load_spec(path, ["buckets.number=3"]).problem().impact


def same_problem(one: ox.Problem, other: ox.Problem) -> bool:
    points = np.random.default_rng(1).uniform(0, 300, size=(5, one.buckets))
    costs = [one.objective(x) == pytest.approx(other.objective(x), rel=1e-12) for x in points]
    bounds = (one.lo == other.lo).all() and (one.hi == other.hi).all()
    return all(costs) and bool(bounds) and one.order == other.order and one.index.equals(other.index)


def declared(terms: ox.Objective) -> ox.Problem:
    impact = ox.Linear([0.01, 0.02, 0.01]) + ox.Power(A, B, quoted="per_share")
    limits = ox.Limits(participation=0.10, volume=VOLUME)
    return ox.Problem(ox.Order(900, price=25.0), impact, terms, limits=limits, buckets=LABELS)


@pytest.mark.parametrize(
    ("name", "terms"),
    [
        (None, ox.objective("A")),
        ("B", ox.objective("B", rho=1e-5)),
        ("C", ox.objective("C", psi=1e-4, weights="linear")),
    ],
)
def test_a_spec_is_the_problem_that_it_declares(spec: Path, name: str | None, terms: ox.Objective) -> None:
    problem = load_spec(spec).problem(name)
    assert same_problem(problem, declared(terms))
    assert not same_problem(problem, declared(ox.objective("B", rho=3e-5)))


@pytest.mark.parametrize(
    ("written", "weights"),
    [
        ('"uniform"', [1, 1, 1]),
        ('"linear"', [1 / 3, 2 / 3, 1]),
        ("{ power = 2.0 }", [1 / 9, 4 / 9, 1]),
        ('["power", 2.0]', [1 / 9, 4 / 9, 1]),
        ('"half_spread"', [0.01, 0.02, 0.01]),
        ("[3, 2, 1]", [3, 2, 1]),
        ('{ volatility = "sigma" }', ox.volatility_weights([0.03, 0.02, 0.01]).tolist()),
    ],
)
def test_weights(spec: Path, written: str, weights: list[float]) -> None:
    risk = load_spec(spec, [f"objective.weights={written}"]).problem("C").terms.find(ox.InventoryRisk)
    assert risk.weights_for(3) == pytest.approx(weights)


def test_terms_in_place_of_a_name(spec: Path) -> None:
    text = spec.read_text()
    listed = """terms = [{ impact = {} }, { smoothing = { rho = "a" } }, { inventory_risk = { psi = 2e-4 } }]"""
    spec.write_text(text.replace('name = "A"', listed))
    wanted = ox.ImpactCost() + ox.Smoothing(rho=A) + ox.InventoryRisk(psi=2e-4)
    assert same_problem(load_spec(spec).problem(), declared(wanted))
    assert same_problem(load_spec(spec).problem("B"), declared(ox.objective("B", rho=1e-5)))


def test_missing_names_what_the_other_objectives_lack(spec: Path) -> None:
    assert load_spec(spec).missing() == {}
    spec.write_text(spec.read_text().replace("rho = 1e-5", "").replace("psi = 1e-4", ""))
    assert load_spec(spec).missing() == {"B": "objective.rho", "C": "objective.psi"}


@pytest.mark.parametrize("quoted", ["total", "per_share"])
def test_families_by_hand(tmp_path: Path, quoted: str) -> None:
    x = np.array([50.0, 120.0, 300.0])
    cases = {
        ("Linear", "slope = 0.5"): ox.Linear(0.5, quoted=quoted),
        ("Power", "a = [1, 2, 3]\nb = 0.5"): ox.Power([1, 2, 3], 0.5, quoted=quoted),
        ("Exponential", "a = 2.0\nb = [0.1, 0.2, 0.3]"): ox.Exponential(2.0, [0.1, 0.2, 0.3], quoted=quoted),
        ("Tabulated", "shares = [0, 100, 200]\ncost = [0, 1, 3]"): ox.Tabulated([0, 100, 200], [0, 1, 3], quoted),
    }
    for (family, parameters), impact in cases.items():
        assert hand_made(tmp_path, family, quoted, parameters).cost(x).tolist() == impact.cost(x).tolist()


def test_points_from_columns_give_each_bucket_its_own_curve(spec: Path) -> None:
    table = 'impact={family="Tabulated", quoted="total", shares=[0, 100, 900], cost=[0, "half_spread", "volume"]}'
    impact = load_spec(spec, [table]).problem().impact
    assert impact.cost(np.array([100.0, 100.0, 100.0])) == pytest.approx([0.01, 0.02, 0.01])
    assert impact.cost(np.array([900.0, 900.0, 900.0])) == pytest.approx(VOLUME)


@pytest.mark.parametrize("name", ["buckets.csv.gz", "buckets.parquet"])
def test_other_formats_hold_the_same_table(spec: Path, name: str) -> None:
    plain = spec.with_name("buckets.csv")
    if name.endswith("gz"):
        spec.with_name(name).write_bytes(gzip.compress(plain.read_bytes()))
    else:
        pd.read_csv(plain).to_parquet(spec.with_name(name))
    assert same_problem(load_spec(spec, [f"buckets.path={name}"]).problem(), load_spec(spec).problem())


@pytest.mark.parametrize(
    ("cells", "labels"),
    [
        (["930", "931", "1000"], [930, 931, 1000]),
        (["0930", "0931", "1000"], ["0930", "0931", "1000"]),
        (["1.5", "2.0", "2.5"], [1.5, 2.0, 2.5]),
        (["9.30", "9.31", "9.32"], ["9.30", "9.31", "9.32"]),
        (["1", "2", "2.5"], ["1", "2", "2.5"]),
        (["1e3", "2e3", "3e3"], ["1e3", "2e3", "3e3"]),
        (["1", "1.0", "+1"], ["1", "1.0", "+1"]),
        (["1.5", "nan", "2.5"], ["1.5", "nan", "2.5"]),
        (["9007199254740993", "0.5", "1.5"], ["9007199254740993", "0.5", "1.5"]),
        (["-1", "0", "1"], [-1, 0, 1]),
    ],
)
def test_labels_read_as_they_are_written(spec: Path, cells: list[str], labels: list[object]) -> None:
    table = spec.with_name("buckets.csv")
    for old, new in zip(LABELS, cells, strict=True):
        table.write_text(table.read_text().replace(f"{old},", f"{new},", 1))
    index = load_spec(spec).problem().index
    assert index.tolist() == labels
    assert [str(label) for label in index] == cells


def test_labels_are_numbers_where_all_are(spec: Path) -> None:
    assert load_spec(spec, ["buckets.index=volume"]).problem().index.tolist() == [4000, 6000, 5000]
    assert load_spec(spec).problem().index.tolist() == LABELS
    assert load_spec(spec).problem().index.name == "time"


def test_without_an_index_the_buckets_are_numbered(spec: Path) -> None:
    spec.write_text(spec.read_text().replace('index = "time"', ""))
    assert load_spec(spec).problem().index.tolist() == [1, 2, 3]


@pytest.mark.parametrize(
    ("setting", "read"),
    [
        ("order.shares=1_200", lambda problem: problem.shares == 1200),
        ("order.side=sell", lambda problem: problem.order.side == "sell"),
        ('order.side="sell"', lambda problem: problem.order.side == "sell"),
        ("order.lot=100", lambda problem: problem.order.lot == 100),
        ("impact.1.slope=0.5", lambda problem: np.all(problem.impact.parts[0].slope == 0.5)),
        ("impact.2.b=sigma", lambda problem: problem.impact.parts[1].b.tolist() == [0.03, 0.02, 0.01]),
        ("limits.maximum=[300, 500, 400]", lambda problem: problem.hi.tolist() == [300, 500, 400]),
        ("limits.smallest=40", lambda problem: problem.smallest.tolist() == [40, 40, 40]),
        ("limits.smallest=sigma", lambda problem: problem.smallest.tolist() == [0.03, 0.02, 0.01]),
        ("objective.name=B", lambda problem: [term.name for term in problem.terms] == ["impact", "smoothing"]),
    ],
)
def test_settings_replace_keys(spec: Path, setting: str, read: Callable[[ox.Problem], bool]) -> None:
    assert not read(load_spec(spec).problem())
    assert read(load_spec(spec, [setting]).problem())


def test_a_setting_sets_one_key_only(spec: Path) -> None:
    with pytest.raises(ox.InvalidInput, match="unknown objective"):
        load_spec(spec, ["objective.name=A\npsi=2"]).problem()


def test_the_last_setting_of_a_key_wins_and_new_tables_are_made(spec: Path) -> None:
    read = load_spec(spec, ["solve.gap=0.1", "solve.gap=0.2", "solve.method=milp"])
    assert (read.stopping, read.method) == ({"gap": 0.2}, "milp")
    assert (load_spec(spec).stopping, load_spec(spec).method) == ({}, "auto")


def test_a_spec_says_what_unfilled_shares_cost(spec: Path) -> None:
    settings = ["order.must_complete=false", "order.unfilled_cost=0.05", "order.unfilled_penalty=1e-4"]
    order = load_spec(spec, settings).problem().order
    assert order == ox.Order(900, price=25.0, must_complete=False, unfilled_cost=0.05, unfilled_penalty=1e-4)
    with pytest.raises(ox.InvalidInput, match=r"key order: .* needs order\.unfilled_cost"):
        load_spec(spec, settings[:1]).problem()
