"""Impact curves that cost a multiple of what they did."""

from optexec.models.errors import InvalidInput
from optexec.models.families import Family
from optexec.models.impact import Impact, Sum
from optexec.models.per_bucket import PerBucket
from optexec.models.tabulated import Tabulated
from optexec.models.validation import Array


def scaled(impact: Impact, factor: Array) -> Impact:
    """The impact whose cost is `factor` times as high, of the same families.

    Args:
        impact: curves, shared or one a bucket.
        factor: >= 0, one a bucket, (N,).

    Raises:
        InvalidInput: an impact that is not made of the families.

    >>> import numpy as np, optexec as ox
    >>> scaled(ox.Linear(0.01) + ox.Power(2.0, 1.5), np.array([1.0, 3.0]))
    Linear(slope=[0.01, 0.03], quoted='total') + Power(a=[2.0, 6.0], b=1.5, quoted='total')
    """
    if isinstance(impact, Sum):
        return Sum(tuple(scaled(part, factor) for part in impact.parts))
    if isinstance(impact, PerBucket):
        return PerBucket.of_groups([(at, scaled(part, factor[at])) for at, part in impact.groups])
    if not isinstance(impact, Family):
        raise InvalidInput(f"the cost of an impact of class {type(impact).__name__} cannot be scaled")
    if isinstance(impact, Tabulated):
        return impact._with(cost_at=factor[:, None] * impact.cost_at)
    level = next(iter(impact.parameters))
    return impact._with(**{level: factor * impact.parameters[level]})
