"""The report of a schedule: one HTML page that says what it costs, what it saves, and how that is known."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from optexec.analysis.provenance import Provenance
from optexec.analysis.report_charts import (
    curves_chart,
    frontier_chart,
    inventory_chart,
    marginal_chart,
    shares_chart,
    terms_chart,
)
from optexec.analysis.report_page import render
from optexec.analysis.report_parts import GAP, Section, Table, read
from optexec.models.problem import Problem
from optexec.models.schedule import Schedule
from optexec.models.validation import Parameter
from optexec.solvers.verification import FAILED, compare_schedules

if TYPE_CHECKING:
    from optexec.analysis.frontier import Frontier

BENCHMARKS = ("twap", "vwap")
"""Schedules that the answer is drawn and priced against."""
ENGINES = {"ipopt": "casadi", "highs": "highspy", "milp": "highspy"}
"""Packages of the methods that are not optexec's own."""


@dataclass(frozen=True, eq=False)
class Report:
    """What a report says of a schedule.

    Args:
        schedule: the schedule.
        methods: schedules of other methods for the same problem, by name; TWAP and VWAP are drawn beside it.
        frontier: cost against risk; None to leave it out.
        provenance: inputs and versions.

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

    def html(self) -> str:
        """The page, with all it needs inside."""
        return render(self.title, self.verdict, self.figures, self.order, self.sections, self.provenance.made)

    @property
    def title(self) -> str:
        """What was to be done."""
        order, problem = self.schedule.problem.order, self.schedule.problem
        return f"{order.side.capitalize()} {order.shares:,.10g} shares over {problem.buckets:,} buckets"

    @property
    def verdict(self) -> str:
        """Cost, saving and proof in one sentence."""
        schedule = self.schedule
        order, terms = schedule.problem.order, [name.replace("_", " ") for name in schedule.breakdown]
        doing = "Buying" if order.side == "buy" else "Selling"
        cost = f"costs {self._money(schedule.objective)} in {' and '.join(terms)}"
        others = " and ".join(self._against(name, saving) for name, saving in self.savings.items())
        done = f"{doing} {order.shares:,.10g} shares over {schedule.problem.buckets:,} buckets {cost}"
        return f"{done}{others and f', {others}'}; {self._proof()}."

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
        if not np.isfinite(self.schedule.lower_bound):
            return "no lower bound is known, so nothing is proved"
        return f"no schedule costs less than ${self.schedule.lower_bound:,.2f} (certified gap {_percent(self.schedule.gap)})"

    def _money(self, dollars: float) -> str:
        notional = self.schedule.problem.order.notional
        bps = "" if notional is None else f" ({1e4 * dollars / notional:,.4g} bps)"
        return f"${dollars:,.2f}{bps}"

    @property
    def figures(self) -> dict[str, str]:
        """The few numbers at the top."""
        schedule = self.schedule
        told = {"cost": self._money(schedule.objective)}
        told |= {f"less than {name.upper()}": self._money(saving) for name, saving in self.savings.items()}
        told["certified gap"] = _percent(schedule.gap) if np.isfinite(schedule.lower_bound) else "not known"
        if np.isfinite(schedule.marginal_price):
            told["one more share"] = f"${schedule.marginal_price:,.4g}"
        return told

    @property
    def order(self) -> dict[str, str]:
        """What was declared."""
        problem = self.schedule.problem
        order, index = problem.order, problem.index
        lot = "any number of shares" if order.lot is None else f"whole lots of {order.lot:,.10g} shares"
        price = "not given" if order.price is None else f"${order.price:,.10g}; notional ${order.notional:,.2f}"
        counts = pd.Series(problem.curvature.names()).value_counts()
        return {
            "order": f"{order.side} {order.shares:,.10g} shares in {lot}",
            "arrival price": price,
            "buckets": f"{problem.buckets:,}, {index[0]} to {index[-1]}",
            "cost curves": ", ".join(f"{count:,} {name}" for name, count in counts.items()),
            "objective": " + ".join(term.name.replace("_", " ") for term in problem.terms),
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
        schedule = self.schedule
        if not schedule.problem.convex:
            note = "Some curves are not convex, so equal marginal costs are no sign of an optimum here; the bound is."
        elif schedule.problem.order.lot is not None or schedule.problem.semicontinuous:
            note = "Slices of whole lots or of a least size stand near the price lambda, and not on it."
        else:
            note = (
                "At the optimum every slice between its limits costs the same for one more share, the price lambda; "
                "slices at their floor cost more, slices at their cap less."
            )
        price = f"lambda = ${schedule.marginal_price:,.6g} a share." if np.isfinite(schedule.marginal_price) else ""
        return Section("marginal-costs", "Marginal costs", [f"{note} {price}".strip()], [marginal_chart(schedule)])

    def _costs_section(self) -> Section:
        costs = self.schedule.frame.drop(columns=["shares", "inventory"])
        costs.columns = [f"{name.replace('_', ' ')} ($)" for name in costs.columns]
        costs.insert(0, "shares", self.schedule.x)
        costs.index = pd.Index(map(str, costs.index), name=str(costs.index.name))
        forms = dict.fromkeys(costs.columns, ",.4f") | {"shares": ",.10g"}
        every = Table("costs_by_bucket", "Cost of every bucket by term", costs, forms)
        return Section("costs", "Cost by term", charts=[terms_chart(self._beside)], tables=[every])

    def _methods_section(self) -> Section:
        return Section("methods", "Methods compared", [], [], [methods_table(self.schedule, self.methods)])

    def _frontier_section(self) -> list[Section]:
        if self.frontier is None:
            return []
        note = (
            "Each point is the least cost at a level of risk aversion psi; what lies above the line wastes money, and "
            "nothing lies below it."
        )
        return [Section("frontier", "Cost against risk", [note], [frontier_chart(self.frontier, self.schedule)])]

    def _certificate_section(self) -> Section:
        return Section("certificate", "Certificate", _how_proved(self.schedule), [], certificate(self.schedule, self.provenance))


def methods_table(schedule: Schedule, methods: Mapping[str, Schedule]) -> Table:
    """Every method, cheapest first, with its excess over the best bound.

    >>> import optexec as ox
    >>> problem = ox.Problem(ox.Order(300), ox.Power(a=[1.0, 2.0], b=2.0), ox.objective("A"))
    >>> methods_table(ox.solve(problem), {"twap": ox.solve(problem, "twap")}).frame["above the bound (%)"].round(2).tolist()
    [0.0, 12.5]
    """
    compared = compare_schedules({schedule.method: schedule, **{n: s for n, s in methods.items() if n != schedule.method}})
    notional = schedule.problem.order.notional
    table = pd.DataFrame(
        {
            "cost ($)": compared["objective"],
            "cost (bps)": np.nan if notional is None else 1e4 * compared["objective"] / notional,
            "above the bound (%)": 100 * compared["certified_gap"],
            "above the best (bps)": compared["excess_bps"],
            "own bound ($)": compared["lower_bound"],
            "own gap (%)": 100 * compared["gap"],
            "status": compared["status"],
            "time (s)": compared["seconds"],
        }
    )
    if notional is None:
        table = table.drop(columns=["cost (bps)", "above the best (bps)"])
    forms = {"cost ($)": ",.2f", "cost (bps)": ",.4f", "above the bound (%)": GAP, "above the best (bps)": ",.4f"}
    forms |= {"own bound ($)": ",.2f", "own gap (%)": GAP, "time (s)": ".2g"}
    caption = f"Methods, cheapest first, against the best bound known, ${compared['lower_bound'].max():,.2f}"
    return Table("methods", caption, table.replace([np.inf, -np.inf], np.nan), forms)


def certificate(schedule: Schedule, provenance: Provenance) -> list[Table]:
    """What is proved, with what, and from which inputs.

    >>> import optexec as ox
    >>> problem = ox.Problem(ox.Order(300), ox.Power(a=[1.0, 2.0], b=2.0), ox.objective("A"))
    >>> [table.name for table in certificate(ox.solve(problem), Provenance())]
    ['certificate', 'versions', 'inputs']
    """
    proof = {
        "status": schedule.status,
        "objective ($)": schedule.objective,
        "lower bound ($)": schedule.lower_bound,
        "gap (fraction of the objective)": schedule.gap,
        "KKT residual (relative)": schedule.kkt_residual,
        "price lambda ($/share)": schedule.marginal_price,
        "solver": _solver(schedule.method, provenance),
        "time (s)": schedule.seconds,
    }
    inputs = {**provenance.inputs, **{f"--set {setting}": "given on the command line" for setting in provenance.settings}}
    return [
        _facts("certificate", "The proof", proof),
        _facts("versions", "Computed with", dict(provenance.versions)),
        _facts("inputs", "Inputs, by SHA-256", inputs),
    ]


def _facts(name: str, caption: str, facts: Mapping[str, Any]) -> Table:
    frame = pd.DataFrame({"value": pd.Series(facts, dtype=object)}).rename_axis("what")
    return Table(name, caption, frame, {"value": ",.10g"})


def _solver(method: str, provenance: Provenance) -> str:
    """The method and the package that carries it out."""
    package = ENGINES.get(method.partition("[")[0], "optexec")
    return f"{method}, by {package} {provenance.versions.get(package, '')}".strip()


def _how_proved(schedule: Schedule) -> list[str]:
    if not np.isfinite(schedule.lower_bound):
        return ["The shape of the cost curves is not known, so no bound is: this is the best schedule that was found."]
    if schedule.problem.convex:
        how = "the tangents of the objective at the schedule, filled up from the cheapest (the Frank-Wolfe bound)"
    else:
        how = "convex envelopes of the cost curves, or the exact search over whole lots"
    return [f"The bound is that of {how}: it holds for every schedule within the limits, whoever found it."]


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


def _percent(fraction: float) -> str:
    return f"{read(100 * fraction, GAP)} %"
