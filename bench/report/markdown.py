"""Paragraphs and tables in Markdown."""

from collections.abc import Sequence
from textwrap import fill


def paragraph(text: str) -> str:
    """Return the text as lines of at most 120 characters, and an empty line."""
    return fill(" ".join(text.split()), 120, break_long_words=False, break_on_hyphens=False) + "\n\n"


def table(names: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Return a table with these column names, and an empty line."""
    lines = [names, ["---"] * len(names), *rows]
    return "".join(f"| {' | '.join(cells)} |\n" for cells in lines) + "\n"


def section(heading: str, *parts: str) -> str:
    """Return a section: its heading and what `paragraph` and `table` made."""
    return f"## {heading}\n\n{''.join(parts)}"
