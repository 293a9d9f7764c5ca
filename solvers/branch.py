"""Nonconvex curves: the global optimum by spatial branch and bound on convex envelopes."""

import heapq
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass

import numpy as np

from optexec.models.envelope import envelope, is_exact, splice, straight_stretch
from optexec.models.errors import InfeasibleOrder
from optexec.models.impact import Impact
from optexec.models.limits import Limits
from optexec.models.objective import ImpactCost, InventoryRisk, Smoothing
from optexec.models.problem import Problem
from optexec.models.validation import Array
from optexec.solvers.answer import Answer
from optexec.solvers.certificate import certify
from optexec.solvers.polish import exchange, polish, relaxed_shares
from optexec.solvers.scaling import allowance

NARROW = 1e-9
"""Fraction of the order below which a bucket's range is not divided again."""
ROUNDS = 4
"""Most times that the polygons of the whole problem are drawn anew."""
SHAVE = 0.01
"""Fraction of a range that both parts of a division get at least."""


def obstacle(problem: Problem) -> str:
    """Why branch and bound does not apply; empty if it does."""
    for term in problem.terms:
        if not isinstance(term, (ImpactCost, Smoothing, InventoryRisk)):
            return f"the {term.name} term is not one that envelopes can be solved with"
    return unknown_curvature(problem)


def unknown_curvature(problem: Problem) -> str:
    """Why a problem has no relaxation: stretches of its curves that are neither convex nor concave; empty if it has."""
    return "" if problem.charged_impact.has_pieces(problem.hi) else "the curvature of the impact is unknown"


@dataclass(frozen=True, eq=False)
class _Node:
    """Ranges of the buckets, the envelopes on them, and what their solution says.

    Args:
        bound: dollars below which no schedule within the ranges can cost.
        relaxed: the declaration with the envelopes for impact and the ranges for limits.
        x: its solution, (N,).
        excess: dollars by which each bucket's true cost exceeds its envelope there, (N,).
    """

    bound: float
    relaxed: Problem
    x: Array
    excess: Array


def branch(problem: Problem, gap: float = 1e-4, time_limit: float = 60.0) -> Answer:
    """Global optimum within a relative gap, by branch and bound on convex envelopes.

    A node restricts every bucket to a range and replaces its cost curve by the convex envelope there. The relaxation
    is solved by water-filling, or by newton if there is inventory risk, and its certificate is the node's bound. Its
    shares, priced by the true curves, are a candidate, as are those where the buckets on convex stretches are traded
    off exactly. The range of the bucket whose true cost exceeds its envelope most is divided where it trades.

    For (A) and (B) at most one bucket of the relaxation trades strictly inside a chord, so the first gap is at most
    that bucket's nonconvexity.

    Source: Falk and Soland (1969), "An algorithm for separable nonconvex programming problems"; Shapley-Folkman
    bound on the gap: Aubin and Ekeland (1976).

    Args:
        problem: a declaration whose curves have known convex and concave stretches.
        gap: relative gap at which to stop.
        time_limit: seconds; the best schedule and bound so far are returned when it runs out.

    >>> import optexec as ox
    >>> concave = ox.Power(a=[1.0, 0.5, 2.0], b=0.5)
    >>> answer = branch(ox.Problem(ox.Order(300), concave, ox.objective("A"), ox.Limits(maximum=200)))
    >>> answer.x.round(6).tolist(), answer.stopped
    ([100.0, 200.0, 0.0], '')
    """
    deadline = time.perf_counter() + time_limit
    root = _root(problem)
    best = _candidate(problem, root)
    queue, pruned, made, stopped = [(root.bound, 0, root)], np.inf, 0, ""
    while queue and queue[0][0] < _enough(problem, best, gap):
        if time.perf_counter() > deadline:
            stopped = "time_limit"
            break
        node = heapq.heappop(queue)[2]
        for child in _divide(problem, node):
            made += 1
            best = min(best, _candidate(problem, child), key=problem.objective)
            if child.bound < _enough(problem, best, gap):
                heapq.heappush(queue, (child.bound, made, child))
            else:
                pruned = min(pruned, child.bound)
    bound = min([pruned, problem.objective(best), *(bound for bound, _, _ in queue[:1])])
    return Answer(best, bound, stopped)


def _candidate(problem: Problem, node: _Node) -> Array:
    """The best schedule near a node's solution.

    Its own shares, and those where the bucket that is worst off on its chord goes to either end of it and the buckets
    on convex stretches make up for that.
    """
    i = int(np.argmax(node.excess))
    candidates = [node.x]
    for end in (node.x[i], *straight_stretch(node.relaxed.impact, i, float(node.x[i]))):
        moved = node.x.copy()
        moved[i] = np.clip(end, problem.lo[i], problem.hi[i])
        with suppress(InfeasibleOrder):
            candidates.append(polish(problem, moved))
    if problem.separable:
        candidates.append(exchange(problem, node.x, i))
    return min(candidates, key=problem.objective)


def _enough(problem: Problem, best: Array, gap: float) -> float:
    """The bound at which the best schedule is good enough."""
    value = problem.objective(best)
    return value - allowance(problem, value, gap)


def _root(problem: Problem) -> _Node:
    """The whole problem; polygons are drawn again about the shares that they lead to while that raises the bound."""
    curves = envelope(problem.charged_impact, problem.lo, problem.hi)
    node = _relax(problem, curves, problem.lo, problem.hi, -np.inf)
    for _ in range(0 if is_exact(problem.charged_impact, problem.lo, problem.hi) else ROUNDS):
        curves = envelope(problem.charged_impact, problem.lo, problem.hi, node.x)
        closer = _relax(problem, curves, problem.lo, problem.hi, node.bound)
        if closer.bound - node.bound <= 1e-6 * abs(closer.bound):
            return node
        node = closer
    return node


def _relax(problem: Problem, curves: Impact, lo: Array, hi: Array, known: float) -> _Node:
    """A node of these ranges; `known` is a bound that it has already.

    Raises:
        InfeasibleOrder: ranges that cannot hold the order.
    """
    relaxed = problem.replace(impact=curves, limits=Limits(minimum=lo, maximum=hi))
    x = relaxed_shares(relaxed)
    excess = problem.charged_impact.cost(x) - curves.cost(x)
    return _Node(max(known, certify(relaxed, x).lower_bound), relaxed, x, excess)


def _divide(problem: Problem, node: _Node) -> Iterator[_Node]:
    """The node's range of one bucket divided at its shares; none where the ranges cannot hold the order."""
    lo, hi = node.relaxed.lo, node.relaxed.hi
    i = int(np.argmax(np.where(hi - lo > NARROW * problem.shares, node.excess, -np.inf)))
    at = float(np.clip(node.x[i], lo[i] + SHAVE * (hi[i] - lo[i]), hi[i] - SHAVE * (hi[i] - lo[i])))
    for low, high in ((lo[i], at), (at, hi[i])):
        child_lo, child_hi = lo.copy(), hi.copy()
        child_lo[i], child_hi[i] = low, high
        curves = splice(node.relaxed.impact, problem.charged_impact, i, low, high, node.x[i])
        with suppress(InfeasibleOrder):
            yield _relax(problem, curves, child_lo, child_hi, node.bound)
