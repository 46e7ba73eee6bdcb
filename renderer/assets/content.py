"""Content checks: a fetched asset must be the image, style sheet or font that was asked for."""

import re
from typing import Final

from renderer.assets.image_size import image_size, image_type
from renderer.assets.port import AssetError, Kind
from schemas.limits import AREA_MAX_DEVICE_PIXELS

PIXELS_MAX: Final = AREA_MAX_DEVICE_PIXELS
"""Of one image: as many as a poster may have."""
SVG: Final = "image/svg+xml"
_FONT_SIGNATURES: Final = {
    b"wOF2": "font/woff2",
    b"wOFF": "font/woff",
    b"OTTO": "font/otf",
    b"\x00\x01\x00\x00": "font/ttf",
    b"true": "font/ttf",
    b"ttcf": "font/collection",
}
# Browsers take a script of any of these (WHATWG, MIME sniffing, "JavaScript MIME type"), and no other from here.
_SCRIPT_TYPE: Final = re.compile(
    r"(?:text|application)/(?:x-)?(?:java|ecma)script|text/(?:javascript1\.[0-5]|jscript|livescript)"
)
_SHEET_TYPES: Final = ("text/css", "", "application/x-unknown-content-type")
# With `nosniff`, browsers take nothing of these types for an image of another site (opaque response blocking).
_TEXT_TYPE: Final = re.compile(r"text/(?:html|plain|xml|json)|application/(?:xml|json)|[a-z]+/[^/]*\+(?:xml|json)")
_CHARSET: Final = re.compile(r";\s*charset\s*=\s*\"?([a-z0-9_:.-]{1,40})", re.IGNORECASE)
_SVG: Final = re.compile(rb"<svg[\s>/]", re.IGNORECASE)
_SVG_WITHIN_BYTES: Final = 64 * 1024


def check_content(
    body: bytes, content_type: str, kind: Kind, status: int, *, no_sniff: bool = False
) -> tuple[str, int]:
    """Return the content type to give to the browser and the number of pixels, 0 where there are none.

    Raster images and fonts are known by their signatures, whatever type is declared, as browsers do. An SVG image, a
    style sheet and a script need their type. `no_sniff` says that the response had `X-Content-Type-Options: nosniff`.
    Raises AssetError: `asset_invalid`, or `asset_too_large` for an image above 64 megapixels.
    """
    declared = content_type.partition(";")[0].strip().lower()
    match kind:
        case "stylesheet":
            if declared not in _SHEET_TYPES or (no_sniff and declared != "text/css"):
                raise _mistyped("style sheet", declared, status)
            return _text("text/css", content_type), 0
        case "script":
            if not _SCRIPT_TYPE.fullmatch(declared):
                raise _mistyped("script", declared, status)
            return _text("text/javascript", content_type), 0
        case "font":
            return _font(body, declared, status), 0
        case "image":
            return _image(body, declared, status, no_sniff=no_sniff)


def _text(given: str, content_type: str) -> str:
    charset = _CHARSET.search(content_type)
    return f"{given}; charset={charset[1]}" if charset else given


def _font(body: bytes, declared: str, status: int) -> str:
    found = _FONT_SIGNATURES.get(body[:4])
    if found is None:
        raise _not_a("font", declared, status)
    return found


def _image(body: bytes, declared: str, status: int, *, no_sniff: bool) -> tuple[str, int]:
    if declared == SVG:
        if not _SVG.search(body, 0, _SVG_WITHIN_BYTES):
            raise _not_a("image", declared, status)
        return declared, 0
    found = image_type(body)
    size = image_size(body)
    if found is None or size is None:
        raise _not_a("image", declared, status)
    if no_sniff and _TEXT_TYPE.fullmatch(declared):
        raise _mistyped("image", declared, status)
    pixels = size[0] * size[1]
    if pixels > PIXELS_MAX:
        detail = f"it has {size[0]:,} by {size[1]:,} pixels; {PIXELS_MAX:,} are allowed"
        raise AssetError("asset_too_large", status, detail)
    return found, pixels


def _mistyped(what: str, declared: str, status: int) -> AssetError:
    return AssetError("asset_invalid", status, f"its Content-Type is {_shown(declared)}, which is that of no {what}")


def _not_a(what: str, declared: str, status: int) -> AssetError:
    return AssetError(
        "asset_invalid", status, f"its content is no {what} that a browser draws; it came as {_shown(declared)}"
    )


def _shown(declared: str) -> str:
    return f"`{declared[:80]}`" if declared.isascii() and declared.isprintable() and declared else "missing"
