"""The columns of a table of orders: each is a key of a spec, with the key's own name or a short one."""

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from optexec.data.bucket_store import StoredBuckets
from optexec.models.errors import InvalidInput, unknown_name
from optexec.runners.tables import (
    Document,
    ExponentialTable,
    LimitsTable,
    LinearTable,
    ObjectiveTable,
    OrderTable,
    PowerTable,
    SolveTable,
)
from optexec.runners.toml_file import value_of

OWN = ("order_id", "symbol", "start", "end")
"""Columns that say which order it is, and over which buckets it trades."""
PARAMETERS = {
    name: [field for field in table.model_fields if field not in ("family", "quoted")]
    for name, table in (("Linear", LinearTable), ("Power", PowerTable), ("Exponential", ExponentialTable))
}
"""Family -> its parameters."""
CURVES = ("family", "quoted", *sorted({name for names in PARAMETERS.values() for name in names}))
SPREAD = "half_spread"
SHORT = {
    **{field: f"order.{field}" for field in OrderTable.model_fields},
    **{field: f"limits.{field}" for field in LimitsTable.model_fields},
    **{field: f"solve.{field}" for field in SolveTable.model_fields},
    **{field: f"objective.{field}" for field in ObjectiveTable.model_fields if field not in ("name", "terms")},
    **{field: f"impact.{field}" for field in CURVES},
    "objective": "objective.name",
}
"""Short name of a column -> its key."""
SECTIONS = set(Document.model_fields) - {"buckets"}


def keys(header: Sequence[str], ignored: Iterable[str] = ()) -> dict[str, str]:
    """Name -> key of each column that belongs to the spec of its order.

    Args:
        header: names of the columns.
        ignored: columns that are not read.

    Raises:
        InvalidInput: a column that is no key, with the nearest that is; no order_id or symbol; a column to ignore that
            is not there.

    >>> keys(["order_id", "symbol", "shares", "objective", "impact.2.a", "trader"], ignored=["trader"])
    {'shares': 'order.shares', 'objective': 'objective.name', 'impact.2.a': 'impact.2.a'}
    >>> keys(["order_id", "symbol", "participaton"])
    Traceback (most recent call last):
    ...
    optexec.models.errors.InvalidInput: unknown column 'participaton'; did you mean 'participation'? known: ...
    """
    ignored = set(ignored)
    for name in ("order_id", "symbol", *ignored):
        if name not in header:
            raise InvalidInput(f"no column {name!r}; the header has {', '.join(header)}")
    known = [*OWN, *SHORT]
    for name in header:
        if name not in known and name not in ignored and name.partition(".")[0] not in SECTIONS:
            raise unknown_name("column", name, known)
    return {name: SHORT.get(name, name) for name in header if name not in OWN and name not in ignored}


def typed(cell: Any) -> Any:
    """A cell as a value of a spec: a number, a list or table of TOML, else text.

    >>> typed("1e5"), typed("volume"), typed("{ power = 2.0 }"), typed(7)
    (100000.0, 'volume', {'power': 2.0}, 7)
    """
    if not isinstance(cell, str):
        return cell if isinstance(cell, int | float | list) else str(cell)
    text = cell.strip()
    try:
        return float(text)
    except ValueError:
        return value_of(text) if text[:1] in ("[", "{") else text


def stored_impact(buckets: StoredBuckets) -> list[dict[str, Any]]:
    """The impact that a table of buckets declares: its family, and half the spread where it has a column of it.

    Columns `family` and `quoted` hold one word each; the parameters stand in columns of their own names.

    Raises:
        InvalidInput: no family in the table, or more than one.

    >>> import pandas as pd
    >>> cells = {"family": ["Power"], "quoted": ["per_share"], "half_spread": [0.01], "a": [1e-5], "b": [0.6]}
    >>> declared = stored_impact(StoredBuckets("s", tuple(cells), {n: pd.Index(v) for n, v in cells.items()}, 1))
    >>> declared[0]
    {'family': 'Power', 'quoted': 'per_share', 'a': 'a', 'b': 'b'}
    >>> declared[1]
    {'family': 'Linear', 'quoted': 'total', 'slope': 'half_spread'}
    """
    for name in ("family", "quoted"):
        if name not in buckets.header:
            raise InvalidInput(
                f"{buckets.path}: no column {name!r}; add it, or declare [impact] in --spec or in columns of the orders"
            )
    family, quoted = (_word(buckets, name) for name in ("family", "quoted"))
    impact = {"family": family, "quoted": quoted, **{name: name for name in PARAMETERS.get(family, ())}}
    half = {"family": "Linear", "quoted": "total", "slope": SPREAD}
    return [impact, half] if SPREAD in buckets.header else [impact]


def _word(buckets: StoredBuckets, name: str) -> str:
    cells = np.asarray(buckets.columns[name])
    if not (cells == cells[0]).all():
        raise buckets.fault(0, name, "differs between buckets; declare [impact] in --spec")
    return str(cells[0])


def named(value: Any) -> set[str]:
    """Every text in a value of a spec, such as the names of columns.

    >>> sorted(named({"a": "scale", "weights": {"volatility": "sigma"}, "b": 0.5}))
    ['scale', 'sigma']
    """
    if isinstance(value, str):
        return {value}
    members = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return {text for member in members for text in named(member)}
