"""SciPy's constrained minimisers, with exact derivatives written by hand."""

import dataclasses
from collections.abc import Callable
from typing import Any

import numpy as np
import scipy.sparse as sp
from scipy.optimize import Bounds, LinearConstraint, minimize

from benchmarks.power_laws import PowerLaw
from benchmarks.registry import Answer, Side
from optexec.models.validation import Array

SLSQP = {"maxiter": 1_000, "ftol": 1e-11}
TRUST_CONSTR = {"maxiter": 1_000, "gtol": 1e-9, "xtol": 1e-12, "barrier_tol": 1e-9}


@dataclasses.dataclass(frozen=True, eq=False)
class Functions:
    """Mean objective of a bucket in the units of `PowerLaw.scaled`, and its derivatives."""

    k: Array
    b: Array
    rho: float
    psi: float

    @classmethod
    def of(cls, law: PowerLaw) -> "Functions":
        """Those of a problem."""
        k, rho, psi = law.scaled()
        n = law.buckets
        return cls(k / n, law.b, rho / n, psi / n)

    def _held(self, y: Array) -> Array:
        """Inventory after each bucket but the last, (N-1,)."""
        return np.cumsum(y[:0:-1])[::-1]

    def value(self, y: Array) -> float:
        held = self._held(y) if self.psi else y[:0]
        return float(self.k @ y**self.b + self.rho / 2 * (y @ y) + self.psi / 2 * (held @ held))

    def gradient(self, y: Array) -> Array:
        slope = self.k * self.b * y ** (self.b - 1) + self.rho * y
        return slope + self.psi * np.append(0.0, np.cumsum(self._held(y))) if self.psi else slope

    def hessian(self, y: Array) -> Any:
        """Diagonal but for inventory risk, where entry (i, j) counts the buckets before both."""
        curvature = self.k * self.b * (self.b - 1) * np.maximum(y, 1e-12) ** (self.b - 2) + self.rho
        if not self.psi:
            return sp.diags_array(curvature).tocsc()
        before = np.arange(len(y))
        return np.diag(curvature) + self.psi * np.minimum.outer(before, before)


def slsqp(law: PowerLaw) -> Callable[[], Answer]:
    """Sequential quadratic programming."""
    functions, n = Functions.of(law), law.buckets
    whole = {"type": "eq", "fun": lambda y: y.sum() - n, "jac": np.ones_like}
    arguments = {"jac": functions.gradient, "bounds": Bounds(0, n), "constraints": whole, "options": SLSQP}
    return lambda: _answer(law, minimize(functions.value, np.ones(n), method="SLSQP", **arguments))


def trust_constr(law: PowerLaw) -> Callable[[], Answer]:
    """Interior point with trust regions."""
    functions, n = Functions.of(law), law.buckets
    arguments = {
        "jac": functions.gradient,
        "hess": functions.hessian,
        "bounds": Bounds(0, n, keep_feasible=True),
        "constraints": LinearConstraint(sp.csr_array(np.ones((1, n))), n, n),
        "options": TRUST_CONSTR,
    }
    return lambda: _answer(law, minimize(functions.value, np.ones(n), method="trust-constr", **arguments))


def _answer(law: PowerLaw, result: Any) -> Answer:
    return Answer(law.unit * result.x)


SCIPY_SLSQP = Side("SciPy SLSQP", {"solve": slsqp}, largest=390)
SCIPY_TRUST_CONSTR = Side("SciPy trust-constr", {"solve": trust_constr}, largest=390)
