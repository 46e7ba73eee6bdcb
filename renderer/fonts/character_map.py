"""The characters that a font file draws, by its `cmap` table (OpenType specification, chapter cmap)."""

import struct
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from renderer.fonts.tables import FontError, read_tables

_PREFERRED: Final = ((3, 10), (0, 6), (0, 4), (3, 1), (0, 3), (0, 2), (0, 1), (0, 0))
"""Platforms and encodings of Unicode, the one with the most characters first."""


def characters(file: Path) -> Iterator[range]:
    """Yield ranges of the code points that the font, of a collection the first, has a glyph for.

    Raises FontError, and OSError where the file cannot be read.
    """
    try:
        table = next(read_tables(file, b"cmap"), None)
        if table is None:
            raise FontError("it has no table of characters")
        yield from _ranges(table)
    except (struct.error, IndexError) as error:
        raise FontError(f"its tables end too soon ({error})") from None


def _ranges(table: bytes) -> Iterator[range]:
    count = struct.unpack_from(">2xH", table)[0]
    records = struct.iter_unpack(">HHL", table[4 : 4 + 8 * count])
    offsets = {(platform, encoding): offset for platform, encoding, offset in records}
    for key in _PREFERRED:
        if key in offsets:
            subtable = table[offsets[key] :]
            match struct.unpack_from(">H", subtable)[0]:
                case 4:
                    yield from _segments(subtable)
                    return
                case 12:
                    yield from _groups(subtable)
                    return
    raise FontError("its table of characters has an unknown format")


def _groups(subtable: bytes) -> Iterator[range]:
    """Yield the ranges of format 12. Glyph 0 means that the character is missing."""
    count = struct.unpack_from(">L", subtable, 12)[0]
    for first, last, glyph in struct.iter_unpack(">LLL", subtable[16 : 16 + 12 * count]):
        yield range(first if glyph else first + 1, last + 1)


def _segments(subtable: bytes) -> Iterator[range]:
    """Yield the ranges of format 4."""
    count = struct.unpack_from(">H", subtable, 6)[0] // 2
    ends = struct.unpack_from(f">{count}H", subtable, 14)
    starts, deltas, offsets = (
        struct.unpack_from(f">{count}H", subtable, 16 + 2 * count * place) for place in (1, 2, 3)
    )
    for place, (first, last) in enumerate(zip(starts, ends, strict=True)):
        if not offsets[place]:
            missing = -deltas[place] & 0xFFFF
            yield from (range(first, min(missing, last + 1)), range(max(missing + 1, first), last + 1))
            continue
        # An offset in bytes from its own position.
        begin = 16 + 2 * count * 3 + 2 * place + offsets[place]
        length = min(last + 1 - first, (len(subtable) - begin) // 2)
        for point, glyph in enumerate(struct.unpack_from(f">{length}H", subtable, begin), start=first):
            if glyph and (glyph + deltas[place]) & 0xFFFF:
                yield range(point, point + 1)
