"""The bucket table of curves that are learned from earlier days."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pandas as pd


def learned_table(
    earlier: "list[pd.DataFrame]", book: "pd.DataFrame", bucket: str, side: str
) -> "tuple[pd.DataFrame, dict[str, float], str]":
    """Curves that an oracle trained on earlier days foretells for the buckets of a day, each from the book before it.

    Args:
        earlier: books of earlier days, the oldest first, one at least.
        book: of the day; its first bucket has no book before it and is left out.
        bucket, side: as in `calibrate`.

    Returns:
        The table of `calibrate` with total costs `cost_1`.. at the oracle's sizes in place of a family's parameters;
        median errors on held-out days in cents a share by forecast; and the `[[impact]]` table of a spec.

    Raises:
        InvalidInput: no earlier day, and what `oracle.train` refuses.

    >>> from optexec.data import sample
    >>> from optexec.data.book import read_book
    >>> book = read_book(sample.path("book.csv.gz"))
    >>> table, errors, impact = learned_table([book], book.iloc[:60], "5min", "buy")
    >>> len(table), sorted(errors), impact.splitlines()[1]
    (11, ['last_book', 'oracle'], 'family = "Tabulated"')
    """
    from optexec.data.calibration import calibrate
    from optexec.data.oracle import train
    from optexec.models.errors import InvalidInput

    if not earlier:
        raise InvalidInput("--model oracle learns from earlier days; name their books before that of the day")
    oracle = train(earlier, bucket, side)
    table = calibrate(book, bucket, side)
    known = table.iloc[1:][
        [name for name in ("price", "half_spread", "depth", "volume", "sigma", "age") if name in table]
    ]
    curves = oracle.curves(oracle.features(book, known.index))
    costs = {f"cost_{k}": curves.cost_at[:, k] for k in range(1, curves.cost_at.shape[1])}
    names = ", ".join(f'"{name}"' for name in costs)
    sizes = ", ".join(f"{shares:.10g}" for shares in curves.shares)
    impact = f'[[impact]]\nfamily = "Tabulated"\nquoted = "total"\nshares = [{sizes}]\ncost = [0.0, {names}]'
    held_out = {"oracle": 100 * oracle.held_out.oracle, "last_book": 100 * oracle.held_out.last_book}
    return known.assign(**costs), held_out, impact
