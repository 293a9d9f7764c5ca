"""New numbers in a model that is built: what a fresh model of the changed declaration says, or a refusal."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import pyomo.environ as pyo
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from strategies import SHAPES, cases, changed

import optexec as ox
from optexec.models.formulation import put, refresh
from optexec.solvers.highs import run_highs

SMOOTH = tuple(shape for shape in SHAPES if shape[0] != "Tabulated")
POWER = ox.Power([1.0, 2.0], 2.0)
TABLE = ox.Tabulated([0, 50, 100], [0, 50, 150])
CHANGES = {
    "exponent": (POWER, ox.Power([1.0, 2.0], 1.5), "Power.b is a constant"),
    "quotation": (POWER, ox.Power([1.0, 2.0], 2.0, quoted="per_share"), "quoted 'total'"),
    "family": (POWER, ox.Linear([1.0, 2.0]), "Power where the declaration has Linear"),
    "addend": (POWER, POWER + ox.Linear(1.0), "Power where the declaration has Sum"),
    "addends": (POWER + ox.Linear(1.0), POWER + ox.Linear(1.0) + ox.Linear(1.0), "a sum of 2 impacts, not of 3"),
    "second addend": (ox.Linear([1.0, 2.0]) + POWER, ox.Linear([7.0, 9.0]) + ox.Power(1.0, 3.0), "Power.b"),
    "one bucket": (
        ox.PerBucket([ox.Linear(1.0), ox.Power(1.0, 2.0)]),
        ox.PerBucket([ox.Power(1.0, 2.0), ox.Linear(1.0)]),
        "Linear where the declaration has Power",
    ),
    "families": (
        ox.PerBucket([ox.Linear(1.0), ox.Linear(2.0)]),
        ox.PerBucket([ox.Linear(1.0), ox.Power(1.0, 2.0)]),
        "other families",
    ),
    "points": (TABLE, ox.Tabulated([0, 50, 80, 100], [0, 50, 90, 150]), "more or fewer points"),
    "convexity": (TABLE, ox.Tabulated([0, 50, 100], [0, 50, 60]), "bucket 1"),
    "concave points": (
        ox.Tabulated([0, 50, 100], [0, 50, 60]),
        ox.Tabulated([0, 50, 100], [0, 50, 70]),
        "constants of the model",
    ),
}


def declared(impact):
    return ox.Problem(ox.Order(100), impact, ox.objective("C", psi=1e-3), buckets=2)


def numbers(model):
    """Every number that a model holds: its Params and the bounds of its variables."""
    params = {p.name: p.extract_values() for p in model.component_objects(pyo.Param)}
    return params | {v.name: v.bounds for v in model.component_data_objects(pyo.Var)}


@settings(max_examples=60)
@given(st.data())
def test_a_refreshed_model_is_a_fresh_one(data):
    _, problem = data.draw(cases(shapes=SMOOTH))
    model, other = ox.build(problem), data.draw(changed(problem))
    refresh(model, other)
    fresh = ox.build(other)
    assert model.problem is other
    assert numbers(model) == numbers(fresh)
    for m in (model, fresh):
        put(m, other.inside())
    assert pyo.value(model.cost) == pytest.approx(pyo.value(fresh.cost), rel=1e-14)
    assert pyo.value(model.cost) == pytest.approx(other.objective(other.inside()), rel=1e-9)


@settings(max_examples=40)
@given(st.data())
def test_refreshed_points_cost_what_the_declaration_says(data):
    shapes = [("Tabulated", "total"), ("Linear", "per_share")]
    _, problem = data.draw(cases(shapes=shapes, convex=True))
    model, other = ox.build(problem), data.draw(changed(problem))
    refresh(model, other)
    put(model, other.inside())
    for variable in model.x.values():
        variable.fix()
    assert run_highs(model).status == "optimal"
    assert pyo.value(model.cost) == pytest.approx(other.objective(other.inside()), rel=1e-7, abs=1e-7)


def test_only_the_segments_below_the_cap_bound_the_cost():
    kinked = ox.Tabulated([0, 40, 70, 100], [0, 40, 100, 103])
    problem = ox.Problem(ox.Order(100), kinked, ox.objective("A"), ox.Limits(maximum=70), buckets=2)
    model = ox.build(problem)
    assert run_highs(model).status == "optimal"
    assert pyo.value(model.cost) == pytest.approx(ox.solve(problem).objective)


@pytest.mark.parametrize("change", CHANGES)
def test_a_change_of_structure_is_refused_and_leaves_the_model_as_it_was(change):
    impact, other, message = CHANGES[change]
    model = ox.build(declared(impact))
    problem, before = model.problem, numbers(model)
    with pytest.raises(ox.InvalidInput, match=message) as refusal:
        refresh(model, declared(other).replace(order=ox.Order(90)))
    assert "build a new" in str(refusal.value)
    assert model.problem is problem
    assert numbers(model) == before


def test_other_buckets_or_terms_are_refused():
    problem = declared(POWER)
    model = ox.build(problem)
    with pytest.raises(ox.InvalidInput, match="buckets"):
        refresh(model, problem.replace(buckets=["early", "late"]))
    with pytest.raises(ox.InvalidInput, match="impact, inventory_risk, not impact"):
        refresh(model, problem.replace(terms=ox.objective("A")))


@dataclass(frozen=True)
class Fee(ox.Term):
    """Dollars a share, which the model holds as a constant."""

    rate: float
    name: ClassVar[str] = "fee"

    def bucket_costs(self, problem, x):
        return self.rate * x

    def gradient(self, problem, x):
        return np.full(len(x), self.rate)

    def declare(self, block, model):
        block.cost = pyo.Expression(expr=self.rate * sum(model.x.values()))


def test_a_term_that_cannot_be_refreshed_says_so():
    problem = ox.Problem(ox.Order(100), POWER, ox.ImpactCost() + Fee(1.0))
    model = ox.build(problem)
    refresh(model, problem)
    with pytest.raises(ox.InvalidInput, match=r"fee term: Fee has no method `refresh`; build"):
        refresh(model, problem.replace(terms=ox.ImpactCost() + Fee(2.0)))
