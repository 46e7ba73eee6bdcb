"""Absolute addresses for a redirected style sheet: the browser would resolve them by the address that it requested."""

import re
from typing import Final
from urllib.parse import urljoin

_STRING: Final = r"\"(?:[^\"\\\n]++|\\.)*+\"|'(?:[^'\\\n]++|\\.)*+'"
# One that does not end goes on to the end of its line.
_FINISHED_OR_NOT: Final = r"\"(?:[^\"\\\n]++|\\.)*+[\"\\]?|'(?:[^'\\\n]++|\\.)*+['\\]?"
_COMMENT: Final = r"/\*(?:[^*]++|\*(?!/))*+\*/"
# Comments and strings are matched as a whole, so that nothing in them is taken for an address, nor read twice.
_ADDRESS: Final = re.compile(
    rf"(?P<before>url\(\s*+|@import\s*+(?:{_COMMENT}\s*+)*+)"
    rf"(?P<address>{_STRING}|(?<=[\s(])[^\s\"'()@][^\s\"'()]*+(?=\s*+\)))"
    rf"|{_COMMENT}|/\*.*\Z|{_FINISHED_OR_NOT}",
    re.IGNORECASE | re.DOTALL,
)


def absolute_urls(sheet: str, base: str) -> str:
    """Return a style sheet with the addresses of `url()` and `@import` made absolute by `base`."""

    def absolute(match: re.Match[str]) -> str:
        address = match["address"]
        if address is None:
            return match[0]
        quote = address[0] if address[0] in "\"'" else ""
        inner = address.strip(quote) if quote else address
        # A fragment refers to the document itself.
        if not inner or inner.startswith("#"):
            return match[0]
        try:
            return f"{match['before']}{quote}{urljoin(base, inner)}{quote}"
        except ValueError:
            return match[0]

    return _ADDRESS.sub(absolute, sheet)
