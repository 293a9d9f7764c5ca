"""Training the oracle of slippage on books, with its few settings chosen on later folds."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from optexec.data.book import displayed_depth
from optexec.data.boosted_trees import Trees, grow
from optexec.data.calibration import SIZE_GRID
from optexec.data.oracle_features import (
    INPUTS,
    RISING,
    Outcome,
    increasing,
    inputs,
    known,
    outcome,
    recent_columns,
    two_sided,
    walk_per_share,
)
from optexec.data.oracle_model import HeldOut, Oracle, Training
from optexec.models.errors import InvalidInput
from optexec.models.validation import Array

FOLDS = 4
"""Held-out stretches of time; each is forecast by trees grown on all that came before it."""
HALFLIVES = (1 / 3, 2 / 3, 4 / 3)
"""Half-lives of recent slippage to choose from, in buckets."""
TREES = (1, 10, 30, 100)
"""Numbers of trees to choose from."""
STARTS = 12
"""Most bucket starts a bucket length that examples are made of; their buckets overlap."""
LEAF = 3
"""Bucket lengths of examples that a leaf must hold, so that it averages more than one stretch of time."""


class _Examples(NamedTuple):
    """P bucket starts: rows of `known` with each of its recent slippage, bucket's cost and last book, (P, K)."""

    rows: pd.DataFrame
    recent: Array
    cost: Array
    last_book: Array

    def at(self, positions: NDArray[np.int64]) -> "_Examples":
        return _Examples(self.rows.iloc[positions], *(field[positions] for field in self[1:]))


def train(
    books: pd.DataFrame | Sequence[pd.DataFrame],
    bucket: str | pd.Timedelta = "60s",
    side: str = "buy",
    sizes: Any = None,
) -> Oracle:
    """Train an oracle of slippage per share in the next bucket.

    Every snapshot whose next bucket the book covers, thinned to `STARTS` a bucket, makes an example: its features,
    and for each size the log of the bucket's mean slippage over the recent slippage. Boosted trees fit these by least
    absolute deviations. The half-life of recent slippage (`HALFLIVES`) and the number of trees (`TREES`) are those
    of least mean absolute error of that log on `FOLDS` folds, each later than the examples it is forecast from, with a
    gap of one bucket so that no bucket is on both sides; the oracle keeps the errors it had there. Then the trees are
    grown on all examples. Pairs of a bucket and a size that most of its snapshots display less than are left out.

    Args:
        books: snapshots as `read_book` returns them, one frame or several in order of time, each of one day.
        bucket: length of a bucket, such as "60s".
        side: side of the order, "buy" (walks the asks) or "sell" (walks the bids).
        sizes: increasing shares, (K,); None for the fractions `calibration.SIZE_GRID` of the median displayed depth.

    Raises:
        InvalidInput: for a book, bucket, side or sizes that are none, or books too short for the folds.
        SolverFailure: the trees of this version of scikit-learn cannot be read.

    Source:
        Friedman (2001) for the trees; Bergmeir and Benitez (2012) for folds in order of time.

    >>> from optexec.data import sample
    >>> from optexec.data.book import read_book
    >>> oracle = train(read_book(sample.path("book.csv.gz")), bucket="60s", side="sell", sizes=[200.0, 400.0])
    >>> oracle.training.snapshots, oracle.held_out.oracle < oracle.held_out.last_book
    (390, True)
    """
    import sklearn

    days = [two_sided(book, bucket) for book in ([books] if isinstance(books, pd.DataFrame) else books)]
    if not days:
        raise InvalidInput("no book to train on; give one or more")
    grid = _default_sizes(days, side) if sizes is None else increasing("sizes", sizes)
    length = pd.Timedelta(bucket)
    outcomes = [outcome(day, side, grid, length) for day in days]
    most = max(after.overlap for after in outcomes)
    step = max(most // STARTS, 1)
    overlap = -(-most // step)
    choices = [_chosen(_examples(days, outcomes, side, grid, step, part * length), grid, overlap) for part in HALFLIVES]
    best = min(range(len(HALFLIVES)), key=lambda k: choices[k].score)
    halflife = HALFLIVES[best] * length
    examples = _examples(days, outcomes, side, grid, step, halflife)
    trees = _grown(examples, grid, overlap, choices[best].trees)
    told = Training(
        first=str(days[0].index[0]),
        last=str(days[-1].index[-1]),
        snapshots=sum(map(len, days)),
        examples=int(_usable(examples).sum()),
        beyond=sum(after.beyond for after in outcomes),
        scikit_learn=sklearn.__version__,
    )
    return Oracle(trees, side, length, grid, halflife, choices[best].held_out, told)


def _default_sizes(days: list[pd.DataFrame], side: str) -> Array:
    median = float(np.median(np.concatenate([displayed_depth(day, side) for day in days])))
    return increasing("sizes", median * np.array(SIZE_GRID))


def _examples(
    days: list[pd.DataFrame], outcomes: list[Outcome], side: str, sizes: Array, step: int, halflife: pd.Timedelta
) -> _Examples:
    """Return every `step`-th snapshot whose next bucket is covered, of all days in a row."""
    rows, cost, last_book = [], [], []
    for day, after in zip(days, outcomes, strict=True):
        at = np.flatnonzero(after.complete)[::step]
        rows.append(known(day, side, sizes, halflife, at))
        cost.append(after.slippage[at])
        last_book.append(walk_per_share(day.iloc[at], side, sizes))
    together = pd.concat(rows, ignore_index=True)
    recent = together[recent_columns(side, sizes)].to_numpy(dtype=float)
    return _Examples(together, recent, np.vstack(cost), np.vstack(last_book))


def _usable(examples: _Examples) -> NDArray[np.bool_]:
    return np.isfinite(examples.cost) & np.isfinite(examples.recent)


def _grown(examples: _Examples, sizes: Array, overlap: int, count: int) -> Trees:
    """Grow trees for the log of a bucket's cost over the recent slippage."""
    usable = _usable(examples).ravel()
    if not usable.any():
        raise InvalidInput(f"no bucket displays {sizes[0]:g} shares in most of its snapshots; give smaller sizes")
    ratio = np.log(examples.cost / examples.recent).ravel()[usable]
    leaf = max(min(LEAF * overlap * len(sizes), len(ratio) // 4), 1)
    return grow(inputs(examples.rows, sizes)[usable], ratio, [name in RISING for name in INPUTS], leaf, count)


class _Choice(NamedTuple):
    """The number of trees that is best for one half-life, its mean absolute log error, and its errors in dollars."""

    trees: int
    score: float
    held_out: HeldOut


def _chosen(examples: _Examples, sizes: Array, overlap: int) -> _Choice:
    """Compare numbers of trees on folds in order of time."""
    from sklearn.model_selection import TimeSeriesSplit

    starts, needed = len(examples.rows), (FOLDS + 1) * (overlap + 1)
    if starts < needed:
        raise InvalidInput(
            f"the books hold {starts} starts of whole buckets and training needs {needed}; give a longer book, about "
            f"{2 * FOLDS} buckets or more, or a shorter bucket"
        )
    held, forecasts = [], []
    for before, later in TimeSeriesSplit(FOLDS, gap=overlap).split(examples.recent):
        trees, fold = _grown(examples.at(before), sizes, overlap, max(TREES)), examples.at(later)
        asked = inputs(fold.rows, sizes)
        ratios = [np.exp(trees.first(count).predict(asked)) for count in TREES]
        held.append(later)
        forecasts.append(fold.recent * np.reshape(ratios, (len(TREES), *fold.recent.shape)))
    return _best(examples.at(np.concatenate(held)), np.concatenate(forecasts, axis=1))


def _best(examples: _Examples, forecasts: Array) -> _Choice:
    """Return the choice among forecasts of these examples, one (P, K) for each of `TREES`."""
    usable = _usable(examples)
    scores = [float(np.abs(np.log(guess / examples.cost)[usable]).mean()) for guess in forecasts]
    best = int(np.argmin(scores))
    shared = usable & np.isfinite(examples.last_book)
    oracle, recent, last_book = (
        float(np.median(np.abs(guess - examples.cost)[shared]))
        for guess in (forecasts[best], examples.recent, examples.last_book)
    )
    return _Choice(TREES[best], scores[best], HeldOut(oracle, recent, last_book, int(shared.sum())))
