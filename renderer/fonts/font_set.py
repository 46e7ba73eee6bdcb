"""The pinned font set: its files, its version, and which characters it covers."""

import fnmatch
import hashlib
import logging
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Final
from xml.etree import ElementTree

from renderer.fonts.character_map import FontError, characters

logger = logging.getLogger(__name__)

FONT_CONFIGURATION: Final = Path(__file__).with_name("fonts.conf")

_CODE_POINTS: Final = 0x110000
_HEADER_BYTES: Final = 4096
_INVISIBLE: Final = frozenset({"Cc", "Cf", "Cs", "Zs", "Zl", "Zp"})
_SELECTORS: Final = frozenset(
    (
        *(0x034F, 0x115F, 0x1160, 0x17B4, 0x17B5, 0x3164, 0xFFA0),
        *range(0x180B, 0x1810),
        *range(0xFE00, 0xFE10),
        *range(0xE0100, 0xE01F0),
    )
)
"""Variation selectors and fillers, which are never drawn themselves."""


@dataclass(frozen=True, slots=True)
class FontSet:
    """The fonts of the pinned configuration. `version` is the same on machines with the same fonts."""

    version: str
    coverage: bytes
    """A bit per code point, set when some font draws it."""

    def missing(self, text: str) -> str:
        """Return the visible characters of `text` that no font draws, in the order of their code points."""
        return "".join(sorted({character for character in text if not self._draws(character)}))

    def _draws(self, character: str) -> bool:
        if unicodedata.category(character) in _INVISIBLE or ord(character) in _SELECTORS:
            return True
        if self._covers(character):
            return True
        parts = unicodedata.normalize("NFD", character)
        return len(parts) > 1 and all(self._covers(part) for part in parts)

    def _covers(self, character: str) -> bool:
        point = ord(character)
        return bool(self.coverage[point >> 3] & 1 << (point & 7))


def read_fonts(configuration: Path = FONT_CONFIGURATION) -> FontSet:
    """Read which characters the configured fonts draw. A font that cannot be read draws none, with a warning."""
    files = font_files(configuration)
    coverage = bytearray(_CODE_POINTS // 8)
    for file in _one_of_each_family(files):
        try:
            for point in chain.from_iterable(characters(file)):
                coverage[point >> 3] |= 1 << (point & 7)
        except (FontError, OSError, IndexError) as error:
            logger.warning("font %s cannot be read (%s); its characters count as missing", file, error)
    return FontSet(font_set_version(files, configuration), bytes(coverage))


def font_files(configuration: Path = FONT_CONFIGURATION) -> list[Path]:
    """Return the files that fontconfig accepts under the configuration, sorted by name."""
    root = ElementTree.parse(configuration).getroot()  # noqa: S314 - our own file
    accepted = [glob.text or "" for glob in root.findall("selectfont/acceptfont/glob")]
    found = set()
    for directory in root.findall("dir"):
        for file in Path(directory.text or "").rglob("*.*"):
            if file.suffix.lower() in (".ttf", ".otf", ".ttc") and any(
                fnmatch.fnmatchcase(str(file), glob) for glob in accepted
            ):
                found.add(file)
    return sorted(found, key=lambda file: (file.name, str(file)))


def font_set_version(files: Iterable[Path], configuration: Path = FONT_CONFIGURATION) -> str:
    """Return 16 hex digits that change with the configuration and with any font, and are the same on every machine.

    A font file starts with the checksums of all its tables, so its first 4 KiB and its size stand for all of it.
    """
    digest = hashlib.sha256(configuration.read_bytes())
    for file in files:
        with file.open("rb") as content:
            header = content.read(_HEADER_BYTES)
        digest.update(f"\0{file.name}\0{file.stat().st_size}\0".encode() + header)
    return digest.hexdigest()[:16]


def _one_of_each_family(files: Iterable[Path]) -> list[Path]:
    """Return a file of each family, the regular one if there is one: its weights draw the same characters."""
    chosen: dict[str, Path] = {}
    for file in files:
        family = file.stem.partition("-")[0]
        if family not in chosen or "Regular" in file.stem:
            chosen[family] = file
    return list(chosen.values())
