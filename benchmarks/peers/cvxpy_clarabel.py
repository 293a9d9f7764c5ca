"""cvxpy with Clarabel: exact power cones, written bucket by bucket or as one vectorised cone."""

from collections.abc import Callable
from functools import partial
from typing import Any

import cvxpy as cp
import numpy as np

from benchmarks.power_laws import PowerLaw
from benchmarks.registry import Answer, Driver, Side

Curves = Callable[[Any, Any, Any], tuple[Any, list[Any]]]
"""Shares y, scales k and exponents b -> sum_i k_i y_i^b_i and the constraints that it needs."""


def by_bucket(y: Any, k: Any, b: Any) -> tuple[Any, list[Any]]:
    """As the formula reads: a `cp.power` a bucket, whose exponents cvxpy wants one by one."""
    return cp.sum([k[i] * cp.power(y[i], p, approx=False) for i, p in enumerate(b.tolist())]), []


def by_cone(y: Any, k: Any, b: Any) -> tuple[Any, list[Any]]:
    """As an expert would write it: t_i >= y_i^b_i as t_i^(1/b_i) 1^(1-1/b_i) >= y_i, all buckets in one cone."""
    t = cp.Variable(len(b))
    return k @ t, [cp.PowCone3D(t, np.ones(len(b)), y, 1 / b)]


def state(law: PowerLaw, curves: Curves, k: Any, total: Any) -> tuple[Any, Any]:
    """The problem and its variable y, with scales and order given as numbers or as parameters."""
    _, rho, psi = law.scaled()
    y = cp.Variable(law.buckets, nonneg=True)
    cost, constraints = curves(y, k, law.b)
    if rho:
        cost += rho / 2 * cp.sum_squares(y)
    if psi:
        r = cp.Variable(law.buckets + 1)
        cost += psi / 2 * cp.sum_squares(r[1:-1])
        constraints += [r[0] == total, r[-1] == 0, r[:-1] - r[1:] == y]
    else:
        constraints += [cp.sum(y) == total]
    return cp.Problem(cp.Minimize(cost), constraints), y


def _answer(law: PowerLaw, problem: Any, y: Any) -> Answer:
    problem.solve(solver=cp.CLARABEL)
    return Answer(law.unit * y.value, problem.solver_stats.solve_time)


def _numbers(law: PowerLaw, curves: Curves) -> tuple[Any, Any]:
    return state(law, curves, law.scaled()[0], law.buckets)


def declare(law: PowerLaw, curves: Curves) -> Callable[[], Any]:
    """Data -> `cp.Problem`."""
    return lambda: _numbers(law, curves)


def translate(law: PowerLaw, curves: Curves) -> Callable[[], Any]:
    """`cp.Problem` -> Clarabel's data."""
    problem, _ = _numbers(law, curves)
    return lambda: problem.get_problem_data(cp.CLARABEL)


def re_solve(law: PowerLaw, curves: Curves) -> Callable[[], Answer]:
    """The cached problem with new values of its parameters, scales and order (disciplined parametrised)."""
    k, total = cp.Parameter(law.buckets, nonneg=True), cp.Parameter(nonneg=True)
    problem, y = state(law, curves, k, total)
    scales, _, _ = law.scaled()

    def again() -> Answer:
        k.value, total.value = scales, law.buckets
        return _answer(law, problem, y)

    again()
    return again


def total(law: PowerLaw, curves: Curves) -> Callable[[], Answer]:
    """Declare and solve."""
    return lambda: _answer(law, *_numbers(law, curves))


def _drivers(curves: Curves) -> dict[str, Driver]:
    functions = {"declare": declare, "translate": translate, "re-solve": re_solve, "total": total}
    return {phase: partial(function, curves=curves) for phase, function in functions.items()}


BY_BUCKET = Side("cvxpy + Clarabel", _drivers(by_bucket), largest=390)
BY_CONE = Side("cvxpy + Clarabel, one cone", _drivers(by_cone), largest=390)
