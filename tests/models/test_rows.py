"""Impacts stacked as the rows of one array: every row is evaluated exactly as the impact that it came from."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from strategies import SHAPES, alike, impacts

import optexec as ox
from optexec.models.per_bucket import remade, rows, structure

PRICES = [-0.5, 0.0, 1e-9, 0.3, 1.0, 2.5, 40.0]
SHARES = 100.0
EVALUATIONS = ("cost", "marginal", "marginal_left", "marginal_slope", "snap")


def same(found, expected, what):
    """Equal but for the last digit: numpy's pow and exp round array loops and single numbers differently."""
    np.testing.assert_array_max_ulp(np.asarray(found), np.asarray(expected), maxulp=1)
    assert np.shape(found) == np.shape(expected), what


def check_rows(stacked, members, x):
    """Every evaluation of the stack at (M, N) is that of its members, row by row."""
    for name in EVALUATIONS:
        # Steep at next to nothing is infinite, and upwards beside downwards no number.
        with np.errstate(invalid="ignore", over="ignore"):
            expected = [np.broadcast_to(getattr(m, name)(r), r.shape) for m, r in zip(members, x, strict=True)]
            found = np.broadcast_to(getattr(stacked, name)(x), x.shape)
        same(found, np.array(expected), name)
    found, expected = stacked.curvature(x), [m.curvature(r) for m, r in zip(members, x, strict=True)]
    for part in ("convex", "concave", "inflection"):
        np.testing.assert_array_equal(getattr(found, part), np.array([getattr(c, part) for c in expected]), part)
    first = np.array([np.broadcast_to(m.first_price(r.shape), r.shape) for m, r in zip(members, x, strict=True)])
    same(np.broadcast_to(stacked.first_price(x.shape), x.shape), first, "first_price")
    assert stacked.smooth == all(m.smooth for m in members)


def check_inverse(stacked, members, prices, rho):
    """The same of the closed inverse of the marginal cost, if there is one."""
    expected = [m.inverse_marginal(p, r) for m, p, r in zip(members, prices, rho, strict=True)]
    found = stacked.inverse_marginal(prices, rho)
    assert (found is None) == any(e is None for e in expected)
    if found is not None:
        each = np.array([np.broadcast_to(e, rho.shape[1:]) for e in expected])
        same(np.broadcast_to(found, rho.shape), each, "inverse")


@st.composite
def stacks(draw, shapes):
    """Impacts of one structure, and shares (M, N) that hold zeros, kinks and what lies between."""
    buckets = draw(st.integers(1, 4))
    curves, first = draw(impacts(buckets, SHARES, shapes, convex=draw(st.booleans())))
    count = draw(st.integers(1, 4))
    members = [first, *(draw(alike(first)) for _ in range(count - 1))]
    kinks = [v for row in curves for curve in row if curve.family == "Tabulated" for v in curve.parameters[0]]
    inside = st.floats(0, 1.5 * SHARES) | st.sampled_from([0.0, 1e-12, SHARES, *kinks])
    row = st.lists(inside, min_size=buckets, max_size=buckets)
    return members, np.array(draw(st.lists(row, min_size=count, max_size=count)))


@pytest.mark.parametrize("shape", SHAPES, ids="-".join)
@settings(max_examples=25)
@given(data=st.data())
def test_rows_of_one_family_are_its_members(shape, data):
    members, x = data.draw(stacks([shape]))
    check_rows(rows(members), members, x)


@settings(max_examples=60)
@given(stacks(SHAPES))
def test_rows_of_sums_and_mixed_families_are_their_members(drawn):
    members, x = drawn
    check_rows(rows(members), members, x)


@settings(max_examples=100)
@given(stacks(SHAPES), st.data())
def test_the_closed_inverse_of_rows_is_that_of_the_members(drawn, data):
    members, x = drawn
    prices = np.array(data.draw(st.lists(st.sampled_from(PRICES), min_size=len(x), max_size=len(x))))[:, None]
    rho = np.broadcast_to(data.draw(st.sampled_from([0.0, 1e-4])), x.shape)
    check_inverse(rows(members), members, prices / SHARES, rho)


@settings(max_examples=60)
@given(stacks(SHAPES), st.data())
def test_remade_of_some_rows_is_those_members(drawn, data):
    members, x = drawn
    chosen = np.array(data.draw(st.lists(st.booleans(), min_size=len(x), max_size=len(x)).filter(any)))
    kept = [member for member, keep in zip(members, chosen, strict=True) if keep]
    check_rows(remade(rows(members), lambda values: values[chosen]), kept, x[chosen])


@settings(max_examples=60)
@given(stacks(SHAPES))
def test_rows_laid_out_by_bucket_are_the_same(drawn):
    members, x = drawn
    check_rows(remade(rows(members), np.asfortranarray), members, np.asfortranarray(x))


@settings(max_examples=60)
@given(stacks(SHAPES))
def test_the_first_price_is_the_marginal_cost_at_nothing(drawn):
    for member, row in zip(*drawn, strict=True):
        with np.errstate(invalid="ignore"):
            wanted = np.broadcast_to(member.marginal(0.0 * row), row.shape)
        np.testing.assert_array_equal(np.broadcast_to(member.first_price(row.shape), row.shape), wanted)


@settings(max_examples=60)
@given(stacks(SHAPES))
def test_members_have_one_structure_and_rows_leave_them_alone(drawn):
    members, _ = drawn
    before = [repr(member) for member in members]
    assert len({structure(member) for member in members}) == 1
    remade(rows(members), np.negative).cost(np.ones((len(members), members[0].buckets or 1)))
    assert [repr(member) for member in members] == before


POINTS, COSTS = [0, 40, 100], [0, 40, 580]
UNLIKE = [
    ox.Linear(0.1),
    ox.Linear([0.1, 0.2]),
    ox.Linear(0.1, quoted="per_share"),
    ox.Power(1.0, 1.5),
    ox.Power([1.0, 2.0], 1.5),
    ox.Power(1.0, [1.5, 2.0]),
    ox.Power(1.0, 1.5, quoted="per_share"),
    ox.Exponential(1.0, 1.5),
    ox.Tabulated(POINTS, COSTS),
    ox.Tabulated(POINTS, [COSTS, COSTS]),
    ox.Tabulated([POINTS, POINTS], COSTS),
    ox.Tabulated(POINTS[:2], COSTS[:2]),
    ox.Tabulated(POINTS, COSTS, quoted="per_share"),
    ox.Linear(0.1) + ox.Power(1.0, 1.5),
    ox.Power(1.0, 1.5) + ox.Linear(0.1),
    ox.Linear(0.1) + ox.Power(1.0, 1.5) + ox.Linear(0.2),
    ox.PerBucket([ox.Linear(0.1), ox.Linear(0.2)]),
    ox.PerBucket([ox.Linear(0.1), ox.Power(1.0, 1.5)]),
    ox.PerBucket([ox.Power(1.0, 1.5), ox.Linear(0.1)]),
    ox.PerBucket([ox.Power(1.0, 1.5), ox.Linear(0.1) + ox.Linear(0.2)]),
]


def test_impacts_that_cannot_share_an_array_differ_in_structure():
    found = [structure(impact) for impact in UNLIKE]
    assert not [(a, b) for k, a in enumerate(UNLIKE) for j, b in enumerate(UNLIKE[:k]) if found[k] == found[j]]


class Square(ox.Impact):
    """An impact that is no family, with a number that `rows` cannot see."""

    def __init__(self, scale):
        self.scale = scale

    buckets = None

    def cost(self, x, xp=np):
        return self.scale * x**2

    def marginal(self, x):
        return 2 * self.scale * x

    def marginal_slope(self, x):
        return 2 * self.scale + 0 * x

    def curvature(self, hi):
        return ox.Power(self.scale, 2.0).curvature(hi)

    def take(self, positions):
        return self

    def declare(self, block, x, hi):
        return {i: self.cost(x[i]) for i in x}


def test_an_impact_that_is_no_family_is_stacked_with_itself_only():
    one, other = Square(1.0), Square(2.0)
    assert structure(one) == structure(one)
    assert structure(one) != structure(other)
    x = np.array([[1.0, 2.0], [3.0, 4.0]])
    assert rows([one, one]).cost(x).tolist() == [[1.0, 4.0], [9.0, 16.0]]
