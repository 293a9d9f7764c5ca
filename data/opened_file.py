"""Opening a file for reading, whether it is compressed or not."""

import gzip
import io
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, cast

from optexec.models.errors import InvalidInput

PARQUET = (".parquet", ".pq")
"""Suffixes of Parquet files; tables of other names are CSV."""
_GZIP, _ZSTD = b"\x1f\x8b", b"\x28\xb5\x2f\xfd"


@contextmanager
def opened(path: Path) -> Iterator[tuple[io.BufferedIOBase, BinaryIO]]:
    """Open a file for reading its contents, decompressed by gzip or zstd as its first bytes say, and its bytes on disk.

    Raises `InvalidInput` for a file that is missing, unreadable or not whole, when it is read as well.

    >>> with opened(Path("nowhere.dbn")) as (contents, disk):
    ...     pass
    Traceback (most recent call last):
    ...
    optexec.models.errors.InvalidInput: nowhere.dbn: no such file; check the path
    """
    try:
        with path.open("rb") as disk:
            magic = disk.read(len(_ZSTD))
            disk.seek(0)
            yield _decompressed(disk, magic), disk
    except FileNotFoundError:
        raise InvalidInput(f"{path}: no such file; check the path") from None
    except (EOFError, zlib.error, gzip.BadGzipFile):
        raise InvalidInput(f"{path}: not a whole gzip file; fetch it again or compress it again") from None
    except OSError as error:
        told = error.strerror or str(error).splitlines()[0]
        raise InvalidInput(f"{path}: cannot be read ({told}); check the path and fetch the file again") from None


def _decompressed(disk: BinaryIO, magic: bytes) -> io.BufferedIOBase:
    if magic.startswith(_GZIP):
        return gzip.GzipFile(fileobj=disk)
    if magic == _ZSTD:
        import pyarrow as arrow

        return io.BufferedReader(arrow.CompressedInputStream(arrow.PythonFile(disk, "r"), "zstd"))
    return cast(io.BufferedIOBase, disk)


def read_text(path: Path) -> str:
    """The whole text of a file in UTF-8, decompressed, without a byte order mark.

    Raises:
        InvalidInput: as `opened`; a file that is not UTF-8.

    >>> import tempfile
    >>> path = Path(tempfile.mkdtemp(), "day.txt.gz")
    >>> _ = path.write_bytes(gzip.compress(b"09:30"))
    >>> read_text(path)
    '09:30'
    """
    with opened(path) as (contents, _):
        content = contents.read()
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise InvalidInput(f"{path}: not UTF-8 text (byte {error.start}); save it as UTF-8") from None
