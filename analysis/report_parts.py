"""What a report is made of: facts, tables that can be downloaded, charts with the table behind each, sections."""

import base64
import csv
import html
import io
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import pandas as pd

from optexec.analysis.wording import brief, dollars
from optexec.models.json_values import json_value

MISSING = "-"
"""What stands in a cell whose number is not known."""
GAP, CENTS = "gap", "cents"
"""The formats of ratios and of dollars, which may be tiny."""


@dataclass(frozen=True)
class Table:
    """A table to be read, and downloaded with every digit.

    Args:
        name: of the file that is downloaded, without its suffix.
        caption: what it shows.
        frame: its values; the index is the first column.
        formats: column -> format of its numbers for reading, such as ",.2f", `GAP` or `CENTS` (see `read`).

    >>> Table("costs", "Costs", pd.DataFrame({"cost ($)": [1234.567]}, ["twap"]), {"cost ($)": ",.2f"}).rows
    [['twap', '1,234.57']]
    """

    name: str
    caption: str
    frame: pd.DataFrame
    formats: Mapping[str, str] = field(default_factory=dict)

    @property
    def headings(self) -> list[str]:
        """Headings of the columns, with units."""
        return [str(self.frame.index.name or ""), *map(str, self.frame.columns)]

    @property
    def rows(self) -> list[list[str]]:
        """The cells as text for reading."""
        own, *forms = [self.formats.get(heading, "") for heading in self.headings]
        return [
            [read(label, own), *(read(value, form) for value, form in zip(values, forms, strict=True))]
            for label, *values in self.frame.itertuples()
        ]

    @property
    def numeric(self) -> list[bool]:
        """Whether each column after the first holds numbers, which stand to the right."""
        return [pd.api.types.is_numeric_dtype(kind) for kind in self.frame.dtypes]

    @property
    def download(self) -> str:
        """The table as CSV with every digit, as a data: URL."""
        text = io.StringIO()
        writer = csv.writer(text, lineterminator="\n")
        writer.writerow(self.headings)
        writer.writerows([label, *values] for label, *values in self.frame.itertuples())
        return "data:text/csv;charset=utf-8;base64," + base64.b64encode(text.getvalue().encode()).decode()


@dataclass(frozen=True)
class Chart:
    """A chart that can be hovered and zoomed, and the table behind it.

    Args:
        name: identifies it on the page.
        title: what it shows, with units.
        description: what is to be seen, for those who do not see it.
        traces: lines and bars as Plotly has them; colours are the names of the page's colours, see `report.css`.
        layout: axes as Plotly has them.
        table: the numbers.
    """

    name: str
    title: str
    description: str
    traces: Sequence[Mapping[str, Any]]
    layout: Mapping[str, Any]
    table: Table

    @property
    def figure(self) -> dict[str, Any]:
        """Traces and layout as JSON has them: numbers that are not finite are null."""
        return {"data": json_value(list(self.traces)), "layout": json_value(dict(self.layout))}


@dataclass(frozen=True)
class Section:
    """A part of the page.

    Args:
        name: identifies it on the page.
        title: its heading.
        notes: paragraphs.
        charts: below them.
        tables: tables that are shown open, below the charts.
    """

    name: str
    title: str
    notes: Sequence[str] = ()
    charts: Sequence[Chart] = ()
    tables: Sequence[Table] = ()


def facts(name: str, caption: str, values: Mapping[str, Any]) -> Table:
    """A table of two columns, what and its value.

    >>> facts("proof", "The proof", {"gap": 0.5, "status": "optimal"}).rows
    [['gap', '0.5'], ['status', 'optimal']]
    """
    frame = pd.DataFrame({"value": pd.Series(dict(values), dtype=object)}).rename_axis("what")
    return Table(name, caption, frame, {"value": ",.10g"})


def read(value: Any, form: str = "") -> str:
    """A value as text for reading; `GAP` and `CENTS` are formats for numbers of any size.

    >>> read(1234.567, ",.2f"), read(float("nan"), ",.2f"), read("optimal", ",.2f"), read(None)
    ('1,234.57', '-', 'optimal', '-')
    >>> read(104.2, GAP), read(2.34e-9, GAP), read(0.001234, CENTS)
    ('104.20', '2e-09', '0.001234')
    """
    if value is None or (isinstance(value, float) and not math.isfinite(value)):
        return MISSING
    if isinstance(value, str | bool):
        return str(value)
    return READERS[form](value) if form in READERS else format(value, form)


READERS: Mapping[str, Callable[[float], str]] = {GAP: brief, CENTS: dollars}


def literal(text: object) -> str:
    """Text that a chart shows as it stands, which would else read tags into it.

    >>> literal("<b>open</b>")
    '&lt;b&gt;open&lt;/b&gt;'
    """
    return html.escape(str(text), quote=False)
