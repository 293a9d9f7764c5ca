"""Files and tables that the commands write."""

import json
import math
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd
from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table

from optexec.analysis.wording import dollars as dollars
from optexec.analysis.wording import money as money
from optexec.analysis.wording import percent as percent
from optexec.analysis.wording import percentage as percentage
from optexec.models.errors import InvalidInput
from optexec.models.json_values import json_value

if TYPE_CHECKING:
    from matplotlib.figure import Figure

PLAIN_WIDTH = 120
TABLES = (".csv", ".parquet")


def check_writable(path: Path | None, suffixes: tuple[str, ...] = TABLES) -> None:
    """Refuse an output file of another suffix, or in a folder that does not exist, before the work is done.

    >>> check_writable(Path("schedule.xls"))
    Traceback (most recent call last):
    ...
    optexec.models.errors.InvalidInput: schedule.xls: cannot be written as '.xls'; name it .csv or .parquet
    """
    if path is None:
        return
    if path.suffix not in suffixes:
        raise InvalidInput(f"{path}: cannot be written as {path.suffix!r}; name it {' or '.join(suffixes)}")
    if not path.parent.is_dir():
        raise InvalidInput(f"{path}: there is no folder {path.parent}; make it first")


@contextmanager
def writing(path: Path) -> Iterator[None]:
    """Tell an error of the disk as one of this file.

    >>> with writing(Path("nowhere/page.html")):
    ...     _ = Path("nowhere/page.html").write_text("")
    Traceback (most recent call last):
    ...
    optexec.models.errors.InvalidInput: nowhere/page.html: cannot be written (No such file or directory)
    """
    try:
        yield
    except OSError as error:
        raise InvalidInput(f"{path}: cannot be written ({error.strerror or error})") from None


def write_table(table: pd.DataFrame, path: Path | None) -> None:
    """Write a table with its index as CSV or Parquet, by the suffix; nothing without a path."""
    if path is None:
        return
    with writing(path):
        if path.suffix == ".csv":
            table.to_csv(path, lineterminator="\n")
        else:
            table.to_parquet(path)


def write_figure(figure: "Figure", path: Path) -> None:
    """Write a picture, by the suffix."""
    with writing(path):
        figure.savefig(path)


def basis_points(value: float | None, unknown: str) -> str:
    """Basis points, or a word where they are not defined: None or NaN.

    >>> basis_points(12.34567, "no price"), basis_points(float("nan"), "no volume")
    ('12.346', 'no volume')
    """
    return unknown if value is None or math.isnan(value) else f"{value:,.3f}"


def print_json(schema: str, **content: Any) -> None:
    """Print one JSON object on stdout; numbers that JSON does not have become null.

    >>> print_json("optexec.example.v1", gap=float("inf"))
    {"schema": "optexec.example.v1", "gap": null}
    """
    print(json.dumps({"schema": schema, **json_value(content)}, allow_nan=False))


def records(table: pd.DataFrame) -> list[dict[str, Any]]:
    """The rows of a table as dictionaries, the index first.

    >>> records(pd.DataFrame({"cost": [1.5]}, index=pd.Index(["twap"], name="schedule")))
    [{'schedule': 'twap', 'cost': 1.5}]
    """
    return [{str(k): v for k, v in row.items()} for row in table.reset_index().to_dict("records")]


def console() -> Console:
    """Where people read: the terminal at its own width, or plain text 120 columns wide."""
    return Console(width=None if sys.stdout.isatty() else PLAIN_WIDTH, highlight=False, markup=False, emoji=False)


def facts(rows: dict[str, str]) -> Table:
    """Two columns, what and how much."""
    table = Table.grid(padding=(0, 2))
    table.add_column(style="bold")
    table.add_column()
    for name, value in rows.items():
        table.add_row(name, value)
    return table


def columns(headings: list[str], rows: list[list[str]]) -> Table:
    """A table whose first column is text and whose others are numbers, aligned right; ruled in a terminal."""
    rules = SIMPLE_HEAD if sys.stdout.isatty() else None
    table = Table(box=rules, pad_edge=False, header_style="bold", padding=(0, 2, 0, 0))
    for place, heading in enumerate(headings):
        table.add_column(heading, justify="right" if place else "left", no_wrap=place == 0)
    for row in rows:
        table.add_row(*row)
    return table
