"""The figure of variants shows their inventories, and the dollars of their table."""

import io

import numpy as np
import pytest
from matplotlib import pyplot

import optexec as ox
from optexec.analysis.sensitivity_plots import plot_sensitivity

CALM = ox.Problem(ox.Order(900), ox.Linear(0.01) + ox.Power(1e-4, 2.0), ox.objective("C", psi=2e-5), buckets=12)
VARIANTS = {
    "as it is": CALM,
    "volatility x 2": CALM.replace(terms=ox.objective("C", psi=8e-5)),
    "impact x 2": CALM.replace(impact=ox.Linear(0.01) + ox.Power(2e-4, 2.0)),
    "half the time": CALM.replace(buckets=6),
}


def test_lines_are_inventories_and_bars_are_the_dollars_of_the_table() -> None:
    schedules = dict(zip(VARIANTS, ox.solve_many(VARIANTS.values()), strict=True))
    figure = plot_sensitivity(schedules)
    figure.savefig(io.BytesIO(), format="png", dpi=30)
    pace, dollars = figure.axes
    for (name, schedule), line in zip(schedules.items(), pace.lines, strict=True):
        assert line.get_label() == name
        left = np.append(schedule.problem.shares, schedule.inventory)
        assert line.get_ydata() == pytest.approx(100 * left / 900)
        assert np.asarray(line.get_xdata())[[0, -1]].tolist() == [0, 100]
    table = ox.sensitivity(VARIANTS)
    widths = np.array([bar.get_width() for bar in dollars.patches]).reshape(2, -1)
    assert widths == pytest.approx(table[["cost", "risk"]].to_numpy().T)
    ends = [bar.get_x() + bar.get_width() for bar in dollars.patches[len(table) :]]
    assert ends == pytest.approx([schedule.objective for schedule in schedules.values()])
    earlier, usual, later = (np.asarray(pace.lines[k].get_ydata())[6] for k in (1, 0, 2))
    assert earlier < usual < later
    assert pyplot.get_fignums() == []


def test_nothing_is_refused() -> None:
    with pytest.raises(ox.InvalidInput, match="at least one schedule"):
        plot_sensitivity({})
