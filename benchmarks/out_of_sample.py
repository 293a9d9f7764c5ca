"""Forecasts of the next minute's slippage on a real hour, everything chosen and trained on its first half.

python -m benchmarks.out_of_sample BOOK
"""

import sys

import numpy as np
import pandas as pd

from optexec.data.book import displayed_depth
from optexec.data.forecasts import Forecast, standard_forecasts
from optexec.data.open_book import open_book
from optexec.data.oracle import train
from optexec.data.out_of_sample import errors

FIRST, HALF, END = "09:30", "10:00", "10:30"
SHOWN = ("previous", "fitted", "pooled", "shrunk", "decaying 8", "blend 0.25 decaying 8", "oracle")


def compared(book: pd.DataFrame, side: str) -> pd.DataFrame:
    """Median absolute errors in cents a share at half the median depth, and the difference to the last book."""
    clock = book.index if isinstance(book.index, pd.TimedeltaIndex) else book.index - book.index[0].normalize()
    past = book[clock < pd.Timedelta(f"{HALF}:00")]
    oracle = train(past, "60s", side)
    forecasts: dict[str, Forecast] = {**standard_forecasts(), "oracle": lambda h: oracle.forecast(h.book, h.shares)}
    shown = {name: forecast for name, forecast in forecasts.items() if name.startswith(SHOWN)}
    size = float(np.median(displayed_depth(past, side))) / 2
    told = errors(book, "60s", side, size, shown, f"{HALF}:00", f"{END}:00").loc["mean"]
    return 100 * told[["median_absolute", "difference", "difference_error"]]


if __name__ == "__main__":
    day = open_book(sys.argv[1]).book
    for side in ("buy", "sell"):
        print(side, compared(day, side).round(2).to_string(), sep="\n")
