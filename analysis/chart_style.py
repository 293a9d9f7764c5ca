"""What the charts of a report share: colours by name, the axes, places and labels of the buckets, formats."""

from typing import Any

import pandas as pd

from optexec.analysis.bucket_labels import axis_name, bucket_names, clock_format, clock_times
from optexec.analysis.report_parts import CENTS, literal

OTHERS = ("other1", "other2", "other3", "other4", "other5")
DASHES = ("dash", "dot", "dashdot", "longdash", "longdashdot")
SHARES, DOLLARS, PRICE, DEVIATION = ",.10~g", "$,.2f", "$,.6~g", ",.6~g"
"""Formats of the charts' numbers (d3), and below as Python has them."""
READ = {"shares": ",.10g", "dollars": CENTS, "price": ",.6g"}


def marks(name: str, x: Any, y: Any, marker: dict[str, Any], told: str) -> dict[str, Any]:
    """A trace of markers; `told` is what hovering over one says."""
    return {
        "type": "scatter",
        "mode": "markers",
        "name": name,
        "x": x,
        "y": y,
        "marker": marker,
        "hovertemplate": told,
    }


def curve(name: str, x: Any, y: Any, line: dict[str, Any], told: str) -> dict[str, Any]:
    """A trace of lines; `told` is what hovering over a place says."""
    return {"type": "scatter", "mode": "lines", "name": name, "x": x, "y": y, "line": line, "hovertemplate": told}


def lines(shape: str = "linear") -> list[dict[str, Any]]:
    """Lines that stay apart by colour and by dash."""
    return [
        {"color": colour, "dash": dash, "width": 2, "shape": shape} for colour, dash in zip(OTHERS, DASHES, strict=True)
    ]


def places(index: pd.Index) -> list[str]:
    """Where buckets stand on their axis: times of a day, else names."""
    times = clock_times(index)
    return [literal(name) for name in bucket_names(index)] if times is None else [time.isoformat() for time in times]


def bucket_axis(index: pd.Index) -> dict[str, Any]:
    """The axis of the buckets, in their order whatever the order of the traces."""
    times = clock_times(index)
    if times is None:
        order = {"categoryorder": "array", "categoryarray": places(index)}
        return {**axis(literal(axis_name(index))), "type": "category", **order}
    form = clock_format(times)
    return {**axis(axis_name(index)), "type": "date", "hoverformat": form, "tickformat": form}


def axis(title: str, **more: Any) -> dict[str, Any]:
    """An axis with its title."""
    return {"title": {"text": title}, "automargin": True, **more}


def labels(index: pd.Index) -> pd.Index:
    """The labels of the buckets as text, for a table."""
    return pd.Index([str(label) for label in index], name=str(index.name))
