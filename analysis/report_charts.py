"""The charts of a report that show shares and risk, each with its numbers as a table."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from optexec.analysis.chart_style import (
    DEVIATION,
    DOLLARS,
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
from optexec.analysis.plot_style import CROWDED, is_wide
from optexec.analysis.report_parts import GAP, Chart, Table, literal
from optexec.analysis.wording import counted, money
from optexec.models.schedule import Schedule
from optexec.models.validation import Array

if TYPE_CHECKING:
    from optexec.analysis.frontier import Frontier

TRADED, HELD = "Shares traded in each bucket", "Shares still to trade after each bucket"


def shares_chart(index: pd.Index, shares: Mapping[str, Array]) -> Chart:
    """Shares of each bucket: the first schedule as bars, others as steps.

    >>> shares_chart(pd.RangeIndex(1, 3, name="bucket"), {"waterfill": np.array([2.0, 1.0])}).traces[0]["y"].tolist()
    [2.0, 1.0]
    """
    (answer, x), *others = shares.items()
    where, told = places(index), f"%{{y:{SHARES}}} shares"
    bars = {"type": "bar", "name": literal(answer), "x": where, "y": x, "marker": {"color": "answer"}}
    steps = [
        curve(literal(name), where, other, line, told)
        for (name, other), line in zip(others, lines("hvh"), strict=False)
    ]
    layout = {
        "xaxis": bucket_axis(index),
        "yaxis": axis("shares a bucket", rangemode="tozero"),
        "hovermode": "x unified",
        "bargap": 0.0 if len(index) > CROWDED else 0.2,
    }
    most, trading = int(np.argmax(x)), counted(int(np.count_nonzero(x)), "bucket")
    description = f"{answer} trades in {trading}, most in bucket {index[most]}, {x[most]:,.10g} shares."
    if not x.any():
        description = f"{answer} trades nothing."
    traces = [{**bars, "hovertemplate": told}, *steps]
    return Chart("shares", TRADED, description, traces, layout, _by_bucket("shares", TRADED, index, shares))


def inventory_chart(index: pd.Index, inventory: Mapping[str, Array]) -> Chart:
    """Shares still to trade after each bucket.

    >>> inventory_chart(pd.RangeIndex(1, 3, name="bucket"), {"twap": np.array([1.0, 0.0])}).name
    'inventory'
    """
    (answer, held), *others = inventory.items()
    where, told = places(index), f"%{{y:{SHARES}}} shares"
    area = {"fill": "tozeroy", "fillcolor": "area"}
    first = {**curve(literal(answer), where, held, {"color": "answer", "width": 2}, told), **area}
    beside = [
        curve(literal(name), where, other, line, told) for (name, other), line in zip(others, lines(), strict=False)
    ]
    drawn = [{**trace, "mode": "lines" if len(index) > CROWDED else "lines+markers"} for trace in (first, *beside)]
    layout = {
        "xaxis": bucket_axis(index),
        "yaxis": axis("shares still to trade", rangemode="tozero"),
        "hovermode": "x unified",
    }
    description = (
        f"{answer} holds {held[0]:,.10g} shares after the first bucket, and {held[-1]:,.10g} after the last"
        f"{_half_done(index, held)}."
    )
    table = _by_bucket("inventory", HELD, index, inventory)
    return Chart("inventory", HELD, description, drawn, layout, table)


def _half_done(index: pd.Index, held: Array) -> str:
    """The first bucket after which half of what was held after the first is left, if there is one."""
    low = np.flatnonzero(held <= 0.5 * held[0])
    return f"; at most half of the former from bucket {index[low[0]]} on" if low.size and low[0] else ""


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
    told = f"%{{y:{DOLLARS}}} at a deviation of %{{x:{DEVIATION}}} {unit}"
    here = [frontier.tradeoff.variance(schedule.x) ** 0.5], [frontier.tradeoff.cost(schedule.x)]
    line, point = {"color": "answer", "width": 2}, {"color": "answer", "size": 4}
    square = {"color": "other2", "symbol": "square", "size": 8}
    drawn = curve("efficient frontier", frame["standard_deviation"], frame["cost"], line, told)
    places = baselines["standard_deviation"], baselines["cost"]
    sides = [("top center", "bottom center")[k % 2] for k in range(len(baselines))]
    labelled = {"mode": "markers+text", "text": list(baselines.index), "textposition": sides, "textfont": {"size": 10}}
    traces = [
        {**drawn, "mode": "lines+markers", "marker": point},
        marks("this schedule", *here, {"color": "other1", "symbol": "star", "size": 14}, told),
        {**marks("baselines", *places, square, f"%{{text}}: {told}"), **labelled},
    ]
    wide = is_wide(np.append(frame["cost"], baselines["cost"]))
    layout = {
        "xaxis": axis(f"standard deviation ({unit})"),
        "yaxis": axis("expected cost ($)", **({"type": "log"} if wide else {})),
        "hovermode": "closest",
    }
    first, last = frame.iloc[0], frame.iloc[-1]
    ends = (f"{money(row['cost'])} at a deviation of {row['standard_deviation']:,.6g} {unit}" for row in (first, last))
    description = f"From {' to '.join(ends)}." if len(frame) > 1 else f"One point, {next(ends)}."
    title = "Least cost for each risk aversion"
    return Chart("frontier", title, description, traces, layout, _frontier_table(title, frame, unit))


def _frontier_table(title: str, frame: pd.DataFrame, unit: str) -> Table:
    psi, risk = "psi ($/share²)", f"standard deviation ({unit})"
    named = {"psi": psi, "cost": "cost ($)", "standard_deviation": risk, "gap": "gap", "method": "method"}
    forms = {psi: ".3g", "cost ($)": READ["dollars"], risk: READ["price"], "gap": GAP}
    return Table("frontier", title, frame[list(named)].rename(columns=named).set_index(psi), forms)


def _by_bucket(name: str, title: str, index: pd.Index, columns: Mapping[str, Array]) -> Table:
    frame = pd.DataFrame({f"{column} (shares)": values for column, values in columns.items()}, index=labels(index))
    return Table(name, title, frame, dict.fromkeys(frame.columns, READ["shares"]))
