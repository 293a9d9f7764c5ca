"""The audit log: what it survives, what it shows, and that a day goes on after it was killed."""

import errno
import json
import os
import random
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from random_days import RandomDay

import optexec as ox
from optexec.analysis.audited_execution import AuditedExecution
from optexec.analysis.replay import Difference, replay
from optexec.data.audit_log import AuditLog, read_log
from optexec.data.declaration_record import declaration_from, declaration_record
from optexec.data.execution_record import event_from, record_of
from optexec.models.execution_events import Filled, Forecast, Observed, Opened
from optexec.solvers.horizon import Replanner
from optexec.solvers.thresholds import Thresholds

SCRIPT = Path(__file__).parents[1] / "killed_day.py"
KILLS = int(os.environ.get("OPTEXEC_KILLS", 4))


def undisturbed(seed, path):
    """Events, decisions on each, and the log of a day that nothing interrupts."""
    day = RandomDay(seed)
    with AuditedExecution(path, day.planner, day.thresholds, clock=lambda: "now") as audited:
        day.run(audited.take)
        return day, audited.events, audited.answers, path.read_bytes()


def take_those_left(audited, events):
    """Take the events that a log does not have."""
    for event in events[len(audited.events) :]:
        audited.take(event_from(event))


def finished(path, seed, events):
    """Resume a log in this process and take the events that it does not have; decisions on all."""
    day = RandomDay(seed)
    with AuditedExecution(path, day.planner, day.thresholds, clock=lambda: "now") as audited:
        known = audited.events
        assert known == events[: len(known)]
        take_those_left(audited, events)
        return len(known), audited.answers


@pytest.mark.parametrize("kill", range(KILLS))
def test_a_day_killed_at_a_random_moment_goes_on_with_the_same_decisions(tmp_path, kill):
    _, events, answers, content = undisturbed(kill, tmp_path / "whole.log")
    rng, path = random.Random(kill), tmp_path / "killed.log"
    inside = kill % 2 == 0
    count = [str(rng.randrange(1, len(content)))] if inside else []
    command = [sys.executable, str(SCRIPT), str(path), str(kill), *count]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as child:
        assert child.stdout.readline() == "ready\n"
        if not inside:
            time.sleep(rng.uniform(0, 0.4))
            child.kill()
        carried_out = child.stdout.read().split()
    known, again = finished(path, kill, events)
    assert known >= len(carried_out)
    assert again == answers
    assert path.read_bytes() == content
    assert replay(path).difference is None


def test_a_log_cut_at_any_byte_goes_on_with_the_same_decisions(tmp_path):
    seed = 3
    _, events, answers, content = undisturbed(seed, tmp_path / "whole.log")
    ends = [k + 1 for k, byte in enumerate(content) if byte == ord("\n")]
    inside = random.Random(0).sample(range(1, len(content)), 15)
    for cut in (*ends[::5], *(end - 1 for end in ends[1::9]), *inside, 0):
        path = tmp_path / f"{cut}.log"
        path.write_bytes(content[:cut])
        assert finished(path, seed, events)[1] == answers
        assert path.read_bytes() == content


def test_any_damage_before_the_last_line_is_told_by_its_line(tmp_path):
    path = tmp_path / "day.log"
    content = undisturbed(3, path)[3]
    lines = content.splitlines(keepends=True)
    for number in (1, 2, len(lines) // 2, len(lines)):
        line = lines[number - 1]
        damaged = (
            line.replace(b"a", b"b", 1),
            line[:90] + bytes([line[90] ^ 1]) + line[91:],
            line[: len(line) // 2] + b"\n",
            b"\xff" + line[1:],
            b"\n" + line,
        )
        for worse in damaged:
            path.write_bytes(b"".join([*lines[: number - 1], worse, *lines[number:]]))
            with pytest.raises(ox.InvalidInput, match=f"line {number}: is damaged"):
                read_log(path)
        if number < len(lines):
            path.write_bytes(b"".join([*lines[: number - 1], *lines[number:]]))
            with pytest.raises(ox.InvalidInput, match=f"line {number}: is damaged, or a line before it is missing"):
                replay(path)


def forged(path, change):
    """Rewrite a log with one record changed, every hash made to fit."""
    records = [{name: value for name, value in record.items() if name != "seq"} for record in read_log(path)]
    change(records)
    path.unlink()
    with AuditLog(path) as log:
        log.append(records)


def test_replay_finds_the_first_decision_that_its_events_do_not_lead_to(tmp_path):
    path = tmp_path / "day.log"
    undisturbed(3, path)
    sent = [k for k, record in enumerate(read_log(path)) if record["body"].get("type") == "Sent"]

    def more(records):
        for k in sent[1:3]:
            records[k]["body"]["shares"] += 1e-9

    forged(path, more)
    difference = replay(path).difference
    assert isinstance(difference, Difference)
    assert difference.line == sent[1] + 1
    assert json.loads(difference.recorded)["shares"] != json.loads(difference.derived)["shares"]
    with pytest.raises(ox.InvalidInput, match=f"line {sent[1] + 1}: the decision is not what its events lead to"):
        finished(path, 3, [])


def test_replay_finds_decisions_that_were_left_out_or_put_in(tmp_path):
    path = tmp_path / "day.log"
    undisturbed(3, path)
    at = next(k for k, record in enumerate(read_log(path)) if record["body"].get("type") == "Sent")
    forged(path, lambda records: records.pop(at))
    missing = replay(path).difference
    assert missing.line == at + 1
    assert '"Sent"' in missing.derived
    forged(path, lambda records: [records.insert(at, records[at - 1]), records.insert(at, records[at - 1])])
    assert replay(path).difference.line == at + 1


def test_an_event_whose_decisions_the_crash_swallowed_is_told(tmp_path):
    path = tmp_path / "day.log"
    content = undisturbed(3, path)[3]
    lines = content.splitlines(keepends=True)
    last = max(k for k, line in enumerate(lines) if b'"kind": "event"' in line)
    path.write_bytes(b"".join(lines[: last + 1]))
    done = replay(path)
    assert (done.difference, done.unrecorded) == (None, len(lines) - last - 1)


class Interrupting:
    """A function that is interrupted at its n-th call, before or after it has done its work."""

    def __init__(self, function, count, after):
        self.function, self.left, self.after = function, count, after

    def __call__(self, *arguments):
        self.left -= 1
        if not self.left and not self.after:
            raise KeyboardInterrupt
        result = self.function(*arguments)
        if not self.left:
            raise KeyboardInterrupt
        return result


def take_all(audited, events):
    for event in events:
        audited.take(event)


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
@pytest.mark.parametrize("step", ["write", "fsync", "take"])
def test_an_interrupted_event_closes_the_log_and_the_day_goes_on_when_it_is_opened_again(
    tmp_path, monkeypatch, step, after
):
    seed = 3
    _, events, answers, content = undisturbed(seed, tmp_path / "whole.log")
    for count in (1, 2, 3, 8, 17):
        path, day = tmp_path / f"{count}.log", RandomDay(seed)
        with (
            monkeypatch.context() as patched,
            AuditedExecution(path, day.planner, day.thresholds, clock=lambda: "now") as audited,
        ):
            place = audited.execution if step == "take" else os
            patched.setattr(place, step, Interrupting(getattr(place, step), count, after))
            told = [event_from(event) for event in events]
            with pytest.raises(KeyboardInterrupt):
                take_all(audited, told)
            with pytest.raises(ox.InvalidInput, match="is closed; open it again"):
                audited.take(told[-1])
        assert finished(path, seed, events)[1] == answers
        assert path.read_bytes() == content


def test_an_event_that_cannot_be_written_down_leaves_the_log_open(tmp_path):
    problem = ox.Problem(ox.Order(900), ox.Power(1.0, 2.0), ox.objective("A"), buckets=3)
    path = tmp_path / "day.log"
    with AuditedExecution(path, Replanner(problem), clock=lambda: "now") as audited:
        with pytest.raises(ox.InvalidInput, match="of class Own cannot be written down"):
            audited.take(Forecast(1, Own([1.0, 1.0])))
        assert len(audited.take(Opened(0))) == 3
    assert replay(path).events == 1


def test_decisions_that_are_missing_before_another_event_are_a_difference(tmp_path):
    path = tmp_path / "day.log"
    undisturbed(3, path)
    kinds = [record["kind"] for record in read_log(path)]
    events = [k for k, kind in enumerate(kinds) if kind == "event"]

    def without(records):
        del records[events[1] + 1 : events[2]]

    forged(path, without)
    difference = replay(path).difference
    assert (difference.line, difference.recorded) == (events[1] + 2, "")
    assert difference.derived
    with pytest.raises(ox.InvalidInput, match=f"line {events[1] + 2}: the decision is not what its events lead to"):
        finished(path, 3, [])


def test_a_log_of_another_declaration_or_other_rules_is_refused(tmp_path):
    problem = ox.Problem(ox.Order(900), ox.Power(1.0, 2.0), ox.objective("A"), buckets=3)
    path = tmp_path / "day.log"
    AuditedExecution(path, Replanner(problem), clock=lambda: "now").close()
    for planner, watch, part in (
        (Replanner(problem.replace(order=ox.Order(901))), None, "declaration"),
        (Replanner(problem, window=2), None, "rules"),
        (Replanner(problem), Thresholds(spread=3.0), "thresholds"),
    ):
        with pytest.raises(ox.InvalidInput, match=f"is the log of other {part}"):
            AuditedExecution(path, planner, watch, clock=lambda: "now")


def test_a_log_has_one_writer(tmp_path):
    path = tmp_path / "day.log"
    with AuditLog(path), pytest.raises(ox.InvalidInput, match="is being written by another process"):
        AuditLog(path)
    AuditLog(path).close()


def test_what_is_no_log_is_refused(tmp_path):
    path = tmp_path / "day.log"
    path.write_text("time,shares\n1,2\n")
    with pytest.raises(ox.InvalidInput, match="line 1: is damaged"):
        replay(path)
    path.write_text("")
    with pytest.raises(ox.InvalidInput, match=r"line 1: does not begin a log of schema optexec\.audit\.v1"):
        replay(path)
    with pytest.raises(ox.InvalidInput, match="cannot be written"):
        AuditLog(tmp_path)


@pytest.mark.skipif(not Path("/dev/null").is_char_device(), reason="no devices are files here")
def test_a_device_keeps_no_log():
    with pytest.raises(ox.InvalidInput, match=r"^/dev/null: is a device and keeps no log; give a file$"):
        AuditLog(Path("/dev/null"))


@pytest.mark.parametrize("content", [b"shares = 3", b'{"order": 1}', b'{"hash": 3}', b"x", b"\x00", b"\xff\xfe"])
@pytest.mark.parametrize("lines", [0, 1])
def test_a_last_line_that_is_not_of_a_log_is_kept(tmp_path, content, lines):
    path = tmp_path / "day.log"
    with AuditLog(path) as log:
        log.append([{"kind": "begin"}] * lines)
    path.write_bytes(before := path.read_bytes() + content)
    for use in (AuditLog, read_log):
        with pytest.raises(ox.InvalidInput, match=f"line {lines + 1}: is not of a log; give another file"):
            use(path)
    assert path.read_bytes() == before


class Disk:
    """A disk that takes so many bytes, or none for good, or is interrupted."""

    def __init__(self, monkeypatch, room, error):
        self.room, self.error, self.write = room, error, os.write
        monkeypatch.setattr(os, "write", self.limited)
        monkeypatch.setattr(os, "fsync", self.synchronised)

    def limited(self, handle, content):
        if self.room == 0:
            raise self.error
        written = self.write(handle, content if self.room is None else content[: self.room])
        self.room = None if self.room is None else self.room - written
        return written

    def synchronised(self, handle):
        if self.room is None:
            raise self.error


FULL = OSError(errno.ENOSPC, "No space left on device")


@pytest.mark.parametrize("room", [0, 1, 100, None])
@pytest.mark.parametrize(("error", "told"), [(FULL, "cannot be written"), (KeyboardInterrupt("stop"), "stop")])
def test_a_failed_append_leaves_the_log_as_it_was(tmp_path, room, error, told):
    path = tmp_path / "day.log"
    log = AuditLog(path)
    log.append([{"kind": "begin"}])
    before = path.read_bytes()
    with pytest.MonkeyPatch.context() as patched:
        Disk(patched, room, error)
        with pytest.raises((ox.InvalidInput, KeyboardInterrupt), match=told):
            log.append([{"kind": "event", "shares": 1}, {"kind": "event", "shares": 2}])
    assert path.read_bytes() == before
    assert log.records == read_log(path)
    with pytest.raises(ox.InvalidInput, match=r"day\.log: is closed; open it again"):
        log.append([{"kind": "event"}])
    with AuditLog(path) as again:
        again.append([{"kind": "event", "shares": 3}])
    assert [record.get("shares") for record in read_log(path)] == [None, 3]


def test_a_day_whose_disk_was_full_goes_on_with_the_same_decisions(tmp_path):
    seed, path = 3, tmp_path / "day.log"
    _, events, answers, content = undisturbed(seed, tmp_path / "whole.log")
    day = RandomDay(seed)
    for room in (10, len(content) // 2, len(content) // 7, len(content) // 5):
        with AuditedExecution(path, day.planner, day.thresholds, clock=lambda: "now") as audited:
            with pytest.MonkeyPatch.context() as patched:
                Disk(patched, room, FULL)
                with pytest.raises(ox.InvalidInput, match=r"cannot be written \(No space"):
                    take_those_left(audited, events)
            with pytest.raises(ox.InvalidInput, match="is closed"):
                audited.take(event_from(events[-1]))
    assert finished(path, seed, events)[1] == answers
    assert path.read_bytes() == content


def test_numbers_survive_to_the_last_bit():
    rng = np.random.default_rng(5)
    values = rng.uniform(1e-9, 1e9, 3) * 10.0 ** rng.integers(-20, 20, 3)
    impact = (
        ox.PerBucket([ox.Linear(v) + ox.Power(v, 1.7) for v in values[:2]] + [ox.Exponential(values[2], 1 / 3)])
        + ox.Power(values, 0.1 + 0.2, quoted="per_share")
        + ox.Tabulated([0, 1 / 3, 1], np.outer(values, [0, 1, 3]))
    )
    terms = ox.ImpactCost() + ox.Smoothing(values) + ox.InventoryRisk(1 / 3, ("power", 0.7))
    limits = ox.Limits(minimum=0.1, maximum=values + 1e3, participation=0.07, volume=values + 1e6, smallest=1 / 3)
    order = ox.Order(7e2 / 3, "sell", lot=1 / 3, price=0.1, at_end="continue")
    problem = ox.Problem(order, impact, terms, limits, buckets=["a", "b", "c"])
    text = json.dumps(declaration_record(problem))
    back = declaration_from(json.loads(text))
    x = values / values.sum() * order.shares
    assert back.order == order
    assert list(back.index) == ["a", "b", "c"]
    assert back.objective(x) == problem.objective(x)
    np.testing.assert_array_equal(back.gradient(x), problem.gradient(x))
    np.testing.assert_array_equal([back.lo, back.hi, back.smallest], [problem.lo, problem.hi, problem.smallest])
    assert json.dumps(declaration_record(back)) == text


@pytest.mark.parametrize(
    "event", [Opened(3), Observed(2, volume=0.1 + 0.2, spread=1 / 3), Filled(1e-9 / 3, child=7, price=0.1)]
)
def test_events_survive(event):
    assert event_from(json.loads(json.dumps(record_of(event)))) == event


def test_a_forecast_survives():
    forecast = Forecast(2, ox.Power([1 / 3, 0.1], 1.5) + ox.Linear([0.1, 0.2]), volume=[1e9 / 3, 7])
    text = json.dumps(record_of(forecast))
    assert json.dumps(record_of(event_from(json.loads(text)))) == text


@pytest.mark.parametrize(
    ("record", "told"),
    [
        ({"type": "Fill"}, "did you mean 'Filled'"),
        ({"type": "Filled", "sharess": 3}, "did you mean 'shares'"),
        ({"type": "Filled", "child": 3}, "Filled needs"),
        ({"type": "Filled", "shares": -3}, "shares must be > 0"),
        ({"type": "Opened", "bucket": 1.5}, "bucket must be a whole number"),
    ],
)
def test_what_is_no_event_is_refused(record, told):
    with pytest.raises(ox.InvalidInput, match=told):
        event_from(record)


class Own(ox.Linear):
    """An impact of one's own."""


def test_what_cannot_be_written_down_is_refused():
    problem = ox.Problem(ox.Order(10), Own(1.0), ox.objective("A"), buckets=2)
    with pytest.raises(ox.InvalidInput, match="of class Own cannot be written down"):
        declaration_record(problem)
