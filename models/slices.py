"""Whole lots and least slices on a Pyomo model, as integer variables."""

from typing import Any

import numpy as np
import pyomo.environ as pyo

from optexec.models.lots import most_lots, odd_shares, whole_lots
from optexec.models.validation import Array


def declare_slices(model: pyo.ConcreteModel) -> None:
    """Hold the slices of a model to whole lots and to their least sizes: `build` becomes exact, mixed-integer.

    ======================= ==========================================================================
    `m.lots[i]`             whole lots traded in bucket i (integer), if the order has a lot
    `m.host[i]`             1 in the one bucket that trades the odd remainder as well, if there is one
    `m.whole[i]`            x_i = lot lots_i + odd host_i
    `m.one_host`            sum_i host_i = 1, or <= 1 if the order need not complete
    `m.trades[i]`           1 if bucket i trades at all, where there is a least slice
    `m.least[i]`            x_i >= smallest_i trades_i
    `m.most[i]`             x_i <= hi_i trades_i
    ======================= ==========================================================================

    Args:
        model: a model made by `build`; `build_piecewise` has them already.

    >>> import optexec as ox
    >>> order, limits = ox.Order(350, lot=100), ox.Limits(smallest=200)
    >>> m = ox.build(ox.Problem(order, ox.Power(a=[1.0, 2.0], b=2.0), ox.objective("A"), limits))
    >>> declare_slices(m)
    >>> [v.name for v in m.component_objects(pyo.Var) if v.parent_block() is m]
    ['x', 'R', 'lots', 'host', 'trades']
    """
    if model.problem.order.lot is not None:
        _declare_lots(model)
    if model.problem.semicontinuous:
        _declare_smallest(model)


def start_slices(model: pyo.ConcreteModel, x: Array) -> None:
    """Give the variables of `declare_slices` the values that a schedule implies.

    Args:
        model: a model with those variables, or without any.
        x: shares of each bucket, (N,), in whole lots and of the least slices that the problem declares.

    >>> import optexec as ox
    >>> m = ox.build(ox.Problem(ox.Order(350, lot=100), ox.Power(a=[1.0, 2.0], b=2.0), ox.objective("A")))
    >>> declare_slices(m)
    >>> start_slices(m, np.array([250.0, 100.0]))
    >>> slices_in_lots(m).tolist()
    [250.0, 100.0]
    """
    if model.problem.order.lot is not None:
        _start_lots(model, x)
    if model.problem.semicontinuous:
        for i, shares in zip(model.BUCKETS, x.tolist(), strict=True):
            if i in model.trades:
                model.trades[i].set_value(int(shares > 0))


def _start_lots(model: pyo.ConcreteModel, x: Array) -> None:
    order = model.problem.order
    odd = whole_lots(order)[1]
    for i, shares, beside in zip(model.BUCKETS, x, odd_shares(x, order.lot, odd), strict=True):
        model.lots[i].set_value(round((shares - beside) / order.lot))
        if odd:
            model.host[i].set_value(int(beside > 0))


def slices_in_lots(model: pyo.ConcreteModel) -> Array:
    """Shares of each bucket, (N,), that a solved model's lots and host say, free of its tolerances on shares.

    Args:
        model: a solved model with the variables of `declare_slices`, of an order that has a lot.

    >>> import optexec as ox
    >>> m = ox.build(ox.Problem(ox.Order(300, lot=100), ox.Power(a=[1.0, 2.0], b=2.0), ox.objective("A")))
    >>> declare_slices(m)
    >>> for i, lots in ((1, 2.000_000_1), (2, 0.999_999_9)):
    ...     m.lots[i].set_value(lots, skip_validation=True)
    >>> slices_in_lots(m).tolist()
    [200.0, 100.0]
    """
    order = model.problem.order
    lots = np.round([model.lots[i].value for i in model.BUCKETS])
    host = np.round([model.host[i].value if i in model.host else 0.0 for i in model.BUCKETS])
    return np.asarray(order.lot * lots + whole_lots(order)[1] * host)


def _declare_lots(model: pyo.ConcreteModel) -> None:
    problem = model.problem
    _, odd = whole_lots(problem.order)
    most = dict(zip(model.BUCKETS, most_lots(problem).tolist(), strict=True))
    model.lots = pyo.Var(model.BUCKETS, domain=pyo.Integers, bounds=lambda m, i: (0, most[i]))
    model.host = pyo.Var(model.BUCKETS if odd else [], domain=pyo.Binary)

    @model.Constraint(model.BUCKETS)
    def whole(m: Any, i: Any) -> Any:
        return m.x[i] == problem.order.lot * m.lots[i] + (odd * m.host[i] if odd else 0.0)

    if odd:
        hosts = pyo.quicksum(model.host.values())
        model.one_host = pyo.Constraint(expr=hosts == 1 if problem.order.must_complete else hosts <= 1)


def _declare_smallest(model: pyo.ConcreteModel) -> None:
    problem = model.problem
    smallest = {i: m for i, m in zip(model.BUCKETS, problem.smallest.tolist(), strict=True) if m > 0}
    cap = dict(zip(model.BUCKETS, problem.hi.tolist(), strict=True))
    model.trades = pyo.Var(list(smallest), domain=pyo.Binary)

    @model.Constraint(list(smallest))
    def least(m: Any, i: Any) -> Any:
        return m.x[i] >= smallest[i] * m.trades[i]

    @model.Constraint(list(smallest))
    def most(m: Any, i: Any) -> Any:
        return m.x[i] <= cap[i] * m.trades[i]
