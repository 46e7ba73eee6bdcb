"""Templates mean what Jinja2 means: the same text as Jinja2's own sandbox writes, for what templates may use."""

import os
from copy import deepcopy
from typing import Any, Final

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from renderer.language.template import Template, TemplateProblemError
from tests.renderer.language.jinja_suite import expected

MANY: Final = int(os.environ.get("POSTERS_TEMPLATE_EXAMPLES", "300"))
"""How many templates are made up; set the variable to some thousands to look for more."""
SAMPLE: Final = "POSTERS_TEMPLATE_EXAMPLES" not in os.environ
"""Whether they are the same each time."""
DATA: dict[str, Any] = {  # copied for each template: Jinja2's `indent` appends to a list before it fails
    "x": "a & b",
    "n": 3,
    "f": 2.5,
    "zero": 0,
    "empty": "",
    "nothing": None,
    "yes": True,
    "xs": ["p", "q", "r"],
    "ns": [3, 1, 2],
    "people": [{"name": "Ada", "age": 36}, {"name": "Bob", "age": 28}],
    "o": {"k": "v", "items": "own", "deep": {"er": [1, [2]]}},
    "é": "accent",
}
SAMPLES = [
    "{{ x }}{{ n + 1 }}{{ n * 2.5 }}{{ n / 2 }}{{ n // 2 }}{{ n % 2 }}{{ -n }}{{ +n }}{{ n ** 2 }}{{ x ~ n }}",
    "{% for p in people if p.age > 30 %}{{ loop.index }}{{ p.name }}{% else %}none{% endfor %}",
    "{% for p in xs %}{{ loop.first }}{{ loop.last }}{{ loop.length }}{{ loop.cycle('a', 'b') }}{% endfor %}",
    "{% for p in xs %}{{ loop.previtem|default('-') }}{{ loop.nextitem|default('-') }}{% endfor %}",
    "{% for p in xs %}{{ loop.changed(p) }}{{ loop.depth }}{{ loop.revindex }}{% endfor %}",
    "{% for a in xs %}{% if a == 'q' %}{% continue %}{% endif %}{{ a }}{% endfor %}",
    "{% for a in xs %}{% if a == 'q' %}{% break %}{% endif %}{{ a }}{% endfor %}",
    "{% if zero %}a{% elif empty %}b{% else %}c{% endif %}{{ 'y' if n in [1, 3] else 'n' }}{{ 'y' if zero }}",
    "{{ missing|default('d') }}{{ missing is defined }}{{ x is string }}{{ n is odd }}{{ n is divisibleby 3 }}",
    "{% set y = x %}{% set a, b = 1, 2 %}{{ y }}{{ a }}{{ b }}{% with z = n %}{{ z }}{% endwith %}",
    "{% macro m(v, w='d') %}<i>{{ v }}{{ w }}</i>{% endmacro %}{{ m(x) }}{{ m(n, w=x) }}",
    "{% macro m() %}<i>{{ caller() }}</i>{% endmacro %}{% call m() %}{{ x }}{% endcall %}",
    "{% set b %}<b>{{ x }}</b>{% endset %}{{ b }}{{ b|upper }}",
    "{{ xs|join('-') }}{{ xs|length }}{{ xs|first }}{{ xs|last }}{{ xs|reverse|join }}{{ xs }}{{ o }}",
    "{{ people|map(attribute='name')|join }}{{ xs|map('upper')|list }}",
    "{{ people|selectattr('age', 'gt', 30)|map(attribute='name')|join }}{{ people|sum(attribute='age') }}",
    "{% for row in xs|batch(2) %}[{% for c in row %}{{ c }}{% endfor %}]{% endfor %}",
    "{% for k, v in o.items() %}{{ k }}{{ v }}{% endfor %}{{ o['k'] }}{{ xs[0] }}{{ xs[-1] }}{{ x[1:3] }}{{ xs[::2] }}",
    "{% for g in people|groupby('age') %}{{ g.grouper }}{{ g.list|length }}{% endfor %}",
    "{{ 'a' 'b' }}{{ \"q'q\" }}{{ 'é' ~ é }}{{ true }}{{ false }}{{ 1.50 }}{{ 1_000 }}{{ 1e0 }}",
    "{{ 'foo-bar'|title }}{{ 2.1|round }}{{ [1, 2] }}{{ 'abc'|int }}{{ x|wordcount }}{{ o|pprint }}{{ x|truncate(3) }}",
    "{{ x.upper() }}{{ x.split(' ') }}{{ '{0} {b}'.format(n, b=x) }}{{ 'a-b'.replace('-', '+') }}{{ o.get('k', 1) }}",
    "{% set n2 = namespace(a=1) %}{% for v in ns %}{% set n2.a = n2.a + v %}{% endfor %}{{ n2.a }}",
    "{% set c = cycler('a', 'b') %}{{ c.next() }}{{ c.current }}{{ c.next() }}{% set j = joiner() %}{{ j() }}{{ j() }}",
    "{% for a in o.deep.er recursive %}{% if a is iterable %}[{% else %}{{ a }}{% endif %}{% endfor %}",
    "{% raw %}{{ x }}{% if %}{# #}{% endraw %}{{ '{{' }}{{ '}}' }}{ { } } {x} %} #}",
    "a {#- comment\n over lines -#} b {# {{ x }} #} c",
    "\n{%- if n -%}\n  a\n{%- endif -%}\n b {{- x -}} c\n",
    "{%+ if n +%} a {%+ endif %}{{+ x }}",
    "a\r\nb\rc\n\n",
    "{{ n > 2 and x or 'z' }}{{ not n }}{{ (n > 1) == true }}{{ 1 < n < 5 }}{{ 'a' not in x }}{{ nothing }}",
]


@pytest.mark.parametrize("html", SAMPLES)
def test_a_template_writes_what_jinja_writes(html: str) -> None:
    """The document is Jinja2's own."""
    assert Template(html).render(deepcopy(DATA)) == expected(html, deepcopy(DATA))


PIECES = [
    *("a", " ", "\n", "  \n ", "{", "}", "{ {", "%}", "#}", "}}", "é", "😀", "\t", "\r\n"),
    *("{{ x }}", "{{- x }}", "{{ x -}}", "{{-x-}}", "{{+ x }}", "{{ '{{' }}", "{{ '%}' }}", "{{x|upper}}"),
    *("{{ {'a': x}.a }}", "{# c #}", "{#- c -#}", "{# {{ x }} #}", "{#\n#}", "{##}"),
    *("{% raw %}{{ x }}{% endraw %}", "{%- raw -%} {% {% {%- endraw -%}", "{% raw %}{{% endraw %}"),
    *("{% raw %}{#{% endraw %}", "{% if n %}", "{%- if n -%}", "{%+ if zero %}", "{% else %}", "{%- else %}"),
    *("{% endif %}", "{%- endif -%}", "{% for i in xs %}", "{%- for i in xs -%}", "{% endfor %}", "{% set y = x %}"),
    *("{{ n }}{", "{{ n }}%"),
]


@settings(max_examples=2 * MANY, deadline=None, derandomize=SAMPLE)
@given(st.lists(st.sampled_from(PIECES), max_size=12).map("".join))
def test_no_order_of_braces_and_spaces_is_read_differently(html: str) -> None:
    """Whatever Jinja2 reads as text is printed as text; whatever it refuses is refused."""
    assert _written(html) == expected(html, deepcopy(DATA))


NAMES = [
    "x",
    "n",
    "f",
    "zero",
    "empty",
    "nothing",
    "yes",
    "xs",
    "ns",
    "people",
    "o",
    "missing",
    "o.k",
    "o.no.way",
    "xs[0]",
]
LITERALS = ["1", "2.0", "'a'", "'<b>'", "true", "none", "[1, 2]", "('a',)", "{'k': 'v'}", "-1", "''"]
OPERATORS = ["+", "-", "*", "/", "//", "%", "~", "==", "!=", "<", ">=", "in", "not in", "and", "or"]
FILTERS = [
    *("upper", "lower", "title", "capitalize", "trim", "length", "first", "last", "list", "join", "join('-')", "sort"),
    *("reverse", "int", "float", "abs", "round", "round(1, 'floor')", "string", "default('d')", "default('d', true)"),
    *(
        "string | truncate(3)",
        "string | truncate(2, true, '.', 0)",
        "replace('a', 'o')",
        "unique | list",
        "sum",
        "min",
        "max",
        "wordcount",
    ),
    *(
        "batch(2) | list",
        "slice(2) | list",
        "map('upper') | list",
        "map('string') | join('/')",
        "center(7)",
        "e",
        "pprint",
    ),
    *("select | list", "reject('odd') | list", "selectattr('age') | list", "map(attribute='name') | list", "dictsort"),
    *(
        "items | list",
        "indent(2)",
        "wordwrap(2)",
        "striptags",
        "urlencode",
        "filesizeformat",
        "format(1)",
        "forceescape",
    ),
    *(
        "groupby('age') | list",
        "sort(reverse=true)",
        "sort(attribute='age')",
        "sum(attribute='age')",
        "tojson",
        "attr('k')",
    ),
]
TESTS = [
    "defined",
    "undefined",
    "none",
    "string",
    "number",
    "iterable",
    "mapping",
    "odd",
    "divisibleby(2)",
    "in([1, 3])",
    "true",
]
METHODS = [
    ".upper()",
    ".split()",
    ".items() | list",
    ".get('k')",
    ".keys() | list",
    ".index('q')",
    ".count('a')",
    ".strip('a')",
]
PARTS = [".k", "[0]", "[-1]", "['k']", ".name", "[1:]", "[:2]", "[::-1]", ".deep.er", ".nothing"]


def _expressions() -> st.SearchStrategy[str]:
    return st.recursive(
        st.sampled_from(NAMES + LITERALS),
        lambda inner: st.one_of(
            st.tuples(inner, st.sampled_from(OPERATORS), inner).map(lambda parts: f"({' '.join(parts)})"),
            st.tuples(inner, st.sampled_from(FILTERS)).map(lambda parts: f"({parts[0]} | {parts[1]})"),
            st.tuples(inner, st.sampled_from(TESTS)).map(lambda parts: f"({parts[0]} is {parts[1]})"),
            st.tuples(inner, st.sampled_from(METHODS + PARTS)).map(lambda parts: f"({parts[0]}){parts[1]}"),
            st.tuples(inner, inner, inner).map(lambda parts: "({} if {} else {})".format(*parts)),
            st.tuples(inner, inner).map(lambda parts: "[{}, {}]".format(*parts)),
            inner.map(lambda part: f"(not {part})"),
        ),
        max_leaves=6,
    )


def _templates() -> st.SearchStrategy[str]:
    value = _expressions()
    printed = st.one_of(
        st.sampled_from(["a", " ", "\n", "&amp;", "{# c #}"]),
        st.tuples(st.sampled_from(["{{ ", "{{- "]), value, st.sampled_from([" }}", " -}}"])).map("".join),
    )
    chosen = st.tuples(value, value).map(lambda parts: "{{{{ {} if {} }}}}".format(*parts))
    return st.recursive(
        st.one_of(printed, chosen),
        lambda inner: st.one_of(
            st.lists(inner, min_size=1, max_size=3).map("".join),
            st.tuples(value, inner, inner).map(lambda p: "{{% if {} %}}{}{{% else %}}{}{{% endif %}}".format(*p)),
            st.tuples(value, inner).map(lambda p: "{{%- if {} -%}}{}{{%- endif -%}}".format(*p)),
            st.tuples(value, inner).map(
                lambda p: "{{% for x in {} %}}{{{{ loop.index }}}}{}{{% else %}}-{{% endfor %}}".format(*p)
            ),
            st.tuples(value, inner).map(lambda p: "{{% set n = {} %}}{}".format(*p)),
            st.tuples(inner, inner).map(lambda p: "{{% set x %}}{}{{% endset %}}{}".format(*p)),
            st.tuples(value, inner).map(lambda p: "{{% with n = {} %}}{}{{% endwith %}}".format(*p)),
        ),
        max_leaves=5,
    )


@settings(
    max_examples=MANY,
    deadline=None,
    derandomize=SAMPLE,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
@given(body=_templates(), value=_expressions())
def test_made_up_templates_write_what_jinja_writes(body: str, value: str) -> None:
    """Expressions, filters, loops, conditions, sets and macros: the same text, or an error for both."""
    macro = "{% macro m(v, w=1) %}[{{ v }}{{ w }}]{% endmacro %}"
    for html in (body, f"{macro}{{{{ m({value}) }}}}", f"{macro}{{% set y = m({value}) %}}{{{{ y ~ y }}}}"):
        assert _written(html) == expected(html, deepcopy(DATA))


def _written(html: str) -> str | None:
    try:
        return Template(html).render(deepcopy(DATA))
    except TemplateProblemError:
        return None
