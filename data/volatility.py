"""Realised volatility of the mid, bucket by bucket: over a rolling window, exponentially weighted, by time of day."""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from optexec.data.bucketing import divide
from optexec.data.clock import time_of_day
from optexec.models.errors import InvalidInput
from optexec.models.validation import positive_number


def realised_variance(mid: pd.Series, bucket: str | pd.Timedelta = "60s") -> pd.DataFrame:
    """Return the sum of the squared changes of the log-mid in each bucket, and the time that they cover.

    A change runs from one known mid to the next and is counted whole in the bucket where it ends, so the sums add up
    over the day, and a bucket where the mid was never seen counts 0. Buckets are half-open and counted from midnight,
    those of `calibrate`, whose `sigma` is the root of `variance` where a bucket saw two mids.

    Args:
        mid: prices of one day, dollars, (R,), on an index of nondecreasing times; NaN where unknown. For a book:
            `features(book)["mid"]`.
        bucket: length of a bucket, such as "60s".

    Returns:
        N rows indexed by "time", the start of the bucket:

        * `price`: last mid, dollars;
        * `variance`: sum of squared changes of the log-mid;
        * `elapsed`: time that the changes cover, in buckets: about 1 where the mid is often seen;
        * `elapsed_squared`: sum of the squares of the single times, in buckets squared: 1/m for m changes evenly
          spaced over the bucket. It is what the standard errors of this module need.

    Raises:
        InvalidInput: for mids that are not positive or never known, a bucket that is no positive length of time, and
            an index without nondecreasing times of one day.

    Source:
        Andersen and Bollerslev (1998).

    >>> seconds = pd.to_timedelta([34_200, 34_230, 34_260, 34_350], unit="s")
    >>> realised_variance(pd.Series(np.exp([0.0, 0.03, 0.03, 0.01]), index=seconds))["variance"].round(6).tolist()
    [0.0009, 0.0, 0.0004]
    >>> realised_variance(pd.Series(np.exp([0.0, 0.03, 0.03, 0.01]), index=seconds))["elapsed"].tolist()
    [0.5, 0.5, 1.5]
    """
    prices = mid.to_numpy(dtype=np.float64)
    if (prices <= 0).any():
        raise InvalidInput(f"a mid is {np.nanmin(prices):g}; give prices above 0, NaN where unknown")
    buckets = divide(mid.index, bucket, np.isfinite(prices))
    arrived, count = buckets.owner[1:], len(buckets.start)
    known = mid.index[buckets.seen]
    seconds = np.asarray(pd.TimedeltaIndex(known[1:] - known[:-1]).total_seconds(), dtype=np.float64)
    spans = seconds / pd.Timedelta(bucket).total_seconds()
    changes = np.diff(np.log(prices[buckets.seen]))
    columns = {
        "price": prices[buckets.last],
        "variance": np.bincount(arrived, changes**2, count),
        "elapsed": np.bincount(arrived, spans, count),
        "elapsed_squared": np.bincount(arrived, spans**2, count),
    }
    return pd.DataFrame(columns, index=buckets.start)


def rolling_volatility(realised: pd.DataFrame, window: int) -> pd.DataFrame:
    """Return the volatility per bucket over the last `window` buckets, this one included.

    sigma^2 = sum of variance / sum of elapsed over the window: with one mid a bucket the mean of the last squared
    log-returns. At the start the window holds the buckets so far, and the standard error says so.

    Args:
        realised: N buckets of one day as `realised_variance` returns them.
        window: buckets in the window, >= 1.

    Returns:
        N rows on the same index, each known at the end of its bucket:

        * `sigma`: standard deviation of the log-return over one bucket; NaN before the first change;
        * `standard_error`: of sigma, sigma / sqrt(2 n) with n = (sum elapsed)^2 / sum elapsed_squared, the number of
          evenly spaced changes in the window. Right for a Brownian log-mid; fat tails and bounces make it too small;
        * `dollars`: sigma times the last mid, dollars a share over one bucket.

    Raises:
        InvalidInput: for a window that is no whole number >= 1.

    >>> seconds = pd.to_timedelta(34_200 + 60 * np.arange(4), unit="s")
    >>> realised = realised_variance(pd.Series(np.exp([0.0, 0.03, -0.01, -0.01]), index=seconds))
    >>> rolling_volatility(realised, 2)[["sigma", "standard_error"]].round(4).values.tolist()
    [[nan, nan], [0.03, 0.0212], [0.0354, 0.0177], [0.0283, 0.0141]]
    """
    if isinstance(window, bool) or not isinstance(window, int | np.integer) or window < 1:
        raise InvalidInput(f"window must be a whole number of buckets >= 1, got {window!r}")
    sums = realised.rolling(int(window), min_periods=1).sum()
    return _volatility(realised["price"], sums, sums["elapsed_squared"])


def ewma_volatility(realised: pd.DataFrame, half_life: float) -> pd.DataFrame:
    """Return the volatility per bucket with weights that halve every `half_life` buckets.

    sigma^2 = sum of w variance / sum of w elapsed, w = 2^(-age / half_life), age in buckets, this one of age 0.

    Args:
        realised: N buckets of one day as `realised_variance` returns them.
        half_life: buckets, > 0.

    Returns:
        The columns of `rolling_volatility`, with n = (sum w elapsed)^2 / sum w^2 elapsed_squared: far into the day
        m (1 + q) / (1 - q), q = 2^(-1 / half_life), for m changes a bucket.

    Raises:
        InvalidInput: for a half-life that is not positive.

    Source:
        RiskMetrics Technical Document (1996), with weights normalised from the first bucket on.

    >>> seconds = pd.to_timedelta(34_200 + 60 * np.arange(3), unit="s")
    >>> realised = realised_variance(pd.Series(np.exp([0.0, 0.03, 0.03]), index=seconds))
    >>> (ewma_volatility(realised, 1)["sigma"] ** 2).round(6).tolist()
    [nan, 0.0009, 0.0003]
    """
    life = positive_number("half_life", half_life)
    sums = realised.ewm(halflife=life).sum()
    return _volatility(realised["price"], sums, realised["elapsed_squared"].ewm(halflife=life / 2).sum())


def seasonal_volatility(days: Sequence[pd.DataFrame]) -> pd.DataFrame:
    """Return the volatility per bucket at each time of day, pooled over several days.

    sigma^2 = sum of variance / sum of elapsed over the days that saw this bucket.

    Args:
        days: two days or more as `realised_variance` returns them, all with buckets of one length.

    Returns:
        A row for each time of day, indexed by "time" since midnight, with `sigma` as in `rolling_volatility`, its
        `standard_error` from how the days differ (the days taken as independent; NaN where there was one), and `days`.

    Raises:
        InvalidInput: for fewer than two days.

    Source:
        Andersen and Bollerslev (1997) for the intraday pattern; Cochran (1977), ch. 6, for the error of a ratio.

    >>> seconds = pd.to_timedelta([34_200, 34_259], unit="s")
    >>> days = [realised_variance(pd.Series(np.exp([0.0, move]), index=seconds), "59s") for move in (0.03, 0.04)]
    >>> seasonal_volatility(days)["sigma"].round(6).tolist()
    [0.035355]
    """
    if len(days) < 2:
        raise InvalidInput(f"a seasonal pattern needs two days or more, got {len(days)}")
    pooled = pd.concat([day.set_axis(time_of_day(day.index).rename("time")) for day in days])
    pooled = pooled[pooled["elapsed"] > 0]
    by_time = pooled.groupby(level="time")
    sums, count = by_time[["variance", "elapsed"]].sum(), by_time.size()
    squared = sums["variance"] / sums["elapsed"]
    residual = pooled["variance"] - squared.reindex(pooled.index).to_numpy() * pooled["elapsed"]
    scatter = (residual**2).groupby(level="time").sum() * count / (count - 1).where(count > 1)
    sigma = np.sqrt(squared)
    columns = {"sigma": sigma, "standard_error": np.sqrt(scatter) / sums["elapsed"] / (2 * sigma), "days": count}
    return pd.DataFrame(columns)


def _volatility(price: pd.Series, sums: pd.DataFrame, elapsed_squared: pd.Series) -> pd.DataFrame:
    covered = sums["elapsed"].where(sums["elapsed"] > 0)
    sigma = np.sqrt(sums["variance"] / covered)
    error = sigma * np.sqrt(elapsed_squared / 2) / covered
    return pd.DataFrame({"sigma": sigma, "standard_error": error, "dollars": sigma * price})
