"""The risk aversion psi that meets a target: a horizon, a half-life of the inventory, or a value at risk.

psi charges psi/2 sum_{i<N} w_i R_i^2, in dollars a share^2. For prices that move by sigma dollars a share in a unit of
time, buckets of length tau and utility cost + lambda variance (Almgren and Chriss 2001, eq. 14) it is
psi = 2 lambda sigma^2 tau.
"""

from collections.abc import Callable
from math import sqrt
from statistics import NormalDist
from typing import Any

from optexec.analysis.pace import held, time_until
from optexec.analysis.tradeoff import Tradeoff
from optexec.models.errors import InvalidInput
from optexec.models.problem import Problem
from optexec.models.schedule import TINY, Schedule
from optexec.models.validation import positive_number
from optexec.solvers.dispatch import solve

FAINT, EXTREME = 1e-8, 1e9
"""Ends of the search: risk charged this fraction of the cost, and this many times the middle of the frontier."""
PRECISION = 1e-9
"""Relative width of the bracket at the end."""


def psi_for_horizon(problem: Problem, horizon: float, share: float = 0.95) -> float:
    """The least risk aversion whose optimal schedule has done a share of the order by a time.

    More risk aversion leaves less inventory after every bucket where the costs are convex and each that of one bucket,
    so the time falls with psi.

    Args:
        problem: any declaration; its psi does not matter, its weights do.
        horizon: buckets from the start, maybe a fraction of one.
        share: part of the order, in (0, 1).

    Returns:
        psi in dollars a share^2, for `InventoryRisk(psi, weights)`. Whole lots and concave curves make the schedule
        jump as psi rises; it is then done before the horizon.

    Raises:
        InvalidInput: values out of range; a horizon before that of the fastest schedule inside the limits, or after
            that of the cheapest.

    Source: Topkis (1978), whose theorem makes the inventory monotone: cost has decreasing differences in the R_i, and
    psi/2 w_i R_i^2 increasing ones in psi and R_i.

    >>> import optexec as ox
    >>> problem = ox.Problem(ox.Order(300), ox.Power(a=1e-4, b=2.0), ox.objective("A"), buckets=10)
    >>> psi = psi_for_horizon(problem, horizon=6, share=0.9)
    >>> schedule = ox.solve(problem.replace(terms=ox.objective("C", psi=psi)))
    >>> round(float(schedule.inventory[6] / 300), 6)
    0.1
    """
    wanted = positive_number("horizon", horizon)
    part = _fraction("share", share, 0.0)
    tradeoff = Tradeoff.of(problem)
    neutral, fastest = solve(tradeoff.costs), tradeoff.fastest()
    latest, earliest = (time_until(held(problem, x), part) for x in (neutral.x, fastest))
    done = f"{100 * part:.6g} % of the order cannot be done in {wanted:.6g} buckets by risk aversion"
    if wanted >= latest:
        raise InvalidInput(f"{done}: the cheapest schedule takes {latest:.6g}, and risk aversion only shortens it")
    if wanted < earliest:
        raise InvalidInput(f"{done}: the limits need {earliest:.6g} buckets; raise the limits or the horizon")
    found = _least(tradeoff, neutral, lambda psi, s: time_until(held(problem, s.x), part) <= wanted)
    if found is None:
        raise InvalidInput(f"{done}: {earliest:.6g} is only reached as psi grows without bound; raise the horizon")
    return found


def psi_for_half_life(problem: Problem, half_life: float) -> float:
    """The least risk aversion whose optimal schedule has done half of the order by a time.

    Args:
        problem: any declaration; its psi does not matter, its weights do.
        half_life: buckets from the start until R = S/2. Almgren and Chriss call 1/kappa the half-life, the time in
            which the inventory falls by a factor e where no end is near: 1/log(2) = 1.44 times this one.

    Returns:
        As `psi_for_horizon` with a share of 0.5.

    Raises:
        InvalidInput: a half-life that is not one positive number, and as `psi_for_horizon`.

    >>> import optexec as ox
    >>> problem = ox.Problem(ox.Order(300), ox.Power(a=1e-4, b=2.0), ox.objective("A"), buckets=10)
    >>> psi = psi_for_half_life(problem, 2)
    >>> schedule = ox.solve(problem.replace(terms=ox.objective("C", psi=psi)))
    >>> round(float(schedule.inventory[2]), 3)
    150.0
    """
    return psi_for_horizon(problem, positive_number("half_life", half_life), 0.5)


def psi_for_var(problem: Problem, sigma: Any, confidence: float = 0.95) -> float:
    """The risk aversion whose optimal schedule has the least value at risk, cost + z standard deviation (L-VaR).

    On the frontier d cost / d variance = -psi/(2u), u = mean sigma_i^2, so the least value at risk is where
    psi (standard deviation) / u = z. For convex problems cost is convex in the standard deviation, so the left side
    rises with psi.

    Args:
        problem: a declaration; its psi and its weights do not matter.
        sigma: volatility of the price while R_i is held, dollars a share, scalar or (N,).
        confidence: part of the days, in (0.5, 1), on which normal moves cost no more than the value at risk.

    Returns:
        psi in dollars a share^2, for `InventoryRisk(psi, volatility_weights(sigma))`; scalar sigma: uniform weights.

    Raises:
        InvalidInput: values out of range; an order without a choice; a confidence at which trading at once is best.

    Source: Almgren and Chriss (2001), section 3.2.

    >>> import optexec as ox
    >>> problem = ox.Problem(ox.Order(300), ox.Power(a=1e-4, b=2.0), ox.objective("A"), buckets=10)
    >>> psi = psi_for_var(problem, sigma=0.002)
    >>> point = ox.frontier(problem, psi=[psi], sigma=0.002).frame.iloc[0]
    >>> round(float(psi / 0.002**2 * point["standard_deviation"]), 4), round(NormalDist().inv_cdf(0.95), 4)
    (1.6449, 1.6449)
    """
    level = _fraction("confidence", confidence, 0.5)
    tradeoff = Tradeoff.of(problem, sigma)
    neutral = solve(tradeoff.costs)
    if not tradeoff.has_choice(neutral.x):
        raise InvalidInput("the cheapest schedule is the fastest that the limits allow: risk aversion changes nothing")
    z = NormalDist().inv_cdf(level)
    found = _least(tradeoff, neutral, lambda psi, s: psi * sqrt(tradeoff.variance(s.x)) >= z * tradeoff.unit)
    if found is None:
        raise InvalidInput(
            f"confidence {level:.6g}: the value at risk only falls as psi grows without bound; "
            "trade as fast as the limits allow, or lower the confidence"
        )
    return found


def _fraction(name: str, value: Any, above: float) -> float:
    number = positive_number(name, value)
    if not above < number < 1:
        raise InvalidInput(f"{name} must be a fraction in ({above:g}, 1), got {number!r}")
    return number


def _least(tradeoff: Tradeoff, neutral: Schedule, enough: Callable[[float, Schedule], bool]) -> float | None:
    """The least psi, to `PRECISION`, whose schedule is enough; None if there is none. Bisection of its logarithm.

    The search starts at a psi that solvers can just tell from none; where that is enough, it is the answer.
    """
    nearest = neutral

    def holds(psi: float) -> bool:
        nonlocal nearest
        nearest = solve(tradeoff.at(psi), start=nearest)
        return enough(psi, nearest)

    low, high = _ends(tradeoff, neutral)
    if holds(low):
        return low
    if not holds(high):
        return None
    while high > low * (1 + PRECISION):
        middle = sqrt(low) * sqrt(high)
        low, high = (low, middle) if holds(middle) else (middle, high)
    return high


def _ends(tradeoff: Tradeoff, neutral: Schedule) -> tuple[float, float]:
    """The range of psi to search: from a charge for risk that hardly counts to one that outweighs all costs."""
    middle, dearer = tradeoff.slope(neutral.x), tradeoff.chord(neutral.x)[0]
    return FAINT * middle * max(1.0, abs(neutral.objective) / max(dearer, TINY)), EXTREME * middle
