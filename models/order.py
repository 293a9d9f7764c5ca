"""The parent order."""

from dataclasses import dataclass, fields, replace

from optexec.models.errors import InvalidInput, unknown_name
from optexec.models.validation import nonnegative, positive_number, scalar

SIDES = ("buy", "sell")
ENDINGS = ("finish", "stop", "continue")
MOST_LOTS = 1e15
"""Beyond these numbers do not tell one lot from the next."""


@dataclass(frozen=True)
class Order:
    """A parent order of `shares` shares, to be done in full unless it says what shares left unfilled cost.

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
            remains is reported as unfilled. An order that need not complete ends with the plan for its last bucket in
            any case. Schedules made before the day do not depend on it.
        must_complete: False if shares may be left unfilled after the last bucket, u of them at a cost of
            unfilled_cost u + unfilled_penalty/2 u^2. Whatever the limits then do not hold stays unfilled.
        unfilled_cost: dollars a share, >= 0: what it costs to trade a share otherwise, or not at all.
        unfilled_penalty: dollars a share squared, >= 0; 0 by default.

    Raises:
        InvalidInput: a value that is not positive and finite, an unknown side or ending, a lot larger than the order
            or so small that the lots cannot be counted, an order that need not complete without a cost of unfilled
            shares, such a cost for one that must.

    >>> Order(shares=10_000, side="sell", lot=100, price=25.0).notional
    250000.0
    >>> Order(shares=10_000, must_complete=False, unfilled_cost=0.05)
    Order(shares=10000.0, must_complete=False, unfilled_cost=0.05)
    """

    shares: float
    side: str = "buy"
    lot: float | None = None
    price: float | None = None
    at_end: str = "finish"
    must_complete: bool = True
    unfilled_cost: float | None = None
    unfilled_penalty: float | None = None

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
        check_lots(self.shares, self.lot)
        self._check_completion()

    def _check_completion(self) -> None:
        if not isinstance(self.must_complete, bool):
            raise InvalidInput(f"order.must_complete must be true or false, got {self.must_complete!r:.80}")
        if not self.must_complete and self.unfilled_cost is None:
            raise InvalidInput(
                "an order that need not complete needs order.unfilled_cost, dollars for each share left unfilled"
            )
        for name in ("unfilled_cost", "unfilled_penalty"):
            if (value := getattr(self, name)) is not None:
                object.__setattr__(self, name, scalar(nonnegative, f"order.{name}", value))
                if self.must_complete:
                    raise InvalidInput(
                        f"order.{name} is given, but the order must complete; set must_complete to false"
                    )

    def __repr__(self) -> str:
        given = {f.name: getattr(self, f.name) for f in fields(self)}
        shown = (f"{f.name}={given[f.name]!r}" for f in fields(self) if given[f.name] != f.default)
        return f"Order({', '.join(shown)})"

    def in_full(self) -> "Order":
        """The same order, to be done in full.

        >>> Order(100, must_complete=False, unfilled_cost=0.05).in_full()
        Order(shares=100.0)
        """
        return replace(self, must_complete=True, unfilled_cost=None, unfilled_penalty=None)

    @property
    def notional(self) -> float | None:
        """Arrival notional in dollars, None without a price.

        >>> Order(100).notional is None
        True
        """
        return None if self.price is None else self.shares * self.price


def check_lots(shares: float, lot: float | None) -> None:
    """See that the lots of so many shares can be counted.

    Raises:
        InvalidInput: they cannot.

    >>> check_lots(1e30, 100.0)
    Traceback (most recent call last):
    optexec.models.errors.InvalidInput: 1e+30 shares are too many lots of 100 to count; raise the lot or leave it out
    """
    if lot is not None and shares / lot > MOST_LOTS:
        raise InvalidInput(
            f"{shares:,.10g} shares are too many lots of {lot:,.10g} to count; raise the lot or leave it out"
        )
