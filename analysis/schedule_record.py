"""The keys of a schedule's JSON record, checked."""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, FiniteFloat

Shares = Annotated[FiniteFloat, Field(ge=0)]


class Record(BaseModel):
    """An object of the schema optexec.schedule.v1, as far as a report reads it; other keys are let be.

    >>> Record.model_fields["lower_bound"].is_required()
    True
    """

    model_config = ConfigDict(strict=True, frozen=True)

    schema_name: Literal["optexec.schedule.v1"] = Field(alias="schema")
    method: str
    status: str
    lower_bound: FiniteFloat | None
    breakdown: Annotated[dict[str, FiniteFloat], Field(min_length=1)]
    shares: Annotated[list[Shares], Field(min_length=1)]
    inventory: list[Shares] = []
    seconds: FiniteFloat
