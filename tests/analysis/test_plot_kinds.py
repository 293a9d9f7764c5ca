"""Every result has a picture: its numbers, units on every axis, colours of the palette."""

import io
import re
from collections.abc import Callable
from functools import cache
from itertools import pairwise

import numpy as np
import pandas as pd
import pytest
from matplotlib import pyplot
from matplotlib.axes import Axes
from matplotlib.collections import PolyCollection
from matplotlib.colors import to_hex, to_rgb
from matplotlib.container import BarContainer
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle, StepPatch
from matplotlib.text import Text

import optexec as ox
from optexec.analysis.comparison import compare
from optexec.analysis.cost_analysis import CostAnalysis, Quote, aggregate, analyse
from optexec.analysis.plot_style import ANSWER, INK, OTHERS, RULE
from optexec.analysis.price_paths import Arithmetic
from optexec.analysis.simulation import Market, Simulation, simulate
from optexec.data import sample
from optexec.data.book import read_book
from optexec.data.calibration import calibrate
from optexec.data.curve_fits import fit_curves, impact
from optexec.data.forecasts import previous_book
from optexec.data.model_choice import family_errors
from optexec.data.out_of_sample import by_bucket
from optexec.data.slippage import slippage_points
from optexec.data.volatility import realised_variance, rolling_volatility
from optexec.data.volume_profile import volume_profile
from optexec.data.walk_table import walk_table
from optexec.models.drawable import Drawable
from optexec.solvers.verification import compare_schedules, every_schedule

UNITS = re.compile(
    r"\(.*(\$|%|bps|cents|shares|days).*\)|shares|dollars|bucket|exponent b|snapshots|number of slices|^$"
)
"""What a label must say: a unit, or what it counts."""
PALETTE = {colour.lower() for colour in (ANSWER, *OTHERS, INK, RULE)}


@cache
def problem() -> ox.Problem:
    order, impact = ox.Order(900, price=20.0), ox.Power(np.linspace(1e-3, 4e-3, 6), 1.5)
    return ox.Problem(order, impact, ox.objective("C", psi=1e-6), ox.Limits(volume=np.arange(1e4, 7e4, 1e4)))


@cache
def book() -> pd.DataFrame:
    return read_book(sample.path("book.csv.gz"))


def mid() -> pd.Series:
    return (book()["bid_px_00"] + book()["ask_px_00"]) / 2


@cache
def simulated(name: str = "auto") -> Simulation:
    return simulate(ox.solve(problem(), name), Market(problem(), Arithmetic(0.02), permanent=1e-5), paths=400)


def at(minute: int, price: float) -> Quote:
    return Quote(f"2025-01-15T09:{minute}:00-05:00", price)


@cache
def traded() -> CostAnalysis:
    fills = [(at(32, 0).time, 600, 50.10), (at(40, 0).time, 200, 50.20)]
    prints = [(at(minute, 0).time, 1_000, 50 + minute / 1_000) for minute in range(31, 50)]
    return analyse(fills, ox.Order(1_000), at(30, 50.0), at(31, 50.05), at(50, 50.4), prints, fees=4.0)


def variants() -> dict[str, ox.Problem]:
    return {name: problem().replace(terms=ox.objective("C", psi=psi)) for name, psi in (("calm", 1e-7), ("wild", 1e-5))}


def days() -> pd.DataFrame:
    return pd.DataFrame({"monday": [600, 100, 300], "tuesday": [900, 300, 800]}, index=["open", "noon", "close"])


@cache
def forecast() -> pd.DataFrame:
    return by_bucket(book(), "30min", "buy", 3_000, {"previous_book": previous_book}, "10:00:00", "15:30:00")


FIGURES: dict[str, Callable[[], Figure]] = {
    "schedule": lambda: ox.solve(problem()).plot({"twap": ox.solve(problem(), "twap")}),
    "plan": lambda: ox.Replanner(problem(), window=3).plan(0, 900).plot(),
    "schedules": lambda: ox.plot(every_schedule(problem(), ["newton", "twap"])),
    "frontier": lambda: ox.frontier(problem(), points=6).plot(),
    "simulation": lambda: simulated().plot({"twap": simulated("twap")}),
    "cost analysis": lambda: traded().plot(),
    "calibration": lambda: ox.plot(
        (points := slippage_points(book(), "60min")),
        impact(fits := fit_curves(points, ["half_spread_power"])),
        fits["degenerate"].to_numpy(),
    ),
    "horizon": lambda: ox.plot(ox.AlmgrenChriss(1e6, 5, 50, 0.95, 2.5e-7, 2.5e-6), 1e-6),
    "verify": lambda: ox.plot(ox.verify(problem(), ["newton", "twap", "vwap"])),
    "compare": lambda: ox.plot(compare({"A": problem().replace(terms=ox.objective("A")), "C": problem()})),
    "sensitivity": lambda: ox.plot(ox.sensitivity(variants())),
    "aggregate": lambda: ox.plot(aggregate([traded(), traded()])),
    "calibrate": lambda: ox.plot(calibrate(book(), "60min")),
    "walk": lambda: ox.plot(walk_table(book(), [500, 2_000])),
    "family errors": lambda: ox.plot(family_errors(book(), "60min", families=["linear_total", "power_total"])),
    "forecasts": lambda: ox.plot(forecast()),
    "volatility": lambda: ox.plot(rolling_volatility(realised_variance(mid(), "60min"), 3)),
    "profile": lambda: ox.plot(volume_profile(days())),
}


@cache
def drawn(name: str) -> Figure:
    figure = FIGURES[name]()
    figure.savefig(io.BytesIO(), format="png", dpi=40)
    return figure


@pytest.mark.parametrize("name", FIGURES)
def test_every_axis_tells_its_unit(name: str) -> None:
    for axes in drawn(name).axes:
        named = [axis for axis in (axes.xaxis, axes.yaxis) if axis.get_label_text()]
        assert named or name == "schedules"
        for axis in named:
            assert UNITS.search(axis.get_label_text()), axis.get_label_text()
    assert pyplot.get_fignums() == []


@pytest.mark.parametrize("name", FIGURES)
def test_colours_are_those_of_the_palette(name: str) -> None:
    figure, used = drawn(name), set()
    for axes in figure.axes[:1] if name == "frontier" else figure.axes:
        used |= {to_hex(line.get_color()) for line in axes.lines if line.get_linestyle() != "None"}
        used |= {to_hex(line.get_markeredgecolor()) for line in axes.lines if line.get_marker() != "None"}
        used |= {to_hex(patch.get_facecolor()) for patch in axes.patches if isinstance(patch, Rectangle)}
        used |= {to_hex(patch.get_edgecolor()) for patch in axes.patches if isinstance(patch, StepPatch)}
    assert used <= PALETTE
    assert used


def test_inventories_of_a_frontier_darken_with_risk_aversion() -> None:
    shades = [sum(to_rgb(line.get_color())) for line in drawn("frontier").axes[1].lines]
    assert len(shades) > 2
    assert shades == sorted(shades, reverse=True)


@pytest.mark.parametrize("kind", Drawable.__subclasses__())
def test_every_drawable_result_is_drawn_by_a_function_of_its_own(kind: type) -> None:
    assert ox.plot.dispatch(kind) is not ox.plot.dispatch(object)


def test_what_has_no_picture_is_said() -> None:
    with pytest.raises(ox.InvalidInput, match="int has no picture"):
        ox.plot(3)
    with pytest.raises(ox.InvalidInput, match="a table of mood has no picture"):
        ox.plot(pd.DataFrame({"mood": [1.0]}))
    with pytest.raises(ox.InvalidInput, match="no rows"):
        ox.plot(pd.DataFrame({"mood": []}))


def test_dollars_are_dollars_and_no_mathematics() -> None:
    labelled = problem().replace(buckets=[f"${k}$" for k in range(6)])
    figures = [ox.solve(labelled).plot(), drawn("simulation")]
    for figure in figures:
        figure.savefig(io.BytesIO(), format="png", dpi=40)
        told = [text for text in figure.findobj(Text) if text.get_visible() and text.get_text().count("$") > 1]
        assert told
        for text in told:
            shown, mathematics = text._preprocess_math(text.get_text())  # type: ignore[attr-defined]
            assert not mathematics, shown


def heights(axes: object) -> list[float]:
    return [bar.get_height() for bar in axes.patches]  # type: ignore[attr-defined]


def widths(axes: object) -> list[float]:
    return [bar.get_width() for bar in axes.patches]  # type: ignore[attr-defined]


def test_a_plan_shows_its_slice_and_its_window() -> None:
    plan = ox.Replanner(problem(), window=3).plan(0, 900)
    (axes,) = drawn("plan").axes
    assert heights(axes) == plan.shares.tolist()
    assert [to_hex(bar.get_facecolor()) for bar in axes.patches] == [OTHERS[0].lower(), *[ANSWER.lower()] * 2]
    assert f"{plan.slice:,.6g} shares now" in axes.get_title(loc="left")


def test_days_add_up_and_the_mean_is_marked() -> None:
    days_axes, parts = drawn("simulation").axes
    share = days_axes.patches[0].get_data().values  # type: ignore[attr-defined]
    inside = 100 * (1 - 2 * 0.002)
    assert inside - 1 <= share.sum() <= 100
    marks = [line.get_xdata()[0] for line in days_axes.lines]
    assert marks == [simulated().mean, simulated("twap").mean]
    names = [text.get_text().split(":")[0] for text in days_axes.get_legend().get_texts()]
    assert names == ["simulated", "twap"]
    means = widths(parts)
    assert means[:4] == pytest.approx(simulated().parts.mean().tolist())
    assert means[4:] == pytest.approx(simulated("twap").parts.mean().tolist())


def test_the_steps_of_a_shortfall_end_at_it() -> None:
    steps, against = drawn("cost analysis").axes
    *parts, whole = steps.patches
    assert [bar.get_height() for bar in parts] == pytest.approx(list(traded().parts.values()))
    assert parts[-1].get_y() + parts[-1].get_height() == pytest.approx(traded().shortfall)
    assert whole.get_height() == traded().shortfall
    bps = traded().frame["bps"]
    assert widths(against) == pytest.approx(bps[bps.index.str.startswith("vs_")].tolist())


def test_tables_are_drawn_as_they_stand() -> None:
    table = ox.verify(problem(), ["newton", "twap", "vwap"])
    assert widths(drawn("verify").axes[0]) == pytest.approx((100 * table["certified_gap"]).tolist(), abs=1e-9)
    sensitive = ox.sensitivity(variants())
    pace, dollars = drawn("sensitivity").axes
    quarters = [line.get_xdata().tolist() for line in pace.lines]
    assert quarters == [(100 * sensitive[name]).tolist() for name in ("done_25", "done_50", "done_75")]
    assert widths(dollars) == [*sensitive["cost"], *sensitive["risk"]]
    compared = compare({"A": problem().replace(terms=ox.objective("A")), "C": problem()})
    assert [widths(axes) for axes in drawn("compare").axes] == [
        (100 * compared[f"excess_{name}"]).tolist() for name in "AC"
    ]
    both = aggregate([traded(), traded()])
    assert widths(drawn("aggregate").axes[0]) == both["bps"].tolist()


def test_the_market_is_drawn_in_cents_and_basis_points() -> None:
    table = calibrate(book(), "60min")
    spread, exponent, depth, volume, sigma = (axes.lines[0].get_ydata() for axes in drawn("calibrate").axes)
    assert spread.tolist() == (100 * table["half_spread"]).tolist()
    assert (exponent.tolist(), depth.tolist()) == (table["b"].tolist(), table["depth"].tolist())
    assert (volume.tolist(), sigma.tolist()) == (table["volume"].tolist(), (1e4 * table["sigma"]).tolist())
    walks = walk_table(book(), [500, 2_000])
    buy, sell = drawn("walk").axes[0].lines
    for line, side in ((buy, "buy"), (sell, "sell")):
        median = walks[walks["side"] == side].groupby("shares")["per_share"].median()
        assert line.get_xdata().tolist() == [500, 2_000]
        assert line.get_ydata().tolist() == pytest.approx((100 * median).tolist())
    errors = family_errors(book(), "60min", families=["linear_total", "power_total"])
    assert widths(drawn("family errors").axes[0]) == (100 * errors["median_absolute"]).tolist()
    volatility = rolling_volatility(realised_variance(mid(), "60min"), 3)
    assert drawn("volatility").axes[0].lines[0].get_ydata().tolist() == (1e4 * volatility["sigma"]).tolist()
    mean, previous = drawn("forecasts").axes[0].lines
    assert mean.get_ydata().tolist() == (100 * forecast()["mean"]).tolist()
    assert previous.get_ydata().tolist() == (100 * forecast()["previous_book"]).tolist()
    assert previous.get_label() == "previous_book"
    assert heights(drawn("profile").axes[0]) == (100 * volume_profile(days())["share"]).tolist()


def test_methods_that_found_no_schedule_are_left_out() -> None:
    concave = ox.Problem(ox.Order(900), ox.Power([1.0, 1.1, 0.9], 0.6), ox.objective("A"), ox.Limits(maximum=310))
    table = ox.verify(concave)
    labels = [text.get_text() for text in ox.plot(table).axes[0].get_yticklabels()]
    assert "lagrange (stationary, not a minimum)" in table.index
    assert labels == [name for name in table.index if not name.startswith("lagrange")]


FREE = ox.Problem(ox.Order(300, price=20.0), ox.Linear([0.0, 0.01, 0.02]), ox.objective("A"))
"""A problem whose least cost is 0."""


def written(figure: Figure) -> list[str]:
    figure.savefig(io.BytesIO(), format="png", dpi=40)
    return [text.get_text() for text in figure.findobj(Text) if text.get_visible()]


def test_an_excess_over_nothing_is_no_number() -> None:
    table, compared = ox.verify(FREE, ["waterfill", "twap"]), compare({"A": FREE})
    for figure in (ox.plot(table), ox.plot(compared)):
        assert max(np.abs(widths(figure.axes[0]))) < 1e-6
        assert " above a bound of 0" in written(figure)
    panels = ox.plot(every_schedule(FREE, ["waterfill", "twap"]))
    assert [axes.get_title(loc="left") for axes in panels.axes] == ["waterfill\n$0.00", "twap\n$3.00, +5 bps"]


def test_a_bound_that_is_not_known_is_said() -> None:
    bare = [ox.Schedule(FREE, np.roll([300.0, 0, 0], k), f"mine {k}", "feasible", -np.inf) for k in (0, 1)]
    figure = ox.plot(compare_schedules({schedule.method: schedule for schedule in bare}))
    assert written(figure).count(" no bound") == 2
    assert not [text for text in written(ox.plot({s.method: s for s in bare})) if "inf" in text or "nan" in text]


def test_rounding_is_not_drawn_as_a_difference() -> None:
    one = ox.Problem(ox.Order(300), ox.Linear(0.01), ox.objective("A"), buckets=1)
    figure = ox.plot(ox.verify(one, ["waterfill", "twap"]))
    figure.savefig(io.BytesIO(), format="png", dpi=40)
    assert figure.axes[0].get_xlim()[1] > 1e3 * max(np.abs(widths(figure.axes[0])))


@pytest.mark.parametrize(("shares", "scale"), [(3e15, 1e-12), (3e-6, 1.0)])
def test_costs_of_every_size_fit_into_the_titles_of_panels(shares: float, scale: float) -> None:
    impact = ox.Power(scale * np.linspace(1, 4, 12), 1.5)
    huge = ox.Problem(ox.Order(shares, price=20.0), impact, ox.objective("A"))
    figure = ox.plot(every_schedule(huge, ["waterfill", "twap", "front_loaded", "best_bucket"]))
    figure.savefig(io.BytesIO(), format="png")
    boxes = [axes._left_title.get_window_extent() for axes in figure.axes]  # type: ignore[attr-defined]
    assert all(left.x1 < right.x0 for left, right in pairwise(boxes))


def test_an_order_without_fills_has_no_slippage() -> None:
    idle = analyse([], ox.Order(1_000), at(30, 50.0), at(31, 50.05), at(50, 50.4))
    for figure in (idle.plot(), ox.plot(aggregate([idle]))):
        told = written(figure)
        assert told.count(" nothing traded ") == 2
        assert not [text for text in told if "nan" in text]


def test_a_gain_is_told_with_its_sign_before_the_dollar() -> None:
    gain = analyse([(at(32, 0).time, 1_000, 49.0)], ox.Order(1_000), at(30, 50.0), at(31, 50.05), at(50, 50.4))
    rebate = ox.Problem(ox.Order(900, price=20.0), ox.Linear([-0.02, 0.01]), ox.objective("A"))
    figures = [gain.plot(), ox.solve(rebate).plot(), ox.plot(every_schedule(rebate, ["waterfill", "twap"]))]
    for figure in figures:
        told = " ".join(written(figure))
        assert "-$" in told
        assert "$-" not in told


@pytest.mark.parametrize("paid", [49.0, 50.0, 51.0])
def test_labels_of_a_shortfall_stay_inside_its_panel(paid: float) -> None:
    account = analyse([(at(32, 0).time, 1_000, paid)], ox.Order(1_000), at(30, 50.0), at(31, 50.0), at(50, 50.0))
    figure = account.plot()
    figure.savefig(io.BytesIO(), format="png")
    for axes in figure.axes:
        frame = axes.get_window_extent()
        for label in axes.texts:
            box = label.get_window_extent()
            assert frame.x0 <= box.x0 <= box.x1 <= frame.x1
            assert frame.y0 <= box.y0 <= box.y1 <= frame.y1


def test_the_quantiles_of_a_simulation_are_said_to_be_of_its_plan() -> None:
    figure = simulated().plot({"twap": simulated("twap")}, name="optimal")
    assert figure.axes[0].get_title(loc="left").startswith("optimal: 5 % of days below $")


def test_days_that_are_all_the_same_are_all_in_one_bar() -> None:
    still = simulate(ox.solve(problem()), Market(problem(), Arithmetic(0.0)), paths=10)
    figure = still.plot()
    figure.savefig(io.BytesIO(), format="png", dpi=40)
    drawn = figure.axes[0].patches[0].get_data()  # type: ignore[attr-defined]
    (bar,) = np.flatnonzero(drawn.values)
    assert drawn.values[bar] == pytest.approx(100)
    assert drawn.edges[bar] <= still.mean <= drawn.edges[bar + 1]


def shaded(area: PolyCollection) -> dict[float, list[float]]:
    """Lowest and highest value of a shaded area at each of its places."""
    places, values = area.get_paths()[0].vertices.T
    return {place: [values[places == place].min(), values[places == place].max()] for place in np.unique(places)}


def whiskers(axes: Axes, along: int) -> list[float]:
    """Half the length of every whisker of the bars, along x (0) or y (1)."""
    bars = [c.errorbar for c in axes.containers if isinstance(c, BarContainer)]
    segments = [segment for bar in bars for segment in bar.lines[2][0].get_segments()]
    return [float(np.ptp(segment[:, along])) / 2 for segment in segments]


def test_the_middle_nine_tenths_of_simulated_days_are_shaded_and_means_have_their_errors() -> None:
    days_axes, parts = drawn("simulation").axes
    (area,) = (patch for patch in days_axes.patches if isinstance(patch, Rectangle))
    low, high = simulated().quantiles([0.05, 0.95])
    assert [area.get_x(), area.get_x() + area.get_width()] == pytest.approx([low, high])
    both = (simulated(), simulated("twap"))
    errors = [s.parts[name].std(ddof=1) / np.sqrt(400) for s in both for name in s.parts]
    assert whiskers(parts, 0) == pytest.approx(errors)


def test_the_charge_for_risk_stands_on_the_cost() -> None:
    costs = ox.sensitivity(variants())["cost"]
    dollars = drawn("sensitivity").axes[1]
    assert [bar.get_x() for bar in dollars.patches] == [0.0, 0.0, *costs]  # type: ignore[attr-defined]


def test_bands_and_whiskers_are_those_of_the_tables() -> None:
    walks = walk_table(book(), [500, 2_000])
    for area, side in zip(drawn("walk").axes[0].collections, ("buy", "sell"), strict=True):
        cents = 100 * walks[walks["side"] == side].groupby("shares")["per_share"].quantile([0.05, 0.95]).unstack()
        band = shaded(area)
        assert [band[shares] for shares in (500.0, 2_000.0)] == pytest.approx(cents.to_numpy())
    volatility = rolling_volatility(realised_variance(mid(), "60min"), 3)
    sigma, error = (1e4 * volatility[name].to_numpy() for name in ("sigma", "standard_error"))
    band = shaded(drawn("volatility").axes[0].collections[0])
    assert np.transpose([band[place] for place in range(len(sigma))]) == pytest.approx(
        np.array([sigma - error, sigma + error])
    )
    assert whiskers(drawn("profile").axes[0], 1) == pytest.approx(100 * volume_profile(days())["standard_error"])
