"""Where a value may stand in JavaScript: as an expression, never inside a string, a comment or a pattern."""

import re
from typing import Final

# The pieces in which a quote, a slash or a value means something else than in code.
_PIECES: Final = re.compile(
    r"""
    (?P<comment>//[^\n\u2028\u2029]*|/\*.*?(?:\*/|\Z)|<!--[^\n]*)
    |(?P<text>"(?:\\.|[^"\\\n])*(?:"|\n|\Z)|'(?:\\.|[^'\\\n])*(?:'|\n|\Z))
    |(?P<template>`(?:\\.|[^`\\])*(?:`|\Z))
    |(?P<slash>/)
    """,
    re.VERBOSE | re.DOTALL,
)
# A slash after a value divides; after an operator or one of these words it begins a pattern.
_ENDS_VALUE: Final = re.compile(r"[\w$\]\"'`]\s*\Z")
_WORD_BEFORE_PATTERN: Final = re.compile(
    r"(?<![\w$.])(?:return|typeof|instanceof|in|of|new|delete|void|throw|case|do|else|yield|await)\s*\Z"
)
_AMBIGUOUS: Final = re.compile(r"[)}]\s*\Z")
_PATTERN: Final = re.compile(r"/(?:\\.|\[(?:\\.|[^\]\\\n])*\]|[^/\\\n\[])+/[a-z]*")
_LOOK_BACK: Final = 80
_PATTERN_MAX: Final = 1_000
"""How long a pattern is, in characters: each slash is looked at for one, and nobody writes longer ones."""


def inside_text(script: str, sentinel: re.Pattern[str]) -> set[str]:
    """Return the sentinels that stand inside a string, comment or pattern of a script, or may do so."""
    inside: set[str] = set()
    position = 0
    while piece := _PIECES.search(script, position):
        position = piece.end()
        if piece.lastgroup == "slash":
            pattern = _PATTERN.match(script, piece.start(), piece.start() + _PATTERN_MAX)
            before = script[max(0, piece.start() - _LOOK_BACK) : piece.start()]
            if pattern is None or (_ENDS_VALUE.search(before) and not _WORD_BEFORE_PATTERN.search(before)):
                continue
            if _AMBIGUOUS.search(before):
                # Whether this divides or begins a pattern takes a parser to tell; it matters only where quotes follow.
                if re.search("[\"'`]", pattern.group()):
                    return inside.union(sentinel.findall(script[piece.start() :]))
                continue
            position = pattern.end()
        inside.update(sentinel.findall(script[piece.start() : position]))
    return inside
