"""Errors and warnings of files as compilers print them: `file:line:column`, the line, a caret below the place."""

from collections.abc import Iterable, Sequence
from typing import Final

import click
from rich.cells import cell_len

from schemas.outcomes import PosterWarning
from schemas.templates import TemplateError, TemplateWarning
from streams.printable import printable

SHOWN_COLUMNS: Final = 100
"""Of a longer line, as one with an image in a `data:` address, the part around the place is shown."""
CONTEXT_COLUMNS: Final = 60
INDENT: Final = "    "


def say_errors(file: str, errors: Iterable[TemplateError], text: str = "") -> None:
    """Print errors of a file on standard error, with the lines of `text` that they are at."""
    lines = text.split("\n")
    for error in errors:
        place = "" if error.line is None else f":{error.line}:{error.column or 1}"
        click.secho(printable(f"{file}{place}: {error.message} ({error.code})"), fg="red", err=True)
        if error.line is not None and text and error.line <= len(lines):
            for line in pointed_at(lines[error.line - 1], error.column or 1):
                click.echo(f"{INDENT}{line}", err=True)


def say_warnings(file: str, warnings: Sequence[TemplateWarning | PosterWarning]) -> None:
    """Print warnings about a file, or a poster, on standard error."""
    for warning in warnings:
        click.secho(printable(f"{file}: warning: {warning.message} ({warning.code})"), fg="yellow", err=True)


def pointed_at(line: str, column: int) -> tuple[str, str]:
    """Return the line and a caret below its column, which counts characters from 1; a tab becomes a space."""
    line = line.rstrip("\r").replace("\t", " ")
    start = max(0, min(column - 1 - CONTEXT_COLUMNS, len(line) - SHOWN_COLUMNS))
    before, after = printable(line[start : column - 1]), printable(line[column - 1 : start + SHOWN_COLUMNS])
    head = "…" if start else ""
    tail = "…" if len(line) > start + SHOWN_COLUMNS else ""
    return f"{head}{before}{after}{tail}", f"{' ' * cell_len(head + before)}^"
