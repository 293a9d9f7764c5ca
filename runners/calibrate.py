"""`optexec calibrate`: from snapshots of an order book to a bucket table."""

import re
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from optexec.runners.command_line import Json, guarded, run_alone

if TYPE_CHECKING:
    import pandas as pd

SCHEMA = "optexec.calibrate.v1"
QUANTILES = (0.05, 0.25, 0.5, 0.75, 0.95)
_CLOCK = re.compile(r"([01]?\d|2[0-3]):([0-5]\d)")

Book = Annotated[
    Path, typer.Argument(metavar="BOOK", help="Ten-level book, one snapshot a row: .csv, .csv.gz, .parquet.")
]
Table = Annotated[Path, typer.Option("--output", "-o", metavar="FILE", help="Bucket table to write: .csv or .parquet.")]
Bucket = Annotated[str, typer.Option("--bucket", help="Length of a bucket.")]
Side = Annotated[str, typer.Option("--side", metavar="buy|sell", help="Side of the order: buy walks the asks.")]
Start = Annotated[
    str | None, typer.Option("--start", metavar="HH:MM", help="New York time of the first snapshot used.")
]
End = Annotated[str | None, typer.Option("--end", metavar="HH:MM", help="New York time before which the last one is.")]


@guarded
def calibrate_book(
    book: Book,
    output: Table,
    bucket: Bucket = "60s",
    side: Side = "buy",
    start: Start = None,
    end: End = None,
    as_json: Json = False,
) -> None:
    """Fit an impact curve to the book in every bucket and write the bucket table.

    Example: optexec calibrate book.csv.gz -o buckets.csv --bucket 5min --side sell --start 09:30 --end 16:00
    """
    from optexec.data.book import read_book
    from optexec.data.calibration import calibrate
    from optexec.runners.output import check_writable, print_json, write_table

    check_writable(output)
    table = calibrate(window(read_book(book), start, end), bucket, side)
    write_table(_with_text_times(table) if output.suffix == ".csv" else table, output)
    report = _report(table)
    if as_json:
        print_json(SCHEMA, **report)
    else:
        _print(report)


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

    from optexec.models.errors import InvalidInput

    times: Any = book.index
    if isinstance(times, pd.DatetimeIndex):
        wall = times.tz_localize(None)
        times = wall - wall.normalize()
    from_start = times >= (pd.Timedelta(0) if start is None else _clock("--start", start))
    before_end = times < (pd.Timedelta.max if end is None else _clock("--end", end))
    inside = from_start & before_end
    if not inside.any():
        raise InvalidInput(f"no snapshot from {start or 'the first'} to {end or 'the last'}; widen --start and --end")
    return book[inside]


def _clock(option: str, text: str) -> "pd.Timedelta":
    import pandas as pd

    from optexec.models.errors import InvalidInput

    if not _CLOCK.fullmatch(text):
        raise InvalidInput(f"{option} {text}: not a time of day; write it as 09:30")
    return pd.Timedelta(f"{text}:00")


def _with_text_times(table: "pd.DataFrame") -> "pd.DataFrame":
    """The table with the starts of its buckets as text: ISO 8601, or HH:MM:SS where the book has no date."""
    import pandas as pd

    starts: Any = table.index
    if isinstance(starts, pd.DatetimeIndex):
        text = [moment.isoformat() for moment in starts]
    else:
        text = [str(pd.Timestamp(0) + time)[11:] for time in starts]
    return table.set_axis(pd.Index(text, name="time"))


def _report(table: "pd.DataFrame") -> dict[str, Any]:
    half_spread = 1e4 * table["half_spread"] / table["price"]
    return {
        "buckets": len(table),
        "first": str(table.index[0]),
        "last": str(table.index[-1]),
        "median_half_spread_bps": float(half_spread.median()),
        "b_quantiles": {f"{q:g}": float(table["b"].quantile(q)) for q in QUANTILES},
        "median_fit_error": float(table["fit_error"].median()),
        "degenerate_fits": int(table["degenerate"].sum()),
        "carried_forward": int((table["age"] > 0).sum()),
    }


def _print(report: dict[str, Any]) -> None:
    from optexec.runners.output import console, facts

    quantiles = ", ".join(f"{float(q):.0%}: {b:.3f}" for q, b in report["b_quantiles"].items())
    rows = {
        "buckets": f"{report['buckets']:,}, from {report['first']} to {report['last']}",
        "half-spread": f"{report['median_half_spread_bps']:.3f} bps of the mid, median",
        "exponent b": f"quantiles {quantiles}",
        "fit error": f"{report['median_fit_error']:.2%} of the slippage, median",
        "degenerate fits": f"{report['degenerate_fits']:,}",
        "carried forward": f"{report['carried_forward']:,} buckets without a snapshot of their own",
    }
    console().print(facts(rows))


if __name__ == "__main__":
    run_alone(calibrate_book)
