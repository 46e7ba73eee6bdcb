"""What people bring from Handlebars, Django, Twig and Liquid is recognized, and every hint works where it stands."""

import re

import pytest

from renderer.language.advice import foreign
from renderer.language.advice.foreign_scripts import LIBRARY_MIN_CHARACTERS
from renderer.language.template import Template
from tests.renderer.language.reading import checked, errors_of

BROUGHT = {
    "Handlebars condition": ("<p>\n{{#if x}}a{{/if}}", 2, 1),
    "Handlebars loop": ("{{#each xs}}{{this}}{{/each}}", 1, 1),
    "Handlebars unless": ("{{#unless x}}a{{/unless}}", 1, 1),
    "Handlebars end": ("{% if x %}a{{/if}}", 1, 12),
    "Handlebars else": ("{% if x %}a{{else}}b{% endif %}", 1, 14),
    "Handlebars markup": ("<p>{{{x}}}</p>", 1, 4),
    "Handlebars comment": ("{{! c }}", 1, 1),
    "Handlebars partial": ("{{> card }}", 1, 1),
    "Handlebars index": ("{{ @index }}", 1, 1),
    "Mustache markup": ("{{& x }}", 1, 1),
    "Django load": ("{% load static %}", 1, 1),
    "Django empty": ("{% for a in xs %}{% empty %}{% endfor %}", 1, 18),
    "Django date": ('{{ d|date:"Y" }}', 1, 1),
    "Django default": ('{{ d|default:"x" }}', 1, 1),
    "Django counter": ("{% for a in xs %}{{ forloop.counter }}{% endfor %}", 1, 28),
    "Django last": ("{% for a in xs %}{% if not forloop.last %}, {% endif %}{% endfor %}", 1, 35),
    "Django breaks": ("<p>{{ x|linebreaks }}", 1, 9),
    "Django verbatim": ("a{% endverbatim %}", 1, 2),
    "Liquid assign": ("{% assign x = 1 %}", 1, 1),
    "Liquid date": ('{{ x | date: "%Y" }}', 1, 1),
    "Liquid elsif": ("{% if a %}{% elsif b %}{% endif %}", 1, 11),
    "Twig elseif": ("{% if a %}{% elseif b %}{% endif %}", 1, 11),
    "Twig choice": ("{{ x ? 'a' : 'b' }}", 1, 1),
    "Twig default": ("{{ x ?? 'a' }}", 1, 1),
    "JavaScript's or": ("{{ x || y }}", 1, 1),
    "JavaScript's or in a condition": ("{% if x || y %}{% endif %}", 1, 1),
    "JavaScript's and in a condition": ("<p>{% if x && y %}{% endif %}", 1, 4),
    "JavaScript's not": ("{% if !x %}{% endif %}", 1, 1),
    "JavaScript's equality": ("{% if x === y %}{% endif %}", 1, 1),
    "JavaScript's inequality": ("{{ x !== y }}", 1, 1),
    "Twig choice in a statement": ("{% set z = x ? 'a' : 'b' %}", 1, 1),
    "Twig default in a statement": ("{% if x ?? y %}{% endif %}", 1, 1),
    "Twig range": ("{% for i in 1..3 %}{% endfor %}", 1, 1),
    "Liquid range": ("{% for i in (1..3) %}{% endfor %}", 1, 1),
    "Twig empty": ("{% if x is empty %}{% endif %}", 1, 9),
    "Twig same as": ("{% if x is same as(y) %}{% endif %}", 1, 9),
    "PHP arrow": ("{{ x->y }}", 1, 1),
    "PHP variable": ("{{ $x }}", 1, 1),
    "n8n value": ("{{ $json.hook }}", 1, 1),
    "n8n node": ("{{ $('Code').item.json.hook }}", 1, 1),
    "JavaScript's function": ("{{ items.map(b => b.name).join('') }}", 1, 1),
    "JavaScript's text": ("<p>{{ `a` }}", 1, 4),
    "Handlebars parent": ("{{../x}}", 1, 1),
    "Django filter in a condition": ('{% if x|default:"y" %}{% endif %}', 1, 1),
    "Django slice": ('{{ x|slice:":5" }}', 1, 1),
    "Django filter of a project": ('{{ x|sparkle:"a" }}', 1, 1),
    "Liquid filter with two arguments": ('{{ x | replace: "a", "b" }}', 1, 1),
    "Liquid map": ('{{ x | map: "name" | join: ", " }}', 1, 1),
    "Twig asset": ("<img src=\"{{ asset('a.png') }}\">", 1, 14),
    "Flask address": ("<a href=\"{{ url_for('a') }}\">", 1, 13),
    "CSS with {#": ("<style>@media(a){#hero{top:0}}</style>", 1, 17),
    "JavaScript with {#": ("<script>class A {#b = 1}</script>", 1, 17),
    "url in a style attribute": ('<p style="background: url({{ x }})">', 1, 27),
    "url in a style attribute with single quotes": ("<p style='background: url({{ x }})'>", 1, 27),
    "url in a style element": ("<style>p { background: url({{ x }}) }</style>", 1, 28),
    "Django's pattern": ("{{ x|date('F j, Y') }}", 1, 6),
    "Django's pattern of a time": ("{{ x|time('H:i') }}", 1, 6),
    "Django's pattern of digits": ("{{ x|date('Y-m-d') }}", 1, 6),
    "strftime's pattern": ("{{ x|datetime('%d.%m.%Y %H:%M') }}", 1, 6),
    "moment's pattern": ("{{ x|date('DD.MM.YYYY') }}", 1, 6),
    "a week's year": ("{{ x|date('dd.MM.YYYY') }}", 1, 6),
    "minutes for months": ("{{ x|date('yyyy-mm-dd') }}", 1, 6),
    "minutes for months with a time": ("{{ x|datetime('yyyy-mm-dd HH:mm') }}", 1, 6),
    "a time in a date": ("{{ x|date('d MMM HH:mm') }}", 1, 6),
    "a date in a time": ("{{ x|time('d MMM') }}", 1, 6),
}
PATTERNS = {
    "F j, Y": ("date", "MMMM d, yyyy"),
    "Y-m-d": ("date", "yyyy-MM-dd"),
    "d/m/y": ("date", "dd/MM/yy"),
    "D d M Y": ("date", "EEE dd MMM yyyy"),
    "H:i": ("time", "HH:mm"),
    "g:i A": ("time", "h:mm a"),
    "%d.%m.%Y %H:%M": ("datetime", "dd.MM.yyyy HH:mm"),
    "%B %-d, %Y": ("date", "MMMM d, yyyy"),
    "DD.MM.YYYY": ("date", "dd.MM.yyyy"),
    "dd.MM.YYYY": ("date", "dd.MM.yyyy"),
    "dddd, D MMMM YYYY": ("date", "EEEE, d MMMM yyyy"),
    "yyyy-mm-dd": ("date", "yyyy-MM-dd"),
    "dd/mm/YYYY": ("date", "dd/MM/yyyy"),
    "HH:MM": ("time", "HH:mm"),
    "dd.mm.yyyy HH:mm": ("datetime", "dd.MM.yyyy HH:mm"),
    "d MMM HH:mm": ("date", None),
    "D.M.Y h:m": ("datetime", "dd.MM.yyyy hh:mm"),
    "d/m/Y h:m": ("datetime", "dd/MM/yyyy hh:mm"),
    "D, d M Y H:i": ("datetime", "EEE, dd MMM yyyy HH:mm"),
    "%d.%m. %H:%m": ("datetime", "dd.MM. HH:mm"),
}


@pytest.mark.parametrize(("html", "line", "column"), BROUGHT.values(), ids=BROUGHT)
def test_it_is_answered_with_its_place_and_what_to_write(html: str, line: int, column: int) -> None:
    """The first error says what it is, where it stands, and what to write instead."""
    error = errors_of(html)[0]

    assert (error.line, error.column) == (line, column)
    assert re.search("write|quotes|`datetime`", error.message)
    assert "unexpected" not in error.message
    assert "expected token" not in error.message


@pytest.mark.parametrize("html", [html for html, *_ in BROUGHT.values()], ids=BROUGHT)
def test_what_a_hint_says_is_accepted(html: str) -> None:
    """A template that holds what the hint says to write can be uploaded."""
    message = errors_of(html)[0].message
    shown = re.search(r"(?:write|with|say|quotes:) `(.*)`\Z", message)
    if shown is None or "url(" in shown.group(1) or "{ #" in shown.group(1):
        return
    if re.fullmatch(r"\{% (?:if|for) [^%]*%\}", shown.group(1)):
        # A statement that stands in the place of another, which is closed.
        assert errors_of(re.sub(r"\{%[^%]*%\}", lambda _: shown.group(1), html, count=1)) == []
        return

    assert errors_of("{% for a in items %}" + shown.group(1).replace("…", "c") + "{% endfor %}") == []


@pytest.mark.parametrize("quote", ['"', "'"])
def test_the_hint_for_an_address_works_where_it_stands(quote: str) -> None:
    """Inside an attribute the address takes the other quotes."""
    html = f"<p style={quote}background: url({{{{ x }}}}){quote}>"
    shown = re.search(r"`(url\(.*\))`", errors_of(html)[0].message)

    assert shown is not None
    assert errors_of(html.replace("url({{ x }})", shown.group(1).replace("…", "x"))) == []


def test_a_space_ends_the_comment_that_css_began() -> None:
    """`{ #` is CSS and JavaScript, as the hint says."""
    assert errors_of("<style>@media(width > 1px){ #hero{top:0}}</style>{{ x }}") == []


@pytest.mark.parametrize("name", foreign.TAGS)
def test_every_tag_has_a_hint_that_works(name: str) -> None:
    """The tag is refused by its name, and what to write instead is accepted."""
    error = errors_of("{% " + name + " x %}")[0]

    assert error.message == foreign.tag_hint(name)
    assert errors_of(foreign.TAGS[name][1]) == []


@pytest.mark.parametrize("name", foreign.FILTERS)
def test_every_filter_has_a_hint_that_works(name: str) -> None:
    """The filter is refused by its name, and what to write instead is accepted."""
    error = errors_of("{{ x | " + name + " }}")[0]

    assert error.message == foreign.filter_hint(name)
    assert errors_of(foreign.FILTERS[name][1]) == []


@pytest.mark.parametrize("name", foreign.TESTS)
def test_every_test_has_a_hint_that_works(name: str) -> None:
    """The test is refused by its name, and what to write instead is accepted."""
    assert errors_of("{% if x is " + name + " %}{% endif %}")[0].message == foreign.test_hint(name)
    assert errors_of(foreign.TESTS[name][1]) == []


@pytest.mark.parametrize("name", foreign.FUNCTIONS)
def test_every_function_has_a_hint_that_works(name: str) -> None:
    """The function is refused by its name, and what to write instead is accepted."""
    assert errors_of("{{ " + name + "(x) }}")[0].message == foreign.function_hint(name)
    assert errors_of(foreign.FUNCTIONS[name][1]) == []


def test_what_a_text_holds_is_no_operator() -> None:
    """A mistake beside a question mark in a text is answered for what it is."""
    assert "Twig" not in errors_of("{{ 'Really?' name }}")[0].message


@pytest.mark.parametrize("pattern", ["d.M.yyyy HH:mm", "mm:ss", "dd MMM yyyy mm", "d. E H:mm", "yyyy-MM-dd'T'HH:mm"])
def test_minutes_are_minutes(pattern: str) -> None:
    """Minutes in a pattern that has a month, or no date, are no mistake."""
    assert errors_of('{{ x | datetime("' + pattern + '") }}') == []


@pytest.mark.parametrize("part", foreign.LOOPS)
def test_every_part_of_a_loop_has_a_hint_that_works(part: str) -> None:
    """`forloop` is `loop` here."""
    error = errors_of("{% for a in xs %}{{ forloop." + part + " }}{% endfor %}")[0]

    assert f"loop.{foreign.LOOPS[part]} " in error.message
    assert errors_of("{% for a in xs %}{{ loop." + foreign.LOOPS[part] + " }}{% endfor %}") == []


@pytest.mark.parametrize(("pattern", "expected"), PATTERNS.items())
def test_a_pattern_of_another_library_is_translated(pattern: str, expected: tuple[str, str | None]) -> None:
    """The hint is the pattern that means the same, and it is accepted; where there is none, it names the filter."""
    kind, better = expected
    error = errors_of("{{ x | " + kind + "('" + pattern + "') }}")[0]

    assert (f"write '{better}'" in error.message) if better else ("`datetime`" in error.message)
    assert better is None or errors_of("{{ x | " + kind + "('" + better + "') }}") == []


FILLER = "/* " + "x" * LIBRARY_MIN_CHARACTERS + " */"
LIBRARIES = {
    "delimiters": 'let t=["{{","}}"];',
    "template literal": "f(`{{${a}}}`);",
    "choice": "a={b:{{c?1:2}}};",
    "private field": "class A{#b=1}",
    "blocks": "let t='{{#each a}}{{/each}}';",
    "statements": 'let t=["{%","%}"];',
}
"""Braces as minified libraries have them."""


@pytest.mark.parametrize("code", LIBRARIES.values(), ids=LIBRARIES)
def test_braces_of_a_library_are_answered_with_raw_which_keeps_it_as_it_is(code: str) -> None:
    """One error for the script, at its first braces; between `raw` and `endraw` it is in the document unchanged."""
    script = f"{code}{FILLER}{code}"
    [error] = errors_of(f"<p>{{{{ a }}}}</p><script>{script}</script>")

    assert error.message.endswith("put it between `{% raw %}` and `{% endraw %}`")
    assert error.line == 1
    html = f"<p>{{{{ a }}}}</p><script>{{% raw %}}{script}{{% endraw %}}</script>"
    assert errors_of(html) == []
    assert script in Template(html).render({"a": 1})


@pytest.mark.parametrize("kind", ["text/x-handlebars-template", "text/html", "text/x-mustache", "text/ng-template"])
def test_templates_that_a_script_fills_are_answered_with_raw(kind: str) -> None:
    """Also short ones: their `type` says what they are."""
    [error] = errors_of(f'<script type="{kind}">{{{{#each xs}}}}{{{{this}}}}{{{{/each}}}}</script>')

    assert error.message.endswith("put it between `{% raw %}` and `{% endraw %}`")


def test_a_value_in_a_long_script_is_also_answered_with_tojson() -> None:
    """The script may be the template's own."""
    [error] = errors_of(f'<script>let a = "{{{{ v }}}}";{FILLER}</script>')

    assert "only through `tojson`" in error.message
    assert "`{% raw %}`" in error.message


def test_mistakes_in_a_long_style_sheet_of_the_template_are_told_as_elsewhere() -> None:
    """The first one has the hint for a sheet from elsewhere as well."""
    first, second = errors_of(
        f"<style>p {{ color: {{{{ a | uper }}}}; width: {{{{ b | nothing }}}}px }}{FILLER}</style>"
    )

    assert first.message.startswith("there is no filter `uper`; `upper` is one; if this comes from elsewhere")
    assert second.message == "there is no filter `nothing`"


FRAMEWORKS = {
    "Vue": '<li v-for="to in xs">{{ to.time }}</li>',
    "Angular": '<div ng-app="a">{{ x }}</div>',
    "Alpine": '<div x-data="{}"><p x-text="a">{{ b }}</p></div>',
}


@pytest.mark.parametrize(("name", "html"), FRAMEWORKS.items(), ids=FRAMEWORKS)
def test_placeholders_of_a_framework_are_a_warning(name: str, html: str) -> None:
    """They would be filled with the data of the request; between `raw` and `endraw` there is no warning."""
    [warning] = [each for each in checked(html).warnings if each.code == "script_placeholders"]

    assert f"{name}'s" in warning.message
    assert checked("{% raw %}" + html + "{% endraw %}").warnings == []


@pytest.mark.parametrize(
    "html",
    [
        "<div x-data=\"{ n: '{{ n }}' }\"></div>",
        "<p @click=\"go('{{ n }}')\">",
        "<p :class=\"'{{ n }}'\">",
        "<p v-text=\"'{{ n }}'\">",
        "<p ng-init=\"n='{{ n }}'\">",
    ],
)
def test_a_value_in_an_attribute_that_is_run_is_told_of(html: str) -> None:
    """The warning has its place and the way through `tojson`, with which there is no such warning."""
    [warning] = checked(html).warnings
    through = re.sub("[\"'](.*?)'{{ n }}'(.*?)[\"']>", r"'\1{{ n|tojson }}\2'>", html)

    assert warning.code == "script_placeholders"
    assert "is run as JavaScript" in warning.message
    assert "tojson" in through
    assert not any("is run as JavaScript" in each.message for each in checked(through).warnings)


def test_other_attributes_are_not_run() -> None:
    """Also those with names that begin alike."""
    assert checked('<p xlink:href="{{ a }}" data-x="{{ b }}" x-label="{{ c }}" v-align="{{ d }}">').warnings == []


@pytest.mark.parametrize(("method", "write"), foreign.METHODS.items())
def test_a_method_that_is_not_there_is_answered_with_what_to_write(method: str, write: str) -> None:
    """What is written is accepted; of other methods the answer names no example."""
    [error] = errors_of("{{ x." + method + "(y) }}")

    assert error.message == f"`.{method}()` is not available; write `{write}`"
    assert errors_of(write) == []
    assert errors_of("{{ x.nothing_known() }}")[0].message.endswith("use a filter")
