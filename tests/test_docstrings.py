"""What a docstring owes: an example that runs, arguments, errors, shapes and units, and a source where there is one."""

import ast
import inspect
import re
import textwrap
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from documents import DOCUMENTS, blocks_of
from registered import modules

import optexec as ox

ROOT = Path(__file__).parents[1]
ROOMS = ("models", "solvers", "data", "analysis", "runners")
ERRORS = ("InvalidInput", "InfeasibleOrder", "SolverFailure")
CHECKS = {
    "finite",
    "nonnegative",
    "positive",
    "scalar",
    "positive_number",
    "common_length",
    "unknown_name",
    "_validate",
}
"""Functions that raise `InvalidInput` for a caller."""
NUMBERS = re.compile(r"\b(Parameter|Array|float|NDArray|DataFrame|Series)\b")
SHAPES = re.compile(
    r"\([A-Z](?:[+-]1)?,(?: ?[A-Z])?\)|\(\.\.\., N\)|scalar|one value|one number|single number|rows? a |one row"
)
UNITS = re.compile(
    r"dollar|share|lot|fraction|second|minute|day|basis point|bps|percent|bucket|volatilit|per |exponent|cents|gap",
    re.I,
)
PUBLISHED = ("AlmgrenChriss", "EquityImpact", "TransientImpact", "Power")
"""Public names that are somebody's formula."""


def public() -> dict[str, Any]:
    """The public names, and the public methods of public classes, by dotted name."""
    found: dict[str, Any] = {}
    for name in ox.__all__:
        value = getattr(ox, name)
        found[name] = value
        if inspect.isclass(value):
            methods = {k: v for k, v in vars(value).items() if not k.startswith("_") and inspect.isfunction(v)}
            found |= {f"{name}.{k}": v for k, v in methods.items() if v.__doc__}
    return found


PUBLIC = public()
CALLABLES = {
    name: value for name, value in PUBLIC.items() if not (inspect.isclass(value) and issubclass(value, Exception))
}
NAMES = {name: value for name, value in CALLABLES.items() if "." not in name}


def told(value: Any) -> str:
    return inspect.getdoc(value) or ""


def section(text: str, title: str) -> str:
    """The lines of a section such as "Args:", empty if there is none."""
    found = re.search(rf"^{title}:\n((?:[ \t]+.*\n?|\n)+)", text + "\n", re.M)
    return found[1] if found else ""


def parameters(value: Any) -> list[str]:
    if inspect.isclass(value) and inspect.isabstract(value):
        return []
    return [name for name in inspect.signature(value).parameters if name not in ("self", "cls")]


def written(value: Any) -> Iterator[Any]:
    """The functions that a call runs first: itself, or the constructor of a class as far as somebody wrote it."""
    for code in (vars(value).get(k) for k in ("__init__", "__post_init__")) if inspect.isclass(value) else (value,):
        if inspect.isfunction(code) and code.__code__.co_filename != "<string>":
            yield code


def raised(value: Any) -> set[str]:
    """Errors of the package that the code makes itself, or by one of `CHECKS`."""
    trees = [ast.parse(textwrap.dedent(inspect.getsource(code))) for code in written(value)]
    calls = [node.func for tree in trees for node in ast.walk(tree) if isinstance(node, ast.Call)]
    names = {func.id for func in calls if isinstance(func, ast.Name)}
    names |= {func.attr for func in calls if isinstance(func, ast.Attribute)}
    return {name for name in ERRORS if name in names} | ({"InvalidInput"} if names & CHECKS else set())


def bases(name: str) -> tuple[type, ...]:
    """The classes whose method a public method takes the place of: what they say of errors holds for it too."""
    owner, _, method = name.rpartition(".")
    return tuple(base for base in PUBLIC[owner].__mro__[1:] if method in vars(base)) if owner else ()


@pytest.mark.parametrize("name", ox.__all__)
def test_a_public_name_has_an_example_that_runs(name: str) -> None:
    text = told(PUBLIC[name])
    assert ">>>" in text, f"{name} has no example"
    assert "+SKIP" not in text


@pytest.mark.parametrize("name", NAMES)
def test_a_public_name_tells_its_arguments(name: str) -> None:
    wanted, text = parameters(NAMES[name]), section(told(NAMES[name]), "(?:Args|Fields)")
    missing = [one for one in wanted if not re.search(rf"\b{one}\b", text)]
    assert not missing, f"{name} does not tell {missing} under Args:"


@pytest.mark.parametrize("name", CALLABLES)
def test_what_raises_says_so(name: str) -> None:
    text = told(CALLABLES[name])
    text += "".join(told(getattr(base, name.rpartition(".")[2], None)) for base in bases(name))
    missing = [error for error in raised(CALLABLES[name]) if error not in text]
    assert not missing, f"{name} raises {missing} and does not say so"
    if raised(CALLABLES[name]) and "." not in name:
        assert section(text, "Raises"), f"{name} has no section Raises:"


@pytest.mark.parametrize("name", NAMES)
def test_numbers_have_shapes_and_units(name: str) -> None:
    value = NAMES[name]
    kinds = [str(one.annotation) for one in inspect.signature(value).parameters.values()] if parameters(value) else []
    if any(NUMBERS.search(kind) for kind in kinds):
        assert UNITS.search(told(value)), f"{name} names no unit"
    if any("Parameter" in kind or "Array" in kind for kind in kinds):
        assert SHAPES.search(told(value)), f"{name} names no shape"


@pytest.mark.parametrize("name", PUBLISHED)
def test_a_published_formula_names_its_paper(name: str) -> None:
    value = PUBLIC[name]
    assert re.search(r"\b(19|20)\d\d\b", told(value) + (inspect.getmodule(value).__doc__ or "")), name


def imports(text: str) -> set[tuple[str, str]]:
    """(module, name) of everything that a text of Python imports from the package."""
    nodes = [node for node in ast.walk(ast.parse(text)) if isinstance(node, ast.ImportFrom)]
    return {(node.module or "", alias.name) for node in nodes for alias in node.names}


def offered() -> list[str]:
    """Dotted names of the functions and classes that a room offers: imported by another room, or by a page."""
    used: set[tuple[str, str]] = set()
    for room in ROOMS:
        for path in (ROOT / room).rglob("*.py"):
            own = f"optexec.{room}."
            used |= {found for found in imports(path.read_text(encoding="utf-8")) if not found[0].startswith(own)}
    for page in DOCUMENTS:
        for block in blocks_of(page.read_text(encoding="utf-8")):
            used |= imports(block.text) if block.language == "python" else set()
    here = {module.__name__: module for module in modules()}
    pairs = {(module, name) for module, name in used if module in here and not name.startswith("_")}
    values = {f"{module}.{name}": getattr(here[module], name) for module, name in pairs}
    return sorted(name for name, value in values.items() if inspect.isclass(value) or inspect.isfunction(value))


@pytest.mark.parametrize("name", offered())
def test_what_a_room_offers_has_an_example(name: str) -> None:
    module, _, last = name.rpartition(".")
    value = getattr(next(found for found in modules() if found.__name__ == module), last)
    texts = [told(value)]
    if inspect.isclass(value):
        texts += [told(one) for one in vars(value).values() if callable(one) or isinstance(one, property)]
    assert any(">>>" in text for text in texts), f"{name} has no example"


def test_a_docstring_that_keeps_quiet_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    def halve(shares: float) -> float:
        """Half of them."""
        if shares < 0:
            raise ox.InvalidInput("negative")
        return shares / 2

    halve.__name__ = "halve"
    monkeypatch.setitem(NAMES, "halve", halve)
    monkeypatch.setitem(CALLABLES, "halve", halve)
    monkeypatch.setitem(PUBLIC, "halve", halve)
    for check in (
        test_a_public_name_has_an_example_that_runs,
        test_a_public_name_tells_its_arguments,
        test_what_raises_says_so,
        test_numbers_have_shapes_and_units,
    ):
        with pytest.raises(AssertionError):
            check("halve")
