"""Translated models that are solved with the numbers they have at the time: IPOPT and HiGHS behind one method."""

from typing import Any, Protocol

from optexec.models.errors import SolverFailure
from optexec.models.formulation import put
from optexec.solvers.casadi_ipopt import ENDINGS
from optexec.solvers.casadi_nlp import Answer, CasadiNlp
from optexec.solvers.feasible import only_schedule
from optexec.solvers.highs import solve_matrices
from optexec.solvers.highs_model import HighsModel
from optexec.solvers.ipopt import OPTIONS, STATUS

QUIET = {"print_level": 0, "sb": "yes"}
NEAR = 1e-3
WARM = {
    "warm_start_init_point": "yes",
    "mu_init": 1e-6,
    "warm_start_bound_push": NEAR,
    "warm_start_bound_frac": NEAR,
    "warm_start_slack_bound_push": NEAR,
    "warm_start_slack_bound_frac": NEAR,
    "warm_start_mult_bound_push": NEAR,
    "dual_inf_tol": 1e-9,
    "compl_inf_tol": 1e-10,
}
"""IPOPT's options for a start from the answer to other numbers: with a small barrier, and near the bounds.

IPOPT loosens `tol` where multipliers are large, as those of other numbers may be; the last two are absolute.
"""


class Engine(Protocol):
    """A model made by `build`, translated for one solver."""

    def __init__(self, model: Any) -> None: ...

    def solve(self, objective_scale: float, time_limit: float) -> str:
        """Solve the model with its present numbers; its variables receive the solution.

        Args:
            objective_scale: typical size of the objective in dollars.
            time_limit: seconds.

        Returns:
            "optimal", or why the solver stopped early.

        Raises:
            SolverFailure: no solution.
        """


class IpoptEngine:
    """IPOPT, from the last answer where there is one, and from inside the limits where that fails.

    >>> import optexec as ox
    >>> m = ox.build(ox.Problem(ox.Order(300), ox.Power(a=[1.0, 2.0], b=1.5), ox.objective("A")))
    >>> engine = IpoptEngine(m)
    >>> engine.solve(1e3, 60.0), round(m.x[1].value, 5)
    ('optimal', 240.0)
    """

    def __init__(self, model: Any) -> None:
        self._model = model
        self._nlp = CasadiNlp(model)
        ours = {id(variable) for variable in (*model.x.values(), *model.R.values())}
        self._others = any(id(variable) not in ours for variable in self._nlp.variables)
        self._last: Answer | None = None

    def solve(self, objective_scale: float, time_limit: float) -> str:
        """See `Engine`."""
        problem = self._model.problem
        only = only_schedule(problem.completed)
        if only is not None:
            put(self._model, only[: problem.buckets])
            if not self._others and self._nlp.holds():
                return "optimal"
        options = {**QUIET, **OPTIONS, "max_wall_time": time_limit}
        if self._last is not None:
            warm = self._nlp.solve(self._nlp.units(objective_scale), {**options, **WARM}, self._last)
            if warm.ending == "Solve_Succeeded":
                return self._loaded(warm)
        put(self._model, problem.inside())
        return self._loaded(self._nlp.solve(self._nlp.units(objective_scale), options))

    def _loaded(self, answer: Answer) -> str:
        condition, _ = ENDINGS.get(answer.ending, (None, None))
        if condition not in STATUS:
            self._last = None
            raise SolverFailure(f"IPOPT ended with {answer.ending}; check constraints of your own")
        self._last = answer
        self._nlp.load(answer)
        return STATUS[condition]


class HighsEngine:
    """HiGHS: a solver of its own every time, for one that has seen a quadratic objective keeps its matrix.

    >>> import optexec as ox
    >>> m = ox.build(ox.Problem(ox.Order(300), ox.Power(a=[1.0, 2.0], b=2.0), ox.objective("A")))
    >>> engine = HighsEngine(m)
    >>> engine.solve(1e4, 60.0), round(m.x[1].value, 5)
    ('optimal', 200.0)
    """

    def __init__(self, model: Any) -> None:
        self._translated = HighsModel(model)
        self._translated.refresh()

    def solve(self, objective_scale: float, time_limit: float) -> str:
        """See `Engine`."""
        self._translated.refresh()
        answer = solve_matrices(self._translated.matrices(objective_scale), time_limit=time_limit)
        if not answer.found:
            raise SolverFailure(f"HiGHS found no schedule ({answer.status}); check constraints of your own")
        return answer.status


ENGINES: dict[str, type[Engine]] = {"ipopt": IpoptEngine, "highs": HighsEngine}
