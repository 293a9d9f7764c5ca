"""What `optexec calibrate` tells of the curves it wrote."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pandas as pd

    from optexec.data.quality import Quality
    from optexec.data.slippage import SlippagePoints
    from optexec.runners.calibrated_curves import Calibrated

QUANTILES = (0.05, 0.25, 0.5, 0.75, 0.95)
SHOWN = (0.05, 0.25, 0.5, 0.75, 1.0)
"""Sizes whose residuals are printed, as fractions of the displayed depth; the report has those of all."""


def report(made: "Calibrated", points: "SlippagePoints", quality: "Quality") -> dict[str, Any]:
    """Everything that is told of a calibration, as JSON has it.

    Args:
        made: the curves and their table, N buckets.
        points: what the books of those buckets cost.
        quality: what was counted while reading.

    >>> from optexec.data import sample
    >>> from optexec.data.open_book import open_book
    >>> from optexec.data.slippage import slippage_points
    >>> from optexec.runners.calibrated_curves import Asked, calibrated
    >>> day = open_book(sample.path("book.csv.gz"))
    >>> made = calibrated("power_total", Asked(day.book, "30min", "buy"))
    >>> told = report(made, slippage_points(day.book, "30min", "buy"), day.quality)
    >>> told["buckets"], told["coverage"][0]
    (13, {'from': '09:30', 'buckets': 1, 'snapshots': 30, 'carried': 0, 'undetermined': 0})
    """
    from optexec.data.fit_report import residual_quantiles

    table = made.table
    half_spread = 1e4 * table["half_spread"] / table["price"]
    told: dict[str, Any] = {
        "buckets": len(table),
        "first": text_times(table)[0],
        "last": text_times(table)[-1],
        "median_half_spread_bps": float(half_spread.median()),
        "median_depth": float(table["depth"].median()),
        "carried_forward": int((table["age"] > 0).sum()),
    }
    if "b" in table:
        told["b_quantiles"] = {f"{q:g}": float(table["b"].quantile(q)) for q in QUANTILES}
    if "fit_error" in table:
        told |= {
            "median_fit_error": float(table["fit_error"].median()),
            "degenerate_fits": int(table["degenerate"].sum()),
        }
    missed = residual_quantiles(points, made.impact)
    residuals = {"size": missed.index.tolist()} | {f"{q:g}": missed[q].tolist() for q in missed}
    counted = quality.frame["count"].dropna()
    return told | {
        "model": made.model,
        "impact": made.keys,
        "errors": made.errors,
        "residuals": residuals,
        "coverage": _coverage(made, points),
        "quality": {str(what): float(count) for what, count in counted[counted != 0].items()},
    }


def text_times(table: "pd.DataFrame") -> "pd.Index":
    """The starts of a table's buckets as text: ISO 8601, or HH:MM:SS where the book has no date.

    >>> import pandas as pd
    >>> list(text_times(pd.DataFrame(index=pd.to_timedelta([34_200], unit="s"))))
    ['09:30:00']
    """
    import pandas as pd

    starts: Any = table.index
    if isinstance(starts, pd.DatetimeIndex):
        return pd.Index([moment.isoformat() for moment in starts], name="time")
    return pd.Index([str(pd.Timestamp(0) + time)[11:] for time in starts], name="time")


def _coverage(made: "Calibrated", points: "SlippagePoints") -> list[dict[str, Any]]:
    import pandas as pd

    from optexec.data.fit_report import coverage
    from optexec.runners.output import records

    table = coverage(points, (made.table["age"] > 0).to_numpy(), made.doubtful)
    clock = [f"{pd.Timestamp(0) + time:%H:%M}" for time in table.index]
    return records(table.set_axis(pd.Index(clock, name="from")))


def print_report(told: dict[str, Any]) -> None:
    """Print a `report` for people."""
    from optexec.runners.output import columns, console, facts

    rows = {
        "buckets": f"{told['buckets']:,}, from {told['first']} to {told['last']}",
        "half-spread": f"{told['median_half_spread_bps']:.3f} bps of the mid, median",
        "depth": f"{told['median_depth']:,.0f} shares displayed, median; curves beyond are extrapolated",
        "model": told["model"],
    }
    if "b_quantiles" in told:
        quantiles = ", ".join(f"{float(q):.0%}: {b:.3f}" for q, b in told["b_quantiles"].items())
        rows["exponent b"] = f"quantiles {quantiles}"
    if "median_fit_error" in told:
        rows["fit error"] = f"{told['median_fit_error']:.2%} of the slippage, median"
        rows["degenerate fits"] = f"{told['degenerate_fits']:,}"
    rows["carried forward"] = f"{told['carried_forward']:,} buckets without a snapshot of their own"
    tables = [columns(["read", "count"], [[what, f"{count:,.10g}"] for what, count in told["quality"].items()])]
    if told["errors"]:
        misses = [[name, f"{cents:.3f}"] for name, cents in told["errors"].items()]
        tables.append(columns(["forecast of the next bucket", "median error (cents a share)"], misses))
    out = console()
    out.print(facts(rows))
    for table in (*tables, columns(*_residual_rows(told["residuals"])), columns(*_coverage_rows(told["coverage"]))):
        out.print()
        out.print(table)
    out.print()
    out.print(told["impact"], markup=False, highlight=False)


def _residual_rows(residuals: dict[str, list[float]]) -> tuple[list[str], list[list[str]]]:
    sizes, *quantiles = residuals.items()
    headings = ["curve less book, % of slippage", *(f"{float(q):.0%}" for q, _ in quantiles)]
    rows = [
        [f"{size:.0%} of the displayed depth", *(f"{100 * values[place]:.1f}" for _, values in quantiles)]
        for place, size in enumerate(sizes[1])
        if round(size, 9) in SHOWN
    ]
    return headings, rows


def _coverage_rows(coverage: list[dict[str, Any]]) -> tuple[list[str], list[list[str]]]:
    headings = ["buckets from", *list(coverage[0])[1:]]
    return headings, [[row["from"], *(f"{count:,}" for count in list(row.values())[1:])] for row in coverage]
