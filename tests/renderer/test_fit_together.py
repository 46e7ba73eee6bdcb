"""Texts with `data-fit` that stand beside each other, and in boxes with padding, keep to what is theirs."""

from typing import Any, Literal

import PIL.Image
import PIL.ImageChops
import pytest

from renderer.engine import Engine
from tests.renderer.drawing import draw, page, picture

pytestmark = pytest.mark.asyncio(loop_scope="session")

SIZE: dict[str, Any] = {"width": 1080, "height": 700}
SENTENCE = "A long text of many words that takes three lines or more of them"
WORD = "Geschwindigkeitsbeschränkungen"
STYLE = "body{background:#fff;padding:20px}p{margin:0;font:90px/1.2 'Noto Sans'}.red{color:#f00}.blue{color:#00f}"
RED = f"<p class=red data-fit=shrink>{SENTENCE}</p>"
BLUE = f"<p class=blue data-fit=shrink>{WORD} {WORD}</p>"

Box = tuple[int, int, int, int]


def ink(image: PIL.Image.Image, colour: Literal["red", "blue"]) -> Box:
    """Return the left, top, right and bottom edge of what is drawn in the colour on white."""
    red, green, blue = image.convert("RGB").split()
    other = blue if colour == "red" else red
    own = red if colour == "red" else blue
    box = PIL.Image.composite(
        green.point(lambda value: 255 if value < 128 else 0),
        PIL.Image.new("L", image.size, 0),
        PIL.ImageChops.subtract(own, other).point(lambda value: 255 if value > 128 else 0),
    ).getbbox()
    assert box is not None
    return box


def is_inside(inner: Box, outer: Box) -> bool:
    """Return whether a box is inside another, but for a pixel."""
    return (
        inner[0] >= outer[0] - 1 and inner[1] >= outer[1] - 1 and inner[2] <= outer[2] + 1 and inner[3] <= outer[3] + 1
    )


async def both(engine: Engine, html: str) -> tuple[Box, Box]:
    """Return the edges of the red and of the blue text of a poster without warnings."""
    assert (await draw(engine, html, **SIZE)).warnings == []
    image = await picture(engine, html, **SIZE)
    return ink(image, "red"), ink(image, "blue")


PADDED = {
    "a word": "",
    "a word at the right": "text-align:right",
    "a word in the middle": "text-align:center",
    "one line": "white-space:nowrap",
    "from right to left": "direction:rtl",
    "lines that run down": "writing-mode:vertical-rl",
    "lines that run up": "writing-mode:sideways-lr",
    "the middle of a flex box": "display:flex;align-items:center;justify-content:center;text-align:center",
    "the middle of a grid": "display:grid;place-items:center;place-content:center",
}


@pytest.mark.parametrize("style", PADDED.values(), ids=PADDED.keys())
@pytest.mark.parametrize("text", [WORD, SENTENCE])
async def test_a_text_keeps_out_of_its_padding(engine: Engine, style: str, text: str) -> None:
    """Letters end where the padding begins, on every side and in every direction of writing."""
    html = page(
        f"<p class=red data-fit=shrink data-fit-min=4 style='{style}'>{text}</p>",
        STYLE + "p{box-sizing:border-box;width:400px;height:300px;padding:40px 60px}",
    )
    assert (await draw(engine, html, **SIZE)).warnings == []
    edges = ink(await picture(engine, html, **SIZE), "red")

    assert is_inside(edges, (80, 60, 360, 280)), edges
    assert edges[2] - edges[0] > 230 or edges[3] - edges[1] > 170


async def test_what_has_a_place_of_its_own_may_stand_in_the_padding(engine: Engine) -> None:
    """A badge in the padding of a text does not make the text smaller."""
    style = STYLE + "p{position:relative;width:300px;height:120px;padding:40px}b{position:absolute;right:0;top:0}"
    html = page("<p class=red data-fit=shrink>Egypt<b style='font-size:30px'>new</b></p>", style)

    assert (await draw(engine, html, **SIZE)).images[0].data == (
        await draw(engine, html.replace("data-fit=shrink", ""), **SIZE)
    ).images[0].data


async def test_rows_of_a_grid_do_not_widen_each_other(engine: Engine) -> None:
    """A text is fitted to the width that its row has once the long line below is small."""
    html = page(
        f"<main>{RED}{BLUE}</main>",
        STYLE + "main{display:grid;grid-template-columns:1fr;gap:20px}p{height:300px}.blue{white-space:nowrap}",
    )
    red, blue = await both(engine, html)

    assert is_inside(red, (20, 20, 1060, 320))
    assert red[3] - red[1] > 200
    assert is_inside(blue, (20, 340, 1060, 640))
    assert blue[2] - blue[0] > 1000


COLUMNS = {
    "flex": "main{display:flex;gap:20px;width:1000px;height:400px}main>*{flex:1}",
    "grid": "main{display:grid;grid:400px/1fr 1fr;gap:20px;width:1000px}",
}
ITEMS = {
    "texts": (RED, BLUE),
    "boxes with texts": (f"<div>{RED}</div>", f"<div>{BLUE}</div>"),
    "boxes with padding": (f"<div>{RED}</div>", f"<div style='padding:30px;box-sizing:border-box'>{BLUE}</div>"),
    "inline texts": (RED, f"<div><span{BLUE[2:-4]}</span></div>".replace("<span", "<span style='font-size:90px'")),
}


@pytest.mark.parametrize("columns", COLUMNS.values(), ids=COLUMNS.keys())
@pytest.mark.parametrize("items", ITEMS.values(), ids=ITEMS.keys())
@pytest.mark.parametrize("is_swapped", [False, True])
async def test_columns_keep_their_widths(
    engine: Engine, columns: str, items: tuple[str, str], is_swapped: bool
) -> None:
    """A long word does not take room from the column beside it, whichever of them is first."""
    left, right = (20, 20, 510, 420), (530, 20, 1020, 420)
    html = page(f"<main>{''.join(items[::-1] if is_swapped else items)}</main>", STYLE + columns)
    red, blue = await both(engine, html)

    assert is_inside(red, right if is_swapped else left), red
    assert red[3] - red[1] > 300
    assert is_inside(blue, left if is_swapped else right), blue
    assert blue[2] - blue[0] > 400


async def test_what_else_is_in_a_column_keeps_its_width(engine: Engine) -> None:
    """A column is as wide as a picture in it that stands below a fitted text."""
    wide = "<hr style='width:700px;height:50px;margin:0;border:0;background:#0f0'>"
    html = page(f"<main><div>{BLUE}{wide}</div><div>{RED}</div></main>", STYLE + COLUMNS["flex"])
    red, blue = await both(engine, html)

    assert blue[2] <= 721
    assert is_inside(red, (740, 20, 1020, 420)), red


async def test_texts_in_one_box_share_it(engine: Engine) -> None:
    """Where no text has a height of its own, the last of them gets what is left, and none is cut."""
    html = page(f"<main>{RED}{RED.replace('red', 'blue')}</main>", STYLE + "main{height:500px;width:600px}")
    red, blue = await both(engine, html)

    assert is_inside(red, (20, 20, 620, 520))
    assert is_inside(blue, (20, red[3], 620, 520))


async def test_where_one_would_be_cut_all_get_smaller(engine: Engine) -> None:
    """A text that alone fills the box gives way to one that could not be set below it even at its smallest size."""
    html = page(f"<main>{RED}{RED.replace('red', 'blue')}</main>", STYLE + "main{height:330px;width:600px}")
    red, blue = await both(engine, html)

    assert is_inside(red, (20, 20, 620, 350))
    assert is_inside(blue, (20, red[3], 620, 350))
    assert blue[3] - blue[1] == pytest.approx(red[3] - red[1], abs=12)


async def test_what_fits_nowhere_is_cut_and_told_of(engine: Engine) -> None:
    """Of texts that do not fit together at their smallest sizes one is cut, and the warning names it."""
    texts = "".join(f"<p id={name} data-fit=shrink data-fit-min=40>{SENTENCE}</p>" for name in ("one", "two"))
    html = page(f"<main>{texts}</main>", STYLE + "main{height:200px;width:600px}p{color:#f00}")
    rendering = await draw(engine, html, **SIZE)

    assert [warning.code for warning in rendering.warnings] == ["text_truncated"]
    assert "<p two> at 40 px" in rendering.warnings[0].message
    assert "one" not in rendering.warnings[0].message
    assert is_inside(ink(await picture(engine, html, **SIZE), "red"), (20, 20, 620, 220))


async def test_boxes_apart_do_not_matter_to_each_other(engine: Engine) -> None:
    """Texts that fill their own box are as large as without the crowded box after them."""
    alone = f"<section style='width:500px;height:200px'>{RED}</section>"
    crowd = "".join(f"<p data-fit=shrink style='color:#000'>{SENTENCE}</p>" for _ in range(3))
    crowded = f"<section style='width:500px;height:200px'>{crowd}</section>"
    before = ink(await picture(engine, page(alone, STYLE), **SIZE), "red")

    assert ink(await picture(engine, page(alone + crowded, STYLE), **SIZE), "red") == before


async def test_a_text_in_a_text_gets_smaller_with_it_and_in_its_own_box(engine: Engine) -> None:
    """The outer text is fitted first, and the inner one then to its box."""
    inner = f"<span class=blue data-fit=shrink style='display:block;width:100px;height:20px'>{WORD}</span>"
    html = page(f"<p class=red data-fit=shrink style='width:500px;height:300px'>{SENTENCE}{inner}</p>", STYLE)
    image = await picture(engine, html, **SIZE)

    assert is_inside(ink(image, "red"), (20, 20, 520, 320))
    assert ink(image, "blue")[2] <= 121


async def test_columns_of_each_variant_are_its_own(engine: Engine) -> None:
    """What let columns be narrow in one variant does not stay for the next."""
    items = "".join(ITEMS["boxes with texts"])
    html = page(f"<main>{items}</main>", STYLE + "main{display:flex;height:300px}main>*{flex:1}")
    sizes: list[dict[str, Any]] = [{"width": width, "height": 400} for width in (500, 4000, 300, 900)]
    together = await draw(engine, html, variants=[{"name": str(size["width"]), **size} for size in sizes])

    for image, size in zip(together.images, sizes, strict=True):
        assert image.data == (await draw(engine, html, **size)).images[0].data
