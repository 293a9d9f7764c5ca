"""Almgren, Thum, Hauptmann and Li (2005): the table of examples, and the estimate through the terms."""

import numpy as np
import pytest
from published import published

import optexec as ox
from optexec.models.athl import STANDARD_ERRORS, EquityImpact

IBM = EquityImpact(sigma=0.0157, volume=6_561_000, outstanding=1_728_000_000)
DRI = EquityImpact(sigma=0.0226, volume=1_929_000, outstanding=168_000_000)
SOLVERS = ["waterfill", "newton", "ipopt"]


def stock_of(inputs):
    coefficients = {name: inputs[name] for name in ("gamma", "eta", "beta", "delta")}
    return EquityImpact(inputs["sigma_pct"] / 100, inputs["V"], inputs["Theta"], **coefficients)


@pytest.mark.parametrize("case", published("ATHL2005"))
def test_the_example(case):
    inputs, expect, printed = case["inputs"], case["expect"], case["published"]
    stock, shares, durations = stock_of(inputs), inputs["X"], inputs["T"]
    permanent, temporary = 1e4 * stock.permanent(shares), 1e4 * stock.temporary(shares, durations)
    assert permanent == pytest.approx(expect["I_bp"], rel=1e-9)
    np.testing.assert_allclose(temporary, expect["h_bp"], rtol=1e-9)
    np.testing.assert_allclose(temporary / (1e4 * stock.sigma), expect["h_norm"], rtol=1e-9)
    np.testing.assert_allclose(1e4 * stock.cost(shares, durations), expect["J_bp"], rtol=1e-9)
    assert permanent == pytest.approx(printed["I_bp"], abs=0.5)
    assert permanent / (1e4 * stock.sigma) == pytest.approx(printed["I_norm"], abs=5e-4)
    np.testing.assert_allclose(temporary / (1e4 * stock.sigma), printed["h_norm"], atol=5e-4)
    np.testing.assert_allclose(temporary, printed["h_bp"], atol=0.5)
    np.testing.assert_allclose(1e4 * stock.cost(shares, durations), printed["J_bp"], atol=0.5)


def test_the_other_example():
    """DRI in the same table: I = .096 sigma = 22 bp, J = 43, 32, 23 bp."""
    assert DRI.permanent(192_900) / DRI.sigma == pytest.approx(0.096, abs=5e-4)
    assert 1e4 * DRI.permanent(192_900) == pytest.approx(21.679, abs=5e-4)
    np.testing.assert_allclose(1e4 * DRI.temporary(192_900, [0.1, 0.2, 0.5]), [32, 21, 12], atol=0.5)
    np.testing.assert_allclose(1e4 * DRI.cost(192_900, [0.1, 0.2, 0.5]), [43, 32, 23], atol=0.5)


@pytest.mark.parametrize("method", SOLVERS)
@pytest.mark.parametrize("case", published("ATHL2005"))
def test_the_example_through_the_terms(case, method):
    """In volume time a constant rate is the cheapest schedule; it costs J."""
    inputs, price = case["inputs"], 80.0
    stock, order = stock_of(inputs), ox.Order(inputs["X"], price=price)
    part = np.array([0.1, 0.3, 0.05, 0.15, 0.4])
    for duration, expected in zip(inputs["T"], case["expect"]["J_bp"], strict=True):
        impact = stock.impact(part * stock.volume * duration, price)
        schedule = ox.solve(ox.Problem(order, impact, ox.objective("A")), method)
        np.testing.assert_allclose(schedule.x, part * order.shares, rtol=1e-6)
        dollars = schedule.objective + stock.permanent_cost(order.shares, price)
        assert 1e4 * dollars / order.notional == pytest.approx(expected, rel=1e-6)


def test_the_standard_errors_are_the_published_ones():
    assert STANDARD_ERRORS == {"gamma": 0.041, "eta": 0.0062, "beta": 0.038, "delta": 0.22}
    assert 0.314 / STANDARD_ERRORS["gamma"] == pytest.approx(7.7, abs=0.05)
    assert 0.142 / STANDARD_ERRORS["eta"] == pytest.approx(23, abs=0.5)
    steps = {"gamma": 0.041, "eta": 0.0062}
    moved = [EquityImpact(0.0157, 6_561_000, 1_728_000_000, **{n: getattr(IBM, n) + s}) for n, s in steps.items()]
    changes = [stock.cost(656_100, 0.1) - IBM.cost(656_100, 0.1) for stock in moved]
    assert IBM.cost_error(656_100, 0.1) == pytest.approx(np.hypot(*changes), rel=1e-9)


def test_impact_is_in_units_of_volatility_and_of_volume():
    calm = EquityImpact(IBM.sigma / 2, IBM.volume, IBM.outstanding)
    assert calm.cost(656_100, 0.3) == pytest.approx(IBM.cost(656_100, 0.3) / 2, rel=1e-12)
    split = EquityImpact(IBM.sigma, 2 * IBM.volume, 2 * IBM.outstanding)
    assert split.cost(2 * 656_100, 0.3) == pytest.approx(IBM.cost(656_100, 0.3), rel=1e-12)
    assert split.impact(2e5, 40.0).cost(np.array([2e4]))[0] == pytest.approx(
        IBM.impact(1e5, 80.0).cost(np.array([1e4]))[0]
    )


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: EquityImpact(-0.01, 1e6, 1e8), "sigma must be > 0"),
        (lambda: EquityImpact(0.01, [1e6, 2e6], 1e8), "volume must be a single number"),
        (lambda: IBM.permanent(-5.0), "shares must be > 0"),
        (lambda: IBM.temporary(1e4, [0.5, 0.0]), r"duration\[1\] must be > 0"),
        (lambda: IBM.impact([1e5, 0.0], 80.0), r"volume\[1\] must be > 0"),
        (lambda: IBM.impact(1e5, float("nan")), "price must be finite"),
    ],
)
def test_a_wrong_argument_is_named(call, message):
    with pytest.raises(ox.InvalidInput, match=message):
        call()
