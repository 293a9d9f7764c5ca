"""Events and decisions as plain JSON data, and events back, to the last bit."""

from dataclasses import fields
from typing import Any, get_args

from optexec.data.declaration_record import plain
from optexec.data.impact_record import impact_from, impact_record
from optexec.models.errors import InvalidInput, unknown_name
from optexec.models.execution_decisions import Decision
from optexec.models.execution_events import Event
from optexec.models.impact import Impact

EVENTS: dict[str, Any] = {kind.__name__: kind for kind in get_args(Event)}


def record_of(told: Event | Decision) -> dict[str, Any]:
    """An event or a decision: its class and its fields, those that are not None.

    >>> import optexec as ox
    >>> from optexec.models.execution_events import Filled, Forecast
    >>> record_of(Filled(300, child=1))
    {'type': 'Filled', 'shares': 300.0, 'child': 1}
    >>> record_of(Forecast(2, volume=[500.0, 600.0]))
    {'type': 'Forecast', 'bucket': 2, 'volume': [500.0, 600.0]}
    """
    values = {field.name: getattr(told, field.name) for field in fields(told)}
    return {"type": type(told).__name__, **{name: _plain(v) for name, v in values.items() if v is not None}}


def event_from(record: dict[str, Any]) -> Event:
    """The event that a record tells.

    Raises:
        InvalidInput: an unknown event, fields that it does not have or lacks, values out of range.

    >>> event_from({"type": "Filled", "shares": 300, "child": 1})
    Filled(shares=300.0, child=1, price=None)
    """
    values = dict(record)
    kind = EVENTS.get(str(values.pop("type", None)))
    if kind is None:
        raise unknown_name("event", record.get("type"), EVENTS)
    known = {field.name for field in fields(kind)}
    for name in values:
        if name not in known:
            raise unknown_name(f"field of {kind.__name__}", name, known)
    if isinstance(curves := values.get("impact"), dict):
        values["impact"] = impact_from(curves)
    try:
        event: Event = kind(**values)
    except TypeError:
        raise InvalidInput(f"{kind.__name__} needs {', '.join(sorted(known - set(values)))}") from None
    return event


def _plain(value: Any) -> Any:
    return (
        impact_record(value) if isinstance(value, Impact) else list(value) if isinstance(value, tuple) else plain(value)
    )
