"""Whole lots by dynamic programming, against slippage-tca: the task of `benchmarks.dynamic_programme`."""

from collections.abc import Callable
from dataclasses import dataclass

from benchmarks.dynamic_programme import Task, our_cost, solve_ours, solve_theirs
from benchmarks.registry import Answer, Case, Side
from optexec.models.validation import Array

SHARES = 100_000


@dataclass(frozen=True)
class Lots:
    """An order of 100,000 shares in a number of lots over 390 periods."""

    task: Task

    def price(self, found: Array) -> float:
        """Objective of a schedule."""
        return our_cost(self.task, found)


def _lots(number: int) -> Lots:
    return Lots(Task(lots=number, lot=SHARES / number))


def by_optexec(order: Lots) -> Callable[[], Answer]:
    """`ox.solve` by the method `dp`; its loop is compiled before the clock starts."""
    solve_ours(Task(lots=20, periods=5))
    return lambda: Answer(solve_ours(order.task))


def by_slippage(order: Lots) -> Callable[[], Answer]:
    """`solve_schedule` of slippage-tca."""
    return lambda: Answer(solve_theirs(order.task))


CASES = (
    Case(
        "lots",
        "Linear impact and inventory risk in whole lots over 390 periods; the size is the number of lots.",
        _lots,
        (50, 500, 2_000),
        (Side("optexec", {"total": by_optexec}), Side("slippage-tca", {"total": by_slippage})),
    ),
)
