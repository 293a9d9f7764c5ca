"""The results of a batch: schedules and a summary in Parquet parts, each written as a whole or not at all."""

import json
import os
import re
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, suppress
from pathlib import Path
from types import TracebackType
from typing import Any, NamedTuple, Self

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from optexec.models.errors import InvalidInput
from optexec.models.validation import Array

FORMAT = "optexec.batch.v1"
MANIFEST, SUMMARY, SCHEDULES = "batch.json", "summary", "schedules"
PART, NEW = re.compile(r"part-(\d{6,})\.parquet"), ".new"
SCHEMA = pa.schema(
    [
        ("row", pa.int64()),
        ("order_id", pa.string()),
        ("symbol", pa.string()),
        ("objective", pa.float64()),
        ("lower_bound", pa.float64()),
        ("gap", pa.float64()),
        ("method", pa.string()),
        ("status", pa.string()),
        ("seconds", pa.float64()),
        ("error", pa.string()),
    ]
)
"""Columns of the summary: an order a row."""


class Outcome(NamedTuple):
    """What became of one order: a row of the summary.

    Fields:
        row: its row in the table of orders.
        objective, lower_bound, gap: dollars, dollars and a fraction; None without a schedule.
        method: what solved it; empty without a schedule.
        status: that of the schedule, or "invalid" (bad input), "infeasible" (limits that cannot hold it) and
            "failed" (no solver gave a schedule).
        seconds: to solve it.
        error: why there is no schedule; empty if there is one.

    >>> Outcome(2, "x", "ABC", error="order.shares must be > 0").status
    'invalid'
    """

    row: int
    order_id: str
    symbol: str
    objective: float | None = None
    lower_bound: float | None = None
    gap: float | None = None
    method: str = ""
    status: str = "invalid"
    seconds: float = 0.0
    error: str = ""


class Slices(NamedTuple):
    """The schedule of one order over its N buckets.

    Fields:
        labels: of the buckets, N strings.
        shares, inventory: traded in each bucket and still held after it, (N,).

    >>> one = Slices("x", "ABC", pa.array(["09:30"]), np.array([300.0]), np.array([0.0]))
    >>> one.labels.to_pylist()
    ['09:30']
    """

    order_id: str
    symbol: str
    labels: pa.Array
    shares: Array
    inventory: Array


class ResultsFolder:
    """A folder with the results of one batch, to be written by one process at a time.

    `summary/` has a row an order (`SCHEMA`), `schedules/` a row a bucket (order_id, symbol, bucket, shares,
    inventory), both in parts that bear one number. A part is written beside its place and moved there; its orders are
    finished once their rows stand in the summary, which is written last. A lock keeps other processes out, but not on
    Windows.

    Args:
        path: the folder; made if its parent exists.
        made_from: what the results depend on: name -> text.

    Raises:
        InvalidInput: a folder that cannot be written, that holds other things or the results of other inputs, or that
            another process writes.

    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as place:
    ...     with ResultsFolder(Path(place) / "out", {"orders": "1"}) as folder:
    ...         folder.write([Outcome(2, "x", "ABC", error="no shares")], [])
    ...     with ResultsFolder(Path(place) / "out", {"orders": "1"}) as again:
    ...         [outcome.error for outcome in again.finished()]
    ...     ResultsFolder(Path(place) / "out", {"orders": "2"})
    Traceback (most recent call last):
    ...
    optexec.models.errors.InvalidInput: .../out: holds the results of other orders; name another folder, or remove it
    """

    def __init__(self, path: Path, made_from: dict[str, str]) -> None:
        self.path = path
        with ExitStack() as held:
            try:
                self._make()
                held.callback(os.close, self._locked())
                self._declare(made_from)
                self._next = self._tidied()
            except OSError as error:
                raise self._unwritable(error) from None
            self._held = held.pop_all()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._held.close()

    def finished(self) -> Iterator[Outcome]:
        """The orders that are finished, part by part.

        Raises:
            InvalidInput: a part that is damaged, or whose schedules are gone.
        """
        for path in _parts(self.path / SUMMARY):
            if not (self.path / SCHEDULES / path.name).exists():
                raise InvalidInput(
                    f"{path}: its part of {SCHEDULES} is gone; remove it, and its orders are solved again"
                )
            try:
                rows = pq.ParquetFile(path).read().select(SCHEMA.names).to_pylist()
            except (OSError, pa.ArrowException, KeyError):
                raise InvalidInput(f"{path}: damaged; remove it, and its orders are solved again") from None
            yield from (Outcome(**row) for row in rows)

    def write(self, outcomes: Sequence[Outcome], slices: Sequence[Slices]) -> None:
        """Add orders and the schedules of those that have one.

        Raises:
            InvalidInput: the folder cannot be written, as when the disk is full; earlier parts are as they were.
        """
        if not outcomes:
            return
        name = f"part-{self._next:06d}.parquet"
        try:
            _write(self.path / SCHEDULES / name, _encoded(_schedules(slices)))
            columns = [list(column) for column in zip(*outcomes, strict=True)]
            _write(self.path / SUMMARY / name, _encoded(pa.table(columns, schema=SCHEMA)))
        except OSError as error:
            raise self._unwritable(error) from None
        self._next += 1

    def _make(self) -> None:
        """Make the folder, or see that it holds nothing else than a batch."""
        if not self.path.parent.is_dir():
            raise InvalidInput(f"{self.path}: there is no folder {self.path.parent}; make it first")
        self.path.mkdir(exist_ok=True)
        names = {entry.name for entry in self.path.iterdir() if not entry.name.startswith(".")}
        if MANIFEST not in names and names - {MANIFEST + NEW}:
            raise InvalidInput(f"{self.path}: holds other things than a batch; name an empty folder or a new one")

    def _declare(self, made_from: dict[str, str]) -> None:
        """Note what the results depend on, or see that those which are there depend on the same."""
        manifest = self.path / MANIFEST
        found = self._declared(manifest) if manifest.exists() else {}
        if not _parts(self.path / SUMMARY):
            _write(manifest, json.dumps({"format": FORMAT, **made_from}, indent=1).encode() + b"\n")
            return
        for name, text in made_from.items():
            if found.get(name) != text:
                raise InvalidInput(f"{self.path}: holds the results of other {name}; name another folder, or remove it")

    @staticmethod
    def _declared(manifest: Path) -> dict[str, Any]:
        try:
            found = json.loads(manifest.read_text(encoding="utf-8"))
        except ValueError:
            found = {}
        if not isinstance(found, dict) or found.get("format") != FORMAT:
            raise InvalidInput(f"{manifest}: not of the format {FORMAT}; name another folder, or remove it")
        return found

    def _locked(self) -> int:
        """A hold on the folder that ends with this process."""
        handle = os.open(self.path / ".lock", os.O_RDONLY | os.O_CREAT)
        with suppress(ImportError):
            import fcntl

            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                os.close(handle)
                raise InvalidInput(f"{self.path}: another batch is writing here; wait for it") from None
        return handle

    def _tidied(self) -> int:
        """Number of the next part, once what a process left of unfinished ones is removed."""
        parts = {path.name for path in _parts(self.path / SUMMARY)}
        for folder in (self.path / SUMMARY, self.path / SCHEDULES):
            folder.mkdir(exist_ok=True)
            for path in folder.iterdir():
                if path.name not in parts and PART.fullmatch(path.name.removesuffix(NEW)):
                    path.unlink()
        return max((int(name[5:-8]) + 1 for name in parts), default=0)

    def _unwritable(self, error: OSError) -> InvalidInput:
        return InvalidInput(
            f"{self.path}: cannot be written ({error.strerror or error}); finished orders are kept, mend it and run "
            "the same command again"
        )


def _parts(folder: Path) -> list[Path]:
    return sorted(path for path in folder.glob("part-*") if PART.fullmatch(path.name))


def _schedules(slices: Sequence[Slices]) -> pa.Table:
    counts = [len(each.shares) for each in slices]
    owner = np.repeat(np.arange(len(slices), dtype=np.int32), counts)

    def repeated(texts: list[str]) -> pa.Array:
        return pa.DictionaryArray.from_arrays(pa.array(owner), pa.array(texts, pa.string()))

    return pa.table(
        {
            "order_id": repeated([each.order_id for each in slices]),
            "symbol": repeated([each.symbol for each in slices]),
            "bucket": pa.chunked_array([each.labels for each in slices], pa.string()),
            "shares": np.concatenate([each.shares for each in slices] or [np.empty(0)]),
            "inventory": np.concatenate([each.inventory for each in slices] or [np.empty(0)]),
        }
    )


def _encoded(table: pa.Table) -> memoryview:
    """The bytes of a Parquet file."""
    floats = [field.name for field in table.schema if pa.types.is_floating(field.type)]
    others = [field.name for field in table.schema if field.name not in floats]
    sink = pa.BufferOutputStream()
    pq.write_table(
        table,
        sink,
        compression="zstd",
        compression_level=1,
        use_dictionary=others,
        use_byte_stream_split=floats,
        store_schema=False,
    )
    return memoryview(sink.getvalue())


def _write(path: Path, content: Any) -> None:
    """Write a file so that it is there as a whole or not at all, whatever happens."""
    beside = path.with_name(path.name + NEW)
    try:
        with beside.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        os.replace(beside, path)
    except BaseException:
        with suppress(OSError):
            beside.unlink(missing_ok=True)
        raise
