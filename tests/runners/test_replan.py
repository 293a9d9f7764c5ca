"""`optexec replan` and `optexec replay`: what they tell is what the library does, and they refuse in one line."""

import gzip
import json
from collections.abc import Callable
from inspect import signature
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from typer.testing import Result

import optexec as ox
from optexec.data.audit_log import AuditLog, read_log
from optexec.data.execution_record import event_from, record_of
from optexec.data.impact_record import FAMILIES
from optexec.models.execution_events import (
    Amended,
    Blackout,
    Cancelled,
    Closed,
    Filled,
    Forecast,
    Halted,
    Observed,
    Opened,
    Rejected,
    Resumed,
)
from optexec.runners.event_file import COLUMNS, EVENTS, LABELS, read_events
from optexec.runners.spec import load_spec

Invoke = Callable[..., Result]
Refused = Callable[..., str]
MORNING = """event,bucket,child,shares,volume,clock
open,09:30,,,,09:30:00.012
market,09:30,,,2500,09:30:31.000
fill,,1,100,,09:30:32.000
"""


@pytest.fixture
def fills(spec: Path) -> Path:
    path = spec.with_name("fills.csv")
    path.write_text(MORNING)
    return path


def told(result: Result) -> dict:
    assert (result.exit_code, result.stderr) == (0, ""), result.output
    return json.loads(result.stdout)


def test_before_the_open_it_is_the_schedule_of_solve(spec: Path, invoke: Invoke) -> None:
    answer = told(invoke("replan", spec, "--json"))
    schedule = ox.solve(load_spec(spec).problem())
    assert answer["schema"] == "optexec.replan.v1"
    assert answer["plan"]["buckets"] == ["09:30", "09:31", "09:32"]
    np.testing.assert_allclose(answer["plan"]["shares"], schedule.x)
    assert answer["plan"]["objective"] == pytest.approx(schedule.objective)
    assert answer["plan"]["gap"] < 1e-9
    assert (answer["bucket"], answer["open"], answer["events"], answer["send"]) == ("09:30", False, 0, [])
    assert answer["waiting"] == pytest.approx(schedule.x[0])


def test_after_some_fills_it_tells_the_account_and_the_child_orders(spec: Path, fills: Path, invoke: Invoke) -> None:
    answer = told(invoke("replan", spec, "--fills", fills, "--json"))
    shares = ("shares", "filled", "remaining", "working")
    assert [answer[name] for name in shares] == [900, 100, 800, 150]
    assert answer["children"] == [{"child": 1, "bucket": "09:30", "shares": 250.0, "open": 150.0}]
    assert (answer["state"], answer["open"], answer["events"]) == ("working", True, 3)
    assert (answer["send"], answer["cut"], answer["refused"], answer["shortfall"]) == ([], [], [], None)
    with fills.open("a") as file:
        file.write("fill,,1,200,,\nopen,09:31,,,,\nmarket,09:31,,,1000,\n")
    answer = told(invoke("replan", spec, "--fills", fills, "--json"))
    assert answer["send"] == [{"child": 2, "bucket": "09:31", "shares": 100.0}]
    assert answer["refused"][0]["shares"] == 50
    assert answer["plan"]["buckets"] == ["09:31", "09:32"]
    assert sum(answer["plan"]["shares"]) == pytest.approx(650)


def test_a_shortfall_is_told(spec: Path, fills: Path, invoke: Invoke) -> None:
    with fills.open("a") as file:
        file.write("open,09:32,,,,\n")
    answer = told(invoke("replan", spec, "--fills", fills, "--json"))
    assert answer["shortfall"] == {"shares": 300.0, "certain": False}
    text = invoke("replan", spec, "--fills", fills).stdout
    assert "infeasible as from now  shortfall 300 shares at the volumes now expected" in text


def test_text_and_table(spec: Path, fills: Path, tmp_path: Path, invoke: Invoke) -> None:
    result = invoke("replan", spec, "--fills", fills, "-o", tmp_path / "plan.csv")
    assert result.exit_code == 0, result.output
    lines = result.stdout.splitlines()
    assert lines[0].split()[:3] == ["order", "buy", "900"]
    assert "100, 800 remain, 150 of them at work" in lines[1]
    assert max(map(len, lines)) <= 120
    table = pd.read_csv(tmp_path / "plan.csv", index_col="time")
    answer = told(invoke("replan", spec, "--fills", fills, "--json"))
    assert table["shares"].tolist() == answer["plan"]["shares"]
    assert list(table.index) == answer["plan"]["buckets"]


def test_windows_and_rules_reach_the_planner(spec: Path, invoke: Invoke) -> None:
    free = told(
        invoke("replan", spec, "--window", 2, "--beyond", "free", "--json", "--set", "limits.participation=0.2")
    )
    assert free["plan"]["shares"] == pytest.approx([0, 0], abs=1e-6)
    quota = told(invoke("replan", spec, "--window", 1, "--beyond", "quota", "--json"))
    assert quota["plan"]["shares"] == pytest.approx([900 * 4 / 15])


def test_spikes(spec: Path, fills: Path, invoke: Invoke) -> None:
    fills.write_text("event,bucket,spread\nopen,09:30,\nmarket,09:30,0.05\n")
    watch = ("--spread", "half_spread", "--spike-lasts", 1)
    plan = told(invoke("replan", spec, "--fills", fills, *watch, "--json"))["plan"]
    assert plan["reason"] == "volatility or spread crossed its threshold"
    calm = told(invoke("replan", spec, "--fills", fills, *watch, "--spike", 6, "--json"))["plan"]
    assert calm["shares"][0] > plan["shares"][0]


def test_a_log_is_kept_and_continued_and_replays(spec: Path, fills: Path, tmp_path: Path, invoke: Invoke) -> None:
    log = tmp_path / "day.log"
    first = told(invoke("replan", spec, "--fills", fills, "--log", log, "--json"))
    before = log.read_bytes()
    assert told(invoke("replan", spec, "--fills", fills, "--log", log, "--json")) == first
    assert log.read_bytes() == before
    with fills.open("a") as file:
        file.write("fill,,1,150,,\nopen,09:31,,,,\n")
    told(invoke("replan", spec, "--fills", fills, "--log", log, "--json"))
    assert log.read_bytes().startswith(before)
    assert log.read_bytes() != before
    told(invoke("replan", spec, "--log", log, "--json"))
    answer = told(invoke("replay", log, "--json"))
    assert (answer["schema"], answer["same"], answer["events"]) == ("optexec.replay.v1", True, 5)
    assert answer["account"]["filled"] == 250
    assert "all as logged" in invoke("replay", log).stdout
    assert read_log(log)[0]["body"]["inputs"].keys() == {"spec.toml", "buckets.csv"}


def test_a_log_of_other_events_is_refused(spec: Path, fills: Path, tmp_path: Path, invoke: Invoke, refused: Refused):
    log = tmp_path / "day.log"
    told(invoke("replan", spec, "--fills", fills, "--log", log, "--json"))
    fills.write_text(MORNING.replace(",100,", ",120,"))
    assert "day.log: event 3 is not that of the fills" in refused(2, "replan", spec, "--fills", fills, "--log", log)
    fills.write_text(MORNING)
    spec.write_text(spec.read_text() + "\n")
    assert "is the log of other inputs" in refused(2, "replan", spec, "--fills", fills, "--log", log)


def test_replay_tells_a_difference_and_damage(
    spec: Path, fills: Path, tmp_path: Path, invoke: Invoke, refused: Refused
):
    log = tmp_path / "day.log"
    told(invoke("replan", spec, "--fills", fills, "--log", log, "--json"))
    records = [{name: v for name, v in record.items() if name != "seq"} for record in read_log(log)]
    at = next(k for k, record in enumerate(records) if record["body"].get("type") == "Sent")
    records[at]["body"]["shares"] = 251.0
    log.unlink()
    with AuditLog(log) as other:
        other.append(records)
    line = refused(5, "replay", log)
    assert f"line {at + 1}: has" in line
    assert "251.0" in line
    assert "derived is" in line
    result = invoke("replay", log, "--json")
    assert result.exit_code == 5
    assert json.loads(result.stdout)["difference"]["line"] == at + 1
    log.write_bytes(log.read_bytes().replace(b"251.0", b"252.0"))
    assert f"day.log, line {at + 1}: is damaged" in refused(2, "replay", log)
    assert "cannot be read" in refused(2, "replay", tmp_path / "nowhere.log")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("event,bucket\nopn,09:30\n", "row 2: unknown event 'opn'; did you mean 'open'?"),
        ("event,bucket\nopen,9:30\n", "row 2: unknown bucket '9:30'; did you mean '09:30'?"),
        ("event,buckets\nopen,09:30\n", "row 1: unknown column 'buckets'; did you mean 'bucket'?"),
        ("event,shares\nfill,ten\n", "row 2: column shares: 'ten' is not a number"),
        ("event,shares\nfill,-3\n", "row 2: shares must be > 0"),
        ("event,shares\nfill,\n", "row 2: fill needs shares"),
        ("event,shares,child\nfill,3,1.5\n", "row 2: column child: '1.5' is not a whole number"),
        ("event,shares\ncancel,3\n", "row 2: column shares: cancel has no shares"),
        ("event,child\nfill,3\n", "row 2: fill needs shares"),
        ("event,first\nblackout,09:30\n", "row 2: blackout needs last"),
        ("event,child,reason\nreject,,why\n", "row 2: reject needs child"),
        ("event,volume\nmarket,3\n", "row 2: market needs bucket"),
        ("event,bucket\nforecast,09:30\n", "row 2: a forecast needs curves or volumes"),
        ("event,bucket,impact\nforecast,09:30,3\n", "row 2: '3' is no impact; give an object with a family"),
        ("event,bucket\nopen,+0\n", "row 2: unknown bucket '+0'"),
        ("event,bucket\nopen,+²\n", "row 2: unknown bucket '+²'"),
        ("shares\n3\n", "row 1: no column 'event'"),
        ("", "the file is empty"),
    ],
)
def test_events_that_are_none(spec: Path, fills: Path, refused: Refused, text: str, message: str) -> None:
    fills.write_text(text)
    assert message in refused(2, "replan", spec, "--fills", fills)


def test_json_lines(spec: Path, tmp_path: Path, refused: Refused) -> None:
    path = tmp_path / "events.jsonl"
    impact = {"family": "Power", "quoted": "total", "a": [1.0, 2.0], "b": 1.5}
    rows = [
        {"event": "blackout", "first": "09:31", "last": "09:32"},
        {"event": "open", "bucket": "09:30", "clock": "now", "note": None},
        {"event": "forecast", "bucket": "09:31", "impact": impact, "volume": [1, 2]},
        {"event": "halt", "until": "09:32"},
        {"event": "halt"},
        {"event": "resume"},
        {"event": "market", "bucket": "09:30", "volume": 5, "volatility": 0.1, "spread": 0.2},
        {"event": "fill", "shares": 3, "child": 1, "price": 25},
        {"event": "reject", "child": 1, "reason": "no"},
        {"event": "amend", "shares": 30},
        {"event": "cancel"},
        {"event": "close", "bucket": "+2"},
    ]
    path.write_text("\n".join(json.dumps(row) for row in rows) + "\n\n")
    events = read_events(path, pd.Index(["09:30", "09:31", "09:32"]))
    forecast = events.pop(2)
    assert isinstance(forecast, Forecast)
    assert (forecast.bucket, forecast.volume.tolist(), repr(forecast.impact)) == (
        1,
        [1.0, 2.0],
        "Power(a=[1.0, 2.0], b=1.5, quoted='total')",
    )
    assert events == [
        Blackout(1, 2),
        Opened(0),
        Halted(2),
        Halted(),
        Resumed(),
        Observed(0, 5.0, 0.1, 0.2),
        Filled(3.0, 1, 25.0),
        Rejected(1, "no"),
        Amended(30.0),
        Cancelled(),
        Closed(4),
    ]
    assert {row["event"] for row in rows} == set(EVENTS)
    path.write_text('{"event": "open", "bucket": "09:30"}\n[1]\n')
    assert "events.jsonl, row 2: is not a JSON object" in refused(2, "replan", spec, "--fills", path)
    path.write_text('{"event": "open", "buckt": "09:30"}\n')
    assert "row 1: unknown key 'buckt'; did you mean 'bucket'?" in refused(2, "replan", spec, "--fills", path)


NO_EVENTS = {
    '{"event": ["open"]}': "unknown event \"['open']\"",
    '{"event": "fill", "shares": {}}': "column shares: {} is not a number",
    '{"event": "fill", "shares": true}': "column shares: True is not a number",
    '{"event": "fill", "shares": [1, 2]}': "shares must be a single number",
    '{"event": "fill", "shares": 1' + "0" * 400 + "}": "is not a number",
    '{"event": "fill", "shares": 1e999}': "shares must be finite",
    '{"event": "fill", "shares": 1, "child": 1.7}': "column child: 1.7 is not a whole number",
    '{"event": "fill", "shares": 1, "child": true}': "column child: True is not a number",
    '{"event": "fill", "shares": 1, "child": NaN}': "column child: nan is not a whole number",
    '{"event": "fill", "shares": 1, "child": [1]}': "column child: [1] is not a number",
    '{"event": "fill", "shares": 1, "child": 1e999}': "column child: inf is not a whole number",
    '{"event": "reject"}': "reject needs child",
    '{"event": "open", "bucket": "+99999999999999999999"}': "unknown bucket '+99999999999999999999'",
    '{"event": "forecast", "bucket": "09:30", "volume": [1, "x"]}': "column volume: 'x' is not a number",
    '{"event": "forecast", "bucket": "09:30", "impact": [1]}': "[1] is no impact",
    '{"event": "forecast", "bucket": "09:30", "impact": {}}': "{} is no impact",
    '{"event": "forecast", "bucket": "09:30", "impact": {"family": [1]}}': "is no impact",
    '{"event": "forecast", "bucket": "09:30", "impact": {"family": "Powr"}}': "did you mean 'Power'?",
    '{"event": "forecast", "bucket": "09:30", "impact": {"family": "Power", "a": [1]}}': "Power needs b and quoted",
    '{"event": "forecast", "bucket": "09:30", "impact": {"family": "Linear", "slop": 1}}': "did you mean 'slope'?",
    '{"event": "forecast", "bucket": "09:30", "impact": {"family": "Linear", "slope": [{}], "quoted": "total"}}': (
        "Linear.slope must be a number or an array"
    ),
    '{"event": "forecast", "bucket": "09:30", "impact": {"family": "Linear", "slope": 1, "quoted": [1]}}': (
        "unknown quotation '[1]'"
    ),
    '{"event": "forecast", "bucket": "09:30", "impact": {"sum": []}}': "{'sum': []} is no impact",
    '{"event": "forecast", "bucket": "09:30", "impact": {"per_bucket": [{"buckets": [0]}]}}': "is no group of",
    '{"event": "forecast", "bucket": "09:30", "impact": {"per_bucket": [{"buckets": [1], "impact": {"family": '
    '"Linear", "quoted": "total", "slope": [1]}}]}}': "must have each bucket from 0 on once",
    '{"a": ' * 10_000 + "1" + "}" * 10_000: "is not a JSON object",
    '{"event": "forecast", "bucket": "09:30", "impact": ' + '{"sum": [' * 450 + "]}" * 450 + "}": "",
}


@pytest.mark.parametrize(("text", "message"), NO_EVENTS.items(), ids=range(len(NO_EVENTS)))
def test_json_that_is_no_event(spec: Path, refused: Refused, text: str, message: str) -> None:
    path = spec.with_name("events.jsonl")
    path.write_text(f'\ufeff{{"event": "open", "bucket": "09:30", "note": "\u2028"}}\n\n{text}\n', encoding="utf-8")
    line = refused(2, "replan", spec, "--fills", path)
    assert "events.jsonl, row 3: " in line
    assert message in line


VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=3)
    | st.sampled_from([10**400, *EVENTS, *LABELS, "09:30", "+1", "+²", "Power", "Tabulated", "total", "\ud800"]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.text(max_size=2)
            | st.sampled_from(
                ["family", "quoted", "a", "b", "slope", "shares", "cost", "cost_at", "sum", "per_bucket"]
            ),
            inner,
            max_size=4,
        )
    ),
    max_leaves=8,
)
IMPACTS = st.fixed_dictionaries(
    {"family": st.sampled_from(list(FAMILIES)), "quoted": st.sampled_from(["total", 1])}
).flatmap(
    lambda begun: st.fixed_dictionaries(
        {
            name: VALUES
            for name in ("slope", "a", "b", "shares", "cost")
            if name in signature(FAMILIES[begun["family"]]).parameters
        }
    ).map(lambda values: begun | values)
)


FORECASTS = st.fixed_dictionaries({"event": st.just("forecast"), "bucket": st.just("09:30"), "impact": IMPACTS})
CELLS = st.dictionaries(st.sampled_from(COLUMNS) | st.text(max_size=3), VALUES, max_size=4)


@settings(max_examples=400)
@given(FORECASTS | st.builds(lambda name, cells: {"event": name, **cells}, st.sampled_from([*EVENTS, "", 3]), CELLS))
def test_whatever_the_json_says_it_is_events_or_a_refusal(cells: dict) -> None:
    with TemporaryDirectory() as folder:
        path = Path(folder) / "events.jsonl"
        path.write_text(json.dumps(cells))
        try:
            [event] = read_events(path, pd.Index(["09:30", "09:31", "09:32"]))
        except ox.InvalidInput as error:
            refusal = str(error)
        else:
            refusal = ""
    if refusal:
        assert refusal.startswith(f"{path}, row 1: ")
    else:
        text = json.dumps(record_of(event))
        assert json.dumps(record_of(event_from(json.loads(text)))) == text


def test_numbers_of_child_orders_as_programs_write_them(tmp_path: Path) -> None:
    index = pd.Index(["09:30"])
    table, lines = tmp_path / "fills.csv", tmp_path / "fills.jsonl"
    table.write_text("event,shares,child\nfill,3,1\nfill,3,1.0\nfill,3,\n")
    lines.write_text('{"event": "fill", "shares": 3, "child": 1.0}')
    assert read_events(table, index) == [Filled(3.0, 1), Filled(3.0, 1), Filled(3.0)]
    assert read_events(lines, index) == [Filled(3.0, 1)]


@pytest.mark.parametrize(("suffix", "compress"), [(".gz", gzip.compress), (".zst", pa.Codec("zstd").compress)])
def test_compressed_lines_of_json(tmp_path: Path, suffix: str, compress: Callable[[bytes], bytes]) -> None:
    path = tmp_path / f"events.ndjson{suffix}"
    path.write_bytes(compress(b'{"event": "open", "bucket": 2}'))
    assert read_events(path, pd.RangeIndex(1, 4)) == [Opened(1)]


@pytest.mark.parametrize("name", ["cost", "cost_at"])
def test_points_of_a_forecast(tmp_path: Path, name: str) -> None:
    path = tmp_path / "events.jsonl"
    impact = {"family": "Tabulated", "quoted": "total", "shares": [0, 10, 20], name: [[0, 1, 3]]}
    path.write_text(json.dumps({"event": "forecast", "bucket": "09:30", "impact": impact}))
    [forecast] = read_events(path, pd.Index(["09:30"]))
    assert repr(forecast.impact) == "Tabulated(shares=[0.0, 10.0, 20.0], cost=[[0.0, 1.0, 3.0]], quoted='total')"


def test_before_the_first_event_a_table_is_its_header(spec: Path, fills: Path, invoke: Invoke) -> None:
    fills.write_text(MORNING.splitlines()[0] + "\n")
    assert told(invoke("replan", spec, "--fills", fills, "--json")) == told(invoke("replan", spec, "--json"))


@pytest.mark.parametrize(
    ("code", "arguments", "message"),
    [
        (2, ["--window", "0"], "window must be a whole number of buckets"),
        (2, ["--beyond", "fre"], "did you mean 'free'?"),
        (2, ["--method", "newtn"], "did you mean 'newton'?"),
        (2, ["--volatility", "sgma"], "unknown column of buckets.csv 'sgma'"),
        (2, ["--volatility", "0"], "sigma must be > 0"),
        (2, ["--spike", "-1"], "--spike must be > 0, got -1"),
        (2, ["--spike-lasts", "0"], "lasts must be a whole number"),
        (2, ["--set", "order.at_end=stp"], "unknown ending 'stp'; did you mean 'stop'?"),
        (2, ["--fills", "nowhere.csv"], "no such file"),
        (2, ["-o", "plan.xls"], "name it .csv or .parquet"),
        (3, ["--set", "limits.participation=0.05"], "limits allow 750 of 900 shares"),
    ],
)
def test_refusals(spec: Path, refused: Refused, code: int, arguments: list[str], message: str) -> None:
    assert message in refused(code, "replan", spec, *arguments)


@pytest.mark.parametrize("at_end", ["stop", "continue"])
def test_the_end_of_the_window_is_a_key_of_the_spec(spec: Path, at_end: str) -> None:
    spec.write_text(spec.read_text().replace("price = 25.0", f'price = 25.0\nat_end = "{at_end}"'))
    assert load_spec(spec).problem().order.at_end == at_end


def test_past_the_end_buckets_have_numbers_with_a_plus(spec: Path, fills: Path, invoke: Invoke) -> None:
    fills.write_text("event,bucket,volume\nopen,09:32,\nmarket,09:32,4000\nclose,09:32,\n")
    answer = told(invoke("replan", spec, "--fills", fills, "--set", "order.at_end=continue", "--json"))
    assert (answer["bucket"], answer["state"], answer["shortfall"]) == ("+1", "working", None)
    assert answer["plan"]["buckets"] == ["+1"]
    over = told(invoke("replan", spec, "--fills", fills, "--json"))
    assert (over["state"], over["plan"], over["remaining"]) == ("unfilled", None, 900)
