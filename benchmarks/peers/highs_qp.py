"""HiGHS on the quadratic programme of (C) with exponents 2, its arrays passed by hand."""

from collections.abc import Callable
from typing import Any

import highspy
import numpy as np
import scipy.sparse as sp

import optexec as ox
from benchmarks.power_laws import PowerLaw
from benchmarks.registry import Answer, Side
from optexec.solvers.highs import TOLERANCE

OPTIONS = {
    "output_flag": False,
    "threads": 1,
    "primal_feasibility_tolerance": TOLERANCE,
    "dual_feasibility_tolerance": TOLERANCE,
    "qp_regularization_value": 0.0,
}


def programme(law: PowerLaw) -> Any:
    """The linear part: columns y and r, rows r_{i-1} - r_i - y_i = 0 with r_0 = N and r_N = 0."""
    n = law.buckets
    lp = highspy.HighsLp()
    lp.num_col_, lp.num_row_ = 2 * n, n
    lp.col_cost_, lp.col_lower_ = np.zeros(2 * n), np.zeros(2 * n)
    lp.col_upper_ = np.append(np.full(2 * n - 1, float(n)), 0.0)
    lp.row_lower_ = lp.row_upper_ = np.append(-float(n), np.zeros(n - 1))
    one = sp.eye_array(n)
    matrix = sp.csr_array(sp.hstack([-one, sp.eye_array(n, k=-1) - one]))
    lp.a_matrix_.format_ = highspy.MatrixFormat.kRowwise
    lp.a_matrix_.start_, lp.a_matrix_.index_, lp.a_matrix_.value_ = matrix.indptr, matrix.indices, matrix.data
    return lp


def curvature(law: PowerLaw) -> Any:
    """The Hessian, a diagonal."""
    k, rho, psi = law.scaled()
    n = law.buckets
    hessian = highspy.HighsHessian()
    hessian.dim_, hessian.format_ = 2 * n, highspy.HessianFormat.kTriangular
    hessian.start_, hessian.index_ = np.arange(2 * n + 1), np.arange(2 * n)
    hessian.value_ = np.concatenate([2 * k + rho, np.full(n - 1, psi), [0.0]])
    return hessian


def passed(law: PowerLaw) -> Any:
    """HiGHS with the programme in it."""
    highs = highspy.Highs()
    for name, value in OPTIONS.items():
        highs.setOptionValue(name, value)
    highs.passModel(programme(law))
    highs.passHessian(curvature(law))
    return highs


def _run(law: PowerLaw, highs: Any) -> Answer:
    highs.run()
    shares = law.unit * np.asarray(highs.getSolution().col_value)[: law.buckets]
    return Answer(shares, highs.getRunTime())


def translate(law: PowerLaw) -> Callable[[], Any]:
    """Data -> HiGHS."""
    return lambda: passed(law)


def solve(law: PowerLaw) -> Callable[[], Answer]:
    """HiGHS alone."""
    highs = passed(law)
    return lambda: _run(law, highs)


def total(law: PowerLaw) -> Callable[[], Answer]:
    """Data -> answer."""
    return lambda: _run(law, passed(law))


def through_pyomo(law: PowerLaw) -> Callable[[], Answer]:
    """Data -> `Schedule`, by way of the Pyomo model."""
    return lambda: Answer(ox.solve(law.problem(), "highs").x)


HIGHS = Side("HiGHS", {"translate": translate, "solve": solve, "total": total})
PYOMO_HIGHS = Side("Pyomo + HiGHS", {"total": through_pyomo})
