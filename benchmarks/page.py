"""The page of a run, rendered from its JSON record and nothing else."""

from collections.abc import Sequence
from typing import Any

from benchmarks.reporting import markdown, told

TEXT = """# Speed

{met} of {judged} targets met. One run of `make bench` on one core and one thread, one package after the other; every
ratio is of two times of this run. All phases of all packages take turns, {rounds} times; in a turn a phase is repeated
for {seconds:g} seconds and at least {repeats} times, but not once {limit:g} seconds have passed. It counts with its
least time, because whatever else runs on the machine can only add to it; the median stands beside it. Nonconvex
problems of all kinds, with bounds, are on [a page of their own](benchmarks-certified.md).

| phase | from | to |
| --- | --- | --- |
| evaluate | shares | marginal costs of all buckets, one vectorised evaluation |
| declare | data | the package's statement of the problem, such as `ox.Problem` |
| build | statement | model, such as the Pyomo model of `ox.build` |
| translate | model | the solver's own form |
| solve | that form | answer: the solver function alone, on a problem that it has not seen |
| re-solve | the same object | answer, once more; for cvxpy the cached problem with new values of its parameters |
| total | data | answer; for optexec `ox.solve`, from the order on to the certified schedule |

An answer is priced by optexec from its shares, moved onto the limits; the run stops if the price differs from that of
optexec's answer by more than the accuracy stated. "Own" is the solver's own clock. The last column is the time divided
by optexec's for the same phase. cvxpy states powers exactly (`approx=False`), bucket by bucket as the formula reads;
"one cone" is the vectorised power cone that someone writes who knows the cones. SciPy has exact derivatives. IPOPT is
casadi's; Pyomo hands it the model through an NL file.

## Targets

"a by b" is the time of a divided by that of b, for 390 buckets. `waterfill` and `newton` are the solver functions on a
problem that they have not seen (phase solve). The yardstick of an evaluation of the marginals depends on the processor:
numpy's powers are some three times as fast where it has instructions for eight numbers at once (AVX-512).

{claims}

{cases}

## Machine

{machine}; {packages}. The run took {minutes:.1f} minutes.
"""
CLAIMS = ("target", "case", "wanted", "measured", "verdict")
ROWS = ("package", "phase", "least", "median", "runs", "own", "objective $", "differs by", "accuracy", "ratio")
UNITS = {"times": " x", "ms": " ms", "": ""}
VERDICTS = {True: "met", False: "**missed**", None: ""}


def render(record: dict[str, Any]) -> str:
    """The page of a run's record."""
    claims = record["claims"]
    return TEXT.format(
        met=sum(claim["met"] is True for claim in claims),
        judged=sum(claim["met"] is not None for claim in claims),
        claims=markdown(CLAIMS, [_claim(claim) for claim in claims]),
        cases="\n\n".join(_case(case) for case in record["cases"]),
        machine=record["machine"],
        packages=told(record["versions"]),
        minutes=record["seconds"] / 60,
        **record["effort"],
    )


def _claim(claim: dict[str, Any]) -> list[str]:
    unit = UNITS[claim["unit"]]
    wanted = "quoted" if claim["target"] is None else f"{claim['sense']} {claim['target']:,g}{unit}"
    return [claim["text"], claim["case"], wanted, f"{_three_digits(claim['measured'])}{unit}", VERDICTS[claim["met"]]]


def _case(case: dict[str, Any]) -> str:
    sizes = dict.fromkeys(row["size"] for row in case["rows"])
    parts = [f"## {case['name']}", case["text"]]
    for size in sizes:
        rows = [row for row in case["rows"] if row["size"] == size]
        parts += [f"Size {size:,}:", markdown(ROWS, _table(rows))] if len(sizes) > 1 else [markdown(ROWS, _table(rows))]
    return "\n\n".join(parts)


def _table(rows: Sequence[dict[str, Any]]) -> list[list[str]]:
    first = {row["phase"]: row["minimum"] for row in rows if row["side"] == rows[0]["side"]}
    return [_row(row, first) for row in rows]


def _row(row: dict[str, Any], first: dict[str, float]) -> list[str]:
    cells = [row["side"], row["phase"], _time(row["minimum"]), _time(row["median"]), str(row["repeats"])]
    cells += [_cell(_time, row["own_seconds"]), _cell("{:,.6f}".format, row["objective"])]
    cells += [_cell("{:.0e}".format, row["difference"]), _cell("{:.0e}".format, row["accuracy"])]
    return [*cells, f"{_three_digits(row['minimum'] / first[row['phase']])} x" if row["phase"] in first else ""]


def _cell(form: Any, value: float | None) -> str:
    return "" if value is None else form(value)


def _time(seconds: float) -> str:
    """Three digits in the unit that suits."""
    for unit, size in (("s", 1.0), ("ms", 1e-3)):
        if seconds >= size:
            return f"{_three_digits(seconds / size)} {unit}"
    return f"{_three_digits(seconds / 1e-6)} µs"


def _three_digits(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 else f"{value:#.3g}"
