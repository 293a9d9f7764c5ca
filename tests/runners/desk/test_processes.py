"""Real processes, local and of Dask, that are killed in the middle of their work."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import psutil
import pytest
from desk_cases import row, same_results, write_csv, write_store

from optexec.data.bucket_store import StoredBuckets
from optexec.runners.desk.dask_pool import dask_pool
from optexec.runners.desk.pools import local_pool
from optexec.runners.desk.spreading import spread
from optexec.runners.desk.work import Item, Work

BUCKETS, SLOW, BAD = 240, 14, 3
PROGRAM = (
    "from functools import partial\n"
    "from optexec.runners.desk import reading, recording\n"
    "from optexec.runners.app import main\n"
    "recording.OLD, reading.Work = 0.0, partial(reading.Work, seconds=0.0)\n"
    "main()"
)
"""The command, with slow orders handed out one by one and whatever is finished written at once."""
ALONE = "import sys\nsys.modules['psutil'] = None\n" + PROGRAM
"""The same where psutil is not installed, as in an environment of the package alone."""
WAIT = 120.0
Start = Callable[..., subprocess.Popen]


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with orders in lots that take a while, convex and malformed ones, and the results of a quiet run."""
    folder = tmp_path_factory.mktemp("desk")
    symbols = [f"X{k:02d}" for k in range(SLOW)]
    write_store(folder / "store", [*symbols, "AAA"], BUCKETS)
    slow = [row(f"slow{s}", s, shares=30_000, lot=2, maximum=900) for s in symbols]
    quick = [row(f"quick{k}", objective="ABC"[k % 3], shares=9_000) for k in range(4)]
    bad = [row(f"bad{k}", side="by") for k in range(BAD)]
    write_csv(folder / "orders.csv", [*bad, *quick, *slow])
    with started(folder, "quiet") as client:
        assert client.wait(WAIT) == 5
    return folder


@contextmanager
def started(desk: Path, out: str, *options: str, program: str = PROGRAM) -> Iterator[subprocess.Popen]:
    """The command on the desk's orders, in a session of its own."""
    words = ["batch", desk / "orders.csv", "--buckets", desk / "store", "-o", desk / out, "--quiet", *options]
    with (desk / f"{out}.err").open("w") as errors:
        client = subprocess.Popen(
            [sys.executable, "-c", program, *map(str, words)],
            stdout=subprocess.DEVNULL,
            stderr=errors,
            start_new_session=True,
        )
    try:
        yield client
    finally:
        client.kill()
        client.wait()


def parts(desk: Path, out: str) -> int:
    return len(list((desk / out / "summary").glob("part-*.parquet")))


def until(happened: Callable[[], bool], client: subprocess.Popen | None = None) -> None:
    """Wait for something that happens while the client runs."""
    end = time.monotonic() + WAIT
    while not happened():
        assert time.monotonic() < end
        assert client is None or client.poll() is None, "it was over too soon"
        time.sleep(0.02)


def in_the_middle(desk: Path, out: str, client: subprocess.Popen) -> None:
    """Wait until some orders that take a while are finished: the first part has the malformed ones."""
    until(lambda: parts(desk, out) >= 2, client)


def workers(client: subprocess.Popen) -> list[psutil.Process]:
    """The processes that solve."""
    found = psutil.Process(client.pid).children(recursive=True)
    return [p for p in found if any("LokyProcess" in w or "spawn_main" in w for w in p.cmdline())]


def finish(desk: Path, out: str, *options: str) -> None:
    """Run it to its end, which is that of a quiet run."""
    with started(desk, out, *options) as client:
        assert client.wait(WAIT) == 5, (desk / f"{out}.err").read_text()
    assert (desk / f"{out}.err").read_text() == ""
    same_results(desk / out, desk / "quiet")


def told(desk: Path, out: str) -> str:
    return (desk / f"{out}.err").read_text()


def test_the_orders_of_a_killed_process_are_done_by_others(desk: Path) -> None:
    with started(desk, "worker", "--workers", "2") as client:
        in_the_middle(desk, "worker", client)
        workers(client)[0].kill()
        assert client.wait(WAIT) == 5
    assert told(desk, "worker") == ""
    same_results(desk / "worker", desk / "quiet")


class Deadly:
    """A value that ends the process which receives it."""

    def __reduce__(self) -> tuple[Callable[[int], None], tuple[int]]:
        return os._exit, (1,)


def test_an_order_that_ends_every_process_is_given_up_and_the_others_are_done() -> None:
    cells = {"family": pd.Index(["Power"] * 2), "quoted": pd.Index(["total"] * 2)}
    table = StoredBuckets(Path("store"), (*cells, "a", "b"), cells | {"a": np.ones(2), "b": np.full(2, 2.0)}, 2)
    values = {"order.shares": 300.0, "objective.name": "A"}
    items = [Item(k, str(k), "AAA", values, 0, 2) for k in range(2, 6)]
    items[1] = replace(items[1], values=values | {"order.side": Deadly()})
    pieces = [Work(tuple(items[k : k + 2]), {"AAA": table}, {}, "orders.csv") for k in (0, 2)]
    with local_pool(2) as pool:
        found = {outcome.row: outcome for done in spread(pool, iter(pieces)) for outcome in done.outcomes}
    assert sorted(found) == [2, 3, 4, 5]
    assert [found[k].status for k in (2, 4, 5)] == ["optimal"] * 3
    assert found[3].error == "orders.csv, row 3: 2 processes died while they solved it, perhaps for memory"


def test_a_killed_command_goes_on_where_it_stopped(desk: Path) -> None:
    with started(desk, "client", "--workers", "2") as client:
        in_the_middle(desk, "client", client)
        orphans = workers(client)
        client.kill()
        client.wait()
    assert len(orphans) == 2
    before = parts(desk, "client")
    psutil.wait_procs(orphans, timeout=WAIT)
    assert not any(orphan.is_running() for orphan in orphans)
    finish(desk, "client")
    assert parts(desk, "client") > before


@pytest.mark.parametrize("engine", ["local", "dask"])
def test_ctrl_c_stops_cleanly_and_a_second_run_goes_on(desk: Path, engine: str) -> None:
    out = f"interrupted-{engine}"
    with started(desk, out, "--engine", engine, "--workers", "2") as client:
        in_the_middle(desk, out, client)
        running = workers(client)
        os.killpg(client.pid, signal.SIGINT)
        assert client.wait(WAIT) == 130
    assert told(desk, out) == "optexec: interrupted\n"
    psutil.wait_procs(running, timeout=WAIT)
    assert not any(each.is_running() for each in running)
    finish(desk, out)


def test_ctrl_c_needs_no_program_that_finds_processes(desk: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    with started(desk, "alone", "--workers", "2", program=ALONE) as client:
        in_the_middle(desk, "alone", client)
        running = workers(client)
        os.killpg(client.pid, signal.SIGINT)
        assert client.wait(WAIT) == 130
    assert told(desk, "alone") == "optexec: interrupted\n"
    psutil.wait_procs(running, timeout=WAIT)
    assert not any(each.is_running() for each in running)


def test_a_dask_cluster_on_this_machine_survives_a_killed_worker(desk: Path) -> None:
    with started(desk, "dask", "--engine", "dask", "--workers", "2") as client:
        in_the_middle(desk, "dask", client)
        keeps_freed_memory, killed = workers(client)
        assert "MALLOC_TRIM_THRESHOLD_" not in keeps_freed_memory.environ()
        killed.kill()
        assert client.wait(WAIT) == 5
    assert told(desk, "dask") == ""
    same_results(desk / "dask", desk / "quiet")


def test_a_cluster_on_this_machine_takes_no_port_of_another() -> None:
    """Dask's own port may be another cluster's: a warning would be an error here."""
    with socket.socket() as taken:
        with suppress(OSError):
            taken.bind(("127.0.0.1", 8787))
            taken.listen()
        with dask_pool(None, 1) as pool:
            assert pool.workers() == 1


class Cluster:
    """Scheduler and workers as programs of their own."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        self.address = f"tcp://127.0.0.1:{self.port}"
        self.programs: list[subprocess.Popen] = []
        self.scheduler = self.start("scheduler", "--host", "127.0.0.1", "--port", str(self.port), "--no-show")
        self.workers = [self.worker() for _ in range(2)]

    def start(self, *words: str) -> subprocess.Popen:
        with (self._folder / "dask.log").open("a") as log:
            program = subprocess.Popen(
                [sys.executable, "-m", "dask", *words, "--no-dashboard"], stdout=log, stderr=log, cwd=self._folder
            )
        self.programs.append(program)
        return program

    def worker(self) -> subprocess.Popen:
        return self.start("worker", self.address, "--nthreads", "1", "--no-nanny", "--death-timeout", "60")

    def stop(self) -> None:
        for program in self.programs:
            program.kill()
            program.wait()


@pytest.fixture
def cluster(tmp_path: Path) -> Iterator[Cluster]:
    made = Cluster(tmp_path)
    yield made
    made.stop()


def test_a_cluster_over_tcp_loses_a_worker_and_its_scheduler(desk: Path, cluster: Cluster) -> None:
    with started(desk, "tcp", "--scheduler", cluster.address) as client:
        in_the_middle(desk, "tcp", client)
        cluster.workers[0].kill()
        before = parts(desk, "tcp")
        until(lambda: parts(desk, "tcp") > before, client)
        cluster.scheduler.kill()
        assert client.wait(WAIT) == 4
    assert told(desk, "tcp") == "optexec: the scheduler is gone; start it again and run the same command to go on\n"
    cluster.stop()
    cluster.__init__(cluster._folder)  # type: ignore[misc]
    finish(desk, "tcp", "--scheduler", cluster.address)
