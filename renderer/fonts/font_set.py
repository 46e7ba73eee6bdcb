"""The pinned font set: its files, its version, and which characters and families it has."""

import fnmatch
import hashlib
import logging
import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain, takewhile
from pathlib import Path
from typing import Final
from xml.etree import ElementTree

from renderer.fonts.character_map import characters
from renderer.fonts.families import available_families, family_names
from renderer.fonts.tables import FontError

logger = logging.getLogger(__name__)

FONT_CONFIGURATION: Final = Path(__file__).with_name("fonts.conf")
FONT_PACKAGES: Final = Path(__file__).with_name("packages.txt")

_CODE_POINTS: Final = 0x110000
_HEADER_BYTES: Final = 4096
_PRIVATE_USE: Final = range(0xE000, 0xF900)
"""Characters of which each font has its own, so that one is drawn wrong, and counts as missing, without its font."""
_SITE_FONTS: Final = Path("/usr/local/share/fonts")
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
    families: frozenset[str] = frozenset()
    """In lower case: families that are installed, that the configuration maps to such, and generic ones."""

    def missing(self, text: str) -> str:
        """Return the visible characters of `text` that no font draws, in the order of their code points."""
        return "".join(sorted({character for character in text if not self._draws(character)}))

    def missing_families(self, lists: Iterable[Sequence[str]]) -> list[str]:
        """Return the families that nobody has, each once.

        Of each list, as CSS gives it, those before the first that is there: the rest is not asked for.
        """
        missing: dict[str, str] = {}
        for names in lists:
            for name in takewhile(lambda name: name.lower() not in self.families, names):
                missing.setdefault(name.lower(), name)
        return list(missing.values())

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
    """Read which characters and families the configured fonts have. One that cannot be read has none, and is logged."""
    files = font_files(configuration)
    coverage = bytearray(_CODE_POINTS // 8)
    for file in _one_of_each_family(files):
        try:
            for point in chain.from_iterable(characters(file)):
                if point not in _PRIVATE_USE or file.is_relative_to(_SITE_FONTS):
                    coverage[point >> 3] |= 1 << (point & 7)
        except (FontError, OSError, IndexError) as error:
            logger.warning("font %s cannot be read (%s); its characters count as missing", file, error)
    families = available_families(_families(files), configuration)
    return FontSet(font_set_version(files, configuration), bytes(coverage), families)


def _families(files: Iterable[Path]) -> Iterator[str]:
    for file in files:
        try:
            yield from family_names(file)
        except (FontError, OSError) as error:
            logger.warning("font %s cannot be read (%s); its families count as missing", file, error)


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


def missing_packages(files: Iterable[Path], packages: Path = FONT_PACKAGES) -> list[str]:
    """Return the packages of the list of which no file is there."""
    names = [file.name for file in files]
    rows = (line.split() for line in packages.read_text().splitlines() if line and not line.startswith("#"))
    return [package for package, start in rows if not any(name.startswith(start) for name in names)]


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
