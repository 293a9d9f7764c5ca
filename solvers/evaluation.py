"""From shares to a `Schedule`: lots, objective, and the certificate."""

from dataclasses import replace
from math import isfinite
from typing import Any

import numpy as np

from optexec.models.envelope import envelope
from optexec.models.errors import InfeasibleOrder, SolverFailure
from optexec.models.limits import NEAR
from optexec.models.lots import broken_lots, round_to_lots, whole_lots
from optexec.models.problem import Problem
from optexec.models.schedule import Schedule
from optexec.models.validation import Array
from optexec.solvers import branch
from optexec.solvers.certificate import Certificate, certify
from optexec.solvers.feasible import settle
from optexec.solvers.polish import relaxed_shares
from optexec.solvers.scaling import within

ROUNDING = 1e-9
"""Relative amount by which a bound may exceed an objective by rounding."""
GAP = 1e-4
"""Relative gap at or below which a schedule is called optimal."""


def evaluate(problem: Problem, shares: Any, method: str = "given") -> Schedule:
    """Price a schedule of your own and say how far from the optimum it can be.

    Args:
        problem: the declaration.
        shares: shares of each bucket, (N,), inside the limits, with sum S, or less if the order need not complete; in
            whole lots if the order has lots (see `round_to_lots`).
        method: a name for it.

    Raises:
        InvalidInput: not one finite number a bucket.
        InfeasibleOrder: shares outside the limits, below a least slice, between whole lots, or that do not add up to
            the order; the message names the first bucket.

    >>> import optexec as ox
    >>> problem = ox.Problem(ox.Order(300), ox.Power(a=1.0, b=2.0), ox.objective("A"), buckets=3)
    >>> evaluate(problem, [200, 100, 0]).objective
    50000.0
    """
    whole, x = problem.completed, problem.with_unfilled(problem.as_shares(shares))
    _check_feasible(whole, x)
    return certified(whole, x, x, method=method).of(problem)


def schedule_from(model: Any, method: str = "model") -> Schedule:
    """Read the answer of a model made by `build` or `build_piecewise` back, whichever solver found it.

    Shares are settled onto the limits and rounded to lots; where slices have a least size, they must honour it as
    they are (see `declare_slices`). The bound is that of the declaration: constraints of
    your own can only raise the least cost, so it holds for them too, but the gap then includes their price.

    Args:
        model: a solved model.
        method: a name for what solved it.

    Raises:
        SolverFailure: variables without values, or shares that miss the order or a least slice.
        InfeasibleOrder: shares that cannot be rounded to whole lots.

    >>> import optexec as ox, pyomo.environ as pyo
    >>> m = ox.build(ox.Problem(ox.Order(300), ox.Power(a=1.0, b=2.0), ox.objective("A"), buckets=3))
    >>> m.early = pyo.Constraint(expr=m.x[1] <= 60)
    >>> results = pyo.SolverFactory("highs").solve(m)
    >>> schedule_from(m).shares.round(4).tolist()
    [60.0, 120.0, 120.0]
    """
    whole, settled = model.problem.completed, shares_from(model)
    return certified(whole, settled, in_lots(whole, settled), method=method).of(model.problem)


def shares_from(model: Any) -> Array:
    """Shares that the variables of a solved model say, settled onto the limits: of each bucket of `completed`.

    Raises:
        SolverFailure: variables without values, or shares that miss the order or a least slice.
        InfeasibleOrder: buckets that cannot hold the order by themselves.
    """
    x = np.array([np.nan if model.x[i].value is None else model.x[i].value for i in model.BUCKETS])
    return settle(model.problem.completed, model.problem.with_unfilled(x))


def in_lots(problem: Problem, x: Array) -> Array:
    """Shares rounded to whole lots if the order has a lot, else as they are."""
    return x if problem.order.lot is None else round_to_lots(problem, x)


def certified(
    problem: Problem,
    x: Array,
    final: Array,
    *,
    method: str,
    lower_bound: float = -np.inf,
    stopped: str = "",
    gap: float = GAP,
    seconds: float = 0.0,
) -> Schedule:
    """The schedule of shares `final` with its certificate.

    Args:
        problem: the declaration.
        x: shares before rounding to lots, (N,): where the bound of a convex problem is tightest.
        final: shares to trade, (N,).
        method, seconds: for the record.
        lower_bound: a bound already known.
        stopped: "time_limit" or "iteration_limit" if the solver stopped early.
        gap: relative gap at or below which the schedule is called optimal.
    """
    proof = certify(problem, x) if problem.convex else Certificate(-np.inf, np.nan, np.nan)
    if not problem.convex and not np.isfinite(lower_bound):
        lower_bound = relaxed_bound(problem)
    _check_feasible(problem, final)
    proof = replace(proof, lower_bound=max(proof.lower_bound, lower_bound))
    return proven(problem, final, problem.objective(final), proof, method, stopped, gap, seconds)


def proven(
    problem: Problem,
    x: Array,
    value: float,
    proof: Certificate,
    method: str,
    stopped: str = "",
    gap: float = GAP,
    seconds: float = 0.0,
) -> Schedule:
    """The schedule of feasible shares whose objective and certificate are known.

    Args:
        problem: the declaration.
        x: shares of each bucket, (N,).
        value: objective at x, dollars.
        proof: certificate of the problem.
        method, stopped, gap, seconds: as in `certified`.

    Raises:
        SolverFailure: a bound above the objective, which no solver can give honestly.

    >>> import optexec as ox
    >>> problem = ox.Problem(ox.Order(300), ox.Linear(0.01), ox.objective("A"), buckets=3)
    >>> proven(problem, np.full(3, 100.0), 3.0, Certificate(3.0, 0.01, 0.0), "by hand").status
    'optimal'
    """
    bound = proof.lower_bound
    if not (isfinite(value) and within(problem, bound, value, ROUNDING)):
        raise SolverFailure(
            f"{method} gave an objective of {value!r} against a bound of {bound!r}; report this problem"
        )
    bound = min(bound, value)
    return Schedule(
        problem=problem,
        x=x,
        method=method,
        status="optimal" if within(problem, value, bound, gap) else stopped or "feasible",
        lower_bound=float(bound),
        marginal_price=proof.marginal_price,
        kkt_residual=proof.kkt_residual,
        seconds=seconds,
    )


def relaxed_bound(problem: Problem) -> float:
    """A lower bound of a nonconvex problem from its convex relaxation; -inf if its curvature is unknown.

    >>> import optexec as ox
    >>> concave = ox.Problem(ox.Order(100), ox.Power(a=[1.0, 2.0], b=0.5), ox.objective("A"))
    >>> round(relaxed_bound(concave), 6)
    10.0
    """
    if branch.obstacle(problem):
        return -np.inf
    relaxed = problem.continuous().replace(impact=envelope(problem.charged_impact, problem.lo, problem.hi))
    return certify(relaxed, relaxed_shares(relaxed)).lower_bound


def _check_feasible(problem: Problem, x: Array) -> None:
    slack = NEAR * problem.shares
    outside = np.flatnonzero((x < problem.lo - slack) | (x > problem.hi + slack))
    if outside.size:
        k = outside[0]
        raise InfeasibleOrder(
            f"bucket {problem.index[k]!r} trades {x[k]:,.10g} shares, outside its limits "
            f"[{problem.lo[k]:,.10g}, {problem.hi[k]:,.10g}]"
        )
    between = np.flatnonzero((x > slack) & (x < problem.smallest - slack))
    if between.size:
        k = between[0]
        raise InfeasibleOrder(
            f"bucket {problem.index[k]!r} trades {x[k]:,.10g} shares, but its slice must be 0 or at least "
            f"{problem.smallest[k]:,.10g} (limits.smallest)"
        )
    if abs(x.sum() - problem.shares) > slack:
        raise InfeasibleOrder(f"the shares add up to {x.sum():,.10g}, not to the order's {problem.shares:,.10g}")
    broken = broken_lots(problem, x)
    if broken.size:
        k, (_, odd) = broken[0], whole_lots(problem.order)
        beside = f" beside which one slice may hold {odd:,.10g}" if odd else ""
        raise InfeasibleOrder(
            f"bucket {problem.index[k]!r} trades {x[k]:,.10g} shares, not whole lots of {problem.order.lot:,.10g}"
            f"{beside}; round them with optexec.round_to_lots"
        )
