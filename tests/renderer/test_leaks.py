"""No document leaves a trace in the next one on the same page: compared by bytes."""

import contextlib
from typing import Any

import pytest
import pytest_asyncio

from renderer.engine import Engine
from renderer.errors import RenderError
from tests.renderer.drawing import draw, image_url, page

pytestmark = pytest.mark.asyncio(loop_scope="session")

FAR = "http://192.0.2.1/never.png"
"""An address of the range for documentation: nobody answers there."""

POSTER = page(
    f"<h1>Quiet — 静か 🎉</h1><p>text <a href='#x'>link</a> <mark>mark</mark></p><img src='{image_url('teal')}'>"
    "<input value=input><b class=box></b><details open><summary>s</summary>d</details>",
    f"h1{{font-family:'Noto Serif'}}p{{font-family:sans-serif;--x:blue;color:var(--x)}}"
    f".box{{display:block;width:50px;height:9px;background:url({image_url('purple')})}}",
)

PROBES = {
    "content security policy": '<meta http-equiv="Content-Security-Policy" content="default-src \'none\'">',
    "policy in capitals": '<META HTTP-EQUIV="content-security-policy" CONTENT="img-src none; style-src none">',
    "color-scheme meta": '<meta name="color-scheme" content="dark">',
    "viewport meta": '<meta name="viewport" content="width=50,initial-scale=4">',
    "referrer meta": '<meta name="referrer" content="unsafe-url">',
    "refresh away": f'<meta http-equiv="refresh" content="0;url={FAR}">',
    "refresh of itself": '<meta http-equiv="refresh" content="0">',
    "refresh to data": '<meta http-equiv="refresh" content="0;url=data:text/html,x">',
    "refresh later": '<meta http-equiv="refresh" content="40;url=about:blank">',
    "cookie meta": '<meta http-equiv="set-cookie" content="a=b">',
    "color-scheme": "<style>:root{color-scheme:dark}</style>",
    "background": "<style>html{background:red}</style>",
    "zoom": "<body style='zoom:3'>x",
    "base": "<base href='http://192.0.2.1/' target=_top>",
    "quirks": "<title>t</title><table><td>no doctype",
    "plain text": "<plaintext>everything after",
    "frameset": "<frameset cols='*,*'><frame src='about:blank'><frame></frameset>",
    "hidden": "<html hidden inert style='filter:invert(1);rotate:9deg'>x",
    "pending image": f"<img src='{FAR}'><link rel=preload as=image href='{FAR}'>",
    "pending style": f"<link rel=stylesheet href='{FAR}'>",
    "pending font": f"<style>@font-face{{font-family:'Noto Serif';src:url({FAR})}}</style><h1>x</h1>",
    "cached image": f"<img src='{image_url('teal')}' style='filter:invert(1)'>",
    "scroll": "<p autofocus tabindex=0 style='margin-top:5000px'>far",
    "snapped": "<style>html{scroll-snap-type:y mandatory}p{margin-top:999px;scroll-snap-align:start}</style><p>far",
    "snapped across": (
        "<style>html{scroll-snap-type:x mandatory}p{margin-left:999px;width:300px;scroll-snap-align:start}</style><p>x"
    ),
    "snapped smoothly": (
        "<style>html{scroll-snap-type:y mandatory;scroll-behavior:smooth}p{margin-top:999px;scroll-snap-align:start}"
        "</style><p autofocus tabindex=0>far"
    ),
    "focus": "<input autofocus><dialog open>d</dialog><p popover>p</p>",
    "animation": "<style>*{animation:a 1ms infinite}@keyframes a{to{color:red;translate:9px}}</style>x",
    "transition": "<style>*{transition:all 9s}</style>x",
    "registered property": "<style>@property --x{syntax:'<color>';inherits:false;initial-value:red}</style>",
    "counter style": "<style>@counter-style disc{system:cyclic;symbols:'x'}@layer a{*{color:red!important}}</style>",
    "page rule": "<style>@page{size:9cm;margin:4cm}@media print{*{color:red}}</style>",
    "frame": "<iframe srcdoc='<style>*{color:red}</style>x'></iframe>",
    "frame of data": "<iframe src='data:text/html,x'></iframe>",
    "object": "<object data='data:image/svg+xml,<svg/>'></object><embed src='data:text/plain,x'>",
    "video": "<video autoplay loop muted controls></video><audio autoplay></audio>",
    "clobbered members": "<form name=open></form><img name=write><img name=fonts><form name=close></form>",
    "marquee and progress": "<marquee>m</marquee><progress></progress>",
    "svg": "<svg><animate attributeName=x dur=1s repeatCount=indefinite /><style>*{fill:red}</style></svg>",
    "selection and edits": "<body contenteditable spellcheck=true>mispeled",
    "language": "<html lang=ar dir=rtl>x",
}

OUTPUTS: dict[str, dict[str, Any]] = {
    "transparent": {"transparent": True},
    "scale": {"scale": 3},
    "size": {"width": 999, "height": 50},
    "dark": {"color_scheme": "dark"},
    "full page": {"full_page": True},
    "selector": {"selector": "p"},
    "webp": {"format": "webp", "quality": 5},
    "locale": {"locale": "ar-EG", "timezone": "Asia/Tokyo"},
}

SCRIPTS = {
    "globals": "Document.prototype.open=Promise.prototype.then=Array.from=null;globalThis.compose=1",
    "storage": "try{document.cookie='a=b';localStorage.a=1;sessionStorage.a=1}catch{}",
    "fonts": "document.fonts.add(new FontFace('Noto Serif','local(\"DejaVu Sans Mono\")'))",
    "sheets": "const s=new CSSStyleSheet();s.replaceSync('*{color:red!important}');document.adoptedStyleSheets=[s]",
    "timers": "setInterval(()=>document.body.append('x'),1)",
    "observers": "new MutationObserver(()=>document.body.append('x')).observe(document,{subtree:true,childList:true})",
    "windows": "for(let i=0;i<1000;i++)open('about:blank')",
    "dialogs": "alert(1);confirm(2);prompt(3);onbeforeunload=()=>1",
    "printing": "print()",
    "history": "for(let i=0;i<60;i++)history.pushState(i,'')",
    "fullscreen": "document.documentElement.requestFullscreen().catch(()=>0)",
    "rewriting": "document.open();document.write('rewritten');document.close()",
    "error": "throw new Error('wrong')",
}


async def unharmed(engine: Engine, probe: str, *, javascript: bool = False, **fields: Any) -> None:
    """Assert that POSTER comes out of the same page alike before and after the probe."""
    before = (await draw(engine, POSTER)).images[0].data
    with contextlib.suppress(RenderError):
        await draw(engine, probe, javascript=javascript, deadline_seconds=3, **fields)
    after = (await draw(engine, POSTER)).images[0].data

    assert after == before


@pytest.mark.parametrize("probe", PROBES.values(), ids=PROBES.keys())
async def test_document_leaves_no_trace(engine: Engine, probe: str) -> None:
    """A poster is the same before and after a document that leaves something behind."""
    await unharmed(engine, probe)


@pytest.mark.parametrize("fields", OUTPUTS.values(), ids=OUTPUTS.keys())
async def test_output_leaves_no_trace(engine: Engine, fields: dict[str, Any]) -> None:
    """A poster is the same before and after one of another shape."""
    await unharmed(engine, page("<p>other"), **fields)


@pytest.mark.parametrize("script", SCRIPTS.values(), ids=SCRIPTS.keys())
async def test_script_leaves_no_trace(engine: Engine, script: str) -> None:
    """A poster is the same before and after one whose scripts do what they like."""
    await unharmed(engine, page(f"<p>scripted<script>{script}</script>"), javascript=True)


async def test_scripts_run_only_where_asked_for(engine: Engine) -> None:
    """Scripts are off, also right after a document whose template asked for them."""
    script = page("<noscript>off</noscript><script>document.body.textContent='on'</script>")
    drawn = [(await draw(engine, script, javascript=javascript)).images[0].data for javascript in (False, True, False)]
    plain = [(await draw(engine, page(text))).images[0].data for text in ("off", "on", "off")]

    assert drawn == plain


SIZES = page(
    "<h1>静か 한글 ไทย</h1><p>静か 한글 ไทย</p><b>静か 한글 ไทย</b><i lang=zh>静か</i>",
    "h1{font:32px serif}p{font:16px serif}b{font:64px sans-serif}i{font:8px monospace}",
)
STEPS: dict[str, tuple[str, dict[str, Any]]] = {
    "plain": (POSTER, {}),
    "sizes": (SIZES, {}),
    "twice": (POSTER, {"scale": 2}),
    "sizes twice": (SIZES, {"scale": 2}),
    "sizes halved": (SIZES, {"scale": 0.5}),
    "long and twice": (POSTER, {"full_page": True, "height": 40, "scale": 2}),
    "several scales": (
        SIZES,
        {"variants": [{"name": "two", "scale": 2}, {"name": "one"}, {"name": "odd", "scale": 1.5}]},
    ),
    "locale": (SIZES, {"locale": "ja-JP"}),
    "locale twice": (SIZES, {"locale": "zh-CN", "scale": 2}),
    "dark": (POSTER, {"color_scheme": "dark", "transparent": True}),
    "small": (SIZES, {"width": 77, "height": 33}),
    "paper": (SIZES, {"format": "pdf", "scale": 2}),
}
SEQUENCES = {
    "each scale after every other": [
        *("plain", "long and twice", "plain", "twice", "sizes", "sizes twice", "sizes halved", "sizes"),
        *("sizes twice", "plain"),
    ],
    "scales first": ["twice", "long and twice", "plain", "several scales", "sizes", "sizes halved", "plain"],
    "locales between": ["locale", "sizes", "locale twice", "sizes", "sizes twice", "plain"],
    "other viewports between": ["small", "sizes twice", "small", "dark", "plain", "paper", "sizes", "plain", "twice"],
}


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def fresh() -> dict[str, list[bytes]]:
    """The images of each step, drawn as the first document of a browser."""
    images = {}
    for name, (html, fields) in STEPS.items():
        async with Engine(concurrency=1) as engine:
            images[name] = [image.data for image in (await draw(engine, html, **fields)).images]
    return images


@pytest.mark.parametrize("sequence", SEQUENCES.values(), ids=SEQUENCES.keys())
async def test_every_document_is_as_in_a_fresh_browser(fresh: dict[str, list[bytes]], sequence: list[str]) -> None:
    """Whatever was drawn before it, in whichever size, scale, locale, colour scheme or font."""
    async with Engine(concurrency=1) as engine:
        for name in sequence:
            html, fields = STEPS[name]
            rendering = await draw(engine, html, **fields)
            assert [image.data for image in rendering.images] == fresh[name], name
