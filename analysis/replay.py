"""A logged day once more: whether the same events give the decisions that the log has."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import zip_longest
from pathlib import Path
from typing import Any

from optexec.data.audit_log import SCHEMA, read_log
from optexec.data.declaration_record import declaration_from, declaration_record, plain
from optexec.data.execution_record import event_from, record_of
from optexec.models.errors import InvalidInput
from optexec.solvers.execution import Execution
from optexec.solvers.horizon import Replanner
from optexec.solvers.thresholds import SETTINGS, Thresholds

RULES = ("window", "beyond", "method", "gap", "time_limit")
Records = list[dict[str, Any]]


@dataclass(frozen=True)
class Difference:
    """A decision that is not what the log has.

    Args:
        line: of the log.
        recorded, derived: the decision as JSON; "" if there is none.
    """

    line: int
    recorded: str
    derived: str


@dataclass(frozen=True)
class Replay:
    """What came of a replay.

    Args:
        events, decisions: that agree with the log.
        unrecorded: decisions on the last event that the log does not have, because the process ended before.
        difference: the first one; None if all is the same.
        account: where the order stands, as JSON data.
    """

    events: int
    decisions: int
    unrecorded: int
    difference: Difference | None
    account: dict[str, Any]


def header(planner: Replanner, thresholds: Thresholds, inputs: dict[str, str]) -> dict[str, Any]:
    """What a log begins with: all that the decisions depend on but the events.

    Args:
        planner, thresholds: of the execution.
        inputs: name of a file that the declaration was read from -> hash of its content.
    """
    from optexec import __version__

    told = {
        "schema": SCHEMA,
        "version": __version__,
        "inputs": inputs,
        "declaration": declaration_record(planner.problem),
        "rules": {name: getattr(planner, name) for name in RULES},
        "thresholds": {name: plain(getattr(thresholds, name)) for name in SETTINGS},
    }
    as_read: dict[str, Any] = json.loads(json.dumps(told, allow_nan=False))
    return as_read


def execution_from(records: Records, path: Path) -> Execution:
    """The execution that a log began with, before its first event.

    Raises:
        InvalidInput: a log that does not begin with a header of this schema.
    """
    begin = records[0] if records else {}
    if begin.get("kind") != "begin" or begin["body"].get("schema") != SCHEMA:
        raise InvalidInput(f"{path}, line 1: does not begin a log of schema {SCHEMA}; is it another file?")
    body = begin["body"]
    planner = Replanner(declaration_from(body["declaration"]), **body["rules"])
    return Execution(planner, Thresholds(**body["thresholds"]))


@dataclass(frozen=True)
class Answer:
    """The decisions on one event.

    Args:
        line: of the event in the log.
        recorded: what the log has.
        derived: what its events lead to now, as JSON data.
        last: whether no event follows; a crash may have kept decisions on the last one from the log.
    """

    line: int
    recorded: Records
    derived: Records
    last: bool

    @property
    def difference(self) -> Difference | None:
        """The first decision that differs, or that is missing though other events follow."""
        for place, (record, mine) in enumerate(zip_longest(self.recorded, self.derived), start=1):
            if record is None and self.last:
                return None
            was, now = ("" if told is None else json.dumps(told) for told in (record and record["body"], mine))
            if was != now:
                return Difference(self.line + place, was, now)
        return None


def rederive(execution: Execution, records: Records) -> Iterator[Answer]:
    """Take the events of a log, one by one; what each of them is answered."""
    starts = [k for k, record in enumerate(records) if record["kind"] == "event"]
    for start, stop in zip_longest(starts, starts[1:], fillvalue=len(records)):
        derived = [record_of(decision) for decision in execution.take(event_from(records[start]["body"]))]
        yield Answer(start + 1, records[start + 1 : stop], derived, start == starts[-1])


def replay(path: str | Path) -> Replay:
    """Derive every decision of a log again, up to the first difference.

    Args:
        path: a log that an `AuditedExecution` wrote.

    Raises:
        InvalidInput: no such log, or a damaged one, with the line.

    >>> import tempfile
    >>> import optexec as ox
    >>> from optexec.analysis.audited_execution import AuditedExecution
    >>> from optexec.models.execution_events import Opened
    >>> planner = Replanner(ox.Problem(ox.Order(900), ox.Linear(0.01), ox.objective("A"), buckets=3))
    >>> path = Path(tempfile.mkdtemp(), "day.log")
    >>> with AuditedExecution(path, planner, clock=lambda: "09:30:00") as day:
    ...     _ = day.take(Opened(0))
    >>> done = replay(path)
    >>> done.events, done.decisions, done.difference
    (1, 3, None)
    """
    path = Path(path)
    records = read_log(path)
    execution = execution_from(records, path)
    events = decisions = unrecorded = 0
    difference = None
    for answer in rederive(execution, records):
        difference = answer.difference
        if difference is not None:
            break
        events, decisions = events + 1, decisions + len(answer.recorded)
        unrecorded = len(answer.derived) - len(answer.recorded)
    return Replay(events, decisions, unrecorded, difference, record_of(execution.account))
