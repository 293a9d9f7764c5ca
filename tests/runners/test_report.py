"""`optexec report`: the page of a spec, of a recorded schedule, and of both."""

import json
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path

import pytest
from pages import Page
from typer.testing import Result

import optexec as ox
from optexec.runners.spec import load_spec

Invoke = Callable[..., Result]
Refused = Callable[..., str]


@pytest.fixture
def page(tmp_path: Path) -> Path:
    return tmp_path / "report.html"


@pytest.fixture
def recorded(spec: Path, invoke: Invoke, tmp_path: Path) -> Path:
    file = tmp_path / "schedule.json"
    file.write_text(invoke("solve", spec, "--json").stdout)
    return file


def test_the_page_of_a_spec(spec: Path, invoke: Invoke, page: Path) -> None:
    result = invoke("report", spec, "-o", page, "--points", 5)
    assert (result.exit_code, result.stderr) == (0, "")
    schedule, read = ox.solve(load_spec(spec).problem()), Page(page.read_text(encoding="utf-8"))
    verdict = next(text for attributes, text in read.all("p") if attributes.get("class") == "verdict")
    assert result.stdout == f"{verdict}\nWrote {page}.\n"
    assert read.figure("shares")["data"][0]["y"] == schedule.x.tolist()
    assert len(read.download("frontier")) == 5
    assert {row["method"] for row in read.download("methods")} >= {schedule.method, "twap", "vwap", "ipopt"}
    hashes = {row["what"]: row["value"] for row in read.download("inputs")}
    for path in (spec, spec.with_name("buckets.csv")):
        assert hashes[path.name] == sha256(path.read_bytes()).hexdigest()


def test_json_tells_the_verdict_and_its_numbers(spec: Path, invoke: Invoke, page: Path) -> None:
    told = json.loads(invoke("report", spec, "-o", page, "--points", 0, "--json").stdout)
    problem = load_spec(spec).problem()
    schedule, twap = ox.solve(problem), ox.solve(problem, "twap")
    assert told["schema"] == "optexec.report.v1"
    assert told["objective"] == schedule.objective
    assert schedule.lower_bound <= told["lower_bound"] <= schedule.objective * (1 + 1e-12)
    assert told["gap"] == pytest.approx(1 - told["lower_bound"] / schedule.objective, abs=1e-15)
    assert told["savings"]["twap"] == twap.objective - schedule.objective
    assert told["verdict"] in page.read_text(encoding="utf-8")
    assert 'id="frontier"' not in page.read_text(encoding="utf-8")


def test_options_change_the_problem_and_are_told(spec: Path, invoke: Invoke, page: Path) -> None:
    options = ["--objective", "C", "--set", "objective.psi=1e-3", "--method", "twap", "--points", 3]
    assert invoke("report", spec, "-o", page, *options, "--volatility", "sigma").exit_code == 0
    read = Page(page.read_text(encoding="utf-8"))
    problem = load_spec(spec, ["objective.psi=1e-3"]).problem("C")
    assert read.figure("shares")["data"][0]["y"] == ox.solve(problem, "twap").x.tolist()
    told = {row["what"] for row in read.download("inputs")}
    assert {"--set objective.psi=1e-3", "--set solve.method=twap", "--set objective.name=C"} <= told
    assert read.figure("frontier")["layout"]["xaxis"]["title"]["text"] == "standard deviation ($)"


def test_a_record_alone_and_with_its_spec(recorded: Path, spec: Path, invoke: Invoke, page: Path) -> None:
    alone = invoke("report", recorded, "-o", page)
    assert alone.exit_code == 0
    assert "its record claims a gap" in alone.stdout
    assert "not here" in page.read_text(encoding="utf-8")
    both = invoke("report", recorded, "--spec", spec, "-o", page, "--points", 3)
    assert both.exit_code == 0
    read, record = Page(page.read_text(encoding="utf-8")), json.loads(recorded.read_text())
    assert read.figure("shares")["data"][0]["y"] == record["shares"]
    proof = {row["what"]: row["value"] for row in read.download("certificate")}
    assert float(proof["lower bound ($) as recorded, not checked"]) == record["lower_bound"]
    assert float(proof["objective ($)"]) == pytest.approx(record["objective"])
    assert {row["what"] for row in read.download("inputs")} >= {"schedule.json", "spec.toml", "buckets.csv"}


@pytest.mark.parametrize(
    "option",
    [
        ("--points", 5), ("--points", 0), ("--volatility", "sigma"), ("--objective", "C"), ("--set", "order.shares=9"),
        ("--gap", 1e-3), ("--time-limit", 5), ("--method", "twap"),
    ],
)  # fmt: skip
def test_options_that_a_record_does_not_read_are_refused(
    recorded: Path, spec: Path, refused: Refused, page: Path, option: tuple[str, object]
) -> None:
    assert f"{option[0]} is not read for {recorded}" in refused(2, "report", recorded, "-o", page, *option)
    if option[0] == "--method":
        assert "leave it out" in refused(2, "report", recorded, "--spec", spec, "-o", page, *option)
    assert not page.exists()


def test_a_record_of_another_problem_is_refused(recorded: Path, spec: Path, refused: Refused, page: Path) -> None:
    told = refused(2, "report", recorded, "--spec", spec, "--objective", "C", "-o", page)
    assert "schedule.json: records a cost of $" in told
    assert "--set that it was solved with" in told
    told = refused(3, "report", recorded, "--spec", spec, "--set", "limits.maximum=310", "-o", page)
    assert "schedule.json: bucket" in told
    assert not page.exists()


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("{", "is no schedule (optexec.schedule.v1): Invalid JSON"),
        ("[1]", "is no schedule"),
        ('{"schema": "optexec.frontier.v1"}', "key schema: Input should be 'optexec.schedule.v1'"),
        ("RECORD without shares", "key shares: Field required"),
        ("RECORD shares=[-1.0]", "key shares.0: Input should be greater than or equal to 0"),
        ("RECORD shares=[]", "key shares: List should have at least 1 item"),
    ],
)
def test_a_file_that_is_no_record(text: str, told: str, recorded: Path, refused: Refused, page: Path) -> None:
    record = json.loads(recorded.read_text())
    if text.startswith("RECORD without"):
        del record["shares"]
        text = json.dumps(record)
    elif text.startswith("RECORD"):
        text = json.dumps(record | {"shares": json.loads(text.split("=")[1])})
    recorded.write_text(text)
    line = refused(2, "report", recorded, "-o", page)
    assert line.startswith(f"{recorded}: ")
    assert told in line


def test_wrong_files_are_refused_before_the_work(spec: Path, recorded: Path, refused: Refused, page: Path) -> None:
    assert "name it .html" in refused(2, "report", spec, "-o", page.with_suffix(".pdf"))
    assert "make it first" in refused(2, "report", spec, "-o", page.parent / "nowhere" / "x.html")
    assert "no such file" in refused(2, "report", page.with_name("none.json"), "-o", page)
    assert "--spec goes with a SCHEDULE.json" in refused(2, "report", spec, "--spec", spec, "-o", page)
    assert "points must be a whole number" in refused(2, "report", spec, "-o", page, "--points", "1")
    recorded.write_bytes(b"\xff\xfe")
    assert "not UTF-8 text" in refused(2, "report", recorded, "-o", page)
