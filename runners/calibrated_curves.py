"""The curves that `optexec calibrate` writes: fitted, averaged or learned, and how well each foretells."""

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd
    from numpy.typing import NDArray

    from optexec.models.impact import Impact
    from optexec.models.tabulated import Tabulated

AUTO, ORACLE = "auto", "oracle"
OF_THE_BUCKET = ("price", "half_spread", "depth", "volume", "sigma", "age")
"""Columns of a bucket table that do not depend on the curves."""


class Calibrated(NamedTuple):
    """Curves of the buckets of a day.

    Fields:
        model: a family, an average or "oracle".
        table: the bucket table, one row a bucket.
        impact: its curves.
        keys: the `[[impact]]` tables of a spec that reads the table.
        errors: median absolute error of the slippage of the next bucket in cents a share, by forecast.
    """

    model: str
    table: "pd.DataFrame"
    impact: "Impact"
    keys: str
    errors: dict[str, float]

    @property
    def doubtful(self) -> "NDArray[np.bool_]":
        """Which curves their points do not determine, (N,): degenerate fits, averages before a book shows any size."""
        import numpy as np

        if "degenerate" in self.table:
            return self.table["degenerate"].to_numpy(dtype=bool)
        if "shown" in self.table:
            return (self.table["shown"] == 0).to_numpy(dtype=bool)
        return np.zeros(len(self.table), dtype=bool)


class Asked(NamedTuple):
    """What is to be calibrated.

    Fields:
        book: snapshots of the day.
        bucket, side: as in `calibrate`.
        way: as in `calibrate`; an average is "each".
        earlier: books of earlier days, the oldest first.
    """

    book: "pd.DataFrame"
    bucket: str
    side: str
    way: str = "each"
    earlier: "tuple[pd.DataFrame, ...]" = ()


def calibrated(model: str, asked: Asked) -> Calibrated:
    """Curves of the buckets of a day by a model.

    Args:
        model: a name of `FAMILIES` (fitted to the bucket) or `AVERAGES` (of the books up to the bucket's end), "auto"
            for the one of them that foretells the next bucket best (of the families alone where the way is not
            "each"), or "oracle" (learned from earlier days; the first bucket has no book before it and is left out).
        asked: what is to be calibrated.

    Raises:
        InvalidInput: an unknown model or way, an oracle without earlier days, with a way or for a day of one
            bucket, earlier days that do not count.

    >>> from optexec.data import sample
    >>> from optexec.data.book import read_book
    >>> book = read_book(sample.path("book.csv.gz"))
    >>> made = calibrated("auto", Asked(book, "10min", "sell"))
    >>> made.model, len(made.table), made.errors["average"] < made.errors["previous_book"]
    ('average', 39, True)
    >>> learned = calibrated("oracle", Asked(book.iloc[:60], "5min", "buy", earlier=(book,)))
    >>> len(learned.table), sorted(learned.errors), learned.keys.splitlines()[1]
    (11, ['last_book', 'oracle'], 'family = "Tabulated"')
    """
    from optexec.data.averages import AVERAGES

    if model == ORACLE:
        return _learned(asked)
    chosen, errors = _chosen(model, asked)
    return (_averaged if chosen in AVERAGES else _fitted)(chosen, asked)._replace(errors=errors)


def _chosen(model: str, asked: Asked) -> tuple[str, dict[str, float]]:
    """The model, and by forecast the median error of the next bucket's slippage in cents a share."""
    from optexec.data.averages import AVERAGES
    from optexec.data.curve_families import FAMILIES
    from optexec.data.model_choice import best_family, family_errors
    from optexec.models.errors import InvalidInput, unknown_name

    known = [*FAMILIES, *AVERAGES]
    if model not in (AUTO, *known):
        raise unknown_name("curve family", model, [*known, AUTO, ORACLE])
    candidates = [model] if model != AUTO else known if asked.way == "each" else list(FAMILIES)
    try:
        table = family_errors(asked.book, asked.bucket, asked.side, families=candidates)
    except InvalidInput:
        if model == AUTO:
            raise
        return model, {}
    cents = {str(name): 100 * float(error) for name, error in table["median_absolute"].items()}
    return (best_family(table) if model == AUTO else model), cents


def _fitted(model: str, asked: Asked) -> Calibrated:
    from optexec.data.calibration import calibrate
    from optexec.data.curve_fits import impact

    table = calibrate(asked.book, asked.bucket, asked.side, model, asked.way, asked.earlier)
    return Calibrated(model, table, impact(table), family_keys(model), {})


def _averaged(model: str, asked: Asked) -> Calibrated:
    from optexec.data.averages import averaged_curves
    from optexec.data.calibration import calibrate
    from optexec.models.errors import InvalidInput

    if asked.way != "each" or asked.earlier:
        raise InvalidInput(f"the model {model} averages the books of one day; leave out --way and earlier days")
    made = averaged_curves(asked.book, asked.bucket, asked.side, model)
    table = _with_costs(calibrate(asked.book, asked.bucket, asked.side), made.curves).assign(shown=made.shown)
    return Calibrated(model, table, made.curves, tabulated_keys(made.curves), {})


def _learned(asked: Asked) -> Calibrated:
    from optexec.data.calibration import calibrate
    from optexec.data.oracle import train
    from optexec.models.errors import InvalidInput

    if asked.way != "each":
        raise InvalidInput("--model oracle learns one curve for each bucket; leave out --way")
    if not asked.earlier:
        raise InvalidInput("--model oracle learns from earlier days; name their books before that of the day")
    known = calibrate(asked.book, asked.bucket, asked.side).iloc[1:]
    if known.empty:
        raise InvalidInput(
            "--model oracle learns from the book before each bucket, and the day has one bucket; "
            "give a longer day or a shorter --bucket"
        )
    oracle = train(asked.earlier, asked.bucket, asked.side)
    curves = oracle.curves(oracle.features(asked.book, known.index))
    held_out = {"oracle": 100 * oracle.held_out.oracle, "last_book": 100 * oracle.held_out.last_book}
    return Calibrated(ORACLE, _with_costs(known, curves), curves, tabulated_keys(curves), held_out)


def _with_costs(table: "pd.DataFrame", curves: "Tabulated") -> "pd.DataFrame":
    """The columns that do not depend on the curves, and total costs `cost_1`.. at the sizes of the curves."""
    costs = {f"cost_{k}": curves.cost_at[:, k] for k in range(1, curves.cost_at.shape[1])}
    return table[[name for name in OF_THE_BUCKET if name in table]].assign(**costs)


def tabulated_keys(curves: "Tabulated") -> str:
    """The `[[impact]]` table of a spec that reads the bucket table of curves given by points.

    >>> from optexec.models.tabulated import Tabulated
    >>> print(tabulated_keys(Tabulated([0.0, 100.0, 250.0], [[0.0, 1.0, 4.0]])))
    [[impact]]
    family = "Tabulated"
    quoted = "total"
    shares = [0, 100, 250]
    cost = [0.0, "cost_1", "cost_2"]
    """
    sizes = ", ".join(f"{shares:.10g}" for shares in curves.shares)
    names = ", ".join(f'"cost_{k}"' for k in range(1, len(curves.shares)))
    return f'[[impact]]\nfamily = "Tabulated"\nquoted = "total"\nshares = [{sizes}]\ncost = [0.0, {names}]'


def family_keys(model: str) -> str:
    """The `[[impact]]` tables of a spec that reads the bucket table of a family.

    >>> print(family_keys("power_total"))
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
