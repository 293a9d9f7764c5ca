"""Forecasts of the next minute's slippage on a real hour, everything chosen and trained on its first half.

python -m benchmarks.out_of_sample BOOK
"""

import sys

import numpy as np
import pandas as pd

from optexec.data.book import SIDES, displayed_depth
from optexec.data.forecasts import Forecast, standard_forecasts
from optexec.data.open_book import open_book
from optexec.data.oracle import train
from optexec.data.out_of_sample import choose, errors

START, HALF, END = "09:31:00", "10:00:00", "10:30:00"
AVERAGED = ("decaying", "blend")
"""Kinds of forecast of which the first half chooses the one to show."""


def first_half(book: pd.DataFrame) -> pd.DataFrame:
    """The snapshots that forecasts are trained and chosen on."""
    clock = book.index if isinstance(book.index, pd.TimedeltaIndex) else book.index - book.index[0].normalize()
    return book[clock < pd.Timedelta(HALF)]


def shown(book: pd.DataFrame, sizes: dict[str, float]) -> dict[str, Forecast]:
    """The naive forecasts and the curves, and of each kind of average the one that the first half chooses."""
    forecasts = standard_forecasts()
    kinds = [{name: forecasts[name] for name in forecasts if name.startswith(kind)} for kind in AVERAGED]
    chosen = [choose(book, "60s", sizes, kind, START, HALF) for kind in kinds]
    return {name: forecasts[name] for name in forecasts if name in chosen or not name.startswith(AVERAGED)}


def compared(book: pd.DataFrame, side: str, size: float, forecasts: dict[str, Forecast]) -> pd.DataFrame:
    """Median absolute errors in cents a share on the second half, and the difference to the last book."""
    oracle = train(first_half(book), "60s", side)
    judged: dict[str, Forecast] = {**forecasts, "oracle": lambda h: oracle.forecast(h.book, h.shares)}
    told = errors(book, "60s", side, size, judged, HALF, END).loc["mean"]
    return 100 * told[["median_absolute", "difference", "difference_error"]]


if __name__ == "__main__":
    day = open_book(sys.argv[1]).book
    half_depth = {side: float(np.median(displayed_depth(first_half(day), side))) / 2 for side in SIDES}
    candidates = shown(day, half_depth)
    for side, size in half_depth.items():
        print(side, compared(day, side, size, candidates).round(2).to_string(), sep="\n")
