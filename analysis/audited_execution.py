"""An execution whose every event and decision is in a log before it has effect, and that goes on after a crash."""

from collections.abc import Callable
from pathlib import Path
from typing import Any, Self

from optexec.analysis.replay import execution_from, header, rederive
from optexec.data.audit_log import AuditLog
from optexec.data.execution_record import record_of
from optexec.models.errors import InvalidInput
from optexec.models.execution_decisions import Account, Decision
from optexec.models.execution_events import Event
from optexec.solvers.horizon import Replanner
from optexec.solvers.thresholds import Thresholds


class AuditedExecution:
    """As `Execution`, with a log. Where the log exists already, its events are taken again first.

    An event is on the disk before it is decided on, and its decisions are there before `take` returns them. So after a
    crash at any moment the log has every event that was answered, and whoever opens it again comes to the same
    decisions. The event that the crash interrupted may have been carried out or not: send child orders under their
    numbers, so that sending one twice does nothing. An interruption that the process survives, such as control-C,
    counts as a crash: it closes the log.

    Args:
        path: of the log.
        planner, thresholds: as of `Execution`.
        clock: the time, as text, for each line.
        inputs: name of a file that the declaration was read from -> hash of its content.

    Attributes:
        execution: where the order stands; `take` events here, not there.
        answers: decisions on each event so far.

    Raises:
        InvalidInput: a damaged log, one of another declaration or other rules, or one whose decisions differ from
            those derived now.

    >>> import tempfile
    >>> import optexec as ox
    >>> from optexec.models.execution_events import Filled, Opened
    >>> planner = Replanner(ox.Problem(ox.Order(900), ox.Linear(0.01), ox.objective("A"), buckets=3))
    >>> path = Path(tempfile.mkdtemp(), "day.log")
    >>> with AuditedExecution(path, planner, clock=lambda: "09:30:00") as day:
    ...     [type(decision).__name__ for decision in day.take(Opened(0))]
    ['Planned', 'Sent', 'Account']
    >>> with AuditedExecution(path, planner, clock=lambda: "09:30:01") as again:
    ...     again.take(Filled(300))[-1].filled, len(again.answers)
    (300.0, 2)
    """

    def __init__(
        self,
        path: str | Path,
        planner: Replanner,
        thresholds: Thresholds | None = None,
        *,
        clock: Callable[[], str],
        inputs: dict[str, str] | None = None,
    ) -> None:
        self.clock = clock
        self.answers: list[list[dict[str, Any]]] = []
        begin = header(planner, thresholds or Thresholds(), inputs or {})
        self._log = AuditLog(Path(path))
        try:
            if not self._log.records:
                self._append("begin", [begin])
            self.execution = execution_from(self._log.records, self._log.path)
            self._check_same(begin)
            self._take_again()
        except BaseException:
            self.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *raised: object) -> None:
        self.close()

    def take(self, event: Event) -> tuple[Decision, ...]:
        """What to do about an event, once event and decisions are on the disk.

        Raises:
            InvalidInput: the log is closed, or the event cannot be written down.
        """
        told = record_of(event)
        try:
            self._append("event", [told])
            decisions = self.execution.take(event)
            self._answer([record_of(decision) for decision in decisions], 0)
        except BaseException:
            self.close()
            raise
        return decisions

    @property
    def account(self) -> Account:
        """Where the order stands."""
        return self.execution.account

    @property
    def events(self) -> list[dict[str, Any]]:
        """The events so far, as JSON data."""
        return [record["body"] for record in self._log.records if record["kind"] == "event"]

    def close(self) -> None:
        """Close the log."""
        self._log.close()

    def _append(self, kind: str, bodies: list[dict[str, Any]]) -> None:
        clock = self.clock()
        self._log.append([{"clock": clock, "kind": kind, "body": body} for body in bodies])

    def _answer(self, decisions: list[dict[str, Any]], recorded: int) -> None:
        self._append("decision", decisions[recorded:])
        self.answers.append(decisions)

    def _check_same(self, begin: dict[str, Any]) -> None:
        """Refuse a log that began otherwise, but for the version."""
        recorded = self._log.records[0]["body"]
        for part, value in begin.items():
            if part != "version" and recorded[part] != value:
                raise InvalidInput(f"{self._log.path}: is the log of other {part}; give another file")

    def _take_again(self) -> None:
        records = list(self._log.records)
        for answer in rederive(self.execution, records):
            if (difference := answer.difference) is not None:
                raise InvalidInput(
                    f"{self._log.path}, line {difference.line}: the decision is not what its events lead to now "
                    f"(the log was begun by optexec {records[0]['body']['version']}); replay the log to see more"
                )
            self._answer(answer.derived, len(answer.recorded))
