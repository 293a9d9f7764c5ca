"""Least sums of two arrays against every pair, with holes in either."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from optexec.solvers.min_plus import least_sums

numbers = st.lists(st.one_of(st.integers(-9, 9).map(float), st.just(np.inf)), min_size=1, max_size=12)


def by_every_pair(first, costs, ahead):
    out = np.full(len(ahead), np.inf)
    for n, cost in enumerate(costs):
        for k, rest in enumerate(ahead):
            if first + n + k < len(out):
                out[first + n + k] = min(out[first + n + k], cost + rest)
    return out.tolist()


@given(first=st.integers(0, 4), costs=numbers, ahead=numbers)
def test_any_costs(first, costs, ahead):
    found = least_sums(first, np.array(costs), np.array(ahead), convex=False)
    assert found.tolist() == by_every_pair(first, costs, ahead)


@given(
    first=st.integers(0, 4), slopes=st.lists(st.integers(-5, 5), max_size=10), ahead=numbers, hole=st.integers(0, 10)
)
def test_convex_costs_with_a_hole(first, slopes, ahead, hole):
    costs = np.append(0.0, np.cumsum(np.sort(slopes)))
    costs[hole : hole + 2] = np.inf
    found = least_sums(first, costs, np.array(ahead), convex=True)
    assert found.tolist() == by_every_pair(first, costs, ahead)
