"""What people bring from Handlebars, Django, Twig and Liquid: recognized, and answered with what to write here.

Every hint ends in "write `…`", and what stands there is a template of its own, apart from the dots.
"""

import re
from collections.abc import Mapping
from typing import Final

from renderer.language.advice.rewriting import rewritten, rewritten_tag
from renderer.language.environment import PosterEnvironment

_ENVIRONMENT: Final = PosterEnvironment()
_ALIKE: Final = "{{ name }}"

TAGS: Final[dict[str, tuple[str, str]]] = {
    "load": ("Django's; all filters are there without it, write", "{{ name | upper }}"),
    "static": ("Django's; write the whole address,", '<img src="https://example.com/logo.png">'),
    "url": ("Django's; a poster gets addresses as data, write", '<a href="{{ link }}">…</a>'),
    "csrf_token": ("Django's, and a poster has no forms; write", _ALIKE),
    "empty": ("Django's; write", "{% for item in items %}…{% else %}…{% endfor %}"),
    "ifequal": ("Django's; write", "{% if a == b %}…{% endif %}"),
    "ifnotequal": ("Django's; write", "{% if a != b %}…{% endif %}"),
    "ifchanged": ("Django's; write", "{% for a in items %}{% if loop.changed(a) %}…{% endif %}{% endfor %}"),
    "cycle": ("Django's; write", "{% for a in items %}{{ loop.cycle('odd', 'even') }}{% endfor %}"),
    "firstof": ("Django's; write", "{{ a or b }}"),
    "verbatim": ("Django's; write", "{% raw %}…{% endraw %}"),
    "endverbatim": ("Django's; write", "{% raw %}…{% endraw %}"),
    "now": ("Django's; a poster gets its date as data, write", "{{ day | date }}"),
    "spaceless": ("Django's; strip whitespace at tags, write", "{%- if name -%}…{%- endif -%}"),
    "widthratio": ("Django's; write", "{{ (value / total * 100) | round }}"),
    "lorem": ("Django's; write the text, or", _ALIKE),
    "trans": ("for translations, which a poster gets as data; write", _ALIKE),
    "translate": ("for translations, which a poster gets as data; write", _ALIKE),
    "blocktrans": ("for translations, which a poster gets as data; write", _ALIKE),
    "blocktranslate": ("for translations, which a poster gets as data; write", _ALIKE),
    "comment": ("Django's; write", "{# … #}"),
    "endcomment": ("Django's; write", "{# … #}"),
    "elseif": ("Twig's; write", "{% if a %}…{% elif b %}…{% endif %}"),
    "elsif": ("Liquid's; write", "{% if a %}…{% elif b %}…{% endif %}"),
    "apply": ("Twig's; write", "{{ name | upper }}"),
    "embed": (
        "Twig's, and a template stands alone; repeat markup with",
        "{% macro card(v) %}…{% endmacro %}{{ card(1) }}",
    ),
    "use": (
        "Twig's, and a template stands alone; repeat markup with",
        "{% macro card(v) %}…{% endmacro %}{{ card(1) }}",
    ),
    "assign": ("Liquid's; write", "{% set name = 1 %}"),
    "capture": ("Liquid's; write", "{% set name %}…{% endset %}"),
    "endcapture": ("Liquid's; write", "{% set name %}…{% endset %}"),
    "unless": ("Liquid's; write", "{% if not a %}…{% endif %}"),
    "endunless": ("Liquid's; write", "{% if not a %}…{% endif %}"),
    "case": ("Liquid's; write", "{% if a == 1 %}…{% elif a == 2 %}…{% endif %}"),
    "when": ("Liquid's; write", "{% if a == 1 %}…{% elif a == 2 %}…{% endif %}"),
    "endcase": ("Liquid's; write", "{% if a == 1 %}…{% elif a == 2 %}…{% endif %}"),
    "render": (
        "Liquid's, and a template stands alone; repeat markup with",
        "{% macro card(v) %}…{% endmacro %}{{ card(1) }}",
    ),
    "increment": ("Liquid's; write", "{% for a in items %}{{ loop.index }}{% endfor %}"),
    "do": ("an extension of Jinja2; write", "{% set name = 1 %}"),
    "debug": ("an extension of Jinja2; write", "{{ data | pprint }}"),
}
"""Of each tag that is not Jinja2's: whose it is, and what to write."""

FILTERS: Final[dict[str, tuple[str, str]]] = {
    "safe": ("every value is escaped; put markup into the template itself, as in", "<b>{{ name }}</b>"),
    "raw": ("every value is escaped; put markup into the template itself, as in", "<b>{{ name }}</b>"),
    "xmlattr": ("write each attribute with its value in quotes, as in", '<p title="{{ name }}">'),
    "random": ("a poster looks the same each time it is drawn; write", "{{ items | first }}"),
    "linebreaks": ("Django's; write", '<p style="white-space: pre-line">{{ name }}</p>'),
    "linebreaksbr": ("Django's; write", '<p style="white-space: pre-line">{{ name }}</p>'),
    "nl2br": ("Twig's; write", '<p style="white-space: pre-line">{{ name }}</p>'),
    "newline_to_br": ("Liquid's; write", '<p style="white-space: pre-line">{{ name }}</p>'),
    "floatformat": ("Django's; write", "{{ value | number(decimals=1) }}"),
    "intcomma": ("Django's; write", "{{ value | number }}"),
    "number_format": ("Twig's; the locale decides on the separators, write", "{{ value | number('de-DE', 2) }}"),
    "format_number": ("Twig's; write", "{{ value | number }}"),
    "format_currency": ("Twig's; write", "{{ price | money('EUR') }}"),
    "format_date": ("Twig's; write", "{{ day | date('long') }}"),
    "format_datetime": ("Twig's; write", "{{ day | datetime }}"),
    "currency": ("of another library; write", "{{ price | money('EUR') }}"),
    "intword": ("Django's; write", "{{ value | compact }}"),
    "add": ("Django's; write", "{{ value + 1 }}"),
    "plus": ("Liquid's; write", "{{ value + 1 }}"),
    "minus": ("Liquid's; write", "{{ value - 1 }}"),
    "times": ("Liquid's; write", "{{ value * 2 }}"),
    "divided_by": ("Liquid's; write", "{{ value / 2 }}"),
    "modulo": ("Liquid's; write", "{{ value % 2 }}"),
    "default_if_none": ("Django's; write", "{{ name | default('…') }}"),
    "pluralize": ("Django's; write", "{{ count }} {{ 'item' if count == 1 else 'items' }}"),
    "yesno": ("Django's; write", "{{ 'yes' if value else 'no' }}"),
    "truncatechars": ("Django's; write", "{{ name | truncate(40) }}"),
    "truncatewords": ("Django's; write", "{{ name.split()[:10] | join(' ') }}"),
    "capfirst": ("Django's; write", "{{ name[:1] | upper }}{{ name[1:] }}"),
    "cut": ("Django's; write", "{{ name | replace(' ', '') }}"),
    "make_list": ("Django's; write", "{{ name | list | join(' ') }}"),
    "length_is": ("Django's; write", "{{ items | length == 1 }}"),
    "slugify": ("Django's; write", "{{ name | lower | replace(' ', '-') }}"),
    "divisibleby": ("a test here; write", "{{ value is divisibleby(2) }}"),
    "escapejs": ("Django's; write", "<script>let a = {{ name | tojson }}</script>"),
    "json_script": ("Django's; write", '<script type="application/json">{{ data | tojson }}</script>'),
    "json_encode": ("Twig's; write", "<script>let a = {{ data | tojson }}</script>"),
    "dump": ("Nunjucks'; write", "<script>let a = {{ data | tojson }}</script>"),
    "json": ("Liquid's; write", "<script>let a = {{ data | tojson }}</script>"),
    "keys": ("Twig's; write", "{{ data.keys() | join(', ') }}"),
    "merge": (
        "Twig's, and two objects cannot be put together here: send them as one in the data; for two lists write",
        "{{ (items + others) | join(', ') }}",
    ),
    "column": ("Twig's; write", "{{ items | map(attribute='name') | join(', ') }}"),
    "upcase": ("Liquid's; write", "{{ name | upper }}"),
    "downcase": ("Liquid's; write", "{{ name | lower }}"),
    "strip": ("Liquid's; write", "{{ name | trim }}"),
    "strip_html": ("Liquid's; write", "{{ name | striptags }}"),
    "append": ("Liquid's; write", "{{ name ~ '…' }}"),
    "prepend": ("Liquid's; write", "{{ '…' ~ name }}"),
    "size": ("Liquid's; write", "{{ items | length }}"),
    "where": ("Liquid's; write", "{{ items | selectattr('kind', 'equalto', 'a') | map(attribute='name') | join }}"),
    "remove": ("Liquid's; write", "{{ name | replace('…', '') }}"),
    "uniq": ("Liquid's; write", "{{ items | unique | join(', ') }}"),
    "concat": ("Liquid's; write", "{{ (items + others) | join(', ') }}"),
    "asset_url": ("Liquid's; write the whole address,", '<img src="https://example.com/logo.png">'),
    "img_url": ("Liquid's; write the address,", '<img src="{{ photo }}">'),
    "image_url": ("Liquid's; write the address,", '<img src="{{ photo }}">'),
    "money_with_currency": ("Liquid's; write", "{{ price | money('EUR') }}"),
    "money_without_currency": ("Liquid's; write", "{{ price | number(decimals=2) }}"),
    "urlizetrunc": ("Django's; write", "{{ name | urlize(40) }}"),
    "dictsortreversed": (
        "Django's; write",
        "{{ items | sort(attribute='name', reverse=true) | map(attribute='name') | join(', ') }}",
    ),
    "ljust": ("Django's; write", "{{ '%-20s' | format(name) }}"),
    "rjust": ("Django's; write", "{{ '%20s' | format(name) }}"),
    "strftime": ("of another library; write", "{{ day | date('d MMMM y') }}"),
    "stringformat": ("Django's; write", "{{ '%05d' | format(value) }}"),
    "force_escape": ("Django's, and every value is escaped; write", _ALIKE),
    "timesince": ("Django's; a poster stays as it was drawn, write", "{{ day | date }}"),
    "timeuntil": ("Django's; a poster stays as it was drawn, write", "{{ day | date }}"),
    "naturaltime": ("Django's; a poster stays as it was drawn, write", "{{ day | date }}"),
    "markdown": ("every value is escaped; put markup into the template itself, as in", "<b>{{ name }}</b>"),
    "t": ("for translations, which a poster gets as data; write", _ALIKE),
    "trans": ("for translations, which a poster gets as data; write", _ALIKE),
    "translate": ("for translations, which a poster gets as data; write", _ALIKE),
    "ceil": ("Liquid's; write", "{{ value | round(0, 'ceil') | int }}"),
    "floor": ("Liquid's; write", "{{ value | round(0, 'floor') | int }}"),
}
"""Of each filter that is not there: why, and what to write."""

TESTS: Final[dict[str, tuple[str, str]]] = {
    "empty": ("Twig's; write", "{% if not a %}…{% endif %}"),
    "null": ("Twig's; write", "{% if a is none %}…{% endif %}"),
    "same": ("Twig's; write", "{% if a is sameas(b) %}…{% endif %}"),
}
"""Of each test that is not there: whose it is, and what to write."""

FUNCTIONS: Final[dict[str, tuple[str, str]]] = {
    "now": ("a poster gets its date as data; write", "{{ day | date }}"),
    "date": ("Twig's; write", "{{ day | date }}"),
    "asset": ("Twig's; write the whole address,", '<img src="https://example.com/logo.png">'),
    "static": ("of another framework; write the whole address,", '<img src="https://example.com/logo.png">'),
    "path": ("Twig's; a poster gets addresses as data, write", '<a href="{{ link }}">…</a>'),
    "url": ("Twig's; a poster gets addresses as data, write", '<a href="{{ link }}">…</a>'),
    "url_for": ("Flask's; a poster gets addresses as data, write", '<a href="{{ link }}">…</a>'),
    "include": ("Twig's, and a template stands alone; write", "{% macro card(v) %}…{% endmacro %}{{ card(1) }}"),
    "_": ("for translations, which a poster gets as data; write", _ALIKE),
    "gettext": ("for translations, which a poster gets as data; write", _ALIKE),
    "max": ("Twig's; write", "{{ items | max }}"),
    "min": ("Twig's; write", "{{ items | min }}"),
    "len": ("Python's; write", "{{ items | length }}"),
    "str": ("Python's; write", _ALIKE),
    "int": ("Python's; write", "{{ value | int }}"),
    "round": ("Python's; write", "{{ value | round }}"),
    "enumerate": ("Python's; write", "{% for a in items %}{{ loop.index0 }}{% endfor %}"),
}
"""Of each function that is not there: whose it is, and what to write."""

_DAY: Final = "{{ day | date('d MMMM y') }}"
_LONGER: Final = "{{ (items + [1]) | join(', ') }}"
METHODS: Final[dict[str, str]] = {
    **dict.fromkeys(("append", "extend", "push", "concat"), _LONGER),
    **dict.fromkeys(
        ("isoformat", "strftime", "getFullYear", "toDateString", "toISOString", "toLocaleDateString"), _DAY
    ),
    **dict.fromkeys(("substr", "substring", "slice"), "{{ name[:10] }}"),
    "charAt": "{{ name[0] }}",
    "copy": "{{ name }}",
    "filter": "{{ items | selectattr('kind', 'equalto', 'a') | map(attribute='name') | join }}",
    "forEach": "{% for a in items %}…{% endfor %}",
    "has_key": "{% if 'a' in data %}…{% endif %}",
    "includes": "{% if 'a' in items %}…{% endif %}",
    "map": "{{ items | map(attribute='name') | join(', ') }}",
    "padStart": "{{ '%03d' | format(number) }}",
    "replaceAll": "{{ name | replace('a', 'b') }}",
    "reverse": "{{ items | reverse | join(', ') }}",
    "sort": "{{ items | sort | join(', ') }}",
    "toFixed": "{{ value | number(decimals=2) }}",
    "toLocaleString": "{{ value | number }}",
    "toLowerCase": "{{ name | lower }}",
    "toString": "{{ name }}",
    "toUpperCase": "{{ name | upper }}",
    "trim": "{{ name | trim }}",
}
"""Methods of Python and JavaScript that are not there, and what to write."""

LOOPS: Final = {
    "counter": "index",
    "counter0": "index0",
    "revcounter": "revindex",
    "revcounter0": "revindex0",
    "first": "first",
    "last": "last",
    "index": "index",
    "index0": "index0",
    "rindex": "revindex",
    "rindex0": "revindex0",
    "length": "length",
}
"""Parts of Django's and Liquid's `forloop`, and of `loop` here."""

_BLOCKS: Final = {
    "if": "{% if a %}…{% endif %}",
    "unless": "{% if not a %}…{% endif %}",
    "each": "{% for a in items %}…{% endfor %}",
    "with": "{% with a = data %}…{% endwith %}",
}
_SHORT: Final = {
    "else": "`{{else if}}` is Handlebars'; write `{% if a %}…{% elif b %}…{% endif %}`",
    "!": "`{{! … }}` is Handlebars'; write `{# … #}`",
    ">": (
        "`{{> … }}` is Handlebars', and a template stands alone; repeat markup, write "
        "`{% macro card(v) %}…{% endmacro %}{{ card(1) }}`"
    ),
    "@": "`@` is Handlebars'; write `{% for a in items %}{{ loop.index0 }}{% endfor %}`",
}
"""What follows Handlebars' braces, and the hint."""
_OPERATORS: Final = (
    (r"\?\.", "JavaScript's, and a missing value prints nothing here", "{{ a.b }}", "{% if a.b %}…{% endif %}"),
    (r"\.\[", "Handlebars'", "{{ items[0] }}", "{% if items[0] %}…{% endif %}"),
    (r"\?\?", "Twig's", "{{ name | default('…') }}", "{% if name is defined %}…{% endif %}"),
    (r"\?", "Twig's `a ? b : c`", "{{ 'b' if a else 'c' }}", "{% set name = 'b' if a else 'c' %}"),
    (r"&&", "JavaScript's", "{{ a and b }}", "{% if a and b %}…{% endif %}"),
    (r"\|\|", "JavaScript's", "{{ a or b }}", "{% if a or b %}…{% endif %}"),
    (r"===", "JavaScript's", "{{ a == b }}", "{% if a == b %}…{% endif %}"),
    (r"!==", "JavaScript's", "{{ a != b }}", "{% if a != b %}…{% endif %}"),
    (r"!(?!=)", "JavaScript's", "{{ not a }}", "{% if not a %}…{% endif %}"),
    (r"->", "PHP's", "{{ a.b }}", "{% if a.b %}…{% endif %}"),
    (r"=>", "JavaScript's", "{{ items | map(attribute='name') | join(', ') }}", "{% for a in items %}…{% endfor %}"),
    (r"`", "JavaScript's", "{{ 'a' ~ name }}", "{% set name = 'a' ~ b %}"),
    (r"\$(?=[\w(])", "PHP's and n8n's", "{{ name }}", "{% if name %}…{% endif %}"),
    (r"\.\./", "Handlebars', and a loop sees the names outside of it", "{{ name }}", "{% if name %}…{% endif %}"),
    (r"@(?=\w)", "Handlebars'", "{{ loop.index0 }}", "{% if loop.last %}…{% endif %}"),
    (r"\.\.", "Twig's and Liquid's", "{{ range(1, 4) | join(' ') }}", "{% for a in range(1, 4) %}…{% endfor %}"),
)
"""What is no operator of Jinja2, whose it is, and what to write in an expression and in a statement."""
_PATTERNS: Final = {"date": "d MMMM y", "time": "HH:mm", "datetime": "d MMM y HH:mm"}
_HANDLEBARS: Final = re.compile(r"\{\{[~]?\s*(?P<mark>\{|[#/^>!&]|else\b|@)\s*(?P<word>[\w.@]*)[^}]*\}?\}\}")
_ARGUMENT: Final = r"(?:\"[^\"]*\"|'[^']*'|[\w.]+)"
_COLON_FILTER: Final = re.compile(
    rf"\|\s*(?P<name>\w+)\s*:\s*(?P<first>{_ARGUMENT})?(?P<others>(?:\s*,\s*{_ARGUMENT})*)"
)
_WHOLE: Final = re.compile(r"\{\{.*?\}\}|\{%.*?%\}", re.DOTALL)
_COLON: Final = {
    "slice": "{{ items[:5] | join(', ') }}",
    "map": "{{ items | map(attribute='name') | join(', ') }}",
    "sort": "{{ items | sort(attribute='name') | map(attribute='name') | join(', ') }}",
}
"""Of filters whose arguments mean something else here: what to write."""
_EMPTY: Final = re.compile(r"\{\{[-+]?\s*[-+]?\}\}.?", re.DOTALL)
_TEXT: Final = re.compile(r"\"[^\"]*\"|'[^']*'")
_TAG: Final = re.compile(r"\{%[-+]?\s*(?P<name>\w+)")
_REVERSED: Final = re.compile(r"\{%[-+]?\s*for\s+[^%]{1,200}\sreversed\s*[-+]?%\}")


def hint(tag: str, message: str) -> str | None:
    """Return what the tag at which Jinja2's parser stopped is, and what to write; None where nothing is known of it."""
    if "Missing end of comment" in message:
        return "`{#` begins a comment, which does not end; in CSS and JavaScript write `{ #`"
    if _EMPTY.fullmatch(tag):
        return "`{{ }}` has no value; braces that are to be seen stand between `{% raw %}` and `{% endraw %}`"
    if _REVERSED.match(tag):
        return "`reversed` is Django's and Liquid's; write `{% for a in items | reverse %}…{% endfor %}`"
    handlebars = _HANDLEBARS.match(tag)
    if handlebars is not None:
        return _handlebars(handlebars["mark"], handlebars["word"])
    name = _TAG.match(tag)
    if name is not None and name["name"] in TAGS and "unknown tag" in message:
        whole = _WHOLE.match(tag)
        return tag_hint(name["name"], whole[0] if whole else "")
    return None


def tag_hint(name: str, tag: str = "") -> str:
    """Return what this tag is, and what to write: with its arguments, where they can be taken over."""
    whose, write = TAGS[name]
    return f"`{{% {name} %}}` is {whose} `{rewritten_tag(tag) or write}`"


def test_hint(name: str) -> str:
    """Return what is known of a test that is not there."""
    return _missing("test", name, TESTS)


def function_hint(name: str) -> str:
    """Return what is known of a function that is not there."""
    return _missing("function", name, FUNCTIONS)


def method_hint(name: str) -> str:
    """Return what is known of a method that is not there."""
    write = METHODS.get(name)
    return f"`.{name}()` is not available; " + ("use a filter" if write is None else f"write `{write}`")


def _missing(kind: str, name: str, known: Mapping[str, tuple[str, str]]) -> str:
    if name not in known:
        return f"there is no {kind} `{name}`"
    whose, write = known[name]
    return f"there is no {kind} `{name}`: {whose} `{write}`"


def filter_hint(name: str, tag: str = "") -> str | None:
    """Return why there is no such filter, and what to write; None where nothing is known of it.

    What to write is the `tag` in which the filter stands, where its arguments can be taken over.
    """
    if name not in FILTERS:
        return None
    why, write = FILTERS[name]
    return f"`{name}` is not available: {why} `{rewritten(tag, name) or write}`"


def _handlebars(mark: str, word: str) -> str:
    if mark in _SHORT:
        return _SHORT[mark]
    if mark in "{&":
        whose = "`{{{ … }}}` is Handlebars'" if mark == "{" else "`{{& … }}` is Mustache's"
        return f"{whose}; every value is escaped, write `{{{{ {word or 'name'} }}}}`"
    whose = f"`{{{{{mark}{word}…}}}}` is Handlebars'"
    if word in _BLOCKS or not word.isidentifier():
        return f"{whose}; write `{_BLOCKS.get(word, _BLOCKS['if'])}`"
    loop = f"{{% for a in {word} %}}…{{% endfor %}}"
    condition = f"{{% if {word} %}}…{{% endif %}}"
    return f"{whose} and Mustache's; where `{word}` is a list write `{loop}`, else write `{condition}`"


def misread(tag: str) -> str | None:
    """Return what a tag has of another language's expressions, and what to write; None where nothing is known."""
    colon = _COLON_FILTER.search(tag)
    if colon is not None:
        whole = _WHOLE.match(tag)
        return _colon(colon["name"], (colon["first"] or "'…'") + colon["others"], whole[0] if whole else "")
    # What a text holds is no operator.
    code = _TEXT.sub("''", tag)
    for operator, whose, expression, statement in _OPERATORS:
        found = re.search(operator, code)
        if found is not None:
            shown = "a backtick" if found.group() == "`" else f"`{found.group()}`"
            return f"{shown} is {whose}; write `{expression if tag.startswith('{{') else statement}`"
    return None


def _colon(name: str, arguments: str, tag: str) -> str:
    whose = f"`{name}:` is Django's and Liquid's"
    if name in _PATTERNS:
        return f"{whose}; write `{{{{ day | {name}('{_PATTERNS[name]}') }}}}`"
    if name not in _ENVIRONMENT.filters:
        return filter_hint(name, tag) or f"{whose}, and there is no filter `{name}`; write `{_ALIKE}`"
    write = rewritten(tag, name)
    if name in _COLON:
        return f"{whose}; write `{write or _COLON[name]}`"
    write = write or f"{{{{ name | {name}({arguments}) }}}}"
    return f"{whose}; arguments stand in parentheses, write `{write}`"
