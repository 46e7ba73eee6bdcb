"""Braces of JavaScript's own: libraries, and templates that a script fills in the browser (Vue, Angular, Handlebars).

`{{` in them is no placeholder. They are recognized by where they stand, and answered with `{% raw %}`.
"""

import re
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from renderer.language.problems import TemplateSyntaxProblemError
from renderer.language.source import Source
from schemas.templates import TemplateWarning

LIBRARY_MIN_CHARACTERS: Final = 2_000
"""A `<script>` or `<style>` from this length on is somebody else's; shorter ones are written for the template."""
MINIFIED_MIN_CHARACTERS: Final = 500
"""A line of a long script from this length on is hardly written by hand."""
_ELEMENT: Final = re.compile(
    r"<(?P<name>script|style)\b(?P<attributes>[^>]{0,2000})>(?P<content>.*?)(?:</(?P=name)|\Z)",
    re.IGNORECASE | re.DOTALL,
)
_TYPE: Final = re.compile(r"""\btype\s*=\s*["']?([^"'\s>]*)""", re.IGNORECASE)
_FILLED: Final = re.compile(r"template|handlebars|mustache|html", re.IGNORECASE)
"""In the `type` of a script that is no script, but a template of one."""
_RAW: Final = "put it between `{% raw %}` and `{% endraw %}`"
_FRAMEWORKS: Final = re.compile(
    r"<[a-z][^<>]{0,2000}?\s(?:(?P<vue>v-(?:for|if|else|show|bind|on|model|text|html|cloak|repeat)\b)"
    r"|(?P<angular>ng-(?:app|repeat|if|show|bind|model|controller|init)\b|\*ng(?:For|If)\b)"
    r"|(?P<alpine>x-(?:data|text|for|if|show|html|bind)\b))",
    re.IGNORECASE,
)
_NAMES: Final = {"vue": "Vue", "angular": "Angular", "alpine": "Alpine"}


@dataclass(frozen=True, slots=True)
class _Element:
    """Where the content of a library, or of a template that a script fills, begins and ends."""

    start: int
    end: int
    name: str
    is_filled: bool


def in_scripts(text: str, problems: Sequence[TemplateSyntaxProblemError]) -> list[TemplateSyntaxProblemError]:
    """Return the problems. The first one in each library, or template of a script, says how to keep its braces.

    Others in an element that is not the template's own are left out.
    """
    if not problems:
        return []
    elements = list(_elements(text))
    starts = [0, *(match.end() for match in re.finditer("\n", text))]
    answered: set[_Element] = set()
    found = []
    for problem in problems:
        if problem.line is None or problem.column is None:
            found.append(problem)
            continue
        start = starts[problem.line - 1]
        at = start + problem.column - 1
        element = _element_at(elements, at)
        message = problem.message
        if element is not None:
            message = _answer(element, problem.message, text.find("\n", at) - start, is_first=element not in answered)
            answered.add(element)
        if message:
            found.append(TemplateSyntaxProblemError(message, problem.line, problem.column))
    return found


def _element_at(elements: Sequence[_Element], offset: int) -> _Element | None:
    index = bisect_right(elements, offset, key=lambda element: element.start) - 1
    return elements[index] if index >= 0 and offset <= elements[index].end else None


def _answer(element: _Element, message: str, line_characters: int, *, is_first: bool) -> str:
    """Return what to say of a problem inside of an element; nothing where that has been said.

    `line_characters` is the length of its line, negative for the last one.
    """
    if element.is_filled or (element.name == "script" and not 0 <= line_characters < MINIFIED_MIN_CHARACTERS):
        return _foreign(element, message) if is_first else ""
    return f"{message}; {_if_library(element)}" if is_first else message


def _foreign(element: _Element, message: str) -> str:
    """Return the answer where braces are hardly the template's."""
    if element.is_filled:
        return f"`{{{{` in this `<script>` is for a script to fill; {_RAW}"
    # What is wrong with a value of the template's own is said all the same.
    known = f"{message}; " if "tojson" in message or message.startswith("there is no") else ""
    return f"{known}braces in this `<script>` are read as the template's; {_if_library(element)}"


def _if_library(element: _Element) -> str:
    return f"if this {'is a library' if element.name == 'script' else 'comes from elsewhere'}, {_RAW}"


def framework_warning(source: Source) -> TemplateWarning | None:
    """Return a warning where `{{` is the template's, although its elements have attributes of a script's library."""
    framework = _FRAMEWORKS.search(source.text)
    is_raw = any(token.kind == "raw_begin" for token in source.tokens)
    # Whoever writes `raw` knows whose braces are whose.
    if framework is None or is_raw or not any(source.text.startswith("{{", tag.start) for tag in source.tags):
        return None
    [(name, attribute)] = [(name, text) for name, text in framework.groupdict().items() if text]
    message = (
        f"`{attribute}` is {_NAMES[name]}'s, and `{{{{ … }}}}` is filled before any script runs; what a script is to "
        "fill stands between `{% raw %}` and `{% endraw %}`"
    )
    return TemplateWarning(code="script_placeholders", message=message)


def _elements(text: str) -> Iterator[_Element]:
    for match in _ELEMENT.finditer(text):
        name = match["name"].lower()
        kind = _TYPE.search(match["attributes"])
        is_filled = name == "script" and kind is not None and _FILLED.search(kind[1]) is not None
        start, end = match.span("content")
        if is_filled or end - start >= LIBRARY_MIN_CHARACTERS:
            yield _Element(start, end, name, is_filled)
