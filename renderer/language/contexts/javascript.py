"""Where a value may stand in JavaScript: as an expression, never inside a string, a comment or a pattern."""

import re
from typing import Final, Literal, get_args

_LITERALS: Final = r"""
    (?P<comment>//[^\n\u2028\u2029]*|/\*.*?(?:\*/|\Z)|<!--[^\n]*)
    |(?P<text>"(?:\\.|[^"\\\n])*(?:"|\n|\Z)|'(?:\\.|[^'\\\n])*(?:'|\n|\Z))
    |(?P<template>`)
    |(?P<slash>/)
"""
# The pieces in which a quote, a slash or a value means something else than in code.
_PIECES: Final = re.compile(_LITERALS, re.VERBOSE | re.DOTALL)
# The same, and what ends the code that a template literal holds: `${ … }`.
_PIECES_IN_TEMPLATE: Final = re.compile(_LITERALS + r"|(?P<brace>[{}])", re.VERBOSE | re.DOTALL)
_TEMPLATE_PIECES: Final = re.compile(r"\\.|(?P<end>`)|(?P<code>\$\{)", re.DOTALL)
# A slash after a value divides; after an operator or one of these words it begins a pattern.
_ENDS_VALUE: Final = re.compile(r"[\w$\]\"'`]\s*\Z")
_WORD_BEFORE_PATTERN: Final = re.compile(
    r"(?<![\w$.])(?:return|typeof|instanceof|in|of|new|delete|void|throw|case|do|else|yield|await)\s*\Z"
)
_AMBIGUOUS: Final = re.compile(r"(?:[)}]|\+\+|--)\s*\Z")
_PATTERN: Final = re.compile(r"/(?:\\.|\[(?:\\.|[^\]\\\n])*\]|[^/\\\n\[])+/[a-z]*")
_LOOK_BACK: Final = 80
_PATTERN_MAX: Final = 1_000
"""How long a pattern is, in characters: each slash is looked at for one, and nobody writes longer ones."""


class UnclearSlashError(ValueError):
    """Whether a slash divides or begins a pattern takes a parser to tell, and quotes follow it."""


Piece = Literal["comment", "text", "template", "slash"]


def inside_text(script: str, sentinel: re.Pattern[str]) -> dict[str, Piece]:
    """Return the sentinels that stand inside a string, comment or pattern of a script, or may do so, and in what.

    All of a template literal counts as inside, the code in it too.
    """
    inside: dict[str, Piece] = {}
    position = 0
    while piece := _PIECES.search(script, position):
        position = piece.end()
        try:
            if piece.lastgroup == "template":
                position = _template_end(script, position)
            elif piece.lastgroup == "slash":
                position = _slash_end(script, piece.start())
                if position == piece.end():
                    continue
        except UnclearSlashError:
            position = len(script)
        inside |= dict.fromkeys(sentinel.findall(script[piece.start() : position]), _kind(piece))
    return inside


def _kind(piece: re.Match[str]) -> Piece:
    return next(kind for kind in get_args(Piece) if kind == piece.lastgroup)


def _slash_end(script: str, start: int) -> int:
    """Return where the pattern ends that this slash begins, or where the slash ends if it divides."""
    pattern = _PATTERN.match(script, start, start + _PATTERN_MAX)
    before = script[max(0, start - _LOOK_BACK) : start]
    if pattern is None or (_ENDS_VALUE.search(before) and not _WORD_BEFORE_PATTERN.search(before)):
        return start + 1
    if not _AMBIGUOUS.search(before):
        return pattern.end()
    if re.search("[\"'`]", pattern.group()):
        raise UnclearSlashError
    return start + 1


def _template_end(script: str, position: int) -> int:
    """Return where the template literal ends whose text begins here; the code in it can hold others."""
    opened = ["`"]
    while opened:
        in_code = opened[-1] != "`"
        piece = (_PIECES_IN_TEMPLATE if in_code else _TEMPLATE_PIECES).search(script, position)
        if piece is None:
            return len(script)
        position = piece.end()
        match piece.lastgroup:
            case "template":
                opened.append("`")
            case "code":
                opened.append("{")
            case "brace" if piece.group() == "{":
                opened.append("{")
            case "brace" | "end":
                opened.pop()
            case "slash":
                position = _slash_end(script, piece.start())
    return position
