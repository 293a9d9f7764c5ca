"""The site builds strictly and fetches nothing; its reference has every public name and all that a page imports."""

import ast
import re
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path

import pytest
from documents import DOCUMENTS, ROOT, blocks_of, environment

import optexec as ox
from optexec.solvers.dispatch import METHODS

FETCHED = {"script": "src", "img": "src", "iframe": "src", "source": "src", "link": "href"}
"""Elements whose address a browser fetches by itself, and the attribute that holds it."""


class Reader(HTMLParser):
    """Collects the addresses that a page fetches, its ids, and its styles."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.fetched: list[str] = []
        self.ids: set[str] = set()
        self.feed(path.read_text(encoding="utf-8"))

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        self.ids.add(given.get("id") or "")
        if tag in FETCHED and given.get("rel") != "canonical":
            self.fetched.append(given.get(FETCHED[tag]) or "")


def build(root: Path, folder: Path, *options: str) -> subprocess.CompletedProcess[str]:
    """Build the site of a folder that has an mkdocs.yml."""
    command = [sys.executable, "-m", "mkdocs", "build", "--site-dir", str(folder), *options]
    return subprocess.run(command, cwd=root, env=environment(), capture_output=True, text=True, check=False)


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """The site, and what mkdocs said of it."""
    folder = tmp_path_factory.mktemp("site")
    return folder, build(ROOT, folder, "--no-strict").stderr


@pytest.fixture(scope="module")
def site(built: tuple[Path, str]) -> Path:
    return built[0]


@pytest.fixture(scope="module")
def pages(site: Path) -> dict[str, Reader]:
    return {path.relative_to(site).as_posix(): Reader(path) for path in sorted(site.rglob("*.html"))}


def test_the_build_warns_of_nothing(built: tuple[Path, str]) -> None:
    warnings = [line for line in built[1].splitlines() if line.startswith(("WARNING", "ERROR"))]
    assert not warnings, built[1]


def test_every_page_is_built(pages: dict[str, Reader]) -> None:
    sources = {
        path.relative_to(ROOT / "docs").with_suffix(".html").as_posix() for path in (ROOT / "docs").rglob("*.md")
    }
    assert set(pages) == sources | {"404.html"}


def test_no_page_and_no_style_fetches_from_elsewhere(site: Path, pages: dict[str, Reader]) -> None:
    for name, page in pages.items():
        away = [address for address in page.fetched if re.match(r"(https?:)?//", address)]
        assert not away, f"{name} fetches {away}"
    for path in site.rglob("*.css"):
        assert not re.search(r"(url\(|@import)\s*['\"]?(https?:)?//", path.read_text(encoding="utf-8")), path.name


def test_mathematics_is_text(site: Path) -> None:
    """No page needs a script to show a formula, and none is left that another program would have shown."""
    for path in site.rglob("*.html"):
        text = path.read_text(encoding="utf-8")
        assert "mathjax" not in text.lower(), path.name
        assert "katex" not in text.lower(), path.name
        assert not re.search(r"\$\$|\\\(|\\frac|\\sum", text), path.name


@pytest.mark.parametrize("name", ox.__all__)
def test_the_reference_has_the_public_name(name: str, pages: dict[str, Reader]) -> None:
    assert any(f"optexec.{name}" in page.ids for file, page in pages.items() if file.startswith("reference/"))


@pytest.mark.parametrize("name", METHODS)
def test_the_page_on_choosing_has_every_method(name: str) -> None:
    assert f"`{name}`" in (ROOT / "docs" / "choosing-a-method.md").read_text(encoding="utf-8")


def imported() -> list[str]:
    """Dotted names of what the Python blocks of the pages import from the rooms."""
    blocks = [block for path in DOCUMENTS for block in blocks_of(path.read_text()) if block.language == "python"]
    nodes = [node for block in blocks for node in ast.walk(ast.parse(block.text)) if isinstance(node, ast.ImportFrom)]
    names = {f"{node.module}.{alias.name}" for node in nodes for alias in node.names if node.module is not None}
    return sorted(name for name in names if name.startswith("optexec."))


@pytest.mark.parametrize("name", imported())
def test_the_reference_has_what_a_page_imports(name: str, pages: dict[str, Reader]) -> None:
    ids = {one for file, page in pages.items() if file.startswith("reference/") for one in page.ids}
    assert name in ids or any(one.startswith(f"{name}.") for one in ids)


def test_a_broken_link_or_a_page_outside_the_menu_stops_the_build(tmp_path: Path) -> None:
    for text in ("[nowhere](nowhere.md)", "A page that the menu does not name."):
        docs = tmp_path / "docs"
        docs.mkdir(exist_ok=True)
        (docs / "index.md").write_text(text)
        (docs / "other.md").write_text("Other.")
        settings = (ROOT / "mkdocs.yml").read_text(encoding="utf-8").split("hooks:")[0]
        (tmp_path / "mkdocs.yml").write_text(settings + "nav: [index.md]\n")
        done = build(tmp_path, tmp_path / "site", "--strict")
        assert done.returncode == 1
        assert "other.md" in done.stderr
