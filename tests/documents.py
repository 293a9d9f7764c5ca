"""The README and the pages as the tests read them: files, fenced blocks, and a folder to run a page's blocks in."""

import os
import re
import shutil
import sys
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[1]
DOCUMENTS = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").rglob("*.md"))]
FENCE = re.compile(r"^```([^\n]*)\n(.*?)^```$", re.M | re.S)
TITLE = re.compile(r'title="([^"]+)"')


@dataclass(frozen=True)
class CodeBlock:
    """A fenced block: the language after the fence, the file name of `title="..."`, the text and its first line."""

    language: str
    title: str
    text: str
    line: int


def name_of(path: Path) -> str:
    """A document as a test names it."""
    return path.relative_to(ROOT).as_posix()


def blocks_of(text: str) -> list[CodeBlock]:
    """The fenced blocks of a page, in order."""
    return [block(found, text) for found in FENCE.finditer(text)]


def block(found: re.Match[str], text: str) -> CodeBlock:
    """One fenced block."""
    language, _, rest = found[1].strip().partition(" ")
    title = TITLE.search(rest)
    return CodeBlock(language, title[1] if title else "", found[2], 1 + text[: found.start(2)].count("\n"))


def furnish(folder: Path) -> None:
    """Lay a folder out as the root of a clone, as far as the commands of the pages read it."""
    shutil.copytree(ROOT / "data" / "sample", folder / "data" / "sample", ignore=shutil.ignore_patterns("*.py", "__*"))


def environment() -> dict[str, str]:
    """What commands run with: this Python's programs first, a terminal of fixed width and no colours."""
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", "")])
    return {**os.environ, "PATH": path, "COLUMNS": "120", "NO_COLOR": "1", "TERM": "dumb"}
