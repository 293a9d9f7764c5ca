"""A report is a page that needs nothing else, can be read by everyone, and holds the numbers of the schedule."""

import re
from dataclasses import replace
from functools import cache
from itertools import pairwise

import numpy as np
import pandas as pd
import pytest
from pages import Page

import optexec as ox
from optexec.analysis.provenance import Provenance
from optexec.analysis.recorded_schedule import RecordedSchedule
from optexec.analysis.report import Report
from optexec.analysis.report_charts import inventory_chart
from optexec.analysis.report_parts import Table, literal
from optexec.data import sample
from optexec.runners.spec import load_spec
from optexec.solvers.verification import every_schedule

SAMPLES = ("cost", "smoothing", "inventory_risk", "concave", "mixed")
HOSTILE = "<script>alert(1)</script>"


def sampled(name: str) -> ox.Problem:
    return load_spec(sample.path(f"{name}.toml")).problem()


def small(**changes: object) -> ox.Problem:
    order = ox.Order(900, price=20.0)
    problem = ox.Problem(order, ox.Power([1e-3, 2e-3, 4e-3], 1.5), ox.objective("C", psi=1e-5), ox.Limits(maximum=500))
    return problem.replace(**changes)


PROBLEMS = {
    **{name: lambda name=name: sampled(name) for name in SAMPLES},
    "two buckets": lambda: ox.Problem(ox.Order(300, side="sell"), ox.Power([1e-3, 2e-3], 1.5), ox.objective("A")),
    "one bucket": lambda: ox.Problem(ox.Order(300), ox.Linear(0.01), ox.objective("A"), buckets=1),
    "lots": lambda: small(order=ox.Order(900, lot=100, price=20.0)),
    "hostile labels": lambda: small(buckets=[HOSTILE, "<b>&amp;</b>", 'a "quoted" label']),
}


def baselines(problem: ox.Problem) -> dict[str, ox.Schedule]:
    names = [name for name in ("twap", "vwap", "greedy") if name in list(ox.methods(problem))]
    return every_schedule(problem, names)


@cache
def made(name: str) -> tuple[Report, Page]:
    problem = PROBLEMS[name]()
    frontier = ox.frontier(problem, points=4)
    report = Report(ox.solve(problem), baselines(problem), frontier, Provenance(made="today"))
    return report, Page(report.html())


@pytest.mark.parametrize("name", PROBLEMS)
def test_the_page_needs_nothing_else(name):
    report, page = made(name)
    for tag, attributes in page.elements:
        assert "src" not in attributes, tag
        assert tag != "link"
        if "href" in attributes:
            assert attributes["href"].startswith(("#", "data:text/csv")), attributes
    style = next(text for _, text in page.all("style"))
    assert "url(" not in style
    assert "@import" not in style
    policy = next(a["content"] for a, _ in page.all("meta") if a.get("http-equiv") == "Content-Security-Policy")
    assert policy.startswith("default-src 'none'")
    outside = [t for a, t in page.all("script") if a.get("id") != "plotly" and "http" in t]
    assert not outside
    assert len(report.html()) < 4_000_000


@pytest.mark.parametrize("name", PROBLEMS)
def test_the_page_can_be_read_by_everyone(name):
    _, page = made(name)
    tags = [tag for tag, _ in page.elements]
    assert [tags.count(tag) for tag in ("html", "header", "nav", "main", "footer", "h1")] == [1] * 6
    levels = [int(tag[1]) for tag in tags if re.fullmatch("h[1-6]", tag)]
    assert levels[0] == 1
    assert all(after <= before + 1 for before, after in pairwise(levels))
    identities = [attributes["id"] for _, attributes in page.elements if "id" in attributes]
    assert len(identities) == len(set(identities))
    targets = [a["href"][1:] for a, _ in page.all("a") if a.get("href", "").startswith("#")]
    named = [a[key] for _, a in page.elements for key in ("aria-labelledby",) if key in a]
    assert set(targets + named) <= set(identities)
    charts = [a for a, _ in page.all("div") if a.get("class") == "chart"]
    assert len(charts) >= 5
    assert all(a["role"] == "img" and len(a["aria-label"]) > 40 for a in charts)
    assert tags.count("details") >= len(charts)
    assert tags.count("caption") == tags.count("table") >= len(charts)
    assert all(a.get("scope") in ("row", "col") for a, _ in page.all("th"))
    assert all(text for _, text in page.all("button"))
    assert page.elements[0][1]["lang"] == "en"


@pytest.mark.parametrize("name", PROBLEMS)
def test_the_numbers_are_those_of_the_schedule(name):
    report, page = made(name)
    schedule = report.schedule
    x, problem = schedule.x, schedule.problem
    assert page.figure("shares")["data"][0]["y"] == x.tolist()
    assert page.figure("inventory")["data"][0]["y"] == schedule.inventory.tolist()
    shares = page.download("shares")
    assert [float(row[f"{schedule.method} (shares)"]) for row in shares] == x.tolist()
    assert [row[str(problem.index.name)] for row in shares] == [str(label) for label in problem.index]
    costs = page.download("costs_by_bucket")
    for term, dollars in schedule.breakdown.items():
        column = [float(row[f"{term.replace('_', ' ')} ($)"]) for row in costs]
        assert sum(column) == pytest.approx(dollars, rel=1e-12)
    (terms, *_) = page.download("terms")
    assert float(terms["sum ($)"]) == schedule.objective
    proof = {row["what"]: row["value"] for row in page.download("certificate")}
    assert float(proof["objective ($)"]) == schedule.objective
    assert float(proof["its own lower bound ($)"]) == schedule.lower_bound
    assert float(proof["gap to its own bound (fraction of the objective)"]) == schedule.gap
    assert float(proof["best lower bound of all methods ($)"]) == report.bound
    if problem.convex:
        assert float(proof["price lambda of the bound ($/share)"]) == schedule.marginal_price
        assert float(proof["KKT residual (relative)"]) == schedule.kkt_residual
    frontier = report.frontier
    assert frontier is not None
    assert page.figure("frontier")["data"][0]["y"] == frontier.frame["cost"].tolist()
    assert [float(row["psi ($/share²)"]) for row in page.download("frontier")] == frontier.psi.tolist()


@pytest.mark.parametrize("name", PROBLEMS)
def test_the_verdict_tells_cost_saving_and_proof(name):
    report, page = made(name)
    schedule, notional = report.schedule, report.schedule.problem.order.notional
    told = next(text for attributes, text in page.all("p") if attributes.get("class") == "verdict")
    assert told == report.verdict
    assert told.count(". ") == 0
    assert f"${schedule.objective:,.2f}" in told
    for benchmark, saving in report.savings.items():
        other = report.methods[benchmark].objective
        assert saving == other - schedule.objective
        bps = "" if notional is None else f" ({1e4 * abs(saving) / notional:,.4g} bps)"
        if saving > 0:
            assert f"${saving:,.2f}{bps} less than {benchmark.upper()}" in told
    bound = max(s.lower_bound for s in [schedule, *report.methods.values()])
    assert f"no schedule costs less than ${bound:,.2f}" in told
    assert (report.bound, report.gap) == (bound, pytest.approx(1 - bound / schedule.objective, abs=1e-15))


def test_the_points_chosen_lie_on_their_curves():
    report, page = made("inventory_risk")
    x, impact = report.schedule.x, report.schedule.problem.impact
    every, *others = page.figure("curves")["data"]
    assert every["x"] == x.tolist()
    assert every["y"] == impact.cost(x).tolist()
    curves, points = [t for t in others if t["mode"] == "lines"], [t for t in others if t["mode"] == "markers"]
    assert len(curves) == len(points) == 4
    for curve, point in zip(curves, points, strict=True):
        assert point["name"] == f"chosen in {curve['name']}"
        between = np.interp(point["x"][0], curve["x"], curve["y"])
        assert between == pytest.approx(point["y"][0], rel=0.02, abs=0.02)
    assert points[0]["x"] == [x.max()]


def test_slices_between_their_limits_stand_on_the_price():
    report, page = made("inventory_risk")
    schedule, problem = report.schedule, report.schedule.problem
    traces = {trace["name"]: trace["y"] for trace in page.figure("marginal")["data"]}
    price = schedule.marginal_price
    assert set(traces["lambda"]) == {price}
    assert traces["between its limits"] == pytest.approx([price] * len(traces["between its limits"]), rel=1e-3)
    assert min(traces["at its floor"]) > price * (1 - 1e-3)
    assert max(traces["at its cap"]) < price * (1 + 1e-3)
    rows = page.download("marginal")
    assert [float(row["marginal cost ($/share)"]) for row in rows] == pytest.approx(
        problem.gradient(schedule.x).tolist()
    )
    assert {row["slice"] for row in rows} == {"between its limits", "at its floor", "at its cap"}


@pytest.mark.parametrize("name", ["concave", "lots"])
def test_no_one_price_is_drawn_where_there_is_none(name):
    _, page = made(name)
    assert "lambda" not in {trace["name"] for trace in page.figure("marginal")["data"]}


def test_a_kink_is_on_the_price_too():
    kinked = ox.Tabulated(shares=[0, 100, 300], cost=[0.0, 1.0, 5.0], quoted="total")
    problem = ox.Problem(ox.Order(200), kinked, ox.objective("A"), buckets=2)
    figure = Page(Report(ox.solve(problem)).html()).figure("marginal")
    between = next(t["y"] for t in figure["data"] if t["name"] == "between its limits")
    assert between == pytest.approx([ox.solve(problem).marginal_price] * 2)


def test_labels_are_shown_as_they_stand_and_never_run():
    report, page = made("hostile labels")
    text = report.html()
    assert HOSTILE not in text
    assert text.count("<script") == len(page.all("script"))
    assert page.download("shares")[0]["bucket"] == HOSTILE
    assert page.figure("shares")["data"][0]["x"][0] == literal(HOSTILE)
    assert HOSTILE in [text for _, text in page.all("th")]


def test_methods_stand_in_order_with_their_excess_over_the_bound():
    report, page = made("concave")
    rows = page.download("methods")
    costs = [float(row["cost ($)"]) for row in rows]
    assert costs == sorted(costs)
    assert {row["method"] for row in rows} == {"branch", "twap", "vwap", "greedy"}
    bound = max(s.lower_bound for s in [report.schedule, *report.methods.values()])
    for row in rows:
        excess = 100 * (float(row["cost ($)"]) - bound) / report.schedule.objective
        assert float(row["above the bound (%)"]) == pytest.approx(excess, rel=1e-9)


def test_methods_are_told_in_basis_points_with_their_own_gaps():
    problem = small()
    schedules = {name: ox.solve(problem, name) for name in ("newton", "twap")}
    page = Page(Report(schedules["newton"], schedules).html())
    for row in page.download("methods"):
        own = schedules[row["method"]]
        assert float(row["cost (bps)"]) == pytest.approx(own.bps)
        assert float(row["own gap (%)"]) == pytest.approx(100 * own.gap)
        assert float(row["above the best (bps)"]) == pytest.approx(own.bps - schedules["newton"].bps, abs=1e-6)


def test_a_bound_that_exceeds_the_cost_by_rounding_leaves_no_gap():
    best = ox.solve(small())
    report = Report(best, {"other": replace(best, method="other", lower_bound=best.objective * (1 + 1e-12))})
    assert report.bound > best.objective
    assert report.gap == 0


def test_marginal_costs_that_are_equal_are_not_drawn_as_noise():
    flat, steep = (Page(Report(ox.solve(small(), name)).html()).figure("marginal") for name in ("newton", "twap"))
    price = ox.solve(small(limits=ox.Limits())).marginal_price
    free = Page(Report(ox.solve(small(limits=ox.Limits()))).html()).figure("marginal")
    assert free["layout"]["yaxis"]["range"] == pytest.approx([0.9 * price, 1.1 * price], rel=1e-3)
    for unequal in (flat, steep):
        assert "range" not in unequal["layout"]["yaxis"]


@pytest.mark.parametrize("scale", [1.0, 1e3])
def test_the_schedule_stands_in_the_plane_of_its_frontier(scale):
    problem = small(impact=ox.Power([1e-3, 2e-3 * scale, 4e-3 * scale], 1.5), limits=ox.Limits())
    schedule, frontier = ox.solve(problem), ox.frontier(problem, points=4)
    figure = Page(Report(schedule, frontier=frontier).html()).figure("frontier")
    star = next(trace for trace in figure["data"] if trace["name"] == "this schedule")
    deviation = np.sqrt((schedule.inventory.to_numpy()[:-1] ** 2).sum())
    assert (star["x"], star["y"]) == (
        [pytest.approx(deviation)],
        [pytest.approx(schedule.breakdown["impact"])],
    )
    costs = [*frontier.frame["cost"], *frontier.baselines["cost"]]
    logarithmic = figure["layout"]["yaxis"].get("type") == "log"
    assert logarithmic == (max(costs) > 20 * min(costs)) == (scale > 1)


def test_an_unknown_bound_is_said():
    concave = ox.Power([1.0, 2.0], 0.5)
    problem = ox.Problem(ox.Order(300), concave, ox.objective("A"))
    nothing = ox.Schedule(problem, np.array([150.0, 150.0]), "greedy", "feasible", -np.inf)
    report = Report(nothing)
    assert "no lower bound is known, so nothing is proved" in report.verdict
    Page(report.html())


def test_a_baseline_is_measured_against_the_bound_of_the_best_method():
    problem = small()
    best, twap = ox.solve(problem), ox.solve(problem, "twap")
    report = Report(twap, {"newton": best, "twap": twap})
    assert twap.lower_bound < report.bound == best.lower_bound
    assert report.gap == pytest.approx(1 - best.lower_bound / twap.objective)
    assert "twap" not in report.savings


def test_a_dearer_schedule_is_said_to_be_dearer():
    problem = small()
    dear = ox.evaluate(problem, [0.0, 400.0, 500.0])
    assert "more than TWAP" in Report(dear, baselines(problem)).verdict


def test_inputs_are_told_by_their_hash(tmp_path):
    file = tmp_path / "spec.toml"
    file.write_bytes(b"abc")
    origin = Provenance.of([file], ["order.shares=5"])
    page = Page(Report(ox.solve(small()), provenance=origin).html())
    told = {row["what"]: row["value"] for row in page.download("inputs")}
    assert told["spec.toml"] == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
    assert "--set order.shares=5" in told
    assert {row["what"] for row in page.download("versions")} >= {"optexec", "Python", "numpy", "pyomo"}


@pytest.mark.parametrize("name", ["concave", "hostile labels", "two buckets"])
def test_a_record_alone_says_what_it_has_and_what_is_missing(name):
    schedule = made(name)[0].schedule
    recorded = RecordedSchedule.from_json(schedule.to_json())
    page = Page(recorded.html(Provenance()))
    assert page.figure("shares")["data"][0]["y"] == schedule.x.tolist()
    assert page.figure("inventory")["data"][0]["y"] == pytest.approx(schedule.inventory.tolist(), abs=1e-9)
    proof = {row["what"]: row["value"] for row in page.download("certificate")}
    assert float(proof["lower bound ($)"]) == schedule.lower_bound
    assert any("optexec report SCHEDULE.json --spec SPEC" in text for _, text in page.all("dd"))
    assert recorded.gap == pytest.approx(schedule.gap)


def test_a_record_is_priced_and_certified_again():
    problem = small()
    schedule = ox.solve(problem)
    again = RecordedSchedule.from_json(schedule.to_json()).schedule(problem)
    assert (again.objective, again.method, again.seconds) == (schedule.objective, schedule.method, schedule.seconds)
    assert again.gap < 1e-8
    with pytest.raises(ox.InvalidInput, match="this problem charges"):
        RecordedSchedule.from_json(schedule.to_json()).schedule(small(terms=ox.objective("A")))


def test_a_table_keeps_every_digit_for_the_file():
    table = Table("t", "T", pd.DataFrame({"a ($)": [1 / 3], "b": ['x,"y"']}, index=["<&>"]), {"a ($)": ",.2f"})
    page = Page(f'<a download="t.csv" href="{table.download}">x</a>')
    assert page.download("t") == [{"": "<&>", "a ($)": repr(1 / 3), "b": 'x,"y"'}]
    assert table.rows == [["<&>", "0.33", 'x,"y"']]


def notes(report: Report) -> dict[str, str]:
    return {section.name: " ".join(section.notes) for section in report.sections}


def shown(page: Page) -> str:
    return " ".join(text for tag in ("p", "td", "th", "caption", "dd") for _, text in page.all(tag))


CONCAVE = small(impact=ox.Power([1.0, 1.1, 0.9], 0.6), terms=ox.objective("A"))
UNFILLED = ox.Problem(
    ox.Order(900, price=20.0, must_complete=False, unfilled_cost=0.02, unfilled_penalty=1e-5),
    ox.Power([1e-3, 2e-3, 4e-3], 1.5),
    ox.objective("A"),
    ox.Limits(maximum=100),
)


@pytest.mark.parametrize(
    ("problem", "method", "source"),
    [
        (small(), "newton", "tangents"),
        (small(), "twap", "tangents"),
        (small(), "milp", "piecewise-linear model"),
        (small(order=ox.Order(900, lot=100)), "dp", "dynamic programme"),
        (small(order=ox.Order(900, lot=100)), "twap", "tangents"),
        (CONCAVE, "branch", "on ever smaller ranges"),
        (CONCAVE, "milp", "piecewise-linear model"),
        (CONCAVE, "twap", "is that of the convex envelopes of the cost curves:"),
    ],
)
def test_the_source_of_the_bound_is_told_and_a_record_has_none_of_a_search(problem, method, source):
    schedule = ox.solve(problem, method)
    assert source in notes(Report(schedule))["certificate"]
    record = RecordedSchedule.from_json(schedule.to_json())
    again = Report(record.schedule(problem), recorded=record)
    told = notes(again)["certificate"]
    plain = "tangents" if problem.convex else "convex envelopes of the cost curves:"
    assert f"The bound is that of the {plain}" in told
    proof = {row["what"]: row["value"] for row in Page(again.html()).download("certificate")}
    assert proof["solver"] == f"{method}, as recorded"


def test_a_milp_bound_of_a_convex_problem_may_be_that_of_the_tangents():
    problem = small()
    assert "whichever" not in notes(Report(ox.solve(problem)))["certificate"]
    assert "where that is higher" in notes(Report(ox.solve(problem, "milp")))["certificate"]


def test_without_a_bound_nothing_is_said_to_be_proved():
    nothing = ox.Schedule(CONCAVE, np.array([300.0, 300.0, 300.0]), "given", "feasible", -np.inf)
    report = Report(nothing)
    assert "nothing is proved" in notes(report)["certificate"]
    (table,) = next(section.tables for section in report.sections if section.name == "methods")
    assert table.caption == "Methods, cheapest first; no bound is known"
    proof = {row["what"]: row["value"] for row in Page(report.html()).download("certificate")}
    assert proof["solver"] == "given"
    assert not re.search(r"\b(inf|nan)\b", shown(Page(report.html())))


@pytest.mark.parametrize("method", ["twap", "front_loaded"])
def test_no_one_price_is_told_of_a_schedule_that_is_not_optimal(method):
    report = Report(ox.solve(small(), method))
    assert "not optimal" in notes(report)["marginal-costs"]
    assert "lambda" not in notes(report)["marginal-costs"]
    assert "one more share" not in report.figures
    figure = Page(report.html()).figure("marginal")
    assert "lambda" not in {trace["name"] for trace in figure["data"]}
    drawn = [y for trace in figure["data"] for y in trace["y"]]
    assert sorted(drawn) == pytest.approx(sorted(report.schedule.problem.gradient(report.schedule.x)))


def test_no_one_price_is_told_where_every_slice_is_at_a_limit():
    """One share more would cost nothing in the first bucket; the price of the bound is a cent."""
    problem = ox.Problem(ox.Order(300), ox.Linear([0.0, 0.01, 0.02]), ox.objective("A"))
    report = Report(ox.solve(problem))
    assert report.schedule.marginal_price > 0
    assert "one more share" not in report.figures
    assert "Every slice is at one of its limits" in notes(report)["marginal-costs"]
    assert report.verdict.startswith("Buying 300 shares over 3 buckets costs $0.00 in impact")


def test_one_more_share_costs_what_a_larger_order_costs_more():
    for problem in (small(), UNFILLED):
        report = Report(ox.solve(problem))
        order = problem.order
        larger = problem.replace(order=replace(order, shares=order.shares + 1e-3))
        more = (ox.solve(larger).objective - report.schedule.objective) / 1e-3
        assert float(report.figures["one more share"].removeprefix("$")) == pytest.approx(more, rel=1e-3)


def test_part_of_an_order_is_said_to_be_part_of_it():
    schedule = ox.solve(UNFILLED)
    report = Report(schedule, baselines(UNFILLED))
    filled = schedule.x.sum()
    assert 0 < filled < 300
    assert report.verdict.startswith(f"Buying {filled:,.10g} of 900 shares over 3 buckets costs")
    assert "in impact and unfilled shares" in report.verdict
    assert report.order["order"].endswith("of which u may stay unfilled at $0.02 u + $5e-06 u²")
    page = Page(report.html())
    traces = {trace["name"]: trace["y"] for trace in page.figure("marginal")["data"]}
    assert traces["between its limits"] == pytest.approx([schedule.marginal_price] * len(traces["between its limits"]))
    assert page.figure("inventory")["data"][0]["y"][-1] == pytest.approx(900 - filled)
    assert "at most half" not in next(c.description for s in report.sections for c in s.charts if c.name == "inventory")


def test_a_record_of_part_of_an_order_keeps_what_is_left():
    schedule = ox.solve(UNFILLED)
    record = RecordedSchedule.from_json(schedule.to_json())
    assert record.unfilled == schedule.unfilled
    assert f"{schedule.x.sum():,.10g} of 900 shares over 3 buckets" in record.verdict
    page = Page(record.html(Provenance()))
    assert page.figure("inventory")["data"][0]["y"] == pytest.approx(schedule.inventory.tolist())


@pytest.mark.parametrize(
    ("held", "told"),
    [
        ([600.0, 500.0, 400.0], "400 after the last."),
        ([600.0, 500.0, 300.0], "300 after the last; at most half of the former from bucket 3 on."),
        ([0.0, 0.0, 0.0], "0 after the last."),
    ],
)
def test_half_of_the_inventory_is_told_only_where_it_is_gone(held, told):
    index = pd.RangeIndex(1, 4, name="bucket")
    assert inventory_chart(index, {"twap": np.array(held)}).description.endswith(told)


def test_a_gain_is_a_negative_number_of_dollars():
    impact = ox.Linear([-0.02, 0.01]) + ox.Power(1e-5, 2.0)
    problem = ox.Problem(ox.Order(900, price=20.0), impact, ox.objective("A"))
    report = Report(ox.solve(problem), baselines(problem), ox.frontier(problem, points=4))
    assert report.schedule.objective < 0
    assert f"costs -${-report.schedule.objective:,.2f} (-" in report.verdict
    page = Page(report.html())
    assert "$-" not in shown(page) + " ".join(c.description for s in report.sections for c in s.charts)
    formats = [t["hovertemplate"] for name in ("curves", "marginal", "terms") for t in page.figure(name)["data"]]
    assert not any("$%{" in form for form in formats)


def test_an_efficient_schedule_can_stand_above_the_frontier_that_psi_reaches():
    """What the note of the frontier says, by enumeration of all schedules in lots."""
    problem = ox.Problem(ox.Order(500, lot=100), ox.Power([3e-3, 1e-3, 1e-3], 1.7), ox.objective("A"))
    frontier = ox.frontier(problem, points=60)
    tradeoff, frame = frontier.tradeoff, frontier.frame
    lots = [(a, b, 5 - a - b) for a in range(6) for b in range(6 - a)]
    places = [(tradeoff.variance(x), tradeoff.cost(x)) for x in 100.0 * np.array(lots)]
    efficient = {p for p in places if not any(q != p and q[0] <= p[0] and q[1] <= p[1] for q in places)}
    reached = set(zip(frame["variance"], frame["cost"], strict=True))
    assert reached <= efficient
    missed = efficient - reached
    assert missed
    assert all(cost > frontier.least_cost(variance) for variance, cost in missed)
    assert "the line only joins the points" in notes(Report(ox.solve(problem), frontier=frontier))["risk"]


def luminance(colour: str) -> float:
    """Relative luminance of #rrggbb, as WCAG 2 defines it."""
    parts = [int(colour[k : k + 2], 16) / 255 for k in (1, 3, 5)]
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return float(np.dot([0.2126, 0.7152, 0.0722], linear))


@pytest.mark.parametrize("scheme", [0, 1])
def test_text_and_marks_stand_out_from_the_paper(scheme):
    _, page = made("two buckets")
    style = next(text for _, text in page.all("style"))
    pairs = {name: colours for name, *colours in re.findall(r"--(\w+): light-dark\((#\w{6}), (#\w{6})\)", style)}
    wanted = {"ink": 7, "soft": 4.5, "link": 4.5, "answer": 3} | {f"other{k}": 3 for k in range(1, 6)}
    for name, least in wanted.items():
        low, high = sorted(luminance(pairs[own][scheme]) for own in (name, "paper"))
        assert (high + 0.05) / (low + 0.05) >= least, name


def test_a_gap_that_cannot_be_told_has_no_sign_of_percent() -> None:
    """That of a cost of 0 above a bound far below 0."""
    problem = ox.Problem(ox.Order(2), ox.Linear(0.0), ox.objective("A"), buckets=2)
    schedule = ox.Schedule(problem, np.ones(2), "given", "feasible", -1e9)
    record = RecordedSchedule.from_json(schedule.to_json())
    assert record.verdict.endswith("its record claims a gap of unknown.")
    report = Report(schedule)
    assert report.verdict.endswith("no schedule costs less than -$1,000,000,000.00 (certified gap unknown).")
    assert report.figures["certified gap"] == "unknown"
