"""Transient impact: the published schedules in closed form and through the term, and the term against its kernel."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from published import published

import optexec as ox
from optexec.models.transient import ObizhaevaWang, TransientImpact


@pytest.mark.parametrize("case", published("AFS-OW"))
def test_equally_spaced_trades(case):
    inputs, expect = case["inputs"], case["expect"]
    book = ObizhaevaWang(inputs["X"], inputs["T"], inputs["rho"], inputs["G0"])
    trades = book.trades(inputs["N"])
    assert trades.sum() == pytest.approx(inputs["X"], rel=1e-12)
    np.testing.assert_allclose(trades[[0, 1, -1]], [expect["first"], expect["mid"], expect["last"]], rtol=1e-9)
    assert book.cost_of_trades(inputs["N"]) == pytest.approx(expect["cost"], rel=1e-9)
    for method in ("ipopt", "highs"):
        schedule = ox.solve(book.problem(inputs["N"]), method)
        np.testing.assert_allclose(schedule.x, trades, rtol=1e-6)
        assert schedule.objective == pytest.approx(expect["cost"], rel=1e-6)
        assert schedule.lower_bound == pytest.approx(expect["cost"], rel=1e-6)


@pytest.mark.parametrize("case", published("OW2013"))
def test_continuous_time(case):
    inputs, expect = case["inputs"], case["expect"]
    half = 1 / (2 * inputs["q"])
    book = ObizhaevaWang(inputs["X"], inputs["T"], inputs["rho"], transient=half, permanent=half)
    assert book.block == pytest.approx(expect["block"], rel=1e-9)
    assert book.rate * inputs["T"] == pytest.approx(expect["continuous_total"], rel=1e-9)
    assert book.expected_cost == pytest.approx(expect["cost_excl_F0"], rel=1e-9)
    costs = [book.cost_of_trades(n) - book.expected_cost for n in (101, 201, 401)]
    assert np.all(np.diff(costs) < 0)
    np.testing.assert_allclose(costs[:2], 4 * np.array(costs[1:]), rtol=0.01)
    schedule = ox.solve(book.problem(101), "highs")
    assert schedule.objective + book.fixed_cost == pytest.approx(book.cost_of_trades(101), rel=1e-6)
    assert schedule.x[0] == pytest.approx(book.trades(101)[0], rel=1e-4)


@given(st.lists(st.tuples(st.floats(0, 100), st.floats(0, 1)), min_size=1, max_size=12), st.floats(0, 2))
def test_the_term_is_the_quadratic_form_of_its_kernel(buckets, level):
    x, decay = (np.array(v) for v in zip(*buckets, strict=True))
    n = len(x)
    kernel = np.array([[np.prod(decay[min(i, j) + 1 : max(i, j) + 1]) for j in range(n)] for i in range(n)])
    term = TransientImpact(level, decay)
    problem = ox.Problem(ox.Order(100), ox.Linear(0.0), ox.ImpactCost() + term, buckets=n)
    assert term.bucket_costs(problem, x).sum() == pytest.approx(level / 2 * x @ kernel @ x, rel=1e-9, abs=1e-9)
    np.testing.assert_allclose(term.gradient(problem, x), level * kernel @ x, rtol=1e-9, atol=1e-9)


def test_the_model_has_the_cost_of_the_term():
    import pyomo.environ as pyo

    decay = np.array([0.3, 0.9, 0.0, 0.5])
    term = TransientImpact(0.01, decay)
    problem = ox.Problem(ox.Order(100), ox.Linear(0.02), ox.ImpactCost() + term, buckets=4)
    m = ox.build(problem)
    x, moved = np.array([40.0, 30.0, 10.0, 20.0]), 0.0
    for k, i in enumerate(m.BUCKETS):
        m.x[i].set_value(x[k])
        moved = x[k] + (decay[k] * moved if k else 0.0)
        m.term["transient_impact"].moved[i].set_value(moved)
    assert pyo.value(m.term["transient_impact"].cost) == pytest.approx(term.bucket_costs(problem, x).sum(), rel=1e-12)


def test_with_impact_inventory_risk_and_limits_the_solvers_agree():
    impact = ox.Linear(0.01) + ox.Power(np.linspace(1e-6, 3e-6, 20), 1.0, quoted="per_share")
    terms = ox.objective("C", psi=1e-7) + TransientImpact(1e-5, 0.8)
    problem = ox.Problem(ox.Order(1e5), impact, terms, ox.Limits(maximum=12_000))
    by_highs, by_ipopt = ox.solve(problem, "highs"), ox.solve(problem, "ipopt")
    np.testing.assert_allclose(by_highs.x, by_ipopt.x, atol=0.1)
    assert max(by_highs.gap, by_ipopt.gap) < 1e-6
    assert ox.solve(problem).status == "optimal"


def test_a_model_takes_other_decays():
    problems = [ObizhaevaWang(1e5, 1.0, rho, 1e-4).problem(5) for rho in (1.0, 4.0)]
    again = ox.Resolver(problems[0])
    first, second = again.solve(), again.solve(problems[1])
    np.testing.assert_allclose(first.x, ObizhaevaWang(1e5, 1.0, 1.0, 1e-4).trades(5), rtol=1e-5)
    np.testing.assert_allclose(second.x, ObizhaevaWang(1e5, 1.0, 4.0, 1e-4).trades(5), rtol=1e-5)


@pytest.mark.parametrize("decay", [0.5, [0.9, 0.5, 0.8, 0.2]])
def test_a_beginning_of_the_order_is_a_part_of_it_and_what_is_left_is_not(decay):
    problem = ox.Problem(ox.Order(100), ox.Linear(0.0), ox.ImpactCost() + TransientImpact(0.01, decay), buckets=4)
    x = np.array([40.0, 30.0, 10.0, 20.0])
    costs = [term.bucket_costs(problem, x) for term in problem.terms]
    first = problem.part(0, 2, shares=70)
    for term, whole in zip(first.terms, costs, strict=True):
        np.testing.assert_allclose(term.bucket_costs(first, x[:2]), whole[:2], rtol=1e-12)
    with pytest.raises(ox.InvalidInput, match="would forget what the trades so far have moved; solve the whole order"):
        problem.part(2, shares=30)


def test_the_whole_order_with_what_has_traded_pinned_is_the_optimum_of_what_is_left():
    """As the refusal of a part advises: held to the quadratic form of the last two trades, solved by hand."""
    level, decay, traded = 0.01, 0.5, 20.0
    problem = ox.Problem(ox.Order(100), ox.Linear(0.0), ox.ImpactCost() + TransientImpact(level, decay), buckets=3)
    pinned = problem.replace(limits=ox.Limits(minimum=[traded, 0, 0], maximum=[traded, 100, 100]))
    moved, left = decay * traded, 100 - traded

    def later(x):
        return level * (x * (moved + x / 2) + (left - x) * (decay * (moved + x) + (left - x) / 2))

    grid = np.linspace(0, left, 80_001)
    best = grid[np.argmin(later(grid))]
    assert ox.solve(pinned).x[1] == pytest.approx(best, abs=1e-2)
    assert best == pytest.approx(35) != left / 2


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: TransientImpact(1.0, 1.5), r"decay must be between 0 and 1, got 1.5"),
        (lambda: TransientImpact([1.0, 2.0], 0.5), "level must be a single number"),
        (lambda: ObizhaevaWang(1e5, 1.0, 0.0, 1.0), "resilience must be > 0"),
        (lambda: ObizhaevaWang(1e5, 1.0, 1.0, 1.0).trades(1), "number must be at least 2 trades"),
        (lambda: ObizhaevaWang(1e5, 1.0, 1.0, 1.0).trades(2.5), "number must be a whole number, got 2.5"),
    ],
)
def test_a_wrong_argument_is_named(call, message):
    with pytest.raises(ox.InvalidInput, match=message):
        call()
