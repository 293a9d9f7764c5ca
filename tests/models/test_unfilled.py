"""The declaration of orders that need not complete: what is refused, and what schedules and models say of them."""

import json

import numpy as np
import pytest

import optexec as ox


def open_order(**changes):
    return ox.Order(
        **{"shares": 300, "must_complete": False, "unfilled_cost": 0.5, "unfilled_penalty": 0.01, **changes}
    )


def declare(order=None, **changes):
    impact = ox.Power([0.01, 0.02, 0.01, 0.03], 2.0)
    terms = ox.ImpactCost() + ox.Smoothing(1e-3) + ox.InventoryRisk(0.01, weights="linear")
    return ox.Problem(order or open_order(), impact, terms, **changes)


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        ({"must_complete": False}, "needs order.unfilled_cost, dollars for each share left unfilled"),
        ({"unfilled_cost": 0.1}, "order.unfilled_cost is given, but the order must complete"),
        ({"unfilled_penalty": 0.0}, "order.unfilled_penalty is given, but the order must complete"),
        ({"must_complete": False, "unfilled_cost": -1.0}, "order.unfilled_cost must be >= 0, got -1.0"),
        ({"must_complete": False, "unfilled_cost": np.inf}, "order.unfilled_cost must be finite"),
        ({"must_complete": False, "unfilled_cost": [1.0, 2.0]}, "order.unfilled_cost must be a single number"),
        ({"must_complete": False, "unfilled_cost": 1, "unfilled_penalty": -1}, "order.unfilled_penalty must be >= 0"),
        ({"must_complete": "no"}, "order.must_complete must be true or false, got 'no'"),
        ({"must_complete": 0, "unfilled_cost": 1.0}, "order.must_complete must be true or false, got 0"),
    ],
)
def test_orders_are_refused_that_do_not_say_what_unfilled_shares_cost(arguments, told):
    with pytest.raises(ox.InvalidInput, match=told):
        ox.Order(300, **arguments)


@pytest.mark.parametrize("order", [ox.Order(300), ox.Order(300, "sell", 7, 2.5), open_order(), open_order(lot=100)])
def test_an_order_reads_as_what_makes_it(order):
    assert eval(repr(order), {"Order": ox.Order}) == order


def test_the_objective_is_that_of_one_more_bucket():
    problem, rng = declare(), np.random.default_rng(3)
    whole = problem.completed
    assert whole.order == ox.Order(300)
    assert whole.completed is whole
    for _ in range(20):
        x = rng.dirichlet(np.ones(5))[:4] * 300
        every = problem.with_unfilled(x)
        assert every.sum() == pytest.approx(300)
        assert every[:4].tolist() == x.tolist()
        assert problem.objective(x) == pytest.approx(whole.objective(every), rel=1e-12)
        np.testing.assert_allclose(problem.inventory(x), 300 - np.cumsum(x), rtol=1e-9)
        by_hand = sum(0.01 * (k + 1) / 4 / 2 * (300 - x[: k + 1].sum()) ** 2 for k in range(4))
        assert problem.breakdown(x)["inventory_risk"] == pytest.approx(by_hand)
        assert problem.breakdown(x)["unfilled"] == pytest.approx(0.5 * every[-1] + 0.005 * every[-1] ** 2)


def test_the_gradient_is_the_difference_of_objectives():
    problem, x, h = declare(), np.array([50.0, 60.0, 70.0, 20.0]), 1e-4
    steps = h * np.eye(4)
    slopes = [(problem.objective(x + step) - problem.objective(x - step)) / (2 * h) for step in steps]
    np.testing.assert_allclose(problem.gradient(x), slopes, rtol=1e-8)
    np.testing.assert_allclose(problem.gradient_left(x), slopes, rtol=1e-8)


def test_a_schedule_itemises_and_reports_what_stays_unfilled():
    schedule = ox.solve(declare())
    assert 0 < schedule.unfilled < 300
    assert schedule.unfilled == pytest.approx(300 - schedule.shares.sum())
    assert list(schedule.breakdown) == ["impact", "smoothing", "inventory_risk", "unfilled"]
    frame = schedule.frame
    assert frame["unfilled"].tolist() == [0, 0, 0, schedule.breakdown["unfilled"]]
    assert frame[["impact", "smoothing", "inventory_risk", "unfilled"]].to_numpy().sum() == pytest.approx(
        schedule.objective
    )
    told = json.loads(schedule.to_json())
    assert len(told["shares"]) == 4
    assert told["inventory"][-1] == schedule.unfilled
    assert told["breakdown"]["unfilled"] == schedule.breakdown["unfilled"]
    assert sum(told["breakdown"].values()) == pytest.approx(told["objective"])
    assert ox.solve(declare(ox.Order(300))).unfilled == 0


def test_shares_of_ones_own_may_leave_the_rest_but_not_exceed_the_order():
    problem = declare()
    best = ox.solve(problem)
    mine = ox.evaluate(problem, [100, 50, 0, 0])
    assert mine.unfilled == 150
    assert mine.lower_bound <= best.objective <= mine.objective
    with pytest.raises(ox.InfeasibleOrder, match="add up to 350, not to the order's 300"):
        ox.evaluate(problem, [100, 100, 100, 50])
    with pytest.raises(ox.InfeasibleOrder, match="add up to 250"):
        ox.evaluate(declare(ox.Order(300)), [100, 50, 50, 50])


def test_floors_still_bind_and_must_fit_the_order():
    cheap = open_order(unfilled_cost=0.0, unfilled_penalty=None)
    problem = declare(cheap, limits=ox.Limits(minimum=[20, 0, 30, 0]))
    np.testing.assert_allclose(ox.solve(problem.replace(terms=ox.objective("A"))).x, [20, 0, 30, 0], atol=1e-6)
    with pytest.raises(ox.InfeasibleOrder, match="the minimums add up to 400, more than the order's 300"):
        declare(cheap, limits=ox.Limits(minimum=100))


def test_an_objective_without_impact_cost_leaves_the_impact_free():
    problem = declare().replace(terms=ox.InventoryRisk(0.01))
    schedule = ox.solve(problem)
    assert schedule.x[0] == pytest.approx(300)
    assert schedule.objective == pytest.approx(0.0, abs=1e-6)


def test_a_changed_objective_is_not_answered_by_the_old_one():
    problem = declare()
    assert problem.completed.terms.find(ox.InventoryRisk) is not None
    assert problem.replace(terms=ox.objective("A")).completed.terms.find(ox.InventoryRisk) is None


def test_the_risk_of_a_schedule_counts_what_stays_unfilled():
    schedule = ox.evaluate(declare(), [100, 50, 0, 50])
    assert ox.PriceRisk([1.0, 1.0, 1.0, 4.0]).variance(schedule) == 200**2 + 150**2 + 150**2 + 4 * 100**2


def test_a_replaced_order_or_limits_is_a_problem_declared_so():
    problem = declare(limits=ox.Limits(maximum=200))
    assert problem.convex  # what depends on the limits is known already
    assert problem.completed.buckets == 5
    for changes in (
        {"limits": None},
        {"limits": ox.Limits(maximum=[90, 80, 70, 60], smallest=50)},
        {"order": ox.Order(250)},
        {"order": ox.Order(1_000, lot=10, must_complete=False, unfilled_cost=1.0)},
        {"order": ox.Order(200), "limits": ox.Limits(minimum=40)},
    ):
        found, told = problem.replace(**changes), declare(**{"limits": problem.limits, **changes})
        assert found.order == told.order
        for name in ("lo", "hi", "smallest"):
            np.testing.assert_array_equal(getattr(found, name), getattr(told, name))
        assert found.semicontinuous == told.semicontinuous
        np.testing.assert_array_equal(found.completed.hi, told.completed.hi)
        x = np.array([10.0, 20.0, 30.0, 40.0])
        assert found.objective(x) == told.objective(x)
    with pytest.raises(ox.InvalidInput, match=r"limits\.maximum has 3"):
        problem.replace(limits=ox.Limits(maximum=[1, 2, 3]))
    with pytest.raises(ox.InvalidInput, match="order must be of class Order"):
        problem.replace(order=None)
