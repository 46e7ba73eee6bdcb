"""Braces of JavaScript's own: libraries, and templates that a script fills in the browser (Vue, Angular, Handlebars).

`{{` in them is no placeholder. They are recognized by where they stand, and answered with `{% raw %}`.
"""

import re
from collections.abc import Iterator, Sequence
from typing import Final

from renderer.language.problems import TemplateSyntaxProblemError
from renderer.language.source import Source
from schemas.templates import TemplateWarning

LIBRARY_MIN_CHARACTERS: Final = 2_000
"""A `<script>` or `<style>` from this length on is somebody else's; shorter ones are written for the template."""
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


def in_scripts(text: str, problems: Sequence[TemplateSyntaxProblemError]) -> list[TemplateSyntaxProblemError]:
    """Return the problems, those of a library or of a script's own template as one that says how to keep its braces."""
    found: list[TemplateSyntaxProblemError] = []
    elements = list(_elements(text)) if problems else []
    answered: set[int] = set()
    for problem in problems:
        at = _offset(text, problem)
        inside = next((each for each in elements if at is not None and each[0] <= at <= each[1]), None)
        if inside is None:
            found.append(problem)
        elif inside[0] not in answered:
            answered.add(inside[0])
            # In a long script of the template's own, this is what to do.
            known = f"{problem.message}; " if "tojson" in problem.message else ""
            found.append(TemplateSyntaxProblemError(known + inside[2], problem.line, problem.column))
    return found


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


def _elements(text: str) -> Iterator[tuple[int, int, str]]:
    """Yield where each library or template of a script begins and ends, and what to do with it."""
    for element in _ELEMENT.finditer(text):
        name = element["name"].lower()
        kind = _TYPE.search(element["attributes"])
        start, end = element.span("content")
        if name == "script" and kind is not None and _FILLED.search(kind[1]):
            yield start, end, f"`{{{{` in this `<script>` is for a script to fill; {_RAW}"
        elif end - start >= LIBRARY_MIN_CHARACTERS:
            what = "a library" if name == "script" else "a style sheet"
            yield start, end, f"braces in this `<{name}>` are read as the template's; if it is {what}, {_RAW}"


def _offset(text: str, problem: TemplateSyntaxProblemError) -> int | None:
    """Return the place of a problem in the text."""
    if problem.line is None or problem.column is None:
        return None
    start = 0
    for _ in range(problem.line - 1):
        start = text.find("\n", start) + 1
    return start + problem.column - 1
