"""Published and derived answers, from the acceptance file where there is one and written out for some of them."""

import json
from pathlib import Path

import numpy as np
import pytest

import optexec as ox

PUBLISHED = Path(__file__).parents[2].parent / "shared" / "acceptance" / "published.json"
ALMGREN_CHRISS = {"X": 1e6, "T": 5.0, "N": 5, "sigma": 0.95, "gamma": 2.5e-7, "eta": 2.5e-6, "epsilon": 0.0625}

WRITTEN_OUT = [
    {  # x_i in proportion to a_i^(-1/(b-1)) = 1 / a_i^2
        "id": "A-convex-power",
        "inputs": {
            "shares": 10_000.0,
            "impact": {"family": "Power", "quoted": "total", "a": [1e-6, 2e-6, 3e-6, 4e-6, 5e-6], "b": 1.5},
            "objective": "A",
        },
        "expect": {
            "shares": [6832.416018, 1708.104005, 759.157335, 427.026001, 273.296641],
            "objective": 0.8265842980736916,
            "marginal_price": 0.00012398764471,
            "twap": 1.3416407865,
        },
    },
    {  # every extreme point enumerated
        "id": "A-concave-capped",
        "inputs": {
            "shares": 10_000.0,
            "impact": {
                "family": "Power",
                "quoted": "total",
                "a": [0.01, 0.013, 0.008, 0.011, 0.009, 0.016, 0.012, 0.0105],
                "b": 0.6,
            },
            "limits": {"maximum": [3000, 2500, 2000, 4000, 1500, 3500, 3000, 2000]},
            "objective": "A",
        },
        "expect": {
            "shares": [3000, 0, 2000, 4000, 1000, 0, 0, 0],
            "objective": 4.147214279422068,
            "twap": 6.456082078934781,
        },
    },
    {  # marginals 0.01 + 2e-6 x = 0.017 wherever x > 0: exact arithmetic
        "id": "B-linear",
        "inputs": {
            "shares": 10_000.0,
            "impact": {"family": "Linear", "quoted": "total", "slope": [0.01, 0.012, 0.015, 0.011, 0.03]},
            "objective": "B",
            "rho": 2e-6,
        },
        "expect": {"shares": [3500, 2500, 1000, 3000, 0], "marginal_price": 0.017, "objective": 141.5},
    },
    {  # Almgren and Chriss (2000), Table 1: lambda = 1e-6
        "id": "AC2001-table1-lam1e-06",
        "inputs": {**ALMGREN_CHRISS, "lam": 1e-6},
        "expect": {
            "trades": [
                458044.4456260776,
                252101.33496398717,
                141956.73158821196,
                85755.68621595713,
                62141.801605766035,
            ],
            "holdings": [1e6, 541955.5543739223, 289854.2194099351, 147897.48782172316, 62141.801605766035, 0.0],
            "U": 1275355.558361934,
        },
    },
]


def _from_file(prefixes):
    if not PUBLISHED.exists():
        skip = pytest.mark.skip(reason="shared/acceptance/published.json is not beside the repository")
        return [pytest.param(None, id="file", marks=skip)]
    cases = json.loads(PUBLISHED.read_text())
    return [pytest.param(case, id=f"file-{case['id']}") for case in cases if case["id"].startswith(prefixes)]


def _written(prefixes):
    return [pytest.param(case, id=case["id"]) for case in WRITTEN_OUT if case["id"].startswith(prefixes)]


def declared(inputs):
    """A problem from the inputs of an A or B case."""
    law = dict(inputs["impact"])
    impact = getattr(ox, law.pop("family"))(**law)
    parameters = {"rho": inputs["rho"]} if "rho" in inputs else {}
    limits = ox.Limits(**inputs["limits"]) if "limits" in inputs else None
    terms = ox.objective(inputs["objective"], **parameters)
    return ox.Problem(ox.Order(inputs["shares"]), impact, terms, limits=limits)


def almgren_chriss(p):
    """Table 1 of Almgren and Chriss as terms, and the constant gamma X^2 / 2 that the terms leave out."""
    tau = p["T"] / p["N"]
    temporary = p["eta"] - p["gamma"] * tau / 2
    risk = ox.InventoryRisk(psi=2 * p["lam"] * p["sigma"] ** 2 * tau)
    terms = ox.ImpactCost() + ox.Smoothing(rho=2 * temporary / tau) + risk
    problem = ox.Problem(ox.Order(p["X"]), ox.Linear(p["epsilon"]), terms, buckets=p["N"])
    return problem, p["gamma"] * p["X"] ** 2 / 2


@pytest.mark.parametrize("case", [*_written(("A-", "B-")), *_from_file(("A-", "B-"))])
def test_every_method_with_a_guarantee_reproduces_the_answer(case):
    problem, expect = declared(case["inputs"]), case["expect"]
    frame = ox.methods(problem).frame
    names = frame.index[frame["applies"] & (frame["guarantee"] != "none")]
    assert len(names)
    for name in names:
        schedule = ox.solve(problem, name, gap=1e-8)
        np.testing.assert_allclose(schedule.x, expect["shares"], rtol=1e-6, atol=1e-6 * problem.shares, err_msg=name)
        assert schedule.objective == pytest.approx(expect["objective"], rel=1e-9 if name == "waterfill" else 1e-6)
        assert schedule.lower_bound == pytest.approx(expect["objective"], rel=1e-6), name
        if "marginal_price" in expect and name not in ("milp", "branch"):
            assert schedule.marginal_price == pytest.approx(expect["marginal_price"], rel=1e-6), name
    if "twap" in expect:
        assert ox.solve(problem, "twap").objective == pytest.approx(expect["twap"], rel=1e-9)


@pytest.mark.parametrize("method", ["ipopt", "highs", "newton"])
@pytest.mark.parametrize("case", [*_written("AC2001-table1"), *_from_file("AC2001-table1")])
def test_almgren_chriss_table_1(case, method):
    inputs, expect = case["inputs"], case["expect"]
    problem, permanent = almgren_chriss(inputs)
    schedule = ox.solve(problem, method)
    np.testing.assert_allclose(schedule.x, expect["trades"], rtol=0, atol=1e-6 * inputs["X"])
    np.testing.assert_allclose(schedule.inventory, expect["holdings"][1:], rtol=0, atol=1e-6 * inputs["X"])
    assert schedule.objective + permanent == pytest.approx(expect["U"], rel=1e-6)
    assert schedule.lower_bound + permanent == pytest.approx(expect["U"], rel=1e-6)


def test_higher_risk_aversion_trades_earlier():
    first = []
    for lam in (1e-8, 1e-7, 1e-6, 1e-5):
        problem, _ = almgren_chriss({**ALMGREN_CHRISS, "lam": lam})
        schedule = ox.solve(problem, "highs")
        first.append(schedule.x[0])
    assert np.all(np.diff(first) > 0)
    assert first[0] == pytest.approx(2e5, rel=0.03)
    assert first[-1] > 8e5
