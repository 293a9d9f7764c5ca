"""The family of curves that foretells the next bucket best."""

import numpy as np
import pandas as pd
import pytest

from optexec.data import sample
from optexec.data.book import BOOK_COLUMNS, LEVELS, read_book
from optexec.data.curve_families import FAMILIES
from optexec.data.forecasts import FittedCurve, previous_book
from optexec.data.model_choice import NAIVE, best_family, family_errors
from optexec.data.out_of_sample import errors
from optexec.models.errors import InvalidInput


@pytest.mark.parametrize("side", ["buy", "sell"])
def test_the_errors_are_those_of_forecasts_made_bucket_by_bucket(side):
    book = read_book(sample.path("book.csv.gz")).iloc[:90]
    forecasts = {NAIVE: previous_book, **{name: FittedCurve(name) for name in FAMILIES}}
    slow = errors(book, "5min", side, 2_000, forecasts, "09:30:00").loc["mean"]
    fast = family_errors(book, "5min", side, 2_000)
    for column in ("n", "median_absolute", "median_relative"):
        np.testing.assert_allclose(fast[column], slow.loc[fast.index, column], rtol=1e-9)


def power_books(exponent: float, noise: float, seed: int) -> pd.DataFrame:
    """An hour of ladders whose per-share slippage is a power of the size without a spread, jittered."""
    rng = np.random.default_rng(seed)
    ends = np.linspace(0, 5_000, LEVELS + 1)
    cost = 1e-4 * ends ** (1 + exponent)
    distance = np.diff(cost) / np.diff(ends) * np.exp(noise * rng.standard_normal((360, 1)))
    sizes = np.full((360, LEVELS), np.diff(ends)[0])
    index = pd.DatetimeIndex(
        pd.date_range("2025-01-15 09:30", periods=360, freq="10s", tz="America/New_York"), name="time"
    )
    return pd.DataFrame(np.hstack([50 - distance, 50 + distance, sizes, sizes]), index=index, columns=BOOK_COLUMNS)


@pytest.mark.parametrize("seed", [1, 2])
def test_the_family_that_made_the_books_foretells_them_better_than_others(seed):
    told = family_errors(power_books(0.5, 0.1, seed), "60s", "buy", 3_000)
    straight, curved = told.loc["linear_per_share", "median_absolute"], told.loc["power_total", "median_absolute"]
    assert curved < 0.5 * straight
    assert best_family(told) not in ("linear_per_share", "linear_total", "exponential_total")


def test_a_size_that_no_book_shows_is_refused():
    with pytest.raises(InvalidInput, match="no two buckets in a row show"):
        family_errors(read_book(sample.path("book.csv.gz")).iloc[:30], "5min", "buy", 1e9)


def test_a_single_bucket_cannot_be_judged():
    with pytest.raises(InvalidInput, match="no two buckets in a row"):
        family_errors(read_book(sample.path("book.csv.gz")).iloc[:3], "1h")
