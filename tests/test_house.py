"""The rules of the house: which way imports flow, what the lists of dependencies say, what a public name owes."""

import ast
import importlib
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

import optexec as ox

ROOT = Path(__file__).parents[1]
ROOMS = {
    "models": set(),
    "data": {"models"},
    "solvers": {"models"},
    "analysis": {"models", "solvers", "data"},
    "runners": {"models", "solvers", "data", "analysis"},
}
SOLVER_LIBRARIES = {"highspy", "casadi", "scipy", "pyscipopt", "idaes"}


def python_files(room: str) -> list[Path]:
    return sorted((ROOT / room).rglob("*.py"))


def imported(path: Path) -> set[str]:
    """Dotted names of every module that a file imports."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            names.add(node.module or "")
    return names


@pytest.mark.parametrize("room", ROOMS)
def test_a_room_imports_only_from_rooms_below_it(room):
    for path in python_files(room):
        rooms = {name.split(".")[1] for name in imported(path) if name.startswith("optexec.")}
        assert rooms <= ROOMS[room] | {room}, f"{path.relative_to(ROOT)} imports from {rooms}"


def test_models_import_no_solver():
    for path in python_files("models"):
        libraries = {name.split(".")[0] for name in imported(path)}
        assert not libraries & SOLVER_LIBRARIES, path.relative_to(ROOT)


@pytest.mark.parametrize("room", [room for room in ROOMS if room != "runners"])
def test_nothing_below_the_runners_prints(room):
    for path in python_files(room):
        if path.name == "generate.py":
            continue
        calls = [node for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))) if isinstance(node, ast.Call)]
        printed = [call.lineno for call in calls if isinstance(call.func, ast.Name) and call.func.id == "print"]
        assert not printed, f"{path.relative_to(ROOT)}:{printed}"


@pytest.mark.parametrize("name", ox.__all__)
def test_every_public_name_resolves(name):
    assert getattr(ox, name).__module__.startswith("optexec."), name


@pytest.mark.parametrize("name", ["InvalidInput", "InfeasibleOrder", "SolverFailure"])
def test_every_error_is_an_optexec_error(name):
    assert issubclass(getattr(ox, name), ox.OptexecError)


def test_an_unknown_public_name_is_an_attribute_error():
    with pytest.raises(AttributeError, match="no_such_name"):
        _ = ox.no_such_name


@pytest.mark.parametrize(
    "library", ["pyomo", "casadi", "highspy", "matplotlib", "plotly", "jinja2", "scipy", "typer", "numba"]
)
def test_importing_optexec_does_not_pay_for(library):
    script = f"import sys, optexec; optexec.Problem; sys.exit({library!r} in sys.modules)"
    assert subprocess.run([sys.executable, "-c", script], check=False).returncode == 0


def test_a_convex_solve_does_not_pay_for_pyomo():
    script = (
        "import sys, optexec as ox; "
        "ox.solve(ox.Problem(ox.Order(300), ox.Power(1.0, 2.0), ox.objective('C', psi=1.0), buckets=3)); "
        "sys.exit(bool({'pyomo', 'highspy', 'casadi', 'matplotlib'} & set(sys.modules)))"
    )
    assert subprocess.run([sys.executable, "-c", script], check=False).returncode == 0


def requirement(line: str) -> tuple[str, str]:
    """(normalised name, version bound) of a requirement."""
    match = re.match(r"([A-Za-z0-9_.-]+)\s*(.*)", line.strip())
    assert match
    return match[1].lower().replace("_", "-"), match[2]


def test_environment_yml_and_pyproject_ask_for_the_same():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    wanted = {requirement(r) for r in project["dependencies"] + project["optional-dependencies"]["dev"]}
    lines = (ROOT / "environment.yml").read_text().split("dependencies:")[1].splitlines()
    entries = [line.strip()[2:] for line in lines if line.strip().startswith("- ")]
    entries = [entry for entry in entries if entry not in ("pip:", "--editable .")]
    offered = {requirement(entry) for entry in entries}
    conda_only = {("python", f">={project['requires-python'].removeprefix('>=')}"), ("pip", ""), ("ipopt", "")}
    assert offered - conda_only == wanted
    assert conda_only <= offered


def test_the_idaes_extra_brings_idaes():
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"]
    assert [requirement(r)[0] for r in extras["idaes"]] == ["idaes-pse"]


def test_every_room_is_packaged_and_linked():
    tool = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["setuptools"]
    folders = {
        ".".join(["optexec", *path.relative_to(ROOT).parent.parts])
        for room in ROOMS
        for path in (ROOT / room).rglob("__init__.py")
    }
    assert set(tool["packages"]) == folders | {"optexec"}
    assert set(tool["package-dir"]) == set(tool["packages"])
    for room in ROOMS:
        assert (ROOT / "optexec" / room).is_symlink()
        assert (ROOT / "optexec" / room).resolve() == ROOT / room


def test_the_version_is_told_once():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert project["version"] == importlib.import_module("optexec").__version__


def test_what_contributing_says_stands_where_it_says() -> None:
    text = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    told = re.findall(r"`(\w+)`\s+(?:in|of)\s+`([\w/]+\.py)`", text)
    assert {name for name, _ in told} >= {"FAMILIES", "TERMS", "ImpactTable", "TermTable", "SHAPES", "Method"}
    for name, path in told:
        source = (ROOT / path).read_text(encoding="utf-8")
        assert re.search(rf"^(class {name}\b|{name}\b[^=\n]* = )", source, re.MULTILINE), f"{path} has no {name}"
