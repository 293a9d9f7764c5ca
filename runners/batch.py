"""`optexec batch`: a table of orders, solved by all processors of a machine or by a cluster."""

from contextlib import AbstractContextManager
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from optexec.runners.command_line import (
    SOME_FAILED,
    Gap,
    Json,
    Method,
    Settings,
    TimeLimit,
    guarded,
    run_alone,
    solver_settings,
)

if TYPE_CHECKING:
    from optexec.runners.desk.pools import Pool
    from optexec.runners.desk.reading import Desk
    from optexec.runners.desk.recording import Tally

SCHEMA = "optexec.batch.v1"
SHOWN = 10
"""Orders without a schedule that are printed; the summary and JSON have more."""


class Engine(StrEnum):
    """Who does the work."""

    LOCAL = "local"
    DASK = "dask"


Orders = Annotated[
    Path,
    typer.Argument(
        metavar="ORDERS",
        help="CSV or Parquet file, one row an order: order_id, symbol, start, end, and keys of a spec by their names.",
    ),
]
Buckets = Annotated[
    Path,
    typer.Option("--buckets", metavar="STORE", help="Folder of Parquet files below symbol=NAME, one row a bucket."),
]
Folder = Annotated[
    Path,
    typer.Option("--output", "-o", metavar="FOLDER", help="Where results go; a second run goes on where one stopped."),
]
SharedSpec = Annotated[
    Path | None,
    typer.Option("--spec", metavar="SPEC", help="TOML file of what all orders share, such as [[impact]]."),
]
Ignored = Annotated[
    list[str] | None,
    typer.Option("--ignore", metavar="COLUMN", help="Column of ORDERS that is not read; repeatable."),
]
WhichEngine = Annotated[
    Engine | None, typer.Option("--engine", help="Processes of this machine, or a Dask cluster started on it.")
]
Scheduler = Annotated[
    str | None, typer.Option("--scheduler", metavar="ADDRESS", help="Dask cluster to use, such as tcp://host:8786.")
]
Workers = Annotated[
    int | None, typer.Option("--workers", min=1, help="Processes to start; by default one a processor.")
]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="Show no progress.")]


@guarded
def solve_batch(
    orders: Orders,
    buckets: Buckets,
    output: Folder,
    spec: SharedSpec = None,
    settings: Settings = None,
    ignored: Ignored = None,
    engine: WhichEngine = None,
    scheduler: Scheduler = None,
    workers: Workers = None,
    method: Method = None,
    gap: Gap = None,
    time_limit: TimeLimit = None,
    quiet: Quiet = False,
    as_json: Json = False,
) -> None:
    """Solve every order of a table, and write schedules and a summary.

    Example: optexec batch orders.csv --buckets store --spec curves.toml -o out
    """
    from optexec.data.bucket_store import BucketStore
    from optexec.data.orders import OrderTable
    from optexec.data.results_folder import ResultsFolder
    from optexec.runners.desk.reading import Desk
    from optexec.runners.desk.recording import Recorder, Tally
    from optexec.runners.desk.spreading import spread
    from optexec.runners.progress import solving

    pool = _pool(engine, scheduler, workers)
    shared = _shared(spec, [*(settings or ()), *solver_settings(method=method, gap=gap, time_limit=time_limit)])
    desk = Desk(OrderTable(orders), BucketStore(buckets), shared, tuple(ignored or ()))
    total = desk.table.count()
    tally, finished = Tally(), set[int]()
    with ResultsFolder(output, _made_from(desk, shared, ignored)) as folder:
        for outcome in folder.finished():
            finished.add(outcome.row)
            tally.add(outcome)
        before = len(finished)
        shown = "nothing" if quiet else "bar" if as_json else "bar or lines"
        with (
            solving(total, before, shown) as tell,
            pool as processes,
            Recorder(folder, desk, tally) as recorder,
        ):
            for done in spread(processes, desk.work(finished)):
                recorder.add(done)
                tell(len(done.outcomes))
    _tell(tally, before, output, as_json)
    if tally.failed:
        raise typer.Exit(SOME_FAILED)


def _pool(engine: Engine | None, scheduler: str | None, workers: int | None) -> "AbstractContextManager[Pool]":
    """Who does the work, as a context."""
    import joblib

    from optexec.models.errors import InvalidInput
    from optexec.runners.desk.dask_pool import dask_pool
    from optexec.runners.desk.pools import local_pool

    if scheduler is not None and (engine is Engine.LOCAL or workers is not None):
        raise InvalidInput("--scheduler names a cluster that has its workers; leave --engine and --workers out")
    number = workers or joblib.cpu_count()
    return dask_pool(scheduler, number) if scheduler or engine is Engine.DASK else local_pool(number)


def _shared(spec: Path | None, settings: list[str]) -> dict[str, Any]:
    """The document of what all orders share."""
    from optexec.runners.spec import check_shared
    from optexec.runners.toml_file import override, read_toml

    document = override({} if spec is None else read_toml(spec), settings)
    check_shared(document, spec or "--set")
    return document


def _made_from(desk: "Desk", shared: dict[str, Any], ignored: list[str] | None) -> dict[str, str]:
    """What the results depend on."""
    import json

    settings = json.dumps([shared, ignored or []], sort_keys=True, default=str)
    return {"orders": desk.table.digest(), "buckets": desk.store.digest(), "settings": settings}


def _tell(tally: "Tally", before: int, output: Path, as_json: bool) -> None:
    if as_json:
        _print_json(tally, before, output)
    else:
        _print(tally, before, output)


def _print_json(tally: "Tally", before: int, output: Path) -> None:
    from dataclasses import asdict

    from optexec.runners.output import print_json

    print_json(
        SCHEMA,
        output=str(output),
        orders=tally.orders,
        solved=tally.orders - tally.failed,
        failed=tally.failed,
        finished_before=before,
        kinds=[{"method": m, "status": s, **asdict(kind)} for (m, s), kind in sorted(tally.kinds.items())],
        failures=[{"row": o.row, "order_id": o.order_id, "error": o.error} for o in tally.failures],
    )


def _print(tally: "Tally", before: int, output: Path) -> None:
    from optexec.runners.output import columns, console

    rows = [
        [method or "none", status, f"{kind.orders:,}", f"{kind.seconds:,.2f}", f"{kind.longest:,.3f}"]
        for (method, status), kind in sorted(tally.kinds.items())
    ]
    out = console()
    out.print(columns(["method", "status", "orders", "seconds in all", "the slowest"], rows))
    out.print()
    earlier = f", {before:,} of them by an earlier run" if before else ""
    out.print(f"{tally.orders:,} orders in {output}{earlier}; {tally.failed:,} without a schedule.")
    for outcome in tally.failures[:SHOWN]:
        out.print(f"  {outcome.error}", soft_wrap=True)
    if tally.failed > SHOWN:
        out.print(f"  and {tally.failed - SHOWN:,} more; the column error of {output}/summary has all.")


if __name__ == "__main__":
    run_alone(solve_batch)
