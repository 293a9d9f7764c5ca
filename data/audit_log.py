"""An append-only log of JSON lines that survives a crash at any byte and shows any later change.

Every line begins with a hash of itself and the line before it. A line is on the disk before `append` returns. What a
crash leaves of a line that was being written has no end of line, and is dropped.
"""

import hashlib
import json
import os
import stat
from contextlib import suppress
from io import FileIO
from pathlib import Path
from typing import Any, Self

from optexec.models.errors import InvalidInput

SCHEMA = "optexec.audit.v1"
_HEAD, _MIDDLE = '{"hash": "', '", '
_DIGITS = 64


class AuditLog:
    """A log that records can be appended to.

    Args:
        path: of the file; made if there is none. What a crash left of its last line is cut off. A lock keeps
            other processes from appending, but not on Windows.

    Attributes:
        records: those on the disk, in order.

    Raises:
        InvalidInput: as `read_log`, and then the file is left as it is; a file that cannot be written, or is being
            written by another process.

    >>> import tempfile
    >>> path = Path(tempfile.mkdtemp(), "day.log")
    >>> with AuditLog(path) as log:
    ...     log.append([{"kind": "begin"}, {"kind": "event", "shares": 0.1}])
    >>> [record["seq"] for record in read_log(path)]
    [0, 1]
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        try:
            self._file = path.open("a+b", buffering=0)
            self._continue()
        except OSError as error:
            raise InvalidInput(f"{path}: cannot be written ({error.strerror})") from None

    def _continue(self) -> None:
        """Read what is on the disk, and cut off what a crash left; a file that cannot be continued is closed."""
        try:
            _refuse_devices(self._file, self.path)
            _lock(self._file, self.path)
            self._file.seek(0)
            self.records, self._last, self._size = _parsed(self.path, self._file.read())
            self._file.truncate(self._size)
            _sync_folder(self.path)
        except BaseException:
            self.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *raised: object) -> None:
        self.close()

    def append(self, records: list[dict[str, Any]]) -> None:
        """Put records at the end, with their place in the log as `seq`, and wait until the disk has them.

        Raises:
            InvalidInput: a log that is closed, or a disk that does not take them. The log then ends where it ended
                before, and is closed.
        """
        told = [{"seq": seq, **record} for seq, record in enumerate(records, start=len(self.records))]
        lines, last = [], self._last
        for record in told:
            line, last = _line(record, last)
            lines.append(line)
        content = "".join(lines).encode()
        self._put(content)
        self.records += told
        self._last, self._size = last, self._size + len(content)

    def _put(self, content: bytes) -> None:
        """Write all of it to the disk, or close the file as it was: what a disk failed to keep, it may lose later."""
        if self._file.closed:
            raise InvalidInput(f"{self.path}: is closed; open it again")
        try:
            _write(self._file.fileno(), content)
            os.fsync(self._file.fileno())
        except BaseException as error:
            with suppress(OSError):
                self._file.truncate(self._size)
            self.close()
            if not isinstance(error, OSError):
                raise
            told = f"cannot be written ({error.strerror}); mend that, and open it again"
            raise InvalidInput(f"{self.path}: {told}") from None

    def close(self) -> None:
        """Close the file; others may append to it from then on."""
        self._file.close()


def read_log(path: Path) -> list[dict[str, Any]]:
    """The records of a log, without what a crash left of the last line.

    Raises:
        InvalidInput: no such file, a line that is damaged, missing or not of a log, with its number.

    >>> read_log(Path("nowhere.log"))
    Traceback (most recent call last):
    ...
    optexec.models.errors.InvalidInput: nowhere.log: cannot be read (No such file or directory); check the path
    """
    try:
        content = path.read_bytes()
    except OSError as error:
        raise InvalidInput(f"{path}: cannot be read ({error.strerror}); check the path") from None
    return _parsed(path, content)[0]


def _line(record: dict[str, Any], before: str) -> tuple[str, str]:
    """A record as a line, and its hash."""
    body = json.dumps(record, allow_nan=False)[1:]
    digest = _digest(before, body)
    return f"{_HEAD}{digest}{_MIDDLE}{body}\n", digest


def _digest(before: str, body: str) -> str:
    return hashlib.sha256((before + body).encode()).hexdigest()


def _parsed(path: Path, content: bytes) -> tuple[list[dict[str, Any]], str, int]:
    """Records, the hash of the last, and the number of bytes that they take."""
    *lines, torn = content.split(b"\n")
    if not _HEAD.encode().startswith(torn[: len(_HEAD)]):
        raise InvalidInput(f"{path}, line {len(lines) + 1}: is not of a log; give another file")
    records: list[dict[str, Any]] = []
    last, start = "", len(_HEAD) + _DIGITS + len(_MIDDLE)
    for number, raw in enumerate(lines, start=1):
        line = raw.decode(errors="replace")
        digest, body = line[len(_HEAD) : len(_HEAD) + _DIGITS], line[start:]
        if not line.startswith(_HEAD) or digest != _digest(last, body):
            raise InvalidInput(
                f"{path}, line {number}: is damaged, or a line before it is missing or was changed; "
                "restore the file from a copy"
            )
        records.append(json.loads("{" + body))
        last = digest
    return records, last, len(content) - len(torn)


def _write(handle: int, content: bytes) -> None:
    while content:
        content = content[os.write(handle, content) :]


def _refuse_devices(file: FileIO, path: Path) -> None:
    """Refuse what keeps nothing, or never ends."""
    if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
        raise InvalidInput(f"{path}: is a device and keeps no log; give a file")


def _lock(file: FileIO, path: Path) -> None:
    """Keep other processes from appending, where files can be locked; the lock ends with the process."""
    if os.name == "posix":
        import fcntl

        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise InvalidInput(f"{path}: is being written by another process; end it first") from None


def _sync_folder(path: Path) -> None:
    """Make sure that the folder knows of a new file, where folders can be synchronised."""
    if os.name == "posix":
        handle = os.open(path.parent, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
