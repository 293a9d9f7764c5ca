"""The store, and the command with its work done in this process."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from desk_cases import InlinePool, write_store
from typer.testing import Result


@pytest.fixture
def store(tmp_path: Path) -> Path:
    return write_store(tmp_path / "store", ["AAA", "BBB", "XAA"])


@pytest.fixture
def pool(monkeypatch: pytest.MonkeyPatch) -> InlinePool:
    """In place of processes of this machine."""
    made = InlinePool()

    @contextmanager
    def inline(workers: int) -> Iterator[InlinePool]:
        yield made

    monkeypatch.setattr("optexec.runners.desk.pools.local_pool", inline)
    return made


@pytest.fixture
def batch(invoke: Callable[..., Result], store: Path, tmp_path: Path, pool: InlinePool) -> Callable[..., Result]:
    """Run the command on a table of orders, into the folder `out`."""

    def run(orders: Path, *options: Any) -> Result:
        return invoke("batch", orders, "--buckets", store, "-o", tmp_path / "out", "--quiet", *options)

    return run
