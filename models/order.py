"""The parent order."""

from dataclasses import dataclass, fields

from optexec.models.errors import InvalidInput, unknown_name
from optexec.models.validation import positive_number

SIDES = ("buy", "sell")
ENDINGS = ("finish", "stop", "continue")


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
        at_end: what happens in the last bucket of a day that did not go as planned. "finish": it takes all that
            remains, as far as its caps hold it. "stop": it takes no more than was planned for it before it opened.
            "continue": as "finish", and further buckets like the last one follow until all is done. What then
            remains is reported as unfilled. Schedules made before the day do not depend on it.

    Raises:
        InvalidInput: a value that is not positive and finite, an unknown side or ending, a lot larger than the order.

    >>> Order(shares=10_000, side="sell", lot=100, price=25.0).notional
    250000.0
    """

    shares: float
    side: str = "buy"
    lot: float | None = None
    price: float | None = None
    at_end: str = "finish"

    def __post_init__(self) -> None:
        object.__setattr__(self, "shares", positive_number("order.shares", self.shares))
        if self.side not in SIDES:
            raise unknown_name("side", self.side, SIDES)
        if self.at_end not in ENDINGS:
            raise unknown_name("ending", self.at_end, ENDINGS)
        for name in ("lot", "price"):
            if (value := getattr(self, name)) is not None:
                object.__setattr__(self, name, positive_number(f"order.{name}", value))
        if self.lot is not None and self.lot > self.shares:
            raise InvalidInput(
                f"order.lot is {self.lot:,.10g} shares, more than the order's {self.shares:,.10g}; "
                "lower the lot or leave it out"
            )

    def __repr__(self) -> str:
        given = {f.name: getattr(self, f.name) for f in fields(self)}
        shown = (f"{f.name}={given[f.name]!r}" for f in fields(self) if given[f.name] != f.default)
        return f"Order({', '.join(shown)})"

    @property
    def notional(self) -> float | None:
        """Arrival notional in dollars, None without a price.

        >>> Order(100).notional is None
        True
        """
        return None if self.price is None else self.shares * self.price
