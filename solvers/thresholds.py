"""When the market has left what was expected of it, and what that is taken to mean."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from optexec.models.errors import InvalidInput
from optexec.models.execution_events import Observed
from optexec.models.problem import LARGEST
from optexec.models.validation import positive, positive_number

SETTINGS = ("volatility", "spread", "lasts", "sigma", "spreads")


@dataclass(frozen=True, eq=False)
class Thresholds:
    """Spikes of volatility and spread that call for a new plan at once.

    A volatility of v in a bucket whose sigma is s is a spike if v/s > `volatility`. The price is then taken to vary
    (v/s)^2 times as much as was expected, in this bucket and the `lasts` - 1 after it. A spread of v where s was
    expected is a spike if v/s > `spread`; every share is then taken to cost v/s times as much there. An observation
    that is not above the threshold ends a spike.

    Args:
        volatility, spread: thresholds, multiples of what is expected, > 0.
        lasts: buckets that a spike is taken to last, at least 1.
        sigma: volatility expected over each bucket, (N,) or one for all, > 0, in any unit; None to watch none.
        spreads: the same of the spread.

    Raises:
        InvalidInput: a value out of its range.

    >>> watch = Thresholds(volatility=2.0, sigma=[0.02, 0.01])
    >>> watch.factors(Observed(1, volatility=0.03)), watch.factors(Observed(0, volatility=0.03))
    ((None, 9.0), (None, 1.0))
    """

    volatility: float = 2.0
    spread: float = 2.0
    lasts: int = 5
    sigma: Any = None
    spreads: Any = None

    def __post_init__(self) -> None:
        for name in ("volatility", "spread"):
            object.__setattr__(self, name, positive_number(name, getattr(self, name)))
        for name in ("sigma", "spreads"):
            if (value := getattr(self, name)) is not None:
                object.__setattr__(self, name, positive(name, value))
        if isinstance(self.lasts, bool) or not isinstance(self.lasts, int) or self.lasts < 1:
            raise InvalidInput(f"lasts must be a whole number of buckets, at least 1, got {self.lasts!r:.80}")

    @property
    def lengths(self) -> dict[str, int]:
        """Name -> length of what is expected of each bucket."""
        return {n: len(v) for n in ("sigma", "spreads") if isinstance(v := getattr(self, n), np.ndarray)}

    def factors(self, seen: Observed) -> tuple[float | None, float | None]:
        """Multiples of cost and of variance that an observation calls for: 1 if it is no spike, None if unknown.

        Raises:
            InvalidInput: a multiple that cannot be computed with, which no market has seen.
        """
        spread = _multiple("spread", seen.spread, self.spreads, self.spread, seen.bucket)
        volatility = _multiple("volatility", seen.volatility, self.sigma, self.volatility, seen.bucket)
        return spread, None if volatility is None else volatility**2


def _multiple(name: str, seen: float | None, expected: Any, threshold: float, bucket: int) -> float | None:
    if seen is None or expected is None:
        return None
    values = np.ravel(expected)
    usual = float(values[min(bucket, len(values) - 1)])
    multiple = seen / usual
    if multiple > LARGEST:
        raise InvalidInput(f"a {name} of {seen:.3g} where {usual:.3g} was expected; check the units of both")
    return multiple if multiple > threshold else 1.0
