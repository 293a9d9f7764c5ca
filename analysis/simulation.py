"""What a schedule or a policy costs on many random days: its shortfall, path by path."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd

from optexec.analysis.cost_analysis import direction
from optexec.analysis.price_paths import Draws, PriceModel, Stream
from optexec.models.almgren_chriss import linear_permanent
from optexec.models.drawable import Drawable
from optexec.models.errors import InvalidInput, unknown_name
from optexec.models.problem import LARGEST, Problem
from optexec.models.schedule import Schedule
from optexec.models.validation import Array, finite, nonnegative, scalar

QUANTILES = (0.05, 0.5, 0.95)
RULES = ("complete", "open")
"""What the last bucket does with the shares that remain."""


@dataclass(frozen=True, eq=False)
class Observed:
    """What a policy sees at bucket i = 0..N-1, on all K paths.

    Args:
        mids: mid at the start of each bucket up to this one, own permanent impact in it, dollars, (K, i+1).
        volumes: volume of each bucket up to this one, (K, i+1), the last as it prints, for caps on participation;
            None without volumes.
        filled: shares filled in each bucket before this one, (K, i).
    """

    mids: Array
    volumes: Array | None
    filled: Array


Policy = Callable[[int, Array, Observed], Array]
"""(bucket i from 0, shares that remain (K,), what is observed) -> shares to trade in it, (K,)."""


@dataclass(frozen=True, eq=False)
class Follow:
    """The policy that keeps to a schedule: each bucket trades what brings the inventory down to the schedule's.

    What was not filled is so carried into the next bucket.

    Args:
        schedule: the schedule.
        participation: most shares of a bucket as a fraction of its volume on the path, in (0, 1]; None for no cap.

    Raises:
        InvalidInput: a participation out of range.

    >>> import optexec as ox
    >>> schedule = ox.solve(ox.Problem(ox.Order(300), ox.Linear(0.01), ox.objective("A"), buckets=3), "twap")
    >>> remaining, seen = np.array([200.0, 260.0]), Observed(np.ones((2, 2)), None, np.ones((2, 1)))
    >>> Follow(schedule)(1, remaining, seen).tolist()
    [100.0, 160.0]
    """

    schedule: Schedule
    participation: float | None = None

    def __post_init__(self) -> None:
        if self.participation is not None and not 0 < scalar(finite, "participation", self.participation) <= 1:
            raise InvalidInput(f"participation must be a fraction in (0, 1], got {self.participation!r}")

    @cached_property
    def _held(self) -> Array:
        return self.schedule.inventory.to_numpy()

    def __call__(self, i: int, remaining: Array, seen: Observed) -> Array:
        wanted = np.maximum(remaining - self._held[i], 0.0)
        if self.participation is None:
            return wanted
        if seen.volumes is None:
            raise InvalidInput("participation needs a volume; give the market's problem Limits(volume=[...])")
        return np.minimum(wanted, self.participation * seen.volumes[:, i])


@dataclass(frozen=True, eq=False)
class Market:
    """Where orders are simulated. A bucket's slice trades at its start, as in `PriceRisk` and `AlmgrenChriss`.

    Args:
        problem: its order (which needs a price), its impact curves, which are what is paid above the mid, and the
            expected volume of its limits. Smoothing, inventory risk and a stated cost of unfilled shares are
            preferences, and are not paid.
        prices: how the mid moves, `Arithmetic` or `Geometric`.
        permanent: gamma, dollars a share per share: a slice moves the mid of all later ones, >= 0.
        dispersion: standard deviation of the logarithm of a bucket's volume, >= 0: lognormal about its expected value.
        least_fill: each slice is filled by a fraction, uniform between this and 1, independent of all else; in [0, 1].
        at_end: "complete": the last bucket trades all that remains, whatever its caps and fills; "open": the last is
            like the others, and what then remains is charged at the mid at the end. By default "complete" for an order
            that must complete, else "open".

    Raises:
        InvalidInput: an order without a price, a value out of range, dispersion without a volume or so large that
            volumes leave the range of numbers.

    >>> import optexec as ox
    >>> from optexec.analysis.price_paths import Arithmetic
    >>> problem = ox.Problem(ox.Order(300, price=10.0), ox.Linear(0.01), ox.objective("A"), buckets=3)
    >>> Market(problem, Arithmetic(0.02), least_fill=1.5)
    Traceback (most recent call last):
    ...
    optexec.models.errors.InvalidInput: least_fill must be a fraction in [0, 1], got 1.5
    """

    problem: Problem
    prices: PriceModel
    permanent: float = 0.0
    dispersion: float = 0.0
    least_fill: float = 1.0
    at_end: str | None = None

    def __post_init__(self) -> None:
        if self.problem.order.price is None:
            raise InvalidInput("order.price is missing; a simulation needs the price at arrival")
        linear_permanent("permanent", self.permanent)
        if not 0 <= scalar(finite, "least_fill", self.least_fill) <= 1:
            raise InvalidInput(f"least_fill must be a fraction in [0, 1], got {self.least_fill!r}")
        if self.at_end is None:
            object.__setattr__(self, "at_end", "complete" if self.problem.order.must_complete else "open")
        if self.at_end not in RULES:
            raise unknown_name("rule for the end", self.at_end, RULES)
        if scalar(nonnegative, "dispersion", self.dispersion) and self.problem.limits.volume is None:
            raise InvalidInput("dispersion needs an expected volume; give the problem Limits(volume=[...])")

    def volumes(self, draws: Draws) -> Array | None:
        """Volume of each bucket, (K, N): v_i exp(d z - d^2/2), of mean v_i; None without an expected volume."""
        expected = self.problem.limits.volume
        if expected is None or not np.any(expected):
            return None
        with np.errstate(over="ignore"):
            drawn = np.exp(self.dispersion * draws.normals(Stream.VOLUME) - self.dispersion**2 / 2)
        if not (drawn.max() <= LARGEST and drawn.min() >= 1 / LARGEST):
            raise InvalidInput(f"volumes with a dispersion of {self.dispersion:g} leave the range of numbers; lower it")
        return expected * drawn

    def fractions(self, draws: Draws) -> Array:
        """Part of each slice that is filled, (K, N)."""
        return 1 - (1 - self.least_fill) * draws.uniforms(Stream.FILLS)


@dataclass(frozen=True, eq=False)
class Simulation(Drawable):
    """An order traded on K paths; made by `simulate`. Dollars are positive when worse.

    Args:
        market: where it was traded.
        draws: the random numbers.
        shares: filled in each bucket, (K, N).
        open_shares: never filled, (K,).
        moved: mids at the starts of the buckets and at the end as they are without the order, dollars, (K, N+1).
        mids: the same with the permanent impact of what was filled before, (K, N+1).
        volumes: volume of each bucket, (K, N); None if not known.

    >>> import optexec as ox
    >>> from optexec.analysis.price_paths import Arithmetic
    >>> problem = ox.Problem(ox.Order(300, price=10.0), ox.Linear(0.01), ox.objective("A"), buckets=3)
    >>> done = simulate(ox.solve(problem, "twap"), Market(problem, Arithmetic(volatility=0.02)), paths=100)
    >>> done.shares.shape, done.shares[0].tolist(), done.parts.columns.tolist()
    ((100, 3), [100.0, 100.0, 100.0], ['impact', 'permanent', 'timing', 'opportunity'])
    """

    market: Market
    draws: Draws
    shares: Array
    open_shares: Array
    moved: Array
    mids: Array
    volumes: Array | None

    @cached_property
    def parts(self) -> pd.DataFrame:
        """Dollars of the shortfall by part, one row a path.

        `impact`: the declared cost of each slice, paid above the mid. `permanent`: fills dearer by own earlier ones.
        `timing`: fills dearer by what the market did. `opportunity`: open shares at the mid at the end.
        """
        problem, start = self.market.problem, self.moved[:, :1]
        sign = direction(problem.order)
        return pd.DataFrame(
            {
                "impact": problem.impact.cost(self.shares).sum(axis=1),
                "permanent": sign * _dot(self.shares, (self.mids - self.moved)[:, :-1]),
                "timing": sign * _dot(self.shares, (self.moved - start)[:, :-1]),
                "opportunity": sign * self.open_shares * (self.mids[:, -1] - start[:, 0]),
            }
        )

    @cached_property
    def shortfall(self) -> Array:
        """Implementation shortfall of each path, dollars, (K,): the sum of its parts (Perold 1988).

        To buy, it is what was paid and the open shares at the mid at the end, less the order at the price of arrival.
        """
        return self.parts.sum(axis=1).to_numpy()

    @cached_property
    def vwap_slippage(self) -> Array:
        """Fills against the market's VWAP, basis points of arrival notional, (K,); NaN without volumes.

        The VWAP is that of the mids weighted with the volumes: what own fills pay above the mid is not inside.
        """
        return self._slippage(self.volumes) if self.volumes is not None else np.full(self.draws.paths, np.nan)

    @cached_property
    def twap_slippage(self) -> Array:
        """Fills against the TWAP, the plain mean of the mids at the buckets' starts; as `vwap_slippage`."""
        return self._slippage(np.ones((1, self.draws.buckets)))

    def _slippage(self, weights: Array) -> Array:
        mids = self.mids[:, :-1]
        benchmark = _dot(np.broadcast_to(weights, mids.shape), mids) / weights.sum(axis=1)
        beyond = direction(self.market.problem.order) * _dot(self.shares, mids - benchmark[:, None])
        return self._bps(beyond + self.parts["impact"].to_numpy())

    def _bps(self, dollars: Array) -> Array:
        notional: Any = self.market.problem.order.notional
        return 1e4 * dollars / notional

    @property
    def mean(self) -> float:
        """Expected shortfall, dollars."""
        return self.draws.estimate(self.shortfall)[0]

    @property
    def standard_error(self) -> float:
        """Standard error of `mean`, dollars."""
        return self.draws.estimate(self.shortfall)[1]

    @property
    def standard_deviation(self) -> float:
        """Standard deviation of the shortfall over the paths, dollars."""
        return float(self.shortfall.std(ddof=1))

    def quantiles(self, levels: Any = QUANTILES) -> Array:
        """Quantiles of the shortfall, dollars; one a level in [0, 1]."""
        return np.quantile(self.shortfall, levels)

    @cached_property
    def frame(self) -> pd.DataFrame:
        """One row a path: filled and open shares, the parts and the shortfall in dollars, and slippages in bps."""
        sums = {"filled": self.shares.sum(axis=1), "open": self.open_shares}
        slippage = {"vwap_slippage": self.vwap_slippage, "twap_slippage": self.twap_slippage}
        table = self.parts.assign(shortfall=self.shortfall, bps=self._bps(self.shortfall), **slippage)
        return pd.concat([pd.DataFrame(sums), table], axis=1).rename_axis("path")

    @cached_property
    def summary(self) -> pd.DataFrame:
        """Mean, standard error, standard deviation and quantiles over the paths.

        Rows: shortfall (dollars), then in basis points of arrival notional bps (the shortfall), vwap_slippage and
        twap_slippage.
        """
        rows = {}
        for name in ("shortfall", "bps", "vwap_slippage", "twap_slippage"):
            values = self.frame[name].to_numpy()
            rows[name] = (*self.draws.estimate(values), values.std(ddof=1), *np.quantile(values, QUANTILES))
        names = [f"q{100 * level:02.0f}" for level in QUANTILES]
        return pd.DataFrame.from_dict(
            rows, orient="index", columns=["mean", "standard_error", "standard_deviation", *names]
        )

    def __repr__(self) -> str:
        return (
            f"<Simulation: {self.draws.paths:,} paths, shortfall {self.mean:,.6g} +- {self.standard_error:.2g} "
            f"dollars, standard deviation {self.standard_deviation:,.6g}>"
        )


def simulate(
    plan: Schedule | Policy, market: Market, paths: int = 10_000, seed: int = 0, antithetic: bool = False
) -> Simulation:
    """Trade a schedule or a policy in a market on random paths.

    The same seed gives the same prices, volumes and fills to every plan (common random numbers), so that differences
    of shortfalls, path by path, are far more precise than each of them.

    Args:
        plan: a schedule over the market's buckets, which is followed without a cap, or a policy: `Follow`, or any
            function of that form. More than what remains is cut to what remains.
        market: where.
        paths: K.
        seed, antithetic: as in `Draws`.

    Returns:
        A `Simulation`. On every path the shares filled and the open shares add up to the order. Shares are not held to
        whole lots.

    Raises:
        InvalidInput: values out of range, a schedule of other buckets or another order, a policy that answers with
            numbers that are negative, not finite, or not one a path.

    Source: Almgren and Chriss (2001), section 1, for the model of trades and prices.

    >>> import optexec as ox
    >>> from optexec.analysis.price_paths import Arithmetic
    >>> impact = ox.Linear(0.01) + ox.Linear(1e-4, quoted="per_share")
    >>> problem = ox.Problem(ox.Order(300, price=10.0), impact, ox.objective("A"), buckets=3)
    >>> schedule = ox.solve(problem)
    >>> done = simulate(schedule, Market(problem, Arithmetic(volatility=0.02)), antithetic=True)
    >>> round(done.mean, 6), schedule.objective
    (6.0, 6.0)
    >>> bool(abs(done.standard_deviation / ox.PriceRisk([4e-4] * 3).standard_deviation(schedule) - 1) < 0.02)
    True
    """
    problem = market.problem
    draws = Draws(problem.buckets, paths, seed, antithetic)
    policy = Follow(_same(plan, problem)) if isinstance(plan, Schedule) else plan
    moved = market.prices.paths(float(problem.order.price or 0.0), draws)
    volumes = market.volumes(draws)
    shares, remaining, mids = _trade(policy, market, moved, volumes, market.fractions(draws))
    if not np.abs(mids).max() <= LARGEST:
        raise InvalidInput("the price leaves the range of numbers; check the units of volatility, drift and permanent")
    return Simulation(market, draws, shares, remaining, moved, mids, volumes)


def _trade(
    policy: Policy, market: Market, moved: Array, volumes: Array | None, fractions: Array
) -> tuple[Array, Array, Array]:
    """Shares filled, (K, N), what remains, (K,), and the mids with permanent impact, (K, N+1)."""
    paths, buckets = fractions.shape
    push = direction(market.problem.order) * market.permanent
    mids, shares = moved.copy(), np.zeros((paths, buckets))
    remaining = np.full(paths, market.problem.shares)
    for i in range(buckets):
        seen = Observed(mids[:, : i + 1], None if volumes is None else volumes[:, : i + 1], shares[:, :i])
        wanted = np.minimum(_answer(policy(i, remaining.copy(), seen), i, paths), remaining)
        last = i == buckets - 1 and market.at_end == "complete"
        shares[:, i] = remaining if last else fractions[:, i] * wanted
        remaining = remaining - shares[:, i]
        if push:
            mids[:, i + 1] += push * (market.problem.shares - remaining)
    return shares, remaining, mids


def _answer(wanted: Any, i: int, paths: int) -> Array:
    """What a policy answered, once it is seen to be shares."""
    values = np.asarray(wanted, dtype=float)
    if values.shape not in ((), (paths,)):
        raise InvalidInput(f"the policy must answer one number a path, {paths}, got shape {values.shape} in bucket {i}")
    bad = ~(np.isfinite(values) & (values >= 0))
    if bad.any():
        raise InvalidInput(f"the policy must answer shares >= 0, got {float(values[bad].flat[0])!r} in bucket {i}")
    return values


def _same(schedule: Schedule, problem: Problem) -> Schedule:
    """The schedule, once it is seen to be one of this order over as many buckets."""
    theirs = schedule.problem
    if theirs.buckets != problem.buckets or theirs.order.shares != problem.shares:
        raise InvalidInput(
            f"the schedule is of {theirs.order.shares:,.10g} shares over {theirs.buckets} buckets, the market's "
            f"problem of {problem.shares:,.10g} over {problem.buckets}; simulate it in a market of its own"
        )
    return schedule


def _dot(a: Array, b: Array) -> Array:
    """Sum of the products over the buckets, (K,)."""
    return np.asarray(np.einsum("ki,ki->k", a, b))
