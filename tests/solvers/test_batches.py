"""Many orders at once are the same orders one at a time."""

import re

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from strategies import SHAPES, alike, cases, changed, examples

import optexec as ox
from optexec.solvers import batches
from optexec.solvers.block import Block

EXACT = 1e-9
SHARES = 1e-6
"""Fraction of the order by which shares of a strictly convex problem may differ."""
SIZES = [1, 5, 64]


def gross(problem):
    """What rounding is a fraction of: the sum of all costs if every bucket traded its most."""
    return sum(np.abs(term.bucket_costs(problem, problem.hi)).sum() for term in problem.terms)


def check_feasible(problem, schedule):
    slack = EXACT * problem.shares
    assert abs(schedule.x.sum() - problem.shares) <= slack
    assert (schedule.x >= problem.lo - slack).all()
    assert (schedule.x <= problem.hi + slack).all()


def agree(found, expected):
    problem = expected.problem
    slack = EXACT * max(abs(expected.objective), gross(problem))
    assert found.problem is problem
    check_feasible(problem, found)
    assert abs(found.objective - expected.objective) <= slack, (found, expected)
    assert found.objective == problem.objective(found.x)
    assert found.lower_bound <= min(found.objective, expected.objective + slack)
    assert expected.lower_bound <= found.objective + slack
    assert found.status == expected.status


def check_many(problems, method="auto"):
    found = ox.solve_many(problems, method)
    assert len(found) == len(problems)
    for one, problem in zip(found, problems, strict=True):
        agree(one, ox.solve(problem, method))
    return found


def never(*args, **options):
    raise AssertionError("solved by itself")


@st.composite
def lists(draw, most=6, **options):
    """Problems of a few kinds, several of each, in any order."""
    problems = []
    for _, problem in draw(st.lists(cases(**options), min_size=1, max_size=3)):
        problems.append(problem)
        for _ in range(draw(st.integers(0, 3))):
            varied = problem.replace(impact=draw(alike(problem.impact))) if draw(st.booleans()) else problem
            problems.append(draw(changed(varied)))
    kept = [p for p in problems if p.convex or not options.get("convex")]
    return draw(st.permutations(kept))[:most]


@settings(max_examples=examples(10))
@given(lists(convex=True, max_buckets=6))
def test_convex_orders_together_are_as_one_at_a_time(problems):
    check_many(problems)


@settings(max_examples=examples(4))
@given(lists(most=4))
def test_orders_of_any_curvature_together_are_as_one_at_a_time(problems):
    check_many(problems)


@pytest.mark.parametrize("shape", SHAPES, ids="-".join)
@settings(max_examples=examples(4))
@given(data=st.data())
def test_orders_of_one_family_together_are_as_one_at_a_time(shape, data):
    check_many(data.draw(lists(shapes=(shape,), convex=True)))


@settings(max_examples=examples(10))
@given(cases(convex=True, limited=False), st.data())
def test_lots_and_least_slices_among_others_are_as_one_at_a_time(drawn, data):
    case, problem = drawn
    lot = ox.Order(case.shares, lot=case.unit)
    kinds = {
        "plain": problem,
        "lots": problem.replace(order=lot),
        "least slices": problem.replace(limits=ox.Limits(smallest=case.unit)),
        "both": problem.replace(order=lot, limits=ox.Limits(smallest=case.unit)),
    }
    names = data.draw(st.lists(st.sampled_from(sorted(kinds)), min_size=2, max_size=4))
    for name, schedule in zip(names, check_many([kinds[name] for name in names]), strict=True):
        if name in ("lots", "both"):
            np.testing.assert_allclose(schedule.x / case.unit, np.round(schedule.x / case.unit), atol=1e-9)


@settings(max_examples=examples(25))
@given(cases(convex=True, terms=("B", "BC"), shapes=SHAPES[:4]), st.data())
def test_shares_of_strictly_convex_orders_are_as_one_at_a_time(drawn, data):
    _, problem = drawn
    steep = ox.Smoothing(rho=1 / problem.shares**2)
    terms = ox.Objective(tuple(steep if term.name == "smoothing" else term for term in problem.terms))
    first = problem.replace(terms=terms)
    problems = [first, *(first.replace(impact=data.draw(alike(first.impact))) for _ in range(3))]
    problems = [p for p in problems if p.convex]
    for found, p in zip(ox.solve_many(problems), problems, strict=True):
        np.testing.assert_allclose(found.x, ox.solve(p).x, atol=SHARES * p.shares)


@settings(max_examples=examples(5))
@given(lists(convex=True, max_buckets=6), st.sampled_from([1, 5, 13]))
def test_chunks_do_not_change_the_answers(problems, chunk):
    whole = ox.solve_many(problems)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(batches, "CHUNK", chunk)
        parts = ox.solve_many(problems)
    for one, other in zip(parts, whole, strict=True):
        assert one.problem is other.problem
        assert (one.method, one.status) == (other.method, other.status)
        np.testing.assert_allclose(one.x, other.x, rtol=1e-12, atol=1e-12 * one.problem.shares)
        assert one.lower_bound == pytest.approx(other.lower_bound, rel=1e-9, abs=1e-12 * gross(one.problem))


def family(objective="A", impact=None, count=12, buckets=4, **parameters):
    """Orders of one kind and of different sizes."""
    impact = ox.Power(np.linspace(1.0, 2.0, buckets), 1.5) if impact is None else impact
    terms = ox.objective(objective, **parameters)
    return [ox.Problem(ox.Order(100.0 + 7 * k), impact, terms, buckets=buckets) for k in range(count)]


IMPACTS = {
    "power": ox.Power([1e-2, 2e-2, 3e-2, 1e-2], 1.5),
    "shared": ox.Power(1e-2, 0.5, quoted="per_share"),
    "free": ox.Power([0.0, 1.0, 0.0, 2.0], 1.5),
    "line": ox.Linear([0.1, 0.2, 0.3, 0.1]),
    "saturating": ox.Exponential(1.0, 1e-3, quoted="per_share"),
    "table": ox.Tabulated([0, 40, 80, 300], [0, 10, 60, 900]),
    "spread": ox.Linear(0.05) + ox.Power([1e-2, 2e-2, 3e-2, 1e-2], 1.6),
    "table and power": ox.Tabulated([0, 40, 300], [0, 10, 900]) + ox.Power(1e-3, 2.0),
    "mixed": ox.PerBucket(
        [ox.Linear(0.1), ox.Power(1e-2, 1.5), ox.Tabulated([0, 40], [0, 1]), ox.Linear(0.02) + ox.Power(1e-2, 2.0)]
    ),
}
OBJECTIVES = {"A": {}, "B": {"rho": [1e-3, 2e-3, 0.0, 1e-3]}, "C": {"psi": 1e-3, "weights": "linear"}}


@pytest.mark.parametrize("impact", IMPACTS)
@pytest.mark.parametrize("objective", OBJECTIVES)
def test_convex_orders_of_one_kind_are_solved_together(impact, objective, monkeypatch):
    problems = family(objective, IMPACTS[impact], **OBJECTIVES[objective])
    expected = [ox.solve(problem) for problem in problems]
    monkeypatch.setattr(batches, "solve", never)
    for found, wanted in zip(ox.solve_many(problems), expected, strict=True):
        agree(found, wanted)


@pytest.mark.parametrize("chunk", SIZES)
def test_no_call_of_a_method_has_more_buckets_than_a_chunk_unless_one_order_has(chunk, monkeypatch):
    sizes, clear = [], batches.METHODS["waterfill"]
    monkeypatch.setitem(batches.METHODS, "waterfill", lambda *a: sizes.append(a[0].lo.shape) or clear(*a))
    monkeypatch.setattr(batches, "CHUNK", chunk)
    ox.solve_many(family(count=20, buckets=4))
    assert sum(orders for orders, _ in sizes) == 20
    assert all(orders * buckets <= max(chunk, buckets) for orders, buckets in sizes)
    assert len(sizes) == -(-20 // max(1, chunk // 4))


@pytest.mark.parametrize("method", ["auto", "ipopt"])
def test_starts_change_the_way_and_not_the_end(method):
    before, after = family("C", psi=1e-2), family("C", psi=2e-2)
    starts = ox.solve_many(before)
    for cold, warm in zip(ox.solve_many(after), ox.solve_many(after, method, starts=starts), strict=True):
        assert warm.objective == pytest.approx(cold.objective, rel=1e-9)
        assert warm.gap <= 1e-6


def test_starts_are_one_for_each_problem():
    with pytest.raises(ox.InvalidInput, match="starts holds 1 entries for"):
        ox.solve_many(family(), starts=[[1.0]])
    with pytest.raises(ox.InvalidInput, match="one value for each of"):
        ox.solve_many(family()[:1], starts=[[1.0]])


def test_nothing_is_solved_for_no_orders():
    assert ox.solve_many([]) == []
    assert ox.solve_many(iter(())) == []


def test_a_generator_is_read_once():
    problems = family()
    found = ox.solve_many(problem for problem in problems)
    assert [s.problem for s in found] == problems


def test_answers_stand_where_their_orders_stood():
    kinds = [family(), family("C", psi=1e-2), family("B", rho=0.1), family(buckets=3), family(impact=ox.Linear(0.1))]
    woven = [problem for each in zip(*kinds, strict=True) for problem in each]
    for problem, schedule in zip(woven, ox.solve_many(woven), strict=True):
        assert schedule.problem is problem
        check_feasible(problem, schedule)


@pytest.mark.parametrize("name", ["waterfill", "newton"])
def test_a_named_method_is_the_one_that_is_used(name, monkeypatch):
    problems = family("B", rho=1e-3)
    expected = [ox.solve(problem, name) for problem in problems]
    monkeypatch.setattr(batches, "solve", never)
    found = ox.solve_many(problems, name)
    assert {schedule.method for schedule in found} == {name}
    for one, other in zip(found, expected, strict=True):
        agree(one, other)


@pytest.mark.parametrize("name", ["twap", "highs", "milp"])
def test_methods_that_are_not_stacked_are_used_one_at_a_time(name):
    problems = family(impact=ox.Power([1.0, 2.0, 3.0, 4.0], 2.0), count=2)
    found = check_many(problems, name)
    assert {schedule.method for schedule in found} == {name}


def test_without_risk_aversion_newton_is_water_filling():
    plain, averse = family(), family("C", psi=0.0)
    for one, other in zip(ox.solve_many(averse), ox.solve_many(plain), strict=True):
        assert one.method == "newton"
        np.testing.assert_allclose(one.x, other.x, rtol=1e-7)


@pytest.mark.parametrize("objective", OBJECTIVES)
def test_one_bucket_takes_the_whole_order(objective):
    parameters = {name: value if name != "rho" else 1e-3 for name, value in OBJECTIVES[objective].items()}
    problems = family(objective, ox.Power(1.0, 1.5), buckets=1, **parameters)
    for problem, schedule in zip(problems, check_many(problems), strict=True):
        assert schedule.x.tolist() == [problem.shares]


@pytest.mark.parametrize("objective", OBJECTIVES)
def test_fixed_buckets_keep_their_shares(objective):
    fixed = ox.Limits(minimum=[10.0, 0.0, 50.0, 0.0], maximum=[10.0, 0.0, 50.0, 1e3])
    problems = [p.replace(limits=fixed) for p in family(objective, **OBJECTIVES[objective])]
    for problem, schedule in zip(problems, check_many(problems), strict=True):
        assert schedule.x == pytest.approx([10.0, 0.0, 50.0, problem.shares - 60.0], rel=1e-12)


@pytest.mark.parametrize("objective", OBJECTIVES)
def test_orders_whose_limits_leave_one_schedule_are_among_the_others(objective):
    plan = np.array([0.4, 0.3, 0.2, 0.1])
    problems = family(objective, **OBJECTIVES[objective])
    problems[3] = problems[3].replace(limits=ox.Limits(maximum=problems[3].shares * plan))
    problems[5] = problems[5].replace(limits=ox.Limits(*(2 * [problems[5].shares * plan])))
    found = check_many(problems)
    for k in (3, 5):
        np.testing.assert_allclose(found[k].x, problems[k].shares * plan, rtol=1e-9)


def test_concave_orders_do_not_spoil_convex_ones_of_their_kind():
    problems = [
        p.replace(impact=ox.Power([1.0, 2.0, 3.0, 4.0], b)) for p, b in zip(family(), 4 * [0.5, 1.5, 2.0], strict=True)
    ]
    found = check_many(problems)
    assert [s.method == "waterfill" for s in found] == 4 * [False, True, True]


class Target(ox.Term):
    """A wish to trade alike in the first and the last bucket."""

    name = "target"

    def bucket_costs(self, problem, x):
        return np.append(np.zeros(len(x) - 1), 1e-3 * (x[0] - x[-1]) ** 2)

    def gradient(self, problem, x):
        slope = np.zeros(len(x))
        slope[0], slope[-1] = 2e-3 * (x[0] - x[-1]), -2e-3 * (x[0] - x[-1])
        return slope

    def declare(self, block, model):
        import pyomo.environ as pyo

        block.cost = pyo.Expression(expr=1e-3 * (model.x[model.BUCKETS.first()] - model.x[model.BUCKETS.last()]) ** 2)


def test_terms_of_ones_own_are_charged():
    plain = family(count=2)
    own = [p.replace(terms=p.terms + Target()) for p in plain]
    found = check_many([*plain, *own])
    assert [s.method for s in found[:2]] == ["waterfill", "waterfill"]
    for schedule in found[2:]:
        assert schedule.breakdown["target"] == pytest.approx(1e-3 * (schedule.x[0] - schedule.x[-1]) ** 2)


def refuse(block, start):
    raise ox.SolverFailure("no")


def miss(block, start):
    return 0.5 * block.inside()


def lose(block, start):
    return np.full(block.lo.shape, np.nan)


@pytest.mark.parametrize("broken", [refuse, miss, lose])
@pytest.mark.parametrize("objective", OBJECTIVES)
def test_orders_that_a_stack_fails_on_are_solved_one_at_a_time(broken, objective, monkeypatch):
    for name in batches.METHODS:
        monkeypatch.setitem(batches.METHODS, name, broken)
    problems = family(objective, IMPACTS["spread"], **OBJECTIVES[objective])
    for found, problem in zip(ox.solve_many(problems), problems, strict=True):
        expected = ox.solve(problem)
        assert found.method == expected.method
        np.testing.assert_array_equal(found.x, expected.x)


def test_an_order_that_a_stack_fails_on_does_not_spoil_other_chunks(monkeypatch):
    clear = batches.METHODS["waterfill"]
    problems = family(count=6)
    bad = problems[3].shares
    monkeypatch.setattr(batches, "CHUNK", 1)
    monkeypatch.setitem(
        batches.METHODS, "waterfill", lambda b, s: refuse(b, s) if b.shares[0, 0] == bad else clear(b, s)
    )
    alone = []
    monkeypatch.setattr(batches, "solve", lambda problem, *rest: alone.append(problem) or ox.solve(problem, *rest))
    check_many(problems)
    assert alone == [problems[3]]


def failing():
    """What `solve` refuses: error class, problem, method."""
    lots = ox.Problem(ox.Order(300, lot=100), ox.Power(1.0, 2.0), ox.objective("A"), ox.Limits(maximum=150), buckets=2)
    concave = family(impact=ox.Power(1.0, 0.5), count=1)[0]
    return {
        "no room for lots": (ox.InfeasibleOrder, lots, "auto"),
        "not convex for waterfill": (ox.InvalidInput, concave, "waterfill"),
        "not convex for newton": (ox.InvalidInput, concave, "newton"),
        "coupled": (ox.InvalidInput, family("C", psi=1.0, count=1)[0], "waterfill"),
        "no volume": (ox.InvalidInput, family(count=1)[0], "vwap"),
        "unknown method": (ox.InvalidInput, family(count=1)[0], "watrfill"),
    }


@pytest.mark.parametrize("case", failing())
def test_a_failure_says_which_order_it_is_and_why(case):
    kind, problem, method = failing()[case]
    with pytest.raises(kind) as alone:
        ox.solve(problem, method)
    before = [] if case in ("no volume", "unknown method") else family(count=3)
    with pytest.raises(kind, match=re.escape(f"problem {len(before)}: {alone.value}")) as together:
        ox.solve_many([*before, problem], method)
    assert type(together.value) is type(alone.value)


def test_a_solver_failure_says_which_order_it_is(monkeypatch):
    def fail_on_the_second(problem, *rest):
        if problem.shares == problems[1].shares:
            raise ox.SolverFailure("did not converge")
        return ox.solve(problem, *rest)

    problems = family(impact=ox.Power(1.0, 0.5), count=3)
    monkeypatch.setattr(batches, "solve", fail_on_the_second)
    with pytest.raises(ox.SolverFailure, match="problem 1: did not converge"):
        ox.solve_many(problems)


@pytest.mark.parametrize("gap", [0.0, -1e-4, float("nan")])
def test_a_gap_that_is_none_is_refused(gap):
    with pytest.raises(ox.InvalidInput, match="gap"):
        ox.solve_many(family(count=1), gap=gap)


def test_the_gap_decides_what_is_called_optimal():
    problems = family("C", IMPACTS["spread"], psi=1e-3)
    loose, tight = ox.solve_many(problems, gap=1e-4), ox.solve_many(problems, gap=1e-300)
    assert {s.status for s in loose} == {"optimal"}
    for schedule, problem in zip(tight, problems, strict=True):
        assert schedule.status == ox.solve(problem, gap=1e-300).status


@settings(max_examples=60)
@given(cases())
def test_a_block_and_a_declaration_have_the_same_schedule_inside_the_limits(drawn):
    _, problem = drawn
    np.testing.assert_allclose(Block.of(problem).inside()[0], problem.inside(), rtol=1e-12, atol=1e-14 * problem.shares)
