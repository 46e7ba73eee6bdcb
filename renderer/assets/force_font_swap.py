"""Force `font-display: swap`: a picture has the fonts of its style sheets, however late they load."""

import re
from typing import Final

_OPTIONAL: Final = re.compile(r"(font-display\s*:\s*)(?:optional|fallback)\b", re.IGNORECASE)
_STYLE: Final = re.compile(r"<style\b.*?(?:</style|\Z)", re.IGNORECASE | re.DOTALL)


def force_font_swap(sheet: str) -> str:
    """Return a style sheet whose fonts are used whenever they are loaded."""
    return _OPTIONAL.sub(r"\1swap", sheet)


def force_font_swap_in_document(html: str) -> str:
    """Return a document with this done to its `<style>` elements."""
    if "font-display" not in html.lower():
        return html
    return _STYLE.sub(lambda style: force_font_swap(style[0]), html)
