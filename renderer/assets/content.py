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
_UNSPECIFIED: Final = ("", "application/octet-stream", "binary/octet-stream")
_FONT_TYPES: Final = re.compile(r"font/|application/(?:x-)?(?:font-|vnd\.ms-(?:fontobject|opentype)|opentype|truetype)")
_CHARSET: Final = re.compile(r";\s*charset\s*=\s*\"?([a-z0-9_:.-]{1,40})", re.IGNORECASE)
_SVG: Final = re.compile(rb"<svg[\s>/]", re.IGNORECASE)
_SVG_WITHIN_BYTES: Final = 64 * 1024


def check_content(body: bytes, content_type: str, kind: Kind, status: int) -> tuple[str, int]:
    """Return the content type to give to the browser and the number of pixels, 0 where there are none.

    The declared type has to fit the kind, and an image or a font has to have its signature. Raises AssetError:
    `asset_invalid`, or `asset_too_large` for an image above 64 megapixels.
    """
    declared = content_type.partition(";")[0].strip().lower()
    if kind == "stylesheet":
        return _style_sheet(declared, content_type, status), 0
    if kind == "font":
        return _font(body, declared, status), 0
    return _image(body, declared, status)


def _style_sheet(declared: str, content_type: str, status: int) -> str:
    # Without a type the browser takes it as well.
    if declared not in ("text/css", ""):
        raise AssetError("asset_invalid", status)
    charset = _CHARSET.search(content_type)
    return f"text/css; charset={charset[1]}" if charset else "text/css"


def _font(body: bytes, declared: str, status: int) -> str:
    found = _FONT_SIGNATURES.get(body[:4])
    if found is None or not (declared in _UNSPECIFIED or _FONT_TYPES.match(declared)):
        raise AssetError("asset_invalid", status)
    return found


def _image(body: bytes, declared: str, status: int) -> tuple[str, int]:
    if declared == SVG:
        if not _SVG.search(body, 0, _SVG_WITHIN_BYTES):
            raise AssetError("asset_invalid", status)
        return declared, 0
    found = image_type(body)
    size = image_size(body)
    if found is None or size is None or not (declared in _UNSPECIFIED or declared.startswith("image/")):
        raise AssetError("asset_invalid", status)
    pixels = size[0] * size[1]
    if pixels > PIXELS_MAX:
        raise AssetError("asset_too_large", status)
    return found, pixels
