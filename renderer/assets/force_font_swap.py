"""A style sheet may say that a font is left out when it comes late; whether it is late is no matter of a poster."""

import re
from typing import Final

_IN_TIME: Final = re.compile(r"(font-display\s*:\s*)(?:optional|fallback)\b", re.IGNORECASE)
_STYLE: Final = re.compile(r"<style\b.*?(?:</style|\Z)", re.IGNORECASE | re.DOTALL)


def fonts_in_any_time(sheet: str) -> str:
    """Return a style sheet whose fonts are used whenever they come."""
    return _IN_TIME.sub(r"\1swap", sheet)


def document_fonts_in_any_time(html: str) -> str:
    """Return a document with this done to its own style sheets."""
    if "font-display" not in html.lower():
        return html
    return _STYLE.sub(lambda style: fonts_in_any_time(style[0]), html)
