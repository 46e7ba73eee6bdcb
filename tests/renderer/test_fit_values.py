"""Values of `data-fit` and `data-fit-min` that have no effect are warned of."""

import pytest

from renderer.engine import Engine
from tests.renderer.drawing import draw, page

pytestmark = pytest.mark.asyncio(loop_scope="session")


@pytest.mark.parametrize(
    ("attributes", "named"),
    [
        ("data-fit=bogus", '<p a> with data-fit="bogus"'),
        ("data-fit", '<p a> with data-fit=""'),
        ("data-fit=shrink data-fit-min=abc", '<p a> with data-fit-min="abc"'),
        ("data-fit=shrink data-fit-min=0.0", '<p a> with data-fit-min="0.0"'),
        ("data-fit=shrink data-fit-min=-4", '<p a> with data-fit-min="-4"'),
        ("data-fit=Shrink data-fit-min=0.5", None),
        ("data-fit=shrink data-fit-min='24px'", None),
    ],
)
async def test_a_value_without_effect_is_named(engine: Engine, attributes: str, named: str | None) -> None:
    """The element and the value are in the warning, also in a shadow tree; what the fitting reads is none."""
    body = f"<p id=a {attributes}>x</p>"
    shadow = f"<div><template shadowrootmode=closed>{body}</template></div>"
    for html in (page(body), page(shadow)):
        warnings = (await draw(engine, html)).warnings

        assert [(each.code, each.message.rpartition(": ")[2]) for each in warnings] == (
            [("text_not_fitted", named)] if named else []
        )
