"""An HTML page read by the standard library: its elements, headings, charts and downloads."""

import base64
import csv
import io
import json
from html.parser import HTMLParser

VOID = {"meta", "br", "link", "img", "input", "hr"}


class Page(HTMLParser):
    """Reads a page and refuses one whose elements are not nested."""

    def __init__(self, text: str) -> None:
        super().__init__(convert_charrefs=True)
        self.elements: list[tuple[str, dict[str, str]]] = []
        self.texts: dict[int, str] = {}
        self._open: list[tuple[str, int]] = []
        self.feed(text)
        self.close()
        assert not self._open, self._open

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, {name: value or "" for name, value in attrs}))
        if tag not in VOID:
            self._open.append((tag, len(self.elements) - 1))

    def handle_endtag(self, tag: str) -> None:
        opened, _ = self._open.pop()
        assert opened == tag, f"</{tag}> closes <{opened}> in line {self.getpos()[0]}"

    def handle_data(self, data: str) -> None:
        for _, place in self._open:
            self.texts[place] = self.texts.get(place, "") + data

    def all(self, tag: str) -> list[tuple[dict[str, str], str]]:
        """Attributes and text of every element of a tag."""
        found = enumerate(self.elements)
        return [(attributes, self.texts.get(k, "").strip()) for k, (name, attributes) in found if name == tag]

    def figure(self, name: str) -> dict:
        """Traces and layout of a chart."""
        return next(
            json.loads(text) for attributes, text in self.all("script") if attributes.get("id") == f"{name}-figure"
        )

    def download(self, name: str) -> list[dict[str, str]]:
        """Rows of a table that can be downloaded."""
        url = next(attributes["href"] for attributes, _ in self.all("a") if attributes.get("download") == f"{name}.csv")
        kind, content = url.split(",", 1)
        assert kind == "data:text/csv;charset=utf-8;base64"
        return list(csv.DictReader(io.StringIO(base64.b64decode(content).decode())))
