"""Buckets between two labels: the same ones in whatever form labels and bounds are written."""

from datetime import date, datetime, time, timedelta
from decimal import Decimal
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from optexec.data.bucket_store import BucketStore
from optexec.data.bucket_window import Labels
from optexec.models.errors import InvalidInput

FORMS = {
    "09:30": lambda minute: f"{minute // 60:02}:{minute % 60:02}",
    "9:30": lambda minute: f"{minute // 60}:{minute % 60:02}",
    "09:30:00": lambda minute: f"{minute // 60:02}:{minute % 60:02}:00",
    "time": lambda minute: time(minute // 60, minute % 60),
    "duration": lambda minute: timedelta(minutes=minute),
}
ZONED = {
    "New York": lambda minute: pd.Timestamp("2025-01-15", tz="America/New_York") + pd.Timedelta(minutes=minute),
    "text": lambda minute: f"2025-01-15T{minute // 60:02}:{minute % 60:02}:00-05:00",
    "text, space": lambda minute: f"2025-01-15 {minute // 60:02}:{minute % 60:02}-05:00",
    "UTC": lambda minute: (datetime.fromisoformat("2025-01-15T05:00Z") + timedelta(minutes=minute)).isoformat(),
}
LOCAL = {
    "Timestamp": lambda minute: pd.Timestamp("2025-01-15") + pd.Timedelta(minutes=minute),
    "text": lambda minute: f"2025-01-15T{minute // 60:02}:{minute % 60:02}",
}
NUMBERS = {
    "int": int,
    "float": float,
    "text": str,
    "padded": lambda n: f"{n:04}",
    "decimal": Decimal,
    "1e0": "{}e0".format,
}
KINDS = [FORMS, ZONED, LOCAL, NUMBERS]
MINUTES = st.integers(0, 24 * 60 - 1)


def inside(minutes, start, end):
    return [k for k, v in enumerate(minutes) if (start is None or v >= start) and (end is None or v < end)]


@given(st.data(), st.sets(MINUTES, min_size=1, max_size=6), st.none() | MINUTES, st.none() | MINUTES)
def test_a_window_is_half_open_in_every_form(data, minutes, start, end) -> None:
    forms = data.draw(st.sampled_from(KINDS))
    written, bound = (forms[name] for name in data.draw(st.tuples(*2 * [st.sampled_from(sorted(forms))])))
    labels = Labels([written(minute) for minute in sorted(minutes)], "minute")
    bounds = [None if minute is None else bound(minute) for minute in (start, end)]
    buckets = inside(sorted(minutes), start, end)
    if buckets:
        assert labels.window(*bounds) == (buckets[0], buckets[-1] + 1)
    else:
        with pytest.raises(InvalidInput, match="no bucket has its minute in"):
            labels.window(*bounds)


@pytest.mark.parametrize(
    "labels",
    [
        pd.Index([34_200, 34_260, 34_320]),
        pd.Index([34_200.0, 34_260.0, 34_320.0]),
        pd.date_range("2025-01-15 09:30", periods=3, freq="min"),
        pd.date_range("2025-01-15 09:30", periods=3, freq="min", tz="America/New_York"),
        pd.to_timedelta([34_200, 34_260, 34_320], unit="s"),
        pd.Index(["09:30", "09:31", "09:32"]),
        pd.Index(["a", "b", "c"]),
        pd.CategoricalIndex(["c", "a", "b"]),
        pd.Index([time(9, 30), time(9, 31), time(9, 32)]),
        pd.Index([date(2025, 1, 15), date(2025, 1, 16), date(2025, 1, 17)]),
        pd.Index([Decimal("1.5"), Decimal("2.5"), Decimal("3.5")]),
        pd.Index([False, True]),
    ],
)
def test_bounds_of_another_kind_are_refused_and_those_of_the_labels_taken(labels) -> None:
    own = Labels(labels, "time")
    assert own.window(labels[1], None) == (1, len(labels))
    assert own.window(str(labels[0]), str(labels[1])) == (0, 1)
    number, clock = own.kind == "number", own.kind == "time of day"
    strange = [
        "nan",
        "NaT",
        "inf",
        "noon",
        "",
        "9h30",
        "25:00",
        "2025-02-30",
        pd.NaT,
        float("nan"),
        [1],
        b"a",
    ]
    strange += [] if number else [-1, 0, 2.5, "34200", Decimal(1)]
    dated = own.kind in ("time with a zone", "time without a zone")
    strange += [] if clock or dated else ["09:31", "9:31", time(9, 31), timedelta(hours=9)]
    for bound in strange:
        for bounds in ((bound, None), (None, bound)):
            with pytest.raises(InvalidInput, match="is no label of the buckets, such as"):
                own.window(*bounds)


@pytest.mark.parametrize(
    ("kind", "values", "bound"),
    [
        (pa.time64("us"), [time(9, 30), time(9, 31)], "9:31"),
        (pa.time32("s"), [time(9, 30), time(9, 31)], time(9, 31)),
        (pa.date32(), [date(2025, 1, 15), date(2025, 1, 16)], "2025-01-16"),
        (pa.duration("ns"), [timedelta(hours=9), timedelta(hours=10)], "10:00"),
        (
            pa.timestamp("us", "America/New_York"),
            [datetime(2025, 1, 15, 14, 30), datetime(2025, 1, 15, 15)],
            "2025-01-15T15Z",
        ),
        (pa.timestamp("ns"), [datetime(2025, 1, 15, 14, 30), datetime(2025, 1, 15, 15)], datetime(2025, 1, 15, 15)),
        (pa.dictionary(pa.int8(), pa.string()), ["9:59", "10:00"], "10:00:00"),
        (pa.decimal128(5, 1), [Decimal("9.5"), Decimal("10.0")], "10"),
        (pa.int16(), [930, 1000], "1000"),
        (pa.large_string(), ["morning", "afternoon"], "afternoon"),
        (pa.bool_(), [False, True], "True"),
    ],
)
def test_every_column_of_a_store_can_be_that_of_the_labels(tmp_path: Path, kind, values, bound) -> None:
    (tmp_path / "symbol=A").mkdir()
    pq.write_table(pa.table({"at": pa.array(values, kind)}), tmp_path / "symbol=A" / "part.parquet")
    labels = Labels(BucketStore(tmp_path).buckets("A").labels("at"), "at")
    assert labels.window(bound, None) == (1, 2)
    assert labels.window(None, bound) == (0, 1)
    with pytest.raises(InvalidInput, match="such as"):
        labels.window(None, "noon")


@pytest.mark.parametrize("zone", [None, "America/New_York", "UTC"])
@pytest.mark.parametrize("written", [list, lambda index: [t.isoformat() for t in index]])
def test_a_time_of_day_is_that_of_the_labels_of_one_day(zone, written) -> None:
    index = pd.date_range("2025-01-15 09:30", periods=390, freq="min", tz=zone)
    day = Labels(written(index), "time")
    for start, end in (("9:45", "15:00"), (time(9, 45), "15:00:00"), (timedelta(hours=9.75), time(15))):
        assert day.window(start, end) == (15, 330)
    assert day.window("9:45", index[330].isoformat()) == (15, 330)
    with pytest.raises(InvalidInput, match=r"no bucket has its time in \[16:00, end\)"):
        day.window("16:00", None)
    two = Labels(written(index.append(index + pd.Timedelta(days=1))), "time")
    with pytest.raises(InvalidInput, match=r"start 9:45: the buckets run from 2025-01-15 09:30.*; write the day"):
        two.window("9:45", None)


def test_times_know_their_zone() -> None:
    index = pd.date_range("2025-01-15 09:30", periods=3, freq="min", tz="America/New_York", name="time")
    with pytest.raises(InvalidInput, match="have a time zone; write it likewise"):
        Labels(index, "time").window("2025-01-15T09:31:00", None)
    with pytest.raises(InvalidInput, match="have no time zone; write it likewise"):
        Labels(index.tz_localize(None), "time").window("2025-01-15T09:31:00Z", None)
    assert Labels(index.tz_localize(None), "time").window(None, "2025-01-16") == (0, 3)


def test_a_window_needs_labels_in_order() -> None:
    for labels in (["10:00", "9:59"], [2, 1], ["2", "1"], ["2025-01-15T10:00Z", "2025-01-15T10:30+01:00"]):
        with pytest.raises(InvalidInput, match="time is not in order; sort the buckets"):
            Labels(labels, "time").window(labels[0], None)
        assert Labels(labels, "time").window(None, None) == (0, 2)


def test_labels_of_several_kinds_are_text_in_the_order_of_the_buckets() -> None:
    labels = Labels(["09:30", "open", 3, "1:00"], "part")
    assert (labels.kind, labels.window("open", "1:00")) == ("text", (1, 3))
    assert labels.window(3, None) == (2, 4)
    with pytest.raises(InvalidInput, match="'9:30' is no label of the buckets, such as 09:30"):
        labels.window("9:30", None)
    with pytest.raises(InvalidInput, match=r"no bucket has its part in \[open, 09:30\)"):
        labels.window("open", "09:30")


def test_labels_are_compared_to_the_last_bit() -> None:
    close = [0.1 + 0.2, np.nextafter(0.1 + 0.2, 1)]
    assert Labels(close, "x").window(repr(float(close[1])), None) == (1, 2)


def test_a_bound_of_another_kind_is_told_as_people_write_it() -> None:
    with pytest.raises(InvalidInput, match=r"^start '2025-01-15 09:31:00' is no label of the buckets, such as 09:30$"):
        Labels(["09:30", "09:31"], "time").window(datetime(2025, 1, 15, 9, 31), None)
