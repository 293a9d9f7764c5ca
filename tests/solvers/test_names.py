"""Names and registries: everything exported resolves, and nothing goes without a test of its own."""

import re
from dataclasses import replace
from pathlib import Path

import pytest

import optexec as ox
from optexec.solvers.dispatch import METHODS

TESTS = Path(__file__).parents[1]


def test_every_name_of_the_stub_resolves():
    assert len(ox.__all__) > 25
    for name in ox.__all__:
        assert getattr(ox, name).__name__ == name
    assert set(ox.__all__) <= set(dir(ox))


def test_an_unknown_name_is_an_attribute_error():
    with pytest.raises(AttributeError, match="solv"):
        ox.solv  # noqa: B018


def test_every_exception_is_an_optexec_error():
    errors = [getattr(ox, n) for n in ox.__all__ if isinstance(getattr(ox, n), type)]
    errors = [e for e in errors if issubclass(e, Exception)]
    assert len(errors) >= 4
    assert all(issubclass(e, ox.OptexecError) for e in errors)


def quoted_names(pattern="test_*.py"):
    """Words in quotes in the tests of the models and the solvers, this file apart."""
    files = [p for room in ("models", "solvers") for p in (TESTS / room).glob(pattern) if p.name != Path(__file__).name]
    return {word for path in files for word in re.findall(r"[\"'](\w+)[\"']", path.read_text())}


@pytest.mark.parametrize("name", METHODS)
def test_every_method_is_called_by_name_in_a_test(name):
    assert name in quoted_names()


def test_every_method_says_why_it_does_not_apply():
    problem = ox.Problem(ox.Order(100), ox.Power([1.0, 2.0], 0.5), ox.objective("C", psi=1.0))
    told = ox.methods(problem)
    assert list(told.frame.index) == list(METHODS)
    assert list(told) == told.frame.index[told.frame["applies"]].tolist()
    for name, row in told.frame.iterrows():
        assert bool(row["obstacle"]) != row["applies"], name
        if not row["applies"]:
            with pytest.raises(ox.InvalidInput, match=re.escape(row["obstacle"])):
                ox.solve(problem, name)


CHOICES = {
    "closed_form": ox.Problem(ox.Order(100), ox.Power([1.0, 2.0], 1.5), ox.objective("A")),
    "waterfill": ox.Problem(ox.Order(100), ox.Power([1.0, 2.0], 1.5), ox.objective("B", rho=1.0)),
    "newton": ox.Problem(ox.Order(100), ox.Power([1.0, 2.0], 1.5), ox.objective("C", psi=1.0)),
    "branch": ox.Problem(ox.Order(100), ox.Power([1.0, 2.0], 0.5), ox.objective("A")),
    "dp": ox.Problem(ox.Order(100, lot=10), ox.Power([1.0, 2.0], 0.5), ox.objective("A")),
}


@pytest.mark.parametrize("method", CHOICES)
def test_auto_chooses_the_special_method(method):
    assert ox.solve(CHOICES[method]).method == method


def test_verify_certifies_every_method_with_the_best_bound():
    problem = ox.Problem(
        ox.Order(1_000), ox.Power([0.01, 0.013, 0.008], 0.6), ox.objective("A"), ox.Limits(maximum=600)
    )
    table = ox.verify(problem)
    assert set(table.index) >= set(ox.methods(problem))
    assert table["objective"].is_monotonic_increasing
    least, bound = table["objective"].min(), table["lower_bound"].max()
    assert (table["lower_bound"] <= least * (1 + 1e-12)).all()
    assert table["excess"].tolist() == pytest.approx((table["objective"] / least - 1).tolist(), abs=1e-12)
    assert table["certified_gap"].tolist() == pytest.approx(((table["objective"] - bound) / least).tolist(), abs=1e-12)
    assert table.loc["twap", "excess"] > 0.1


def test_auto_goes_on_to_the_next_method_when_one_fails(monkeypatch):
    def fails(problem, stop):
        raise ox.SolverFailure("no")

    monkeypatch.setitem(METHODS, "newton", replace(METHODS["newton"], run=fails))
    assert ox.solve(CHOICES["newton"]).method == "ipopt"
    with pytest.raises(ox.SolverFailure):
        ox.solve(CHOICES["newton"], "newton")
