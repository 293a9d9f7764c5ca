"""Results are written as a whole or not at all, by one process at a time."""

import errno
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from desk_cases import mounted

from optexec.data import results_folder
from optexec.data.results_folder import Outcome, ResultsFolder, Slices
from optexec.models.errors import InvalidInput

MADE = {"orders": "1"}
LABELS = pa.array([str(k) for k in range(2_000)])


def part(row: int) -> tuple[list[Outcome], list[Slices]]:
    values = np.random.default_rng(row).uniform(size=len(LABELS))
    return [Outcome(row, f"o{row}", "AAA", 1.0, 1.0, 0.0, "dp", "optimal")], [
        Slices(f"o{row}", "AAA", LABELS, values, values)
    ]


def write_all(folder: ResultsFolder, numbers: range) -> None:
    for row in numbers:
        folder.write(*part(row))


def rows(path: Path) -> list[int]:
    with ResultsFolder(path, MADE) as folder:
        return [outcome.row for outcome in folder.finished()]


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A disk that holds two parts and not three."""
    with mounted(tmp_path / "disk", "128k") as place:
        yield place


def test_a_full_disk_leaves_what_was_written(small_disk: Path) -> None:
    with ResultsFolder(small_disk / "out", MADE) as folder:
        with pytest.raises(
            InvalidInput, match=r"out: cannot be written \(No space left on device\); finished orders are"
        ):
            write_all(folder, range(9))
        written = [outcome.row for outcome in folder.finished()]
    assert written == list(range(len(written)))
    assert 1 <= len(written) < 9
    assert rows(small_disk / "out") == written
    assert not list(small_disk.rglob("*.new"))


def test_a_disk_that_has_become_read_only(small_disk: Path) -> None:
    with ResultsFolder(small_disk / "out", MADE) as folder:
        folder.write(*part(0))
        subprocess.run(["mount", "-o", "remount,ro", small_disk], check=True)
        with pytest.raises(InvalidInput, match="Read-only file system"):
            folder.write(*part(1))
        assert [outcome.row for outcome in folder.finished()] == [0]
    assert rows(small_disk / "out") == [0]
    with pytest.raises(InvalidInput, match="Read-only file system"):
        ResultsFolder(small_disk / "new", MADE)


def test_an_error_of_the_disk_at_any_step(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*arguments: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with ResultsFolder(tmp_path / "out", MADE) as folder:
        folder.write(*part(0))
        for step in ("fsync", "replace"):
            with monkeypatch.context() as patched:
                patched.setattr(results_folder.os, step, full)
                with pytest.raises(InvalidInput, match="No space left on device"):
                    folder.write(*part(1))
        assert len(list((tmp_path / "out").rglob("*part*"))) == 2
        folder.write(*part(2))
    assert rows(tmp_path / "out") == [0, 2]


def test_what_a_process_left_unfinished_is_removed(tmp_path: Path) -> None:
    with ResultsFolder(tmp_path / "out", MADE) as folder:
        for row in range(3):
            folder.write(*part(row))
    (tmp_path / "out/summary/part-000002.parquet").unlink()
    (tmp_path / "out/summary/part-000003.parquet.new").write_bytes(b"PAR1")
    assert rows(tmp_path / "out") == [0, 1]
    assert (
        sorted(path.name for path in (tmp_path / "out").rglob("part*"))
        == ["part-000000.parquet"] * 2 + ["part-000001.parquet"] * 2
    )


def test_a_damaged_part_is_named(tmp_path: Path) -> None:
    with ResultsFolder(tmp_path / "out", MADE) as folder:
        folder.write(*part(0))
    path = tmp_path / "out/summary/part-000000.parquet"
    path.write_bytes(path.read_bytes()[:-9])
    with pytest.raises(
        InvalidInput, match=r"part-000000\.parquet: damaged; remove it, and its orders are solved again"
    ):
        rows(tmp_path / "out")
    path.unlink()
    assert rows(tmp_path / "out") == []


def test_a_part_without_its_schedules_is_named(tmp_path: Path) -> None:
    with ResultsFolder(tmp_path / "out", MADE) as folder:
        folder.write(*part(0))
    (tmp_path / "out/schedules/part-000000.parquet").unlink()
    with pytest.raises(InvalidInput, match=r"summary/part-000000\.parquet: its part of schedules is gone; remove it"):
        rows(tmp_path / "out")
    (tmp_path / "out/summary/part-000000.parquet").unlink()
    assert rows(tmp_path / "out") == []


def test_what_others_left_beside_the_parts_stays(tmp_path: Path) -> None:
    with ResultsFolder(tmp_path / "out", MADE) as folder:
        folder.write(*part(0))
    others = [
        tmp_path / "out/summary" / name for name in ("part-x.parquet", "part-1.parquet", "part-notes.txt", "a.new")
    ]
    for path in others:
        path.write_text("mine")
    with ResultsFolder(tmp_path / "out", MADE) as folder:
        folder.write(*part(1))
        assert [outcome.row for outcome in folder.finished()] == [0, 1]
    assert {path.read_text() for path in others} == {"mine"}


def test_a_folder_that_was_left_before_it_was_made(tmp_path: Path) -> None:
    for left in ((), ("batch.json.new",), (".lock", "batch.json.new")):
        path = tmp_path / f"out{len(left)}"
        path.mkdir()
        for name in left:
            (path / name).write_bytes(b'{"format')
        assert rows(path) == []


def test_inputs_may_change_until_an_order_is_finished(tmp_path: Path) -> None:
    with ResultsFolder(tmp_path / "out", {"orders": "damaged"}):
        pass
    with ResultsFolder(tmp_path / "out", MADE) as folder:
        folder.write(*part(0))
    for _ in range(2):  # and a refusal keeps no hold on the folder
        with pytest.raises(InvalidInput, match="holds the results of other orders"):
            ResultsFolder(tmp_path / "out", {"orders": "damaged"})
    assert rows(tmp_path / "out") == [0]


@pytest.mark.parametrize("content", [b"", b"[]", b'{"format": "optexec.oracle.v1"}', b"\xff"])
def test_a_folder_of_another_format(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "out/batch.json").write_bytes(content)
    with pytest.raises(InvalidInput, match=r"batch\.json: not of the format optexec\.batch\.v1"):
        ResultsFolder(tmp_path / "out", MADE)


def test_one_process_writes_at_a_time(tmp_path: Path) -> None:
    script = (
        "import sys; from pathlib import Path; from optexec.data.results_folder import ResultsFolder\n"
        "try: ResultsFolder(Path(sys.argv[1]), {'orders': '1'})\n"
        "except ValueError as error: print(error)\n"
    )
    with ResultsFolder(tmp_path / "out", MADE):
        done = subprocess.run(
            [sys.executable, "-c", script, tmp_path / "out"], capture_output=True, text=True, check=True
        )
        assert done.stdout == f"{tmp_path}/out: another batch is writing here; wait for it\n"
    assert rows(tmp_path / "out") == []


def test_a_folder_is_held_before_anything_is_written_there(tmp_path: Path) -> None:
    fcntl = pytest.importorskip("fcntl")
    (tmp_path / "out").mkdir()
    with (tmp_path / "out/.lock").open("w") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        with pytest.raises(InvalidInput, match="another batch is writing here; wait for it"):
            ResultsFolder(tmp_path / "out", MADE)
    assert [path.name for path in (tmp_path / "out").iterdir()] == [".lock"]
    assert rows(tmp_path / "out") == []
