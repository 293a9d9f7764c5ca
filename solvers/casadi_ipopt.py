"""IPOPT without the ipopt program: the library inside the casadi wheel, as a Pyomo solver.

Pyomo writes the model as an NL file, casadi reads it and hands it to IPOPT. Importing this module registers the
solver with Pyomo as `casadi_ipopt`.
"""

import tempfile
import time
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import casadi
from pyomo.common.collections import ComponentMap
from pyomo.common.errors import InfeasibleConstraintException
from pyomo.contrib.solver.common.base import Availability, SolverBase
from pyomo.contrib.solver.common.factory import SolverFactory
from pyomo.contrib.solver.common.results import Results, SolutionStatus, TerminationCondition
from pyomo.contrib.solver.common.solution_loader import SolutionLoader
from pyomo.repn.plugins.nl_writer import NLWriter

ENDINGS = {
    "Solve_Succeeded": (TerminationCondition.convergenceCriteriaSatisfied, SolutionStatus.optimal),
    "Solved_To_Acceptable_Level": (
        TerminationCondition.convergenceCriteriaSatisfied,
        SolutionStatus.feasible,
    ),
    "Maximum_Iterations_Exceeded": (TerminationCondition.iterationLimit, SolutionStatus.infeasible),
    "Maximum_WallTime_Exceeded": (TerminationCondition.maxTimeLimit, SolutionStatus.infeasible),
    "Maximum_CpuTime_Exceeded": (TerminationCondition.maxTimeLimit, SolutionStatus.infeasible),
    "Infeasible_Problem_Detected": (TerminationCondition.locallyInfeasible, SolutionStatus.infeasible),
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

    Honours a `scaling_factor` Suffix on the model. `solver_options` are IPOPT's, such as {"tol": 1e-9};
    `time_limit`, `tee`, `load_solutions` and `raise_exception_on_nonoptimal_result` are Pyomo's.

    >>> import optexec as ox
    >>> m = ox.build(ox.Problem(ox.Order(300), ox.Power(a=[1.0, 2.0], b=2.0), ox.objective("A")))
    >>> results = CasadiIpopt().solve(m)
    >>> round(m.x[1].value, 5)
    200.0
    """

    name = "casadi_ipopt"

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
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "model.nl"
            info = _write(model, path)
            ending, point, value = _run(path, _ipopt_options(config))
        results = self._results(model, config, info, ending, point, value)
        results.timing_info.start_timestamp = began
        results.timing_info.wall_time = time.perf_counter() - started
        converged = results.termination_condition is TerminationCondition.convergenceCriteriaSatisfied
        if config.raise_exception_on_nonoptimal_result and not converged:
            raise RuntimeError(f"IPOPT ended with {ending}")
        if config.load_solutions:
            results.solution_loader.load_vars()
        return results

    def _results(
        self, model: Any, config: Any, info: Any, ending: str, point: Sequence[float], value: float
    ) -> Results:
        scaling = info.scaling
        factors = scaling.variables if scaling is not None else [1.0] * len(info.variables)
        values = ComponentMap((v, z / factor) for v, z, factor in zip(info.variables, point, factors, strict=True))
        results = Results()
        results.solver_name, results.solver_version = self.name, self.version()
        results.solver_config = config
        unknown = (TerminationCondition.error, SolutionStatus.noSolution)
        results.termination_condition, results.solution_status = ENDINGS.get(ending, unknown)
        results.incumbent_objective = value / (scaling.objectives[0] if scaling is not None else 1.0)
        results.solution_loader = _Values(model, values)
        results.extra_info.return_status = ending
        return results


def _write(model: Any, path: Path) -> Any:
    options = {"linear_presolve": False, "scale_model": True, "symbolic_solver_labels": False}
    try:
        with path.open("w") as file:
            return NLWriter().write(model, file, **options)
    except InfeasibleConstraintException as error:
        raise RuntimeError(f"the model is infeasible: {error}") from None


def _ipopt_options(config: Any) -> dict[str, Any]:
    quiet = {"print_level": 5 if config.tee else 0, "sb": "yes"}
    limit = {} if config.time_limit is None else {"max_wall_time": float(config.time_limit)}
    return {**quiet, **limit, **dict(config.solver_options)}


def _run(path: Path, options: dict[str, Any]) -> tuple[str, list[float], float]:
    """IPOPT's own word on how it ended, its last point, and the objective there."""
    nlp = casadi.NlpBuilder()
    nlp.import_nl(str(path))
    problem = {"x": casadi.vertcat(*nlp.x), "f": nlp.f, "g": casadi.vertcat(*nlp.g)}
    solver = casadi.nlpsol("ipopt", "ipopt", problem, {"ipopt": options, "print_time": False})
    answer = solver(x0=nlp.x_init, lbx=nlp.x_lb, ubx=nlp.x_ub, lbg=nlp.g_lb, ubg=nlp.g_ub)
    return solver.stats()["return_status"], answer["x"].full().ravel().tolist(), float(answer["f"])
