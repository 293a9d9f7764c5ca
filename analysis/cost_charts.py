"""The charts of a report that show costs: curves, marginal costs, terms."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from optexec.analysis.bucket_labels import bucket_names
from optexec.analysis.chart_style import (
    DOLLARS,
    OTHERS,
    PRICE,
    READ,
    SHARES,
    axis,
    bucket_axis,
    curve,
    labels,
    lines,
    marks,
    places,
)
from optexec.analysis.plot_style import CROWDED
from optexec.analysis.report_parts import Chart, Table, literal
from optexec.analysis.wording import money, term_name
from optexec.models.problem import Problem
from optexec.models.schedule import Schedule
from optexec.models.validation import Array

CURVES, PLACES = 4, 60
"""Impact curves that are drawn, and the places at which each is."""
REACH = 1.6
"""How far a curve goes, times the largest slice."""
STANDINGS = (
    ("between its limits", "answer", "circle"),
    ("at its floor", "other1", "triangle-up"),
    ("at its cap", "other2", "square"),
)
"""Where a slice may stand, and how it is marked."""
AT_LIMIT = 1e-6
"""Fraction of the order within which a slice is at its limit."""
ALIKE, AROUND = 1e-3, 0.1
"""Spread below which marginal costs count as equal, and the range drawn around them, as fractions."""


def curves_chart(schedule: Schedule) -> Chart:
    """Impact cost against shares in some buckets, with what was chosen in each of them and in all others.

    >>> import optexec as ox
    >>> problem = ox.Problem(ox.Order(300), ox.Power(a=[1.0, 2.0], b=2.0), ox.objective("A"))
    >>> [trace["name"] for trace in curves_chart(ox.solve(problem)).traces]
    ['chosen in every bucket', '1', '2', 'chosen in 1', 'chosen in 2']
    """
    problem, x, names = schedule.problem, schedule.x, [literal(n) for n in bucket_names(schedule.problem.index)]
    cost, shown = problem.impact.cost(x), _spread(x)
    told = f"%{{x:{SHARES}}} shares cost %{{y:{DOLLARS}}}"
    every = marks("chosen in every bucket", x, cost, {"color": "faint", "size": 5}, f"%{{text}}: {told}<extra></extra>")
    curves, points = [], []
    for k, line in zip(shown, lines(), strict=False):
        grid = np.linspace(0.0, min(problem.hi[k], REACH * x.max()), PLACES)
        own = problem.impact if problem.impact.buckets is None else problem.impact.take(k)
        curves.append(curve(names[k], grid, own.cost(grid), line, told))
        style = {"color": line["color"], "size": 11, "line": {"color": "paper", "width": 1.5}}
        point = marks(f"chosen in {names[k]}", x[[k]], cost[[k]], style, told)
        points.append({**point, "showlegend": False})
    layout = {
        "xaxis": axis("shares in the bucket", rangemode="tozero"),
        "yaxis": axis("impact cost ($)", rangemode="tozero"),
        "hovermode": "closest",
    }
    description = (
        f"The curves of {len(shown)} of {problem.buckets} buckets, from the largest slice to the smallest; every "
        "bucket's choice is a dot."
    )
    traces, title = [{**every, "text": names}, *curves, *points], "Impact cost against shares, and what was chosen"
    return Chart("curves", title, description, traces, layout, _curves_table(title, problem, x, cost))


def _curves_table(title: str, problem: Problem, x: Array, cost: Array) -> Table:
    frame = pd.DataFrame({"shares": x, "floor (shares)": problem.lo, "cap (shares)": problem.hi})
    forms = dict.fromkeys(frame.columns, READ["shares"])
    frame["impact cost ($)"], frame["impact cost ($/share)"] = cost, _each(cost, x)
    forms |= {"impact cost ($)": READ["dollars"], "impact cost ($/share)": READ["price"]}
    return Table("curves", title, frame.set_axis(labels(problem.index)), forms)


def marginal_chart(schedule: Schedule) -> Chart:
    """Marginal cost of each bucket, against the one price lambda if there is one, by where its slice stands.

    At a kink of a curve every price between its two slopes is marginal, and the one nearest to lambda is shown.

    >>> import optexec as ox
    >>> problem = ox.Problem(ox.Order(300), ox.Power(a=[1.0, 2.0], b=2.0), ox.objective("A"))
    >>> [trace["name"] for trace in marginal_chart(ox.solve(problem)).traces]
    ['between its limits', 'lambda']
    """
    problem, x, price = schedule.problem, schedule.x, schedule.marginal_price
    priced = one_price(schedule)
    marginal = _marginal_costs(schedule, price if priced else np.inf)
    where, standing, told = np.array(places(problem.index)), _standing(problem, x), f"%{{y:{PRICE}}} a share"
    traces = []
    for name, colour, symbol in STANDINGS:
        chosen = standing == name
        if chosen.any():
            style = {"color": colour, "symbol": symbol, "size": 5 if len(x) > CROWDED else 9}
            traces.append(marks(name, where[chosen], marginal[chosen], style, told))
    frame = pd.DataFrame({"shares": x, "slice": standing, "marginal cost ($/share)": marginal}, labels(problem.index))
    forms = {"shares": READ["shares"], "marginal cost ($/share)": READ["price"], "less lambda ($/share)": ".3g"}
    if priced:
        line = {"color": "ink", "width": 1.5, "dash": "dash"}
        traces.append(curve("lambda", where, np.full(len(x), price), line, told))
        frame["less lambda ($/share)"] = marginal - price
    layout = {
        "xaxis": bucket_axis(problem.index),
        "yaxis": axis("one more share ($)", **_near(marginal)),
        "hovermode": "closest",
    }
    counts = [f"{(standing == name).sum()} {name}" for name, _, _ in STANDINGS if (standing == name).any()]
    title, description = "What one more share would cost in each bucket", f"Slices: {', '.join(counts)}."
    return Chart("marginal", title, description, traces, layout, Table("marginal", title, frame, forms))


def _marginal_costs(schedule: Schedule, price: float) -> Array:
    """Cost of one more share in each bucket beside all that is traded, nearest to a price at a kink, (N,)."""
    whole, x = schedule.problem.completed, schedule.problem.with_unfilled(schedule.x)
    return np.clip(price, whole.gradient_left(x), whole.gradient(x))[: schedule.problem.buckets]


def _standing(problem: Problem, x: Array) -> Any:
    """Where each slice stands between its limits, (N,)."""
    near = AT_LIMIT * problem.shares
    low, high = x <= problem.lo + near, x >= problem.hi - near
    between, floor, cap = (name for name, _, _ in STANDINGS)
    return np.where(low, floor, np.where(high, cap, between))


def terms_chart(breakdowns: Mapping[str, Mapping[str, float]]) -> Chart:
    """Cost of each term, stacked, of some schedules, by name.

    >>> [trace["name"] for trace in terms_chart({"newton": {"impact": 2.0, "inventory_risk": 1.0}}).traces]
    ['impact', 'inventory risk']
    """
    costs = pd.DataFrame(breakdowns).T
    costs.columns = [term_name(str(column)) for column in costs.columns]
    hover = {"type": "bar", "orientation": "h", "hovertemplate": f"%{{x:{DOLLARS}}}"}
    names, colours = [literal(name) for name in costs.index], ("answer", *OTHERS)
    traces = [
        {"name": literal(term), "y": names, "x": costs[term], "marker": {"color": colours[k % len(colours)]}, **hover}
        for k, term in enumerate(costs.columns)
    ]
    layout = {
        "barmode": "relative",
        "bargap": 0.35,
        "xaxis": axis("cost ($)", rangemode="tozero"),
        "yaxis": {"type": "category", "autorange": "reversed", "automargin": True, "fixedrange": True},
        "hovermode": "y unified",
    }
    frame = costs.rename(columns=lambda term: f"{term} ($)").rename_axis("schedule")
    frame["sum ($)"] = [sum(breakdown.values()) for breakdown in breakdowns.values()]
    told = "; ".join(f"{name}: {money(total)}" for name, total in frame["sum ($)"].items())
    title, forms = "Cost by term", dict.fromkeys(frame.columns, READ["dollars"])
    return Chart("terms", title, f"{told}.", traces, layout, Table("terms", title, frame, forms))


def divisible(problem: Problem) -> bool:
    """Whether slices may have any size, so that shares can be moved one by one.

    >>> import optexec as ox
    >>> divisible(ox.Problem(ox.Order(300, lot=100), ox.Power(1.0, 2.0), ox.objective("A"), buckets=2))
    False
    """
    return problem.order.lot is None and not problem.semicontinuous


def one_price(schedule: Schedule) -> bool:
    """Whether one more share costs the same wherever a slice stands between its limits, as at an optimum it does.

    It does where the curves are convex, slices may have any size, some are between their limits, and the optimality
    conditions hold.

    >>> import optexec as ox
    >>> problem = ox.Problem(ox.Order(300), ox.Power(a=[1.0, 2.0], b=2.0), ox.objective("A"))
    >>> one_price(ox.solve(problem)), one_price(ox.solve(problem, "twap"))
    (True, False)
    """
    problem = schedule.problem
    return problem.convex and divisible(problem) and meets_conditions(schedule) and bool(_between(schedule).any())


def meets_conditions(schedule: Schedule) -> bool:
    """Whether the optimality conditions hold, up to what counts as equal.

    >>> import optexec as ox
    >>> problem = ox.Problem(ox.Order(300), ox.Power(a=[1.0, 2.0], b=2.0), ox.objective("A"))
    >>> meets_conditions(ox.solve(problem)), meets_conditions(ox.solve(problem, "twap"))
    (True, False)
    """
    return bool(schedule.kkt_residual <= ALIKE)


def _between(schedule: Schedule) -> Any:
    """Which slices are strictly between their limits, (N,)."""
    return _standing(schedule.problem, schedule.x) == STANDINGS[0][0]


def _near(values: Array) -> dict[str, Any]:
    """A range for values that are nearly equal, which would else be drawn as noise; none for others."""
    low, high = float(np.min(values)), float(np.max(values))
    if not high - low < ALIKE * abs(high):
        return {}
    return {"range": sorted([high * (1 - AROUND), high * (1 + AROUND)])}


def _spread(x: Array) -> list[int]:
    """Buckets from the largest slice to the smallest, evenly by rank, among those that trade."""
    order = np.argsort(-x, kind="stable")
    order = order[: max(np.count_nonzero(x > 0), 1)]
    ranks = np.unique(np.linspace(0, len(order) - 1, min(CURVES, len(order))).round().astype(int))
    return [int(k) for k in order[ranks]]


def _each(cost: Array, x: Array) -> Array:
    """Dollars a share; NaN where nothing trades."""
    return np.divide(cost, x, out=np.full(len(x), np.nan), where=x > 0)
