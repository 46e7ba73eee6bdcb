"""The contact sheet: several posters on one image, each whole, and with a caption if it has one."""

from collections.abc import Sequence
from io import BytesIO
from pathlib import Path
from typing import Final

from PIL import Image, ImageDraw, ImageFont

COLUMNS: Final = 4
SIDE: Final = 480
GAP: Final = 24
CAPTION: Final = 20
"""Height of the letters of a caption, which stands in the gap below its poster."""
PAPER: Final = (24, 24, 27)
INK: Final = (228, 228, 231)


def write_contact_sheet(posters: Sequence[Path], target: Path) -> None:
    """Write the posters, each within 480 pixels a side, four in a row, to `target`."""
    contact_sheet([(None, path.read_bytes()) for path in posters]).save(target)


def contact_sheet(posters: Sequence[tuple[str | None, bytes | None]]) -> Image.Image:
    """Return the sheet of captions and encoded images; what is None has a blank place, as a PDF has."""
    columns = min(COLUMNS, len(posters))
    rows = -(-len(posters) // COLUMNS)
    below = CAPTION + GAP if any(caption is not None for caption, _ in posters) else 0
    size = (GAP + columns * (SIDE + GAP), GAP + rows * (SIDE + below + GAP))
    sheet = Image.new("RGB", size, PAPER)
    draw, font = ImageDraw.Draw(sheet), ImageFont.load_default(CAPTION)
    for number, (caption, content) in enumerate(posters):
        row, column = divmod(number, COLUMNS)
        left, top = GAP + column * (SIDE + GAP), GAP + row * (SIDE + below + GAP)
        if content is None:
            draw.rectangle((left, top, left + SIDE - 1, top + SIDE - 1), outline=INK)
        else:
            picture = _fitted(content)
            place = (left + (SIDE - picture.width) // 2, top + (SIDE - picture.height) // 2)
            sheet.paste(picture, place, picture)
        if caption is not None:
            draw.text((left, top + SIDE + GAP // 2), caption, INK, font)
    return sheet


def _fitted(content: bytes) -> Image.Image:
    """Return the picture with an alpha channel, scaled so that its longer side is that of its place."""
    with Image.open(BytesIO(content)) as poster:
        scale = SIDE / max(poster.size)
        size = (max(1, round(poster.width * scale)), max(1, round(poster.height * scale)))
        return poster.convert("RGBA").resize(size, Image.Resampling.LANCZOS)
