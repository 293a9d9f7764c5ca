"""`optexec calibrate`: from order books to a bucket table."""

import re
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from optexec.runners.command_line import PLOTS, Json, Plot, guarded, run_alone

if TYPE_CHECKING:
    import pandas as pd

    from optexec.data.sampling import BookDay

SCHEMA = "optexec.calibrate.v1"
QUANTILES = (0.05, 0.25, 0.5, 0.75, 0.95)
AUTO, ORACLE = "auto", "oracle"
_CLOCK = re.compile(r"([01]?\d|2[0-3]):([0-5]\d)")

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
        help="Family of curves, 'auto' for the one that foretells the next bucket best, or 'oracle' for curves learned "
        "from the earlier days.",
    ),
]
Way = Annotated[
    str,
    typer.Option(
        "--way", metavar="each|shrunk|pooled", help="A curve for each bucket, drawn to a mean, or one for the day."
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
    """Fit an impact curve to the book in every bucket, judge it by the next bucket, and write the bucket table.

    Example: optexec calibrate book.csv.gz -o buckets.csv --plot fits.png

    Example: optexec calibrate book.csv.gz -o b.csv --bucket 5min --model auto

    Example: optexec calibrate monday.csv tuesday.csv -o b.csv --model oracle
    """
    from optexec.runners.output import check_writable, print_json, write_table
    from optexec.runners.progress import working

    check_writable(output)
    check_writable(plot, PLOTS)
    *earlier, day = _read(books, every, symbol, start, end)
    with working("fitting curves"):
        model, table, errors, impact = _curves(model, [past.book for past in earlier], day.book, bucket, side, way)
    write_table(_with_text_times(table) if output.suffix == ".csv" else table, output)
    if plot is not None:
        _draw(day.book, table, bucket, side, plot)
    report = _report(table) | {"model": model, "impact": impact, "errors": errors, "quality": _quality(day)}
    if as_json:
        print_json(SCHEMA, **report)
    else:
        _print(report)


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


def _curves(
    model: str, earlier: "list[pd.DataFrame]", book: "pd.DataFrame", bucket: str, side: str, way: str
) -> "tuple[str, pd.DataFrame, dict[str, float], str]":
    """The model, the bucket table, the errors of forecasts in cents a share, and the `[[impact]]` tables of a spec."""
    if model == ORACLE:
        from optexec.runners.learned import learned_table

        return model, *learned_table(earlier, book, bucket, side)
    model, errors = _chosen(model, book, bucket, side)
    return model, _fitted(earlier, book, bucket, side, model, way), errors, impact_keys(model)


def _chosen(model: str, book: "pd.DataFrame", bucket: str, side: str) -> tuple[str, dict[str, float]]:
    """The model, and by forecast the median error of the next bucket's slippage in cents a share."""
    from optexec.data.curve_families import FAMILIES, family_named
    from optexec.data.model_choice import best_family, family_errors
    from optexec.models.errors import InvalidInput

    if model != AUTO:
        family_named(model)
    try:
        table = family_errors(book, bucket, side, families=FAMILIES if model == AUTO else [model])
    except InvalidInput:
        if model == AUTO:
            raise
        return model, {}
    cents = {str(name): 100 * float(error) for name, error in table["median_absolute"].items()}
    return (best_family(table) if model == AUTO else model), cents


def _fitted(
    earlier: "list[pd.DataFrame]", book: "pd.DataFrame", bucket: str, side: str, model: str, way: str
) -> "pd.DataFrame":
    from optexec.data.calibration import calibrate

    return calibrate(book, bucket, side, model, way, earlier)


def impact_keys(model: str) -> str:
    """The `[[impact]]` tables of a spec that reads the bucket table of a model.

    >>> print(impact_keys("power_total"))
    [[impact]]
    family = "Power"
    quoted = "total"
    a = "a"
    b = "b"
    """
    from optexec.data.curve_families import family_named

    family = family_named(model)
    curve = type(family.impact(1.0, 1.0, family.quoted)).__name__
    parameters = {"slope": "a"} if curve == "Linear" else {"a": "a", "b": "b"}
    tables = [("Linear", "total", {"slope": "half_spread"})] if family.half_spread != "none" else []
    return "\n".join(
        "\n".join(
            ["[[impact]]", f'family = "{name}"', f'quoted = "{quoted}"', *(f'{k} = "{v}"' for k, v in columns.items())]
        )
        for name, quoted, columns in [*tables, (curve, family.quoted, parameters)]
    )


def _draw(book: "pd.DataFrame", table: "pd.DataFrame", bucket: str, side: str, path: Path) -> None:
    import optexec as ox
    from optexec.data.slippage import slippage_points
    from optexec.models.errors import InvalidInput

    if "family" not in table:
        raise InvalidInput("--plot draws fitted curves; leave it out with --model oracle")
    ox.plot(slippage_points(book, bucket, side), table).savefig(path)


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
    told: dict[str, Any] = {
        "buckets": len(table),
        "first": str(table.index[0]),
        "last": str(table.index[-1]),
        "median_half_spread_bps": float(half_spread.median()),
        "carried_forward": int((table["age"] > 0).sum()),
    }
    if "b" in table:
        told["b_quantiles"] = {f"{q:g}": float(table["b"].quantile(q)) for q in QUANTILES}
    if "fit_error" in table:
        told |= {
            "median_fit_error": float(table["fit_error"].median()),
            "degenerate_fits": int(table["degenerate"].sum()),
        }
    return told


def _quality(day: "BookDay") -> dict[str, float]:
    """What was counted while reading, as far as it is anything."""
    counts = day.quality.frame["count"].dropna()
    return {str(what): float(count) for what, count in counts[counts != 0].items()}


def _print(report: dict[str, Any]) -> None:
    from optexec.runners.output import columns, console, facts

    rows = {
        "buckets": f"{report['buckets']:,}, from {report['first']} to {report['last']}",
        "half-spread": f"{report['median_half_spread_bps']:.3f} bps of the mid, median",
        "model": report["model"],
    }
    if "b_quantiles" in report:
        quantiles = ", ".join(f"{float(q):.0%}: {b:.3f}" for q, b in report["b_quantiles"].items())
        rows["exponent b"] = f"quantiles {quantiles}"
    if "median_fit_error" in report:
        rows["fit error"] = f"{report['median_fit_error']:.2%} of the slippage, median"
        rows["degenerate fits"] = f"{report['degenerate_fits']:,}"
    rows["carried forward"] = f"{report['carried_forward']:,} buckets without a snapshot of their own"
    out = console()
    out.print(facts(rows))
    out.print()
    out.print(columns(["read", "count"], [[what, f"{count:,.10g}"] for what, count in report["quality"].items()]))
    if report["errors"]:
        out.print()
        misses = [[name, f"{cents:.3f}"] for name, cents in report["errors"].items()]
        out.print(columns(["forecast of the next bucket", "median error (cents a share)"], misses))
    out.print()
    out.print(report["impact"], markup=False, highlight=False)


if __name__ == "__main__":
    run_alone(calibrate_books)
