"""The intraday profile of volume: which share of the day's volume trades in each bucket, learnt from several days."""

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from optexec.models.errors import InvalidInput
from optexec.models.validation import positive_number

TRIM = 0.2
"""Fraction of the days left out at either end of each bucket's shares."""


def volume_profile(volumes: pd.DataFrame) -> pd.DataFrame:
    """Estimate each bucket's share of the day's volume.

    Every day counts alike: its volumes are divided by their sum. A bucket's share is then the trimmed mean over the
    days, the floor(`TRIM` D) smallest and largest shares left out, so that one day's news does not move the profile;
    below five days that is the plain mean. The shares are scaled to sum to 1. Where a bucket's shares are skewed over
    the days, the trimmed mean lies between their median and their mean.

    Args:
        volumes: shares traded, a row for each of the N buckets of the day, a column for each of D >= 1 days; 0 where
            nothing traded.

    Returns:
        N rows on the same index: `share`, in [0, 1] with sum 1, and `standard_error`, of the trimmed mean by the
        winsorized deviation, scaled alike; NaN from a single day.

    Raises:
        InvalidInput: naming bucket and day of a volume that is missing, no number or negative; a day without volume;
            an empty table; a bucket or day that appears twice.

    Source:
        Tukey and McLaughlin (1963) for the trimmed mean and its error; Jain and Joh (1988) for the U-shape.

    >>> days = pd.DataFrame({"monday": [600, 100, 300], "tuesday": [900, 300, 800]}, index=["open", "noon", "close"])
    >>> volume_profile(days)["share"].round(4).tolist()
    [0.525, 0.125, 0.35]
    """
    shares = _shares(volumes)
    days = shares.shape[1]
    cut = int(TRIM * days)
    ordered = np.sort(shares, axis=1)
    kept = ordered[:, cut : days - cut]
    mean = kept.mean(axis=1)
    columns = {"share": mean, "standard_error": np.full(len(mean), np.nan)}
    if days > 1:
        winsorized = np.clip(ordered, kept[:, :1], kept[:, -1:])
        columns["standard_error"] = winsorized.std(axis=1, ddof=1) * np.sqrt(days) / kept.shape[1]
    return pd.DataFrame(columns, index=volumes.index) / mean.sum()


def expected_volume(profile: pd.DataFrame, total: float) -> pd.Series:
    """Return the volume to expect in each bucket: its share times the forecast of the day's total.

    It is the weights of VWAP and POV, and the volume of participation limits.

    Args:
        profile: N buckets as `volume_profile` returns them.
        total: shares expected to trade in the day, > 0.

    Returns:
        Shares on the profile's index, "volume", (N,), with sum `total`.

    Raises:
        InvalidInput: for a total that is not positive.

    >>> import optexec as ox
    >>> days = pd.DataFrame({"monday": [600, 100, 300], "tuesday": [900, 300, 800]}, index=["open", "noon", "close"])
    >>> volume = expected_volume(volume_profile(days), total=20_000)
    >>> limits = ox.Limits(participation=0.1, volume=volume)
    >>> limits.bounds(ox.Order(1_500), 3)[1].round(6).tolist()
    [1050.0, 250.0, 700.0]
    """
    return (profile["share"] * positive_number("total", total)).rename("volume")


def _shares(volumes: pd.DataFrame) -> NDArray[np.float64]:
    """Return each day's volumes over their sum, (N, D)."""
    if volumes.empty:
        raise InvalidInput(f"the volumes have shape {volumes.shape}; give a row a bucket and a column a day")
    for what, labels in (("bucket", volumes.index), ("day", volumes.columns)):
        if labels.has_duplicates:
            raise InvalidInput(f"{what} {labels[labels.duplicated()][0]} appears twice; keep one of them")
    numbers = volumes.apply(pd.to_numeric, errors="coerce").to_numpy(dtype=float)
    faulty = ~(np.isfinite(numbers) & (numbers >= 0))
    if faulty.any():
        row, column = np.argwhere(faulty)[0]
        raise InvalidInput(
            f"bucket {volumes.index[row]}, day {volumes.columns[column]}: {volumes.iat[row, column]!r} is no volume; "
            "write 0 where nothing traded, or leave the day out"
        )
    totals = numbers.sum(axis=0)
    if (totals == 0).any():
        raise InvalidInput(f"day {volumes.columns[totals == 0][0]} has no volume; leave the day out")
    return np.asarray(numbers / totals, dtype=float)
