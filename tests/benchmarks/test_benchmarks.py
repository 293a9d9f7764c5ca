"""The benchmarks run, on small problems and short limits: instances, both sides, tables and checks."""

import dataclasses
import json
import math

import numpy as np
import pytest

import optexec as ox
from benchmarks import certified, dynamic_programme
from benchmarks.certified_instances import KINDS, SHARES, SIZES, instance, instances
from benchmarks.reporting import markdown, publish

LIMIT = 5.0
NAMES = {
    "power": {"concave"},
    "saturating": {"convex-then-concave"},
    "tabulated": {"convex-then-concave"},
    "mixed": {"convex", "concave"},
}


@pytest.fixture(scope="module")
def problems():
    return instances()


def test_there_are_24_instances_of_every_kind_size_and_objective(problems):
    assert set(problems) == {f"{kind}-{n}-{name}" for kind in KINDS for n in SIZES for name in "AC"}
    for name, problem in problems.items():
        assert problem.buckets == int(name.split("-")[1])
        assert (problem.terms.find(ox.InventoryRisk) is not None) == name.endswith("C")


def test_every_instance_has_the_curvature_of_its_kind(problems):
    for name, problem in problems.items():
        assert set(problem.curvature.names()) == NAMES[name.split("-")[0]], name
        inflection = problem.curvature.inflection
        assert np.all(np.isnan(inflection) | ((inflection > 0) & (inflection < problem.hi))), name


def test_every_instance_is_feasible_with_caps_that_are_no_whole_lots_and_curves_that_differ(problems):
    for name, problem in problems.items():
        assert problem.order.lot is None
        assert problem.hi.sum() == pytest.approx(3 * SHARES)
        assert not np.any(problem.hi % 1 == 0), name
        assert np.unique(problem.gradient(0.5 * problem.hi).round(9)).size == problem.buckets, name
        assert ox.evaluate(problem, problem.inside()).objective > 0


def test_psi_covers_two_decades_and_risk_and_impact_both_matter(problems):
    psis = [p.terms.find(ox.InventoryRisk).psi for name, p in problems.items() if name.endswith("C")]
    assert len(psis) == 12
    assert max(psis) / min(psis) == pytest.approx(100)
    for name, problem in problems.items():
        if name.endswith("30-C"):
            costs = ox.solve(problem, time_limit=LIMIT).breakdown
            assert 0.15 < costs["impact"] / sum(costs.values()) < 0.85, name


def test_the_generator_repeats_itself(problems):
    for name, problem in problems.items():
        kind, n, objective = name.split("-")
        again = instance(kind, int(n), objective)
        assert np.array_equal(again.hi, problem.hi)
        assert again.objective(again.inside()) == problem.objective(problem.inside())


@pytest.mark.parametrize("name", ["power-30-A", "saturating-30-C", "tabulated-30-C", "mixed-30-C"])
def test_both_sides_solve_the_small_instances_and_agree(problems, name):
    pytest.importorskip("pyscipopt", reason="SCIP is not installed (pip install pyscipopt)")
    limit = LIMIT if name != "saturating-30-C" else 1.0
    row = certified.compare(name, problems[name], limit)
    assert row.ours.lower_bound <= row.ours.objective
    assert math.isfinite(row.scip.objective)
    assert row.scip.own_seconds <= row.scip.seconds
    assert json.loads(json.dumps(row.record()))["instance"] == name
    assert "open" in _cells(row, certified=False)
    assert f"{row.ours.objective:,.3f}" in certified.report([row], LIMIT, 1, {"optexec": "0"})


def _cells(row, **changes):
    return " ".join(dataclasses.replace(row, scip=dataclasses.replace(row.scip, **changes)).cells())


def _answers(ours, bound, theirs, their_bound):
    mine = certified.Ours("branch", "optimal", ours, bound, 0.0, 1.0, 1.0)
    return mine, certified.ScipRun(theirs, their_bound, True, 2.0, 2.0, "")


def test_answers_that_contradict_each_other_stop_the_run():
    certified.check("same", *_answers(100.0, 99.999, 100.001, 99.999))
    with pytest.raises(RuntimeError, match="below the bound"):
        certified.check("bad", *_answers(100.0, 99.999, 99.9, 99.9))
    with pytest.raises(RuntimeError, match="below SCIP's bound"):
        certified.check("bad", *_answers(100.0, 99.999, 100.2, 100.2))
    with pytest.raises(RuntimeError, match="apart"):
        certified.check("bad", *_answers(100.0, 99.999, 100.2, 99.9))


def test_an_open_problem_counts_with_the_limit():
    ours, scip = _answers(100.0, 99.999, 100.0, 50.0)
    row = certified.Row("open", ours, dataclasses.replace(scip, certified=False), limit=60.0)
    assert row.ratio == 60.0


def test_a_section_is_replaced_and_the_others_stay(tmp_path):
    path = tmp_path / "table.md"
    for title, body in (("One", markdown(["a", "b"], [["x", "1"]])), ("Two", "second"), ("One", "new")):
        publish(path, title, body, {"body": body})
    assert path.read_text() == "# Benchmarks\n\n## One\n\nnew\n\n## Two\n\nsecond\n"
    assert json.loads(path.with_suffix(".json").read_text()) == {"One": {"body": "new"}, "Two": {"body": "second"}}


def test_the_dynamic_programme_equals_slippage_tca():
    pytest.importorskip("slippage", reason="slippage-tca is not installed (pip install slippage-tca)")
    task = dynamic_programme.Task(lots=60, periods=12, lot=500.0)
    ours, theirs, agreement = dynamic_programme.compare(task, repeat=1)
    assert np.array_equal(ours.x, theirs.x), agreement
    assert ours.x.sum() == task.shares
    assert ours.x[0] > ours.x[-1]
    assert "the same" in dynamic_programme.report(task, ours, theirs, agreement, repeat=1)
    worse = np.full(task.periods, task.shares / task.periods)
    with pytest.raises(RuntimeError, match="differ"):
        dynamic_programme.check(task, ours.x, worse)
