"""Writes how many files and lines each room has into the table of docs/architecture.md, rounded to two digits."""

import re
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).parents[1]
PAGE: Final = ROOT / "docs" / "architecture.md"
SUFFIXES: Final = (".py", ".js", ".sql")
VENDORED: Final = {"codemirror"}
"""Folders with the code of others."""
_ROW: Final = re.compile(r"^(\| `([a-z_/]+)/?` \| .* \| )\d+( \| )[\d,]+( \| .*)$", re.MULTILINE)


def sizes(room: Path) -> tuple[int, int]:
    """Return the number of Python files in a room, and of lines in its Python, JavaScript and SQL files."""
    files = (path for path in room.rglob("*") if path.suffix in SUFFIXES and path.is_file())
    code = [path for path in files if VENDORED.isdisjoint(path.parts)]
    return sum(path.suffix == ".py" for path in code), sum(len(path.read_bytes().splitlines()) for path in code)


def rounded(lines: int) -> int:
    """Return a number of lines with two significant digits, at least to the hundred."""
    step = 10 ** max(2, len(str(lines)) - 2)
    return max(step, round(lines / step) * step)


def written(text: str) -> str:
    """Return the page with the sizes of today."""

    def row(match: re.Match[str]) -> str:
        files, lines = sizes(ROOT / match[2])
        return f"{match[1]}{files}{match[3]}{rounded(lines):,}{match[4]}"

    return _ROW.sub(row, text)


if __name__ == "__main__":
    PAGE.write_text(written(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
