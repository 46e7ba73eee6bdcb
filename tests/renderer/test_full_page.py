"""A full page is as large as Chromium's own measure of its content, with a doctype and without one."""

import math
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from renderer.browser.browser import Browser
from renderer.browser.chromium import find_chromium
from renderer.browser.devtools import Session
from renderer.engine import Engine
from renderer.page.browser_context import BrowserContext, ContextOptions
from tests.renderer.drawing import draw, picture, rgb

pytestmark = pytest.mark.asyncio(loop_scope="session")

BOX = "background:red;width:50px;height:50px"
BELOW = f"<div style='position:absolute;top:900px;{BOX}'></div>"
BODIES = {
    "nothing": "",
    "positioned below": BELOW,
    "positioned aside": f"<div style='position:absolute;left:900px;{BOX}'></div>",
    "positioned above": f"<div style='position:absolute;top:-900px;{BOX}'></div>",
    "in a positioned body": f"<style>body{{position:relative}}</style>{BELOW}",
    "float": "<div style='float:left;width:9px;height:900px'>a</div>",
    "wide": "<div style='width:900px;height:10px'>a</div>",
    "transform": f"<div style='transform:translate(300px,900px);{BOX}'></div>",
    "rotation": "<div style='transform:rotate(45deg);width:300px;height:300px'></div>",
    "margins": f"<style>body{{margin:30px 0 400px}}</style><div style='margin:40px 500px 60px 20px;{BOX}'></div>",
    "margin of the root": f"<style>html{{margin:0 0 333px}}</style><div style='{BOX}'></div>",
    "padding": f"<style>body{{padding:0 300px 300px 0}}</style><div style='{BOX}'></div>",
    "right to left": f"<style>html{{direction:rtl}}</style><div style='width:700px;height:400px;{BOX}'></div>",
    "right to left, positioned": f"<style>body{{direction:rtl}}</style>{BELOW}",
    "hidden overflow": f"<style>body{{overflow:hidden}}</style>{BELOW}",
    "fractions": "<div style='width:250.5px;height:333.3px'></div>",
    "full height": f"<style>html,body{{height:100%}}</style>{BELOW}",
    "a body that scrolls": "<style>html,body{overflow:auto}body{height:150px}</style><div style='height:600px'></div>",
    "positioned beyond a body that scrolls": f"<style>html,body{{overflow:auto}}</style>{BELOW}",
}


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def measuring() -> AsyncIterator[Session]:
    """Open a page of 200 by 100 as documents are drawn on, in a browser of its own."""
    browser = await Browser.launch(find_chromium(None), on_demand=False, driver="pipe")
    try:
        session = (await BrowserContext.open(browser, ContextOptions())).session
        size = {"width": 200, "height": 100, "deviceScaleFactor": 1, "mobile": False}
        await session.send("Emulation.setDeviceMetricsOverride", size)
        yield session
    finally:
        await browser.close()


async def content_size(session: Session, html: str) -> tuple[int, int]:
    """Return the size of a document's content, as Chromium's layout metrics have it."""
    frame = (await session.send("Page.getFrameTree"))["frameTree"]["frame"]["id"]
    await session.send("Page.setDocumentContent", {"frameId": frame, "html": html})
    size = (await session.send("Page.getLayoutMetrics"))["cssContentSize"]
    return math.ceil(size["width"]), math.ceil(size["height"])


@pytest.mark.parametrize("doctype", ["", "<!doctype html>"], ids=["quirks", "standards"])
async def test_a_full_page_has_the_size_of_its_content(engine: Engine, measuring: Session, doctype: str) -> None:
    """Whatever makes a document larger than the viewport, the picture has all that can be scrolled to."""
    documents = {name: f"{doctype}<style>body{{margin:0}}</style>{body}" for name, body in BODIES.items()}
    wanted = {name: await content_size(measuring, html) for name, html in documents.items()}
    images = {name: (await draw(engine, html, full_page=True)).images[0] for name, html in documents.items()}

    assert {name: (image.width, image.height) for name, image in images.items()} == wanted
    assert wanted["positioned below"] == (200, 950)
    assert wanted["positioned aside"] == (950, 100)


async def test_content_below_a_document_without_doctype_is_shown(engine: Engine) -> None:
    """What stands beyond the root element's own box is in the picture; also where a name hides a member."""
    html = f"<style>body{{margin:0}}</style>{BELOW}"
    image = await picture(engine, f"{html}<img name=scrollingElement>", full_page=True)

    assert (image.size, rgb(image, 5, 925)) == ((200, 950), (255, 0, 0))
