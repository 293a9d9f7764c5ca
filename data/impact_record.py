"""Impact curves as plain JSON data and back, to the last bit."""

from inspect import signature
from typing import Any

import numpy as np
from numpy.typing import NDArray

from optexec.models.errors import InvalidInput, unknown_name
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


def impact_from(record: Any) -> Impact:
    """The impact that a record tells; points of `Tabulated` may be called `cost`, as the class calls them.

    Raises:
        InvalidInput: a record that tells none, an unknown family, parameters that it does not have or lacks, buckets
            that are not those from 0 on, and as the families.

    >>> import optexec as ox
    >>> mixed = ox.PerBucket([ox.Linear(0.01), ox.Power(a=1.0, b=0.5) + ox.Linear(0.1)])
    >>> impact_from(impact_record(mixed))
    PerBucket([Linear(slope=0.01, quoted='total'), Power(a=1.0, b=0.5, quoted='total') + Linear(slope=0.1, ...)])
    >>> impact_from({"family": "Linear", "slope": 0.01})
    Traceback (most recent call last):
    ...
    optexec.models.errors.InvalidInput: Linear needs quoted
    """
    match record:
        case {"sum": [_, *_] as parts, **others} if not others:
            return Sum(tuple(impact_from(part) for part in parts))
        case {"per_bucket": [_, *_] as groups, **others} if not others:
            return _per_bucket(groups)
        case {"family": str(name), **parameters}:
            return _family(name, parameters)
    raise InvalidInput(f"{record!r:.40} is no impact; give an object with a family, its quotation and its parameters")


def _family(name: str, parameters: dict[Any, Any]) -> Impact:
    if name not in FAMILIES:
        raise unknown_name("family", name, FAMILIES)
    kind = FAMILIES[name]
    values = {"cost" if key == "cost_at" else key: value for key, value in parameters.items()}
    needed = list(signature(kind).parameters)
    for key in values:
        if key not in needed:
            raise unknown_name(f"parameter of {name}", key, needed)
    if missing := [key for key in needed if key not in values]:
        raise InvalidInput(f"{name} needs {' and '.join(missing)}")
    made: Impact = kind(**values)
    return made


def _per_bucket(records: list[Any]) -> Impact:
    groups = [_group(record) for record in records]
    positions = np.concatenate([at for at, _ in groups])
    if not np.array_equal(np.sort(positions), np.arange(len(positions))):
        raise InvalidInput("the groups of per_bucket must have each bucket from 0 on once")
    return PerBucket.of_groups(groups)


def _group(record: Any) -> tuple[NDArray[np.int64], Impact]:
    match record:
        case {"buckets": [_, *_] as buckets, "impact": told, **others} if not others and _are_counts(buckets):
            impact = impact_from(told)
            if impact.buckets == len(buckets):
                return np.array(buckets, dtype=np.int64), impact
            raise InvalidInput(f"a group of {len(buckets)} buckets needs curves with one value for each")
    raise InvalidInput(f"{record!r:.40} is no group of per_bucket; give an object with buckets and impact")


def _are_counts(values: list[Any]) -> bool:
    return all(isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 2**31 for value in values)
