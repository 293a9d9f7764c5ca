"""Random days: every share accounted for at every event, caps never broken, the log replays bit for bit."""

import json

import pytest
from random_days import RandomDay
from strategies import examples

from optexec.analysis.audited_execution import AuditedExecution
from optexec.analysis.replay import replay
from optexec.data.execution_record import record_of
from optexec.solvers.execution import Execution

CHUNKS = 10


def lived(seed, path):
    """A random day with a log."""
    day = RandomDay(seed)
    with AuditedExecution(path, day.planner, day.thresholds, clock=lambda: f"event {len(day.events)}") as audited:
        day.run(audited.take).check_end()
    return day, audited.answers


@pytest.mark.parametrize("chunk", range(CHUNKS))
def test_no_share_is_lost_no_cap_broken_and_the_log_replays(tmp_path, chunk):
    path = tmp_path / "day.log"
    for seed in range(chunk, examples(60), CHUNKS):
        path.unlink(missing_ok=True)
        day, answers = lived(seed, path)
        done = replay(path)
        assert done.difference is None, (seed, done.difference)
        assert (done.events, done.decisions) == (len(day.events), sum(map(len, answers))), seed
        assert done.unrecorded == 0, seed


@pytest.mark.parametrize("seed", range(8))
def test_the_same_events_give_the_same_decisions(tmp_path, seed):
    day, answers = lived(seed, tmp_path / "day.log")
    execution = Execution(day.planner, day.thresholds)
    again = [[record_of(decision) for decision in execution.take(event)] for event in day.events]
    assert json.dumps(again) == json.dumps(answers)


def test_random_days_have_all_that_can_happen():
    """So that the tests above do not pass for want of trouble."""
    events, decisions, states, refused, optional = set(), set(), set(), set(), set()
    for seed in range(120):
        day = RandomDay(seed)
        execution = Execution(day.planner, day.thresholds)
        told = []
        day.run(lambda event, take=execution.take, told=told: told.append(take(event)) or told[-1])
        events |= {type(event).__name__ for event in day.events}
        decisions |= {type(decision).__name__ for answer in told for decision in answer}
        refused |= {decision.what for decision in day.refused}
        states |= {day.account.state}
        if not day.must_complete:
            optional |= {(day.at_end, day.account.state)}
    assert len(events) == 11
    assert decisions == {"Planned", "Sent", "Cut", "Booked", "Refused", "Short", "Account"}
    assert states == {"working", "done", "cancelled", "unfilled"}
    assert refused >= {"open", "close", "fill", "amend", "resume"}
    assert optional >= {(at_end, "unfilled") for at_end in ("finish", "stop", "continue")}
