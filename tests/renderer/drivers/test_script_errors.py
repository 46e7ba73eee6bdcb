"""Scripts that fail are told of, whichever driver controls the browser; what a document handles itself is not."""

import asyncio
import time

import pytest

from schemas.outcomes import PosterWarning
from tests.renderer.drawing import page
from tests.renderer.drivers.conftest import Pair
from tests.renderer.drivers.documents import request

pytestmark = pytest.mark.asyncio(loop_scope="session")
LIBRARY = "window.Chart=class{constructor(){this.\nplugins.register()}}"
FAILING = {
    "a library that is missing": (
        "<p>\n<script>\nconst data=[1];\nnew Chart(data,{})</script>",
        "ReferenceError: Chart is not defined (line 3 of its script)",
    ),
    "a library inside the document": (
        f"<script>{LIBRARY}</script><script>new Chart()</script>",
        "TypeError: Cannot read properties of undefined (reading 'register') (line 2 of its script)",
    ),
    "syntax": ("<script>\nconst a=;\n</script>", "SyntaxError: Unexpected token ';' (line 2 of its script)"),
    "syntax of a text": ("<script>eval('const = 1')</script>", "SyntaxError: Unexpected token '='"),
    "a rejection": ("<script>Promise.reject(new Error('no'))</script>", "Error: no (line 1 of its script)"),
    "no storage": (
        "<script>\nlocalStorage.setItem('a',1)</script>",
        "SecurityError: Failed to read the 'localStorage'",
    ),
    "no answer": (
        "<script>fetch('https://x.test/').then(r=>r.json())</script>",
        "TypeError: Failed to fetch (line 1 of",
    ),
    "an import without address": ("<script type=module>import 'chart.js'</script>", 'module specifier "chart.js"'),
    "a module": ("<script type=module>gone()</script>", "ReferenceError: gone is not defined"),
    "an imported module": ("<script>import('data:text/javascript,gone()')</script>", "gone is not defined"),
    "when parsed": ("<script>addEventListener('DOMContentLoaded',()=>gone())</script>", "gone is not defined"),
    "when loaded": ("<script>onload=()=>gone()</script>", "gone is not defined"),
    "an attribute": ("<img src='data:,' onerror='gone()'>", "gone is not defined"),
    "after two seconds": ("<script>setTimeout(()=>gone(),2000)</script>", "gone is not defined (line 1 of its script)"),
    "after two seconds, asynchronously": ("<script>setTimeout(async()=>{await 0;gone()},2000)</script>", "gone is not"),
    "a timer of a text": ("<script>setTimeout('gone()',10)</script>", "gone is not defined"),
    "a frame": ("<script>requestAnimationFrame(()=>gone())</script>", "gone is not defined (line 1 of its script)"),
    "an observer": ("<script>new ResizeObserver(()=>gone()).observe(document.body)</script>", "gone is not defined"),
    "an element": (
        "<script>customElements.define('x-a',class extends HTMLElement{connectedCallback(){gone()}})</script><x-a>",
        "gone is not defined",
    ),
    "a document inside": ("<iframe srcdoc='<script>gone()</script>'></iframe>", "gone is not defined"),
    "a worker": ("<script>new Worker(URL.createObjectURL(new Blob(['gone()'])))</script>", "gone is not defined"),
    "a document opened anew": (
        "<script>onload=()=>{document.open();document.write('<script>gone()<\\/script>')}</script>",
        "gone is not defined",
    ),
    "a text that is thrown": ("<script>throw 'out of paper'</script>", "out of paper (line 1 of its script)"),
    "nothing that is thrown": ("<script>throw undefined</script>", "Uncaught (line 1 of its script)"),
}
HANDLED = {
    "a message on the console": "console.error('x',{a:1});console.table([1]);console.assert(false,'x')",
    "an error that is caught": "try{gone()}catch{}",
    "no storage, which is tried": "try{localStorage.setItem('a',1)}catch{}",
    "an error with a handler": "onerror=()=>true;gone()",
    "an error whose event is cancelled": "addEventListener('error',event=>event.preventDefault());gone()",
    "a rejection with a handler": "Promise.reject(1).catch(()=>0)",
    "a rejection whose handler comes later": "const p=Promise.reject(1);setTimeout(()=>p.catch(()=>0),100)",
    "a rejection whose event is cancelled": "onunhandledrejection=event=>event.preventDefault();Promise.reject(1)",
    "boxes that keep changing": (
        "let n=0;new ResizeObserver(()=>{if(n<9)document.body.style.width=`${90+n++}px`}).observe(document.body)"
    ),
    "a dialog": "alert(1);if(confirm(1)||prompt(1))gone()",
    "a picture that is tried": "const i=new Image();i.onerror=()=>0;i.src='data:image/png;base64,AAAA'",
    "an endless animation that is awaited": (
        "document.body.animate({opacity:[0,1]},{duration:99,iterations:Infinity}).finished.then(()=>0)"
    ),
    "a view transition that is skipped": "for(let n=0;n<2;n+=1)document.startViewTransition(()=>0).ready.then(()=>0)",
    "a request that is cancelled": (
        "const c=new AbortController(),{signal}=c;fetch('data:,x',{signal}).then(()=>0);c.abort()"
    ),
    "nothing": "document.body.append('x')",
}


async def errors(pair: Pair, body: str) -> list[str]:
    """Return the messages of a document's scripts, which are the same with both drivers."""
    wanted = request(page(body), javascript=True)
    one, other = await asyncio.gather(*(engine.render(wanted) for engine in pair))

    assert one.warnings == other.warnings
    return [warning.message for warning in one.warnings if warning.code == "script_error"]


@pytest.mark.parametrize(("body", "message"), FAILING.values(), ids=FAILING.keys())
async def test_a_script_that_fails_is_told_of(pair: Pair, body: str, message: str) -> None:
    """The warning has the message, and the line of the template's own script, in whatever moment it fails."""
    (found,) = await errors(pair, body)

    assert message in found


@pytest.mark.parametrize("script", HANDLED.values(), ids=HANDLED.keys())
async def test_what_a_document_handles_itself_is_no_error(pair: Pair, script: str) -> None:
    """Neither is what is only written to the console, nor a notice of the browser's own."""
    assert await errors(pair, f"<p>x<script>{script}</script>") == []


async def test_the_first_three_messages_are_named_once(pair: Pair) -> None:
    """In the order in which they occur, with the number of the others, shortened and without control characters."""
    texts = ["first", "first", "sec\\u001b[31m\\u202eond", "third" + "x" * 500, "fourth", "fifth"]
    script = ";".join(f"setTimeout(()=>{{throw Error('{text}')}},{number})" for number, text in enumerate(texts, 1))
    (found,) = await errors(pair, f"<script>{script}</script>")
    first, second, third = found.split("; ")

    assert first == "Error: first (line 1 of its script)"
    assert second == "Error: sec\\u001b[31m\\u202eond (line 1 of its script)"
    assert third.endswith("x… (line 1 of its script) and 2 more")
    assert len(third) < 260


async def test_errors_stay_in_their_document(pair: Pair) -> None:
    """The next document is drawn without them."""
    assert await errors(pair, "<script>gone()</script>")
    assert await errors(pair, "<script>1</script>") == []


async def test_as_many_errors_as_a_script_can_throw_do_no_harm(pair: Pair) -> None:
    """A hundred are counted, and the poster is made in time."""
    flood = "for(let i=0;i<5000;i++)reportError(Error('x'+i));for(let i=0;i<50000;i++)console.log(document,i)"
    began = time.monotonic()
    (found,) = await errors(pair, f"<script>{flood}</script>")

    assert found.endswith("and 97 more")
    assert time.monotonic() - began < 20


async def test_scripts_that_are_not_done_are_told_of(pair: Pair) -> None:
    """After five seconds the picture is taken all the same, without what they still wait for."""
    body = (
        "<script>fetch('data:,x').then(async r=>{const s=new ReadableStream({});await new Response(s).text()})</script>"
    )
    wanted = request(page(body), javascript=True)
    (warning,) = (await pair[0].render(wanted)).warnings

    assert warning == PosterWarning(
        code="script_error",
        message="scripts had not ended when their time was over, so the picture may lack what they do",
    )
