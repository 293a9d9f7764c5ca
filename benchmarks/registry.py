"""What a benchmark case is: a declaration to build at several sizes, and the packages that are timed on it by phase."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol

PHASES = ("evaluate", "declare", "build", "translate", "solve", "re-solve", "total")
"""In this order:

evaluate   one vectorised evaluation of the marginal costs of all buckets
declare    data -> the package's statement of the problem, such as `ox.Problem`
build      statement -> model, such as the Pyomo model of `ox.build`
translate  model -> the solver's own form
solve      the solver function alone, on a problem that it has not seen
re-solve   the same once more, on the object that has been solved
total      data -> answer; for optexec `ox.solve` with its certificate, from the declaration on
"""
REUSING = ("evaluate", "re-solve")
"""Phases that are repeated on one object; the others get a fresh one for each repetition."""


class Answer(NamedTuple):
    """What a package found.

    Args:
        found: the shares, or whatever else the declaration can price.
        own_seconds: by the solver's own clock; NaN if it has none.
    """

    found: Any
    own_seconds: float = float("nan")


class Declaration(Protocol):
    """The data of a problem; optexec and its peers are given the same."""

    def price(self, found: Any) -> float:
        """Objective of an answer in dollars, recomputed by optexec."""
        ...


Driver = Callable[[Any], Callable[[], Any]]
"""declaration -> the action to time; what comes before the action is not timed. An action that finds
a schedule returns an `Answer`."""


@dataclass(frozen=True)
class Side:
    """A package under one name, with a driver for each phase that it has.

    Args:
        name: as the page shows it.
        drivers: phase -> driver.
        accuracy: relative difference that its objective may have from that of a case's first side.
        largest: size beyond which it is left out; None for none.
    """

    name: str
    drivers: Mapping[str, Driver]
    accuracy: float = 1e-8
    largest: int | None = None


class Times(Protocol):
    """The times of a run that claims are read from, in seconds."""

    def seconds(self, size: int, side: str, phase: str) -> float:
        """Least time of a phase; LookupError if it was not run."""
        ...

    def own_seconds(self, size: int, side: str, phase: str) -> float:
        """The same by the solver's own clock."""
        ...


@dataclass(frozen=True)
class Claim:
    """A number that a run must show.

    Args:
        text: what the number is.
        measure: times of the case -> number; a LookupError means that it was not run.
        sense: "at most" or "at least".
        target: what it is held to; None where it is only quoted.
        unit: "ms", "times", or empty.
    """

    text: str
    measure: Callable[[Times], float]
    sense: str = "at least"
    target: float | None = None
    unit: str = "times"

    def met(self, measured: float) -> bool | None:
        """Whether a measured number meets the target; None without one."""
        if self.target is None:
            return None
        return measured <= self.target if self.sense == "at most" else measured >= self.target


@dataclass(frozen=True)
class Case:
    """One benchmark.

    Args:
        name: unique among all cases.
        text: what is solved, in a sentence.
        build: size -> declaration.
        sweep: sizes, smallest first.
        sides: optexec first, whose objective is the reference, then its peers.
        phases: those to run, of `PHASES`.
        claims: what a run must show.
    """

    name: str
    text: str
    build: Callable[[int], Any]
    sweep: Sequence[int]
    sides: Sequence[Side]
    phases: Sequence[str] = PHASES
    claims: Sequence[Claim] = ()

    def sides_at(self, size: int) -> list[Side]:
        """The sides that take part at a size."""
        return [side for side in self.sides if side.largest is None or size <= side.largest]


def ratio(size: int, slow: tuple[str, str], fast: tuple[str, str]) -> Callable[[Times], float]:
    """How many times longer one (side, phase) takes than another."""
    return lambda times: times.seconds(size, *slow) / times.seconds(size, *fast)
