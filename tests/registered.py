"""What the package has of a kind, found by importing all of it: the tests that hold for a kind ask for every one."""

import importlib
import inspect
import pkgutil
import typing
from collections.abc import Callable, Iterator
from functools import cache
from types import ModuleType
from typing import Any

import optexec
from optexec.data.events import Events


@cache
def modules() -> tuple[ModuleType, ...]:
    """Every module of the package."""
    names = sorted(found.name for found in pkgutil.walk_packages(optexec.__path__, "optexec."))
    return tuple(importlib.import_module(name) for name in names)


def subclasses(base: type) -> list[type]:
    """The classes of the package that derive from `base` and are not abstract themselves, by name."""
    modules()
    found = {kind for below in base.__subclasses__() for kind in (below, *subclasses(below))}
    ours = {kind for kind in found if kind.__module__.startswith("optexec.") and not inspect.isabstract(kind)}
    return sorted(ours, key=lambda kind: kind.__name__)


def book_readers() -> list[Callable[..., Any]]:
    """The functions `read_...` of the data room that give a book: as events, or as a table of snapshots."""
    found = {function for module in modules() for function in _functions(module)}
    readers = {function for function in found if function.__name__.startswith("read_")}
    return sorted((reader for reader in readers if _gives_a_book(reader)), key=lambda reader: reader.__name__)


def _functions(module: ModuleType) -> Iterator[Callable[..., Any]]:
    if module.__name__.startswith("optexec.data."):
        yield from (value for _, value in inspect.getmembers(module, inspect.isfunction))


def _gives_a_book(reader: Callable[..., Any]) -> bool:
    if "book" in reader.__name__:
        return True
    return typing.get_type_hints(reader).get("return") == Iterator[Events]
