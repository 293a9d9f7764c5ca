"""Nondecreasing least squares."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from optexec.data.monotone import monotone
from optexec.models.errors import InvalidInput

VALUES = st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=12)


def by_extremes(values, weights):
    """Isotonic regression by its min-max formula: v_k = max over i <= k of min over j >= k of mean(y_i..y_j)."""
    count = len(values)

    def mean(i, j):
        return np.dot(values[i : j + 1], weights[i : j + 1]) / np.sum(weights[i : j + 1])

    return [max(min(mean(i, j) for j in range(k, count)) for i in range(k + 1)) for k in range(count)]


@given(values=VALUES, seed=st.integers(0, 2**32 - 1))
def test_it_is_the_min_max_formula(values, seed):
    weights = np.random.default_rng(seed).uniform(0.01, 10.0, len(values))
    scale = max(np.abs(values).max(), 1e-300)
    np.testing.assert_allclose(monotone(values, weights), by_extremes(values, weights), rtol=0, atol=1e-12 * scale)


@given(values=VALUES)
def test_it_never_falls_and_a_second_time_changes_nothing(values):
    once = monotone(values)
    assert (np.diff(once) >= 0).all()
    np.testing.assert_array_equal(monotone(once), once)


@given(values=VALUES)
def test_what_never_falls_is_returned_as_it_is(values):
    rising = np.sort(values)
    np.testing.assert_array_equal(monotone(rising), rising)


@given(values=VALUES, seed=st.integers(0, 2**32 - 1))
def test_weights_keep_the_mean_and_their_scale_does_not_matter(values, seed):
    weights = np.random.default_rng(seed).uniform(0.1, 10.0, len(values))
    fitted = monotone(values, weights)
    assert np.dot(fitted, weights) == pytest.approx(np.dot(values, weights), rel=1e-9, abs=1e-6)
    np.testing.assert_allclose(monotone(values, 7 * weights), fitted, rtol=1e-12, atol=1e-9)


def test_rows_do_not_touch_one_another():
    rows = np.random.default_rng(1).normal(size=(50, 9))
    np.testing.assert_array_equal(monotone(rows), [monotone(row) for row in rows])


def test_the_argument_is_left_alone():
    values = np.array([2.0, 1.0])
    monotone(values)
    assert values.tolist() == [2.0, 1.0]


def test_monotone_is_not_convex():
    pooled = monotone([0.0, 3.0, 2.0, 3.0])
    assert pooled.tolist() == [0.0, 2.5, 2.5, 3.0]
    assert np.diff(pooled, 2).min() < 0


@pytest.mark.parametrize(
    ("values", "weights", "fragment"),
    [
        ([1.0, float("nan")], 1.0, r"values\[1\] must be finite"),
        (3.0, 1.0, "values must be an array"),
        ([1.0, 2.0], 0.0, "weights must be > 0"),
        ([1.0, 2.0], [1.0, -1.0], r"weights\[1\] must be > 0"),
        ([1.0, 2.0], [1.0, 1.0, 1.0], "weights must be a number or 2 of them"),
    ],
)
def test_what_is_refused(values, weights, fragment):
    with pytest.raises(InvalidInput, match=fragment):
        monotone(values, weights)
