"""The families that a document can name: those of installed files, and those that the configuration maps to them."""

import struct
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Final
from xml.etree import ElementTree

from renderer.fonts.tables import FontError, read_tables

GENERIC: Final = frozenset(
    ("serif", "sans-serif", "monospace", "cursive", "fantasy", "system-ui", "emoji", "math", "-webkit-standard")
)
"""Families that Chromium itself maps to others; `FONT_FAMILIES` of the page says to which."""
_FAMILY_NAMES: Final = (21, 16, 1)
"""In the order of fontconfig, which drops a name that differs from an earlier one in spaces only."""
_ENCODINGS: Final = {0: "utf-16-be", 1: "mac-roman", 3: "utf-16-be"}
"""By platform."""


def family_names(file: Path) -> Iterator[str]:
    """Yield the families that the faces of a file belong to, in every language. Raises FontError and OSError."""
    for table in read_tables(file, b"name"):
        try:
            yield from _names(table)
        except struct.error as error:
            raise FontError(f"its table of names ends too soon ({error})") from None


def _names(table: bytes) -> Iterator[str]:
    count, texts = struct.unpack_from(">2xHH", table)
    records = list(struct.iter_unpack(">6H", table[6 : 6 + 12 * count]))
    known = set()
    for platform, _, _, _, length, offset in sorted(
        (record for record in records if record[3] in _FAMILY_NAMES and record[0] in _ENCODINGS),
        key=lambda record: _FAMILY_NAMES.index(record[3]),
    ):
        name = table[texts + offset : texts + offset + length].decode(_ENCODINGS[platform], "replace")
        squeezed = "".join(name.lower().split())
        if squeezed not in known:
            known.add(squeezed)
            yield name


def stand_ins(configuration: Path) -> dict[str, str]:
    """Return which family is drawn for which other, by the aliases of the configuration.

    Chromium takes the first family that an alias prefers, or none.
    """
    aliases = ElementTree.parse(configuration).getroot().iterfind("alias[@binding='same']")  # noqa: S314 - our own file
    return {alias.findtext("family", ""): alias.findtext("prefer/family", "") for alias in aliases}


def available_families(installed: Iterable[str], configuration: Path) -> frozenset[str]:
    """Return in lower case all families that are drawn as something."""
    families = {name.lower() for name in installed}
    aliases = {name.lower() for name, target in stand_ins(configuration).items() if target.lower() in families}
    return frozenset(families | aliases | GENERIC)
