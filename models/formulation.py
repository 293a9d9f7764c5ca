"""The declaration as a Pyomo model: buckets, slices, inventory, and one block a term."""

from typing import Any

import pyomo.environ as pyo

from optexec.models.errors import InvalidInput
from optexec.models.objective import Objective, Term
from optexec.models.problem import Problem
from optexec.models.validation import Array


def build(problem: Problem) -> pyo.ConcreteModel:
    """The problem as a Pyomo model, exact, in shares and dollars.

    ======================= ==========================================================================
    `m.BUCKETS`             ordered set of bucket labels
    `m.S`                   shares of the order (mutable Param)
    `m.x[i]`                shares traded in bucket i, lo_i <= x_i <= hi_i
    `m.R[i]`                shares held after bucket i
    `m.inventory[i]`        R_i = R_{i-1} - x_i, R_0 = S
    `m.completion`          R_N = 0; not there if the order need not complete
    `m.term[name]`          a block a term: mutable Params and the Expression `cost`, in dollars
    `m.cost`                Objective: the sum of the terms' costs
    ======================= ==========================================================================

    Shares are continuous in it: `schedule_from` rounds an answer to whole lots, or `declare_slices` adds lots and
    least slices to the model as integer variables. Add constraints of your own to it and solve it with any Pyomo
    solver.

    Args:
        problem: the declaration.

    >>> import optexec as ox
    >>> problem = ox.Problem(ox.Order(300), ox.Power(a=1.0, b=2.0), ox.objective("B", rho=1.0), buckets=3)
    >>> m = build(problem)
    >>> list(m.term), pyo.value(m.cost) > 0
    (['impact', 'smoothing'], True)
    """
    m = frame(problem)
    m.term = pyo.Block(pyo.Any)
    m.cost = pyo.Objective(expr=0.0)
    _declare_terms(m)
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
    _declare_terms(model)


def _declare_terms(model: pyo.ConcreteModel) -> None:
    for term in model.problem.charges:
        term.declare(model.term[term.name], model)
    model.cost.set_value(pyo.quicksum(model.term[name].cost for name in model.term))


def refresh(model: pyo.ConcreteModel, problem: Problem) -> None:
    """Write the numbers of a changed declaration into a model: its Params, and the bounds of its variables.

    What the declaration does not say stays: constraints of your own, and variables that you have fixed.

    Args:
        model: a model made by `build`.
        problem: a declaration with the same buckets and terms, and an impact of the same structure.

    Raises:
        InvalidInput: other buckets or terms, or numbers that the model holds as constants, such as exponents; the
            model is left as it was.

    >>> import optexec as ox
    >>> problem = ox.Problem(ox.Order(300), ox.Power(a=[1.0, 2.0], b=2.0), ox.objective("C", psi=0.5))
    >>> m = build(problem)
    >>> refresh(m, problem.replace(order=ox.Order(500), terms=ox.objective("C", psi=0.1)))
    >>> m.S.value, m.x[1].ub, m.term["inventory_risk"].psi.value
    (500.0, 500.0, 0.1)
    """
    try:
        _check_structure(model.problem, problem)
        _write(model, problem)
    except InvalidInput as refusal:
        _write(model, model.problem)
        raise InvalidInput(f"{refusal}; build a new model, or a new Resolver") from None
    model.problem = problem


def _write(model: pyo.ConcreteModel, problem: Problem) -> None:
    _write_frame(model, problem)
    for term in problem.charges:
        term.refresh(model.term[term.name], model, problem)


def _check_structure(old: Problem, new: Problem) -> None:
    """Raise unless both declarations have the same buckets and the same kinds of terms."""
    if not new.index.equals(old.index):
        raise InvalidInput("the buckets of the declaration are not those of the model")
    had, has = ({term.name: type(term) for term in problem.charges} for problem in (old, new))
    if had != has:
        raise InvalidInput(f"the model has the terms {', '.join(had)}, not {', '.join(has)}")


def frame(problem: Problem) -> pyo.ConcreteModel:
    """The part of the model that all formulations share: buckets, slices, inventory and completion.

    Variables start at a schedule strictly inside the limits, where every curve has derivatives.

    >>> import optexec as ox
    >>> m = frame(ox.Problem(ox.Order(300), ox.Linear(0.01), ox.objective("A"), buckets=3))
    >>> [c.name for c in m.component_objects(pyo.Constraint)]
    ['inventory', 'completion']
    """
    labels = problem.index.tolist()
    previous = dict(zip(labels[1:], labels[:-1], strict=True))

    m = pyo.ConcreteModel()
    m.problem = problem
    m.BUCKETS = pyo.Set(initialize=labels, ordered=True)
    m.S = pyo.Param(mutable=True)
    m.x = pyo.Var(m.BUCKETS)
    m.R = pyo.Var(m.BUCKETS)
    _write_frame(m, problem)
    put(m, problem.inside())

    @m.Constraint(m.BUCKETS)
    def inventory(m: Any, i: Any) -> Any:
        return m.R[i] == (m.R[previous[i]] if i in previous else m.S) - m.x[i]

    if problem.order.must_complete:
        m.completion = pyo.Constraint(expr=m.R[labels[-1]] == 0)
    return m


def _write_frame(model: pyo.ConcreteModel, problem: Problem) -> None:
    """The size of the order and the bounds that follow from it and from the limits."""
    model.S.set_value(problem.shares)
    for x, low, high in zip(model.x.values(), problem.lo.tolist(), problem.hi.tolist(), strict=True):
        x.bounds = low, high
    for held in model.R.values():
        held.bounds = 0.0, problem.shares


def put(model: pyo.ConcreteModel, x: Array) -> None:
    """Give the free variables of a model the values of a schedule: its slices, and the inventory that follows.

    Args:
        model: a model made by `build` or `build_piecewise`.
        x: shares of each bucket, (N,).

    >>> import numpy as np
    >>> import optexec as ox
    >>> m = build(ox.Problem(ox.Order(300), ox.Power(a=[1.0, 2.0], b=2.0), ox.objective("A")))
    >>> put(m, np.array([100.0, 200.0]))
    >>> m.x[1].value, m.R[1].value
    (100.0, 200.0)
    """
    for variables, values in ((model.x, x), (model.R, model.problem.inventory(x))):
        for variable, value in zip(variables.values(), values.tolist(), strict=True):
            if not variable.fixed:
                variable.set_value(value, skip_validation=True)
