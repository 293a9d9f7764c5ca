"""A schedule as its JSON record has it (schema optexec.schedule.v1), without the problem that it solves."""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd

from optexec.analysis.cost_charts import terms_chart
from optexec.analysis.provenance import Provenance
from optexec.analysis.report_charts import inventory_chart, shares_chart
from optexec.analysis.report_page import render
from optexec.analysis.report_parts import Section, Table, facts
from optexec.analysis.wording import counted, money, percentage
from optexec.models.errors import InvalidInput
from optexec.models.problem import Problem
from optexec.models.schedule import SCHEMA, TINY, Schedule, relative_gap
from optexec.models.validation import Array
from optexec.solvers.evaluation import evaluate

AGREEMENT = 1e-6
"""Fraction of the cost within which a record and its problem agree."""
KEPT = (
    "A record holds shares and costs, and not the problem. Side, price, labels of the buckets, impact curves, marginal "
    "costs, other methods and the frontier come with the spec: optexec report SCHEDULE.json --spec SPEC."
)


@dataclass(frozen=True, eq=False)
class RecordedSchedule:
    """What `Schedule.to_json` wrote.

    Args:
        method, status: as in `Schedule`.
        bound: dollars that no schedule can undercut, as it claims; None where it knows none.
        breakdown: dollars of each term.
        shares: of each bucket, (N,).
        seconds: time to solve.
        unfilled: shares that stay unfilled after the last bucket.

    >>> import optexec as ox
    >>> problem = ox.Problem(ox.Order(300), ox.Power(a=[1.0, 2.0], b=2.0), ox.objective("A"))
    >>> recorded = RecordedSchedule.from_json(ox.solve(problem).to_json())
    >>> recorded.schedule(problem).objective == recorded.objective
    True
    """

    method: str
    status: str
    bound: float | None
    breakdown: dict[str, float]
    shares: Array
    seconds: float
    unfilled: float = 0.0

    @classmethod
    def from_json(cls, text: str) -> "RecordedSchedule":
        """Read a record.

        Raises:
            InvalidInput: no JSON object of the schema, a key that is missing or of the wrong kind, no shares.
        """
        from pydantic import ValidationError

        from optexec.analysis.schedule_record import Record

        try:
            record = Record.model_validate_json(text)
        except ValidationError as error:
            first = error.errors(include_url=False)[0]
            key = ".".join(map(str, first["loc"]))
            raise InvalidInput(
                f"is no schedule ({SCHEMA}){key and f', key {key}'}: {first['msg']}; write one with "
                "optexec solve SPEC --json"
            ) from None
        return cls(
            record.method,
            record.status,
            record.lower_bound,
            record.breakdown,
            np.array(record.shares, dtype=float),
            record.seconds,
            record.inventory[-1] if record.inventory else 0.0,
        )

    @property
    def objective(self) -> float:
        """Sum of the costs, dollars."""
        return sum(self.breakdown.values())

    @property
    def gap(self) -> float | None:
        """The gap that it claims, a fraction of the objective."""
        return None if self.bound is None else relative_gap(self.objective, self.bound)

    def schedule(self, problem: Problem) -> Schedule:
        """The schedule of a problem, priced and certified again.

        Raises:
            InvalidInput: another number of buckets, costs that are not those of this problem.
            InfeasibleOrder: shares outside the limits of the problem.
        """
        if len(self.shares) != problem.buckets:
            raise InvalidInput(f"is a schedule of {len(self.shares)} buckets, the problem has {problem.buckets}")
        priced = evaluate(problem, self.shares, self.method)
        if abs(priced.objective - self.objective) > AGREEMENT * max(abs(priced.objective), TINY):
            raise InvalidInput(
                f"records a cost of {money(self.objective, ',.6g')}, and this problem charges "
                f"{money(priced.objective, ',.6g')} for its shares; give the --objective and the --set that "
                "it was solved with"
            )
        return replace(priced, seconds=self.seconds)

    def html(self, provenance: Provenance) -> str:
        """The page of what is known without the problem, which says what is missing."""
        figures = {"cost": money(self.objective), "gap as recorded": percentage(self.gap)}
        told = {"shares": self._traded(), "buckets": f"{len(self.shares):,}", "not here": KEPT}
        return render(self._size(), self.verdict, figures, told, self._sections(provenance), provenance.made)

    @property
    def verdict(self) -> str:
        """Cost and claim in one sentence."""
        claim = (
            "no lower bound is recorded" if self.bound is None else f"its record claims a gap of {percentage(self.gap)}"
        )
        return f"{self._size()} cost {money(self.objective)} by {self.method}, {self.status}; {claim}."

    def _size(self) -> str:
        return f"{self._traded()} shares over {counted(len(self.shares), 'bucket')}"

    def _traded(self) -> str:
        traded = self.shares.sum()
        return f"{traded:,.10g} of {traded + self.unfilled:,.10g}" if self.unfilled else f"{traded:,.10g}"

    def _sections(self, provenance: Provenance) -> list[Section]:
        index = pd.RangeIndex(1, len(self.shares) + 1, name="bucket")
        held = self.shares.sum() - np.cumsum(self.shares) + self.unfilled
        charts = [
            shares_chart(index, {self.method: self.shares}),
            inventory_chart(index, {self.method: np.maximum(held, 0.0)}),
        ]
        proof = [self._proof(), *provenance.tables]
        return [
            Section("schedule", "Schedule", charts=charts),
            Section("costs", "Cost by term", charts=[terms_chart({self.method: self.breakdown})]),
            Section("certificate", "Certificate, as recorded and not checked", tables=proof),
        ]

    def _proof(self) -> Table:
        claims: dict[str, Any] = {
            "status": self.status,
            "objective ($)": self.objective,
            "lower bound ($)": self.bound,
            "gap (fraction of the objective)": self.gap,
            "solver": self.method,
            "time (s)": self.seconds,
        }
        return facts("certificate", "What the record says", claims)
