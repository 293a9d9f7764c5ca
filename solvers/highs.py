"""Pyomo models in HiGHS: solved and read back, with the bound kept whatever happens."""

import os
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from typing import Any

import highspy
import numpy as np

from optexec.models.errors import SolverFailure
from optexec.solvers.highs_model import HighsModel, Matrices

STDOUT = 1
TOLERANCE = 1e-9
"""Primal and dual feasibility in scaled units."""
STATUS = {
    highspy.HighsModelStatus.kOptimal: "optimal",
    highspy.HighsModelStatus.kTimeLimit: "time_limit",
    highspy.HighsModelStatus.kIterationLimit: "iteration_limit",
    highspy.HighsModelStatus.kInterrupt: "interrupted",
    highspy.HighsModelStatus.kInfeasible: "infeasible",
}


@dataclass(frozen=True)
class HighsAnswer:
    """What HiGHS made of a model; the model's variables hold its solution if it has one.

    Args:
        status: "optimal", "time_limit", "iteration_limit", "interrupted" or "infeasible".
        found: whether there is a feasible solution.
        bound: lower bound of a mixed-integer model in dollars, -inf if there is none.
    """

    status: str
    found: bool
    bound: float


def run_highs(
    model: Any, *, objective_scale: float = 1.0, gap: float = 1e-4, time_limit: float | None = None
) -> HighsAnswer:
    """Solve a Pyomo model with a linear or convex quadratic objective and linear constraints.

    Every call starts a HiGHS of its own: one that has seen a quadratic objective must not be handed a linear one.
    Variables are scaled by their ranges, rows by their largest coefficient and the objective by `objective_scale`,
    because HiGHS's tolerances are absolute. Where every integer variable has a value, these values are the start of
    a mixed-integer search; HiGHS finds those of the other variables by a linear programme.

    Args:
        model: a Pyomo model with one active objective, minimised; its variables receive the solution.
        objective_scale: typical size of the objective in dollars.
        gap: relative gap at which a mixed-integer search may stop.
        time_limit: seconds; None for no limit.

    Raises:
        SolverFailure: HiGHS ends for another reason than those of `HighsAnswer`, such as an unbounded model.

    >>> import optexec as ox
    >>> m = ox.build(ox.Problem(ox.Order(300), ox.Power(a=[1.0, 2.0], b=2.0), ox.objective("A")))
    >>> run_highs(m).status, round(m.x[1].value, 6)
    ('optimal', 200.0)
    """
    return solve_matrices(HighsModel(model).matrices(objective_scale), gap=gap, time_limit=time_limit)


def solve_matrices(matrices: Matrices, *, gap: float = 1e-4, time_limit: float | None = None) -> HighsAnswer:
    """As `run_highs`, for a model that is translated already."""
    if not matrices.columns:
        return _decided(matrices)
    _swallow_banner()
    highs = highspy.Highs()
    for name, value in _options(gap, time_limit).items():
        if highs.setOptionValue(name, value) != highspy.HighsStatus.kOk:
            raise SolverFailure(f"HiGHS refuses option {name} = {value!r}")
    _pass(highs, matrices)
    _start(highs, matrices)
    _run(highs)
    return _read(highs, matrices)


@cache
def _swallow_banner() -> None:
    """Let the first constructor of the process print to nowhere: HiGHS 1.16 prints before it can be told not to."""
    with suppress(OSError):
        kept, nowhere = os.dup(STDOUT), os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, STDOUT)
        try:
            highspy.Highs()
        finally:
            os.dup2(kept, STDOUT)
            os.close(kept)
            os.close(nowhere)


def _decided(matrices: Matrices) -> HighsAnswer:
    """The answer where every variable is fixed, which HiGHS calls an empty model."""
    holds = bool((matrices.row_low <= TOLERANCE).all() and (matrices.row_high >= -TOLERANCE).all())
    return HighsAnswer("optimal" if holds else "infeasible", holds, matrices.offset * matrices.units.objective)


def _options(gap: float, time_limit: float | None) -> dict[str, Any]:
    options: dict[str, Any] = {
        "output_flag": False,
        "threads": 1,
        "primal_feasibility_tolerance": TOLERANCE,
        "dual_feasibility_tolerance": TOLERANCE,
        "mip_feasibility_tolerance": TOLERANCE,
        "mip_rel_gap": gap,
        "mip_abs_gap": 0.0,
        "qp_regularization_value": 0.0,
    }
    return options if time_limit is None else {**options, "time_limit": float(time_limit)}


def _pass(highs: Any, matrices: Matrices) -> None:
    lp = highspy.HighsLp()
    lp.num_col_, lp.num_row_ = len(matrices.columns), matrices.matrix.shape[0]
    lp.col_cost_, lp.offset_ = matrices.cost, matrices.offset
    lp.col_lower_, lp.col_upper_ = matrices.low, matrices.high
    lp.row_lower_, lp.row_upper_ = matrices.row_low, matrices.row_high
    lp.a_matrix_.format_ = highspy.MatrixFormat.kRowwise
    lp.a_matrix_.start_, lp.a_matrix_.index_ = matrices.matrix.indptr, matrices.matrix.indices
    lp.a_matrix_.value_ = matrices.matrix.data
    if matrices.integer.any():
        kinds = np.array([highspy.HighsVarType.kContinuous, highspy.HighsVarType.kInteger])
        lp.integrality_ = kinds[matrices.integer.astype(int)].tolist()
    status = highs.passModel(lp)
    if matrices.hessian is not None:
        hessian = highspy.HighsHessian()
        hessian.dim_, hessian.format_ = lp.num_col_, highspy.HessianFormat.kTriangular
        hessian.start_, hessian.index_ = matrices.hessian.indptr, matrices.hessian.indices
        hessian.value_ = matrices.hessian.data
        status = max(status, highs.passHessian(hessian), key=int)
    if status == highspy.HighsStatus.kError:
        raise SolverFailure("HiGHS refuses the model; is its objective convex and every number finite?")


def _start(highs: Any, matrices: Matrices) -> None:
    at = np.flatnonzero(matrices.integer)
    values = matrices.start[at]
    if len(at) and np.isfinite(values).all():
        highs.setSolution(len(at), at.astype(np.int32), values)


def _run(highs: Any) -> None:
    """Run; again without the threads that HiGHS keeps of other users in this process, if it refuses one for them."""
    highs.run()
    if highs.getModelStatus() == highspy.HighsModelStatus.kNotset:
        highs.resetGlobalScheduler(True)
        highs.run()


def _read(highs: Any, matrices: Matrices) -> HighsAnswer:
    ended = highs.getModelStatus()
    if ended not in STATUS:
        raise SolverFailure(f"HiGHS ended with {highs.modelStatusToString(ended)!r}; try another method")
    solution, info = highs.getSolution(), highs.getInfo()
    found = info.primal_solution_status == 2 and solution.value_valid
    if found:
        values = np.asarray(solution.col_value) * matrices.units.columns
        for variable, value in zip(matrices.columns, values.tolist(), strict=True):
            if not variable.fixed:
                variable.set_value(value, skip_validation=True)
    bound = info.mip_dual_bound if matrices.integer.any() else -np.inf
    if not matrices.integer.any() and matrices.hessian is None and STATUS[ended] == "optimal":
        bound = info.objective_function_value
    return HighsAnswer(STATUS[ended], bool(found), float(bound) * matrices.units.objective)
