"""Fixtures of the render tests: one engine for all that do not break it, and one that fetches."""

import base64
import io
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from fontTools.fontBuilder import FontBuilder
from fontTools.pens.ttGlyphPen import TTGlyphPen

from renderer.assets.allowed_hosts import AllowedHosts
from renderer.assets.fetcher import HttpFetcher
from renderer.engine import Engine
from tests.renderer.assets.site import Site, open_site


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def engine() -> AsyncIterator[Engine]:
    """An engine with one page, so that every document is drawn where the one before it was."""
    engine = Engine(concurrency=1)
    await engine.start()
    yield engine
    await engine.close()


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def served() -> AsyncIterator[tuple[Engine, Site]]:
    """An engine that may fetch from a site, and the site."""
    async with open_site() as site, HttpFetcher(AllowedHosts.parse(f"127.0.0.1:{site.port}"), seconds=1.0) as fetcher:
        engine = Engine(concurrency=1, fetcher=fetcher)
        await engine.start()
        yield engine, site
        await engine.close()


@pytest.fixture(scope="session")
def pixel_font() -> str:
    """A data: address of a font in which `X` and U+E000 fill their whole box."""
    pen = TTGlyphPen(None)
    pen.moveTo((0, -200))
    for corner in ((0, 800), (1000, 800), (1000, -200)):
        pen.lineTo(corner)
    pen.closePath()
    box = pen.glyph()
    builder = FontBuilder(1000, isTTF=True)
    builder.setupGlyphOrder([".notdef", "box"])
    builder.setupCharacterMap({ord("X"): "box", 0xE000: "box"})
    builder.setupGlyf({".notdef": TTGlyphPen(None).glyph(), "box": box})
    builder.setupHorizontalMetrics({".notdef": (1000, 0), "box": (1000, 0)})
    builder.setupHorizontalHeader(ascent=800, descent=-200)
    builder.setupNameTable({"familyName": "Block", "styleName": "Regular"})
    builder.setupOS2(sTypoAscender=800, sTypoDescender=-200, usWinAscent=800, usWinDescent=200)
    builder.setupPost()
    content = io.BytesIO()
    builder.save(content)
    return f"data:font/ttf;base64,{base64.b64encode(content.getvalue()).decode()}"
