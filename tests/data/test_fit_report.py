"""What curves miss of their books, and how much of the day they rest on."""

import numpy as np
import pandas as pd
import pytest

import optexec as ox
from optexec.data import sample
from optexec.data.book import midpoint, read_book, walk_cost
from optexec.data.bucketing import divide
from optexec.data.fit_report import QUANTILES, coverage, residual_quantiles, residuals
from optexec.data.slippage import slippage_points

BOOK = read_book(sample.path("book.csv.gz"))
POINTS = slippage_points(BOOK, "30min", "sell")
CURVES = {
    "families": ox.Linear(np.linspace(0.01, 0.02, 13)) + ox.Power(1e-5, np.linspace(0.8, 1.2, 13), quoted="per_share"),
    "points": ox.Tabulated([0.0, 100.0, 5_000.0], np.outer(np.linspace(1, 2, 13), [0.0, 1.0, 300.0])),
    "one for all": ox.Power(1e-4, 1.5, quoted="total"),
}


@pytest.mark.parametrize("name", CURVES)
def test_residuals_are_those_snapshot_by_snapshot(name) -> None:
    curves = CURVES[name]
    found = residuals(POINTS, curves)
    for place in (0, 29, 30, 389):
        x = POINTS.shares[place]
        own = np.array([curves.cost(np.full(13, size))[POINTS.owner[place]] for size in x])
        walked = walk_cost(BOOK.iloc[[place]], "sell", x)[0]
        assert found[place] == pytest.approx((own - walked) / walked, rel=1e-9)
    told = residual_quantiles(POINTS, curves)
    assert told.index.tolist() == pytest.approx(POINTS.size_grid)
    assert told.loc[0.5, 0.5] == pytest.approx(np.median(found[:, 9]))
    assert (np.diff(told[list(QUANTILES)]) >= 0).all()


def test_curves_of_other_buckets_are_refused() -> None:
    with pytest.raises(ox.InvalidInput, match="the curves are of 5 buckets, the points of 13"):
        residuals(POINTS, ox.Linear([0.01] * 5))


@pytest.mark.parametrize("since_midnight", [True, False])
def test_coverage_counts_snapshots_by_time_of_day(since_midnight) -> None:
    """Sparse: nothing between 10:05 and 10:40, so that seven buckets of five minutes take the book before them."""
    clock = BOOK.index - BOOK.index[0].normalize()
    sparse = BOOK[(clock < pd.Timedelta("10:05:00")) | (clock >= pd.Timedelta("10:40:00"))].iloc[:60]
    sparse = sparse.set_axis(sparse.index - sparse.index[0].normalize()) if since_midnight else sparse
    points = slippage_points(sparse, "5min")
    carried = divide(sparse.index, "5min", np.isfinite(midpoint(sparse))).carried
    doubtful = np.arange(len(carried)) == 1
    told = coverage(points, carried, doubtful)
    assert told.index.tolist() == [pd.Timedelta(hours=h, minutes=m) for h, m in ((9, 30), (10, 0), (10, 30), (11, 0))]
    assert told["buckets"].tolist() == [6, 6, 6, 1]
    assert told["snapshots"].tolist() == [30, 5, 20, 5]
    assert told["carried"].tolist() == [0, 5, 2, 0]
    assert told["undetermined"].tolist() == [1, 0, 0, 0]


def test_later_points_are_those_of_the_later_snapshots() -> None:
    later = POINTS.later(2)
    whole = slippage_points(BOOK.iloc[60:], "30min", "sell")
    assert later.start.equals(whole.start)
    for name in ("owner", "shares", "slippage", "half_spread", "depth"):
        np.testing.assert_array_equal(getattr(later, name), getattr(whole, name))
