"""Parameters side by side: how the optimal schedule moves as a parameter does."""

from collections.abc import Mapping

import pandas as pd

from optexec.analysis.pace import done_by, held, time_until
from optexec.analysis.tradeoff import Tradeoff
from optexec.models.errors import InvalidInput
from optexec.models.problem import Problem
from optexec.models.schedule import Schedule
from optexec.solvers.batches import solve_many
from optexec.solvers.evaluation import GAP

QUARTERS = {"done_25": 0.25, "done_50": 0.50, "done_75": 0.75}


def sensitivity(
    variants: Mapping[str, Problem], method: str = "auto", gap: float = GAP, time_limit: float = 60.0
) -> pd.DataFrame:
    """Solve variants of a problem and tell what each trades, costs and risks.

    Args:
        variants: declarations by name, such as a problem and the same with twice the volatility.
        method, gap, time_limit: as in `solve`, for each of them.

    Returns:
        One row a variant: done_25, done_50, done_75 (share of the order done after a quarter, half and three quarters
        of the buckets), half_life (buckets until half of it is done), cost (dollars, without the charge for risk),
        risk (dollars, that charge, psi/2 variance), variance (sum_{i<N} w_i R_i^2, shares^2) and gap.

    Raises:
        InvalidInput: no variants, and as `solve`.

    >>> import optexec as ox
    >>> calm = ox.Problem(ox.Order(300), ox.Power(a=1e-4, b=2.0), ox.objective("C", psi=2e-5), buckets=4)
    >>> wild = calm.replace(terms=ox.objective("C", psi=4 * 2e-5))
    >>> table = sensitivity({"volatility": calm, "volatility x 2": wild})
    >>> table[["done_25", "half_life", "cost", "risk"]].round(2).values.tolist()
    [[0.33, 1.67, 2.34, 0.6], [0.47, 1.11, 2.95, 1.3]]
    """
    if not variants:
        raise InvalidInput("there is nothing to compare; give at least one problem")
    schedules = solve_many(variants.values(), method, gap, time_limit)
    index = pd.Index(variants, name="variant")
    return pd.DataFrame([_row(schedule) for schedule in schedules], index=index)


def _row(schedule: Schedule) -> dict[str, float]:
    tradeoff, inventory = Tradeoff.of(schedule.problem), held(schedule.problem, schedule.x)
    cost = tradeoff.cost(schedule.x)
    return {
        **{name: done_by(inventory, day) for name, day in QUARTERS.items()},
        "half_life": time_until(inventory, 0.5),
        "cost": cost,
        "risk": schedule.objective - cost,
        "variance": tradeoff.variance(schedule.x),
        "gap": schedule.gap,
    }
