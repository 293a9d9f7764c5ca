"""Marginal costs that are a power and a straight line: what the fastest solvers need to know of a curve."""

from typing import NamedTuple

import numpy as np

from optexec.models.validation import Array, Parameter


class MarginalLaw(NamedTuple):
    """The marginal cost first + scale x^exponent + rate x of each bucket, dollars a share.

    Fields:
        first: dollars a share, a number or an array.
        scale: dollars / share^(1 + exponent), >= 0.
        exponent: a number or an array; negative for costs that are not convex.
        rate: dollars a share squared, >= 0.

    >>> law = MarginalLaw(0.01, np.array([2e-6, 3e-6]), np.array([0.5, 1.5]), 1e-8)
    >>> law(np.array([100.0, 100.0])).round(6).tolist()
    [0.010021, 0.013001]
    """

    first: Parameter
    scale: Parameter
    exponent: Parameter
    rate: Parameter

    def __call__(self, x: Array) -> Array:
        """Marginal cost at x shares."""
        return self.first + self.scale * np.power(x, self.exponent) + self.rate * x

    def plus(self, other: "MarginalLaw | None") -> "MarginalLaw | None":
        """The law of the sum of both costs; None where it would have two powers.

        >>> MarginalLaw(0.0, 2e-6, 0.5, 0.0).plus(MarginalLaw(0.01, 0.0, 1.0, 1e-8))
        MarginalLaw(first=0.01, scale=2e-06, exponent=0.5, rate=1e-08)
        """
        if other is None or (np.any(self.scale) and np.any(other.scale)):
            return None
        power = self if np.any(self.scale) else other
        return MarginalLaw(self.first + other.first, power.scale, power.exponent, self.rate + other.rate)


def line(first: Parameter, rate: Parameter) -> MarginalLaw:
    """The marginal cost first + rate x.

    >>> line(0.01, 0.0).scale
    0.0
    """
    return MarginalLaw(first, 0.0, 1.0, rate)
