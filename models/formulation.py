"""The declaration as a Pyomo model: buckets, slices, inventory, and one block a term."""

from typing import Any

import pyomo.environ as pyo

from optexec.models.objective import Objective, Term
from optexec.models.problem import Problem


def build(problem: Problem) -> pyo.ConcreteModel:
    """The problem as a Pyomo model, exact, in shares and dollars.

    ======================= ==========================================================================
    `m.BUCKETS`             ordered set of bucket labels
    `m.S`                   shares of the order (mutable Param)
    `m.x[i]`                shares traded in bucket i, lo_i <= x_i <= hi_i
    `m.R[i]`                shares held after bucket i
    `m.inventory[i]`        R_i = R_{i-1} - x_i, R_0 = S
    `m.completion`          R_N = 0
    `m.term[name]`          a block a term: mutable Params and the Expression `cost`, in dollars
    `m.cost`                Objective: the sum of the terms' costs
    ======================= ==========================================================================

    Shares are continuous in it: `schedule_from` rounds an answer to whole lots, or `declare_slices` adds lots and
    least slices to the model as integer variables. Add constraints of your own to it and solve it with any Pyomo
    solver.

    >>> import optexec as ox
    >>> problem = ox.Problem(ox.Order(300), ox.Power(a=1.0, b=2.0), ox.objective("B", rho=1.0), buckets=3)
    >>> m = build(problem)
    >>> list(m.term), pyo.value(m.cost) > 0
    (['impact', 'smoothing'], True)
    """
    m = frame(problem)
    m.term = pyo.Block(pyo.Any)
    m.cost = pyo.Objective(expr=0.0)
    swap_terms(m, problem.terms)
    return m


def swap_terms(model: pyo.ConcreteModel, terms: Objective | Term) -> None:
    """Give a model made by `build` another objective; its buckets, limits and own constraints stay.

    Args:
        model: a model made by `build`.
        terms: a term, a sum of terms, or `objective("A" | "B" | "C", ...)`.

    Raises:
        InvalidInput: terms whose arrays do not fit the buckets.

    >>> import optexec as ox
    >>> m = build(ox.Problem(ox.Order(300), ox.Power(a=1.0, b=2.0), ox.objective("A"), buckets=3))
    >>> swap_terms(m, ox.objective("C", psi=0.5))
    >>> list(m.term)
    ['impact', 'inventory_risk']
    """
    model.problem = model.problem.replace(terms=terms)
    for name in list(model.term):
        del model.term[name]
    for term in model.problem.terms:
        term.declare(model.term[term.name], model)
    model.cost.set_value(pyo.quicksum(model.term[name].cost for name in model.term))


def frame(problem: Problem) -> pyo.ConcreteModel:
    """The part of the model that all formulations share: buckets, slices, inventory and completion.

    Variables start at a schedule strictly inside the limits, where every curve has derivatives.

    >>> import optexec as ox
    >>> m = frame(ox.Problem(ox.Order(300), ox.Linear(0.01), ox.objective("A"), buckets=3))
    >>> [c.name for c in m.component_objects(pyo.Constraint)]
    ['inventory', 'completion']
    """
    labels = problem.index.tolist()
    start = problem.inside()
    lo, hi, x0, r0 = (
        dict(zip(labels, values.tolist(), strict=True))
        for values in (problem.lo, problem.hi, start, problem.inventory(start))
    )
    previous = dict(zip(labels[1:], labels[:-1], strict=True))

    m = pyo.ConcreteModel()
    m.problem = problem
    m.BUCKETS = pyo.Set(initialize=labels, ordered=True)
    m.S = pyo.Param(initialize=problem.shares, mutable=True)
    m.x = pyo.Var(m.BUCKETS, bounds=lambda m, i: (lo[i], hi[i]), initialize=x0)
    m.R = pyo.Var(m.BUCKETS, bounds=(0, problem.shares), initialize=r0)

    @m.Constraint(m.BUCKETS)
    def inventory(m: Any, i: Any) -> Any:
        return m.R[i] == (m.R[previous[i]] if i in previous else m.S) - m.x[i]

    @m.Constraint()
    def completion(m: Any) -> Any:
        return m.R[labels[-1]] == 0

    return m
