"""Re-planning while forecasts of curves or of volume change, against holding the morning's plan, on simulated days.

python -m benchmarks.changed_forecasts [DAYS]
"""

import sys
from dataclasses import dataclass

import numpy as np
import pandas as pd

import optexec as ox
from optexec.analysis.price_paths import Arithmetic, Draws, Stream, autoregression
from optexec.analysis.replanning import Replan, SoFar
from optexec.analysis.simulation import Follow, Market, simulate
from optexec.models.validation import Array

BUCKETS, SHARES = 26, 100_000.0
OBJECTIVES = {
    "A": ox.objective("A"),
    "B": ox.objective("B", rho=2e-7),
    "C": ox.objective("C", psi=2e-8, weights="linear"),
}
PERSISTENCES = (0.0, 0.9, 0.99)
WINDOWS = (None, 6)
DISPERSIONS = (0.3, 0.6)
UNFILLED = 0.05


@dataclass(frozen=True)
class Liquidity:
    """How dear the day's buckets are: the curve of bucket i costs e^(s_i) / E e^(s_i) times what was declared.

    s is a stationary autoregression, s_i = persistence s_{i-1} + noise. Before bucket i trades s_i is seen, and the
    curve of bucket i + h is forecast by its mean given s_i. The declared curves are the means before the day begins.

    Args:
        deviation: standard deviation of s.
        persistence: of s from one bucket to the next, in [0, 1).
    """

    deviation: float
    persistence: float

    def draw(self, days: int, seed: int) -> Array:
        """s of every bucket, (days, N)."""
        noise = self.deviation * np.random.default_rng(seed).standard_normal((days, BUCKETS))
        return autoregression(noise, self.persistence)

    def expected(self, state: float, ahead: Array) -> Array:
        """Factors of the curves `ahead` buckets later, given the state now; with ahead = 0 the true one."""
        known = self.persistence**ahead
        return np.exp(known * state - (known * self.deviation) ** 2 / 2)


def day(name: str) -> ox.Problem:
    """The declared day: a power law whose scale is U-shaped over the buckets, under a cap."""
    hours = np.linspace(-1, 1, BUCKETS)
    return ox.Problem(
        ox.Order(SHARES, price=50.0),
        ox.Power(1e-4 * (1.5 - hours**2), 0.6, quoted="per_share"),
        OBJECTIVES[name],
        ox.Limits(maximum=SHARES / 6),
    )


def realised(problem: ox.Problem, factors: Array, shares: Array) -> float:
    """Objective in dollars on the curves that came."""
    return problem.replace(impact=_scaled(problem, slice(None), factors)).objective(shares)


def replanned(problem: ox.Problem, liquidity: Liquidity, states: Array, window: int | None) -> Array:
    """Shares of each day, (days, N), planned anew before every bucket from what is seen and what remains."""
    planner, shares = ox.Replanner(problem, window), np.zeros(states.shape)
    for i in range(BUCKETS):
        ahead = planner.window_at(i)
        span = slice(i, i + ahead.length)
        left = problem.shares - shares[:, :i].sum(axis=1)
        open_ = left > 1e-9 * problem.shares
        outlooks = [
            ox.Outlook(_scaled(problem, span, liquidity.expected(state, np.arange(ahead.length))))
            for state in states[open_, i]
        ]
        problems = [ahead.expecting(o).declaration(r) for o, r in zip(outlooks, left[open_], strict=True)]
        shares[open_, i] = [schedule.x[0] for schedule in ox.solve_many(problems)]
    return shares


def compared(name: str, persistence: float, window: int | None, days: int = 500, seed: int = 1) -> pd.Series:
    """Mean cost of holding the plan, what re-planning saves (dollars a day), and the standard error of that."""
    problem, liquidity = day(name), Liquidity(deviation=0.4, persistence=persistence)
    states = liquidity.draw(days, seed)
    held, moved = ox.solve(problem).x, replanned(problem, liquidity, states, window)
    factors = liquidity.expected(states, np.zeros(1))
    costs = np.array([[realised(problem, f, x) for x in (held, y)] for f, y in zip(factors, moved, strict=True)])
    return _summary(*costs.T)


class WholeDays(Market):
    """A market in which all buckets of a day are as busy: a lognormal level of the day, and a tenth of it by bucket."""

    def volumes(self, draws: Draws) -> Array:
        normals, spread = draws.normals(Stream.VOLUME), np.array([[self.dispersion], [self.dispersion / 10]])
        logs = spread[0] * normals[:, :1] + spread[1] * normals
        return np.asarray(self.problem.limits.volume * np.exp(logs - (spread**2).sum() / 2))


def busier(name: str, dispersion: float, days: int, seed: int = 1) -> pd.Series:
    """As `compared` for volumes: caps bind on those that come, and re-planning expects more of the same.

    What the caps leave at the end of the day costs `UNFILLED` dollars a share, more than trading them would.
    """
    problem = day(name)
    volume = 8 * SHARES * (0.6 + np.linspace(-1, 1, BUCKETS) ** 2) / BUCKETS
    order = ox.Order(SHARES, price=50.0, must_complete=False, unfilled_cost=UNFILLED)
    capped = problem.replace(order=order, limits=ox.Limits(participation=0.2, volume=volume))
    market = WholeDays(capped, Arithmetic(0.0), dispersion=dispersion)
    held, moved = (
        np.array([capped.objective(x) for x in simulate(policy, market, days, seed).shares])
        for policy in (Follow(ox.solve(capped), 0.2), Replan(ox.Replanner(capped), SoFar(volume)))
    )
    return _summary(held, moved)


def _summary(held: Array, moved: Array) -> pd.Series:
    saved = held - moved
    return pd.Series(
        {
            "held": held.mean(),
            "saved": saved.mean(),
            "standard_error": saved.std(ddof=1) / np.sqrt(len(saved)),
            "saved_percent": 100 * saved.mean() / held.mean(),
        }
    )


def _scaled(problem: ox.Problem, span: slice, factors: Array) -> ox.Power:
    curves: ox.Power = problem.impact  # type: ignore[assignment]
    return ox.Power(np.asarray(curves.a)[span] * factors, curves.b, quoted="per_share")


def curves_table(days: int) -> pd.DataFrame:
    """A row for each objective, persistence and window."""
    rows = {
        (name, persistence, "all" if window is None else window): compared(name, persistence, window, days)
        for name in OBJECTIVES
        for persistence in PERSISTENCES
        for window in WINDOWS
    }
    return pd.DataFrame(rows).T.rename_axis(["objective", "persistence", "window"])


def volumes_table(days: int) -> pd.DataFrame:
    """A row for each objective and dispersion of the day's volume."""
    rows = {(name, dispersion): busier(name, dispersion, days) for name in OBJECTIVES for dispersion in DISPERSIONS}
    return pd.DataFrame(rows).T.rename_axis(["objective", "dispersion"])


if __name__ == "__main__":
    number = int(sys.argv[1]) if len(sys.argv) > 1 else 500
    for made in (volumes_table, curves_table):
        print(made(number).round(2).to_string())
