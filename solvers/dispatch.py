"""The methods, what each needs, and the choice among them."""

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any, overload

import pandas as pd

from optexec.models.errors import InvalidInput, SolverFailure, unknown_name
from optexec.models.problem import Problem
from optexec.models.schedule import Schedule
from optexec.models.validation import Array, positive_number
from optexec.solvers import baselines, branch, closed_form, dp, newton, waterfill
from optexec.solvers.answer import Answer
from optexec.solvers.evaluation import GAP, certified, in_lots, shares_from
from optexec.solvers.feasible import only_schedule
from optexec.solvers.scaling import typical_objective


@dataclass(frozen=True, eq=False)
class Search:
    """When to stop, relative gap and seconds, and shares to start from, (N,), if there are any."""

    gap: float
    time_limit: float
    start: Array | None = None


@dataclass(frozen=True)
class Method:
    """A way from a problem to a schedule.

    Args:
        name: as in `solve(problem, method=name)`.
        guarantee: what it promises of its answer, "none" for baselines.
        reason: why it does not apply to a problem whose slices may have any size; empty if it does.
        run: problem and search -> answer.
        keeps_smallest: whether its slices are 0 or at least `limits.smallest`.
        fills: whether it trades all that the limits allow, whatever unfilled shares cost. Other methods see an order
            that need not complete as `completed`.
    """

    name: str
    guarantee: str
    reason: Callable[[Problem], str]
    run: Callable[[Problem, Search], Answer]
    keeps_smallest: bool = False
    fills: bool = False

    def obstacle(self, problem: Problem) -> str:
        """Why it does not apply to a problem; empty if it does."""
        if problem.semicontinuous and not self.keeps_smallest:
            return "slices must be 0 or at least limits.smallest: use dp or milp"
        if self.fills and not problem.hi.any():
            return "the limits allow no trade"
        return self.reason(self._seen(problem))

    def answer(self, problem: Problem, search: Search) -> Answer:
        """Its answer over the buckets of `problem.completed`."""
        answer = self.run(self._seen(problem), search)
        return replace(answer, x=problem.with_unfilled(answer.x)) if self.fills else answer

    def _seen(self, problem: Problem) -> Problem:
        return _filled(problem) if self.fills else problem.completed


def _filled(problem: Problem) -> Problem:
    """A problem whose order must complete; of an order that need not, as many shares as the limits allow."""
    if problem.order.must_complete:
        return problem
    most = min(problem.shares, float(problem.hi.sum()))
    return problem.replace(order=replace(problem.order.in_full(), shares=most, lot=None))


def _convex(problem: Problem) -> str:
    return "" if problem.convex else "the impact is not convex in every bucket: a local solver proves nothing"


def _quadratic(problem: Problem) -> str:
    if reason := _convex(problem):
        return reason
    terms = all(term.quadratic or term.name == "impact" for term in problem.terms)
    return "" if terms and problem.charged_impact.quadratic else "the objective is not linear or quadratic"


def _always(problem: Problem) -> str:
    return ""


def _by_highs(problem: Problem, search: Search) -> Answer:
    from optexec.models.formulation import build
    from optexec.solvers.highs import run_highs

    model = build(problem)
    answer = run_highs(model, objective_scale=typical_objective(problem), time_limit=search.time_limit)
    if not answer.found:
        raise SolverFailure(f"HiGHS found no schedule ({answer.status}); use method='auto'")
    return Answer(shares_from(model), stopped="" if answer.status == "optimal" else answer.status)


def _by_ipopt(problem: Problem, search: Search) -> Answer:
    from optexec.models.formulation import build
    from optexec.solvers.ipopt import run_ipopt

    only = only_schedule(problem)
    if only is not None:
        return Answer(only)
    model = build(problem)
    status = run_ipopt(model, objective_scale=typical_objective(problem), time_limit=search.time_limit)
    return Answer(shares_from(model), stopped="" if status == "optimal" else status)


def _by_milp(problem: Problem, search: Search) -> Answer:
    from optexec.solvers.milp import milp

    return milp(problem, search.gap, search.time_limit)


def _by_branch(problem: Problem, search: Search) -> Answer:
    return branch.branch(problem, search.gap, search.time_limit)


def _by_dp(problem: Problem, search: Search) -> Answer:
    policy = dp.backward(problem, search.time_limit)
    return Answer(policy.schedule(), policy.cost)


def _by_newton(problem: Problem, search: Search) -> Answer:
    return Answer(newton.newton(problem, search.start))


def _direct(function: Callable[[Problem], Array]) -> Callable[[Problem, Search], Answer]:
    return lambda problem, search: Answer(function(problem))


METHODS = {
    method.name: method
    for method in (
        Method("closed_form", "exact", closed_form.obstacle, _direct(closed_form.closed_form)),
        Method("waterfill", "optimal to 1e-9", waterfill.obstacle, _direct(waterfill.waterfill)),
        Method("newton", "optimal to 1e-9", newton.obstacle, _by_newton),
        Method("ipopt", "optimal to IPOPT's tolerance", _convex, _by_ipopt),
        Method("highs", "optimal to HiGHS's tolerance", _quadratic, _by_highs),
        Method("dp", "exact on the lot grid", dp.obstacle, _by_dp, keeps_smallest=True),
        Method("branch", "global, within the gap", branch.obstacle, _by_branch),
        Method("milp", "global, within the gap", branch.unknown_curvature, _by_milp, keeps_smallest=True),
        Method("twap", "none", _always, _direct(baselines.twap), fills=True),
        Method("vwap", "none", baselines.needs_volume, _direct(baselines.vwap), fills=True),
        Method("pov", "none", baselines.needs_volume, _direct(baselines.pov), fills=True),
        Method("front_loaded", "none", _always, _direct(baselines.front_loaded), fills=True),
        Method("exponential", "none", _always, _direct(baselines.exponential), fills=True),
        Method("best_bucket", "none", _always, _direct(baselines.best_bucket)),
        Method("greedy", "none", _always, _direct(baselines.greedy)),
    )
}
PREFERENCE = ("dp", "closed_form", "waterfill", "newton", "ipopt", "branch", "milp")
"""What `method="auto"` tries, in this order."""


class Methods(Sequence[str]):
    """The methods that apply to a problem, and why the others do not.

    It is a sequence of names; `frame` has every method with its guarantee and the reason why it does not apply.
    """

    def __init__(self, problem: Problem) -> None:
        rows = [(m.name, m.guarantee, m.obstacle(problem)) for m in METHODS.values()]
        self.frame = pd.DataFrame(rows, columns=["method", "guarantee", "obstacle"]).set_index("method")
        self.frame.insert(0, "applies", self.frame["obstacle"] == "")
        self._names = [name for name, _, obstacle in rows if not obstacle]

    @overload
    def __getitem__(self, key: int) -> str: ...
    @overload
    def __getitem__(self, key: slice) -> list[str]: ...
    def __getitem__(self, key: Any) -> Any:
        return self._names[key]

    def __len__(self) -> int:
        return len(self._names)

    def __iter__(self) -> Iterator[str]:
        return iter(self._names)

    def __repr__(self) -> str:
        return self.frame.to_string()


def methods(problem: Problem) -> Methods:
    """The methods that apply to a problem, and why the others do not.

    Args:
        problem: the declaration.

    Returns:
        Names, in the order of `verify`; `frame` has every method, what it promises, and its obstacle.

    >>> import optexec as ox
    >>> concave = ox.Problem(ox.Order(300), ox.Power(a=[1.0, 2.0], b=0.5), ox.objective("A"))
    >>> list(methods(concave))
    ['branch', 'milp', 'twap', 'front_loaded', 'exponential', 'best_bucket', 'greedy']
    >>> methods(concave).frame.loc["vwap", "obstacle"]
    'limits.volume is not given'
    """
    return Methods(problem)


def solve(
    problem: Problem, method: str = "auto", gap: float = GAP, time_limit: float = 60.0, start: Any = None
) -> Schedule:
    """Solve a problem and certify the answer.

    Args:
        problem: the declaration.
        method: a name from `methods(problem)`; "auto" takes the first of dp (orders in lots), closed_form,
            waterfill, newton, ipopt, branch and milp that applies and gives an answer.
        gap: relative gap at which a global search stops, and at or below which a schedule is called optimal.
        time_limit: seconds for each of the methods that can be stopped (ipopt, highs, dp, branch, milp).
        start: a schedule, or shares (N,), near the optimum, such as that of the same order some minutes ago. newton
            takes fewer steps from there; the other methods do without. It may break the limits.

    Returns:
        The schedule; `status` and `method` say what was done.

    Raises:
        InvalidInput: an unknown method, or one that does not apply, with the reason.
        InfeasibleOrder: limits that hold the order in shares but not in whole lots or least slices.
        SolverFailure: the solver gave no usable schedule.

    >>> import optexec as ox
    >>> problem = ox.Problem(ox.Order(300), ox.Power(a=[1.0, 2.0], b=2.0), ox.objective("B", rho=2.0))
    >>> schedule = solve(problem)
    >>> schedule.method, schedule.status, schedule.shares.round(6).tolist()
    ('waterfill', 'optimal', [180.0, 120.0])
    """
    gap, time_limit = positive_number("gap", gap), positive_number("time_limit", time_limit)
    search = Search(gap, time_limit, starting_shares(problem, start))
    candidates = choose(problem, method)
    started = time.perf_counter()
    chosen, answer = _first_answer(candidates, problem, search)
    seconds = time.perf_counter() - started
    whole = problem.completed
    return certified(
        whole,
        answer.x,
        in_lots(whole, answer.x),
        method=chosen.name,
        lower_bound=answer.lower_bound,
        stopped=answer.stopped,
        gap=search.gap,
        seconds=seconds,
    ).of(problem)


def starting_shares(problem: Problem, start: Any) -> Array | None:
    """Shares near the optimum that a user gives, a schedule or (N,), over the buckets of `problem.completed`."""
    if start is None:
        return None
    return problem.with_unfilled(problem.as_shares(start.x if isinstance(start, Schedule) else start))


def _first_answer(candidates: Sequence[Method], problem: Problem, search: Search) -> tuple[Method, Answer]:
    """The first method that gives an answer, and the answer; the last one's failure if none does."""
    for method in candidates[:-1]:
        with suppress(SolverFailure):
            return method, method.answer(problem, search)
    return candidates[-1], candidates[-1].answer(problem, search)


def choose(problem: Problem, name: str) -> list[Method]:
    """What to try, in this order: the named method, or for "auto" all those of `PREFERENCE` that apply.

    Raises:
        InvalidInput: an unknown method, or one that does not apply, with the reason.

    >>> import optexec as ox
    >>> problem = ox.Problem(ox.Order(300), ox.Power(a=[1.0, 2.0], b=2.0), ox.objective("C", psi=1.0))
    >>> [method.name for method in choose(problem, "auto")]
    ['newton', 'ipopt', 'branch', 'milp']
    """
    if name == "auto":
        applies = [METHODS[n] for n in PREFERENCE if not METHODS[n].obstacle(problem)]
        if not applies:
            raise InvalidInput("no method with a guarantee applies; see optexec.methods(problem)")
        return applies
    if name not in METHODS:
        raise unknown_name("method", name, ["auto", *METHODS])
    if reason := METHODS[name].obstacle(problem):
        raise InvalidInput(f"method {name!r} does not apply: {reason}; methods that do: {', '.join(methods(problem))}")
    return [METHODS[name]]
