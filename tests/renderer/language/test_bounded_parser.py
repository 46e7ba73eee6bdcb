"""The bounded HTML parser reads a document of too many marks as it would read one of few."""

import pytest

from renderer.language.bounded_parser import MARKS_MAX, parsed

BLANKS = ["&Tab;", "&NewLine;", "&#9;", "&#x0A;", "&#xc;", "&#013;", "&#32 ", "&#x20;"]
LETTERS = ["&amp;", "&#65;", "&#91;", "&#x200;", "&Tabs;", "&", "&#9a;"]


def misplaced(reference: str, *, many: bool) -> bool:
    """Return whether this text, in a table but in no cell of it, is moved before the table."""
    text = reference * (MARKS_MAX + 1 if many else 1)
    body = parsed(f"<!doctype html><body><p></p><table>{text}</table>").find("body")
    paragraph = body.find("p")
    return bool((paragraph.tail or "").strip())


@pytest.mark.parametrize("reference", [*BLANKS, *LETTERS])
def test_many_references_are_read_like_one(reference: str) -> None:
    """Blanks stay in a table and letters are moved out of it, also where references are not read one by one."""
    assert misplaced(reference, many=True) == misplaced(reference, many=False) == (reference in LETTERS)
