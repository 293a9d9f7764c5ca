"""What benchmarks share: the machine they ran on, and the document that their tables go to."""

import json
import os
import platform
import re
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

VECTORS = ("avx512f", "avx2")
"""Vector instructions that decide how fast numpy's powers are, the widest first."""


def machine() -> str:
    """Model of the processor with its widest vector instructions, number of cores, system and Python."""
    return f"{_processor()}, {os.cpu_count()} cores, {platform.system()}, Python {platform.python_version()}"


def _processor() -> str:
    told = Path("/proc/cpuinfo")
    text = told.read_text() if told.exists() else ""
    model = re.search(r"model name\s*:\s*(.+)", text)
    vectors = next((f" with {name.upper()}" for name in VECTORS if f" {name} " in text), "")
    return (model[1] if model else platform.processor() or platform.machine()) + vectors


def versions(*packages: str) -> dict[str, str]:
    """Package -> version installed."""
    return {name: version(name) for name in packages}


def told(packages: dict[str, str]) -> str:
    """Packages and versions in one line."""
    return ", ".join(f"{name} {number}" for name, number in packages.items())


def markdown(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A markdown table; the first column is text, the others align right."""
    lines = [header, ["---", *["---:"] * (len(header) - 1)], *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def publish(path: Path, title: str, body: str, data: Any) -> None:
    """Replace the section `title` of a markdown document, and the entry of that name in the JSON beside it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    old = path.read_text(encoding="utf-8") if path.exists() else "# Benchmarks\n"
    section = f"## {title}\n\n{body.strip()}\n"
    found = re.search(rf"^## {re.escape(title)}\n.*?(?=^## |\Z)", old, re.M | re.S)
    new = f"{old[: found.start()]}{section}\n{old[found.end() :]}" if found else f"{old.rstrip()}\n\n{section}"
    path.write_text(f"{new.rstrip()}\n", encoding="utf-8")
    beside = path.with_suffix(".json")
    entries = json.loads(beside.read_text(encoding="utf-8")) if beside.exists() else {}
    beside.write_text(json.dumps({**entries, title: data}, indent=1) + "\n", encoding="utf-8")
