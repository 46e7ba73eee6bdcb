"""Turn what a page shows into the bytes of an image."""

import base64
import io
from dataclasses import dataclass
from typing import Any

import PIL.Image
from playwright.async_api import CDPSession

from agents.render.errors import RenderError
from agents.render.rendering import Image
from schemas import limits
from schemas.output import Output

IMAGE_MAX_BYTES = 64 * 1024 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class Clip:
    """A part of the document, in CSS pixels from its top left corner."""

    left: float
    top: float
    width: float
    height: float


async def capture(session: CDPSession, output: Output, clip: Clip | None) -> Image:
    """Return the picture of the viewport, or of `clip`.

    Raises RenderError: `dimension_limit` for a clip that is too large, `output_too_large` over 64 MiB,
    `renderer_crashed` when the browser returns nothing.
    """
    parameters: dict[str, Any] = {"format": output.format, "fromSurface": True, "captureBeyondViewport": False}
    if output.format == "png":
        # Encoding is the largest slice of a rendering; this halves it for some more bytes.
        parameters["optimizeForSpeed"] = True
    else:
        parameters["quality"] = output.quality
    if clip:
        check_clip(clip, output.scale or 1.0)
        parameters["captureBeyondViewport"] = True
        parameters["clip"] = {"x": clip.left, "y": clip.top, "width": clip.width, "height": clip.height, "scale": 1}
    answer = await session.send("Page.captureScreenshot", parameters)
    return _measure(base64.b64decode(answer["data"]), output)


def check_clip(clip: Clip, scale: float) -> None:
    """Refuse a picture that no format can hold. Raises RenderError `dimension_limit`."""
    width, height = clip.width * scale, clip.height * scale
    if max(width, height) > limits.SIDE_MAX_DEVICE_PIXELS or width * height > limits.AREA_MAX_DEVICE_PIXELS:
        raise RenderError(
            "dimension_limit",
            f"the image would have {width:,.0f} × {height:,.0f} device pixels; "
            f"{limits.SIDE_MAX_DEVICE_PIXELS:,} a side and {limits.AREA_MAX_DEVICE_PIXELS:,} in all are allowed",
        )


def _measure(data: bytes, output: Output) -> Image:
    if not data:
        raise RenderError("renderer_crashed", "the browser returned an empty picture")
    if len(data) > IMAGE_MAX_BYTES:
        raise RenderError("output_too_large", f"the image has {len(data):,} bytes; {IMAGE_MAX_BYTES:,} are allowed")
    with PIL.Image.open(io.BytesIO(data)) as header:
        width, height = header.size
    return Image(name="default", data=data, width=width, height=height, format=output.format or "png")
