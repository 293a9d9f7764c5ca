"""Impact families: derivatives, shapes and inverses, against differences of the cost in plain arithmetic."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from registered import subclasses
from strategies import SHAPES, curves, impact_of, impacts, stacked, with_other_numbers

import optexec as ox
from optexec.models.families import QUOTATIONS

SHARES = 100.0
each_shape = pytest.mark.parametrize("shape", SHAPES, ids="-".join)
fractions = st.integers(1, 999).map(lambda k: k / 1000)


def kinks(curve):
    return np.array(curve.parameters[0]) if curve.family == "Tabulated" else np.zeros(0)


@each_shape
@settings(max_examples=50)
@given(data=st.data())
def test_cost_is_the_plain_formula(shape, data):
    curve, x = data.draw(curves(shape, SHARES)), SHARES * data.draw(fractions)
    assert impact_of(curve).cost(np.array([x]))[0] == pytest.approx(curve.cost(x), rel=1e-12, abs=1e-14)
    assert impact_of(curve).cost(np.array([0.0]))[0] == 0


@each_shape
@settings(max_examples=50)
@given(data=st.data())
def test_marginal_is_the_derivative_of_the_cost(shape, data):
    curve, x = data.draw(curves(shape, SHARES)), SHARES * data.draw(fractions)
    step = 1e-4 * SHARES
    assume(x > 20 * step)
    assume(not np.any(np.abs(kinks(curve) - x) < 2 * step))
    impact = impact_of(curve)
    numeric = (curve.cost(x + step) - curve.cost(x - step)) / (2 * step)
    assert impact.marginal(np.array([x]))[0] == pytest.approx(numeric, rel=1e-3, abs=1e-7)
    assert impact.marginal_left(np.array([x]))[0] == impact.marginal(np.array([x]))[0]
    at = np.array([x + step, x - step])
    rise = np.subtract(*impact.marginal(at)) / (2 * step)
    assert impact.marginal_slope(np.array([x]))[0] == pytest.approx(rise, rel=1e-2, abs=1e-7)


@pytest.mark.parametrize("quoted", ["total", "per_share"])
@settings(max_examples=50)
@given(data=st.data())
def test_marginals_at_a_kink_are_the_derivatives_on_either_side(quoted, data):
    curve = data.draw(curves(("Tabulated", quoted), SHARES, points=4))
    impact, step = impact_of(curve), 1e-5
    for at in kinks(curve)[1:-1]:
        right = (curve.cost(at + step) - curve.cost(at)) / step
        left = (curve.cost(at) - curve.cost(at - step)) / step
        assert impact.marginal(np.array([at]))[0] == pytest.approx(right, rel=1e-4, abs=1e-6)
        assert impact.marginal_left(np.array([at]))[0] == pytest.approx(left, rel=1e-4, abs=1e-6)


@pytest.mark.parametrize(
    "impact",
    [
        ox.Linear([0.5, 2.0], quoted="per_share"),
        ox.Power([0.5, 2.0], [1.5, 3.0]),
        ox.Power([0.5, 2.0], 0.4, quoted="per_share"),
        ox.Linear(0.3) + ox.Power([0.5, 2.0], 2.0),
        ox.PerBucket([ox.Power(1.0, 1.5), ox.Linear(2.0, quoted="per_share")]),
    ],
    ids=repr,
)
@given(x=st.floats(0.01, 1e4))
def test_inverse_marginal_is_the_inverse_of_marginal(impact, x):
    prices = impact.marginal(np.array([x, x]))
    for k in range(2):
        back = impact.inverse_marginal(float(prices[k]))
        if back is not None:
            assert back[k] == pytest.approx(x, rel=1e-6)
    closed = impact.inverse_marginal(float(prices[0]))
    assert closed is not None


def test_inverse_marginal_of_a_convex_table_is_the_most_shares_at_that_price():
    table = ox.Tabulated([[0, 40, 100], [0, 60, 100]], [[0, 40, 580], [0, 120, 440]])
    assert table.inverse_marginal(0.5).tolist() == [0, 0]
    assert table.inverse_marginal(1.0).tolist() == [40, 0]
    assert table.inverse_marginal(2.0).tolist() == [40, 60]
    assert np.all(table.inverse_marginal(9.0) >= 100)


@each_shape
@settings(max_examples=80)
@given(data=st.data())
def test_curvature_flags_agree_with_second_differences(shape, data):
    curve = data.draw(curves(shape, SHARES))
    hi = SHARES * data.draw(st.integers(1, 12)) / 10
    told = impact_of(curve).curvature(np.array([hi]))
    check_shape(curve.cost, told, hi)


@settings(max_examples=80)
@given(data=st.data())
def test_curvature_flags_of_sums_agree_with_second_differences(data):
    rows, impact = data.draw(impacts(2, SHARES, SHAPES, False))
    hi = np.array([SHARES, 0.5 * SHARES])
    told = impact.curvature(hi)
    for k in range(2):
        one = type(told)(told.convex[k : k + 1], told.concave[k : k + 1], told.inflection[k : k + 1])
        check_shape(lambda x, k=k: sum(c.cost(x) for c in rows[k]), one, hi[k])


def check_shape(cost, told, hi):
    grid = np.linspace(0, hi, 401)
    values = np.array([cost(x) for x in grid])
    bends = np.diff(values, 2)
    slack = 1e-11 * max(np.abs(values).max(), 1e-300)
    if told.convex[0]:
        assert np.all(bends >= -slack)
    if told.concave[0]:
        assert np.all(bends <= slack)
    turn = told.inflection[0]
    if np.isfinite(turn):
        assert np.all(bends[grid[2:] <= turn] >= -slack)
        assert np.all(bends[grid[:-2] >= turn] <= slack)


@each_shape
@settings(max_examples=40)
@given(data=st.data())
def test_a_curve_of_one_kind_is_told_to_be_of_that_kind(shape, data):
    curve = data.draw(curves(shape, SHARES))
    told = impact_of(curve).curvature(np.array([SHARES]))
    grid = np.unique(np.concatenate([np.linspace(0, SHARES, 2001), kinks(curve)[kinks(curve) <= SHARES]]))
    values = np.array([curve.cost(x) for x in grid])
    slopes = np.diff(values) / np.diff(grid)
    noise = 1e-11 * max(np.abs(slopes).max(), 1e-300)
    if not told.convex[0]:
        assert np.any(np.diff(slopes) < -noise)
    if not told.concave[0]:
        assert np.any(np.diff(slopes) > noise)


@each_shape
@settings(max_examples=40)
@given(data=st.data())
def test_stacked_parameters_evaluate_as_their_scalars(shape, data):
    points = 3 if shape[0] == "Tabulated" else None
    layer = [data.draw(curves(shape, SHARES, points=points)) for _ in range(3)]
    impact, mixed = stacked(layer), ox.PerBucket([impact_of(c) for c in layer])
    x = np.array([SHARES * data.draw(fractions) for _ in range(3)])
    for name in ("cost", "marginal", "marginal_left", "marginal_slope"):
        singles = [float(getattr(impact_of(c), name)(x[k : k + 1])[0]) for k, c in enumerate(layer)]
        assert getattr(impact, name)(x).tolist() == pytest.approx(singles, rel=1e-14), name
        assert getattr(mixed, name)(x).tolist() == pytest.approx(singles, rel=1e-14), name
        for of in (impact, mixed):
            assert getattr(of.take([2, 0]), name)(x[[2, 0]]).tolist() == pytest.approx([singles[2], singles[0]])
            assert float(np.ravel(getattr(of.take(1), name)(x[1:2]))[0]) == pytest.approx(singles[1], rel=1e-14)


@settings(max_examples=60)
@given(data=st.data())
def test_repr_evaluates_back_to_an_equal_impact(data):
    _, impact = data.draw(impacts(3, SHARES, SHAPES, False))
    back = eval(repr(impact), {name: getattr(ox, name) for name in ox.__all__})
    x = np.array([SHARES * data.draw(fractions) for _ in range(3)])
    assert repr(back) == repr(impact)
    assert back.cost(x).tolist() == impact.cost(x).tolist()


@settings(max_examples=60)
@given(data=st.data())
def test_pieces_cover_the_range_and_keep_their_word(data):
    curve = data.draw(st.sampled_from(SHAPES).flatmap(lambda s: curves(s, SHARES)))
    pieces = impact_of(curve).pieces(0.1 * SHARES, SHARES)
    ends = [(left, right) for left, right, _ in pieces]
    assert ends[0][0] == 0.1 * SHARES
    assert ends[-1][1] == SHARES
    assert all(a[1] == b[0] for a, b in pairwise(ends))
    for left, right, convex in pieces:
        values = np.array([curve.cost(x) for x in np.linspace(left, right, 101)])
        bends, slack = np.diff(values, 2), 1e-11 * max(np.abs(values).max(), 1e-300)
        assert np.all(bends >= -slack) if convex else np.all(bends <= slack)


BAD = {
    "negative a": lambda: ox.Power(-1.0, 0.5),
    "zero b": lambda: ox.Power(1.0, 0.0),
    "negative b": lambda: ox.Exponential(1.0, -0.5),
    "nan": lambda: ox.Power([1.0, float("nan")], 0.5),
    "inf": lambda: ox.Linear(float("inf")),
    "negative slippage": lambda: ox.Linear(-1.0, quoted="per_share"),
    "lengths": lambda: ox.Power([1.0, 2.0], [0.5, 0.5, 0.5]),
    "lengths of a sum": lambda: ox.Linear([1.0, 2.0]) + ox.Linear([1.0, 2.0, 3.0]),
    "quotation": lambda: ox.Linear(1.0, quoted="pershare"),
    "text": lambda: ox.Linear("dear"),
    "empty": lambda: ox.Linear([]),
    "one point": lambda: ox.Tabulated([0], [0]),
    "grid from 1": lambda: ox.Tabulated([1, 2], [0, 1]),
    "grid falls": lambda: ox.Tabulated([0, 2, 1], [0, 1, 2]),
    "grid repeats": lambda: ox.Tabulated([0, 1, 1], [0, 1, 2]),
    "cost of nothing": lambda: ox.Tabulated([0, 1], [1, 2]),
    "points": lambda: ox.Tabulated([0, 1, 2], [0, 1]),
    "nan point": lambda: ox.Tabulated([0, 1], [0, float("nan")]),
    "no impacts": lambda: ox.PerBucket([]),
    "not an impact": lambda: ox.PerBucket([ox.Linear(1.0), 3.0]),
    "arrays in a bucket": lambda: ox.PerBucket([ox.Linear([1.0, 2.0])]),
}


@pytest.mark.parametrize("make", BAD.values(), ids=BAD)
def test_bad_curves_are_refused(make):
    with pytest.raises(ox.InvalidInput):
        make()


def test_a_refused_value_is_named_with_its_place():
    with pytest.raises(ox.InvalidInput, match=r"Power\.a\[1\] must be >= 0, got -2"):
        ox.Power([1.0, -2.0], 0.5)
    with pytest.raises(ox.InvalidInput, match="did you mean 'per_share'"):
        ox.Linear(1.0, quoted="per share")


@each_shape
@settings(max_examples=20)
@given(data=st.data())
def test_its_first_parameter_scales_the_cost(shape, data):
    curve, factor = data.draw(curves(shape, SHARES)), data.draw(st.sampled_from([0.0, 0.5, 3.0]))
    x = np.array([SHARES * data.draw(fractions)])
    scaled = with_other_numbers(impact_of(curve), factor)
    for name in ("cost", "marginal", "marginal_left", "marginal_slope"):
        whole = factor * getattr(impact_of(curve), name)(x)
        assert getattr(scaled, name)(x).tolist() == pytest.approx(whole.tolist(), rel=1e-12, abs=1e-300), name


def test_every_family_is_exported_and_has_its_cases():
    families = {family.__name__ for family in subclasses(ox.Family)}
    assert families == {family for family, _ in SHAPES}
    assert all((family, quoted) in SHAPES for family in families for quoted in QUOTATIONS)
    assert families <= set(ox.__all__)
