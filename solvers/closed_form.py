"""One power law shared by all buckets, no limits: the schedule in one line."""

import numpy as np

from optexec.models.errors import InvalidInput
from optexec.models.families import Linear, Power
from optexec.models.impact_cost import ImpactCost
from optexec.models.problem import Problem
from optexec.models.validation import Array


def obstacle(problem: Problem) -> str:
    """Why the closed form does not apply; empty if it does.

    >>> import optexec as ox
    >>> obstacle(ox.Problem(ox.Order(300), ox.Linear(0.01), ox.objective("A"), buckets=3))
    'the impact is not one power law that is convex and shared by all buckets'
    """
    law = _law(problem)
    if law is None or np.ndim(law[1]) != 0 or law[1] <= 1 or not np.all(law[0]):
        return "the impact is not one power law that is convex and shared by all buckets"
    if any(not isinstance(term, ImpactCost) for term in problem.terms):
        return "the objective has terms beside the impact cost"
    if problem.lo.any() or (problem.hi < problem.shares).any():
        return "there are limits"
    return ""


def _law(problem: Problem) -> tuple[Array, float] | None:
    """(scale, degree) of a total cost scale_i x^degree."""
    impact = problem.impact
    if isinstance(impact, Linear) and impact.quoted == "per_share":
        return np.asarray(impact.slope), 2.0
    if isinstance(impact, Power):
        return np.asarray(impact.a), impact.degree  # type: ignore[return-value]
    return None


def closed_form(problem: Problem) -> Array:
    """minimise sum_i a_i x_i^d subject to sum x = S, for one d > 1.

    Equal marginal costs d a_i x_i^(d-1) = lambda give x_i in proportion to a_i^(-1/(d-1)). For d < 1 the same
    line is the *maximum*, which is why concave curves are refused.

    Raises:
        InvalidInput: a problem of another kind.

    >>> import optexec as ox
    >>> closed_form(ox.Problem(ox.Order(300), ox.Power(a=[1.0, 2.0], b=2.0), ox.objective("A"))).tolist()
    [200.0, 100.0]
    """
    law = _law(problem)
    if (reason := obstacle(problem)) or law is None:
        raise InvalidInput(f"closed_form does not apply: {reason}; use method='auto'")
    scale, degree = law
    share = np.broadcast_to((scale / scale.min()) ** (-1 / (degree - 1)), (problem.buckets,))
    return problem.shares * share / share.sum()
