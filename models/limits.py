"""Limits on the slices: floors, caps, participation in the market's volume, and the least slice that trades at all."""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from optexec.models.errors import InfeasibleOrder, InvalidInput
from optexec.models.order import Order
from optexec.models.validation import Array, Parameter, common_length, nonnegative

NAMES = ("minimum", "maximum", "participation", "volume", "smallest")
ROUNDING = 1e-12
"""Fraction by which a cap may miss a smallest slice and still hold it."""
NEAR = 1e-9
"""Fraction of the order by which shares may miss it, or a limit, by rounding."""


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
        smallest: least shares of a slice that trades at all, scalar or (N,): x_i = 0 or x_i >= smallest_i. A bucket
            with a minimum must trade, so there it is a floor; a bucket whose cap is below it is closed. `dp` and
            `milp` are the methods that honour it.

    Raises:
        InvalidInput: a negative or not finite value, participation outside (0, 1] or without volume, a volume of
            zero under participation, a minimum above the maximum, arrays of different lengths.

    >>> Limits(maximum=500, participation=0.10, volume=[4_000, 6_000]).bounds(Order(900), 2)[1].tolist()
    [400.0, 500.0]
    >>> limits = Limits(minimum=[50, 0, 0], maximum=[500, 500, 80], smallest=100)
    >>> [bound.tolist() for bound in limits.bounds(Order(900), 3)]
    [[100.0, 0.0, 0.0], [500.0, 500.0, 0.0]]
    """

    minimum: Parameter = 0.0
    maximum: Parameter | None = None
    participation: Parameter | None = None
    volume: Any = None
    smallest: Parameter = 0.0

    def __post_init__(self) -> None:
        for name in NAMES:
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
        named = {f"limits.{n}": getattr(self, n) for n in NAMES}
        return {name: len(value) for name, value in named.items() if isinstance(value, np.ndarray)}

    def bounds(self, order: Order, buckets: int) -> tuple[Array, Array]:
        """Floor and cap of every bucket, (N,) each; no cap exceeds the order, or is left below a smallest slice.

        Raises:
            InfeasibleOrder: the floors exceed the order, or the caps do not reach one that must complete; the message
                says by how much, and which participation would do.
        """
        minimum = np.broadcast_to(np.asarray(self.minimum, dtype=float), (buckets,))
        low = np.where(minimum > 0, np.maximum(minimum, self.smallest), 0.0)
        high = np.where(minimum > 0, np.minimum(self._caps(buckets), order.shares), self._reach(order.shares, buckets))
        crossed = np.flatnonzero(low > high + NEAR * order.shares)
        if crossed.size:
            k = crossed[0]
            raise InfeasibleOrder(
                f"bucket {k + 1} must trade at least {low[k]:,.10g} shares and may trade at most {high[k]:,.10g}; "
                f"lower minimum{' or smallest' if self._raises else ''} or raise maximum or participation there"
            )
        low = np.minimum(low, high)
        self._check_room(order, low, high)
        return low, high

    def thresholds(self, low: Array, high: Array) -> Array:
        """Least slice of each bucket that may also trade nothing, (N,); 0 where every number inside will do.

        Args:
            low, high: what `bounds` gave.

        >>> limits = Limits(minimum=[50, 0], smallest=100)
        >>> limits.thresholds(*limits.bounds(Order(900), 2)).tolist()
        [0.0, 100.0]
        """
        return np.where(low > 0, 0.0, np.minimum(self.smallest, high))

    def part(self, span: slice) -> "Limits":
        """The limits of a stretch of the buckets.

        >>> Limits(maximum=[100, 200, 300], smallest=10).part(slice(1, None)).maximum.tolist()
        [200.0, 300.0]
        """
        arrays = {name: getattr(self, name)[span] for name in NAMES if isinstance(getattr(self, name), np.ndarray)}
        return replace(self, **arrays)

    @property
    def _raises(self) -> bool:
        """Whether a smallest slice lies above the minimum somewhere."""
        return bool(np.any(np.asarray(self.smallest) > np.asarray(self.minimum)))

    def _reach(self, shares: float, buckets: int) -> Array:
        """Most shares that each bucket without a minimum may trade: none where a smallest slice does not fit."""
        cap = np.minimum(self._caps(buckets), shares)
        return np.where(self.smallest > cap * (1 + ROUNDING), 0.0, cap)

    def _caps(self, buckets: int) -> Array:
        cap = np.full(buckets, np.inf) if self.maximum is None else np.broadcast_to(self.maximum, (buckets,))
        return cap if self.participation is None else np.minimum(cap, self.participation * self.volume)

    def _check_room(self, order: Order, low: Array, high: Array) -> None:
        shares = order.shares
        tiny = 1e-12 * shares
        if low.sum() > shares + tiny:
            raise InfeasibleOrder(
                f"the minimums add up to {low.sum():,.10g}, more than the order's {shares:,.10g} shares; "
                f"lower limits.minimum{' or limits.smallest' if self._raises else ''}"
            )
        if order.must_complete and high.sum() < shares - tiny:
            raise InfeasibleOrder(
                f"limits allow {high.sum():,.10g} of {shares:,.10g} shares; {self._mend(shares, high)}"
            )

    def _mend(self, shares: float, high: Array) -> str:
        """What would make room: smaller slices or the participation that do, if they do, else the missing shares."""
        cap = np.minimum(self._caps(len(high)), shares)
        if cap.sum() >= shares:
            closed = np.count_nonzero((high == 0) & (cap > 0))
            return f"lower limits.smallest, which closes {closed} of {len(high)} buckets"
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
        return bool(replace(limits, participation=participation)._reach(shares, buckets).sum() >= shares)

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
