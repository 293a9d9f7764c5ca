"""The figure of a calibration shows the curves, the residuals and the buckets that it says."""

import numpy as np
import pytest

import optexec as ox
from optexec.analysis.calibration_plots import plot_calibration
from optexec.data import sample
from optexec.data.averages import averaged_curves
from optexec.data.book import read_book
from optexec.data.fit_report import residual_quantiles
from optexec.data.slippage import slippage_points

BOOK = read_book(sample.path("book.csv.gz"))
POINTS = slippage_points(BOOK, "30min")
DOUBTFUL = np.arange(13) == 4


@pytest.mark.parametrize("curves", [averaged_curves(BOOK, "30min").curves, ox.Power(1e-4, 1.5, quoted="total")])
def test_it_draws_the_numbers_of_the_report(curves) -> None:
    shown, missed, seen = plot_calibration(POINTS, curves, DOUBTFUL).axes
    place, drawn = shown.lines[1].get_data()
    assert drawn == pytest.approx([100 * curves.cost(np.full(13, x))[0] / x for x in place])
    assert missed.lines[0].get_ydata() == pytest.approx(100 * residual_quantiles(POINTS, curves)[0.5].to_numpy())
    for area, (low, high) in zip(missed.collections, ((0.05, 0.95), (0.25, 0.75)), strict=True):
        ends = 100 * residual_quantiles(POINTS, curves)[[low, high]].to_numpy()
        places, values = area.get_paths()[0].vertices.T
        drawn_ends = [[values[places == k].min(), values[places == k].max()] for k in np.unique(places)]
        assert np.array(drawn_ends) == pytest.approx(ends)
    assert [bar.get_height() for bar in seen.patches] == [30] * 13
    assert seen.lines[0].get_xdata().tolist() == [4]


def test_without_doubt_nothing_is_marked() -> None:
    assert not plot_calibration(POINTS, ox.Linear(0.01), ~np.ones(13, dtype=bool)).axes[2].lines


def test_curves_of_other_buckets_are_refused() -> None:
    with pytest.raises(ox.InvalidInput, match="5 buckets"):
        plot_calibration(POINTS, ox.Linear([0.01] * 5), DOUBTFUL)
