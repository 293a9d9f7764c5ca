"""Which orders rested in the book before the first of a stretch of LOBSTER messages, told by what becomes of them."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from optexec.data.lobster_table import DELETE, EMPTY_PRICE, EXECUTION, NEW, Integers, Messages


class Arrivals(NamedTuple):
    """A shares-at-a-price that come into the book without a message of their own, in order of `before`.

    Fields:
        before: the message before which they come, counted from 0, (A,).
        key: price times direction, so that a greater one is better on either side, (A,).
        size: shares, (A,).
        silent: how many of them no message takes out again, (A,).
        touched: the first message that takes some of them out, (A,).
    """

    before: Integers
    key: Integers
    size: Integers
    silent: Integers
    touched: Integers


class Orders(NamedTuple):
    """What the orders behind M messages do to the book.

    Fields:
        key: price times direction of the order that each message is about, (M,).
        shares: shares that each message adds to the book there; negative where it takes them out, (M,).
        silent: of these, shares that no later message takes out again; negative where a message ends an order
            that holds more than it takes, (M,).
        arrivals: orders that no message of the file enters.
    """

    key: Integers
    shares: Integers
    silent: Integers
    arrivals: Arrivals


def look_ahead(messages: Messages, view: int | None = None) -> Orders:
    """Follow every order through the file and say what each message does to the book; see `book_builder.rebuild`.

    Two partial cancellations of an order that is not entered here: it held 30 shares before.

    >>> from pathlib import Path
    >>> order, kind, size = np.array([5, 5]), np.array([2, 2]), np.array([10, 20])
    >>> price, direction = np.array([100_000, 100_000]), np.array([-1, -1])
    >>> orders = look_ahead(Messages(Path("message.csv"), 1, np.arange(2), kind, order, size, price, direction))
    >>> orders.arrivals.size.tolist(), orders.arrivals.key.tolist(), orders.shares.tolist()
    ([30], [-100000], [-10, -20])
    """
    resting = np.flatnonzero(messages.kind <= EXECUTION)
    by_order = resting[np.argsort(messages.order[resting], kind="stable")]
    order, kind = messages.order[by_order], messages.kind[by_order]
    opens = np.diff(order, prepend=-1) != 0
    head, group = np.flatnonzero(opens), np.cumsum(opens) - 1
    own = (messages.price * messages.direction)[by_order][head][group]
    taken = np.where(kind == NEW, 0, messages.size[by_order])
    total = np.add.reduceat(taken, head) if len(head) else taken
    entered = kind[head] == NEW if len(head) else np.zeros(0, dtype=bool)
    held = np.where(entered, messages.size[by_order][head], total)
    so_far = np.cumsum(taken) - (np.cumsum(total) - total)[group]
    left = held[group] - so_far
    _refuse_impossible(messages, by_order, opens, own, left, view)

    key, shares, silent = (np.zeros(len(messages.time), dtype=np.int64) for _ in range(3))
    key[by_order] = own
    shares[by_order] = np.where(kind == NEW, messages.size[by_order], -taken)
    spare = held - total
    silent[by_order[head]] = spare
    ends = kind == DELETE
    silent[by_order[ends]] = -left[ends]
    unknown = head[~entered]
    touched = by_order[unknown]
    before = np.zeros_like(touched) if view is None else np.minimum(_entry(messages, order[unknown]), touched)
    arrivals = Arrivals(before, own[unknown], total[~entered], np.zeros_like(touched), touched)
    return Orders(key, shares, silent, _sorted(arrivals))


def _entry(messages: Messages, order: Integers) -> Integers:
    """Return the message before which each of these orders was entered, judged by the ids of the new orders."""
    new = np.flatnonzero(messages.kind == NEW)
    older = np.searchsorted(np.maximum.accumulate(messages.order[new]), order)
    return np.concatenate([[0], new + 1])[older]


def _sorted(arrivals: Arrivals) -> Arrivals:
    place = np.argsort(arrivals.before, kind="stable")
    return Arrivals(*(column[place] for column in arrivals))


def _refuse_impossible(
    messages: Messages,
    by_order: Integers,
    opens: NDArray[np.bool_],
    own: Integers,
    left: Integers,
    view: int | None,
) -> None:
    """Refuse what no order can do; the messages stand order by order, `own` and `left` are its key and shares left."""
    kind, key = messages.kind[by_order], (messages.price * messages.direction)[by_order]
    after_end = np.concatenate([[False], kind[:-1] == DELETE])[: len(kind)] & ~opens
    moved = np.where(kind == EXECUTION, np.sign(key) != np.sign(own), key != own)
    kept = (left > 0) & (kind == DELETE) & (view is None)
    faults = (
        ("order id", (kind == NEW) & ~opens, "is entered although rows before touch it; keep one entry, before them"),
        ("order id", after_end, "is deleted before this row; look for a row that is wrong or missing"),
        ("price", moved, "is touched at another price or side than before; mend the row"),
        ("size", left < 0, "holds fewer shares than the rows up to here take out; look for a row that is wrong"),
        (
            "size",
            kept,
            "holds more shares than its deletion takes out; name a file of the best N levels _message_N.csv",
        ),
    )
    for column, faulty, what in faults:
        if faulty.any():
            place = int(by_order[faulty].min())
            raise messages.fault(place, column, f"order {messages.order[place]} {what}")


def seeded(orders: Orders, messages: Messages, first: Integers) -> Arrivals:
    """Return the arrivals after which the book holds, before the first message, what the book after it says.

    Of the older orders at a price those that are touched first are taken to be there, as far as its shares reach;
    the others arrive as they are touched. Shares that no older order accounts for are silent.

    Args:
        first: the book after the first message, (4 L,) as in an orderbook file.
    """
    shown, worst = {}, {}
    for sign, prices, sizes in ((-1, first[0::4], first[1::4]), (1, first[2::4], first[3::4])):
        levels = {sign * int(price): int(size) for price, size in zip(prices, sizes, strict=True) if size}
        worst[sign] = min(levels) if len(levels) == len(prices) else -EMPTY_PRICE
        shown.update(levels)
    key, shares = int(orders.key[0]), int(orders.shares[0])
    if shares and key >= worst[np.sign(key)]:
        shown[key] = shown.get(key, 0) - shares
        if shown[key] < 0:
            raise messages.fault(0, "size", "the first book holds fewer shares there; give the book after this message")
    arrivals = Arrivals(*(column.copy() for column in orders.arrivals))
    early = np.flatnonzero(arrivals.before == 0)
    for place in early[np.argsort(arrivals.touched[early], kind="stable")]:
        key, size = int(arrivals.key[place]), int(arrivals.size[place])
        if shown.get(key, 0) >= size:
            shown[key] -= size
        elif key >= worst[np.sign(key)]:
            arrivals.before[place] = arrivals.touched[place]
    more = np.array([(0, key, size, size, 0) for key, size in shown.items() if size], dtype=np.int64).reshape(-1, 5)
    return _sorted(Arrivals(*(np.concatenate(both) for both in zip(arrivals, more.T, strict=True))))
