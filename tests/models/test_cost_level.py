"""Curves at a multiple of their cost."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from strategies import cases, examples

import optexec as ox
from optexec.models.cost_level import scaled


@settings(max_examples=examples(60))
@given(cases(), st.data())
def test_every_family_and_mixture_costs_that_many_times_as_much(drawn, data):
    _, problem = drawn
    n = problem.buckets
    factor = np.array(data.draw(st.lists(st.floats(0.1, 10), min_size=n, max_size=n)))
    dearer, x = scaled(problem.impact, factor), problem.inside()
    np.testing.assert_allclose(dearer.cost(x), factor * problem.impact.cost(x), rtol=1e-12, atol=1e-12)
    np.testing.assert_allclose(dearer.marginal(x), factor * problem.impact.marginal(x), rtol=1e-9, atol=1e-12)


def test_an_impact_of_ones_own_is_refused():
    class Own(ox.Impact):
        """Not one of the families."""

    Own.__abstractmethods__ = frozenset()
    with pytest.raises(ox.InvalidInput, match="of class Own cannot be scaled"):
        scaled(Own(), np.ones(2))
