"""What a user gets who installs the package: every module, the typing marker, the names and the sample."""

import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
ROOMS = ["models", "solvers", "data", "analysis", "runners"]


@pytest.fixture(scope="module")
def wheel_names(tmp_path_factory) -> set[str]:
    folder = tmp_path_factory.mktemp("wheel")
    source = folder / "source"
    ignored = shutil.ignore_patterns(".git", ".venv", "build", "*.egg-info", "__pycache__", ".*_cache", "out")
    shutil.copytree(ROOT, source, symlinks=True, ignore=ignored)
    command = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "-w", str(folder), str(source)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if "No matching distribution found for setuptools" in done.stderr:
        pytest.skip("no package index to fetch setuptools from")
    assert done.returncode == 0, done.stderr
    with zipfile.ZipFile(next(folder.glob("optexec-*.whl"))) as wheel:
        return set(wheel.namelist())


def test_the_wheel_holds_every_module(wheel_names):
    wanted = {f"optexec/{path.relative_to(ROOT)}" for room in ROOMS for path in (ROOT / room).rglob("*.py")}
    assert wanted <= wheel_names


def test_the_wheel_holds_the_typing_files_and_the_sample(wheel_names):
    sample = {
        f"optexec/data/sample/{p.name}"
        for p in (ROOT / "data/sample").iterdir()
        if p.suffix in {".gz", ".csv", ".toml"}
    }
    assert {"optexec/py.typed", "optexec/__init__.pyi"} | sample <= wheel_names


def test_the_wheel_holds_the_template_of_the_report(wheel_names):
    wanted = {f"optexec/analysis/templates/{path.name}" for path in (ROOT / "analysis/templates").iterdir()}
    assert wanted <= wheel_names
    assert len(wanted) == 3


def test_the_wheel_holds_nothing_else(wheel_names):
    assert all(name.startswith(("optexec/", "optexec-0")) for name in wheel_names)
    assert not any("/tests/" in name or "__pycache__" in name for name in wheel_names)
