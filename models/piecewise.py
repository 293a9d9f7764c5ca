"""The declaration as a mixed-integer linear Pyomo model whose optimum never exceeds the true one."""

import numpy as np
import pyomo.environ as pyo

from optexec.models.errors import InvalidInput
from optexec.models.formulation import frame
from optexec.models.problem import Problem
from optexec.models.slices import declare_slices, start_slices
from optexec.models.under_estimate import Grid, uniform_grid
from optexec.models.validation import Array


def build_piecewise(problem: Problem, breakpoints: int | Grid = 8) -> pyo.ConcreteModel:
    """The mixed-integer piecewise-linear under-estimator of a problem.

    Cost curves are replaced by chords on their concave stretches and by tangents on their convex ones, inventory
    risk and smoothing by tangents, so the optimum of this model is a lower bound of the problem's, and any answer
    of it is a schedule inside the limits, in whole lots and of the least slices that the problem declares. Solve it
    with HiGHS. Components are those of `build` and `declare_slices`, with `m.term["impact"].fill` and `.opened` for
    the segments.

    Args:
        problem: a declaration whose curves have known convex and concave stretches.
        breakpoints: segments a bucket, or the points to touch the objective at.

    Raises:
        InvalidInput: fewer than one segment, a curve of unknown curvature.

    >>> import optexec as ox
    >>> concave = ox.Problem(ox.Order(300), ox.Power(a=[1.0, 0.5, 2.0], b=0.5), ox.objective("A"))
    >>> m = build_piecewise(concave, breakpoints=4)
    >>> len(m.term["impact"].fill), len(m.term["impact"].opened)
    (12, 9)
    """
    if isinstance(breakpoints, (int, np.integer)):
        if breakpoints < 1:
            raise InvalidInput(f"breakpoints must be at least 1 segment a bucket, got {breakpoints}")
        breakpoints = uniform_grid(problem, int(breakpoints))
    m = frame(problem)
    declare_slices(m)
    m.term = pyo.Block(pyo.Any)
    for term in problem.charges:
        term.declare_bound(m.term[term.name], m, breakpoints)
    m.cost = pyo.Objective(expr=pyo.quicksum(m.term[term.name].cost for term in problem.charges))
    return m


def start(model: pyo.ConcreteModel, x: Array) -> None:
    """Give the integer variables of an under-estimator the values that a schedule implies: a start for a solver.

    Everything else in the model follows from them by a linear programme.

    Args:
        model: a model made by `build_piecewise`.
        x: shares of each bucket, (N,), inside the limits, in whole lots and of the least slices that there are.

    >>> import optexec as ox
    >>> concave = ox.Problem(ox.Order(300), ox.Power(a=[1.0, 0.5, 2.0], b=0.5), ox.objective("A"))
    >>> m = build_piecewise(concave, breakpoints=2)
    >>> start(m, np.array([0.0, 200.0, 100.0]))
    >>> [int(m.term["impact"].opened[i, 1].value) for i in m.BUCKETS]
    [0, 1, 0]
    """
    shares = dict(zip(model.BUCKETS, x.tolist(), strict=True))
    if "impact" in model.term:
        impact = model.term["impact"]
        for (i, run), opened in impact.opened.items():
            opened.set_value(int(shares[i] > impact.begins[i, run]))
    start_slices(model, x)
