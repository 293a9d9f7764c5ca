"""The frontier is convex, certified and complete; risk aversions meet their targets; variants move as they should."""

import io
import json
from math import exp, log, sinh, sqrt
from pathlib import Path
from statistics import NormalDist

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from matplotlib import pyplot
from strategies import cases, examples

import optexec as ox
from optexec.analysis.pace import held, time_until
from optexec.analysis.tradeoff import NEARLY, Tradeoff
from optexec.solvers import barrier_path, newton

RNG = np.random.default_rng(11)
N = 24
SIGMA = RNG.uniform(0.01, 0.03, size=N)
COSTS = ox.Linear(0.01) + ox.Power(RNG.uniform(1e-4, 4e-4, size=N), 0.6, quoted="per_share")
FREE = ox.Problem(ox.Order(9_000, price=20.0), COSTS, ox.objective("C", psi=1.0))
CAPPED = FREE.replace(limits=ox.Limits(participation=0.1, volume=RNG.uniform(5_000, 15_000, size=N)))
SMOOTHED = CAPPED.replace(terms=ox.objective("B", rho=1e-5))
CONCAVE = ox.Problem(ox.Order(900), ox.Power(np.linspace(1.4, 1, 4), 0.6), ox.objective("A"), ox.Limits(maximum=400))
LOTS = ox.Problem(ox.Order(900, lot=50), ox.Power(1e-4, 1.7), ox.objective("A"), ox.Limits(maximum=300), buckets=6)
PROBLEMS = {"free": FREE, "capped": CAPPED, "smoothed": SMOOTHED}


def at(problem: ox.Problem, psi: float, weights: object = "uniform") -> ox.Problem:
    """The problem at another risk aversion, put together here."""
    others = tuple(term for term in problem.terms if not isinstance(term, ox.InventoryRisk))
    return problem.replace(terms=ox.Objective((*others, ox.InventoryRisk(psi, weights))))


def fastest(problem: ox.Problem) -> np.ndarray:
    """Fill every bucket to its cap until the order is done."""
    x, left = np.zeros(problem.buckets), problem.shares
    for k, cap in enumerate(problem.hi):
        x[k] = min(cap, left)
        left -= x[k]
    return x


def assert_convex_and_falling(frame: pd.DataFrame) -> None:
    """Cost falls as variance rises, and every point lies on or below the chord of its neighbours.

    A point whose objective is within e dollars of the optimum can miss each of these by what e allows.
    """
    cost, variance, psi = (frame[name].to_numpy() for name in ("cost", "variance", "psi"))
    e = (frame["objective"] - frame["lower_bound"] + 1e-12 * frame["objective"].abs().max()).to_numpy()
    assert (np.diff(psi) / 2 * np.diff(variance) <= e[:-1] + e[1:]).all()
    assert (np.diff(cost) >= -psi[:-1] / 2 * np.diff(variance) - e[:-1]).all()
    for k in range(1, len(cost) - 1):
        span = variance[k - 1] - variance[k + 1]
        t = (variance[k - 1] - variance[k]) / span if span > 0 else 0.5
        if 0 <= t <= 1:
            assert cost[k] <= (1 - t) * cost[k - 1] + t * cost[k + 1] + e[k]


@pytest.mark.parametrize("name", PROBLEMS)
def test_points_are_the_cold_optima_and_the_frontier_is_convex(name: str) -> None:
    problem = PROBLEMS[name]
    traced = ox.frontier(problem, points=20)
    assert len(traced.frame) == len(traced.schedules) == 20
    for row, schedule in zip(traced.frame.itertuples(), traced.schedules, strict=True):
        cold = ox.solve(at(problem, row.psi))
        assert row.objective == pytest.approx(cold.objective, rel=1e-8)
        assert row.cost + row.psi / 2 * row.variance == pytest.approx(row.objective, rel=1e-12)
        assert row.variance == pytest.approx(float((schedule.inventory[:-1] ** 2).sum()), rel=1e-12)
        assert row.standard_deviation == pytest.approx(sqrt(row.variance))
        assert row.gap < 1e-8
    assert_convex_and_falling(traced.frame)
    assert (np.diff(traced.frame["cost"]) > 0).all()
    assert (np.diff(traced.frame["variance"]) < 0).all()


@pytest.mark.parametrize("name", PROBLEMS)
def test_the_ends_are_the_cheapest_and_the_fastest(name: str) -> None:
    problem = PROBLEMS[name]
    frame = ox.frontier(problem).frame
    neutral = ox.solve(at(problem, 0.0))
    least = ox.evaluate(at(problem, 2.0), fastest(problem)).breakdown["inventory_risk"]
    first, second, last = frame.iloc[0], frame.iloc[1], frame.iloc[-1]
    assert first["psi"] == 0
    assert first["cost"] == pytest.approx(neutral.objective, rel=1e-9)
    assert second["cost"] - first["cost"] <= NEARLY * first["cost"]
    assert 0 <= last["variance"] - least <= NEARLY * (first["variance"] - least)
    assert (frame["variance"].diff().dropna() < 0).all()


@given(cases(convex=True))
@settings(max_examples=examples(25))
def test_random_convex_problems(case: tuple[object, ox.Problem]) -> None:
    problem = case[1]
    traced = ox.frontier(problem, points=8)
    assert_convex_and_falling(traced.frame)
    dearest = np.abs(traced.baselines["cost"]).max()
    missing = traced.frame["objective"] - traced.frame["lower_bound"]
    charge = traced.frame["psi"] / 2 * traced.baselines["variance"].max()
    assert (missing <= 1e-2 * traced.frame["objective"].abs() + 1e-9 * (dearest + charge)).all()
    above = traced.baselines["cost"] - traced.baselines["least_cost"]
    assert (above >= -1e-7 * dearest).all()


@pytest.mark.parametrize(
    "problem", [FREE, CAPPED, SMOOTHED, CONCAVE, LOTS], ids=["free", "cap", "smooth", "ccv", "lot"]
)
def test_no_baseline_beats_the_frontier(problem: ox.Problem) -> None:
    traced = ox.frontier(problem, points=12)
    assert {"twap", "front_loaded", "exponential"} <= set(traced.baselines.index)
    for frame in (traced.baselines, traced.frame):
        assert (frame["cost"] >= frame["least_cost"] - 1e-9 * frame["cost"]).all()
    for _, baseline in traced.baselines.iterrows():
        cheaper = baseline["cost"] < traced.frame["cost"] * (1 - 1e-4)
        calmer = baseline["variance"] < traced.frame["variance"] * (1 - 1e-4)
        assert not (cheaper & calmer).any()


def test_least_cost_lies_just_below_optima_between_the_points() -> None:
    traced = ox.frontier(FREE)
    between = ox.frontier(FREE, psi=np.sqrt(traced.psi[1:-1] * traced.psi[2:])).frame
    bound = traced.least_cost(between["variance"].to_numpy())
    assert (bound <= between["cost"] * (1 + 1e-9)).all()
    assert bound == pytest.approx(between["cost"], rel=0.02)


@pytest.mark.parametrize("name", PROBLEMS)
def test_there_are_at_most_as_many_solves_as_points(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    solved = []
    original = newton.optimum

    def counted(block, start=None):  # type: ignore[no-untyped-def]
        solved.append(len(block.shares))
        return original(block, start)

    monkeypatch.setattr("optexec.solvers.newton.optimum", counted)
    monkeypatch.setitem(ox.solve_many.__globals__["METHODS"], "newton", counted)
    ox.frontier(PROBLEMS[name], points=15)
    assert 14 <= sum(solved) <= 15


def test_starts_where_other_limits_bind_do_not_hold_up_the_path(monkeypatch: pytest.MonkeyPatch) -> None:
    """Caps bind at other buckets as risk aversion rises; before, each of two batches went on for all its 200 steps."""
    rng = np.random.default_rng(5)
    depth, half_spread = rng.uniform(1e-6, 3e-6, 60), rng.uniform(0.005, 0.01, 60)
    impact = ox.Linear(half_spread) + ox.Exponential(3e4 * depth, 1e-7, quoted="per_share")
    problem = ox.Problem(ox.Order(1e5), impact, ox.objective("A"), ox.Limits(maximum=8e5 / 60))
    steps = []
    advance = barrier_path.advance
    monkeypatch.setattr(barrier_path, "advance", lambda *state: steps.append(1) or advance(*state))
    traced = ox.frontier(problem, points=50)
    assert traced.frame["gap"].max() < 1e-8
    assert len(steps) < 200


def test_volatility_puts_the_risk_in_dollars() -> None:
    night = SIGMA.copy()
    night[11] = 0.5
    traced = ox.frontier(CAPPED, points=10, sigma=night)
    assert traced.risk_unit == "dollars"
    for row, schedule in zip(traced.frame.itertuples(), traced.schedules, strict=True):
        assert row.variance == pytest.approx(float((night[:-1] ** 2 * schedule.inventory[:-1] ** 2).sum()))
        assert row.psi == pytest.approx(2 * row.risk_aversion * (night**2).mean())
        utility = row.cost + row.risk_aversion * row.variance
        assert utility == pytest.approx(ox.solve(at(CAPPED, row.psi, ox.volatility_weights(night))).objective, rel=1e-8)
    assert traced.schedules[5].inventory.iloc[11] < ox.solve(at(CAPPED, float(traced.psi[5]))).inventory.iloc[11]
    even = ox.frontier(CAPPED, psi=[1e-6], sigma=1.0)
    assert even.risk_unit == "dollars"
    assert even.frame["standard_deviation"][0] == pytest.approx(ox.frontier(CAPPED, psi=[1e-6]).frame.iloc[0, 3])


def test_risk_aversions_of_ones_own_and_the_weights_of_the_problem() -> None:
    problem = at(FREE, 5.0, "linear")
    traced = ox.frontier(problem, psi=[1e-4, 0.0, 1e-6, 1e-6])
    assert traced.psi.tolist() == [0.0, 1e-6, 1e-4]
    weights = np.arange(1, N) / N
    for row, schedule in zip(traced.frame.itertuples(), traced.schedules, strict=True):
        assert row.variance == pytest.approx(float((weights * schedule.inventory[:-1] ** 2).sum()))
        assert row.objective == pytest.approx(ox.solve(at(problem, row.psi, "linear")).objective, rel=1e-8)


@pytest.mark.parametrize("problem", [CONCAVE, LOTS], ids=["concave", "lots"])
def test_other_shapes_have_their_gap_at_every_point(problem: ox.Problem) -> None:
    frame = ox.frontier(problem, points=10).frame
    assert (frame["gap"] <= 1e-4).all()
    assert_convex_and_falling(frame)
    assert frame["cost"].iloc[-1] > frame["cost"].iloc[0]
    assert frame["variance"].iloc[-1] < frame["variance"].iloc[0]


@pytest.mark.parametrize(
    "problem",
    [
        ox.Problem(ox.Order(100), ox.Linear(0.01), ox.objective("A"), buckets=1),
        ox.Problem(ox.Order(300), ox.Power(1e-4, 2.0), ox.objective("A"), ox.Limits(maximum=100), buckets=3),
        ox.Problem(ox.Order(300), ox.Linear([0.01, 0.02, 0.03]), ox.objective("A")),
    ],
    ids=["one bucket", "no room", "cheapest first"],
)
def test_without_a_choice_there_is_one_point(problem: ox.Problem) -> None:
    traced = ox.frontier(problem)
    assert traced.psi.tolist() == [0.0]
    assert traced.schedules[0].x == pytest.approx(fastest(problem))
    traced.plot().savefig(io.BytesIO())


def test_where_speed_is_free_the_frontier_ends_at_the_fastest() -> None:
    flat = ox.Problem(ox.Order(300), ox.Linear(0.01), ox.objective("A"), buckets=3)
    frame = ox.frontier(flat, points=5).frame
    assert frame["cost"].to_numpy() == pytest.approx(np.full(5, 3.0))
    assert frame["standard_deviation"].iloc[-1] < 1e-3


ETA, PERIODS, SHARES = 2.5e-6, 40, 1e6


def almgren_chriss(psi: float) -> list[float]:
    """x_j = X sinh(kappa (N - j)) / sinh(kappa N), 2 (cosh kappa - 1) = psi/(2 eta), in periods of length 1."""
    c = 1 + psi / (4 * ETA)
    kappa = log(c + sqrt(c * c - 1))
    return [SHARES * sinh(kappa * (PERIODS - j)) / sinh(kappa * PERIODS) for j in range(1, PERIODS + 1)]


def linear_market() -> ox.Problem:
    return ox.Problem(ox.Order(SHARES), ox.Linear(0.06) + ox.Power(ETA, 2.0), ox.objective("A"), buckets=PERIODS)


def test_linear_impact_follows_the_closed_form() -> None:
    levels = [1e-9, 1e-8, 1e-7, 1e-6]
    for psi, schedule in zip(levels, ox.frontier(linear_market(), psi=levels).schedules, strict=True):
        assert schedule.inventory.to_numpy() == pytest.approx(almgren_chriss(psi), abs=1.0)


def test_the_half_life_of_linear_impact_is_the_log_of_two_over_kappa() -> None:
    psi = ox.psi_for_half_life(linear_market(), 4.0)
    kappa = log(2) / 4
    assert psi == pytest.approx(2 * ETA * (exp(kappa) + exp(-kappa) - 2), rel=1e-3)


@pytest.mark.parametrize("problem", [FREE, CAPPED, at(CAPPED, 1.0, "linear")], ids=["free", "capped", "weighted"])
@pytest.mark.parametrize(("horizon", "share"), [(18.0, 0.95), (15.5, 0.8), (10.25, 0.5)])
def test_a_horizon_is_met(problem: ox.Problem, horizon: float, share: float) -> None:
    psi = ox.psi_for_horizon(problem, horizon, share)
    weights = problem.terms.find(ox.InventoryRisk).weights
    schedule = ox.solve(at(problem, psi, weights))
    assert time_until(held(problem, schedule.x), share) == pytest.approx(horizon, rel=1e-5)
    later = ox.solve(at(problem, psi * 0.9, weights))
    assert time_until(held(problem, later.x), share) > horizon


def test_a_half_life_is_met() -> None:
    schedule = ox.solve(at(CAPPED, ox.psi_for_half_life(CAPPED, 10.0)))
    assert schedule.inventory.iloc[9] == pytest.approx(4_500, rel=1e-5)


@pytest.mark.parametrize("problem", [CONCAVE, LOTS], ids=["concave", "lots"])
def test_schedules_that_jump_are_done_before_the_horizon(problem: ox.Problem) -> None:
    first = time_until(held(problem, fastest(problem)), 0.9)
    last = time_until(held(problem, ox.solve(problem).x), 0.9)
    psi = ox.psi_for_horizon(problem, 0.5 * (first + last), 0.9)
    assert time_until(held(problem, ox.solve(at(problem, psi)).x), 0.9) <= 0.5 * (first + last) + 1e-6


@pytest.mark.parametrize("confidence", [0.6, 0.95, 0.99])
def test_the_value_at_risk_is_the_least_on_the_frontier(confidence: float) -> None:
    z = NormalDist().inv_cdf(confidence)
    psi = ox.psi_for_var(CAPPED, SIGMA, confidence)
    near = psi * np.geomspace(0.25, 4, 9)
    frame = ox.frontier(CAPPED, psi=near, sigma=SIGMA).frame
    at_risk = frame["cost"] + z * frame["standard_deviation"]
    assert int(at_risk.argmin()) == 4
    slope = psi * frame["standard_deviation"][4] / (SIGMA**2).mean()
    assert slope == pytest.approx(z, rel=1e-5)


@pytest.mark.parametrize(
    ("call", "told"),
    [
        (lambda: ox.frontier(FREE, points=1), "points must be a whole number, at least 2, got 1"),
        (lambda: ox.frontier(FREE, points=2.5), "points must be a whole number"),  # type: ignore[arg-type]
        (lambda: ox.frontier(FREE, psi=[1e-6, -1.0]), r"psi\[1\] must be >= 0, got -1.0"),
        (lambda: ox.frontier(FREE, psi=[]), "none of them empty"),
        (lambda: ox.frontier(FREE, sigma=[0.1, 0.2]), "different lengths: sigma has 2, the problem has 24"),
        (lambda: ox.frontier(FREE, sigma=0.0), "sigma must not be zero in every bucket"),
        (lambda: ox.frontier(FREE, sigma=-1.0), "sigma must be >= 0"),
        (lambda: ox.frontier(FREE, method="newtn"), "unknown method 'newtn'; did you mean 'newton'"),
        (lambda: ox.frontier(FREE.replace(terms=ox.InventoryRisk(1.0))), "the objective is inventory risk alone"),
        (lambda: ox.psi_for_horizon(CAPPED, 2), "the limits need .* raise the limits or the horizon"),
        (lambda: ox.psi_for_horizon(CAPPED, 23.9), "the cheapest schedule takes"),
        (lambda: ox.psi_for_horizon(FREE, -1), "horizon must be > 0"),
        (lambda: ox.psi_for_horizon(FREE, 8, share=1.0), r"share must be a fraction in \(0, 1\), got 1.0"),
        (lambda: ox.psi_for_half_life(FREE, float("nan")), "half_life must be finite"),
        (lambda: ox.psi_for_half_life(FREE, 0.5), "only reached as psi grows without bound"),
        (lambda: ox.psi_for_half_life(FREE, 0.4), "the limits need 0.5 buckets"),
        (lambda: ox.psi_for_var(FREE, SIGMA, 0.4), r"confidence must be a fraction in \(0.5, 1\), got 0.4"),
        (lambda: ox.psi_for_var(FREE, 1e3), "only falls as psi grows without bound"),
        (
            lambda: ox.psi_for_var(FREE.replace(order=ox.Order(1), limits=ox.Limits(maximum=1 / 24)), 1),
            "changes nothing",
        ),
        (lambda: ox.sensitivity({}), "nothing to compare"),
    ],
)
def test_what_cannot_be_is_refused_in_one_line(call, told: str) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(ox.InvalidInput, match=told) as refused:
        call()
    assert "\n" not in str(refused.value)


def test_variants_move_as_they_should() -> None:
    impact = ox.Power(RNG.uniform(1e-4, 4e-4, size=N), 0.6, quoted="per_share")
    dearer = ox.Power(2 * impact.a, 0.6, quoted="per_share")
    base = ox.Problem(ox.Order(9_000), ox.Linear(0.01) + impact, ox.objective("C", psi=1e-6))
    table = ox.sensitivity(
        {
            "base": base,
            "volatility x 2": base.replace(terms=ox.objective("C", psi=4e-6)),
            "spread x 2": base.replace(impact=ox.Linear(0.02) + impact),
            "impact x 2": base.replace(impact=ox.Linear(0.01) + dearer),
        }
    )
    done = ["done_25", "done_50", "done_75"]
    assert (table.loc["volatility x 2", done] > table.loc["base", done]).all()
    assert (table.loc["impact x 2", done] < table.loc["base", done]).all()
    assert table.loc["spread x 2", done].to_numpy() == pytest.approx(table.loc["base", done].to_numpy(), rel=1e-5)
    assert table.loc["spread x 2", "cost"] - table.loc["base", "cost"] == pytest.approx(90.0)
    assert (
        table.loc["volatility x 2", "half_life"] < table.loc["base", "half_life"] < table.loc["impact x 2", "half_life"]
    )
    own = ox.solve(base)
    assert table.loc["base", "cost"] == pytest.approx(own.breakdown["impact"])
    assert table.loc["base", "risk"] == pytest.approx(own.breakdown["inventory_risk"])
    assert table.loc["base", "done_50"] == pytest.approx(own.shares.iloc[:12].sum() / 9_000)


def test_files(tmp_path: Path) -> None:
    traced = ox.frontier(CONCAVE, points=5)
    traced.to_csv(tmp_path / "frontier.csv")
    written = pd.read_csv(tmp_path / "frontier.csv")
    pd.testing.assert_frame_equal(written, traced.frame, check_exact=False)
    told = json.loads(traced.to_json())
    assert list(told) == ["schema", "risk_unit", "points", "baselines"]
    assert told["schema"] == "optexec.frontier.v1"
    assert [point["cost"] for point in told["points"]] == traced.frame["cost"].tolist()
    assert [row["schedule"] for row in told["baselines"]] == traced.baselines.index.tolist()


def test_an_unknown_bound_is_null() -> None:
    known = ox.frontier(FREE, psi=[1e-6, 1e-5], method="twap")
    assert known.frame["gap"].min() > 0
    bare = ox.Frontier(Tradeoff.of(FREE), known.psi, tuple(map(_unproven, known.schedules)))
    assert json.loads(bare.to_json())["points"][0]["lower_bound"] is None


def _unproven(schedule: ox.Schedule) -> ox.Schedule:
    return ox.Schedule(schedule.problem, schedule.x, "given", "feasible", -np.inf)


@pytest.mark.parametrize(("sigma", "unit"), [(None, "(shares)"), (0.02, "($)")])
def test_the_plot_shows_points_and_baselines_with_units(sigma: float | None, unit: str) -> None:
    traced = ox.frontier(CAPPED, points=12, sigma=sigma)
    figure = traced.plot()
    figure.savefig(io.BytesIO(), format="png")
    plane, inventories = figure.axes
    assert plane.get_xlabel().endswith(unit)
    assert plane.get_ylabel() == "expected cost ($)"
    assert inventories.get_ylabel() == "shares still to trade"
    line = plane.lines[0]
    assert np.asarray(line.get_xdata()).tolist() == traced.frame["standard_deviation"].tolist()
    assert np.asarray(line.get_ydata()).tolist() == traced.frame["cost"].tolist()
    names = [text.get_text() for text in plane.get_legend().get_texts()]
    assert names == ["efficient frontier", *traced.baselines.index]
    assert np.asarray(inventories.lines[0].get_ydata())[0] == CAPPED.shares
    assert pyplot.get_fignums() == []


def test_costs_of_many_sizes_have_a_logarithmic_axis() -> None:
    wide = ox.Problem(ox.Order(9_000), ox.Power(1e-6, 2.0), ox.objective("A"), buckets=100)
    assert ox.frontier(wide, points=8).plot().axes[0].get_yscale() == "log"
    assert ox.frontier(CAPPED, points=8).plot().axes[0].get_yscale() == "linear"
