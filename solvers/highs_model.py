"""A Pyomo model as matrices for HiGHS: translated once, scaled anew whenever its numbers change."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import pyomo.environ as pyo
import scipy.sparse as sp
from pyomo.common.errors import InfeasibleConstraintException, InvalidConstraintError
from pyomo.core.expr.visitor import identify_mutable_parameters
from pyomo.repn import generate_standard_repn
from pyomo.repn.plugins.standard_form import LinearStandardFormCompiler

from optexec.models.errors import SolverFailure
from optexec.models.validation import Array
from optexec.solvers.scaling import Scaling


@dataclass(frozen=True)
class Matrices:
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


@dataclass(frozen=True)
class _Rows:
    """Rows low <= matrix v <= high, in the model's units."""

    matrix: Any
    low: Array
    high: Array


class HighsModel:
    """A Pyomo model with a linear or quadratic objective and linear constraints, in matrices.

    Bounds, fixed variables and the objective's coefficients are read anew by every call of `matrices`, those of the
    constraints by `refresh`. Variables that are fixed when the model is translated and first refreshed stay the numbers
    that they are then.
    The constraints that `refresh` can change come last. In the example a row's unit is its range, 300 shares.

    Args:
        model: a Pyomo model with one active objective, minimised.

    Raises:
        SolverFailure: an objective that is neither linear nor quadratic, a constraint that is not linear, or one
            without variables that is not satisfied.

    >>> import optexec as ox
    >>> m = ox.build(ox.Problem(ox.Order(300), ox.Power(a=[1.0, 2.0], b=2.0), ox.objective("A")))
    >>> translated = HighsModel(m)
    >>> m.S.set_value(400.0)
    >>> translated.refresh()
    >>> translated.matrices(1.0).row_high.round(3).tolist()
    [0.0, 0.0, 1.333]
    """

    def __init__(self, model: Any) -> None:
        self._model = model
        objective = next(model.component_data_objects(pyo.Objective, active=True))
        self._objective = generate_standard_repn(objective.expr, quadratic=True, compute_values=False)
        if self._objective.nonlinear_expr is not None:
            raise SolverFailure("HiGHS solves linear and quadratic objectives only; use ipopt or milp")
        self._form = _standard_form(model, objective)
        self._columns = list(self._form.columns)
        self._position = {id(v): k for k, v in enumerate(self._columns)}
        self._linear_at = self._at(self._objective.linear_vars)
        self._pairs = self._at([v for pair in self._objective.quadratic_vars for v in pair]).reshape(-1, 2)
        self._rows = _rows(self._form)

    def refresh(self) -> None:
        """Read the constraints' Params anew."""
        repns = [repn for _, repn in self._changing]
        row = np.repeat(np.arange(len(repns)), [len(repn.linear_vars) for repn in repns])
        column = self._at([v for repn in repns for v in repn.linear_vars])
        shape = (len(repns), len(self._columns))
        changing = sp.csr_array((_values(c for repn in repns for c in repn.linear_coefs), (row, column)), shape=shape)
        constant = _values(repn.constant for repn in repns)
        low, high = (np.array([getattr(row, side) for row, _ in self._changing], float) for side in ("lb", "ub"))
        kept = self._kept
        self._rows = _Rows(
            sp.vstack([_widened(kept.matrix, len(self._columns)), changing], format="csr"),
            np.append(kept.low, np.where(np.isnan(low), -np.inf, low - constant)),
            np.append(kept.high, np.where(np.isnan(high), np.inf, high - constant)),
        )

    def matrices(self, objective_scale: float) -> Matrices:
        """The model in numbers, in units that bring it to order one.

        Args:
            objective_scale: typical size of the objective in dollars.
        """
        columns = self._columns
        units = Scaling.of(columns, objective_scale)
        matrix = _widened(self._rows.matrix, len(columns)) @ sp.diags_array(units.columns)
        largest = _largest(matrix)
        cost = np.zeros(len(columns))
        np.add.at(cost, self._linear_at, _values(self._objective.linear_coefs))
        integer = np.array([v.is_integer() for v in columns])
        ends = [(v.value, v.value) if v.fixed else v.bounds for v in columns]
        return Matrices(
            columns=columns,
            cost=cost * units.columns / units.objective,
            offset=float(pyo.value(self._objective.constant)) / units.objective,
            hessian=_hessian(self._pairs, _values(self._objective.quadratic_coefs), units),
            matrix=sp.csr_array(sp.diags_array(1 / largest) @ matrix),
            row_low=self._rows.low / largest,
            row_high=self._rows.high / largest,
            low=np.array([-np.inf if low is None else low for low, _ in ends]) / units.columns,
            high=np.array([np.inf if high is None else high for _, high in ends]) / units.columns,
            integer=integer,
            start=np.array([v.value if whole else None for v, whole in zip(columns, integer, strict=True)], float),
            units=units,
        )

    def _at(self, variables: Sequence[Any]) -> Any:
        """Their positions among the columns; those that are not there yet are put at the end."""
        for v in variables:
            if id(v) not in self._position:
                self._position[id(v)] = len(self._columns)
                self._columns.append(v)
        return np.array([self._position[id(v)] for v in variables], dtype=int)

    @cached_property
    def _changing(self) -> list[tuple[Any, Any]]:
        """The constraints that depend on mutable Params, with their coefficients as expressions."""
        rows = self._model.component_data_objects(pyo.Constraint, active=True)
        changing = [row for row in rows if next(iter(identify_mutable_parameters(row.expr)), None) is not None]
        repns = [generate_standard_repn(row.body, quadratic=False, compute_values=False) for row in changing]
        for row, repn in zip(changing, repns, strict=True):
            if repn.nonlinear_expr is not None:
                raise SolverFailure(f"HiGHS takes linear constraints only, and {row.name!r} is not; use ipopt")
        return list(zip(changing, repns, strict=True))

    @cached_property
    def _kept(self) -> _Rows:
        """The other constraints, as first translated."""
        changing = {id(row) for row, _ in self._changing}
        stays = np.array([id(entry.constraint) not in changing for entry in self._form.rows], dtype=bool)
        rows = _rows(self._form)
        return _Rows(rows.matrix[stays], rows.low[stays], rows.high[stays])


def _values(expressions: Iterable[Any]) -> Array:
    return np.array([pyo.value(expression) for expression in expressions], dtype=float)


def _standard_form(model: Any, objective: Any) -> Any:
    """The constraints by Pyomo's compiler, which takes no quadratic objective."""
    objective.deactivate()
    try:
        return LinearStandardFormCompiler().write(model, mixed_form=True)
    except (InfeasibleConstraintException, InvalidConstraintError) as error:
        raise SolverFailure(f"HiGHS cannot take the constraints: {error}") from None
    finally:
        objective.activate()


def _rows(form: Any) -> _Rows:
    kinds, sides = np.array([row.bound_type for row in form.rows]), np.asarray(form.rhs, dtype=float)
    return _Rows(sp.csr_array(form.A), np.where(kinds <= 0, sides, -np.inf), np.where(kinds >= 0, sides, np.inf))


def _widened(matrix: Any, columns: int) -> Any:
    """The matrix with columns of zeros for variables that are in none of its rows."""
    rows, known = matrix.shape
    return sp.hstack([matrix, sp.csr_array((rows, columns - known))], format="csr") if columns > known else matrix


def _largest(matrix: Any) -> Array:
    """Largest coefficient of each row, 1 for a row without any."""
    entries, largest = sp.coo_array(matrix), np.zeros(matrix.shape[0])
    np.maximum.at(largest, entries.row, np.abs(entries.data))
    return np.where(largest > 0, largest, 1.0)


def _hessian(pairs: Any, coefficients: Array, units: Scaling) -> Any:
    """Lower triangle, by columns, of Q in v Q v / 2 from the terms q v_a v_b; None if it is zero."""
    n, (a, b) = len(units.columns), pairs.T
    value = coefficients * units.columns[a] * units.columns[b] / units.objective
    value = np.where(a == b, 2 * value, value)
    hessian = sp.csc_array(sp.coo_array((value, (np.maximum(a, b), np.minimum(a, b))), shape=(n, n)))
    hessian.eliminate_zeros()
    return hessian if hessian.nnz else None
