"""Numbers of shares that may be sent: whole lots and the odd remainder, or any number of units, counted exactly."""

from dataclasses import dataclass
from fractions import Fraction

from optexec.models.lots import NEAR


@dataclass(frozen=True)
class Sizes:
    """The numbers of shares that a child order may have.

    Args:
        unit: shares are counted in multiples of it.
        lot: shares a lot; None if any number of units will do.

    >>> sizes = Sizes(unit=Fraction(1, 100), lot=Fraction(100))
    >>> [int(sizes.nearest(x, total=Fraction(1_050))) for x in (300.0000001, 349.9999999, 320.0)]
    [300, 350, 300]
    >>> [int(sizes.most(Fraction(q), free=Fraction(1_050), odd=odd)) for q, odd in ((260, False), (260, True))]
    [200, 250]
    """

    unit: Fraction
    lot: Fraction | None = None

    def nearest(self, shares: float, total: Fraction) -> Fraction:
        """The slice that a solver means: in whole lots, or those and what `total` has beside them; at most `total`."""
        wanted = Fraction(repr(float(shares)))
        if self.lot is None:
            return min(self._down(wanted + self.unit / 2), total)
        kinds = (round((wanted - odd) / self.lot) * self.lot + odd for odd in (Fraction(0), total % self.lot))
        meant = min(kinds, key=lambda size: abs(wanted - size))
        near = abs(wanted - meant) <= NEAR * self.lot
        return min(meant if near else wanted // self.lot * self.lot, total)

    def most(self, shares: Fraction, free: Fraction, odd: bool) -> Fraction:
        """Most of `shares` that may be sent while `free` shares are not in the market.

        Args:
            shares: at most `free`.
            free: its remainder beyond whole lots is odd, and goes with one child order.
            odd: whether it may go with this one; it does with the last of all in any case.
        """
        if shares <= 0:
            return Fraction(0)
        if self.lot is None or shares == free:
            return self._down(shares)
        whole, beside = shares // self.lot * self.lot, free % self.lot
        if not odd or shares < beside:
            return whole
        return max(whole, (shares - beside) // self.lot * self.lot + beside)

    def _down(self, shares: Fraction) -> Fraction:
        return shares // self.unit * self.unit
