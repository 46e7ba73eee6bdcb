"""Several images of one poster, made in one visit, are what each would be on its own."""

import asyncio
from typing import Any

import pytest

from renderer.engine import Engine
from renderer.errors import RenderError
from renderer.rendering import Rendering, RenderRequest
from schemas.output import parse_output, resolve_output
from tests.renderer.drawing import decode, image_url, page, rgb

pytestmark = pytest.mark.asyncio(loop_scope="session")

CARD = page(
    "<h1>Ünïcødé ★ 素晴らしい</h1><img sizes='100vw' srcset='{red} 150w, {blue} 400w'><i></i><p lang=ja>直</p>".format(
        red=image_url("red", (150, 10)), blue=image_url("blue", (400, 10))
    ),
    "h1{font-size:8vw;margin:0;transition:all 3s}img{width:50vw;height:20px}"
    "i{display:block;height:20vh;background:teal;animation:a 9s both}"
    "@keyframes a{from{width:0}to{width:70vw}}@media(max-width:250px){body{background:gold}}"
    "@media(prefers-color-scheme:dark){body{background:navy}}p{margin-top:150px}"
    "@media(min-width:300px){i{animation:b 5s infinite}}@keyframes b{to{height:0}}",
)
VARIANTS: list[dict[str, Any]] = [
    {"name": "small"},
    {"name": "wide", "width": 500, "height": 120},
    {"name": "retina", "scale": 2},
    {"name": "dark", "color_scheme": "dark"},
    {"name": "clear", "transparent": True, "format": "webp"},
    {"name": "whole", "full_page": True, "width": 260},
    {"name": "print", "format": "pdf"},
    {"name": "crop", "selector": "i", "format": "jpeg"},
]


async def render(engine: Engine, html: str, wanted: dict[str, Any], **fields: Any) -> Rendering:
    """Render with an output as a request has it."""
    return await engine.render(RenderRequest(html=html, output=resolve_output(parse_output(wanted)), **fields))


async def test_a_variant_is_what_it_is_alone(engine: Engine) -> None:
    """Each of eight sizes, formats, scales and themes has the bytes of a poster of its own, in either order."""
    common = {"width": 200, "height": 100}
    for variants in (VARIANTS, VARIANTS[::-1]):
        together = await render(engine, CARD, {**common, "variants": variants})

        assert [image.name for image in together.images] == [variant["name"] for variant in variants]
        for image, variant in zip(together.images, variants, strict=True):
            own = {name: value for name, value in variant.items() if name != "name"}
            alone = (await render(engine, CARD, {**common, **own})).images[0]
            assert (image.width, image.height, image.format) == (alone.width, alone.height, alone.format)
            assert image.data == alone.data, variant["name"]


async def test_locale_and_time_zone_of_a_variant_reach_its_scripts(engine: Engine) -> None:
    """A variant with another locale or time zone is drawn as if the document had been opened there."""
    html = page("<p></p><script>document.querySelector('p').textContent=new Date(0).toLocaleString()</script>")
    there = {"locale": "de-DE", "timezone": "Asia/Tokyo"}
    variants = [{"name": "here"}, {"name": "there", **there}, {"name": "here too", "scale": 2}]
    together = await render(engine, html, {"width": 300, "variants": variants}, javascript=True)
    alone = await render(engine, html, {"width": 300, **there}, javascript=True)

    assert [image.name for image in together.images] == ["here", "there", "here too"]
    assert together.images[1].data == alone.images[0].data != together.images[0].data


async def test_one_variant_that_cannot_be_made_fails_the_poster(engine: Engine) -> None:
    """A variant whose content is too large refuses the poster with the numbers; the next poster is made."""
    html = page("<p>", "p{margin:0;height:20000px}")
    with pytest.raises(RenderError, match=r"20,000 .*16,383") as raised:
        await render(engine, html, {"width": 200, "variants": [{"name": "a"}, {"name": "b", "full_page": True}]})

    assert raised.value.code == "dimension_limit"
    assert (await render(engine, html, {"width": 200, "height": 100})).images[0].height == 100


async def test_a_view_does_not_outlive_its_variants(engine: Engine) -> None:
    """After a poster whose last variant was large, dark, clear or printed, the next is as it always is."""
    before = (await render(engine, CARD, {"width": 200, "height": 100})).images[0].data
    for variant in VARIANTS:
        await render(engine, CARD, {"width": 200, "height": 100, "variants": [{"name": "first"}, variant]})

        assert (await render(engine, CARD, {"width": 200, "height": 100})).images[0].data == before


async def test_many_posters_with_variants_at_once(engine: Engine) -> None:
    """Posters with variants side by side keep their images apart."""
    colours = {"red": (255, 0, 0), "lime": (0, 255, 0), "blue": (0, 0, 255)}
    wanted = {"height": 20, "variants": [{"name": str(width), "width": width} for width in (30, 60, 90)]}
    renderings = await asyncio.gather(
        *(render(engine, page("", f"body{{background:{name}}}"), wanted) for name in colours)
    )

    for rendering, colour in zip(renderings, colours.values(), strict=True):
        images = [decode(image.data) for image in rendering.images]
        assert [image.size for image in images] == [(30, 20), (60, 20), (90, 20)]
        assert {rgb(image, 5, 5) for image in images} == {colour}
