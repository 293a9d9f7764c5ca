"""Convex problems: (A), (B) and (C) with an exponent of its own for each bucket, and (C) as a quadratic programme."""

from collections.abc import Callable
from typing import Any

import numpy as np

import optexec as ox
from benchmarks import power_laws
from benchmarks.peers.casadi_nlp import CASADI
from benchmarks.peers.cvxpy_clarabel import BY_BUCKET, BY_CONE
from benchmarks.peers.highs_qp import HIGHS, PYOMO_HIGHS
from benchmarks.peers.pyomo_ipopt import PYOMO
from benchmarks.peers.scipy_minimize import SCIPY_SLSQP, SCIPY_TRUST_CONSTR
from benchmarks.power_laws import PowerLaw
from benchmarks.registry import Answer, Case, Claim, Driver, Side, Times, ratio
from optexec.models.validation import Array
from optexec.solvers.newton import newton
from optexec.solvers.waterfill import waterfill

SMALL, DAY = 13, 390
LONG = (390, 1_560, 6_240, 23_400)
"""Buckets of a day in minutes, in quarters of a minute, and so on down to seconds."""
EVALUATE, SOLVE, TOTAL = ("optexec", "evaluate"), ("optexec", "solve"), ("optexec", "total")
Solver = Callable[[ox.Problem], Array]


def evaluate(law: PowerLaw) -> Callable[[], Any]:
    """The marginal costs of all buckets at one schedule."""
    problem = law.problem()
    x = problem.inside()
    return lambda: problem.impact.marginal(x)


def declare(law: PowerLaw) -> Callable[[], Any]:
    """Data -> `Problem`, from the order on."""
    return law.problem


def solve_by(solver: Solver) -> Driver:
    """The solver function on a fresh `Problem`."""

    def solve(law: PowerLaw) -> Callable[[], Answer]:
        problem = law.problem()
        return lambda: Answer(solver(problem))

    return solve


def re_solve_by(solver: Solver) -> Driver:
    """The solver function on a `Problem` that it has solved before."""

    def re_solve(law: PowerLaw) -> Callable[[], Answer]:
        problem = law.problem()
        solver(problem)
        return lambda: Answer(solver(problem))

    return re_solve


def total(law: PowerLaw) -> Callable[[], Answer]:
    """Data -> certified `Schedule`: order, impact and problem declared, and `ox.solve`."""
    return lambda: Answer(ox.solve(law.problem()).x)


def ours(solver: Solver) -> Side:
    """optexec, with the solver function that `ox.solve` picks."""
    drivers = {"solve": solve_by(solver), "re-solve": re_solve_by(solver)}
    return Side("optexec", {"evaluate": evaluate, "declare": declare, **drivers, "total": total})


def from_declaration(milliseconds: float) -> list[Claim]:
    """What `ox.solve` takes from the data on, certificate included."""
    return [
        Claim(
            "`ox.solve` from the declaration to the certified schedule",
            lambda times: 1e3 * times.seconds(DAY, *TOTAL),
            "at most",
            milliseconds,
            "ms",
        ),
        Claim("the same by the solver function", ratio(DAY, TOTAL, SOLVE)),
    ]


def exponent(times: Times) -> float:
    """p of seconds ~ N^p for the solver function, by least squares on the logarithms."""
    seconds = [times.seconds(size, *SOLVE) for size in LONG]
    return float(np.polyfit(np.log(LONG), np.log(seconds), 1)[0])


SEPARABLE = [
    Claim("`waterfill` by one evaluation of the marginals", ratio(DAY, SOLVE, EVALUATE), "at most", 15),
    Claim("the same on a problem that it has solved before", ratio(DAY, ("optexec", "re-solve"), EVALUATE)),
    Claim(
        "cvxpy + Clarabel, declared and solved, by `waterfill`",
        ratio(DAY, (BY_BUCKET.name, "total"), SOLVE),
        target=5_000,
    ),
    Claim(
        "cvxpy's re-solve of the cached problem by `waterfill`",
        ratio(DAY, (BY_BUCKET.name, "re-solve"), SOLVE),
        target=300,
    ),
    Claim(
        "cvxpy + Clarabel in one cone, declared and solved, by `waterfill`", ratio(DAY, (BY_CONE.name, "total"), SOLVE)
    ),
    Claim("cvxpy's re-solve of the cached one cone by `waterfill`", ratio(DAY, (BY_CONE.name, "re-solve"), SOLVE)),
    *from_declaration(1.5),
]
COUPLED = [
    Claim("Pyomo + IPOPT, declared and solved, by `newton`", ratio(DAY, (PYOMO.name, "total"), SOLVE), target=100),
    Claim(
        "IPOPT's own time alone, of casadi + IPOPT, by `newton`",
        lambda times: times.own_seconds(DAY, CASADI.name, "solve") / times.seconds(DAY, *SOLVE),
        target=15,
    ),
    Claim("exponent p of `newton`'s time ~ N^p from 390 to 23,400 buckets", exponent, "at most", 1.1, ""),
    *from_declaration(3.0),
]
PEERS = (BY_BUCKET, BY_CONE, SCIPY_SLSQP, SCIPY_TRUST_CONSTR, PYOMO, CASADI)
CASES = (
    Case(
        "A",
        "Impact cost, a power law with an exponent in [1.2, 2.2] of its own for each bucket.",
        power_laws.cost,
        (SMALL, DAY),
        (ours(waterfill), *PEERS),
        claims=SEPARABLE,
    ),
    Case(
        "B",
        "The same and smoothing.",
        power_laws.smoothing,
        (SMALL, DAY),
        (ours(waterfill), *PEERS),
        claims=SEPARABLE,
    ),
    Case(
        "C",
        "The same impact and inventory risk.",
        power_laws.inventory_risk,
        (SMALL, *LONG),
        (ours(newton), *PEERS),
        claims=COUPLED,
    ),
    Case(
        "C-quadratic",
        "Inventory risk and impact with every exponent 2: a quadratic programme.",
        power_laws.quadratic,
        (SMALL, DAY),
        (ours(newton), HIGHS, PYOMO_HIGHS),
    ),
)
