"""Halves of surrogate pairs: escapes that JSON allows and Unicode does not, as cutting an emoji in two leaves them."""

import re
from typing import Final

_SUSPECT: Final = re.compile(rb"\\u[dD][89a-fA-F]")
# Group 1: what stays, runs of other escapes and of whole pairs. The rest: one half of a pair.
_HALF: Final = re.compile(
    rb"((?:\\[^u]|\\u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2})++)|\\u[dD][89a-fA-F][0-9a-fA-F]{2}"
)


def halves_as_nul(value: bytes) -> bytes:
    """Return the JSON with U+0000 in place of every half of a pair.

    No reader takes a half, so a single one would hide the whole event; U+0000 is refused where the text is used.
    """
    if _SUSPECT.search(value) is None:
        return value
    return _HALF.sub(lambda escape: escape[1] or rb"\u0000", value)
