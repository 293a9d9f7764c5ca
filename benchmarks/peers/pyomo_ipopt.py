"""The Pyomo model of `ox.build` in IPOPT, as `ox.solve(problem, "ipopt")` solves it, in its parts."""

import tempfile
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import casadi
import numpy as np
from pyomo.contrib.solver.common.results import TerminationCondition
from pyomo.repn.plugins.nl_writer import NLWriter

import optexec as ox
from benchmarks.peers.casadi_nlp import QUIET
from benchmarks.power_laws import PowerLaw
from benchmarks.registry import Answer, Side
from optexec.solvers.ipopt import run_ipopt
from optexec.solvers.scaling import typical_objective


class Translator:
    """Stands in for the solver of `run_ipopt`: takes the scaled model as far as IPOPT's form, and no further."""

    def solve(self, model: Any, **options: Any) -> Any:
        """Write the NL file, read it, and set IPOPT up."""
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "model.nl"
            with path.open("w") as file:
                self.info = NLWriter().write(model, file, linear_presolve=False, scale_model=True)
            self.nlp = casadi.NlpBuilder()
            self.nlp.import_nl(str(path))
        problem = {"x": casadi.vertcat(*self.nlp.x), "f": self.nlp.f, "g": casadi.vertcat(*self.nlp.g)}
        self.ipopt = casadi.nlpsol("ipopt", "ipopt", problem, QUIET)
        return SimpleNamespace(
            termination_condition=TerminationCondition.convergenceCriteriaSatisfied,
            solution_loader=SimpleNamespace(load_vars=lambda: None),
        )

    def call(self, model: Any) -> Answer:
        """Run IPOPT; its own clock is IPOPT's alone."""
        nlp = self.nlp
        answer = self.ipopt(x0=nlp.x_init, lbx=nlp.x_lb, ubx=nlp.x_ub, lbg=nlp.g_lb, ubg=nlp.g_ub)
        point = answer["x"].full().ravel() / self.info.scaling.variables
        values = {id(v): value for v, value in zip(self.info.variables, point, strict=True)}
        shares = np.array([values[id(model.x[i])] for i in model.BUCKETS])
        return Answer(shares, self.ipopt.stats()["t_wall_total"])


def build(law: PowerLaw) -> Callable[[], Any]:
    """Declaration -> Pyomo model."""
    problem = law.problem()
    return lambda: ox.build(problem)


def _translated(problem: ox.Problem, model: Any) -> Translator:
    translator = Translator()
    run_ipopt(model, objective_scale=typical_objective(problem), solver=translator)
    return translator


def translate(law: PowerLaw) -> Callable[[], Any]:
    """Pyomo model -> scaled NL file -> casadi's functions and derivatives."""
    problem = law.problem()
    model = ox.build(problem)
    return lambda: _translated(problem, model)


def solve(law: PowerLaw) -> Callable[[], Answer]:
    """IPOPT on the functions read from the NL file."""
    problem = law.problem()
    model = ox.build(problem)
    translator = _translated(problem, model)
    return lambda: translator.call(model)


def total(law: PowerLaw) -> Callable[[], Answer]:
    """Data -> `Schedule`."""
    return lambda: Answer(ox.solve(law.problem(), "ipopt").x)


PYOMO = Side("Pyomo + IPOPT", {"build": build, "translate": translate, "solve": solve, "total": total}, largest=390)
