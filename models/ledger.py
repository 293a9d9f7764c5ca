"""The account of an order: every share is filled, at work in a child order, or free, and none is lost or made.

Shares are counted in whole units, a power of ten that is small beside the order, as exact rational numbers: three fills
of 0.1 are 0.3, and every count is a float of so few digits that it is written, read and added up without rounding.
"""

import math
from dataclasses import dataclass
from fractions import Fraction

from optexec.models.errors import InvalidInput

DIGITS = 12
"""Digits of an order that are told apart: shares are counted in units of its last one."""


@dataclass
class Child:
    """A child order.

    Args:
        number: its name.
        bucket: that it was sent for.
        size: shares that may trade on it at most.
        open: shares that are still in the market.
        filled: shares that have traded.

    >>> Child(1, bucket=0, size=Fraction(300), open=Fraction(300)).filled
    Fraction(0, 1)
    """

    number: int
    bucket: int
    size: Fraction
    open: Fraction
    filled: Fraction = Fraction(0)


class Ledger:
    """The account of one order and its child orders.

    Every number of shares below is a whole number of units, see `count`. After every call 0 <= filled <= shares and
    filled + remaining = shares. A late fill or an amendment may leave more in the market than remains, until it is cut.

    Args:
        shares: size of the order.

    >>> ledger = Ledger(1_000)
    >>> ledger.send(bucket=0, shares=Fraction(300))
    1
    >>> ledger.fill(1, Fraction(320), room=Fraction(1_000))
    Fraction(300, 1)
    >>> [float(part) for part in (ledger.filled, ledger.remaining, ledger.working)]
    [300.0, 700.0, 0.0]
    """

    def __init__(self, shares: float) -> None:
        self.unit = Fraction(10) ** (math.floor(math.log10(shares)) + 1 - DIGITS)
        self.shares = self.count(shares)
        self.filled = Fraction(0)
        self.children: dict[int, Child] = {}
        self._done: dict[int, Fraction] = {}
        self._in_market: dict[int, Child] = {}

    def count(self, shares: float) -> Fraction:
        """Whole units nearest to a number of shares as it is written.

        >>> Ledger(10.0).count(0.1) + Ledger(10.0).count(0.2) == Ledger(10.0).count(0.3)
        True
        """
        return round(Fraction(repr(float(shares))) / self.unit) * self.unit

    @property
    def remaining(self) -> Fraction:
        """Shares that have not traded."""
        return self.shares - self.filled

    @property
    def at_work(self) -> list[Child]:
        """Child orders with shares in the market, the oldest first."""
        return list(self._in_market.values())

    @property
    def working(self) -> Fraction:
        """Shares in the market."""
        return sum((child.open for child in self._in_market.values()), Fraction(0))

    @property
    def free(self) -> Fraction:
        """Shares that remain and are not in the market."""
        return self.remaining - self.working

    def done(self, bucket: int) -> Fraction:
        """Shares that have traded in a bucket."""
        return self._done.get(bucket, Fraction(0))

    def send(self, bucket: int, shares: Fraction) -> int:
        """Put free shares into the market; the number of the new child order.

        Raises:
            InvalidInput: no shares, or more than are free.
        """
        if not 0 < shares <= self.free:
            raise InvalidInput(f"{float(shares):,.10g} shares cannot be sent of {float(self.free):,.10g} that are free")
        number = len(self.children) + 1
        self.children[number] = self._in_market[number] = Child(number, bucket, shares, shares)
        return number

    def fill(self, number: int, shares: Fraction, room: Fraction) -> Fraction:
        """Book shares that have traded on a child order; those that count.

        What exceeds the size of the child order, the order, or `room` does not count. A fill may come after the child
        order was cut or its bucket was over.

        Args:
            number: of a child order.
            shares: > 0.
            room: shares that the caps of its bucket still hold.
        """
        child = self.children[number]
        booked = max(Fraction(0), min(shares, child.size - child.filled, self.remaining, room))
        child.filled += booked
        self._leave(child, max(Fraction(0), child.open - booked))
        self.filled += booked
        self._done[child.bucket] = self.done(child.bucket) + booked
        return booked

    def cut(self, number: int, left: Fraction) -> None:
        """Leave at most `left` shares of a child order in the market."""
        child = self.children[number]
        self._leave(child, min(child.open, left))

    def reject(self, number: int) -> None:
        """Take a child order out of the market for good: nothing can trade on it any more."""
        child = self.children[number]
        child.size = child.filled
        self._leave(child, Fraction(0))

    def amend(self, shares: float) -> None:
        """Give the order another size.

        Raises:
            InvalidInput: fewer shares than have traded.
        """
        if self.count(shares) < self.filled:
            raise InvalidInput(
                f"{float(self.filled):,.10g} shares have traded; amend to at least as many, or cancel what remains"
            )
        self.shares = self.count(shares)

    def _leave(self, child: Child, left: Fraction) -> None:
        child.open = left
        if not left:
            self._in_market.pop(child.number, None)
