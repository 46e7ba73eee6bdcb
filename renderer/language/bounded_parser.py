"""html5lib's parser within bounds: it ends in time linear in the document, or says what the document has too much of.

html5lib adds to a text by copying it, looks through all open elements at each tag, and through all children of an
element at each misplaced one. What is parsed here has a sentinel for each value, and is only asked where those stand.
"""

import re
from collections import deque
from collections.abc import Iterator
from typing import Any, Final

import html5lib
import html5lib._tokenizer
from html5lib.constants import tokenTypes

DEPTH_MAX: Final = 512
"""How deep elements may be nested: Chromium nests no deeper either."""
FORMATTING_MAX: Final = 100
"""How many of `<b>`, `<i>` and the like may be open at once: each is opened again in every paragraph."""
WORK_MAX: Final = 4_000_000
"""Tags times the elements open around them: html5lib looks through those at each tag."""
COPIED_MAX: Final = 10_000_000_000
"""Characters that are copied to put a tag together from its pieces: a second or two."""
MISPLACED_MAX: Final = 20_000_000
"""Elements that are looked through to move what stands in a table, but in none of its cells, before it."""
MARKS_MAX: Final = 20_000
"""How many `<` that begin no tag, and `&`, are read one by one. More of them are read as other characters."""
_CHECKED_EACH: Final = 64
# Each of these is an error for html5lib, and a megabyte of them takes it a minute. To a parser they are like any other.
_INVALID: Final = re.compile("[\x01-\x08\x0b\x0e-\x1f\x7f-\x9f\ufdd0-\ufdef\ufffe\uffff]")
_MARK: Final = re.compile(r"<(?![a-zA-Z/!?])|&")
_PLAIN: Final = "."
# Blanks decide where an element stands: they are not moved out of a table, as letters are.
_BLANK_REFERENCE: Final = re.compile(
    r"&(?:Tab;|NewLine;|#(?:0*(?:9|10|12|13|32)|[xX]0*(?:9|[aAcCdD]|20))(?:;|(?![0-9a-zA-Z])))"
)
_SENTINEL_END: Final = "zq"
_TEXTS: Final = (tokenTypes["Characters"], tokenTypes["SpaceCharacters"])
_COMMENT: Final = tokenTypes["Comment"]
_ERROR: Final = tokenTypes["ParseError"]
_HTML: Final[Any] = html5lib
_PARSER: Final[Any] = html5lib.HTMLParser
_TOKENIZER: Final[Any] = html5lib._tokenizer.HTMLTokenizer
_TREE: Final[Any] = _HTML.getTreeBuilder("etree")


class NestingError(Exception):
    """The document cannot be parsed in the time that a check has."""


def parsed(document: str) -> Any:
    """Return the root element of a document with sentinels `qz…zq`. Raises NestingError.

    The tree has all elements, attributes and sentinels; of other text it has what decides where those stand. Of broken
    documents html5lib raises errors of many kinds.
    """
    document = _INVALID.sub("\ufffd", document)
    if document.count("<") + document.count("&") > MARKS_MAX and len(_MARK.findall(document)) > MARKS_MAX:
        document = _MARK.sub(_PLAIN, _BLANK_REFERENCE.sub(" ", document))
    return _BoundedParser(tree=_BoundedTree, namespaceHTMLElements=False).parse(document)


class _BoundedTokenizer(_TOKENIZER):  # type: ignore[misc]
    """Stops where html5lib would take time that grows with the square of the document."""

    def __iter__(self) -> Iterator[Any]:
        work, texts = 0, set[int]()
        for token in self._tokens():
            kind = token["type"]
            if kind in _TEXTS:
                # What one text of a kind does to the tree, the next one does not do again.
                if kind in texts and _SENTINEL_END not in token["data"]:
                    continue
                texts.add(kind)
            else:
                texts.clear()
            depth, formatting = len(self.parser.tree.openElements), len(self.parser.tree.activeFormattingElements)
            work += depth + 10 * formatting
            if depth > DEPTH_MAX:
                raise NestingError(f"elements are nested more than {DEPTH_MAX} deep; close them")
            if formatting > FORMATTING_MAX or work > WORK_MAX:
                raise NestingError("too many elements are open at once for a document of this length; close them")
            yield token

    def emitCurrentToken(self) -> None:  # noqa: N802 - html5lib names it so
        self._emitted: Any = self.currentToken
        super().emitCurrentToken()

    def _tokens(self) -> Iterator[Any]:
        """Yield the tokens, as html5lib does, without its errors."""
        self.tokenQueue: deque[Any] = deque()
        self._emitted = None
        steps = copied = 0
        while self.state():
            steps += 1
            if steps % _CHECKED_EACH == 0:
                copied += _CHECKED_EACH * self._begun()
                if copied > COPIED_MAX:
                    raise NestingError("a tag is too long for a document of this length; shorten its names and values")
            self.stream.errors.clear()
            while self.tokenQueue:
                token = self.tokenQueue.popleft()
                if token["type"] != _ERROR:
                    yield token

    def _begun(self) -> int:
        """Return how long the texts are that are copied when something is added."""
        token, buffer = self.currentToken, len(getattr(self, "temporaryBuffer", ""))
        if token is None or token is self._emitted:
            return buffer
        if token["type"] == _COMMENT:
            token["data"] = ""  # nobody reads it
            return buffer
        attributes = token.get("data") or [[]]
        return buffer + sum(len(text) for text in (*token.values(), *attributes[-1]) if isinstance(text, str))


class _BoundedParser(_PARSER):  # type: ignore[misc]
    def mainLoop(self) -> None:  # noqa: N802
        # html5lib makes its tokenizer itself, and reads tokens from nothing else.
        self.tokenizer.__class__ = _BoundedTokenizer
        super().mainLoop()

    def parseError(self, *_: object, **__: object) -> None:  # noqa: N802
        """Nobody reads errors, and the place of one takes time."""


class _BoundedTree(_TREE):  # type: ignore[misc]
    def __init__(self, namespaceHTMLElements: bool) -> None:  # noqa: N803
        self._misplaced = 0
        super().__init__(namespaceHTMLElements)

    def getTableMisnestedNodePosition(self) -> Any:  # noqa: N802
        parent, before = super().getTableMisnestedNodePosition()
        self._misplaced += len(parent._element)
        if self._misplaced > MISPLACED_MAX:
            raise NestingError("too much stands in a table, but in none of its cells; put it into cells")
        return parent, before
