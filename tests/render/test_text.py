"""Texts run from the side their language begins on, and ratings are filled as far as they go."""

import pytest

from agents.render.engine import Engine
from agents.render.stars import stars_svg
from tests.render.drawing import page, picture

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
