"""One synthetic trading day, 15 January 2025: a minute book, the bucket table calibrated from it, and specs."""

from pathlib import Path

from optexec.models.errors import unknown_name

_FOLDER = Path(__file__).parent
_SUFFIXES = {".csv", ".gz", ".toml"}


def path(name: str) -> Path:
    """Return the path of a bundled file.

    * `book.csv.gz`: ten levels of the book, a snapshot a minute;
    * `buckets.csv`: impact curves, volume and volatility of its 390 minutes;
    * `cost.toml`, `smoothing.toml`, `inventory_risk.toml`: specs of objectives A, B and C on them;
    * `concave.toml`, `mixed.toml`: specs whose costs are not convex.

    Raises `InvalidInput`, listing the files there are, for another name.

    >>> path("buckets.csv").name
    'buckets.csv'
    >>> path("bucket.csv")
    Traceback (most recent call last):
    ...
    optexec.models.errors.InvalidInput: unknown sample 'bucket.csv'; did you mean 'buckets.csv'? ...
    """
    names = sorted(file.name for file in _FOLDER.iterdir() if file.suffix in _SUFFIXES)
    if name not in names:
        raise unknown_name("sample", name, names)
    return _FOLDER / name
