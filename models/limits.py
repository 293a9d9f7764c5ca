"""Limits on the slices: floors, caps and participation in the market's volume."""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from optexec.models.errors import InfeasibleOrder, InvalidInput
from optexec.models.order import Order
from optexec.models.validation import Array, Parameter, common_length, nonnegative


@dataclass(frozen=True, eq=False)
class Limits:
    """Least and most shares a bucket may trade.

    Args:
        minimum: floor in shares, scalar or (N,).
        maximum: cap in shares, scalar or (N,); None for none.
        participation: cap as a fraction of the market's volume, in (0, 1]: x_i <= participation * volume_i. The
            volume is that of the whole market with our own shares inside it (0.10 means one share in ten
            printed is ours).
        volume: shares traded by the market, one value a bucket; positive wherever participation applies. Also
            the weights of VWAP and POV.

    Raises:
        InvalidInput: a negative or not finite value, participation outside (0, 1] or without volume, a volume of
            zero under participation, a minimum above the maximum, arrays of different lengths.

    >>> Limits(maximum=500, participation=0.10, volume=[4_000, 6_000]).bounds(Order(900), 2)[1].tolist()
    [400.0, 500.0]
    """

    minimum: Parameter = 0.0
    maximum: Parameter | None = None
    participation: Parameter | None = None
    volume: Any = None

    def __post_init__(self) -> None:
        for name in ("minimum", "maximum", "participation", "volume"):
            if (value := getattr(self, name)) is not None:
                object.__setattr__(self, name, nonnegative(f"limits.{name}", value))
        common_length(self.lengths)
        self._check_participation()
        if self.maximum is not None:
            self._check_order(np.asarray(self.minimum), np.asarray(self.maximum))

    def _check_participation(self) -> None:
        if self.participation is None:
            return
        share = np.ravel(self.participation)
        if np.any((share <= 0) | (share > 1)):
            raise InvalidInput(
                f"limits.participation must be a fraction in (0, 1], got {share[(share <= 0) | (share > 1)][0]:g}"
            )
        if self.volume is None:
            raise InvalidInput("limits.participation needs limits.volume, the market's shares in each bucket")
        empty = np.flatnonzero(np.ravel(self.volume) == 0)
        if empty.size:
            raise InvalidInput(
                f"limits.volume[{empty[0]}] is 0 where participation needs it; give the expected volume, or "
                "close the bucket with maximum = 0 and a volume of 1"
            )

    @staticmethod
    def _check_order(minimum: Array, maximum: Array) -> None:
        low, high = np.broadcast_arrays(np.atleast_1d(minimum), np.atleast_1d(maximum))
        bad = np.flatnonzero(low > high)
        if bad.size:
            k = bad[0]
            raise InvalidInput(f"limits.minimum[{k}] is {low[k]:,.10g}, above limits.maximum[{k}] {high[k]:,.10g}")

    @property
    def lengths(self) -> dict[str, int]:
        """Name -> length of each limit that is an array."""
        named = {f"limits.{n}": getattr(self, n) for n in ("minimum", "maximum", "participation", "volume")}
        return {name: len(value) for name, value in named.items() if isinstance(value, np.ndarray)}

    def bounds(self, order: Order, buckets: int) -> tuple[Array, Array]:
        """Floor and cap of every bucket, (N,) each; no cap exceeds the order.

        Raises:
            InfeasibleOrder: the floors exceed the order, or the caps do not reach it; the message says by how
                much, and which participation would do.
        """
        low = np.broadcast_to(np.asarray(self.minimum, dtype=float), (buckets,)).copy()
        high = np.minimum(self._caps(buckets), order.shares)
        crossed = np.flatnonzero(low > high)
        if crossed.size:
            k = crossed[0]
            raise InfeasibleOrder(
                f"bucket {k + 1} must trade at least {low[k]:,.10g} shares and may trade at most {high[k]:,.10g}; "
                "lower minimum or raise maximum or participation there"
            )
        self._check_room(order.shares, low, high)
        return low, high

    def _caps(self, buckets: int) -> Array:
        cap = np.full(buckets, np.inf) if self.maximum is None else np.broadcast_to(self.maximum, (buckets,))
        return cap if self.participation is None else np.minimum(cap, self.participation * self.volume)

    def _check_room(self, shares: float, low: Array, high: Array) -> None:
        tiny = 1e-12 * shares
        if low.sum() > shares + tiny:
            raise InfeasibleOrder(
                f"the minimums add up to {low.sum():,.10g}, more than the order's {shares:,.10g} shares; "
                "lower limits.minimum"
            )
        if high.sum() < shares - tiny:
            raise InfeasibleOrder(
                f"limits allow {high.sum():,.10g} of {shares:,.10g} shares; {self._mend(shares, high)}"
            )

    def _mend(self, shares: float, high: Array) -> str:
        """What would make room: the participation that does, if one does, else the missing shares."""
        if self.participation is None:
            return f"raise limits.maximum by {shares - high.sum():,.10g} shares in all, or lower the order"
        raised = _least_participation(shares, len(high), self)
        if raised is not None:
            return f"raise participation to {raised:.3g}"
        whole = replace(self, participation=1.0)._caps(len(high)).sum()
        return f"even a participation of 1 allows {whole:,.10g}; lower the order"


def _least_participation(shares: float, buckets: int, limits: Limits) -> float | None:
    """Least participation of three digits that leaves room for the order; None if 1 is too little."""

    def holds(participation: float) -> bool:
        caps = np.minimum(replace(limits, participation=participation)._caps(buckets), shares)
        return bool(caps.sum() >= shares)

    if not holds(1.0):
        return None
    low, high = 0.0, 1.0
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (low, middle) if middle > 0 and holds(middle) else (middle, high)
    step = 10.0 ** (np.floor(np.log10(high)) - 2)
    rounded = np.ceil(high / step) * step
    candidates = (float(f"{rounded + k * step:.3g}") for k in range(3))
    return next((min(c, 1.0) for c in candidates if holds(min(c, 1.0))), None)
