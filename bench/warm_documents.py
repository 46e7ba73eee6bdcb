"""Would it pay to keep a document in its page and patch what differs in the next one? An experiment, not the product.

`python -m bench.warm_documents [posters a round] [rounds]` draws the posters of each template of `bench.mixed` as the
engine does (cold), and on a page that keeps its DOM and takes over what differs from the next document (warm), in
turns. It prints a table of processor time, all processes together, and of equal bytes. The decision that rests on
these figures is docs/decisions/0045-no-warm-documents.md.
"""

import asyncio
import sys
from contextlib import ExitStack
from random import Random
from typing import Any, Final
from unittest.mock import patch

import psutil

from bench.baselines.documents import DEADLINE_SECONDS
from bench.engine import processor_seconds
from bench.mixed import KINDS, Kind
from bench.report.figures import median, ratio
from bench.report.markdown import table
from renderer.browser import chromium
from renderer.browser.browser import Browser
from renderer.browser.devtools import Session
from renderer.language.template import Template
from renderer.page import page as page_module
from renderer.page import readiness
from renderer.page.page import Page
from renderer.page.readiness import LayoutReport
from renderer.rendering import RenderRequest
from schemas.output import Format, Output, resolve_output

WARM_UP: Final = 4
FORMATS: Final[tuple[Format, ...]] = ("png", "jpeg")
WARM_FLAGS: Final = ("--disable-partial-raster",)
"""Without it a patched page has some pixels one level off, near blurs that the edge of the redrawn part cuts."""
COLD_COMPARISON: Final = 0.01
"""Share of warm posters that a product would draw cold as well, to prove that they are equal."""
_PATCH: Final = """
  /** Makes `old` what `next` is, with as few changes as pairing by position allows. */
  function patchNode(old, next) {
    if (old.nodeType !== Node.ELEMENT_NODE) {
      if (old.data !== next.data) old.data = next.data;
      return;
    }
    for (const { name } of [...old.attributes]) if (!next.hasAttribute(name)) old.removeAttribute(name);
    for (const { name, value } of next.attributes)
      if (old.getAttribute(name) !== value) old.setAttribute(name, value);
    const before = [...old.childNodes];
    const after = [...next.childNodes];
    after.forEach((child, index) => {
      const former = before[index];
      if (!former) old.append(document.adoptNode(child));
      else if (former.nodeType === child.nodeType && former.nodeName === child.nodeName) patchNode(former, child);
      else former.replaceWith(document.adoptNode(child));
    });
    for (const former of before.slice(after.length)) former.remove();
  }

  async function patchDocument(html, request) {
    parts = partsWithImages(html, request);
    unfinished = false;
    patchNode(page.documentElement(), new DOMParser().parseFromString(html, "text/html").documentElement);
    await removeFocus();
    return await ready(request);
  }

  globalThis.patchDocument = patchDocument;
  globalThis.compose = compose;
"""


class Way:
    """A browser with one page for its documents, which are either written or patched into it."""

    def __init__(self, browser: Browser, page: Page, *, warm: bool) -> None:
        self.browser = browser
        self._page = page
        self._warm = warm
        self._written = False

    @classmethod
    async def open(cls, *, warm: bool) -> "Way":
        """Start the browser."""
        flags = chromium.FLAGS + (WARM_FLAGS if warm else ())
        with patch.object(chromium, "FLAGS", flags):
            browser = await Browser.launch(chromium.find_chromium(None), on_demand=True)
        return cls(browser, await Page.open(browser), warm=warm)

    async def draw(self, html: str, output: Output) -> bytes:
        """Return the image of a document."""
        compose = self._patch if self._warm and self._written else readiness.compose
        with patch.object(page_module, "compose", compose):
            request = RenderRequest(html=html, output=output, deadline_seconds=DEADLINE_SECONDS)
            result = await self._page.draw(request, None)
        self._written = True
        if not self._warm:
            await self._page.clean()
        return result.images[0].data

    def forget(self) -> None:
        """Write the next document: it is of another template."""
        self._written = False

    async def _patch(self, session: Session, world: int, html: str, output: Output) -> LayoutReport:
        request = readiness._layout_request(html, output)
        function = "(html, request) => patchDocument(html, request)"
        return await readiness._call(session, world, function, None, readiness._prepared(html), request)


async def _round(way: Way, documents: list[str], output: Output) -> tuple[float, list[bytes]]:
    """Return milliseconds of processor time a poster, of all processes, and the images."""
    process = psutil.Process()
    way.forget()
    for html in documents[:WARM_UP]:
        await way.draw(html, output)
    used = processor_seconds(process)
    images = [await way.draw(html, output) for html in documents[WARM_UP:]]
    return (processor_seconds(process) - used) / len(images) * 1000, images


async def compared(ways: tuple[Way, Way], kind: Kind, image_format: Format, count: int, rounds: int) -> list[Any]:
    """Return the row of a template: milliseconds cold and warm, the gain in percent, and how many are equal."""
    output = resolve_output(Output(format=image_format))
    template, random = Template(kind.html), Random(kind.name)  # noqa: S311 - no secret
    cold_ms, warm_ms, equal, drawn = [], [], 0, 0
    for number in range(rounds):
        documents = [template.render(kind.data(random)) for _ in range(count + WARM_UP)]
        found = {}
        for way in ways if number % 2 == 0 else ways[::-1]:
            found[way] = await _round(way, documents, output)
        (cold, expected), (warm, images) = found[ways[0]], found[ways[1]]
        cold_ms.append(cold)
        warm_ms.append(warm)
        equal += sum(one == other for one, other in zip(expected, images, strict=True))
        drawn += len(images)
    gain = (1 - ratio(warm_ms, cold_ms) - COLD_COMPARISON) * 100
    return [kind.name, image_format, median(cold_ms), median(warm_ms), gain, f"{equal} of {drawn}"]


async def main(count: int = 20, rounds: int = 5) -> None:
    """Print the table and the median gain."""
    script = readiness._SCRIPT.replace("  globalThis.compose = compose;\n", _PATCH)
    assert script != readiness._SCRIPT
    with ExitStack() as patches:
        patches.enter_context(patch.object(readiness, "_SCRIPT", script))
        ways = await Way.open(warm=False), await Way.open(warm=True)
        rows = [await compared(ways, kind, each, count, rounds) for kind in KINDS for each in FORMATS]
        print(f"Chromium {ways[0].browser.version}, {rounds} rounds of {count} posters each")
        for way in ways:
            await way.browser.close()
    shown = [[*row[:2], f"{row[2]:.0f}", f"{row[3]:.0f}", f"{row[4]:.0f} %", row[5]] for row in rows]
    print(table(["template", "format", "cold ms", "warm ms", "gain", "same bytes"], shown), end="")
    for image_format in FORMATS:
        gains = [row[4] for row in rows if row[1] == image_format]
        print(f"median gain, {image_format}: {median(gains):.0f} %")
    print(f"median gain: {median([row[4] for row in rows]):.0f} %")


if __name__ == "__main__":
    asyncio.run(main(*(int(argument) for argument in sys.argv[1:])))
