"""What an `Execution` answers to an event. All shares are numbers of shares, all money is dollars."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Planned:
    """A new plan for what is left.

    Args:
        first: bucket of its first slice, counted from 0.
        shares: slices from there on, what has traded in that bucket already among the first.
        method, status: as of a `Schedule`; status "fallback" if none gave a schedule: see `RestOfDay.renew`.
        objective, lower_bound, gap: as of a `Schedule`; None where unknown.
        reason: why it was made, and what had to give.

    >>> Planned(0, (60.0, 40.0), "waterfill", "optimal", 1.2, 1.2, 0.0, "the bucket opens").shares
    (60.0, 40.0)
    """

    first: int
    shares: tuple[float, ...]
    method: str
    status: str
    objective: float | None
    lower_bound: float | None
    gap: float | None
    reason: str


@dataclass(frozen=True)
class Sent:
    """Send a child order.

    >>> Sent(1, bucket=0, shares=300.0).shares
    300.0
    """

    child: int
    bucket: int
    shares: float


@dataclass(frozen=True)
class Cut:
    """Reduce what is open of a child order to `left` shares; to 0 is to cancel it.

    >>> Cut(1, left=0.0, reason="the bucket is over").left
    0.0
    """

    child: int
    left: float
    reason: str


@dataclass(frozen=True)
class Booked:
    """Shares of a child order count as traded in its bucket; `late` if that bucket was over.

    >>> Booked(1, bucket=0, shares=300.0).late
    False
    """

    child: int
    bucket: int
    shares: float
    late: bool = False


@dataclass(frozen=True)
class Refused:
    """An event, or the shares of it that do not fit the order, which count for nothing and need a person's eye.

    >>> Refused("fill", 20.0, "child order 1 has 0 shares open").what
    'fill'
    """

    what: str
    shares: float | None
    reason: str


@dataclass(frozen=True)
class Short:
    """The order cannot finish inside its caps as from now, or (shares 0) again it can.

    Args:
        shares: the shortfall.
        certain: whether caps, closed buckets and the last slice of an order that stops alone make it so, fills under
            way apart; otherwise the volumes now expected do, or a halt.

    >>> Short(400.0, certain=True).shares
    400.0
    """

    shares: float
    certain: bool


@dataclass(frozen=True)
class Account:
    """Where the order stands after an event; the last of every answer. filled + remaining = shares.

    Args:
        bucket: the last that has opened, -1 before the first.
        shares: size of the order.
        filled, remaining: parts of it.
        working: open in child orders, a part of what remains.
        state: "working", "done", "cancelled", or "unfilled" once the window is over.

    >>> Account(0, 900.0, 300.0, 600.0, 200.0, "working").remaining
    600.0
    """

    bucket: int
    shares: float
    filled: float
    remaining: float
    working: float
    state: str


Decision = Planned | Sent | Cut | Booked | Refused | Short | Account
"""Any of them."""
