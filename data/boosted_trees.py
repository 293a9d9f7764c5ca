"""Gradient-boosted regression trees: grown by scikit-learn, kept as plain arrays that need it no more."""

from typing import Any, NamedTuple, Self

import numpy as np
from numpy.typing import NDArray

from optexec.models.errors import SolverFailure
from optexec.models.validation import Array

LEARNING_RATE = 0.05
LEAVES = 8


class Trees(NamedTuple):
    """A sum of T regression trees, as arrays of M nodes a tree, the root being node 0.

    A row goes left at a node where its input is at most the threshold, or is missing (NaN) and `missing_left`; a
    node without children is its own child. The prediction is `base` plus the value of the node that the row ends in,
    tree after tree. No field holds code: trees can be stored as numbers.

    Fields:
        base: prediction before the first tree.
        feature: which input a node asks for, (T, M).
        threshold: the largest input that goes left, (T, M).
        missing_left: whether a missing input goes left, (T, M).
        left: left child of a node, (T, M); each child stands after its parent.
        right: right child of a node, (T, M).
        value: what a node adds if the row ends there, (T, M).

    >>> x = np.array([[0.0], [1.0]] * 40)
    >>> trees = grow(x, 3.0 * x[:, 0], [True], smallest_leaf=20, count=400)
    >>> trees.predict(np.array([[0.2], [0.9]])).round(6).tolist()
    [0.0, 3.0]
    """

    base: float
    feature: NDArray[np.int64]
    threshold: Array
    missing_left: NDArray[np.bool_]
    left: NDArray[np.int64]
    right: NDArray[np.int64]
    value: Array

    def first(self, count: int) -> Self:
        """Return the first `count` trees, which is what fewer rounds of boosting would have grown."""
        return self._replace(**{name: getattr(self, name)[:count] for name in self._fields[1:]})

    def predict(self, rows: Array) -> Array:
        """Return the prediction of each row of inputs, shapes (P,) and (P, F)."""
        total, everyone = np.full(len(rows), self.base), np.arange(len(rows))
        for feature, threshold, missing_left, left, right, value in zip(*self[1:], strict=True):
            node = np.zeros(len(rows), dtype=np.int64)
            while (left[node] != node).any():
                asked = rows[everyone, feature[node]]
                goes_left = np.where(np.isnan(asked), missing_left[node], asked <= threshold[node])
                node = np.where(goes_left, left[node], right[node])
            total += value[node]
        return total


def grow(inputs: Array, target: Array, rising: list[bool], smallest_leaf: int, count: int) -> Trees:
    """Grow trees that predict the median of `target`, never falling in the inputs marked as `rising`.

    Gradient boosting on the sum of absolute errors, `LEAVES` leaves a tree and steps of `LEARNING_RATE`, without
    subsampling, on one thread: the same rows give the same trees.

    Args:
        inputs: P rows of F inputs, NaN where missing, (P, F); one that is missing throughout is never asked for.
        target: finite, (P,).
        rising: which inputs the prediction may not fall in, F of them.
        smallest_leaf: rows that a leaf must hold.
        count: rounds of boosting, one tree each.

    Raises:
        SolverFailure: this version of scikit-learn keeps its trees in another form than is read here.

    Source:
        Friedman (2001), Greedy Function Approximation, algorithm 3; scikit-learn's `HistGradientBoostingRegressor`.

    >>> x = np.linspace(0.0, 1.0, 100)[:, None]
    >>> trees = grow(x, 3.0 * x[:, 0], [True], smallest_leaf=10, count=150)
    >>> bool(np.abs(trees.predict(x) - 3.0 * x[:, 0]).max() < 0.4), len(trees.value)
    (True, 150)
    """
    import sklearn
    from sklearn.ensemble import HistGradientBoostingRegressor
    from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

    asked = np.where(np.isnan(inputs).all(axis=0), 0.0, inputs)
    model = HistGradientBoostingRegressor(
        loss="absolute_error",
        learning_rate=LEARNING_RATE,
        max_iter=count,
        max_leaf_nodes=LEAVES,
        min_samples_leaf=smallest_leaf,
        monotonic_cst=[int(rises) for rises in rising],
        early_stopping=False,
        random_state=0,
    )
    with threadpool_limits(1):
        predicted = model.fit(asked, target).predict(asked)
    try:
        trees = _read(model)
        same = np.allclose(trees.predict(asked), predicted, rtol=1e-9, atol=1e-12)
    except (AttributeError, ValueError):
        same = False
    if not same:
        raise SolverFailure(
            f"scikit-learn {sklearn.__version__} keeps its trees in another form; install an earlier one"
        )
    return trees


def _read(model: Any) -> Trees:
    """Copy scikit-learn's trees; those of fewer nodes than the largest are filled up with nodes never reached."""
    grown = [predictors[0].nodes for predictors in model._predictors]
    nodes = np.zeros((len(grown), max(map(len, grown))), dtype=grown[0].dtype)
    nodes["is_leaf"] = 1
    for row, tree in zip(nodes, grown, strict=True):
        row[: len(tree)] = tree
    ends, own = nodes["is_leaf"] == 1, np.arange(nodes.shape[1])
    return Trees(
        base=float(np.ravel(model._baseline_prediction)[0]),
        feature=nodes["feature_idx"].astype(np.int64),
        threshold=np.minimum(nodes["num_threshold"], np.finfo(float).max),
        missing_left=nodes["missing_go_to_left"] == 1,
        left=np.where(ends, own, nodes["left"]).astype(np.int64),
        right=np.where(ends, own, nodes["right"]).astype(np.int64),
        value=nodes["value"].copy(),
    )
