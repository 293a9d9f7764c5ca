"""Forecasts of the slippage of the next bucket from the book before it."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pandas as pd

from optexec.data.book import midpoint, walk_cost
from optexec.data.bucketing import Buckets, divide
from optexec.data.curve_families import FAMILIES
from optexec.data.curve_fits import fit_curves, fitted_slippage
from optexec.data.pooling import LEAST, pooled, shrunk
from optexec.data.separable_fit import Array
from optexec.data.slippage import SlippagePoints, slippage_points


@dataclass(frozen=True, eq=False)
class History:
    """What is known when a bucket begins, and the sizes whose slippage is to be forecast.

    Args:
        book: the snapshots before the bucket, as `read_book` returns them, one of both sides at least.
        bucket: length of a bucket.
        side: side of the order, "buy" or "sell".
        shares: the sizes, (K,).

    >>> from optexec.data import sample
    >>> from optexec.data.book import read_book
    >>> history = History(read_book(sample.path("book.csv.gz")).iloc[:10], "60s", "buy", np.array([100.0, 500.0]))
    >>> history.bucket_means.shape
    (10, 2)
    """

    book: pd.DataFrame
    bucket: str | pd.Timedelta
    side: str
    shares: Array

    @cached_property
    def buckets(self) -> Buckets:
        """The buckets so far."""
        return divide(self.book.index, self.bucket, np.isfinite(midpoint(self.book)))

    @cached_property
    def slippage(self) -> Array:
        """Dollars a share, (U, K), at each snapshot of both sides; NaN where it shows fewer shares."""
        return walk_cost(self.book.iloc[self.buckets.seen], self.side, self.shares) / self.shares

    @cached_property
    def bucket_means(self) -> Array:
        """Mean over the snapshots of each of N buckets that show the size, (N, K); NaN where none does."""
        shown = np.isfinite(self.slippage)
        sums, counts = np.zeros((2, len(self.buckets.start), len(self.shares)))
        np.add.at(sums, self.buckets.owner, np.where(shown, self.slippage, 0.0))
        np.add.at(counts, self.buckets.owner, shown)
        return np.divide(sums, counts, out=np.full_like(sums, np.nan), where=counts > 0)

    @cached_property
    def last_books(self) -> Array:
        """The last snapshot so far that shows the size, as each of N buckets ends, (N, K); NaN before there is one."""
        last = pd.DataFrame(self.slippage).groupby(self.buckets.owner).last()
        return last.reindex(range(len(self.buckets.start))).ffill().to_numpy(dtype=float)

    @cached_property
    def points(self) -> SlippagePoints:
        """The points of all buckets so far."""
        return slippage_points(self.book, self.bucket, self.side)

    @cached_property
    def previous(self) -> SlippagePoints:
        """The points of the last bucket."""
        own = np.flatnonzero(self.buckets.rows == self.buckets.rows[self.buckets.seen[-1]])
        return slippage_points(self.book.iloc[own], self.bucket, self.side)


Forecast = Callable[[History], Array]
"""Slippage in dollars a share at each size of a history, (K,); NaN where the history does not allow one."""


def previous_book(history: History) -> Array:
    """The last book that shows the size.

    >>> from optexec.data import sample
    >>> from optexec.data.book import read_book
    >>> book = read_book(sample.path("book.csv.gz")).iloc[:3]
    >>> last = previous_book(History(book, "60s", "buy", np.array([100.0])))
    >>> bool(last[0] == walk_cost(book, "buy", [100.0])[-1, 0] / 100)
    True
    """
    return history.last_books[-1]


def previous_bucket(history: History) -> Array:
    """The mean over the snapshots of the last bucket that shows the size.

    >>> from optexec.data import sample
    >>> from optexec.data.book import read_book
    >>> history = History(read_book(sample.path("book.csv.gz")), "60s", "buy", np.array([100.0]))
    >>> bool(previous_bucket(history)[0] == previous_book(history)[0])
    True
    """
    return pd.DataFrame(history.bucket_means).ffill().iloc[-1].to_numpy(dtype=float)


@dataclass(frozen=True)
class FittedCurve:
    """The curve of a family that fits the last bucket.

    >>> FittedCurve("power_total").family
    'power_total'
    """

    family: str

    def __call__(self, history: History) -> Array:
        return fitted_slippage(fit_curves(history.previous, [self.family]), history.shares)[0]


@dataclass(frozen=True)
class PooledCurve:
    """The one curve of a family that fits all buckets so far.

    >>> PooledCurve("half_spread_power").family
    'half_spread_power'
    """

    family: str

    def __call__(self, history: History) -> Array:
        return fitted_slippage(pooled(history.points, [self.family]), history.shares)[0]


@dataclass(frozen=True)
class ShrunkCurve:
    """The curve of the last bucket, shrunk to the mean of all buckets so far; NaN before there are enough of them.

    >>> ShrunkCurve("half_spread_power").family
    'half_spread_power'
    """

    family: str

    def __call__(self, history: History) -> Array:
        fits = fit_curves(history.points, [self.family])
        usable = ~fits["degenerate"] & ~fits["failed"] & fits["a_error"].notna()
        if usable.sum() < LEAST:
            return np.full(len(history.shares), np.nan)
        return fitted_slippage(shrunk(fits).iloc[-1:], history.shares)[0]


@dataclass(frozen=True)
class Decaying:
    """The mean of all buckets so far, the weight of each halved with every `half_life` buckets of age.

    >>> from optexec.data import sample
    >>> from optexec.data.book import read_book
    >>> history = History(read_book(sample.path("book.csv.gz")).iloc[:2], "60s", "buy", np.array([100.0]))
    >>> first, last = history.bucket_means[:, 0]
    >>> bool(np.isclose(Decaying(1.0)(history)[0], (first + 2 * last) / 3))
    True
    """

    half_life: float

    def after_each(self, history: History) -> Array:
        """The mean as each of N buckets ends, (N, K)."""
        return pd.DataFrame(history.bucket_means).ewm(halflife=self.half_life).mean().to_numpy(dtype=float)

    def __call__(self, history: History) -> Array:
        return self.after_each(history)[-1]


@dataclass(frozen=True)
class Blend:
    """`weight` of the last book and 1 - weight of a decaying mean.

    >>> from optexec.data import sample
    >>> from optexec.data.book import read_book
    >>> history = History(read_book(sample.path("book.csv.gz")), "60s", "buy", np.array([100.0]))
    >>> bool(Blend(1.0, Decaying(4.0))(history)[0] == previous_book(history)[0])
    True
    """

    weight: float
    lasting: Decaying

    def after_each(self, history: History) -> Array:
        """The forecast as each of N buckets ends, (N, K)."""
        return self.weight * history.last_books + (1 - self.weight) * self.lasting.after_each(history)

    def __call__(self, history: History) -> Array:
        return self.after_each(history)[-1]


def standard_forecasts(
    families: Iterable[str] = tuple(FAMILIES),
    half_lives: Iterable[float] = (1, 2, 4, 8, 16),
    weights: Iterable[float] = (0.1, 0.25, 0.5, 0.75),
) -> dict[str, Forecast]:
    """Return the forecasts by name: the naive ones, curves, and decaying means by themselves and in blends.

    >>> list(standard_forecasts(["power_total"], [4], [0.25]))[-3:]
    ['shrunk half_spread_power', 'decaying 4', 'blend 0.25 decaying 4']
    """
    decaying = {f"decaying {half_life:g}": Decaying(half_life) for half_life in half_lives}
    return {
        "previous_book": previous_book,
        "previous_bucket": previous_bucket,
        **{f"fitted {name}": FittedCurve(name) for name in families},
        "pooled half_spread_power": PooledCurve("half_spread_power"),
        "shrunk half_spread_power": ShrunkCurve("half_spread_power"),
        **decaying,
        **{f"blend {weight:g} {name}": Blend(weight, mean) for name, mean in decaying.items() for weight in weights},
    }
