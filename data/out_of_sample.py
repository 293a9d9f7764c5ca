"""Judging forecasts of slippage by the next bucket, and choosing one on the buckets before."""

from collections.abc import Mapping

import numpy as np
import pandas as pd

from optexec.data.book import midpoint, walk_cost
from optexec.data.bucketing import divide
from optexec.data.clock import clock_time, time_of_day
from optexec.data.forecasts import Forecast, History
from optexec.data.separable_fit import Array
from optexec.models.errors import InvalidInput, unknown_name
from optexec.models.validation import positive_number

TARGETS = ("mean", "last")
OUTCOME = (*TARGETS, "shown", "mid")


def by_bucket(
    book: pd.DataFrame,
    bucket: str | pd.Timedelta,
    side: str,
    shares: float,
    forecasts: Mapping[str, Forecast],
    start: str | pd.Timedelta,
    end: str | pd.Timedelta = "24:00",
) -> pd.DataFrame:
    """Forecast the slippage of each bucket from the snapshots before it, beside what it turned out to be.

    Args:
        book: snapshots of one day as `read_book` returns them.
        bucket: length of a bucket.
        side: side of the order, "buy" or "sell".
        shares: size whose slippage is forecast.
        forecasts: name -> forecast.
        start, end: times of day, such as "10:00:00"; buckets that start from `start` on and before `end` are
            forecast, but for the first of the book. Those before `start` are history.

    Returns:
        One row a bucket, indexed by "time", its start. Dollars a share: `mean`, over its snapshots that show so many
        shares, `last`, that of the last such book, and a column for each forecast; NaN where there is none.
        `shown` is the fraction of its snapshots that show so many shares, `mid` the last one before the bucket.

    Raises:
        InvalidInput: for shares that are no positive number, times that are none, no bucket between them, a forecast
            with the name of another column, and what `divide` and `walk_cost` refuse.

    >>> from optexec.data import sample
    >>> from optexec.data.book import read_book
    >>> from optexec.data.forecasts import previous_book
    >>> book = read_book(sample.path("book.csv.gz"))
    >>> table = by_bucket(book, "60s", "buy", 3000, {"previous_book": previous_book}, "12:00:00", "12:30:00")
    >>> len(table), list(table)
    (30, ['mean', 'last', 'shown', 'mid', 'previous_book'])
    """
    clash = [name for name in forecasts if name in OUTCOME]
    if clash:
        raise InvalidInput(f"a forecast is named {clash[0]!r}, as is a column of the outcome; rename it")
    size = np.array([positive_number("shares", shares)])
    mid = midpoint(book)
    buckets = divide(book.index, bucket, np.isfinite(mid))
    slippage = walk_cost(book.iloc[buckets.seen], side, size)[:, 0] / size
    rows = {}
    for number in _wanted(buckets.start, start, end):
        before = book.index.searchsorted(buckets.start[number])
        history = History(book.iloc[:before], bucket, side, size)
        own = slippage[buckets.owner == number]
        known = np.isfinite(mid[:before])
        told = {name: float(forecast(history)[0]) for name, forecast in forecasts.items()}
        rows[buckets.start[number]] = _outcome(own) | {"mid": mid[:before][known][-1]} | told
    return pd.DataFrame.from_dict(rows, orient="index").rename_axis("time")


def _wanted(starts: pd.Index, start: str | pd.Timedelta, end: str | pd.Timedelta) -> list[int]:
    low, high, clock = clock_time("start", start), clock_time("end", end), time_of_day(starts)
    wanted = [number for number in range(1, len(clock)) if low <= clock[number] < high]
    if not wanted:
        raise InvalidInput(f"the book has no bucket with one before it from {start} to {end}; widen them")
    return wanted


def _outcome(slippage: Array) -> dict[str, float]:
    shown = slippage[np.isfinite(slippage)]
    if not shown.size:
        return {"mean": np.nan, "last": np.nan, "shown": 0.0}
    return {"mean": float(shown.mean()), "last": float(shown[-1]), "shown": shown.size / slippage.size}


def summary(table: pd.DataFrame, naive: str = "previous_book") -> pd.DataFrame:
    """Return the errors of each forecast of a table of `by_bucket`, over the buckets where all of them have one.

    Args:
        table: as `by_bucket` returns it.
        naive: the forecast that the others are compared with.

    Returns:
        One row a target ("mean" over the bucket, "last" book of it) and forecast:

        * `n`: buckets; `left_out`: those without an outcome or without one of the forecasts;
        * `median_absolute`: median absolute error, dollars a share; `median_bps`: of the mid before the bucket;
          `median_relative`: of the outcome; `mean_absolute`: mean absolute error, dollars a share;
        * `difference`: mean over buckets of the absolute error less that of the naive forecast, dollars a share, and
          `difference_error`: its standard error, robust to autocorrelation up to 4 (n/100)^(2/9) buckets.

    Raises:
        InvalidInput: for a naive forecast that is not in the table, or no bucket with an outcome and all forecasts.

    Source:
        Diebold and Mariano (1995) for the difference; Newey and West (1987, 1994) for its error.

    >>> times = pd.to_timedelta([60, 120], unit="s")
    >>> numbers = {"mean": [1.0, 2.0], "last": [1.0, 3.0], "shown": 1.0, "mid": 100.0, "previous_book": [1.5, 2.0]}
    >>> summary(pd.DataFrame(numbers, index=times)).loc[("last", "previous_book"), ["n", "median_bps"]].tolist()
    [2.0, 75.0]
    """
    names = _names(table)
    if naive not in names:
        raise unknown_name("forecast", naive, names)
    rows = {}
    for target in TARGETS:
        missed = _missed(table, target)
        judged = table.loc[missed.index]
        for name, miss in missed.items():
            beyond = (miss - missed[naive]).to_numpy()
            rows[target, name] = {
                "n": len(miss),
                "left_out": len(table) - len(miss),
                "median_absolute": miss.median(),
                "median_bps": (1e4 * miss / judged["mid"]).median(),
                "median_relative": (miss / judged[target]).median(),
                "mean_absolute": miss.mean(),
                "difference": beyond.mean(),
                "difference_error": _error_of_mean(beyond),
            }
    return pd.DataFrame.from_dict(rows, orient="index").rename_axis(["target", "forecast"])


def _names(table: pd.DataFrame) -> list[str]:
    return [str(name) for name in table if name not in OUTCOME]


def _missed(table: pd.DataFrame, target: str) -> pd.DataFrame:
    """Return the absolute errors of all forecasts, one row a bucket that has an outcome and every forecast."""
    whole = table[table[[target, *_names(table)]].notna().all(axis=1)]
    if whole.empty:
        raise InvalidInput("no bucket has an outcome and all forecasts; ask for fewer shares or start later")
    return whole[_names(table)].sub(whole[target], axis=0).abs()


def _error_of_mean(values: Array) -> float:
    """Return the standard error of the mean of a series, by Newey and West; NaN for a single value."""
    count = len(values)
    if count < 2:
        return np.nan
    lags = min(int(4 * (count / 100) ** (2 / 9)), count - 1)
    centred = values - values.mean()
    covariances = [float(centred[lag:] @ centred[: count - lag]) for lag in range(lags + 1)]
    weights = [1.0] + [2 * (1 - lag / (lags + 1)) for lag in range(1, lags + 1)]
    return float(np.sqrt(max(np.dot(weights, covariances), 0.0) / count / (count - 1)))


def errors(
    book: pd.DataFrame,
    bucket: str | pd.Timedelta,
    side: str,
    shares: float,
    forecasts: Mapping[str, Forecast],
    start: str | pd.Timedelta,
    end: str | pd.Timedelta = "24:00",
    naive: str = "previous_book",
) -> pd.DataFrame:
    """Return the `summary` of the errors of forecasts, bucket by bucket from `start` on; arguments as in `by_bucket`.

    >>> from optexec.data import sample
    >>> from optexec.data.book import read_book
    >>> from optexec.data.forecasts import Decaying, previous_book
    >>> forecasts = {"previous_book": previous_book, "decaying": Decaying(8)}
    >>> told = errors(read_book(sample.path("book.csv.gz")), "60s", "buy", 3000, forecasts, "12:00:00")
    >>> bool(told.loc[("mean", "decaying"), "median_absolute"] < told.loc[("mean", "previous_book"), "median_absolute"])
    True
    """
    return summary(by_bucket(book, bucket, side, shares, forecasts, start, end), naive)


def choose(
    book: pd.DataFrame,
    bucket: str | pd.Timedelta,
    shares: Mapping[str, float],
    forecasts: Mapping[str, Forecast],
    start: str | pd.Timedelta,
    end: str | pd.Timedelta,
    target: str = "mean",
) -> str:
    """Return the name of the forecast with the least median absolute error over the training buckets.

    Snapshots from `end` on are cut off first, so the choice cannot depend on them. The buckets of both sides count
    as one sample if both are given: an hour has few of them, and there is no reason for the sides to differ.

    Args:
        book, bucket, forecasts, start: as in `by_bucket`.
        shares: side -> size whose slippage is forecast, for one side or both.
        end: time of day at which the training part ends, best the start of a bucket.
        target: "mean" over the bucket, or its "last" book.

    Returns:
        The name; of forecasts that tie, the first.

    Raises:
        InvalidInput: as `by_bucket`, and for another target, no side, or no bucket with an outcome and all forecasts.

    >>> from optexec.data import sample
    >>> from optexec.data.book import read_book
    >>> from optexec.data.forecasts import Decaying, previous_book
    >>> forecasts = {"previous_book": previous_book, "decaying": Decaying(8)}
    >>> choose(read_book(sample.path("book.csv.gz")), "60s", {"buy": 3000}, forecasts, "10:00:00", "12:00:00")
    'decaying'
    """
    if target not in TARGETS:
        raise unknown_name("target", target, TARGETS)
    if not shares or not forecasts:
        raise InvalidInput("there is nothing to choose for; give a side with its shares, and a forecast")
    training = book[time_of_day(book.index) < clock_time("end", end)]
    tables = [by_bucket(training, bucket, side, size, forecasts, start, end) for side, size in shares.items()]
    return str(_missed(pd.concat(tables), target).median().idxmin())
