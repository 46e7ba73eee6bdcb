"""Whatever a large document consists of, reading it takes linear time and blocks nobody."""

import asyncio
import time
from collections.abc import Callable

import pytest

from renderer.assets.absolute_urls import absolute_urls
from renderer.assets.force_font_swap import force_font_swap, force_font_swap_in_document
from renderer.assets.freeze_svg import freeze_svg, freeze_svg_images
from renderer.engine import Engine
from renderer.page.document_hints import DocumentHints
from renderer.page.interception import may_use_network
from renderer.page.prefetch import named_assets
from tests.renderer.drawing import draw
from tests.renderer.drivers.documents import FakeSite

CHARACTERS = 300_000
SECONDS = 2.0
"""Several times what the slowest takes; quadratic time would be minutes."""
BLOCKED_SECONDS = 1.0
"""Several times what the event loop is blocked for, on a machine with other work."""


def hints(html: str) -> object:
    """Read all hints."""
    found = DocumentHints(html)
    return found.style_images, found.contents_later, found.style_texts, found.fixed_backgrounds


READERS: dict[str, Callable[[str], object]] = {
    "prefetch": named_assets,
    "hints": hints,
    "font swap": force_font_swap,
    "font swap in a document": force_font_swap_in_document,
    "frozen images": freeze_svg_images,
    "frozen image": lambda text: freeze_svg(f"<svg @keyframes {text}".encode()),
    "absolute addresses": lambda text: absolute_urls(text, "https://site.test/a/b.css"),
    "network": may_use_network,
}
SOUPS = (
    *('<img "', "<img '", "<img a=", "<link rel=stylesheet href=", "<!--", "<!-- -", "<img srcset='a 1x, b 2x' "),
    *(
        "<img src=http://a.test/b.png>",
        "<",
        "<img><source>",
        "a",
        "a ",
        "a=",
        "a=b ",
        "a:",
        "'",
        '"',
        "'\\",
        "\\'",
        "\\",
    ),
    *("font-display:", "font-display ", "@font-face{font-display:optional}", "<style>", "</style", "<style "),
    *("<svg><style>", "<svg ", "<svg '", "data:image/svg+xml,", "'data:image/svg+xml,@keyframes<svg>'", "&#x2f"),
    *("(data:image/svg+xml,<svg ", "=data:image/svg+xml,", "data:image/svg+xml;base64,", "&quot;data:image/svg+xml,"),
    *("url(", "url( ", "url('", 'url("', "url(a)", "@import ", "@import /**/", "@import /*", "/*", "/**/", "*/"),
    *("content:", "list-style", "background", "content-visibility;", "<template shadowrootmode=", "&amp;", "&", " "),
)
STARTS = ("", "<style>font-display", "<img ", "<img src='", "url(", "@import ", "'data:image/svg+xml,@keyframes<svg ")


@pytest.mark.parametrize("read", READERS.values(), ids=READERS.keys())
@pytest.mark.parametrize("start", STARTS, ids=lambda start: start or "nothing")
def test_reading_takes_linear_time(read: Callable[[str], object], start: str) -> None:
    """Also where what begins never ends, and where it all stands inside one thing."""
    slow = {}
    for soup in SOUPS:
        text = start + soup * (CHARACTERS // len(soup))
        began = time.thread_time()
        read(text)
        if time.thread_time() - began > SECONDS:
            slow[soup] = time.thread_time() - began

    assert slow == {}


@pytest.mark.parametrize("name", ["a", "a ", "a=", "a=b ", "a='b' ", "-:", "a='\"' "])
def test_attributes_take_linear_time(name: str) -> None:
    """Of one tag that ends, or of many."""
    for text in (f"<img {name * (CHARACTERS // len(name))}>", f"<img {name * 2_000}>" * (CHARACTERS // 5_000)):
        began = time.thread_time()
        named_assets(text)
        assert time.thread_time() - began < SECONDS


def test_an_address_after_hostile_text_is_found() -> None:
    """A tag that never ends hides what is in it, and no more."""
    html = "<img src='http://site.test/a.png' <img a=\"<b\"<img src='http://site.test/b.png'>"

    assert named_assets(html) == [("http://site.test/b.png", "image")]
    assert (
        absolute_urls("a{b:'\n}c{d:url(e.png)}", "http://site.test/f/") == "a{b:'\n}c{d:url(http://site.test/f/e.png)}"
    )


@pytest.mark.asyncio(loop_scope="session")
async def test_the_event_loop_is_not_blocked() -> None:
    """While documents of two megabytes are prepared, everybody else goes on."""
    longest = 0.0

    async def beat() -> None:
        nonlocal longest
        while True:
            began = time.monotonic()
            await asyncio.sleep(0.005)
            longest = max(longest, time.monotonic() - began)

    documents = ['<img "' * 350_000, "<img a=" * 300_000, "<link rel=stylesheet href=" * 80_000, "&#x2f" * 400_000]
    async with Engine(concurrency=1, fetcher=FakeSite()) as engine:
        await draw(engine, "x")
        beating = asyncio.create_task(beat())
        for html in documents:
            await draw(engine, f"<!--{html}--><p>x", deadline_seconds=30)
        beating.cancel()

    assert longest < BLOCKED_SECONDS
