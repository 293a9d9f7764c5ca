"""Repeated timing on one core."""

import os
import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from benchmarks.registry import Answer


@dataclass(frozen=True)
class Effort:
    """How often a phase is timed.

    In each round, in which every phase of every package has its turn, until `seconds` are spent and `repeats` are
    done, or until the limit is passed.

    Args:
        rounds: turns of each phase, minutes apart, so that a busy minute of the machine does not fall on one alone.
        seconds: spent in a turn, preparations included.
        repeats: timings in a turn.
        limit: seconds beyond which what is slow is not repeated in a turn.
    """

    rounds: int
    seconds: float
    repeats: int
    limit: float

    def suffices(self, repeats: int, seconds: float) -> bool:
        """Whether a phase has been timed often enough in a turn."""
        return repeats > 0 and (seconds > self.limit or (repeats >= self.repeats and seconds >= self.seconds))


FULL = Effort(rounds=2, seconds=0.4, repeats=2, limit=4.0)
ONCE = Effort(rounds=1, seconds=0.0, repeats=1, limit=0.0)


@dataclass(frozen=True)
class Timing:
    """Seconds of each repetition, on our clock and on the solver's own, and what the last one returned.

    The minimum is what the machine needs: all else that runs on it can only add to it.
    """

    seconds: list[float]
    own_seconds: list[float]
    outcome: Any

    @property
    def minimum(self) -> float:
        return min(self.seconds)

    @property
    def median(self) -> float:
        return statistics.median(self.seconds)

    def __add__(self, later: "Timing") -> "Timing":
        """The repetitions of both."""
        return Timing(self.seconds + later.seconds, self.own_seconds + later.own_seconds, later.outcome)


def use_one_core() -> None:
    """Keep this process, and those that it starts, on one core where the system can."""
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})


def measure(prepare: Callable[[], Callable[[], Any]], effort: Effort) -> Timing:
    """Time what `prepare` returns, prepared anew for each repetition; preparing is not timed."""
    seconds, own_seconds, outcome, began = list[float](), list[float](), None, time.perf_counter()
    while not effort.suffices(len(seconds), time.perf_counter() - began):
        action = prepare()
        started = time.perf_counter()
        outcome = action()
        seconds.append(time.perf_counter() - started)
        if isinstance(outcome, Answer):
            own_seconds.append(outcome.own_seconds)
    return Timing(seconds, own_seconds, outcome)
