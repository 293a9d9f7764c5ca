"""A learned oracle of slippage: what the next bucket will cost, from the book before it starts."""

from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from optexec.data.boosted_trees import Trees
from optexec.data.convex_costs import convex_costs
from optexec.data.monotone import monotone
from optexec.data.oracle_features import FEATURES, increasing, inputs, known, recent_columns, two_sided
from optexec.models.errors import InvalidInput
from optexec.models.tabulated import Tabulated
from optexec.models.validation import Array


class HeldOut(NamedTuple):
    """Median absolute errors of forecasts of the next bucket, dollars a share, on folds later than their training.

    The three are of the same buckets and sizes. The folds also chose the oracle's half-life and number of trees, so
    its error is a little flattered.

    Fields:
        oracle: of the oracle.
        recent: of the recent slippage that it starts from, without its trees.
        last_book: of walking the last book before the bucket.
        forecasts: how many these are medians of; neighbours share most of their bucket.

    >>> HeldOut._fields
    ('oracle', 'recent', 'last_book', 'forecasts')
    """

    oracle: float
    recent: float
    last_book: float
    forecasts: int


class Training(NamedTuple):
    """What an oracle was trained on.

    Fields:
        first: time of the first snapshot, as text.
        last: time of the last snapshot, as text.
        snapshots: two-sided snapshots.
        examples: (bucket, size) pairs that the trees were grown on.
        beyond: (snapshot, size) pairs left out because the size exceeds the displayed depth.
        scikit_learn: version that grew the trees.

    >>> Training._fields[:2]
    ('first', 'last')
    """

    first: str
    last: str
    snapshots: int
    examples: int
    beyond: int
    scikit_learn: str


@dataclass(frozen=True, eq=False)
class Oracle:
    """Slippage per share of an order in the bucket that starts next; made by `oracle.train`.

    Before a bucket starts, the recent slippage r(x) of walking the book with x shares is known
    (`oracle_features.known`). The oracle forecasts the mean slippage over the bucket as

        g(x) = r(x) exp(T(x, x / depth, spread, depth, imbalance, volatility, hour)),

    where the trees T never fall with x or x / depth. As r does not fall either, nor does g.

    Fields:
        trees: T, on the inputs `oracle_features.INPUTS`.
        side: "buy" or "sell".
        bucket: length of the bucket.
        sizes: increasing shares that r is known at, (K,).
        halflife: of a snapshot's weight in r.
        held_out: errors on held-out folds.
        training: what the oracle was trained on.

    >>> from optexec.data import sample
    >>> from optexec.data.book import read_book
    >>> from optexec.data.oracle import train
    >>> book = read_book(sample.path("book.csv.gz"))
    >>> oracle = train(book.iloc[:300], bucket="60s", side="buy")
    >>> oracle.forecast(book.iloc[:350], [500.0, 1000.0]).shape
    (2,)
    >>> curves = oracle.curves(oracle.features(book, book.index[300:310]))
    >>> bool(curves.curvature(np.full(10, 1000.0)).convex.all())
    True
    """

    trees: Trees
    side: str
    bucket: pd.Timedelta
    sizes: Array
    halflife: pd.Timedelta
    held_out: HeldOut
    training: Training

    def features(self, book: pd.DataFrame, starts: pd.Index) -> pd.DataFrame:
        """Return what is known before each bucket starts: the rows that `slippage` and `curves` take.

        Args:
            book: snapshots of one day as `read_book` returns them; those at or after a start do not count for it.
            starts: start of each bucket, (R,).

        Returns:
            R rows indexed by `starts`, of the last two-sided snapshot before each start.

        Raises:
            InvalidInput: for a book that is none, or a start without a snapshot before it.
        """
        seen = two_sided(book, self.bucket)
        try:
            at = np.asarray(seen.index.searchsorted(starts, side="left")) - 1
        except TypeError:
            raise InvalidInput(f"starts are {pd.Index(starts).dtype}, the book's times {seen.index.dtype}") from None
        if (at < 0).any():
            early = pd.Index(starts)[int(np.argmax(at < 0))]
            raise InvalidInput(f"no two-sided snapshot before {early}; start later or give earlier snapshots")
        return known(seen, self.side, self.sizes, self.halflife, at).set_axis(starts)

    def slippage(self, rows: pd.DataFrame, shares: Any) -> Array:
        """Forecast slippage per share, nondecreasing in shares, (R, K), dollars.

        Between the oracle's sizes the recent total cost is straight.

        Args:
            rows: R rows as `features` returns them.
            shares: increasing sizes, above 0 and at most the oracle's largest, (K,).

        Raises:
            InvalidInput: for rows that lack a column or a number, or sizes that are none of these.
        """
        sizes = self._sizes(shares)
        self._refuse_other_rows(rows)
        recent = rows[recent_columns(self.side, self.sizes)].to_numpy(dtype=float)
        grid = np.append(0.0, self.sizes)
        cost = np.hstack([np.zeros((len(rows), 1)), recent * self.sizes])
        segment = np.searchsorted(self.sizes, sizes)
        part = (sizes - grid[segment]) / np.diff(grid)[segment]
        level = (cost[:, segment] * (1 - part) + cost[:, segment + 1] * part) / sizes
        ratio = np.exp(self.trees.predict(inputs(rows, sizes))).reshape(level.shape)
        return monotone(level * ratio)

    def curves(self, rows: pd.DataFrame, convex: str = "values") -> Tabulated:
        """Forecast total cost curves, convex and nondecreasing from 0 at 0 shares, as `convex_costs` makes them.

        Args:
            rows: R rows as `features` returns them; a bucket each.
            convex: "values" or "slopes".

        Raises:
            InvalidInput: for another `convex`, or rows that lack a column or a number.
        """
        return convex_costs(self.sizes, self.slippage(rows, self.sizes), convex)

    def forecast(self, history: pd.DataFrame, shares: Any) -> Array:
        """Forecast slippage per share in the bucket that starts right after the last snapshot, (K,), dollars.

        Args:
            history: snapshots of the day so far, and none of the bucket.
            shares: as for `slippage`.

        Raises:
            InvalidInput: for a history without a two-sided snapshot, or sizes that `slippage` refuses.
        """
        seen = two_sided(history, self.bucket)
        return self.slippage(known(seen, self.side, self.sizes, self.halflife, [-1]), shares)[0]

    def _sizes(self, shares: Any) -> Array:
        sizes = increasing("shares", shares)
        if sizes[-1] > self.sizes[-1]:
            raise InvalidInput(
                f"shares reach {sizes[-1]:g}, the oracle knows sizes up to {self.sizes[-1]:g}; train with larger ones"
            )
        return sizes

    def _refuse_other_rows(self, rows: pd.DataFrame) -> None:
        needed = [*FEATURES, *recent_columns(self.side, self.sizes)]
        missing = [name for name in needed if name not in rows.columns]
        if missing:
            raise InvalidInput(f"the rows have no column {missing[0]!r}; make them with this oracle's features()")
        for name in needed:
            unknown = ~np.isfinite(rows[name].to_numpy(dtype=float))
            if name != "volatility" and unknown.any():
                where = rows.index[int(unknown.argmax())]
                raise InvalidInput(f"row {where}, column {name}: not a finite number; start later, with more history")
