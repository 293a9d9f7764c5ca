"""Convex curves through noisy points, in two ways that are different estimators.

A total cost must be convex before a convex solver can certify its optimum. `convex_values` moves the values as
little as it can; `convex_slopes` moves the slopes as little as it can. A nondecreasing curve (`monotone`) need not be
convex, and neither way pools values.
"""

from typing import Any, NamedTuple

import numpy as np

from optexec.data.monotone import pooled, spread_out
from optexec.models.errors import InvalidInput, SolverFailure
from optexec.models.validation import Array, finite, positive, scalar

VARIABLES = 400
"""Values that go into one quadratic programme: several curves share a model, for a model costs more than a curve."""
ROUNDING = 1e-12
"""Slopes that fall by less than this fraction of the steepest are nondecreasing already."""

_OPTIONS = {
    "qp_regularization_value": 0.0,
    "primal_feasibility_tolerance": 1e-10,
    "dual_feasibility_tolerance": 1e-10,
}


def convex_values(
    shares: Any, values: Any, weights: Any = 1.0, *, start: Any = None, least_slope: float | None = None
) -> Array:
    """The convex curves whose values are nearest to `values`: least squares with nondecreasing slopes.

    Each row v solves the quadratic programme

        minimise    sum_k w_k (v_k - y_k)^2
        subject to  (v_k - v_{k-1}) / (x_k - x_{k-1})  <=  (v_{k+1} - v_k) / (x_{k+1} - x_k),    k = 2..K-1,
                    v_1 = start  and  (v_2 - v_1) / (x_2 - x_1) >= least_slope   where these are given.

    It is the maximum-likelihood convex curve under Gaussian noise in the values. Rows that are convex already are
    their own answer. The others go, scaled, to HiGHS as Pyomo models of `VARIABLES` values; of the slopes HiGHS
    returns, any that fall within its tolerance are pooled and the curve is rebuilt from them, so that it is convex to
    rounding. HiGHS's active-set method costs some O(K^3) a row.

    Args:
        shares: x, increasing, (K,) with K >= 2.
        values: y at x, (K,) or (R, K).
        weights: w > 0, a number or one weight a point, (K,).
        start: value of every curve at the first point; None to fit it.
        least_slope: a slope that no segment falls below, such as 0 for a nondecreasing curve; None for any.

    Returns:
        v, of the shape of `values`.

    Raises:
        InvalidInput: numbers that are not finite, shares that do not increase, weights that are not positive,
            shapes that do not match.
        SolverFailure: HiGHS finds no optimum.

    Source:
        Hildreth (1954), Point Estimates of Ordinates of Concave Functions; Boyd and Vandenberghe (2004), Convex
        Optimization, section 6.5.5.

    >>> convex_values([0, 1, 2, 3], [0.0, 2.0, 1.0, 3.0]).round(6).tolist()
    [0.5, 1.0, 1.5, 3.0]
    >>> convex_values([0, 1, 2, 3], [0.0, 2.0, 1.0, 3.0], start=0.0).round(6).tolist()
    [0.0, 0.8, 1.6, 3.0]
    """
    points = _points(shares, values, start, least_slope)
    weight = spread_out("weights", positive("weights", weights), len(points.shares))
    fitted = points.values.copy()
    wrong = np.flatnonzero(~_admissible(points))
    for rows in np.array_split(wrong, -(-len(wrong) * len(points.shares) // VARIABLES) or 1):
        if len(rows):
            fitted[rows] = _solved(points._replace(values=points.values[rows]), weight)
    slopes = [_nondecreasing(points, row) for row in np.diff(fitted) / points.widths]
    return _integrated(points, np.array(slopes), fitted[:, 0]).reshape(np.shape(values))


def convex_slopes(shares: Any, values: Any, *, start: Any = None, least_slope: float | None = None) -> Array:
    """The convex curves whose slopes are nearest to those of `values`: isotonic regression of the slopes.

    With the widths h_k = x_{k+1} - x_k and the slopes d_k = (y_{k+1} - y_k) / h_k of the data, each row solves

        minimise  sum_k h_k (s_k - d_k)^2   subject to   s_1 <= s_2 <= ... <= s_{K-1},   s_1 >= least_slope,

    by pooling adjacent violators, and integrates: v_k = v_1 + sum_{j<k} s_j h_j. Up to the constant v_1 and without a
    `least_slope` that is the greatest convex curve nowhere above the data, which meets them at both ends; v_1 is
    `start`, or else makes sum_k (v_k - y_k)^2 least. O(K) a row, without a solver.

    It is not `convex_values`: noise in one value tilts the slopes on both sides of it, and a value far off pulls a
    minorant further than it pulls a least-squares curve.

    Args:
        shares: x, increasing, (K,) with K >= 2.
        values: y at x, (K,) or (R, K).
        start: value of every curve at the first point; None to fit it.
        least_slope: a slope that no segment falls below, such as 0 for a nondecreasing curve; None for any.

    Returns:
        v, of the shape of `values`.

    Raises:
        InvalidInput: numbers that are not finite, shares that do not increase, shapes that do not match.

    Source:
        Barlow, Bartholomew, Bremner and Brunk (1972), Statistical Inference under Order Restrictions, section 1.2
        (the slopes of the greatest convex minorant are the isotonic regression of the slopes).

    >>> convex_slopes([0, 1, 2, 3], [0.0, 2.0, 1.0, 3.0], start=0.0).tolist()
    [0.0, 0.5, 1.0, 3.0]
    >>> convex_slopes([0, 1, 2, 3], [0.0, 2.0, 1.0, 3.0]).tolist()
    [0.375, 0.875, 1.375, 3.375]
    """
    points = _points(shares, values, start, least_slope)
    slopes = np.array([_nondecreasing(points, row) for row in np.diff(points.values) / points.widths])
    anchored = _integrated(points, slopes, points.values[:, 0])
    first = anchored[:, 0] + (points.values - anchored).mean(axis=1)
    return _integrated(points, slopes, first).reshape(np.shape(values))


class _Points(NamedTuple):
    """Shares (K,), their widths (K-1,) and values (R, K), with what is held: value at the start and least slope."""

    shares: Array
    widths: Array
    values: Array
    start: float | None
    least_slope: float | None


def _points(shares: Any, values: Any, start: Any, least_slope: Any) -> _Points:
    x = np.asarray(finite("shares", shares))
    y = np.asarray(finite("values", values, ndim=2))
    if x.ndim != 1 or len(x) < 2 or y.shape[-1:] != x.shape:
        raise InvalidInput(f"shares (K,) and values (K,) or (R, K) need K >= 2, got shapes {x.shape} and {y.shape}")
    widths = np.diff(x)
    if (widths <= 0).any():
        raise InvalidInput(f"shares must increase, got {x.tolist()!r:.80}; sort them and merge equal ones")
    begin = None if start is None else scalar(finite, "start", start)
    least = None if least_slope is None else scalar(finite, "least_slope", least_slope)
    return _Points(x, widths, y.reshape(-1, len(x)), begin, least)


def _admissible(points: _Points) -> Any:
    """Which rows satisfy every constraint up to rounding, (R,)."""
    slopes = np.diff(points.values) / points.widths
    slack = ROUNDING * np.abs(slopes).max(axis=1)
    fine = (np.diff(slopes) >= -slack[:, None]).all(axis=1)
    if points.start is not None:
        fine &= points.values[:, 0] == points.start
    if points.least_slope is not None:
        fine &= slopes[:, 0] >= points.least_slope - slack
    return fine


def _nondecreasing(points: _Points, slopes: Array) -> Array:
    """Isotonic regression of slopes weighted by widths; a bound below clips it (Barlow et al., corollary B)."""
    rising = slopes if (np.diff(slopes) >= 0).all() else pooled(slopes, points.widths)
    return rising if points.least_slope is None else np.maximum(rising, points.least_slope)


def _integrated(points: _Points, slopes: Array, first: Array) -> Array:
    """Curves of these slopes, (R, K-1), from their first values (R,), or from `start` where that is held."""
    begin = first if points.start is None else np.full(len(slopes), points.start)
    return begin[:, None] + np.hstack([np.zeros((len(slopes), 1)), np.cumsum(slopes * points.widths, axis=1)])


def _solved(points: _Points, weights: Array) -> Array:
    """Solve the quadratic programmes of a few rows as one model, above the line of the least slope.

    So that slope is 0 in the model, and its units make every width and value at most 1.
    """
    from pyomo.contrib.solver.common.factory import SolverFactory

    first = points.values[:, :1] if points.start is None else np.full((len(points.values), 1), points.start)
    least = 0.0 if points.least_slope is None else points.least_slope
    base = first + least * (points.shares - points.shares[0])
    above = points.values - base
    scale = np.maximum(np.abs(above).max(axis=1, keepdims=True), np.finfo(float).tiny)
    model = _model(points, above / scale, weights / weights.max())
    found = SolverFactory("highs").solve(
        model, threads=1, load_solutions=False, raise_exception_on_nonoptimal_result=False, solver_options=_OPTIONS
    )
    if found.termination_condition.name != "convergenceCriteriaSatisfied":
        raise SolverFailure(f"HiGHS found no convex curve ({found.termination_condition.name}); try convex_slopes")
    found.solution_loader.load_vars()
    solution = np.array([value.value for value in model.value.values()]).reshape(points.values.shape)
    return base + scale * solution


def _model(points: _Points, data: Array, weights: Array) -> Any:
    """The programme of `convex_values` for rows (R, K) of scaled data, with a least slope of 0."""
    import pyomo.environ as pyo

    m = pyo.ConcreteModel()
    m.ROWS, m.POINTS = pyo.RangeSet(0, len(data) - 1), pyo.RangeSet(0, len(weights) - 1)
    m.INNER = pyo.RangeSet(1, len(weights) - 2)
    m.value = pyo.Var(m.ROWS, m.POINTS)
    widths, weight, target = points.widths.tolist(), weights.tolist(), data.tolist()

    @m.Constraint(m.ROWS, m.INNER)
    def convex(m: Any, r: int, k: int) -> Any:
        left, right = widths[k - 1], widths[k]
        return (right * m.value[r, k - 1] + left * m.value[r, k + 1]) / (left + right) >= m.value[r, k]

    if points.least_slope is not None:

        @m.Constraint(m.ROWS)
        def least_slope(m: Any, r: int) -> Any:
            return m.value[r, 1] >= m.value[r, 0]

    if points.start is not None:
        for r in m.ROWS:
            m.value[r, 0].fix(0.0)

    @m.Objective()
    def distance(m: Any) -> Any:
        return pyo.quicksum(weight[k] * (m.value[r, k] - target[r][k]) ** 2 for r in m.ROWS for k in m.POINTS)

    return m
