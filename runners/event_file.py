"""Events of a day from a file: a CSV table or JSON lines, one event a row."""

import json
import re
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import MISSING, fields
from pathlib import Path
from typing import Any

import pandas as pd

from optexec.data.impact_record import impact_from
from optexec.data.opened_file import read_text
from optexec.data.text_table import read_rows
from optexec.models.errors import InvalidInput, OptexecError, unknown_name
from optexec.models.execution_events import (
    Amended,
    Blackout,
    Cancelled,
    Closed,
    Event,
    Filled,
    Forecast,
    Halted,
    Observed,
    Opened,
    Rejected,
    Resumed,
)

EVENTS: dict[str, Any] = {
    "open": Opened,
    "close": Closed,
    "market": Observed,
    "fill": Filled,
    "reject": Rejected,
    "amend": Amended,
    "cancel": Cancelled,
    "halt": Halted,
    "resume": Resumed,
    "blackout": Blackout,
    "forecast": Forecast,
}
"""Name of an event in a file -> its class, whose fields are the columns that it may fill."""
JSON_LINES = (".jsonl", ".ndjson")
LABELS = ("bucket", "until", "first", "last")
COLUMNS = ("event", *dict.fromkeys(field.name for kind in EVENTS.values() for field in fields(kind)))
FOR_PEOPLE = ("clock", "note")
"""Columns that are not read."""
_PAST = re.compile(r"\+[1-9][0-9]{0,8}")


def read_events(path: Path, index: pd.Index) -> list[Event]:
    """Read the events of a day.

    Args:
        path: JSON lines (.jsonl, .ndjson, also with .gz or .zst), one object a line; any other file is read as a table
            of `COLUMNS`, which has no rows before the first event.
        index: labels of the buckets, by which the file names them; "+1" is the first one past the end.

    Raises:
        InvalidInput: a file that cannot be read, or an event that is none, by row, column and what would mend it.

    >>> import tempfile
    >>> path = Path(tempfile.mkdtemp(), "fills.jsonl")
    >>> _ = path.write_text('{"event": "open", "bucket": "09:31"}')
    >>> read_events(path, pd.Index(["09:30", "09:31"]))
    [Opened(bucket=1)]
    """
    rows = (
        _json_rows(path)
        if path.name.removesuffix(".gz").removesuffix(".zst").endswith(JSON_LINES)
        else _table_rows(path)
    )
    positions = {str(label): position for position, label in enumerate(index)}
    events = []
    for where, cells in rows:
        try:
            events.append(_event(cells, lambda label: _position(label, positions)))
        except OptexecError as error:
            raise InvalidInput(f"{path}, row {where}: {error}") from None
        except RecursionError:
            raise InvalidInput(f"{path}, row {where}: is nested too deeply") from None
    return events


def _event(cells: dict[str, Any], position: Callable[[str], int]) -> Event:
    name = cells.pop("event", None)
    if not isinstance(name, str) or name not in EVENTS:
        raise unknown_name("event", name, EVENTS)
    kind = EVENTS[name]
    columns = {field.name: field.default is MISSING for field in fields(kind)}
    for column in cells:
        if column not in COLUMNS:
            raise unknown_name("key", column, COLUMNS)
        if column not in columns:
            raise InvalidInput(f"column {column}: {name} has no {column}")
    if missing := [column for column, needed in columns.items() if needed and column not in cells]:
        raise InvalidInput(f"{name} needs {' and '.join(missing)}")
    event: Event = kind(**{column: _value(column, cell, position) for column, cell in cells.items()})
    return event


def _value(column: str, cell: Any, position: Callable[[str], int]) -> Any:
    """A cell as the field of an event."""
    if column in LABELS:
        return position(str(cell))
    if column == "reason":
        return str(cell)
    if column == "impact":
        return impact_from(cell)
    if column == "child":
        return _whole(column, cell)
    return [_number(column, member) for member in cell] if isinstance(cell, list) else _number(column, cell)


def _number(column: str, cell: Any) -> float:
    if not isinstance(cell, bool):
        with suppress(TypeError, ValueError, OverflowError):
            return float(cell)
    raise InvalidInput(f"column {column}: {cell!r:.40} is not a number; mend the cell")


def _whole(column: str, cell: Any) -> int:
    """A whole number, also where a program has written it as 3.0."""
    number = _number(column, cell)
    if not number.is_integer():
        raise InvalidInput(f"column {column}: {cell!r:.40} is not a whole number; mend the cell")
    return int(number)


def _position(label: str, positions: dict[str, int]) -> int:
    if label in positions:
        return positions[label]
    if _PAST.fullmatch(label):
        return len(positions) - 1 + int(label)
    raise unknown_name("bucket", label, positions)


def _table_rows(path: Path) -> Iterator[tuple[int, dict[str, Any]]]:
    table = read_rows(path)
    table.require(["event"])
    for name in table.header:
        if name not in (*COLUMNS, *FOR_PEOPLE):
            raise InvalidInput(f"{path}, row 1: {unknown_name('column', name, (*COLUMNS, *FOR_PEOPLE))}")
    for line, row in zip(table.lines, table.cells, strict=True):
        cells = {name: cell.strip() for name, cell in zip(table.header, row, strict=True) if name not in FOR_PEOPLE}
        yield int(line), {name: cell for name, cell in cells.items() if cell}


def _json_rows(path: Path) -> Iterator[tuple[int, dict[str, Any]]]:
    for number, line in enumerate(read_text(path).split("\n"), start=1):
        if not line.strip():
            continue
        try:
            cells = json.loads(line)
        except (ValueError, RecursionError):
            cells = None
        if not isinstance(cells, dict):
            raise InvalidInput(f"{path}, row {number}: is not a JSON object; write one event a line")
        yield number, {name: cell for name, cell in cells.items() if cell is not None and name not in FOR_PEOPLE}
