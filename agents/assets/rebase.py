"""A style sheet that moved: its relative addresses are meant from where it is, which the browser is not told."""

import re
from typing import Final
from urllib.parse import urljoin

_STRING: Final = r"\"(?:[^\"\\\n]|\\.)*\"|'(?:[^'\\\n]|\\.)*'"
_ADDRESS: Final = re.compile(
    rf"(?P<before>url\(\s*|@import\s*(?:/\*.*?\*/\s*)*)(?P<address>{_STRING}|(?<=[\s(])[^\s\"'()@][^\s\"'()]*(?=\s*\)))",
    re.IGNORECASE | re.DOTALL,
)


def rebased(sheet: str, base: str) -> str:
    """Return a style sheet with the addresses of `url()` and `@import` made absolute."""

    def absolute(match: re.Match[str]) -> str:
        address = match["address"]
        quote = address[0] if address[0] in "\"'" else ""
        inner = address.strip(quote) if quote else address
        # What is no address of the network stays, and so does a part of the document itself.
        if not inner or inner.startswith("#"):
            return match[0]
        try:
            return f"{match['before']}{quote}{urljoin(base, inner)}{quote}"
        except ValueError:
            return match[0]

    return _ADDRESS.sub(absolute, sheet)
