"""Capture the page as an image: PNG, JPEG or WebP."""

import asyncio
from typing import Any

from renderer.assets.image_size import image_size
from renderer.browser.devtools import Session, decoded_bytes
from renderer.errors import RenderError
from renderer.page.clip import Clip, clip_size
from renderer.page.frames import Frames
from renderer.page.readiness import when_drawn
from renderer.rendering import Image
from schemas.output import Output

IMAGE_MAX_BYTES = 64 * 1024 * 1024
DRAWN_SECONDS = 1.0
"""For so long a frame is waited for that a script may have cancelled."""


async def capture(session: Session, world: int, frames: Frames, name: str, output: Output, clip: Clip | None) -> Image:
    """Return the picture of the viewport, or of `clip`, under `name`.

    Raises RenderError: `dimension_limit` for a clip that is too large, `output_too_large` over 64 MiB,
    `renderer_crashed` when the browser returns nothing.
    """
    encoding = _encoding(output)
    if frames.on_demand and clip is None and (output.scale or 1.0) == 1.0:
        data = checked_bytes(await _picture(session, world, frames, encoding))
    else:
        async with frames.flowing():
            answer = await session.send("Page.captureScreenshot", {**encoding, **_area(output, clip)})
        data = checked_bytes(decoded_bytes(answer["data"]))
    size = image_size(data)
    if size is None:
        raise RenderError("renderer_crashed", "the browser returned something that is no picture")
    return Image(name=name, data=data, width=size[0], height=size[1], format=output.format or "png")


async def _picture(session: Session, world: int, frames: Frames, encoding: dict[str, Any]) -> bytes:
    """Return the picture of a frame that has everything that was done to the document.

    That is a frame after the one that has run with these changes: on a busy machine the browser sometimes captures the
    frame before, although the page has run the later one (of documents with fitted texts 4 in 1,000). Running a frame
    without drawing it takes 1 to 4 ms; drawing it made a rich poster 15 % slower.
    """
    drawn = when_drawn(session, world)
    await frames.update()
    if not drawn.done():
        async with frames.flowing():
            await asyncio.wait((drawn,), timeout=DRAWN_SECONDS)
    return await frames.picture(encoding)


def _encoding(output: Output) -> dict[str, Any]:
    if output.format == "png":
        # Encoding takes the largest part of a rendering; this halves it for some more bytes.
        return {"format": "png", "optimizeForSpeed": True}
    return {"format": output.format, "quality": output.quality}


def _area(output: Output, clip: Clip | None) -> dict[str, Any]:
    if clip is None:
        return {"fromSurface": True, "captureBeyondViewport": False}
    clip_size(clip, output.scale or 1.0)
    box = {"x": clip.left, "y": clip.top, "width": clip.width, "height": clip.height, "scale": 1}
    return {"fromSurface": True, "captureBeyondViewport": True, "clip": box}


def checked_bytes(data: bytes) -> bytes:
    """Return the bytes of an image. Raises RenderError: `renderer_crashed` for none, `output_too_large` over 64 MiB."""
    if not data:
        raise RenderError("renderer_crashed", "the browser returned an empty picture")
    if len(data) > IMAGE_MAX_BYTES:
        raise RenderError("output_too_large", f"the image has {len(data):,} bytes; {IMAGE_MAX_BYTES:,} are allowed")
    return data
