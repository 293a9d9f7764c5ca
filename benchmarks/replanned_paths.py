"""How long it takes to plan a day anew in every bucket of many random days.

python -m benchmarks.replanned_paths [PATHS]
"""

import sys
import time

import numpy as np
import pandas as pd

import optexec as ox
from benchmarks.timing import use_one_core
from optexec.analysis.price_paths import Arithmetic
from optexec.analysis.replanning import Replan, SoFar
from optexec.analysis.simulation import Market, simulate

BUCKETS = 26
VOLUME = 100_000 * (1 + 2 * np.linspace(-1, 1, BUCKETS) ** 2)
RISK = ox.PriceRisk.from_volatility(np.full(BUCKETS, 0.002), price=50.0)
OBJECTIVES = {"A": ox.objective("A"), "C": ox.ImpactCost() + RISK.inventory_risk(2e-6)}


def seconds(name: str, updated: bool, paths: int) -> float:
    """Processor time of a simulation with partial fills and random volumes: no two paths are in one state."""
    impact = ox.Linear(0.01) + ox.Power(np.full(BUCKETS, 2e-4), 0.6, quoted="per_share")
    limits = ox.Limits(participation=0.1, volume=VOLUME)
    problem = ox.Problem(ox.Order(100_000, price=50.0), impact, OBJECTIVES[name], limits)
    policy = Replan(ox.Replanner(problem), SoFar(VOLUME) if updated else None)
    market = Market(problem, Arithmetic(RISK.sigma), dispersion=0.4, least_fill=0.5)
    simulate(policy, market, paths=10)
    began = time.process_time()
    simulate(policy, market, paths)
    return time.process_time() - began


def table(paths: int) -> pd.DataFrame:
    """Seconds by objective, with the volumes of the morning and with volumes by the ratio so far."""
    rows = {name: {"morning": seconds(name, False, paths), "so far": seconds(name, True, paths)} for name in OBJECTIVES}
    return pd.DataFrame.from_dict(rows, orient="index").rename_axis("objective")


if __name__ == "__main__":
    use_one_core()
    print(table(int(sys.argv[1]) if len(sys.argv) > 1 else 1_000).round(2).to_string())
