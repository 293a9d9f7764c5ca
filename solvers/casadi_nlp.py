"""A Pyomo model as functions in casadi: translated once, solved by IPOPT as often as its numbers change."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import casadi
import numpy as np
import pyomo.environ as pyo

from optexec.models.validation import Array
from optexec.solvers.casadi_symbols import Symbols, column
from optexec.solvers.scaling import Scaling

HAIR = 1e-30
"""Where a variable that cannot leave 0 is held instead: there every power has derivatives."""
SATISFIED = 1e-8
"""Fraction of its range by which a constraint may miss its bounds."""
INFEASIBLE = "Infeasible_Problem_Detected"


@dataclass(frozen=True)
class Units:
    """Size of one unit of the variables, (n,), of the objective, and of the constraints, (m,)."""

    columns: Array
    objective: float
    rows: Array


@dataclass(frozen=True)
class Answer:
    """What IPOPT made of a model.

    Args:
        ending: IPOPT's own word on how it ended.
        values: its last point, (n,), in the order of the model's variables.
        objective: the objective there.
        row_prices, column_prices: multipliers of the constraints, (m,), and of the bounds, (n,).
    """

    ending: str
    values: Array
    objective: float
    row_prices: Array
    column_prices: Array


class CasadiNlp:
    """The variables, mutable Params, active constraints and objective of a Pyomo model, for IPOPT.

    Params, bounds, fixed variables and starting values are read anew by every `solve`; variables that were fixed when
    the model was translated stay the numbers that they were.

    Args:
        model: a continuous Pyomo model with one active objective.

    Attributes:
        variables, rows: Pyomo's variables and constraints, in the order of the arrays.

    Raises:
        SolverFailure: a function that casadi does not have.

    >>> import optexec as ox
    >>> m = ox.build(ox.Problem(ox.Order(300), ox.Power(a=[1.0, 2.0], b=2.0), ox.objective("A")))
    >>> nlp = CasadiNlp(m)
    >>> len(nlp.variables), len(nlp.rows)
    (4, 3)
    >>> m.term["impact"].a[1] = 5.0
    >>> answer = nlp.solve(nlp.units(1e4), {"print_level": 0, "sb": "yes"})
    >>> answer.ending, round(answer.objective)
    ('Solve_Succeeded', 128571)
    """

    def __init__(self, model: Any) -> None:
        symbols, rows = Symbols(), list(model.component_data_objects(pyo.Constraint, active=True))
        sides = [row.to_bounded_expression() for row in rows]
        objective = next(model.component_data_objects(pyo.Objective, active=True))
        self._sense = int(objective.sense)
        cost = self._sense * symbols.read(objective.expr)
        bodies = [casadi.SX(symbols.read(body)) for _, body, _ in sides]
        self.variables, self._params = symbols.variables, symbols.params
        x, units = symbols.x, casadi.SX.sym("u", len(self.variables))
        with_variables = sorted(set(casadi.jacobian(column(bodies), x).sparsity().row()))
        self.rows = [rows[k] for k in with_variables]
        self._sides = [(sides[k][0], sides[k][2]) for k in with_variables]
        self._settled = [rows[k] for k in set(range(len(rows))).difference(with_variables)]
        scaled = [casadi.SX(cost), column(bodies[k] for k in with_variables)]
        cost, body = casadi.substitute(scaled, [x], [units * x])
        numbers = casadi.vertcat(symbols.p, units)
        self._slopes = casadi.Function("slopes", [x, numbers], [casadi.jacobian(body, x)])
        scale, factors = casadi.SX.sym("c"), casadi.SX.sym("r", len(self.rows))
        self._functions = {
            "x": x,
            "p": casadi.vertcat(numbers, scale, factors),
            "f": cost / scale,
            "g": body / factors,
        }
        self._solvers: dict[frozenset[Any], Any] = {}

    def units(self, objective: float) -> Units:
        """Ranges of the variables, and of the constraints over the range of one variable, at the present values.

        Args:
            objective: typical size of the objective.
        """
        scaling = Scaling.of(self.variables, objective)
        slopes = self._slopes(self._values() / scaling.columns, np.concatenate([self._numbers(), scaling.columns]))
        largest = np.zeros(len(self.rows))
        np.maximum.at(largest, slopes.sparsity().row(), np.abs(slopes.nonzeros()))
        usable = np.isfinite(largest) & (largest > 0)
        return Units(scaling.columns, scaling.objective, np.where(usable, largest, 1.0))

    def solve(self, units: Units, options: Mapping[str, Any], last: Answer | None = None) -> Answer:
        """Run IPOPT from the variables' present values.

        Args:
            units: sizes that bring the model to order one.
            options: IPOPT's.
            last: an answer whose multipliers to start from.
        """
        low, high = self._bounds()
        x0 = np.clip(self._values(), low, high)
        if not all(_holds(row, max(1.0, abs(pyo.value(row.body)))) for row in self._settled):
            return Answer(INFEASIBLE, x0, np.nan, np.zeros(len(self.rows)), np.zeros(len(self.variables)))
        row_low, row_high = _ends(self._sides)
        solver = self._solver(options)
        start = {} if last is None else self._start(units, last)
        found = solver(
            x0=x0 / units.columns,
            p=np.concatenate([self._numbers(), units.columns, [units.objective], units.rows]),
            lbx=low / units.columns,
            ubx=high / units.columns,
            lbg=row_low / units.rows,
            ubg=row_high / units.rows,
            **start,
        )
        x, row_prices, column_prices = (np.ravel(found[name].full()) for name in ("x", "lam_g", "lam_x"))
        return Answer(
            solver.stats()["return_status"],
            np.where(low == high, np.where(low == HAIR, 0.0, low), x * units.columns),
            self._sense * float(found["f"]) * units.objective,
            row_prices * units.objective / units.rows,
            column_prices * units.objective / units.columns,
        )

    def holds(self) -> bool:
        """Whether every variable has a value inside its bounds, and these satisfy every constraint."""
        units, values, (low, high) = self.units(1.0), self._values(), self._bounds()
        inside = bool((np.abs(np.clip(values, low, high) - values) <= SATISFIED * units.columns).all())
        known = all(variable.value is not None for variable in self.variables)
        return known and inside and all(map(_holds, self.rows, units.rows))

    def load(self, answer: Answer) -> None:
        """Give the variables that are not fixed the values of an answer."""
        for variable, value in zip(self.variables, answer.values.tolist(), strict=True):
            if not variable.fixed:
                variable.set_value(value, skip_validation=True)

    def _solver(self, options: Mapping[str, Any]) -> Any:
        key = frozenset(options.items())
        if key not in self._solvers:
            settings: dict[str, Any] = {"ipopt": dict(options), "print_time": False, "show_eval_warnings": False}
            self._solvers[key] = casadi.nlpsol("ipopt", "ipopt", self._functions, settings)
        return self._solvers[key]

    @staticmethod
    def _start(units: Units, last: Answer) -> dict[str, Array]:
        return {
            "lam_g0": last.row_prices * units.rows / units.objective,
            "lam_x0": last.column_prices * units.columns / units.objective,
        }

    def _numbers(self) -> Array:
        return np.array([param.value for param in self._params], dtype=float)

    def _values(self) -> Array:
        return np.array([0.0 if v.value is None else v.value for v in self.variables], dtype=float)

    def _bounds(self) -> tuple[Array, Array]:
        """Bounds of the variables; those of a fixed variable meet at its value, and none meet at 0."""
        low, high = _ends([(v.value, v.value) if v.fixed else v.bounds for v in self.variables])
        nowhere = (low == 0) & (high == 0)
        return np.where(nowhere, HAIR, low), np.where(nowhere, HAIR, high)


def _ends(pairs: Sequence[tuple[Any, Any]]) -> tuple[Array, Array]:
    """Lower and upper ends, each a number, an expression, or None for none."""
    low = np.array([-np.inf if end is None else pyo.value(end) for end, _ in pairs], dtype=float)
    high = np.array([np.inf if end is None else pyo.value(end) for _, end in pairs], dtype=float)
    return low, high


def _holds(row: Any, size: float) -> bool:
    return bool(row.slack() >= -SATISFIED * size)
