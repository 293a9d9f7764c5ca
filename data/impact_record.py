"""Impact curves as plain JSON data and back, to the last bit."""

from typing import Any

import numpy as np

from optexec.models.errors import InvalidInput
from optexec.models.families import Exponential, Family, Linear, Power
from optexec.models.impact import Impact, Sum
from optexec.models.per_bucket import PerBucket
from optexec.models.tabulated import Tabulated

FAMILIES: dict[str, Any] = {family.__name__: family for family in (Linear, Power, Exponential, Tabulated)}


def impact_record(impact: Impact) -> dict[str, Any]:
    """What `impact_from` makes the same impact of.

    Raises:
        InvalidInput: an impact that is not made of the families.

    >>> import optexec as ox
    >>> impact_record(ox.Linear([0.01, 0.02]))
    {'family': 'Linear', 'quoted': 'total', 'slope': [0.01, 0.02]}
    """
    if isinstance(impact, Sum):
        return {"sum": [impact_record(part) for part in impact.parts]}
    if isinstance(impact, PerBucket):
        groups = [{"buckets": at.tolist(), "impact": impact_record(part)} for at, part in impact.groups]
        return {"per_bucket": groups}
    if not isinstance(impact, Family) or type(impact).__name__ not in FAMILIES:
        raise InvalidInput(f"an impact of class {type(impact).__name__} cannot be written down; use the families")
    values = {name: np.asarray(value).tolist() for name, value in impact.parameters.items()}
    return {"family": type(impact).__name__, "quoted": impact.quoted, **values}


def impact_from(record: dict[str, Any]) -> Impact:
    """The impact that a record tells.

    >>> import optexec as ox
    >>> mixed = ox.PerBucket([ox.Linear(0.01), ox.Power(a=1.0, b=0.5) + ox.Linear(0.1)])
    >>> impact_from(impact_record(mixed))
    PerBucket([Linear(slope=0.01, quoted='total'), Power(a=1.0, b=0.5, quoted='total') + Linear(slope=0.1, ...)])
    """
    if "sum" in record:
        return Sum(tuple(impact_from(part) for part in record["sum"]))
    if "per_bucket" in record:
        groups = [(np.array(group["buckets"]), impact_from(group["impact"])) for group in record["per_bucket"]]
        return PerBucket.of_groups(groups)
    parameters = {name: value for name, value in record.items() if name != "family"}
    if record["family"] == "Tabulated":
        parameters["cost"] = parameters.pop("cost_at")
    made: Impact = FAMILIES[record["family"]](**parameters)
    return made
