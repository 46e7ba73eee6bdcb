"""Readiness: put a document into a page, and wait until all it shows is loaded and no animation runs."""

import contextlib
import re
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Any, Final

import msgspec

from renderer.assets.force_font_swap import force_font_swap_in_document
from renderer.assets.freeze_svg import freeze_svg_images
from renderer.browser.devtools import Answer, DevToolsError, Session
from renderer.errors import RenderError
from renderer.large_text import off_the_loop
from renderer.page.document_hints import DocumentHints
from schemas.output import Output

FRAMES_MAX: Final = 20
_DIRECTORY: Final = Path(__file__).with_name("scripts")
_SCRIPTS: Final = (
    "omissions.js",
    "animations.js",
    "lazy_content.js",
    "images_and_fonts.js",
    "glyph_usage.js",
    "text_needs.js",
    "text_overflow.js",
    "text_size.js",
    "fit.js",
    "compose.js",
)
_SCRIPT: Final = "".join((_DIRECTORY / name).read_text() for name in _SCRIPTS)
_CLOSED_SHADOW: Final = re.compile(r"(<template\b[^<>]*\bshadowrootmode\s*=\s*[\"']?)closed\b", re.IGNORECASE)
_BYTE_ORDER_MARK: Final = "\ufeff"


class TextNeeds(msgspec.Struct, frozen=True):
    """What the shown texts ask for. Families and languages are as the document writes them."""

    families: list[list[str]]
    """Lists of families, each without what follows a font of the document."""
    broken: list[str]
    """In lower case, families that the document has a font for which did not load."""
    languages: list[str]
    """Languages of texts with long words that shall be hyphenated; empty where a text has none."""


class LayoutReport(msgspec.Struct, frozen=True):
    """What the page reports once it is ready. Sizes are CSS pixels."""

    failed: list[str]
    """Addresses of images that did not load; no data: addresses."""
    broken: list[str]
    """Where images and fonts stand that the document holds in data: addresses and that cannot be decoded."""
    replaceable: list[str]
    """Addresses of fonts of which none is missed, because another source of their lists was loaded."""
    characters: str
    """Distinct characters outside ASCII that are left to the installed fonts."""
    refresh: tuple[float, str] | None
    """Seconds and address of a `<meta http-equiv="refresh">`."""
    traces: bool
    """The document has something that would affect the next one: a frame, a plug-in, a `<meta>`, a scroll position."""
    cut: list[str]
    """Texts that did not fit their boxes at their smallest size and were cut, each named by its tag and id."""
    unfitted: list[str]
    """Elements with `data-fit` whose text is left as it is."""
    misspelled: list[str]
    """Elements of which an attribute for fitting has a value without effect."""
    clipped: list[str]
    """Elements that show a part of their content only, where all of the document is shown."""
    unprinted: list[str]
    """Effects that a PDF leaves out, each with an element that has it."""
    unfinished: bool
    """The time for scripts was over before they were done."""
    size: tuple[float, float]
    """Width and height of the whole document."""
    frames: int
    """How many documents are inside this one."""
    box: tuple[float, float, float, float] | None
    """Left, top, width and height of the element asked for."""
    text: TextNeeds


_JOINED: Final = (*("failed", "broken", "replaceable", "cut", "unfitted", "misspelled", "clipped", "unprinted"),)
"""What a document reports by name, and its frames as well."""


async def main_frame(session: Session) -> str:
    """Return the id of the page's own frame, which stays the same when it navigates."""
    tree = await session.send("Page.getFrameTree")
    frame: str = tree["frameTree"]["frame"]["id"]
    return frame


async def make_world(session: Session, frame: str) -> int:
    """Return the id of an isolated world of the page's document, with `compose` defined in it.

    It lives until the page navigates; writing another document into the page keeps it.
    """
    world = await session.send("Page.createIsolatedWorld", {"frameId": frame, "worldName": "posters"})
    context: int = world["executionContextId"]
    await session.send("Runtime.evaluate", {"expression": _SCRIPT, "contextId": context})
    return context


async def compose(session: Session, world: int, html: str, output: Output) -> LayoutReport:
    """Show `html` in the page and return once it is loaded, decoded, and every animation is finished or cancelled.

    Raises RenderError: `navigated` when the document went elsewhere, `output_invalid` for a selector that is no
    selector. Without a limit of its own: the caller has the deadline.
    """
    document, request = await off_the_loop(lambda: (_prepared(html), _layout_request(html, output)), len(html))
    function = "(html, request) => compose(html, request)"
    report = await _call(session, world, function, output.selector, document, request)
    return await _with_frames(session, world, report, output)


async def arrange(session: Session, world: int, html: str, output: Output) -> LayoutReport:
    """Return once the document that is in the page is ready in a viewport that was changed. Raises RenderError."""
    hinted = await off_the_loop(lambda: _layout_request(html, output), len(html))
    request = {**hinted, "width": output.width, "height": output.height}
    report = await _call(session, world, "(request) => arrange(request)", output.selector, request)
    return await _with_frames(session, world, report, output)


def _prepared(html: str) -> str:
    """Return the document as the page is given it."""
    # A browser that reads a file removes the mark; left in the document, it would end its head.
    document = freeze_svg_images(force_font_swap_in_document(html.removeprefix(_BYTE_ORDER_MARK)))
    if "shadowrootmode" in document.lower():
        # No script can reach into a closed shadow tree, which may have images and animations as well.
        document = _CLOSED_SHADOW.sub(r"\1open", document)
    return document


def _layout_request(html: str, output: Output) -> dict[str, Any]:
    """Return the `LayoutRequest` of `scripts/types.d.ts`."""
    hints = DocumentHints(html)
    return {
        "selector": output.selector,
        "wholePage": bool(output.full_page or output.selector),
        "fixedBackground": bool(output.full_page) and hints.fixed_backgrounds,
        "styleTexts": hints.style_texts,
        "hyphens": hints.hyphens,
        "contentsLater": hints.contents_later,
        "styleImages": hints.style_images,
        "styleSheets": hints.style_sheets,
        "clippedContent": bool(output.full_page) and hints.scrollers,
        "printEffects": output.format == "pdf" and hints.print_effects,
    }


async def _with_frames(session: Session, world: int, report: LayoutReport, output: Output) -> LayoutReport:
    """Wait for the documents inside this one as well, and add what they show, lack and need."""
    if not report.frames:
        return report
    # Hints are of the outer document, which has those of frames with its own characters escaped.
    request = {"clippedContent": bool(output.full_page), "printEffects": output.format == "pdf"}
    tree = await session.send("Page.getFrameTree")
    for frame in islice(_frames_below(tree["frameTree"]), FRAMES_MAX):
        # The frame may be gone by now, or never have become a document; the page itself is what counts.
        with contextlib.suppress(DevToolsError, RenderError):
            function = "(request) => composeFrame(request)"
            inner = await _call(session, await make_world(session, frame), function, None, request)
            report = _joined(report, inner)
    await draw_frames(session, world)
    return report


def _joined(report: LayoutReport, inner: LayoutReport) -> LayoutReport:
    """Return the report of a document with what an inner one shows and lacks, and what its texts need."""
    texts = TextNeeds(
        families=report.text.families + inner.text.families,
        broken=report.text.broken + inner.text.broken,
        languages=report.text.languages + inner.text.languages,
    )
    lists = {name: [*getattr(report, name), *getattr(inner, name)] for name in _JOINED}
    return msgspec.structs.replace(
        report,
        characters=report.characters + inner.characters,
        unfinished=report.unfinished or inner.unfinished,
        text=texts,
        **lists,
    )


def _frames_below(tree: dict[str, Any]) -> Iterator[str]:
    for child in tree.get("childFrames", ()):
        yield child["frame"]["id"]
        yield from _frames_below(child)


async def _call(session: Session, world: int, function: str, selector: str | None, *given: object) -> LayoutReport:
    call = {
        "functionDeclaration": function,
        "executionContextId": world,
        "arguments": [{"value": value} for value in given],
        "awaitPromise": True,
        "returnByValue": True,
    }
    try:
        answer = await session.send("Runtime.callFunctionOn", call)
    except DevToolsError as error:
        if "context was destroyed" in error.message or "Cannot find context" in error.message:
            raise RenderError("navigated", "the document navigated away while it was drawn") from None
        raise
    if "exceptionDetails" in answer:
        raise _failure(answer["exceptionDetails"], selector)
    return msgspec.convert(answer["result"]["value"], LayoutReport)


async def draw_frames(session: Session, world: int) -> None:
    """Return once the page has drawn what came after it was ready."""
    frames = "new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))"
    await session.send("Runtime.evaluate", {"expression": frames, "contextId": world, "awaitPromise": True})


def when_drawn(session: Session, world: int) -> Answer:
    """Return a future that is done once a frame is drawn with all that the last report is about.

    Chromium draws a frame on demand with what it has. The page's notice that it has something new takes another way
    than the request for a frame, and on a busy machine the request can be first.
    """
    call = {"expression": "whenDrawn()", "contextId": world, "awaitPromise": True}
    drawn = session.send("Runtime.evaluate", call)
    drawn.add_done_callback(lambda done: done.cancelled() or done.exception())
    return drawn


def _failure(details: dict[str, Any], selector: str | None) -> RenderError:
    message = str(details.get("exception", {}).get("description", details.get("text")))[:300]
    if selector and "not a valid selector" in message:
        return RenderError("output_invalid", f"output field `selector` is {selector[:80]!r}, which is no CSS selector")
    return RenderError("internal", f"the page could not be made ready: {message}")
