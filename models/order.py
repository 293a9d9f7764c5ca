"""The parent order."""

from dataclasses import dataclass

from optexec.models.errors import InvalidInput, unknown_name
from optexec.models.validation import positive_number

SIDES = ("buy", "sell")


@dataclass(frozen=True)
class Order:
    """A parent order of `shares` shares, to be done in full.

    Args:
        shares: size in shares, positive; the side carries the direction.
        side: "buy" or "sell". Costs are positive when worse on either side, so the side never enters the
            mathematics.
        lot: shares a lot; if given, every slice is a whole number of lots, except that an odd remainder
            (`shares` modulo `lot`) trades inside one slice (see `round_to_lots`).
        price: arrival price in dollars; if given, costs are also quoted in basis points of arrival notional.

    Raises:
        InvalidInput: a value that is not positive and finite, an unknown side, a lot larger than the order.

    >>> Order(shares=10_000, side="sell", lot=100, price=25.0).notional
    250000.0
    """

    shares: float
    side: str = "buy"
    lot: float | None = None
    price: float | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "shares", positive_number("order.shares", self.shares))
        if self.side not in SIDES:
            raise unknown_name("side", self.side, SIDES)
        for name in ("lot", "price"):
            if (value := getattr(self, name)) is not None:
                object.__setattr__(self, name, positive_number(f"order.{name}", value))
        if self.lot is not None and self.lot > self.shares:
            raise InvalidInput(
                f"order.lot is {self.lot:,.10g} shares, more than the order's {self.shares:,.10g}; "
                "lower the lot or leave it out"
            )

    @property
    def notional(self) -> float | None:
        """Arrival notional in dollars, None without a price.

        >>> Order(100).notional is None
        True
        """
        return None if self.price is None else self.shares * self.price
