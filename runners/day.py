"""Where an order stands after the events of a day, with or without an audit log, as the commands tell it."""

from copy import deepcopy
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from typing import Any

import pandas as pd

from optexec.analysis.audited_execution import AuditedExecution
from optexec.data.execution_record import record_of
from optexec.models.errors import InvalidInput
from optexec.models.execution_events import Event, Opened
from optexec.solvers.execution import Execution
from optexec.solvers.horizon import Replanner
from optexec.solvers.thresholds import Thresholds

Answer = list[dict[str, Any]]


@dataclass(frozen=True, eq=False)
class Day:
    """An order after some events.

    Args:
        execution: that has taken them, and if then no bucket was open, the opening of the next one as well.
        answers: decisions on each, as JSON data.
        events: number of them.
        open: whether a bucket was open.
    """

    execution: Execution
    answers: list[Answer]
    events: int
    open: bool

    @classmethod
    def after(
        cls,
        events: list[Event],
        planner: Replanner,
        thresholds: Thresholds,
        log: Path | None = None,
        inputs: dict[str, str] | None = None,
    ) -> "Day":
        """The day after these events.

        Args:
            events: from its beginning on.
            planner, thresholds: as of `Execution`.
            log: to keep, or to continue from where it ends; None for none.
            inputs: as of `AuditedExecution`.

        Raises:
            InvalidInput: a log of another day, or as `AuditedExecution`.

        >>> import optexec as ox
        >>> planner = Replanner(ox.Problem(ox.Order(900), ox.Linear(0.01), ox.objective("A"), buckets=3))
        >>> Day.after([], planner, Thresholds()).told["send"]
        [{'child': 1, 'bucket': 1, 'shares': 300.0}]
        """
        if log is None:
            execution = Execution(planner, thresholds)
            answers = [[record_of(decision) for decision in execution.take(event)] for event in events]
            return cls._looking_ahead(execution, answers)
        with AuditedExecution(log, planner, thresholds, clock=_now, inputs=inputs) as audited:
            known = audited.events
            for number, (logged, event) in enumerate(zip(known, events, strict=False), start=1):
                if logged != record_of(event):
                    raise InvalidInput(f"{log}: event {number} is not that of the fills; give the log of this day")
            for event in events[len(known) :]:
                audited.take(event)
            return cls._looking_ahead(audited.execution, list(audited.answers))

    @classmethod
    def _looking_ahead(cls, execution: Execution, answers: list[Answer]) -> "Day":
        """Open the next bucket where none is open, on a copy, to see its plan."""
        following = execution.bucket + 1
        if execution.open or execution.state != "working" or not execution.has_bucket(following):
            return cls(execution, answers, len(answers), execution.open)
        ahead = deepcopy(execution)
        seen = [record_of(decision) for decision in ahead.take(Opened(following))]
        return cls(ahead, [*answers, seen], len(answers), False)

    @cached_property
    def told(self) -> dict[str, Any]:
        """What to tell of it, as JSON data."""
        execution = self.execution
        account = record_of(execution.account)
        shorts = self._of("Short")
        plans = self._of("Planned") if account["state"] == "working" else []
        return {
            "bucket": self._label(execution.bucket),
            "open": self.open,
            **{name: account[name] for name in ("shares", "filled", "remaining", "working", "state")},
            "shortfall": shorts[-1] if shorts and shorts[-1]["shares"] else None,
            "plan": self._plan(plans[-1]) if plans else None,
            "send": self._last("Sent"),
            "cut": self._last("Cut"),
            "waiting": float(execution.waiting),
            "children": [
                {
                    "child": child.number,
                    "bucket": self._label(child.bucket),
                    "shares": float(child.size),
                    "open": float(child.open),
                }
                for child in execution.ledger.at_work
            ],
            "refused": self._of("Refused"),
            "events": self.events,
        }

    @property
    def table(self) -> pd.DataFrame:
        """The plan: shares by bucket."""
        plan = self.told["plan"] or {"buckets": [], "shares": []}
        name = self.execution.planner.problem.index.name
        return pd.DataFrame({"shares": plan["shares"]}, index=pd.Index(plan["buckets"], name=name))

    def _plan(self, planned: dict[str, Any]) -> dict[str, Any]:
        first, shares = planned["first"], planned["shares"]
        return {
            "buckets": [self._label(first + k) for k in range(len(shares))],
            "shares": shares,
            **{name: planned.get(name) for name in ("method", "status", "objective", "lower_bound", "gap", "reason")},
        }

    def _label(self, bucket: int) -> Any:
        """Label of a bucket as a spec has it, "+1" for the first past the end, None before the first."""
        index = self.execution.planner.problem.index
        if bucket < 0:
            return None
        return index[bucket : bucket + 1].tolist()[0] if bucket < len(index) else f"+{bucket - len(index) + 1}"

    def _of(self, kind: str) -> Answer:
        return [self._named(record) for answer in self.answers for record in answer if record["type"] == kind]

    def _last(self, kind: str) -> Answer:
        return [self._named(record) for record in self.answers[-1] if record["type"] == kind] if self.answers else []

    def _named(self, record: dict[str, Any]) -> dict[str, Any]:
        """A decision without its type, its bucket by label."""
        told = {name: value for name, value in record.items() if name != "type"}
        return {**told, "bucket": self._label(told["bucket"])} if "bucket" in told else told


def _now() -> str:
    return datetime.now(UTC).isoformat()
