"""What was in a file of order books: rows, flaws, gaps and halts, counted."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from optexec.data.book import BOOK_COLUMNS, LEVELS
from optexec.data.events import Events
from optexec.data.session import Session

Moment = pd.Timestamp | pd.Timedelta


@dataclass(frozen=True)
class Quality:
    """What a reader of order books found; counts of events and books are those within the session.

    Args:
        rows: rows of the file.
        events: events within the session; in a table of snapshots each row is one.
        outside: events outside the session.
        crossed: events whose book has its best bid above its best ask.
        locked: events whose book has its best bid at its best ask.
        one_sided: events whose book lacks a side, or both.
        empty_levels: levels without a price, of the 2 x 10 in each event's book.
        executed: shares executed within the session.
        median_age: seconds since the last event, median over the rows of the book.
        max_age: the same, largest.
        first: time of the first event of the file, within the session or not.
        last: time of the last event.
        halts: start and end of each halt of trading; a halt that the file does not see ending ends at `last`.
        dropped: rows of the file that were left out, by reason.
        doubtful: rows that were kept although something about them is odd, by reason.
        left_out: intervals of the session that have no row in the book, by reason.

    >>> quality = Quality(rows=4, events=3, crossed=1, executed=500.0, left_out={"crossed": 1})
    >>> quality.frame.loc["crossed", "count"].item()
    1.0
    >>> print(quality.lines[0], quality.lines[-1], sep="; ")
    rows read: 4; intervals left out, crossed: 1
    """

    rows: int
    events: int
    outside: int = 0
    crossed: int = 0
    locked: int = 0
    one_sided: int = 0
    empty_levels: int = 0
    executed: float = 0.0
    median_age: float = np.nan
    max_age: float = np.nan
    first: Moment | None = None
    last: Moment | None = None
    halts: tuple[tuple[Moment, Moment], ...] = ()
    dropped: Mapping[str, int] = field(default_factory=dict)
    doubtful: Mapping[str, int] = field(default_factory=dict)
    left_out: Mapping[str, int] = field(default_factory=dict)

    @property
    def frame(self) -> pd.DataFrame:
        """One row for each thing counted: index "what", column "count" (shares and seconds included)."""
        counts: dict[str, float] = {
            "rows read": self.rows,
            "events in session": self.events,
            "events outside the session": self.outside,
            "crossed": self.crossed,
            "locked": self.locked,
            "one-sided": self.one_sided,
            "empty levels": self.empty_levels,
            "shares executed": self.executed,
            "halts": len(self.halts),
            "median age, seconds": self.median_age,
            "largest age, seconds": self.max_age,
        }
        for kind, reasons in (
            ("rows dropped", self.dropped),
            ("rows in doubt", self.doubtful),
            ("intervals left out", self.left_out),
        ):
            counts |= {f"{kind}, {reason}": count for reason, count in reasons.items()}
        index = pd.Index(list(counts), name="what")
        return pd.DataFrame({"count": np.array(list(counts.values()), dtype=float)}, index=index)

    @property
    def lines(self) -> list[str]:
        """The same as text, with the times of events and halts."""
        counted = [f"{what}: {count:,.12g}" for what, count in self.frame["count"].items()]
        seen = [f"first and last event: {self.first} to {self.last}"] if self.first is not None else []
        halts = [f"halt: {start} to {end}" for start, end in self.halts]
        return [*seen, *halts, *counted]


class Tally:
    """The counts of a `Quality`, added up over the stretches of a file.

    >>> tally = Tally()
    >>> tally.rows, tally.events
    (0, 0)
    """

    def __init__(self) -> None:
        self.rows = self.events = self.total = 0
        self.executed = 0.0
        self.flaws: Counter[str] = Counter()
        self.dropped: Counter[str] = Counter()
        self.doubtful: Counter[str] = Counter()
        self.first: pd.Timestamp | None = None
        self.last: pd.Timestamp | None = None
        self.halts: list[tuple[pd.Timestamp, pd.Timestamp]] = []
        self._halted_since: pd.Timestamp | None = None

    def read(self, events: Events) -> None:
        """Count what was read, and follow the halts."""
        self.rows += events.rows
        self.dropped.update(events.dropped)
        self.doubtful.update(events.doubtful)
        if not len(events.time):
            return
        self.total += len(events.time)
        self.first = events.time[0] if self.first is None else self.first
        self.last = events.time[-1]
        before = np.concatenate([[self._halted_since is not None], events.halted[:-1]])
        for moment in events.time[events.halted != before]:
            if self._halted_since is None:
                self._halted_since = moment
            else:
                self.halts.append((self._halted_since, moment))
                self._halted_since = None

    def count(self, levels: NDArray[np.float64], volume: NDArray[np.float64]) -> None:
        """Count the books and shares of events within the session."""
        self.events += len(levels)
        self.executed += float(volume.sum())
        self.flaws.update(flaws(levels))

    def quality(self, outside: int, age: NDArray[np.float64], left_out: Mapping[str, int]) -> Quality:
        """Return the report, given the ages of the book's rows and the intervals that have none."""
        halts = list(self.halts)
        if self._halted_since is not None and self.last is not None:
            halts.append((self._halted_since, self.last))
        median_age, max_age = _ages(age)
        return Quality(
            rows=self.rows,
            events=self.events,
            outside=outside,
            crossed=self.flaws["crossed"],
            locked=self.flaws["locked"],
            one_sided=self.flaws["one_sided"],
            empty_levels=self.flaws["empty_levels"],
            executed=self.executed,
            median_age=median_age,
            max_age=max_age,
            first=self.first,
            last=self.last,
            halts=tuple(halts),
            dropped=dict(self.dropped),
            doubtful=dict(self.doubtful),
            left_out=dict(left_out),
        )


def flaws(levels: NDArray[np.float64]) -> dict[str, int]:
    """Count what is wrong with books of shape (E, 40): crossed, locked, one_sided, empty_levels.

    >>> book = np.full((1, 40), np.nan)
    >>> book[0, [0, 10]] = 5.0
    >>> flaws(book)
    {'crossed': 0, 'locked': 1, 'one_sided': 0, 'empty_levels': 18}
    """
    bid, ask = best(levels)
    return {
        "crossed": int((bid > ask).sum()),
        "locked": int((bid == ask).sum()),
        "one_sided": int((np.isnan(bid) | np.isnan(ask)).sum()),
        "empty_levels": int(np.isnan(levels[:, : 2 * LEVELS]).sum()),
    }


def best(levels: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return best bid and best ask of books of shape (E, 40), each (E,); NaN where a side is empty.

    >>> bid, ask = best(np.arange(40.0)[None, :])
    >>> bid.tolist(), ask.tolist()
    ([9.0], [10.0])
    """
    bid = np.fmax.reduce(levels[:, :LEVELS], axis=1)
    return bid, np.fmin.reduce(levels[:, LEVELS : 2 * LEVELS], axis=1)


def quality_of(book: pd.DataFrame, session: Session | None = None) -> Quality:
    """Measure a table of snapshots as `read_book` returns it.

    The age of a row is the time since the book last differed from the row before it.

    Args:
        book: R snapshots.
        session: rows outside it count as such and as nothing else; without it every row counts.

    >>> from optexec.data import sample
    >>> from optexec.data.book import read_book
    >>> quality_of(read_book(sample.path("book.csv.gz"))).events
    390
    """
    times = book.index
    inside = np.ones(len(book), dtype=bool) if session is None else session.contains(times)
    levels = book[BOOK_COLUMNS].to_numpy(dtype=float)[inside]
    flaw = flaws(levels)
    median_age, max_age = _ages(_unchanged_for(times[inside], levels))
    return Quality(
        rows=len(book),
        events=len(levels),
        outside=len(book) - len(levels),
        crossed=flaw["crossed"],
        locked=flaw["locked"],
        one_sided=flaw["one_sided"],
        empty_levels=flaw["empty_levels"],
        executed=float(book["volume"].to_numpy()[inside].sum()) if "volume" in book else 0.0,
        median_age=median_age,
        max_age=max_age,
        first=times[0] if len(times) else None,
        last=times[-1] if len(times) else None,
    )


def _unchanged_for(times: pd.Index, levels: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return seconds since the book last differed from the row before, shape (R,)."""
    changed = (np.nan_to_num(levels[1:]) != np.nan_to_num(levels[:-1])).any(axis=1)
    since = np.maximum.accumulate(np.where(np.append(True, changed), np.arange(1 + len(changed)), 0))[: len(levels)]
    return np.asarray(pd.TimedeltaIndex(times - times[since]).total_seconds(), dtype=np.float64)


def _ages(age: NDArray[np.float64]) -> tuple[float, float]:
    return (float(np.median(age)), float(age.max())) if age.size else (np.nan, np.nan)
