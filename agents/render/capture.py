"""Turn what a page shows into the bytes of an image."""

import base64
import io
from dataclasses import dataclass
from typing import Any

import PIL.Image
from playwright.async_api import CDPSession

from agents.render.errors import RenderError
from agents.render.rendering import Image
from schemas.output import Output, OutputError, check_device_size, device_pixels

IMAGE_MAX_BYTES = 64 * 1024 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class Clip:
    """A part of the document, in CSS pixels from its top left corner."""

    left: float
    top: float
    width: float
    height: float


async def capture(session: CDPSession, name: str, output: Output, clip: Clip | None) -> Image:
    """Return the picture of the viewport, or of `clip`, under `name`.

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
        clip_size(clip, output.scale or 1.0)
        parameters["captureBeyondViewport"] = True
        parameters["clip"] = {"x": clip.left, "y": clip.top, "width": clip.width, "height": clip.height, "scale": 1}
    answer = await session.send("Page.captureScreenshot", parameters)
    data = checked_bytes(base64.b64decode(answer["data"]))
    with PIL.Image.open(io.BytesIO(data)) as header:
        width, height = header.size
    return Image(name=name, data=data, width=width, height=height, format=output.format or "png")


def clip_size(clip: Clip, scale: float) -> tuple[int, int]:
    """Return the size in device pixels. Raises RenderError `dimension_limit` for what no format can hold."""
    width, height = device_pixels(clip.width, clip.height, scale)
    try:
        check_device_size(width, height)
    except OutputError as error:
        raise RenderError(error.code, error.message) from None
    return width, height


def checked_bytes(data: bytes) -> bytes:
    """Return the bytes of an image. Raises RenderError: `renderer_crashed` for none, `output_too_large` over 64 MiB."""
    if not data:
        raise RenderError("renderer_crashed", "the browser returned an empty picture")
    if len(data) > IMAGE_MAX_BYTES:
        raise RenderError("output_too_large", f"the image has {len(data):,} bytes; {IMAGE_MAX_BYTES:,} are allowed")
    return data
