"""Freeze SVG images: their CSS animations run on a clock that no script outside can stop, so a style pauses them."""

import base64
import binascii
import re
from html import unescape
from typing import Final
from urllib.parse import unquote_to_bytes

# Every animation is paused at a time by which the finite ones have ended. The endless ones are at their start then,
# because the time is, up to rounding, a multiple of the usual durations.
_PAUSED: Final = b"<style>*{animation-play-state:paused!important;animation-delay:-720720.00001s!important}</style>"
_ROOT: Final = re.compile(rb"<svg\b(?:[^<>\"']++|\"[^\"]*+\"|'[^']*+')*+(?<!/)>", re.IGNORECASE)
# Slashes and equals signs may be HTML character references. The address ends with the string or value that holds it.
_SLASH: Final = "(?:/|&#x2f;|&#47;)"
_ADDRESS: Final = re.compile(
    rf"(?P<before>&quot;|&#34;|&#39;|&#x27;|[\"'(]|=)?data:image{_SLASH}svg\+xml(?P<kind>[^,<>\"'()]{{0,80}}),",
    re.IGNORECASE,
)
_ENDS: Final = {"(": r"\)", "=": r"[\s>]", None: r"[\s\"'>)]"}


def freeze_svg(svg: bytes) -> bytes:
    """Return an SVG document whose CSS animations are shown at their end, endless ones at their start."""
    # Searched at one place only, so that an image of ten megabytes takes time in proportion to its size.
    root = _ROOT.match(svg, max(0, svg.find(b"<svg"))) if b"@keyframes" in svg else None
    return svg if root is None else svg[: root.end()] + _PAUSED + svg[root.end() :]


def freeze_svg_images(text: str) -> str:
    """Return HTML or CSS with this done to the SVG images that it holds as `data:` addresses."""
    if "svg+xml" not in text:
        return text
    parts, copied, read = [], 0, 0
    for found in _ADDRESS.finditer(text):
        # A match within an address is part of that; reading it again would take quadratic time.
        if found.start() < read:
            continue
        end = read = _end(text, found)
        still = _frozen(text[found.end() : end], is_base64="base64" in found["kind"].lower())
        if still is not None:
            parts += [text[copied : found.end("before") if found["before"] else found.start()], still]
            copied = end
    return "".join(parts) + text[copied:]


def _end(text: str, address: re.Match[str]) -> int:
    end = re.compile(_ENDS.get(address["before"], re.escape(address["before"] or ""))).search(text, address.end())
    return len(text) if end is None else end.start()


def _frozen(data: str, *, is_base64: bool) -> str | None:
    """Return the address of the frozen image, or None where nothing is to be changed."""
    whole, _, place = unescape(data).partition("#")
    svg = unquote_to_bytes(whole)
    if is_base64:
        try:
            svg = base64.b64decode(svg)
        except binascii.Error:
            return None
    still = freeze_svg(svg)
    if still is svg:
        return None
    return f"data:image/svg+xml;base64,{base64.b64encode(still).decode()}{'#' if place else ''}{place}"
