"""Image dimensions from the file header, before anything decodes the image (decompression bombs).

It is our own because the bound is about what the browser decodes: the whole of a GIF's frames, the largest image of an
AVIF or an icon. imagesize returns what the header of a GIF announces.
"""

import re
import struct
from collections.abc import Callable
from typing import Final

Size = tuple[int, int]
_STEPS: Final = 5_000
"""How many segments of a header are read; a file that is all segments would block the process."""
_AVIF_SIZE: Final = re.compile(
    # A property box of a size, as the browser takes it: of 16 bits' length or of 64, and of version 0.
    rb"(?:\x00\x00\x00\x01ispe\x00{4}.{4}|\x00\x00..ispe)\x00.{3}(.{4})(.{4})",
    re.DOTALL,
)


def image_type(body: bytes) -> str | None:
    """Return the media type of a raster image that the browser draws, from its signature; else None."""
    if body[4:8] == b"ftyp" and body[8:12] in (b"avif", b"avis"):
        return "image/avif"
    if body[:4] == b"RIFF" and body[8:12] == b"WEBP":
        return "image/webp"
    return next((kind for start, kind in _SIGNATURES if body.startswith(start)), None)


def image_size(body: bytes) -> Size | None:
    """Return width and height of a raster image, the largest if it holds several; None where its header is broken."""
    kind = image_type(body)
    try:
        return None if kind is None else _READERS[kind](body)
    except (struct.error, IndexError, ValueError):
        return None


def _png(body: bytes) -> Size:
    if body[12:16] != b"IHDR":
        raise ValueError("a PNG begins with IHDR")
    return struct.unpack(">II", body[16:24])


def _gif(body: bytes) -> Size:
    width, height = struct.unpack("<HH", body[6:10])
    # A frame may be larger than the screen that the header names, and the browser then draws all of it.
    position = 13 + (3 << ((body[10] & 7) + 1) if body[10] & 0x80 else 0)
    in_extension = False
    for _ in range(_STEPS):
        if in_extension:
            in_extension = body[position] > 0
            position += 1 + body[position]
        elif body[position] == 0x21:
            in_extension = True
            position += 2
        elif body[position] == 0x2C:
            left, top, frame_width, frame_height = struct.unpack("<HHHH", body[position + 1 : position + 9])
            return max(width, left + frame_width), max(height, top + frame_height)
        else:
            break
    raise ValueError("a GIF without a picture")


def _bmp(body: bytes) -> Size:
    return _dib(body[14:])


def _dib(header: bytes) -> Size:
    if struct.unpack("<I", header[:4])[0] == 12:
        return struct.unpack("<HH", header[4:8])
    width, height = struct.unpack("<ii", header[4:12])
    return abs(width), abs(height)


def _webp(body: bytes) -> Size:
    chunk = body[12:16]
    if chunk == b"VP8X":
        return 1 + int.from_bytes(body[24:27], "little"), 1 + int.from_bytes(body[27:30], "little")
    if chunk == b"VP8L":
        bits = struct.unpack("<I", body[21:25])[0]
        return 1 + (bits & 0x3FFF), 1 + (bits >> 14 & 0x3FFF)
    if chunk == b"VP8 ":
        width, height = struct.unpack("<HH", body[26:30])
        return width & 0x3FFF, height & 0x3FFF
    raise ValueError("a WebP of no known kind")


def _jpeg(body: bytes) -> Size:
    position = 2
    for _ in range(_STEPS):
        marker = body[position + 1]
        if body[position] != 0xFF:
            break
        if marker == 0xFF:  # padding
            position += 1
        elif 0xC0 <= marker <= 0xCF and marker not in (0xC4, 0xC8, 0xCC):
            height, width = struct.unpack(">HH", body[position + 5 : position + 9])
            return width, height
        else:
            position += 2 + max(2, struct.unpack(">H", body[position + 2 : position + 4])[0])
    raise ValueError("a JPEG without a frame")


def _avif(body: bytes) -> Size:
    # Every one, wherever it is: a picture in tiles has one for each tile and one for the whole.
    found = list(_AVIF_SIZE.finditer(body))
    return max(((_big(each[1]), _big(each[2])) for each in found), key=_area)


def _ico(body: bytes) -> Size:
    sizes = []
    for entry in range(min(_STEPS, struct.unpack("<H", body[4:6])[0])):
        offset = struct.unpack("<I", body[6 + 16 * entry + 12 : 6 + 16 * entry + 16])[0]
        image = body[offset : offset + 32]
        sizes.append(_png(image) if image.startswith(b"\x89PNG") else _dib(image))
    return max(sizes, key=_area)


def _big(number: bytes) -> int:
    return int.from_bytes(number, "big")


def _area(size: Size) -> int:
    return size[0] * size[1]


_SIGNATURES: Final = (
    (b"\x89PNG\r\n\x1a\n", "image/png"),
    (b"\xff\xd8\xff", "image/jpeg"),
    (b"GIF87a", "image/gif"),
    (b"GIF89a", "image/gif"),
    (b"BM", "image/bmp"),
    (b"\x00\x00\x01\x00", "image/x-icon"),
)
_READERS: Final[dict[str, Callable[[bytes], Size]]] = {
    "image/png": _png,
    "image/jpeg": _jpeg,
    "image/gif": _gif,
    "image/bmp": _bmp,
    "image/webp": _webp,
    "image/avif": _avif,
    "image/x-icon": _ico,
}
