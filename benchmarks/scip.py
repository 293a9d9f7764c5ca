"""SCIP on the model of `build`, through Pyomo's `scip_direct`, in units that suit it."""

import math
import time
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyomo.environ as pyo
from pyomo.common.errors import PyomoException
from pyomo.contrib.solver.common.factory import SolverFactory
from pyomo.contrib.solver.common.results import TerminationCondition

import optexec as ox
from optexec.models.validation import Array

OPTIONS = {"propagating/probing/maxprerounds": 0, "display/verblevel": 0}
"""Without probing, which takes up the whole time limit where there are thousands of binaries and settles nothing.

And silent: a long log can fill the pipe that Pyomo captures it with and stop SCIP for good.
"""


@dataclass(frozen=True)
class ScipRun:
    """What SCIP made of a problem.

    Args:
        objective: dollars of its best schedule, priced by the declaration; infinite if it has none.
        lower_bound: its dual bound in dollars.
        certified: whether it stopped because its gap was reached.
        seconds: of the solve call, translation from Pyomo included.
        own_seconds: of SCIP alone.
        status: why it stopped.
    """

    objective: float
    lower_bound: float
    certified: bool
    seconds: float
    own_seconds: float
    status: str

    @property
    def gap(self) -> float:
        """(objective - bound) / objective, infinite without a schedule."""
        if not math.isfinite(self.objective - self.lower_bound):
            return math.inf
        return max(self.objective - self.lower_bound, 0.0) / abs(self.objective)


def run_scip(problem: ox.Problem, gap: float, limit: float) -> ScipRun:
    """Solve a problem by SCIP on one thread.

    The model is `build(problem)` with the bounds on the inventory that the limits imply, in units of S/N shares and
    of the mean cost of a bucket: in shares and dollars SCIP stalls or its LP solver breaks down.
    """
    exact = ox.build(problem)
    _bound_inventory(exact, problem)
    dollars = problem.objective(problem.inside()) / problem.buckets
    model = _in_units(exact, problem.shares / problem.buckets, dollars)
    started = time.perf_counter()
    try:
        results = SolverFactory("scip_direct").solve(
            model, time_limit=limit, rel_gap=gap, threads=1, raise_exception_on_nonoptimal_result=False,
            load_solutions=False, solver_options=OPTIONS,
        )  # fmt: skip
    except PyomoException:
        raise
    except Exception as error:  # PySCIPOpt raises plain exceptions
        return ScipRun(math.inf, -math.inf, False, time.perf_counter() - started, math.nan, f"error: {error}")
    seconds = time.perf_counter() - started
    condition = results.termination_condition
    return ScipRun(
        objective=_price(problem, exact, model, results),
        lower_bound=-math.inf if results.objective_bound is None else results.objective_bound * dollars,
        certified=condition is TerminationCondition.convergenceCriteriaSatisfied,
        seconds=seconds,
        own_seconds=float(results.timing_info.scip_time),
        status=condition.name,
    )


def _bound_inventory(model: Any, problem: ox.Problem) -> None:
    """What the caps ahead can still take, and what those behind cannot have taken."""
    ahead = np.append(np.cumsum(problem.hi[::-1])[::-1][1:], 0.0)
    behind = np.cumsum(problem.hi)
    for i, most, least in zip(model.BUCKETS, ahead.tolist(), (problem.shares - behind).tolist(), strict=True):
        model.R[i].setub(min(problem.shares, most))
        model.R[i].setlb(max(0.0, least))


def _in_units(model: Any, shares: float, dollars: float) -> Any:
    """The same model in other units, by Pyomo's scaling transformation.

    Slices and inventory are in `shares`, the objective and the variables that stand for tabulated costs in `dollars`.
    """
    model.scaling_factor = pyo.Suffix(direction=pyo.Suffix.EXPORT)
    model.scaling_factor[model.cost] = 1 / dollars
    units = {"x": shares, "R": shares, "value": dollars, "inventory": shares, "completion": shares}
    for kind in (pyo.Var, pyo.Constraint):
        for data in model.component_data_objects(kind):
            unit = units.get(data.parent_component().local_name)
            if unit is not None:
                model.scaling_factor[data] = 1 / unit
    return pyo.TransformationFactory("core.scale_model").create_using(model)


def _price(problem: ox.Problem, exact: Any, model: Any, results: Any) -> float:
    """Cost of SCIP's best schedule by the declaration, settled onto the limits."""
    if results.incumbent_objective is None:
        return math.inf
    results.solution_loader.load_vars()
    pyo.TransformationFactory("core.scale_model").propagate_solution(model, exact)
    x = np.array([exact.x[i].value for i in exact.BUCKETS])
    return problem.objective(_settled(problem, x))


def _settled(problem: ox.Problem, x: Array) -> Array:
    """Shares inside the limits with the exact sum; the bucket furthest from its limits takes what is missing."""
    x = np.clip(x, problem.lo, problem.hi)
    room = np.minimum(x - problem.lo, problem.hi - x)
    i = int(np.argmax(room))
    x[i] = np.clip(x[i] + problem.shares - x.sum(), problem.lo[i], problem.hi[i])
    return x
