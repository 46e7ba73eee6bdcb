"""Hyphenation patterns in the format of LibreOffice's dictionaries: Liang's patterns, as TeX has them, one a line."""

import re
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Final

_KEYWORD: Final = re.compile(r"[A-Z]+HYPHENMIN\b|NOHYPHEN\b|NEXTLEVEL\b")
_BYTE: Final = re.compile(r"\^\^([0-9a-f]{2})")
_PIECE: Final = re.compile(r"(\d?)(\D?)")


@dataclass(frozen=True, slots=True)
class Pattern:
    """Letters, with `.` for the edge of a word, and the level at each of their gaps: odd ones are where to hyphenate.

    Gap 0 is before the first letter, the last one after the last letter.
    """

    letters: str
    levels: bytes


def read_patterns(*files: Path) -> list[Pattern]:
    """Return the patterns of dictionaries, each once. Those that change the spelling at a hyphen are left out."""
    lines = chain.from_iterable(_lines(file) for file in files)
    return list(dict.fromkeys(_pattern(line) for line in lines))


def _lines(file: Path) -> list[str]:
    content = file.read_bytes()
    charset, _, rest = content.partition(b"\n")
    encoding = charset.strip().decode("ascii").replace("microsoft-", "")
    text = rest.decode(encoding)
    lines = (line.partition("%")[0].strip() for line in text.splitlines())
    return [_BYTE.sub(_character, line) for line in lines if _is_pattern(line)]


def _is_pattern(line: str) -> bool:
    return bool(line) and not line.startswith("#") and not _KEYWORD.match(line) and "/" not in line


def _character(found: re.Match[str]) -> str:
    return chr(int(found[1], 16))


def _pattern(line: str) -> Pattern:
    pieces = _PIECE.findall(line)
    letters = "".join(letter for _, letter in pieces)
    levels = bytes(int(level or 0) for level, _ in pieces)
    return Pattern(letters, levels[: len(letters) + 1])
