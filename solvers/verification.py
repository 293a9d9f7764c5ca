"""Every method that applies, against the certified optimum."""

from collections.abc import Iterable

import numpy as np
import pandas as pd

from optexec.models.problem import Problem
from optexec.models.schedule import TINY, Schedule
from optexec.solvers.dispatch import methods, solve
from optexec.solvers.evaluation import GAP


def verify(
    problem: Problem, names: Iterable[str] | None = None, gap: float = GAP, time_limit: float = 60.0
) -> pd.DataFrame:
    """Solve a problem by every method that applies and measure each against the certified optimum.

    Every bound holds for the problem whichever method found it, so the best of them certifies them all.

    Args:
        problem: the declaration.
        names: methods to compare; all that apply by default.
        gap: relative gap for the global methods.
        time_limit: seconds for each method.

    Returns:
        One row a method, cheapest first: objective (dollars), lower_bound (dollars, its own), gap (its own),
        excess (fraction above the best objective found), certified_gap (fraction above the best bound), status
        and seconds.

    >>> import optexec as ox
    >>> concave = ox.Power(a=[0.01, 0.013, 0.008], b=0.6)
    >>> table = verify(ox.Problem(ox.Order(1_000), concave, ox.objective("A")))
    >>> table.index[0], round(float(table.loc["twap", "excess"]), 3)
    ('branch', 1.004)
    """
    wanted = list(methods(problem)) if names is None else list(names)
    return compare_schedules({name: solve(problem, name, gap, time_limit) for name in wanted})


def compare_schedules(schedules: dict[str, Schedule]) -> pd.DataFrame:
    """The table of `verify` for schedules of one problem, by name.

    >>> import optexec as ox
    >>> problem = ox.Problem(ox.Order(300), ox.Power(a=1.0, b=2.0), ox.objective("A"), buckets=3)
    >>> compare_schedules({"mine": ox.evaluate(problem, [100, 100, 100])})["excess"].tolist()
    [0.0]
    """
    rows = {
        name: {
            "objective": s.objective,
            "lower_bound": s.lower_bound,
            "gap": s.gap,
            "status": s.status,
            "seconds": s.seconds,
        }
        for name, s in schedules.items()
    }
    table = pd.DataFrame.from_dict(rows, orient="index").rename_axis("method")
    least, bound = table["objective"].min(), table["lower_bound"].max()
    scale = np.maximum(abs(least), TINY)
    table.insert(3, "excess", (table["objective"] - least) / scale)
    table.insert(4, "certified_gap", (table["objective"] - bound) / scale)
    return table.sort_values("objective", kind="stable")
