"""No value of the data changes the structure of the document, whatever context it stands in."""

import json
import os
import re
from typing import Any, Final
from urllib.parse import unquote
from xml.etree import ElementTree

import html5lib
import pytest
import tinycss2
from hypothesis import given, settings
from hypothesis import strategies as st

from renderer.language.template import Template, TemplateDataProblemError
from tests.renderer.language.reading import structure

HOSTILE = [
    "<b>bold</b>",
    '"><script>alert(1)</script>',
    "'><script>alert(1)</script>",
    '" onmouseover="alert(1)',
    "' onmouseover='alert(1)",
    "</style><script>alert(1)</script>",
    "</script><script>alert(1)</script>",
    "</title><b>",
    "</textarea><b>",
    "--><b>",
    "]]><b>",
    "red; background: url(https://evil.example/)",
    "red} body {display: none",
    'https://a.example/"); } body { display: none } p { background: url("',
    "https://a.example/'); } body { display: none } p { background: url('",
    "https://a.example/\\22); } body { display: none }",
    "https://a.example/\n); } body { display: none }",
    "https://a.example/</style><script>alert(1)</script>",
    "data:image/svg+xml,</style><b>",
    "data:text/html,<script>alert(1)</script>",
    "javascript:alert(1)",
    "JaVaScRiPt:alert(1)",
    " javascript:alert(1)",
    "file:///etc/passwd",
    "//evil.example/a.png",
    "https://a.example/a.png 2x, https://evil.example/b.png",
    "1; background: red",
    "1e1000",
    "0x10",
    "\\",
    "\\\\\"'",
    "${alert(1)}",
    "`${alert(1)}`",
    "\u2028alert(1)",
    "{{ 7 * 7 }}",
    "{% raw %}",
    "&lt;b&gt;",
    "&#60;b&#62;",
    "\r\n<b>",
    "\ufeff<b>",
    "<!--",
    "\x1b<b>",
    '{"a": "</script>"}',
    "expression(alert(1))",
    "rgb(1 1 1);}",
    "#fff;}",
    "var(--x)",
    "url(https://evil.example/)",
    "image-set('https://evil.example/' 1x)",
]

TEMPLATES = {
    "text": "<p>{{ x }}</p>",
    "text in SVG": "<svg><text>{{ x }}</text></svg>",
    "title": "<title>{{ x }}</title>",
    "textarea": "<textarea>{{ x }}</textarea>",
    "double-quoted attribute": '<p title="{{ x }}">y</p>',
    "single-quoted attribute": "<p title='{{ x }}'>y</p>",
    "class": '<p class="a {{ x }} b">y</p>',
    "image": '<img src="{{ x }}">',
    "rest of an address": '<img src="https://a.example/{{ x }}">',
    "link": '<a href="{{ x }}">y</a>',
    "srcset": '<img srcset="https://a.example/1 1x, {{ x }} 2x">',
    "rest of a candidate": '<img srcset="https://a.example/{{ x }} 2x">',
    "color attribute": '<p style="color: {{ x }}; margin: 0">y</p>',
    "number attribute": '<p style="width: {{ x }}px; margin: 0">y</p>',
    "url attribute": "<p style=\"background: url('{{ x }}'); margin: 0\">y</p>",
    "rest of a url attribute": "<p style=\"background: url('https://a.example/{{ x }}'); margin: 0\">y</p>",
    "color in a sheet": "<style>p { color: {{ x }}; margin: 0 } b { top: 0 }</style>",
    "custom property in a sheet": "<style>p { --a: {{ x }}; margin: 0 } b { top: 0 }</style>",
    "number in a sheet": "<style>p { width: {{ x }}px; margin: 0 } b { top: 0 }</style>",
    "url in a sheet": '<style>p { background: url("{{ x }}"); margin: 0 } b { top: 0 }</style>',
    "rest of a url in a sheet": "<style>p { background: url('https://a.example/{{ x }}'); margin: 0 }</style>",
    "color in SVG": "<svg><style>p { fill: {{ x }} }</style></svg>",
    "presentation attribute": '<svg><path fill="{{ x }}"/></svg>',
    "script": "<script>const x = {{ x|tojson }};</script>",
    "JSON attribute": "<p data-x='{{ x|tojson }}'>y</p>",
    "macro": '{% macro m(v) %}<b title="{{ v }}">{{ v }}</b>{% endmacro %}<p>{{ m(x) }}</p>',
    "set block": '{% set y %}<b>{{ x }}</b>{% endset %}<p title="{{ y }}">{{ y }}</p>',
    "set block, unescaped again": "{% set y %}{{ x }}{% endset %}<p>{{ y|replace('&lt;', '<')|replace('&gt;', '>') }}",
    "escaped, unescaped again": "<p>{{ x|escape|replace('&lt;', '<')|replace('&gt;', '>') }}</p>",
    "set block, cut": '{% set y %}<b title="a">{{ x }}</b>{% endset %}<p>{{ y|truncate(12, true) }}</p>',
    "joined": "{% set y %}{{ x }}{% endset %}<p>{{ [x, y]|join('<') }}</p>",
    "concatenated": "{% set y %}{{ x }}{% endset %}<p>{{ x ~ y ~ x }}</p>",
    "mapped": "<p>{{ [x]|map('upper')|join(', ') }}</p>",
    "filters": "<p>{{ x|upper }}{{ x|title }}{{ x|trim('>') }}{{ x|truncate(5, true, '<') }}{{ x|urlencode }}</p>",
    "formatted": "{% set y %}<b>%s</b>{% endset %}<p>{{ y|format(x) }}{{ '%s <'|format(x) }}</p>",
    "sliced": "{% set y %}{{ x }}{% endset %}<p>{{ y[1:9] }}{{ y|first }}{{ y|last }}{{ y|reverse }}</p>",
    "key": "{% for k, v in {'a': x}.items() %}<p title='{{ v }}'>{{ k }}{{ v }}</p>{% endfor %}",
}


@pytest.mark.parametrize("html", TEMPLATES.values(), ids=TEMPLATES)
def test_a_hostile_value_is_refused_or_shown_and_never_obeyed(html: str) -> None:
    """The document has the elements and attributes of the template; its CSS has the template's declarations."""
    template = Template(html)
    plain = next(
        document for value in ("abc", "https://a.example/b", "red", 5) if (document := _render(template, value))
    )
    shown = 0
    for value in HOSTILE:
        document = _render(template, value)
        if document is not None:
            shown += 1
            assert structure(document) == structure(plain), value
            assert _properties(document) == _properties(plain), value

    assert shown or "color" in html or "number" in html or "{{ x }}px" in html or "fill" in html or "--a" in html


@pytest.mark.parametrize("value", HOSTILE)
def test_a_script_gets_the_value_itself(value: str) -> None:
    """What `tojson` writes is the value when JSON reads it, and ends no script."""
    document = Template('<script type="application/json">{{ x|tojson }}</script>').render({"x": value})
    script = document.removeprefix('<script type="application/json">').removesuffix("</script>")

    assert json.loads(script) == value
    assert not re.search(r"[<>&']", script)


@pytest.mark.parametrize(
    "value", ["javascript:alert(1)", "file:///etc/passwd", "//a.example/x", "data:text/html,x", ""]
)
def test_an_address_deep_in_the_data_is_held_to_the_same_rule(value: str) -> None:
    """Values in lists and objects, which no declaration reaches, are refused by name, with line and column."""
    template = Template("{% for i in items %}\n<img src='{{ i.photo.url }}'>{% endfor %}")

    with pytest.raises(TemplateDataProblemError, match=r"line 2, column 11: `i\.photo\.url` must be an http") as error:
        template.render({"items": [{"photo": {"url": value}}]})
    assert error.value.code == "template_data"


def test_what_makes_a_url_and_not_a_css_string_is_kept() -> None:
    """Quotes and parentheses arrive percent-encoded in CSS, ampersands as they are in a style element."""
    address = "https://a.example/b(1)'.png?a=1&b=2"
    sheet = Template('<style>p { background: url("{{ x }}") }</style>').render({"x": address})
    attribute = Template("<p style=\"background: url('{{ x }}')\">").render({"x": address})
    parsed: Any = html5lib.parse(attribute, namespaceHTMLElements=False)

    assert 'url("https://a.example/b%281%29%27.png?a=1&b=2")' in sheet
    assert parsed.find(".//p").attrib["style"] == "background: url('https://a.example/b%281%29%27.png?a=1&b=2')"


_SVG_NAME: Final = "http://www.w3.org/2000/svg"
SVG_IMAGES = {
    "attribute": f"<img src=\"data:image/svg+xml;utf8,<svg xmlns='{_SVG_NAME}' id='{{{{ x }}}}'>{{{{ x }}}}</svg>\">",
    "style attribute": (
        f"<p style=\"mask: url('data:image/svg+xml;charset=utf-8,<svg xmlns=%22{_SVG_NAME}%22 id=%22{{{{ x }}}}%22>"
        "{{ x }}</svg>')\">"
    ),
    "style element": (
        f"<style>p {{ mask: url(\"data:image/svg+xml,%3Csvg xmlns='{_SVG_NAME}' id='{{{{ x }}}}'%3E{{{{ x }}}}"
        '%3C/svg%3E") }</style>'
    ),
}
SVG_VALUES = [
    *(
        "Tom",
        "#ff0000",
        "Tom & Jerry",
        "a < b > c",
        "\"quoted\" 'text'",
        "100 %",
        "</svg><rect/>",
        "' onload='alert(1)",
    ),
    *("é 漢字 😀", "a\nb", "a, b; c", "(1)", "--> ]]>"),
]


@pytest.mark.parametrize("html", SVG_IMAGES.values(), ids=SVG_IMAGES)
@pytest.mark.parametrize("value", SVG_VALUES)
def test_an_svg_image_in_an_address_shows_the_value_itself(html: str, value: str) -> None:
    """A value that stands in the text or an attribute of the image is read there as it is, whatever it holds."""
    image = _svg_of(Template(html).render({"x": value}))

    assert image.text == value
    assert image.attrib == {"id": value.replace("\n", " ")}
    assert len(image) == 0


@pytest.mark.parametrize(
    ("written", "read"), [("%23fff", "#fff"), ("a%20b", "a b"), ("Tom &amp; Jerry", "Tom & Jerry")]
)
def test_escapes_that_a_template_writes_itself_are_kept(written: str, read: str) -> None:
    """What goes through `urlencode` or `replace` is drawn as before."""
    assert _svg_of(Template(SVG_IMAGES["attribute"]).render({"x": written})).text == read


def _svg_of(document: str) -> ElementTree.Element:
    tree: Any = html5lib.parse(document, treebuilder="etree", namespaceHTMLElements=False)
    texts = [text for element in tree.iter() for text in (element.text, *element.attrib.values()) if text]
    [address] = [text for text in texts if "data:image" in text]
    found = re.search(r"data:image/svg\+xml[^,]*,(.*/svg(?:>|%3E))", address, re.DOTALL)
    assert found
    assert "#" not in found[1]
    return ElementTree.fromstring(unquote(found[1]))  # noqa: S314 - the image is our own


@pytest.mark.parametrize(
    "value", ["javascript:alert(1)", " JavaScript:alert(1)", "java\nscript:x", "data:text/html,x", ":x"]
)
@pytest.mark.parametrize("before", ["{{ u if no }}", "{{ u if no }}{{ 'javascript' if no }}", "{{ u if no }}{{ j }}"])
def test_what_follows_a_value_that_prints_nothing_begins_no_scheme(before: str, value: str) -> None:
    """The first value of an address may be an `a if b`; the next one is held to the schemes of addresses then."""
    template = Template(f'<a href="{before}{{{{ v }}}}">k</a>')

    with pytest.raises(TemplateDataProblemError, match="must be an http"):
        template.render({"u": "https://a.example/", "no": False, "j": "java", "v": value})


@pytest.mark.parametrize("value", ["https://b.example/c", "/c", "c.png", "?a=b:c"])
def test_what_follows_a_value_that_prints_nothing_may_be_an_address(value: str) -> None:
    """Whole addresses and parts are printed as they are; after a beginning so is all that has a colon."""
    template = Template('<a href="{{ u if yes }}{{ v }}">k</a>')

    assert template.render({"u": "https://a.example/", "yes": False, "v": value}) == f'<a href="{value}">k</a>'
    assert "https://a.example/File:c" in template.render({"u": "https://a.example/", "yes": True, "v": "File:c"})


json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**64 - 1) | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)
MANY: Final = int(os.environ.get("POSTERS_TEMPLATE_EXAMPLES", "400"))
"""How many values are made up; `make properties` makes up some thousands."""
MIXED = Template(
    "<!doctype html><title>{{ b }}</title><style>.x{color:red}</style>"
    '<p class="{{ a }}" title=\'{{ b }}\'>{{ a }}<b>{{ b|upper }}</b>{% if c %}<i title="{{ c }}">{{ c }}</i>'
    '{% else %}<i title="">-</i>{% endif %}</p><ul><li>x{{ a ~ b }}</li></ul>'
    "<script type='application/json'>{{ c|tojson }}</script><p data-x='{{ [a, b, c]|tojson }}'>y</p>"
)
MIXED_STRUCTURE = structure(MIXED.render({"a": "x", "b": "y", "c": "z"}))


@settings(max_examples=MANY, deadline=None)
@given(a=json_values, b=json_values, c=json_values)
def test_no_data_changes_the_elements_of_a_document(a: Any, b: Any, c: Any) -> None:
    """Any JSON value in text, attributes and JSON gives the same elements and attributes, or is refused."""
    try:
        document = MIXED.render({"a": a, "b": b, "c": c})
    except TemplateDataProblemError:
        return

    assert structure(document) == MIXED_STRUCTURE


def _render(template: Template, value: object) -> str | None:
    try:
        return template.render({"x": value})
    except TemplateDataProblemError:
        return None


def _properties(document: str) -> list[list[str]]:
    tree: Any = html5lib.parse(document, treebuilder="etree", namespaceHTMLElements=False)
    sheets = [element.text or "" for element in tree.iter() if str(element.tag).endswith("style")]
    attributes = [element.attrib["style"] for element in tree.iter() if "style" in element.attrib]
    rules = [rule.content for sheet in sheets for rule in tinycss2.parse_stylesheet(sheet, skip_whitespace=True)]
    blocks = [*rules, *attributes]
    return [[getattr(item, "name", item.type) for item in tinycss2.parse_blocks_contents(block)] for block in blocks]


FRAGMENTS = {
    "formatted": "{% set y %}<b %s>k</b>{% endset %}{{ y|format(x) }}",
    "formatted by an operator": "{% set y %}<b %s>k</b>{% endset %}{{ y % x }}",
    "formatted by a method": "{% set y %}<b {0}>k</b>{% endset %}{{ y.format(x) }}",
    "indented with data": "{% set y %}<i>a\nb</i>{% endset %}{{ y|indent(x) }}",
    "reversed": "{% set y %}<b>{{ x }}</b>{% endset %}{{ y|reverse }}",
    "sliced": "{% set y %}<b title='a'>{{ x }}</b>{% endset %}{{ y[:3] }} {{ x }}>",
    "sliced by an index": "{% set y %}<b>{{ x }}</b>{% endset %}{{ y[0] }}{{ x }}",
    "split": "{% set y %}<b title='a'>{{ x }}</b>{% endset %}{{ y.split('title')[0] }}{{ x }}>",
    "partitioned": "{% set y %}<b title='a'>{{ x }}</b>{% endset %}{{ y.partition('title')|first }}{{ x }}>",
    "stripped": "{% set y %}<b title='a'>{{ x }}</b>{% endset %}{{ y.rstrip('>b/<') }}{{ x }}>",
    "trimmed": "{% set y %}<b title='a'>{{ x }}</b>{% endset %}{{ y|trim('<>b/') }}{{ x }}>",
    "replaced": "{% set y %}<b>{{ x }}</b>{% endset %}{{ y|replace('>', '') }}{{ x }}>",
    "replaced by a method": "{% set y %}<b>{{ x }}</b>{% endset %}{{ y.replace('b>', 'b ') }}{{ x }}>",
    "first": "{% set y %}<b>{{ x }}</b>{% endset %}{{ y|first }}{{ x }}",
    "last of a list": "{% set y %}<b>{{ x }}</b>{% endset %}{{ (y|list)|first }}{{ x }}",
    "batched": "{% set y %}<b>{{ x }}</b>{% endset %}{% for c in y|batch(2) %}{{ c|join }}{% endfor %}",
    "mapped": "{% set y %}<b>{{ x }}</b>{% endset %}{{ [y]|map('replace', '>', ' ')|join }}{{ x }}>",
    "a macro, cut": "{% macro m() %}<b title='a'>{{ x }}</b>{% endmacro %}{{ m()[:3] }}{{ x }}>",
    "a macro by another name": (
        "{% macro m() %}<a href='{{ x }}'>k</a>{% endmacro %}{% set n = namespace(upper=m) %}{{ n.upper() }}"
    ),
    "a joiner": "{% set j = joiner(x) %}<p>{{ j() }}{{ j() }}</p>",
    "links": "{{ x|urlize }}",
    "links with a target": "{{ x|urlize(target=x, rel=x) }}",
    "through format": "{{ '{0.__class__}'.format(x) }}{{ '{x}'.format(x=x) }}",
}


@pytest.mark.parametrize("html", FRAGMENTS.values(), ids=FRAGMENTS)
def test_a_piece_of_markup_is_no_markup(html: str) -> None:
    """Nothing that a template does with its own markup lets a value become an attribute or an element."""
    template = Template(html)
    plain = structure(_render(template, "abc") or "")
    for value in ("onclick=alert(1) ", "rorre=no 1=crs gmi<", *HOSTILE):
        document = _render(template, value)

        assert document is None or structure(document) in (plain, structure("")) or "urlize" in html
        assert document is None or not re.search(r"<[^>]*\b(?:onclick|onmouseover|onerror)", document)
        assert document is None or "<script" not in document.lower()


def test_json_has_nothing_but_the_value() -> None:
    """An indent from data would be written into the script as it is."""
    with pytest.raises(TemplateDataProblemError, match="0 to 16 spaces"):
        Template("<script>let a = {{ [1]|tojson(x) }}</script>").render({"x": "alert(1);"})


@pytest.mark.parametrize(
    "expression",
    [
        *("x.__class__", "x['__class__']", "x|attr('__class__')", "'{0.__class__}'.format(x)", "x.format.__self__"),
        *("[x]|map(attribute='__class__')|list", "[x]|groupby('__class__.__name__')|list", "namespace().__class__"),
        *("range.__init__", "dict.__base__", "cycler.__init__", "loop", "caller", "joiner('a').__class__"),
        *("'%(a.__class__)s' % {'a': 1}", "[x]|sum(attribute='__class__')", "(x|map('upper')).gi_frame"),
        *("xs.append.__self__", "o.items.__func__", "x.encode", "'{0[__class__]}'.format(o)", "o.get.__self__"),
    ],
)
def test_nothing_of_python_can_be_reached(expression: str) -> None:
    """Attributes that are not listed are missing values, whatever way leads to them."""
    template = Template("{% for _ in [1] %}{{ " + expression + " }}{% endfor %}")
    with pytest.raises(TemplateDataProblemError):
        template.render({"x": "a", "xs": [1], "o": {"a": 1}})
