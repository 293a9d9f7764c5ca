"""A charge on what is still to trade, as a term of the objective, and its weights."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from optexec.models.errors import InvalidInput, unknown_name
from optexec.models.objective import Term
from optexec.models.under_estimate import Grid, declare_squares
from optexec.models.validation import Array, finite, nonnegative

if TYPE_CHECKING:
    from optexec.models.problem import Problem


@dataclass(frozen=True, eq=False)
class InventoryRisk(Term):
    """psi/2 sum_{i=1}^{N-1} w_i R_i^2: charges the shares still held after each bucket but the last.

    Shares that an order leaves unfilled are held after the last bucket too, so there the sum goes to N.

    Args:
        psi: dollars a share squared, >= 0. Almgren-Chriss risk aversion lambda is psi = 2 lambda sigma^2 tau.
        weights: "uniform" (1), "linear" (i/N), ("power", gamma) ((i/N)^gamma), or an array (N,) of values >= 0,
            such as `volatility_weights(sigma)`; the last entry is used only for shares left unfilled.

    Raises:
        InvalidInput: a negative or not finite value, an unknown weighting.

    >>> import optexec as ox
    >>> problem = ox.Problem(ox.Order(100), ox.Linear([0.01, 0.02]), ox.objective("C", psi=2e-4))
    >>> InventoryRisk(psi=2e-4).bucket_costs(problem, np.array([60.0, 40.0])).tolist()
    [0.16, 0.0]
    """

    psi: float
    weights: Any = "uniform"
    name: ClassVar[str] = "inventory_risk"
    quadratic: ClassVar[bool] = True

    def __post_init__(self) -> None:
        psi = nonnegative("psi", self.psi)
        if isinstance(psi, np.ndarray):
            raise InvalidInput(f"psi must be a single number, got {psi.size} of them; put the profile in weights")
        object.__setattr__(self, "psi", psi)
        object.__setattr__(self, "weights", _checked_weights(self.weights))

    def weights_for(self, buckets: int) -> Array:
        """w_1..w_N as an array, (N,).

        >>> InventoryRisk(1.0, weights="linear").weights_for(4).tolist()
        [0.25, 0.5, 0.75, 1.0]
        """
        if isinstance(self.weights, np.ndarray):
            return self.weights
        exponent = {"uniform": 0.0, "linear": 1.0}.get(self.weights) if isinstance(self.weights, str) else None
        gamma = self.weights[1] if exponent is None else exponent
        return (np.arange(1, buckets + 1) / buckets) ** gamma if gamma else np.ones(buckets)

    def scaled_weights(self, buckets: int) -> Array:
        """psi w_i for i = 1..N with the last entry zero, (N,): the second derivative by each R_i.

        >>> InventoryRisk(2.0).scaled_weights(3).tolist()
        [2.0, 2.0, 0.0]
        """
        weights = self.psi * self.weights_for(buckets)
        weights[-1] = 0.0
        return weights

    def _charged_weights(self, problem: "Problem") -> Array:
        """psi w_i, (N,), the last entry zero if nothing can be held after the last bucket."""
        buckets = problem.buckets
        complete = problem.order.must_complete
        return self.scaled_weights(buckets) if complete else self.psi * self.weights_for(buckets)

    @staticmethod
    def holding_cost(weight: Any, inventory: Any) -> Any:
        """Dollars for holding `inventory` shares after a bucket with `weight` = psi w_i."""
        return 0.5 * weight * inventory**2

    @staticmethod
    def holding_price(weights: Array, inventory: Array) -> Array:
        """d/dx_j = sum_{i<j} weight_i R_i: a share traded in bucket j is held through every earlier one, (..., N)."""
        price = np.zeros(inventory.shape)
        np.cumsum((weights * inventory)[..., :-1], axis=-1, out=price[..., 1:])
        return price

    def part(self, span: slice, buckets: int) -> "InventoryRisk":
        return InventoryRisk(self.psi, self.weights_for(buckets)[span])

    def with_unfilled(self, buckets: int) -> "InventoryRisk":
        return InventoryRisk(self.psi, np.append(self.weights_for(buckets), 0.0))

    def bucket_costs(self, problem: "Problem", x: Array) -> Array:
        return self.holding_cost(self._charged_weights(problem), problem.inventory(x))

    def gradient(self, problem: "Problem", x: Array) -> Array:
        weights, held = self._charged_weights(problem), problem.inventory(x)
        price = self.holding_price(weights, held)
        return price if problem.order.must_complete else price - weights @ held

    def declare(self, block: Any, model: Any) -> None:
        import pyomo.environ as pyo

        block.psi = pyo.Param(mutable=True)
        block.weight = pyo.Param(model.BUCKETS, mutable=True)
        self.refresh(block, model, model.problem)
        held = list(model.BUCKETS)[: -1 if model.problem.order.must_complete else None]
        block.cost = pyo.Expression(
            expr=pyo.quicksum(self.holding_cost(block.psi * block.weight[i], model.R[i]) for i in held)
        )

    def refresh(self, block: Any, model: Any, problem: "Problem") -> None:
        block.psi.set_value(self.psi)
        weights = self.weights_for(problem.buckets).tolist()
        block.weight.store_values(dict(zip(model.BUCKETS, weights, strict=True)))

    def declare_bound(self, block: Any, model: Any, grid: Grid) -> None:
        weights = self._charged_weights(model.problem) / 2
        declare_squares(block, model.R, weights, [model.problem.inventory(x) for x in grid.schedules])


def inventory(x: Array) -> Array:
    """Shares still to trade after each bucket, sum_{j>i} x_j, (..., N); the last is 0.

    >>> inventory(np.array([3.0, 2.0, 1.0])).tolist()
    [3.0, 1.0, 0.0]
    """
    held = np.zeros(x.shape)
    np.cumsum(x[..., :0:-1], axis=-1, out=held[..., -2::-1])
    return held


def _checked_weights(weights: Any) -> Any:
    if isinstance(weights, str):
        if weights not in ("uniform", "linear"):
            raise unknown_name("weights", weights, ["uniform", "linear", "('power', gamma)"])
        return weights
    if isinstance(weights, (tuple, list)) and len(weights) == 2 and weights[0] == "power":
        return "power", float(nonnegative("weights exponent", weights[1]))
    values = nonnegative("weights", weights)
    if not isinstance(values, np.ndarray):
        raise InvalidInput(f"weights must be a name or one value a bucket, got {weights!r}")
    return values


def volatility_weights(sigma: Any) -> Array:
    """Weights for `InventoryRisk` from a volatility forecast: sigma_i^2 scaled to mean 1.

    Args:
        sigma: volatility of each bucket, (N,), in any unit, >= 0 and not all zero.

    Raises:
        InvalidInput: values that are negative, not finite or all zero.

    >>> volatility_weights([1.0, 1.0, 2.0]).tolist()
    [0.5, 0.5, 2.0]
    """
    variance = np.atleast_1d(nonnegative("sigma", sigma)) ** 2
    if not variance.any():
        raise InvalidInput("sigma must not be zero in every bucket")
    return np.asarray(finite("sigma", variance / variance.mean()))
