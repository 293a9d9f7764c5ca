"""Labels are clock times where they are times of one day, and as they stand where they are not."""

import io
from itertools import pairwise

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from matplotlib.text import Text

from optexec.analysis.bucket_labels import axis_name, bucket_names, clock_times
from optexec.analysis.chart_style import bucket_axis, places
from optexec.analysis.plot_style import DPI, TICKS, dress_buckets, label_buckets, new_figure

STARTS = ("09:30:00", "09:31:00", "09:32:00", "09:30:30", "00:00:00")
LENGTHS = ("500ms", "1s", "10s", "1min", "5min", "7min", "15min", "30min", "510s")


def ticks(index: pd.Index, most: int = TICKS) -> dict[int, str]:
    axes = new_figure().subplots()
    label_buckets(axes, index, most)
    return {int(place): text.get_text() for place, text in zip(axes.get_xticks(), axes.get_xticklabels(), strict=True)}


@pytest.mark.parametrize(
    "labels",
    [
        ["01", "02"],
        ["2024", "2025"],
        ["20250115", "20250116"],
        ["2025-01-15", "2025-01-16"],
        ["09:30-09:35", "09:35-09:40"],
        ["09:30 open", "16:00 close"],
        ["10:00 AM", "11:00 AM"],
        ["24:00", "25:00"],
        ["2025-01-15T09:30", "2025-01-16T09:30"],
        ["09:30", "09:30:00"],
        ["10:00", "09:30"],
        ["2025-11-02T01:30:00-04:00", "2025-11-02T01:30:00-05:00"],
        ["", ":"],
        ["開始", "終了"],
    ],
)
def test_labels_that_are_no_rising_times_of_one_day_stand_as_they_are(labels: list[str]) -> None:
    index = pd.Index(labels)
    assert clock_times(index) is None
    assert bucket_names(index) == labels == places(index)
    assert bucket_axis(index)["type"] == "category"
    assert axis_name(index) == "bucket"


@pytest.mark.parametrize(
    ("index", "names", "axis"),
    [
        (pd.Index(["9:30", "10:00"]), ["09:30", "10:00"], "start of bucket"),
        (pd.Index(["09:30:00", "09:30:20"]), ["09:30:00", "09:30:20"], "start of bucket"),
        (pd.timedelta_range("9:30:00", periods=2, freq="30min"), ["09:30", "10:00"], "start of bucket"),
        (
            pd.Index(["2025-01-15T09:30:00.5-05:00", "2025-01-15T09:30:01-05:00"]),
            ["09:30:00.500000", "09:30:01.000000"],
            "start of bucket, 15 January 2025",
        ),
        (
            pd.date_range("2025-07-01T08:00", periods=2, freq="min", tz="Europe/London"),
            ["08:00", "08:01"],
            "start of bucket, 1 July 2025",
        ),
    ],
)
def test_times_of_one_day_are_clock_times_that_stay_apart(index: pd.Index, names: list[str], axis: str) -> None:
    assert bucket_names(index) == names
    assert axis_name(index) == axis
    drawn = pd.DatetimeIndex(places(index))
    assert bucket_axis(index)["type"] == "date"
    assert (drawn[1] - drawn[0]).total_seconds() == (pd.Timestamp(names[1]) - pd.Timestamp(names[0])).total_seconds()


def test_times_that_pass_midnight_stand_as_they_are() -> None:
    assert clock_times(pd.timedelta_range("23:30:00", periods=3, freq="30min")) is None
    assert clock_times(pd.timedelta_range("-00:30:00", periods=3, freq="10min")) is None


@given(st.sampled_from(STARTS), st.sampled_from(LENGTHS), st.integers(1, 500), st.sampled_from([4, 7, TICKS]))
def test_every_axis_has_labels_about_evenly_apart(start: str, length: str, buckets: int, most: int) -> None:
    index = pd.timedelta_range(start, periods=buckets, freq=length)
    shown = ticks(index, most)
    names = bucket_names(index)
    for place, told in shown.items():
        begin, _, end = told.partition("…")
        assert names[place].startswith(begin)
        assert names[place].endswith(end)
    assert min(buckets, most / 4) <= len(shown) <= most + 1
    apart = np.diff(sorted(shown))
    assert apart.size == 0 or apart.max() <= 2 * apart.min()


def test_labels_of_a_day_are_round_where_its_buckets_are() -> None:
    assert list(ticks(pd.timedelta_range("09:31:00", periods=390, freq="min")).values())[:3] == [
        "10:00",
        "10:30",
        "11:00",
    ]
    assert list(ticks(pd.timedelta_range("09:31:00", periods=26, freq="15min")).values())[:3] == [
        "09:31",
        "10:01",
        "10:31",
    ]


@pytest.mark.parametrize("buckets", [1, 3, 14, 390])
def test_long_labels_lean_and_stay_in_the_picture(buckets: int) -> None:
    index = pd.Index([f"the bucket of number {k:>9}$_{{x}}$ and more" for k in range(buckets)])
    figure = new_figure((9.0, 4.5))
    axes = figure.subplots()
    axes.bar(np.arange(buckets), np.arange(buckets) + 1.0)
    label_buckets(axes, index)
    dress_buckets(axes, buckets)
    figure.savefig(io.BytesIO(), format="png")
    labels: list[Text] = axes.get_xticklabels()
    assert all(len(label.get_text().replace("\\", "")) <= 30 for label in labels)
    boxes = [label.get_window_extent() for label in labels]
    assert min(box.x0 for box in boxes) >= 0
    assert max(box.x1 for box in boxes) <= 9.0 * DPI
    if buckets <= 3:
        assert all(left.x1 < right.x0 for left, right in pairwise(boxes))
    else:
        assert all(label.get_rotation() == 30 for label in labels)
