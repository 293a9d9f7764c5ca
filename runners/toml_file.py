"""A TOML file and the overrides of the command line, as one dictionary."""

import tomllib
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from optexec.models.errors import InvalidInput


def read_toml(path: Path) -> dict[str, Any]:
    """Parse a TOML file.

    Raises:
        InvalidInput: a file that is missing, a directory, empty, not UTF-8 or not TOML, with the line.

    >>> read_toml(Path("nowhere.toml"))
    Traceback (most recent call last):
    ...
    optexec.models.errors.InvalidInput: nowhere.toml: no such file; check the path
    """
    try:
        text = path.read_bytes().decode("utf-8-sig")
    except FileNotFoundError:
        raise InvalidInput(f"{path}: no such file; check the path") from None
    except IsADirectoryError:
        raise InvalidInput(f"{path}: a directory; name the .toml file in it") from None
    except UnicodeDecodeError as error:
        raise InvalidInput(f"{path}: not UTF-8 text (byte {error.start}); save it as UTF-8") from None
    except (OSError, ValueError) as error:
        raise InvalidInput(f"{path}: cannot be read ({error}); check the path") from None
    if not text.strip():
        raise InvalidInput(f"{path}: the file is empty; it needs [order], [impact] and [objective]")
    try:
        return tomllib.loads(text)
    except (ValueError, RecursionError) as error:
        raise InvalidInput(f"{path}: not TOML, {one_line(error)}; mend that line") from None


def one_line(error: Exception) -> str:
    """The text of an error on one line, its first letter small.

    >>> one_line(ValueError("Expected '=' (at line 2, column 3)"))
    "expected '=' (at line 2, column 3)"
    """
    text = " ".join(str(error).split())
    return text[:1].lower() + text[1:]


def override(document: dict[str, Any], settings: Iterable[str]) -> dict[str, Any]:
    """The document with settings such as "objective.psi=1e-6" made in place; a value is TOML, else text.

    A member of a list goes by its number from 1: "impact.2.slope=0.01" sets the second `[[impact]]`.

    Raises:
        InvalidInput: a setting without "=", or a path through something that is no table.

    >>> override({"order": {"shares": 100}}, ["order.shares=200", "order.side=sell", "solve.gap=1e-3"])
    {'order': {'shares': 200, 'side': 'sell'}, 'solve': {'gap': 0.001}}
    """
    for setting in settings:
        key, equals, text = setting.partition("=")
        if not equals or not key.strip():
            raise InvalidInput(f"--set {setting}: not of the form key=value, such as objective.psi=1e-6")
        put(document, key.strip(), value_of(text.strip()), f"--set {setting}")
    return document


def put(document: dict[str, Any], key: str, value: Any, told: str) -> None:
    """Set a dotted key of a document in place, making the tables that it lacks.

    Args:
        told: where the setting was read, for errors.

    Raises:
        InvalidInput: a path through something that is no table, or to no member of a list.

    >>> document = {"impact": [{"a": 1.0}]}
    >>> put(document, "impact.1.b", 0.5, "row 2")
    >>> document
    {'impact': [{'a': 1.0, 'b': 0.5}]}
    """
    *folders, name = key.split(".")
    place: Any = document
    for folder in folders:
        place = _inside(place, folder, told)
    if isinstance(place, dict):
        place[name] = value
    else:
        place[_position(place, name, told)] = value


def value_of(text: str) -> Any:
    """The text as TOML if it is one TOML value, else itself.

    >>> value_of("1_000"), value_of("{ power = 2.0 }"), value_of("linear")
    (1000, {'power': 2.0}, 'linear')
    """
    try:
        parsed = tomllib.loads(f"value = {text}")
    except (ValueError, RecursionError):
        return text
    return parsed["value"] if set(parsed) == {"value"} else text


def _inside(place: Any, name: str, told: str) -> Any:
    if isinstance(place, dict):
        return place.setdefault(name, {})
    return place[_position(place, name, told)]


def _position(place: Any, name: str, told: str) -> int:
    """Position in a list of the member numbered `name`, from 1."""
    if not isinstance(place, list):
        raise InvalidInput(f"{told}: {name!r} is sought in {place!r:.40}, which is no table; check the key")
    if not name.isdecimal() or not 1 <= int(name) <= len(place):
        raise InvalidInput(f"{told}: {name!r} is sought in a list of {len(place)}; number them from 1")
    return int(name) - 1
