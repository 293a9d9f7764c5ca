"""Every code block of the README and the pages runs, in order and in one folder a page, and ends in what it says.

python: runs, names shared by the blocks of a page.  sh: each command ends well.  console: so does each command after
"$ ", and prints what stands below it ("..." for any text).  toml: a spec that loads.  csv: a file that later blocks
read. toml and csv name their file: ```toml title="order.toml".
"""

import doctest
import inspect
import re
import shlex
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from documents import DOCUMENTS, ROOT, CodeBlock, blocks_of, environment, furnish, name_of

import optexec as ox
from optexec.runners.app import main
from optexec.runners.spec import load_spec

each_document = pytest.mark.parametrize("document", DOCUMENTS, ids=name_of)
ELSEWHERE = {"make": ["make", "--dry-run", "--always-make"]}
"""Programs that the continuous integration runs for real, and what shows here that they know the target."""
PLACE = re.compile(r"`((?:models|solvers|data|analysis|runners|tests|benchmarks|docs|optexec)/[\w/.-]+\.\w+)`")
"""A file of the repository, as a page names it."""
PRINTED = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE


def run_python(block: CodeBlock, document: Path, names: dict[str, object]) -> None:
    exec(compile("\n" * (block.line - 1) + block.text, str(document), "exec"), names)


def run_shell(line: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(line, shell=True, env=environment(), capture_output=True, text=True, check=False)


def run_command(line: str) -> str:
    """What a command line prints."""
    words = shlex.split(line, comments=True)
    if words[0] in ELSEWHERE:
        line = shlex.join(["cd", str(ROOT)]) + " && " + shlex.join([*ELSEWHERE[words[0]], *words[1:]])
    done = run_shell(line)
    assert done.returncode == 0, f"{line}\n{done.stdout}{done.stderr}"
    return done.stdout


def run_sh(block: CodeBlock, document: Path, names: dict[str, object]) -> None:
    for line in block.text.splitlines():
        if line.strip():
            run_command(line)


def commands(text: str) -> Iterator[tuple[str, str]]:
    """(command, what is shown below it) of a console block."""
    head, *rest = re.split(r"^\$ (.*)\n", text, flags=re.M)
    assert not head, f"a console block starts with a command after '$ ': {head!r}"
    yield from zip(rest[::2], rest[1::2], strict=True)


def run_console(block: CodeBlock, document: Path, names: dict[str, object]) -> None:
    for command, shown in commands(block.text):
        printed = run_command(command)
        told = f"{command}\nshown:\n{shown}\nprinted:\n{printed}"
        assert not shown or doctest.OutputChecker().check_output(shown, printed, PRINTED), told


def run_toml(block: CodeBlock, document: Path, names: dict[str, object]) -> None:
    keep(block)
    load_spec(block.title).problem()


def keep(block: CodeBlock, document: Path | None = None, names: dict[str, object] | None = None) -> None:
    assert block.title, f"line {block.line}: name the file, title=..."
    Path(block.title).write_text(block.text, encoding="utf-8")


RUN: dict[str, Callable[[CodeBlock, Path, dict[str, object]], None]] = {
    "python": run_python,
    "sh": run_sh,
    "console": run_console,
    "toml": run_toml,
    "csv": keep,
}


@each_document
def test_its_blocks_run(document, tmp_path, monkeypatch):
    furnish(tmp_path)
    monkeypatch.chdir(tmp_path)
    names: dict[str, object] = {}
    for block in blocks_of(document.read_text(encoding="utf-8")):
        assert block.language in RUN, (
            f"{document.name}:{block.line}: nothing runs {block.language!r}; known: {list(RUN)}"
        )
        RUN[block.language](block, document, names)


HELP = {str(command.name): inspect.getdoc(command.callback) or "" for command in main.registered_commands}
"""What the help of each command says; the reference repeats it."""


@pytest.mark.parametrize("name", HELP)
def test_the_examples_in_the_help_of_a_command_run(name, tmp_path, monkeypatch):
    """On the bundled files; an example that names a file of the user's must find nothing else to complain of."""
    furnish(tmp_path)
    monkeypatch.chdir(tmp_path / "data" / "sample")
    examples = [" ".join(example.split()) for example in HELP[name].split("Example:")[1:]]
    assert examples, f"the help of {name} has no example"
    for example in examples:
        assert example.startswith(f"optexec {name} ")
        done = run_shell(example)
        missing = done.stderr.removeprefix("optexec: ").partition(": no such file")[0]
        assert done.returncode == 0 or missing in example.split(), f"{example}\n{done.stderr}"


@each_document
def test_every_fence_is_a_block_that_is_read(document):
    text = document.read_text(encoding="utf-8")
    fences = re.findall(r"^ *(?:```|~~~)", text, re.M)
    assert len(fences) == 2 * len(blocks_of(text)), "a fence that is indented, of another kind, or not closed"


@each_document
def test_its_links_to_files_lead_somewhere(document):
    text = document.read_text(encoding="utf-8")
    for target in re.findall(r"\]\((?!https?:|#)([^)#\s]+)", text):
        assert (document.parent / target).exists(), target


WRONG = (AssertionError, FileNotFoundError, ox.OptexecError)
FALSE = {
    "a language that nothing runs": "```ruby\n1\n```",
    "no language": "```\noptexec\n```",
    "python that fails": "```python\nassert 1 == 2\n```",
    "a command that fails": "```sh\noptexec solve nowhere.toml\n```",
    "a command that is not there": "```sh\noptexek --help\n```",
    "a target that is not there": "```sh\nmake tea\n```",
    "another output": "```console\n$ echo 1\n2\n```",
    "a spec with a key that is none": '```toml title="a.toml"\n[order]\nshare = 1\n```',
    "a file without a name": "```csv\na\n1\n```",
}


@pytest.mark.parametrize("text", FALSE.values(), ids=FALSE)
def test_a_block_that_does_not_do_what_it_says_fails(text, tmp_path, monkeypatch):
    page = tmp_path / "page.md"
    page.write_text(text + "\n", encoding="utf-8")
    folder = tmp_path / "folder"
    folder.mkdir()
    with pytest.raises(WRONG):
        test_its_blocks_run(page, folder, monkeypatch)


def test_outputs_that_agree_but_for_dots_pass(tmp_path, monkeypatch):
    page = tmp_path / "page.md"
    page.write_text("```console\n$ echo one two three\none ... three\n```\n", encoding="utf-8")
    test_its_blocks_run(page, tmp_path, monkeypatch)


@each_document
def test_files_that_it_names_are_there(document):
    for place in PLACE.findall(document.read_text(encoding="utf-8")):
        assert (ROOT / place).exists(), place
