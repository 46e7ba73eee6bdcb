"""The clip: the part of a document that is captured, where that is not the viewport."""

import math
from dataclasses import dataclass

from renderer.errors import RenderError
from renderer.page.readiness import LayoutReport
from schemas.output import Output, OutputError, check_device_size, device_pixels


@dataclass(frozen=True, slots=True, kw_only=True)
class Clip:
    """A part of the document, in CSS pixels from its top left corner."""

    left: float
    top: float
    width: float
    height: float


def clip_of(output: Output, report: LayoutReport) -> Clip | None:
    """Return the part of a document that an output asks for; None for the viewport.

    Raises RenderError `output_invalid` for a selector that finds nothing, or an element without a size.
    """
    if output.selector:
        if report.box is None or report.box[2] <= 0 or report.box[3] <= 0:
            raise RenderError("output_invalid", f"output field `selector`: {output.selector[:80]!r} shows nothing")
        left, top, width, height = report.box
        right, bottom = math.ceil(left + width), math.ceil(top + height)
        left, top = math.floor(left), math.floor(top)
        return Clip(left=left, top=top, width=right - left, height=bottom - top)
    if output.full_page:
        width, height = report.size
        return Clip(left=0, top=0, width=max(width, output.width or 0), height=max(height, output.height or 0))
    return None


def clip_size(clip: Clip, scale: float) -> tuple[int, int]:
    """Return the size in device pixels. Raises RenderError `dimension_limit` for what no format can hold."""
    width, height = device_pixels(clip.width, clip.height, scale)
    try:
        check_device_size(width, height)
    except OutputError as error:
        raise RenderError(error.code, error.message) from None
    return width, height
