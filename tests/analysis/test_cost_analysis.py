"""The parts of the shortfall add up to paper minus real, and benchmarks are what they say."""

from fractions import Fraction

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

import optexec as ox
from optexec.analysis.cost_analysis import Quote, aggregate, analyse


def clock(minute, second=0):
    return pd.Timestamp(2025, 1, 15, 10, minute, second, tz="America/New_York")


TIMES = {"decision": Quote(clock(0), 50.0), "arrival": Quote(clock(2), 50.05), "end": Quote(clock(15), 50.4)}
FILLS = [(clock(3), 600, 50.10), (clock(8), 200, 50.20)]
BARS = [(clock(1), 9_000, 49.0), (clock(2), 5_000, 50.06), (clock(7), 3_000, 50.15), (clock(15), 9_000, 60.0)]
ORDER = ox.Order(1_000)

sixty_fourths = st.integers(64, 64 * 200).map(lambda k: k / 64)


@given(
    st.sampled_from(["buy", "sell"]),
    st.lists(st.tuples(st.integers(1, 10_000), sixty_fourths), max_size=6),
    st.integers(1, 10_000),
    st.tuples(sixty_fourths, sixty_fourths, sixty_fourths),
    st.integers(0, 1_000),
)
def test_the_parts_add_up_to_paper_minus_real_exactly(side, fills, left, prices, fees):
    decided, arrived, ended = prices
    ordered = sum(q for q, _ in fills) + left
    rows = [(clock(3, k), q, p) for k, (q, p) in enumerate(fills)]
    quotes = (Quote(clock(0), decided), Quote(clock(2), arrived), Quote(clock(15), ended))
    done = analyse(rows, ox.Order(ordered, side), *quotes, fees=fees)
    sign = 1 if side == "buy" else -1
    paper = sign * ordered * (Fraction(ended) - Fraction(decided))
    real = sign * (ordered - left) * Fraction(ended) - sign * sum(q * Fraction(p) for q, p in fills) - fees
    assert Fraction(done.shortfall) == paper - real
    assert sum(map(Fraction, done.parts.values())) == paper - real
    assert done.fill_rate == (ordered - left) / ordered


def test_each_part_against_a_hand_calculation():
    done = analyse(FILLS, ORDER, **TIMES, fees=4.0)
    expected = {"delay": 1_000 * 0.05, "execution": 600 * 0.05 + 200 * 0.15, "opportunity": 200 * 0.35, "fees": 4.0}
    assert done.parts == pytest.approx(expected)
    assert done.shortfall == pytest.approx(184.0)
    assert done.bps == pytest.approx(36.8)
    assert done.average_price == pytest.approx(50.125)
    assert done.frame.loc["delay", "bps"] == pytest.approx(10.0)
    assert (done.frame["fill_rate"] == 0.8).all()


def test_what_costs_a_buyer_gains_a_seller():
    buy, sell = (analyse(FILLS, ox.Order(1_000, side), **TIMES, market=BARS) for side in ("buy", "sell"))
    assert sell.frame["cost"].tolist() == (-buy.frame["cost"]).tolist()
    assert sell.frame["notional"].tolist() == buy.frame["notional"].tolist()


def test_a_single_fill_at_the_decision_price_costs_nothing():
    start = Quote(clock(2), 50.0)
    done = analyse([(clock(2), 1_000, 50.0)], ORDER, start, start, Quote(clock(3), 55.0))
    assert set(done.parts.values()) == {0.0}
    assert done.shortfall == 0.0


def test_an_order_that_was_never_filled_is_all_delay_and_opportunity():
    done = analyse([], ORDER, **TIMES, market=BARS)
    assert done.parts == pytest.approx({"delay": 50.0, "execution": 0.0, "opportunity": 350.0, "fees": 0.0})
    assert done.fill_rate == 0.0
    assert np.isnan(done.average_price)
    assert done.frame.loc["vs_vwap", ["cost", "notional"]].tolist() == [0.0, 0.0]
    assert np.isnan(done.frame.loc["vs_vwap", "bps"])


def test_benchmarks_against_a_hand_calculation():
    done = analyse(FILLS, ORDER, **TIMES, market=BARS)
    value, paid = 5_000 * 50.06 + 3_000 * 50.15, 600 * 50.10 + 200 * 50.20
    expected = {
        "arrival": 50.05,
        "close": 50.4,
        "twap": (5 * 50.06 + 8 * 50.15) / 13,
        "vwap": value / 8_000,
        "vwap_others": (value - paid) / 7_200,
    }
    assert done.benchmarks == pytest.approx(expected)
    for name, price in expected.items():
        row = done.frame.loc[f"vs_{name}"]
        assert row["cost"] == pytest.approx(paid - 800 * price)
        assert row["bps"] == pytest.approx(1e4 * (50.125 / price - 1))


def test_the_price_of_arrival_lasts_until_the_first_print():
    prints = [(clock(14), 5_000, 52.0), (clock(6), 5_000, 51.0)]
    done = analyse(FILLS, ORDER, **TIMES, market=prints)
    assert done.benchmarks["twap"] == pytest.approx((4 * 50.05 + 8 * 51.0 + 1 * 52.0) / 13)


def test_an_order_that_is_the_whole_market_pays_the_vwap_and_leaves_no_others():
    tape = [(time, shares, price) for time, shares, price in FILLS]
    done = analyse(FILLS, ORDER, **TIMES, market=tape)
    assert done.frame.loc["vs_vwap", "bps"] == pytest.approx(0.0, abs=1e-9)
    assert "vs_vwap_others" not in done.frame.index


def test_zones_and_kinds_of_time_that_mean_the_same():
    utc = {name: Quote(quote.time.tz_convert("UTC").isoformat(), quote.price) for name, quote in TIMES.items()}
    table = pd.DataFrame(FILLS, columns=["time", "shares", "price"])
    expected = analyse(FILLS, ORDER, **TIMES, market=BARS).frame
    midnight = clock(0).normalize()
    since = {name: Quote(quote.time - midnight, quote.price) for name, quote in TIMES.items()}
    fills, bars = ([(row[0] - midnight, *row[1:]) for row in rows] for rows in (FILLS, BARS))
    for done in (
        analyse(table, ORDER, **utc, market=BARS),
        analyse(table.set_index("time"), ORDER, **TIMES, market=BARS),
        analyse(iter(FILLS), ORDER, **TIMES, market=BARS),
        analyse(fills, ORDER, **since, market=bars),
    ):
        pd.testing.assert_frame_equal(done.frame, expected)


def test_orders_add_up_as_ratios_of_sums():
    large = analyse([(clock(3), 90_000, 50.10)], ox.Order(100_000), **TIMES, market=[(clock(3), 200_000, 50.0)])
    small = analyse([(clock(3), 10, 60.0)], ox.Order(100, "sell"), **TIMES)
    total = aggregate([large, small])
    both = large.frame.loc["vs_arrival"], small.frame.loc["vs_arrival"]
    ratio = 1e4 * sum(row["cost"] for row in both) / sum(row["notional"] for row in both)
    assert total.loc["vs_arrival", "bps"] == pytest.approx(ratio)
    assert ratio != pytest.approx(np.mean([row["bps"] for row in both]), rel=0.5)
    assert total.loc["vs_arrival", "fill_rate"] == pytest.approx(90_010 / 100_100)
    assert total["orders"].to_dict() == {name: 1 if "wap" in name else 2 for name in total.index}
    parts = total.loc[["delay", "execution", "opportunity", "fees"], "cost"].sum()
    assert total.loc["shortfall", "cost"] == pytest.approx(parts)
    assert total.loc["vs_vwap", "bps"] == pytest.approx(large.frame.loc["vs_vwap", "bps"])


def test_one_order_is_its_own_aggregate():
    done = analyse(FILLS, ORDER, **TIMES, market=BARS)
    pd.testing.assert_frame_equal(aggregate([done]).drop(columns="orders"), done.frame)


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"fills": [(clock(3), 600, -1.0)]}, r"fills.price\[0\] must be > 0, got -1.0"),
        ({"fills": [(clock(3), 600, 50.0), (clock(4), 0, 50.0)]}, r"fills.shares\[1\] must be > 0, got 0.0"),
        ({"fills": [(clock(3), "many", 50.0)]}, "fills.shares must be a number or an array of numbers"),
        ({"fills": [(clock(3), 1_001, 50.0)]}, "the fills add up to 1,001 shares, more than the order's 1,000"),
        ({"fills": [(clock(1), 600, 50.0)]}, r"fills.time\[0\] is 2025-01-15 10:01:00-05:00, outside the window"),
        ({"fills": [(clock(3), 1, 50.0), (clock(15), 1, 50.0)]}, r"fills.time\[1\] .* outside the window"),
        ({"fills": [("2025-01-15T10:03:00", 600, 50.0)]}, r"fills.time\[0\] must be a time with a zone"),
        ({"fills": [(pd.NaT, 600, 50.0)]}, r"fills.time\[0\] must be a time with a zone"),
        ({"fills": [(pd.Timedelta("10:03:00"), 600, 50.0)]}, "give both with a zone or both without"),
        ({"fills": [(clock(3), 600)]}, "fills must be a table or rows of time, shares, price"),
        ({"fills": 7}, "fills must be a table or rows of time, shares, price"),
        ({"fills": pd.DataFrame({"time": [clock(3)], "shares": [1]})}, "fills has no column 'price'; it needs"),
        ({"decision": Quote("soon", 50.0)}, "decision.time must be a time with a zone"),
        ({"decision": Quote(clock(0), float("nan"))}, "decision.price must be finite"),
        ({"decision": Quote(clock(5), 50.0)}, "arrival.time must be at or after decision.time"),
        ({"end": Quote(clock(2), 50.0)}, "end.time must be after arrival.time"),
        ({"end": Quote(clock(9), 0.0)}, "end.price must be > 0"),
        ({"fees": -1.0}, "fees must be >= 0"),
        ({"market": [(clock(1), 5_000, 50.0)]}, "the market has no prints from arrival to before the end"),
        ({"market": [(clock(3), 500, 50.0)]}, "the market's volume in the window is 500 shares, the fills are 800"),
        ({"market": [(clock(3), 0, 50.0)], "fills": []}, "the market's volume in the window is 0 shares"),
        ({"market": [(clock(3), -1, 50.0)]}, r"market.volume\[0\] must be >= 0"),
    ],
)
def test_what_is_refused(changes, told):
    with pytest.raises(ox.InvalidInput, match=told):
        analyse(**{"fills": FILLS, "order": ORDER, **TIMES, **changes})


def test_nothing_to_add_up_is_refused():
    with pytest.raises(ox.InvalidInput, match="there are no orders to add up"):
        aggregate([])
