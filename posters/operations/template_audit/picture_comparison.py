"""Compares two encoded images pixel by pixel, whatever their encoder did."""

from functools import reduce
from io import BytesIO

from PIL import Image, ImageChops


def difference(old: bytes, new: bytes) -> str | None:
    """Return how two images differ, or None where every pixel is the same.

    What cannot be decoded here, as a PDF, differs where its bytes do. Takes up to some seconds: call it from a thread.
    """
    if old == new:
        return None
    if old.startswith(b"%PDF") or new.startswith(b"%PDF"):
        return "the bytes of the PDF differ"
    with Image.open(BytesIO(old)) as before, Image.open(BytesIO(new)) as after:
        if before.size != after.size:
            return f"{before.width}x{before.height} pixels have become {after.width}x{after.height}"
        bands = ImageChops.difference(before.convert("RGBA"), after.convert("RGBA")).split()
    by_how_much = reduce(ImageChops.lighter, bands).histogram()
    total, unchanged = sum(by_how_much), by_how_much[0]
    if total == unchanged:
        return None
    most = max(step for step, count in enumerate(by_how_much) if count)
    return f"{total - unchanged:,} of {total:,} pixels differ, by up to {most} of 255"
