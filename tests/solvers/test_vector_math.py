"""The exponential and logarithm of compiled loops against those of the C library, in more digits."""

import re

import numba
import numpy as np
import pytest

from optexec.solvers import vector_math

EPS = np.finfo(float).eps


@numba.njit(error_model="numpy")
def exps(t, out):
    for i in range(len(t)):
        out[i] = vector_math.exp(t[i])


@numba.njit(error_model="numpy")
def logs(x, out):
    for i in range(len(x)):
        out[i] = vector_math.log(x[i])


def values(function, at):
    out = np.empty_like(at)
    function(at, out)
    return out


@pytest.mark.parametrize("half_width", [708.0, 1.0, 1e-3, 1e-9])
def test_exponentials_are_right_to_the_last_digit(half_width):
    t = np.random.default_rng(1).uniform(-half_width, half_width, 200_000)
    exact = np.exp(t.astype(np.longdouble))
    assert np.max(np.abs(values(exps, t) / exact - 1)) <= EPS


@pytest.mark.parametrize(("low", "high"), [(-307.6, 308.2), (-1.0, 1.0), (-1e-3, 1e-3), (-1e-9, 1e-9)])
def test_logarithms_are_right_to_the_last_digit(low, high):
    x = 10 ** np.random.default_rng(2).uniform(low, high, 200_000)
    x = x[x != 1]
    exact = np.log(x.astype(np.longdouble))
    assert np.max(np.abs(values(logs, x) / exact - 1)) <= EPS


def test_where_mantissas_and_powers_of_two_change():
    k = np.arange(-1021.0, 1023.0)
    steps = np.concatenate(
        [x * 2.0**k for x in (1.0, 1 - EPS / 2, 1 + EPS, np.sqrt(0.5), np.nextafter(np.sqrt(0.5), 0))]
    )
    exact = np.log(steps.astype(np.longdouble))
    found = values(logs, steps)
    assert np.all(np.abs(found - exact) <= EPS * np.abs(exact))
    halves = np.concatenate([np.log(2.0) * (np.arange(-1020.0, 1022.0) + part) for part in (-0.5, 0.0, 0.5)])
    assert values(exps, halves) == pytest.approx(np.exp(halves), rel=2 * EPS, abs=0)


def test_beyond_their_range_exponentials_stay_at_its_ends():
    ends = values(exps, np.array([vector_math.LEAST, vector_math.MOST]))
    beyond = values(exps, np.array([-1e300, -np.inf, 1e300, np.inf]))
    assert beyond.tolist() == [ends[0], ends[0], ends[1], ends[1]]
    assert 0 < ends[0] < 1e-307 < 1e307 < ends[1] < np.inf


def test_loops_with_them_are_vectorised():
    """What they are for; on processors whose instructions work on several numbers of 64 bits."""
    for function in (exps, logs):
        function(np.ones(8), np.ones(8))
        code = function.inspect_llvm(function.signatures[0])
        assert re.search(r"fmul [a-z ]*<[248] x double>", code)
