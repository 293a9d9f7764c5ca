"""The tables of a spec file as pydantic models: which keys there are, and of what kind each is."""

from collections.abc import Callable, Collection
from functools import partial
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, field_validator, model_validator
from pydantic_core import PydanticCustomError

from optexec.models.errors import InvalidInput, unknown_name
from optexec.models.named_objectives import PARAMETERS
from optexec.models.order import ENDINGS, SIDES
from optexec.models.validation import positive_number
from optexec.solvers.dispatch import METHODS


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _parameter(value: Any) -> Any:
    listed = isinstance(value, list) and value and all(map(_is_number, value))
    if not (_is_number(value) or isinstance(value, str) or listed):
        raise PydanticCustomError("parameter", "must be a number, the name of a column, or a list of numbers")
    return value


def _points(value: Any) -> Any:
    if not isinstance(value, list) or not all(_is_number(entry) or isinstance(entry, str) for entry in value):
        raise PydanticCustomError("points", "must be a list of numbers or names of columns, one a point")
    return value


def _weights(value: Any) -> Any:
    exponent = value.get("power") if isinstance(value, dict) and set(value) == {"power"} else None
    if isinstance(value, list) and len(value) == 2 and value[0] == "power":
        exponent = value[1]
    if _is_number(exponent):
        return "power", exponent
    if isinstance(value, dict) and set(value) == {"volatility"} and isinstance(value["volatility"], str):
        return value
    if isinstance(value, str) or (isinstance(value, list) and value and all(map(_is_number, value))):
        return value
    raise PydanticCustomError(
        "weights",
        'must be "uniform", "linear", { power = 2.0 }, { volatility = "column" }, a column or a list of numbers',
    )


def _held(check: Callable[[Any], Any]) -> AfterValidator:
    """A validator that refuses what `check` refuses, in its words."""

    def validate(value: Any) -> Any:
        try:
            return check(value)
        except InvalidInput as error:
            raise PydanticCustomError("refused", "{told}", {"told": str(error)}) from None

    return AfterValidator(validate)


def _one_of(what: str, known: Collection[str]) -> AfterValidator:
    def check(name: str) -> str:
        if name not in known:
            raise unknown_name(what, name, known)
        return name

    return _held(check)


def _path(text: str) -> str:
    if "\0" in text:
        raise InvalidInput(f"{text!r:.40} holds a character that no path may have; name a file")
    return text


Parameter = Annotated[Any, AfterValidator(_parameter)]
"""A number, the name of a column, or a list of numbers."""
Points = Annotated[Any, AfterValidator(_points)]
"""A list whose entries are numbers or names of columns."""
Weights = Annotated[Any, AfterValidator(_weights)]
"""A profile of inventory risk; `("power", gamma)` once read."""


class Table(BaseModel):
    """A table of the file; a key that it does not have is refused with the nearest that it has."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)

    @model_validator(mode="before")
    @classmethod
    def _only_known_keys(cls, data: Any) -> Any:
        for key in data if isinstance(data, dict) else ():
            if key not in cls.model_fields:
                told = {"told": str(unknown_name("key", key, cls.model_fields))}
                raise PydanticCustomError("unknown_key", "{told}", told)
        return data


class OrderTable(Table):
    """`[order]`: the arguments of `Order`."""

    shares: float
    side: Annotated[str, _one_of("side", SIDES)] = "buy"
    lot: float | None = None
    price: float | None = None
    at_end: Annotated[str, _one_of("ending", ENDINGS)] = "finish"
    must_complete: bool = True
    unfilled_cost: float | None = None
    unfilled_penalty: float | None = None


class BucketsTable(Table):
    """`[buckets]`: a file with one row a bucket and the column of its labels, or just the number of buckets."""

    path: Annotated[str, _held(_path)] | None = None
    index: str | None = None
    number: int | None = None

    @model_validator(mode="after")
    def _one_source(self) -> "BucketsTable":
        if self.path is not None and self.number is not None:
            raise PydanticCustomError("source", "path and number both give the buckets; keep one of them")
        if self.path is None and self.index is not None:
            raise PydanticCustomError("source", "index names a column of a bucket table; add path")
        return self


class LinearTable(Table):
    """`[impact]` of family Linear."""

    family: Literal["Linear"]
    quoted: str
    slope: Parameter


class PowerTable(Table):
    """`[impact]` of family Power."""

    family: Literal["Power"]
    quoted: str
    a: Parameter
    b: Parameter


class ExponentialTable(Table):
    """`[impact]` of family Exponential."""

    family: Literal["Exponential"]
    quoted: str
    a: Parameter
    b: Parameter


class TabulatedTable(Table):
    """`[impact]` of family Tabulated: K points shared by all buckets, or columns for costs that differ."""

    family: Literal["Tabulated"]
    quoted: str
    shares: Annotated[Any, AfterValidator(_points)]
    cost: Points


FAMILIES = ("Linear", "Power", "Exponential", "Tabulated")
ImpactTable = Annotated[
    LinearTable | PowerTable | ExponentialTable | TabulatedTable,
    Field(discriminator="family"),
]


class NoTable(Table):
    """A table without keys: `{ impact = {} }`."""


class SmoothingTable(Table):
    """`{ smoothing = { rho = 1e-6 } }`: the arguments of `Smoothing`."""

    rho: Parameter


class InventoryRiskTable(Table):
    """`{ inventory_risk = { psi = 1e-7 } }`: the arguments of `InventoryRisk`."""

    psi: float
    weights: Weights = "uniform"


class TermTable(Table):
    """One entry of `terms`: exactly one term by name."""

    impact: NoTable | None = None
    smoothing: SmoothingTable | None = None
    inventory_risk: InventoryRiskTable | None = None

    @model_validator(mode="after")
    def _one_term(self) -> "TermTable":
        if len(self.model_fields_set) != 1:
            raise PydanticCustomError("term", "must hold one term, such as { smoothing = { rho = 1e-6 } }")
        return self


class ObjectiveTable(Table):
    """`[objective]`: a name with the parameters of as many objectives as you like, or a list of terms."""

    name: Annotated[str, _one_of("objective", PARAMETERS)] | None = None
    rho: Parameter | None = None
    psi: float | None = None
    weights: Weights | None = None
    terms: list[TermTable] | None = None

    @model_validator(mode="after")
    def _one_declaration(self) -> "ObjectiveTable":
        if self.name is not None and self.terms is not None:
            raise PydanticCustomError("objective", "name and terms both declare the objective; keep one of them")
        return self


class LimitsTable(Table):
    """`[limits]`: the arguments of `Limits`; `smallest` is the least slice of a bucket that trades at all."""

    minimum: Parameter | None = None
    maximum: Parameter | None = None
    participation: Parameter | None = None
    volume: Parameter | None = None
    smallest: Parameter | None = None


class SolveTable(Table):
    """`[solve]`: the arguments of `solve`."""

    method: Annotated[str, _one_of("method", ("auto", *METHODS))] = "auto"
    gap: Annotated[float, _held(partial(positive_number, "gap"))] | None = None
    time_limit: Annotated[float, _held(partial(positive_number, "time_limit"))] | None = None


SECTIONS: dict[str, type[Table]] = {
    "order": OrderTable,
    "buckets": BucketsTable,
    "objective": ObjectiveTable,
    "limits": LimitsTable,
    "solve": SolveTable,
}
"""The tables of a spec that are there once."""


class Document(Table):
    """A whole spec file."""

    order: OrderTable
    impact: list[ImpactTable] = Field(min_length=1)
    buckets: BucketsTable = BucketsTable()
    objective: ObjectiveTable = ObjectiveTable()
    limits: LimitsTable = LimitsTable()
    solve: SolveTable = SolveTable()

    @model_validator(mode="before")
    @classmethod
    def _no_key_outside_its_table(cls, data: Any) -> Any:
        for key in data if isinstance(data, dict) else ():
            homes = [f"{name}.{key}" for name, table in SECTIONS.items() if key in table.model_fields]
            if homes and key not in cls.model_fields:
                told = {"told": f"unknown key {key!r}; did you mean {' or '.join(homes)}?"}
                raise PydanticCustomError("unknown_key", "{told}", told)
        return data

    @field_validator("impact", mode="before")
    @classmethod
    def _as_list(cls, value: Any) -> Any:
        """`[impact]` is a list of one."""
        return [value] if isinstance(value, dict) else value
