"""The columns of a table of orders: each is a key of a spec, with the key's own name or a short one."""

from collections.abc import Iterable, Sequence
from decimal import Decimal
from itertools import permutations
from typing import Any

import numpy as np

from optexec.data.bucket_store import StoredBuckets
from optexec.models.errors import InvalidInput, unknown_name
from optexec.runners.tables import (
    ExponentialTable,
    LimitsTable,
    LinearTable,
    ObjectiveTable,
    OrderTable,
    PowerTable,
    SolveTable,
    Table,
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
TABLES: dict[str, type[Table]] = {
    "order": OrderTable,
    "limits": LimitsTable,
    "solve": SolveTable,
    "objective": ObjectiveTable,
}
FULL = [f"{section}.{field}" for section, table in TABLES.items() for field in table.model_fields]
"""Keys of the sections that have a fixed number of them."""
SHORT = {
    **{key.partition(".")[2]: key for key in FULL if key not in ("objective.name", "objective.terms")},
    **{field: f"impact.{field}" for field in CURVES},
    "objective": "objective.name",
}
"""Short name of a column -> its key."""
BOOLEANS = {"true": True, "false": False}


def keys(header: Sequence[str], ignored: Iterable[str] = ()) -> dict[str, str]:
    """Name -> key of each column that belongs to the spec of its order.

    Args:
        header: names of the columns.
        ignored: columns that are not read.

    Raises:
        InvalidInput: a column that is no key, with the nearest that is; two columns of one key; no order_id or
            symbol, or one to ignore; a column to ignore that is not there.

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
    for name in ignored & {"order_id", "symbol"}:
        raise InvalidInput(f"column {name!r} is needed; leave out --ignore {name}")
    found = {name: _key(name) for name in header if name not in OWN and name not in ignored}
    for (one, key), (other, part) in permutations(found.items(), 2):
        if f"{part}.".startswith(f"{key}."):
            raise InvalidInput(f"columns {one!r} and {other!r} both give {key}; keep one of them")
    return found


def _key(name: str) -> str:
    """The key of a column: that of its short name, or its name if that is a key in full."""
    section, _, field = name.partition(".")
    if name in SHORT:
        return SHORT[name]
    if section not in (*TABLES, "impact"):
        raise unknown_name("column", name, [*OWN, *SHORT])
    if field and section in TABLES and field.partition(".")[0] not in TABLES[section].model_fields:
        raise unknown_name("column", name, [key for key in FULL if key.startswith(f"{section}.")])
    return name


def typed(cell: Any) -> Any:
    """A cell as a value of a spec: a number, true or false, a list or table of TOML, else text.

    >>> typed("1e5"), typed("volume"), typed("{ power = 2.0 }"), typed("False"), typed(7)
    (100000.0, 'volume', {'power': 2.0}, False, 7)
    >>> typed(Decimal("0.10")), typed({"power": 2.0, "volatility": None})
    (0.1, {'power': 2.0})
    """
    return _read(cell.strip()) if isinstance(cell, str) else _plain(cell)


def _read(text: str) -> Any:
    try:
        return float(text)
    except ValueError:
        return value_of(text) if text[:1] in ("[", "{") else BOOLEANS.get(text.lower(), text)


def _plain(value: Any) -> Any:
    """A value of a Parquet file as TOML would give it."""
    if isinstance(value, Decimal):
        return float(value)
    if isinstance(value, list):
        return [_plain(member) for member in value]
    if isinstance(value, dict):
        return {name: _plain(member) for name, member in value.items() if member is not None}
    return value if isinstance(value, str | int | float) else str(value)


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
