"""Any convex problem as a Pyomo model: the ipopt program where there is one, else casadi's IPOPT."""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import Any

import pyomo.environ as pyo
from pyomo.contrib.solver.common.results import TerminationCondition
from pyomo.contrib.solver.solvers.ipopt import Ipopt
from pyomo.core.expr.calculus.derivatives import Modes, differentiate
from pyomo.core.expr.visitor import identify_variables

from optexec.models.errors import SolverFailure
from optexec.solvers.casadi_ipopt import CasadiIpopt
from optexec.solvers.scaling import Scaling

OPTIONS = {"tol": 1e-11, "bound_relax_factor": 0.0, "max_iter": 500}
STATUS = {
    TerminationCondition.convergenceCriteriaSatisfied: "optimal",
    TerminationCondition.maxTimeLimit: "time_limit",
    TerminationCondition.iterationLimit: "iteration_limit",
}


def ipopt_program() -> Path | None:
    """The ipopt program: on the path, else where `idaes get-extensions` puts it; None if there is none."""
    data = Path(os.environ.get("IDAES_DATA", Path.home() / ".idaes"))
    found = shutil.which("ipopt") or shutil.which("ipopt", path=str(data / "bin"))
    return None if found is None else Path(found)


def ipopt_solver() -> Any:
    """A Pyomo solver that runs IPOPT: Pyomo's own interface if the program is there, else `CasadiIpopt`.

    >>> ipopt_solver().solve.__doc__ is not None
    True
    """
    program = ipopt_program()
    if program is None:
        return CasadiIpopt()
    return Ipopt(executable=str(program), writer_config={"scale_model": True, "linear_presolve": False})


def run_ipopt(model: Any, *, objective_scale: float = 1.0, time_limit: float | None = None, solver: Any = None) -> str:
    """Solve a continuous Pyomo model; its variables hold the last point of IPOPT.

    Variables are scaled by their ranges and the objective by `objective_scale`, because IPOPT's tolerances are
    absolute; a `scaling_factor` Suffix of the model's own is kept instead.

    Args:
        model: a Pyomo model with one active objective, minimised, starting strictly inside its bounds.
        objective_scale: typical size of the objective in dollars.
        time_limit: seconds; None for no limit.
        solver: a Pyomo IPOPT solver; `ipopt_solver()` by default.

    Returns:
        "optimal", "time_limit" or "iteration_limit".

    Raises:
        SolverFailure: IPOPT ends for another reason.

    >>> import optexec as ox
    >>> m = ox.build(ox.Problem(ox.Order(300), ox.Power(a=[1.0, 2.0], b=1.5), ox.objective("A")))
    >>> run_ipopt(m), round(m.x[1].value, 5)
    ('optimal', 240.0)
    """
    solver = solver or ipopt_solver()
    scales_itself = isinstance(solver, CasadiIpopt)
    scale = {"objective_scale": objective_scale} if scales_itself else {}
    with _closed_fixed(model), nullcontext() if scales_itself else _scaled(model, objective_scale):
        results = solver.solve(
            model,
            solver_options=OPTIONS,
            time_limit=time_limit,
            load_solutions=False,
            raise_exception_on_nonoptimal_result=False,
            **scale,
        )
    if results.termination_condition not in STATUS:
        reason = getattr(results.extra_info, "return_status", results.termination_condition.name)
        raise SolverFailure(f"IPOPT ended with {reason}; check constraints of your own, or use another method")
    results.solution_loader.load_vars()
    return STATUS[results.termination_condition]


@contextmanager
def _closed_fixed(model: Any) -> Iterator[None]:
    """Fix variables whose bounds meet: an interior point has no room there."""
    variables = model.component_data_objects(pyo.Var, active=True)
    closed = [v for v in variables if v.lb is not None and v.lb == v.ub and not v.fixed]
    for variable in closed:
        variable.fix(variable.lb)
    try:
        yield
    finally:
        for variable in closed:
            variable.unfix()


@contextmanager
def _scaled(model: Any, objective_scale: float) -> Iterator[None]:
    if model.find_component("scaling_factor") is not None:
        yield
        return
    variables = list(model.component_data_objects(pyo.Var, active=True))
    units = Scaling.of(variables, objective_scale)
    model.scaling_factor = pyo.Suffix(direction=pyo.Suffix.EXPORT)
    try:
        for variable, size in zip(variables, units.columns.tolist(), strict=True):
            model.scaling_factor[variable] = 1.0 / size
        for objective in model.component_data_objects(pyo.Objective, active=True):
            model.scaling_factor[objective] = 1.0 / units.objective
        for row in model.component_data_objects(pyo.Constraint, active=True):
            model.scaling_factor[row] = _row_factor(row, model.scaling_factor)
        yield
    finally:
        model.del_component("scaling_factor")


def _row_factor(row: Any, factors: Any) -> float:
    """1 / the largest change of the row over the range of one of its variables, at their present values."""
    variables = list(identify_variables(row.body, include_fixed=False))
    if any(v.value is None for v in variables):
        return min(factors[v] for v in variables)
    slopes = differentiate(row.body, mode=Modes.reverse_numeric)
    free = ((v, slopes[v]) for v in variables)
    largest = max((abs(slope) / factors[v] for v, slope in free), default=0.0)
    return 1.0 / largest if largest > 0 else 1.0
