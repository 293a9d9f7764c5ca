"""From a spec file to a `Problem`."""

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from pydantic import ValidationError

import optexec as ox
from optexec.data.text_table import TextTable, read_table
from optexec.models.errors import InfeasibleOrder, InvalidInput, unknown_name
from optexec.models.objective import PARAMETERS
from optexec.runners.bucket_table import column, labels
from optexec.runners.tables import FAMILIES, Document, TermTable
from optexec.runners.toml_file import one_line, override, read_toml

_CLASSES: dict[str, Callable[..., ox.Impact]] = {name: getattr(ox, name) for name in FAMILIES}
_TERMS = {"impact": ox.ImpactCost, "smoothing": ox.Smoothing, "inventory_risk": ox.InventoryRisk}
_WEIGHTS = ("uniform", "linear")
_ENTRY = re.compile(r"(\w+)\[(\d+)\]")


def load_spec(path: str | Path, overrides: Iterable[str] = ()) -> "Spec":
    """Read a spec file and its bucket table.

    Args:
        path: a TOML file; the bucket table is found relative to it.
        overrides: settings that replace keys of the file, such as "objective.psi=1e-6".

    Raises:
        InvalidInput: a file that cannot be read, a key that is unknown, missing or of the wrong kind; one line
            with the file, the key, and what would mend it.

    >>> from optexec.data import sample
    >>> spec = load_spec(sample.path("cost.toml"), ["order.shares=5_000"])
    >>> spec.problem()
    <Problem: Order(shares=5000.0, side='buy', lot=None, price=50.0) over 390 buckets, impact>
    """
    path = Path(path)
    document = override(read_toml(path), overrides)
    try:
        declared = Document.model_validate(document)
    except ValidationError as error:
        raise InvalidInput(f"{path}{_first(error, document)}") from None
    source = declared.buckets.path
    return Spec(path, declared, None if source is None else read_table(path.parent / source))


def _first(error: ValidationError, document: dict[str, Any]) -> str:
    """The first of pydantic's errors as ", key a.b: what is wrong"."""
    first, *others = error.errors(include_url=False)
    what = {"missing": "is missing; add it", "union_tag_not_found": "family is missing; add it"}.get(first["type"])
    if first["type"] == "union_tag_invalid":
        what = str(unknown_name("family", first["ctx"]["tag"], FAMILIES))
    if what is None:
        got = "" if isinstance(first["input"], dict | Document) else f", got {one_line(repr(first['input']))}"[:80]
        what = one_line(first["msg"]) + got
    more = f" (and {len(others)} more)" if others else ""
    return f"{_key(first['loc'], document)}: {what}{more}"


def _key(location: tuple[int | str, ...], document: dict[str, Any]) -> str:
    """A pydantic location as a user writes it to `--set`: members of a list from 1, `[impact]` without number."""
    parts = [part for part in location if part not in FAMILIES]
    if parts[:1] == ["impact"] and isinstance(document["impact"], dict):
        del parts[1:2]
    dotted = ".".join(str(part + 1) if isinstance(part, int) else part for part in parts)
    return f", key {dotted}" if dotted else ""


@dataclass(frozen=True, eq=False)
class Spec:
    """A spec file that has been read.

    Args:
        path: where it was read from.
        declared: its tables.
        table: the bucket table, None if there is none.
    """

    path: Path
    declared: Document
    table: TextTable | None

    def problem(self, objective: str | None = None) -> ox.Problem:
        """The declaration.

        Args:
            objective: "A", "B" or "C" in place of the objective that the file names.

        Raises:
            InvalidInput: values out of range, by file, row and column where they stand in the bucket table.
            InfeasibleOrder: limits that cannot hold the order.

        >>> from optexec.data import sample
        >>> [term.name for term in load_spec(sample.path("cost.toml")).problem("B").terms]
        ['impact', 'smoothing']
        """
        order = self._built("order", ox.Order, self.declared.order.model_dump())
        limits = self._built("limits", ox.Limits, self.declared.limits.model_dump(exclude_none=True))
        terms, impact, index = self._objective(objective), self._impact(), self._buckets()
        try:
            return ox.Problem(order, impact, terms, limits=limits, buckets=index)
        except (InvalidInput, InfeasibleOrder) as error:
            raise type(error)(f"{self.path}: {error}") from None

    def missing(self) -> dict[str, str]:
        """Objectives that cannot be chosen -> the key that each lacks.

        >>> from optexec.data import sample
        >>> load_spec(sample.path("cost.toml")).missing()
        {}
        """
        needs = {name: keys[0] for name, keys in PARAMETERS.items() if keys}
        given = self.declared.objective.model_dump(exclude_none=True)
        return {name: f"objective.{key}" for name, key in needs.items() if key not in given}

    def stopping(self) -> dict[str, float]:
        """The gap and the time limit in seconds, as far as the file gives them."""
        return self.declared.solve.model_dump(include={"gap", "time_limit"}, exclude_none=True)

    def _built(self, key: str, kind: Callable[..., Any], values: dict[str, Any]) -> Any:
        """`kind(**values)` with names of columns replaced by the columns, and errors placed in the files."""
        names = {"side", "quoted", "name"}
        try:
            return kind(**{name: v if name in names else self._read(v) for name, v in values.items()})
        except InvalidInput as error:
            raise InvalidInput(f"{self.path}, {key}: {self._placed(error, values)}") from None

    def _read(self, value: Any) -> Any:
        """A parameter as numbers: columns looked up, points with columns among them as an (N, K) array."""
        if isinstance(value, str):
            return column(self._known_table(value), value)
        if isinstance(value, list) and any(isinstance(entry, str) for entry in value):
            return np.stack(np.broadcast_arrays(*(self._read(entry) for entry in value)), axis=-1)
        return value

    def _known_table(self, name: str) -> TextTable:
        if self.table is None:
            raise InvalidInput(f"{name!r} names a column, and there is no table; add path to [buckets], or a number")
        return self.table

    def _placed(self, error: InvalidInput, values: dict[str, Any]) -> str:
        """An error about entry k of a parameter that is a column, with the row and column of the cell."""
        entry = _ENTRY.search(str(error))
        name = values.get(entry[1]) if entry else None
        if entry is None or self.table is None or not isinstance(name, str):
            return str(error)
        return str(self.table.fault(int(entry[2]), name, str(error)))

    def _impact(self) -> ox.Impact:
        several = len(self.declared.impact) > 1
        impacts: list[ox.Impact] = []
        for number, family in enumerate(self.declared.impact, start=1):
            key = f"impact.{number}" if several else "impact"
            impacts.append(self._built(key, _CLASSES[family.family], family.model_dump(exclude={"family"})))
        total, *others = impacts
        for other in others:
            total = total + other
        return total

    def _buckets(self) -> Any:
        """Labels, a number of buckets, or None where the arrays tell."""
        buckets = self.declared.buckets
        if self.table is None:
            return buckets.number
        if buckets.index is None:
            return len(self.table.cells)
        try:
            return labels(self.table, buckets.index)
        except InvalidInput as error:
            raise InvalidInput(f"{self.path}, buckets: {error}") from None

    def _objective(self, name: str | None) -> ox.Objective:
        declared = self.declared.objective
        if name is None and declared.terms is not None:
            return self._sum_of(declared.terms)
        chosen = name or declared.name
        if chosen is None:
            raise InvalidInput(f"{self.path}, key objective.name: is missing; write A, B or C, or give terms")
        known = PARAMETERS.get(chosen, ())
        values = declared.model_dump(include=set(known), exclude_none=True)
        return self._built("objective", ox.objective, {"name": chosen, **self._weighted(values)})

    def _sum_of(self, terms: list[TermTable]) -> ox.Objective:
        built: list[ox.Term] = [ox.ImpactCost()]
        for number, term in enumerate(terms, start=1):
            [(name, values)] = term.model_dump(exclude_unset=True).items()
            if name != "impact":
                built.append(self._built(f"objective.terms.{number}", _TERMS[name], self._weighted(values)))
        try:
            return ox.Objective(tuple(built))
        except InvalidInput as error:
            raise InvalidInput(f"{self.path}, key objective.terms: {error}") from None

