"""Points of the slippage curve."""

import numpy as np
import pandas as pd
import pytest

from optexec.data import sample
from optexec.data.book import LEVELS, displayed_depth, read_book, walk_cost
from optexec.data.slippage import SIZE_GRID, slippage_points
from optexec.models.errors import InvalidInput

BOOK = read_book(sample.path("book.csv.gz")).iloc[:90]


@pytest.mark.parametrize("side", ["buy", "sell"])
def test_points_are_the_walk_of_each_snapshot_by_hand(side: str) -> None:
    points = slippage_points(BOOK, "30min", side)
    ladder = "ask" if side == "buy" else "bid"
    for row in (0, 41, 89):
        snapshot = BOOK.iloc[row]
        mid = (snapshot["bid_px_00"] + snapshot["ask_px_00"]) / 2
        wanted = 0.35 * sum(snapshot[f"{ladder}_sz_{level:02d}"] for level in range(LEVELS))
        left, paid = wanted, 0.0
        for level in range(LEVELS):
            taken = min(left, snapshot[f"{ladder}_sz_{level:02d}"])
            paid += taken * abs(snapshot[f"{ladder}_px_{level:02d}"] - mid)
            left -= taken
        place = SIZE_GRID.index(0.35)
        assert points.shares[row, place] == pytest.approx(wanted)
        assert points.slippage[row, place] == pytest.approx(paid / wanted)
        assert points.half_spread[row] == pytest.approx(snapshot["ask_px_00"] - mid)


def test_slippage_never_falls_with_size() -> None:
    points = slippage_points(BOOK, "30min")
    assert (np.diff(points.slippage, axis=1) >= -1e-12).all()
    np.testing.assert_allclose(points.shares[:, -1], displayed_depth(BOOK, "buy"))


def test_the_size_grid_is_the_one_asked_for() -> None:
    points = slippage_points(BOOK, "30min", "sell", [0.1, 0.5])
    assert points.size_grid == (0.1, 0.5)
    shares = displayed_depth(BOOK, "sell")[:, None] * np.array([0.1, 0.5])
    np.testing.assert_allclose(points.slippage, walk_cost(BOOK, "sell", shares) / shares)


def test_a_bucket_without_a_snapshot_takes_the_one_before() -> None:
    points = slippage_points(BOOK.iloc[[0, 1, 3]], "60s")
    assert points.owner.tolist() == [0, 1, 3, 2]
    assert points.cluster.tolist() == [0, 1, 2, 3]
    np.testing.assert_array_equal(points.slippage[3], points.slippage[1])
    assert points.start[2] == pd.Timestamp("2025-01-15 09:32", tz="America/New_York")


def test_means_are_those_of_a_group_by() -> None:
    points = slippage_points(BOOK, "7min")
    expected = pd.Series(points.depth).groupby(points.owner).mean()
    np.testing.assert_allclose(points.means(points.depth), expected)


@pytest.mark.parametrize("grid", [[], [0.5, 0.5], [0.5, 0.2], [0.0, 1.0], [[0.5]], [float("nan")], [0.5, 1.01]])
def test_a_size_grid_that_is_none_is_refused(grid: list[float]) -> None:
    with pytest.raises(InvalidInput, match="size_grid"):
        slippage_points(BOOK, "30min", "buy", grid)
