"""What counts as an address that a poster may show: http(s) or an image in a `data:` URL."""

import re
from typing import Final

_HOST: Final = r"(?:\[[0-9a-f:.]+\]|[^/?#@:\s\\\[\]]+)"
_WEB: Final = re.compile(rf"https?://(?:[^/?#@\s\\]*@)?{_HOST}(?::[0-9]{{1,5}})?(?:[/?#].*)?", re.IGNORECASE)
_IMAGE: Final = re.compile(r"data:image/[a-z0-9][a-z0-9.+-]*(?:;[^,]*)?,.*", re.IGNORECASE)
# What no address holds unescaped, and what would end a line, an attribute or a CSS string.
_FORBIDDEN: Final = re.compile(r"[\x00-\x1f\x7f\\<>\"`]")
BLANKS: Final = " \t"
"""What people type before and after a value in a form; a browser takes it off too."""
_SHOWN_CHARACTERS: Final = 60


def address_problem(value: object) -> str | None:
    """Return why `value` is no http(s) URL with a host and no `data:image/` URL, or None where it is one."""
    if not isinstance(value, str):
        return f"must be an http(s) or data:image address, got {_plainly(value)}"
    value = value.strip(BLANKS)
    pattern = _IMAGE if value[:5].lower() == "data:" else _WEB
    if not pattern.fullmatch(value):
        return f"must be an http(s) or data:image address, got {shown(value)}"
    forbidden = _FORBIDDEN.search(value)
    if forbidden is not None:
        return f"holds {forbidden.group()!r}, which no address may hold; percent-encode it"
    return None


def _plainly(value: object) -> str:
    """Return what a value of JSON is that is no text."""
    if value is None:
        return "nothing"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return "a number"
    return "a list" if isinstance(value, list | tuple) else "an object"


def shown(value: str) -> str:
    """Return `value` as an error message may show it: quoted, and cut after 60 characters."""
    return repr(value if len(value) <= _SHOWN_CHARACTERS else value[: _SHOWN_CHARACTERS - 1] + "…")
