"""Where a result comes from: which files went in, which versions computed it, and when."""

import platform
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from optexec.analysis.report_parts import Table, facts
from optexec.data.file_digest import sha256

PACKAGES = ("numpy", "scipy", "pandas", "numba", "pyomo", "highspy", "casadi")
"""Beside optexec itself, what its answers are computed with."""


@dataclass(frozen=True)
class Provenance:
    """Where a result comes from.

    Args:
        inputs: SHA-256 of each input file by its name.
        settings: what was changed on the command line, as KEY=VALUE.
        made: when, UTC, to the second.
        versions: of Python and the packages.

    >>> Provenance().versions["optexec"]
    '0.1.0'
    """

    inputs: Mapping[str, str] = field(default_factory=dict)
    settings: tuple[str, ...] = ()
    made: str = field(default_factory=lambda: datetime.now(UTC).strftime("%Y-%m-%d %H:%M:%S UTC"))
    versions: Mapping[str, str] = field(default_factory=lambda: versions())

    @property
    def tables(self) -> list[Table]:
        """The versions, and the inputs with what was changed of them."""
        changed = {f"--set {setting}": "given on the command line" for setting in self.settings}
        inputs = {**self.inputs, **changed}
        versions = facts("versions", "Computed with", self.versions)
        return [versions, facts("inputs", "Inputs, by SHA-256", inputs)] if inputs else [versions]

    @classmethod
    def of(cls, paths: Iterable[Path], settings: Iterable[str] = ()) -> "Provenance":
        """That of files that exist, with their SHA-256."""
        return cls({path.name: sha256(path) for path in paths}, tuple(settings))


def versions() -> dict[str, str]:
    """Versions of optexec, of Python, and of the packages that are installed.

    >>> list(versions())[:2]
    ['optexec', 'Python']
    """
    import optexec

    found = {"optexec": optexec.__version__, "Python": platform.python_version()}
    for name in PACKAGES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found
