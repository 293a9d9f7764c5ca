"""Reading one-minute bars: what a sound file gives, what is filled, what is refused and where."""

import gzip
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from optexec.data.minute_bars import QUOTED, SESSION_MINUTES, TRADED, read_minute_bars
from optexec.models.errors import InvalidInput

REAL = sorted((Path(__file__).parents[2].parent / "shared/data/minute_bars").glob("*_1min.csv"))


def plain_frame(minutes: list[int]) -> pd.DataFrame:
    """Text cells of sound bars at these minutes; volume 100 + minute, quote 9.99 at 10.01."""
    columns: dict[str, list[str]] = {"minute": [str(minute) for minute in minutes]}
    columns["volume"] = [str(1000 + minute) for minute in minutes]
    for name, cell in (("n_trades", "3"), ("vwap", "10.0"), ("max_print", "60")):
        columns[name] = [cell] * len(minutes)
    columns["bid"] = [f"{9.5 + minute / 1000:.3f}" for minute in minutes]
    columns["ask"] = [f"{9.52 + minute / 1000:.3f}" for minute in minutes]
    columns["bid_sz"] = columns["ask_sz"] = ["200"] * len(minutes)
    return pd.DataFrame(columns)


Save = Callable[[pd.DataFrame], Path]


@pytest.fixture
def save(tmp_path: Path) -> Save:
    def write(frame: pd.DataFrame) -> Path:
        frame.to_csv(tmp_path / "bars.csv", index=False)
        return tmp_path / "bars.csv"

    return write


def refused(path: Path, *fragments: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        read_minute_bars(path)
    message = str(caught.value)
    assert message.startswith(str(path))
    assert "\n" not in message
    for fragment in fragments:
        assert fragment in message


# What a sound file gives


def test_a_whole_session_comes_back_as_it_stands(save: Save) -> None:
    bars = read_minute_bars(save(plain_frame(list(range(SESSION_MINUTES)))))
    assert list(bars) == [*TRADED, *QUOTED, "age"]
    assert bars.index.name == "time"
    assert (bars.index[0], bars.index[-1]) == (pd.Timedelta("09:30:00"), pd.Timedelta("15:59:00"))
    assert bars["volume"].tolist() == [1000.0 + minute for minute in range(SESSION_MINUTES)]
    assert set(bars.dtypes) == {np.dtype(float)}
    assert (bars["age"] == 0).all()
    assert bars.attrs == {"omitted": 0, "outside_session": 0}


def test_columns_are_found_by_name_and_others_ignored(tmp_path: Path, save: Save) -> None:
    frame = plain_frame([0, 1, 5])
    expected = read_minute_bars(save(frame))
    shuffled = frame[frame.columns[::-1]].assign(symbol="2 33")
    pd.testing.assert_frame_equal(read_minute_bars(save(shuffled)), expected)
    path = tmp_path / "bars.csv.gz"
    path.write_bytes(gzip.compress(frame.to_csv(index=False, lineterminator="\r\n").encode()))
    pd.testing.assert_frame_equal(read_minute_bars(str(path)), expected)


@settings(deadline=None, max_examples=8)
@given(minutes=st.sets(st.integers(-40, 440), min_size=1).filter(lambda found: any(0 <= m < 390 for m in found)))
def test_omitted_minutes_are_filled_and_those_outside_are_counted(
    minutes: set[int], tmp_path_factory: pytest.TempPathFactory
) -> None:
    path = tmp_path_factory.mktemp("bars") / "bars.csv"
    plain_frame(sorted(minutes)).to_csv(path, index=False)
    bars = read_minute_bars(path)
    inside = sorted(minute for minute in minutes if 0 <= minute < SESSION_MINUTES)
    assert bars.attrs == {"omitted": SESSION_MINUTES - len(inside), "outside_session": len(minutes) - len(inside)}
    assert len(bars) == SESSION_MINUTES
    last = None
    for minute in range(SESSION_MINUTES):
        row = bars.iloc[minute]
        if minute in minutes:
            last = minute
            assert row[TRADED].tolist() == [1000.0 + minute, 3.0, 10.0, 60.0]
        else:
            assert row[["volume", "n_trades", "max_print"]].tolist() == [0.0, 0.0, 0.0]
            assert np.isnan(row["vwap"])
        if last is None:
            assert row[[*QUOTED, "age"]].isna().all()
        else:
            assert row["age"] == 60 * (minute - last)
            assert row["bid"] == pytest.approx(9.5 + last / 1000)
            assert row["ask_sz"] == 200


@pytest.mark.parametrize(("column", "cell"), [("bid", ""), ("ask", "0"), ("ask", "nan"), ("bid", "0.00")])
def test_a_minute_without_a_two_sided_quote_carries_the_last(save: Save, column: str, cell: str) -> None:
    frame = plain_frame([0, 1, 2])
    frame.loc[1, column] = cell
    bars = read_minute_bars(save(frame), minutes=3)
    assert bars["age"].tolist() == [0.0, 60.0, 0.0]
    assert bars["bid"].tolist() == [9.5, 9.5, 9.502]
    assert bars["ask"].tolist() == [9.52, 9.52, 9.522]
    assert bars["volume"].tolist() == [1000.0, 1001.0, 1002.0]


@pytest.mark.parametrize("price", ["", "0"])
def test_a_minute_without_trades_has_no_vwap(save: Save, price: str) -> None:
    frame = plain_frame([0, 1])
    frame.loc[1, TRADED] = ["0", "0", price, "0"]
    bars = read_minute_bars(save(frame), minutes=2)
    assert bars["vwap"].isna().tolist() == [False, True]


def test_a_locked_quote_passes(save: Save) -> None:
    frame = plain_frame([0])
    frame["bid"] = frame["ask"]
    assert read_minute_bars(save(frame), minutes=1)["age"].tolist() == [0.0]


def test_what_stands_outside_the_session_is_not_read(save: Save) -> None:
    frame = plain_frame([-3, 0, 390])
    frame.loc[0, ["bid", "volume"]] = ["99.0", "x"]
    frame.loc[2, "ask"] = "0.01"
    assert read_minute_bars(save(frame)).attrs["outside_session"] == 2


def test_an_early_close_is_a_shorter_session(save: Save) -> None:
    bars = read_minute_bars(save(plain_frame(list(range(230)))), minutes=210)
    assert bars.index[-1] == pd.Timedelta("12:59:00")
    assert bars.attrs == {"omitted": 0, "outside_session": 20}


# What is refused, and where


@pytest.mark.parametrize(
    ("column", "cell", "fragment"),
    [
        ("minute", "1.5", "not a whole minute"),
        ("minute", "", "not a whole minute"),
        ("minute", "0", "does not come after"),
        ("minute", "1", "does not come after"),
        ("minute", "two", "not a number"),
        ("volume", "2 33", "not a number"),
        ("volume", "", "no number of 0 or more"),
        ("volume", "-1", "no number of 0 or more"),
        ("n_trades", "-3", "no number of 0 or more"),
        ("max_print", "", "no number of 0 or more"),
        ("max_print", "5000", "larger than the volume"),
        ("vwap", "", "no price for the volume"),
        ("vwap", "-10", "no price for the volume"),
        ("bid", "9.9", "crossed"),
        ("bid", "-9", "negative"),
        ("ask_sz", "-100", "negative"),
        ("ask_sz", "", "no size"),
        ("bid_sz", "0", "no size"),
    ],
)
def test_bad_cell_is_reported_by_row_and_column(save: Save, column: str, cell: str, fragment: str) -> None:
    frame = plain_frame([0, 1, 2, 3])
    frame.loc[2, column] = cell
    refused(save(frame), f"row 4, column {column}: ", fragment)


def test_other_bad_files(tmp_path: Path, save: Save) -> None:
    refused(tmp_path / "nowhere.csv", "no such file")
    refused(
        save(plain_frame([0]).rename(columns={"bid_sz": "bid_size"})), "no column 'bid_sz'", "did you mean 'bid_size'"
    )
    refused(save(plain_frame([-2, 400])), "row 2, column minute", "no row lies within minutes 0 to 389")


# Real days


@pytest.mark.skipif(not REAL, reason="the shared market data is not beside the project")
@pytest.mark.parametrize("path", REAL, ids=lambda path: path.stem)
def test_real_days_come_back_cell_by_cell(path: Path) -> None:
    raw, bars = pd.read_csv(path), read_minute_bars(path)
    assert len(bars) == SESSION_MINUTES
    assert bars.attrs == {"omitted": 0, "outside_session": 0}
    np.testing.assert_array_equal(bars[[*TRADED, *QUOTED]], raw[[*TRADED, *QUOTED]].astype(float))


@pytest.mark.skipif(not REAL, reason="the shared market data is not beside the project")
def test_the_largest_print_takes_out_the_opening_cross() -> None:
    bars = read_minute_bars(next(path for path in REAL if path.stem == "BAC_20131007_1min"))
    opening = bars.iloc[0]
    assert opening["max_print"] == 1_201_174
    assert opening["volume"] - opening["max_print"] == 402_761
