"""From a spec file to a `Problem`."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import reduce
from operator import add
from pathlib import Path
from typing import Any

import numpy as np
from pydantic import ValidationError

import optexec as ox
from optexec.data.declaration_record import TERMS
from optexec.data.file_digest import sha256
from optexec.data.text_table import read_table
from optexec.models.errors import InvalidInput, OptexecError, unknown_name
from optexec.models.objective import PARAMETERS
from optexec.models.validation import finite, nonnegative
from optexec.runners.bucket_table import BucketTable, labels
from optexec.runners.parameters import Parameters, number_or_column
from optexec.runners.tables import FAMILIES, Document, TermTable
from optexec.runners.toml_file import one_line, override, read_toml

UNFINISHED = ("missing", "union_tag_not_found", "source")
"""Kinds of pydantic's errors that a key more would mend."""


@dataclass(frozen=True, eq=False)
class Spec:
    """A spec file that has been read.

    Args:
        path: where it was read from.
        declared: its tables.
        table: the bucket table, None if there is none.
    """

    path: Path | str
    declared: Document
    table: BucketTable | None

    def problem(self, objective: str | None = None) -> ox.Problem:
        """The declaration.

        Args:
            objective: "A", "B" or "C" in place of the objective that the file names.

        Raises:
            InvalidInput: values out of range, by file, key, and row and column where they stand in the bucket
                table.
            InfeasibleOrder: limits that cannot hold the order.

        >>> from optexec.data import sample
        >>> [term.name for term in load_spec(sample.path("cost.toml")).problem("B").terms]
        ['impact', 'smoothing']
        """
        order = self._build("order", ox.Order, self.declared.order.model_dump())
        impact = self._impact()
        terms = self._objective(objective)
        limits = self._build("limits", ox.Limits, self.declared.limits.model_dump(exclude_none=True))
        with self._blaming("buckets"):
            buckets = self._buckets()
        with self._blaming(), np.errstate(all="ignore"):
            return ox.Problem(order, impact, terms, limits=limits, buckets=buckets)

    def missing(self) -> dict[str, str]:
        """Named objectives that the file has no parameters for -> the key that each lacks.

        >>> from optexec.data import sample
        >>> load_spec(sample.path("cost.toml")).missing()
        {}
        """
        given = self.declared.objective.model_dump(exclude_none=True)
        needs = {name: keys[0] for name, keys in PARAMETERS.items() if keys}
        return {name: f"objective.{key}" for name, key in needs.items() if key not in given}

    @property
    def method(self) -> str:
        """The method that the file names, "auto" if none."""
        return self.declared.solve.method

    @property
    def stopping(self) -> dict[str, Any]:
        """The gap and the time limit in seconds, as far as the file gives them: arguments of `solve`."""
        return self.declared.solve.model_dump(include={"gap", "time_limit"}, exclude_none=True)

    @property
    def sources(self) -> list[Path]:
        """The files that it was read from."""
        return [Path(self.path), *([] if self.table is None else [self.table.path])]

    @property
    def inputs(self) -> dict[str, str]:
        """Name of each file that was read -> SHA-256 of its content."""
        return {path.name: sha256(path) for path in self.sources}

    def dollars(self, name: str, given: str) -> Any:
        """A fraction of the price, one number or the name of a column, in dollars a share; scalar or (N,).

        Args:
            name: "volatility", which is never negative, or "drift".
            given: as on the command line.

        Raises:
            InvalidInput: no price, no such column, a value out of range.

        >>> from optexec.data import sample
        >>> load_spec(sample.path("cost.toml")).dollars("volatility", "0.002")
        0.1
        """
        price = self.declared.order.price
        if price is None:
            raise InvalidInput(f"{self.path}, key order.price: is missing; --{name} is a fraction of it")
        rule = nonnegative if name == "volatility" else finite
        return price * Parameters(self.table).build(
            lambda **named: rule(name, named[name]), {name: number_or_column(given)}
        )

    @contextmanager
    def _blaming(self, key: str = "") -> Iterator[None]:
        """Put the file and the key in front of an error."""
        try:
            yield
        except OptexecError as error:
            raise type(error)(f"{self.path}{key and f', key {key}'}: {error}") from None

    def _build(self, key: str, kind: Any, values: Mapping[str, Any]) -> Any:
        with self._blaming(key):
            return Parameters(self.table).build(kind, values)

    def _impact(self) -> ox.Impact:
        families = self.declared.impact
        keys = ["impact"] if len(families) == 1 else [f"impact.{k + 1}" for k in range(len(families))]
        return reduce(
            add,
            (
                self._build(key, getattr(ox, family.family), family.model_dump(exclude={"family"}))
                for key, family in zip(keys, families, strict=True)
            ),
        )

    def _buckets(self) -> Any:
        """Labels, a number of buckets, or None where the arrays tell it."""
        declared = self.declared.buckets
        if self.table is None:
            return declared.number
        return len(self.table) if declared.index is None else labels(self.table, declared.index)

    def _objective(self, name: str | None) -> ox.Objective:
        declared = self.declared.objective
        if name is None and declared.terms is not None:
            return self._sum_of(declared.terms)
        chosen = name or declared.name
        if chosen is None:
            raise InvalidInput(f"{self.path}, key objective.name: is missing; write A, B or C, or give terms")
        read = set(PARAMETERS.get(chosen, ()))
        values = declared.model_dump(include=read, exclude_none=True)
        return self._build("objective", ox.objective, {"name": chosen, **values})

    def _sum_of(self, declared: list[TermTable]) -> ox.Objective:
        """The impact cost and the terms of the list."""
        terms: list[ox.Term] = [ox.ImpactCost()]
        for number, term in enumerate(declared, start=1):
            [(name, values)] = term.model_dump(exclude_unset=True).items()
            if name != "impact":
                terms.append(self._build(f"objective.terms.{number}", TERMS[name], values))
        with self._blaming("objective.terms"):
            return ox.Objective(tuple(terms))


def load_spec(path: str | Path, overrides: Iterable[str] = ()) -> Spec:
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
    <Problem: Order(shares=5000.0, price=50.0) over 390 buckets, impact>
    """
    path = Path(path)
    declared = declare(override(read_toml(path), overrides), path)
    source = declared.buckets.path
    return Spec(path, declared, None if source is None else read_table(path.parent / source))


def declare(document: dict[str, Any], path: Path | str) -> Document:
    """The tables of a document.

    Args:
        path: where it was read, for errors.

    Raises:
        InvalidInput: a key that is unknown, missing or of the wrong kind.

    >>> declare({"order": {"shares": 900.0, "sied": "buy"}}, "orders.csv, row 2")
    Traceback (most recent call last):
    ...
    optexec.models.errors.InvalidInput: orders.csv, row 2, key order: unknown key 'sied'; did you mean 'side'? ...
    """
    try:
        return Document.model_validate(document)
    except ValidationError as error:
        raise InvalidInput(f"{path}{_first(error.errors(include_url=False), document)}") from None


def check_shared(document: dict[str, Any], path: Path | str) -> None:
    """Refuse a document that nothing added to it would mend.

    Args:
        path: where it was read, for errors.

    Raises:
        InvalidInput: a key that is unknown or of the wrong kind.

    >>> check_shared({"limits": {"participation": 0.1}}, "shared.toml")
    >>> check_shared({"solve": {"method": "newtn"}}, "shared.toml")
    Traceback (most recent call last):
    ...
    optexec.models.errors.InvalidInput: shared.toml, key solve.method: unknown method 'newtn'; did you mean ...
    """
    try:
        Document.model_validate(document)
    except ValidationError as error:
        faults = [fault for fault in error.errors(include_url=False) if fault["type"] not in UNFINISHED]
        if faults:
            raise InvalidInput(f"{path}{_first(faults, document)}") from None


def _first(faults: Sequence[Any], document: dict[str, Any]) -> str:
    """The first of pydantic's errors as ", key a.b: what is wrong"."""
    first, *others = faults
    more = f" (and {len(others)} more)" if others else ""
    return f"{_key(first['loc'], document)}: {_complaint(first)}{more}"


def _complaint(fault: Any) -> str:
    match fault["type"]:
        case "missing":
            return "is missing; add it"
        case "union_tag_not_found":
            return f"family is missing; add one of {', '.join(FAMILIES)}"
        case "union_tag_invalid":
            return str(unknown_name("family", fault["ctx"]["tag"], FAMILIES))
        case "unknown_key" | "refused":
            return str(fault["msg"])
    got = "" if isinstance(fault["input"], dict) else f", got {fault['input']!r:.40}"
    return one_line(fault["msg"]) + got


def _key(location: tuple[int | str, ...], document: dict[str, Any]) -> str:
    """A location as the user writes it to `--set`: members of a list from 1, `[impact]` without a number."""
    parts = [part for part in location if part not in FAMILIES]
    if parts[:1] == ["impact"] and isinstance(document.get("impact"), dict):
        del parts[1:2]
    dotted = ".".join(str(part + 1) if isinstance(part, int) else part for part in parts)
    return dotted and f", key {dotted}"
