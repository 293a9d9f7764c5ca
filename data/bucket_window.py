"""Which buckets of a day lie between two labels, whatever the labels are."""

from bisect import bisect_left
from collections.abc import Sequence
from contextlib import suppress
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from functools import cached_property
from itertools import pairwise
from math import isfinite
from numbers import Real
from typing import Any

import pandas as pd

from optexec.data.clock import clock_time, is_clock_time
from optexec.models.errors import InvalidInput

NUMBER, CLOCK, MOMENT, LOCAL_MOMENT, TEXT = "number", "time of day", "time with a zone", "time without a zone", "text"


class Labels:
    """Labels of the buckets of a day, by which a window of them is found.

    Numbers, times and times of day are compared as such, also where they are text: 9:45 is 09:45, and 14:45Z is
    09:45-05:00. On labels of one day a time of day is that of their clock. Labels that are not all of one of these
    kinds are text; text is in the order of the buckets.

    Args:
        labels: of N buckets.
        name: what they are, for errors.

    >>> minutes = Labels(["09:30", "09:31", "09:32"], "time")
    >>> minutes.window("9:31", None), minutes.window(None, "09:31:30")
    ((1, 3), (0, 2))
    >>> Labels(["2025-01-15T09:30:00-05:00", "2025-01-15T09:31:00-05:00"], "time").window("9:31", None)
    (1, 2)
    >>> Labels(["open", "noon", "close"], "part").window("noon", None)
    (1, 3)
    """

    def __init__(self, labels: Sequence[Any] | pd.Index, name: str) -> None:
        self.labels, self.name = list(labels), name

    @cached_property
    def _found(self) -> list[tuple[str, Any]]:
        return [_placed(label) for label in self.labels]

    @cached_property
    def kind(self) -> str:
        """What all labels are."""
        kinds = {kind for kind, _ in self._found}
        return kinds.pop() if len(kinds) == 1 else TEXT

    @cached_property
    def _places(self) -> list[Any]:
        return [str(label) for label in self.labels] if self.kind == TEXT else [place for _, place in self._found]

    @cached_property
    def _ordered(self) -> bool:
        return self.kind == TEXT or all(one <= other for one, other in pairwise(self._places))

    def window(self, start: Any, end: Any) -> tuple[int, int]:
        """Positions of the buckets whose label lies in [start, end): the first one, and the one after the last.

        Args:
            start, end: None for the first bucket, and for after the last; text where it was read from a file.

        Raises:
            InvalidInput: numbers or times out of order, a bound that is not of their kind or no label of a text, no
                bucket inside.

        >>> Labels([930, 931], "minute").window("932", None)
        Traceback (most recent call last):
        ...
        optexec.models.errors.InvalidInput: no bucket has its minute in [932, end); they run from 930 to 931
        """
        if start is None and end is None:
            return 0, len(self.labels)
        if not self._ordered:
            raise InvalidInput(
                f"start and end need increasing labels, and {self.name} is not in order; sort the buckets"
            )
        low = 0 if start is None else self._position("start", start)
        high = len(self.labels) if end is None else self._position("end", end)
        if low >= high:
            told = f"[{'start' if start is None else start}, {'end' if end is None else end})"
            first, last = self.labels[0], self.labels[-1]
            raise InvalidInput(f"no bucket has its {self.name} in {told}; they run from {first} to {last}")
        return low, high

    def _position(self, name: str, bound: Any) -> int:
        """Position of the first bucket that a bound does not lie after."""
        if self.kind == TEXT:
            if str(bound).strip() in self._places:
                return self._places.index(str(bound).strip())
            raise self._strange(name, bound)
        kind, place = _placed(bound)
        if kind == CLOCK and self.kind in (MOMENT, LOCAL_MOMENT):
            kind, place = self.kind, self._midnight(name, bound) + place
        if kind == self.kind:
            return bisect_left(self._places, place)
        if {kind, self.kind} == {MOMENT, LOCAL_MOMENT}:
            has = "a time zone" if self.kind == MOMENT else "no time zone"
            raise InvalidInput(f"{name} {bound}: the labels of the buckets have {has}; write it likewise")
        raise self._strange(name, bound)

    def _midnight(self, name: str, bound: Any) -> datetime:
        """Start of the one day that all labels are on, by their clock."""
        first, last = self._places[0], self._places[-1]
        if (first.date(), first.utcoffset()) != (last.date(), last.utcoffset()):
            raise InvalidInput(f"{name} {bound}: the buckets run from {first} to {last}; write the day too")
        return datetime.combine(first.date(), time.min, first.tzinfo)

    def _strange(self, name: str, bound: Any) -> InvalidInput:
        return InvalidInput(f"{name} {str(bound)!r:.40} is no label of the buckets, such as {self.labels[0]}")


def _placed(label: Any) -> tuple[str, Any]:
    """What kind of label it is, and by what it is compared with others of its kind."""
    if isinstance(label, str):
        return _read(label.strip())
    if label is pd.NaT:
        return TEXT, str(label)
    if isinstance(label, Real | Decimal) and not isinstance(label, bool) and isfinite(label):
        return NUMBER, float(label)
    if isinstance(label, time) and label.tzinfo is None:
        return CLOCK, datetime.combine(date.min, label) - datetime.min
    if isinstance(label, timedelta):
        return CLOCK, label
    if isinstance(label, datetime):
        return (LOCAL_MOMENT if label.tzinfo is None else MOMENT), label
    if isinstance(label, date):
        return LOCAL_MOMENT, datetime.combine(label, time.min)
    return TEXT, str(label)


def _read(text: str) -> tuple[str, Any]:
    """A text as the number or the time that it tells, if it does; times since midnight print as 0 days 09:30:00."""
    clock = text.removeprefix("0 days ")
    if is_clock_time(clock):
        return CLOCK, clock_time("label", clock)
    for read in (float, datetime.fromisoformat):
        with suppress(ValueError):
            return _placed(read(text))
    return TEXT, text
