"""Receding horizon: windows, what lies beyond them, and forecasts that change."""

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from strategies import cases, examples

import optexec as ox
from optexec.solvers.horizon import Outlook, Replanner


def walked(planner, remaining=None):
    """Shares traded in each bucket when every first slice is filled in full."""
    buckets, near, traded = planner.problem.buckets, None, []
    remaining = planner.problem.shares if remaining is None else remaining
    for start in range(buckets):
        if remaining <= 1e-12 * planner.problem.shares:
            traded.append(0.0)
            continue
        near = planner.plan(start, remaining, near)
        traded.append(near.slice)
        remaining -= near.slice
    return np.array(traded)


def day(name="A", buckets=6, limits=None, shares=900.0, **parameters):
    impact = ox.Power(np.linspace(1, 2, buckets), 1.6)
    return ox.Problem(ox.Order(shares), impact, ox.objective(name, **parameters), limits)


@settings(max_examples=examples(60), deadline=None)
@given(cases(convex=True), st.data())
def test_with_unchanged_forecasts_the_windows_are_the_optimum_of_the_day(drawn, data):
    case, problem = drawn
    window = data.draw(st.one_of(st.none(), st.integers(1, problem.buckets)))
    unchanged = data.draw(st.booleans())

    def forecast(start, count):
        impact = problem.impact
        return Outlook(impact if impact.buckets is None else impact.take(np.arange(start, start + count)))

    x = walked(Replanner(problem, window, forecast=forecast if unchanged else None, gap=1e-9))
    best = ox.solve(problem, gap=1e-9)
    assert x.sum() == pytest.approx(problem.shares, rel=1e-9)
    assert problem.objective(x) == pytest.approx(best.objective, abs=1e-8 * case.yardstick())


@settings(max_examples=examples(30), deadline=None)
@given(cases(), st.data())
def test_in_whole_lots_too(drawn, data):
    case, problem = drawn
    assume(problem.order.lot is None and not problem.semicontinuous)
    lots = problem.replace(order=ox.Order(problem.shares, lot=case.unit))
    try:
        best = ox.solve(lots, "dp")
    except ox.InfeasibleOrder:
        return
    x = walked(Replanner(lots, data.draw(st.integers(1, problem.buckets)), method="dp"))
    np.testing.assert_allclose(x / case.unit, np.round(x / case.unit), atol=1e-9)
    assert lots.objective(x) == pytest.approx(best.objective, abs=1e-8 * case.yardstick())


@settings(max_examples=examples(30), deadline=None)
@given(cases(), st.data())
def test_with_least_slices_too(drawn, data):
    case, problem = drawn
    assume(problem.order.lot is None and not problem.semicontinuous)
    floorless = ox.Limits(maximum=problem.hi, smallest=data.draw(st.integers(2, 3)) * case.unit)
    order = ox.Order(problem.shares, lot=case.unit)
    try:
        lots = problem.replace(order=order, limits=floorless)
        best = ox.solve(lots, "dp")
    except ox.InfeasibleOrder:
        return
    x = walked(Replanner(lots, data.draw(st.integers(1, problem.buckets)), method="dp"))
    assert np.all((x < 1e-9 * problem.shares) | (x > lots.smallest - 1e-9 * problem.shares))
    assert lots.objective(x) == pytest.approx(best.objective, abs=1e-8 * case.yardstick())


@settings(max_examples=examples(40), deadline=None)
@given(cases(convex=True), st.data())
def test_from_a_late_start_the_windows_are_the_optimum_of_what_is_left(drawn, data):
    case, problem = drawn
    start = data.draw(st.integers(0, problem.buckets - 1))
    floors, caps = problem.lo[start:].sum(), problem.hi[start:].sum()
    remaining = floors + data.draw(st.floats(0.1, 1)) * (min(caps, problem.shares) - floors)
    assume(remaining > 1e-6 * problem.shares)
    rest = problem.part(start, shares=remaining)
    planner = Replanner(problem, data.draw(st.integers(1, problem.buckets)), gap=1e-9)
    near, x, left = None, np.zeros(rest.buckets), remaining
    for bucket in range(rest.buckets):
        if left > 1e-12 * problem.shares:
            near = planner.plan(start + bucket, left, near)
            x[bucket] = near.slice
            left -= near.slice
    assert x.sum() == pytest.approx(remaining, rel=1e-9)
    best = ox.solve(rest, gap=1e-9).objective
    assert rest.objective(x) == pytest.approx(best, abs=1e-8 * case.yardstick())


@st.composite
def long_days(draw):
    """Many buckets, any convex power laws, objective and limits: (problem, the scale of its cost)."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    buckets, shares = draw(st.integers(5, 60)), 1e4
    a = rng.uniform(0.5, 2, buckets)
    b = draw(st.sampled_from([1.5, 2.0, rng.uniform(1.2, 2.2, buckets)]))
    impact = ox.Power(a * (shares / buckets) ** (1 - b), b) + ox.Linear(rng.uniform(0, 1, buckets))
    terms = ox.Objective(
        (
            ox.ImpactCost(),
            *draw(st.sampled_from([(), (ox.Smoothing(1 / shares),)])),
            *draw(st.sampled_from([(), (ox.InventoryRisk(10 / shares / buckets, rng.uniform(0, 2, buckets)),)])),
        )
    )
    mean = shares / buckets
    limits = draw(
        st.sampled_from(
            [
                ox.Limits(),
                ox.Limits(maximum=rng.uniform(1.0, 3.0, buckets) * mean),
                ox.Limits(minimum=rng.uniform(0, 0.5, buckets) * mean, maximum=5 * mean),
                ox.Limits(participation=0.1, volume=rng.uniform(10, 30, buckets) * mean),
            ]
        )
    )
    problem = ox.Problem(ox.Order(shares), impact, terms, limits)
    return problem, problem.objective(problem.inside())


@settings(max_examples=examples(25), deadline=None)
@given(long_days(), st.data())
def test_over_many_buckets_too(drawn, data):
    problem, scale = drawn
    x = walked(Replanner(problem, data.draw(st.integers(1, problem.buckets)), gap=1e-9))
    assert x.sum() == pytest.approx(problem.shares, rel=1e-9)
    assert problem.objective(x) == pytest.approx(ox.solve(problem, gap=1e-9).objective, abs=1e-8 * scale)


@pytest.mark.parametrize("window", [1, 2, 3, 5])
def test_the_free_rule_leaves_everything_to_the_last_window(window):
    x = walked(Replanner(day("B", rho=1e-3), window, beyond="free"))
    assert x[: 6 - window] == pytest.approx(0.0, abs=1e-6)
    assert x.sum() == pytest.approx(900.0)


def test_the_free_rule_trades_early_where_risk_presses():
    slow, fast = (walked(Replanner(day("C", psi=psi), 2, beyond="free")) for psi in (1e-9, 1e3))
    assert slow[:4].sum() < 1e-3
    assert fast[0] > 890


def test_the_free_window_is_the_least_of_its_own_cost():
    problem = day("C", psi=1e-2)
    plan = Replanner(problem, 2, beyond="free").plan(0, 900.0)
    assert plan.schedule.unfilled == pytest.approx(900.0 - plan.shares.sum())
    assert len(plan.shares) == 2

    def cost(first, second):
        left = 900.0 - first - second
        return problem.impact.cost(np.array([first, second, 0, 0, 0, 0])).sum() + 0.5e-2 * (
            (900.0 - first) ** 2 + left**2
        )

    assert plan.schedule.objective == pytest.approx(cost(*plan.shares), rel=1e-9)
    grid = np.linspace(0, 450, 46)
    assert min(cost(a, b) for a in grid for b in grid) >= plan.schedule.objective * (1 - 1e-9)


def test_a_quota_is_the_share_of_volume_that_a_window_has_of_what_is_left():
    limits = ox.Limits(volume=[3.0, 1.0, 1.0, 1.0, 2.0, 2.0])
    planner = Replanner(day(limits=limits), 2, beyond="quota")
    assert planner.plan(0, 900.0).shares.sum() == pytest.approx(360.0)
    assert planner.plan(2, 600.0).shares.sum() == pytest.approx(200.0)
    assert planner.plan(4, 500.0).shares.sum() == pytest.approx(500.0)


def test_a_window_that_is_expected_to_be_dear_trades_less():
    cheap = day()
    asked = []

    def forecast(start, count):
        asked.append((start, count))
        return Outlook(ox.Power(10.0, 1.6))

    dear = Replanner(cheap, 2, forecast=forecast).plan(1, 900.0)
    assert asked == [(1, 2)]
    assert dear.shares.sum() < 0.2 * Replanner(cheap, 2).plan(1, 900.0).shares.sum()
    by_hand = ox.Problem(
        ox.Order(900.0), ox.Power(np.append([10.0, 10.0], np.linspace(1, 2, 6)[3:]), 1.6), ox.objective("A")
    )
    np.testing.assert_allclose(dear.schedule.x, ox.solve(by_hand).x, rtol=1e-8)


def test_expected_volume_moves_the_caps_and_an_order_that_no_longer_fits_says_so_at_once():
    limits = ox.Limits(participation=0.5, volume=np.full(6, 400.0))
    problem = day(limits=limits)
    thin = Replanner(problem, 2, forecast=lambda start, count: Outlook(volume=np.full(count, 100.0)))
    assert thin.plan(0, 900.0).shares.max() <= 50 + 1e-9
    with pytest.raises(ox.InfeasibleOrder, match=r"limits allow 500 of 900 shares; raise participation to 0\.9"):
        thin.plan(2, 900.0)


def test_a_plan_begins_near_an_earlier_one_and_ends_where_it_would_without():
    problem = day("C", psi=1e-3)
    planner = Replanner(problem)
    first = planner.plan(0, 900.0)
    filled = 0.7 * first.slice
    warm, cold = planner.plan(1, 900.0 - filled, first), planner.plan(1, 900.0 - filled)
    np.testing.assert_allclose(warm.schedule.x, cold.schedule.x, rtol=1e-6)
    assert planner.plan(0, 900.0, warm).schedule.x == pytest.approx(first.schedule.x)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"window": 0}, "window must be a whole number of buckets"),
        ({"window": True}, "window must be a whole number of buckets"),
        ({"beyond": "freee"}, "did you mean 'free'"),
        ({"beyond": "quota"}, "give limits.volume"),
    ],
)
def test_what_a_replanner_refuses(change, message):
    with pytest.raises(ox.InvalidInput, match=message):
        Replanner(day(), **change)


@pytest.mark.parametrize(
    ("outlook", "message"),
    [
        (Outlook(ox.Power([1.0, 2.0, 3.0], 1.5)), "curves for 3 buckets, the window has 2"),
        (Outlook(volume=[1.0]), "volumes for 1 buckets, the window has 2"),
    ],
)
def test_forecasts_of_another_length_are_refused(outlook, message):
    planner = Replanner(day(limits=ox.Limits(volume=np.ones(6))), 2, forecast=lambda start, count: outlook)
    with pytest.raises(ox.InvalidInput, match=message):
        planner.plan(0, 900.0)


def test_volumes_where_the_declaration_has_none_are_refused():
    with pytest.raises(ox.InvalidInput, match=r"give limits\.volume"):
        Replanner(day(), 2, forecast=lambda start, count: Outlook(volume=[1.0, 2.0])).plan(0, 900.0)


@pytest.mark.parametrize(("start", "remaining"), [(6, 100.0), (-1, 100.0), (0, 0.0), (0, float("nan"))])
def test_there_is_no_plan_for_no_bucket_or_no_shares(start, remaining):
    with pytest.raises(ox.InvalidInput):
        Replanner(day()).plan(start, remaining)


@pytest.mark.parametrize("rule", ["priced", "quota", "free"])
def test_a_forecast_to_the_end_of_the_day_is_that_of_a_day_declared_so(rule):
    limits, busy = ox.Limits(participation=0.9, volume=np.full(6, 400.0)), np.linspace(500, 300, 6)
    problem, dear = day("C", limits=limits, psi=1e-3), ox.Power(np.linspace(3, 1, 6), 1.6)
    told = problem.replace(impact=dear, limits=ox.Limits(participation=0.9, volume=busy))
    planner = Replanner(
        problem, 2, rule, forecast=lambda start, count: Outlook(dear.take(np.arange(start, 6)), busy[start:])
    )
    for start in (0, 1, 3, 4, 5):
        left = 900.0 * (6 - start) / 10
        found, expected = planner.plan(start, left), Replanner(told, 2, rule).plan(start, left)
        np.testing.assert_allclose(found.shares, expected.shares, rtol=1e-9)
    three = Replanner(problem, 2, rule, forecast=lambda start, count: Outlook(volume=np.ones(3)))
    with pytest.raises(ox.InvalidInput, match="the forecast has volumes for 3 buckets, the window has 2"):
        three.plan(0, 900.0)


def test_the_last_window_trades_what_is_left_though_no_volume_is_expected_in_it():
    planner = Replanner(day(limits=ox.Limits(volume=[5.0, 5, 5, 5, 0, 0])), 2, beyond="quota")
    assert planner.plan(4, 900.0).shares.to_numpy() == pytest.approx(
        Replanner(day(), 2).plan(4, 900.0).shares.to_numpy()
    )
    assert planner.plan(5, 900.0).shares.tolist() == [900.0]


@pytest.mark.parametrize("volume", [[0.0, 0, 0, 5, 5, 5], [0.0] * 6], ids=["later", "never"])
def test_a_quota_of_no_volume_is_refused(volume):
    planner = Replanner(day(limits=ox.Limits(volume=volume)), 2, beyond="quota")
    with pytest.raises(ox.InfeasibleOrder, match="no volume is expected in the window from bucket 1"):
        planner.plan(0, 900.0)
    foretold = Replanner(
        day(limits=ox.Limits(volume=np.ones(6))), 2, "quota", lambda start, count: Outlook(volume=np.zeros(count))
    )
    with pytest.raises(ox.InfeasibleOrder, match="no volume is expected in the window from bucket 3"):
        foretold.plan(2, 900.0)
