"""No template and no data keep the renderer busy for long, or take memory that was not planned for."""

import json
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

import pytest

from renderer.language.analyse import UnreadableTemplateError, read_template
from renderer.language.template import OUTPUT_MAX_BYTES, Template, TemplateDataProblemError, TemplateProblemError

ROOT = Path(__file__).parents[3]
MEMORY_MAX_MB = 200
SECONDS_MAX = 15.0
"""Of processor time, on a machine that does other things; the longest of these takes some two seconds."""

# Runs one template in a process of its own, and says what it took.
PROBE = """
import json, resource, sys, time
from renderer.language.template import Template, TemplateProblemError
html, data = json.loads(sys.stdin.read())
Template("{{ x|date }}{{ y|number }}{% for a in [1] %}{{ a }}{% endfor %}").render({"x": "2025-01-01", "y": 1})
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
began = time.process_time()
try:
    outcome = f"{len(Template(html).render(data))} characters"
except TemplateProblemError as problem:
    outcome = problem.code
grown = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024
print(json.dumps([outcome, time.process_time() - began, grown]))
"""

DOUBLED = "{% set a = a ~ a %}" * 60
RUNAWAY = {
    "nested loops": "{% for a in range(100000) %}{% for b in range(100000) %}{% endfor %}{% endfor %}",
    "large range": "{{ range(1000000000)|length }}",
    "large output": "{% for a in range(100000) %}" + "y" * 100_000 + "{% endfor %}",
    "large output beyond ASCII": "😀{% for a in range(590) %}" + "y" * 100_000 + "{% endfor %}",
    "output just over the limit": "{% for a in range(22) %}" + "y" * 100_000 + "{% endfor %}",
    "large value, often": "{% for a in range(100000) %}{{ x }}{% endfor %}",
    "macro that calls itself": "{% macro m() %}{{ m() }}{% endmacro %}{{ m() }}",
    "macros that call each other": (
        "{% macro a() %}{{ b() }}{% endmacro %}{% macro b() %}{{ a() }}{% endmacro %}{{ a() }}"
    ),
    "macros that multiply": "".join(
        f"{{% macro m{n}() %}}{{{{ m{n + 1}() }}}}{{{{ m{n + 1}() }}}}{{% endmacro %}}" for n in range(40)
    )
    + "{% macro m40() %}x{% endmacro %}{{ m0() }}",
    "repeated text": "{{ 'x' * 1000000000 }}",
    "repeated value": "{{ x * 1000000000 }}",
    "repeated list": "{{ ([x] * 1000000000)|length }}",
    "doubled text": "{% set a = x %}" + DOUBLED + "{{ a|length }}",
    "doubled list": "{% set a = xs %}" + DOUBLED.replace("~", "+") + "{{ a|length }}",
    "list of itself": "{% set a = xs %}" + "{% set a = [a, a] %}" * 60 + "{{ a|tojson }}",
    "tuple of itself": "{% set a = xs %}" + "{% set a = (a, a) %}" * 60 + "{{ a|length }}",
    "object of itself": "{% set a = xs %}" + "{% set a = {'a': a, 'b': a} %}" * 60 + "{{ a|tojson }}",
    "deep list": "{% set a = [] %}" + "{% set a = [a] %}" * 20_000 + "{{ a|tojson }}",
    "list that a macro grows": (
        "{% macro m(a) %}{{ n([a, a]) }}{% endmacro %}{% macro n(a) %}{{ [a, a]|tojson }}{% endmacro %}"
        "{% set a = xs %}" + "{% set a = [a, a] %}" * 13 + "{{ m(a) }}"
    ),
    "namespace": "{% set n = namespace(a=[]) %}{% for i in range(100000) %}{% set n.a = [n.a] %}{% endfor %}{{ n.a }}",
    "format": "{{ '%1000000000d'|format(1) }}",
    "indent": "{{ x|indent(1000000000) }}",
    "replacement that grows": "{{ x|replace('y', x)|length }}",
    "replacement of nothing": "{{ x|replace('', x) }}",
    "rounded": "{{ 1.5|round(1000000000) }}",
    "decimals": "{{ 1.5|number(decimals=1000000000) }}",
    "power": "{{ 9999999999 ** 9999999999 }}",
    "batch": "{{ [1]|batch(1000000000, 0)|list|length }}",
    "slice": "{{ xs|slice(1000000000)|list|length }}",
    "date pattern": "{{ '2025-01-01'|date('" + "MMMM" * 24 + "') }}",
    "sorted often": "{% for a in range(100000) %}{{ xs|sort|length }}{% endfor %}",
    "joined often": "{% for a in range(100000) %}{% set y = xs|join(x) %}{% endfor %}",
    "compared often": "{% for a in range(100000) %}{% if xs == ys %}{% endif %}{% endfor %}",
    "searched often": "{% for a in range(100000) %}{% if a in xs %}{% endif %}{% endfor %}",
    "written as JSON often": "{% for a in range(100000) %}{% set y = xs|tojson %}{% endfor %}",
    "own filter often": "{% for a in range(100000) %}{% set y = x|upper|title|lower %}{% endfor %}",
    "parentheses": "{{ " + "(" * 3_000 + "1" + ")" * 3_000 + " }}",
    "long sum": "{{ " + " + ".join(["1"] * 50_000) + " }}",
    "chain of filters": "{{ x" + "|upper" * 20_000 + " }}",
    "blocks in blocks": "{% if x %}" * 3_000 + "{% endif %}" * 3_000,
    "deep HTML": "<div>" * 50_000 + "{{ x }}",
    "attributes": "<p " + "a " * 100_000 + "b='{{ x }}'>",
    "quotes": "<p a='" * 40_000 + "{{ x }}",
    "comments": "<!--" * 60_000 + "-->{{ x }}",
}


@pytest.mark.parametrize("html", RUNAWAY.values(), ids=RUNAWAY)
def test_a_runaway_template_ends_soon_and_small(html: str) -> None:
    """In a process of its own the template ends within seconds, in bounded memory, without killing the process."""
    data = {"x": "y" * 60_000, "xs": list(range(5_000)), "ys": list(range(5_000))}
    probe = subprocess.run(
        [sys.executable, "-c", PROBE],
        input=json.dumps([html, data]),
        capture_output=True,
        text=True,
        cwd=ROOT,
        timeout=120,
        check=False,
    )
    assert probe.returncode == 0, probe.stderr[-2_000:]
    outcome, seconds, megabytes = json.loads(probe.stdout)

    assert outcome in ("template_syntax", "template_data") or int(outcome.split()[0]) <= OUTPUT_MAX_BYTES
    assert seconds < SECONDS_MAX
    assert megabytes < MEMORY_MAX_MB


def test_a_document_may_have_exactly_the_limit() -> None:
    """Two mebibytes of UTF-8 pass, one byte more does not."""
    template = Template("{% for a in range(n) %}" + "é" * 512 + "{% endfor %}{{ x }}")
    full = OUTPUT_MAX_BYTES // 1024

    assert len(template.render({"n": full, "x": ""}).encode()) == OUTPUT_MAX_BYTES
    with pytest.raises(TemplateDataProblemError, match="more than 2,097,152 bytes"):
        template.render({"n": full, "x": "a"})


def test_the_data_cannot_be_changed_by_a_template() -> None:
    """Python's methods of lists and objects are out of reach."""
    for call in ("xs.append(1)", "xs.extend(xs)", "o.update(a=1)", "o.pop('a')", "xs.__class__", "o['pop']('a')"):
        data = {"xs": [1], "o": {"a": 1}}
        with pytest.raises(TemplateProblemError):
            Template("{{ " + call + " }}").render(data)

        assert data == {"xs": [1], "o": {"a": 1}}


def test_reading_takes_time_in_proportion_to_the_text() -> None:
    """Four times the branches, macros and expressions take about four times as long, not sixteen."""
    piece = (
        "{% if a %}<b title='{{ x|default(1 if y else 2 if z else 3)|upper }}'>{{ a and (b or c) }}</b>{% endif %}\n"
    )
    small, large = min(_seconds(piece * 100) for _ in range(3)), min(_seconds(piece * 400) for _ in range(3))

    assert large < small * 10


def test_conditions_in_conditions_are_read_once_each() -> None:
    """Nesting expressions does not multiply the work."""
    nested = "x"
    for number in range(25):
        nested = f"(({nested}) if a{number} == {number} else (b{number}|default(1)|map('upper')|list))"

    assert _seconds("{{ " + nested + " }}") < 5


def _seconds(html: str) -> float:
    began = time.process_time()
    with suppress(UnreadableTemplateError):
        read_template(html)
    return time.process_time() - began
