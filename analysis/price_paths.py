"""Random paths of the mid: Brownian motion, arithmetic or geometric, with volatility that may be random itself."""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from enum import IntEnum
from typing import Any

import numpy as np

from optexec.models.errors import InvalidInput
from optexec.models.validation import Array, Parameter, common_length, finite, nonnegative, scalar

MOST = 50_000_000
"""Paths times buckets that are drawn at once: 400 MB for each array of them."""


class Stream(IntEnum):
    """Purposes that draw from generators of their own, so that one more of them moves none of the others."""

    PRICE = 0
    VOLATILITY = 1
    VOLUME = 2
    FILLS = 3


@dataclass(frozen=True)
class Draws:
    """The random numbers of a simulation: the same for the same seed, whatever is simulated with them.

    Args:
        buckets: N, >= 1.
        paths: K, >= 2.
        seed: whole number >= 0; it seeds one numpy Generator (PCG64) a stream.
        antithetic: whether path K/2 + k has the price shocks of path k with the other sign, and the same volatility,
            volume and fills. K is then even, >= 4.

    Raises:
        InvalidInput: a number that is not whole or too small, more than `MOST` paths times buckets, antithetic pairs of
            an odd number of paths.

    >>> draws = Draws(buckets=3, paths=4, seed=7, antithetic=True)
    >>> shocks = draws.shocks()
    >>> shocks.shape, bool((shocks[2:] == -shocks[:2]).all())
    ((4, 3), True)
    """

    buckets: int
    paths: int = 10_000
    seed: int = 0
    antithetic: bool = False

    def __post_init__(self) -> None:
        for name, least in (("buckets", 1), ("paths", 2), ("seed", 0)):
            value = getattr(self, name)
            if isinstance(value, bool) or not isinstance(value, (int, np.integer)) or value < least:
                raise InvalidInput(f"{name} must be a whole number, at least {least}, got {value!r:.80}")
        if self.paths * self.buckets > MOST:
            raise InvalidInput(f"paths must be at most {MOST // self.buckets:,} over {self.buckets} buckets")
        if self.antithetic and (self.paths % 2 or self.paths < 4):
            raise InvalidInput(f"paths must be even and at least 4 for antithetic pairs, got {self.paths}")

    def shocks(self) -> Array:
        """Standard normal shocks of the price, (K, N)."""
        drawn = self._generator(Stream.PRICE).standard_normal(self._drawn)
        return np.concatenate([drawn, -drawn]) if self.antithetic else drawn

    def normals(self, stream: Stream) -> Array:
        """Standard normals of another stream, (K, N), the same for both paths of a pair."""
        return self._paired(self._generator(stream).standard_normal(self._drawn))

    def uniforms(self, stream: Stream) -> Array:
        """Uniform numbers in [0, 1), (K, N), the same for both paths of a pair."""
        return self._paired(self._generator(stream).random(self._drawn))

    def estimate(self, values: Array) -> tuple[float, float]:
        """Mean of a result over the paths and its standard error; that of pairs is the error of the pairs' means.

        Args:
            values: one a path, (K,), in the order of the paths.

        >>> Draws(buckets=1, paths=4, antithetic=True).estimate(np.array([1.0, 3.0, 5.0, 3.0]))
        (3.0, 0.0)
        """
        independent = values.reshape(2, -1).mean(axis=0) if self.antithetic else values
        return float(independent.mean()), float(independent.std(ddof=1) / np.sqrt(len(independent)))

    def _generator(self, stream: Stream) -> np.random.Generator:
        return np.random.default_rng([int(stream), int(self.seed)])

    @property
    def _drawn(self) -> tuple[int, int]:
        return self.paths // 2 if self.antithetic else self.paths, self.buckets

    def _paired(self, drawn: Array) -> Array:
        return np.concatenate([drawn, drawn]) if self.antithetic else drawn


def autoregression(noise: Array, persistence: float) -> Array:
    """A stationary AR(1) with the deviation of its noise: h_1 = e_1, h_i = phi h_{i-1} + sqrt(1 - phi^2) e_i.

    Args:
        noise: e, independent Gaussian of one deviation, (K, N).
        persistence: phi, in [0, 1).

    >>> autoregression(np.array([[1.0, 0.0, 5.0]]), 0.6).tolist()
    [[1.0, 0.6, 4.36]]
    """
    states, fresh = noise.copy(), np.sqrt(1 - persistence**2)
    for i in range(1, states.shape[1]):
        states[:, i] = persistence * states[:, i - 1] + fresh * noise[:, i]
    return states


@dataclass(frozen=True)
class LogVolatility:
    """Random volatility: sigma_i times exp(h_i - nu^2), h_i a stationary Gaussian AR(1), independent of the price.

    h_1 ~ N(0, nu^2) and h_i = phi h_{i-1} + nu sqrt(1 - phi^2) eta_i, drawn exactly. The factor's square has mean 1,
    so the variance of the price is on average that of sigma.

    Args:
        deviation: nu, standard deviation of the logarithm of volatility, >= 0.
        persistence: phi, correlation of h from one bucket to the next, in [0, 1).

    Raises:
        InvalidInput: a value out of range.

    Source: Taylor (1986), "Modelling Financial Time Series", the log-AR(1) stochastic volatility model.

    >>> factors = LogVolatility(deviation=0.3, persistence=0.9).factors(Draws(buckets=5, paths=20_000, seed=1))
    >>> factors.shape, bool(abs((factors**2).mean() - 1) < 0.02)
    ((20000, 5), True)
    """

    deviation: float
    persistence: float = 0.0

    def __post_init__(self) -> None:
        scalar(nonnegative, "deviation", self.deviation)
        if not 0 <= scalar(finite, "persistence", self.persistence) < 1:
            raise InvalidInput(f"persistence must be in [0, 1), got {self.persistence!r}")

    def factors(self, draws: Draws) -> Array:
        """What multiplies sigma in each bucket, (K, N)."""
        h = autoregression(self.deviation * draws.normals(Stream.VOLATILITY), self.persistence)
        with np.errstate(over="ignore"):
            return np.exp(h - self.deviation**2)


@dataclass(frozen=True, eq=False)
class PriceModel(ABC):
    """How the mid moves from the start of one bucket to the start of the next.

    Args:
        volatility: sigma_i of the move over bucket i and what follows it until the next, such as a night, >= 0;
            scalar or (N,). `PriceRisk.sigma` is such an array, in dollars.
        drift: mu_i, expected move over the same time, scalar or (N,). A property of the price: positive is dear for a
            buy order and welcome to a sell order.
        random: law by which the volatility moves about sigma; None for volatility that is known.

    Raises:
        InvalidInput: a negative volatility, values that are not finite, arrays of different lengths.
    """

    volatility: Parameter
    drift: Parameter = 0.0
    random: LogVolatility | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "volatility", nonnegative("volatility", self.volatility))
        object.__setattr__(self, "drift", finite("drift", self.drift))
        common_length(self._lengths())

    def paths(self, price: float, draws: Draws) -> Array:
        """Mids at the starts of the buckets and after the last, (K, N+1); the first is `price`, dollars.

        Beyond the range of numbers they are infinite or NaN, which `simulate` refuses.

        Raises:
            InvalidInput: parameters that are not one a bucket.
        """
        common_length({**self._lengths(), "the buckets": draws.buckets})
        sigma: Any = self.volatility if self.random is None else self.volatility * self.random.factors(draws)
        moved = np.zeros((draws.paths, draws.buckets + 1))
        with np.errstate(over="ignore", invalid="ignore"):
            np.cumsum(self._moves(np.asarray(sigma), draws.shocks()), axis=1, out=moved[:, 1:])
            return self._prices(price, moved)

    def _lengths(self) -> dict[str, int]:
        named = {"volatility": self.volatility, "drift": self.drift}
        return {name: len(value) for name, value in named.items() if isinstance(value, np.ndarray)}

    @abstractmethod
    def _moves(self, sigma: Array, shocks: Array) -> Array:
        """Moves of what adds up over the buckets, (K, N)."""

    @abstractmethod
    def _prices(self, price: float, moved: Array) -> Array:
        """Prices once that has moved."""


class Arithmetic(PriceModel):
    """Arithmetic Brownian motion: P_{i+1} = P_i + mu_i + sigma_i xi_i, in dollars a share.

    The model of Almgren and Chriss (2001), eq. 1. Over long horizons the price can fall below 0.

    >>> Arithmetic(volatility=[0.0, 0.0], drift=[0.5, 0.25]).paths(10.0, Draws(buckets=2, paths=2))[0].tolist()
    [10.0, 10.5, 10.75]
    """

    def _moves(self, sigma: Array, shocks: Array) -> Array:
        return self.drift + sigma * shocks

    def _prices(self, price: float, moved: Array) -> Array:
        return price + moved


class Geometric(PriceModel):
    """Geometric Brownian motion: P_{i+1} = P_i exp(mu_i - sigma_i^2/2 + sigma_i xi_i), mu and sigma as fractions.

    Exact at the buckets' starts, no discretisation; the mean of P_{i+1}/P_i is exp(mu_i).

    >>> Geometric(volatility=0.0, drift=np.log(2)).paths(10.0, Draws(buckets=2, paths=2))[0].round(9).tolist()
    [10.0, 20.0, 40.0]
    """

    def _moves(self, sigma: Array, shocks: Array) -> Array:
        return self.drift - sigma**2 / 2 + sigma * shocks

    def _prices(self, price: float, moved: Array) -> Array:
        return price * np.exp(moved)
