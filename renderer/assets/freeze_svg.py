"""An SVG image moves by CSS on a clock of its own, which nothing outside it can stop; so it is told to stand still."""

import base64
import binascii
import re
from html import unescape
from typing import Final
from urllib.parse import unquote_to_bytes

# Every animation is held at a time by which those that end have ended. Those that do not are then where they begin,
# because the time is, but for what numbers lose, a multiple of whatever a round usually takes.
_REST: Final = b"<style>*{animation-play-state:paused!important;animation-delay:-720720.00001s!important}</style>"
_ROOT: Final = re.compile(rb"<svg\b(?:[^<>\"']|\"[^\"]*\"|'[^']*')*+(?<!/)>", re.IGNORECASE)
# Slashes and equals signs may be written as HTML writes them in values. The text ends where what holds it ends.
_SLASH: Final = "(?:/|&#x2f;|&#47;)"
_ADDRESS: Final = re.compile(
    rf"(?P<before>&quot;|&#34;|&#39;|&#x27;|[\"'(]|=)?data:image{_SLASH}svg\+xml(?P<kind>[^,<>\"'()]{{0,80}}),",
    re.IGNORECASE,
)
_ENDS: Final = {"(": r"\)", "=": r"[\s>]", None: r"[\s\"'>)]"}


def svg_at_rest(svg: bytes) -> bytes:
    """Return an SVG document whose CSS animations are shown as they end, endless ones as they begin."""
    # Looked for at one place only: an image of ten megabytes must not cost more than it has bytes.
    root = _ROOT.match(svg, max(0, svg.find(b"<svg"))) if b"@keyframes" in svg else None
    return svg if root is None else svg[: root.end()] + _REST + svg[root.end() :]


def images_at_rest(text: str) -> str:
    """Return HTML or CSS with this done to the SVG images that it holds as `data:` addresses."""
    if "svg+xml" not in text:
        return text
    parts, kept, looked = [], 0, 0
    for found in _ADDRESS.finditer(text):
        # What stands within an address that was looked at is part of it, or the time would be that of all pairs.
        if found.start() < looked:
            continue
        end = looked = _end(text, found)
        still = _at_rest(text[found.end() : end], is_base64="base64" in found["kind"].lower())
        if still is not None:
            parts += [text[kept : found.end("before") if found["before"] else found.start()], still]
            kept = end
    return "".join(parts) + text[kept:]


def _end(text: str, address: re.Match[str]) -> int:
    end = re.compile(_ENDS.get(address["before"], re.escape(address["before"] or ""))).search(text, address.end())
    return len(text) if end is None else end.start()


def _at_rest(data: str, *, is_base64: bool) -> str | None:
    """Return the address of the same image at rest, or None where nothing is to be changed."""
    whole, _, place = unescape(data).partition("#")
    svg = unquote_to_bytes(whole)
    if is_base64:
        try:
            svg = base64.b64decode(svg)
        except binascii.Error:
            return None
    still = svg_at_rest(svg)
    if still is svg:
        return None
    return f"data:image/svg+xml;base64,{base64.b64encode(still).decode()}{'#' if place else ''}{place}"
