"""What an order cost that has been traded: implementation shortfall by its parts, and slippage against benchmarks.

Costs are in dollars, positive when worse, for buys and sells alike.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import timedelta
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from optexec.models.drawable import Drawable
from optexec.models.errors import InvalidInput
from optexec.models.order import Order
from optexec.models.validation import Array, nonnegative, positive, positive_number, scalar

COLUMNS = ("time", "shares", "price")
PRINTS = ("time", "volume", "price")
OVERFILL = 1e-9
"""Fraction of the order by which fills may exceed it by rounding."""


class Quote(NamedTuple):
    """The mid at a time.

    Fields:
        time: a time with a zone, such as "2025-01-15T09:30:00-05:00", or a Timedelta since midnight.
        price: dollars.

    >>> Quote("2025-01-15T09:30:00-05:00", 50.05).price
    50.05
    """

    time: Any
    price: float


@dataclass(frozen=True, eq=False)
class CostAnalysis(Drawable):
    """An order's costs; made by `analyse`.

    Args:
        order: the order.
        filled: shares filled.
        paid: dollars of the fills, sum q p.
        parts: dollars by part: delay, execution, opportunity, fees.
        shortfall: paper minus real, dollars, computed from the account and not from the parts.
        decision: price at the decision, dollars; its notional is that of the paper.
        benchmarks: price of each benchmark, dollars, by name; NaN where it is not known.
    """

    order: Order
    filled: float
    paid: float
    parts: dict[str, float]
    shortfall: float
    decision: float
    benchmarks: dict[str, float]

    @property
    def average_price(self) -> float:
        """Dollars a share of the fills; NaN without any."""
        return self.paid / self.filled if self.filled else float("nan")

    @property
    def fill_rate(self) -> float:
        """Shares filled as a fraction of the order."""
        return self.filled / self.order.shares

    @property
    def bps(self) -> float:
        """Shortfall in basis points of the paper's notional, order times decision price."""
        return 1e4 * self.shortfall / (self.order.shares * self.decision)

    @cached_property
    def frame(self) -> pd.DataFrame:
        """One row a cost: the shortfall, its parts, then the fills against each benchmark.

        Columns: cost (dollars), notional (dollars), bps = 1e4 cost/notional, and fill_rate. The notional of the
        shortfall and its parts is the paper's, order times decision price; that of a benchmark is the shares filled
        times its price. A benchmark that is not known has no row.
        """
        paper = self.order.shares * self.decision
        rows = {name: (cost, paper) for name, cost in {"shortfall": self.shortfall, **self.parts}.items()}
        for name, price in self.benchmarks.items():
            if np.isfinite(price):
                notional = self.filled * price
                rows[f"vs_{name}"] = (direction(self.order) * (self.paid - notional), notional)
        return _rates(pd.DataFrame.from_dict(rows, orient="index", columns=["cost", "notional"]), self.fill_rate)

    def __repr__(self) -> str:
        return (
            f"<CostAnalysis: {self.filled:,.10g} of {self.order.shares:,.10g} shares, "
            f"shortfall {self.shortfall:,.6g} dollars, {self.bps:.4g} bps>"
        )


def direction(order: Order) -> float:
    """1 for a buy order, -1 for a sell order: a higher price costs the one and gains the other.

    >>> direction(Order(100, side="sell"))
    -1.0
    """
    return 1.0 if order.side == "buy" else -1.0


def analyse(
    fills: Any, order: Order, decision: Quote, arrival: Quote, end: Quote, market: Any = None, fees: float = 0.0
) -> CostAnalysis:
    """Implementation shortfall of an order by its parts, and its slippage against benchmarks.

    With s = 1 to buy and -1 to sell, X shares ordered, fills q_k at p_k, f = sum q_k, and the prices P_d at the
    decision, P_a at arrival and P_e at the end:

        shortfall    s (sum q_k p_k + (X - f) P_e - X P_d) + fees      paper minus real
        delay        s X (P_a - P_d)             on the whole order, filled or not: all of it waited
        execution    s sum q_k (p_k - P_a)       spread, impact and timing of the fills
        opportunity  s (X - f) (P_e - P_a)       on what was never filled
        fees

    The parts add up to the shortfall. Benchmarks are the prices at arrival and at the end (`close`), and with a
    market those of `twap`, each price weighted by the time until the next; `vwap`, of all prints, own ones inside; and
    `vwap_others`, of those that are left when the fills are taken out.

    Args:
        fills: a table with the columns time, shares and price, or rows of these three; may be empty.
        order: X and the side.
        decision, arrival: when the order was decided on and when it reached the market; often not the same.
        end: when it was done or given up. Fills and prints are those with arrival <= time < end.
        market: prints or bars by the start of the bar, own ones inside: a table or rows of time, volume (shares)
            and price (dollars); those outside the window are left out. None if not known.
        fees: dollars for the whole order, >= 0.

    Raises:
        InvalidInput: times without a zone, of two kinds or in the wrong order; shares or prices that are not
            positive; fills beyond the order or outside the window; a market without prints in it, or with less volume
            than the fills.

    Source: Perold (1988), "The implementation shortfall: paper versus reality", J. Portfolio Management 14(3); Wagner
    and Edwards (1993), "Best execution", Financial Analysts Journal 49(1), for the parts; Kissell (2013), "The Science
    of Algorithmic Trading and Portfolio Management", ch. 3, expanded implementation shortfall.

    >>> at = lambda minute, price: Quote(f"2025-01-15T09:{minute}:00-05:00", price)
    >>> fills = [(at(32, 0).time, 600, 50.10), (at(40, 0).time, 200, 50.20)]
    >>> done = analyse(fills, Order(1_000), decision=at(30, 50.0), arrival=at(31, 50.05), end=at(50, 50.4), fees=4.0)
    >>> {name: round(cost, 6) for name, cost in done.parts.items()}
    {'delay': 50.0, 'execution': 60.0, 'opportunity': 70.0, 'fees': 4.0}
    >>> done
    <CostAnalysis: 800 of 1,000 shares, shortfall 184 dollars, 36.8 bps>
    """
    zero = _moment("decision.time", decision.time)
    window = _window(zero, arrival, end)
    prices = {"decision": decision.price, "arrival": arrival.price, "end": end.price}
    decided, arrived, ended = (positive_number(f"{name}.price", price) for name, price in prices.items())
    table = _table("fills", fills, COLUMNS)
    filled, paid = _filled(table, order, zero, window)
    sign, unfilled = direction(order), order.shares - filled
    charged = scalar(nonnegative, "fees", fees)
    parts = {
        "delay": sign * order.shares * (arrived - decided),
        "execution": sign * (paid - filled * arrived),
        "opportunity": sign * unfilled * (ended - arrived),
        "fees": charged,
    }
    shortfall = sign * (paid + unfilled * ended - order.shares * decided) + charged
    benchmarks = {"arrival": arrived, "close": ended}
    if market is not None:
        benchmarks |= _averages(_table("market", market, PRINTS), zero, window, arrived, (filled, paid))
    return CostAnalysis(order, filled, paid, parts, shortfall, decided, benchmarks)


def aggregate(analyses: Iterable[CostAnalysis]) -> pd.DataFrame:
    """The costs of many orders together: every rate is a ratio of sums, so that a large order counts for its size.

    Args:
        analyses: what `analyse` gave for each of them.

    Returns:
        The rows and columns of `CostAnalysis.frame` with sums of cost and notional, bps = 1e4 sum cost / sum notional,
        fill_rate = filled notional / ordered notional at the decision prices, and orders, how many have such a row.

    Raises:
        InvalidInput: no orders.

    >>> at = lambda minute, price: Quote(f"2025-01-15T09:{minute}:00-05:00", price)
    >>> times = dict(decision=at(30, 50.0), arrival=at(30, 50.0), end=at(50, 50.0))
    >>> large = analyse([(at(31, 0).time, 900, 50.1)], Order(900), **times)
    >>> small = analyse([(at(31, 0).time, 50, 51.0)], Order(100), **times)
    >>> aggregate([large, small]).loc["vs_arrival", ["bps", "fill_rate", "orders"]].round(4).tolist()
    [29.4737, 0.95, 2.0]
    """
    frames = [a.frame.assign(ordered=a.order.shares * a.decision) for a in analyses]
    if not frames:
        raise InvalidInput("there are no orders to add up; give at least one analysis")
    rows = pd.concat(frames)
    rows["done"] = rows["fill_rate"] * rows["ordered"]
    groups = rows.groupby(level=0, sort=False)
    total = groups[["cost", "notional", "ordered", "done"]].sum()
    return _rates(total[["cost", "notional"]], total["done"] / total["ordered"]).assign(orders=groups.size())


def _rates(table: pd.DataFrame, fill_rate: Any) -> pd.DataFrame:
    return table.assign(bps=1e4 * table["cost"] / table["notional"], fill_rate=fill_rate).rename_axis("cost_of")


def _moment(name: str, value: Any) -> Any:
    """A Timestamp with a zone, or a Timedelta since midnight."""
    moment: Any
    try:
        moment = pd.Timedelta(value) if isinstance(value, (timedelta, np.timedelta64)) else pd.Timestamp(value)
    except (TypeError, ValueError):
        moment = pd.NaT
    if moment is pd.NaT or (isinstance(moment, pd.Timestamp) and moment.tz is None):
        raise InvalidInput(
            f"{name} must be a time with a zone, such as 2025-01-15T09:30:00-05:00, or a Timedelta since midnight, "
            f"got {value!r:.80}"
        )
    return moment


def _seconds(name: str, value: Any, zero: Any) -> float:
    """Seconds after the decision."""
    moment = _moment(name, value)
    if isinstance(moment, pd.Timedelta) != isinstance(zero, pd.Timedelta):
        raise InvalidInput(f"{name} is {moment} where decision.time is {zero}; give both with a zone or both without")
    return float((moment - zero).total_seconds())


def _window(zero: Any, arrival: Quote, end: Quote) -> tuple[float, float]:
    """Arrival and end, seconds after the decision."""
    start, stop = _seconds("arrival.time", arrival.time, zero), _seconds("end.time", end.time, zero)
    if not 0 <= start < stop:
        early, late = ("arrival.time", "decision.time") if start < 0 else ("end.time", "arrival.time")
        raise InvalidInput(f"{early} must be {'at or ' if start < 0 else ''}after {late}; check the two times")
    return start, stop


def _table(name: str, rows: Any, columns: tuple[str, ...]) -> pd.DataFrame:
    """The columns of a table, or of rows of as many values."""
    if not isinstance(rows, pd.DataFrame):
        try:
            rows = pd.DataFrame(list(rows), columns=list(columns))
        except (TypeError, ValueError):
            raise InvalidInput(f"{name} must be a table or rows of {', '.join(columns)}, got {rows!r:.80}") from None
    table = rows.reset_index() if rows.index.name == "time" else rows
    for column in columns:
        if column not in table:
            raise InvalidInput(f"{name} has no column {column!r}; it needs {', '.join(columns)}")
    return table


def _after(name: str, table: pd.DataFrame, zero: Any) -> Array:
    return np.array([_seconds(f"{name}.time[{row}]", time, zero) for row, time in enumerate(table["time"])])


def _filled(table: pd.DataFrame, order: Order, zero: Any, window: tuple[float, float]) -> tuple[float, float]:
    """Shares and dollars of the fills, once they are seen to be the order's."""
    if not len(table):
        return 0.0, 0.0
    shares, price = (np.asarray(positive(f"fills.{name}", table[name])) for name in ("shares", "price"))
    times, filled = _after("fills", table, zero), float(shares.sum())
    outside = np.flatnonzero((times < window[0]) | (times >= window[1]))
    if outside.size:
        k = outside[0]
        raise InvalidInput(
            f"fills.time[{k}] is {table['time'].iloc[k]}, outside the window arrival <= time < end; widen the window"
        )
    if filled > order.shares * (1 + OVERFILL):
        raise InvalidInput(f"the fills add up to {filled:,.10g} shares, more than the order's {order.shares:,.10g}")
    return filled, float(shares @ price)


def _averages(
    table: pd.DataFrame, zero: Any, window: tuple[float, float], arrived: float, own: tuple[float, float]
) -> dict[str, float]:
    """Prices of twap, vwap and vwap_others over the window; `own` are shares and dollars of the fills."""
    times = _after("market", table, zero)
    inside = np.flatnonzero((times >= window[0]) & (times < window[1]))
    if not inside.size:
        raise InvalidInput("the market has no prints from arrival to before the end; check its times")
    inside = inside[np.argsort(times[inside], kind="stable")]
    price = np.asarray(positive("market.price", table["price"]))[inside]
    volume = np.asarray(nonnegative("market.volume", table["volume"]))[inside]
    (filled, paid), traded, value = own, float(volume.sum()), float(volume @ price)
    if traded < filled or not traded:
        raise InvalidInput(
            f"the market's volume in the window is {traded:,.10g} shares, the fills are {filled:,.10g}; "
            "own prints must be inside the market's volume"
        )
    lasting = np.diff(np.concatenate([[window[0]], times[inside], [window[1]]]))
    twap = float(lasting @ np.append(arrived, price)) / (window[1] - window[0])
    others = (value - paid) / (traded - filled) if traded > filled else float("nan")
    return {"twap": twap, "vwap": value / traded, "vwap_others": others}
