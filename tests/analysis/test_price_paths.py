"""Price paths have the moments of their model, and the same seed gives the same paths whatever else is drawn."""

import numpy as np
import pytest

import optexec as ox
from optexec.analysis.price_paths import Arithmetic, Draws, Geometric, LogVolatility, Stream

SIGMA = np.array([0.1, 0.3, 0.0, 0.2])
DRIFT = np.array([0.05, -0.02, 0.1, 0.0])


def within(sample, expected, errors=4.0):
    """Whether a mean lies within so many standard errors of what it should be."""
    error = sample.std(axis=0, ddof=1) / np.sqrt(len(sample))
    return bool((np.abs(sample.mean(axis=0) - expected) <= errors * error + 1e-12).all())


def test_arithmetic_moves_have_the_mean_and_the_variance_of_each_bucket():
    moves = np.diff(Arithmetic(SIGMA, DRIFT).paths(20.0, Draws(4, 40_000, seed=1)), axis=1)
    assert within(moves, DRIFT)
    assert within((moves - DRIFT) ** 2, SIGMA**2)
    assert within((moves[:, 0] - DRIFT[0]) * (moves[:, 1] - DRIFT[1]), 0.0)


def test_geometric_prices_grow_by_the_drift_and_their_logarithms_have_the_variance():
    prices = Geometric(SIGMA, DRIFT).paths(20.0, Draws(4, 40_000, seed=1))
    assert (prices > 0).all()
    assert within(prices[:, 1:], 20.0 * np.exp(DRIFT.cumsum()))
    returns = np.diff(np.log(prices), axis=1)
    assert within((returns - DRIFT + SIGMA**2 / 2) ** 2, SIGMA**2)


@pytest.mark.parametrize("scale", [1e-3, 1e-5])
def test_geometric_tends_to_arithmetic_as_volatility_falls(scale):
    draws = Draws(4, 500, seed=2)
    fractions = Geometric(scale * SIGMA, scale * DRIFT).paths(20.0, draws)
    dollars = Arithmetic(20 * scale * SIGMA, 20 * scale * DRIFT).paths(20.0, draws)
    assert np.abs(fractions - dollars).max() < 20 * scale**2


def test_every_path_starts_at_the_price():
    for model in (Arithmetic(0.1), Geometric(0.1, random=LogVolatility(0.5, 0.9))):
        assert (model.paths(20.0, Draws(3, 10))[:, 0] == 20.0).all()


def test_random_volatility_keeps_the_variance_and_has_the_stated_correlation():
    law, draws = LogVolatility(deviation=0.5, persistence=0.8), Draws(6, 60_000, seed=3)
    factors = law.factors(draws)
    assert within(factors**2, 1.0)
    h = np.log(factors) + law.deviation**2
    assert within(h**2, 0.25)
    assert within(h[:, 1:] * h[:, :-1], 0.25 * 0.8)
    assert within(h[:, 5] * h[:, 0], 0.25 * 0.8**5)
    moves = np.diff(Arithmetic(0.2, random=law).paths(20.0, draws), axis=1)
    assert within(moves**2, 0.04)
    fourth = (moves / 0.2) ** 4
    assert within(fourth, 3 * np.exp(4 * 0.25), errors=5)


def test_volatility_that_does_not_vary_is_known():
    draws = Draws(4, 10, seed=5)
    still = Arithmetic(SIGMA, random=LogVolatility(0.0, 0.5)).paths(1.0, draws)
    assert np.array_equal(still, Arithmetic(SIGMA).paths(1.0, draws))


def test_the_same_seed_gives_the_same_paths_and_another_seed_others():
    one, again, other = (Arithmetic(SIGMA).paths(1.0, Draws(4, 50, seed)) for seed in (8, 8, 9))
    assert np.array_equal(one, again)
    assert not np.isclose(one[:, 1:2], other[:, 1:2]).any()


def test_more_paths_begin_with_the_same_ones():
    few, many = (Draws(4, paths, seed=1).shocks() for paths in (10, 30))
    assert np.array_equal(few, many[:10])


def test_streams_are_independent():
    draws = Draws(5, 20_000, seed=1)
    shocks, other, third = draws.shocks(), draws.normals(Stream.VOLATILITY), draws.normals(Stream.VOLUME)
    for a, b in ((shocks, other), (shocks, third), (other, third)):
        assert within(a * b, 0.0)


def test_antithetic_pairs_mirror_the_price_and_share_the_rest():
    draws = Draws(4, 100, seed=1, antithetic=True)
    model = Arithmetic(SIGMA, DRIFT, LogVolatility(0.4, 0.5))
    first, second = np.split(model.paths(20.0, draws), 2)
    assert np.allclose((first + second) / 2, 20.0 + np.append(0, DRIFT.cumsum()))
    for drawn in (draws.normals(Stream.VOLUME), draws.uniforms(Stream.FILLS)):
        assert np.array_equal(*np.split(drawn, 2))


def test_the_standard_error_is_that_of_independent_repetitions():
    means, errors = [], []
    for seed in range(400):
        draws = Draws(1, 40, seed, antithetic=True)
        mean, error = draws.estimate(np.exp(draws.shocks()[:, 0]))
        means.append(mean)
        errors.append(error)
    assert np.sqrt(np.mean(np.square(errors))) == pytest.approx(np.std(means), rel=0.15)


@pytest.mark.parametrize(
    ("make", "told"),
    [
        (lambda: Draws(0), "buckets must be a whole number, at least 1, got 0"),
        (lambda: Draws(3, 1), "paths must be a whole number, at least 2, got 1"),
        (lambda: Draws(3, 10.0), "paths must be a whole number"),
        (lambda: Draws(3, 10, -1), "seed must be a whole number, at least 0, got -1"),
        (lambda: Draws(3, 10, True), "seed must be a whole number"),
        (lambda: Draws(3, 11, antithetic=True), "paths must be even and at least 4 for antithetic pairs, got 11"),
        (lambda: Draws(390, 10**9), "paths must be at most 128,205 over 390 buckets"),
        (lambda: Arithmetic(-0.1), "volatility must be >= 0, got -0.1"),
        (lambda: Geometric([0.1, float("nan")]), r"volatility\[1\] must be finite"),
        (lambda: Arithmetic(0.1, "fast"), "drift must be a number"),
        (lambda: Arithmetic([0.1, 0.2], [0.0] * 3), "arrays of different lengths: volatility has 2, drift has 3"),
        (lambda: Arithmetic([0.1, 0.2]).paths(1.0, Draws(3, 10)), "volatility has 2, the buckets has 3"),
        (lambda: LogVolatility(-1.0), "deviation must be >= 0"),
        (lambda: LogVolatility(0.1, 1.0), r"persistence must be in \[0, 1\), got 1.0"),
    ],
)
def test_what_is_refused(make, told):
    with pytest.raises(ox.InvalidInput, match=told):
        make()
