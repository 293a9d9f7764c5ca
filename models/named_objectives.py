"""The objectives that have a name: (A) impact cost, (B) with smoothing, (C) with inventory risk."""

from typing import Any

from optexec.models.errors import InvalidInput, unknown_name
from optexec.models.impact_cost import ImpactCost
from optexec.models.inventory_risk import InventoryRisk
from optexec.models.objective import Objective
from optexec.models.smoothing import Smoothing

PARAMETERS = {"A": (), "B": ("rho",), "C": ("psi", "weights")}
"""What each named objective reads."""


def objective(name: str, **parameters: Any) -> Objective:
    """(A) impact cost, (B) impact cost and smoothing, (C) impact cost and inventory risk.

    Args:
        name: "A", "B" or "C".
        parameters: `rho` for B; `psi` and optionally `weights` for C.

    Raises:
        InvalidInput: an unknown name or parameter, a missing one, a value out of range.

    >>> objective("C", psi=1e-7, weights="linear")
    Objective(terms=(ImpactCost(), InventoryRisk(psi=1e-07, weights='linear')))
    """
    if name not in PARAMETERS:
        raise unknown_name("objective", name, PARAMETERS)
    for given in parameters:
        if given not in PARAMETERS[name]:
            known = ", ".join(PARAMETERS[name]) or "none"
            raise InvalidInput(f"objective {name} has no parameter {given!r}; it reads: {known}")
    if name != "A" and PARAMETERS[name][0] not in parameters:
        raise InvalidInput(f"objective {name} needs {PARAMETERS[name][0]}")
    if name == "A":
        return Objective((ImpactCost(),))
    extra = Smoothing(**parameters) if name == "B" else InventoryRisk(**parameters)
    return ImpactCost() + extra
