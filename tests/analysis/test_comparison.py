"""Comparisons are what evaluating each schedule by itself gives."""

import numpy as np
import pytest

import optexec as ox
from optexec.analysis.comparison import baselines, compare, savings

RNG = np.random.default_rng(7)
LIMITS = ox.Limits(participation=0.2, volume=RNG.uniform(500, 1500, size=8))
IMPACT = ox.Linear(RNG.uniform(0.005, 0.02, size=8)) + ox.Power(2e-4, 0.6, quoted="per_share")
A = ox.Problem(ox.Order(1_000), IMPACT, ox.objective("A"), limits=LIMITS)
PROBLEMS = {
    "A": A,
    "B": A.replace(terms=ox.objective("B", rho=1e-4)),
    "C": A.replace(terms=ox.objective("C", psi=1e-5, weights="linear")),
}


def test_baselines_are_the_methods_without_a_guarantee() -> None:
    with_volume, without = baselines(A), baselines(A.replace(limits=ox.Limits()))
    assert set(with_volume) - set(without) == {"vwap", "pov"}
    for name, schedule in with_volume.items():
        assert schedule.method == name
        assert schedule.x == pytest.approx(ox.solve(A, name).x)
        assert ox.methods(A).frame.loc[name, "guarantee"] == "none"


def test_compare_prices_each_schedule_by_each_objective() -> None:
    table = compare(PROBLEMS)
    for name, problem in PROBLEMS.items():
        optimum = ox.solve(problem)
        for other in PROBLEMS:
            cost = ox.evaluate(problem, ox.solve(PROBLEMS[other]).x).objective
            assert table.loc[f"optimal for {other}", f"cost_{name}"] == pytest.approx(cost, rel=1e-9)
        for label, schedule in baselines(A).items():
            cost = ox.evaluate(problem, schedule.x).objective
            assert table.loc[label, f"cost_{name}"] == pytest.approx(cost, rel=1e-12)
            excess = (cost - optimum.lower_bound) / optimum.lower_bound
            assert table.loc[label, f"excess_{name}"] == pytest.approx(excess, rel=1e-6)
        others = table.drop(index=f"optimal for {name}")
        assert table.loc[f"optimal for {name}", f"cost_{name}"] < others[f"cost_{name}"].min()
        assert abs(table.loc[f"optimal for {name}", f"excess_{name}"]) < 1e-8


def test_excess_is_measured_from_the_bound_and_not_from_the_best_schedule() -> None:
    concave = ox.Problem(ox.Order(1_000), ox.Power(RNG.uniform(1, 2, size=8), 0.5), ox.objective("A"), limits=LIMITS)
    found = ox.solve(concave, gap=0.2)
    table = compare({"A": concave}, gap=0.2)
    assert found.lower_bound < found.objective
    best = table.loc["optimal for A"]
    assert best["excess_A"] == pytest.approx(best["cost_A"] / found.lower_bound - 1, rel=1e-9)
    assert best["excess_A"] > 0


def test_a_negative_bound_keeps_the_sign_of_the_excess() -> None:
    rebate = ox.Problem(ox.Order(100), ox.Linear([-0.02, 0.01]), ox.objective("A"))
    table = compare({"A": rebate})
    assert table.loc["optimal for A", "cost_A"] == pytest.approx(-2.0)
    assert table.loc["twap", "excess_A"] == pytest.approx(1.5 / 2)


def test_problems_with_other_schedules_are_refused() -> None:
    with pytest.raises(ox.InvalidInput, match="nothing to compare"):
        compare({})
    for other in (
        A.replace(order=ox.Order(900)),
        A.replace(limits=ox.Limits(maximum=300)),
        A.replace(limits=ox.Limits(participation=0.2, volume=LIMITS.volume, smallest=20)),
        A.replace(buckets=range(8)),
    ):
        with pytest.raises(ox.InvalidInput, match="problems A and B differ in order, limits or buckets"):
            compare({"A": A, "B": other})


def test_savings_are_in_dollars_and_in_parts_of_the_answer() -> None:
    answer, others = ox.solve(A), baselines(A)
    table = savings(answer, others)
    assert table.index[0] == answer.method
    assert table["cost"].iloc[1:].is_monotonic_increasing
    assert set(table.index[1:]) == set(others)
    for name, other in others.items():
        assert table.loc[name, "saving"] == pytest.approx(other.objective - answer.objective)
        assert table.loc[name, "excess"] == pytest.approx(other.objective / answer.objective - 1)
