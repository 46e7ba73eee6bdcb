"""The two documents that everything is measured with, and their output."""

from pathlib import Path
from uuid import uuid4

from schemas.output import Output, resolve_output

DOCUMENTS = {name: (Path(__file__).parent / f"{name}.html").read_text(encoding="utf-8") for name in ("simple", "rich")}
OUTPUT = resolve_output(Output())
DEADLINE_SECONDS = 60.0
"""For one poster: what is measured is how fast it is, and a neighbour of the benchmark shall not end it."""
WIDTH, HEIGHT = OUTPUT.width or 0, OUTPUT.height or 0


def number() -> str:
    """Return what makes a poster unlike the others: six characters, so that all of them are as long."""
    return uuid4().hex[:6]


def filled(html: str) -> str:
    """Return a document unlike the others, as the system would fill it."""
    return html.replace("{number}", number())


def as_template(html: str) -> str:
    """Return the document as a template to upload."""
    return html.replace("{number}", "{{ number }}")
