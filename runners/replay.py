"""`optexec replay`: every decision of a log derived again from its events."""

from pathlib import Path
from typing import Annotated

import typer

from optexec.runners.command_line import DIFFERENT, Json, guarded, leave, run_alone

SCHEMA = "optexec.replay.v1"
SHOWN = 200
"""Characters of a decision that are told of a difference."""

Log = Annotated[Path, typer.Argument(metavar="LOG", help="Log that replan --log wrote.")]


@guarded
def replay_log(log: Log, as_json: Json = False) -> None:
    """Derive every decision of a log again, and report the first difference (exit code 5).

    Example: optexec replay day.log
    """
    from dataclasses import asdict

    from optexec.analysis.replay import replay
    from optexec.runners.output import console, facts, print_json

    done = replay(log)
    if as_json:
        print_json(SCHEMA, same=done.difference is None, **asdict(done))
    elif done.difference is None:
        account = done.account
        rows = {
            "events": f"{done.events:,}",
            "decisions": f"{done.decisions:,}, all as logged",
            "order": f"{account['filled']:,.10g} of {account['shares']:,.10g} shares filled, {account['state']}",
        }
        if done.unrecorded:
            rows["interrupted"] = f"{done.unrecorded} decisions on the last event are not in the log"
        console().print(facts(rows))
    if (other := done.difference) is not None:
        recorded, derived = other.recorded or "nothing", other.derived or "nothing"
        leave(f"{log}, line {other.line}: has {recorded:.{SHOWN}}, derived is {derived:.{SHOWN}}", DIFFERENT)


if __name__ == "__main__":
    run_alone(replay_log)
