"""The page itself: the template filled in, with style and script inside."""

import base64
import gzip
from collections.abc import Mapping, Sequence
from functools import cache
from importlib.resources import files

from optexec.analysis.report_parts import Section


def render(
    title: str,
    verdict: str,
    figures: Mapping[str, str],
    order: Mapping[str, str],
    sections: Sequence[Section],
    made: str,
) -> str:
    """One HTML page that needs nothing else, not even the network.

    The charts are Plotly's: its script is that of the installed package, compressed (2 MB in place of 5).

    Args:
        title: what was to be done.
        verdict: what came of it, in a sentence.
        figures, order: names and values.
        sections: the parts, in order.
        made: when.

    >>> page = render("Buy <100> shares", "It costs $1.", {}, {}, [], "2025-01-15")
    >>> "Buy &lt;100&gt; shares" in page, "https://" in page
    (True, False)
    """
    from jinja2 import Environment, PackageLoader, StrictUndefined

    loader = PackageLoader("optexec.analysis", "templates")
    environment = Environment(
        loader=loader, autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    charted = any(section.charts for section in sections)
    return environment.get_template("report.html").render(
        title=title,
        verdict=verdict,
        figures=figures,
        order=order,
        sections=sections,
        made=made,
        style=_text("report.css"),
        script=_text("report.js"),
        plotly=_compressed_plotly() if charted else "",
    )


def _text(name: str) -> str:
    return (files("optexec.analysis") / "templates" / name).read_text(encoding="utf-8")


@cache
def _compressed_plotly() -> str:
    """Plotly's script, gzipped, in base64."""
    from plotly.offline import get_plotlyjs

    return base64.b64encode(gzip.compress(get_plotlyjs().encode(), mtime=0)).decode()
