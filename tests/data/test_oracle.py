"""The learned oracle of slippage: what it knows, what it learns, its curves and its file."""

import hashlib
import json
import subprocess
import sys
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import optexec as ox
from optexec.data import boosted_trees, oracle_file
from optexec.data.book import BOOK_COLUMNS, LEVELS, displayed_depth, read_book, walk_cost
from optexec.data.boosted_trees import grow
from optexec.data.oracle import train
from optexec.data.oracle_features import INPUTS, inputs, known, outcome, recent_columns, walk_per_share
from optexec.models.errors import InvalidInput

AAPL = Path(__file__).parents[2].parent / "shared/data/lobster/AAPL_2012-06-21_0930_1030_mbp10_1s_rebuilt.csv.gz"
MID, TICK = 50.0, 0.01
START = pd.Timestamp("2025-01-15 09:30", tz="America/New_York")


def ladders(seconds, spread, level, imbalance=0.0):
    """Books of ten equal levels a tick apart on either side; the first bid is sized for the imbalance."""
    spread, level, imbalance = np.broadcast_arrays(*np.atleast_1d(spread, level, imbalance), np.zeros(len(seconds)))[:3]
    distance = spread[:, None] / 2 + TICK * np.arange(LEVELS)
    asks = np.repeat(level[:, None], LEVELS, axis=1)
    bids = asks.copy()
    bids[:, 0] *= (1 + imbalance) / (1 - imbalance)
    index = pd.DatetimeIndex([START + pd.Timedelta(seconds=float(second)) for second in seconds], name="time")
    return pd.DataFrame(np.hstack([MID - distance, MID + distance, bids, asks]), index=index, columns=BOOK_COLUMNS)


def wandering(seed, rows, seconds=5.0):
    """Books whose spread and depth drift and are noisy: slippage is spread/2 + k x/depth on the steps of a ladder."""
    random = np.random.default_rng(seed)
    drift = np.zeros((2, rows))
    for row in range(1, rows):
        drift[:, row] = 0.99 * drift[:, row - 1] + random.normal(0, 0.03, 2)
    spread = 0.04 * np.exp(drift[0] + random.normal(0, 0.3, rows))
    level = 100.0 * np.exp(drift[1] + random.normal(0, 0.3, rows))
    return ladders(seconds * np.arange(1, rows + 1), spread, level)


@pytest.fixture(scope="module")
def book():
    return wandering(seed=7, rows=900)


@pytest.fixture(scope="module")
def oracle(book):
    return train(book.iloc[:600], bucket="60s", side="buy", sizes=np.linspace(50, 500, 8))


# What is known, and what came after


def test_recent_slippage_is_the_mean_with_weights_that_halve(book):
    some, sizes, halflife = book.iloc[:40].drop(book.index[[3, 4, 17]]), np.array([100.0, 600.0]), 20.0
    rows = known(some, "sell", sizes, pd.Timedelta(seconds=halflife))
    walked = walk_cost(some, "sell", sizes) / sizes
    for at in (2, 5, 36):
        age = (some.index[at] - some.index[: at + 1]).total_seconds().to_numpy()
        weights = 0.5 ** (age / halflife)
        for k, name in enumerate(recent_columns("sell", sizes)):
            shown = np.isfinite(walked[: at + 1, k])
            mean = np.average(walked[: at + 1, k][shown], weights=weights[shown]) if shown.any() else np.nan
            assert rows[name].iloc[at] == pytest.approx(mean, rel=1e-12)


def test_sizes_never_displayed_continue_the_cost_at_its_last_slope():
    rows = known(ladders([1, 2], 0.04, 100.0), "buy", np.array([500.0, 1000.0, 1200.0, 2000.0]), pd.Timedelta("1min"))
    cost = rows[recent_columns("buy", np.array([500.0, 1000.0, 1200.0, 2000.0]))].iloc[-1] * [500, 1000, 1200, 2000]
    slope = (cost.iloc[1] - cost.iloc[0]) / 500
    np.testing.assert_allclose(cost.iloc[2:], cost.iloc[1] + slope * np.array([200, 1000]))


def test_nothing_known_depends_on_later_snapshots(book, oracle):
    starts = book.index[[300, 450]] + pd.Timedelta("1s")
    scrambled = book.copy()
    scrambled.iloc[451:] = ladders(np.arange(len(book) - 451), 1.0, 7.0, 0.5).to_numpy()
    pd.testing.assert_frame_equal(oracle.features(scrambled, starts), oracle.features(book, starts))
    np.testing.assert_array_equal(
        oracle.forecast(book.iloc[:451], [80.0, 300.0]),
        oracle.slippage(oracle.features(scrambled, starts), [80.0, 300.0])[1],
    )


def test_a_snapshot_at_the_start_of_a_bucket_does_not_count_for_it(book, oracle):
    before, after = oracle.features(book, book.index[[300]]), oracle.features(book, book.index[[301]])
    assert before["spread"].iloc[0] == pytest.approx(book["ask_px_00"].iloc[299] - book["bid_px_00"].iloc[299])
    assert after["spread"].iloc[0] == pytest.approx(book["ask_px_00"].iloc[300] - book["bid_px_00"].iloc[300])


def test_what_came_after_is_the_mean_over_the_next_bucket():
    random = np.random.default_rng(3)
    seconds = np.sort(random.integers(0, 600, 150))
    some = ladders(seconds, random.uniform(0.02, 0.1, 150), random.uniform(20, 100, 150))
    sizes = np.array([100.0, 400.0, 600.0])
    after, walked = outcome(some, "buy", sizes, pd.Timedelta("60s")), walk_cost(some, "buy", sizes) / sizes
    assert after.beyond == np.isnan(walked).sum() > 0
    for row, second in enumerate(seconds):
        inside = walked[(seconds > second) & (seconds <= second + 60)]
        assert after.complete[row] == (second + 60 <= seconds[-1])
        for k in range(3):
            shown = inside[:, k][np.isfinite(inside[:, k])]
            counts = after.complete[row] and len(shown) >= len(inside) / 2
            assert after.slippage[row, k] == pytest.approx(shown.mean() if counts else np.nan, rel=1e-9, nan_ok=True)


def test_inputs_are_in_the_order_of_their_names(book):
    row = known(book.iloc[:30], "buy", np.array([100.0]), pd.Timedelta("1min")).iloc[[-1]]
    table = pd.DataFrame(inputs(row, np.array([150.0, 300.0])), columns=list(INPUTS))
    assert table["size"].tolist() == [150.0, 300.0]
    np.testing.assert_allclose(table["vol_ratio"], [150 / row["depth"].iloc[0], 300 / row["depth"].iloc[0]])
    for name in ("spread", "depth", "imbalance", "volatility", "hour"):
        assert table[name].tolist() == [row[name].iloc[0]] * 2


# What is learned


def test_it_beats_the_last_book_where_slippage_follows_spread_and_depth(book, oracle):
    sizes = oracle.sizes[[1, 4]]
    errors, naive = [], []
    for first in range(600, 888, 4):
        history, bucket = book.iloc[:first], book.iloc[first : first + 12]
        actual = np.nanmean(walk_per_share(bucket, "buy", sizes), axis=0)
        errors.append(np.abs(oracle.forecast(history, sizes) - actual))
        naive.append(np.abs(walk_per_share(history.iloc[-1:], "buy", sizes)[0] - actual))
    assert (np.nanmedian(errors, axis=0) < 0.75 * np.nanmedian(naive, axis=0)).all()
    assert oracle.held_out.oracle < 0.7 * oracle.held_out.last_book


def test_the_trees_learn_what_the_recent_books_do_not_tell():
    imbalance = np.random.default_rng(11).uniform(-0.8, 0.8, 380)
    spread = 0.2 * np.exp(np.append(0.0, imbalance[:-1]))
    some = ladders(60.0 * np.arange(1, 381), spread, 100.0, imbalance)
    made = train(some.iloc[:300], bucket="60s", sizes=[50.0, 200.0, 600.0])
    assert made.held_out.oracle < 0.25 * min(made.held_out.recent, made.held_out.last_book)
    rows = made.features(some, some.index[301:])
    actual = walk_per_share(some.iloc[301:], "buy", made.sizes)
    assert np.median(np.abs(made.slippage(rows, made.sizes) / actual - 1)) < 0.1


def test_it_says_what_it_was_trained_on(book, oracle):
    told, some = oracle.training, book.iloc[:600]
    assert (told.first, told.last, told.snapshots) == (str(some.index[0]), str(some.index[-1]), 600)
    assert told.beyond == np.isnan(walk_per_share(some, "buy", oracle.sizes)).sum() > 0
    assert 0 < told.examples < 600 * len(oracle.sizes)
    assert oracle.held_out.forecasts > 0


@pytest.fixture(scope="module")
def two_days(book):
    other = wandering(seed=8, rows=300)
    days = [book.iloc[:300], other.set_axis(other.index + pd.Timedelta("1D"))]
    return days, train(days, side="sell")


def test_days_are_learned_together_and_kept_apart(two_days):
    days, made = two_days
    assert made.training.snapshots == 600
    assert (made.training.first, made.training.last) == (str(days[0].index[0]), str(days[1].index[-1]))
    whole_buckets = sum(len(day) - 12 for day in days)
    assert made.training.examples <= whole_buckets * len(made.sizes)


def test_sizes_are_fractions_of_the_median_depth_unless_given(two_days):
    days, made = two_days
    median = np.median(displayed_depth(pd.concat(days), "sell"))
    np.testing.assert_allclose(made.sizes[[0, 9, 19]], median * np.array([0.05, 0.5, 1.0]))


def test_trees_rise_where_told_grow_the_same_again_and_fewer_rounds_are_the_first_of_them():
    random = np.random.default_rng(0)
    x = np.where(random.random((300, 3)) < 0.1, np.nan, random.normal(size=(300, 3)))
    y = np.nansum(x, axis=1)
    long, short, again = (grow(x, y, [True, False, False], 20, count) for count in (20, 7, 20))
    np.testing.assert_array_equal(again.predict(x), long.predict(x))
    np.testing.assert_array_equal(long.first(7).predict(x), short.predict(x))
    ramp = np.column_stack([np.linspace(-3, 3, 50), np.zeros((50, 2))])
    assert (np.diff(long.predict(ramp)) >= 0).all()


def test_trees_that_cannot_be_read_are_a_failure_that_says_so(monkeypatch):
    def unreadable(model):
        raise AttributeError("_predictors")

    monkeypatch.setattr(boosted_trees, "_read", unreadable)
    with pytest.raises(ox.SolverFailure, match="keeps its trees in another form"):
        grow(np.arange(40.0)[:, None], np.arange(40.0), [True], 5, 2)


# Slippage and curves


@settings(max_examples=20)
@given(seed=st.integers(0, 2**32 - 1))
def test_slippage_never_falls_with_shares(oracle, book, seed):
    shares = np.unique(np.random.default_rng(seed).uniform(1, 500, 25))
    forecast = oracle.slippage(oracle.features(book, book.index[620::60]), shares)
    assert forecast.shape == (len(book.index[620::60]), len(shares))
    assert (np.diff(forecast, axis=1) >= 0).all()
    assert (forecast > 0).all()


@pytest.mark.parametrize("convex", ["values", "slopes"])
def test_curves_are_convex_total_costs_near_the_forecast(oracle, book, convex):
    rows = oracle.features(book, book.index[610::12])
    curves, forecast = oracle.curves(rows, convex), oracle.slippage(rows, oracle.sizes)
    assert curves.quoted == "total"
    assert curves.shares.tolist() == [0.0, *oracle.sizes]
    assert curves.curvature(np.full(len(rows), 500.0)).convex.all()
    assert (curves.cost_at[:, 0] == 0).all()
    assert (np.diff(curves.slopes) >= -1e-12 * np.abs(curves.slopes).max()).all()
    assert (np.diff(curves.cost_at) >= 0).all()
    np.testing.assert_allclose(curves.cost_at[:, 1:] / oracle.sizes, forecast, rtol=0.25)


def test_curves_by_values_are_nearer_per_share_than_those_by_slopes(oracle, book):
    rows = oracle.features(book, book.index[610::12])
    forecast = oracle.slippage(rows, oracle.sizes)
    near, far = (
        ((oracle.curves(rows, convex).cost_at[:, 1:] / oracle.sizes - forecast) ** 2).sum(axis=1)
        for convex in ("values", "slopes")
    )
    assert (near <= far + 1e-12).all()
    assert (near < far).any()


@pytest.mark.parametrize("convex", ["values", "slopes"])
@pytest.mark.parametrize("method", ["waterfill", "newton", "dp", "milp"])
def test_curves_go_into_every_solver(oracle, book, convex, method):
    starts = book.index[[600, 612, 624, 636, 648]]
    impact = oracle.curves(oracle.features(book, starts), convex)
    problem = ox.Problem(
        ox.Order(1_500, lot=10), impact, ox.objective("A"), limits=ox.Limits(maximum=500), buckets=starts
    )
    relaxed = ox.Problem(ox.Order(1_500), impact, ox.objective("A"), limits=ox.Limits(maximum=500), buckets=starts)
    best = ox.solve(relaxed, "waterfill").objective
    found = ox.solve(problem if method == "dp" else relaxed, method)
    assert found.shares.sum() == pytest.approx(1_500)
    assert found.objective == pytest.approx(best, rel=2e-3 if method == "dp" else 2e-4)
    assert found.gap <= 1e-3


# What is refused


def test_books_and_sizes_that_do_not_do(book):
    with pytest.raises(InvalidInput, match="longer book"):
        train(book.iloc[:40])
    with pytest.raises(InvalidInput, match="no book to train on"):
        train([])
    with pytest.raises(InvalidInput, match="unknown side 'bye'"):
        train(book.iloc[:300], side="bye")
    with pytest.raises(InvalidInput, match="sizes must be an array of increasing shares"):
        train(book.iloc[:300], sizes=[200.0, 100.0])
    with pytest.raises(InvalidInput, match="no positive length of time"):
        train(book.iloc[:300], bucket="soon")
    with pytest.raises(InvalidInput, match="no bucket displays 1e"):
        train(book.iloc[:300], sizes=[1e9, 2e9])


def test_rows_and_shares_that_do_not_do(book, oracle):
    rows = oracle.features(book, book.index[600:603])
    with pytest.raises(InvalidInput, match="knows sizes up to 500"):
        oracle.slippage(rows, [501.0])
    with pytest.raises(InvalidInput, match="increasing"):
        oracle.slippage(rows, [200.0, 100.0])
    with pytest.raises(InvalidInput, match="shares"):
        oracle.slippage(rows, 100.0)
    with pytest.raises(InvalidInput, match=r"no column 'buy_50\.0'; make them with this oracle's features"):
        oracle.slippage(rows.drop(columns="buy_50.0"), [100.0])
    with pytest.raises(InvalidInput, match=r"row 2025-01-15 10:20:10-05:00, column depth: not a finite number"):
        oracle.slippage(rows.assign(depth=[900.0, np.nan, 900.0]), [100.0])
    with pytest.raises(InvalidInput, match="unknown way to a convex curve 'value'; did you mean 'values'"):
        oracle.curves(rows, convex="value")
    with pytest.raises(InvalidInput, match="no two-sided snapshot before 2025-01-15 09:30:00"):
        oracle.features(book, pd.DatetimeIndex([START]))
    with pytest.raises(InvalidInput, match="starts are timedelta64"):
        oracle.features(book, pd.to_timedelta([34_300], unit="s"))


# The file


def written(path, oracle, hashed=True, **changed):
    """Save an oracle with fields changed by hand, and the hash made to fit if `hashed`."""
    oracle_file.save(oracle, path)
    content = json.loads(path.read_text())
    content.update(changed)
    if hashed:
        rest = {name: value for name, value in content.items() if name not in ("format", "sha256")}
        content["sha256"] = hashlib.sha256(json.dumps(rest, sort_keys=True).encode()).hexdigest()
    path.write_text(json.dumps(content))
    return path


def test_a_saved_oracle_forecasts_the_same_bits(tmp_path, book, oracle):
    oracle_file.save(oracle, tmp_path / "oracle.json")
    again = oracle_file.load(tmp_path / "oracle.json")
    for name in ("side", "bucket", "halflife", "held_out", "training"):
        assert getattr(again, name) == getattr(oracle, name)
    rows = oracle.features(book, book.index[600::20])
    pd.testing.assert_frame_equal(again.features(book, book.index[600::20]), rows)
    np.testing.assert_array_equal(again.slippage(rows, [33.0, 444.0]), oracle.slippage(rows, [33.0, 444.0]))


def test_the_file_says_what_made_it(tmp_path, oracle):
    oracle_file.save(oracle, tmp_path / "oracle.json")
    content = json.loads((tmp_path / "oracle.json").read_text())
    assert content["format"] == "optexec.oracle.v1"
    assert content["optexec"] == ox.__version__
    assert content["inputs"] == list(INPUTS)
    assert content["training"]["first"].startswith("2025-01-15 09:30:05")
    assert content["training"]["scikit_learn"].count(".") >= 1


def test_loading_runs_no_code_of_the_file(tmp_path, oracle):
    oracle_file.save(oracle, tmp_path / "oracle.json")
    script = (
        "import sys; from optexec.data import oracle_file; "
        f"oracle_file.load({str(tmp_path / 'oracle.json')!r}); "
        "sys.exit(bool({'sklearn', 'joblib'} & set(sys.modules)))"
    )
    assert subprocess.run([sys.executable, "-c", script], check=False).returncode == 0


@settings(max_examples=60)
@given(data=st.data())
def test_a_damaged_file_is_refused_or_harmless(tmp_path_factory, oracle, data):
    path = tmp_path_factory.getbasetemp() / "damaged.json"
    oracle_file.save(oracle, path)
    text = bytearray(path.read_bytes())
    text[data.draw(st.integers(0, len(text) - 1))] = data.draw(st.integers(0, 255))
    path.write_bytes(text)
    again = None
    with suppress(InvalidInput):
        again = oracle_file.load(path)
    if again is not None:
        np.testing.assert_array_equal(again.trees.value, oracle.trees.value)
        assert again.training == oracle.training


def test_a_file_cut_short_is_refused(tmp_path, oracle):
    oracle_file.save(oracle, tmp_path / "oracle.json")
    text = (tmp_path / "oracle.json").read_text()
    for part in (0, 1, len(text) // 2, len(text) - 3):
        (tmp_path / "oracle.json").write_text(text[:part])
        with pytest.raises(InvalidInput, match="not JSON, or cut off"):
            oracle_file.load(tmp_path / "oracle.json")


def test_other_formats_inputs_and_fields_are_told_apart(tmp_path, oracle):
    path = tmp_path / "oracle.json"
    with pytest.raises(InvalidInput, match=r"format 'optexec\.oracle\.v9', not 'optexec\.oracle\.v1'; load"):
        oracle_file.load(written(path, oracle, format="optexec.oracle.v9"))
    with pytest.raises(InvalidInput, match=r"on the inputs \['size', 'spread'\], not \['size', 'vol_ratio'"):
        oracle_file.load(written(path, oracle, inputs=["size", "spread"]))
    with pytest.raises(InvalidInput, match="SHA-256 does not match"):
        oracle_file.load(written(path, oracle, hashed=False, side="sell"))
    path.write_text("[1, 2]")
    with pytest.raises(InvalidInput, match="no oracle"):
        oracle_file.load(path)
    with pytest.raises(InvalidInput, match="cannot be read"):
        oracle_file.load(tmp_path)
    with pytest.raises(InvalidInput, match="cannot be written"):
        oracle_file.save(oracle, tmp_path / "nowhere" / "oracle.json")


@pytest.mark.parametrize("child", ["left", "right"])
def test_trees_that_never_end_are_refused(tmp_path, oracle, child):
    circular = getattr(oracle.trees, child).copy()
    circular[0, 0] = 0
    forged = replace(oracle, trees=oracle.trees._replace(**{child: circular}))
    oracle_file.save(forged, tmp_path / "oracle.json")
    with pytest.raises(InvalidInput, match="its fields are not those of"):
        oracle_file.load(tmp_path / "oracle.json")


def test_fields_of_the_wrong_kind_are_refused(tmp_path, oracle):
    for changed in ({"sizes": "many"}, {"held_out": {}}, {"trees": {}}, {"bucket": "soon"}, {"trees": None}):
        with pytest.raises(InvalidInput, match="its fields are not those of"):
            oracle_file.load(written(tmp_path / "oracle.json", oracle, **changed))


# A real half-hour


@pytest.mark.skipif(not AAPL.exists(), reason="the real AAPL hour is not beside the project")
@pytest.mark.parametrize("side", ["buy", "sell"])
def test_half_an_hour_of_training_beats_the_last_book_over_the_next(side):
    book, ten = read_book(AAPL), pd.Timedelta("10:00:00")
    past = book[book.index < ten]
    made = train(past, bucket="60s", side=side)
    size = np.array([np.median(displayed_depth(past, side)) / 2])
    after = outcome(book, side, size, made.bucket)
    at = np.flatnonzero(after.complete & (book.index >= ten))
    forecast = made.slippage(known(book, side, made.sizes, made.halflife).iloc[at], size)
    last_book = walk_per_share(book.iloc[at], side, size)
    both = np.isfinite(after.slippage[at]) & np.isfinite(last_book)
    error, naive = (np.median(np.abs(guess - after.slippage[at])[both]) for guess in (forecast, last_book))
    assert both.sum() > 1_200
    assert error < 0.8 * naive
