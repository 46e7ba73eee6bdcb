"""Whichever driver carries the messages, a document is the same poster: bytes, assets, warnings and errors."""

import asyncio
from dataclasses import replace

import pytest

from renderer.engine import Engine
from renderer.errors import RenderError
from renderer.rendering import Rendering, RenderRequest
from tests.renderer.drawing import page
from tests.renderer.drivers.conftest import Pair
from tests.renderer.drivers.documents import DOCUMENTS, request

pytestmark = pytest.mark.asyncio(loop_scope="session")

REFUSED = {
    "selector without a match": request(page("x"), selector=".absent"),
    "unknown locale": request(page("x"), locale="not a locale"),
    "unknown time zone": request(page("x"), timezone="Mars/Base"),
    "too large a document": request(page("<p>", "p{margin:0;height:1000000px}"), full_page=True),
    "navigation": request(page("<script>location.reload()</script>"), javascript=True),
    "endless loop": replace(request(page("<script>while(1);</script>"), javascript=True), deadline_seconds=1),
}


OMISSIONS = {"asset_invalid", "script_error", "content_clipped", "text_not_fitted", "pdf_unsupported"}
"""Codes that say that a picture lacks something, apart from what the network did not give."""


def comparable(rendering: Rendering) -> object:
    """Return what two renderings of a document have in common: all but the times."""
    assets = [replace(asset, ms=None) for asset in rendering.assets]
    return assets, rendering.warnings, rendering.images


@pytest.mark.parametrize("wanted", DOCUMENTS.values(), ids=DOCUMENTS.keys())
async def test_both_drivers_draw_the_same_bytes(pair: Pair, wanted: RenderRequest) -> None:
    """Every image of every document, and what is reported of its assets and texts."""
    one, other = await asyncio.gather(*(engine.render(wanted) for engine in pair))

    assert all(image.data for image in one.images)
    assert comparable(one) == comparable(other)
    assert OMISSIONS.isdisjoint(warning.code for warning in one.warnings)  # none of them lacks anything


@pytest.mark.parametrize("wanted", REFUSED.values(), ids=REFUSED.keys())
async def test_both_drivers_refuse_with_the_same_error(pair: Pair, wanted: RenderRequest) -> None:
    """Chromium's own messages included; both draw on afterwards."""
    refusals = [await refusal(engine, wanted) for engine in pair]
    one, other = await asyncio.gather(*(engine.render(request(page("<h1>fine"))) for engine in pair))

    assert refusals[0] == refusals[1]
    assert comparable(one) == comparable(other)


async def refusal(engine: Engine, wanted: RenderRequest) -> tuple[str, str]:
    """Return code and message of the error that a document ends in."""
    with pytest.raises(RenderError) as raised:
        await engine.render(wanted)
    return raised.value.code, str(raised.value)


async def test_both_drivers_draw_frames_on_demand(pair: Pair) -> None:
    """Playwright carries begin-frame control as well, so that neither falls back to frames that nobody asked for."""
    for engine in pair:
        await engine.render(request(page("<p>x")))

    assert [browser.on_demand for engine in pair for browser in engine.snapshot().browsers] == [True, True]
    assert pair[0].fingerprint == pair[1].fingerprint
