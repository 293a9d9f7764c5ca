"""An extension of griffe that shows the examples of a docstring as code: it fences what starts with >>>."""

import re
from typing import Any

import griffe

EXAMPLE = re.compile(r"^( *)>>> .*(?:\n *\S.*)*", re.M)


def fenced(docstring: str) -> str:
    r"""The docstring with each example, up to the next blank line, in a fence.

    >>> fenced("A sum.\n\n>>> 1 + 1\n2\n\nMore.").split("\n")
    ['A sum.', '', '```pycon', '>>> 1 + 1', '2', '```', '', 'More.']
    """
    return EXAMPLE.sub(lambda found: f"{found[1]}```pycon\n{found[0]}\n{found[1]}```", docstring)


class DoctestBlocks(griffe.Extension):
    """Fences the examples of every object that is read."""

    def on_object(self, *, obj: griffe.Object, **kwargs: Any) -> None:
        """Rewrite the docstring of one object."""
        if obj.docstring is not None:
            obj.docstring.value = fenced(obj.docstring.value)
