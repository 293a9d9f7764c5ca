"""A declaration as plain JSON data and back, to the last bit."""

from dataclasses import asdict
from typing import Any

import numpy as np
import pandas as pd

from optexec.data.impact_record import impact_from, impact_record
from optexec.models.errors import InvalidInput
from optexec.models.impact_cost import ImpactCost
from optexec.models.inventory_risk import InventoryRisk
from optexec.models.limits import NAMES, Limits
from optexec.models.objective import Objective, Term
from optexec.models.order import Order
from optexec.models.problem import Problem
from optexec.models.smoothing import Smoothing

TERMS: dict[str, Any] = {term.name: term for term in (ImpactCost, Smoothing, InventoryRisk)}


def declaration_record(problem: Problem) -> dict[str, Any]:
    """What `declaration_from` makes the same declaration of; labels other than numbers become text.

    Raises:
        InvalidInput: impact or terms of one's own, which cannot be written down.

    >>> import optexec as ox
    >>> problem = ox.Problem(ox.Order(900), ox.Linear(0.01), ox.objective("B", rho=1e-6), buckets=3)
    >>> record = declaration_record(problem)
    >>> record["terms"], record["index"]
    ([{'name': 'impact'}, {'name': 'smoothing', 'rho': 1e-06}], [1, 2, 3])
    >>> declaration_from(record)
    <Problem: Order(shares=900.0) over 3 buckets, impact + smoothing>
    """
    return {
        "order": asdict(problem.order),
        "impact": impact_record(problem.impact),
        "terms": [_term_record(term) for term in problem.terms],
        "limits": {name: plain(getattr(problem.limits, name)) for name in NAMES},
        "index": [label if isinstance(label, int | float) else str(label) for label in problem.index.tolist()],
        "labels": str(problem.index.name),
    }


def declaration_from(record: dict[str, Any]) -> Problem:
    """The declaration that a record tells.

    Raises:
        InvalidInput, InfeasibleOrder: as `Problem`.

    >>> import optexec as ox
    >>> problem = ox.Problem(ox.Order(0.3), ox.Linear([0.1, 0.2]), ox.objective("C", psi=1e-6, weights="linear"))
    >>> declaration_from(declaration_record(problem)).terms.find(ox.InventoryRisk)
    InventoryRisk(psi=1e-06, weights='linear')
    """
    terms = [TERMS[term["name"]](**{n: v for n, v in term.items() if n != "name"}) for term in record["terms"]]
    return Problem(
        Order(**record["order"]),
        impact_from(record["impact"]),
        Objective(tuple(terms)),
        Limits(**record["limits"]),
        pd.Index(record["index"], name=record["labels"]),
    )


def plain(value: Any) -> Any:
    """Arrays as lists, anything else as it is.

    >>> plain(np.ones(2)), plain(None)
    ([1.0, 1.0], None)
    """
    return value.tolist() if isinstance(value, np.ndarray) else value


def _term_record(term: Term) -> dict[str, Any]:
    if type(term) not in TERMS.values():
        raise InvalidInput(f"a term of class {type(term).__name__} cannot be written down; use those of optexec")
    return {"name": term.name, **{name: plain(value) for name, value in vars(term).items()}}
