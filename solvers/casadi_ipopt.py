"""IPOPT without the ipopt program: the library inside the casadi wheel, as a Pyomo solver.

Importing this module registers the solver with Pyomo as `casadi_ipopt`.
"""

import time
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import casadi
import numpy as np
import pyomo.environ as pyo
from pyomo.common.collections import ComponentMap
from pyomo.common.config import ConfigValue
from pyomo.contrib.solver.common.base import Availability, SolverBase
from pyomo.contrib.solver.common.factory import SolverFactory
from pyomo.contrib.solver.common.results import Results, SolutionStatus, TerminationCondition
from pyomo.contrib.solver.common.solution_loader import SolutionLoader
from pyomo.core.base.suffix import SuffixFinder

from optexec.solvers.casadi_nlp import INFEASIBLE, Answer, CasadiNlp, Units

ENDINGS = {
    "Solve_Succeeded": (TerminationCondition.convergenceCriteriaSatisfied, SolutionStatus.optimal),
    "Solved_To_Acceptable_Level": (
        TerminationCondition.convergenceCriteriaSatisfied,
        SolutionStatus.feasible,
    ),
    "Maximum_Iterations_Exceeded": (TerminationCondition.iterationLimit, SolutionStatus.infeasible),
    "Maximum_WallTime_Exceeded": (TerminationCondition.maxTimeLimit, SolutionStatus.infeasible),
    "Maximum_CpuTime_Exceeded": (TerminationCondition.maxTimeLimit, SolutionStatus.infeasible),
    INFEASIBLE: (TerminationCondition.locallyInfeasible, SolutionStatus.infeasible),
}
"""What IPOPT says -> how Pyomo names it; a point reached when stopping early is not claimed to be feasible."""


class _Values(SolutionLoader):
    """The last point of IPOPT, by variable."""

    def __init__(self, model: Any, values: Mapping[Any, float]) -> None:
        self._pyomo_model = model
        self._values = values

    def get_number_of_solutions(self) -> int:
        return 1

    def get_vars(self, vars_to_load: Sequence[Any] | None = None) -> Mapping[Any, float]:
        if vars_to_load is None:
            return self._values
        return ComponentMap((v, self._values[v]) for v in vars_to_load)


@SolverFactory.register("casadi_ipopt", doc="IPOPT as shipped in the casadi wheel")
class CasadiIpopt(SolverBase):
    """IPOPT for continuous Pyomo models, through casadi.

    Honours a `scaling_factor` Suffix on the model; without one, variables are scaled by their ranges and the objective
    by the option `objective_scale`. `solver_options` are IPOPT's, such as {"tol": 1e-9}; `time_limit`, `tee`,
    `load_solutions` and `raise_exception_on_nonoptimal_result` are Pyomo's.

    >>> import optexec as ox
    >>> m = ox.build(ox.Problem(ox.Order(300), ox.Power(a=[1.0, 2.0], b=2.0), ox.objective("A")))
    >>> results = CasadiIpopt().solve(m)
    >>> round(m.x[1].value, 5)
    200.0
    """

    name = "casadi_ipopt"

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self.config.declare("objective_scale", ConfigValue(default=1.0, domain=float))

    def available(self) -> Availability:
        """Whether the casadi at hand carries IPOPT."""
        return Availability.FullLicense if casadi.has_nlpsol("ipopt") else Availability.NotFound

    def version(self) -> tuple[int, ...]:
        """Version of casadi."""
        return tuple(int(part) for part in casadi.CasadiMeta.version().split(".")[:3])

    def solve(self, model: Any, **options: Any) -> Results:
        """Solve a model; its variables receive the answer unless `load_solutions=False`.

        Raises:
            RuntimeError: IPOPT did not converge and `raise_exception_on_nonoptimal_result` is left on.
        """
        config = self.config(value=options, preserve_implicit=True)
        began, started = datetime.now(UTC), time.perf_counter()
        nlp = CasadiNlp(model)
        answer = nlp.solve(_units(model, nlp, config.objective_scale), _ipopt_options(config))
        results = self._results(model, config, nlp, answer)
        results.timing_info.start_timestamp = began
        results.timing_info.wall_time = time.perf_counter() - started
        converged = results.termination_condition is TerminationCondition.convergenceCriteriaSatisfied
        if config.raise_exception_on_nonoptimal_result and not converged:
            raise RuntimeError(f"IPOPT ended with {answer.ending}")
        if config.load_solutions:
            results.solution_loader.load_vars()
        return results

    def _results(self, model: Any, config: Any, nlp: CasadiNlp, answer: Answer) -> Results:
        results = Results()
        results.solver_name, results.solver_version = self.name, self.version()
        results.solver_config = config
        unknown = (TerminationCondition.error, SolutionStatus.noSolution)
        results.termination_condition, results.solution_status = ENDINGS.get(answer.ending, unknown)
        results.incumbent_objective = answer.objective
        values = ComponentMap(zip(nlp.variables, answer.values.tolist(), strict=True))
        results.solution_loader = _Values(model, values)
        results.extra_info.return_status = answer.ending
        return results


def _units(model: Any, nlp: CasadiNlp, objective_scale: float) -> Units:
    """What the model's own `scaling_factor` says, 1 where it says nothing; without one, the model's ranges."""
    if model.find_component("scaling_factor") is None:
        return nlp.units(objective_scale)
    factor = SuffixFinder("scaling_factor", 1.0, model).find
    objective = next(model.component_data_objects(pyo.Objective, active=True))
    columns, rows = (1 / np.array([factor(part) for part in parts]) for parts in (nlp.variables, nlp.rows))
    return Units(columns, 1 / factor(objective), rows)


def _ipopt_options(config: Any) -> dict[str, Any]:
    quiet = {"print_level": 5 if config.tee else 0, "sb": "yes"}
    limit = {} if config.time_limit is None else {"max_wall_time": float(config.time_limit)}
    return {**quiet, **limit, **dict(config.solver_options)}
