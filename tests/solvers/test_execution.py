"""An order through its day, event by event."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from strategies import cases, examples

import optexec as ox
from optexec.models.execution_decisions import Account, Booked, Cut, Planned, Refused, Sent, Short
from optexec.models.execution_events import (
    Amended,
    Blackout,
    Cancelled,
    Closed,
    Filled,
    Forecast,
    Halted,
    Observed,
    Opened,
    Rejected,
    Resumed,
)
from optexec.solvers.execution import Execution
from optexec.solvers.horizon import Outlook, Replanner
from optexec.solvers.thresholds import Thresholds


def begun(buckets=3, shares=900.0, limits=None, watch=None, window=None, beyond="priced", name="A", **order):
    """An execution of equal buckets with quadratic costs."""
    parameters = {"C": {"psi": 1.0}}.get(name, {})
    problem = ox.Problem(
        ox.Order(shares, **order), ox.Power(1.0, 2.0), ox.objective(name, **parameters), limits, buckets=buckets
    )
    return Execution(Replanner(problem, window, beyond), watch)


def only(decisions, kind):
    return [decision for decision in decisions if isinstance(decision, kind)]


def sent(decisions):
    return [decision.shares for decision in only(decisions, Sent)]


def given_(execution, *events):
    """Decisions on the last of some events."""
    for event in events:
        decisions = execution.take(event)
    return decisions


@settings(max_examples=examples(40), deadline=None)
@given(cases(convex=True), st.data())
def test_a_day_without_surprises_trades_the_optimum(drawn, data):
    case, problem = drawn
    at_end = data.draw(st.sampled_from(["finish", "stop", "continue"]))
    cost = data.draw(st.none() | st.floats(0, 2).map(lambda k: k * case.yardstick() / problem.shares))
    order = ox.Order(problem.shares, at_end=at_end, must_complete=cost is None, unfilled_cost=cost)
    problem = problem.replace(order=order)
    window = data.draw(st.one_of(st.none(), st.integers(1, problem.buckets)))
    execution, x = Execution(Replanner(problem, window, gap=1e-9)), np.zeros(problem.buckets)
    volume = problem.limits.volume
    for bucket in range(problem.buckets):
        decisions = execution.take(Opened(bucket))
        if volume is not None:
            decisions += execution.take(Observed(bucket, volume=float(volume[bucket])))
        for order in only(decisions, Sent):
            x[bucket] += order.shares
            execution.take(Filled(order.shares, order.child))
    if cost is None:
        assert execution.account.state == "done"
    best = ox.solve(problem, gap=1e-9).objective
    assert problem.objective(x) == pytest.approx(best, abs=1e-8 * case.yardstick())


def test_participation_holds_on_what_has_printed_own_shares_inside():
    execution = begun(limits=ox.Limits(participation=0.1, volume=[5_000, 5_000, 5_000]))
    assert sent(execution.take(Opened(0))) == []
    assert sent(execution.take(Observed(0, volume=1_000))) == [100]
    execution.take(Filled(100))
    assert sent(execution.take(Observed(0, volume=1_500))) == [50]
    assert sent(execution.take(Observed(0, volume=9_000))) == [150]
    assert execution.account.working == 200


def test_thin_volume_leaves_more_for_later_and_the_last_bucket_takes_what_prints():
    execution = begun(limits=ox.Limits(participation=0.1, volume=[5_000, 5_000, 5_000]))
    given_(execution, Opened(0), Observed(0, volume=1_000), Filled(100))
    assert only(execution.take(Opened(1)), Planned)[0].shares == (400.0, 400.0)
    given_(execution, Observed(1, volume=4_000), Filled(400))
    assert only(execution.take(Opened(2)), Planned)[0].shares == (400.0,)
    assert sent(execution.take(Observed(2, volume=2_500))) == [250]


def test_a_volume_larger_than_expected_lets_an_order_that_was_short_finish():
    execution = begun(limits=ox.Limits(participation=0.1, volume=[3_000, 3_000, 3_000]))
    given_(execution, Opened(0), Observed(0, volume=1_000), Filled(100))
    decisions = execution.take(Opened(1))
    assert only(decisions, Short) == [Short(200.0, certain=False)]
    assert sent(execution.take(Observed(1, volume=5_000))) == [500]
    execution.take(Filled(500))
    assert only(execution.take(Opened(2)), Short) == [Short(0.0, certain=False)]
    assert sent(execution.take(Observed(2, volume=3_000))) == [300]


def test_an_overfill_is_refused_and_told():
    execution = begun()
    execution.take(Opened(0))
    decisions = execution.take(Filled(320, child=1))
    assert only(decisions, Booked) == [Booked(1, 0, 300.0)]
    assert [(d.what, d.shares) for d in only(decisions, Refused)] == [("fill", 20.0)]
    assert execution.account.filled == 300
    assert only(execution.take(Filled(5, child=1)), Refused)[0].shares == 5
    [refused] = only(execution.take(Filled(5, child=9)), Refused)
    assert (refused.shares, refused.reason) == (5, "there is no child order 9")
    assert only(execution.take(Filled(5)), Refused)[0].shares == 5
    assert execution.account.filled == 300


def test_a_fill_without_a_child_order_goes_to_the_oldest_at_work():
    execution = begun(limits=ox.Limits(participation=0.1, volume=[5_000] * 3))
    given_(execution, Opened(0), Observed(0, volume=1_000), Observed(0, volume=2_000))
    assert only(execution.take(Filled(130)), Booked) == [Booked(1, 0, 100.0), Booked(2, 0, 30.0)]


def test_a_late_fill_counts_in_its_bucket_and_the_market_is_left_with_no_more_than_remains():
    execution = begun(buckets=2, shares=600.0)
    given_(execution, Opened(0), Filled(50))
    assert sent(execution.take(Opened(1))) == [550]
    decisions = execution.take(Filled(200, child=1))
    assert only(decisions, Booked) == [Booked(1, 0, 200.0, late=True)]
    assert only(decisions, Cut) == [Cut(2, 350.0, "no more is to trade in the bucket")]
    assert execution.ledger.done(0) == 250
    execution.take(Filled(350, child=2))
    assert execution.account.state == "done"
    assert only(execution.take(Filled(50, child=1)), Refused)[0].shares == 50


def test_late_fills_do_not_break_the_cap_of_their_bucket():
    execution = begun(limits=ox.Limits(participation=0.1, volume=[4_000] * 3))
    given_(execution, Opened(0), Observed(0, volume=2_000), Halted(), Resumed())
    assert execution.account.working == 200
    assert [child.open for child in execution.ledger.children.values()] == [0, 200]
    decisions = execution.take(Filled(150, child=1))
    assert only(decisions, Booked)[0].shares == 150
    assert [cut.left for cut in only(decisions, Cut)] == [50]
    decisions = execution.take(Filled(200, child=2))
    assert only(decisions, Booked)[0].shares == 50
    assert only(decisions, Refused)[0].shares == 150


def test_a_rejected_child_order_is_sent_again_at_the_next_look_at_the_market():
    execution = begun()
    execution.take(Opened(0))
    assert only(execution.take(Rejected(1)), Sent) == []
    assert sent(execution.take(Observed(0, volatility=1.0))) == [300]
    assert only(execution.take(Filled(10, child=1)), Refused)[0].shares == 10
    execution.take(Rejected(2))
    assert sent(execution.take(Opened(1))) == [450]


def test_an_amendment_to_more_lots_than_can_be_counted_is_refused():
    problem = ox.Problem(ox.Order(900, lot=100), ox.Power([1.0, 2.0, 2.0], 2.0), ox.objective("A"))
    execution = Execution(Replanner(problem))
    given_(execution, Opened(0), Filled(500))
    [refused] = only(execution.take(Amended(1e30)), Refused)
    assert refused.reason == "1e+30 shares are too many lots of 100 to count; raise the lot or leave it out"
    assert sent(execution.take(Opened(1))) == [200]


def test_amendments():
    execution = begun()
    given_(execution, Opened(0), Filled(200))
    [refused] = only(execution.take(Amended(150)), Refused)
    assert refused.reason == "200 shares have traded; amend to at least as many, or cancel what remains"
    decisions = execution.take(Amended(450))
    np.testing.assert_allclose(only(decisions, Planned)[0].shares, [200, 125, 125])
    assert only(decisions, Cut) == [Cut(1, 0.0, "no more is to trade in the bucket")]
    assert sent(execution.take(Amended(1_200))) == [200]
    assert execution.account == Account(0, 1_200.0, 200.0, 1_000.0, 200.0, "working")
    execution.take(Amended(200))
    assert execution.account == Account(0, 200.0, 200.0, 0.0, 0.0, "done")
    execution.take(Amended(500))
    assert sent(execution.take(Opened(1))) == [150]


def test_a_cancelled_order_trades_no_more_but_counts_what_was_under_way():
    execution = begun()
    decisions = given_(execution, Opened(0), Cancelled())
    assert only(decisions, Cut) == [Cut(1, 0.0, "the order is cancelled")]
    assert only(execution.take(Filled(120, child=1)), Booked)[0].shares == 120
    assert given_(execution, Opened(1))[-1] == Account(1, 900.0, 120.0, 780.0, 0.0, "cancelled")
    assert only(execution.take(Amended(1_000)), Refused)
    assert only(execution.take(Cancelled()), Refused)


def test_nothing_is_in_the_market_during_a_halt():
    execution = begun()
    decisions = given_(execution, Opened(0), Halted())
    assert only(decisions, Cut) == [Cut(1, 0.0, "trading is halted or closed")]
    assert only(decisions, Planned)[0].shares == (450.0, 450.0)
    assert sent(execution.take(Opened(1))) == []
    decisions = execution.take(Resumed())
    assert sent(decisions) == [450]
    assert only(execution.take(Resumed()), Refused)


def test_a_halt_of_known_length_is_planned_around():
    execution = begun(buckets=4)
    plan = only(given_(execution, Opened(0), Halted(until=3)), Planned)[0]
    assert (plan.first, plan.shares) == (3, (900.0,))


def test_blackout_buckets_trade_nothing():
    execution = begun(buckets=4)
    execution.take(Blackout(1, 2))
    decisions = execution.take(Opened(0))
    assert only(decisions, Planned)[0].shares == (450.0, 0.0, 0.0, 450.0)
    given_(execution, Filled(450))
    assert sent(execution.take(Opened(1))) == []
    assert sent(given_(execution, Opened(3))) == [450]
    assert only(execution.take(Blackout(3, 4)), Refused)


def test_an_order_that_cannot_finish_says_so_at_once_and_does_the_most_it_can():
    execution = begun(limits=ox.Limits(maximum=400))
    execution.take(Opened(0))
    execution.take(Filled(100))
    decisions = execution.take(Blackout(2, 2))
    assert only(decisions, Short) == [Short(100.0, certain=True)]
    assert only(decisions, Planned)[0].shares == (400.0, 400.0, 0.0)
    assert sent(decisions) == [100]
    execution.take(Filled(300))
    assert sent(execution.take(Opened(1))) == [400]
    execution.take(Filled(400))
    assert execution.take(Closed(1))[-1].state == "working"
    assert given_(execution, Opened(2), Closed(2))[-1] == Account(2, 900.0, 800.0, 100.0, 0.0, "unfilled")


def test_an_amendment_that_makes_an_order_fit_again_is_told():
    execution = begun(limits=ox.Limits(maximum=300))
    assert only(given_(execution, Opened(0), Opened(1)), Short) == [Short(300.0, certain=True)]
    assert only(execution.take(Amended(600)), Short) == [Short(0.0, certain=False)]


@pytest.mark.parametrize(("at_end", "last"), [("finish", 500.0), ("continue", 500.0), ("stop", 300.0)])
def test_the_last_bucket(at_end, last):
    execution = begun(at_end=at_end)
    decisions = given_(execution, Opened(0), Filled(300), Opened(1), Filled(100), Opened(2))
    assert sent(decisions) == [last]
    assert only(decisions, Short) == ([Short(200.0, certain=True)] if at_end == "stop" else [])
    state = given_(execution, Filled(last - 50), Closed(2))[-1]
    assert state.state == ("working" if at_end == "continue" else "unfilled")
    assert state.remaining == 500 - last + 50


def test_nothing_but_an_amendment_raises_the_last_slice_of_an_order_that_stops():
    execution = begun(at_end="stop", watch=Thresholds(spreads=0.01))
    assert sent(given_(execution, Opened(0), Filled(100), Opened(1), Filled(100), Opened(2))) == [400]
    for event in (Observed(2, spread=0.09), Blackout(0, 0), Forecast(2, ox.Power([9.0], 2.0))):
        assert len(execution.take(event)) == 1
    halted, resumed = execution.take(Halted()), execution.take(Resumed())
    assert only(halted, Planned) == only(resumed, Planned) == []
    assert only(halted, Short) == [Short(700.0, certain=True)]
    assert only(resumed, Short) == [Short(300.0, certain=True)]
    assert sent(resumed) == [400]
    assert only(execution.take(Amended(950)), Planned)[0].shares == (750.0,)
    assert execution.account.working == 750


def test_what_closes_the_last_bucket_of_an_order_that_stops_is_told():
    execution = begun(at_end="stop")
    assert only(given_(execution, Opened(0), Filled(300), Opened(1), Filled(100), Opened(2)), Short) == [
        Short(200.0, True)
    ]
    assert only(execution.take(Filled(50)), Short) == []
    assert only(execution.take(Blackout(2, 2)), Short) == [Short(450.0, certain=True)]
    assert given_(execution, Closed(2))[-1].remaining == 450


@pytest.mark.parametrize("at_end", ["finish", "stop"])
def test_a_last_bucket_that_is_closed_before_it_opens_leaves_the_order_short_for_certain(at_end):
    execution = begun(at_end=at_end)
    decisions = given_(execution, Opened(0), Filled(300), Opened(1), Filled(300), Closed(1), Blackout(2, 2))
    assert only(decisions, Short) == [Short(300.0, certain=True)]
    assert only(execution.take(Opened(2)), Short) == []
    assert given_(execution, Closed(2))[-1].remaining == 300


def test_a_shortfall_that_becomes_certain_is_told_again():
    execution = begun()
    assert only(given_(execution, Opened(0), Opened(1), Opened(2), Halted()), Short) == [Short(900.0, certain=False)]
    assert only(execution.take(Blackout(2, 2)), Short) == [Short(900.0, certain=True)]


def test_an_order_that_continues_goes_on_in_buckets_like_the_last_until_it_is_done():
    execution = begun(at_end="continue", limits=ox.Limits(maximum=[400, 400, 300]))
    decisions = given_(execution, Opened(0), Opened(1), Opened(2))
    assert sent(decisions) == [300]
    assert only(decisions, Short) == []
    assert sent(given_(execution, Filled(300), Opened(3))) == [300]
    assert sent(given_(execution, Filled(250), Opened(7))) == [300]
    assert sent(given_(execution, Filled(300), Opened(8))) == [50]
    assert given_(execution, Filled(50), Closed(8))[-1].state == "done"


@pytest.mark.parametrize("at_end", ["finish", "stop", "continue"])
def test_an_order_that_need_not_complete_leaves_what_its_schedule_leaves(at_end):
    order = ox.Order(900, must_complete=False, unfilled_cost=300.0, at_end=at_end)
    problem = ox.Problem(order, ox.Power([1.0, 1.0, 2.0], 2.0), ox.objective("A"), ox.Limits(maximum=[100, 400, 400]))
    schedule, execution, x = ox.solve(problem), Execution(Replanner(problem)), []
    for bucket in range(3):
        decisions = execution.take(Opened(bucket))
        assert only(decisions, Short) == []
        x.append(sent(decisions)[0])
        execution.take(Filled(x[-1]))
    np.testing.assert_allclose(x, schedule.x)
    np.testing.assert_allclose(x, [100, 150, 75])
    assert execution.take(Closed(2))[-1].state == "unfilled"
    assert execution.account.remaining == pytest.approx(schedule.unfilled)


def test_with_closed_last_buckets_nothing_follows_the_window():
    execution = begun(at_end="continue", limits=ox.Limits(maximum=[900, 900, 0]))
    assert only(given_(execution, Opened(0), Opened(2)), Short) == [Short(900.0, certain=True)]


def test_a_volatile_market_is_left_earlier_and_a_wide_one_waited_out():
    watch = Thresholds(volatility=2.0, spread=2.0, lasts=1, sigma=0.01, spreads=[0.02, 0.02, 0.02])
    wild, wide, calm = (begun(name="C", watch=watch) for _ in range(3))
    first = sent(calm.take(Opened(0)))[0]
    assert only(calm.take(Observed(0, volatility=0.02, spread=0.04)), Planned) == []
    [plan] = only(given_(wild, Opened(0), Observed(0, volatility=0.03)), Planned)
    assert plan.reason == "volatility or spread crossed its threshold"
    assert plan.shares[0] > first
    risk = ox.InventoryRisk(1.0, [9.0, 1.0, 1.0])
    by_hand = ox.Problem(ox.Order(900), ox.Power(1.0, 2.0), ox.ImpactCost() + risk, buckets=3)
    np.testing.assert_allclose(plan.shares, ox.solve(by_hand).x, rtol=1e-8)
    [plan] = only(given_(wide, Opened(0), Observed(0, spread=0.06)), Planned)
    by_hand = ox.Problem(ox.Order(900), ox.Power([3.0, 1.0, 1.0], 2.0), ox.objective("C", psi=1.0))
    np.testing.assert_allclose(plan.shares, ox.solve(by_hand).x, rtol=1e-8)
    [plan] = only(wide.take(Observed(0, spread=0.02)), Planned)
    assert plan.shares[0] == pytest.approx(first)


def test_a_plan_within_a_bucket_counts_what_has_traded_in_it():
    watch = Thresholds(spreads=0.01, lasts=1)
    execution = begun(name="C", watch=watch)
    [plan] = only(given_(execution, Opened(0), Filled(400), Observed(0, spread=0.05)), Planned)
    problem = execution.planner.problem
    floor = ox.Limits(minimum=[400, 0, 0])
    expected = ox.solve(problem.replace(impact=ox.Power([5.0, 1.0, 1.0], 2.0), limits=floor)).x
    np.testing.assert_allclose(plan.shares, expected, rtol=1e-8)
    assert execution.account.working == 0


def test_forecasts_replace_each_other():
    execution = begun(limits=ox.Limits(participation=0.1, volume=[9_000] * 3))
    [plan] = only(given_(execution, Forecast(0, volume=[1_000, 5_000]), Opened(0)), Planned)
    np.testing.assert_allclose(plan.shares, [100, 400, 400])
    [plan] = only(execution.take(Forecast(1, ox.Power([2.0], 2.0))), Planned)
    np.testing.assert_allclose(plan.shares, [360, 180, 360])
    assert only(execution.take(Forecast(2, volume=[1, 2])), Refused)[0].reason.startswith(
        "the forecast goes to bucket 3"
    )
    no_volume = begun()
    assert "give limits.volume" in only(no_volume.take(Forecast(1, volume=[5])), Refused)[0].reason


def test_a_night_is_traded_for_before_it_and_nothing_trades_in_it():
    day = ox.PriceRisk.from_volatility([0.02, 0.02])
    orders = {}
    for overnight in (0.0, 0.1):
        risk = day.then(day, overnight=overnight).inventory_risk(risk_aversion=1.0)
        problem = ox.Problem(ox.Order(900), ox.Power(1e-3, 2.0), ox.ImpactCost() + risk, buckets=4)
        execution = Execution(Replanner(problem))
        traded = 0.0
        for bucket in (0, 1):
            [child] = only(execution.take(Opened(bucket)), Sent)
            traded += child.shares
            execution.take(Filled(child.shares))
        execution.take(Closed(1))
        assert only(execution.take(Observed(1, volatility=1.0)), Sent) == []
        assert sent(execution.take(Opened(2)))
        orders[overnight] = traded
        assert traded == pytest.approx(ox.solve(problem).x[:2].sum())
    assert orders[0.1] > 1.1 * orders[0.0]


def test_whole_lots_and_the_odd_remainder_after_odd_fills():
    execution = begun(shares=1_050.0, lot=100)
    seen = []
    for bucket, part in ((0, 37), (1, 300), (2, None)):
        decisions = execution.take(Opened(bucket))
        odd = execution.account.remaining % 100
        seen += [shares % 100 in (0, odd) for shares in sent(decisions)]
        for child in only(decisions, Sent):
            execution.take(Filled(min(part or child.shares, child.shares), child.child))
    assert all(seen)
    assert execution.account.state == "done"


@pytest.mark.parametrize("odd", [1e-5, 0.005, 50.0, 99.995])
def test_the_planned_slice_of_an_order_that_stops_has_its_odd_remainder(odd):
    problem = ox.Problem(ox.Order(1_000 + odd, lot=100, at_end="stop"), ox.Power([3.0, 1.0], 2.0), ox.objective("A"))
    execution = Execution(Replanner(problem, method="dp"))
    for bucket in range(2):
        decisions = execution.take(Opened(bucket))
        assert only(decisions, Short) == []
        execution.take(Filled(sum(sent(decisions))))
    assert execution.account.state == "done"


def test_fewer_shares_than_a_lot_or_a_least_slice_trade_in_one_slice():
    execution = begun(buckets=2, shares=200.0, lot=100, limits=ox.Limits(smallest=150))
    assert sent(execution.take(Opened(0))) == [200]
    assert sent(given_(execution, Filled(170), Opened(1))) == [30]


def test_floors_and_least_slices_give_way_to_completion():
    execution = begun(limits=ox.Limits(minimum=250, maximum=350, smallest=300))
    given_(execution, Opened(0), Filled(100))
    [plan] = only(given_(execution, Amended(500), Opened(1)), Planned)
    assert plan.reason == "the bucket opens; floors and least slices do not fit what is left"
    assert plan.shares == (200.0, 200.0)


@pytest.mark.parametrize("beyond", ["free", "quota"])
def test_no_window_starves_the_buckets_after_it(beyond):
    limits = ox.Limits(maximum=320, volume=[1, 1, 9])
    execution = begun(limits=limits, window=1, beyond=beyond)
    total = 0.0
    for bucket in range(3):
        for child in only(execution.take(Opened(bucket)), Sent):
            total += child.shares
            execution.take(Filled(child.shares))
    assert total == 900


def test_a_plan_that_no_method_finds_is_an_even_pace():
    problem = ox.Problem(ox.Order(900), ox.Power(1.0, 2.0), ox.objective("A"), buckets=3)
    execution = Execution(Replanner(problem, method="waterfill"))
    concave = ox.Power([1.0, 2.0, 3.0], 0.5)
    decisions = given_(execution, Forecast(0, concave), Opened(0))
    [plan] = only(decisions, Planned)
    assert (plan.method, plan.status, plan.objective) == ("twap", "fallback", None)
    assert "method 'waterfill' does not apply" in plan.reason
    assert sent(decisions) == [300]


def no_answer(*_, **__):
    raise ox.SolverFailure("the time ran out")


@pytest.mark.parametrize("order", [{}, {"must_complete": False, "unfilled_cost": 50.0}], ids=["full", "in part"])
def test_where_no_method_has_a_plan_the_last_one_is_kept_in_proportion(order, monkeypatch):
    execution = begun(name="C", **order)
    first = execution.take(Opened(0))
    [plan] = only(first, Planned)
    execution.take(Filled(sent(first)[0] / 2))
    monkeypatch.setattr("optexec.solvers.horizon.solve", no_answer)
    left = execution.account.remaining
    planned = np.array(plan.shares[1:])
    unfilled = 900 - sum(plan.shares)
    assert (unfilled > 1) == bool(order)
    decisions = execution.take(Opened(1))
    [kept] = only(decisions, Planned)
    np.testing.assert_allclose(kept.shares, left * planned / (planned.sum() + unfilled))
    assert (kept.method, kept.status, kept.objective) == (plan.method, "fallback", None)
    assert kept.reason == "the bucket opens; the time ran out; the last plan is kept"
    assert sent(decisions) == [pytest.approx(kept.shares[0])]
    execution.take(Filled(100))
    [again] = only(given_(execution, Halted(), Resumed()), Planned)
    ahead = np.array([max(planned[0] - 100, 0), planned[1]])
    expected = (left - 100) * ahead / (ahead.sum() + unfilled) + [100, 0]
    np.testing.assert_allclose(again.shares, expected)


def test_a_plan_that_is_kept_has_nothing_for_closed_buckets(monkeypatch):
    execution = begun()
    execution.take(Opened(0))
    monkeypatch.setattr("optexec.solvers.horizon.solve", no_answer)
    [kept] = only(execution.take(Blackout(1, 1)), Planned)
    assert kept.shares == (450.0, 0.0, 450.0)


def test_the_last_slice_of_an_order_that_stops_is_that_of_the_plan_that_was_kept(monkeypatch):
    execution = begun(at_end="stop")
    execution.take(Opened(0))
    monkeypatch.setattr("optexec.solvers.horizon.solve", no_answer)
    assert sent(given_(execution, Amended(1_800), Filled(600), Opened(1))) == [600]
    assert sent(execution.take(Opened(2))) == [600]


@pytest.mark.parametrize("seen", [{"volatility": 1e300}, {"spread": 1e300}, {"volatility": 1e150}])
def test_a_market_that_no_unit_can_mean_is_refused_but_for_its_volume(seen):
    limits = ox.Limits(participation=0.1, volume=[3_000.0] * 3)
    execution = begun(limits=limits, watch=Thresholds(sigma=1e-10, spreads=1e-10), name="C")
    execution.take(Opened(0))
    decisions = execution.take(Observed(0, volume=1_000, **seen))
    [refused] = only(decisions, Refused)
    assert refused.what == "market"
    assert "check the units of both" in refused.reason
    assert sent(decisions) == [100]
    assert only(decisions, Planned) == []


def test_a_gap_that_no_number_can_tell_is_none():
    problem = ox.Problem(ox.Order(900), ox.Linear([1e7, -1e7, 0.0]), ox.objective("A"))
    [plan] = only(Execution(Replanner(problem, method="twap")).take(Opened(0)), Planned)
    assert (plan.objective, plan.gap) == (0.0, None)
    assert plan.lower_bound == pytest.approx(-9e9)


@pytest.mark.parametrize(
    ("event", "what", "reason"),
    [
        (Opened(0), "open", "it has passed"),
        (Opened(3), "open", "the window is over"),
        (Closed(0), "close", "bucket 0 is not open"),
        (Observed(2, volume=1), "market", "bucket 2 has not opened"),
        (Observed(1, volume=1), "market", "5 shares had been printed before"),
        (Rejected(7), "reject", "there is no child order 7"),
        (Resumed(), "resume", "trading is not halted"),
    ],
)
def test_what_does_not_fit_is_refused_and_changes_nothing(event, what, reason):
    execution = begun()
    before = given_(execution, Opened(0), Opened(1), Observed(1, volume=5))[-1]
    refused, account = execution.take(event)
    assert refused == Refused(what, None, reason)
    assert account == before


def test_what_an_execution_is_not_made_of():
    problem = begun().planner.problem
    with pytest.raises(ox.InvalidInput, match="takes its forecasts as events"):
        Execution(Replanner(problem, forecast=lambda start, count: Outlook()))
    with pytest.raises(ox.InvalidInput, match=r"arrays of different lengths: buckets has 3, sigma has 2"):
        Execution(Replanner(problem), Thresholds(sigma=[1.0, 1.0]))
    with pytest.raises(ox.InvalidInput, match="did you mean 'newton'"):
        Execution(Replanner(problem, method="newtn"))
    paced = problem.replace(limits=ox.Limits(participation=0.5, volume=[900.0] * 3))
    with pytest.raises(ox.InvalidInput, match=r"method 'pov' does not apply to an execution.* use 'vwap' or 'auto'"):
        Execution(Replanner(paced, method="pov"))
    with pytest.raises(ox.InvalidInput, match="would forget what the trades so far have moved"):
        Execution(Replanner(problem.replace(terms=ox.ImpactCost() + ox.TransientImpact(1.0, 0.5))))
    with pytest.raises(ox.InvalidInput, match="is not an event"):
        begun().take("fill 300")


@pytest.mark.parametrize(
    ("make", "told"),
    [
        (lambda: Filled(-1), "shares must be > 0"),
        (lambda: Filled(float("nan")), "shares must be finite"),
        (lambda: Filled(1, child=-1), "child must be a whole number"),
        (lambda: Opened(1.0), "bucket must be a whole number"),
        (lambda: Opened(True), "bucket must be a whole number"),
        (lambda: Observed(0, volume=-1), "volume must be >= 0"),
        (lambda: Amended(0), "shares must be > 0"),
        (lambda: Halted(until=-2), "until must be a whole number"),
        (lambda: Blackout(3, 2), "before it begins"),
        (lambda: Forecast(0), "needs curves or volumes"),
        (lambda: Forecast(0, ox.Power(1.0, 2.0)), "one value for each of its buckets"),
        (lambda: Forecast(0, ox.Power([1.0, 2.0], 2.0), [1.0]), "arrays of different lengths"),
        (lambda: Thresholds(volatility=0), "volatility must be > 0"),
        (lambda: Thresholds(lasts=0), "lasts must be a whole number"),
        (lambda: Thresholds(sigma=[0.1, 0.0]), r"sigma\[1\] must be > 0"),
        (lambda: ox.Order(100, at_end="finsh"), "did you mean 'finish'"),
    ],
)
def test_events_and_settings_that_are_none(make, told):
    with pytest.raises(ox.InvalidInput, match=told):
        make()
