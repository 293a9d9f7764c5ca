"""Water-filling on curves that are hard on a search for the price: kinks beside powers, steep ends, flat stretches."""

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from strategies import SHAPES, cases

import optexec as ox


@pytest.mark.parametrize("addend", [ox.Power(1e-6, 2.0), ox.Linear(1e-6, quoted="per_share"), ox.Linear(0.5)], ids=repr)
def test_a_table_beside_another_curve(addend):
    # Slopes 0 then 4/3 against 1 then 1 (and nearly nothing beside them): 400 shares are free in the first bucket.
    table = ox.Tabulated([[0, 400, 1_000], [0, 600, 1_000]], [[0, 0, 800], [0, 600, 1_000]])
    s = ox.solve(ox.Problem(ox.Order(1_000), table + addend, ox.objective("A")), "waterfill")
    np.testing.assert_allclose(s.x, [400, 600], rtol=1e-9)
    assert s.gap <= 1e-9


@pytest.mark.parametrize("b", [0.05, 0.3, 0.5, 0.9])
@pytest.mark.parametrize("spread", [1.0, 10.0, 100.0])
def test_slippage_that_is_steep_at_nothing_behind_a_spread(b, spread):
    # 0.3 x1 = spread + 0.001 x2 up to a billionth: x1 = (spread + 1) / 0.301.
    impact = ox.Power([1e-9, 1e-9], b, quoted="per_share") + ox.Linear([0.0, spread])
    s = ox.solve(ox.Problem(ox.Order(1_000), impact, ox.objective("B", rho=[0.3, 1e-3])), "waterfill")
    assert s.x[0] == pytest.approx((spread + 1) / 0.301, rel=1e-5)
    assert s.gap <= 1e-9


def test_prices_below_the_first_share_of_a_bucket_do_no_harm():
    impact = ox.PerBucket([ox.Linear(0.0), ox.Power(1.0, 1.0) + ox.Power(1.0, 6.0)])
    s = ox.solve(ox.Problem(ox.Order(1_000), impact, ox.objective("B", rho=[2.0, 0.0])), "waterfill")
    # The price of the second is 1 from its first share on: 2 x1 = 1 + 6 x2^5 with x1 + x2 = 1000.
    assert 2 * s.x[0] == pytest.approx(1 + 6 * s.x[1] ** 5, rel=1e-9)
    assert s.gap <= 1e-9


@pytest.mark.parametrize("exponent", [1.2, 1.5, 3.0])
def test_a_free_bucket_takes_the_order(exponent):
    impact = ox.PerBucket([ox.Power(1.0, exponent), ox.Linear(0.0)])
    s = ox.solve(ox.Problem(ox.Order(1_000), impact, ox.objective("A")), "waterfill")
    np.testing.assert_allclose(s.x, [0, 1_000], atol=1e-9)


@pytest.mark.parametrize("n", [2, 39, 390])
def test_equal_buckets_share_equally(n):
    for impact in (ox.Linear(0.01), ox.Power(1e-4, 1.5), ox.Tabulated([0, 10, 500], [0, 1, 200])):
        s = ox.solve(ox.Problem(ox.Order(1_000), impact, ox.objective("A"), buckets=n), "waterfill")
        np.testing.assert_allclose(s.x, 1_000 / n, rtol=1e-9)


@settings(max_examples=60)
@given(data=st.data())
def test_sums_of_two_families_are_solved_to_the_certificate(data):
    case, problem = data.draw(cases(shapes=tuple(SHAPES), convex=True, terms=("A", "B")))
    assume(problem.convex)
    s = ox.solve(problem, "waterfill")
    best = case.best()[1]
    assert s.objective <= best + 1e-9 * case.yardstick()
    assert s.objective - s.lower_bound <= 1e-9 * case.yardstick()
