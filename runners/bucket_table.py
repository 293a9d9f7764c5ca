"""The bucket table of a spec: columns of numbers, and the labels of the buckets."""

import numpy as np
import pandas as pd

from optexec.data.bucket_store import StoredBuckets
from optexec.data.text_table import TextTable
from optexec.models.errors import InvalidInput, unknown_name
from optexec.models.validation import Array

BucketTable = TextTable | StoredBuckets
"""One row a bucket: the cells of a file, or the arrays of a store."""


def column(table: BucketTable, name: str) -> Array:
    """Read one column as numbers, (N,).

    Raises:
        InvalidInput: a column that does not exist (with the nearest that does) or holds text, and a cell that
            is blank or no number, by file, row (the header being 1) and column.

    >>> from optexec.data import sample
    >>> from optexec.data.text_table import read_table
    >>> buckets = read_table(sample.path("buckets.csv"))
    >>> column(buckets, "volume")[:2].tolist()
    [29900.0, 23118.0]
    >>> column(buckets, "volum")
    Traceback (most recent call last):
    ...
    optexec.models.errors.InvalidInput: unknown column of buckets.csv 'volum'; did you mean 'volume'? known: ...
    """
    require(table, name)
    if isinstance(table, StoredBuckets):
        return table.numbers(name)
    cells = table.text([name])[:, 0]
    if pd.to_numeric(pd.Series(cells), errors="coerce").isna().all():
        raise InvalidInput(
            f"{table.path}, row {table.lines[0]}, column {name}: {cells[0]!r:.40} is not a number, "
            "nor is any cell of the column; name a column of numbers"
        )
    values = table.numbers([name])
    table.refuse(np.isnan(values), [name], "is blank; fill it in")
    return values[:, 0]


def labels(table: BucketTable, name: str) -> pd.Index:
    """Read one column as labels: numbers if every cell is one as it is written, else text: 0930 stays 0930.

    Raises:
        InvalidInput: a column that does not exist, a label that is blank or occurs twice.

    >>> from optexec.data import sample
    >>> from optexec.data.text_table import read_table
    >>> labels(read_table(sample.path("buckets.csv")), "time")[0]
    '2025-01-15T09:30:00-05:00'
    """
    require(table, name)
    if isinstance(table, StoredBuckets):
        return table.labels(name)
    cells = pd.Series(table.text([name])[:, 0]).str.strip()
    table.refuse((cells == "").to_numpy()[:, None], [name], "is blank; fill it in")
    twice = cells.duplicated().to_numpy()
    table.refuse(twice[:, None], [name], "labels two buckets; labels must be unique")
    numbers = pd.to_numeric(cells, errors="coerce")
    written = [str(number) for number in numbers.tolist()] == cells.tolist()
    return pd.Index(numbers if written and numbers.notna().all() else cells, name=name)


def require(table: BucketTable, name: str) -> None:
    """Refuse a column that does not exist, with the nearest that does, or that occurs twice."""
    if name not in table.header:
        raise unknown_name(f"column of {table.path.name}", name, table.header)
    if isinstance(table, TextTable):
        table.require([name])
