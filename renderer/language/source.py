"""A template's text as Jinja2 reads it, with the place of everything in it."""

import re
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Final

from jinja2 import Environment, TemplateSyntaxError, nodes
from jinja2.lexer import TokenStream

from renderer.language.advice import foreign, slips
from renderer.language.problems import TemplateSyntaxProblemError

_UNKNOWN_TAG: Final = re.compile(r"unknown tag '(\w+)'")
_BEGINNINGS: Final = frozenset({"variable_begin", "block_begin"})
TAGS_MAX: Final = 20_000
"""How many tags a template may have: Python takes 10 KB to compile one."""
TAG_MAX_CHARACTERS: Final = 300
"""How much of a tag is looked at to say what is wrong with it."""


class Place(int):
    """A line number, as Jinja2 wants it, that also knows the offset in the text."""

    offset: int

    def __new__(cls, line: int, offset: int) -> "Place":
        place = super().__new__(cls, line)
        place.offset = offset
        return place


@dataclass(frozen=True, slots=True)
class Token:
    """A piece of the text as Jinja2's lexer cut it; `kind` is Jinja2's word."""

    kind: str
    value: str
    offset: int


@dataclass(frozen=True, slots=True)
class Tag:
    """A `{{ … }}` or `{% … %}`: the offsets of its braces and its tokens between them, without whitespace."""

    start: int
    end: int
    tokens: tuple[Token, ...]

    @property
    def text(self) -> str:
        """The expression or statement, on one line."""
        if not self.tokens:
            return ""
        parts = [self.tokens[0].value]
        for before, token in pairwise(self.tokens):
            gap = " " if token.offset > before.offset + len(before.value) else ""
            parts.append(gap + token.value)
        return "".join(parts)


@dataclass(frozen=True, slots=True)
class Source:
    """A parsed template. `text` has its line ends normalised; offsets count its characters from 0."""

    text: str
    tokens: tuple[Token, ...]
    tags: tuple[Tag, ...]
    tree: nodes.Template

    def tag_at(self, offset: int) -> int:
        """Return the index of the tag that `offset` lies in."""
        return bisect_right(self.tags, offset, key=lambda tag: tag.start) - 1

    def problem(self, message: str, offset: int) -> TemplateSyntaxProblemError:
        """Return the error that blames the place at `offset`."""
        return TemplateSyntaxProblemError(message, *position(self.text, offset))


def position(text: str, offset: int) -> tuple[int, int]:
    """Return line and column of an offset, in characters from 1."""
    return text.count("\n", 0, offset) + 1, offset - text.rfind("\n", 0, offset)


def offset_of(node: nodes.Node) -> int:
    """Return where a node begins. Only nodes that a PlacingEnvironment parsed know it."""
    place = node.lineno
    if not isinstance(place, Place):
        raise TypeError(f"{type(node).__name__} has no place")
    return place.offset


def read_source(html: str) -> Source:
    """Parse a template. Raises TemplateSyntaxProblemError with line and column."""
    text = html.replace("\r\n", "\n").replace("\r", "\n")
    environment = _PlacingEnvironment()
    try:
        tree = environment.parse(text)
    except TemplateSyntaxError as error:
        place = error.lineno
        at = place.offset if isinstance(place, Place) else environment.reached
        raise _explained(text, environment.seen, at, error.message or "does not parse") from None
    except RecursionError:
        raise TemplateSyntaxProblemError("expressions or blocks are nested too deeply") from None
    tokens = tuple(environment.seen)
    return Source(text=text, tokens=tokens, tags=tuple(_tags(tokens)), tree=tree)


def _explained(text: str, seen: Sequence[Token], at: int, message: str) -> TemplateSyntaxProblemError:
    """Return the parser's error, or what is known of the construct that it stopped at."""
    block = slips.unclosed(_statements(seen, at)) if "needs to be closed" in message else None
    found = _UNKNOWN_TAG.search(message)
    if block is not None and (found is None or found[1] in slips.CLOSING):
        return _not_closed(text, at, *block, met=found[1] if found else "")
    if "Missing end of raw" in message:
        start = seen[-1].offset if seen else 0
        return TemplateSyntaxProblemError(
            "`{% raw %}` is not closed; write `{% raw %}…{% endraw %}`", *position(text, start)
        )
    if "Missing end of comment" in message:
        start = text.rfind("{#", 0, at + 2)
    else:
        begun = (token.offset for token in reversed(seen) if token.kind in _BEGINNINGS and token.offset <= at)
        start = next(begun, -1)
    if start >= 0:
        ends = [end for mark in ("}}", "%}") if (end := text.find(mark, start)) >= 0]
        tag = text[start : min([start + TAG_MAX_CHARACTERS, *(end + 3 for end in ends)])]
        # A tag without an end may be followed by anything, which is none of its own.
        rest = text[start : start + TAG_MAX_CHARACTERS]
        hint = foreign.hint(tag, message) or slips.end_missing(rest) or foreign.misread(tag)
        if hint is not None:
            return TemplateSyntaxProblemError(hint, *position(text, start))
        message = slips.slip(rest, at - start, message) or message
    return TemplateSyntaxProblemError(slips.plain(message), *position(text, at))


def _not_closed(text: str, at: int, offset: int, name: str, *, met: str) -> TemplateSyntaxProblemError:
    """Return the error of a block that is not closed, or not before another one ends."""
    if not met:
        message = f"`{{% {name} %}}` is not closed; write `{{% end{name} %}}` where it ends"
        return TemplateSyntaxProblemError(message, *position(text, offset))
    line = position(text, offset)[0]
    message = f"`{{% {met} %}}` stands here, but `{{% {name} %}}` of line {line} is not closed"
    return TemplateSyntaxProblemError(
        f"{message}; write `{{% end{name} %}}` before it", *position(text, text.rfind("{%", 0, at))
    )


def _statements(seen: Sequence[Token], before: int) -> Iterator[tuple[int, tuple[str, ...]]]:
    """Yield the statements that end before an offset: where each begins, and the values of its tokens."""
    start, inside = -1, list[str]()
    for token in seen:
        if token.kind == "block_begin":
            start, inside = token.offset, []
        elif token.kind == "block_end":
            if token.offset <= before:
                yield start, tuple(inside)
            start = -1
        elif start >= 0 and token.kind != "whitespace":
            inside.append(token.value)


class _PlacingEnvironment(Environment):
    """Parses once, and keeps the tokens it saw."""

    def __init__(self) -> None:
        super().__init__(extensions=["jinja2.ext.loopcontrols"], keep_trailing_newline=True)
        self.seen: Final[list[Token]] = []
        self.reached = 0
        self._tags = 0

    def _tokenize(
        self, source: str, name: str | None, filename: str | None = None, state: str | None = None
    ) -> TokenStream:
        placed: Any = self._placed(source, self.lexer.tokeniter(source, name, filename, state))
        return TokenStream(self.lexer.wrap(placed, name, filename), name, filename)

    def _placed(self, source: str, tokens: Iterator[tuple[int, str, str]]) -> Iterator[tuple[int, str, str]]:
        for line, kind, value in tokens:
            # What the lexer skips without a token is the whitespace that `{%-` strips.
            offset = source.find(value, self.reached)
            self.reached = offset + len(value)
            self.seen.append(Token(kind, value, offset))
            self._tags += kind in _BEGINNINGS
            if self._tags > TAGS_MAX:
                raise TemplateSyntaxError(
                    f"a template may have {TAGS_MAX:,} tags; repeat with a loop", Place(line, offset)
                )
            yield Place(line, offset), kind, value


def _tags(tokens: tuple[Token, ...]) -> Iterator[Tag]:
    inside: list[Token] = []
    start = -1
    for token in tokens:
        if token.kind in _BEGINNINGS:
            start, inside = token.offset, []
        elif token.kind in ("variable_end", "block_end"):
            yield Tag(start=start, end=token.offset + len(token.value), tokens=tuple(inside))
            start = -1
        elif start >= 0 and token.kind != "whitespace":
            inside.append(token)
