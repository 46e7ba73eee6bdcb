"""The text that minijinja gets: written anew from Jinja2's tokens, each value behind the guard of its context.

That way both engines agree on what is text and what is code, and no value is printed that its context was not told for.
"""

import re
from array import array
from bisect import bisect_right
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from renderer.language.contexts.contexts import Guard, Use
from renderer.language.filters import FILTERS
from renderer.language.source import Source, Token

MISSING: Final = "__missing"
DEADLINE: Final = "__deadline"
TICK: Final = "__tick"
_DOCUMENT: Final = "__document"
TOO_LONG: Final = "__too_long"
_SKIPPED: Final = frozenset({"comment_begin", "comment", "comment_end", "raw_begin", "raw_end"})
# A brace that would begin a tag where Jinja2 saw none: from a raw block, or before one that follows.
_BRACE: Final = re.compile(r"\{(?=[{%#])|\{\Z")


@dataclass(frozen=True, slots=True)
class Rewritten:
    """minijinja's text, and which offset of it came from which offset of the template."""

    text: str
    _rewritten: Sequence[int]
    _original: Sequence[int]

    def original_offset(self, byte: int) -> int:
        """Return where in the template the byte at this offset of the text in UTF-8 comes from."""
        offset = len(self.text.encode()[:byte].decode("utf-8", "ignore"))
        return self._original[max(0, bisect_right(self._rewritten, offset) - 1)]


def rewrite(source: Source, uses: Mapping[int, tuple[Use, ...]], *, max_characters: int) -> Rewritten:
    """Return the text to compile. A document longer than `max_characters` calls the function that refuses it."""
    writer = _Writer(source, uses)
    writer.add(f"{{% set {_DOCUMENT} %}}", 0)
    writer.write()
    # Checked before it leaves the engine: as a Python text it would take up to four times the memory.
    end = f"{{% endset %}}{{% if {_DOCUMENT}|length > {max_characters} %}}{{{{ {TOO_LONG}() }}}}{{% endif %}}"
    writer.add(f"{end}{{{{ {_DOCUMENT} }}}}", len(source.text))
    return Rewritten("".join(writer.parts), array("L", writer.rewritten), array("L", writer.original))


def guard_filter(guard: Guard) -> str:
    """Return the name under which minijinja knows a guard."""
    return f"guard_{guard}"


def placed_filter(name: str) -> str:
    """Return the name under which minijinja knows one of our filters, which is told where it stands."""
    return f"placed_{name}"


class _Writer:
    def __init__(self, source: Source, uses: Mapping[int, tuple[Use, ...]]) -> None:
        self.parts: list[str] = []
        self.rewritten: list[int] = []
        self.original: list[int] = []
        self._length = 0
        self._source = source
        self._uses = uses

    def add(self, text: str, original: int) -> None:
        self.parts.append(text)
        self.rewritten.append(self._length)
        self.original.append(original)
        self._length += len(text)

    def write(self) -> None:
        tag = -1
        items = _calls_of_items(self._source.tokens)
        for index, token in enumerate(self._source.tokens):
            tag += token.kind in ("variable_begin", "block_begin")
            text = items.get(index, self._delimiter(token, tag))
            self.add(self._inside(token, index, tag) if text is None else text, token.offset)

    def _delimiter(self, token: Token, tag: int) -> str | None:
        match token.kind:
            case "data":
                return _BRACE.sub('{{ "{" }}', token.value)
            case "variable_begin":
                return "{{ (" if self._guard(tag) else "{{ "
            case "variable_end":
                guard = self._guard(tag)
                return f")|d({MISSING})|{guard_filter(guard)}({tag}) }}}}" if guard else " }}"
            case "block_begin":
                return "{% "
            case "block_end":
                is_loop = self._source.tags[tag].tokens[0].value == "for"
                return " %}" + (f"{{{{ {TICK}({DEADLINE}) }}}}" if is_loop else "")
        return "" if token.kind in _SKIPPED else None

    def _inside(self, token: Token, index: int, tag: int) -> str:
        tokens = self._source.tokens
        if token.kind == "name" and token.value in FILTERS and _is_filter(tokens, index):
            return placed_filter(token.value) + ("" if _is_called(tokens, index) else f"({tag})")
        if token.value == "(" and _opens_filter(tokens, index):
            return f"({tag}" if _closes_at_once(tokens, index) else f"({tag}, "
        return token.value

    def _guard(self, tag: int) -> Guard | None:
        uses = self._uses.get(tag)
        if not uses:
            return None
        # A macro may print a value in text and in an attribute; what suits the attribute suits the text.
        return next((use.guard for use in uses if use.guard != "text"), "text")


def _is_filter(tokens: tuple[Token, ...], index: int) -> bool:
    before = _neighbour(tokens, range(index - 1, -1, -1))
    return before is not None and before.value == "|"


def _is_called(tokens: tuple[Token, ...], index: int) -> bool:
    after = _neighbour(tokens, range(index + 1, len(tokens)))
    return after is not None and after.value == "("


def _opens_filter(tokens: tuple[Token, ...], index: int) -> bool:
    for before in _others(tokens, range(index - 1, -1, -1)):
        return tokens[before].value in FILTERS and _is_filter(tokens, before)
    return False


def _closes_at_once(tokens: tuple[Token, ...], index: int) -> bool:
    after = _neighbour(tokens, range(index + 1, len(tokens)))
    return after is not None and after.value == ")"


def _neighbour(tokens: tuple[Token, ...], indexes: range) -> Token | None:
    return next((tokens[index] for index in _others(tokens, indexes)), None)


def _others(tokens: tuple[Token, ...], indexes: range) -> Iterator[int]:
    return (index for index in indexes if tokens[index].kind != "whitespace")


def _calls_of_items(tokens: tuple[Token, ...]) -> dict[int, str]:
    """Return what replaces the tokens of each `.items()`: minijinja's own objects have the filter only."""
    replaced: dict[int, str] = {}
    solid = [index for index, token in enumerate(tokens) if token.kind != "whitespace"]
    for start in range(len(solid) - 4):
        values = [tokens[index].value for index in solid[start : start + 5]]
        if values[:4] == [".", "items", "(", ")"] and values[4] not in (".", "[", "("):
            replaced |= dict.fromkeys(solid[start : start + 4], "")
            replaced[solid[start]] = "|items"
    return replaced
