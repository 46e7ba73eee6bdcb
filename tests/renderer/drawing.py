"""What the engine's tests share: short ways to ask for a poster and to look at its pixels."""

import base64
import io
from dataclasses import replace
from typing import Any, Literal

import PIL.Image

from renderer.engine import Engine
from renderer.rendering import Rendering, RenderRequest
from schemas.output import DEFAULTS, Output, parse_output, resolve_output

Colour = tuple[int, ...]


def output(**fields: Any) -> Output:
    """Return a resolved output, 200 by 100 by default; `variants` are those of a request."""
    if "variants" in fields:
        return resolve_output(parse_output({"width": 200, "height": 100, **fields}))
    return replace(DEFAULTS, **{"width": 200, "height": 100, "quality": None, **fields})


async def draw(
    engine: Engine, html: str, *, javascript: bool = False, deadline_seconds: float = 15.0, **fields: Any
) -> Rendering:
    """Draw `html`; `fields` are those of `output`."""
    request = RenderRequest(
        html=html, output=output(**fields), javascript=javascript, deadline_seconds=deadline_seconds
    )
    return await engine.render(request)


async def picture(engine: Engine, html: str, **fields: Any) -> PIL.Image.Image:
    """Draw `html` and return the decoded picture."""
    return decode((await draw(engine, html, **fields)).images[0].data)


def decode(data: bytes) -> PIL.Image.Image:
    """Return the decoded picture, with its alpha channel if it has one."""
    with PIL.Image.open(io.BytesIO(data)) as image:
        image.load()
        return image


def rgb(image: PIL.Image.Image, x: int, y: int) -> Colour:
    """Return the colour of a pixel."""
    pixel = image.convert("RGB").getpixel((x, y))
    assert isinstance(pixel, tuple)
    return tuple(int(value) for value in pixel)


def page(body: str, style: str = "") -> str:
    """Return a document with no margins."""
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        f"<style>html,body{{margin:0}}{style}</style></head><body>{body}</body></html>"
    )


def image_url(colour: str, size: tuple[int, int] = (8, 8), kind: Literal["PNG", "GIF"] = "PNG") -> str:
    """Return a data: address of an image in one colour."""
    with PIL.Image.new("RGB", size, colour) as image:
        content = io.BytesIO()
        image.save(content, kind)
    return f"data:image/{kind.lower()};base64,{base64.b64encode(content.getvalue()).decode()}"


def moving_gif() -> str:
    """Return a data: address of a GIF that is red for 20 ms, then blue for as long, endlessly."""
    first, second = (PIL.Image.new("RGB", (8, 8), colour) for colour in ("red", "blue"))
    content = io.BytesIO()
    first.save(content, "GIF", save_all=True, append_images=[second], duration=20, loop=0)
    return f"data:image/gif;base64,{base64.b64encode(content.getvalue()).decode()}"
