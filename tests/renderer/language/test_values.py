"""A poster's data from the upload to the document: what Jinja2 prints is asked for, accepted, and printed."""

from html import unescape
from typing import Any

import pytest

from renderer.language.template import Template
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
