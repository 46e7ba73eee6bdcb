"""Output of commands: escapes the control characters of record content, and prints rows whole."""

import sys
from collections.abc import Iterable, Sequence
from typing import Final

import click
from rich.cells import cell_len

from streams.printable import printable

MOST_PADDING: Final = 40
"""Columns are aligned up to this width; a longer cell is printed whole and moves the rest of its row."""


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
