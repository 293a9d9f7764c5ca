"""The problem once more, in plain Python and without optexec: formulas to compare with, and every lattice schedule."""

import math
from dataclasses import dataclass
from itertools import product


@dataclass(frozen=True)
class Curve:
    """One addend of a bucket's impact: family, its parameters, and how it is quoted."""

    family: str
    quoted: str
    parameters: tuple

    def slippage(self, x):
        """The family's own formula g(x)."""
        p = self.parameters
        if self.family == "Linear":
            return p[0] * x
        if self.family == "Power":
            return p[0] * x ** p[1]
        if self.family == "Exponential":
            return p[0] * (1 - math.exp(-p[1] * x))
        grid, values = p
        k = next((k for k in range(1, len(grid) - 1) if x < grid[k]), len(grid) - 1)
        slope = (values[k] - values[k - 1]) / (grid[k] - grid[k - 1])
        return values[k - 1] + slope * (x - grid[k - 1])

    def cost(self, x):
        """Dollars for x shares."""
        return x * self.slippage(x) if self.quoted == "per_share" else self.slippage(x)


@dataclass(frozen=True)
class Case:
    """A declaration in plain numbers: `unit` shares a lattice step, limits in shares, one list of curves a bucket."""

    units: int
    unit: float
    curves: list
    lo: list
    hi: list
    rho: list
    psi: float
    weights: list

    @property
    def shares(self):
        return self.units * self.unit

    def terms(self, x):
        """Impact, smoothing and inventory risk at shares x, in dollars."""
        impact = sum(curve.cost(v) for v, curves in zip(x, self.curves, strict=True) for curve in curves)
        smoothing = sum(r / 2 * v**2 for r, v in zip(self.rho, x, strict=True))
        held, risk = self.shares, 0.0
        for v, w in zip(x[:-1], self.weights[:-1], strict=True):
            held -= v
            risk += self.psi / 2 * w * held**2
        return impact, smoothing, risk

    def objective(self, x):
        return sum(self.terms(x))

    def yardstick(self):
        """The largest sum of absolute costs on the lattice: what rounding is a fraction of, even at an optimum of 0."""
        return max(self._gross(x) for x in self.lattice())

    def _gross(self, x):
        gross = sum(abs(curve.cost(v)) for v, curves in zip(x, self.curves, strict=True) for curve in curves)
        return gross + sum(self.terms(x)[1:])

    def lattice(self):
        """Every schedule in whole units inside the limits."""
        for x in whole_schedules(self.units, len(self.lo)):
            shares = [k * self.unit for k in x]
            if all(
                a - 1e-9 * self.unit <= v <= b + 1e-9 * self.unit
                for a, v, b in zip(self.lo, shares, self.hi, strict=True)
            ):
                yield shares

    def best(self):
        """The cheapest lattice schedule and its cost."""
        x = min(self.lattice(), key=self.objective)
        return x, self.objective(x)


def whole_schedules(units, buckets):
    """Every way to split `units` over the buckets."""
    for head in product(range(units + 1), repeat=buckets - 1):
        rest = units - sum(head)
        if rest >= 0:
            yield [*head, rest]
