"""The cases of shared/acceptance/published.json, where it lies beside the repository."""

import json
from pathlib import Path

import pytest

FILE = Path(__file__).parents[2] / "shared" / "acceptance" / "published.json"


def published(prefix):
    """Parameters for `parametrize`: every case whose id begins so, or one that is skipped where there is no file."""
    if not FILE.exists():
        skip = pytest.mark.skip(reason="shared/acceptance/published.json is not beside the repository")
        return [pytest.param(None, id=prefix, marks=skip)]
    cases = [case for case in json.loads(FILE.read_text()) if case["id"].startswith(prefix)]
    assert cases, f"no case is named {prefix}..."
    return [pytest.param(case, id=case["id"]) for case in cases]
