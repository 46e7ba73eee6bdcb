"""Documents that no author means to write, or whose scripts take them apart: each is a poster all the same."""

import pytest

from renderer.engine import Engine
from renderer.errors import RenderError
from tests.renderer.drawing import decode, draw, page, picture, rgb

pytestmark = pytest.mark.asyncio(loop_scope="session")
GREEN = (0, 128, 0)
WHITE = (255, 255, 255)
OUTPUTS = [{"name": "screen"}, {"name": "whole", "full_page": True, "width": 210}, {"name": "paper", "format": "pdf"}]
BOX = "b{display:block;height:500px;background:green}"
LONG = "<p id=p data-fit=shrink style='width:20px;white-space:nowrap;margin:0'>far too long a text</p>"

EMPTYING = {
    "no root": "document.documentElement.remove()",
    "no root once loaded": "addEventListener('load',()=>document.documentElement.remove())",
    "no root when parsed": "addEventListener('DOMContentLoaded',()=>document.documentElement.remove())",
    "only a comment": "document.replaceChildren(document.createComment('x'))",
    "no body": "document.body.remove()",
    "a frame set for a body": "document.body.replaceWith(document.createElement('frameset'))",
    "a root of no kind": "document.documentElement.replaceWith(document.createElementNS('urn:x','y'))",
    "opened anew once loaded": "addEventListener('load',()=>document.open())",
    "no root once it is changed": "new MutationObserver(()=>document.replaceChildren()).observe(p,{attributes:true})",
    "no root once it loses focus": "i.onblur=()=>document.replaceChildren()",
    "no root once its motion ends": "p.animate({opacity:[0,1]},9e3).onfinish=()=>document.replaceChildren()",
    "an element that takes the root away": (
        "customElements.define('x-p',class extends HTMLProgressElement{static observedAttributes=['value'];"
        "attributeChangedCallback(){document.replaceChildren()}},{extends:'progress'})"
    ),
}


@pytest.mark.parametrize("script", EMPTYING.values(), ids=EMPTYING.keys())
async def test_a_document_that_takes_itself_away_is_an_empty_picture(engine: Engine, script: str) -> None:
    """Without root or body there is nothing to see, on as much of it as was asked for; also on paper."""
    html = page(f"{LONG}<progress is=x-p></progress><input id=i autofocus><script>{script}</script>")
    rendering = await draw(engine, html, javascript=True, variants=OUTPUTS)
    screen, whole, paper = rendering.images

    assert [(image.width, image.height) for image in rendering.images] == [(200, 100), (210, 100), (200, 100)]
    assert decode(screen.data).convert("RGB").getcolors() == [(20_000, WHITE)]
    assert decode(whole.data).convert("RGB").getcolors() == [(21_000, WHITE)]
    assert paper.data.startswith(b"%PDF-")


async def test_a_selector_finds_nothing_in_a_document_without_root(engine: Engine) -> None:
    """It is refused as one that shows nothing, as in any other document."""
    with pytest.raises(RenderError, match="shows nothing") as refused:
        await draw(engine, page("<p>x<script>document.replaceChildren()</script>"), javascript=True, selector="p")

    assert refused.value.code == "output_invalid"


STUBBORN = {
    "events withheld": "addEventListener('load',event=>event.stopImmediatePropagation(),true)",
    "another root": (
        "const root=document.createElement('html');root.innerHTML=document.documentElement.innerHTML;"
        "document.documentElement.replaceWith(root)"
    ),
    "globals taken away": (
        "for(const name of Object.getOwnPropertyNames(globalThis))if(!/^(document|location)$/.test(name))"
        "try{globalThis[name]=null}catch{}"
    ),
    "arrays spoilt": (
        "for(const name of Object.getOwnPropertyNames(Array.prototype))try{Array.prototype[name]=()=>{throw 1}}catch{}"
    ),
    "promises and objects spoilt": (
        "Promise.prototype.then=()=>{throw 1};Object.prototype.then=()=>0;"
        "Object.defineProperty(Object.prototype,'get',{get(){throw 1}})"
    ),
    "nodes spoilt": (
        "for(const kind of [Document,Node,Element,HTMLElement,EventTarget])"
        "for(const name of Object.getOwnPropertyNames(kind.prototype))try{delete kind.prototype[name]}catch{}"
    ),
    "changes undone": "new MutationObserver(()=>p.removeAttribute('style')).observe(p,{attributes:true})",
    "elements that throw": (
        "customElements.define('x-p',class extends HTMLProgressElement{static observedAttributes=['value'];"
        "attributeChangedCallback(){throw 1}},{extends:'progress'});customElements.define=null"
    ),
}


@pytest.mark.parametrize("script", STUBBORN.values(), ids=STUBBORN.keys())
async def test_what_a_script_takes_from_the_page_is_not_taken_from_us(engine: Engine, script: str) -> None:
    """The poster shows what a browser shows, and in no more time than others take."""
    html = page(f"<b></b>{LONG}<progress is=x-p></progress><script>{script}</script>", BOX)
    image = await picture(engine, html, javascript=True, deadline_seconds=10)

    assert image.convert("RGB").getcolors() == [(20_000, GREEN)]


MOVING = "@keyframes k{to{color:red}}i,g{animation:k 9s}"
ODD = {
    "frame set": "<frameset cols='*,*'><frame><frame></frameset>",
    "like XML": "<?xml version='1.0'?><html xmlns='http://www.w3.org/1999/xhtml'><body><p/>x<![CDATA[y]]></body></html>",
    "nothing": "",
    "names of members": page("<img name=documentElement><img name=documentElement><i>x</i>", MOVING),
    "names of more members": page(
        "<img name=getElementById><img name=documentElement><svg><g id=a></g><use href='#a'/></svg>", MOVING
    ),
    "an address that is not encoded": page("<svg><use href='#%'/><use href='#%E0%A4%A'/><use/></svg>"),
    "attributes that cannot be named": page(
        "<svg><set attributeName='x y' to=5 fill=freeze /><set attributeName='=' to=5 fill=freeze /></svg>"
    ),
    "a marquee with odd attributes": page("<marquee @click=x =y='1' a\"b=c>m</marquee>"),
    "focus on a drawing": page("<svg autofocus tabindex=0></svg>"),
    "focus on a formula": page("<math autofocus tabindex=0><mi>x</mi></math>"),
    "a refresh that is none": page("<meta http-equiv=refresh><meta http-equiv=refresh content=soon>"),
    "a refresh after all time": page(f"<meta http-equiv=refresh content='{'9' * 400}'>"),
}


@pytest.mark.parametrize("html", ODD.values(), ids=ODD.keys())
async def test_odd_markup_is_a_poster(engine: Engine, html: str) -> None:
    """What the browser takes in, the steps around it take in as well."""
    rendering = await draw(engine, html, variants=OUTPUTS)

    assert len(rendering.images) == 3
    assert rendering.warnings == []


async def test_what_is_repeated_may_hold_elements_without_style(engine: Engine) -> None:
    """Elements that are neither HTML nor SVG have no style of their own to bring to rest."""
    script = "a.append(document.createElementNS('urn:x','y'))"
    moving = "*{animation:k 9s}@keyframes k{to{outline:0}}svg{position:absolute}"
    html = page(f"<b></b><svg><g id=a></g><use href='#a'/></svg><script>{script}</script>", BOX + moving)
    image = await picture(engine, html, javascript=True)

    assert rgb(image, 50, 50) == GREEN


async def test_a_refresh_that_is_soon_is_still_refused(engine: Engine) -> None:
    """Seconds may begin with a point."""
    with pytest.raises(RenderError) as refused:
        await draw(engine, page("<meta http-equiv=refresh content='.5; url=about:blank'>"))

    assert refused.value.code == "navigated"


async def test_more_elements_than_a_call_takes(engine: Engine) -> None:
    """A shadow tree may hold as many elements as a document does."""
    many = "<i></i>" * 130_000
    html = page(f"<p hidden><template shadowrootmode=open>{many}</template></p><b></b>", BOX)
    image = await picture(engine, html, deadline_seconds=60)

    assert rgb(image, 50, 99) == GREEN
