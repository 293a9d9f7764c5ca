"""Figures show the numbers of the schedule, and can be read."""

import io
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pandas as pd
import pytest
from matplotlib import pyplot
from matplotlib.colors import to_hex
from matplotlib.figure import Figure

import optexec as ox
from optexec.analysis.plot_style import ANSWER, OTHERS, TICKS
from optexec.analysis.schedule_plots import plot_schedule
from optexec.analysis.verification_plots import PANELS, plot_verification
from optexec.solvers.verification import LAGRANGE, every_schedule

MINUTES = pd.date_range("2025-01-15T09:30", periods=390, freq="min", tz="America/New_York")


def schedule(labels: object, method: str = "auto") -> ox.Schedule:
    buckets = labels if isinstance(labels, int) else len(labels)  # type: ignore[arg-type]
    slope = np.linspace(1, 2, buckets)
    problem = ox.Problem(ox.Order(9_000, price=20.0), ox.Power(slope * 1e-5, 2.0), ox.objective("A"), buckets=labels)
    return ox.solve(problem, method)


def drawn(figure: Figure) -> list[str]:
    """Draw it, and return the labels of the shared axis."""
    figure.savefig(io.BytesIO(), format="png")
    return [label.get_text() for label in figure.axes[1].get_xticklabels()]


def test_bars_and_lines_are_the_shares_and_the_inventory() -> None:
    answer, twap = schedule(12), schedule(12, "twap")
    traded, held = plot_schedule(answer, {"twap": twap}).axes
    assert [bar.get_height() for bar in traded.containers[0]] == answer.x.tolist()
    steps = next(patch for patch in traded.patches if hasattr(patch, "get_data"))
    assert steps.get_data().values.tolist() == twap.x.tolist()
    own, other = (line.get_ydata() for line in held.lines)
    assert own.tolist() == [9_000, *answer.inventory]
    assert other.tolist() == pytest.approx([9_000, *twap.inventory])
    assert (traded.get_ylabel(), held.get_ylabel()) == ("shares a bucket", "shares still to trade")


def test_title_tells_cost_gap_and_method() -> None:
    answer = schedule(12)
    traded = plot_schedule(answer).axes[0]
    told = traded.get_title(loc="left")
    assert f"${answer.objective:,.2f} ({answer.bps:.3g} bps)" in told
    assert answer.method in told
    assert f"within {answer.gap:.1g} of the optimum" in told
    assert "9,000 shares" in traded.texts[0].get_text()
    assert [text.get_text() for text in traded.get_legend().get_texts()] == [answer.method]


@pytest.mark.parametrize(
    ("labels", "first"),
    [
        (MINUTES, "09:30"),
        ([moment.isoformat() for moment in MINUTES], "09:30"),
        ([f"{moment:%H:%M}" for moment in MINUTES], "09:30"),
        ([f"bucket {k}" for k in range(390)], "bucket 0"),
        (390, "1"),
    ],
)
def test_labels_of_many_buckets_stay_apart(labels: object, first: str) -> None:
    figure = plot_schedule(schedule(labels))
    told = drawn(figure)
    assert told[0] == first
    assert 4 <= len(told) <= TICKS
    renderer = figure.canvas.get_renderer()  # type: ignore[attr-defined]
    boxes = [label.get_window_extent(renderer) for label in figure.axes[1].get_xticklabels()]
    assert all(left.x1 < right.x0 for left, right in pairwise(boxes))


def test_times_are_labelled_on_round_minutes_at_their_own_bucket() -> None:
    figure = plot_schedule(schedule(MINUTES))
    told = drawn(figure)
    assert told[1] == "10:00"
    assert figure.axes[1].get_xticks()[1] == 30
    assert "15 January 2025" in figure.axes[1].get_xlabel()


def test_each_baseline_has_a_colour_and_a_dash_of_its_own() -> None:
    answer = schedule(12)
    names = ("twap", "front_loaded", "exponential")
    lines = plot_schedule(answer, {name: schedule(12, name) for name in names}).axes[1].lines[1:]
    assert [to_hex(line.get_color()).upper() for line in lines] == list(OTHERS[:3])
    assert len({line.get_linestyle() for line in lines}) == 3


def test_one_bucket_and_no_figure_left_open() -> None:
    drawn(plot_schedule(schedule(1)))
    assert pyplot.get_fignums() == []


CONCAVE = ox.Problem(
    ox.Order(900, price=10.0), ox.Power([1.0, 1.1, 0.9], 0.6), ox.objective("A"), ox.Limits(maximum=500)
)


def test_a_panel_for_every_schedule_with_its_excess_and_the_false_point_dashed() -> None:
    schedules = every_schedule(CONCAVE)
    figure = plot_verification(schedules)
    drawn(figure)
    titles = [axes.get_title(loc="left").splitlines() for axes in figure.axes]
    assert titles[0][0].startswith("branch, milp")
    assert titles[-1][0] == "lagrange"
    dearest, least = schedules[LAGRANGE], schedules["branch"]
    above = dearest.objective - least.objective
    excess = f"{100 * above / least.objective:+,.2f} % = {1e4 * above / 9_000:+.3g} bps"
    assert titles[-1][1] == f"${dearest.objective:,.2f}, {excess}"
    first, last = figure.axes[0].lines[0], figure.axes[-1].lines[0]
    assert first.get_ydata().tolist() == [900, *least.inventory]  # type: ignore[union-attr]
    assert last.get_ydata().tolist() == [900, *dearest.inventory]  # type: ignore[union-attr]
    assert first.get_color() == ANSWER
    assert last.is_dashed()
    assert not first.is_dashed()
    assert figure._supylabel.get_text() == "shares still to trade"  # type: ignore[attr-defined]
    assert figure.axes[-1].get_xlabel() == "bucket"
    told = [text.get_text() for text in figure.legends[0].get_texts()]
    assert {"certified optimum", "Lagrange point: stationary, not a minimum", "baseline or heuristic"} <= set(told)


def test_panels_are_few_and_failures_are_left_out() -> None:
    answer = ox.solve(CONCAVE, "branch")
    drifting = [np.array([500.0 - 10 * k, 400.0 - 5 * k, 15.0 * k]) for k in range(1, 15)]
    others = {f"ipopt[random {k}]": ox.evaluate(CONCAVE, x, "random") for k, x in enumerate(drifting)}
    nowhere = replace(answer, x=np.full(3, np.nan), status="failed", method="milp")
    figure = plot_verification({"branch": answer, "milp": nowhere, **others})
    assert len(figure.axes) == PANELS
    assert "3 more schedules are not shown" in figure._suptitle.get_text()  # type: ignore[attr-defined]
    assert not any("milp" in axes.get_title(loc="left") for axes in figure.axes)
