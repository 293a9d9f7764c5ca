"""A hook of mkdocs that writes the commands and the keys of a spec file from the code, where a page asks for them."""

import inspect
from collections.abc import Iterator
from typing import Any, get_args

from typer.models import ArgumentInfo

from optexec.runners.app import main
from optexec.runners.tables import Document, Table


def on_page_markdown(markdown: str, **kwargs: Any) -> str:
    """Replace `<!-- commands -->` and `<!-- spec -->` in a page."""
    for mark, write in (("<!-- commands -->", commands), ("<!-- spec -->", spec)):
        if mark in markdown:
            markdown = markdown.replace(mark, "\n".join(write()))
    return markdown


def commands() -> Iterator[str]:
    """A section a command: what it does, its example, and its arguments and options."""
    for command in main.registered_commands:
        assert command.callback is not None
        does, *examples = (inspect.getdoc(command.callback) or "").split("Example:")
        yield f"### optexec {command.name}\n\n{' '.join(does.split())}\n"
        for example in examples:
            yield f"```sh\n{' '.join(example.split())}\n```\n"
        yield "| argument or option | |\n|---|---|"
        for name, parameter in inspect.signature(command.callback, eval_str=True).parameters.items():
            kind, *told = get_args(parameter.annotation)
            yield _row(name, kind, told[-1], parameter.default)
        yield ""


def _row(name: str, kind: Any, told: Any, default: Any) -> str:
    """One argument or option, of the type `kind`."""
    if isinstance(told, ArgumentInfo):
        return f"| `{told.metavar or name.upper()}` | {told.help} |"
    named = [flag for flag in (told.default, *(told.param_decls or ())) if isinstance(flag, str)]
    options = named or [f"--{name.replace('_', '-')}"]
    value = "" if kind is bool else f" {told.metavar or getattr(kind, '__name__', 'VALUE').upper()}"
    usual = "" if default in (None, False, inspect.Parameter.empty) else f" Default: `{default}`."
    return f"| {', '.join(f'`{option}{value}`' for option in options).replace('|', ' or ')} | {told.help}{usual} |"


def spec() -> Iterator[str]:
    """The tables of a spec file and their keys."""
    for name, field in Document.model_fields.items():
        for table in _tables(field.annotation):
            keys = ", ".join(f"`{key}`" if it.is_required() else f"`{key}` ?" for key, it in table.model_fields.items())
            yield f"* **{name}** {' '.join((table.__doc__ or '').split())}" + (f" Keys: {keys}." if keys else "")


def _tables(annotation: Any) -> Iterator[type[Table]]:
    """The table classes inside an annotation: lists, unions and Annotated are looked into."""
    if isinstance(annotation, type) and issubclass(annotation, Table):
        yield annotation
    for part in getattr(annotation, "__args__", ()):
        yield from _tables(part)
