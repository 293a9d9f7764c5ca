"""Run the benchmarks: `python -m benchmarks --out docs/benchmarks.md` from the root, or `make bench`."""

import json
from pathlib import Path
from typing import Annotated

import typer

from benchmarks.catalogue import CASES
from benchmarks.page import render
from benchmarks.runner import run
from benchmarks.timing import FULL, ONCE, use_one_core


def main(
    only: Annotated[list[str] | None, typer.Option(help="a case to run; may be given several times")] = None,
    quick: Annotated[bool, typer.Option("--quick", help="each case at its smallest size, once")] = False,
    out: Annotated[Path | None, typer.Option(help="markdown page to write, with its JSON beside it")] = None,
) -> None:
    """Time optexec and its peers, phase by phase, on one core; the page goes to stdout unless --out names a file."""
    unknown = sorted(set(only or ()) - set(CASES))
    if unknown:
        raise typer.BadParameter(f"no case {', '.join(unknown)}; there are {', '.join(CASES)}", param_hint="--only")
    use_one_core()
    cases = [CASES[name] for name in only or CASES]
    record = run(cases, ONCE, sizes=slice(1)) if quick else run(cases, FULL)
    if out is None:
        typer.echo(render(record))
        return
    out.with_suffix(".json").write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")
    out.write_text(render(record), encoding="utf-8")


if __name__ == "__main__":
    typer.run(main)
