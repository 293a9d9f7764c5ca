"""Write the bundled sample: `python -m optexec.data.sample.generate [--out DIR]`.

A synthetic day of a stock near 50 dollars on a cent tick: one ten-level snapshot at the end of each of 390
minutes, spreads wider at the open, volume and volatility in a U over the day, more depth towards the close.
"""

import argparse
import gzip
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from optexec.data.book import BOOK_COLUMNS, LEVELS, PRICE_COLUMNS, read_book
from optexec.data.calibration import calibrate

SEED = 20250115
CALIBRATED = ["price", "half_spread", "depth", "a", "b", "fit_error", "degenerate", "volume", "sigma", "age"]
"""Columns of the calibration that the sample table keeps."""
MINUTES = 390
FIRST = "2025-01-15T09:30:59-05:00"
TICKS_PER_DOLLAR = 100
OPENING_PRICE = 50.0
DAY_VOLUME = 5_000_000
DAY_VOLATILITY = 0.015
ROUND_LOT = 100
PARTICIPATION = 0.10
BOOK_FILE, BUCKETS_FILE = "book.csv.gz", "buckets.csv"


def synthetic_book(seed: int = SEED) -> pd.DataFrame:
    """Make the book of the day, 390 rows: `time` as text, 40 book columns in dollars and shares, `volume`.

    >>> synthetic_book().shape
    (390, 42)
    """
    random = np.random.default_rng(seed)
    spread = _spreads(random)
    bid = np.round(_mids(random) * TICKS_PER_DOLLAR - spread / 2).astype(int)
    ladders = [_ladder(random, sign) for sign in (-1, 1)]
    touches = (bid, bid + spread)
    ticks = [touch[:, None] + offsets for touch, (offsets, _) in zip(touches, ladders, strict=True)]
    levels = np.hstack([*ticks, *(sizes for _, sizes in ladders)])
    book = pd.DataFrame(levels, columns=BOOK_COLUMNS)
    book[PRICE_COLUMNS] = book[PRICE_COLUMNS] / TICKS_PER_DOLLAR
    moments = pd.date_range(FIRST, periods=MINUTES, freq="min")
    book.insert(0, "time", [moment.isoformat() for moment in moments])
    return book.assign(volume=_volumes(random))


def _u_shape(opening: float, closing: float) -> NDArray[np.float64]:
    """Return a curve of about 1 at noon, `opening` and `closing` more at the ends of the day, (390,)."""
    minute = np.arange(MINUTES)
    return 1 + opening * np.exp(-minute / 30) + closing * np.exp((minute - MINUTES + 1) / 25)


def _mids(random: np.random.Generator) -> NDArray[np.float64]:
    share = _u_shape(1.5, 0.5)
    scale = DAY_VOLATILITY * share / np.sqrt((share**2).sum())
    return OPENING_PRICE * np.exp(np.cumsum(scale * random.standard_normal(MINUTES)))


def _spreads(random: np.random.Generator) -> NDArray[np.int64]:
    """Draw the bid-ask spread in ticks, 1 to 4."""
    return np.clip(1 + random.poisson(0.3 * _u_shape(6.0, 0.5)), 1, 4)


def _ladder(random: np.random.Generator, sign: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Draw ticks from the best price and shares at each level, both (390, 10).

    The shares up to a distance p grow as p^(1/beta), so that the price rises about as x^beta.
    """
    gaps = random.choice([1, 2, 3], p=[0.88, 0.10, 0.02], size=(MINUTES, LEVELS))
    offsets = np.cumsum(gaps, axis=1) - gaps[:, :1]
    beta = np.clip(random.normal(0.46, 0.07, size=(MINUTES, 1)), 0.3, 0.62)
    depth = 14_000 * _u_shape(-0.4, 0.5) * np.exp(random.normal(0.0, 0.2, size=MINUTES))
    filled = ((offsets + 1) / (offsets[:, -1:] + 1)) ** (1 / beta)
    shares = np.diff(filled, axis=1, prepend=0.0) * depth[:, None]
    noisy = shares * np.exp(random.normal(0.0, 0.2, size=shares.shape))
    return sign * offsets, _round_lots(noisy)


def _round_lots(shares: NDArray[np.float64]) -> NDArray[np.int64]:
    return np.maximum(np.round(shares / ROUND_LOT), 1).astype(int) * ROUND_LOT


def _volumes(random: np.random.Generator) -> NDArray[np.int64]:
    share = _u_shape(2.5, 3.0) * np.exp(random.normal(0.0, 0.35, size=MINUTES))
    return np.round(DAY_VOLUME * share / share.sum()).astype(int)


def bucket_table(book: pd.DataFrame) -> pd.DataFrame:
    """Return the calibrated minutes of a book, with columns for a concave cost and for a cap.

    `sat_a (1 - exp(-sat_b x))` is a saturating total cost in dollars that meets the fitted cost of walking
    the book at x = depth, with sat_b = 1/depth; `maximum` is 10 % of volume in round lots, at least one.

    >>> from optexec.data import sample
    >>> table = bucket_table(read_book(sample.path("book.csv.gz")))
    >>> int(table["maximum"].min()) >= 100
    True
    """
    table = calibrate(book)[CALIBRATED]
    depth = table["depth"]
    at_depth = depth * (table["half_spread"] + table["a"] * depth ** table["b"])
    lots = (table["volume"] // (ROUND_LOT / PARTICIPATION)).astype(int).clip(lower=1)
    return table.assign(sat_a=at_depth / (1 - np.exp(-1)), sat_b=1 / depth, maximum=lots * ROUND_LOT)


def write(folder: Path) -> list[Path]:
    """Write both files of the sample into a folder, made if need be; the same bytes every time.

    Returns:
        The paths written.

    >>> from tempfile import TemporaryDirectory
    >>> with TemporaryDirectory() as folder:
    ...     [path.name for path in write(Path(folder))]
    ['book.csv.gz', 'buckets.csv']
    """
    folder.mkdir(parents=True, exist_ok=True)
    book_path, buckets_path = folder / BOOK_FILE, folder / BUCKETS_FILE
    text = synthetic_book().to_csv(index=False, lineterminator="\n")
    book_path.write_bytes(gzip.compress(text.encode(), mtime=0))
    table = bucket_table(read_book(book_path))
    table.index = pd.Index([start.isoformat() for start in table.index], name="time")
    rounded = table.to_csv(float_format="%.6g", lineterminator="\n")
    buckets_path.write_bytes(rounded.encode())
    return [book_path, buckets_path]


def main(arguments: Sequence[str] | None = None) -> None:
    """Write the sample and print the paths; `arguments` default to the command line."""
    parser = argparse.ArgumentParser(description="Write the synthetic sample day.")
    parser.add_argument("--out", type=Path, default=Path(__file__).parent, help="folder to write to")
    for path in write(parser.parse_args(arguments).out):
        print(path)


if __name__ == "__main__":
    main()
