"""What a document inside of a document lacks is a warning of the poster, as it is of the document around it."""

from html import escape
from typing import Any, Final

import pytest

from renderer.engine import Engine
from renderer.rendering import Rendering
from tests.renderer.drawing import draw, page

pytestmark = pytest.mark.asyncio(loop_scope="session")
LINES: Final = "<p>line</p>" * 30


def framed(document: str, attributes: str = "") -> str:
    """Return a document with a frame that holds another one."""
    return page(f'<iframe id=inner width=200 height=150 {attributes} srcdoc="{escape(document)}"></iframe>')


def told(rendering: Rendering) -> list[tuple[str, str]]:
    """Return code and message of the warnings."""
    return [(warning.code, warning.message) for warning in rendering.warnings]


CLIPPED = {
    "more than the frame": (f"<!doctype html>{LINES}", "<iframe inner>"),
    "more without a doctype": (LINES, "<iframe inner>"),
    "wider than the frame": ("<!doctype html><div style='width:900px'>wide</div>", "<iframe inner>"),
    "a list in the frame": (
        f"<!doctype html><div id=list style='height:60px;overflow:auto'>{LINES}</div>",
        "<div list>",
    ),
    "a text field in the frame": (f"<!doctype html><textarea id=list>{'line ' * 200}</textarea>", "<textarea list>"),
    "in one direction only": (f"<!doctype html><style>body{{overflow-x:hidden}}</style>{LINES}", "<iframe inner>"),
}


@pytest.mark.parametrize(("document", "name"), CLIPPED.values(), ids=CLIPPED.keys())
async def test_a_full_page_tells_of_what_a_frame_does_not_show(engine: Engine, document: str, name: str) -> None:
    """The frame itself, or what scrolls inside of it, is named; the picture of a viewport is cut off on purpose."""
    whole, window = [await draw(engine, framed(document), full_page=full) for full in (True, False)]

    assert told(whole) == [("content_clipped", f"shown in part, because the rest would have to be scrolled to: {name}")]
    assert window.warnings == []


async def test_a_frame_of_another_origin_is_named_by_its_tag(engine: Engine) -> None:
    """A sandboxed document does not see the element around it."""
    rendering = await draw(engine, framed(f"<!doctype html>{LINES}", "sandbox"), full_page=True)

    assert [(code, message.endswith(": <iframe>")) for code, message in told(rendering)] == [("content_clipped", True)]


WHOLE: dict[str, tuple[str, str]] = {
    "what fits": ("<!doctype html><p>x", ""),
    "a little too much": ("<!doctype html><style>body{margin:0;height:153px}</style>", ""),
    "what hides the rest": (f"<!doctype html><style>html{{overflow:hidden}}</style>{LINES}", ""),
    "a body that hides the rest": (f"<!doctype html><style>body{{overflow:hidden}}</style>{LINES}", ""),
    "a frame that does not scroll": (f"<!doctype html>{LINES}", "scrolling=no"),
    "an invisible frame": (f"<!doctype html>{LINES}", "style='visibility:hidden'"),
    "a frame without a box": (f"<!doctype html>{LINES}", "hidden"),
}


@pytest.mark.parametrize(("document", "attributes"), WHOLE.values(), ids=WHOLE.keys())
async def test_a_frame_that_hides_nothing_by_mistake_is_no_warning(
    engine: Engine, document: str, attributes: str
) -> None:
    """What fits, what is hidden on purpose, and what is not seen anyway."""
    assert (await draw(engine, framed(document, attributes), full_page=True)).warnings == []


LEFT_OUT = {
    "backdrop-filter": "backdrop-filter:blur(4px)",
    "mix-blend-mode: plus-lighter": "mix-blend-mode:plus-lighter",
    "backface-visibility": "backface-visibility:hidden;transform:rotateY(180deg)",
}


@pytest.mark.parametrize(("name", "style"), LEFT_OUT.items(), ids=LEFT_OUT.keys())
async def test_a_pdf_tells_of_the_effects_that_a_frame_has_not(engine: Engine, name: str, style: str) -> None:
    """As outside of frames; a picture has them all."""
    html = framed(f"<!doctype html><style>p{{{style}}}</style><p id=card>x")
    paper, picture = await draw(engine, html, format="pdf"), await draw(engine, html)

    assert [code for code, _ in told(paper)] == ["pdf_unsupported"]
    assert f"{name} of <p card>" in paper.warnings[0].message
    assert picture.warnings == []


FITTED: dict[str, tuple[str, Any]] = {
    "text_truncated": ("<p id=a data-fit=shrink style='width:60px;height:20px'>" + "word " * 60, "<p a>"),
    "text_not_fitted": ("<svg><text id=a data-fit=shrink y=20>x</text></svg>", "<text a>"),
}


@pytest.mark.parametrize(("code", "case"), FITTED.items(), ids=FITTED.keys())
async def test_texts_of_a_frame_that_do_not_fit_are_told_of(engine: Engine, code: str, case: tuple[str, str]) -> None:
    """They are fitted like those of the document around it, and cut like them."""
    document, name = case
    rendering = await draw(engine, framed(f"<!doctype html>{document}"))

    assert [each for each, _ in told(rendering)] == [code]
    assert name in rendering.warnings[0].message
