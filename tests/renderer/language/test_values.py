"""A poster's data from the upload to the document: what Jinja2 prints is asked for, accepted, and printed."""

from html import unescape
from typing import Any

import pytest

from renderer.language.template import Template, TemplateDataProblemError
from schemas.placeholders import PlaceholderSet
from tests.renderer.language.reading import checked

ROWS = [{"n": 1, "v": 2}, {"n": 3, "v": 5}]
PRINTED: dict[str, tuple[str, dict[str, Any], str]] = {
    "index": ("{{ tags[0] }}", {"tags": ["a", "b"]}, "a"),
    "index from the end": ("{{ rows[-1].n }}", {"rows": ROWS}, "3"),
    "length": ("{{ v|length }}", {"v": ["a", "b"]}, "2"),
    "length of an object": ("{{ v|length }}", {"v": {"a": 1}}, "1"),
    "first": ("{{ v|first }}", {"v": ["a", "b"]}, "a"),
    "last of a text": ("{{ v|last }}", {"v": "ab"}, "b"),
    "slice": ("{% for t in tags[:3] %}{{ t }}{% endfor %}", {"tags": list("abcd")}, "abc"),
    "list": ("{{ v }}", {"v": [1, "a", None]}, "[1, 'a', None]"),
    "object": ("{{ v }}", {"v": {"a": 1.0}}, "{'a': 1.0}"),
    "list in an attribute": ("<p title='{{ v }}'>", {"v": [1]}, "<p title='[1]'>"),
    "truth of a text": ("{% if v %}<hr>{% endif %}", {"v": "x"}, "<hr>"),
    "truth of a number": ("{% if v %}<hr>{% endif %}", {"v": 20}, "<hr>"),
    "truth of zero": ("{% if v %}<hr>{% endif %}", {"v": 0}, ""),
    "truth of a list": ("{% if v %}<hr>{% endif %}", {"v": [1]}, "<hr>"),
    "truth of an empty object": ("{{ 'y' if v else 'n' }}", {"v": {}}, "n"),
    "truth of nothing": ("{{ 'y' if v else 'n' }}", {"v": None}, "n"),
    "rows in a script": ("<script>let a = {{ rows|tojson }}</script>", {"rows": [1]}, "<script>let a = [1]</script>"),
    "object in a script": ("<script>let a = {{ v|tojson }}</script>", {"v": {}}, "<script>let a = {}</script>"),
    "product in a loop": ("{% for i in range(5) %}{{ i * 60 }} {% endfor %}", {}, "0 60 120 180 240 "),
    "product of a part": ("{{ d.get('x') * 2 }}", {"d": {"x": 4}}, "8"),
    "product of the largest": ("{{ (rows|map(attribute='v')|max) * 2 }}", {"rows": ROWS}, "10"),
    "no else": ("<p class=\"{{ 'on' if active }}\">", {"active": False}, '<p class="">'),
    "no else in a loop": ("{% for a in v %}{{ a }}{{ ', ' if not loop.last }}{% endfor %}", {"v": [1, 2]}, "1, 2"),
    "title": ("{{ v|title }}", {"v": "foo-bar"}, "Foo-Bar"),
    "a float": ("{{ 2.1|round }} {{ 1e0 }} {{ +3 }}", {}, "2.0 1.0 3"),
    "default of a part": ("{{ a.b.c|default('x') }}", {"a": {}}, "x"),
    "default of a part of nothing": ("{{ a.b.c|default('x') }}", {"a": None}, "x"),
    "condition on a part": ("{% if a.b.c %}y{% else %}n{% endif %}", {"a": {}}, "n"),
    "loop over a part": ("{% for x in a.b %}y{% else %}n{% endfor %}", {"a": {}}, "n"),
    "loop over a text": ("{% for x in v %}{{ x }}-{% endfor %}", {"v": "ab"}, "a-b-"),
    "loop over an object": ("{% for x in v %}{{ x }}-{% endfor %}", {"v": {"a": 1, "b": 2}}, "a-b-"),
    "number as text": ("{{ v * 2 }}", {"v": "1.5"}, "3.0"),
    "text times a number": ("{{ v * 2 }}", {"v": "ab"}, "abab"),
    "comparison of a text": ("{% if v == 'a' %}y{% endif %}{{ v }}", {"v": ["a"]}, "['a']"),
    "color with blanks": ("<p style='color: {{ v }}'>", {"v": " #fff "}, "<p style='color: #fff'>"),
    "address with blanks": ("<img src='{{ v }}'>", {"v": " https://a.example/b "}, "<img src='https://a.example/b'>"),
    "tree": (
        "{% for a in v recursive %}<i>{{ a.n }}{{ loop(a.c) }}</i>{% endfor %}",
        {"v": [{"n": 1, "c": [{"n": 2, "c": []}]}]},
        "<i>1<i>2</i></i>",
    ),
}


@pytest.mark.parametrize(("html", "data", "printed"), PRINTED.values(), ids=PRINTED)
def test_what_jinja_prints_is_printed(html: str, data: dict[str, Any], printed: str) -> None:
    """The upload has no warning, the data passes the check as intake makes it, and the document is Jinja2's."""
    found = checked(html)
    placeholders = PlaceholderSet(found.placeholders)
    check = placeholders.check(data)

    assert found.warnings == []
    assert check.wrong == []
    assert unescape(Template(html).render(placeholders.filled(data))) == printed


MENDED: dict[str, tuple[str, dict[str, Any], str, str]] = {
    "a text is divided": ("{{ v.a / 2 }}", {"v": {"a": "3"}}, "value | float", "{{ v.a | float / 2 }}"),
    "a text is rounded": ("{{ v.a | round }}", {"v": {"a": "3"}}, "value | float", "{{ v.a | float | round }}"),
    "a text is compared": ("{{ v.a > 2 }}", {"v": {"a": "3"}}, "value | float", "{{ v.a | float > 2 }}"),
    "a text and a number": ("{{ v.a + 2 }}", {"v": {"a": "3"}}, "`~` joins", "{{ v.a ~ 2 }}"),
    "a number and a text": ("{{ 2 + v.a }}", {"v": {"a": "3"}}, "`~` joins", "{{ 2 ~ v.a }}"),
    "two texts": ("{{ v.a * v.a }}", {"v": {"a": "3"}}, "value | float", "{{ v.a | float * v.a | float }}"),
    "the sum of texts": (
        "{{ v | map(attribute='a') | sum }}",
        {"v": [{"a": "3"}]},
        "value | float",
        "{{ v | map(attribute='a') | map('float') | sum }}",
    ),
    "a text is no multiple": ("{{ v.a is even }}", {"v": {"a": "3"}}, "value | float", "{{ v.a | float is even }}"),
    "null is divided": ("{{ v.a / 2 }}", {"v": {"a": None}}, "value | default(0)", "{{ v.a | default(0) / 2 }}"),
    "null is compared": ("{{ v.a > 2 }}", {"v": {"a": None}}, "value | default(0)", "{{ v.a | default(0) > 2 }}"),
    "a loop over null": (
        "{% for x in v.a %}{{ x }}{% endfor %}",
        {"v": {"a": None}},
        "value or []",
        "-{% for x in v.a or [] %}{{ x }}{% endfor %}",
    ),
    "items of a list": (
        "{% for k, x in v.a.items() %}{{ k }}{% endfor %}",
        {"v": {"a": []}},
        "a method that this value does not have",
        "-{% for k, x in v.b.items() %}{{ k }}{% endfor %}",
    ),
    "a unit in a number": (
        "<p style=\"width: {{ '50%' if v.a else '100%' }}\">",
        {"v": {"a": 1}},
        "its unit `%` stands behind the value",
        '<p style="width: {{ 50 if v.a else 100 }}%">',
    ),
}


@pytest.mark.parametrize(("html", "data", "says", "mended"), MENDED.values(), ids=MENDED)
def test_data_of_another_type_is_answered_with_what_to_write(
    html: str, data: dict[str, Any], says: str, mended: str
) -> None:
    """The message has the words of templates, and a template that follows it takes the data."""
    with pytest.raises(TemplateDataProblemError) as error:
        Template(html).render(data)

    assert says in str(error.value)
    assert Template(mended).render({"v": {"b": {}, **data["v"]} if isinstance(data["v"], dict) else data["v"]})


def test_a_unit_in_the_data_is_told_of_before_anything_is_filled() -> None:
    """The check of a request names it too; what is no unit is not taken for one."""
    placeholders = PlaceholderSet(checked('<p style="width: {{ v }}px">').placeholders)
    problems = {text: placeholders.check({"v": text}).problem for text in ("12px", " 1.5 rem ", "12 apples", "px")}

    assert problems["12px"].endswith("its unit `px` stands behind the value in the template")
    assert problems[" 1.5 rem "].endswith("its unit `rem` stands behind the value in the template")
    assert "unit" not in problems["12 apples"] + problems["px"]


ARGUMENTS = [
    *("v | truncate(n)", "v | truncate(length=n)", "v | wordwrap(n)", "v | center(n)", "v | batch(n) | list"),
    *("v | slice(n) | list", "v | round(n)", "v | money(n)", "v | money(n, m)", "v | money(currency=n)"),
    *("v | number(n)", "v | number(n, m)", "v | number(decimals=n)", "v | percent(decimals=n)", "v | compact(n, m)"),
    *("v | date(n)", "v | date(n, m)", "v | time(locale=n)", "v | datetime(n)", "v | money(m.currency)"),
    *("[[v, 0] | max, 100] | min", "v is divisibleby(n)", "v is even", "v is odd"),
]


@pytest.mark.parametrize("expression", ARGUMENTS)
def test_samples_go_with_the_arguments_of_filters(expression: str) -> None:
    """A value that a filter takes as a length, a locale, a currency or a style has a sample of that kind."""
    assert checked("{{ " + expression + " }}").warnings == []
