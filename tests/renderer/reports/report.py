"""A public report: what somebody wanted of a template, reproduced by a small one, and what becomes of it here."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Final

from tests.renderer.drawing import page

BAR: Final = "position:absolute;left:0;top:0;width:100px;height:50px;"
"""The style of a box whose colour is looked at."""

_BEGINNINGS: Final = ("<!doctype", "<?xml", "from:")


class Verdict(StrEnum):
    """What becomes of a report."""

    WORKS = "works"
    REFUSED = "refused with a hint"
    WARNED = "drawn with a warning"
    OUT_OF_SCOPE = "out of scope"


@dataclass(frozen=True, kw_only=True)
class Report:
    """A report with its verdict.

    `source` is a repository and the number of an issue, or the program that a file comes from. `html` is the body of
    the template or the whole file, `like` the body of a document with the same picture, `unlike` of one with another;
    `pixels` has the colours of places. `says` is what the error says, or the code of the warning, and `instead` the
    body that does what was wanted. `FONT` in a body is the address of a font whose `X` is a box.
    """

    source: str
    wanted: str
    verdict: Verdict
    answer: str
    html: str
    data: Mapping[str, Any] = field(default_factory=dict)
    javascript: bool = False
    output: Mapping[str, Any] = field(default_factory=dict)
    like: str | None = None
    unlike: str | None = None
    pixels: Mapping[tuple[int, int], str] = field(default_factory=dict)
    size: tuple[int, int] | None = None
    says: str = ""
    instead: str | None = None
    instead_output: Mapping[str, Any] = field(default_factory=dict)


def row(report: Report) -> str:
    """Return the line of a report in the page."""
    repository, _, number = report.source.partition("#")
    source = f"[{report.source}](https://github.com/{repository}/issues/{number})" if number else report.source
    cells = (source, report.wanted, report.verdict, report.answer or "as in Chrome")
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |\n"


def document(body: str, font: str) -> str:
    """Return the document with this body, and without margins; a whole file stays as it is."""
    is_whole = body.lower().startswith(_BEGINNINGS)
    return body.replace("FONT", font) if is_whole else page(body.replace("FONT", font))
