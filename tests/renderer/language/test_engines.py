"""Two engines read every template: Jinja2 at upload, minijinja at run time. They agree on what it says."""

from html import unescape
from typing import Any

import jinja2
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from renderer.language.template import Template, TemplateProblemError

DATA: dict[str, Any] = {
    "x": "a & b",
    "n": 3,
    "zero": 0,
    "empty": "",
    "xs": ["p", "q", "r"],
    "people": [{"name": "Ada", "age": 36}, {"name": "Bob", "age": 28}],
    "o": {"k": "v", "items": "own"},
    "é": "accent",
}
SAMPLES = [
    "{{ x }}{{ n + 1 }}{{ n * 2.5 }}{{ n / 2 }}{{ n // 2 }}{{ n % 2 }}{{ -n }}{{ n ** 2 }}{{ x ~ n }}",
    "{% for p in people if p.age > 30 %}{{ loop.index }}{{ p.name }}{% else %}none{% endfor %}",
    "{% for p in xs %}{{ loop.first }}{{ loop.last }}{{ loop.length }}{{ loop.cycle('a', 'b') }}{% endfor %}",
    "{% for a in xs %}{% if a == 'q' %}{% continue %}{% endif %}{{ a }}{% endfor %}",
    "{% for a in xs %}{% if a == 'q' %}{% break %}{% endif %}{{ a }}{% endfor %}",
    "{% if zero %}a{% elif empty %}b{% else %}c{% endif %}{{ 'y' if n in [1, 3] else 'n' }}",
    "{{ missing|default('d') }}{{ missing is defined }}{{ x is string }}{{ n is odd }}{{ n is divisibleby 3 }}",
    "{% set y = x %}{% set a, b = 1, 2 %}{{ y }}{{ a }}{{ b }}{% with z = n %}{{ z }}{% endwith %}",
    "{% macro m(v, w='d') %}<i>{{ v }}{{ w }}</i>{% endmacro %}{{ m(x) }}{{ m(n, w=x) }}",
    "{% macro m() %}<i>{{ caller() }}</i>{% endmacro %}{% call m() %}{{ x }}{% endcall %}",
    "{% set b %}<b>{{ x }}</b>{% endset %}{{ b }}",
    "{{ xs|join('-') }}{{ xs|length }}{{ xs|first }}{{ xs|last }}{{ xs|reverse|join }}",
    "{{ people|map(attribute='name')|join }}",
    "{{ people|selectattr('age', 'gt', 30)|map(attribute='name')|join }}{{ people|sum(attribute='age') }}",
    "{% for row in xs|batch(2) %}[{% for c in row %}{{ c }}{% endfor %}]{% endfor %}",
    "{% for k, v in o.items() %}{{ k }}{{ v }}{% endfor %}{{ o['k'] }}{{ xs[0] }}{{ xs[-1] }}{{ x[1:3] }}",
    "{% for g in people|groupby('age') %}{{ g.grouper }}{{ g.list|length }}{% endfor %}",
    "{{ 'a' 'b' }}{{ \"q'q\" }}{{ 'é' ~ é }}{{ true }}{{ false }}{{ 1.50 }}{{ 1_000 }}",
    "{% raw %}{{ x }}{% if %}{# #}{% endraw %}{{ '{{' }}{{ '}}' }}{ { }} } {x} %} #}",
    "a {#- comment\n over lines -#} b {# {{ x }} #} c",
    "\n{%- if n -%}\n  a\n{%- endif -%}\n b {{- x -}} c\n",
    "{%+ if n +%} a {%+ endif %}{{+ x }}",
    "a\r\nb\rc\n\n",
    "{{ n > 2 and x or 'z' }}{{ not n }}{{ (n > 1) == true }}{{ 1 < n < 5 }}{{ 'a' not in x }}",
]


def expected(html: str) -> str:
    """Return what Jinja2 makes of it."""
    environment = jinja2.Environment(
        autoescape=True,
        keep_trailing_newline=True,
        extensions=["jinja2.ext.loopcontrols"],
        undefined=jinja2.StrictUndefined,
    )
    return unescape(environment.from_string(html.replace("o.items()", "o|items")).render(DATA))


@pytest.mark.parametrize("html", SAMPLES)
def test_both_engines_write_the_same(html: str) -> None:
    """The document is Jinja2's own, escapes aside."""
    assert unescape(Template(html).render(DATA)) == expected(html)


PIECES = [
    *("a", " ", "\n", "  \n ", "{", "}", "{ {", "%}", "#}", "}}", "é", "😀", "\t", "\r\n"),
    *(
        "{{ x }}",
        "{{- x }}",
        "{{ x -}}",
        "{{-x-}}",
        "{{+ x }}",
        "{{ '{{' }}",
        "{{ '%}' }}",
        "{{x|upper}}",
        "{{ {'a': x}.a }}",
    ),
    *("{# c #}", "{#- c -#}", "{# {{ x }} #}", "{#\n#}", "{##}"),
    *(
        "{% raw %}{{ x }}{% endraw %}",
        "{%- raw -%} {% {% {%- endraw -%}",
        "{% raw %}{{% endraw %}",
        "{% raw %}{#{% endraw %}",
    ),
    *("{% if n %}", "{%- if n -%}", "{%+ if zero %}", "{% else %}", "{%- else %}", "{% endif %}", "{%- endif -%}"),
    *("{% for i in xs %}", "{%- for i in xs -%}", "{% endfor %}", "{% set y = x %}", "{{ n }}{", "{{ n }}%"),
]


@settings(max_examples=600, deadline=None)
@given(st.lists(st.sampled_from(PIECES), max_size=12).map("".join))
def test_no_order_of_braces_and_spaces_parts_the_engines(html: str) -> None:
    """Whatever Jinja2 reads as text, minijinja prints as text; whatever one refuses, the template is refused."""
    try:
        template = Template(html)
    except TemplateProblemError:
        return

    assert unescape(template.render(DATA)) == expected(html)
