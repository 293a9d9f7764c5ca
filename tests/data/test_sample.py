"""The bundled sample day."""

import gzip
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from optexec.data import sample
from optexec.data.book import PRICE_COLUMNS, SIZE_COLUMNS, read_book, walk_cost
from optexec.data.calibration import calibrate
from optexec.data.sample import generate
from optexec.models.errors import InvalidInput


@pytest.fixture(scope="module")
def book() -> pd.DataFrame:
    return read_book(sample.path("book.csv.gz"))


@pytest.fixture(scope="module")
def buckets() -> pd.DataFrame:
    return pd.read_csv(sample.path("buckets.csv"), index_col="time")


def test_generating_again_gives_the_bundled_files(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], buckets: pd.DataFrame
) -> None:
    generate.main(["--out", str(tmp_path / "new")])
    made = [tmp_path / "new" / name for name in ("book.csv.gz", "buckets.csv")]
    assert capsys.readouterr().out.splitlines() == [str(path) for path in made]
    bundled = sample.path("book.csv.gz").read_bytes()
    assert gzip.decompress(made[0].read_bytes()) == gzip.decompress(bundled)
    pd.testing.assert_frame_equal(pd.read_csv(made[1], index_col="time"), buckets, rtol=1e-5)
    assert bundled[4:8] == b"\0\0\0\0", "the gzip header must hold no time"


def test_buckets_are_the_calibration_of_the_book(book: pd.DataFrame, buckets: pd.DataFrame) -> None:
    table = calibrate(book)[generate.CALIBRATED]
    assert [start.isoformat() for start in table.index] == buckets.index.tolist()
    pd.testing.assert_frame_equal(
        buckets[table.columns].reset_index(drop=True),
        table.reset_index(drop=True),
        rtol=1e-5,
        check_dtype=False,
    )


def test_one_snapshot_falls_into_each_minute(book: pd.DataFrame, buckets: pd.DataFrame) -> None:
    starts = pd.to_datetime(buckets.index).tz_convert("America/New_York")
    assert len(book) == len(buckets) == 390
    np.testing.assert_array_equal(book.index.floor("min"), starts)
    assert starts[0] == pd.Timestamp("2025-01-15 09:30", tz="America/New_York")
    assert starts[0].day_name() == "Wednesday"
    assert (buckets["age"] == 0).all()


def test_prices_on_ticks_and_sizes_in_round_lots(book: pd.DataFrame) -> None:
    cents = book[PRICE_COLUMNS] * 100
    np.testing.assert_allclose(cents, cents.round(), atol=1e-9)
    assert (book[SIZE_COLUMNS] % 100 == 0).all(axis=None)
    asks = cents[[name for name in PRICE_COLUMNS if name.startswith("ask")]].round()
    gaps = asks.diff(axis=1).iloc[:, 1:]
    assert gaps.min(axis=None) == 1
    assert 0.05 < (gaps > 1).mean(axis=None) < 0.25


def test_ranges(buckets: pd.DataFrame) -> None:
    assert buckets["price"].between(48, 52).all()
    assert buckets["half_spread"].between(0.005, 0.02).all()
    assert buckets["half_spread"].iloc[:30].mean() > 1.5 * buckets["half_spread"].iloc[150:250].mean()
    assert buckets["volume"].sum() == pytest.approx(5_000_000, rel=1e-4)
    noon = buckets["volume"].iloc[150:250].mean()
    assert buckets["volume"].iloc[:30].mean() > 1.5 * noon < buckets["volume"].iloc[-30:].mean()
    assert buckets["depth"].iloc[:30].mean() < buckets["depth"].iloc[-30:].mean()
    assert buckets["b"].between(0.18, 0.83).all()
    assert not buckets["degenerate"].any()
    assert (buckets["fit_error"] < 0.06).all()
    assert buckets["sigma"].between(1e-4, 5e-3).all()


def test_saturating_cost_meets_the_walk_at_the_depth(book: pd.DataFrame, buckets: pd.DataFrame) -> None:
    depth = buckets["depth"].to_numpy()
    saturating = buckets["sat_a"] * (1 - np.exp(-buckets["sat_b"] * depth))
    fitted = depth * (buckets["half_spread"] + buckets["a"] * depth ** buckets["b"])
    np.testing.assert_allclose(saturating, fitted, rtol=1e-4)
    np.testing.assert_allclose(saturating, walk_cost(book, "buy", depth[:, None])[:, 0], rtol=0.06)


def test_caps_are_a_tenth_of_volume_in_round_lots(buckets: pd.DataFrame) -> None:
    cap, volume = buckets["maximum"], buckets["volume"]
    assert (cap % 100 == 0).all()
    assert (cap >= 100).all()
    assert ((10 * cap <= volume) & (volume < 10 * (cap + 100)) | (cap == 100)).all()


def test_sample_is_small_and_names_its_files() -> None:
    assert sum(sample.path(name).stat().st_size for name in ("book.csv.gz", "buckets.csv")) < 1_000_000
    with pytest.raises(InvalidInput, match=r"'book\.csv'; did you mean 'book\.csv\.gz'\? known: .*buckets\.csv"):
        sample.path("book.csv")
    with pytest.raises(InvalidInput, match="unknown sample"):
        sample.path("generate.py")
