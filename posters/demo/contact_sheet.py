"""The contact sheet: all posters on one image."""

from collections.abc import Sequence
from pathlib import Path
from typing import Final

from PIL import Image

COLUMNS: Final = 4
SIDE: Final = 480
GAP: Final = 24
PAPER: Final = (24, 24, 27)


def write_contact_sheet(posters: Sequence[Path], target: Path) -> None:
    """Write the posters, scaled to 480 pixels a side, four in a row, to `target`."""
    rows = -(-len(posters) // COLUMNS)
    size = (GAP + COLUMNS * (SIDE + GAP), GAP + rows * (SIDE + GAP))
    sheet = Image.new("RGB", size, PAPER)
    for number, path in enumerate(posters):
        with Image.open(path) as poster:
            picture = poster.convert("RGB").resize((SIDE, SIDE), Image.Resampling.LANCZOS)
        row, column = divmod(number, COLUMNS)
        sheet.paste(picture, (GAP + column * (SIDE + GAP), GAP + row * (SIDE + GAP)))
    sheet.save(target)
