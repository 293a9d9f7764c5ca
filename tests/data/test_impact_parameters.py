"""Half-spread, temporary and permanent impact from data whose impact is known."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy.stats import t, ttest_1samp

from optexec.data import sample
from optexec.data.book import BOOK_COLUMNS, LEVELS, midpoint, read_book, walk_cost
from optexec.data.estimate import Estimate, ratio_of_sums
from optexec.data.permanent_impact import permanent_impact, tick_rule
from optexec.data.temporary_impact import SIZES, half_spread, temporary_impact
from optexec.models.errors import InvalidInput

SHARED = Path(__file__).parents[2].parent / "shared/data/lobster"
AAPL = SHARED / "AAPL_2012-06-21_0930_1030_mbp10_1s_rebuilt.csv.gz"
MESSAGES = SHARED / "AAPL_2012-06-21_34200000_37800000_message_50.csv.gz"
HALF_SPREAD, ETA, GAMMA = 0.02, 1e-5, 2e-5
FRACTION = 0.1
REPLICATIONS = 2_000


def at(seconds: NDArray[np.float64]) -> pd.TimedeltaIndex:
    return pd.to_timedelta(34_200 + seconds, unit="s").rename("time")


def linear_book(
    seconds: NDArray[np.float64],
    mid: NDArray[np.float64],
    half: NDArray[np.float64],
    eta: NDArray[np.float64],
    depth: NDArray[np.float64],
) -> pd.DataFrame:
    """Books whose walk costs half x + eta x^2 at each of the sizes that `temporary_impact` walks, on both sides."""
    small = FRACTION * np.arange(1, SIZES + 1) / SIZES
    ends = np.concatenate([[0.0, 1e-3], small, np.linspace(FRACTION, 1, LEVELS - SIZES)[1:]]) * depth[:, None]
    extra = np.diff(eta[:, None] * ends**2) / np.diff(ends)
    extra[:, 0] = 0.0
    extra[:, 1] = eta * ends[:, 2] ** 2 / (ends[:, 2] - ends[:, 1])
    away, sizes = half[:, None] + extra, np.diff(ends)
    levels = np.hstack([mid[:, None] - away, mid[:, None] + away, sizes, sizes])
    return pd.DataFrame(levels, index=at(seconds), columns=BOOK_COLUMNS)


def random_book(random: np.random.Generator, buckets: int, each: int) -> pd.DataFrame:
    """Books of mean half-spread HALF_SPREAD and mean eta ETA, which persist within buckets of five minutes."""
    size = buckets * each

    def shaken(spread: float) -> NDArray[np.float64]:
        noise = np.repeat(random.normal(size=buckets), each) + 0.5 * random.normal(size=size)
        return np.exp(spread * noise - spread**2 * 1.25 / 2)

    seconds = 300 / each * np.arange(size)
    depth = 10_000 * random.uniform(0.7, 1.3, size)
    return linear_book(seconds, np.full(size, 50.0), HALF_SPREAD * shaken(0.2), ETA * shaken(0.2), depth)


def moved_book(random: np.random.Generator, windows: int) -> tuple[pd.DataFrame, pd.Series]:
    """Mids that each window's signed trades move by GAMMA a share, with noise that grows with the flow."""
    trades = np.round(200 * random.normal(size=(windows, 5)))
    flow = trades.sum(axis=1)
    moves = GAMMA * flow + 0.01 * random.normal(size=windows) * (1 + np.abs(flow) / 400)
    ends = 300.0 * np.arange(1, windows + 1) - 1
    mid = 50 + np.concatenate([[0.0], moves.cumsum()])
    ones = np.ones(windows + 1)
    book = linear_book(np.append(0.0, ends), mid, HALF_SPREAD * ones, ETA * ones, 10_000 * ones)
    times = (300.0 * np.arange(windows)[:, None] + [1, 60, 120, 200, 298]).ravel()
    return book, pd.Series(trades.ravel(), index=at(times))


def covers(estimates: list[Estimate], truth: float) -> None:
    """Hold intervals to cover the truth 93 to 97 times in 100, and values to be right on average."""
    values = np.array([estimate.value for estimate in estimates])
    covered = np.mean([estimate.low <= truth <= estimate.high for estimate in estimates])
    assert 0.93 <= covered <= 0.97
    assert abs(values.mean() - truth) < 3 * values.std() / np.sqrt(values.size)
    errors = np.array([estimate.standard_error for estimate in estimates])
    assert np.sqrt(np.mean(errors**2)) == pytest.approx(values.std(), rel=0.1)


# The estimator


@settings(deadline=None)
@given(seed=st.integers(0, 2**32 - 1), size=st.integers(2, 40))
def test_equal_clusters_give_the_textbook_mean(seed: int, size: int) -> None:
    values = np.random.default_rng(seed).normal(3, 2, size)
    found = ratio_of_sums(values, np.ones(size))
    reference = ttest_1samp(values, 0.0).confidence_interval(0.95)
    assert found.value == pytest.approx(values.mean())
    assert found.standard_error == pytest.approx(values.std(ddof=1) / np.sqrt(size))
    assert (found.low, found.high) == (pytest.approx(reference.low), pytest.approx(reference.high))


@settings(deadline=None)
@given(seed=st.integers(0, 2**32 - 1), size=st.integers(3, 15))
def test_errors_and_degrees_of_freedom_are_those_of_the_matrices(seed: int, size: int) -> None:
    random = np.random.default_rng(seed)
    x, y = random.normal(size=(2, size))
    found = ratio_of_sums(x * y, x * x)
    hat = np.outer(x, x) / (x @ x)
    maker = np.eye(size) - hat
    residual = maker @ y
    adjusted = residual / np.sqrt(1 - np.diag(hat))
    assert found.value == pytest.approx(np.linalg.lstsq(x[:, None], y, rcond=None)[0][0])
    assert found.standard_error == pytest.approx(np.sqrt((x**2 * adjusted**2).sum()) / (x @ x))
    directions = maker * (x / np.sqrt(1 - np.diag(hat)))
    eigenvalues = np.linalg.eigvalsh(directions.T @ directions)
    assert found.degrees_of_freedom == pytest.approx(eigenvalues.sum() ** 2 / (eigenvalues**2).sum())
    reach = t.ppf(0.975, found.degrees_of_freedom) * found.standard_error
    assert (found.low, found.high) == (pytest.approx(found.value - reach), pytest.approx(found.value + reach))


def test_clusters_that_say_nothing_are_not_counted() -> None:
    with_empty = ratio_of_sums(np.array([1.0, 0.0, 3.0, 0.0]), np.array([1.0, 0.0, 2.0, 0.0]))
    assert with_empty == ratio_of_sums(np.array([1.0, 3.0]), np.array([1.0, 2.0]))
    assert with_empty.clusters == 2
    with pytest.raises(InvalidInput, match="two clusters of observations or more, got 1"):
        ratio_of_sums(np.ones(3), np.array([0.0, 5.0, 0.0]))


@pytest.mark.parametrize("clusters", [6, 12, 78])
@pytest.mark.parametrize("uneven", [0.0, 1.0])
def test_intervals_cover_slopes_of_dependent_points(clusters: int, uneven: float) -> None:
    random = np.random.default_rng(clusters)
    x = random.normal(size=(REPLICATIONS, clusters, 5))
    shared = random.normal(size=(REPLICATIONS, clusters, 1))
    y = GAMMA * x + (shared * x + random.normal(size=x.shape)) * (1 + uneven * np.abs(x))
    sums = zip((x * y).sum(axis=2), (x * x).sum(axis=2), strict=True)
    covers([ratio_of_sums(top, bottom) for top, bottom in sums], GAMMA)


@pytest.mark.parametrize("windows", [12, 78])
def test_intervals_cover_slopes_of_windows_with_uneven_noise(windows: int) -> None:
    random = np.random.default_rng(windows)
    x = random.normal(size=(REPLICATIONS, windows))
    y = GAMMA * x + random.normal(size=x.shape) * (0.5 + np.abs(x))
    covers([ratio_of_sums(*pair) for pair in zip(x * y, x * x, strict=True)], GAMMA)


# Temporary impact


def test_exact_books_give_back_their_parameters() -> None:
    random = np.random.default_rng(1)
    ones = np.ones(12)
    depth = random.uniform(1_000, 9_000, 12)
    book = linear_book(100.0 * np.arange(12), 50 * ones, HALF_SPREAD * ones, ETA * ones, depth)
    np.testing.assert_allclose(
        walk_cost(book, "buy", 0.06 * depth[:, None])[:, 0], HALF_SPREAD * 0.06 * depth + ETA * (0.06 * depth) ** 2
    )
    assert half_spread(book).value == pytest.approx(HALF_SPREAD)
    for side in ("buy", "sell"):
        eta = temporary_impact(book, side, FRACTION)
        assert eta.value == pytest.approx(ETA)
        assert eta.standard_error < 1e-6 * ETA
        assert eta.clusters == 4


def test_eta_is_the_pooled_slope_through_the_origin() -> None:
    book = read_book(sample.path("book.csv.gz"))
    x, y = [], []
    for row in range(0, len(book), 13):
        snapshot = book.iloc[[row]]
        half = (snapshot["ask_px_00"] - snapshot["bid_px_00"]).iloc[0] / 2
        for step in range(1, SIZES + 1):
            shares = 0.3 * step / SIZES * snapshot.filter(like="ask_sz").to_numpy().sum()
            x.append(shares)
            y.append(walk_cost(snapshot, "buy", [shares])[0, 0] / shares - half)
    slope = np.linalg.lstsq(np.array(x)[:, None], np.array(y), rcond=None)[0][0]
    assert temporary_impact(book.iloc[::13], "buy", 0.3).value == pytest.approx(slope)


@pytest.mark.slow
def test_intervals_cover_half_spread_and_eta() -> None:
    random = np.random.default_rng(12)
    spreads, slopes = [], []
    for _ in range(REPLICATIONS):
        book = random_book(random, 12, 4)
        spreads.append(half_spread(book))
        slopes.append(temporary_impact(book, "sell", FRACTION))
    covers(spreads, HALF_SPREAD)
    covers(slopes, ETA)


def test_quotes_are_weighed_by_what_traded_on_them() -> None:
    halves = np.array([0.01, 0.03, 0.02])
    book = linear_book(np.array([0.0, 200.0, 400.0]), np.full(3, 50.0), halves, np.full(3, ETA), np.full(3, 1e4))
    assert half_spread(book).value == pytest.approx(0.02)
    assert half_spread(book.assign(volume=[9e9, 300.0, 100.0])[:3], "150s").value == pytest.approx(0.015)


def test_snapshots_without_both_sides_are_passed_over() -> None:
    random = np.random.default_rng(3)
    book = random_book(random, 4, 5)
    holed = book.copy()
    holed.loc[holed.index[7], [name for name in BOOK_COLUMNS if name.startswith("bid")]] = [np.nan] * 10 + [0.0] * 10
    for estimate in (half_spread, temporary_impact):
        assert estimate(holed) == estimate(book.drop(index=book.index[7]))


# Permanent impact


@pytest.mark.slow
def test_intervals_cover_gamma() -> None:
    random = np.random.default_rng(12)
    covers([permanent_impact(*moved_book(random, 12)) for _ in range(REPLICATIONS)], GAMMA)


def test_gamma_is_the_slope_through_the_origin_of_moves_on_flow() -> None:
    book = read_book(sample.path("book.csv.gz"))
    random = np.random.default_rng(4)
    flow = pd.Series(random.normal(0, 500, len(book)), index=book.index)
    minutes = np.array([(time.hour - 9) * 60 + time.minute - 30 for time in book.index])
    mid = midpoint(book)
    moves, sums = [], []
    for window in range(26):
        inside = minutes // 15 == window
        before = mid[minutes // 15 < window]
        moves.append(mid[inside][-1] - (before[-1] if before.size else mid[0]))
        sums.append(flow[inside].sum() - (flow.iloc[0] if window == 0 else 0.0))
    slope = np.linalg.lstsq(np.array(sums)[:, None], np.array(moves), rcond=None)[0][0]
    assert permanent_impact(book, flow, "15min").value == pytest.approx(slope)


def test_flow_up_to_the_first_mid_is_left_out() -> None:
    book, signed = moved_book(np.random.default_rng(5), 12)
    early = pd.Series([1e9, 1e9], index=at(np.array([-20.0, 0.0])))
    assert permanent_impact(book, pd.concat([early, signed])) == permanent_impact(book, signed)


def test_dated_books_take_dated_trades() -> None:
    book, signed = moved_book(np.random.default_rng(6), 12)
    midnight = pd.Timestamp("2025-01-15", tz="America/New_York")
    dated = permanent_impact(book.set_axis(midnight + book.index), signed.set_axis(midnight + signed.index))
    assert dated == permanent_impact(book, signed)
    utc = signed.set_axis((midnight + signed.index).tz_convert("UTC"))
    assert permanent_impact(book.set_axis(midnight + book.index), utc) == dated


def test_the_tick_rule_keeps_the_last_sign() -> None:
    mid = np.array([50.0, 50.0, 50.01, 50.01, np.nan, 50.0, 50.0, 50.02])
    ones = np.ones(mid.size)
    book = linear_book(np.arange(8.0), mid, HALF_SPREAD * ones, ETA * ones, 1e4 * ones).assign(volume=10 * ones)
    assert tick_rule(book).tolist() == [0.0, 0.0, 10.0, 10.0, 10.0, -10.0, -10.0, 10.0]
    assert permanent_impact(book, window="1s") == permanent_impact(book, tick_rule(book), window="1s")


def test_signs_read_from_the_mid_bias_gamma_upwards() -> None:
    random = np.random.default_rng(7)
    gammas = []
    for _ in range(50):
        mid = 50 + 0.01 * random.choice([-1, 1], 600).cumsum()
        ones = np.ones(600)
        book = linear_book(np.arange(600.0), mid, HALF_SPREAD * ones, ETA * ones, 1e4 * ones)
        gammas.append(permanent_impact(book.assign(volume=random.uniform(50, 150, 600)), window="30s").value)
    assert np.mean(gammas) == pytest.approx(1e-4, rel=0.1)


# What is refused


def test_degenerate_inputs_are_refused() -> None:
    book, signed = moved_book(np.random.default_rng(8), 12)
    with pytest.raises(InvalidInput, match="no column 'volume'"):
        permanent_impact(book)
    with pytest.raises(InvalidInput, match="not 0 in 0 of 12 windows"):
        permanent_impact(book, 0 * signed)
    with pytest.raises(InvalidInput, match="not 0 in 0 of 12 windows"):
        permanent_impact(book.assign(volume=0.0))
    with pytest.raises(InvalidInput, match="not 0 in 1 of 1 windows"):
        permanent_impact(book, signed, "12h")
    with pytest.raises(InvalidInput, match="not 0 in 0 of 12 windows"):
        permanent_impact(book, signed.iloc[:0])
    with pytest.raises(InvalidInput, match=r"signed volume at .* is missing"):
        permanent_impact(book, signed.replace(signed.iloc[4], np.nan))
    with pytest.raises(InvalidInput, match="after the book's last window"):
        permanent_impact(book.iloc[:4], signed)
    with pytest.raises(InvalidInput, match="give both the same times"):
        permanent_impact(book, signed.reset_index(drop=True))
    with pytest.raises(InvalidInput, match="no positive length"):
        permanent_impact(book, signed, "0s")


def test_bad_arguments_of_temporary_impact_are_refused() -> None:
    book = random_book(np.random.default_rng(9), 3, 2)
    for fraction, message in ((0, "> 0"), (1.5, "in \\(0, 1\\]"), (np.nan, "finite"), ("much", "number")):
        with pytest.raises(InvalidInput, match=f"fraction must be .*{message}"):
            temporary_impact(book, fraction=fraction)
    with pytest.raises(InvalidInput, match="unknown side 'bye'"):
        temporary_impact(book, "bye")
    with pytest.raises(InvalidInput, match="two clusters of observations or more, got 1"):
        half_spread(book, "1h")
    with pytest.raises(InvalidInput, match="two clusters of observations or more, got 0"):
        half_spread(book.assign(volume=0.0))
    with pytest.raises(InvalidInput, match="never shows a bid and an ask"):
        half_spread(book.assign(**{name: np.nan for name in BOOK_COLUMNS if name.startswith("ask_px")}))


# A real hour


@pytest.mark.skipif(not AAPL.exists(), reason="the real AAPL hour is not beside the project")
def test_real_hour() -> None:
    book = read_book(AAPL)
    half, eta = half_spread(book), temporary_impact(book)
    np.testing.assert_allclose(half[:2], [0.08740, 0.00808], atol=1e-5)
    np.testing.assert_allclose(eta[:2], [8.94e-5, 1.85e-5], atol=1e-7)
    assert (half.clusters, eta.clusters) == (12, 13)


@pytest.mark.skipif(not (AAPL.exists() and MESSAGES.exists()), reason="the real AAPL hour is not beside the project")
def test_real_hour_moves_with_its_signed_trades() -> None:
    messages = pd.read_csv(MESSAGES, header=None, usecols=[0, 1, 3, 5], names=["time", "type", "size", "direction"])
    executed = messages[messages["type"] == 4]
    bought = pd.Series(
        (-executed["direction"] * executed["size"]).to_numpy(), index=pd.to_timedelta(executed["time"], unit="s")
    )
    gamma = permanent_impact(read_book(AAPL), bought, "1min")
    assert 0 < gamma.low < gamma.value < gamma.high
    np.testing.assert_allclose(gamma[:2], [7.82e-5, 2.09e-5], atol=1e-7)
