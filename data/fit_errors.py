"""Standard errors of fitted curves whose points come in clusters, and the intervals they make."""

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from optexec.data.curve_families import PARAMETERS, CurveFamily
from optexec.data.separable_fit import Array
from optexec.data.slippage import SlippagePoints
from optexec.models.errors import InvalidInput

_SINGULAR = 1e-13


def clusters_per_group(cluster: NDArray[np.int64], group: NDArray[np.int64], groups: int) -> NDArray[np.int64]:
    """Return how many distinct clusters each group has, shape (G,).

    >>> clusters_per_group(np.array([4, 4, 5, 4]), np.array([0, 0, 0, 1]), 2).tolist()
    [2, 1]
    """
    _, owners = _clusters(cluster, group)
    return np.bincount(owners, minlength=groups)


def _clusters(cluster: NDArray[np.int64], group: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return the number of each row's cluster within its group, counted over all groups, and each one's group."""
    pairs, place = np.unique(np.column_stack([group, cluster]), axis=0, return_inverse=True)
    return place.ravel(), pairs[:, 0]


def cluster_covariance(
    jacobian: Array, residual: Array, cluster: NDArray[np.int64], group: NDArray[np.int64], groups: int
) -> Array:
    """Return the covariance of least-squares parameters, robust to any dependence within a cluster.

    With J_c and e_c the rows of cluster c, H_c = J_c (J'J)^-1 J_c' its leverage and C clusters in the group,

        V = (C-1)/C (J'J)^-1 [ sum_c J_c' (I - H_c)^-1 e_c e_c' (I - H_c)^-1 J_c ] (J'J)^-1,

    the jackknife over clusters to first order. The leverage makes up for residuals that a fit on few clusters has
    drawn towards itself: where all clusters have the same abscissae, V is unbiased for a model linear in its
    parameters, and t quantiles with C - 1 degrees of freedom give exact intervals under normal noise.

    Args:
        jacobian: derivative of the curve by each of Q parameters at each point, (P, K, Q); all zero in a group for
            a parameter that is held fixed there.
        residual: y less the curve, (P, K).
        cluster: number of each row's cluster, (P,).
        group: the group of each row, 0..groups-1, (P,).
        groups: the number of groups.

    Returns:
        Shape (G, Q, Q). NaN in rows and columns of fixed parameters, and throughout where a group has one cluster
        or its J'J is singular.

    Source:
        Bell and McCaffrey (2002), "CR3"; Cameron and Miller (2015), section VI.

    >>> ones, values = np.ones((4, 1, 1)), np.array([[1.0], [2.0], [4.0], [5.0]])
    >>> mean_error = cluster_covariance(ones, values - 3, np.arange(4), np.zeros(4, dtype=int), 1)[0, 0, 0] ** 0.5
    >>> bool(np.isclose(mean_error, values.std(ddof=1) / 2))
    True
    """
    place, owner = _clusters(cluster, group)
    squares = _sums(np.einsum("pki,pkj->pij", jacobian, jacobian), place, len(owner))
    scores = _sums(np.einsum("pki,pk->pi", jacobian, residual), place, len(owner))
    root, singular = _inverse_root(_sums(squares, owner, groups))
    leverage = np.einsum("cai,cab,cbj->cij", root[owner], squares, root[owner])
    kept, axes = np.linalg.eigh(np.eye(root.shape[-1]) - leverage)
    spread = np.einsum("cai,ca->ci", root[owner], scores)
    spread = np.einsum("cij,cj,ckj,ck->ci", axes, 1 / np.maximum(kept, _SINGULAR), axes, spread)
    shift = np.einsum("cij,cj->ci", root[owner], spread)
    count = np.bincount(owner, minlength=groups)
    covariance = _sums(shift[:, :, None] * shift[:, None, :], owner, groups) * ((count - 1) / count)[:, None, None]
    fixed = np.diagonal(_sums(squares, owner, groups), axis1=1, axis2=2) == 0
    unknown = fixed | (singular | (count < 2))[:, None]
    return np.where(unknown[:, :, None] | unknown[:, None, :], np.nan, covariance)


def _sums(values: Array, place: NDArray[np.int64], count: int) -> Array:
    total = np.zeros((count, *values.shape[1:]))
    np.add.at(total, place, values)
    return total


def _inverse_root(squares: Array) -> tuple[Array, NDArray[np.bool_]]:
    """Return L with L L' = (J'J)^-1 of each group, without the fixed parameters, and where J'J is singular."""
    size = np.sqrt(np.diagonal(squares, axis1=1, axis2=2))
    unit = np.where(size > 0, size, 1.0)
    values, axes = np.linalg.eigh(squares / (unit[:, :, None] * unit[:, None, :]))
    free = np.where(values > _SINGULAR, 1 / np.sqrt(np.maximum(values, _SINGULAR)), 0.0)
    singular = (values > _SINGULAR).sum(axis=1) < (size > 0).sum(axis=1)
    return axes * free[:, None, :] / unit[:, :, None], singular


def parameter_errors(
    points: SlippagePoints, family: CurveFamily, curves: pd.DataFrame, y: Array, at_bound: NDArray[np.bool_]
) -> pd.DataFrame:
    """Return the standard errors of fitted curves, by the covariance of the logarithms of their parameters.

    Args:
        points: the points that they were fitted to.
        family: what was fitted.
        curves: `half_spread`, `a` and `b` of each of N buckets, in dollars and shares.
        y: ordinates of the points, (P, K).
        at_bound: whether b ended on a bound, (N,); it counts as given then.

    Returns:
        N rows: `half_spread_error`, `a_error`, `b_error`, `correlation` of the last two, and `clusters`.

    >>> from optexec.data.curve_families import FAMILIES
    >>> shares, noise = np.array([[10.0, 20.0]] * 4), np.array([[0.9], [1.1], [1.2], [0.8]])
    >>> start, owner = pd.to_timedelta([0], unit="s"), np.zeros(4, dtype=int)
    >>> points = SlippagePoints(start, owner, np.arange(4), shares, 0.01 * shares * noise, np.zeros(4), shares[:, 1])
    >>> curves = pd.DataFrame({"half_spread": [0.0], "a": [0.01], "b": [1.0]}, index=start)
    >>> errors = parameter_errors(points, FAMILIES["linear_per_share"], curves, points.slippage, np.array([False]))
    >>> bool(np.isclose(errors["a_error"].iloc[0], 0.01 * noise.std(ddof=1) / 2))
    True
    """
    owner, count = points.owner, len(curves)
    half_spread, a, b = (curves[name].fillna(0.0).to_numpy(dtype=float) for name in PARAMETERS)
    fitted_spread = np.where(family.half_spread == "fitted", half_spread, 0.0)
    free_b = np.where(at_bound | (family.shape.bounds is None), 0.0, b)
    unit = np.where(a > 0, a * family.shape.value(points.means(points.depth), b), 1.0)[owner, None]
    value, slope = (f(points.shares, b[owner, None]) for f in (family.shape.value, family.shape.slope))
    curve = a[owner, None] * value
    jacobian = np.stack([fitted_spread[owner, None] + 0 * curve, curve, (a * free_b)[owner, None] * slope], axis=-1)
    residual = y - fitted_spread[owner, None] - curve
    relative = cluster_covariance(jacobian / unit[..., None], residual / unit, points.cluster, owner, count)
    error = np.sqrt(np.diagonal(relative, axis1=1, axis2=2))
    errors = {f"{name}_error": error[:, k] * (half_spread, a, b)[k] for k, name in enumerate(PARAMETERS)}
    if family.half_spread == "measured":
        errors["half_spread_error"] = _error_of_mean(points, half_spread)
    clusters = clusters_per_group(points.cluster, owner, count)
    correlation = relative[:, 1, 2] / np.where(error[:, 1] * error[:, 2] > 0, error[:, 1] * error[:, 2], np.nan)
    return pd.DataFrame({**errors, "correlation": correlation, "clusters": clusters}, index=curves.index)


def _error_of_mean(points: SlippagePoints, mean: Array) -> Array:
    residual = (points.half_spread - mean[points.owner])[:, None]
    jacobian = np.ones((*residual.shape, 1))
    covariance = cluster_covariance(jacobian, residual, points.cluster, points.owner, len(mean))
    return np.asarray(np.sqrt(covariance[:, 0, 0]))


def interval(
    estimate: pd.Series, error: pd.Series, clusters: pd.Series, level: float = 0.95
) -> tuple[pd.Series, pd.Series]:
    """Return the ends of a confidence interval for a positive parameter, symmetric in its logarithm.

    The ends are estimate * exp(-+ t error / estimate), t the quantile of Student's law with clusters - 1 degrees of
    freedom; NaN where the error is NaN or the estimate 0.

    Args:
        estimate, error, clusters: the parameter, its standard error and the clusters behind it, one a bucket each.
        level: probability that the interval holds the parameter, within (0, 1).

    Raises:
        InvalidInput: for another level.

    >>> low, high = interval(pd.Series([2.0]), pd.Series([0.1]), pd.Series([10]))
    >>> round(float(low[0]), 3), round(float(high[0]), 3)
    (1.786, 2.24)
    """
    from scipy.stats import t

    if not 0 < level < 1:
        raise InvalidInput(f"level must lie between 0 and 1, got {level!r}")
    quantile = t.ppf((1 + level) / 2, (clusters - 1).clip(lower=1))
    with np.errstate(over="ignore"):
        factor = np.exp(quantile * error / estimate.where(estimate > 0))
    return estimate / factor, estimate * factor
