"""The digest by which an input file is known."""

import hashlib
from pathlib import Path

from optexec.models.errors import InvalidInput


def sha256(path: Path) -> str:
    """SHA-256 of a file's bytes, in hexadecimal.

    Raises:
        InvalidInput: a file that cannot be read.

    >>> from optexec.data import sample
    >>> len(sha256(sample.path("cost.toml")))
    64
    """
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise InvalidInput(f"{path}: cannot be read ({error.strerror}); check the path") from None


def stamp(path: Path) -> tuple[int, int, int]:
    """What changes when a file is written again: its place on the disk, its bytes, and when they were written.

    >>> from optexec.data import sample
    >>> stamp(sample.path("cost.toml")) == stamp(sample.path("cost.toml"))
    True
    """
    seen = path.stat()
    return seen.st_ino, seen.st_size, seen.st_mtime_ns
