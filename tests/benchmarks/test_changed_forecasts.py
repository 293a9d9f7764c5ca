"""The study of changing forecasts: its days are what it says, and re-planning to the end of the day never loses."""

import numpy as np
import pytest

import optexec as ox
from benchmarks.changed_forecasts import BUCKETS, OBJECTIVES, Liquidity, busier, compared, day, realised, replanned


@pytest.mark.parametrize("persistence", [0.0, 0.9, 0.99])
def test_the_forecast_of_a_curve_is_its_mean_given_what_is_seen(persistence):
    liquidity = Liquidity(0.4, persistence)
    states = liquidity.draw(40_000, seed=2)
    factors = liquidity.expected(states, np.zeros(1))
    error = factors.std(axis=0) / 200
    assert (np.abs(factors.mean(axis=0) - 1) < 4 * error).all()  # the declared curves are right on average
    for ahead in (1, 5):
        surprise = factors[:, 10 + ahead] - liquidity.expected(states[:, 10], np.array(ahead))
        for weight in (np.ones(40_000), states[:, 10]):
            missed = weight * surprise
            assert abs(missed.mean()) < 4 * missed.std() / 200


@pytest.mark.parametrize("name", OBJECTIVES)
def test_without_news_the_plan_of_the_morning_is_kept(name):
    problem = day(name)
    shares = replanned(problem, Liquidity(0.0, 0.5), np.zeros((1, BUCKETS)), None)
    plan = ox.solve(problem)
    np.testing.assert_allclose(shares[0], plan.x, rtol=1e-5)
    assert realised(problem, np.ones(BUCKETS), shares[0]) == pytest.approx(plan.objective, rel=1e-9)


@pytest.mark.parametrize("name", OBJECTIVES)
@pytest.mark.parametrize("persistence", [0.0, 0.9, 0.99])
def test_replanning_is_never_worse_in_expectation_than_the_old_plan(name, persistence):
    row = compared(name, persistence, None, days=60, seed=5)
    assert row["saved"] > -2 * row["standard_error"]
    if persistence < 0.99:
        assert row["saved"] > 2 * row["standard_error"]


@pytest.mark.parametrize("name", OBJECTIVES)
@pytest.mark.parametrize("dispersion", [0.3, 0.6])
def test_expecting_more_of_the_same_volume_is_better_than_the_old_plan_under_the_same_caps(name, dispersion):
    row = busier(name, dispersion, days=60, seed=4)
    assert row["saved"] > 2 * row["standard_error"]
