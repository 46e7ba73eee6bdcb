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


BRANCHES = {
    "<p style=\"text-align: {{ 'right' if rtl else 'left' }}\">": "{% if rtl %}right{% else %}left{% endif %}",
    "<p style=\"display: {{ 'none' if not a.b }}\">": "{% if not a.b %}none{% endif %}",
    "<p style=\"{{ 'color: red' if n > 0 else '' }}\">": "{% if n > 0 %}color: red{% endif %}",
    "<style>.{{ 'a' if v else 'b' }} { top: 0 }</style>": "{% if v %}a{% else %}b{% endif %}",
    "<style>@media (min-width: {{ '5px' if v else '9px' }}) { p { top: 0 } }</style>": (
        "{% if v %}5px{% else %}9px{% endif %}"
    ),
    "<input {{ 'checked' if v }}>": "{% if v %}checked{% endif %}",
}


@pytest.mark.parametrize(("html", "write"), BRANCHES.items())
def test_a_choice_of_words_where_no_value_stands_is_answered_with_branches(html: str, write: str) -> None:
    """The branches stand in the refusal as the template would have them, and are accepted in the value's place."""
    [error] = errors_of(html)

    assert error.message.endswith(f"words of the template can stand there in branches: `{write}`")
    assert errors_of(re.sub(r"\{\{.*\}\}", lambda _: write, html)) == []


@pytest.mark.parametrize(
    "html",
    [
        *(
            "<p class={{ 'a' if v }}>",
            "<{{ 'b' if v else 'i' }}>x",
            "<!-- {{ 'a' if v }} -->",
            "<p data-{{ 'a' if v }}=1>",
        ),
        *("<p style=\"float: {{ 'left' if v else a }}\">", "<p style='float: {{ \"a'b\" if v }}'>"),
    ],
)
def test_branches_are_not_named_where_they_cannot_stand_either(html: str) -> None:
    """Nor for a choice that is not of words."""
    assert "branches" not in errors_of(html)[0].message


IN_SCRIPTS = {
    'let a = "{{ s }}"': ('"{{ s }}"', "{{ s | tojson }}"),
    'let a = "Hello, {{ s }}!"': ("{{ s }}", '" + {{ s | tojson }} + "'),
    "let a = 'Hello, {{ a.b|tojson }}!'": ("{{ a.b|tojson }}", "' + {{ a.b|tojson }} + '"),
    "let a = `Hello, {{ s }}!`": ("let a = `Hello, {{ s }}!`", "const text = {{ s | tojson }}; let a = `${text}!`"),
    "let a = {{ s }}": ("{{ s }}", "{{ s | tojson }}"),
    "// {{ s }}\nlet a": ("{{ s }}", "{# {{ s }} #}"),
    "/* {{ s | tojson }} */": ("{{ s | tojson }}", "{# {{ s }} #}"),
}


@pytest.mark.parametrize(("script", "change"), IN_SCRIPTS.items())
def test_the_way_into_a_script_is_told_at_once(script: str, change: tuple[str, str]) -> None:
    """One answer has both the filter and the place; nobody is refused a second time who follows it."""
    [error] = errors_of(f"<script>{script}</script>")
    write = re.search(r"\{\{ [\w.]+ ?\| ?tojson \}\}|\{# … #\}", error.message)

    assert write is not None
    assert write.group() in change[1] or "{#" in change[1]
    assert errors_of(f"<script>{script.replace(*change)}</script>") == []


def test_a_comment_of_css_is_answered_with_one_of_the_template() -> None:
    """In a style element and in a style attribute."""
    for html in ("<style>p { /* color: {{ s }}; */ top: 0 }</style>", "<p style='/* {{ s }} */ top: 0'>"):
        assert "comment; `{# … #}` leaves something out" in errors_of(html)[0].message
        assert errors_of(re.sub(r"/\*.*\*/", "{# {{ s }} #}", html)) == []
