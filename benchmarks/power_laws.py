"""The convex problems: a power law with an exponent of its own for each bucket, by a seeded generator."""

from dataclasses import dataclass
from functools import partial

import numpy as np

import optexec as ox
from benchmarks.certified_instances import CENTS, SEED, SHARES, typical_prices
from optexec.models.validation import Array
from optexec.solvers.feasible import settle

RHO = 2.5e-8
"""Dollars a share squared, a bucket: smoothing is a tenth of the cost of impact at every size."""
PSI = 8e-7
"""Dollars a share squared over the horizon: inventory risk is a third of the objective at every size."""


@dataclass(frozen=True, eq=False)
class PowerLaw:
    """minimise sum_i [a_i x_i^b_i + rho/2 x_i^2] + psi/2 sum_{i<N} R_i^2 subject to sum_i x_i = S, x >= 0.

    Args:
        a, b: scale and exponent of each bucket's total cost, (N,).
        rho, psi: dollars a share squared.
        shares: S.
    """

    a: Array
    b: Array
    rho: float = 0.0
    psi: float = 0.0
    shares: float = SHARES

    @property
    def buckets(self) -> int:
        return len(self.a)

    def problem(self) -> ox.Problem:
        """The declaration in optexec, from the order on."""
        return ox.Problem(ox.Order(self.shares), ox.Power(a=self.a, b=self.b), self._terms())

    def _terms(self) -> ox.Objective:
        if self.psi:
            return ox.objective("C", psi=self.psi)
        return ox.objective("B", rho=self.rho) if self.rho else ox.objective("A")

    def price(self, found: Array) -> float:
        """Objective of shares, (N,), moved onto the limits and the sum of the order."""
        problem = self.problem()
        return problem.objective(settle(problem, found))

    @property
    def unit(self) -> float:
        """Shares in the unit of `scaled`, S/N."""
        return self.shares / self.buckets

    def scaled(self) -> tuple[Array, float, float]:
        """The problem for peers in units of S/N shares and CENTS a share: (k, rho, psi).

        minimise sum_i [k_i y_i^b_i + rho/2 y_i^2] + psi/2 sum_{i<N} r_i^2 subject to sum_i y_i = N, y >= 0.
        """
        dollars = CENTS * self.unit
        return (
            self.a * self.unit**self.b / dollars,
            self.rho * self.unit**2 / dollars,
            self.psi * self.unit**2 / dollars,
        )


def _law(buckets: int, low: float, high: float, rho: float, psi: float) -> PowerLaw:
    rng = np.random.default_rng([SEED, buckets])
    b = rng.uniform(low, high, buckets)
    a = typical_prices(rng, buckets) * (SHARES / buckets) ** (1 - b)
    return PowerLaw(a, b, rho * buckets, psi / buckets)


cost = partial(_law, low=1.2, high=2.2, rho=0.0, psi=0.0)
"""(A) at a number of buckets."""
smoothing = partial(_law, low=1.2, high=2.2, rho=RHO, psi=0.0)
"""(B)."""
inventory_risk = partial(_law, low=1.2, high=2.2, rho=0.0, psi=PSI)
"""(C)."""
quadratic = partial(_law, low=2.0, high=2.0, rho=0.0, psi=PSI)
"""(C) with every exponent 2: a quadratic programme."""
