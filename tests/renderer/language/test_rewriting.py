"""Filters and tags of Django and Liquid that have arguments are answered with what to write in their place."""

import re
from html import unescape

import pytest

from renderer.language.template import Template
from tests.renderer.language.reading import errors_of

DATA: dict[str, object] = {
    "x": 1234.5,
    "n": 2,
    "s": "one two three",
    "xs": [{"name": "b"}, {"name": "a"}],
    "v": True,
    "a": {"b": 3},
}
REWRITTEN = {
    "{{ x|floatformat(2) }}": ("{{ x | number(decimals=2) }}", "1,234.50"),
    "{{ x|floatformat:2 }}": ("{{ x | number(decimals=2) }}", "1,234.50"),
    '{{ x|floatformat:"-2" }}': ("{{ x | number(decimals=2) }}", "1,234.50"),
    '{{ x | floatformat("2g") }}': ("{{ x | number(decimals=2) }}", "1,234.50"),
    "{{ x|floatformat:n }}": ("{{ x | number(decimals=n) }}", "1,234.50"),
    "{{ x|floatformat:2|intcomma }}": ("{{ x | number(decimals=2) }}", "1,234.50"),
    "{{ x|intcomma|floatformat:2 }}": ("{{ x | number(decimals=2) }}", "1,234.50"),
    "{{ '~' ~ a.b|floatformat(1) }}": ("{{ '~' ~ a.b | number(decimals=1) }}", "~3.0"),
    "{{ s|truncatechars:6 }}": ("{{ s | truncate(6, true, '…', 0) }}", "one t…"),
    "{{ s|upper|truncatewords(2) }}": ("{{ (s|upper).split()[:2] | join(' ') }}", "ONE TWO"),
    '{{ n|add:"5" }}': ("{{ n + 5 }}", "7"),
    "{{ n|add:5 }}": ("{{ n + 5 }}", "7"),
    "{{ n|times: 3 | plus: 1 }}": ("{{ (n * 3) + 1 }}", "7"),
    "{{ n|divided_by: 2 }}": ("{{ n / 2 }}", "1.0"),
    '{{ s|cut:" " }}': ("{{ s | replace(\" \", '') }}", "onetwothree"),
    '{{ s|append: "!" | upcase }}': ('{{ (s ~ "!") | upper }}', "ONE TWO THREE!"),
    '{{ s|prepend: "! " }}': ('{{ "! " ~ s }}', "! one two three"),
    '{{ s|default_if_none:"-" }}': ('{{ s | default("-") }}', "one two three"),
    'item{{ n|pluralize:"es" }}': ("item{{ '' if n == 1 else 'es' }}", "itemes"),
    'cit{{ n|pluralize:"y,ies" }}': ("cit{{ 'y' if n == 1 else 'ies' }}", "cities"),
    '{{ v|yesno:"ja,nein" }}': ("{{ 'ja' if v else 'nein' }}", "ja"),
    '{{ "=" ~ v|yesno("ja,nein") }}': ("{{ \"=\" ~ ('ja' if v else 'nein') }}", "=ja"),
    '{{ n|stringformat:"03d" }}': ("{{ '%03d' | format(n) }}", "002"),
    '[{{ n|rjust:"3" }}]': ("[{{ '%3s' | format(n) }}]", "[  2]"),
    '{{ s|center:"15" }}': ("{{ s | center(15) }}", " one two three "),
    "{% if n|divisibleby:2 %}y{% endif %}": ("{% if (n is divisibleby 2) %}y{% endif %}", "y"),
    "{% if xs|length_is:2 %}y{% endif %}": ("{% if (xs | length) == 2 %}y{% endif %}", "y"),
    '{% if s|default:"" %}y{% endif %}': ('{% if s|default("") %}y{% endif %}', "y"),
    '{% for a in xs|slice:":1" %}{{ a.name }}{% endfor %}': ("{% for a in xs[:1] %}{{ a.name }}{% endfor %}", "b"),
    "{% for a in xs|slice(':1') %}{{ a.name }}{% endfor %}": ("{% for a in xs[:1] %}{{ a.name }}{% endfor %}", "b"),
    '{% for a in xs|dictsort:"name" %}{{ a.name }}{% endfor %}': (
        '{% for a in xs | sort(attribute="name") %}{{ a.name }}{% endfor %}',
        "ab",
    ),
    '{{ xs | map: "name" | join: "-" }}': ('{{ xs | map(attribute="name") | join("-") }}', "b-a"),
    "{% set y = x|floatformat:0 %}{{ y }}": ("{% set y = x | number(decimals=0) %}{{ y }}", "1,235"),
    "{% with y = x|floatformat:0 %}{{ y }}{% endwith %}": (
        "{% with y = x | number(decimals=0) %}{{ y }}{% endwith %}",
        "1,235",
    ),
    '<p title="{{ s|truncatechars:6 }}">': ("<p title=\"{{ s | truncate(6, true, '…', 0) }}\">", '<p title="one t…">'),
    "{% for a in xs %}{% cycle 'x' 'y' %}{% endfor %}": (
        "{% for a in xs %}{{ loop.cycle('x', 'y') }}{% endfor %}",
        "xy",
    ),
    "{% firstof a.c s 'none' %}": ("{{ a.c or s or 'none' }}", "one two three"),
    "{% widthratio n 8 100 %}": ("{{ (n / 8 * 100) | round | int }}", "25"),
}


@pytest.mark.parametrize(("html", "case"), REWRITTEN.items(), ids=REWRITTEN)
def test_the_answer_shows_the_tag_as_it_is_written_here(html: str, case: tuple[str, str]) -> None:
    """What it shows is accepted in the place of the tag, and prints what Django or Liquid would."""
    expected, printed = case
    message = errors_of(html)[0].message
    shown = re.search(r"write `(.*)`\Z", message)
    tag = re.search(r"\{\{.*?\|.*?\}\}|\{% (?:cycle|firstof|widthratio|.*?\|).*?%\}", html)

    assert shown is not None
    assert tag is not None
    assert html.replace(tag.group(), shown.group(1)) == expected
    assert errors_of(expected) == []
    assert unescape(Template(expected).render(DATA)) == printed


UNKNOWN = [
    '{{ v|yesno:"ja,nein,egal" }}',
    "{{ s|truncatechars:0 }}",
    '{{ xs|where: "a", "b" }}',
    "{{ s|slice: 0, 5 }}",
    '{{ s|default:"a"|date:"Y" }}',
    '{{ s|sparkle:"a" }}',
    "{{ x|floatformat:2\n}}",
    "{{ x|floatformat:" + "2" * 200 + " }}",
    "{% cycle 'a' 'b' as c %}",
]


@pytest.mark.parametrize("html", UNKNOWN)
def test_what_cannot_be_taken_over_is_answered_with_an_example(html: str) -> None:
    """What the example shows is accepted."""
    shown = re.search(r"write `(.*)`\Z", errors_of(html)[0].message)

    assert shown is not None
    assert errors_of(shown.group(1).replace("…", "x")) == []
