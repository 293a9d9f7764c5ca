"""The terms of the objective, against hand arithmetic and differences."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from strategies import cases, feasible_points

import optexec as ox


@settings(max_examples=100)
@given(st.data())
def test_each_term_is_the_plain_formula(data):
    case, problem = data.draw(cases())
    x = data.draw(feasible_points(case))
    parts = dict(zip(("impact", "smoothing", "inventory_risk"), case.terms(x.tolist()), strict=True))
    told = problem.breakdown(x)
    assert set(told) == {term.name for term in problem.terms}
    for name, value in told.items():
        assert value == pytest.approx(parts[name], rel=1e-9, abs=1e-12 * case.yardstick()), name


@settings(max_examples=60)
@given(st.data())
def test_gradient_is_the_derivative_of_the_objective(data):
    case, problem = data.draw(cases(shapes=(("Power", "per_share"), ("Exponential", "total"))))
    x = 0.9 * data.draw(feasible_points(case)) + 0.1 * case.shares / len(case.lo)
    gradient, step = problem.gradient(x), 1e-6 * case.shares
    for k in range(len(x)):
        up, down = x.copy(), x.copy()
        up[k] += step
        down[k] -= step
        # Inventory is what is still to trade, so both sides are off the order by the same step.
        numeric = (problem.objective(up) - problem.objective(down)) / (2 * step)
        assert gradient[k] == pytest.approx(numeric, rel=1e-4, abs=1e-5 / case.shares)


def test_objectives_by_name_are_their_terms():
    assert [t.name for t in ox.objective("A")] == ["impact"]
    assert [t.name for t in ox.objective("B", rho=1.0)] == ["impact", "smoothing"]
    assert [t.name for t in ox.objective("C", psi=1.0)] == ["impact", "inventory_risk"]


@pytest.mark.parametrize(
    ("weights", "expected"),
    [
        ("uniform", [1, 1, 1, 1]),
        ("linear", [0.25, 0.5, 0.75, 1.0]),
        (("power", 2), [0.0625, 0.25, 0.5625, 1.0]),
        ([3, 0, 1, 9], [3, 0, 1, 9]),
        (ox.volatility_weights([1.0, 1.0, 1.0, 3.0]), [1 / 3, 1 / 3, 1 / 3, 3.0]),
    ],
    ids=["uniform", "linear", "power", "array", "volatility"],
)
def test_inventory_risk_weighs_what_is_held_after_each_bucket_but_the_last(weights, expected):
    problem = ox.Problem(ox.Order(10), ox.Linear(0.0), ox.objective("C", psi=2.0, weights=weights), buckets=4)
    held = [9, 7, 4]
    assert problem.inventory(np.array([1.0, 2.0, 3.0, 4.0])).tolist() == [9, 7, 4, 0]
    value = sum(w * r * r for w, r in zip(expected[:3], held, strict=True))
    assert problem.objective(np.array([1.0, 2.0, 3.0, 4.0])) == pytest.approx(value)


BAD = {
    "negative rho": lambda: ox.Smoothing(-1.0),
    "nan rho": lambda: ox.Smoothing([1.0, float("nan")]),
    "negative psi": lambda: ox.InventoryRisk(-1.0),
    "inf psi": lambda: ox.InventoryRisk(float("inf")),
    "psi array": lambda: ox.InventoryRisk([1.0, 2.0]),
    "negative weights": lambda: ox.InventoryRisk(1.0, weights=[1.0, -1.0]),
    "nan weights": lambda: ox.InventoryRisk(1.0, weights=[1.0, float("nan")]),
    "scalar weights": lambda: ox.InventoryRisk(1.0, weights=2.0),
    "negative exponent": lambda: ox.InventoryRisk(1.0, weights=("power", -1)),
    "zero sigma": lambda: ox.volatility_weights([0.0, 0.0]),
    "negative sigma": lambda: ox.volatility_weights([1.0, -1.0]),
    "missing rho": lambda: ox.objective("B"),
    "missing psi": lambda: ox.objective("C"),
    "foreign parameter": lambda: ox.objective("A", rho=1.0),
    "twice": lambda: ox.ImpactCost() + ox.ImpactCost(),
    "not a term": lambda: ox.Objective((3.0,)),
}


@pytest.mark.parametrize("make", BAD.values(), ids=BAD)
def test_bad_terms_are_refused(make):
    with pytest.raises(ox.InvalidInput):
        make()


def test_unknown_names_come_with_the_nearest_one():
    with pytest.raises(ox.InvalidInput, match="did you mean 'linear'"):
        ox.InventoryRisk(1.0, weights="linaer")
    with pytest.raises(ox.InvalidInput, match="known: A, B, C"):
        ox.objective("D")
