"""What stands before a value in the same address, and so what the value may be."""

import re
from typing import Final, Literal

from renderer.language.contexts.contexts import Refusal

PLACEHOLDER: Final = "\x00"
"""Stands for a value in the text before another one."""
BOUNDARY: Final = "/**/"
"""What stands after each branch of a template where their CSS or address is read as one text."""
HEAD: Final = "/*+*/"
"""What stands before the branches in an address: what is before it stands there whichever way they go."""
BEGINNING_CHARACTERS: Final = 2_000
"""How much of an address is looked at to say whether it has a scheme."""
Beginning = Literal["start", "rest", "svg", "middle"]
"""A value begins an address, comes after values that may have printed nothing and no end of a scheme, stands in an SVG
image, or anywhere else in an address."""

_BEGUN: Final = re.compile(r"(?:https?://|data:image/|mailto:|tel:|[\x00/.#?]|[^:]*/)", re.IGNORECASE)
_WITHOUT_SCHEME: Final = re.compile(r"\x00[\x00\s\w+.-]*")
_IN_SVG: Final = re.compile(r"data:image/svg\+xml(?:;(?!base64,)[^,;]*)*,.*(?:<|%3c)", re.IGNORECASE | re.DOTALL)
_IN_URL: Final = re.compile(r"url\(\s*(?:\"[^\"]*|'[^']*|(&(?:quot|apos|#34|#39);)(?:(?!\1).)*)", re.DOTALL)


def stands_before(address: str, sentinel: re.Pattern[str]) -> str:
    """Return the beginning of what stands before a value in its address, with placeholders for other values.

    `address` is all of that. After a branch that ended in the same address, the value may begin it: the strict guard is
    right for both. Not so where the address has begun before the branches.
    """
    common, head, _ = address.partition(HEAD)
    common = sentinel.sub(PLACEHOLDER, common[:BEGINNING_CHARACTERS])
    if head and _BEGUN.match(common.lstrip()):
        return common
    start = address.rfind(BOUNDARY)
    start = start + len(BOUNDARY) if start >= 0 else 0
    return sentinel.sub(PLACEHOLDER, address[start : start + BEGINNING_CHARACTERS])


def beginning_of(before: str) -> Beginning | Refusal:
    """Return where in an address a value stands that has this before it, or why it can stand there nowhere."""
    before = before.lstrip()
    if not before:
        return "start"
    if _WITHOUT_SCHEME.fullmatch(before):
        return "rest"
    if _IN_SVG.match(before):
        return "svg"
    if _BEGUN.match(before):
        return "middle"
    return Refusal("an address begins with https://, or is a value as a whole")


def is_in_url(css: str) -> bool:
    """Say whether CSS ends inside of the quotes of a `url("…")`."""
    start = css.rfind("url(")
    return start >= 0 and _IN_URL.fullmatch(css, start) is not None
