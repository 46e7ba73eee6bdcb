"""Both baselines draw the poster that the engine draws: a comparison of speeds means nothing otherwise."""

import io
from collections.abc import AsyncIterator

import PIL.Image
import pytest
import pytest_asyncio
from PIL import ImageChops, ImageStat

from bench.baselines.documents import DOCUMENTS, HEIGHT, WIDTH
from bench.baselines.drawing import Draw
from bench.baselines.pipe_chromium import PipeChromium
from bench.baselines.playwright_chromium import PlaywrightChromium
from bench.engine import by_engine
from renderer.engine import Engine


@pytest_asyncio.fixture
async def engine() -> AsyncIterator[Draw]:
    """How the engine draws a document."""
    engine = Engine(concurrency=1)
    await engine.start()
    yield by_engine(engine)
    await engine.close()


async def difference(draw: Draw, other: Draw, html: str) -> float:
    """Return by how many of 255 levels two drawings of a document differ on average."""
    pictures = []
    for each in (draw, other):
        with PIL.Image.open(io.BytesIO(await each(html))) as image:
            assert image.size == (WIDTH, HEIGHT)
            pictures.append(image.convert("RGB"))
    return max(ImageStat.Stat(ImageChops.difference(*pictures)).mean)


@pytest.mark.parametrize("html", DOCUMENTS.values(), ids=DOCUMENTS.keys())
async def test_the_pipe_draws_the_pixels_of_the_engine(engine: Draw, html: str) -> None:
    """On a page that is used again as well: it has the same flags and fonts."""
    async with PipeChromium(1) as chromium:
        assert [await difference(chromium.draw, engine, each) for each in ("<p>before", html)][1] == 0


@pytest.mark.parametrize("html", DOCUMENTS.values(), ids=DOCUMENTS.keys())
async def test_playwright_draws_nearly_the_pixels_of_the_engine(engine: Draw, html: str) -> None:
    """It has the same fonts and flags of its own, which change the edges of letters only."""
    async with PlaywrightChromium(1) as chromium:
        assert await difference(chromium.draw, engine, html) < 2
