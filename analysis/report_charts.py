"""The charts of a report, each with its numbers as a table."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from optexec.analysis.bucket_labels import axis_name, bucket_names, clock_times
from optexec.analysis.report_parts import GAP, Chart, Table, literal
from optexec.models.problem import Problem
from optexec.models.schedule import Schedule
from optexec.models.validation import Array

if TYPE_CHECKING:
    from optexec.analysis.frontier import Frontier

OTHERS = ("other1", "other2", "other3", "other4", "other5")
DASHES = ("dash", "dot", "dashdot", "longdash", "longdashdot")
CROWDED = 60
"""Buckets beyond which bars touch."""
CURVES, PLACES = 4, 60
"""Impact curves that are drawn, and the places at which each is."""
AT_LIMIT = 1e-6
"""Fraction of the order within which a slice is at its limit."""
WIDE = 20
"""Ratio of costs from which a frontier has a logarithmic axis."""
SHARES, DOLLARS, PRICE = ",.10~g", ",.2f", ",.6~g"
"""Formats of the charts' numbers (d3), and below as Python has them."""
READ = {"shares": ",.10g", "dollars": ",.2f", "price": ",.6g"}


def shares_chart(index: pd.Index, shares: Mapping[str, Array]) -> Chart:
    """Shares of each bucket: the first schedule as bars, others as steps.

    >>> shares_chart(pd.RangeIndex(1, 3, name="bucket"), {"waterfill": np.array([2.0, 1.0])}).traces[0]["y"].tolist()
    [2.0, 1.0]
    """
    (answer, x), *others = shares.items()
    hover = {"hovertemplate": f"%{{y:{SHARES}}} shares"}
    bars = {"type": "bar", "name": answer, "x": _places(index), "y": x, "marker": {"color": "answer"}, **hover}
    steps = [
        {"type": "scatter", "mode": "lines", "name": name, "x": _places(index), "y": other, "line": line, **hover}
        for (name, other), line in zip(others, _lines("hvh"), strict=False)
    ]
    layout = {
        "xaxis": _bucket_axis(index),
        "yaxis": _axis("shares a bucket", rangemode="tozero"),
        "hovermode": "x unified",
        "bargap": 0.0 if len(index) > CROWDED else 0.2,
    }
    most = int(np.argmax(x))
    told = f"{answer} trades most, {x[most]:,.10g} shares, in bucket {index[most]}, and in {np.count_nonzero(x)} buckets."
    return Chart("shares", "Shares traded in each bucket", told, [bars, *steps], layout, _by_bucket("shares", index, shares))


def inventory_chart(index: pd.Index, inventory: Mapping[str, Array]) -> Chart:
    """Shares still to trade after each bucket.

    >>> inventory_chart(pd.RangeIndex(1, 3, name="bucket"), {"twap": np.array([1.0, 0.0])}).name
    'inventory'
    """
    (answer, held), *others = inventory.items()
    style = {"type": "scatter", "mode": "lines" if len(index) > CROWDED else "lines+markers"}
    hover = {"hovertemplate": f"%{{y:{SHARES}}} shares"}
    area = {"fill": "tozeroy", "fillcolor": "area", "line": {"color": "answer", "width": 2}}
    first = {**style, "name": answer, "x": _places(index), "y": held, **area, **hover}
    lines = [
        {**style, "name": name, "x": _places(index), "y": other, "line": line, **hover}
        for (name, other), line in zip(others, _lines(), strict=False)
    ]
    layout = {
        "xaxis": _bucket_axis(index),
        "yaxis": _axis("shares still to trade", rangemode="tozero"),
        "hovermode": "x unified",
    }
    half = index[int(np.argmax(held <= 0.5 * held[0]))]
    told = f"{answer} holds {held[0]:,.10g} shares after the first bucket, and at most half of these after bucket {half}."
    table = _by_bucket("inventory", index, inventory)
    return Chart("inventory", "Shares still to trade after each bucket", told, [first, *lines], layout, table)


def curves_chart(schedule: Schedule) -> Chart:
    """Impact cost against shares in some buckets, with what was chosen in each of them and in all others.

    >>> import optexec as ox
    >>> problem = ox.Problem(ox.Order(300), ox.Power(a=[1.0, 2.0], b=2.0), ox.objective("A"))
    >>> [trace["name"] for trace in curves_chart(ox.solve(problem)).traces]
    ['chosen in every bucket', '1', '2', 'chosen in 1', 'chosen in 2']
    """
    problem, x, names = schedule.problem, schedule.x, bucket_names(schedule.problem.index)
    cost, shown = problem.impact.cost(x), _spread(x)
    top = np.minimum(problem.hi, 1.6 * max(x.max(), 1e-9 * problem.shares))
    hover = {"hovertemplate": f"%{{x:{SHARES}}} shares cost $%{{y:{DOLLARS}}}"}
    dots = {"mode": "markers", "marker": {"color": "faint", "size": 5}, "text": [literal(name) for name in names]}
    every = {
        "type": "scatter",
        "name": "chosen in every bucket",
        "x": x,
        "y": cost,
        **dots,
        "hovertemplate": f"bucket %{{text}}: %{{x:{SHARES}}} shares cost $%{{y:{DOLLARS}}}<extra></extra>",
    }
    curves, points = [], []
    for k, line in zip(shown, _lines(), strict=False):
        grid = np.linspace(0.0, top[k], PLACES)
        own = problem.impact if problem.impact.buckets is None else problem.impact.take(k)
        name, colour = literal(names[k]), line["color"]
        curve = {"type": "scatter", "mode": "lines", "name": name, "x": grid, "y": own.cost(grid), "line": line}
        mark = {"color": colour, "size": 11, "line": {"color": "paper", "width": 1.5}}
        point = {"type": "scatter", "mode": "markers", "name": f"chosen in {name}", "x": x[[k]], "y": cost[[k]]}
        curves.append({**curve, **hover})
        points.append({**point, "marker": mark, "showlegend": False, **hover})
    frame = pd.DataFrame(
        {"shares": x, "impact cost ($)": cost, "impact cost ($/share)": _each(cost, x), "floor (shares)": problem.lo,
         "cap (shares)": problem.hi},
        index=_labels(problem.index),
    )  # fmt: skip
    forms = {"shares": READ["shares"], "impact cost ($)": READ["dollars"], "impact cost ($/share)": READ["price"]}
    forms |= {"floor (shares)": READ["shares"], "cap (shares)": READ["shares"]}
    layout = {
        "xaxis": _axis("shares in the bucket", rangemode="tozero"),
        "yaxis": _axis("impact cost ($)", rangemode="tozero"),
        "hovermode": "closest",
    }
    told = f"The curves of {len(shown)} of {problem.buckets} buckets from the largest slice to the smallest; every bucket's choice as a dot."
    title = "Impact cost against shares, and what was chosen"
    return Chart("curves", title, told, [every, *curves, *points], layout, Table("curves", title, frame, forms))


def marginal_chart(schedule: Schedule) -> Chart:
    """Marginal cost of each bucket against the one price lambda, by where its slice stands between its limits.

    >>> import optexec as ox
    >>> problem = ox.Problem(ox.Order(300), ox.Power(a=[1.0, 2.0], b=2.0), ox.objective("A"))
    >>> [trace["name"] for trace in marginal_chart(ox.solve(problem)).traces]
    ['between its limits', 'lambda']
    """
    problem, x, price = schedule.problem, schedule.x, schedule.marginal_price
    marginal, near = problem.gradient(x), AT_LIMIT * problem.shares
    standing = np.where(x <= problem.lo + near, "at its floor", "between its limits")
    standing = np.where((x >= problem.hi - near) & (x > problem.lo + near), "at its cap", standing)
    places = np.array(_places(problem.index))
    hover = {"hovertemplate": f"$%{{y:{PRICE}}} a share"}
    traces: list[dict[str, Any]] = []
    kinds = (("between its limits", "answer", "circle"), ("at its floor", "other1", "triangle-up"), ("at its cap", "other2", "square"))
    for name, colour, mark in kinds:
        chosen = standing == name
        if chosen.any():
            style = {"color": colour, "symbol": mark, "size": 5 if len(x) > CROWDED else 9}
            traces.append({"type": "scatter", "mode": "markers", "name": name, "x": places[chosen], "y": marginal[chosen], "marker": style, **hover})
    if np.isfinite(price):
        line = {"color": "ink", "width": 1.5, "dash": "dash"}
        traces.append({"type": "scatter", "mode": "lines", "name": "lambda", "x": places, "y": np.full(len(x), price), "line": line, **hover})
    frame = pd.DataFrame(
        {"shares": x, "marginal cost ($/share)": marginal, "less lambda ($/share)": marginal - price, "slice": standing},
        index=_labels(problem.index),
    )
    forms = {"shares": READ["shares"], "marginal cost ($/share)": READ["price"], "less lambda ($/share)": ".3g"}
    layout = {"xaxis": _bucket_axis(problem.index), "yaxis": _axis("one more share ($)"), "hovermode": "closest"}
    counts = ", ".join(f"{(standing == name).sum()} {name}" for name, _, _ in kinds if (standing == name).any())
    title = "What one more share would cost in each bucket"
    return Chart("marginal", title, f"Slices: {counts}.", traces, layout, Table("marginal", title, frame, forms))


def terms_chart(schedules: Mapping[str, Schedule]) -> Chart:
    """Cost of each term, stacked, of some schedules.

    >>> import optexec as ox
    >>> problem = ox.Problem(ox.Order(300), ox.Power(a=[1.0, 2.0], b=2.0), ox.objective("C", psi=1.0))
    >>> [trace["name"] for trace in terms_chart({"newton": ox.solve(problem)}).traces]
    ['impact', 'inventory risk']
    """
    costs = pd.DataFrame({name: schedule.breakdown for name, schedule in schedules.items()}).T
    costs.columns = [column.replace("_", " ") for column in costs.columns]
    names, colours = list(costs.index), ("answer", *OTHERS)
    traces = [
        {"type": "bar", "orientation": "h", "name": literal(term), "y": names, "x": costs[term],
         "marker": {"color": colours[k % len(colours)]}, "hovertemplate": f"$%{{x:{DOLLARS}}}"}
        for k, term in enumerate(costs.columns)
    ]  # fmt: skip
    layout = {
        "barmode": "relative",
        "bargap": 0.35,
        "xaxis": _axis("cost ($)", rangemode="tozero"),
        "yaxis": {"type": "category", "autorange": "reversed", "automargin": True, "fixedrange": True},
        "hovermode": "y unified",
    }
    frame = costs.rename(columns=lambda term: f"{term} ($)").rename_axis("schedule")
    frame["sum ($)"] = [schedule.objective for schedule in schedules.values()]
    told = "; ".join(f"{name}: ${total:,.2f}" for name, total in frame["sum ($)"].items())
    title, forms = "Cost by term", dict.fromkeys(frame.columns, READ["dollars"])
    return Chart("terms", title, f"{told}.", traces, layout, Table("terms", title, frame, forms))


def frontier_chart(frontier: "Frontier", schedule: Schedule) -> Chart:
    """Cost against risk over risk aversion, with the baselines and the schedule.

    >>> import optexec as ox
    >>> problem = ox.Problem(ox.Order(300), ox.Power(a=1e-4, b=2.0), ox.objective("A"), buckets=3)
    >>> drawn = frontier_chart(ox.frontier(problem, points=5), ox.solve(problem))
    >>> [trace["name"] for trace in drawn.traces][:2]
    ['efficient frontier', 'this schedule']
    """
    frame, baselines = frontier.frame, frontier.baselines
    unit = "$" if frontier.risk_unit == "dollars" else "shares"
    told_at = f"$%{{y:{DOLLARS}}} at a deviation of %{{x:{PRICE}}} {unit}"
    hover = {"hovertemplate": told_at}
    line = {"type": "scatter", "mode": "lines+markers", "line": {"color": "answer", "width": 2}, "marker": {"size": 4}}
    here = {"x": [float(np.sqrt(frontier.tradeoff.variance(schedule.x)))], "y": [frontier.tradeoff.cost(schedule.x)]}
    traces: list[dict[str, Any]] = [
        {**line, "name": "efficient frontier", "x": frame["standard_deviation"], "y": frame["cost"], **hover},
        {**_mark("this schedule", "other1", "star", 14), **here, **hover},
    ]
    sides = [("top center", "bottom center")[k % 2] for k in range(len(baselines))]
    labelled = {"mode": "markers+text", "text": list(baselines.index), "textposition": sides, "textfont": {"size": 10}}
    others = {"x": baselines["standard_deviation"], "y": baselines["cost"], "hovertemplate": f"%{{text}}: {told_at}"}
    traces.append({**_mark("baselines", "other2", "square", 8), **others, **labelled})
    costs = np.append(frame["cost"], baselines["cost"])
    wide = costs.min() > 0 and costs.max() > WIDE * costs.min()
    risk = f"standard deviation ({unit})"
    layout = {
        "xaxis": _axis(risk),
        "yaxis": _axis("expected cost ($)", **({"type": "log"} if wide else {})),
        "hovermode": "closest",
    }
    named = {"psi": "psi ($/share²)", "cost": "cost ($)", "standard_deviation": risk, "gap": "gap", "method": "method"}
    table = frame[list(named)].rename(columns=named).set_index("psi ($/share²)")
    table.index = pd.Index([float(f"{psi:.6g}") for psi in table.index], name="psi ($/share²)")
    forms = {"cost ($)": READ["dollars"], risk: READ["price"], "gap": GAP}
    told = (
        f"Cost rises from ${frame['cost'].iloc[0]:,.2f} to ${frame['cost'].iloc[-1]:,.2f} as the standard deviation "
        f"falls from {frame['standard_deviation'].iloc[0]:,.6g} to {frame['standard_deviation'].iloc[-1]:,.6g} {unit}."
    )
    title = "Least cost at each level of risk"
    return Chart("frontier", title, told, traces, layout, Table("frontier", title, table, forms))


def _mark(name: str, colour: str, symbol: str, size: int) -> dict[str, Any]:
    marker = {"color": colour, "symbol": symbol, "size": size, "line": {"color": "paper", "width": 1}}
    return {"type": "scatter", "mode": "markers", "name": name, "marker": marker}


def _lines(shape: str = "linear") -> list[dict[str, Any]]:
    return [
        {"color": colour, "dash": dash, "width": 2, "shape": shape}
        for colour, dash in zip(OTHERS, DASHES, strict=True)
    ]


def _places(index: pd.Index) -> list[str]:
    """Where buckets stand on their axis: times of a day, else names."""
    times = clock_times(index)
    return [literal(name) for name in bucket_names(index)] if times is None else list(times.strftime("%Y-%m-%dT%H:%M:%S"))


def _bucket_axis(index: pd.Index) -> dict[str, Any]:
    times = clock_times(index)
    if times is None:
        return {**_axis(literal(axis_name(index))), "type": "category"}
    form = "%H:%M:%S" if (times != times.floor("min")).any() else "%H:%M"
    return {**_axis(axis_name(index)), "type": "date", "hoverformat": form, "tickformat": form}


def _axis(title: str, **more: Any) -> dict[str, Any]:
    return {"title": {"text": title}, "automargin": True, **more}


def _labels(index: pd.Index) -> pd.Index:
    return pd.Index([str(label) for label in index], name=str(index.name))


def _by_bucket(name: str, index: pd.Index, columns: Mapping[str, Array]) -> Table:
    frame = pd.DataFrame({f"{column} (shares)": values for column, values in columns.items()}, index=_labels(index))
    told = {"shares": "Shares traded in each bucket", "inventory": "Shares still to trade after each bucket"}[name]
    return Table(name, told, frame, dict.fromkeys(frame.columns, ",.2f"))


def _spread(x: Array) -> list[int]:
    """Buckets from the largest slice to the smallest, evenly by rank, among those that trade."""
    order = np.argsort(-x, kind="stable")
    order = order[: max(np.count_nonzero(x > 0), 1)]
    ranks = np.unique(np.linspace(0, len(order) - 1, min(CURVES, len(order))).round().astype(int))
    return [int(k) for k in order[ranks]]


def _each(cost: Array, x: Array) -> Array:
    """Dollars a share; NaN where nothing trades."""
    return np.divide(cost, x, out=np.full(len(x), np.nan), where=x > 0)
