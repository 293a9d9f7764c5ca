"""The parameters of a spec, numbers or columns of its bucket table, as arguments of the models."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

import optexec as ox
from optexec.models.errors import InvalidInput, unknown_name
from optexec.runners.bucket_table import BucketTable, column

WORDS = ("side", "quoted", "name", "at_end")
"""Arguments whose text is meant as it stands."""
PROFILES = ("uniform", "linear")
"""Weights that go by a name."""
_ENTRY = re.compile(r"(\w+)\[(\d+)\]")


def number_or_column(text: str) -> float | str:
    """A parameter of the command line: a number, or else the name of a column.

    >>> number_or_column("2e-4"), number_or_column("sigma")
    (0.0002, 'sigma')
    """
    try:
        return float(text)
    except ValueError:
        return text


@dataclass(frozen=True, eq=False)
class Parameters:
    """Reads parameters against a bucket table, or against none.

    >>> Parameters(None).build(ox.Linear, {"slope": 0.01, "quoted": "total"})
    Linear(slope=0.01, quoted='total')
    >>> Parameters(None).build(ox.Linear, {"slope": "half_spread", "quoted": "total"})
    Traceback (most recent call last):
    ...
    optexec.models.errors.InvalidInput: 'half_spread' names a column, and there is no table; add path to [buckets], ...
    """

    table: BucketTable | None

    def build(self, kind: Callable[..., Any], values: Mapping[str, Any]) -> Any:
        """`kind(**values)`, columns in place of their names.

        Raises:
            InvalidInput: a name that is no column, and whatever `kind` refuses, with the row and column of the
                cell where one is at fault.
        """
        try:
            return kind(**{name: self._argument(name, value) for name, value in values.items()})
        except InvalidInput as error:
            raise self._placed(error, values) from None

    def _argument(self, name: str, value: Any) -> Any:
        if name in WORDS:
            return value
        return self._weights(value) if name == "weights" else self._numbers(value)

    def _numbers(self, value: Any) -> Any:
        """Columns looked up; points with columns among them as an (N, K) array."""
        if isinstance(value, str):
            return self._column(value)
        if isinstance(value, list) and any(isinstance(entry, str) for entry in value):
            return np.stack(np.broadcast_arrays(*(self._numbers(entry) for entry in value)), axis=-1)
        return value

    def _column(self, name: str) -> Any:
        if self.table is None:
            raise InvalidInput(f"{name!r} names a column, and there is no table; add path to [buckets], or a number")
        return column(self.table, name)

    def _weights(self, value: Any) -> Any:
        if isinstance(value, dict):
            return ox.volatility_weights(self._column(value["volatility"]))
        if not isinstance(value, str) or value in PROFILES:
            return value
        columns = () if self.table is None else self.table.header
        if value not in columns:
            raise unknown_name("weights", value, (*PROFILES, *columns))
        return self._column(value)

    def _placed(self, error: InvalidInput, values: Mapping[str, Any]) -> InvalidInput:
        """An error about entry k of an argument, with the cell that it was read from if it was."""
        entry = _ENTRY.search(str(error))
        name = values.get(entry[1]) if entry else None
        if entry is None or self.table is None or not isinstance(name, str):
            return error
        return self.table.fault(int(entry[2]), name, str(error))
