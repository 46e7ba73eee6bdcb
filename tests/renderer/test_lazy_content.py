"""What the browser leaves for later because it lies outside the window is on a poster that shows it."""

from typing import Any

import pytest

from renderer.engine import Engine
from tests.renderer.drawing import decode, draw, image_url, page, picture, rgb

pytestmark = pytest.mark.asyncio(loop_scope="session")
LIME = (0, 255, 0)
WHITE = (255, 255, 255)
TIMES = 5
BOX = "i{display:block;width:100px;height:100px;background:lime}"
FAR = "<p style='height:1500px;margin:0'></p>"
LATER = "section{content-visibility:auto;contain-intrinsic-size:auto 50px}"
REVEALED = "i{animation:a linear both;animation-timeline:view();animation-range:entry}@keyframes a{from{opacity:0}}"
FITTED = "<p data-fit=shrink style='height:40px;margin:0;font-size:90px;line-height:1'>far too long a text</p>"


LATE = {
    "box": "<i></i>",
    "image": f"<img width=100 height=100 style='display:block' src='{image_url('lime')}'>",
    "animation": "<b></b><style>b{display:block;height:100px;animation:b 9s both}@keyframes b{to{background:lime}}",
}


@pytest.mark.parametrize("content", LATE.values(), ids=LATE.keys())
@pytest.mark.parametrize("fields", [{"full_page": True}, {"selector": "section"}], ids=["full page", "selector"])
async def test_contents_that_come_later_are_there(engine: Engine, content: str, fields: dict[str, Any]) -> None:
    """Whatever the style sheet leaves until it is scrolled to is drawn, in full size."""
    image = await picture(engine, page(f"{FAR}<section>{content}</section>", BOX + LATER), **fields)

    assert rgb(image, 50, image.height - 50) == LIME
    assert image.height == (1600 if "full_page" in fields else 100)


async def test_later_contents_are_the_same_each_time(engine: Engine) -> None:
    """Sizes that the browser remembers from one drawing are no matter in the next."""
    sections = "<section><p style='height:300px;margin:0'></p></section>" * 6
    html = page(f"{sections}<i></i>", BOX + LATER)
    variants = [{"name": "whole", "full_page": True}, {"name": "box", "selector": "i"}, {"name": "window"}]
    drawn = [(await draw(engine, html, variants=variants)).images for _ in range(TIMES)]
    alone = [(await draw(engine, html, full_page=True)).images[0] for _ in range(TIMES)]

    assert len({tuple(image.data for image in images) for images in drawn}) == 1
    assert {image.data for image in alone} == {drawn[0][0].data}
    assert drawn[0][0].height == 1900


async def test_later_contents_stay_apart(engine: Engine) -> None:
    """They hold their margins in, and cut off what leaves them, as they do in a browser."""
    section = "<section><p style='margin:20px 0;height:30px'><b></b></p></section>"
    style = LATER + "section{background:lime}b{position:absolute;top:0;left:50px;width:9px;height:300px;background:red}"
    image = await picture(engine, page(section, style))

    assert [rgb(image, 20, 5), rgb(image, 54, 60)] == [LIME, (255, 0, 0)]
    assert rgb(image, 54, 90) == WHITE


async def test_later_texts_are_fitted(engine: Engine) -> None:
    """A text far down is made to fit as one that is seen at once."""
    html = page(f"{FAR}<section>{FITTED}</section>", LATER)
    far = await picture(engine, html, full_page=True)
    near = await picture(engine, page(FITTED), full_page=True)

    assert far.crop((0, 1500, 200, 1540)).tobytes() == near.crop((0, 0, 200, 40)).tobytes()


@pytest.mark.parametrize("above", [20, 300])
async def test_what_is_revealed_by_scrolling_is_shown(engine: Engine, above: int) -> None:
    """On a whole page, and cropped to, it stands as it does once it has been scrolled to; in a window as it stood."""
    html = page(f"<p style='margin:0;height:{above}px'></p><i></i>", BOX + REVEALED)
    variants = [{"name": "whole", "full_page": True}, {"name": "window"}, {"name": "box", "selector": "i"}]
    whole, window, box = [decode(image.data) for image in (await draw(engine, html, variants=variants)).images]

    assert [rgb(whole, 50, above + 50), rgb(box, 50, 50)] == [LIME, LIME]
    assert rgb(window, 50, 60) != LIME
    assert window.tobytes() == (await picture(engine, html)).tobytes()


async def test_a_byte_order_mark_is_no_text(engine: Engine) -> None:
    """A template saved with one is drawn as without: by the same rules, and with nothing before its first line."""
    html = page("<i></i>", "i{display:block;width:50;height:50px;background:lime}")
    marked, plain = [await picture(engine, mark + html) for mark in ("\ufeff", "")]

    assert rgb(marked, 199, 1) == LIME
    assert marked.tobytes() == plain.tobytes()


@pytest.mark.parametrize("fields", [{"full_page": True}, {"selector": "section"}], ids=["full page", "selector"])
async def test_scripts_that_wait_for_what_comes_into_view_do_not_wait(engine: Engine, fields: dict[str, Any]) -> None:
    """An observer of the window reports what lies below it, where that is shown; one of a box reports as ever."""
    script = (
        "const red = (each) => (entries) => { if (entries[0].isIntersecting) each.style.background = 'red' };"
        "new IntersectionObserver(red(below), { threshold: 1 }).observe(below);"
        "new IntersectionObserver(red(box), { root: box }).observe(inside);"
    )
    body = f"<section><div id=box><i></i><p id=inside></p></div><div id=below></div></section><script>{script}</script>"
    style = (
        "p,#below{margin:0;height:50px;background:blue}#box{height:90px;overflow:hidden;position:relative}"
        "#box i{display:block;height:200px}#below{margin-top:800px}"
    )
    rendering = await draw(engine, page(body, style), javascript=True, **fields)
    image = decode(rendering.images[0].data)

    assert [rgb(image, 5, y) for y in (5, 895)] == [WHITE, (255, 0, 0)]


async def test_what_is_not_shown_does_not_come_into_view(engine: Engine) -> None:
    """Below a poster that shows its window only, an observer waits, as in any window."""
    script = "new IntersectionObserver(([e]) => { if (e.isIntersecting) document.body.style.background = 'red' })"
    html = page(f"<p></p><i></i><script>{script}.observe(document.querySelector('i'))</script>", "p{height:900px}")
    rendering = await draw(engine, html, javascript=True)

    assert rgb(decode(rendering.images[0].data), 5, 5) == WHITE
