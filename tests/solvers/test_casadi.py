"""Pyomo models in casadi: the same values, the same optima, and Pyomo's conventions kept."""

import casadi
import pyomo.environ as pyo
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pyomo.core.expr.numeric_expr import LinearExpression

import optexec as ox
from optexec.solvers.casadi_ipopt import CasadiIpopt
from optexec.solvers.casadi_nlp import CasadiNlp
from optexec.solvers.casadi_symbols import Symbols

QUIET = {"print_level": 0, "sb": "yes"}


def playground():
    m = pyo.ConcreteModel()
    m.x, m.y, m.held = pyo.Var(initialize=0.7), pyo.Var(initialize=-1.3), pyo.Var(initialize=2.5)
    m.held.fix()
    m.p, m.q = pyo.Param(initialize=1.9, mutable=True), pyo.Param(initialize=0.4)
    m.named = pyo.Expression(expr=m.p * m.x + 1)
    return m


EXPRESSIONS = {
    "sum": lambda m: m.x + 2 * m.y - m.p + m.q * m.held,
    "product": lambda m: m.x * m.y * m.p / (m.held + m.x),
    "powers": lambda m: m.x**m.p + m.p**m.x + m.y**2 - m.held**m.q,
    "functions": lambda m: sum(f(m.x) for f in (pyo.exp, pyo.log, pyo.sqrt, pyo.sin, pyo.tanh, pyo.atan, pyo.log10)),
    "absolute": lambda m: abs(m.y) + abs(m.p * m.x),
    "branch": lambda m: pyo.Expr_if(IF=m.y <= 0, THEN=m.x**2, ELSE=m.p),
    "named": lambda m: m.named**2 + m.named * m.y,
    "linear": lambda m: LinearExpression(constant=2.0, linear_coefs=[1.5, m.p], linear_vars=[m.x, m.y]),
    "variable": lambda m: m.x,
    "parameter": lambda m: m.p,
    "number": lambda m: 3.5,
}


@pytest.mark.parametrize("kind", EXPRESSIONS)
@settings(max_examples=20)
@given(st.floats(0.1, 3), st.floats(-3, 3), st.floats(0.2, 3))
def test_an_expression_keeps_its_value(kind, x, y, p):
    m = playground()
    expression, symbols = EXPRESSIONS[kind](m), Symbols()
    value = symbols.read(expression)
    read = casadi.Function("f", [symbols.x, symbols.p], [value])
    m.x, m.y, m.p = x, y, p
    values = [v.value for v in symbols.variables], [v.value for v in symbols.params]
    assert "held" not in [v.name for v in symbols.variables]
    assert float(read(*values)) == pytest.approx(pyo.value(expression), rel=1e-12, abs=1e-12)


def test_a_function_from_outside_is_refused():
    m = playground()
    m.outside = pyo.ExternalFunction(lambda x: 2 * x)
    with pytest.raises(ox.SolverFailure, match="external function"):
        Symbols().read(m.outside(m.x))


def hill(sense, sign):
    m = pyo.ConcreteModel()
    m.x = pyo.Var(bounds=(0, 10), initialize=1.0)
    m.top = pyo.Objective(expr=sign * (m.x - 4) ** 2 + 7, sense=sense)
    return m


@pytest.mark.parametrize(("sense", "sign"), [(pyo.minimize, 1), (pyo.maximize, -1)])
@pytest.mark.parametrize("scaled", [False, True])
def test_both_senses_and_a_scaling_of_ones_own(sense, sign, scaled):
    m = hill(sense, sign)
    m.cap = pyo.Constraint(expr=m.x <= 3)
    if scaled:
        m.scaling_factor = pyo.Suffix(direction=pyo.Suffix.EXPORT)
        m.scaling_factor[m.x], m.scaling_factor[m.top], m.scaling_factor[m.cap] = 0.1, 5.0, 2.0
    results = CasadiIpopt().solve(m, solver_options={"tol": 1e-10})
    assert m.x.value == pytest.approx(3.0, abs=1e-6)
    assert results.incumbent_objective == pytest.approx(7 + sign, abs=1e-6)


@pytest.mark.parametrize(("cap", "feasible"), [(3.0, True), (2.0, False)])
def test_a_constraint_whose_variables_are_all_fixed_is_checked(cap, feasible):
    m = hill(pyo.minimize, 1)
    m.y = pyo.Var(initialize=2.5)
    m.y.fix()
    m.settled = pyo.Constraint(expr=m.y <= cap)
    if feasible:
        CasadiIpopt().solve(m)
        assert m.x.value == pytest.approx(4.0, abs=1e-6)
    else:
        with pytest.raises(RuntimeError, match="Infeasible"):
            CasadiIpopt().solve(m)


def test_multipliers_are_in_the_models_units_whatever_the_scale():
    m = hill(pyo.minimize, 1)
    m.cap = pyo.Constraint(expr=5 * m.x <= 15)
    nlp = CasadiNlp(m)
    for scale in (1.0, 1e4):
        answer = nlp.solve(nlp.units(scale), {**QUIET, "tol": 1e-11})
        assert answer.row_prices == pytest.approx([0.4], rel=1e-5)
        assert answer.values == pytest.approx([3.0])


def test_a_second_solve_reads_bounds_starts_and_fixed_variables_anew():
    m = hill(pyo.minimize, 1)
    nlp = CasadiNlp(m)
    assert nlp.solve(nlp.units(1.0), QUIET).values == pytest.approx([4.0])
    m.x.setub(3.0)
    assert nlp.solve(nlp.units(1.0), QUIET).values == pytest.approx([3.0])
    m.x.fix(2.0)
    assert nlp.solve(nlp.units(1.0), QUIET).values == pytest.approx([2.0])
