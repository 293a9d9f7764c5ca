"""`optexec calibrate`: from order books to a bucket table."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from optexec.runners.command_line import PLOTS, Json, Plot, guarded, run_alone

if TYPE_CHECKING:
    import pandas as pd

    from optexec.data.sampling import BookDay
    from optexec.data.slippage import SlippagePoints
    from optexec.runners.calibrated_curves import Asked, Calibrated

SCHEMA = "optexec.calibrate.v1"

Books = Annotated[
    list[Path],
    typer.Argument(
        metavar="BOOK...",
        help="Ten-level books: Databento MBP-10 (.csv, .dbn), LOBSTER messages (with their order books), or snapshots "
        "(.csv, .parquet). Several are days of one stock, the oldest first; the last is calibrated.",
    ),
]
Table = Annotated[Path, typer.Option("--output", "-o", metavar="FILE", help="Bucket table to write: .csv or .parquet.")]
Bucket = Annotated[str, typer.Option("--bucket", help="Length of a bucket.")]
Side = Annotated[str, typer.Option("--side", metavar="buy|sell", help="Side of the order: buy walks the asks.")]
Model = Annotated[
    str,
    typer.Option(
        "--model",
        help="Family of curves; 'average' or 'blend' for a mean of the books so far that decays with age, alone or "
        "with a part of the last book; 'auto' for the one of these that foretells the next bucket best; or 'oracle' "
        "for curves learned from the earlier days.",
    ),
]
Way = Annotated[
    str,
    typer.Option(
        "--way",
        metavar="each|shrunk|pooled",
        help="Fitted curves: one for each bucket, drawn to a mean, or one for the day.",
    ),
]
Every = Annotated[str, typer.Option("--every", help="How often the books of an event file are looked at.")]
Symbol = Annotated[str | None, typer.Option("--symbol", help="Which stock of a Databento file that holds several.")]
Start = Annotated[
    str | None, typer.Option("--start", metavar="HH:MM", help="New York time of the first snapshot used.")
]
End = Annotated[str | None, typer.Option("--end", metavar="HH:MM", help="New York time before which the last one is.")]


@guarded
def calibrate_books(
    books: Books,
    output: Table,
    bucket: Bucket = "60s",
    side: Side = "buy",
    model: Model = "half_spread_power",
    way: Way = "each",
    every: Every = "1s",
    symbol: Symbol = None,
    start: Start = None,
    end: End = None,
    plot: Plot = None,
    as_json: Json = False,
) -> None:
    """Find an impact curve for the book in every bucket, judge it by the next bucket, and write the bucket table.

    Example: optexec calibrate book.csv.gz -o buckets.csv --plot fits.png

    Example: optexec calibrate book.csv.gz -o b.csv --bucket 5min --model auto

    Example: optexec calibrate book.csv.gz -o sell.parquet --side sell --json
    """
    import optexec as ox
    from optexec.runners.calibrated_curves import Asked, calibrated
    from optexec.runners.calibration_report import print_report, report, text_times
    from optexec.runners.output import check_writable, print_json, write_figure, write_table
    from optexec.runners.progress import working

    check_writable(output)
    check_writable(plot, PLOTS)
    *earlier, day = _read(books, every, symbol, start, end)
    asked = Asked(day.book, bucket, side, way, tuple(past.book for past in earlier))
    with working("fitting curves"):
        made = calibrated(model, asked)
    write_table(made.table.set_axis(text_times(made.table)) if output.suffix == ".csv" else made.table, output)
    points = points_of(asked, made)
    if plot is not None:
        write_figure(ox.plot(points, made.impact, made.doubtful), plot)
    told = report(made, points, day.quality)
    if as_json:
        print_json(SCHEMA, **told)
    else:
        print_report(told)


def _read(paths: list[Path], every: str, symbol: str | None, start: str | None, end: str | None) -> "list[BookDay]":
    from dataclasses import replace

    from optexec.data.open_book import open_book
    from optexec.runners.progress import reading

    with reading(paths) as tell:
        days = [open_book(*files, every=every, symbol=symbol, progress=tell) for files in days_of(paths)]
    return [replace(day, book=window(day.book, start, end)) for day in days]


def days_of(paths: list[Path]) -> list[list[Path]]:
    """Files by day: an order-book file of LOBSTER belongs to its message file, any other is a day by itself.

    >>> days_of([Path("A_message_10.csv"), Path("A_orderbook_10.csv"), Path("B.csv")])
    [[PosixPath('A_message_10.csv'), PosixPath('A_orderbook_10.csv')], [PosixPath('B.csv')]]
    """
    partners = {path: path.with_name(path.name.replace("_orderbook_", "_message_")) for path in paths}
    books = [path for path, messages in partners.items() if messages != path and messages in paths]
    return [[path, *(book for book in books if partners[book] == path)] for path in paths if path not in books]


def points_of(asked: "Asked", made: "Calibrated") -> "SlippagePoints":
    """What the books of the calibrated buckets cost; an oracle has no curve of the first bucket."""
    from optexec.data.slippage import slippage_points

    points = slippage_points(asked.book, asked.bucket, asked.side)
    return points.later(len(points.start) - len(made.table))


def window(book: "pd.DataFrame", start: str | None, end: str | None) -> "pd.DataFrame":
    """The snapshots from `start` on and before `end`, New York wall-clock times as "HH:MM"; None for no end.

    Raises:
        InvalidInput: a time of another form, a window that holds no snapshot.

    >>> import pandas as pd
    >>> book = pd.DataFrame({"volume": [1, 2, 3]}, index=pd.to_timedelta(["09:29:59", "09:30:00", "16:00:00"]))
    >>> window(book, "09:30", "16:00")["volume"].tolist()
    [2]
    """
    import pandas as pd

    from optexec.data.clock import clock_time, time_of_day
    from optexec.models.errors import InvalidInput

    times = time_of_day(book.index)
    from_start = times >= clock_time("--start", "0:00" if start is None else start)
    before_end = times < clock_time("--end", pd.Timedelta.max if end is None else end)
    inside = from_start & before_end
    if not inside.any():
        raise InvalidInput(f"no snapshot from {start or 'the first'} to {end or 'the last'}; widen --start and --end")
    return book[inside]


if __name__ == "__main__":
    run_alone(calibrate_books)
