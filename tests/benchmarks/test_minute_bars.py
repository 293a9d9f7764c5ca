"""The study on minute bars: caps on the volume that prints, no share lost, and benchmarks that are what they say."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from benchmarks.minute_bars import (
    PARTICIPATION,
    RULES,
    WINDOW,
    analysed,
    bucketed,
    days,
    planned,
    policies,
    table,
    traded,
)

FOLDER = Path(__file__).parents[2].parent / "shared/data/minute_bars"
real = pytest.mark.skipif(not FOLDER.is_dir(), reason="the shared minute bars are not beside the project")


def day(seed, level=1.0):
    """Minute bars of a made-up day."""
    random = np.random.default_rng(seed)
    hours = np.linspace(-1, 1, 390)
    mid = 50 * np.exp(np.cumsum(0.0005 * random.standard_normal(390)))
    volume = np.round(level * 10_000 * (0.5 + hours**2) * random.lognormal(0, 0.4, 390))
    index = pd.to_timedelta(34_200 + 60 * np.arange(390), unit="s").rename("time")
    frame = {"volume": volume, "vwap": mid * np.exp(0.0002 * random.standard_normal(390))}
    return pd.DataFrame({**frame, "bid": mid - 0.01, "ask": mid + 0.01}, index=index)


def check(problem, today):
    volume = today["volume"].to_numpy()
    for name, policy in policies(problem).items():
        filled = traded(policy, problem.shares, volume)
        assert (filled <= PARTICIPATION * volume * (1 + 1e-12)).all(), name
        assert (filled >= 0).all(), name
        assert filled.sum() <= problem.shares * (1 + 1e-9), name
        yield name, filled


def test_buckets_hold_the_volume_the_value_and_the_first_mid_of_their_minutes():
    bars = day(1)
    table = bucketed(bars)
    assert len(table) == 78
    assert table["volume"].sum() == bars["volume"].sum()
    assert (table["volume"] * table["vwap"]).sum() == pytest.approx((bars["volume"] * bars["vwap"]).sum())
    assert table["mid"].iloc[3] == pytest.approx(bars[["bid", "ask"]].iloc[14].mean())  # the close of the minute before
    assert table.index[3] == pd.Timedelta("09:45:00")


def test_vwap_on_the_days_own_profile_is_the_vwap():
    today = bucketed(day(2))
    problem = planned(today)
    filled = traded(policies(problem)["vwap"], problem.shares, today["volume"].to_numpy())
    costs = analysed(problem.shares, filled, today)
    assert costs.fill_rate == pytest.approx(1.0)
    assert costs.frame.loc["vs_vwap", "bps"] == pytest.approx(0.0, abs=1e-6)


@pytest.mark.parametrize("level", [0.4, 1.0, 2.5])
def test_participation_is_held_on_the_volume_that_prints(level):
    problem, today = planned(bucketed(day(3))), bucketed(day(4, level))
    shares = dict(check(problem, today))
    done = {name: filled.sum() / problem.shares for name, filled in shares.items()}
    assert done["pov"] == pytest.approx(min(1.0, level * 2.0), abs=0.2)
    assert done["C priced"] >= done["vwap"] - 1e-9
    assert shares["C free"][:-WINDOW].sum() < 0.2 * shares["C priced"][:-WINDOW].sum()


@real
def test_real_days_keep_the_caps_and_the_rules_differ_as_they_should():
    for name, history in days(FOLDER).items():
        assert len(history) == 4, name
        problem = planned(history[0])
        shares = dict(check(problem, history[1]))
        assert list(shares) == ["twap", "vwap", "pov", *(f"C {rule}" for rule in RULES)]
        assert shares["pov"][:20].sum() > shares["C quota"][:20].sum()
        assert shares["C free"][:-WINDOW].sum() < 0.5 * problem.shares


@real
def test_the_table_of_real_days_has_every_policy_over_nine_orders():
    found = table(FOLDER)
    assert (found["orders"] == 9).all()
    assert found["vs_vwap"].abs().max() < 100
    assert (found.loc[["twap", "vwap", "C priced", "C quota"], "fill_rate"] > 0.98).all()
    assert found.loc["C free", "fill_rate"] < 0.9  # the last hour cannot hold the order
