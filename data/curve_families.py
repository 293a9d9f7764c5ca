"""The families of curves that are fitted to slippage, and the impacts that they are."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

import pandas as pd

from optexec.data.separable_fit import EXPONENTIAL, LINEAR, POWER, Shape
from optexec.models.errors import InvalidInput, unknown_name
from optexec.models.families import Exponential, Linear, Power
from optexec.models.impact import Impact

PARAMETERS = ("half_spread", "a", "b")


@dataclass(frozen=True)
class CurveFamily:
    """A family of curves g(x) = half_spread + a f(x; b), and the impact that they are.

    Args:
        shape: f.
        quoted: what g is: the cost of a share ("per_share") or of all x ("total").
        impact: the impact a f(x; b) from a, b and `quoted`.
        half_spread: "none" (it is 0), "measured" (the mean of the snapshots') or "fitted"; per share only.

    >>> FAMILIES["fitted_spread_power"].unknowns
    3
    """

    shape: Shape
    quoted: str
    impact: Callable[[Any, Any, str], Impact]
    half_spread: str = "none"

    @property
    def unknowns(self) -> int:
        """How many parameters are fitted to the points."""
        return 1 + (self.shape.bounds is not None) + (self.half_spread == "fitted")


def _straight(a: Any, b: Any, quoted: str) -> Impact:
    return Linear(a, quoted)


FAMILIES: Mapping[str, CurveFamily] = MappingProxyType(
    {
        "linear_per_share": CurveFamily(LINEAR, "per_share", _straight),
        "linear_total": CurveFamily(LINEAR, "total", _straight),
        "power_per_share": CurveFamily(POWER, "per_share", Power),
        "power_total": CurveFamily(POWER, "total", Power),
        "exponential_per_share": CurveFamily(EXPONENTIAL, "per_share", Exponential),
        "exponential_total": CurveFamily(EXPONENTIAL, "total", Exponential),
        "half_spread_power": CurveFamily(POWER, "per_share", Power, "measured"),
        "fitted_spread_power": CurveFamily(POWER, "per_share", Power, "fitted"),
    }
)
"""The families that are fitted, by name: `power_total` is a x^b as the cost of all x shares; a new one is one entry."""


def family_of(fits: pd.DataFrame) -> CurveFamily:
    """Return the one family of the rows of a fit table.

    Raises:
        InvalidInput: for rows of several families, or of one that is not in `FAMILIES`.

    >>> family_of(pd.DataFrame({"family": ["power_total", "power_total"]})).quoted
    'total'
    """
    names = list(fits["family"].unique())
    if len(names) != 1:
        raise InvalidInput(f"the fits are of {len(names)} families; take those of one, fits[fits['family'] == name]")
    return family_named(names[0])


def family_named(name: str) -> CurveFamily:
    """Return the family of this name; another raises `InvalidInput`.

    >>> family_named("power")
    Traceback (most recent call last):
    ...
    optexec.models.errors.InvalidInput: unknown curve family 'power'; ...
    """
    if name not in FAMILIES:
        raise unknown_name("curve family", name, FAMILIES)
    return FAMILIES[name]
