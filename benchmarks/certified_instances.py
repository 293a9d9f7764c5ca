"""Twenty-four nonconvex problems from a seeded generator: four kinds of curves, three sizes, with and without risk."""

from collections.abc import Callable

import numpy as np

import optexec as ox
from optexec.models.validation import Array

SEED = 20_260
SHARES = 100_000.0
SIZES = (30, 100, 390)
KINDS = ("power", "saturating", "tabulated", "mixed")
CENTS = 0.02
"""Typical cost of a share, in dollars, in a slice of S/N shares."""
POINTS = 9
"""Points of a tabulated curve."""
LEAST_PSI = {390: 2e-9, 100: 2 * 10**-8.5, 30: 2e-8}
"""Dollars a share squared; each size covers one decade from here, so that the twelve cover two."""
ROOM = 3.0
"""Sum of the caps, in orders."""


def instances() -> dict[str, ox.Problem]:
    """Name ("power-390-C") -> problem, small ones first."""
    return {f"{kind}-{n}-{name}": instance(kind, n, name) for n in SIZES for kind in KINDS for name in ("A", "C")}


def instance(kind: str, buckets: int, objective: str) -> ox.Problem:
    """One problem; (A) and (C) of a kind and size share curves and caps.

    Args:
        kind: "power", "saturating", "tabulated" or "mixed".
        buckets: 30, 100 or 390.
        objective: "A" or "C".
    """
    rng = np.random.default_rng([SEED, KINDS.index(kind), buckets])
    caps = _lognormal(rng, buckets, 0.3)
    caps *= ROOM * SHARES / caps.sum()
    impact = CURVES[kind](rng, caps)
    terms = ox.objective("A") if objective == "A" else ox.objective("C", psi=psi(kind, buckets))
    return ox.Problem(ox.Order(SHARES, side="buy"), impact, terms, ox.Limits(maximum=caps))


def psi(kind: str, buckets: int) -> float:
    """Risk aversion of a (C) problem: four steps of a decade, dealt to the kinds in another order at each size."""
    step = (KINDS.index(kind) + SIZES.index(buckets)) % len(KINDS)
    return float(LEAST_PSI[buckets] * 10 ** (step / (len(KINDS) - 1)))


def _lognormal(rng: np.random.Generator, size: int, sigma: float) -> Array:
    """Factors around 1."""
    return np.exp(sigma * rng.standard_normal(size))


def typical_prices(rng: np.random.Generator, size: int) -> Array:
    """Dollars a share that a slice of S/N costs, by bucket."""
    return CENTS * _lognormal(rng, size, 0.35)


def _power(rng: np.random.Generator, caps: Array) -> ox.Impact:
    """Total cost a x^b with b < 1: concave."""
    b = rng.uniform(0.5, 0.9, len(caps))
    return ox.Power(a=typical_prices(rng, len(caps)) * (SHARES / len(caps)) ** (1 - b), b=b, quoted="total")


def _saturating(rng: np.random.Generator, caps: Array) -> ox.Impact:
    """Slippage a (1 - exp(-b x)) a share that turns from convex to concave at 30-80 % of the cap."""
    b = 2 / (rng.uniform(0.3, 0.8, len(caps)) * caps)
    level = typical_prices(rng, len(caps)) / -np.expm1(-b * SHARES / len(caps))
    return ox.Exponential(a=level, b=b, quoted="per_share")


def _tabulated(rng: np.random.Generator, caps: Array) -> ox.Impact:
    """Points of S-shaped total costs: slopes rise up to a point at 25-75 % of the cap and fall from there on."""
    grid = np.linspace(0.0, 1.0, POINTS)
    peak = rng.integers(2, POINTS - 3, len(caps))
    distance = np.abs(np.arange(POINTS - 1) - peak[:, None]) / (POINTS - 1)
    slopes = typical_prices(rng, len(caps))[:, None] * (0.4 + 1.6 * np.exp(-((distance / 0.3) ** 2)))
    shares = caps[:, None] * grid
    cost = np.cumsum(slopes * np.diff(shares), axis=1)
    return ox.Tabulated(shares=shares, cost=np.hstack([np.zeros((len(caps), 1)), cost]), quoted="total")


def _mixed(rng: np.random.Generator, caps: Array) -> ox.Impact:
    """In turn: half-spread and rising slippage (convex), a power below one, a saturating total (both concave)."""
    typical = SHARES / len(caps)
    prices, exponents = typical_prices(rng, len(caps)), rng.uniform(0.4, 0.9, len(caps))
    return ox.PerBucket(
        [_MIXTURE[k % 3](p, b, typical) for k, (p, b) in enumerate(zip(prices, exponents, strict=True))]
    )


def _convex_bucket(price: float, b: float, typical: float) -> ox.Impact:
    spread = 0.4 * price
    return ox.Linear(float(spread)) + ox.Power(float((price - spread) / typical**b), float(b), quoted="per_share")


def _concave_bucket(price: float, b: float, typical: float) -> ox.Impact:
    return ox.Power(float(price * typical ** (1 - b)), float(b), quoted="total")


def _saturated_bucket(price: float, b: float, typical: float) -> ox.Impact:
    rate = b / typical
    return ox.Exponential(float(price * typical / -np.expm1(-b)), float(rate), quoted="total")


_MIXTURE: tuple[Callable[[float, float, float], ox.Impact], ...] = (
    _convex_bucket,
    _concave_bucket,
    _saturated_bucket,
)
CURVES: dict[str, Callable[[np.random.Generator, Array], ox.Impact]] = {
    "power": _power,
    "saturating": _saturating,
    "tabulated": _tabulated,
    "mixed": _mixed,
}
