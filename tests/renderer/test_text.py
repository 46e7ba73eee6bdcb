"""Texts run from the side their language begins on, and ratings are filled as far as they go."""

import re

import pytest

from renderer.engine import Engine
from renderer.language.stars import stars_svg
from tests.renderer.drawing import draw, page, picture

pytestmark = pytest.mark.asyncio(loop_scope="session")


@pytest.mark.parametrize(
    ("text", "from_right"),
    [("Thanks", False), ("شكرا", True), ("תודה", True), ("123 שלום", True), ("ขอบคุณ", False), ("ありがとう", False)],
)
async def test_direction_follows_the_text(engine: Engine, text: str, from_right: bool) -> None:
    """With `dir=auto` the first letter that has a direction decides on which side the text begins."""
    image = await picture(engine, page(f"<p dir=auto style='margin:0;font-size:30px'>{text}</p>"))
    box = image.convert("L").point(lambda value: 255 if value < 128 else 0).getbbox()

    assert box is not None
    assert (box[2] > 190, box[0] < 10) == (from_right, not from_right)


async def test_the_fifth_star_of_4_7_is_filled_to_seven_tenths(engine: Engine) -> None:
    """Full color reaches to 70 % of the fifth star's width, and the rest of it is pale."""
    style = "svg.stars{display:block;width:136px;height:auto;color:black}"
    image = (await picture(engine, page(str(stars_svg(4.7)), style), scale=4)).convert("L")
    dark = image.point(lambda value: 255 if value < 100 else 0).getbbox()
    drawn = image.point(lambda value: 255 if value < 240 else 0).getbbox()

    assert dark is not None
    assert drawn is not None
    fifth, width = 4 * 28 * 4, 24 * 4
    assert dark[2] == pytest.approx(fifth + 0.7 * width, abs=2)
    assert drawn[2] == pytest.approx(fifth + width, abs=2)


async def test_characters_without_a_glyph_are_named_wherever_they_are_shown(engine: Engine, pixel_font: str) -> None:
    """Texts, generated ones, fields, drawings, shadow trees and frames; not what is hidden or drawn by an own font."""
    body = (
        "<p class=a title='\ue101'>\ue102</p><svg><text y=9>\ue103</text></svg><input value='\ue104'><textarea>\ue105"
        "</textarea><input placeholder='\ue106'><div><template shadowrootmode=closed>\ue107<b>\ue108</b><style>\ue2ff"
        "</style></template></div><iframe srcdoc='\ue109'></iframe><ul><li>x</ul><p class=own>X\ue000\ue10b"
        "<p hidden>\ue2ff</p><input type=hidden value='\ue2ff'><title>\ue2ff</title><script>'\ue2ff'</script>"
    )
    style = (
        f"@font-face{{font-family:Block;src:url({pixel_font})}}.own{{font-family:Block,serif}}"
        ".a::before{content:'\\e10c' attr(title)}.own::after{font-family:Block;content:'\ue000\ue10d'}"
        "li{list-style:'\ue10a'}"
    )
    (warning,) = (await draw(engine, page(body, style))).warnings

    assert warning.code == "missing_glyphs"
    assert re.findall(r"U\+(\w+)", warning.message) == [f"E1{number:02X}" for number in range(1, 14)]
