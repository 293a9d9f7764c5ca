"""Many orders at once: power laws of their own for each of M orders over a day of minutes."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np

import optexec as ox
from benchmarks import power_laws
from benchmarks.certified_instances import SEED, SHARES
from benchmarks.power_laws import PowerLaw
from benchmarks.registry import Answer, Case, Claim, Driver, Side, ratio
from optexec.models.validation import Array
from optexec.solvers.batches import CHUNK
from optexec.solvers.block import Block
from optexec.solvers.newton import newton, optimum
from optexec.solvers.waterfill import clear, waterfill

DAY = 390
SIZES = (4, 1_000, 10_000)
"""Orders."""
MANY, LOOP, ALONE, ARRAYS = "`solve_many`", "a loop of `ox.solve`", "the solver function in a loop", "array form"


@dataclass(frozen=True, eq=False)
class Orders:
    """M orders of a tenth to ten times `SHARES`, each with its own curves."""

    laws: Sequence[PowerLaw]

    def problems(self) -> list[ox.Problem]:
        return [law.problem() for law in self.laws]

    def price(self, found: Sequence[Array]) -> float:
        """Sum of the objectives of one array of shares an order, (M, N)."""
        return sum(law.price(x) for law, x in zip(self.laws, found, strict=True))


def orders(number: int, law: Callable[[int], PowerLaw]) -> Orders:
    """A number of orders like `law`, from a seeded generator."""
    rng = np.random.default_rng([SEED, number])
    typical = law(DAY)
    laws = []
    for _ in range(number):
        size = 10.0 ** rng.uniform(-1, 1)
        b = rng.permutation(typical.b)
        a = rng.permutation(typical.a * (SHARES / DAY) ** typical.b) * (size * SHARES / DAY) ** -b
        laws.append(PowerLaw(a, b, typical.rho / size, typical.psi / size, size * SHARES))
    return Orders(laws)


def by_many(declared: Orders) -> Callable[[], Answer]:
    """`solve_many`, certificates included."""
    problems = declared.problems()
    return lambda: Answer([schedule.x for schedule in ox.solve_many(problems)])


def by_loop(declared: Orders) -> Callable[[], Answer]:
    """`ox.solve` for one order after the other."""
    problems = declared.problems()
    return lambda: Answer([ox.solve(problem).x for problem in problems])


def alone_by(solver: Callable[[ox.Problem], Array]) -> Driver:
    """The solver function for one order after the other."""

    def solve(declared: Orders) -> Callable[[], Answer]:
        problems = declared.problems()
        return lambda: Answer([solver(problem) for problem in problems])

    return solve


def arrays_by(solver: Callable[[Block], Array]) -> Driver:
    """The solver function on blocks of orders, stacked beforehand."""

    def solve(declared: Orders) -> Callable[[], Answer]:
        problems, together = declared.problems(), CHUNK // DAY
        chunks = [problems[k : k + together] for k in range(0, len(problems), together)]
        blocks = [Block.stack(chunk) for chunk in chunks]
        return lambda: Answer([x for block in blocks for x in solver(block)])

    return solve


def evaluate(declared: Orders) -> Callable[[], object]:
    """The marginal costs of all orders, one order after the other."""
    problems = declared.problems()
    starts = [problem.inside() for problem in problems]
    return lambda: [problem.impact.marginal(x) for problem, x in zip(problems, starts, strict=True)]


def sides(alone: Callable[[ox.Problem], Array], arrays: Callable[[Block], Array]) -> list[Side]:
    """Ways through a batch, by the solver for one order and for a block."""
    return [
        Side(MANY, {"evaluate": evaluate, "solve": by_many}),
        Side(ARRAYS, {"solve": arrays_by(arrays)}),
        Side(ALONE, {"solve": alone_by(alone)}, largest=1_000),
        Side(LOOP, {"solve": by_loop}, largest=1_000),
    ]


MARGINALS = Claim(
    "array form by one evaluation of the marginals, an order",
    ratio(1_000, (ARRAYS, "solve"), (MANY, "evaluate")),
    "at most",
    8,
)
FUNCTION = Claim("`newton` in a loop by the array form", ratio(1_000, (ALONE, "solve"), (ARRAYS, "solve")), target=2)
SOLVES = [
    Claim("a loop of `ox.solve` by the array form", ratio(1_000, (LOOP, "solve"), (ARRAYS, "solve")), target=10),
    Claim(
        "a loop of `ox.solve` by `solve_many`, certificates included", ratio(1_000, (LOOP, "solve"), (MANY, "solve"))
    ),
]
CASES = tuple(
    Case(
        f"batch-{name}",
        f"{text} for M orders over {DAY} buckets.",
        partial(orders, law=law),
        SIZES,
        ways,
        claims=claims,
    )
    for name, text, law, ways, claims in (
        ("A", "Impact cost", power_laws.cost, sides(waterfill, clear), [MARGINALS, *SOLVES]),
        ("B", "Impact cost and smoothing", power_laws.smoothing, sides(waterfill, clear), [MARGINALS, *SOLVES]),
        ("C", "Impact cost and inventory risk", power_laws.inventory_risk, sides(newton, optimum), [FUNCTION, *SOLVES]),
    )
)
