"""The interior point against closed forms, other solvers and itself, over scales that break careless arithmetic."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import optexec as ox
from optexec.solvers.newton import newton
from optexec.solvers.polish import relaxed_shares


def almgren_chriss_holdings(shares, buckets, slope, risk):
    """Discrete Almgren-Chriss (2001) eq. 16-18: 2 (cosh k - 1) = risk / (2 slope), R_i ~ sinh k (N - i)."""
    k = np.arccosh(1 + risk / (4 * slope))
    return shares * np.sinh(k * (buckets - np.arange(1, buckets + 1))) / np.sinh(k * buckets)


@pytest.mark.parametrize("risk", [1e-6, 1e-3, 1.0, 1e2])
def test_linear_impact_gives_the_hyperbolic_sine(risk):
    problem = ox.Problem(ox.Order(1e6), ox.Linear(1.0, "per_share"), ox.objective("C", psi=risk), buckets=40)
    expected = almgren_chriss_holdings(1e6, 40, 1.0, risk)
    assert problem.inventory(newton(problem)) == pytest.approx(expected, rel=1e-6, abs=1e-9 * 1e6)


@given(
    shares=st.floats(0, 9).map(lambda e: 10.0**e),
    dollars=st.floats(-12, 12).map(lambda e: 10.0**e),
    spread=st.floats(0, 3),
    exponent=st.floats(0.2, 2.0),
    risk=st.floats(-4, 2).map(lambda e: 10.0**e),
    cap=st.sampled_from([None, 1.2, 3.0]),
)
def test_the_gap_closes_on_every_scale(shares, dollars, spread, exponent, risk, cap):
    n = 25
    scale = dollars / shares ** (1 + exponent) * n**exponent
    problem = ox.Problem(
        ox.Order(shares),
        ox.Power(scale * np.geomspace(1.0, 10.0**spread, n), exponent, "per_share"),
        ox.objective("C", psi=risk * dollars / shares**2),
        limits=ox.Limits(maximum=None if cap is None else cap * shares / n),
    )
    schedule = ox.solve(problem, "newton")
    assert schedule.gap <= 1e-8
    assert schedule.kkt_residual <= 1e-6
    assert schedule.x.sum() == pytest.approx(shares, rel=1e-12)


@given(start=st.integers(1, 10), seed=st.integers(0, 10**6))
def test_the_tail_of_an_optimum_is_the_optimum_of_the_tail(start, seed):
    rng = np.random.default_rng(seed)
    impact = ox.Power(rng.uniform(1, 3, 12), 0.7, "per_share")
    whole = ox.Problem(ox.Order(1_000.0), impact, ox.objective("C", psi=3.0))
    x = newton(whole)
    rest = ox.Problem(ox.Order(float(x[start:].sum())), impact.take(slice(start, None)), ox.objective("C", psi=3.0))
    assert newton(rest) == pytest.approx(x[start:], rel=1e-5, abs=1e-5)


def test_closed_buckets_pass_the_inventory_on():
    capped = ox.Limits(maximum=[700, 0, 700, 0, 0, 700])
    problem = ox.Problem(ox.Order(700), ox.Power(1.0, 2.0), ox.objective("C", psi=1.0), limits=capped)
    x = newton(problem)
    assert x[[1, 3, 4]].tolist() == [0, 0, 0]
    # The same with the closed buckets left out and their holding periods added to the bucket before.
    weights = np.array([2.0, 3.0, 1.0])
    short = ox.Problem(ox.Order(700), ox.Power(1.0, 2.0), ox.objective("C", psi=1.0, weights=weights))
    assert x[[0, 2, 5]] == pytest.approx(newton(short), rel=1e-7)


def test_a_table_is_the_limit_of_smooth_curves():
    grid = np.linspace(0, 700, 2_801)
    table = ox.Problem(ox.Order(700), ox.Tabulated(grid, grid**2), ox.objective("C", psi=1.0), buckets=5)
    smooth = ox.Problem(ox.Order(700), ox.Power(1.0, 2.0), ox.objective("C", psi=1.0), buckets=5)
    found = ox.solve(table, "newton")
    assert found.gap <= 1e-8
    assert found.x == pytest.approx(newton(smooth), abs=0.5)
    assert found.objective == pytest.approx(ox.solve(smooth).objective, rel=1e-6)


def test_the_separable_case_is_water_filling():
    problem = ox.Problem(
        ox.Order(900.0), ox.Power([1.0, 2.0, 5.0], [0.4, 1.0, 1.7], "per_share"), ox.objective("B", rho=0.3)
    )
    assert newton(problem) == pytest.approx(relaxed_shares(problem), rel=1e-7)


def test_an_order_that_costs_nothing_is_solved():
    """The only schedule is free: its relaxation has neither an objective nor a typical size to measure a gap by."""
    power, bend = ox.Power([0.0, 0.2, 0.4], 1.5, "per_share"), ox.Exponential([0.0, 1.0, 0.0], 0.4)
    fixed = ox.Limits(minimum=[2, 0, 0], maximum=[2, 2, 2])
    schedule = ox.evaluate(ox.Problem(ox.Order(2), power + bend, ox.objective("C", psi=0.2), fixed), [2, 0, 0])
    assert schedule.objective == 0
    assert abs(schedule.lower_bound) <= 1e-12


@given(seed=st.integers(0, 10**6), moved=st.sampled_from([0.0, 0.02, 0.5]), cap=st.sampled_from([None, 1.5, 4.0]))
def test_a_start_changes_the_way_and_not_the_end(seed, moved, cap):
    rng = np.random.default_rng(seed)
    scale, exponent = rng.uniform(1, 3, 30), rng.uniform(0.2, 1.5, 30)
    limits = None if cap is None else ox.Limits(maximum=cap * 1_000 / 30)
    terms = ox.objective("C", psi=10.0 ** rng.uniform(-3, 1))
    before = ox.Problem(ox.Order(1_000), ox.Power(scale, exponent, "per_share"), terms, limits)
    change = rng.uniform(1 - moved, 1 + moved, 30)
    after = before.replace(impact=ox.Power(scale * change, exponent, "per_share"))
    warm = ox.solve(after, "newton", start=ox.solve(before, "newton"))
    assert warm.objective == pytest.approx(ox.solve(after, "newton").objective, rel=1e-10)
    assert warm.gap <= 1e-9


@pytest.mark.parametrize(("moved", "most"), [(1.0, 1), (1.1, 3), (2.0, 5)])
def test_a_start_with_the_limits_of_the_optimum_needs_no_barriers(monkeypatch, moved, most):
    import optexec.solvers.barrier_path as module

    impact = ox.Power(np.linspace(1, 2, 200), 0.6, "per_share")
    problem = ox.Problem(ox.Order(1e5), impact, ox.objective("C", psi=1e-3))
    x = newton(problem)
    steps = []
    newton_moves = module.newton_moves
    monkeypatch.setattr(module, "advance", None)
    monkeypatch.setattr(module, "newton_moves", lambda *a: steps.append(1) or newton_moves(*a))
    newton(problem.replace(terms=ox.objective("C", psi=1e-3 * moved)), x)
    assert len(steps) <= most


def test_a_start_outside_the_limits_and_of_another_size_is_used():
    problem = ox.Problem(ox.Order(700), ox.Power(1.0, 2.0), ox.objective("C", psi=1.0), buckets=3)
    for start in ([0, 0, 900.0], [-5.0, 10.0, 1e6], [0, 0, 0]):
        assert ox.solve(problem, start=start).x == pytest.approx([1100 / 3, 200, 400 / 3])
    with pytest.raises(ox.InvalidInput, match="one value for each of 3 buckets"):
        ox.solve(problem, start=[1.0, 2.0])


@pytest.mark.parametrize("seed", range(20))
def test_a_start_far_from_an_order_that_fills_every_cap_leads_to_the_caps(seed):
    rng = np.random.default_rng(seed)
    caps = np.round(rng.uniform(500, 1500, 8), 2)
    impact = ox.Linear(rng.uniform(1e-8, 1e-7, 8), quoted="per_share")
    terms = ox.objective("C", psi=1e-8, weights=rng.uniform(0.1, 1, 8))
    problem = ox.Problem(ox.Order(caps.sum()), impact, terms, ox.Limits(maximum=caps))
    for start in (caps * rng.uniform(0.5, 1, 8), np.minimum(caps, caps.mean()), np.zeros(8)):
        np.testing.assert_allclose(ox.solve(problem, "newton", start=start).x, caps, rtol=1e-9)
