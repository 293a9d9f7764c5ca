"""One model, solved again and again as the numbers of its declaration change."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pyomo.environ as pyo

from optexec.models.errors import InvalidInput, unknown_name
from optexec.models.formulation import build, refresh
from optexec.models.problem import Problem
from optexec.models.schedule import Schedule
from optexec.models.validation import positive_number
from optexec.solvers.dispatch import METHODS
from optexec.solvers.engines import ENGINES, Engine
from optexec.solvers.evaluation import certified, in_lots, shares_from
from optexec.solvers.scaling import typical_objective


class Resolver:
    """Solves problems that differ in their numbers only, with one Pyomo model that is translated once.

    What may change: the order's size, limits (a past bucket has minimum = maximum = what it traded), and every
    parameter of the impact and of the terms but exponents. What may not: the buckets, the kinds of impact and of
    terms, exponents, and points of curves that are not convex.

    The numbers of the declaration are written into `model` before every solve, so that schedule and certificate are
    those of the declaration; constraints that you add to `model`, and variables that you fix, stay in force.
    IPOPT starts from the last answer.

    Args:
        problem: a convex declaration.
        solver: "ipopt" (the one inside casadi) or "highs" (linear and quadratic objectives).
        time_limit: seconds of a solve.

    Attributes:
        model: the model that `build` makes of the problem, for constraints of your own.

    Raises:
        InvalidInput: an unknown solver, or a problem that it cannot solve, with the reason.

    >>> import optexec as ox
    >>> problem = ox.Problem(ox.Order(300), ox.Power(a=[1.0, 2.0, 2.0], b=2.0), ox.objective("A"))
    >>> again = Resolver(problem)
    >>> again.solve().shares.round(4).tolist()
    [150.0, 75.0, 75.0]
    >>> past = ox.Limits(minimum=[100, 0, 0], maximum=[100, 300, 300])
    >>> again.solve(problem.replace(limits=past)).shares.round(4).tolist()
    [100.0, 100.0, 100.0]
    """

    def __init__(self, problem: Problem, solver: str = "ipopt", time_limit: float = 60.0) -> None:
        if solver not in ENGINES:
            raise unknown_name("solver", solver, ENGINES)
        self.solver = solver
        self._check(problem)
        self._time_limit = positive_number("time_limit", time_limit)
        self.model = build(problem)
        self._engine: Engine | None = None
        self._parts: list[Any] = []

    def __repr__(self) -> str:
        return f"<Resolver: {self.solver}, {self.model.problem!r}>"

    def solve(self, problem: Problem | None = None) -> Schedule:
        """Solve the problem, or the last one again.

        Args:
            problem: a declaration of the same structure; None for the last one.

        Raises:
            InvalidInput: a change that the model cannot take, with what differs; the last problem stays.
            SolverFailure: no usable schedule: constraints of your own leave none, or the solver breaks off.
            InfeasibleOrder: shares that cannot be rounded to whole lots.

        >>> import optexec as ox
        >>> problem = ox.Problem(ox.Order(300), ox.Power(a=1.0, b=2.0), ox.objective("C", psi=0.5), buckets=3)
        >>> again = Resolver(problem, "highs")
        >>> again.model.early = pyo.Constraint(expr=again.model.x[1] <= 120)
        >>> again.solve().shares.round(4).tolist()
        [120.0, 100.0, 80.0]
        >>> again.solve(problem.replace(terms=ox.objective("C", psi=0.0))).shares.round(4).tolist()
        [100.0, 100.0, 100.0]
        """
        problem = self.model.problem if problem is None else problem
        self._check(problem)
        started = time.perf_counter()
        refresh(self.model, problem)
        status = self._translated().solve(typical_objective(problem), self._time_limit)
        whole, x = problem.completed, shares_from(self.model)
        return certified(
            whole,
            x,
            in_lots(whole, x),
            method=self.solver,
            stopped="" if status == "optimal" else status,
            seconds=time.perf_counter() - started,
        ).of(problem)

    def _check(self, problem: Problem) -> None:
        if reason := METHODS[self.solver].obstacle(problem):
            raise InvalidInput(f"solver {self.solver!r} does not apply: {reason}")

    def _translated(self) -> Engine:
        """The model as the solver reads it, translated again only if its objective or constraints are others."""
        kinds = (pyo.Objective, pyo.Constraint)
        parts = [part.expr for part in self.model.component_data_objects(kinds, active=True)]
        same = len(parts) == len(self._parts) and all(a is b for a, b in zip(parts, self._parts, strict=True))
        if self._engine is None or not same:
            with _unfixed(self.model):
                self._engine, self._parts = ENGINES[self.solver](self.model), parts
        return self._engine


@contextmanager
def _unfixed(model: Any) -> Iterator[None]:
    """Free the fixed variables, so that a translation holds for other values of theirs too."""
    fixed = [v for v in model.component_data_objects(pyo.Var, active=True) if v.fixed]
    for variable in fixed:
        variable.unfix()
    try:
        yield
    finally:
        for variable in fixed:
            variable.fix()
