"""The start tags of a document and their attributes, read from its text in linear time."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from html import unescape
from typing import Final

# A tag without an end is matched as well: none of its text is read twice.
_TAG: Final = re.compile(
    r"<(?:!--.*?(?:--!?>|\Z)"
    r"|(?P<name>[a-z][a-z0-9:-]*+)(?P<attributes>(?:[^<>\"']++|\"[^\"]*+\"|'[^']*+')*+)(?P<end>>)?)",
    re.IGNORECASE | re.DOTALL,
)
_ATTRIBUTE: Final = re.compile(
    r"(?<![a-z:-])([a-z:-]++)(?:\s*+=\s*+(?:\"([^\"]*+)\"|'([^']*+)'|([^\s\"'>]++)))?", re.IGNORECASE
)
_RAW_TEXTS: Final = {
    name: re.compile(rf"</{name}\b", re.IGNORECASE) for name in ("style", "script", "textarea", "title", "xmp")
}
"""Elements whose content has no tags."""

TAGS_MAX: Final = 50_000
"""Tags and comments that are looked at."""


@dataclass(frozen=True, slots=True)
class Attribute:
    """A value as the text has it, with its character references; offsets are those of the value and of the name."""

    text: str
    offset: int
    name_offset: int

    @property
    def value(self) -> str:
        """The value that the browser reads, without the blanks around it."""
        return (unescape(self.text) if "&" in self.text else self.text).strip()


@dataclass(frozen=True, slots=True)
class Tag:
    """A start tag. `content` is from where to where the text of a style sheet or script goes."""

    name: str
    text: str
    offset: int
    content: tuple[int, int]

    def attributes(self) -> dict[str, Attribute]:
        """Return its attributes by name; the first of a name counts."""
        found: dict[str, Attribute] = {}
        for match in _ATTRIBUTE.finditer(self.text):
            group = next((number for number in (2, 3, 4) if match[number] is not None), 1)
            text = match[group] if group > 1 else ""
            attribute = Attribute(text, self.offset + match.start(group), self.offset + match.start(1))
            found.setdefault(match[1].lower(), attribute)
        return found


def start_tags(html: str) -> Iterator[Tag]:
    """Return the start tags, in order. What is in comments, scripts and the like is not one."""
    position = 0
    for _ in range(TAGS_MAX):
        found = _TAG.search(html, position)
        if found is None:
            return
        position = found.end()
        name = (found["name"] or "").lower()
        if not found["end"]:
            continue
        content = position, position
        if name in _RAW_TEXTS:
            end = _RAW_TEXTS[name].search(html, position)
            position = end.start() if end else len(html)
            content = content[0], position
        yield Tag(name, found["attributes"], found.start("attributes"), content)
