"""Records of Databento's MBP-10 schema, and how they become events."""

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from optexec.data.book import LEVELS, PRICE_COLUMNS, SIZE_COLUMNS
from optexec.data.events import Events
from optexec.data.timestamps import MARKET_ZONE
from optexec.models.errors import InvalidInput

LAST, SNAPSHOT, MAYBE_BAD = 128, 32, 4
ACTIONS = b"ACMRTFN"
SIDES = b"ABN"
UNDEFINED_PRICE = 2**63 - 1
FIXED_POINT = 1e9

_FLAG_LIMIT, _SIZE_LIMIT = 2**8, 2**32
_EARLIEST, _LATEST = (pd.Timestamp(f"{year}-01-01").as_unit("ns").value for year in (1990, 2100))


class Records(NamedTuple):
    """R rows of an MBP-10 file, as they stand in it.

    Fields:
        number: place of each row in the file, for errors, (R,).
        event, received: ts_event and ts_recv, nanoseconds since 1970, (R,).
        action, side: one byte each, (R,).
        flags: bit field, (R,).
        size: shares of the row's action, NaN where there is none, (R,).
        prices: dollars in the order of `book.PRICE_COLUMNS`, NaN where undefined, (R, 20).
        sizes: shares in the order of `book.SIZE_COLUMNS`, (R, 20).
        identity: columns that tell books apart, such as "symbol", each (R,).
        doubtful: how many rows are odd as text, by reason.

    >>> Records._fields[:3]
    ('number', 'event', 'received')
    """

    number: NDArray[np.int64]
    event: NDArray[np.int64]
    received: NDArray[np.int64]
    action: NDArray[np.bytes_]
    side: NDArray[np.bytes_]
    flags: NDArray[np.float64]
    size: NDArray[np.float64]
    prices: NDArray[np.float64]
    sizes: NDArray[np.float64]
    identity: Mapping[str, pd.Categorical]
    doubtful: Mapping[str, int] = {}

    def keep(self, which: NDArray[np.bool_]) -> "Records":
        """Return the rows that `which` marks, (R,)."""
        rows = {name: getattr(self, name)[which] for name in self._fields[:-2]}
        return self._replace(**rows, identity={name: values[which] for name, values in self.identity.items()})


def join(records: Iterable[Records], path: Path, noun: str = "row", symbol: str | None = None) -> Iterator[Events]:
    """Join records to the events of one book.

    An event ends with the record whose flags hold F_LAST (128); only the book after it is offered. Adds,
    cancels, modifies and clears (A, C, M, R) carry the book after them; trades, fills and records without
    action (T, F, N) do not move it. The volume of an event is the size of its trades (T): a fill (F) is the
    resting side of the same trade. Events take ts_event, except those of a snapshot (F_SNAPSHOT), whose
    ts_event is that of orders long resting: they take ts_recv.

    Doubtful but kept: records flagged F_MAYBE_BAD_BOOK (4), and those after which a side of the book differs
    that the record's action and side leave alone. Records after the last F_LAST are left out; their trades
    are kept, at the book before them.

    Args:
        records: the records of a file in its order.
        path: the file, for errors.
        noun: what the file counts, "row" or "record".
        symbol: the value in the columns symbol or instrument_id of the records to keep.

    Raises:
        InvalidInput: naming file, record and column, for an unknown action, side or flag; a size that is no
            whole number of shares; a negative price; a price without a size or a size without a price; a
            level that is not worse than the one before it; a time that is before 1990, after 2100, or goes
            back; more than one book (symbol, instrument_id or publisher_id); a symbol that is not there; no
            F_LAST anywhere.

    Source:
        Databento's documentation of the schema MBP-10 and of flags, https://databento.com/docs.

    >>> list(join([], Path("day.csv")))
    Traceback (most recent call last):
    ...
    optexec.models.errors.InvalidInput: day.csv: no records; check the file
    """
    joiner = _Joiner(path, noun, symbol)
    for stretch in records:
        yield joiner.events(stretch)
    yield joiner.rest()


class _Joiner:
    """What one stretch of records leaves to the next."""

    def __init__(self, path: Path, noun: str, symbol: str | None) -> None:
        self.path, self.noun, self.symbol = path, noun, symbol
        self.seen: dict[str, str] = {}
        self.others: set[str] = set()
        self.time = self.live = 0
        self.book: NDArray[np.float64] | None = None
        self.offered: NDArray[np.float64] | None = None
        self.pending = 0.0
        self.unfinished = self.rows = 0

    def events(self, records: Records) -> Events:
        """Return the events that end in a stretch."""
        chosen = self._chosen(records)
        counts = {"of other symbols": len(records.number) - len(chosen.number)}
        self.rows += len(chosen.number)
        flags = self._checked(chosen)
        levels = self._levels(chosen)
        time = self._times(chosen, (flags & SNAPSHOT) == 0)
        book, moved = self._books(chosen, levels)
        doubtful = {**chosen.doubtful, "flagged as maybe a bad book": int(((flags & MAYBE_BAD) > 0).sum()), **moved}
        ends = np.flatnonzero(flags & LAST)
        trades = np.where(chosen.action == b"T", chosen.size, 0.0)
        traded = self.pending + np.concatenate([[0.0], trades.cumsum()])
        executed = traded[ends + 1]
        if ends.size:
            self.offered, self.unfinished = book[ends[-1]], 0
        self.pending = float(traded[-1] - (executed[-1] if ends.size else 0.0))
        self.unfinished += len(time) - (int(ends[-1]) + 1 if ends.size else 0)
        return _events(time[ends], book[ends], np.diff(executed, prepend=0.0), len(records.number), counts, doubtful)

    def rest(self) -> Events:
        """Return the trades of an event that the file does not end."""
        if not self.rows:
            told = f"no rows of {self.symbol!r}; it holds {_listed(self.others)}" if self.others else "no records"
            raise InvalidInput(f"{self.path}: {told}; check the {'symbol' if self.others else 'file'}")
        if self.offered is None:
            raise InvalidInput(f"{self.path}, column flags: no {self.noun} ends an event (128); write whole flags")
        some = np.arange(1 if self.pending else 0)
        time, book, volume = np.array([self.time])[some], self.offered[None, :][some], np.array([self.pending])[some]
        return _events(time, book, volume, 0, {"of an event cut off by the end": self.unfinished}, {})

    def _chosen(self, records: Records) -> Records:
        """Return the records of one book."""
        if self.symbol is not None:
            which = np.zeros(len(records.number), dtype=bool)
            for name in {"symbol", "instrument_id"} & set(records.identity):
                which |= np.asarray(records.identity[name] == self.symbol)
                self.others |= set(records.identity[name].categories)
            records = records.keep(which)
        for name, values in records.identity.items():
            self._refuse_second(records, name, values)
        return records

    def _refuse_second(self, records: Records, name: str, values: pd.Categorical) -> None:
        if not len(values):
            return
        first = self.seen.setdefault(name, str(values[0]))
        others = np.flatnonzero(np.asarray(values != first))
        if others.size:
            held = {first, *map(str, values.unique())}
            mend = "split the file by it" if name == "publisher_id" else "name one as the symbol"
            raise self._fault(records, others[0], name, f"several books in one file, {_listed(held)}; {mend}")

    def _checked(self, records: Records) -> NDArray[np.int64]:
        """Refuse what is no action, side, flag or size, and return the flags."""
        for name, letters in (("action", ACTIONS), ("side", SIDES)):
            cells = getattr(records, name)
            strange = np.flatnonzero(~np.isin(cells, [bytes([letter]) for letter in letters]))
            if strange.size:
                cell = cells[strange[0]].decode(errors="replace")
                what = f"{cell!r} is none of {', '.join(letters.decode())}; mend the cell"
                raise self._fault(records, strange[0], name, what)
        flags, size = records.flags, records.size
        self._refuse(records, ["flags"], _not_whole(flags, _FLAG_LIMIT), flags, "is no bit field")
        needed = ~np.isnan(size) | (records.action == b"T")
        self._refuse(records, ["size"], needed & _not_whole(size, _SIZE_LIMIT), size, "is no whole number of shares")
        return flags.astype(np.int64)

    def _levels(self, records: Records) -> NDArray[np.float64]:
        """Return the checked book after each record, (R, 40), its empty levels NaN and 0."""
        prices, sizes = records.prices, records.sizes
        empty = np.isnan(prices) | (prices == 0)
        nothing = np.isnan(sizes) | (sizes == 0)
        self._refuse(records, PRICE_COLUMNS, prices < 0, prices, "is a negative price")
        self._refuse(
            records, SIZE_COLUMNS, ~nothing & _not_whole(sizes, _SIZE_LIMIT), sizes, "is no whole number of shares"
        )
        self._refuse(records, SIZE_COLUMNS, nothing & ~empty, sizes, "is no size for its price")
        self._refuse(records, SIZE_COLUMNS, empty & ~nothing, sizes, "is a size without a price")
        ranked = np.where(empty, np.inf, prices)
        ranked[:, :LEVELS] = np.where(empty[:, :LEVELS], np.inf, -prices[:, :LEVELS])
        ahead = np.zeros_like(empty)
        ahead[:, 1:] = (ranked[:, 1:] <= ranked[:, :-1]) & ~empty[:, 1:]
        ahead[:, LEVELS] = False
        complaint = "is not worse than the level before it; order the levels best first, without holes"
        self._refuse(records, PRICE_COLUMNS, ahead, prices, complaint)
        return np.hstack([np.where(empty, np.nan, prices), np.where(empty, 0.0, sizes)])

    def _times(self, records: Records, live: NDArray[np.bool_]) -> NDArray[np.int64]:
        """Return the time of each record, nondecreasing; `live` marks those that are no part of a snapshot."""
        time = np.where(live, records.event, records.received)
        wrong = (time < _EARLIEST) | (time > _LATEST)
        self._refuse(records, ["ts_event"], wrong, time, "is no time in nanoseconds since 1970")
        passed = np.maximum.accumulate(np.concatenate([[self.live], np.where(live, time, 0)]))
        backwards = np.flatnonzero(live & (time < passed[:-1]))
        if backwards.size:
            raise self._fault(records, backwards[0], "ts_event", f"time goes back; sort the {self.noun}s by time")
        times = np.maximum.accumulate(np.concatenate([[self.time], time]))
        self.live, self.time = int(passed[-1]), int(times[-1])
        return np.asarray(times[1:], dtype=np.int64)

    def _books(self, records: Records, levels: NDArray[np.float64]) -> tuple[NDArray[np.float64], dict[str, int]]:
        """Return the book after each record, T, F and N leaving it as it was, and how many are doubtful."""
        still = np.isin(records.action, [b"T", b"F", b"N"])
        before = levels[:1] if self.book is None else self.book[None, :]
        shown = np.concatenate([before, levels])
        changed = np.nan_to_num(shown[1:]) != np.nan_to_num(shown[:-1])
        bids, asks = changed.reshape(-1, 4, LEVELS)[:, [0, 2]], changed.reshape(-1, 4, LEVELS)[:, [1, 3]]
        cleared = records.action == b"R"
        untouched = [still | ((records.side == side) & ~cleared) for side in (b"A", b"B")]
        against = (untouched[0] & bids.any(axis=(1, 2))) | (untouched[1] & asks.any(axis=(1, 2)))
        origin = np.maximum.accumulate(np.concatenate([[0], np.where(still, 0, np.arange(1, len(shown)))]))
        book = shown[origin[1:]]
        if len(book):
            self.book = book[-1]
        return book, {"book moves against the action": int(against.sum())}

    def _refuse(
        self, records: Records, names: list[str], faulty: NDArray[np.bool_], values: NDArray[Any], complaint: str
    ) -> None:
        if faulty.any():
            row, place = divmod(int(faulty.argmax()), len(names))
            value = values.reshape(len(faulty), -1)[row, place]
            raise self._fault(records, row, names[place], f"{value:.15g} {complaint}; mend the cell")

    def _fault(self, records: Records, row: int | np.int64, column: str, what: str) -> InvalidInput:
        return InvalidInput(f"{self.path}, {self.noun} {records.number[row]}, column {column}: {what}")


def _not_whole(values: NDArray[np.float64], limit: int) -> NDArray[np.bool_]:
    return ~((values >= 0) & (values < limit) & (values == np.floor(values)))


def _listed(names: set[str]) -> str:
    shown = sorted(names)[:5]
    return ", ".join(shown) + (f" and {len(names) - len(shown)} more" if len(names) > len(shown) else "")


def _events(
    time: NDArray[np.int64],
    levels: NDArray[np.float64],
    volume: NDArray[np.float64],
    rows: int,
    dropped: dict[str, int],
    doubtful: dict[str, int],
) -> Events:
    index = pd.DatetimeIndex(time, tz="UTC").tz_convert(MARKET_ZONE)
    reasons = ({reason: count for reason, count in counts.items() if count} for counts in (dropped, doubtful))
    return Events(index, levels, volume, np.zeros(len(time), dtype=bool), rows, *reasons)
