"""Images have the size, format and channels that were asked for, every time the same."""

import asyncio
import re
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from renderer.engine import Engine
from renderer.errors import RenderError
from renderer.language.template import Template
from renderer.language.time_zones import time_zone
from schemas.output import Format, device_size
from tests.renderer.drawing import decode, draw, output, page, picture, rgb

pytestmark = pytest.mark.asyncio(loop_scope="session")

QUARTERS = page(
    "<i style='background:red'></i><i style='background:lime'></i>"
    "<i style='background:blue'></i><i style='background:white'></i>",
    "body{display:grid;grid:50vh 50vh/50vw 50vw}",
)


@pytest.mark.parametrize("image_format", ["png", "jpeg", "webp"])
@pytest.mark.parametrize(
    ("width", "height", "scale"),
    [(200, 100, 1), (200, 100, 2), (100, 200, 0.5), (333, 77, 1.5), (101, 55, 0.7), (1, 1, 1), (1080, 1350, 4)],
)
async def test_size_is_exact_in_device_pixels(
    engine: Engine, image_format: Format, width: int, height: int, scale: float
) -> None:
    """An image has width × scale by height × scale device pixels, rounded up, in every format."""
    rendering = await draw(
        engine,
        QUARTERS,
        format=image_format,
        width=width,
        height=height,
        scale=scale,
        quality=None if image_format == "png" else 80,
    )
    image = rendering.images[0]

    expected = device_size(output(width=width, height=height, scale=scale))
    assert decode(image.data).size == (image.width, image.height) == expected


@pytest.mark.parametrize("image_format", ["png", "jpeg", "webp"])
async def test_content_fills_the_image_at_every_scale(engine: Engine, image_format: Format) -> None:
    """What stands in a corner of the page stands in that corner of the image."""
    quality = None if image_format == "png" else 100
    for scale in (0.5, 1, 2, 3):
        image = await picture(engine, QUARTERS, format=image_format, scale=scale, quality=quality)
        width, height = image.size
        corners = [
            rgb(image, x, y) for y in (height // 8, height - height // 8) for x in (width // 8, width - width // 8)
        ]

        for found, wanted in zip(corners, [(255, 0, 0), (0, 255, 0), (0, 0, 255), (255, 255, 255)], strict=True):
            assert max(abs(one - other) for one, other in zip(found, wanted, strict=True)) <= 4


async def test_quality_shrinks_the_file(engine: Engine) -> None:
    """A lower quality gives fewer bytes, in jpeg and in webp."""
    noise = page("<p>★ noise ★</p>" * 20, "p{background:repeating-linear-gradient(37deg,#f00,#0f0 3px,#00f 7px)}")
    for image_format in ("jpeg", "webp"):
        low, high = [
            len((await draw(engine, noise, format=image_format, quality=quality)).images[0].data)
            for quality in (10, 95)
        ]

        assert low < high / 2


@pytest.mark.parametrize("image_format", ["png", "webp"])
async def test_transparent_keeps_alpha(engine: Engine, image_format: Format) -> None:
    """A transparent poster is clear where nothing is drawn, opaque where something is, and the next one is opaque."""
    half = page("<b></b>", "b{display:block;width:100px;height:100px;background:#08f}")
    clear = await picture(engine, half, format=image_format, transparent=True, quality=100)
    opaque = await picture(engine, half, format=image_format, quality=100)

    assert clear.mode == "RGBA"
    assert [clear.getpixel((150, 50)), clear.getpixel((50, 50))] == [(0, 0, 0, 0), (0, 136, 255, 255)]
    assert rgb(opaque, 150, 50) == (255, 255, 255)


async def test_no_part_is_left_out_of_a_large_image(engine: Engine) -> None:
    """Layers whose tiles take nearly a gigabyte are all drawn, everywhere."""
    layer = "<i style='background:linear-gradient(90deg,rgba(0,90,0,.1),rgba(0,0,90,.1))'></i>"
    html = page(layer * 12, "html{background:red}i{position:absolute;inset:0;will-change:transform}")
    image = await picture(engine, html, width=1080, height=1080, scale=4, deadline_seconds=60)
    column = image.convert("RGB").crop((2160, 0, 2161, 4320)).getcolors()

    assert column is not None
    assert len(column) <= 2


async def test_partial_alpha_is_exact(engine: Engine) -> None:
    """A colour of 37 % opacity on a transparent PNG has alpha 94, and nothing else is drawn beside it."""
    half = page("<i></i>", "i{display:block;width:100px;height:100px;background:rgba(255,0,0,.37)}")
    image = await picture(engine, half, format="png", transparent=True)

    assert image.mode == "RGBA"
    assert image.getpixel((50, 50)) == (255, 0, 0, 94)
    assert image.getpixel((150, 50)) == (0, 0, 0, 0)


async def test_sixty_nested_layers_with_opacity_are_all_drawn(engine: Engine) -> None:
    """Each of sixty layers, one in the other, lets a hundredth of what is below it through."""
    style = "i{opacity:.99;will-change:opacity,transform}b{background:red}i,b{position:absolute;inset:0}"
    html = page(f"{'<i>' * 60}<b></b>{'</i>' * 60}", f"html{{background:blue}}{style}")
    image = await picture(engine, html)
    red, green, blue = rgb(image, 100, 50)

    assert abs(red - round(255 * 0.99**60)) <= 12  # each layer is rounded on its own
    assert green == 0
    assert abs(red + blue - 255) <= 12
    assert image.convert("RGB").getcolors() == [(200 * 100, (red, green, blue))]


async def test_ten_times_the_same_bytes() -> None:
    """One document gives the same bytes on every page of an engine, alone or side by side."""
    html = page(
        "<h1>Ünïcødé — 素晴らしい شكرا धन्यवाद 🎉</h1><p>★★★★☆</p>",
        "body{background:linear-gradient(45deg,#123,#fe8)}h1{filter:drop-shadow(2px 4px 6px #000)}",
    )
    engine = Engine(concurrency=3)
    await engine.start()
    alone = [await draw(engine, html) for _ in range(5)]
    together = await asyncio.gather(*(draw(engine, html) for _ in range(5)))
    await engine.close()

    assert len({rendering.images[0].data for rendering in (*alone, *together)}) == 1


async def test_full_page_takes_the_whole_document(engine: Engine) -> None:
    """A full page is as tall as its document and not shorter than the poster, and 100vh stays the poster's height."""
    tall = page("<div></div><p></p>", "div{height:100vh;background:red}p{margin:0;height:400px;background:blue}")
    image = await picture(engine, tall, full_page=True, scale=2)
    short = await picture(engine, page("x"), full_page=True)

    assert image.size == (400, 1000)
    assert [rgb(image, 5, y) for y in (195, 205, 995)] == [(255, 0, 0), (0, 0, 255), (0, 0, 255)]
    assert short.size == (200, 100)


async def test_a_background_goes_on_to_the_end_of_a_full_page(engine: Engine) -> None:
    """One that is fixed to the window does not end with it, and is as ever where only the window is shown."""
    html = page("<p></p>", "p{height:300px;margin:0}body{background:linear-gradient(red 50%,blue 0) fixed}")
    whole = await picture(engine, html, full_page=True)
    window = await picture(engine, html)

    assert [rgb(whole, 5, y) for y in (5, 140, 160, 295)] == [(255, 0, 0)] * 2 + [(0, 0, 255)] * 2
    assert [rgb(window, 5, y) for y in (5, 45, 55, 95)] == [(255, 0, 0)] * 2 + [(0, 0, 255)] * 2


async def test_selector_finds_elements_in_shadow_trees(engine: Engine) -> None:
    """What stands in a shadow tree is found where nothing outside of one matches."""
    html = page("<div><template shadowrootmode=closed><p class=card></p></template></div>")
    image = await picture(engine, html.replace("<p ", "<p style='width:30px;height:20px' "), selector=".card")

    assert image.size == (30, 20)


async def test_selector_crops_to_the_element(engine: Engine) -> None:
    """The image shows the first element that matches, wherever it stands, and nothing around it."""
    html = page("<b class=card></b>", "b{position:absolute;left:150px;top:300px;width:40px;height:30px;background:red}")
    image = await picture(engine, html, selector=".card", scale=2)

    assert image.size == (80, 60)
    assert image.convert("RGB").getcolors() == [(4800, (255, 0, 0))]


@pytest.mark.parametrize("selector", [".absent", "[[", "i"])
async def test_selector_without_a_match_is_refused(engine: Engine, selector: str) -> None:
    """A selector that is none, matches nothing or an empty element fails the poster with `output_invalid`."""
    with pytest.raises(RenderError, match="selector") as raised:
        await draw(engine, page("<i></i>"), selector=selector)

    assert raised.value.code == "output_invalid"


async def test_too_large_a_document_is_refused(engine: Engine) -> None:
    """A full page that no format can hold fails with `dimension_limit` and names the sizes."""
    with pytest.raises(RenderError, match=r"200 × 1,000,000 .*16,383") as raised:
        await draw(engine, page("<p>", "p{margin:0;height:1000000px}"), full_page=True)

    assert (raised.value.code, raised.value.retryable) == ("dimension_limit", False)


async def test_dark_scheme_is_honoured_and_gone_with_the_next(engine: Engine) -> None:
    """`color_scheme` reaches media queries and canvas, for one poster."""
    html = page(
        "<i></i>",
        "html{color-scheme:light dark}@media(prefers-color-scheme:dark){i{display:block;height:50px;background:lime}}",
    )
    dark = await picture(engine, html, color_scheme="dark")
    light = await picture(engine, html)

    assert [rgb(dark, 5, 5), rgb(light, 5, 5)] == [(0, 255, 0), (255, 255, 255)]
    assert max(rgb(dark, 5, 90)) < 40


@pytest.mark.parametrize(
    "fields", [{"timezone": "Mars/Base"}, {"timezone": "UTC+2"}, {"timezone": "GMT+24"}, {"locale": "not a locale"}]
)
async def test_unknown_locale_or_time_zone_is_refused(engine: Engine, fields: dict[str, Any]) -> None:
    """A locale or time zone that Chromium does not know fails the poster with `output_invalid`, once and for all."""
    with pytest.raises(RenderError, match=re.escape(next(iter(fields.values())))) as raised:
        await draw(engine, page("x"), **fields)

    assert raised.value.code == "output_invalid"


async def test_locale_and_time_zone_reach_the_document(engine: Engine) -> None:
    """Scripts format dates in the poster's locale and time zone; without them, in en-US and UTC."""
    script = page(
        "<script>const d=new Date(0).toLocaleString();document.body.style.background="
        "d.startsWith(WANTED)?'lime':'red'</script>"
    )
    there = await picture(
        engine, script.replace("WANTED", "'1.1.1970, 09:'"), javascript=True, locale="de-DE", timezone="Asia/Tokyo"
    )
    here = await picture(engine, script.replace("WANTED", "'1/1/1970, 12:'"), javascript=True)

    assert [rgb(there, 5, 5), rgb(here, 5, 5)] == [(0, 255, 0), (0, 255, 0)]


@pytest.mark.parametrize("zone", ["GMT+2", "gmt-9:30", "GMT+530", "PST", "IST", "BST"])
async def test_scripts_and_filters_have_the_same_time_zone(engine: Engine, zone: str) -> None:
    """Chromium takes names that IANA does not have; the filters take them for the same, in winter and in summer."""
    days = [datetime(2025, month, 1, tzinfo=UTC).astimezone(time_zone(zone)) for month in (1, 7)]
    wanted = [-int((day.utcoffset() or timedelta()).total_seconds() / 60) for day in days]
    script = (
        "<script>const o=[0,6].map(m=>new Date(Date.UTC(2025,m,1)).getTimezoneOffset());document.body.style.background="
        f"String(o)==='{wanted[0]},{wanted[1]}'?'lime':'red'</script>"
    )

    assert rgb(await picture(engine, page(script), javascript=True, timezone=zone), 5, 5) == (0, 255, 0)


async def test_screen_has_the_size_of_the_poster(engine: Engine) -> None:
    """A media query for the device's size gets the poster's, whatever was drawn before."""
    sheet = "p{height:100px;margin:0}@media(device-width:310px) and (device-height:120px){p{background:red}}"
    images = [await picture(engine, page("<p>", sheet), width=width, height=120) for width in (300, 310)]

    assert [rgb(image, 5, 5) for image in images] == [(255, 255, 255), (255, 0, 0)]


async def test_a_color_of_the_data_colors_an_svg_image_in_an_address(engine: Engine) -> None:
    """In an element and in a style, and without a warning: `#` and `&` would end the address or break the image."""
    svg = (
        "<svg xmlns='http://www.w3.org/2000/svg' width='100' height='100'>"
        "<rect width='100' height='100' fill='{{ c }}'/><text>{{ t }}</text></svg>"
    )
    style = "margin:0;width:100px;height:100px;background:url(&quot;data:image/svg+xml;utf8," + svg + "&quot;)"
    html = f'<!doctype html><body style="margin:0;display:flex"><img src="data:image/svg+xml,{svg}"><p style="{style}">'
    drawn = await draw(engine, Template(html).render({"c": "#00ff00", "t": "Tom & <Jerry>"}))
    image = decode(drawn.images[0].data)

    assert drawn.warnings == []
    assert [rgb(image, 50, 50), rgb(image, 150, 50)] == [(0, 255, 0)] * 2
