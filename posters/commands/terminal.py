"""Output of commands: escapes the control characters of record content, and prints rows whole."""

import re
import sys
from collections.abc import Iterable, Sequence
from typing import Final

import click
from rich.cells import cell_len

MOST_PADDING: Final = 40
"""Columns are aligned up to this width; a longer cell is printed whole and moves the rest of its row."""

_UNSAFE: Final = re.compile(
    "[\x00-\x1f\x7f-\x9f"  # C0, DEL, C1: among them ESC and CSI, which command a terminal
    "\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069"  # bidirectional controls, which reorder what is read
    "\u2028\u2029"  # line and paragraph separators
    "\ud800-\udfff]"  # lone surrogates, which no encoding takes
)
_SHORT: Final = {"\n": "\\n", "\r": "\\r", "\t": "\\t"}


def printable(text: str, *, multiline: bool = False) -> str:
    """Return the text with control and bidirectional characters escaped, as JSON escapes them: `\\u001b`.

    With `multiline` line feeds and tabs stay, so that JSON and the text of a record keep their layout.
    """

    def escaped(match: re.Match[str]) -> str:
        character = match[0]
        if multiline and character in "\n\t":
            return character
        return _SHORT.get(character, f"\\u{ord(character):04x}")

    return _UNSAFE.sub(escaped, text)


def say(text: str, *, error: bool = False, multiline: bool = False) -> None:
    """Print a line with its control characters escaped."""
    click.echo(printable(text, multiline=multiline), err=error)


def say_document(document: str) -> None:
    """Print a document: byte for byte into a file or a pipe, with control characters escaped on a terminal."""
    # `color`: without it click drops escape sequences from what it writes into a pipe.
    click.echo(printable(document, multiline=True) if sys.stdout.isatty() else document, color=True)


def say_fields(*cells: str) -> None:
    """Print a line of cells, separated by tabs and each escaped."""
    click.echo("\t".join(printable(cell) for cell in cells))


def say_rows(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    """Print rows without truncating a cell: aligned under their heads on a terminal, else separated by tabs."""
    if sys.stdout.isatty():
        for line in aligned([columns, *([printable(cell) for cell in row] for row in rows)]):
            click.echo(line)
    else:
        for row in rows:
            say_fields(*row)


def aligned(rows: Sequence[Sequence[str]]) -> list[str]:
    """Return a line a row, with columns aligned and every cell whole."""
    widths = [min(MOST_PADDING, max(cell_len(cell) for cell in column)) for column in zip(*rows, strict=True)]
    return [
        "  ".join(cell + " " * max(0, width - cell_len(cell)) for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in rows
    ]
