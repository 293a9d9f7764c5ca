"""The table of every method against the certified optimum: each row recomputed, and none below the best bound."""

import numpy as np
import pandas as pd
import pytest
from plain import Case, Curve
from strategies import impact_of

import optexec as ox
from optexec.models.errors import SolverFailure
from optexec.solvers import lagrange, local
from optexec.solvers.verification import LAGRANGE, NO_SCHEDULE, compare_schedules, every_schedule, verify

COLUMNS = ["objective", "excess", "excess_bps", "lower_bound", "gap", "certified_gap", "status", "seconds"]
SCALES = [0.01, 0.013, 0.008, 0.011, 0.009, 0.016, 0.012, 0.0105]
CAPS = [3000, 2500, 2000, 4000, 1500, 3500, 3000, 2000]


def curve(family, *parameters, quoted="total"):
    return Curve(family, quoted, parameters)


CURVES = {
    "concave": [curve("Power", a, 0.6) for a in SCALES],
    "concave and smoothed": [curve("Power", a, 0.6) for a in SCALES],
    "saturating": [curve("Exponential", 300 * a, 6e-4) for a in SCALES],
    "S-shaped": [curve("Exponential", 0.002 + a / 100, 2.5e-3, quoted="per_share") for a in SCALES],
    "S-shaped with risk": [curve("Exponential", a / 10, 2e-3, quoted="per_share") for a in SCALES],
    "mixed": [curve("Power", 1e-6, 2.0)] * 3 + [curve("Power", a, 0.55) for a in SCALES[:4]] + [curve("Linear", 1e-3)],
}
TERMS = {"concave and smoothed": ("B", {"rho": 1e-7}), "S-shaped with risk": ("C", {"psi": 1e-8})}


def declared(name):
    """A case in plain numbers, and the problem of it."""
    curves, (objective, parameters) = CURVES[name], TERMS.get(name, ("A", {}))
    case = Case(
        units=10_000,
        unit=1.0,
        curves=[[c] for c in curves],
        lo=[0.0] * 8,
        hi=CAPS,
        rho=[parameters.get("rho", 0.0)] * 8,
        psi=parameters.get("psi", 0.0),
        weights=[1.0] * 8,
    )
    problem = ox.Problem(
        ox.Order(10_000, price=25.0),
        ox.PerBucket([impact_of(c) for c in curves]),
        ox.objective(objective, **parameters),
        ox.Limits(maximum=CAPS, volume=range(20, 28)),
    )
    return case, problem


@pytest.fixture(scope="module", params=CURVES)
def verified(request):
    case, problem = declared(request.param)
    schedules = every_schedule(problem)
    return case, problem, schedules, compare_schedules(schedules)


def test_every_row_is_a_schedule_recomputed_and_not_below_the_best_bound(verified):
    case, problem, schedules, table = verified
    bound, least = table["lower_bound"].max(), table["objective"].min()
    assert set(ox.methods(problem)) < set(table.index)
    assert not (table["status"] == "failed").any()
    assert table["objective"].is_monotonic_increasing
    for name, row in table.iterrows():
        x = schedules[name].x
        assert row["objective"] == pytest.approx(case.objective(x.tolist()), rel=1e-9), name
        assert row["excess"] == pytest.approx((row["objective"] - least) / least, abs=1e-12), name
        assert row["excess_bps"] == pytest.approx(1e4 * (row["objective"] - least) / 250_000, abs=1e-12), name
        assert row["certified_gap"] == pytest.approx((row["objective"] - bound) / least, abs=1e-12), name
        assert x.sum() == pytest.approx(10_000, rel=1e-9), name
        if row["status"] not in NO_SCHEDULE:
            assert (x >= 0).all(), name
            assert (x <= np.array(CAPS) + 1e-6).all(), name
            assert row["objective"] >= bound * (1 - 1e-12), name


def test_no_bound_is_above_an_extreme_point_or_a_schedule_drawn_at_random(verified):
    case, problem, _, table = verified
    random = np.random.default_rng(5)
    for _ in range(50):
        x, left = np.zeros(8), 10_000.0
        for i in random.permutation(8):
            x[i] = min(left, CAPS[i])
            left -= x[i]
        assert (table["lower_bound"] <= case.objective(x.tolist()) * (1 + 1e-12)).all()
        y = (x + local.starting_points(problem, {}, int(random.integers(1e6)))["random 1"]) / 2
        assert (table["lower_bound"] <= case.objective(y.tolist()) * (1 + 1e-12)).all()


def test_ipopt_from_several_starts_certified_by_the_best_bound(verified):
    _, problem, schedules, table = verified
    starts = [name for name in table.index if name.startswith("ipopt[")]
    wanted = ["twap", "vwap", "front_loaded", "greedy", "random 1", "random 2", "random 3"]
    assert sorted(starts) == sorted(f"ipopt[{name}]" for name in wanted)
    rows = table.loc[starts]
    assert (rows["status"] != "failed").all()
    proven = table.loc[list(ox.methods(problem)), "lower_bound"].max()
    assert rows["lower_bound"].tolist() == pytest.approx([proven] * len(starts), rel=1e-12)
    twap = problem.objective(schedules["twap"].x)
    assert schedules["ipopt[twap]"].objective <= twap
    assert (rows["gap"] >= 0).all()
    assert ((rows["gap"] <= 1e-4) == (rows["status"] == "optimal")).all()


def test_the_lagrange_row_is_there_where_the_curves_are_concave_in_two_buckets(verified):
    _, problem, _, table = verified
    told = LAGRANGE in table.index
    assert told == (len(list(problem.terms)) == 1 and not problem.curvature.linear.any())


def test_the_lagrange_point_has_equal_marginal_costs_and_is_a_maximum_between_concave_buckets(verified):
    case, _, schedules, _ = verified
    if LAGRANGE not in schedules:
        pytest.skip("the objective or a straight line leaves no such point")
    x = schedules[LAGRANGE].x
    top, step = case.objective(x.tolist()), 1e-3 * 10_000
    for i in range(8):
        for j in range(8):
            moved = x.copy()
            moved[i], moved[j] = x[i] + step, x[j] - step
            if i != j:
                assert case.objective(moved.tolist()) < top, (i, j)
    h = 1e-2
    slopes = [(c.cost(v + h) - c.cost(v - h)) / (2 * h) for (c,), v in zip(case.curves, x.tolist(), strict=True)]
    assert slopes == pytest.approx([slopes[0]] * 8, rel=1e-5)


def test_the_published_lagrange_point_is_the_maximum_and_another_method_the_optimum():
    # published.json, A-concave-capped: every extreme point enumerated; the interior Lagrange point is the maximum.
    case, problem = declared("concave")
    schedules = every_schedule(problem, gap=1e-7)
    table = compare_schedules(schedules)
    assert table.loc[LAGRANGE, "objective"] == pytest.approx(6.668212984, rel=1e-9)
    assert table.loc["branch", "objective"] == pytest.approx(4.147214279422068, rel=1e-9)
    assert table.loc["twap", "objective"] == pytest.approx(6.456082078934781, rel=1e-9)
    assert table.loc[LAGRANGE, "status"] == "feasible"
    assert table.index[-1] == LAGRANGE
    x = schedules[LAGRANGE].x
    closed = np.array(SCALES) ** (1 / (1 - 0.6))
    np.testing.assert_allclose(x, 10_000 * closed / closed.sum(), rtol=1e-9)
    for other in np.random.default_rng(1).dirichlet(np.ones(8), size=200):
        assert case.objective((10_000 * other).tolist()) <= case.objective(x.tolist())


def test_the_lagrange_point_of_saturating_curves_leaves_out_what_is_cheap_at_first():
    # a b e^(-b x) = lambda in the first two; the third starts below that price, and the maximum does without it.
    problem = ox.Problem(ox.Order(2_000), ox.Exponential([10.0, 8.0, 1.0], 0.001), ox.objective("A"))
    x = lagrange.stationary_point(problem)
    gap = np.log(10 / 8) / 0.001
    np.testing.assert_allclose(x, [1_000 + gap / 2, 1_000 - gap / 2, 0.0], rtol=1e-9)
    assert x[2] == 0 < problem.impact.marginal(x)[2] < problem.impact.marginal(x)[0]


def test_convex_buckets_beside_concave_ones_share_the_marginal_cost():
    mixed = ox.PerBucket([ox.Power(1e-6, 2.0), ox.Power(0.01, 0.6), ox.Power(0.012, 0.5), ox.Exponential(3.0, 1e-3)])
    problem = ox.Problem(ox.Order(10_000), mixed, ox.objective("A"))
    x = lagrange.stationary_point(problem)
    marginal = problem.gradient(x)
    np.testing.assert_allclose(marginal, marginal[0], rtol=1e-6)
    assert x.sum() == pytest.approx(10_000)
    for step in (-10.0, 10.0):
        assert problem.objective(x + np.array([0.0, step, -step, 0.0])) < problem.objective(x)


@pytest.mark.parametrize(
    ("impact", "objective", "told"),
    [
        (ox.Power([1.0, 2.0], 2.0), ox.objective("A"), "fewer than two"),
        (ox.Power([1.0, 2.0], [2.0, 0.5]), ox.objective("A"), "fewer than two"),
        (ox.Power([1.0, 2.0], 0.5), ox.objective("B", rho=1.0), "terms beside"),
        (ox.Tabulated([0, 50, 100], [[0.0, 5.0, 6.0], [0.0, 4.0, 6.0]]), ox.objective("A"), "kinks"),
        (ox.PerBucket([ox.Power(1.0, 0.5), ox.Linear(1.0)]), ox.objective("A"), "neither rises nor falls"),
    ],
)
def test_where_there_is_no_lagrange_point(impact, objective, told):
    problem = ox.Problem(ox.Order(100), impact, objective)
    assert told in lagrange.obstacle(problem)
    assert LAGRANGE not in ox.verify(problem).index


def test_no_lagrange_point_where_the_order_is_too_small_for_the_concave_stretches():
    s_shaped = ox.Exponential([1.0, 1.5, 2.0], 2.5 / 100, quoted="per_share")
    problem = ox.Problem(ox.Order(100), s_shaped, ox.objective("A"))
    assert lagrange.obstacle(problem) == ""
    assert lagrange.stationary_point(problem) is None
    assert LAGRANGE not in ox.verify(problem).index


def test_a_lagrange_point_that_is_no_schedule_says_so_and_is_not_the_best():
    concave = ox.Power([1.0, 1.1], 0.5)
    for order, limits, told in (
        (ox.Order(100), ox.Limits(maximum=[90, 20]), "outside the limits"),
        (ox.Order(100, lot=7), None, "not in whole lots"),
    ):
        table = ox.verify(ox.Problem(order, concave, ox.objective("A"), limits))
        assert table.loc[LAGRANGE, "status"] == told
        allowed = table[~table["status"].isin(NO_SCHEDULE)]
        assert allowed["excess"].min() == 0.0
    assert not table["excess_bps"].notna().any()


@pytest.mark.parametrize("objective", [ox.objective("A"), ox.objective("C", psi=1e-3)])
def test_convex_problems_have_one_ipopt_row_and_no_lagrange_row(objective):
    problem = ox.Problem(ox.Order(300), ox.Power([1.0, 2.0, 1.5], 1.5), objective)
    assert list(every_schedule(problem)) == list(ox.methods(problem))
    assert "ipopt" in ox.methods(problem)


def test_tables_of_points_have_no_local_rows():
    kinked = ox.Tabulated([0, 50, 100], [[0.0, 5.0, 6.0], [0.0, 4.0, 6.0]])
    problem = ox.Problem(ox.Order(100), kinked, ox.objective("A"))
    assert local.obstacle(problem) == "a cost curve has kinks"
    assert list(every_schedule(problem)) == list(ox.methods(problem))


def test_limits_without_a_choice_have_no_local_rows():
    problem = ox.Problem(ox.Order(100), ox.Power([1.0, 2.0], 0.5), ox.objective("A"), ox.Limits(minimum=50, maximum=50))
    assert not any(name.startswith("ipopt") for name in every_schedule(problem))


def test_lots_are_kept_by_the_local_rows():
    problem = ox.Problem(
        ox.Order(1_050, lot=100), ox.Power([1.0, 1.1, 1.2], 0.5), ox.objective("A"), ox.Limits(maximum=400)
    )
    schedules = every_schedule(problem)
    for name in schedules:
        if name.startswith("ipopt["):
            rest = np.sort(schedules[name].x % 100)
            assert rest.tolist() == [0.0, 0.0, 50.0], name
            assert schedules[name].objective >= schedules["dp"].objective * (1 - 1e-12), name


def test_starts_are_strictly_inside_the_limits_and_the_same_for_a_seed():
    _, problem = declared("mixed")
    answers = {name: ox.solve(problem, name).x for name in ("twap", "greedy", "best_bucket")}
    first, again, other = (local.starting_points(problem, answers, seed) for seed in (3, 3, 4))
    assert list(first) == ["twap", "greedy", "random 1", "random 2", "random 3"]
    for name, x in first.items():
        assert (x > problem.lo).all(), name
        assert (x < problem.hi).all(), name
        assert x.sum() == pytest.approx(10_000, rel=1e-12), name
        assert x.tolist() == again[name].tolist(), name
    assert first["random 1"].tolist() != other["random 1"].tolist()
    assert first["random 1"].tolist() != first["random 2"].tolist()


def test_a_seed_gives_the_same_table():
    problem = ox.Problem(
        ox.Order(300), ox.Exponential([1.0, 1.1, 0.9], 0.01), ox.objective("A"), ox.Limits(maximum=150)
    )
    first, again = (verify(problem, seed=7).drop(columns="seconds") for _ in range(2))
    pd.testing.assert_frame_equal(first, again)


@pytest.mark.parametrize("error", [SolverFailure("no"), RuntimeError("no"), ZeroDivisionError("no")])
def test_a_start_that_fails_is_a_row(monkeypatch, error):
    def fail(*_, **__):
        raise error

    monkeypatch.setattr("optexec.solvers.ipopt.run_ipopt", fail)
    problem = ox.Problem(ox.Order(300), ox.Power([1.0, 2.0], 0.5), ox.objective("A"))
    table = ox.verify(problem)
    rows = table[table.index.str.startswith("ipopt[")]
    assert (rows["status"] == "failed").all()
    assert rows[["objective", "excess", "gap", "certified_gap"]].isna().all(axis=None)
    assert rows["lower_bound"].tolist() == [table["lower_bound"].max()] * 6
    assert table.index[0] == "branch"
    assert table["objective"].iloc[:-6].notna().all()


def test_shares_that_miss_the_order_are_a_failure(monkeypatch):
    monkeypatch.setattr("optexec.solvers.ipopt.run_ipopt", lambda model, **_: model.x[1].set_value(0.0) or "optimal")
    problem = ox.Problem(ox.Order(300), ox.Power([1.0, 2.0], 0.5), ox.objective("A"))
    table = ox.verify(problem)
    assert table.loc["ipopt[twap]", "status"] == "failed"


def test_a_method_that_fails_is_a_row(monkeypatch):
    def fail(*_, **__):
        raise SolverFailure("HiGHS gave up")

    monkeypatch.setattr("optexec.solvers.milp.milp", fail)
    table = ox.verify(ox.Problem(ox.Order(300), ox.Power([1.0, 2.0], 0.5), ox.objective("A")), ["milp", "twap"])
    assert table["status"].tolist() == ["feasible", "failed"]
    assert table.index.tolist() == ["twap", "milp"]


def test_columns_and_names():
    problem = ox.Problem(ox.Order(300), ox.Power([1.0, 2.0], 0.5), ox.objective("A"))
    table = ox.verify(problem, ["twap", "branch"])
    assert list(table.columns) == COLUMNS
    assert table.index.tolist() == ["branch", "twap"]
    assert table.index.name == "method"
    with pytest.raises(ox.InvalidInput, match="no schedules to compare"):
        ox.verify(problem, [])
    with pytest.raises(ox.InvalidInput, match="brunch"):
        ox.verify(problem, ["brunch"])
