"""The README claims what the pages it links to have measured."""

import re

import pytest
from documents import ROOT

README = (ROOT / "README.md").read_text(encoding="utf-8")
CLAIMS = [line for line in README.splitlines() if "**" in line]
BOLD = re.compile(r"\*\*([^*]+)\*\*")


@pytest.mark.parametrize("line", CLAIMS, ids=[f"claim {k}" for k in range(1, len(CLAIMS) + 1)])
def test_a_number_in_bold_stands_on_the_page_beside_it(line):
    [page] = set(re.findall(r"\]\((docs/[^)]+)\)", line))
    text = (ROOT / page).read_text(encoding="utf-8")
    for number in BOLD.findall(line):
        assert re.search(rf"(?<![\d.,]){re.escape(number)}(?![\d.,]*\d)", text), f"{page} does not say {number}"


def test_there_are_claims():
    assert sum(len(BOLD.findall(line)) for line in CLAIMS) > 10


def test_it_is_short():
    assert len(README.splitlines()) < 150
