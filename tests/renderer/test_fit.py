"""`data-fit="shrink"` makes a text smaller until it fits its box, and cuts it where it never does."""

import time
from typing import Any

import pytest

from renderer.engine import Engine
from tests.renderer.drawing import draw, page, picture

pytestmark = pytest.mark.asyncio(loop_scope="session")

LONG = "Sincere thanks for the wonderful service, we shall certainly come again. "
WORDS = {
    "latin": LONG * 2,
    "one word": "Donaudampfschifffahrtselektrizitätenhauptbetriebswerkbauunterbeamtengesellschaft",
    "cjk": "素晴らしいサービスをありがとうございました。また必ず伺います。" * 3,
    "arabic": "شكرا جزيلا على الخدمة الرائعة، سنعود بالتأكيد مرة أخرى. " * 2,
    "hebrew": "תודה רבה על השירות הנפלא, בהחלט נחזור שוב. " * 3,
    "thai": "ขอบคุณมากสำหรับบริการที่ยอดเยี่ยมเราจะกลับมาอีกแน่นอน" * 2,
}
FIT = 'dir=auto data-fit="shrink" data-fit-min="6"'
LAYOUTS = {
    "its own size": ("<p FIT style='width:300px;height:100px'>TEXT</p>", ""),
    "its own greatest size": ("<p FIT style='max-width:300px;max-height:100px'>TEXT</p>", ""),
    "a block": ("<div><p FIT>TEXT</p></div>", "div{width:300px;height:100px}"),
    "padding and border": (
        "<div><p FIT>TEXT</p></div>",
        "div{width:280px;height:80px;padding:8px;border:2px solid #fff}",
    ),
    "a flex row": ("<div><p FIT>TEXT</p></div>", "div{display:flex;width:300px;height:100px}"),
    "the middle of a flex row": (
        "<div><p FIT>TEXT</p></div>",
        "div{display:flex;align-items:center;justify-content:center;width:300px;height:100px}",
    ),
    "a flex column": ("<div><p FIT>TEXT</p></div>", "div{display:flex;flex-direction:column;width:300px;height:100px}"),
    "a growing item": (
        "<div><section><p FIT>TEXT</p></section></div>",
        "div{display:flex;flex-direction:column;width:300px;height:100px}section{flex:1}",
    ),
    "a grid": ("<div><p FIT>TEXT</p></div>", "div{display:grid;width:300px;height:100px;grid:1fr/1fr}"),
    "an inline text": ("<div><span FIT>TEXT</span></div>", "div{width:300px;height:100px}"),
    "a place of its own": ("<p FIT>TEXT</p>", "p{position:absolute;left:0;top:0;width:300px;height:100px}"),
    "parts with sizes of their own": ("<p FIT><b>TEXT</b></p>", "p{width:300px;height:100px}b{font-size:50px}"),
    "a transition": ("<p FIT>TEXT</p>", "p{width:300px;height:100px}*{transition:all 5s}"),
    "one line": ("<p FIT>TEXT</p>", "p{width:300px;height:100px;white-space:nowrap}"),
}
STYLE = "body{background:#fff}p,span,b{font:60px/1.2 'Noto Sans';margin:0;color:#000}"


async def inked(engine: Engine, html: str, **fields: Any) -> tuple[int, int, int, int]:
    """Return the left, top, right and bottom edge of what is not white."""
    image = (await picture(engine, html, **fields)).convert("L").point(lambda value: 255 if value < 128 else 0)
    box = image.getbbox()
    assert box is not None
    return box


def document(layout: str, text: str, more: str = "") -> str:
    """Return a document with the text in the layout."""
    body, style = LAYOUTS[layout]
    return page(body.replace("FIT", FIT).replace("TEXT", text), STYLE + style + more)


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("words", WORDS)
async def test_a_text_is_made_to_fit(engine: Engine, layout: str, words: str) -> None:
    """Texts of every script end inside their box of 300 by 100, whatever gives it its size, and use what there is."""
    html = document(layout, WORDS[words])
    size: dict[str, Any] = {"width": 700, "height": 700}
    rendering = await draw(engine, html, **size)
    left, top, right, bottom = await inked(engine, html, **size)

    assert (left >= 0, right <= 301, bottom <= 103) == (True, True, True), (left, top, right, bottom)
    if layout != "one line":
        assert rendering.warnings == []
        assert right - left > 200 or bottom - top > 60


async def test_a_text_that_fits_is_left_alone(engine: Engine) -> None:
    """Without need nothing changes, not even where lines are set as tight as the letters are high."""
    for style in ("height:60px;line-height:1", "height:180px;line-height:.9", ""):
        fitted = page(f"<p {FIT} style='width:300px;{style}'>Egypt</p>", STYLE)
        plain = fitted.replace(FIT, "dir=auto")

        assert (await draw(engine, fitted)).images[0].data == (await draw(engine, plain)).images[0].data


async def test_the_largest_size_that_fits_is_taken(engine: Engine, pixel_font: str) -> None:
    """Nine letters as wide as they are high, in a box for eight, take eight ninths of their size."""
    style = (
        f"@font-face{{font-family:Block;src:url({pixel_font})}}p{{margin:0;font:45px/1 Block;width:360px;height:45px}}"
    )
    html = page("<p data-fit=shrink>XXXXXXXXX</p>", style)

    assert await inked(engine, html, width=500) == pytest.approx((0, 0, 360, 40), abs=1)


@pytest.mark.parametrize("words", WORDS)
async def test_below_the_smallest_size_a_text_is_cut_and_told_of(engine: Engine, words: str) -> None:
    """At its smallest size the text keeps its box by losing its end to an ellipsis, with a warning that names it."""
    html = page(
        f"<p id=quote dir=auto data-fit=shrink data-fit-min=40 style='width:300px;height:100px'>{WORDS[words]}</p>",
        STYLE,
    )
    size: dict[str, Any] = {"width": 700, "height": 700}
    rendering = await draw(engine, html, **size)
    left, _, right, bottom = await inked(engine, html, **size)

    assert [warning.code for warning in rendering.warnings] == ["text_truncated"]
    assert "<p quote> at 40 px" in rendering.warnings[0].message
    assert (left >= 0, right <= 301, bottom <= 103) == (True, True, True)


async def test_what_is_cut_ends_in_an_ellipsis(engine: Engine, pixel_font: str) -> None:
    """The text that is left is the longest that fits together with the ellipsis, across its parts."""
    style = (
        f"@font-face{{font-family:Block;src:url({pixel_font})}}p{{margin:0;font:40px/1 Block;width:200px;height:40px}}"
    )
    cut = page("<p data-fit=shrink data-fit-min=40>XX<b>XXX</b>XXXXX</p>", style)
    left = page("<p>XX<b>XX…</b></p>", style)

    assert (await draw(engine, cut)).images[0].data == (await draw(engine, left)).images[0].data


@pytest.mark.parametrize("given", ["", "data-fit-min", "data-fit-min=x", "data-fit-min=-5", "data-fit-min=0"])
async def test_the_smallest_size_is_12_unless_it_says_otherwise(engine: Engine, given: str) -> None:
    """A value that is no size is ignored."""
    html = page(f"<p data-fit=shrink {given} style='width:50px;height:20px'>{LONG}</p>", STYLE)
    rendering = await draw(engine, html)

    assert "at 12 px" in rendering.warnings[0].message


async def test_each_variant_is_fitted_to_its_own_size(engine: Engine) -> None:
    """A text that was made small, or cut, for one variant has its whole length and size in the next."""
    html = page(f"<p {FIT}>{LONG}</p>", STYLE + "p{width:100vw;height:100vh}")
    sizes: list[dict[str, Any]] = [{"width": width, "height": 100} for width in (60, 900, 20, 300)]
    together = await draw(
        engine,
        html,
        variants=[{"name": str(size["width"]), **size} for size in sizes],
    )

    for image, size in zip(together.images, sizes, strict=True):
        assert image.data == (await draw(engine, html, **size)).images[0].data


async def test_a_warning_names_the_variants_that_cut_the_text(engine: Engine) -> None:
    """Whoever reads the warning knows which of the pictures to look at."""
    html = page(f"<p id=quote data-fit=shrink>{LONG}</p>", STYLE + "p{width:100vw;height:100vh}")
    sizes = {"story": 60, "wide": 900, "small": 50}
    rendering = await draw(
        engine, html, variants=[{"name": name, "width": width, "height": 100} for name, width in sizes.items()]
    )

    assert [warning.code for warning in rendering.warnings] == ["text_truncated"]
    assert rendering.warnings[0].message.endswith(": <p quote> at 12 px (story, small)")


async def test_fitting_is_the_same_ten_times(engine: Engine) -> None:
    """Texts are fitted to the same size every time."""
    html = document(
        "a growing item", WORDS["latin"], "*{transition:all 9s}p{animation:a 5s}@keyframes a{from{opacity:0}}"
    )

    assert len({(await draw(engine, html)).images[0].data for _ in range(10)}) == 1


async def test_names_of_fields_do_not_mislead(engine: Engine) -> None:
    """A form around the text whose fields are named like its members changes nothing."""
    fields = "".join(
        f"<input name={name} style=display:none>"
        for name in ("parentElement", "matches", "style", "getBoundingClientRect", "closest")
    )
    html = document("a block", LONG)
    inside = html.replace("<div>", f"<div><form style=margin:0>{fields}").replace("</div>", "</form></div>")

    assert (await draw(engine, inside)).images[0].data == (await draw(engine, html)).images[0].data


async def test_many_long_texts_do_not_take_for_ever(engine: Engine) -> None:
    """A hundred texts of 2,000 characters that have to be cut are done in some seconds."""
    many = page(("<p data-fit=shrink style='width:200px;height:30px'>" + LONG * 28 + "</p>") * 100, "p{font-size:40px}")
    began = time.monotonic()
    await draw(engine, many)

    assert time.monotonic() - began < 10
