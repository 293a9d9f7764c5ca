"""Some of the buckets of a problem, such as what is left of it once its first have passed."""

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from strategies import cases, examples

import optexec as ox


@settings(max_examples=examples(60))
@given(cases(), st.data())
def test_a_tail_charges_what_the_whole_charges_for_its_buckets(drawn, data):
    _, problem = drawn
    start = data.draw(st.integers(0, problem.buckets - 1))
    x = problem.inside()
    rest = problem.part(start, shares=x[start:].sum()) if x[start:].sum() > 0 else None
    if rest is None:
        return
    for before, after in zip(problem.terms, rest.terms, strict=True):
        costs = before.bucket_costs(problem, x)[start:]
        np.testing.assert_allclose(after.bucket_costs(rest, x[start:]), costs, rtol=1e-12, atol=1e-300)
    assert list(rest.index) == list(problem.index[start:])
    np.testing.assert_array_equal(rest.lo, problem.lo[start:])
    np.testing.assert_array_equal(rest.hi, np.minimum(problem.hi[start:], rest.shares))


def test_named_weights_keep_the_place_of_their_buckets():
    problem = ox.Problem(ox.Order(100), ox.Linear(0.01), ox.objective("C", psi=1.0, weights="linear"), buckets=4)
    assert problem.part(2, shares=50).terms.find(ox.InventoryRisk).weights.tolist() == [0.75, 1.0]


@pytest.mark.parametrize(("start", "stop"), [(-1, None), (3, None), (2, 2), (0, 4)])
def test_there_is_no_part_outside_the_buckets(start, stop):
    problem = ox.Problem(ox.Order(100), ox.Linear(0.01), ox.objective("A"), buckets=3)
    with pytest.raises(ox.InvalidInput, match=f"no buckets from {start} to before"):
        problem.part(start, stop)


def test_caps_that_cannot_hold_the_rest_are_told():
    problem = ox.Problem(ox.Order(100), ox.Linear(0.01), ox.objective("A"), ox.Limits(maximum=40), buckets=3)
    with pytest.raises(ox.InfeasibleOrder, match="limits allow 40 of 60 shares"):
        problem.part(2, shares=60)


@dataclass(frozen=True, eq=False)
class Target(ox.Term):
    wanted: Any
    name: ClassVar[str] = "target"

    def bucket_costs(self, problem, x):
        return (x - self.wanted) ** 2

    def gradient(self, problem, x):
        return 2 * (x - self.wanted)

    def declare(self, block, model):
        raise NotImplementedError


def test_a_term_of_ones_own_with_arrays_must_say_what_its_tail_is():
    problem = ox.Problem(ox.Order(100), ox.Linear(0.01), ox.ImpactCost() + Target(np.ones(3)), buckets=3)
    with pytest.raises(ox.InvalidInput, match="the target term does not say what it is for some"):
        problem.part(1, shares=50)
    plain = problem.replace(terms=ox.ImpactCost() + Target(20.0))
    assert plain.part(1, shares=50).terms.find(Target).wanted == 20.0
