"""Slips of the hand are answered with what to write, and a template with that in their place is accepted."""

import re
import time

import pytest

from tests.renderer.language.reading import checked, errors_of

SLIPS = {
    "an element ends in a value": ("<p>{{ name </p>", "{{ name ", "}}` is missing before `</p`"),
    "an element begins in a value": ("{{ name <b>x</b> {{ a }}", "{{ name ", "}}` is missing before `<b`"),
    "half an end": ("<p>{{ b }</p>", "{{ b }", "}}` is missing"),
    "half an end of an object": ("<p>{{ {'a': b}['a'] }</p>", "{{ {'a': b}['a'] }", "}}` is missing"),
    "half an end of a statement": ("{% if a }x{% endif %}", "{% if a }", "%}` is missing"),
    "the other end of a statement": ("{% if a }}x{% endif %}", "{% if a }}", "%}` is missing"),
    "the other end of a value": ("{{ b %}", "{{ b %}", "}}` is missing"),
    "no end at all": ("<p>{{ name", "{{ name", "}}` is missing"),
    "the next value": ("{{ a {{ b }}", "{{ a ", "}}` is missing"),
    "an equals sign": ("{% if a = b %}x{% endif %}", "{% if a = b %}", "`==` compares"),
    "an equals sign in a branch": ("{% if a %}{% elif a = b %}x{% endif %}", "{% elif a = b %}", "`==` compares"),
    "an equals sign in a value": ("{{ a = b }}", "{{ a = b }}", "`==` compares"),
    "a name with a blank": ("<p>{{ first name }}", "{{ first name }}", "a name has no blanks"),
    "a name with a blank and a filter": ("{{ first name | upper }}", "{{ first name | upper }}", "no blanks"),
    "a text beside a name": ("{{ 'Really?' name }}", "{{ 'Really?' name }}", "`~` joins them"),
    "else if": ("{% if a %}{% else if b %}x{% endif %}", "{% else if b %}", "`else if` is `elif`"),
    "else if with trimming": ("{% if a %}{%- else if b -%}x{% endif %}", "{%- else if b -%}", "`else if` is `elif`"),
    "a statement in a value": ("{{ if a > 1 }}x{% endif %}", "{{ if a > 1 }}", "a statement stands between"),
    "a loop in a value": ("{{for x in a}}x{% endfor %}", "{{for x in a}}", "a statement stands between"),
    "a loop of JavaScript": ("{% for (const x of a.b) %}x{% endfor %}", "{% for (const x of a.b) %}", "nor `of`"),
    "a loop in parentheses": ("{% for (x in a) %}x{% endfor %}", "{% for (x in a) %}", "neither parentheses"),
    "a name of Go": ("<p>{{ .Page.Title | upper }}</p>", "{{ .Page.Title | upper }}", "begin with a dot"),
    "an assignment of Go": ("{% set x := a + 1 %}{{ x }}", "{% set x := a + 1 %}", "`=` gives a value to a name"),
    "an argument without parentheses": ("{{ a | default 'x' }}", "{{ a | default 'x' }}", "in parentheses"),
    "arguments without parentheses": (
        "{% if a|replace 'x', 'y'|upper %}x{% endif %}",
        "{% if a|replace 'x', 'y'|upper %}",
        "in parentheses",
    ),
    "curly quotes": ("{{ a | default(“it”) }}", "{{ a | default(“it”) }}", "straight quotes"),
    "single curly quotes": ("{% if a == ‘b’ %}x{% endif %}", "{% if a == ‘b’ %}", "straight quotes"),
    "a quote in a text": ("<p>{{ 'it's' }}</p>", "{{ 'it's' }}", "take the other quotes"),
    "a quote in a default": ("{{ a | default('it's') }}", "{{ a | default('it's') }}", "take the other quotes"),
}


@pytest.mark.parametrize(("html", "wrong", "says"), SLIPS.values(), ids=SLIPS)
def test_what_to_write_is_accepted_where_the_slip_is(html: str, wrong: str, says: str) -> None:
    """The message has no words of Jinja2's parser, and its last part replaces what is wrong."""
    [error] = errors_of(html)
    shown = re.search(r"write `(.*)`\Z", error.message)

    assert says in error.message
    assert "expected" not in error.message
    assert shown is not None
    assert error.line == 1
    assert errors_of(html.replace(wrong, shown[1])) == []


BLOCKS = {
    "at the end": ("<p>\n{% if a %}\n<b>", "`{% if %}` is not closed; write `{% endif %}`", 2),
    "the inner one": ("{% for a in b %}\n{% if a %}x{% endif %}\n", "`{% for %}` is not closed", 1),
    "at another end": ("{% for a in b %}\n{% if a %}\n{% endfor %}", "`{% if %}` of line 2 is not closed", 3),
    "a set block": ("{% set a = 1 %}\n{% set b %}x", "`{% set %}` is not closed; write `{% endset %}`", 2),
    "raw": ("<p>\n{% raw %}x", "`{% raw %}` is not closed", 2),
    "an end alone": ("<p>{% endif %}", "ends nothing: no `{% if %}` is open here", 1),
    "a break alone": ("<p>\n{% if a %}{% break %}{% endif %}", "`{% break %}` stands in no loop", 2),
    "a continue in the macro of a loop": (
        "{% for a in b %}\n{% macro m() %}{% continue %}{% endmacro %}{{ m() }}{% endfor %}",
        "`{% continue %}` stands in no loop",
        2,
    ),
    "a break after a loop": ("{% for a in b %}{% else %}\n{% break %}{% endfor %}", "stands in no loop", 2),
    "a break after a recursive loop": (
        "{% for c in d %}{% for a in b recursive %}{% else %}\n{% break %}{% endfor %}{% endfor %}",
        "stands in no loop",
        2,
    ),
    "an else alone": ("<p>{% else %}", "stands in no `{% if %}`", 1),
    "a style element": ("<p>\n<style>\np {}\n{% if a %}b{% endif %}\n", "close it with `</style>`", 2),
    "a second style element": ("<STYLE></STYLE>\n<STYLE>\np {}\n", "close it with `</style>`", 2),
    "a comment": ("<!-- a -->\n<p>\n<!-- b <!-- c\n\n", "close it with `-->`", 3),
}


@pytest.mark.parametrize(("html", "says", "line"), BLOCKS.values(), ids=BLOCKS)
def test_what_is_not_closed_is_named_where_it_begins(html: str, says: str, line: int) -> None:
    """The message says which, and the line is its own, or that of the end before which it has to be closed."""
    [error] = errors_of(html)

    assert says in error.message
    assert "Jinja" not in error.message
    assert error.line == line


def test_what_stands_in_an_element_that_is_not_closed_hides_its_place_from_nobody() -> None:
    """Values and tags in it do not move the error."""
    error = errors_of("<p>a</p>\n<style>\np { color: {{ a }} }\n</p><p>{{ b }}</p>\n{{ c }}</p>")[0]

    assert (error.line, error.column) == (2, 1)
    assert "close it with `</style>`" in error.message


@pytest.mark.parametrize(("tag", "meant"), [("fro", "for"), ("iff", "if"), ("endfi", "endif"), ("macor", "macro")])
def test_a_misspelt_tag_is_answered_with_the_nearest(tag: str, meant: str) -> None:
    """Also the end of a block that is open; what to write is accepted."""
    [error] = errors_of("{% if a %}{% " + tag + " a in b %}")
    shown = re.search(r"write `(.*)`\Z", error.message)

    assert f"`{meant}` is one" in error.message
    assert shown is not None
    assert errors_of(shown[1]) == []


def test_a_misspelt_filter_is_answered_with_the_nearest() -> None:
    """One that is like none is answered without a guess."""
    assert errors_of("{{ a | uper }}")[0].message == "there is no filter `uper`; `upper` is one"
    assert errors_of("{{ a | qqqq }}")[0].message == "there is no filter `qqqq`"


@pytest.mark.parametrize(
    ("html", "wrong"),
    [
        ("{% for a in items %}<b>{{this}}</b>{% endfor %}", "{{this}}"),
        ("{% for a in items %}{% for b in a %}{{ this }}{% endfor %}{% endfor %}", "{{ this }}"),
        ("{% for a in items %}{{ @index }}{% endfor %}", "{{ @index }}"),
        ("{% for a in items %}{% if @last %}c{% endif %}{% endfor %}", "{% if @last %}c{% endif %}"),
        ("{% for a in items %}{{ ../x }}{% endfor %}", "{{ ../x }}"),
        ("{% for a in items %}x{{else}}y{% endfor %}", "{{else}}"),
        ("{% if a %}x{{else}}y{% endif %}", "{{else}}"),
        ("{% for a in items %}{{ loop.counter }}{% endfor %}", "{{ loop.counter }}"),
        ("{% for a in items %}{{ loop.revcounter0 }}{% endfor %}", "{{ loop.revcounter0 }}"),
        ("{% for a in items reversed %}{{ a }}{% endfor %}", "{% for a in items reversed %}{{ a }}{% endfor %}"),
        ("{{ a.[0] }}", "{{ a.[0] }}"),
        ("{{ a?.b }}", "{{ a?.b }}"),
        ("{{ a | number_format(2, ',', '.') }}", "{{ a | number_format(2, ',', '.') }}"),
    ],
)
def test_half_translated_templates_are_answered_with_what_stands_there_instead(html: str, wrong: str) -> None:
    """What to write is accepted in its place."""
    [error] = errors_of(html)
    shown = re.search(r"write `(.*)`\Z", error.message)

    assert shown is not None
    assert errors_of(html.replace(wrong, shown[1].replace("…", "c"))) == []


@pytest.mark.parametrize(
    "html",
    [
        "{% for this in items %}{{ this }}{% endfor %}",
        "{% for a in this %}{{ a }}{% endfor %}{{ this }}",
        "{# placeholders: this: text #}{% for a in items %}{{ this }}{% endfor %}",
        "{% set this = 1 %}{% for a in items %}{{ this }}{% endfor %}",
        "{{ loop.counter }}",
        "{# placeholders: block: object #}{{ block.super }}",
    ],
)
def test_a_name_of_the_template_is_a_name(html: str) -> None:
    """Where it is declared, bound by the template, or outside of any loop."""
    assert errors_of(html) == []


def test_a_parent_template_is_answered() -> None:
    """A template stands alone, so that nothing is inherited."""
    [error] = errors_of("<p>{{ block.super }}")

    assert (error.message, error.column) == (
        "`block.super` is Django's, and a template stands alone; put the markup here",
        7,
    )


def test_number_format_keeps_its_format() -> None:
    """The locale is the one with the same separators."""
    assert '`{{ value | number("de-DE", 2) }}`' in errors_of("{{ a | number_format(2, ',', '.') }}")[0].message
    assert '`{{ value | number("en-US", 0) }}`' in errors_of("{{ a | number_format(0, '.', ',') }}")[0].message
    assert "`{{ value | number(decimals=1) }}`" in errors_of("{{ a | number_format(1) }}")[0].message


WARNED = {
    "one letter less": ("<p>\n{# placeholder:\n  a: text #}{{ a }}", "placeholder_comment", "line 2"),
    "on one line": ("{# placeholder: a: text #}{{ a }}", "placeholder_comment", "`{# placeholders:`"),
    "a letter missing": ("{# placholders:\n  a: text #}{{ a }}", "placeholder_comment", "`placholders:`"),
    "no colon": ("{# placeholders\n  a: text #}{{ a }}", "placeholder_comment", "`{# placeholders:`"),
    "a name with a minus": ("<p>\n{{ first-name }}", "minus_in_name", "line 2: `first-name` is `first` minus `name`"),
    "two of them": ("{{ a-b-c }}", "minus_in_name", "write `a_b_c`"),
    "a part with one": ("{{ item.unit-price }}", "minus_in_name", "`unit-price`"),
    "ERB": ("<p>\n<%= name %>", "placeholder_foreign", "line 2: `<%= name %>`"),
    "JavaScript": ("<p>${name}</p>{{ a }}", "placeholder_foreign", "write `{{ name }}`"),
    "brackets": ("<p>Dear [[name]],</p>", "placeholder_foreign", "write `{{ name }}`"),
    "per cent": ("<p>Dear %name%,</p>", "placeholder_foreign", "write `{{ name }}`"),
    "in an attribute": ('<img src="${photo.url}">', "placeholder_foreign", "write `{{ photo.url }}`"),
}
SILENT = [
    "{# placeholder for a picture: none #}{{ a }}",
    "{# placeholders: a: text #}{{ a }}",
    "{{ first - name }}",
    "{{ a-1 }}{{ 3-2 }}",
    "{# placeholders: total: number #}{{ total-discount }}",
    "{{ total }} - {{ paid }} = {{ total-paid }}",
    "{{ a['first-name'] }}{{ 'first-name' }}",
    "{% set a = 3 %}{% set b = 2 %}{{ a-b }}",
    "<script>let a = `${name}`, b = [[name]]</script>",
    "<style>p { width: calc(50%) } p::after { content: '%name%' }</style>",
    "<p>From 50% to 100%, 20%off% and 5 % of 10 %</p>",
    '<a href="https://a.example/?q=%C3%A4b%20c&d=%DD%">x</a>',
    "<p>{{ '%name%' }}{% raw %}${name}{% endraw %}{# [[name]] #}</p>",
    "<pre>echo ${HOME}</pre><code>[[name]]</code><!-- <%= name %> -->",
    "<p>[[1, 2], [3]] $5 {x} $ {y} <%</p>",
    "<script>{{ a | tojson }}; let b = `${name}`; {{ c | tojson }}</script>",
]


@pytest.mark.parametrize(("html", "code", "says"), WARNED.values(), ids=WARNED)
def test_what_is_likely_meant_otherwise_is_a_warning(html: str, code: str, says: str) -> None:
    """The upload is accepted; the warning names the line."""
    [warning] = [each for each in checked(html).warnings if each.code == code]

    assert says in warning.message


@pytest.mark.parametrize("html", SILENT)
def test_what_may_be_meant_so_has_no_warning(html: str) -> None:
    """Codes, styles, percentages, subtractions and comments are what they are."""
    codes = {warning.code for warning in checked(html).warnings}

    assert codes.isdisjoint({"placeholder_comment", "minus_in_name", "placeholder_foreign"})


HOSTILE = {
    "open values": "{{ a " * 20_000,
    "open blocks": "{% if a %}" * 19_000,
    "brackets": "[[" * 400_000,
    "per cent": "%a" * 400_000,
    "dollars": "${a" * 300_000,
    "ERB": "<%= " * 40_000,
    "scripts": "<script>${a}</script>" * 15_000 + "${a}",
    "open comments": "${a}" + "<!--" * 200_000,
    "minus": "{{ " + "a-" * 200 + "a }}" * 1,
    "comments": "{# placeholder: " + " " * 900_000 + "#}",
    "letters": "{# " + "placeholder" * 80_000 + " #}",
    "style elements": "<style></style>" * 15_000 + "<style>",
    "a long tag": "{% " + "f" * 900_000 + " %}",
    "quotes": "{{ '" + "a'" * 400_000 + " }}",
    "declarations": "{# placeholders:\n" + "a" + "-a" * 400_000 + "\n#}",
}


@pytest.mark.parametrize("html", HOSTILE.values(), ids=HOSTILE)
def test_hints_take_no_time_that_grows_with_the_square(html: str) -> None:
    """Much of what is nearly something is answered as fast as other texts of its length."""
    began = time.process_time()
    errors_of(html)

    assert time.process_time() - began < 8


@pytest.mark.parametrize(
    "html",
    [
        "{% for b in c %}{% for a in b %}{% else %}{% break %}{% endfor %}{% endfor %}",
        "{% for a in b recursive %}{% if a %}{% continue %}{% endif %}{% endfor %}",
        "{% macro m(b) %}{% for a in b %}{% break %}{% endfor %}{% endmacro %}{{ m(c) }}",
        "{% for a in b %}{% set c %}{% if a %}{% break %}{% endif %}{% endset %}{% endfor %}",
    ],
)
def test_a_jump_in_a_loop_is_none_alone(html: str) -> None:
    """Also after an inner loop, in which it leaves the outer one."""
    assert errors_of(html) == []


@pytest.mark.parametrize("html", ["{{ it’s }}", "{% for x in range 5 %}x{% endfor %}"])
def test_nothing_is_written_that_would_be_refused(html: str) -> None:
    """Where the tag is not known to be right afterwards, the answer has no example."""
    assert "write" not in errors_of(html)[0].message
