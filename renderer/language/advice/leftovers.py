"""Placeholders of other languages that would be printed as they stand: `<%= name %>`, `${name}`, `[[name]]`, `%name%`.

Only what stands in the text of elements, or in attributes, and is hardly anything else has a warning.
"""

import re
from bisect import bisect_right
from collections.abc import Iterator
from operator import itemgetter
from typing import Final

from renderer.language.source import Source, position
from schemas.templates import TemplateWarning

WARNINGS_MAX: Final = 5
"""How many warnings a template gets."""
_NAME: Final = r"[ \t]{0,9}(?P<NAME>[a-zA-Z_][\w.]{0,60})[ \t]{0,9}"
_LEFT: Final = re.compile(
    "|".join(
        (
            r"<%[=-]?" + _NAME.replace("NAME", "erb") + "[-]?%>",
            r"(?<![$\\])\$\{" + _NAME.replace("NAME", "dollar") + r"\}",
            r"(?<![\w\[\])=:,])\[\[" + _NAME.replace("NAME", "square") + r"\]\](?![\[\](])",
            r"(?<![\w%/?&=.,:;)-])%(?P<per>(?![a-fA-F0-9]{2}[^a-z])[a-zA-Z][a-zA-Z_]{2,40})%(?![\w%(])",
        )
    )
)
_CODE: Final = ("script", "style", "pre", "code", "kbd", "samp", "textarea", "template")
_SKIPPED: Final = re.compile(rf"<(?:(?P<name>{'|'.join(_CODE)})\b|!--)", re.IGNORECASE)
"""Elements whose text is code, or is shown as it is."""
_CLOSING: Final = {"": re.compile("-->"), **{name: re.compile(f"</{name}", re.IGNORECASE) for name in _CODE}}


def leftover_warnings(source: Source) -> list[TemplateWarning]:
    """Return a warning with the line of each. Takes time linear in the text's length."""
    text = source.text
    if not any(mark in text for mark in ("<%", "${", "[[", "%")):
        return []
    skipped: list[tuple[int, int]] | None = None
    shown = {}
    for match in _LEFT.finditer(text):
        if skipped is None:
            skipped = _united([*_code(text), *_own(source)])
        if _is_within(skipped, match.start()) or match.group() in shown:
            continue
        name = next(value for value in match.groups() if value)
        line = position(text, match.start())[0]
        message = f"line {line}: `{match.group()}` is of another language, and is printed as it is"
        if name.replace(".", "").isidentifier():
            message += f"; write `{{{{ {name} }}}}`"
        shown[match.group()] = TemplateWarning(code="placeholder_foreign", message=message)
        if len(shown) >= WARNINGS_MAX:
            break
    return list(shown.values())


def _is_within(ranges: list[tuple[int, int]], offset: int) -> bool:
    index = bisect_right(ranges, offset, key=itemgetter(0)) - 1
    return index >= 0 and offset < ranges[index][1]


def _united(ranges: list[tuple[int, int]]) -> list[tuple[int, int]]:
    """Return the ranges in order, those that overlap as one."""
    united: list[tuple[int, int]] = []
    for start, end in sorted(ranges):
        if united and start <= united[-1][1]:
            united[-1] = united[-1][0], max(end, united[-1][1])
        else:
            united.append((start, end))
    return united


def _code(text: str) -> Iterator[tuple[int, int]]:
    """Yield where scripts, styles, comments and texts that are shown as code begin and end."""
    at = 0
    while (opened := _SKIPPED.search(text, at)) is not None:
        closing = _CLOSING[opened["name"].lower() if opened["name"] else ""].search(text, opened.end())
        at = len(text) if closing is None else closing.end()
        yield opened.start(), at


def _own(source: Source) -> Iterator[tuple[int, int]]:
    """Yield the template's own tags, comments and raw texts."""
    for tag in source.tags:
        yield tag.start, tag.end
    start = -1
    for token in source.tokens:
        if token.kind in ("comment_begin", "raw_begin"):
            start = token.offset
        elif token.kind in ("comment_end", "raw_end"):
            yield start, token.offset + len(token.value)
