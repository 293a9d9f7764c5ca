"""A stretch of order-book events: what every reader of event files yields, and what `sampling` takes in."""

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray


class Events(NamedTuple):
    """E events of one file in order of time; a day is a sequence of these, so that no day has to fit in memory.

    Fields:
        time: New York time of each event, nondecreasing, (E,).
        levels: the ten-level book after each event in the order of `book.BOOK_COLUMNS`, (E, 40); an empty level has
            price NaN and size 0.
        volume: shares executed in each event, against displayed and hidden orders, (E,).
        halted: whether trading is halted after each event, (E,).
        rows: rows of the file that these events were read from, those dropped included.
        dropped: how many rows were left out, by reason.
        doubtful: how many rows were kept although something about them is odd, by reason.

    >>> empty = Events(pd.DatetimeIndex([], tz="America/New_York"), np.empty((0, 40)), np.empty(0), np.empty(0, bool))
    >>> len(empty.time), empty.rows
    (0, 0)
    """

    time: pd.DatetimeIndex
    levels: NDArray[np.float64]
    volume: NDArray[np.float64]
    halted: NDArray[np.bool_]
    rows: int = 0
    dropped: Mapping[str, int] = {}
    doubtful: Mapping[str, int] = {}
