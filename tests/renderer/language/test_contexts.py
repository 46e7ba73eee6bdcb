"""Where values may stand: in text, in quoted attributes, in CSS as color, number or url("…"), in scripts by tojson."""

import pytest

from renderer.language.analyse import read_template
from tests.renderer.language.reading import checked, errors_of

ALLOWED = {
    "text": ("<p>{{ x }}</p>", "text"),
    "text of a table": ("<table><tr><td>{{ x }}</table>", "text"),
    "text in SVG": ("<svg><text>{{ x }}</text></svg>", "text"),
    "title": ("<title>{{ x }}</title>", "plain"),
    "textarea": ("<textarea>{{ x }}</textarea>", "plain"),
    "double-quoted attribute": ('<p title="{{ x }}">', "plain"),
    "single-quoted attribute": ("<p title='{{ x }}'>", "plain"),
    "part of an attribute": ('<p class="card {{ x }} wide">', "plain"),
    "attribute with spaces around its equals sign": ('<p title = "{{ x }}">', "plain"),
    "attribute in capitals": ('<P TITLE="{{ x }}">', "plain"),
    "attribute of a tag over several lines": ('<p\n  id="a"\n  title="{{ x }}"\n>', "plain"),
    "description of the page": ('<meta name="description" content="{{ x }}">', "plain"),
    "image": ('<img src="{{ x }}">', "address"),
    "link": ('<a href="{{ x }}">y</a>', "address"),
    "poster of a video": ('<video poster="{{ x }}"></video>', "address"),
    "image in SVG": ('<svg><image xlink:href="{{ x }}"/></svg>', "address"),
    "rest of an address": ('<img src="https://cdn.example/{{ x }}.png">', "address_part"),
    "value after a value": ('<a href="{{ y }}{{ x }}">y</a>', "address_rest"),
    "value after a value and a word": ('<a href="{{ y }}java{{ x }}">y</a>', "address_rest"),
    "value after a value and a slash": ('<a href="{{ y }}/{{ x }}">y</a>', "address_part"),
    "rest of a relative address": ('<a href="/users/{{ x }}">y</a>', "address_part"),
    "rest of a data image": ('<img src="data:image/png;base64,{{ x }}">', "address_part"),
    "after branches in an address": (
        '<a href="https://a/?a=1{% if y %}&b=1{% endif %}&x={{ x }}">y</a>',
        "address_part",
    ),
    "after branches at the end of a path": ('<img src="https://a/{% if y %}b/{% endif %}{{ x }}">', "address_part"),
    "after branches that may begin the address": ('<img src="{% if y %}https://a/{% endif %}{{ x }}">', "address"),
    "after branches within such branches": (
        '<img src="{% if y %}https://a/{% if z %}b{% endif %}{% endif %}{{ x }}">',
        "address",
    ),
    "after tags that are opened in branches": (
        '{% if y %}<a href="https://a/{% if z %}b{% endif %}{% else %}<a href="{% endif %}{{ x }}">y</a>',
        "address",
    ),
    "after a loop in an address": ('<img src="https://a/{% for y in ys %}b/{% endfor %}{{ x }}">', "address_part"),
    "text of an SVG image in an address": (
        '<img src="data:image/svg+xml,<svg><text>{{ x }}</text></svg>">',
        "svg_part",
    ),
    "whole SVG image after its type": ('<img src="data:image/svg+xml;utf8,{{ x }}">', "address_part"),
    "SVG image in base64": ('<img src="data:image/svg+xml;base64,{{ x }}">', "address_part"),
    "candidate of a srcset": ('<img srcset="https://a/b 1x, {{ x }} 2x">', "candidate"),
    "width of a candidate": ('<img srcset="https://a/b {{ x }}w">', "number"),
    "color in a style attribute": ('<p style="color: {{ x }}">', "color"),
    "color in a shorthand": ('<p style="border: 1px solid {{ x }}">', "color"),
    "color in a gradient": ('<p style="background: linear-gradient(45deg, {{ x }}, #fff 20%)">', "color"),
    "channel of a color": ('<p style="color: rgb({{ x }} 0 0)">', "number"),
    "color that another is made from": ('<p style="color: rgb(from {{ x }} r g b / .5)">', "color"),
    "channel of a color that is made from another": ('<p style="color: oklch(from red l c h / {{ x }})">', "number"),
    "length": ('<p style="width: {{ x }}px">', "number"),
    "percentage": ('<p style="width: {{ x }}%">', "number"),
    "negative length": ('<p style="margin-top: -{{ x }}px">', "unsigned"),
    "last digits of a number": ('<p style="width: 1{{ x }}px">', "unsigned"),
    "decimals of a number": ('<p style="opacity: 0.{{ x }}">', "digits"),
    "exponent of a number": ('<p style="width: 1e{{ x }}px">', "number"),
    "bare number": ('<p style="opacity: {{ x }}">', "number"),
    "number in calc()": ('<p style="width: calc(100% - {{ x }} * 1px)">', "number"),
    "custom property": ('<p style="--accent: {{ x }}">', "color_or_number"),
    "url in a style attribute": ("<p style=\"background: url('{{ x }}')\">", "css_address"),
    "url in a style element": ('<style>p { background: #fff url("{{ x }}") }</style>', "sheet_address"),
    "url between entities of quotes": ('<p style="background: url(&quot;{{ x }}&quot;)">', "css_address"),
    "url after other entities": ("<p style=\"font: 9px &quot;a;b&quot;; mask: url('{{ x }}')\">", "css_address"),
    "after branches in a url of a style attribute": (
        "<p style=\"mask: url('https://a/{% if y %}b/{% endif %}{{ x }}')\">",
        "css_address_part",
    ),
    "after branches in a url between entities": (
        '<p style="mask: url(&#34;https://a/{% if y %}b/{% endif %}{{ x }}&#34;)">',
        "css_address_part",
    ),
    "after branches in a url of a style element": (
        '<style>p { mask: url("https://a/{% if y %}b/{% endif %}{{ x }}") }</style>',
        "sheet_address_part",
    ),
    "after branches that may begin a url": (
        '<style>p { mask: url("{% if y %}https://a/{% endif %}{{ x }}") }</style>',
        "sheet_address",
    ),
    "text of an SVG image in a url of a style attribute": (
        "<p style=\"mask: url('data:image/svg+xml;utf8,<svg><text>{{ x }}</text></svg>')\">",
        "svg_part",
    ),
    "text of an SVG image in a url of a style element": (
        "<style>p { mask: url(\"data:image/svg+xml,%3Csvg fill='{{ x }}'/%3E\") }</style>",
        "sheet_svg_part",
    ),
    "rest of a url in a style element": (
        '<style>p { mask: url("https://a/{{ x }}.svg") }</style>',
        "sheet_address_part",
    ),
    "color in a style element": ("<style>p { color: {{ x }} }</style>", "color"),
    "color in a media rule": ("<style>@media print { p { color: {{ x }} } }</style>", "color"),
    "color in a nested rule": ("<style>p { & b { color: {{ x }} } }</style>", "color"),
    "number in keyframes": ("<style>@keyframes a { to { left: {{ x }}px } }</style>", "number"),
    "color in a style element of SVG": ("<svg><style>p { fill: {{ x }} }</style></svg>", "color"),
    "presentation attribute": ('<svg><path fill="{{ x }}"/></svg>', "color"),
    "old color attribute": ('<table bgcolor="{{ x }}"></table>', "color"),
    "script": ("<script>const x = {{ x|tojson }};</script>", "json"),
    "script after template literals in one": (
        "<script>const y = `${a ? `<b>${a.replace(/[\"`{]/g, '')}</b>` : ''}`, z = {{ x|tojson }};</script>",
        "json",
    ),
    "script after code with braces in a template literal": (
        "<script>const y = `${ {a: '}`'}.a /* ` */ }`, z = {{ x|tojson }};</script>",
        "json",
    ),
    "script after an increment and a division": ("<script>a++ / 2; b = {{ x|tojson }} / 2;</script>", "json"),
    "script after a division": ("<script>const y = a / b / {{ x|tojson }};</script>", "json"),
    "data block": ('<script type="application/json">{"x": {{ x|tojson }}}</script>', "json"),
    "JSON in a single-quoted attribute": ("<p data-x='{{ x|tojson }}'>", "json"),
}


@pytest.mark.parametrize(("html", "guard"), ALLOWED.values(), ids=ALLOWED)
def test_a_value_may_stand_where_it_cannot_break_out(html: str, guard: str) -> None:
    """The template is accepted, and the value passes the guard of its place."""
    template = read_template(html)

    assert [use.guard for uses in template.uses.values() for use in uses][-1:] == [guard]
    assert "x" in {placeholder.name for placeholder in checked(html).placeholders}


REFUSED = {
    "unquoted attribute": ("<a href={{ x }}>", 1, 9, "quotes"),
    "unquoted attribute after text": ("<a href=a{{ x }}>", 1, 10, "quotes"),
    "attribute name": ("<p {{ x }}>", 1, 4, "name of an attribute"),
    "part of an attribute name": ('<p data-{{ x }}="1">', 1, 9, "name of an attribute"),
    "tag name": ("<p>\n<{{ x }}>", 2, 2, "name of a tag"),
    "part of a tag name": ("<h{{ x }}>", 1, 3, "name of a tag"),
    "end tag": ("<p></{{ x }}>", 1, 6, "name of a tag"),
    "event handler": ('<p\n  onclick="{{ x }}">', 2, 12, "JavaScript"),
    "event handler in capitals": ('<p OnLoad="{{ x }}">', 1, 12, "JavaScript"),
    "srcdoc": ('<iframe srcdoc="{{ x }}"></iframe>', 1, 17, "document of its own"),
    "comment": ("<!-- a {{ x }} -->", 1, 8, "comment"),
    "doctype": ("<!doctype {{ x }}>", 1, 11, "inside `<!…>`"),
    "safe": ("<p>{{ x | safe }}</p>", 1, 11, "safe"),
    "safe behind another filter": ("<p>é {{ x|upper|safe }}</p>", 1, 17, "safe"),
    "autoescape off": ("a\n{% autoescape false %}{{ x }}{% endautoescape %}", 2, 4, "autoescape"),
    "script": ("<script>\n  let x = {{ x }};</script>", 2, 11, "tojson"),
    "script, in a string": ('<script>let x = "{{ x|tojson }}";</script>', 1, 18, "string"),
    "script, in a template literal": ("<script>let x = `{{ x|tojson }}`;</script>", 1, 18, "string"),
    "script, in a template literal in another": (
        "<script>let x = `a ${ `{{ x|tojson }}` } b`;</script>",
        *(1, 24, "string"),
    ),
    "script, in a string after an increment": ('<script>a++ / 2; b = "/{{ x|tojson }}"</script>', 1, 24, "string"),
    "script, in a comment": ("<script>// {{ x|tojson }}\n</script>", 1, 12, "comment"),
    "script, in a pattern": ("<script>let x = /{{ x|tojson }}/;</script>", 1, 18, "pattern"),
    "script, after a pattern with a quote": (
        '<script>function f() { return /"/ + "{{ x|tojson }}"; }</script>',
        *(1, 38, "string"),
    ),
    "script, another filter last": ("<script>let x = {{ x|tojson|upper }};</script>", 1, 17, "tojson"),
    "address of a script": ('<script src="{{ x }}"></script>', 1, 14, "loads"),
    "address of a frame": ('<iframe src="{{ x }}"></iframe>', 1, 14, "loads"),
    "address of a stylesheet": ('<link rel="stylesheet" href="{{ x }}">', 1, 30, "loads"),
    "base": ('<base href="{{ x }}">', 1, 13, "loads"),
    "refresh": ('<meta http-equiv="refresh" content="1;url={{ x }}">', 1, 43, "http-equiv"),
    "refresh told of after its address": (
        '<p>\n<meta content="1;url={{ x }}" http-equiv=refresh>',
        2,
        22,
        "http-equiv",
    ),
    "type of a script": ('<script type="{{ x }}">a()</script>', 1, 15, "`type` of `<script>`"),
    "kind of a link": ('<link rel="{{ x }}" href="https://a/b">', 1, 12, "`rel` of `<link>`"),
    "animated attribute": ('<svg><a><set attributeName="href" to="{{ x }}"/></a></svg>', 1, 39, "another attribute"),
    "address after a scheme": ('<a href="javascript:{{ x }}">', 1, 21, "https://"),
    "address after a scheme with an entity": ('<a href="javascript&colon;/{{ x }}">', 1, 28, "https://"),
    "entity put together": ('<p style="color: &#{{ x }};">', 1, 20, "in CSS"),
    "part of a scheme": ('<a href="java{{ x }}">', 1, 14, "https://"),
    "declarations": ('<p style="{{ x }}">', 1, 11, "in CSS"),
    "declaration after another": ('<p style="color: red; {{ x }}">', 1, 23, "in CSS"),
    "CSS property": ('<p style="{{ x }}: red">', 1, 11, "CSS"),
    "CSS text": ("<p style=\"content: '{{ x }}'\">", 1, 21, "not in a text"),
    "CSS comment": ("<style>/* {{ x }} */</style>", 1, 11, "in CSS"),
    "CSS selector": ("<style>.{{ x }} { color: red }</style>", 1, 9, "selector"),
    "CSS rule": ("<style>{{ x }}</style>", 1, 8, "CSS"),
    "CSS import": ('<style>@import url("{{ x }}");</style>', 1, 21, "@import"),
    "media query": ("<style>@media (width > {{ x }}px) {}</style>", 1, 24, "@media"),
    "url without quotes": ('<p style="background: url({{ x }})">', 1, 27, "quotes"),
    "hash of a color": ('<p style="color: #{{ x }}">', 1, 19, "`#` included"),
    "word": ('<p style="text-align: {{ x }}">', 1, 23, "class"),
    "font": ('<p style="font-family: {{ x }}">', 1, 24, "words"),
    "tojson between double quotes": ('<p data-x="{{ x|tojson }}">', 1, 12, "single quotes"),
    "stars in an attribute": ('<p title="{{ x|stars }}">', 1, 11, "text only"),
    "CDATA": ("<svg><![CDATA[{{ x }}]]></svg>", 1, 15, "CDATA"),
    "CDATA in a style element of SVG": (
        "<svg><style><![CDATA[ p { fill: {{ x }} } ]]></style></svg>",
        *(1, 33, "delete `<![CDATA[`"),
    ),
    "raw element": ("<xmp>{{ x }}</xmp>", 1, 6, "`<xmp>`"),
}


@pytest.mark.parametrize(("html", "line", "column", "word"), REFUSED.values(), ids=REFUSED)
def test_a_value_is_refused_where_it_could_break_out(html: str, line: int, column: int, word: str) -> None:
    """The refusal has the code, the reason, and line and column of the placeholder."""
    errors = errors_of(html)

    assert [(error.code, error.line, error.column) for error in errors] == [("template_syntax", line, column)]
    assert word in errors[0].message


BRANCHES = {
    "attribute in a branch": '<li {% if x %}class="a"{% endif %}>y',
    "attribute without a value": "<option{% if x %} selected{% endif %}>y",
    "whole tags": "{% if x %}<h1 class='a'>{% else %}<h1>{% endif %}y</h1>",
    "attribute's value": '<p class="{% if x %}a{% else %}b{% endif %}">',
    "address in one branch, static in another": '<img src="{% if x %}{{ x }}{% else %}https://a/b.png{% endif %}">',
    "declarations": '<p style="{% if x %}color: {{ x }};{% else %}width: {{ y }}px;{% endif %}">',
    "unit": '<p style="width: {{ x }}{% if y %}px{% else %}%{% endif %}">',
    "rules": "<style>{% for x in xs %}.a { color: {{ x }} }{% endfor %}</style>",
    "loop in an attribute": '<p class="{% for x in xs %}{{ x }} {% endfor %}">',
    "loop with continue": "{% for x in xs %}{% if x.skip %}{% continue %}{% endif %}<b>{{ x.name }}</b>{% endfor %}",
}


@pytest.mark.parametrize("html", BRANCHES.values(), ids=BRANCHES)
def test_branches_may_stand_wherever_each_closes_what_it_opens(html: str) -> None:
    """The template is accepted."""
    assert errors_of(html) == []


BROKEN_BRANCHES = {
    "quote": ('<p class={% if x %}"{% endif %}{{ y }}{% if x %}"{% endif %}>', 1, 10),
    "half an attribute": ('<p {% if x %}title="{% endif %}{{ y }}">', 1, 4),
    "comment": ("{% if x %}<!-- {% endif %}{{ y }}", 1, 1),
    "style": ("<b>\n{% if x %}<style>{% endif %}{{ y }}</style>", 2, 1),
    "name put together": ('<p {% if x %}on{% else %}data-{% endif %}click="{{ y }}">', 1, 42),
    "loop": ('{% for x in xs %}<p title="{% endfor %}">', 1, 1),
    "two tags": ("<{% if x %}p{% else %}b{% endif %}>", 1, 2),
    "end in a tag": ("<b>{{ x }}</b><p", 1, 17),
    "end in a style": ("<style>p{}", 1, 1),
}


@pytest.mark.parametrize(("html", "line", "column"), BROKEN_BRANCHES.values(), ids=BROKEN_BRANCHES)
def test_branches_that_end_in_different_places_are_refused(html: str, line: int, column: int) -> None:
    """What follows would mean something else after each; the error names the place."""
    errors = errors_of(html)

    assert [(error.line, error.column) for error in errors] == [(line, column)]


def test_a_macro_is_read_where_it_is_called() -> None:
    """The same macro may print in text and in an attribute, but not as a color and as text."""
    macro = "{% macro m(v) %}{{ v }}{% endmacro %}"

    assert errors_of(macro + '<p title="{{ m(x) }}">{{ m(x) }}</p>') == []
    assert "places that differ" in errors_of(macro + '<p style="color: {{ m(x) }}">{{ m(x) }}</p>')[0].message
    assert errors_of(macro + "<a href={{ m(x) }}>")[0].column == 17


def test_everything_wrong_is_listed_at_once() -> None:
    """Each placeholder in a wrong place has its own error, in the order of the text."""
    errors = errors_of("<a href={{ a }}>\n<i {{ b }}>\n{{ c|safe }}{{ d|nothing }}<!-- {{ e }} -->")

    assert [(error.line, error.column) for error in errors] == [(1, 9), (2, 4), (3, 6), (3, 18), (3, 33)]


def test_what_a_browser_reads_differently_is_refused() -> None:
    """A script that hides its own end is found by the second parser, html5lib."""
    errors = errors_of("<script><!-- <script> </script>\n{{ x }} --></script>")

    assert [(error.line, error.column) for error in errors] == [(2, 1)]
    assert "a browser finds this in `<script>`" in errors[0].message


def test_values_of_an_address_may_be_printed_by_one_macro() -> None:
    """A macro may print a value after other values, after text and in an SVG image."""
    macro = "{% macro m(v) %}{{ v }}{% endmacro %}"

    assert errors_of(macro + '<a href="https://a/{{ m(x) }}">k</a><a href="{{ y }}{{ m(x) }}">k</a>') == []
    assert (
        errors_of(macro + '<img src="https://a/{{ m(x) }}"><img src="data:image/svg+xml,<svg>{{ m(x) }}</svg>">') == []
    )
