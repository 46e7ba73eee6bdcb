"""Numbers of the data in CSS: what is printed is a number there, or the poster fails; no declaration is dropped."""

import pytest

from renderer.language.template import Template, TemplateDataProblemError

PRINTED = {
    "a minus before it": ("<p style='margin:-{{ v }}px'>", 3, "margin:-3px"),
    "a minus before a negative number": ("<p style='margin:-{{ v }}px'>", -3, "margin:+3px"),
    "a minus before a negative text": ("<p style='margin:-{{ v }}px'>", " -2.5 ", "margin:+2.5px"),
    "a minus before zero": ("<p style='margin:-{{ v }}px'>", 0, "margin:-0px"),
    "a plus before it": ("<p style='margin:+{{ v }}px'>", 3, "margin:+3px"),
    "a plus before a negative number": ("<p style='margin:+{{ v }}px'>", -3, "margin:-3px"),
    "a minus in a style element": ("<style>p{top:-{{ v }}%}</style>", -1, "top:+1%"),
    "a minus in a function": ("<style>p{rotate:calc(-{{ v }} * 1deg)}</style>", -1, "calc(+1 * 1deg)"),
    "a minus in a custom property": ("<style>p{--x:-{{ v }}}</style>", -1, "--x:+1"),
    "a minus in a loop": ("<style>{% for a in [v] %}p{top:-{{ a }}px}{% endfor %}</style>", -1, "top:+1px"),
    "a minus in a macro": (
        "{% macro m(a) %}top:-{{ a }}px{% endmacro %}<p style='{{ m(v) }}'>",
        -1,
        "top:+1px",
    ),
    "no sign before a negative number": ("<p style='margin:{{ v }}px'>", -3, "margin:-3px"),
    "a minus with blanks": ("<p style='width:calc(9px - {{ v }}px)'>", -3, "calc(9px - -3px)"),
    "digits before it": ("<p style='width:1{{ v }}px'>", 5, "width:15px"),
    "digits after a negative number": ("<p style='transition-delay:{{ v }}00ms'>", -3, "-300ms"),
    "decimals": ("<p style='opacity:0.{{ v }}'>", 5.0, "opacity:0.5"),
    "a whole number with decimals": ("<p style='z-index:{{ v }}'>", 2.0, "z-index:2"),
    "a whole text with decimals": ("<p style='z-index:{{ v }}'>", "-2.0", "z-index:-2"),
    "a large number": ("<p style='width:{{ v }}px'>", 1e22, "width:1e+22px"),
    "the width of a candidate": ("<img srcset='https://a.example/b {{ v }}w'>", 300.0, "b 300w"),
    "a minus in text": ("<p>-{{ v }}", -3, "--3"),
}


@pytest.mark.parametrize(("html", "value", "printed"), PRINTED.values(), ids=PRINTED)
def test_a_number_is_printed_as_css_reads_it(html: str, value: object, printed: str) -> None:
    """A sign before a value is that of the number; what counts things has no decimals."""
    assert printed in Template(html).render({"v": value})


REFUSED = {
    "a sign in a branch": ("<p style='margin:-{% if v %}{{ v }}{% endif %}px'>", -3, "behind a sign or digit, got -3"),
    "digits before a negative number": ("<p style='width:1{{ v }}px'>", -3, "must not be negative"),
    "another value before a negative number": ("<p style='width:{{ 1 }}{{ v }}px'>", -3, "must not be negative"),
    "a negative number behind a point": ("<p style='opacity:.{{ v }}'>", -3, "must not be negative"),
    "decimals behind a point": ("<p style='opacity:0.{{ v }}'>", 1.5, "must be a whole number behind a decimal point"),
    "no number": ("<p style='margin:-{{ v }}px'>", "x", "must be a number, got 'x'"),
}


@pytest.mark.parametrize(("html", "value", "reason"), REFUSED.values(), ids=REFUSED)
def test_what_would_be_no_number_together_fails_the_poster(html: str, value: object, reason: str) -> None:
    """The error says what stands before the value."""
    with pytest.raises(TemplateDataProblemError) as error:
        Template(html).render({"v": value})

    assert reason in str(error.value)


def test_a_macro_for_several_places_suits_each_of_them() -> None:
    """A number that stands in one place behind a sign, and in another without one, may be negative."""
    html = "{% macro m(v) %}{{ v }}px{% endmacro %}<p style='margin:-{{ m(2) }} {{ m(v) }}'>"

    assert "-2px -3px" in Template(html).render({"v": -3})
