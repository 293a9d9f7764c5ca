"""Every registered case runs, its answers agree, and the page says what the record says."""

import json
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from benchmarks import __main__ as command
from benchmarks.catalogue import CASES
from benchmarks.convex import DAY, LONG, exponent
from benchmarks.page import render
from benchmarks.peers.scipy_minimize import Functions
from benchmarks.power_laws import inventory_risk
from benchmarks.registry import PHASES, Answer, Case, Claim, Side
from benchmarks.runner import SCHEMA, CaseTimes, Row, judge, run, run_size
from benchmarks.timing import ONCE, Effort, measure

DOCS = Path(__file__).parents[2] / "docs"
RECORD = {"schema", "machine", "versions", "effort", "seconds", "claims", "cases"}


@pytest.fixture(scope="module")
def published():
    return json.loads((DOCS / "benchmarks.json").read_text(encoding="utf-8"))


@pytest.mark.parametrize("name", CASES)
def test_a_case_runs_at_its_smallest_size_and_its_answers_agree(name):
    case = CASES[name]
    rows = run_size(case, case.sweep[0], ONCE)
    assert {(row.side, row.phase) for row in rows} == {(side.name, p) for side in case.sides for p in side.drivers}
    for row in rows:
        assert row.repeats == 1
        assert row.minimum == row.median > 0
        assert row.own_seconds is None or 0 < row.own_seconds < 10 * row.minimum, "in seconds, by a clock of its own"
        if row.objective is not None:
            assert row.objective == pytest.approx(rows_of(rows)[0].objective, rel=row.accuracy)


def rows_of(rows):
    return [row for row in rows if row.objective is not None]


@pytest.mark.parametrize("name", CASES)
def test_a_case_is_well_formed(name):
    case = CASES[name]
    assert list(case.sweep) == sorted(set(case.sweep))
    assert set(case.phases) <= set(PHASES)
    assert len({side.name for side in case.sides}) == len(case.sides)
    assert all(set(side.drivers) <= set(PHASES) for side in case.sides)
    assert all(claim.sense in ("at most", "at least") for claim in case.claims)


class Number:
    """A declaration whose answers are prices."""

    def price(self, found):
        return found


def side(name, found, **keywords):
    return Side(name, {"total": lambda _: lambda: Answer(found)}, **keywords)


def case(*sides, **keywords):
    return Case("numbers", "Numbers.", lambda size: Number(), (1, 2), sides, **keywords)


def test_an_answer_that_differs_stops_the_run():
    near = side("near", 100.0 + 1e-7)
    assert [row.difference for row in run_size(case(side("optexec", 100.0), near), 1, ONCE)] == pytest.approx([0, 1e-9])
    for wrong in (101.0, 99.0, float("nan")):
        with pytest.raises(RuntimeError, match="peer"):
            run_size(case(side("optexec", 100.0), side("peer", wrong)), 1, ONCE)


def test_a_side_is_left_out_beyond_its_largest_size():
    limited = case(side("optexec", 1.0), side("peer", 1.0, largest=1))
    assert [[s.name for s in limited.sides_at(size)] for size in limited.sweep] == [["optexec", "peer"], ["optexec"]]


def test_a_case_runs_its_own_phases_only():
    assert run_size(case(side("optexec", 1.0), phases=("solve",)), 1, ONCE) == []


def test_phases_take_turns():
    turns = []
    sides = [Side(name, {"total": lambda _, name=name: lambda: turns.append(name)}) for name in ("ours", "peer")]
    rows = run_size(case(*sides), 1, Effort(rounds=2, seconds=0.0, repeats=1, limit=0.0))
    assert turns == ["ours", "peer", "ours", "peer"]
    assert [row.repeats for row in rows] == [2, 2]


def test_timing_repeats_and_prepares_anew():
    prepared = []

    def prepare():
        prepared.append(len(prepared))
        return lambda: Answer(prepared[-1], 1.0 + prepared[-1])

    timing = measure(prepare, Effort(rounds=1, seconds=0.0, repeats=3, limit=60.0))
    assert len(timing.seconds) == 3
    assert timing.own_seconds == [1.0, 2.0, 3.0]
    assert timing.outcome.found == 2
    assert timing.minimum <= timing.median


def test_what_is_slow_is_timed_once():
    effort = Effort(rounds=1, seconds=1.0, repeats=3, limit=8.0)
    assert not effort.suffices(0, 99.0)
    assert effort.suffices(1, 8.1)
    assert not effort.suffices(2, 7.9)
    assert not effort.suffices(3, 0.9)
    assert effort.suffices(3, 1.0)


def times(**seconds):
    return CaseTimes([Row(1, name, "total", 1, value, value) for name, value in seconds.items()])


def test_claims_are_judged_and_left_out_where_their_rows_were_not_run():
    def quick(measured):
        return measured.seconds(1, "optexec", "total")

    claims = [
        Claim("below", quick, "at most", 2.0, ""),
        Claim("above", quick, "at least", 2.0, ""),
        Claim("quoted", quick),
        Claim("absent", lambda measured: measured.seconds(1, "peer", "total")),
        Claim("no clock", lambda measured: measured.own_seconds(1, "optexec", "total")),
    ]
    judged = judge(case(claims=claims), times(optexec=1.0))
    assert [(entry["text"], entry["met"], entry["measured"]) for entry in judged] == [
        ("below", True, 1.0),
        ("above", False, 1.0),
        ("quoted", None, 1.0),
    ]


def test_the_exponent_is_that_of_a_power_law():
    rows = [Row(n, "optexec", "solve", 1, 1e-6 * n**1.25, 0.0) for n in LONG]
    assert exponent(CaseTimes(rows)) == pytest.approx(1.25)


def test_the_functions_given_to_scipy_are_the_objective_and_its_derivatives():
    law = inventory_risk(7)
    functions, problem, y = Functions.of(law), law.problem(), np.linspace(0.4, 1.6, 7)
    dollars = problem.objective(law.unit * y) / functions.value(y)
    assert functions.value(y[::-1]) * dollars == pytest.approx(problem.objective(law.unit * y[::-1]))
    assert functions.gradient(y) * dollars == pytest.approx(law.unit * problem.gradient(law.unit * y))
    step = 1e-6
    columns = [(functions.gradient(y + step * e) - functions.gradient(y - step * e)) / (2 * step) for e in np.eye(7)]
    assert functions.hessian(y) == pytest.approx(np.array(columns), rel=1e-6, abs=1e-9)


def test_the_page_has_every_row_and_claim_of_the_record():
    claims = [Claim("a wonder", lambda measured: measured.seconds(1, "optexec", "total"), "at most", 1e-12, "ms")]
    record = run([case(side("optexec", 123.0), side("peer", 123.0), claims=claims)], ONCE)
    assert set(record) == RECORD
    assert record["schema"] == SCHEMA
    page = render(json.loads(json.dumps(record)))
    for text in ("0 of 1 targets met", "a wonder", "**missed**", "## numbers", "Size 2:", "| peer |", "123.000000"):
        assert text in page, text


def test_the_command_writes_the_page_and_its_record(tmp_path, monkeypatch):
    monkeypatch.setattr(command, "CASES", {"numbers": case(side("optexec", 1.0))})
    monkeypatch.setattr(command, "use_one_core", lambda: None)
    app = command.typer.Typer()
    app.command()(command.main)
    page = tmp_path / "speed.md"
    done = CliRunner().invoke(app, ["--quick", "--only", "numbers", "--out", str(page)])
    assert done.exit_code == 0, done.output
    record = json.loads(page.with_suffix(".json").read_text())
    assert page.read_text() == render(record)
    assert [row["size"] for row in record["cases"][0]["rows"]] == [1]
    assert CliRunner().invoke(app, ["--only", "nothing"]).exit_code == 2


def test_the_published_page_is_that_of_the_published_record(published):
    assert (DOCS / "benchmarks.md").read_text(encoding="utf-8") == render(published)


def test_the_published_record_has_every_case_row_and_claim(published):
    assert set(published) == RECORD
    assert published["schema"] == SCHEMA
    assert [entry["name"] for entry in published["cases"]] == list(CASES)
    for entry in published["cases"]:
        registered = CASES[entry["name"]]
        assert {(row["size"], row["side"], row["phase"]) for row in entry["rows"]} == {
            (size, s.name, phase) for size in registered.sweep for s in registered.sides_at(size) for phase in s.drivers
        }
        for row in entry["rows"]:
            assert row["difference"] is None or abs(row["difference"]) <= row["accuracy"]
    claimed = [(claim["case"], claim["text"]) for claim in published["claims"]]
    assert claimed == [(name, claim.text) for name, registered in CASES.items() for claim in registered.claims]


def test_the_published_record_names_no_place_of_the_machine(published):
    text = json.dumps(published)
    assert not any(place in text for place in ("/work", "/home", "/root", "http")), text[:200]


def test_the_ratios_of_the_page_are_those_of_the_record(published):
    rows = next(entry["rows"] for entry in published["cases"] if entry["name"] == "A")
    seconds = {(row["side"], row["phase"]): row["minimum"] for row in rows if row["size"] == DAY}
    claim = next(c for c in published["claims"] if c["case"] == "A" and "declared and solved" in c["text"])
    ratio = seconds["cvxpy + Clarabel", "total"] / seconds["optexec", "solve"]
    assert claim["measured"] == pytest.approx(ratio)
    assert claim["met"] == (ratio >= claim["target"])
