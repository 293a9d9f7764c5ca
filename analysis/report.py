"""The report of a schedule: one HTML page that says what it costs, what it saves, and how that is known."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from optexec.analysis.cost_charts import (
    curves_chart,
    divisible,
    marginal_chart,
    meets_conditions,
    one_price,
    terms_chart,
)
from optexec.analysis.provenance import Provenance
from optexec.analysis.recorded_schedule import RecordedSchedule
from optexec.analysis.report_charts import frontier_chart, inventory_chart, shares_chart
from optexec.analysis.report_page import render
from optexec.analysis.report_parts import Section, Table
from optexec.analysis.report_tables import certificate, how_proved, methods_table
from optexec.analysis.wording import counted, money, percentage, term_name
from optexec.models.order import Order
from optexec.models.problem import Problem
from optexec.models.schedule import Schedule, relative_gap
from optexec.models.validation import Parameter
from optexec.solvers.verification import FAILED

if TYPE_CHECKING:
    from optexec.analysis.frontier import Frontier

BENCHMARKS = ("twap", "vwap")
"""Schedules that the answer is drawn and priced against."""
DUST = 1e-9
"""Fraction of the order that is unfilled by rounding."""


@dataclass(frozen=True, eq=False)
class Report:
    """What a report says of a schedule.

    Args:
        schedule: the schedule.
        methods: schedules of other methods for the same problem, by name; TWAP and VWAP are drawn beside it.
        frontier: cost against risk; None to leave it out.
        provenance: inputs and versions.
        recorded: the record that the schedule was read from, whose own bound is shown but not trusted.

    >>> import optexec as ox
    >>> problem = ox.Problem(ox.Order(300, price=20.0), ox.Power(a=[0.01, 0.02], b=2.0), ox.objective("A"))
    >>> report = Report(ox.solve(problem), {"twap": ox.solve(problem, "twap")})
    >>> report.verdict  # doctest: +NORMALIZE_WHITESPACE
    'Buying 300 shares over 2 buckets costs $600.00 (1,000 bps) in impact, $75.00 (125 bps) less than TWAP;
    no schedule costs less than $600.00 (certified gap ... %).'
    >>> report.html().startswith("<!doctype html>")
    True
    """

    schedule: Schedule
    methods: Mapping[str, Schedule] = field(default_factory=dict)
    frontier: "Frontier | None" = None
    provenance: Provenance = field(default_factory=Provenance)
    recorded: RecordedSchedule | None = None

    def html(self) -> str:
        """The page, with all it needs inside."""
        return render(self.title, self.verdict, self.figures, self.order, self.sections, self.provenance.made)

    @property
    def title(self) -> str:
        """What was to be done."""
        order, problem = self.schedule.problem.order, self.schedule.problem
        return f"{order.side.capitalize()} {order.shares:,.10g} shares over {counted(problem.buckets, 'bucket')}"

    @property
    def verdict(self) -> str:
        """Cost, saving and proof in one sentence."""
        schedule = self.schedule
        doing = "Buying" if schedule.problem.order.side == "buy" else "Selling"
        cost = f"costs {self._money(schedule.objective)} in {' and '.join(map(term_name, schedule.breakdown))}"
        others = " and ".join(self._against(name, saving) for name, saving in self.savings.items())
        done = f"{doing} {self._filled()} shares over {counted(schedule.problem.buckets, 'bucket')} {cost}"
        return f"{done}{others and f', {others}'}; {self._proof()}."

    def _filled(self) -> str:
        """How many shares are traded, and of how many if not of all."""
        shares, unfilled = self.schedule.problem.shares, self.schedule.unfilled
        return f"{shares - unfilled:,.10g} of {shares:,.10g}" if unfilled > DUST * shares else f"{shares:,.10g}"

    @property
    def bound(self) -> float:
        """Dollars that no schedule can undercut: the best bound of all methods, for each holds whoever found it."""
        return max(s.lower_bound for s in (self.schedule, *self.methods.values()))

    @property
    def gap(self) -> float:
        """The fraction by which the schedule could at most be beaten; never < 0."""
        return max(relative_gap(self.schedule.objective, self.bound), 0.0)

    @cached_property
    def savings(self) -> dict[str, float]:
        """Dollars that the schedule costs less than TWAP and VWAP, by name, as far as they apply."""
        known = {name: self.methods[name] for name in BENCHMARKS if name in self.methods}
        return {
            name: other.objective - self.schedule.objective
            for name, other in known.items()
            if name != self.schedule.method and other.status != FAILED
        }

    def _against(self, name: str, saving: float) -> str:
        if saving == 0:
            return f"as much as {name.upper()}"
        return f"{self._money(abs(saving))} {'less' if saving > 0 else 'more'} than {name.upper()}"

    def _proof(self) -> str:
        if not np.isfinite(self.bound):
            return "no lower bound is known, so nothing is proved"
        return f"no schedule costs less than {money(self.bound)} (certified gap {percentage(self.gap)})"

    def _money(self, cost: float) -> str:
        notional = self.schedule.problem.order.notional
        bps = "" if notional is None else f" ({1e4 * cost / notional:,.4g} bps)"
        return f"{money(cost)}{bps}"

    @property
    def figures(self) -> dict[str, str]:
        """The few numbers at the top."""
        schedule = self.schedule
        told = {"cost": self._money(schedule.objective)}
        told |= {f"less than {name.upper()}": self._money(saving) for name, saving in self.savings.items()}
        told["certified gap"] = percentage(self.gap)
        if one_price(schedule):
            told["one more share"] = money(schedule.marginal_price, ",.4g")
        return told

    @property
    def order(self) -> dict[str, str]:
        """What was declared."""
        problem = self.schedule.problem
        order, index = problem.order, problem.index
        lot = "any number of shares" if order.lot is None else f"whole lots of {order.lot:,.10g} shares"
        price = "not given" if order.price is None else f"${order.price:,.10g}; notional {money(order.notional or 0.0)}"
        counts = pd.Series(problem.curvature.names()).value_counts()
        return {
            "order": f"{order.side} {order.shares:,.10g} shares in {lot}{_left(order)}",
            "arrival price": price,
            "buckets": f"{problem.buckets:,}, {index[0]} to {index[-1]}",
            "cost curves": ", ".join(f"{count:,} {name}" for name, count in counts.items()),
            "objective": " + ".join(term_name(term.name) for term in problem.charges),
            "limits": _limits(problem),
        }

    @property
    def sections(self) -> list[Section]:
        """The parts of the page."""
        return [
            self._schedule_section(),
            self._curves_section(),
            self._marginal_section(),
            self._costs_section(),
            self._methods_section(),
            *self._frontier_section(),
            self._certificate_section(),
        ]

    @cached_property
    def _beside(self) -> dict[str, Schedule]:
        """The answer, TWAP and VWAP, by name."""
        return {self.schedule.method: self.schedule} | {name: self.methods[name] for name in self.savings}

    def _schedule_section(self) -> Section:
        index = self.schedule.problem.index
        shares = shares_chart(index, {name: s.x for name, s in self._beside.items()})
        held = inventory_chart(index, {name: s.inventory.to_numpy() for name, s in self._beside.items()})
        return Section("schedule", "Schedule", charts=[shares, held])

    def _curves_section(self) -> Section:
        note = "Each curve is what a slice of that size costs in that bucket, on its own, without the other terms."
        return Section("impact", "Impact curves", [note], [curves_chart(self.schedule)])

    def _marginal_section(self) -> Section:
        return Section("marginal-costs", "Marginal costs", [self._price()], [marginal_chart(self.schedule)])

    def _price(self) -> str:
        """What equal or unequal marginal costs say."""
        schedule, problem = self.schedule, self.schedule.problem
        if not problem.convex:
            return "Some curves are not convex, so equal marginal costs are no sign of an optimum here; the bound is."
        if not divisible(problem):
            return (
                "Slices of whole lots or of a least size cannot be moved share by share: no one price equals them all."
            )
        if not meets_conditions(schedule):
            return (
                "The schedule is not optimal: shares moved from where one more costs much to where it costs little "
                "would cost less."
            )
        if not one_price(schedule):
            return "Every slice is at one of its limits, so that many prices of one more share go with the schedule."
        return (
            "At the optimum every slice between its limits costs the same for one more share, the price lambda = "
            f"{money(schedule.marginal_price, ',.6g')}; slices at their floor cost no less, those at their cap no more."
        )

    def _costs_section(self) -> Section:
        costs = self.schedule.frame.drop(columns=["shares", "inventory"])
        costs.columns = [f"{term_name(str(name))} ($)" for name in costs.columns]
        costs.insert(0, "shares", self.schedule.x)
        costs.index = pd.Index(map(str, costs.index), name=str(costs.index.name))
        forms = dict.fromkeys(costs.columns, ",.6g") | {"shares": ",.10g"}
        every = Table("costs_by_bucket", "Cost of every bucket by term", costs, forms)
        return Section(
            "costs",
            "Cost by term",
            charts=[terms_chart({name: s.breakdown for name, s in self._beside.items()})],
            tables=[every],
        )

    def _methods_section(self) -> Section:
        return Section("methods", "Methods compared", [], [], [methods_table(self.schedule, self.methods)])

    def _frontier_section(self) -> list[Section]:
        if self.frontier is None:
            return []
        note = (
            "Each point is the schedule of least cost + psi/2 variance at one risk aversion psi, as far as its gap "
            "proves; the line only joins the points. Lots, least slices and curves that are not convex can leave "
            "efficient schedules above it, which no psi reaches."
        )
        return [Section("risk", "Cost against risk", [note], [frontier_chart(self.frontier, self.schedule)])]

    def _certificate_section(self) -> Section:
        return Section(
            "certificate",
            "Certificate",
            [how_proved(self.schedule, "" if self.recorded else self.schedule.method)],
            [],
            certificate(self.schedule, self.provenance, self._claims()),
        )

    def _claims(self) -> dict[str, Any]:
        claims: dict[str, Any] = {"best lower bound of all methods ($)": self.bound, "gap to it": self.gap}
        if self.recorded is not None:
            claims |= {
                "solver": f"{self.schedule.method}, as recorded",
                "lower bound ($) as recorded, not checked": self.recorded.bound,
            }
        return claims


def _left(order: Order) -> str:
    """What an order that need not complete says of the rest."""
    if order.must_complete:
        return ""
    penalty = f" + {money(order.unfilled_penalty / 2, ',.6g')} u²" if order.unfilled_penalty else ""
    return f", of which u may stay unfilled at {money(order.unfilled_cost or 0.0, ',.6g')} u{penalty}"


def _limits(problem: Problem) -> str:
    limits = problem.limits
    told = {"floor": limits.minimum, "cap": limits.maximum, "least slice": limits.smallest}
    parts = [f"{name} {_several(value)} shares" for name, value in told.items() if value is not None and np.any(value)]
    if limits.participation is not None:
        parts.append(f"participation {_several(limits.participation)} of the volume")
    return ", ".join(parts) or "none"


def _several(value: Parameter) -> str:
    """One number, or the range of several."""
    low, high = np.min(value), np.max(value)
    return f"{low:,.10g}" if low == high else f"{low:,.6g} to {high:,.6g}"
