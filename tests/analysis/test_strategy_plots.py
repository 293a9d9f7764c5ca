"""The drawn curves are the costs of the schedules, and the marked points their least."""

import io
import re
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from matplotlib import pyplot
from matplotlib.figure import Figure

import optexec as ox
from optexec.analysis.strategy_plots import plot_horizon, plot_slices
from optexec.models.strategies import best_number_of_slices, slicing_costs

MARKET = ox.AlmgrenChriss(1e6, horizon=5, periods=50, sigma=0.95, gamma=2.5e-7, eta=2.5e-6, epsilon=0.0625)
IMPACT = ox.Power(1e-6, 1.0, quoted="per_share")


def curves(figure: Figure) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """Each line's places and heights by its name in the legend."""
    figure.savefig(io.BytesIO(), format="png", dpi=30)
    axes = figure.axes[0]
    names = [text.get_text() for text in axes.get_legend().get_texts()]  # type: ignore[union-attr]
    assert names == [line.get_label() for line in axes.lines]
    return {str(line.get_label()): (np.asarray(line.get_xdata()), np.asarray(line.get_ydata())) for line in axes.lines}


def marked(figure: Figure) -> tuple[float, float]:
    """The marked point; its label must say what it is."""
    (point,) = np.asarray(figure.axes[0].collections[0].get_offsets())
    place, dollars = re.fullmatch(
        r"([\d.,]+) (?:days|slices?), \$([\d.,]+)", figure.axes[0].texts[0].get_text()
    ).groups()  # type: ignore[union-attr]
    assert float(place.replace(",", "")) == pytest.approx(point[0], rel=6e-3)
    assert float(dollars.replace(",", "")) == pytest.approx(point[1], abs=0.006)
    return float(point[0]), float(point[1])


def assert_u_shaped(heights: np.ndarray) -> None:
    least = int(heights.argmin())
    assert 0 < least < len(heights) - 1
    assert (np.diff(heights[: least + 1]) < 0).all()
    assert (np.diff(heights[least:]) > 0).all()


@pytest.mark.parametrize("lam", [1e-8, 1e-6, 1e-5])
def test_horizons_cost_what_even_trading_over_them_costs(lam: float) -> None:
    figure = plot_horizon(MARKET, lam)
    drawn = curves(figure)
    horizons, total = drawn["sum"]
    for horizon, cost, risk, both in zip(
        horizons[::20], drawn["expected cost"][1][::20], drawn["risk"][1][::20], total[::20], strict=True
    ):
        order = replace(MARKET, horizon=float(horizon))
        even = np.full(50, 2e4)
        assert cost == pytest.approx(order.expected_cost(even), rel=1e-9)
        assert risk == pytest.approx(lam * order.variance(even), rel=1e-9)
        assert both == pytest.approx(order.utility(even, lam), rel=1e-9)
    assert_u_shaped(total)
    best, least = marked(figure)
    fine = np.linspace(0.9, 1.1, 2001) * best
    utilities = [replace(MARKET, horizon=float(t)).utility(np.full(50, 2e4), lam) for t in fine]
    assert fine[int(np.argmin(utilities))] == pytest.approx(best, rel=1e-4)
    assert least == pytest.approx(min(utilities), rel=1e-9)
    assert least <= total.min()
    assert figure.axes[0].get_xlabel() == "horizon (days)"
    assert pyplot.get_fignums() == []


def test_horizons_end_where_permanent_impact_outweighs_the_temporary() -> None:
    few = replace(MARKET, periods=3, gamma=1.5e-6)
    horizons, total = curves(plot_horizon(few, 1e-6))["sum"]
    assert horizons[-1] == pytest.approx(2 * few.eta * 3 / few.gamma, rel=2e-3)
    assert_u_shaped(total)
    with pytest.raises(ox.InvalidInput, match=r"eta - gamma tau / 2 must be > 0.*more than"):
        plot_horizon(replace(few, gamma=4e-6), 1e-9)


@pytest.mark.parametrize(("charge", "held"), [(1.0, 0.0), (0.01, 0.0), (1.0, 1e-7), (1e-6, 1e-9), (3.7, 1e-10)])
@pytest.mark.parametrize("exponent", [0.4, 1.0, 2.0])
def test_slices_cost_what_they_cost_one_by_one(charge: float, held: float, exponent: float) -> None:
    impact = ox.Power(1e-6 * 1e3 ** (1 - exponent), exponent, quoted="per_share")
    figure = plot_slices(10_000, impact, charge, held)
    drawn = curves(figure)
    assert set(drawn) == {"sum", "impact", "charges"} | ({"risk"} if held else set())
    numbers, total = drawn["sum"]
    assert np.array_equal(numbers, np.unique(numbers.round()))
    for number, both in zip(numbers[::10].astype(int).tolist(), total[::10].tolist(), strict=True):
        each, left, expected = 10_000 / number, 10_000.0, 0.0
        for _ in range(number):
            left -= each
            expected += charge + impact.a * each ** (exponent + 1) + held * left**2
        assert both == pytest.approx(expected, rel=1e-9)
    best, least = marked(figure)
    every = np.arange(1.0, 40_000)
    remaining = (every - 1) * (2 * every - 1) / (6 * every) * 1e8
    costs = every * charge + every * impact.a * (10_000 / every) ** (exponent + 1) + held * remaining
    assert best == every[costs.argmin()]
    assert least == pytest.approx(costs.min(), rel=1e-9)
    assert least <= total.min() * (1 + 1e-12)
    assert best in numbers or len(numbers) > 100
    assert figure.axes[0].get_xlabel() == "number of slices"
    assert pyplot.get_fignums() == []


def test_one_slice_at_the_edge() -> None:
    figure = plot_slices(10_000, IMPACT, cost_per_slice=1e6)
    numbers, total = curves(figure)["sum"]
    assert numbers.tolist() == list(range(1, 9))
    assert marked(figure) == (1.0, pytest.approx(1e6 + 100))
    assert (np.diff(total) > 0).all()


@given(st.floats(1e-8, 1e-2), st.floats(0.1, 3), st.floats(0.01, 100), st.one_of(st.just(0.0), st.floats(1e-12, 1e-2)))
def test_the_best_number_of_slices_is_the_least_of_all(a: float, b: float, charge: float, held: float) -> None:
    impact = ox.Power(a, b, quoted="per_share")
    best = best_number_of_slices(1_000, impact, charge, held)
    numbers = np.unique(np.append(np.arange(1, 2_000), best + np.arange(-min(best - 1, 50), 50)))
    costs = sum(slicing_costs(1_000, impact, charge, numbers, held).values())
    assert costs[numbers == best][0] <= costs.min() * (1 + 1e-12)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: plot_horizon(MARKET, 0.0), "risk_aversion must be > 0"),
        (lambda: plot_slices(0, IMPACT, 1.0), "shares must be > 0"),
        (lambda: plot_slices(100, IMPACT, 0.0), "cost_per_slice must be > 0"),
        (lambda: plot_slices(100, IMPACT, 1.0, -1.0), "holding_cost must be >= 0"),
        (lambda: plot_slices(100, ox.Power([1.0, 2.0], 2.0), 1.0), "one curve for all slices, got 2"),
    ],
)
def test_a_wrong_argument_is_named(call, message: str) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(ox.InvalidInput, match=message):
        call()
