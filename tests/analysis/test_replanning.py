"""A Replanner as the policy of a simulation: path by path what it plans by itself, within caps on realised volume."""

import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import optexec as ox
from optexec.analysis.price_paths import Arithmetic, Geometric
from optexec.analysis.replanning import Replan, SoFar
from optexec.analysis.simulation import Follow, Market, Observed, simulate

THEORY = ox.AlmgrenChriss(1e6, horizon=5, periods=5, sigma=0.95, gamma=2.5e-7, eta=2.5e-6, epsilon=0.0625)
VOLUME = np.array([3_000.0, 5_000.0, 4_000.0, 6_000.0, 9_000.0])


def declare(terms=None, shares=900.0, **order):
    return ox.Problem(
        ox.Order(shares, price=25.0, **order),
        ox.Linear(0.01) + ox.Power([2e-5, 1e-5, 4e-5, 3e-5, 2e-5], 0.6, quoted="per_share"),
        terms or ox.objective("C", psi=1e-6),
        ox.Limits(participation=0.1, volume=VOLUME),
    )


@pytest.mark.parametrize("side", ["buy", "sell"])
@pytest.mark.parametrize("risk_aversion", [1e-7, 1e-6])
def test_mean_and_variance_of_replanned_days_are_those_of_almgren_and_chriss(side, risk_aversion):
    theory, lam = THEORY, risk_aversion
    paid = ox.Linear(theory.epsilon) + ox.Linear(theory.eta / theory.tau, quoted="per_share")
    market = Market(
        ox.Problem(ox.Order(theory.shares, side, price=50.0), paid, ox.objective("A"), buckets=5),
        Arithmetic(theory.sigma * math.sqrt(theory.tau)),
        permanent=theory.gamma,
    )
    done = simulate(Replan(ox.Replanner(theory.problem(lam), window=2)), market, paths=20_000, seed=11)
    trades = theory.trades(lam)
    np.testing.assert_allclose(done.shares, np.tile(trades, (20_000, 1)), rtol=1e-6)
    assert abs(done.mean - theory.expected_cost(trades)) < 3 * done.standard_error
    centred = done.shortfall - done.mean
    error = math.sqrt((np.mean(centred**4) - np.mean(centred**2) ** 2) / len(centred))
    assert abs(done.standard_deviation**2 - theory.variance(trades)) < 3 * error


@settings(max_examples=15, deadline=None)
@given(
    st.sampled_from(["priced", "quota", "free"]),
    st.integers(1, 6),
    st.sampled_from([ox.objective("A"), ox.objective("B", rho=1e-4), ox.objective("C", psi=1e-6)]),
    st.booleans(),
)
def test_every_path_trades_what_its_own_replanner_says(rule, window, terms, updated):
    problem = declare(terms)
    planner = ox.Replanner(problem, window, rule)
    market = Market(problem, Geometric(0.01), dispersion=0.5, least_fill=0.3, at_end="open")
    done = simulate(Replan(planner, SoFar(VOLUME) if updated else None), market, paths=6, seed=2)
    fractions = market.fractions(done.draws)
    for path in range(6):
        left = problem.shares
        for i in range(5):
            ratio = done.volumes[path, :i].sum() / VOLUME[:i].sum() if updated and i else 1.0

            def outlook(start, count, ratio=ratio):
                return ox.Outlook(volume=ratio * VOLUME[start:])

            try:
                wanted = replace(planner, forecast=outlook).plan(i, left).slice if left > 1e-6 else 0.0
            except ox.InfeasibleOrder:
                wanted = left
            filled = fractions[path, i] * min(wanted, 0.1 * done.volumes[path, i])
            assert done.shares[path, i] == pytest.approx(filled, rel=1e-6, abs=1e-6)
            left -= filled
        assert done.open_shares[path] == pytest.approx(left, abs=1e-5)


@pytest.mark.parametrize("rule", ["priced", "quota", "free"])
def test_caps_bind_on_the_volume_that_prints_and_no_share_is_lost(rule):
    problem = declare(shares=2_500.0)
    market = Market(problem, Arithmetic(0.02), dispersion=0.8, least_fill=0.5, at_end="open")
    done = simulate(Replan(ox.Replanner(problem, 3, rule), SoFar(VOLUME)), market, paths=100, seed=3)
    assert (done.shares <= 0.1 * done.volumes * (1 + 1e-12)).all()
    np.testing.assert_allclose(done.shares.sum(axis=1) + done.open_shares, 2_500.0)
    assert (done.open_shares > 1).any()  # some days are too thin
    assert ((done.volumes[:, 0] > VOLUME[0]) & (done.shares[:, 0] < 0.99 * 0.1 * done.volumes[:, 0])).any()


def test_a_quota_waits_where_all_the_volume_is_expected_later():
    late = np.array([0.0, 0.0, 4_000.0, 6_000.0, 10_000.0])
    problem = declare(ox.objective("A"), shares=2_000.0).replace(limits=ox.Limits(volume=late))
    done = simulate(Replan(ox.Replanner(problem, 1, "quota")), Market(problem, Arithmetic(0.02)), paths=3, seed=1)
    np.testing.assert_allclose(done.shares, np.tile(0.1 * late, (3, 1)), atol=1e-9)


def test_a_maximum_binds_too_and_a_forecast_of_curves_is_used():
    problem = declare(ox.objective("A")).replace(limits=ox.Limits(maximum=[400.0, 300.0, 300.0, 300.0, 300.0]))
    market = Market(problem, Arithmetic(0.02), least_fill=0.1, at_end="open")
    plain = simulate(Replan(ox.Replanner(problem)), market, paths=50, seed=3)
    assert plain.shares.max(axis=0).tolist() <= [400.0, 300.0, 300.0, 300.0, 300.0]
    dear = ox.Replanner(problem, window=1, forecast=lambda start, count: ox.Outlook(impact=ox.Power(1.0, 2.0)))
    waits = simulate(Replan(dear), market, paths=50, seed=3)
    assert waits.shares[:, 0].max() < 0.1 * plain.shares[:, 0].min()


def test_an_order_that_need_not_complete_leaves_more_unfilled_on_thin_days():
    problem = declare(ox.objective("A"), shares=2_000.0, must_complete=False, unfilled_cost=0.0115)
    market = Market(problem, Arithmetic(0.0), dispersion=0.6, at_end="open")
    done = simulate(Replan(ox.Replanner(problem), SoFar(VOLUME)), market, paths=300, seed=1)
    planned = ox.solve(problem).unfilled
    assert 0 < planned < 2_000
    volume = done.volumes.sum(axis=1)
    thin, busy = volume < np.quantile(volume, 0.25), volume > np.quantile(volume, 0.75)
    assert done.open_shares[thin].mean() > done.open_shares[busy].mean() > 0


def test_volumes_so_far():
    seen = Observed(np.ones((2, 3)), np.array([[6_000.0, 10_000.0, 1.0], [1_500.0, 2_500.0, 1.0]]), np.zeros((2, 2)))
    np.testing.assert_allclose(SoFar(VOLUME)(2, seen), [2 * VOLUME[2:], 0.5 * VOLUME[2:]])
    first = Observed(np.ones((2, 1)), np.ones((2, 1)), np.zeros((2, 0)))
    np.testing.assert_allclose(SoFar(VOLUME)(0, first), [VOLUME, VOLUME])
    with pytest.raises(ox.InvalidInput, match=r"volumes so far need a volume; give .* Limits\(volume"):
        SoFar(VOLUME)(0, Observed(np.ones((2, 1)), None, np.zeros((2, 0))))
    with pytest.raises(ox.InvalidInput, match=r"expected\[1\] must be > 0"):
        SoFar([1.0, 0.0])
    unlimited = Replan(ox.Replanner(declare().replace(limits=ox.Limits())), SoFar(VOLUME))
    with pytest.raises(ox.InvalidInput, match="the forecast has volumes where the declaration has none"):
        unlimited(0, np.array([900.0]), Observed(np.ones((1, 1)), np.ones((1, 1)), np.zeros((1, 0))))


def test_replanning_completes_more_than_a_schedule_that_is_followed_under_the_same_caps():
    problem = declare(ox.objective("A"), shares=2_200.0)
    market = Market(problem, Arithmetic(0.02), dispersion=0.5, at_end="open")
    followed = simulate(Follow(ox.solve(problem), participation=0.1), market, paths=400, seed=4)
    planned = simulate(Replan(ox.Replanner(problem), SoFar(VOLUME)), market, paths=400, seed=4)
    less, error = planned.draws.estimate(followed.open_shares - planned.open_shares)
    assert less > 3 * error


def test_a_plan_that_leaves_shares_unfilled_at_its_cap_takes_all_that_the_cap_turns_out_to_allow():
    problem = declare(ox.objective("A"), shares=5_000.0, must_complete=False, unfilled_cost=1.0)
    market = Market(problem, Arithmetic(0.0), dispersion=0.3)
    done = simulate(Replan(ox.Replanner(problem), SoFar(VOLUME)), market, paths=50, seed=1)
    np.testing.assert_allclose(done.shares, 0.1 * done.volumes)
    assert market.at_end == "open"
