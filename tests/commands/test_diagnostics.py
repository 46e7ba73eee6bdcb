"""Errors and warnings of files: where, the line, and a caret that stands below the place."""

import pytest
from rich.cells import cell_len

from posters.commands.diagnostics import SHOWN_COLUMNS, pointed_at, say_errors, say_warnings
from schemas.templates import TemplateError, TemplateWarning


def test_an_error_shows_its_place_its_line_and_a_caret(capsys: pytest.CaptureFixture[str]) -> None:
    """An editor can follow `file:line:column`; without a terminal there are no colors."""
    error = TemplateError(code="template_syntax", message="there is no filter `x`", line=2, column=4)
    say_errors("card.html", [error], "<p>\n<p>{{ v | x }}\n")

    assert capsys.readouterr().err == (
        "card.html:2:4: there is no filter `x` (template_syntax)\n    <p>{{ v | x }}\n       ^\n"
    )


def test_an_error_without_a_place_is_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    """There is no line to show."""
    say_errors("data.json", [TemplateError(code="invalid_request", message="cannot be read")], "text")

    assert capsys.readouterr().err == "data.json: cannot be read (invalid_request)\n"


def test_a_warning_is_named_as_such(capsys: pytest.CaptureFixture[str]) -> None:
    """It goes to standard error, with its control characters escaped."""
    say_warnings("card.html", [TemplateWarning(code="unknown_data", message="not used: `\x1b[2J`")])

    assert capsys.readouterr().err == "card.html: warning: not used: `\\u001b[2J` (unknown_data)\n"


@pytest.mark.parametrize(
    ("line", "column"),
    [("<p>{{ v }}", 4), ("\t<p>{{ v }}", 5), ("漢字👩‍👩‍👧{{ v }}", 8), ("a\x1bb{{ v }}", 4), ("{{ v }}\r", 1)],
)
def test_the_caret_stands_below_the_place(line: str, column: int) -> None:
    """Also behind tabs, wide characters and characters that are escaped."""
    shown, caret = pointed_at(line, column)

    assert cell_len(shown[: shown.index("{{")]) == caret.index("^")


@pytest.mark.parametrize("column", [1, 50, 5_000, 9_995])
def test_of_a_long_line_the_part_around_the_place_is_shown(column: int) -> None:
    """A template with an embedded image has lines of a megabyte."""
    line = "a" * (column - 1) + "{{ v }}" + "b" * (10_000 - column)
    shown, caret = pointed_at(line, column)

    assert len(shown) <= SHOWN_COLUMNS + 2
    assert shown[caret.index("^") :].startswith("{{")
