"""Print the page to a PDF of one page, the same bytes every time."""

import re
from pathlib import Path
from typing import Any, Final

from renderer.browser.devtools import Session, decoded_bytes
from renderer.errors import RenderError
from renderer.page.clip import Clip, clip_size
from renderer.page.screenshot import checked_bytes
from renderer.rendering import Image
from schemas.output import Output

POINTS_A_PIXEL: Final = 72 / 96
_SCRIPT: Final = (Path(__file__).with_name("scripts") / "print_layout.js").read_text()
_DATE: Final = re.compile(rb"(?<=Date \(D:)\d{14}")
_EPOCH: Final = b"19700101000000"
_MEDIA_BOX: Final = re.compile(rb"/MediaBox \[0 0 [0-9.]+ ([0-9.]+)\]")
_TABLE: Final = re.compile(rb"(?<=\nxref\n)0 \d+\n(?:\d{10} \d{5} [fn] \n)+")
_ENTRY: Final = re.compile(rb"\d{10}(?= \d{5} n )")
_START: Final = re.compile(rb"(?<=\nstartxref\n)\d+")


async def print_page(session: Session, world: int, name: str, output: Output, clip: Clip | None) -> Image:
    """Return the viewport, or `clip`, as a PDF whose one page has that size, at 96 pixels an inch.

    Screen styles and backgrounds are kept; `vh` is a part of the page, which is as high as the document where the
    output is. Raises RenderError as `capture` does.
    """
    width, height = output.width or 0, output.height or 0
    area = clip or Clip(left=0, top=0, width=width, height=height)
    pixels = clip_size(area, output.scale or 1.0)
    paper = max(width, area.left + area.width), max(height, area.top + area.height)
    await _evaluate(session, world, f"{_SCRIPT};applyPrintLayout({paper[0]}, {paper[1]})")
    answer = await session.send("Page.printToPDF", _parameters(*paper))
    await _evaluate(session, world, "removePrintLayout()")
    data = checked_bytes(decoded_bytes(answer["data"]))
    return Image(name=name, data=trimmed(data, area), width=pixels[0], height=pixels[1], format="pdf")


def trimmed(data: bytes, area: Clip) -> bytes:
    """Return the PDF with its page cropped to `area`, and without its creation time. Raises RenderError `internal`."""
    found = _MEDIA_BOX.search(data)
    table, start = _TABLE.search(data), _START.search(data)
    if not (found and table and start):
        raise RenderError("internal", "Chromium printed a PDF in a form that is not known here")
    top = float(found[1]) - area.top * POINTS_A_PIXEL
    box = (area.left, top / POINTS_A_PIXEL - area.height, area.left + area.width, top / POINTS_A_PIXEL)
    written = b"/MediaBox [" + b" ".join(_point(pixels * POINTS_A_PIXEL) for pixels in box) + b"]"
    longer = len(written) - len(found[0])

    def moved(offset: re.Match[bytes]) -> bytes:
        place = int(offset[0])
        return b"%0*d" % (len(offset[0]), place + (longer if place > found.start() else 0))

    offsets = _ENTRY.sub(moved, table[0])
    whole = data[: found.start()] + written + data[found.end() : table.start()] + offsets + data[table.end() :]
    return _DATE.sub(_EPOCH, _START.sub(moved, whole))


def _point(value: float) -> bytes:
    return f"{value:.4f}".rstrip("0").rstrip(".").encode()


def _parameters(width: float, height: float) -> dict[str, Any]:
    return {
        "paperWidth": width / 96,
        "paperHeight": height / 96,
        **dict.fromkeys(("marginTop", "marginBottom", "marginLeft", "marginRight"), 0),
        "printBackground": True,
        "pageRanges": "1",
        # Both hold numbers that count up from document to document.
        "generateTaggedPDF": False,
        "generateDocumentOutline": False,
    }


async def _evaluate(session: Session, world: int, expression: str) -> None:
    answer = await session.send("Runtime.evaluate", {"expression": expression, "contextId": world})
    if "exceptionDetails" in answer:
        raise RenderError("internal", f"the page could not be printed: {str(answer['exceptionDetails'])[:300]}")
