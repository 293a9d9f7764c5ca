"""Pyomo models in HiGHS: translated, scaled, solved, and read back, with the bound kept whatever happens."""

from dataclasses import dataclass
from typing import Any

import highspy
import numpy as np
import pyomo.environ as pyo
import scipy.sparse as sp
from pyomo.repn import generate_standard_repn
from pyomo.repn.plugins.standard_form import LinearStandardFormCompiler

from optexec.models.errors import SolverFailure
from optexec.models.validation import Array
from optexec.solvers.scaling import Scaling

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


@dataclass(frozen=True)
class _Matrices:
    """minimise offset + c v + v Q v / 2 subject to rows, bounds and integrality, in scaled units.

    `start` is nan where an integer variable has no value, and where a variable is continuous.
    """

    columns: list[Any]
    cost: Array
    offset: float
    hessian: Any
    matrix: Any
    row_low: Array
    row_high: Array
    low: Array
    high: Array
    integer: Array
    start: Array
    units: Scaling


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
    compiled = _compile(model, objective_scale)
    highs = highspy.Highs()
    for name, value in _options(gap, time_limit).items():
        if highs.setOptionValue(name, value) != highspy.HighsStatus.kOk:
            raise SolverFailure(f"HiGHS refuses option {name} = {value!r}")
    _pass(highs, compiled)
    _start(highs, compiled)
    highs.run()
    return _read(highs, compiled)


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


def _compile(model: Any, objective_scale: float) -> _Matrices:
    objective = next(model.component_data_objects(pyo.Objective, active=True))
    repn = generate_standard_repn(objective.expr, quadratic=True)
    if repn.nonlinear_expr is not None:
        raise SolverFailure("HiGHS solves linear and quadratic objectives only; use ipopt or milp")
    objective.deactivate()
    try:
        form = LinearStandardFormCompiler().write(model, mixed_form=True)
    finally:
        objective.activate()
    columns = list(form.columns)
    position = {id(v): k for k, v in enumerate(columns)}
    for v in (*repn.linear_vars, *(v for pair in repn.quadratic_vars for v in pair)):
        if id(v) not in position:
            position[id(v)] = len(columns)
            columns.append(v)
    units = Scaling.of(columns, objective_scale)
    matrix, row_low, row_high = _rows(form, units.columns)
    cost = np.zeros(len(columns))
    np.add.at(cost, [position[id(v)] for v in repn.linear_vars], np.array(repn.linear_coefs, dtype=float))
    integer = np.array([v.is_integer() for v in columns])
    pairs = [(position[id(a)], position[id(b)]) for a, b in repn.quadratic_vars]
    return _Matrices(
        columns=columns,
        cost=cost * units.columns / units.objective,
        offset=float(repn.constant) / units.objective,
        hessian=_hessian(pairs, np.array(repn.quadratic_coefs, dtype=float), units),
        matrix=matrix,
        row_low=row_low,
        row_high=row_high,
        low=np.array([-np.inf if v.lb is None else v.lb for v in columns]) / units.columns,
        high=np.array([np.inf if v.ub is None else v.ub for v in columns]) / units.columns,
        integer=integer,
        start=np.array([v.value if whole else None for v, whole in zip(columns, integer, strict=True)], dtype=float),
        units=units,
    )


def _rows(form: Any, factor: Array) -> tuple[Any, Array, Array]:
    """Constraint matrix by rows and both sides, columns in their units and rows with largest coefficient 1."""
    rows, known = form.A.shape
    unconstrained = sp.csc_array((rows, len(factor) - known))
    matrix = sp.csr_array(sp.hstack([form.A, unconstrained]) @ sp.diags_array(factor))
    largest = np.maximum(abs(matrix).max(axis=1).toarray().ravel(), np.finfo(float).tiny)
    kinds = np.array([row.bound_type for row in form.rows])
    sides = np.asarray(form.rhs, dtype=float) / largest
    scaled = sp.csr_array(sp.diags_array(1 / largest) @ matrix)
    return scaled, np.where(kinds <= 0, sides, -np.inf), np.where(kinds >= 0, sides, np.inf)


def _hessian(pairs: list[tuple[int, int]], coefficients: Array, units: Scaling) -> Any:
    """Lower triangle, by columns, of Q in v Q v / 2 from the terms q v_a v_b."""
    n = len(units.columns)
    if not pairs:
        return None
    a, b = np.array(pairs).T
    value = coefficients * units.columns[a] * units.columns[b] / units.objective
    value = np.where(a == b, 2 * value, value)
    return sp.csc_array(sp.coo_array((value, (np.maximum(a, b), np.minimum(a, b))), shape=(n, n)))


def _pass(highs: Any, compiled: _Matrices) -> None:
    lp = highspy.HighsLp()
    lp.num_col_, lp.num_row_ = len(compiled.columns), compiled.matrix.shape[0]
    lp.col_cost_, lp.offset_ = compiled.cost, compiled.offset
    lp.col_lower_, lp.col_upper_ = compiled.low, compiled.high
    lp.row_lower_, lp.row_upper_ = compiled.row_low, compiled.row_high
    lp.a_matrix_.format_ = highspy.MatrixFormat.kRowwise
    lp.a_matrix_.start_, lp.a_matrix_.index_ = compiled.matrix.indptr, compiled.matrix.indices
    lp.a_matrix_.value_ = compiled.matrix.data
    if compiled.integer.any():
        kinds = np.array([highspy.HighsVarType.kContinuous, highspy.HighsVarType.kInteger])
        lp.integrality_ = kinds[compiled.integer.astype(int)].tolist()
    status = highs.passModel(lp)
    if compiled.hessian is not None:
        hessian = highspy.HighsHessian()
        hessian.dim_, hessian.format_ = lp.num_col_, highspy.HessianFormat.kTriangular
        hessian.start_, hessian.index_ = compiled.hessian.indptr, compiled.hessian.indices
        hessian.value_ = compiled.hessian.data
        status = max(status, highs.passHessian(hessian), key=int)
    if status == highspy.HighsStatus.kError:
        raise SolverFailure("HiGHS refuses the model; is its objective convex and every number finite?")


def _start(highs: Any, compiled: _Matrices) -> None:
    at = np.flatnonzero(compiled.integer)
    values = compiled.start[at]
    if len(at) and np.isfinite(values).all():
        highs.setSolution(len(at), at.astype(np.int32), values)


def _read(highs: Any, compiled: _Matrices) -> HighsAnswer:
    ended = highs.getModelStatus()
    if ended not in STATUS:
        raise SolverFailure(f"HiGHS ended with {highs.modelStatusToString(ended)!r}; try another method")
    solution, info = highs.getSolution(), highs.getInfo()
    found = info.primal_solution_status == 2 and solution.value_valid
    if found:
        values = np.asarray(solution.col_value) * compiled.units.columns
        for variable, value in zip(compiled.columns, values.tolist(), strict=True):
            variable.set_value(value, skip_validation=True)
    bound = info.mip_dual_bound if compiled.integer.any() else -np.inf
    if not compiled.integer.any() and compiled.hessian is None and STATUS[ended] == "optimal":
        bound = info.objective_function_value
    return HighsAnswer(STATUS[ended], bool(found), float(bound) * compiled.units.objective)
