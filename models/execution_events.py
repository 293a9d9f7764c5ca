"""What happens to an order in the course of its day, as it is told to an `Execution`.

Buckets are counted from 0, as `Replanner.plan` counts them; child orders have the numbers that `Sent` gives them.
Numbers are checked when an event is made, so an event that exists is well-formed.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np

from optexec.models.errors import InvalidInput
from optexec.models.impact import Impact
from optexec.models.validation import common_length, nonnegative, positive_number, scalar


@dataclass(frozen=True)
class Opened:
    """A bucket begins. The one before it is over, and with it its child orders.

    >>> Opened(3).bucket
    3
    """

    bucket: int

    def __post_init__(self) -> None:
        _count("bucket", self.bucket)


@dataclass(frozen=True)
class Closed:
    """A bucket is over and no other begins at once: a night, or the end of the window.

    >>> Closed(3).bucket
    3
    """

    bucket: int

    def __post_init__(self) -> None:
        _count("bucket", self.bucket)


@dataclass(frozen=True)
class Observed:
    """The market in a bucket so far.

    Args:
        bucket: open, or over.
        volume: shares printed in it so far, own ones inside, >= 0; never less than before.
        volatility: over the bucket, in the unit of `Thresholds.sigma`, >= 0.
        spread: in the unit of `Thresholds.spreads`, >= 0.

    >>> Observed(3, volume=12_000).volume
    12000.0
    """

    bucket: int
    volume: float | None = None
    volatility: float | None = None
    spread: float | None = None

    def __post_init__(self) -> None:
        _count("bucket", self.bucket)
        for name in ("volume", "volatility", "spread"):
            if (value := getattr(self, name)) is not None:
                object.__setattr__(self, name, scalar(nonnegative, name, value))


@dataclass(frozen=True)
class Filled:
    """Shares of a child order have traded, maybe in a bucket that is over by now.

    Args:
        shares: > 0.
        child: its number; None for the child orders at work, the oldest first.
        price: dollars a share, for the record.

    >>> Filled(300, child=1).shares
    300.0
    """

    shares: float
    child: int | None = None
    price: float | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "shares", positive_number("shares", self.shares))
        if self.child is not None:
            _count("child", self.child)
        if self.price is not None:
            object.__setattr__(self, "price", positive_number("price", self.price))


@dataclass(frozen=True)
class Rejected:
    """The market does not take a child order, or what is left of it.

    >>> Rejected(1, "locate failed").reason
    'locate failed'
    """

    child: int
    reason: str = ""

    def __post_init__(self) -> None:
        _count("child", self.child)


@dataclass(frozen=True)
class Amended:
    """The parent order has another size from now on, > 0.

    >>> Amended(50_000).shares
    50000.0
    """

    shares: float

    def __post_init__(self) -> None:
        object.__setattr__(self, "shares", positive_number("shares", self.shares))


@dataclass(frozen=True)
class Cancelled:
    """What remains of the parent order is not to be traded.

    >>> Cancelled()
    Cancelled()
    """


@dataclass(frozen=True)
class Halted:
    """No trading until `Resumed`.

    Args:
        until: bucket in which trading is expected to be possible again; None for the next one, whichever that is.

    >>> Halted(until=7).until
    7
    """

    until: int | None = None

    def __post_init__(self) -> None:
        if self.until is not None:
            _count("until", self.until)


@dataclass(frozen=True)
class Resumed:
    """The halt is over.

    >>> Resumed()
    Resumed()
    """


@dataclass(frozen=True)
class Blackout:
    """No trading in the buckets from `first` to `last`, both of them among these.

    >>> Blackout(4, 6).last
    6
    """

    first: int
    last: int

    def __post_init__(self) -> None:
        _count("first", self.first)
        _count("last", self.last)
        if self.last < self.first:
            raise InvalidInput(f"a blackout ends in bucket {self.last}, before it begins in {self.first}")


@dataclass(frozen=True, eq=False)
class Forecast:
    """What is expected of some buckets from now on, in place of what was.

    Args:
        bucket: the first of them.
        impact: their cost curves, one value a bucket; None to leave them.
        volume: shares that the market will trade in each, (K,); None to leave them.

    Raises:
        InvalidInput: neither curves nor volumes, curves shared by all buckets, different numbers of buckets.

    >>> Forecast(3, volume=[9_000, 8_000]).buckets
    2
    """

    bucket: int
    impact: Impact | None = None
    volume: Any = None

    def __post_init__(self) -> None:
        _count("bucket", self.bucket)
        if self.volume is not None:
            object.__setattr__(self, "volume", np.atleast_1d(nonnegative("volume", self.volume)))
        if self.impact is not None and self.impact.buckets is None:
            raise InvalidInput("the curves of a forecast need one value for each of its buckets")
        common_length(self._lengths())
        if not self._lengths():
            raise InvalidInput("a forecast needs curves or volumes")

    def _lengths(self) -> dict[str, int]:
        curves = {} if self.impact is None or self.impact.buckets is None else {"impact": self.impact.buckets}
        return curves if self.volume is None else {**curves, "volume": len(self.volume)}

    @property
    def buckets(self) -> int:
        """Number of buckets that it speaks of."""
        return next(iter(self._lengths().values()))


def _count(name: str, value: Any) -> None:
    if isinstance(value, bool) or not isinstance(value, int) or value < 0:
        raise InvalidInput(f"{name} must be a whole number, at least 0, got {value!r:.80}")


Event = Opened | Closed | Observed | Filled | Rejected | Amended | Cancelled | Halted | Resumed | Blackout | Forecast
"""Any of them."""
