"""IPOPT on a nonlinear programme written by hand in casadi: no modelling layer between."""

from collections.abc import Callable
from typing import Any

import casadi
import numpy as np

from benchmarks.power_laws import PowerLaw
from benchmarks.registry import Answer, Side
from optexec.solvers.ipopt import OPTIONS

QUIET = {"ipopt": {**OPTIONS, "print_level": 0, "sb": "yes"}, "print_time": False, "record_time": True}


def expressions(law: PowerLaw) -> dict[str, Any]:
    """Variables, objective and constraints, the latter to be zero; with inventory risk the inventory is a variable."""
    k, rho, psi = law.scaled()
    n = law.buckets
    y = casadi.SX.sym("y", n)
    cost = casadi.dot(k, y**law.b) + rho / 2 * casadi.sumsqr(y)
    if not psi:
        return {"x": y, "f": cost / n, "g": casadi.sum1(y) - n}
    r = casadi.SX.sym("r", n - 1)
    balance = casadi.vertcat(n, r) - casadi.vertcat(r, 0) - y
    return {"x": casadi.vertcat(y, r), "f": (cost + psi / 2 * casadi.sumsqr(r)) / n, "g": balance}


def solver(law: PowerLaw) -> Any:
    """IPOPT with exact derivatives, as casadi generates them."""
    return casadi.nlpsol("ipopt", "ipopt", expressions(law), QUIET)


def translate(law: PowerLaw) -> Callable[[], Any]:
    """Data -> expressions, derivatives and solver."""
    return lambda: solver(law)


def _call(law: PowerLaw, ipopt: Any) -> Answer:
    n = law.buckets
    start = np.append(np.ones(n), np.arange(n - 1, 0, -1.0)) if law.psi else np.ones(n)
    answer = ipopt(x0=start, lbx=0, ubx=n, lbg=0, ubg=0)
    return Answer(law.unit * answer["x"].full().ravel()[:n], ipopt.stats()["t_wall_total"])


def solve(law: PowerLaw) -> Callable[[], Answer]:
    """The call of the solver; its own clock is IPOPT's alone."""
    ipopt = solver(law)
    return lambda: _call(law, ipopt)


def total(law: PowerLaw) -> Callable[[], Answer]:
    """Data -> answer."""
    return lambda: _call(law, solver(law))


CASADI = Side("casadi + IPOPT", {"translate": translate, "solve": solve, "total": total}, largest=6_240)
