"""No template and no data keep the renderer busy for long, or take memory that was not planned for."""

import asyncio
import time
from collections.abc import Iterator
from contextlib import suppress

import psutil
import pytest

from renderer.language.analyse import UnreadableTemplateError, read_template
from renderer.language.check import TemplateRejectedError, check_template
from renderer.language.template import OUTPUT_MAX_BYTES, Template, TemplateDataProblemError, TemplateProblemError
from renderer.sandbox.limits import Limits, TimeLimit
from renderer.sandbox.sandbox import TemplateSandbox
from schemas.templates import TemplateError

LIMITS = Limits(
    memory_bytes=384 * 1024 * 1024,
    check=TimeLimit(cpu_seconds=6.0, wall_seconds=60.0),
    fill=TimeLimit(cpu_seconds=0.4, wall_seconds=60.0),
)
"""Those of production take longer to reach."""
SECONDS_MAX = 6.0
"""Of processor time: what one process may use, and what it takes to start another after it."""


class Worker:
    """A sandbox with a loop of its own, for all tests of this file."""

    def __init__(self, runner: asyncio.Runner, sandbox: TemplateSandbox) -> None:
        self._runner = runner
        self._sandbox = sandbox

    def fill(self, html: str, data: dict[str, object]) -> str:
        """Return how long the document is, or the code of the error."""
        try:
            return f"{len(self._runner.run(self._sandbox.fill(html, html, data)).encode())} bytes"
        except TemplateProblemError as problem:
            return problem.code

    def answer(self, html: str) -> TemplateError | None:
        """Return the first error of an upload, None where it is accepted."""
        try:
            self._runner.run(self._sandbox.check(html, []))
        except TemplateRejectedError as error:
            return error.errors[0]
        return None

    def check(self, html: str) -> str:
        """Return the code of the answer to an upload."""
        error = self.answer(html)
        return "accepted" if error is None else error.code


@pytest.fixture(scope="module")
def worker() -> Iterator[Worker]:
    """A worker whose sandbox ends with the last test."""
    with asyncio.Runner() as runner:
        sandbox = TemplateSandbox(limits=LIMITS)
        yield Worker(runner, sandbox)
        runner.run(sandbox.close())


def children_seconds() -> float:
    """Return the processor time of all sandbox processes so far, ended ones included."""
    own = psutil.Process()
    ended = own.cpu_times()
    running = [child.cpu_times() for child in own.children()]
    return sum((each.user + each.system for each in running), ended.children_user + ended.children_system)


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
def test_a_runaway_template_ends_soon_and_small(worker: Worker, html: str) -> None:
    """The worker gets an answer within seconds of processor time; the process is within its memory, and replaced."""
    data: dict[str, object] = {"x": "y" * 60_000, "xs": list(range(5_000)), "ys": list(range(5_000))}
    before = children_seconds()
    outcome = worker.fill(html, data)

    assert outcome in ("template_syntax", "template_data") or int(outcome.split()[0]) <= OUTPUT_MAX_BYTES
    assert children_seconds() - before < SECONDS_MAX
    assert worker.fill("<p>{{ x }}</p>", {"x": "on"}) == "9 bytes"
    assert all(child.memory_info().rss < LIMITS.memory_bytes for child in psutil.Process().children())


HOSTILE = {
    "values": "{{ v }}" * 70_000,
    "values of one attribute": "<a href='" + "{{ v }}" * 6_000 + "'>",
    "values of one style": "<style>p{" + "--a:{{ v }};" * 6_000 + "}</style>",
    "values of one script": "<script>" + "a={{ v|tojson }};" * 6_000 + "</script>",
    "patterns that do not end": "<script>" + "/[" * 40_000 + "{{ v|tojson }}</script>",
    "patterns of backslashes": "<script>" + "/\\" * 60_000 + "{{ v|tojson }}</script>",
    "deep HTML": "<div>" * 50_000 + "{{ v }}",
    "deep formatting": "<b>" * 100_000 + "{{ v }}",
    "formatting in every paragraph": "<p>" + "<b><i><u><s>" * 20 + "</p><p>" * 60_000 + "{{ v }}",
    "deep SVG": "<svg>" * 100_000 + "{{ v }}",
    "deep CSS": "<style>" + "a{b:c;" * 80_000 + "d:{{ v }}</style>",
    "digits in CSS": "<style>p{width:" + "1" * 400_000 + "{{ v }}}</style>",
    "chained macros": "".join(f"{{% macro m{n}() %}}{{{{ m{n + 1}() }}}}{{% endmacro %}}" for n in range(800))
    + "{% macro m800() %}x{% endmacro %}{{ m0() }}",
    "elif": "{% if a %}1" + "{% elif a %}2" * 6_000 + "{% endif %}",
    "attributes": "<p " + "".join(f"a{n}=b " for n in range(40_000)) + "b='{{ v }}'>",
    "parentheses": "{{ " + "(" * 200_000 + " }}",
    "filters": "{{ v" + "|upper" * 20_000 + " }}",
    "parts": "{{ v" + ".a" * 50_000 + " }}",
    "comments that do not end": "{#" * 250_000,
    "texts that do not end": "{{ '" * 130_000,
    "blanks": "{{ v }}" + " " * 500_000 + "{%- if x %}{% endif %}",
    "errors": "<a href={{ v }}>\n" * 15_000,
}


@pytest.mark.parametrize("html", HOSTILE.values(), ids=HOSTILE)
def test_a_hostile_upload_is_answered_in_seconds(worker: Worker, html: str) -> None:
    """Whatever 512 KB hold, they are checked or rejected within the processor time of one check."""
    before = children_seconds()
    answer = worker.check(html)

    assert answer in ("accepted", "template_syntax", "invalid_request")
    assert children_seconds() - before < LIMITS.check.cpu_seconds + 1


SOUPS = {
    "marks": "<" * 1_000_000,
    "marks with blanks": "< " * 500_000,
    "references": "&" * 1_000_000,
    "references of an attribute": "<p title='" + "&amp;" * 200_000 + "'>",
    "the name of a tag": "<a" + "b" * 1_000_000 + ">",
    "the name of an attribute": "<p " + "1" * 1_000_000 + ">",
    "a value without quotes": "<p a=" + "'" * 1_000_000 + ">",
    "a doctype": "<!doctype " + "a" * 1_000_000 + ">",
    "dashes of a comment": "<!--" + "- " * 500_000 + "-->",
    "ends of tags in a script": "<script>" + "</" * 500_000 + "</script>",
    "ends of tags in a title": "<title>" + "</ " * 333_000 + "</title>",
    "breaks in a table": "<table>" + "<br>" * 90_000,
    "tables with texts": "<table>a" * 90_000,
    "lines": "<br>" * 250_000,
}


@pytest.mark.parametrize("html", SOUPS.values(), ids=SOUPS)
def test_a_megabyte_of_soup_is_checked_to_its_end(worker: Worker, html: str) -> None:
    """It is accepted, or refused for what it has too much of: no check is stopped for its time or memory."""
    answers = [worker.answer(beginning + html) for beginning in ("", "{{ v }}")]

    assert all(answer is None or "the template takes" not in answer.message for answer in answers)


def test_too_many_tags_are_refused_with_their_number() -> None:
    """Before anything else is done with them; those of a script count, which is not read yet."""
    with pytest.raises(TemplateRejectedError, match="may have 100,000 tags of HTML, and this one has 100,001"):
        check_template("<br>" * 60_000 + "<script>" + "a<b;" * 40_000, [])


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
