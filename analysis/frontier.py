"""The efficient frontier: the least cost for every level of risk."""

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from optexec.analysis.comparison import baselines
from optexec.analysis.tradeoff import Tradeoff
from optexec.models.drawable import Drawable
from optexec.models.errors import InvalidInput
from optexec.models.json_values import json_value
from optexec.models.problem import Problem
from optexec.models.schedule import TINY, Schedule
from optexec.models.validation import Array, nonnegative
from optexec.solvers.batches import solve_many
from optexec.solvers.dispatch import solve
from optexec.solvers.evaluation import GAP

STRIDE = 12
"""Risk aversions from one that is solved from nothing to the next."""
SCHEMA = "optexec.frontier.v1"


@dataclass(frozen=True, eq=False)
class Frontier(Drawable):
    """Optimal schedules over a range of risk aversions, and what each of them costs and risks.

    Args:
        tradeoff: cost and variance of the problem's schedules.
        psi: risk aversions, dollars a share^2, rising, (K,).
        schedules: the optimal schedule at each of them.

    >>> import optexec as ox
    >>> problem = ox.Problem(ox.Order(300), ox.Power(a=1e-4, b=2.0), ox.objective("A"), buckets=3)
    >>> drawn = ox.frontier(problem, psi=[0, 1e-4, 1e-3], sigma=0.02)
    >>> drawn.frame[["psi", "risk_aversion", "cost", "standard_deviation"]].round(3).values.tolist()
    [[0.0, 0.0, 3.0, 4.472], [0.0, 0.125, 3.531, 3.077], [0.001, 1.25, 6.711, 0.884]]
    >>> drawn.baselines.loc["front_loaded", ["cost", "least_cost", "standard_deviation"]].round(3).tolist()
    [3.5, 3.464, 3.162]
    """

    tradeoff: Tradeoff
    psi: Array
    schedules: tuple[Schedule, ...]

    @property
    def risk_unit(self) -> str:
        """Unit of the standard deviation: "dollars" where volatilities were given, else "shares"."""
        return "shares" if self.tradeoff.mean_variance is None else "dollars"

    @cached_property
    def frame(self) -> pd.DataFrame:
        """One row a risk aversion: psi (dollars a share^2), cost (dollars), variance, standard_deviation, least_cost.

        With volatilities the standard deviation is in dollars, and risk_aversion is lambda = psi / (2 mean sigma_i^2),
        per dollar, that of Almgren and Chriss; without, the standard deviation is in shares. least_cost is `least_cost`
        at that variance; objective, lower_bound and gap are those of cost + psi/2 sum w_i R_i^2.
        """
        table = self._places(self.schedules)
        table.insert(0, "psi", self.psi)
        if self.risk_unit == "dollars":
            table.insert(1, "risk_aversion", self.psi / (2 * self.tradeoff.unit))
        proofs = [(s.objective, s.lower_bound, s.gap, s.method, s.status) for s in self.schedules]
        return table.join(pd.DataFrame(proofs, columns=["objective", "lower_bound", "gap", "method", "status"]))

    @cached_property
    def baselines(self) -> pd.DataFrame:
        """One row a baseline that applies, by name: cost, variance, standard_deviation and least_cost as in `frame`.

        A baseline wastes at most its cost less its least_cost.
        """
        found = baselines(self.tradeoff.costs)
        return self._places(found.values()).set_axis(pd.Index(found, name="schedule"))

    def _places(self, schedules: Iterable[Schedule]) -> pd.DataFrame:
        """Where schedules stand in the plane of cost and risk."""
        places = [(self.tradeoff.cost(s.x), self.tradeoff.variance(s.x)) for s in schedules]
        table = pd.DataFrame(places, columns=["cost", "variance"])
        least = self.least_cost(table["variance"])
        return table.assign(standard_deviation=np.sqrt(table["variance"]), least_cost=least)

    def least_cost(self, variance: Any) -> Array:
        """Dollars that no schedule of at most this variance can undercut.

        Args:
            variance: in the unit of the frame, an array of any shape.

        Returns:
            max_k (bound_k - psi_k/2 variance), the highest of the lines below which nothing lies, of the same shape.

        >>> import optexec as ox
        >>> problem = ox.Problem(ox.Order(300), ox.Power(a=1e-4, b=2.0), ox.objective("A"), buckets=3)
        >>> ox.frontier(problem).least_cost([50_000, 20_000]).round(2).tolist()
        [3.0, 3.74]
        """
        bounds = np.array([schedule.lower_bound for schedule in self.schedules])
        charges = np.multiply.outer(np.asarray(variance, dtype=float), self.psi / (2 * self.tradeoff.unit))
        return np.asarray((bounds - charges).max(axis=-1))

    def to_csv(self, path: str | Path) -> None:
        """Write the frame to a file."""
        self.frame.to_csv(path, index=False, lineterminator="\n")

    def to_json(self) -> str:
        """Points and baselines as one JSON object (schema optexec.frontier.v1); an unknown bound is null."""
        return json.dumps(
            {
                "schema": SCHEMA,
                "risk_unit": self.risk_unit,
                "points": json_value(self.frame.to_dict("records")),
                "baselines": json_value(self.baselines.reset_index().to_dict("records")),
            }
        )

    def __repr__(self) -> str:
        cost, deviation = self.frame["cost"], self.frame["standard_deviation"]
        return (
            f"<Frontier: {len(self.psi)} points, cost {cost.iloc[0]:,.6g} to {cost.iloc[-1]:,.6g} dollars, "
            f"standard deviation {deviation.iloc[0]:,.6g} to {deviation.iloc[-1]:,.6g} {self.risk_unit}>"
        )


def frontier(
    problem: Problem,
    points: int = 50,
    psi: Sequence[float] | None = None,
    sigma: Any = None,
    method: str = "auto",
    gap: float = GAP,
    time_limit: float = 60.0,
) -> Frontier:
    """The efficient frontier of a problem: minimise cost + psi/2 sum_{i<N} w_i R_i^2 for rising psi.

    The cost is the objective without inventory risk. For convex problems it falls and is convex as the variance
    rises. Convex problems are solved together, as the rows of one array (see `solve_many`), and most of them from a
    start between two that are solved; whole lots and curves of other shapes one at a time, and there the frontier is
    the part that a psi can reach, its convex hull.

    Args:
        problem: any declaration. Its psi, if it has one, does not matter; its weights w are those of the risk,
            uniform without.
        points: risk aversions, the first 0, the others evenly spaced in their logarithm from nearly risk-neutral to
            nearly immediate (see `Tradeoff.grid`); one is left where the cheapest schedule is the fastest.
        psi: risk aversions of your own, dollars a share^2, >= 0, in place of these.
        sigma: volatility of the price while R_i is held, dollars a share, scalar or (N,); a night between two buckets
            is part of the earlier one's. The variance is then sum_{i<N} sigma_i^2 R_i^2 dollars^2, the weights are
            `volatility_weights(sigma)`, and psi = 2 lambda mean(sigma_i^2): Almgren and Chriss's 2 lambda sigma^2 tau.
        method, gap, time_limit: as in `solve`, for each point.

    Raises:
        InvalidInput: fewer than two points, values that are out of range, an objective that is risk alone.
        InfeasibleOrder, SolverFailure: as `solve`.

    Source: Almgren and Chriss (2001), section 2.

    >>> import optexec as ox
    >>> problem = ox.Problem(ox.Order(300), ox.Power(a=1e-4, b=2.0), ox.objective("A"), buckets=3)
    >>> frontier(problem)
    <Frontier: 50 points, cost 3 to 8.98504 dollars, standard deviation 223.607 to 0.249584 shares>
    """
    tradeoff = Tradeoff.of(problem, sigma)
    if psi is not None:
        levels = np.unique(np.atleast_1d(nonnegative("psi", psi)))
        return Frontier(tradeoff, levels, _optima(tradeoff, levels, method, gap, time_limit))
    if isinstance(points, bool) or not isinstance(points, (int, np.integer)) or points < 2:
        raise InvalidInput(f"points must be a whole number, at least 2, got {points!r:.80}")
    neutral = solve(tradeoff.costs, method, gap, time_limit)
    levels = tradeoff.grid(neutral.x, int(points) - 1)
    averse = _optima(tradeoff, levels, method, gap, time_limit)
    return Frontier(tradeoff, np.append(0.0, levels), (neutral, *averse))


def _optima(tradeoff: Tradeoff, levels: Array, method: str, gap: float, time_limit: float) -> tuple[Schedule, ...]:
    """Optima at rising psi: those at every `STRIDE`-th first, the others from starts between these."""
    problems = np.array([tradeoff.at(psi) for psi in levels.tolist()], dtype=object)
    first = np.zeros(len(levels), dtype=bool)
    first[::STRIDE] = first[-1:] = True
    found = np.empty(len(levels), dtype=object)
    found[first] = solve_many(problems[first], method, gap, time_limit)
    starts = _between(levels, first, [schedule.x for schedule in found[first]])
    found[~first] = solve_many(problems[~first], method, gap, time_limit, starts)
    return tuple(found)


def _between(levels: Array, known: NDArray[np.bool_], shares: list[Array]) -> list[Array]:
    """Shares at the levels that are not known, between those of their neighbours: geometrically where both trade."""
    at = np.log(np.maximum(levels, TINY))
    above = np.searchsorted(at[known], at[~known])
    low, high = np.array(shares)[above - 1], np.array(shares)[above]
    part = ((at[~known] - at[known][above - 1]) / (at[known][above] - at[known][above - 1]))[:, None]
    both = (low > 0) & (high > 0)
    even = low + part * (high - low)
    return list(np.where(both, low ** np.where(both, 1 - part, 0.0) * high ** np.where(both, part, 0.0), even))
