"""Estimates from clusters of observations, with errors that hold whatever the dependence inside a cluster."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.special import stdtrit

from optexec.models.errors import InvalidInput

CONFIDENCE = 0.95


class Estimate(NamedTuple):
    """A number estimated from clusters of observations that are independent of one another.

    Fields:
        value: the estimate; `standard_error`: its standard error;
        low, high: ends of its interval at the level `CONFIDENCE`, by Student's t;
        degrees_of_freedom: of that t, fewer the more a few clusters weigh;
        clusters: how many clusters it rests on.

    >>> Estimate._fields
    ('value', 'standard_error', 'low', 'high', 'degrees_of_freedom', 'clusters')
    """

    value: float
    standard_error: float
    low: float
    high: float
    degrees_of_freedom: float
    clusters: int


def ratio_of_sums(numerator: NDArray[np.float64], denominator: NDArray[np.float64]) -> Estimate:
    """Estimate sum(numerator) / sum(denominator) from sums over G independent clusters.

    With numerator sum(x y) and denominator sum(x^2) of each cluster it is the least-squares slope through the origin;
    with sum(w y) and sum(w), a weighted mean. With residuals u_g = numerator_g - ratio denominator_g and weights
    p_g = denominator_g / D, D the sum of the denominators, the squared standard error is
    sum_g u_g^2 / (1 - p_g) / D^2: HC2 when a cluster is one observation, CR2 else. It holds whatever the variances and
    the dependence inside a cluster. The degrees of freedom are Satterthwaite's for residuals u_g of variance
    proportional to denominator_g; with equal denominators it is the textbook error of a mean, with G - 1.

    Args:
        numerator: (G,).
        denominator: (G,), >= 0; a cluster of 0 says nothing and is not counted.

    Raises:
        InvalidInput: for fewer than two clusters with a denominator above 0.

    Source:
        Bell and McCaffrey (2002); Imbens and Kolesar (2016), sections II and III.

    >>> mean = ratio_of_sums(np.array([1.0, 2.0, 3.0]), np.array([1.0, 1.0, 1.0]))
    >>> mean.value, round(mean.standard_error, 6), round(mean.degrees_of_freedom, 6)
    (2.0, 0.57735, 2.0)
    """
    counted = denominator > 0
    clusters = int(counted.sum())
    if clusters < 2:
        raise InvalidInput(f"an estimate with an error needs two clusters of observations or more, got {clusters}")
    total = denominator[counted].sum()
    weight = denominator[counted] / total
    value = float(numerator[counted].sum() / total)
    residual = numerator[counted] / total - value * weight
    error = float(np.sqrt((residual**2 / (1 - weight)).sum()))
    scaled = weight / (1 - weight)
    freedom = float(1 / ((scaled**2 * (1 - 2 * weight)).sum() + (scaled * weight).sum() ** 2))
    reach = float(stdtrit(freedom, (1 + CONFIDENCE) / 2)) * error
    return Estimate(value, error, value - reach, value + reach, freedom, clusters)
