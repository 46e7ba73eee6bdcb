"""Scripts of a template: what they do while the document loads, and at once after that, is in the picture."""

import pytest

from agents.render.engine import Engine
from tests.render.drawing import draw, image_url, page, picture, rgb

pytestmark = pytest.mark.asyncio(loop_scope="session")
RED = (255, 0, 0)
WHITE = (255, 255, 255)
TIMES = 3
BOX = "i{display:block;width:100px;height:100px;background:blue}i.b{background:red}"
SLOWLY = "i{transition:all 9s}"
ANIMATE = "i.animate([{background:'blue'},{background:'red'}],{duration:9e3,fill:'forwards'})"
REWRITE = "document.open();document.write('<style>*{margin:0;background:red}</style>x')"


def scripted(script: str, style: str = "") -> str:
    """Return a document with a blue box that `go()` in its script makes red."""
    begin = "const i=document.querySelector('i');const go=()=>{i.className='b'};"
    return page(f"<i></i><script>{begin}{script}</script>", BOX + style)


VIEW_TRANSITIONS = {
    "at once": "document.startViewTransition(go)",
    "when parsed": "addEventListener('DOMContentLoaded',()=>document.startViewTransition(go))",
    "when loaded": "onload=()=>document.startViewTransition(async()=>{await 0;go()})",
    "with types": "document.startViewTransition({update:go,types:['x']})",
    "of an element": "i.startViewTransition(go)",
    "once ready": "document.startViewTransition(()=>0).ready.then(go)",
    "once finished": "onload=()=>document.startViewTransition(()=>0).finished.then(go)",
}


@pytest.mark.parametrize("script", VIEW_TRANSITIONS.values(), ids=VIEW_TRANSITIONS.keys())
async def test_a_view_transition_is_over(engine: Engine, script: str) -> None:
    """The picture shows what the transition leads to, however long it takes."""
    style = "::view-transition-group(*),::view-transition-old(*),::view-transition-new(*){animation-duration:60s}"
    image = await picture(engine, scripted(script, style), javascript=True)

    assert rgb(image, 50, 50) == RED


STOPPED = {
    "at once": "go();stop()",
    "when parsed": "addEventListener('DOMContentLoaded',()=>{go();stop()})",
    "later": "go();document.body.append(new Image());setTimeout(stop)",
    "opened anew": f"addEventListener('DOMContentLoaded',()=>{{{REWRITE}}})",
    "opened anew and closed": f"addEventListener('DOMContentLoaded',()=>{{{REWRITE};document.close()}})",
    "opened anew by a timer": f"setTimeout(()=>{{{REWRITE}}})",
    "opened anew without timers": (
        f"for(let k=0;k<99;k++)clearTimeout(k);addEventListener('DOMContentLoaded',()=>{{{REWRITE}}})"
    ),
}


@pytest.mark.parametrize("script", STOPPED.values(), ids=STOPPED.keys())
async def test_a_document_that_stops_loading_is_drawn_as_it_is(engine: Engine, script: str) -> None:
    """No load event comes, and the picture shows what there is."""
    image = await picture(engine, scripted(script), javascript=True)

    assert rgb(image, 50, 50) == RED


async def test_a_document_opened_anew_may_be_empty(engine: Engine) -> None:
    """Nothing was written into it, and nothing is waited for."""
    script = "addEventListener('DOMContentLoaded',()=>document.open())"
    image = await picture(engine, scripted(script), javascript=True)

    assert image.convert("RGB").getcolors() == [(20_000, WHITE)]


PARTS = {
    "address": "go();location.hash='x'",
    "address when loaded": "onload=()=>{go();location.hash='x'}",
    "link": "go();const a=document.createElement('a');a.href='#x';document.body.append(a);a.click()",
    "history": "go();history.pushState(1,'','#y');history.replaceState(2,'')",
    "back": "go();history.pushState(1,'');history.back()",
    "navigation": "go();navigation.navigate('#x')",
}


@pytest.mark.parametrize("script", PARTS.values(), ids=PARTS.keys())
async def test_a_part_of_the_document_is_no_other_document(engine: Engine, script: str) -> None:
    """A script that goes to a part of its own document stays in it."""
    image = await picture(engine, scripted(script), javascript=True)

    assert rgb(image, 50, 50) == RED


LATE = {
    "style when loaded": "addEventListener('load',()=>{i.offsetWidth;go()})",
    "animation when loaded": f"addEventListener('load',()=>{ANIMATE})",
    "animation once fonts are there": f"addEventListener('load',async()=>{{await document.fonts.ready;{ANIMATE}}})",
    "animation once it is drawn": f"onload=()=>requestAnimationFrame(()=>requestAnimationFrame(()=>{ANIMATE}))",
    "style once it is seen": "new IntersectionObserver(([seen])=>{if(seen.isIntersecting)go()}).observe(i)",
    "style once it has a size": "new ResizeObserver(go).observe(i)",
    "timer": "onload=()=>setTimeout(go)",
    "message": "onmessage=go;onload=()=>postMessage(1,'*')",
    "fetch": "fetch('data:,x').then(answer=>answer.text()).then(go)",
    "decoded image": f"const g=new Image();g.src='{image_url('red')}';g.decode().then(go)",
    "one animation after the other": f"onload=()=>i.animate([{{opacity:1}},{{opacity:.5}}],9e3).onfinish=()=>{ANIMATE}",
    "one transition after the other": (
        "addEventListener('transitionend',()=>i.style.background='red');onload=()=>{i.style.background='lime'}"
    ),
}


@pytest.mark.parametrize("script", LATE.values(), ids=LATE.keys())
async def test_what_a_script_sets_in_motion_is_at_its_end(engine: Engine, script: str) -> None:
    """Motion begun by what a script does at once when the document is there comes to rest as any other."""
    html = scripted(script, SLOWLY)
    images = [(await draw(engine, html, javascript=True)).images[0].data for _ in range(TIMES)]

    assert rgb(await picture(engine, html, javascript=True), 50, 50) == RED
    assert len(set(images)) == 1


async def test_a_script_that_never_rests_holds_up_nothing(engine: Engine) -> None:
    """What changes in every frame is drawn as it is."""
    script = "const f=()=>{i.dataset.n=performance.now();requestAnimationFrame(f)};f();go()"
    image = await picture(engine, scripted(script), javascript=True, deadline_seconds=5)

    assert rgb(image, 50, 50) == RED


@pytest.mark.parametrize("kind", ["webgl", "webgl2"])
async def test_what_a_script_draws_in_three_dimensions_is_in_the_picture(engine: Engine, kind: str) -> None:
    """Without a graphics card as well, at once or with the next frame."""
    clear = "g.clearColor(1,0,0,1);g.clear(g.COLOR_BUFFER_BIT)"
    for when in (clear, f"requestAnimationFrame(()=>{{{clear}}})"):
        canvas = "<canvas id=c width=200 height=100></canvas>"
        html = page(f"{canvas}<script>const g=c.getContext('{kind}');{when}</script>")
        image = await picture(engine, html, javascript=True)

        assert rgb(image, 100, 50) == RED
