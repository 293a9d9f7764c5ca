"""An extension of griffe that turns what Markdown does not know of a docstring into Markdown: examples and returns."""

import re
import textwrap
from typing import Any

import griffe

EXAMPLE = re.compile(r"^( *)>>> .*(?:\n *\S.*)*", re.M)
RETURNS = re.compile(r"^Returns:\n((?:    .*(?:\n|$)|\n(?=    ))+)", re.M)


def fenced(docstring: str) -> str:
    r"""The docstring with each example, up to the next blank line, in a fence.

    >>> fenced("A sum.\n\n>>> 1 + 1\n2\n\nMore.").split("\n")
    ['A sum.', '', '```pycon', '>>> 1 + 1', '2', '```', '', 'More.']
    """
    return EXAMPLE.sub(lambda found: f"{found[1]}```pycon\n{found[0]}\n{found[1]}```", docstring)


def said(docstring: str) -> str:
    r"""The docstring with what it returns as a paragraph: the signature has the type, and a colon is a colon.

    >>> said("A table.\n\nReturns:\n    One row a bucket:\n\n    * `a`: dollars.\n\nRaises:").split("\n")
    ['A table.', '', '**Returns:**', '', 'One row a bucket:', '', '* `a`: dollars.', '', 'Raises:']
    """
    return RETURNS.sub(lambda found: "**Returns:**\n\n" + textwrap.dedent(found[1]), docstring)


class DocstringMarkdown(griffe.Extension):
    """Rewrites the docstring of every object that is read."""

    def on_object(self, *, obj: griffe.Object, **kwargs: Any) -> None:
        """Rewrite one docstring."""
        if obj.docstring is not None:
            obj.docstring.value = fenced(said(obj.docstring.value))
