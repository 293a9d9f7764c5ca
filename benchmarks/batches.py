"""Many orders at once: cases for the batch solver."""

from benchmarks.registry import Case

CASES: tuple[Case, ...] = ()
