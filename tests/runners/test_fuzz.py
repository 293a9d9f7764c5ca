"""Whatever is done to a spec, the program leaves with one of its codes and at most one line on stderr."""

import json
from pathlib import Path
from tempfile import TemporaryDirectory

from hypothesis import example, given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner

from optexec.runners.app import main

SMALL = Path(__file__).parent / "small"
SPEC, BUCKETS = ((SMALL / name).read_text(encoding="utf-8") for name in ("spec.toml", "buckets.csv"))
TOKENS = [
    '"a"', '"Power"', '"Tabulated"', "900", "-1", "0", "nan", "inf", "1e308", "1e-320", "true", "[]", "[1, 2, 3]", "{}",
    '"C"', '"total"', '"per_share"', "=", "[", "]", "[limits]", "\x00", "é", "1_0", "2025-01-15",
    "99999999999999999999",
]  # fmt: skip
LINES = SPEC.strip().splitlines()


@st.composite
def mutated(draw: st.DrawFn) -> str:
    """The spec with a few values replaced, lines dropped or doubled, or characters changed."""
    lines = list(LINES)
    for _ in range(draw(st.integers(1, 3))):
        at = draw(st.integers(0, len(lines) - 1))
        match draw(st.sampled_from(["value", "value", "drop", "double", "token", "character"])):
            case "value":
                lines[at] = f"{lines[at].partition('=')[0]}= {draw(st.sampled_from(TOKENS))}"
            case "drop":
                lines[at] = ""
            case "double":
                lines.insert(at, lines[at])
            case "token":
                lines.insert(at, draw(st.sampled_from(TOKENS)))
            case "character":
                place = draw(st.integers(0, len(lines[at])))
                lines[at] = lines[at][:place] + draw(st.characters(codec="utf-8")) + lines[at][place + 1 :]
    return "\n".join(lines)


def leaves_cleanly(text: str, table: str, *arguments: str) -> None:
    with TemporaryDirectory() as folder:
        (Path(folder) / "buckets.csv").write_text(table, encoding="utf-8")
        path = Path(folder) / "spec.toml"
        path.write_text(text, encoding="utf-8")
        result = CliRunner().invoke(main, ["solve", str(path), "--json", "--time-limit", "2", *arguments])
    assert result.exit_code in {0, 2, 3, 4}, (result.exception, text)
    assert isinstance(result.exception, SystemExit | None), result.exception
    assert result.stderr.count("\n") == (result.exit_code != 0), result.stderr
    if result.exit_code == 0:
        assert json.loads(result.stdout)["schema"] == "optexec.schedule.v1"
    else:
        assert result.stdout == ""


@settings(max_examples=200)
@given(mutated(), st.sampled_from("ABC"))
def test_a_mutated_spec(text: str, objective: str) -> None:
    leaves_cleanly(text, BUCKETS, "--objective", objective)


@settings(max_examples=100)
@given(st.sampled_from(["shares", "price", "lot", "side"]), st.sampled_from(TOKENS))
@example("shares", "1e308")
@example("shares", "1e-320")
def test_a_mutated_order(key: str, token: str) -> None:
    leaves_cleanly(SPEC, BUCKETS, "--set", f"order.{key}={token}", "--set", "limits={}")


@settings(max_examples=100)
@given(st.integers(0, len(BUCKETS) - 1), st.characters(codec="utf-8"))
def test_a_mutated_table(place: int, character: str) -> None:
    leaves_cleanly(SPEC, BUCKETS[:place] + character + BUCKETS[place + 1 :])
