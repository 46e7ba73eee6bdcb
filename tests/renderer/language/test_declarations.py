"""Declarations in the template file: a comment that says of each placeholder what the upload could say."""

import pytest

from renderer.language.template import Template
from schemas.templates import Placeholder, PlaceholderDeclaration
from tests.renderer.language.reading import checked, errors_of

HTML = """{# placeholders:
  title: text, required, sample="Open day, for all", description=The largest text
  photo: image, default="https://example.com/a.png"

  seats: number, default=3, sample=40
  tags: list, sample=["new", "free"]
  day: sample=2025-01-31
#}
<h1>{{ title }}</h1><img src="{{ photo }}">{{ seats }}{% for tag in tags %}{{ tag }}{% endfor %}{{ day }}{{ other }}
"""


def test_a_comment_declares_placeholders() -> None:
    """The placeholders have what the comment says of them, and the document does not show it."""
    found = {item.name: item for item in checked(HTML).placeholders}

    assert found["title"] == Placeholder(
        name="title", sample_value="Open day, for all", description="The largest text", exact=True
    )
    assert (found["photo"].default, found["photo"].required) == ("https://example.com/a.png", False)
    assert (found["seats"].data_type, found["seats"].sample_value) == ("number", 40)
    assert (found["tags"].sample_value, found["tags"].exact) == (["new", "free"], True)
    assert (found["day"].sample_value, found["day"].exact) == ("2025-01-31", False)
    assert "placeholders" not in Template(HTML).render(
        {"title": "a", "photo": "https://a.example/b"} | dict.fromkeys(("seats", "tags", "day", "other"), "")
    )


def test_a_capital_letter_is_no_other_comment() -> None:
    """Declarations are not left out in silence because somebody writes a heading."""
    assert checked(HTML.replace("placeholders:", "Placeholders:")).placeholders == checked(HTML).placeholders


def test_the_upload_says_more() -> None:
    """What an upload declares counts more, field by field."""
    found = checked(HTML, PlaceholderDeclaration(name="title", sample_value="Closed", required=False)).placeholders[0]

    assert (found.sample_value, found.description, found.required) == ("Closed", "The largest text", False)


@pytest.mark.parametrize(
    ("line", "column", "reason"),
    [
        ("x: txet", 4, "`txet` is none of a type (text, number,"),
        ("x: text text", 9, "a comma stands between"),
        ("x: text, number", 16, "two of the same"),
        ("x: text, required, optional", 28, "`required` and `optional` contradict each other"),
        ('x: sample=["a",', 11, "a declaration stands on one line"),
        ('x: sample=["a" b]', 11, "this is no value"),
        ("my-title: text", 1, "a name has no `-`, which is minus in a template; write `my_title`"),
        ("x: default", 4, "this is none of"),
        ("x: required=yes", 4, "this is none of"),
        ('x: default="a', 12, "this is no value"),
        ("x: default=", 12, "this is no value"),
        ("x y", 1, "a line declares a placeholder"),
        ("1x: text", 1, "a line declares a placeholder"),
        ("x: sample=12345678901234567890123", 1, "`x`: `sample_value` is an integer"),
        ("x: text\nx: number", 1, "`x` is declared twice"),
    ],
)
def test_what_cannot_be_read_is_refused_with_its_place(line: str, column: int, reason: str) -> None:
    """Line and column are those of the part that is wrong."""
    (error,) = errors_of("<p>\n{# placeholders:\n" + line + "\n#}{{ x }}")

    assert reason in error.message
    assert (error.line, error.column) == (3 + line.count("\n"), column)


def test_a_declaration_that_contradicts_the_template_has_a_place() -> None:
    """The error leads to the line of the comment."""
    (error,) = errors_of("{# placeholders:\n  x: number #}\n<img src='{{ x }}'>")

    assert (error.code, error.line, error.column) == ("invalid_request", 2, 3)


def test_a_name_that_is_not_used_is_a_warning() -> None:
    """As it is where an upload declares it."""
    assert [item.code for item in checked("{# placeholders: y: text #}{{ x }}").warnings] == ["placeholder_unknown"]


def test_other_comments_are_comments() -> None:
    """Only a comment that begins with the word declares something."""
    assert not errors_of("{# no placeholders: here #}{# placeholders are fun #}{{ x }}")
