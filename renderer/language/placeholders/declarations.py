"""Declarations of placeholders in the template itself: a comment, so that Jinja2 skips it.

    {# placeholders:
      title: text, required, sample="Open day", description="The largest text"
      photo: image, default="https://example.com/photo.jpg"
    #}

One line a placeholder. Values are JSON, or a text up to the next comma.
"""

import json
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any, Final, get_args

from renderer.language.problems import TemplateSyntaxProblemError
from renderer.language.source import Source
from schemas.templates import DataType, PlaceholderDeclaration

_HEAD: Final = re.compile(r"[-+]?\s*placeholders\s*:", re.IGNORECASE)
_LINE: Final = re.compile(r"[^\n]*")
_NAME: Final = re.compile(r"\s*(?P<name>[^\W\d]\w*)\s*:\s*")
_DASHED: Final = re.compile(r"\s*(?P<name>[^\W\d]\w*(?:-\w+)+)\s*:")
_KEY: Final = re.compile(r"(?P<key>[a-z_]+)\s*(?P<given>=\s*)?")
_FIELDS: Final = {"default": "default", "sample": "sample_value", "description": "description"}
_TYPES: Final = get_args(DataType)
_HELP: Final = f"a type ({', '.join(_TYPES)}), `required`, `optional`, `default=…`, `sample=…` or `description=…`"
_DECODER: Final = json.JSONDecoder()


@dataclass(frozen=True, slots=True)
class Declared:
    """A declaration and the offset in the text at which it begins."""

    declaration: PlaceholderDeclaration
    offset: int


def declared_in(source: Source) -> dict[str, Declared]:
    """Return the declarations of a template by name. Raises TemplateSyntaxProblemError."""
    found: dict[str, Declared] = {}
    for offset, line in _lines(source):
        item = _Line(source, line, offset).read()
        name = item.declaration.name
        if name in found:
            raise source.problem(f"the placeholder `{name}` is declared twice", item.offset)
        found[name] = item
    return found


def merged(own: Iterable[Declared], uploaded: Iterable[PlaceholderDeclaration]) -> list[PlaceholderDeclaration]:
    """Return all declarations; what the upload says of a placeholder counts more than what the template says."""
    templates = {item.declaration.name: item.declaration for item in own}
    together = []
    for declaration in uploaded:
        other = templates.pop(declaration.name, declaration)
        fields = {
            name: getattr(other, name) if getattr(declaration, name) is None else getattr(declaration, name)
            for name in ("data_type", "required", "default", "sample_value", "description")
        }
        together.append(PlaceholderDeclaration(name=declaration.name, **fields))
    return [*templates.values(), *together]


def _lines(source: Source) -> Iterator[tuple[int, str]]:
    for token in source.tokens:
        head = _HEAD.match(token.value) if token.kind == "comment" else None
        if head is None:
            continue
        for match in _LINE.finditer(token.value, head.end()):
            if match.group().strip(" \t-"):
                yield token.offset + match.start(), match.group()


class _Line:
    """One line of declarations, read from left to right."""

    def __init__(self, source: Source, line: str, offset: int) -> None:
        self._source = source
        self._line = line.rstrip()
        self._offset = offset
        self._at = 0

    def read(self) -> Declared:
        name = _NAME.match(self._line)
        if name is None:
            dashed = _DASHED.match(self._line)
            if dashed is not None:
                better = dashed["name"].replace("-", "_")
                raise self._problem(f"a name has no `-`, which is minus in a template; write `{better}` here and there")
            raise self._problem(f"a line declares a placeholder: its name, a colon, and {_HELP}")
        self._at = name.end()
        fields: dict[str, Any] = {}
        while self._at < len(self._line):
            key, value = self._part()
            if key in fields:
                raise self._problem(_twice(name["name"], key, fields[key], value))
            fields[key] = value
            self._separator()
        start = self._offset + name.start("name")
        try:
            return Declared(PlaceholderDeclaration(name=name["name"], **fields), start)
        except ValueError as error:
            raise self._source.problem(f"`{name['name']}`: {error}", start) from None

    def _part(self) -> tuple[str, Any]:
        match = _KEY.match(self._line, self._at)
        key = match["key"] if match else ""
        if match is None or (key in _FIELDS) is (match["given"] is None):
            raise self._problem(f"this is none of {_HELP}")
        if key in _FIELDS:
            self._at = match.end()
            return _FIELDS[key], self._value()
        if key not in _TYPES and key not in ("required", "optional"):
            raise self._problem(f"`{key}` is none of {_HELP}")
        self._at = match.end()
        return ("required", key == "required") if key not in _TYPES else ("data_type", key)

    def _value(self) -> Any:
        start = self._at
        end = self._line.find(",", start)
        bare = self._line[self._at : len(self._line) if end < 0 else end].strip()
        try:
            value, self._at = _DECODER.raw_decode(self._line, self._at)
        except ValueError:
            rest = self._line[start:]
            if bare and bare[0] in "[{" and _count(rest, "[{") > _count(rest, "]}"):
                raise self._problem(
                    "this list or object does not end on its line; a declaration stands on one line, from its name to "
                    'its end, as in `sample=["a", "b"]`'
                ) from None
            if not bare or bare[0] in '"[{':
                raise self._problem(
                    'this is no value: write a text in double quotes, a number, `["a", "b"]` …'
                ) from None
            self._at += len(bare)
            return bare
        if bare[0] in '"[{' or self._line[self._at :].lstrip()[:1] in ("", ","):
            return value
        # `1 of 3` and `2025-01-31` begin as numbers do.
        self._at = start + len(bare)
        return bare

    def _separator(self) -> None:
        rest = self._line[self._at :].lstrip()
        if rest and rest[0] != ",":
            raise self._problem("a comma stands between two parts; put texts with commas into double quotes")
        self._at = len(self._line) - len(rest[1:].lstrip())

    def _problem(self, message: str) -> TemplateSyntaxProblemError:
        return self._source.problem(message, self._offset + self._at)


def _twice(name: str, key: str, before: Any, value: Any) -> str:
    if key == "required" and before is not value:
        return f"`{name}`: `required` and `optional` contradict each other; delete one"
    if key == "data_type" and before != value:
        return f"`{name}` has two of the same, the types {before} and {value}; one is enough"
    return f"`{name}` has two of the same; one is enough"


def _count(text: str, characters: str) -> int:
    return sum(text.count(character) for character in characters)
