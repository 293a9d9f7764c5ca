"""A random day with a log in a process of its own, to be killed: `killed_day.py LOG SEED [BYTES]`.

It writes a line to stdout when it is ready, and one for each event whose decisions it has carried out. With BYTES it
kills itself in the middle of the write that would take the log beyond so many.
"""

import os
import signal
import sys
from pathlib import Path

from random_days import RandomDay

from optexec.analysis.audited_execution import AuditedExecution
from optexec.data import audit_log


def dying_after(count):
    """A write that ends the process once `count` bytes are written."""
    left = count

    def write(handle, content):
        nonlocal left
        done = os.write(handle, content[:left])
        left -= done
        if left <= 0:
            os.kill(os.getpid(), signal.SIGKILL)
        return done

    return write


def main(log, seed, count=None):
    day = RandomDay(int(seed))
    if count is not None:
        audit_log._write = lambda handle, content: dying(handle, content)
        dying = dying_after(int(count))
    print("ready", flush=True)
    with AuditedExecution(Path(log), day.planner, day.thresholds, clock=lambda: "now") as audited:

        def take(event):
            decisions = audited.take(event)
            print(len(audited.answers), flush=True)
            return decisions

        day.run(take)


if __name__ == "__main__":
    main(*sys.argv[1:])
