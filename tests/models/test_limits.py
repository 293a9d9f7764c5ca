"""Orders, limits and declarations: what is refused, and whether the proposed mend works."""

import re

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

import optexec as ox


def declare(shares=1_000.0, limits=None, buckets=4, **order):
    return ox.Problem(ox.Order(shares, **order), ox.Linear(0.01), ox.objective("A"), limits=limits, buckets=buckets)


def test_the_message_says_what_the_limits_allow_and_which_participation_would_do():
    limits = ox.Limits(participation=0.104, volume=[400_000] * 2)
    with pytest.raises(
        ox.InfeasibleOrder, match=r"limits allow 83,200 of 100,000 shares; raise participation to 0.125"
    ):
        declare(100_000, limits, buckets=2)


def test_the_mend_counts_what_a_maximum_leaves_out():
    limits = ox.Limits(participation=0.1, maximum=[40_000, 100_000], volume=[432_000, 400_000])
    with pytest.raises(ox.InfeasibleOrder) as error:
        declare(100_000, limits, buckets=2)
    assert "limits allow 80,000 of 100,000" in str(error.value)
    assert "raise participation to 0.15" in str(error.value)


volumes = st.lists(st.integers(1, 10**6), min_size=1, max_size=6)


def mended(limits, message):
    """The limits that the message asks for; None if it asks for something else than participation."""
    told = re.search(r"raise participation to ([0-9.e-]+)", message)
    if not told:
        return None
    return ox.Limits(limits.minimum, limits.maximum, float(told.group(1)), limits.volume)


@settings(max_examples=300)
@given(volume=volumes, rate=st.floats(0.001, 0.9), more=st.floats(1e-9, 5.0), capped=st.booleans())
def test_the_participation_that_the_message_asks_for_is_enough(volume, rate, more, capped):
    shares = rate * sum(volume) * (1 + more)
    cap = [v * 0.5 for v in volume] if capped else None
    limits = ox.Limits(maximum=cap, participation=rate, volume=volume)
    with pytest.raises(ox.InfeasibleOrder) as refusal:
        declare(shares, limits, buckets=len(volume))
    better = mended(limits, str(refusal.value))
    reach = 0.5 if capped else 1.0
    if better is None:
        assert shares > sum(volume) * reach * (1 - 1e-9)
    else:
        room = declare(shares, better, buckets=len(volume))
        assert room.hi.sum() >= shares * (1 - 1e-12)
        assert np.all(better.participation >= rate)


@settings(max_examples=100)
@given(caps=st.lists(st.floats(0, 1e5), min_size=1, max_size=5), more=st.floats(1e-6, 2.0))
def test_the_missing_shares_that_the_message_names_are_enough(caps, more):
    shares = (sum(caps) + 1) * (1 + more)
    with pytest.raises(ox.InfeasibleOrder) as error:
        declare(shares, ox.Limits(maximum=caps), buckets=len(caps))
    missing = float(re.search(r"raise limits.maximum by ([0-9.,e+-]+) shares", str(error.value))[1].replace(",", ""))
    room = sum(caps) + missing
    assert room == pytest.approx(shares, rel=1e-8)


def test_a_maximum_is_not_blamed_where_there_is_none():
    with pytest.raises(ox.InfeasibleOrder) as error:
        declare(100, ox.Limits(participation=0.5, volume=[20, 20]), buckets=2)
    assert "limits allow 20 of 100 shares" in str(error.value)
    assert "raise limits.maximum" not in str(error.value)


@settings(max_examples=100)
@given(data=st.data())
def test_bounds_are_the_tightest_of_the_limits(data):
    n = data.draw(st.integers(1, 5))
    volume = data.draw(st.lists(st.floats(1, 1e4), min_size=n, max_size=n))
    cap = data.draw(st.lists(st.floats(0, 1e4), min_size=n, max_size=n))
    rate = data.draw(st.floats(0.01, 1.0))
    expected = [min(c, rate * v, 50.0) for c, v in zip(cap, volume, strict=True)]
    assume(sum(expected) >= 50)
    problem = declare(50.0, ox.Limits(maximum=cap, participation=rate, volume=volume), buckets=n)
    assert problem.hi.tolist() == pytest.approx(expected, rel=1e-12)
    assert problem.lo.tolist() == [0.0] * n


INFEASIBLE = {
    "caps": lambda: declare(100, ox.Limits(maximum=20)),
    "floors": lambda: declare(100, ox.Limits(minimum=30)),
    "floor above participation": lambda: declare(100, ox.Limits(minimum=[5, 0], participation=1.0, volume=[4, 900]), 2),
    "closed": lambda: declare(100, ox.Limits(maximum=0)),
}


@pytest.mark.parametrize("make", INFEASIBLE.values(), ids=INFEASIBLE)
def test_limits_that_cannot_hold_the_order_are_infeasible(make):
    with pytest.raises(ox.InfeasibleOrder, match=r"\d.*;"):
        make()


nan, inf = float("nan"), float("inf")
BAD = {
    "no shares": lambda: ox.Order(0),
    "negative shares": lambda: ox.Order(-5),
    "nan shares": lambda: ox.Order(nan),
    "inf shares": lambda: ox.Order(inf),
    "shares as a flag": lambda: ox.Order(True),
    "shares as text": lambda: ox.Order("many"),
    "two orders": lambda: ox.Order([1.0, 2.0]),
    "side": lambda: ox.Order(1, side="long"),
    "lot of 0": lambda: ox.Order(1, lot=0),
    "lot above the order": lambda: ox.Order(1, lot=2),
    "negative price": lambda: ox.Order(1, price=-1),
    "nan price": lambda: ox.Order(1, price=nan),
    "minimum above maximum": lambda: ox.Limits(minimum=[1, 5], maximum=3),
    "negative minimum": lambda: ox.Limits(minimum=-1),
    "negative maximum": lambda: ox.Limits(maximum=[-1, 2]),
    "nan maximum": lambda: ox.Limits(maximum=[nan, 2]),
    "inf maximum": lambda: ox.Limits(maximum=inf),
    "participation of 0": lambda: ox.Limits(participation=0, volume=[1]),
    "participation above 1": lambda: ox.Limits(participation=1.2, volume=[1]),
    "negative participation": lambda: ox.Limits(participation=-0.1, volume=[1]),
    "nan participation": lambda: ox.Limits(participation=nan, volume=[1]),
    "no volume": lambda: ox.Limits(participation=0.1),
    "zero volume": lambda: ox.Limits(participation=0.1, volume=[5, 0]),
    "nan volume": lambda: ox.Limits(volume=[5, nan]),
    "negative volume": lambda: ox.Limits(volume=[5, -1]),
    "lengths of limits": lambda: ox.Limits(maximum=[1, 2], volume=[1, 2, 3]),
    "lengths": lambda: declare(limits=ox.Limits(maximum=[1e3] * 3)),
    "lengths of rho": lambda: ox.Problem(ox.Order(1), ox.Linear(1), ox.objective("B", rho=[1, 2]), buckets=3),
    "lengths of weights": lambda: ox.Problem(
        ox.Order(1), ox.Linear(1), ox.objective("C", psi=1, weights=[1, 2]), buckets=3
    ),
    "no length": lambda: ox.Problem(ox.Order(1), ox.Linear(1), ox.objective("A")),
    "no buckets": lambda: declare(buckets=0),
    "negative buckets": lambda: declare(buckets=-3),
    "half a bucket": lambda: declare(buckets=2.5),
    "buckets as a flag": lambda: declare(buckets=True),
    "no labels": lambda: declare(buckets=[]),
    "label twice": lambda: declare(buckets=["a", "b", "a"]),
    "not an order": lambda: ox.Problem(100, ox.Linear(1), ox.objective("A"), buckets=3),
    "not an impact": lambda: ox.Problem(ox.Order(1), 0.1, ox.objective("A"), buckets=3),
    "not terms": lambda: ox.Problem(ox.Order(1), ox.Linear(1), "A", buckets=3),
    "not limits": lambda: ox.Problem(ox.Order(1), ox.Linear(1), ox.objective("A"), limits=0.1, buckets=3),
    "method": lambda: ox.solve(declare(), "waterfal"),
    "gap of 0": lambda: ox.solve(declare(), gap=0),
    "nan gap": lambda: ox.solve(declare(), gap=nan),
    "negative time": lambda: ox.solve(declare(), time_limit=-1),
    "too few shares given": lambda: ox.evaluate(declare(), [500, 500]),
    "nan shares given": lambda: ox.evaluate(declare(), [500, 500, nan, 0]),
}


@pytest.mark.parametrize("make", BAD.values(), ids=BAD)
def test_bad_input_is_refused(make):
    with pytest.raises(ox.InvalidInput):
        make()


@pytest.mark.parametrize("shares", [[500, 500, 0, -1], [500, 500, 500, 0], [400, 400, 100, 0], [1100, -100, 0, 0]])
def test_shares_of_your_own_must_be_a_schedule(shares):
    with pytest.raises(ox.InfeasibleOrder):
        ox.evaluate(declare(), shares)


def test_refusals_name_the_place_and_the_nearest_name():
    with pytest.raises(ox.InvalidInput, match="did you mean 'waterfill'"):
        ox.solve(declare(), "waterfal")
    with pytest.raises(ox.InvalidInput, match=r"limits\.volume\[1\]"):
        ox.Limits(participation=0.1, volume=[5, 0])
    with pytest.raises(ox.InvalidInput, match=r"limits\.minimum\[1\]"):
        ox.Limits(minimum=[1, 5], maximum=3)
    with pytest.raises(ox.InvalidInput, match=r"arrays of different lengths: .*4.*3"):
        declare(limits=ox.Limits(maximum=[1e3] * 3))


@pytest.mark.parametrize("shares", [1.0, 1e9])
@pytest.mark.parametrize("terms", [ox.objective("A"), ox.objective("B", rho=1.0), ox.objective("C", psi=1.0)])
def test_one_bucket_or_one_open_bucket_takes_the_order(shares, terms):
    single = ox.Problem(ox.Order(shares), ox.Power([2.0], 1.5), terms)
    assert ox.solve(single).x.tolist() == [shares]
    closed = ox.Limits(maximum=[0, shares, 0])
    for impact in (ox.Power([1.0, 2.0, 3.0], 1.5), ox.Linear([1.0, 2.0, 3.0]), ox.Power([1.0, 2.0, 3.0], 0.5)):
        problem = ox.Problem(ox.Order(shares), impact, terms, limits=closed)
        for name in ox.methods(problem):
            schedule = ox.solve(problem, name)
            assert schedule.x.tolist() == pytest.approx([0, shares, 0], rel=1e-12), name
            assert schedule.gap <= 1e-6, name


def test_what_is_left_of_an_order_may_miss_a_floor_by_rounding():
    problem = ox.Problem(ox.Order(300), ox.Linear(0.01), ox.objective("A"), ox.Limits(minimum=100), buckets=3)
    rest = problem.part(2, shares=100 - 3e-14)
    assert rest.lo.tolist() == rest.hi.tolist() == [100 - 3e-14]
    with pytest.raises(ox.InfeasibleOrder, match="must trade at least 100 shares and may trade at most 99"):
        problem.part(2, shares=99)
