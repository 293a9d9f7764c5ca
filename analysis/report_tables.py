"""The tables of a report: the methods side by side, and the certificate."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from optexec.analysis.provenance import Provenance
from optexec.analysis.report_parts import CENTS, GAP, Table, facts
from optexec.analysis.wording import money
from optexec.models.schedule import Schedule
from optexec.solvers.dispatch import METHODS
from optexec.solvers.verification import compare_schedules

ENGINES = {"ipopt": "casadi", "highs": "highspy", "milp": "highspy"}
"""Packages of the methods that are not optexec's own."""
TANGENTS = "the tangents of the objective, filled up from the cheapest (the Frank-Wolfe bound)"
ENVELOPES = "the convex envelopes of the cost curves"
SEARCHES = {
    "dp": "the dynamic programme, exact for whole lots",
    "branch": f"{ENVELOPES}, on ever smaller ranges until the gap was closed or the time was up",
    "milp": "a piecewise-linear model below the objective, refined until the gap was closed or the time was up",
}
"""What the bounds of methods that search come from."""


def methods_table(schedule: Schedule, methods: Mapping[str, Schedule]) -> Table:
    """Every method, cheapest first, with its excess over the best bound.

    >>> import optexec as ox
    >>> problem = ox.Problem(ox.Order(300), ox.Power(a=[1.0, 2.0], b=2.0), ox.objective("A"))
    >>> table = methods_table(ox.solve(problem), {"twap": ox.solve(problem, "twap")})
    >>> table.frame["above the bound (%)"].round(2).tolist()
    [0.0, 12.5]
    """
    compared = compare_schedules(
        {schedule.method: schedule, **{n: s for n, s in methods.items() if n != schedule.method}}
    )
    notional = schedule.problem.order.notional
    table = pd.DataFrame(
        {
            "cost ($)": compared["objective"],
            "cost (bps)": np.nan if notional is None else 1e4 * compared["objective"] / notional,
            "above the bound (%)": 100 * compared["certified_gap"].clip(lower=0.0),
            "above the best (bps)": compared["excess_bps"],
            "own bound ($)": compared["lower_bound"],
            "own gap (%)": 100 * compared["gap"],
            "status": compared["status"],
            "time (s)": compared["seconds"],
        }
    )
    if notional is None:
        table = table.drop(columns=["cost (bps)", "above the best (bps)"])
    forms = {"cost ($)": CENTS, "cost (bps)": ",.4f", "above the bound (%)": GAP, "above the best (bps)": ",.4f"}
    forms |= {"own bound ($)": CENTS, "own gap (%)": GAP, "time (s)": ".2g"}
    bound = compared["lower_bound"].max()
    known = f", against the best bound known, {money(bound)}" if np.isfinite(bound) else "; no bound is known"
    caption = f"Methods, cheapest first{known}"
    return Table("methods", caption, table.replace([np.inf, -np.inf], np.nan), forms)


def certificate(schedule: Schedule, provenance: Provenance, claims: Mapping[str, Any] | None = None) -> list[Table]:
    """What is proved, with what, and from which inputs; `claims` are facts to show below the proof.

    >>> import optexec as ox
    >>> problem = ox.Problem(ox.Order(300), ox.Power(a=[1.0, 2.0], b=2.0), ox.objective("A"))
    >>> [table.name for table in certificate(ox.solve(problem), Provenance())]
    ['certificate', 'versions']
    """
    proof = {
        "status": schedule.status,
        "objective ($)": schedule.objective,
        "its own lower bound ($)": schedule.lower_bound,
        "gap to its own bound (fraction of the objective)": schedule.gap,
        "KKT residual (relative)": schedule.kkt_residual,
        "price lambda of the bound ($/share)": schedule.marginal_price,
        "solver": _solver(schedule.method, provenance),
        "time (s)": schedule.seconds,
        **(claims or {}),
    }
    return [facts("certificate", "The proof", proof), *provenance.tables]


def _solver(method: str, provenance: Provenance) -> str:
    """The method, and the package that carries it out if it is one of `solve`."""
    if method not in METHODS:
        return method
    package = ENGINES.get(method, "optexec")
    return f"{method}, by {package} {provenance.versions.get(package, '')}".strip()


def how_proved(schedule: Schedule, solver: str) -> str:
    """Where the schedule's own bound comes from, in words.

    Args:
        schedule: the schedule.
        solver: method whose search its bound may come from; "" for shares that were only priced.

    >>> import optexec as ox
    >>> schedule = ox.solve(ox.Problem(ox.Order(300), ox.Power(a=[1.0, 2.0], b=2.0), ox.objective("A")))
    >>> how_proved(schedule, schedule.method)[:57]
    'The bound is that of the tangents of the objective, fille'
    """
    if not np.isfinite(schedule.lower_bound):
        return "No bound is known for these curves and terms: nothing is proved of how close to the least cost this is."
    plain = TANGENTS if schedule.problem.convex else ENVELOPES
    how = SEARCHES.get(solver, plain)
    either = f", or of {plain} where that is higher" if solver == "milp" else ""
    return f"The bound is that of {how}{either}: it holds for every schedule that the order and its limits allow."
