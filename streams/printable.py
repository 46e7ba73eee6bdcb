"""Text of records made safe to print: escapes what a terminal obeys, what ends a line and what reorders text."""

import re
from typing import Final

_UNSAFE: Final = re.compile(
    "[\x00-\x1f\x7f-\x9f"  # C0, DEL, C1: among them ESC and CSI, which command a terminal
    "\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069"  # bidirectional controls, which reorder what is read
    "\u2028\u2029"  # line and paragraph separators
    "\ud800-\udfff]"  # lone surrogates, which no encoding takes
)
_SHORT: Final = {"\n": "\\n", "\r": "\\r", "\t": "\\t"}


def printable(text: str, *, multiline: bool = False) -> str:
    """Return the text with control and bidirectional characters escaped, as JSON escapes them: `\\u001b`.

    With `multiline` line feeds and tabs stay, so that JSON and the text of a record keep their layout.
    """

    def escaped(match: re.Match[str]) -> str:
        character = match[0]
        if multiline and character in "\n\t":
            return character
        return _SHORT.get(character, f"\\u{ord(character):04x}")

    return _UNSAFE.sub(escaped, text)
