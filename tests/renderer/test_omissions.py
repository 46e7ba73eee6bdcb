"""What is missing from a picture although the document was drawn is a warning; what nobody misses is none."""

import base64
import re
import zlib
from typing import Any, Final

import pytest

from renderer.engine import Engine
from renderer.rendering import Rendering, RenderRequest
from tests.renderer.drawing import draw, image_url, moving_gif, page
from tests.renderer.drivers.documents import DOCUMENTS

pytestmark = pytest.mark.asyncio(loop_scope="session")
BROKEN: Final = "data:image/png;base64,AAAA"
FONT: Final = "@font-face{font-family:Own;src:url(data:font/woff2;base64,AAAA)}p{font-family:Own}"
RAW: Final = "<svg xmlns='http://www.w3.org/2000/svg' width='20' height='20'><rect width='20' height='20'/></svg>"
MISSING = {
    "an image": (f"<img class=logo src='{BROKEN}'>", "", "<img logo>"),
    "a set of images": (f"<img id=logo srcset='{BROKEN} 1x'>", "", "<img logo>"),
    "an image of a drawing": (f"<svg><image href='{BROKEN}' width=9 height=9 /></svg>", "", "<image>"),
    "an image of a filter": (
        f"<svg><filter id=f><feImage href='{BROKEN}'/></filter><g filter=url(#f) /></svg>",
        "",
        "",
    ),
    "an object": (f"<object data='{BROKEN}' width=9 height=9></object>", "", "<object>"),
    "an embedded object": (f"<embed src='{BROKEN}' width=9 height=9>", "", "<embed>"),
    "a video": ("<video src='data:video/mp4;base64,AAAA'></video>", "", "<video>"),
    "a video's poster": (f"<video poster='{BROKEN}'></video>", "", "<video>"),
    "a button": (f"<input type=image src='{BROKEN}'>", "", "<input>"),
    "a drawing that is used": ("<svg><use href='data:image/svg+xml,<svg/>#a'/></svg>", "", "<use>"),
    "an attribute": (f"<table background='{BROKEN}'><td>x</table>", "", "background-image of <table>"),
    "a document inside": (f"<iframe srcdoc='<img src={BROKEN}>'></iframe>", "", "<img>"),
    "a shadow tree": (f"<div><template shadowrootmode=open><img src='{BROKEN}'></template></div>", "", "<img>"),
    "an address that a script made": ("<img src='blob:https://x.test/1'>", "", "<img>"),
    "background": ("<p id=hero>x", f"p{{background:url({BROKEN})}}", "background-image of <p hero>"),
    "one of several backgrounds": ("<p>x", f"p{{background:linear-gradient(red,blue),url({BROKEN})}}", ""),
    "background in capitals": ("<p>x", f"p{{background:URL('{BROKEN.replace('data', 'DATA')}')}}", ""),
    "a set of backgrounds": ("<p>x", f"p{{background:image-set(url({BROKEN}) 1x)}}", ""),
    "mask": ("<p>x", f"p{{mask-image:url({BROKEN})}}", "mask-image of <p>"),
    "list": ("<ul><li>x</ul>", f"li{{list-style-image:url({BROKEN})}}", "list-style-image of <"),
    "border": ("<p>x", f"p{{border:9px solid;border-image:url({BROKEN}) 3}}", "border-image of <p>"),
    "content": ("<p>x", f"p::before{{content:url({BROKEN})}}", "content of <p>::before"),
    "generated box": ("<p>x", f"p::after{{content:'';background:url({BROKEN})}}", "background-image of <p>::after"),
    "a truncated color": (
        "<p>x",
        f'p{{background:url("data:image/svg+xml,{RAW.replace("<rect", "<rect fill=" + chr(39) + "#f00" + chr(39))}")}}',
        "",
    ),
    "a font": ("<p>x", FONT, "font Own"),
}


def codes(rendering: Rendering) -> list[str]:
    """Return the codes of the warnings."""
    return [warning.code for warning in rendering.warnings]


@pytest.mark.parametrize(("body", "style", "place"), MISSING.values(), ids=MISSING.keys())
async def test_what_a_data_address_does_not_show_is_told_of(engine: Engine, body: str, style: str, place: str) -> None:
    """Wherever it stands; the warning says where that is."""
    rendering = await draw(engine, page(body, style))
    (warning,) = [warning for warning in rendering.warnings if warning.code == "asset_invalid"]

    assert place in warning.message


SHOWN = {
    "raw": f"data:image/svg+xml,{RAW}",
    "with a character set": f"data:image/svg+xml;charset=utf-8,{RAW}",
    "with a word that is none": f"data:image/svg+xml;utf8,{RAW}",
    "escaped quotes": "data:image/svg+xml," + RAW.replace("'", '\\"'),
    "beyond ASCII": "data:image/svg+xml," + RAW.replace("<rect", "<title>ü 🎉</title><rect"),
    "parentheses": "data:image/svg+xml," + RAW.replace("<rect", "<rect fill='rgb(1,2,3)'"),
    "reference": "data:image/svg+xml," + RAW.replace("<rect", "<rect fill='url(%23g)'"),
    "part": f"data:image/svg+xml,{RAW}#part",
    "without size": "data:image/svg+xml,<svg xmlns='http://www.w3.org/2000/svg'><rect width='9' height='9'/></svg>",
    "base64 on lines": "data:image/svg+xml;base64," + base64.b64encode(RAW.encode()).decode().replace("z", "z\\\n"),
    "base64 without end": "data:image/svg+xml;base64," + base64.b64encode(RAW.encode()).decode().rstrip("="),
    "wrong type": image_url("red").replace("image/png", "text/plain"),
    "without type": image_url("red").replace("image/png", ""),
    "moving": moving_gif(),
    "the smallest image": "data:image/gif;base64,R0lGODlhAQABAAAAACw=",
    "empty": "data:,",
    "no bytes": "data:image/png;base64,",
}


@pytest.mark.parametrize("url", SHOWN.values(), ids=SHOWN.keys())
async def test_addresses_as_designers_write_them_are_no_warning(engine: Engine, url: str) -> None:
    """In each property, what Chromium reads is not called broken, nor is an address that stands for no image."""
    style = f'background:url("{url}");mask-image:url("{url}");border-image:url("{url}") 3;list-style-image:url("{url}")'
    rendering = await draw(engine, page("<ul><li>x</ul><p>x", f'li{{{style}}}p::before{{content:url("{url}")}}'))

    assert rendering.warnings == []


UNSEEN = {
    "an image without a box": f"<img hidden src='{BROKEN}'>",
    "background without a box": f"<div hidden><p style='background:url({BROKEN})'>x</div>",
    "background that is invisible": f"<div style='visibility:hidden'><p style='background:url({BROKEN})'>x</div>",
    "no generated box": f"<style>p::before{{background:url({BROKEN})}}</style><p>x",
    "a rule for nothing": f"<style>.x{{background:url({BROKEN})}}</style><p>x",
    "a rule for paper": f"<style>@media print{{p{{background:url({BROKEN})}}}}</style><p>x",
    "overridden": f"<style>p{{background:url({BROKEN})}}p{{background:none}}</style><p>x",
    "a font for nothing": f"<style>{FONT.replace('p{', 'b{')}</style><p>x",
    "an installed font that is missing": "<style>@font-face{font-family:A;src:local(B)}p{font-family:A}</style><p>x",
}


@pytest.mark.parametrize("body", UNSEEN.values(), ids=UNSEEN.keys())
async def test_what_is_not_shown_is_not_missed(engine: Engine, body: str) -> None:
    """A broken image of something that the picture has no place for is no warning."""
    assert "asset_invalid" not in codes(await draw(engine, page(body)))


async def test_names_of_broken_images_are_safe_to_print(engine: Engine) -> None:
    """The document chose them: control characters are escaped, and five are named."""
    images = "".join(f"<img id='a\x1b{number}' src='{BROKEN}'>" for number in range(7))
    (warning,) = (await draw(engine, page(images))).warnings

    assert "<img a\\u001b0>, <img a\\u001b1>" in warning.message
    assert warning.message.endswith("<img a\\u001b4> and 2 more")


LINES: Final = "<p>line</p>" * 30
SCROLLER: Final = "height:60px;overflow:auto"
CLIPPED = {
    "a list that scrolls": f"<div id=list style='{SCROLLER}'>{LINES}</div>",
    "a list with bars": f"<div id=list style='height:60px;overflow-y:scroll'>{LINES}</div>",
    "a table that is wide": "<div id=list style='overflow-x:auto'><div style='width:900px'>wide</div></div>",
    "as high as the window": f"<main id=list style='height:100vh;overflow:auto'>{LINES}</main>",
    "a list inside decoration": f"<div style='overflow:hidden'><div id=list style='{SCROLLER}'>{LINES}</div></div>",
    "one axis hidden": f"<div id=list style='height:60px;overflow-x:hidden'>{LINES}</div>",
    "a text field": f"<textarea id=list>{'line ' * 200}</textarea>",
    "a form whose fields are named like its members": (
        f"<form id=list style='{SCROLLER}'><input name=scrollHeight><input name=clientHeight>{LINES}</form>"
    ),
    "a body that hides it": f"<style>html,body{{height:100%;overflow:hidden}}body{{width:99%}}</style>{LINES}",
}


@pytest.mark.parametrize("body", CLIPPED.values(), ids=CLIPPED.keys())
async def test_a_full_page_tells_of_what_it_does_not_show(engine: Engine, body: str) -> None:
    """Content that would have to be scrolled to is named by its element; without `full_page` it is as written."""
    whole, window = await draw(engine, page(body), full_page=True), await draw(engine, page(body))

    assert codes(whole) == ["content_clipped"]
    assert ("<body>" if "height:100%" in body else "list>") in whole.warnings[0].message
    assert window.warnings == []


WHOLE = {
    "nothing scrolls": LINES,
    "a list with room": "<div style='overflow:auto;height:99px'><p>line</p></div>",
    "the window scrolls": f"<style>body{{overflow:auto;height:100%}}</style>{LINES}",
    "the root scrolls": f"<style>html{{overflow-y:scroll;height:100%}}</style>{LINES}",
    "the body hides its edges": f"<style>body{{overflow:hidden;height:100vh}}</style>{LINES}",
    "decoration": (
        "<div style='overflow:hidden;height:99px;position:relative'>x<i style='position:absolute;left:50px;top:60px;"
        "width:900px;height:900px;border-radius:50%;background:red'></i></div>"
    ),
    "decoration of the body": (
        "<style>html,body{height:100%;overflow:hidden}</style>x<i style='position:absolute;top:60px;width:900px;"
        "height:900px;background:red'></i>"
    ),
    "one axis hidden for decoration": (
        "<div style='overflow-x:hidden;height:60px;position:relative'>x<i style='position:absolute;top:50px;width:90px;"
        "height:90px;background:red'></i></div>"
    ),
    "lines that are clamped": (
        f"<p style='display:-webkit-box;-webkit-line-clamp:2;-webkit-box-orient:vertical;overflow:hidden'>{'x ' * 99}"
    ),
    "an ellipsis": f"<p style='overflow:hidden;white-space:nowrap;text-overflow:ellipsis'>{'word ' * 99}</p>",
    "letters that stand out": "<div style='overflow:auto;line-height:.9;font-size:20px'>gÄg</div>",
    "invisible": f"<div style='visibility:hidden;{SCROLLER}'>{LINES}</div>",
    "collapsed": f"<div style='height:0;overflow:auto'>{LINES}</div>",
    "for readers of screens": "<p style='position:absolute;width:1px;height:1px;overflow:hidden'>word word word</p>",
}


@pytest.mark.parametrize("body", WHOLE.values(), ids=WHOLE.keys())
async def test_a_full_page_is_not_blamed_for_decoration(engine: Engine, body: str) -> None:
    """What is hidden on purpose, and what the whole page shows, is no warning."""
    assert (await draw(engine, page(body), full_page=True)).warnings == []


async def test_only_the_full_page_of_several_pictures_is_clipped(engine: Engine) -> None:
    """The warning is there whichever picture is drawn first."""
    for names in ("window whole", "whole window"):
        variants = [{"name": name, "full_page": name == "whole"} for name in names.split()]
        rendering = await draw(engine, page(CLIPPED["a list that scrolls"]), variants=variants)

        assert codes(rendering) == ["content_clipped"]


UNFITTED = {
    "text of a drawing": "<svg><text id=a data-fit=shrink y=20>x</text></svg>",
    "a formula": "<math id=a data-fit=shrink><mi>x</mi></math>",
    "a form": "<form id=a data-fit=shrink>x</form>",
    "the hundred and first": "<p data-fit=shrink>x</p>" * 100
    + "<p id=a data-fit=shrink>x</p><style>p{position:absolute}</style>",
}


@pytest.mark.parametrize("body", UNFITTED.values(), ids=UNFITTED.keys())
async def test_a_text_that_is_not_fitted_is_told_of(engine: Engine, body: str) -> None:
    """`data-fit` on what has no box of its own, and on more texts than are fitted, is named."""
    rendering = await draw(engine, page(body))

    assert codes(rendering) == ["text_not_fitted"]
    assert " a>" in rendering.warnings[0].message


GRADIENTS: Final = "linear-gradient(#000 0 0) padding-box,linear-gradient(#000 0 0)"
LEFT_OUT = {
    "backdrop-filter": "backdrop-filter:blur(4px)",
    "mix-blend-mode: plus-lighter": "mix-blend-mode:plus-lighter",
    "mask-composite": f"mask:{GRADIENTS};mask-composite:exclude",
    "mask-composite by another name": f"-webkit-mask:{GRADIENTS};-webkit-mask-composite:xor",
    "backface-visibility": "backface-visibility:hidden;transform:rotateY(180deg)",
    "transform-style: preserve-3d": "transform-style:preserve-3d",
}


@pytest.mark.parametrize(("name", "style"), LEFT_OUT.items(), ids=LEFT_OUT.keys())
async def test_a_pdf_tells_of_the_effects_that_it_has_not(engine: Engine, name: str, style: str) -> None:
    """The property is named with an element that has it, also where a generated box has it; a picture has them all."""
    body = "<p id=card><b></b><i></i></p>"
    within = "b{transform:translateZ(9px)}"
    html = page(body, f"p{{{style}}}{within}")
    paper, picture = await draw(engine, html, format="pdf"), await draw(engine, html)

    assert codes(paper) == ["pdf_unsupported"]
    assert f"{name.removesuffix(' by another name')} of <p card>" in paper.warnings[0].message
    assert picture.warnings == []


PRINTED = {
    "filter": "filter:blur(4px) grayscale(1)",
    "shadow": "box-shadow:0 0 9px red;text-shadow:0 0 9px red",
    "mask": "mask-image:linear-gradient(#000,transparent)",
    "masks that add up": f"mask:{GRADIENTS}",
    "one mask with functions": "mask:linear-gradient(rgb(0,0,0),rgb(0,0,0,0));mask-composite:intersect",
    "clip": "clip-path:circle(9px)",
    "blending": "mix-blend-mode:multiply",
    "a front that is seen": "backface-visibility:hidden;transform:rotateY(20deg)",
    "perspective": "transform:perspective(99px) rotateX(20deg)",
    "flat children": "transform-style:preserve-3d",
    "invisible": "visibility:hidden;backdrop-filter:blur(4px)",
}


@pytest.mark.parametrize("style", PRINTED.values(), ids=PRINTED.keys())
async def test_a_pdf_does_not_apologise_for_what_it_shows(engine: Engine, style: str) -> None:
    """Effects that Chromium draws, or turns into an image, are no warning."""
    html = page("<p><b>x</b><i>y</i></p>", f"p{{{style}}}")

    assert (await draw(engine, html, format="pdf")).warnings == []


async def test_a_generated_box_has_effects_as_well(engine: Engine) -> None:
    """The usual border of a gradient is made with one."""
    style = f"p::before{{content:'';position:absolute;inset:0;mask:{GRADIENTS};mask-composite:exclude}}"
    (warning,) = (await draw(engine, page("<p>x", style), format="pdf")).warnings

    assert "mask-composite of <p>::before" in warning.message


def _is_on_the_page(data: bytes, color: bytes) -> bool:
    """Say whether the page itself fills with a color, not a group on it: the page begins with the scale of points."""
    streams = re.findall(rb"/FlateDecode.*?stream\r?\n(.*?)\r?\nendstream", data, re.DOTALL)
    contents = [zlib.decompressobj().decompress(stream) for stream in streams]
    (found,) = [content for content in contents if color in content]
    return found.startswith(b".2399")


@pytest.mark.parametrize("element", ["html", "body"])
async def test_a_pdf_blends_with_the_background_of_the_page(engine: Engine, element: str) -> None:
    """The background is in the group that elements blend in, as on the screen; without blending it is where it was."""
    plain = f"{element}{{background:#123456}}p{{height:50px;background:#00ff00}}"
    color = b".0706 .2039 .3373 rg"
    flat, blended = [
        (await draw(engine, page("<p></p>", plain + more), format="pdf")).images[0].data
        for more in ("", "p{mix-blend-mode:multiply}")
    ]

    assert _is_on_the_page(flat, color)
    assert not _is_on_the_page(blended, color)
    assert b"/BM /Multiply" in blended


@pytest.mark.parametrize("style", ["html{margin:9px}", "html::before{content:'x'}"])
async def test_a_pdf_tells_where_it_cannot_blend_with_the_page(engine: Engine, style: str) -> None:
    """A root with a margin or a generated box of its own leaves no place for the background."""
    rendering = await draw(engine, page("<p>x", style + "p{mix-blend-mode:multiply}"), format="pdf")

    assert codes(rendering) == ["pdf_unsupported"]
    assert "mix-blend-mode with the page's background of <html>" in rendering.warnings[0].message


ASKED_FOR = {
    "frame": "<iframe src='https://x.test/'></iframe>",
    "object": "<object data='https://x.test/a.svg'></object>",
    "embedded object": "<embed src='https://x.test/a.png'>",
    "video": "<video src='https://x.test/a.mp4'></video>",
    "source of a video": "<video><source src='https://x.test/a.mp4'></video>",
    "import": "<style>@import 'https://x.test/a.css';</style>",
    "drawing": "<svg><use href='https://x.test/a.svg#b'/></svg>",
    "image of a mail": "<img src='cid:logo'>",
    "image of this machine": "<img src='file:///logo.png'>",
}


@pytest.mark.parametrize("body", ASKED_FOR.values(), ids=ASKED_FOR.keys())
async def test_what_is_asked_for_elsewhere_and_never_comes_is_told_of(engine: Engine, body: str) -> None:
    """Whatever kind of element asks for it, and whatever kind of address it is."""
    assert codes(await draw(engine, page(body))) == ["asset_blocked"]


DRAWN: dict[str, Any] = {
    "object": f"<object data='{image_url('red')}'></object>",
    "embedded object": f"<embed src='{image_url('red')}'>",
    "frame": "<iframe src='data:text/html,<p>x'></iframe>",
    "video without address": "<video></video>",
    "style sheet": "<link rel=stylesheet href='data:text/css,p{color:red}'><p>x",
    "container": "<style>p{container-type:inline-size}@container(width>9px){b{color:red}}</style><p><b>x",
    "form": "<form action='https://x.test/'><input><button>x</button></form>",
    "late refresh": "<meta http-equiv=refresh content='60;https://x.test/'>",
    "icon": "<link rel=icon href='https://x.test/i.ico'>",
    "image without address": "<img alt=x>",
}


@pytest.mark.parametrize("body", DRAWN.values(), ids=DRAWN.keys())
async def test_what_is_drawn_is_no_warning(engine: Engine, body: str) -> None:
    """Elements that show what they are to show, or that have nothing to show."""
    assert (await draw(engine, page(body))).warnings == []


EXAMPLES = {name: wanted for name, wanted in DOCUMENTS.items() if name.startswith("example: ")}
OUTPUTS = [
    {"name": "window"},
    {"name": "whole", "full_page": True, "height": 300},
    {"name": "paper", "format": "pdf"},
    {"name": "whole-paper", "format": "pdf", "full_page": True, "height": 300},
]


@pytest.mark.parametrize("javascript", [False, True], ids=["still", "scripted"])
@pytest.mark.parametrize("wanted", EXAMPLES.values(), ids=EXAMPLES.keys())
async def test_the_examples_lack_nothing(engine: Engine, wanted: RenderRequest, javascript: bool) -> None:
    """The templates of the contract and of the example site are complete in every output, with scripts and without."""
    assert (await draw(engine, wanted.html, javascript=javascript, variants=OUTPUTS)).warnings == []
