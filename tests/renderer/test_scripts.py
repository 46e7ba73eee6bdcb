"""Scripts of a template: what they do while it loads, and in three seconds of their time, is in the picture."""

import time
from html import escape
from typing import Any

import PIL.Image
import pytest

from renderer.engine import Engine
from tests.renderer.drawing import decode, draw, image_url, page, picture, rgb

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


async def drawn_alike(engine: Engine, html: str, **fields: Any) -> PIL.Image.Image:
    """Draw a document some times, and return its picture, which has the same bytes each time."""
    images = [(await draw(engine, html, javascript=True, **fields)).images[0].data for _ in range(TIMES)]

    assert len(set(images)) == 1
    return decode(images[0])


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
    image = await drawn_alike(engine, scripted(script, SLOWLY))

    assert rgb(image, 50, 50) == RED


CHART = (
    "const c=document.createElement('canvas');c.width=c.height=100;i.append(c);const g=c.getContext('2d');let at;"
    "const draw=frame=>{const now=NOW;at??=now;const part=Math.min(1,(now-at)/1e3);g.fillStyle=part<1?'lime':'red';"
    "g.fillRect(0,0,100*part,100);if(part<1)requestAnimationFrame(draw)};requestAnimationFrame(draw)"
)
LATER = {
    "chart by date": CHART.replace("NOW", "Date.now()"),
    "chart by new date": CHART.replace("NOW", "new Date()"),
    "chart by clock": CHART.replace("NOW", "performance.now()"),
    "chart by frame": CHART.replace("NOW", "frame"),
    "chart begun late": f"setTimeout(()=>{{{CHART.replace('NOW', 'frame')}}},1000)",
    "sixty frames": "let n=0;const f=()=>{if((n+=1)<60)requestAnimationFrame(f);else go()};f()",
    "timer": "setTimeout(go,2900)",
    "timer with arguments": "setTimeout((x,y)=>{if(x+y===3)go()},500,1,2)",
    "timer of a text": "window.go=go;setTimeout('go()',500)",
    "timer after timer": "let n=0;const f=()=>{if((n+=1)<50)setTimeout(f,50);else go()};f()",
    "timers in order": (
        "let said='';for(const n of [3,1,2,1])setTimeout(()=>said+=n,n*100);setTimeout(()=>{if(said==='1123')go()},500)"
    ),
    "interval": "let n=0;const t=setInterval(()=>{if((n+=1)===20){clearInterval(t);go()}},100)",
    "timer after an error": "setTimeout(()=>{throw Error('x')},100);setTimeout(go,200)",
    "promise between timers": (
        "let said='';setTimeout(()=>{said+=1;Promise.resolve().then(()=>said+=2)},9);"
        "setTimeout(()=>{if(said==='12')go()},9)"
    ),
    "cleared timers": (
        "for(const off of [clearTimeout,clearInterval])off(setTimeout(()=>i.remove(),50));"
        "cancelAnimationFrame(requestAnimationFrame(()=>i.remove()));setTimeout(go,500)"
    ),
    "frame cleared by a frame": "requestAnimationFrame(()=>cancelAnimationFrame(t));"
    "const t=requestAnimationFrame(()=>i.remove());setTimeout(go,500)",
    "asking until it is time": "const end=performance.now()+100;while(performance.now()<end);go()",
    "asking until it is later": "const end=Date.now()+50;while(Date.now()<end);go()",
    "message": (
        "const c=new MessageChannel();c.port1.onmessage=()=>setTimeout(go,100);"
        "setTimeout(()=>c.port2.postMessage(1),100)"
    ),
    "seen between frames": (
        "const f=()=>requestAnimationFrame(f);f();new IntersectionObserver(()=>setTimeout(go,500)).observe(i)"
    ),
    "idle": "requestIdleCallback(()=>setTimeout(go,500))",
    "signal": "AbortSignal.timeout(500).onabort=go",
    "task": "scheduler.postTask(go,{delay:500})",
    "timer with members of its own": "const f=()=>go();f.apply=f.call=()=>{};setTimeout(f,500)",
    "ten thousand timers": "let n=0;for(let k=0;k<1e4;k++)setTimeout(()=>{if((n+=1)===1e4)go()},k%2000)",
    "timer that is cleared and one that is not": "clearTimeout(setTimeout(()=>i.remove(),50));setTimeout(go,50)",
    "time of an event": (
        "setTimeout(()=>{const at=performance.now();i.onclick=e=>{if(e.timeStamp>=at)go()};i.click()},1500)"
    ),
    "time since the epoch": "if(Math.abs(performance.timeOrigin+performance.now()-Date.now())<50)go()",
}
PICTURE = f"data:image/png;base64,{image_url('red', (2000, 2000)).partition(',')[2]}"
SHOW = "const show=address=>{const m=new Image();m.width=m.height=100;m.src=address;i.append(m)};"
DRAW = (
    "const draw=image=>{const c=document.createElement('canvas');c.width=c.height=100;"
    "c.getContext('2d').drawImage(image,0,0,100,100);i.append(c)};"
)
LARGE = "const l=new OffscreenCanvas(1500,1500);const g=l.getContext('2d');g.fillStyle='red';g.fillRect(0,0,1500,1500);"
LARGE_ELEMENT = LARGE.replace(
    "new OffscreenCanvas(1500,1500)", "document.createElement('canvas');l.width=l.height=1500"
)
BEGUN = {
    "toBlob": f"{SHOW}{LARGE_ELEMENT}l.toBlob(blob=>show(URL.createObjectURL(blob)))",
    "convertToBlob": f"{SHOW}{LARGE}l.convertToBlob().then(blob=>show(URL.createObjectURL(blob)))",
    "bitmap": f"{DRAW}fetch('{PICTURE}').then(a=>a.blob()).then(createImageBitmap).then(draw)",
    "picture that is drawn": f"{DRAW}const m=new Image();m.onload=()=>draw(m);m.src='{PICTURE}'",
    "picture that is decoded": f"{DRAW}const m=new Image();m.src='{PICTURE}';m.decode().then(()=>draw(m))",
    "picture that is broken": "const m=new Image();m.onerror=go;m.src='data:image/png;base64,AAAA'",
    "text": "fetch('data:,x').then(a=>a.text()).then(text=>setTimeout(go,text.length*100))",
    "json": "fetch('data:,[1]').then(a=>a.json()).then(([one])=>{if(one===1)go()})",
    "file": "const r=new FileReader();r.onload=()=>{if(r.result==='x')go()};r.readAsText(new Blob(['x']))",
    "request": "const x=new XMLHttpRequest();x.onload=go;x.open('GET','data:,x');x.send()",
    "request that is waited for": (
        "const x=new XMLHttpRequest();x.open('GET','data:,x',false);try{x.send()}finally{setTimeout(go,500)}"
    ),
    "program": "WebAssembly.instantiate(Uint8Array.of(0,97,115,109,1,0,0,0)).then(go)",
    "script": (
        "setTimeout(()=>{const s=document.createElement('script');s.onload=()=>setTimeout(go,500);"
        "s.src=URL.createObjectURL(new Blob([';'.repeat(3e6)]));document.body.append(s)},500)"
    ),
    "picture named by its attribute": (
        f"{DRAW}const m=new Image();m.onload=()=>draw(m);setTimeout(()=>m.setAttribute('src','{PICTURE}'),500)"
    ),
    "before its time is up": (
        "const answer=fetch('data:,x').then(a=>a.text());const late=new Promise((_,no)=>setTimeout(no,100));"
        "Promise.race([answer,late]).then(go)"
    ),
    "later, before its time is up": (
        "setTimeout(()=>{const c=new AbortController();setTimeout(()=>c.abort(),100);"
        "fetch('data:,x',{signal:c.signal}).then(a=>a.text()).then(go)},100)"
    ),
    "one after the other": (
        f"{SHOW}{LARGE_ELEMENT}setTimeout(()=>l.toBlob(b=>setTimeout(()=>show(URL.createObjectURL(b)),500)),500)"
    ),
}


@pytest.mark.parametrize("script", [*LATER.values(), *BEGUN.values()], ids=[*LATER.keys(), *BEGUN.keys()])
async def test_what_a_script_does_later_is_in_the_picture(engine: Engine, script: str) -> None:
    """What it leaves for the next three seconds, for which nobody waits, or for when something it has begun is done."""
    image = await drawn_alike(engine, scripted(script))

    assert rgb(image, 50, 50) == RED


STUCK = "new Response(new ReadableStream()).text()"
REPLACED = "['get','set','has','delete','values','add']"
UNWILLING = {
    "what never ends": f"{STUCK};setTimeout(go,2500)",
    "what never ends, again and again": f"setInterval(()=>{STUCK},100);setTimeout(go,2500)",
    "endless requests": "const f=()=>fetch('data:,x').then(f);f();setTimeout(go,2500)",
    "more and more timers": "go();const f=()=>{setTimeout(f,100);setTimeout(f,100)};f()",
    "slow frames": "go();const f=()=>{const at=Date.now()+200;while(new Date()<at);requestAnimationFrame(f)};f()",
    "a frame that is closed later": (
        "const f=document.createElement('iframe');document.body.append(f);const d=f.contentDocument;d.open();"
        "d.write('x');setTimeout(()=>{d.close();go()},500)"
    ),
    "no events": "globalThis.Event=globalThis.CustomEvent=null;setTimeout(go,500)",
    "maps of its own": (
        f"for(const n of {REPLACED})Map.prototype[n]=Set.prototype[n]=()=>{{throw 1}};setTimeout(go,500)"
    ),
    "iterators of its own": (
        "for(const o of [Array,Map,Set])o.prototype[Symbol.iterator]=()=>{throw 1};setTimeout(go,500)"
    ),
    "endless errors": "onerror=e=>{throw e};setInterval(()=>{throw null},9);setTimeout(go,500)",
}


@pytest.mark.parametrize("script", UNWILLING.values(), ids=UNWILLING.keys())
async def test_whatever_a_script_does_its_document_is_drawn(engine: Engine, script: str) -> None:
    """Waiting for what it has begun has an end, and so has letting its time pass, long before the poster's deadline."""
    image = await picture(engine, scripted(script), javascript=True)

    assert rgb(image, 50, 50) == RED


@pytest.mark.parametrize("count", [20, 1_000])
async def test_one_animation_after_the_other_ends_alike(engine: Engine, count: int) -> None:
    """Twenty are at their end; of endlessly many the last that was begun stands where it begins."""
    step = "i.animate([{opacity:1},{opacity:.2}],500).finished"
    html = scripted(f"(async()=>{{for(let k=0;k<{count};k++)await {step};go()}})()")
    image = await drawn_alike(engine, html)

    assert rgb(image, 50, 50) == (RED if count == 20 else (0, 0, 255))


async def test_a_canvas_is_encoded_as_it_asks(engine: Engine) -> None:
    """In the format that it names, else as PNG; one without pixels gives none, and what is no function is refused."""
    script = (
        "const c=document.createElement('canvas');const told=[];const name='image/jpeg';"
        "const tell=blob=>told.push(blob&&blob.type);"
        "c.toBlob(tell);c.toBlob(tell,name,.5);"
        "try{c.toBlob(1)}catch(error){told.push(error instanceof TypeError)}"
        "const o=new OffscreenCanvas(9,9);o.getContext('2d');o.convertToBlob({type:name}).then(tell);"
        "new OffscreenCanvas(0,9).convertToBlob().catch(error=>told.push(error.name));"
        "const e=document.createElement('canvas');e.width=0;e.toBlob(tell);"
        "setTimeout(()=>{if(told.sort()+''==='IndexSizeError,image/jpeg,image/jpeg,image/png,,true')go()},500)"
    )
    image = await picture(engine, scripted(script), javascript=True)

    assert rgb(image, 50, 50) == RED


@pytest.mark.parametrize("how", ["sandbox=allow-scripts", ""], ids=["sandboxed", "its own"])
async def test_what_a_script_of_a_frame_does_later_is_in_the_picture(engine: Engine, how: str) -> None:
    """Time passes in frames as well."""
    inner = f"<style>body{{margin:0}}{BOX}</style>{scripted('setTimeout(go,1000)').partition('<body>')[2]}"
    frame = f'<iframe {how} srcdoc="{escape(inner)}" style="border:0"></iframe>'
    image = await picture(engine, page(frame), javascript=True)

    assert rgb(image, 50, 50) == RED


async def test_every_variant_gives_scripts_their_time(engine: Engine) -> None:
    """What a script does some time after its window has another size is in that variant."""
    script = "let t;onresize=()=>{clearTimeout(t);t=setTimeout(()=>{i.style.width=innerWidth+'px';go()},250)}"
    variants = [{"name": "small"}, {"name": "wide", "width": 400}]
    _, wide = (await draw(engine, scripted(script), javascript=True, variants=variants)).images

    assert rgb(decode(wide.data), 350, 50) == RED


async def test_what_is_left_for_much_later_does_not_happen(engine: Engine) -> None:
    """And nobody waits for it."""
    started = time.monotonic()
    image = await picture(engine, scripted("setTimeout(go,3100);setTimeout(go,60e3)"), javascript=True)

    assert rgb(image, 50, 50) == (0, 0, 255)
    assert time.monotonic() - started < 3


async def test_dates_are_dates(engine: Engine) -> None:
    """A date without arguments has the virtual time; all else is as in any browser."""
    now = time.time() * 1000
    checks = [
        "new Date() instanceof Date",
        "new Date(0).toISOString()==='1970-01-01T00:00:00.000Z'",
        "new Date(2026,0,2).getDate()===2",
        "typeof Date()==='string'",
        "Date.UTC(1970,0,1)===0",
        "new (class extends Date{})(5).getTime()===5",
        "new Date().constructor===Date",
        "Number.isInteger(Date.now())",
        f"Math.abs(new Date()-{now})<6e4",
        f"Math.abs(Date.parse(Date())-{now})<6e4",
        f"Math.abs(new (class extends Date{{}})()-{now})<6e4",
    ]
    script = f"const failed=[{','.join(repr(check) for check in checks)}].filter(check=>!eval(check));"
    image = await picture(
        engine, scripted(f"{script}if(failed.length)document.title=failed;else go()"), javascript=True
    )

    assert rgb(image, 50, 50) == RED


async def test_every_name_is_free_for_a_script(engine: Engine) -> None:
    """What we run before it declares none."""
    names = "push,shift,first,fire,take,draw,pass,later,clear,now,today,begin,replace,note,timers,heap,loading"
    image = await picture(engine, scripted(f"let {names};go()"), javascript=True)

    assert rgb(image, 50, 50) == RED


ENDLESS = {
    "frames": "const f=()=>{i.style.marginLeft=performance.now()%50+'px';requestAnimationFrame(f)};f();go()",
    "frames on a canvas": (
        "go();const c=document.createElement('canvas');i.append(c);const g=c.getContext('2d');let n=0;"
        "const f=at=>{g.fillRect((n+=3)%100,at%100,9,9);requestAnimationFrame(f)};requestAnimationFrame(f)"
    ),
    "timers": "let n=0;const f=()=>{i.style.marginLeft=(n+=1)%50+'px';setTimeout(f,0)};f();go()",
    "interval": "const at=Date.now();setInterval(()=>{i.style.marginLeft=(Date.now()-at)%50+'px'},16);go()",
    "attribute": "const f=()=>{i.dataset.n=performance.now();requestAnimationFrame(f)};f();go()",
    "mutations": "new MutationObserver(()=>setTimeout(()=>i.dataset.n+=1)).observe(i,{attributes:true});go()",
}


@pytest.mark.parametrize("script", ENDLESS.values(), ids=ENDLESS.keys())
async def test_an_endless_script_blocks_nothing(engine: Engine, script: str) -> None:
    """Endless work is drawn as it is after three seconds of virtual time, the same every time."""
    image = await drawn_alike(engine, scripted(script), deadline_seconds=5)

    assert rgb(image, 75, 50) == RED


@pytest.mark.parametrize("kind", ["webgl", "webgl2"])
async def test_what_a_script_draws_in_three_dimensions_is_in_the_picture(engine: Engine, kind: str) -> None:
    """Without a graphics card as well, at once or with the next frame."""
    clear = "g.clearColor(1,0,0,1);g.clear(g.COLOR_BUFFER_BIT)"
    for when in (clear, f"requestAnimationFrame(()=>{{{clear}}})"):
        canvas = "<canvas id=c width=200 height=100></canvas>"
        html = page(f"{canvas}<script>const g=c.getContext('{kind}');{when}</script>")
        image = await picture(engine, html, javascript=True)

        assert rgb(image, 100, 50) == RED
