"""The tables of a font file, or of each face of a collection (OpenType specification, chapter file format)."""

import struct
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, Final

_FACES_MAX: Final = 64


class FontError(Exception):
    """The file is no font, or its tables cannot be read."""


def read_tables(file: Path, name: bytes) -> Iterator[bytes]:
    """Yield a table of each face that has it; faces that share the table yield it once.

    Raises FontError for a file that is no font, and OSError where it cannot be read.
    """
    try:
        with file.open("rb") as content:
            for offset, length in dict.fromkeys(_places(content, name)):
                content.seek(offset)
                yield content.read(length)
    except struct.error as error:
        raise FontError(f"its tables end too soon ({error})") from None


def _places(content: BinaryIO, name: bytes) -> Iterator[tuple[int, int]]:
    for start in _faces(content):
        content.seek(start)
        count = struct.unpack(">4xH6x", content.read(12))[0]
        for table, offset, length in struct.iter_unpack(">4s4xLL", content.read(16 * count)):
            if table == name:
                yield offset, length


def _faces(content: BinaryIO) -> tuple[int, ...]:
    """Return where the faces begin: several in a collection, else one."""
    head = content.read(12)
    if head[:4] != b"ttcf":
        return (0,)
    count = min(struct.unpack_from(">L", head, 8)[0], _FACES_MAX)
    return struct.unpack(f">{count}L", content.read(4 * count))
