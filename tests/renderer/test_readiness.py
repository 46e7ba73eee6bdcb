"""Readiness: a picture is captured once all is loaded and nothing moves, without waiting for a fixed time."""

import base64
import time
from urllib.parse import quote

import pytest

from renderer.engine import Engine
from tests.renderer.drawing import decode, draw, image_url, moving_gif, page, picture, rgb

pytestmark = pytest.mark.asyncio(loop_scope="session")

RED, GREEN, BLUE, WHITE = (255, 0, 0), (0, 128, 0), (0, 0, 255), (255, 255, 255)
SVG = (
    "data:image/svg+xml;base64,"
    + base64.b64encode(
        b"<svg xmlns='http://www.w3.org/2000/svg' width='8' height='8'><rect width='8' height='8' fill='green'/></svg>"
    ).decode()
)
MOVING_SVG = (
    "data:image/svg+xml;base64,"
    + base64.b64encode(
        b"<svg xmlns='http://www.w3.org/2000/svg' width='8' height='8'><rect width='8' height='8' fill='red'>"
        b"<animate attributeName='fill' values='blue;lime' dur='0.05s' repeatCount='indefinite'/></rect></svg>"
    ).decode()
)
SPINNER = (
    "<svg xmlns='http://www.w3.org/2000/svg' width='8' height='8'><style>rect{fill:lime;animation:a 50ms infinite}"
    "@keyframes a{from{fill:red}to{fill:blue}}</style><rect width='8' height='8'/></svg>"
)
SMIL = (
    "<rect width='100' height='100' fill='red'>"
    "<animate attributeName='fill' values='blue;lime' dur='0.05s' repeatCount='indefinite'/></rect>"
)


def encoded(svg: str) -> str:
    """Return a data: address of an SVG image."""
    return f"data:image/svg+xml;base64,{base64.b64encode(svg.encode()).decode()}"


MOVING = (
    "i{display:block;width:100px;height:100px;background:blue;animation:a 70ms infinite}"
    "@keyframes a{from{background:red}to{background:lime}}"
)
ENDING = "<svg width=100 height=100>{} dur=9s fill=freeze /></rect></svg>"
CHAIN = (
    "div,b{display:block;container-type:inline-size;width:10px}div{animation:w 9s both}@keyframes w{to{width:180px}}"
    "i{display:block;width:20px;height:100px;background:red}*{transition:all 9s}"
    "@container (width>99px){b{width:150px}i{width:100px;background:blue}}"
)
BOX = "i{display:block;width:100px;height:100px;"

IMAGES = {
    "img": "<img src='{url}' width=100 height=100>",
    "lazy img": "<img loading=lazy src='{url}' width=100 height=100>",
    "srcset": "<img srcset='{url} 1x, {url} 2x' width=100 height=100>",
    "picture": "<picture><source media='(min-width:1px)' srcset='{url}'><img src='' width=100 height=100></picture>",
    "background": f"<style>{BOX}background:url('{{url}}')}}</style><i></i>",
    "background of a pseudo element": "<style>i::before{{content:'';display:block;width:100px;height:100px;"
    "background:url({url})}}</style><i></i>",
    "image-set": f"<style>{BOX}background:image-set('{{url}}' 1x)}}</style><i></i>",
    "content": "<style>i{{display:block;width:100px;height:100px;content:url({url})}}</style><i></i>",
    "mask": f"<style>{BOX}background:green;mask:url({{url}})}}</style><i></i>",
    "border image": f"<style>{BOX}box-sizing:border-box;border:50px solid;border-image:url({{url}}) 4}}</style><i></i>",
    "list style": "<style>ul{{margin:0;padding:0;font-size:1px;line-height:8px;zoom:12}}"
    "li{{list-style:url({url}) inside}}</style><ul><li></li></ul>",
    "svg image": "<svg width=100 height=100><image href='{url}' width=100 height=100 preserveAspectRatio=none /></svg>",
    "video poster": "<video poster='{url}' width=100 height=100 style='object-fit:fill'></video>",
    "input": "<input type=image src='{url}' width=100 height=100>",
}


@pytest.mark.parametrize("html", IMAGES.values(), ids=IMAGES.keys())
@pytest.mark.parametrize("kind", ["raster", "vector"])
async def test_image_is_there_at_capture(engine: Engine, html: str, kind: str) -> None:
    """An image is in the picture, whatever brings it into the document."""
    url = SVG if kind == "vector" else image_url("green", (1600, 1600) if "zoom" not in html else (8, 8))
    image = await picture(engine, page(html.replace("{{", "{").replace("}}", "}").replace("{url}", url)))

    assert rgb(image, 40, 40) == GREEN


async def test_font_inside_the_document_is_used(engine: Engine, pixel_font: str) -> None:
    """Text waits for the font that its style brings along."""
    style = f"@font-face{{font-family:Block;src:url({pixel_font})}}p{{margin:0;font:100px/1 Block;color:blue}}"
    rendering = await draw(engine, page("<p>XX</p>", style))
    image = await picture(engine, page("<p>XX</p>", style))

    assert [rgb(image, x, 50) for x in (10, 50, 110, 190)] == [BLUE] * 4
    assert rendering.warnings == []


async def test_font_covers_what_installed_fonts_do_not(engine: Engine, pixel_font: str) -> None:
    """A character of the private use area is not reported as missing where the document's own font stands."""
    style = f"@font-face{{font-family:Block;src:url({pixel_font})}}.i{{font-family:Block}}"
    icon = await draw(engine, page("<p class=i>\ue000</p>", style))
    outside = await draw(engine, page("<p class=i>\ue000</p><p>\ue001</p>", style))

    assert icon.warnings == []
    assert [warning.code for warning in outside.warnings] == ["missing_glyphs"]
    assert "U+E001" in outside.warnings[0].message


MOTION = {
    "finite animation": ("<i></i>", BOX + "animation:a 30s}@keyframes a{to{background:red}}", WHITE),
    "finite animation that stays": ("<i></i>", BOX + "animation:a 30s forwards}@keyframes a{to{background:red}}", RED),
    "delayed animation": ("<i></i>", BOX + "animation:a 1s 60s both}@keyframes a{to{background:red}}", RED),
    "endless animation": (
        "<i></i>",
        BOX + "background:blue;animation:a 1ms infinite}@keyframes a{to{background:red}}",
        BLUE,
    ),
    "animation of a pseudo element": (
        "<i></i>",
        BOX + "}i::before{content:'';display:block;height:100%;animation:a 9s both}@keyframes a{to{background:red}}",
        RED,
    ),
    "paused animation": (
        "<i></i>",
        BOX + "animation:a 10s -5s linear infinite paused}@keyframes a{0%,49%{background:red}50%,to{background:blue}}",
        BLUE,
    ),
    "transition at start": (
        "<i></i>",
        BOX + "background:blue;transition:all 9s}@starting-style{i{background:red}}",
        BLUE,
    ),
    "moving gif": (f"<img src='{moving_gif()}' width=100 height=100>", "", RED),
    "moving gif in the background": ("<i></i>", BOX + f"background:url({moving_gif()})}}", RED),
    "moving svg image": (f"<img src='{MOVING_SVG}' width=100 height=100>", "", RED),
    "svg image with style": (f"<img src='{encoded(SPINNER)}' width=100 height=100>", "", RED),
    "svg image with style that ends": (
        f"<img src='{encoded(SPINNER.replace('50ms infinite', '9s forwards'))}' width=100 height=100>",
        "",
        BLUE,
    ),
    "svg image with style in the background": ("<i></i>", BOX + f"background:url({encoded(SPINNER)})}}", RED),
    "svg image with style as a template prints it": (
        f"<i style='background:url(&quot;{encoded(SPINNER).replace('/', '&#x2f;').replace('=', '&#x3d;')}&quot;)'></i>",
        BOX + "}",
        RED,
    ),
    "svg image with style as a text": (
        f'<svg width=100 height=100><image width=100 height=100 href="data:image/svg+xml;utf8,{SPINNER}#a"/></svg>',
        "",
        RED,
    ),
    "svg image with style in percent": (
        f"<img src='data:image/svg+xml,{quote(SPINNER)}' width=100 height=100>",
        "",
        RED,
    ),
    "inline svg animation that stays": (
        ENDING.format("<rect width=100 height=100 fill=red><animate attributeName=fill values='lime;blue;' "),
        "rect{fill:gold}",
        BLUE,
    ),
    "inline svg transform that stays": (
        ENDING.format("<rect x=-99 width=99 height=99 fill=red><animateTransform to=99 attributeName=transform "),
        "",
        RED,
    ),
    "copy in svg": (
        "<svg width=100 height=100><defs><rect id=a width=100 height=100 /></defs><use href=#a /></svg>",
        "rect{animation:a 50ms infinite}@keyframes a{from{fill:red}to{fill:blue}}",
        RED,
    ),
    "closed shadow tree": (f"<p><template shadowrootmode='closed'><style>{MOVING}</style><i></i></template>", "", BLUE),
    "frame": (f'<iframe srcdoc="<style>{MOVING}</style><i>" frameborder=0></iframe>', "iframe{margin:-8px}", BLUE),
    "frame of another origin": (
        f'<iframe sandbox src="data:text/html,<style>{MOVING}</style><i>" frameborder=0></iframe>',
        "iframe{margin:-8px}",
        BLUE,
    ),
    "one after the other": (
        "<div><b><i></i></b></div>",
        CHAIN,
        BLUE,
    ),
    "inline svg animation": (
        f"<svg width=100 height=100>{SMIL}</svg>",
        "",
        RED,
    ),
}


@pytest.mark.parametrize(("body", "style", "colour"), MOTION.values(), ids=MOTION.keys())
async def test_motion_is_frozen(engine: Engine, body: str, style: str, colour: tuple[int, int, int]) -> None:
    """What ends is shown at its end, what never ends as if it did not move, at once and every time."""
    started = time.monotonic()
    renderings = [await draw(engine, page(body, style)) for _ in range(3)]
    took = time.monotonic() - started

    assert rgb(await picture(engine, page(body, style)), 50, 50) == colour
    assert len({rendering.images[0].data for rendering in renderings}) == 1
    assert took < 3


@pytest.mark.parametrize(
    ("start", "end"),
    [("background:red", "background:lime"), ("clip-path:circle(9px)", "clip-path:circle(50px)")],
)
async def test_motion_in_a_frame_of_the_first_document_ends(start: str, end: str) -> None:
    """Animations that the compositor could paint do not block the first frame of a new browser, and are frozen."""
    moving = (
        "i{display:block;height:100px;background:blue;animation:a 70ms infinite}"
        f"@keyframes a{{from{{{start}}}to{{{end}}}}}"
    )
    pictures = []
    for _ in range(2):
        async with Engine(concurrency=1) as engine:
            html = page(f"<iframe srcdoc='<style>{moving}</style><i>'></iframe>")
            pictures.append((await draw(engine, html, deadline_seconds=8)).images[0].data)

    assert rgb(decode(pictures[0]), 15, 15) == rgb(decode(pictures[0]), 100, 90) == BLUE
    assert pictures[0] == pictures[1]


async def test_many_composited_layers_are_drawn_in_time(engine: Engine) -> None:
    """60 nested layers with opacity of their own are drawn within the deadline, to the same bytes every time."""
    layer = (
        "<i style='opacity:.99;will-change:opacity,transform;display:block;padding:1px;background:rgba(0,0,255,.1)'>"
    )
    html = page(layer * 60 + "deep" + "</i>" * 60, "i{min-height:4px}")
    renderings = [await draw(engine, html, deadline_seconds=8) for _ in range(2)]

    assert rgb(decode(renderings[0].images[0].data), 100, 0) != rgb(decode(renderings[0].images[0].data), 100, 58)
    assert renderings[0].images[0].data == renderings[1].images[0].data


STILL = {
    "marquee": "<marquee>running text</marquee>",
    "marquee back and forth": "<marquee behavior=alternate direction=right scrollamount=50>running</marquee>",
    "progress": "<progress></progress>",
    "caret": "<input autofocus value=x style='font-size:40px'>",
    "caret in text": "<p contenteditable autofocus style='font-size:60px'>x</p>",
    "scrolled to": "<p autofocus tabindex=0 style='margin-top:900px'>far</p>",
    "details": "<details open><summary>s</summary>text</details>",
}


@pytest.mark.parametrize("body", STILL.values(), ids=STILL.keys())
async def test_what_moves_by_itself_stands_still(engine: Engine, body: str) -> None:
    """What the browser moves on its own is drawn the same eight times."""
    assert len({(await draw(engine, page(body))).images[0].data for _ in range(8)}) == 1


async def test_marquee_shows_its_text(engine: Engine) -> None:
    """A running text is in the picture, not beside it."""
    image = await picture(engine, page("<marquee style='font-size:60px'>███████</marquee>"))

    assert rgb(image, 60, 45) == (0, 0, 0)


@pytest.mark.parametrize(
    "name", ["fonts", "open", "write", "close", "body", "all", "documentElement", "getAnimations", "querySelectorAll"]
)
async def test_names_in_the_document_do_not_mislead(engine: Engine, name: str) -> None:
    """An element whose name hides a member of `document` changes nothing, here and in the next poster."""
    html = f"<form name={name}><input name=attributes><input name=shadowRoot></form><img name={name}><i></i>"
    for _ in range(2):
        image = await picture(engine, page(html, BOX + "background:green}form,img{display:none}"))

        assert rgb(image, 50, 50) == GREEN


async def test_broken_image_does_not_hold_up(engine: Engine) -> None:
    """A broken data: image is left out with a warning, quickly; an empty address is no image."""
    started = time.monotonic()
    html = page("<img src='data:image/png;base64,AAAA'><i></i>", BOX + "background:green}")
    rendering = await draw(engine, html)
    empty = await draw(engine, html.replace("image/png;base64,AAAA", ","))

    assert rgb(decode(rendering.images[0].data), 50, 70) == GREEN
    assert [warning.code for warning in rendering.warnings] == ["asset_invalid"]
    assert empty.warnings == []
    assert time.monotonic() - started < 2


async def test_many_elements_are_ready_within_a_second_or_so(engine: Engine) -> None:
    """50,000 elements, with style images to look for, are no reason to hang."""
    html = page("<p>" * 200 + "<b></b>" * 50_000, "b{background:url(data:image/gif;base64,R0lGODlhAQABAAAAACw=)}")
    started = time.monotonic()
    await draw(engine, html)

    assert time.monotonic() - started < 8


async def test_shadow_trees_are_seen_into(engine: Engine) -> None:
    """Images and animations in a shadow tree that a script made are ready and at their end as well."""
    inner = (
        f"<style>i{{display:block;width:50px;height:100px;background:url({SVG});animation:a 9s forwards}}"
        "b{display:block;position:absolute;left:50px;top:0;width:50px;height:100px;animation:a 9s forwards}"
        "@keyframes a{to{background-color:red}}</style><i></i><b></b>"
    )
    script = f"document.querySelector('p').attachShadow({{mode:'open'}}).innerHTML=`{inner}`"
    image = await picture(engine, page(f"<p style='margin:0'></p><script>{script}</script>"), javascript=True)

    assert [rgb(image, 20, 50), rgb(image, 80, 50)] == [GREEN, RED]


async def test_video_shows_no_controls_unless_it_asks(engine: Engine) -> None:
    """A video is its poster image and nothing else; with `controls` it has them."""
    video = f"<video poster='{image_url('green')}' width=200 height=100 style='object-fit:fill' CONTROLS></video>"
    plain = await picture(engine, page(video.replace("CONTROLS", "")))
    controlled = await picture(engine, page(video.replace("CONTROLS", "controls")))

    assert plain.convert("RGB").getcolors() == [(20000, GREEN)]
    assert len(controlled.convert("RGB").getcolors(1 << 16) or ()) > 10
