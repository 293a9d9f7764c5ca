"""Databento's MBP-10 schema in Databento Binary Encoding."""

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from optexec.data.book import PRICE_COLUMNS, SIZE_COLUMNS
from optexec.data.databento_records import FIXED_POINT, UNDEFINED_PRICE, Records, join
from optexec.data.events import Events
from optexec.data.opened_file import opened
from optexec.models.errors import InvalidInput

_BLOCK = 1 << 22
_PRELUDE, _HEADER, _MBP_10, _MESSAGES = 8, 16, 10, (22, 23)
"""Bytes before the metadata, bytes of a record's header, and types of records: symbol mappings and system messages."""
_DBN = b"DBN"


def is_dbn(path: Path) -> bool:
    """Return whether a file is named .dbn or .dbn.zst, or begins as DBN does.

    >>> is_dbn(Path("day.dbn.zst")), is_dbn(Path("day.csv"))
    (True, False)
    """
    if path.name.endswith((".dbn", ".dbn.zst")):
        return True
    try:
        with opened(path) as (contents, _):
            return contents.read(len(_DBN)) == _DBN
    except InvalidInput:
        return False


def read_dbn(
    path: str | Path, symbol: str | None = None, progress: Callable[[int], None] | None = None
) -> Iterator[Events]:
    """Read the events of one book from an MBP-10 file in Databento Binary Encoding, plain or zstd-compressed.

    Records are understood as `join` says.

    Args:
        path: the file.
        symbol: which book, by the symbol in the file's mappings or by instrument_id, if there are several.
        progress: called with the bytes of the file read so far.

    Raises:
        InvalidInput: without the databento-dbn library; for a file that is missing, damaged, cut off or of
            another schema; and as `join` does, with the number of the record, the first being 1.

    Source:
        Databento Binary Encoding, versions 1 to 3, https://github.com/databento/dbn.

    >>> next(read_dbn("nowhere.dbn"))
    Traceback (most recent call last):
    ...
    optexec.models.errors.InvalidInput: nowhere.dbn: no such file; check the path
    """
    return join(_records(Path(path), progress), Path(path), "record", symbol)


def _records(path: Path, progress: Callable[[int], None] | None) -> Iterator[Records]:
    try:
        import databento_dbn as dbn
    except ImportError:
        raise InvalidInput(f"{path}: DBN needs databento-dbn; run pip install '.[databento]' at optexec") from None
    layout, count, rest = np.dtype(dbn.MBP10Msg._dtypes), 0, b""
    with opened(path) as (contents, disk):
        head = contents.read(_PRELUDE)
        head += contents.read(int.from_bytes(head[4:], "little"))
        try:
            mappings = dbn.Metadata.decode(head).mappings
        except dbn.DBNError as error:
            raise InvalidInput(f"{path}: not whole DBN ({error}); fetch it again") from None
        while block := contents.read(_BLOCK):
            frames, rest = _framed(rest + block, layout.itemsize, path, count)
            if frames:
                yield _unpacked(np.frombuffer(b"".join(frames), layout), count, mappings)
                count += len(frames)
            if progress:
                progress(disk.tell())
    if not count or rest:
        what = "cut off" if count else "no MBP-10 records"
        raise InvalidInput(f"{path}, after record {count}: {what}; fetch the file again, schema mbp-10")


def _framed(block: bytes, size: int, path: Path, count: int) -> tuple[list[bytes], bytes]:
    """Return the MBP-10 records of a block, `size` bytes of each, and the beginning of the record it cuts off."""
    frames: list[bytes] = []
    place = 0
    while place + 2 <= len(block):
        length, kind = 4 * block[place], block[place + 1]
        if kind not in (_MBP_10, *_MESSAGES) or length < (size if kind == _MBP_10 else _HEADER):
            what = f"a record of type {kind} in {length} bytes; fetch the schema mbp-10 whole"
            raise InvalidInput(f"{path}, after record {count + len(frames)}: {what}")
        if place + length > len(block):
            break
        if kind == _MBP_10:
            frames.append(block[place : place + size])
        place += length
    return frames, block[place:]


def _unpacked(raw: NDArray[Any], count: int, mappings: Mapping[str, list[Any]]) -> Records:
    fixed = np.column_stack([raw[name] for name in PRICE_COLUMNS])
    event = raw["ts_event"].astype(np.int64)
    identity = {name: pd.Categorical(raw[name].astype(str)) for name in ("instrument_id", "publisher_id")}
    return Records(
        number=np.arange(count + 1, count + 1 + len(raw)),
        event=event,
        received=raw["ts_recv"].astype(np.int64),
        action=raw["action"],
        side=raw["side"],
        flags=raw["flags"].astype(float),
        size=raw["size"].astype(float),
        prices=np.where(fixed == UNDEFINED_PRICE, np.nan, fixed / FIXED_POINT),
        sizes=np.column_stack([raw[name] for name in SIZE_COLUMNS]).astype(float),
        identity={"symbol": _named(identity["instrument_id"], event[0], mappings), **identity},
    )


def _named(instrument: pd.Categorical, moment: int, mappings: Mapping[str, list[Any]]) -> pd.Categorical:
    """Return the symbols that a file's metadata gives to instruments on the date of a moment, "" where none."""
    day = pd.Timestamp(moment).date()
    names = {
        interval["symbol"]: name
        for name, intervals in mappings.items()
        for interval in intervals
        if interval["start_date"] <= day < interval["end_date"]
    }
    return pd.Categorical(np.array([names.get(number, "") for number in instrument.categories])[instrument.codes])
