"""The digest by which an input file is known."""

import hashlib
from pathlib import Path


def sha256(path: Path) -> str:
    """SHA-256 of a file's bytes, in hexadecimal.

    >>> from optexec.data import sample
    >>> len(sha256(sample.path("cost.toml")))
    64
    """
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
