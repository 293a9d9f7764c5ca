"""Planned on one day's volume, traded on the next day's: slippage against VWAP on real minute bars.

python -m benchmarks.minute_bars FOLDER
"""

import sys
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import numpy as np
import pandas as pd

import optexec as ox
from optexec.analysis.cost_analysis import CostAnalysis, Quote, aggregate, analyse
from optexec.analysis.replanning import Replan, SoFar
from optexec.analysis.simulation import Follow, Observed, Policy
from optexec.data.minute_bars import read_minute_bars
from optexec.models.athl import EquityImpact
from optexec.models.validation import Array

MINUTES = 5
"""Length of a bucket."""
SIZE, PARTICIPATION = 0.05, 0.10
"""Order as a fraction of the volume of the day before, and most of a bucket's volume that it may be."""
RISK_AVERSION = 1e-7
"""Per dollar."""
WINDOW = 12
"""Buckets of a window, an hour."""
RULES = ("priced", "quota", "free")


def bucketed(bars: pd.DataFrame) -> pd.DataFrame:
    """Bars of `MINUTES` minutes by their start: volume, vwap, and the mid at the start of the bucket, dollars."""
    value, mid = (bars["volume"] * bars["vwap"]).fillna(0.0), (bars["bid"] + bars["ask"]) / 2
    group = np.arange(len(bars)) // MINUTES
    sums = pd.DataFrame({"volume": bars["volume"], "value": value}).groupby(group).sum()
    table = pd.DataFrame({"volume": sums["volume"], "vwap": sums["value"] / sums["volume"]})
    table["mid"] = mid.shift(1).bfill().groupby(group).first()
    return table.set_index(bars.index[::MINUTES])


def planned(yesterday: pd.DataFrame) -> ox.Problem:
    """(C) for a buy order, with volumes, volatility and last mid as they were the day before.

    Temporary impact is that of Almgren, Thum, Hauptmann and Li (2005); permanent impact, which no schedule changes, is
    left out, and with it the shares outstanding.
    """
    price, volume = float(yesterday["mid"].iloc[-1]), yesterday["volume"].to_numpy()
    returns = np.diff(np.log(yesterday["mid"]))
    daily = float(np.sqrt(len(yesterday) * np.mean(returns**2)))
    impact = EquityImpact(daily, volume.sum(), outstanding=volume.sum()).impact(volume, price)
    risk = ox.PriceRisk.from_volatility(np.full(len(volume), daily / np.sqrt(len(volume))), price)
    return ox.Problem(
        ox.Order(np.floor(SIZE * volume.sum()), price=price),
        impact,
        ox.ImpactCost() + risk.inventory_risk(RISK_AVERSION),
        ox.Limits(participation=PARTICIPATION, volume=volume),
        buckets=yesterday.index,
    )


def policies(problem: ox.Problem) -> dict[str, Policy]:
    """What is compared, by name; all of them keep the participation of the volume that prints."""
    expected = SoFar(np.asarray(problem.limits.volume))
    followed: dict[str, Policy] = {
        name: Follow(ox.solve(problem, name), participation=PARTICIPATION) for name in ("twap", "vwap")
    }
    replanned = {
        f"C {rule}": Replan(ox.Replanner(problem, WINDOW, rule), expected)
        for rule in RULES  # the last window of each has all that remains
    }
    return followed | {"pov": pov} | replanned


def pov(i: int, remaining: Array, seen: Observed) -> Array:
    """The permitted share of the volume that prints, until the order is done."""
    return PARTICIPATION * np.asarray(seen.volumes)[:, i]


def traded(policy: Policy, shares: float, volume: Array) -> Array:
    """Shares of each bucket on a day of this volume, (N,); what the last bucket leaves stays unfilled."""
    filled = np.zeros((1, len(volume)))
    for i in range(len(volume)):
        left = np.array([max(shares - filled.sum(), 0.0)])
        seen = Observed(np.ones((1, i + 1)), volume[None, : i + 1], filled[:, :i])
        filled[:, i] = np.minimum(policy(i, left, seen), left)
    return filled[0]


def analysed(shares: float, filled: Array, today: pd.DataFrame) -> CostAnalysis:
    """The day's costs, each fill at the VWAP of its bucket."""
    market = today.reset_index().rename(columns={"vwap": "price"})
    fills = market.assign(shares=filled)[filled > 0]
    start, end = (Quote(time, float(today["mid"].iloc[k])) for k, time in ((0, today.index[0]), (-1, "16:00:00")))
    end = end._replace(time=pd.Timedelta(end.time))
    return analyse(fills, ox.Order(shares), start, start, end, market)


def days(folder: Path) -> dict[str, list[pd.DataFrame]]:
    """The days of each name in order, in buckets."""
    found: dict[str, list[pd.DataFrame]] = {}
    for path in sorted(folder.glob("*_1min.csv")):
        found.setdefault(path.name.split("_")[0], []).append(bucketed(read_minute_bars(path)))
    return found


def analyses(folder: Path) -> Iterator[tuple[str, CostAnalysis]]:
    """Policy and costs of every pair of days."""
    for history in days(folder).values():
        for yesterday, today in pairwise(history):
            problem = planned(yesterday)
            for name, policy in policies(problem).items():
                filled = traded(policy, problem.shares, today["volume"].to_numpy())
                yield name, analysed(problem.shares, filled, today)


def table(folder: Path) -> pd.DataFrame:
    """One row a policy, over all orders: slippage against VWAP in bps and how far it misses either way, fill rate."""
    costs: dict[str, list[CostAnalysis]] = {}
    for name, cost in analyses(folder):
        costs.setdefault(name, []).append(cost)
    rows = {}
    for name, orders in costs.items():
        each = np.array([order.frame.loc["vs_vwap", "bps"] for order in orders])
        total = aggregate(orders).loc["vs_vwap"]
        rows[name] = {
            "vs_vwap": total["bps"],
            "mean": each.mean(),
            "standard_error": each.std(ddof=1) / np.sqrt(len(each)),
            "mean_absolute": np.abs(each).mean(),
            "fill_rate": total["fill_rate"],
            "orders": len(each),
        }
    return pd.DataFrame.from_dict(rows, orient="index").rename_axis("policy")


if __name__ == "__main__":
    print(table(Path(sys.argv[1])).round(2).to_string())
