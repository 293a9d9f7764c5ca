"""Pyomo expressions in casadi's symbols."""

from collections.abc import Iterable
from typing import Any

import casadi
import pyomo.environ as pyo
from pyomo.common.numeric_types import native_types
from pyomo.core.expr.numeric_expr import Expr_ifExpression, ExternalFunctionExpression, UnaryFunctionExpression
from pyomo.core.expr.visitor import StreamBasedExpressionVisitor

from optexec.models.errors import SolverFailure


def column(entries: Iterable[Any]) -> Any:
    """A column of symbols or expressions, which may be empty.

    >>> column([]).shape, column([casadi.SX.sym("x"), 2.0]).shape
    ((0, 1), (2, 1))
    """
    return casadi.vertcat(casadi.SX(0, 1), *entries)


class Symbols(StreamBasedExpressionVisitor):
    """A casadi symbol for every free variable and every mutable Param that occurs in what it has read.

    Fixed variables and other Params are read as numbers.

    Attributes:
        variables, params: what has occurred so far, in order.

    >>> m = pyo.ConcreteModel()
    >>> m.x, m.p = pyo.Var(), pyo.Param(initialize=2.0, mutable=True)
    >>> symbols = Symbols()
    >>> symbols.read(m.p * pyo.exp(m.x) + 1), [v.name for v in symbols.variables], [p.name for p in symbols.params]
    (SX(((p*exp(x))+1)), ['x'], ['p'])
    """

    def __init__(self) -> None:
        super().__init__(initializeWalker=self._root, beforeChild=self._child, exitNode=self._node)
        self.variables: list[Any] = []
        self.params: list[Any] = []
        self._known: dict[int, Any] = {}

    def read(self, expression: Any) -> Any:
        """The expression in casadi's symbols; a number if it has none.

        Raises:
            SolverFailure: a function that casadi does not have.
        """
        return self.walk_expression(expression)

    @property
    def x(self) -> Any:
        """Symbols of the variables, a column."""
        return column(self._known[id(v)] for v in self.variables)

    @property
    def p(self) -> Any:
        """Symbols of the Params, a column."""
        return column(self._known[id(p)] for p in self.params)

    def _root(self, expression: Any) -> tuple[bool, Any]:
        descend, leaf = self._child(None, expression, 0)
        return descend, expression if descend else leaf

    def _child(self, node: Any, child: Any, index: int) -> tuple[bool, Any]:
        if child.__class__ in native_types:
            return False, child
        if child.is_expression_type():
            return True, None
        symbol = self._known.get(id(child))
        return False, self._leaf(child) if symbol is None else symbol

    def _leaf(self, leaf: Any) -> Any:
        if leaf.is_fixed() and (leaf.is_variable_type() or leaf.is_constant()):
            return pyo.value(leaf)
        kind, letter = (self.variables, "x") if leaf.is_variable_type() else (self.params, "p")
        kind.append(leaf)
        return self._known.setdefault(id(leaf), casadi.SX.sym(letter))

    def _node(self, node: Any, values: list[Any]) -> Any:
        if isinstance(node, ExternalFunctionExpression):
            raise SolverFailure(f"casadi cannot read the external function in {node!s:.80}")
        if isinstance(node, Expr_ifExpression):
            return casadi.if_else(*values)
        if isinstance(node, UnaryFunctionExpression):
            return getattr(casadi, {"abs": "fabs"}.get(node.getname(), node.getname()))(*values)
        return node._apply_operation(values)
