"""Chromium has no network: what a document requests comes through the asset port, or is reported as missing."""

import asyncio
import io
import json
import socket
import time
import tracemalloc
from collections.abc import AsyncIterator

import PIL.Image
import pytest
import pytest_asyncio

from renderer.assets.port import AssetError, Fetched, Kind, Received, ignore
from renderer.browser.devtools import Connection, Session
from renderer.engine import Engine
from renderer.errors import RenderError
from renderer.page.interception import RequestInterceptor, may_use_network, public_url
from tests.renderer.drawing import decode, draw, page, picture, rgb


class Canary(asyncio.DatagramProtocol):
    """A listener on the loopback that counts who connects, and who sends a datagram."""

    def __init__(self) -> None:
        self.connections = 0
        self.port = 0

    def heard(self, _reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Count a connection and end it."""
        self.connections += 1
        writer.close()

    def datagram_received(self, _data: bytes, _address: object) -> None:
        """Count a datagram as a connection."""
        self.connections += 1


@pytest_asyncio.fixture(loop_scope="module")
async def canary() -> AsyncIterator[Canary]:
    """A canary that listens on both loopback addresses."""
    canary = Canary()
    async with await asyncio.start_server(canary.heard, "127.0.0.1", 0) as server:
        canary.port = server.sockets[0].getsockname()[1]
        loop = asyncio.get_running_loop()
        heard = [
            (await loop.create_datagram_endpoint(lambda: canary, local_addr=(address, canary.port)))[0]
            for address in ("127.0.0.1", "::1")
        ]
        async with await asyncio.start_server(canary.heard, "::1", canary.port):
            yield canary
        for transport in heard:
            transport.close()


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def own() -> AsyncIterator[Engine]:
    """An engine without a fetcher."""
    engine = Engine(concurrency=1)
    await engine.start()
    yield engine
    await engine.close()


REFERENCES = {
    "img": "<img src='{u}'>",
    "srcset": "<img srcset='{u} 1x'>",
    "background": "<b style='display:block;height:9px;background:url({u})'></b>",
    "stylesheet": "<link rel=stylesheet href='{u}'>",
    "import": "<style>@import '{u}';</style>",
    "font": "<style>@font-face{font-family:F;src:url({u})}p{font-family:F}</style><p>x</p>",
    "svg image": "<svg><image href='{u}' width=9 height=9 /></svg>",
    "frame": "<iframe src='{u}'></iframe>",
    "object": "<object data='{u}'></object>",
    "embed": "<embed src='{u}'>",
    "video": "<video src='{u}' poster='{u}?p' autoplay></video>",
    "audio": "<audio src='{u}' autoplay></audio>",
    "base": "<base href='{u}/'><img src='x.png'>",
    "encoded": "<img src='&#104;ttp://{host}:{port}/e.png'>",
    "refresh": "<meta http-equiv=refresh content='0;url={u}'>",
}


@pytest.mark.asyncio(loop_scope="module")
@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "[::1]", "[::ffff:127.0.0.1]", "2130706433"])
@pytest.mark.parametrize("reference", REFERENCES.values(), ids=REFERENCES.keys())
async def test_reference_is_reported_and_never_followed(own: Engine, canary: Canary, reference: str, host: str) -> None:
    """A reference to the network degrades the poster with an entry and a warning, at once, without a connection."""
    url = f"http://{host}:{canary.port}/asset.png"
    html = page(reference.replace("{u}", url).replace("{host}", host).replace("{port}", str(canary.port)))
    started = time.monotonic()
    rendering = await draw(own, html)
    took = time.monotonic() - started

    assert canary.connections == 0
    assert rendering.images
    assert took < 3
    assert [(asset.ok, asset.reason) for asset in rendering.assets][:1] == [(False, "asset_blocked")]
    assert all("?" not in asset.url for asset in rendering.assets)
    assert [warning.code for warning in rendering.warnings] == ["asset_blocked"]
    assert "127.0.0.1" in rendering.warnings[0].message or host in rendering.warnings[0].message or "::" in host


@pytest.mark.asyncio(loop_scope="module")
@pytest.mark.parametrize("depth", [1, 2])
async def test_what_a_worker_asks_for_is_reported(own: Engine, depth: int) -> None:
    """As what the document itself asks for is, also from a worker that a worker has started."""
    script = 'fetch("http://a.test/").catch(() => 0)'
    for _ in range(depth):
        script = "new Worker(URL.createObjectURL(new Blob([" + json.dumps(script) + "])))"
    rendering = await draw(own, page(f"<script>{script}</script>"), javascript=True)

    assert [(asset.url, asset.reason) for asset in rendering.assets] == [("http://a.test/", "asset_blocked")]


LEAKS = [
    "<link rel=dns-prefetch href='http://{h}/'><link rel=preconnect href='http://{h}/'><link rel=prefetch href='http://{h}/p'>",
    "<a href='http://{h}/' ping='http://{h}/ping'>x</a><form action='http://{h}/'><button autofocus>x</button></form>",
    "<img src='file:///etc/passwd'><iframe src='file:///etc/passwd'></iframe><link rel=stylesheet href='file:///etc/passwd'>",
    "<iframe src='view-source:http://{h}/'></iframe><img src='chrome://gpu'><object data='ftp://{h}/'></object>",
    "<meta http-equiv='Content-Security-Policy' content=\"default-src *; report-uri http://{h}/\"><img src='x:y'>",
]
SCRIPTS = [
    "fetch('http://{h}/').catch(()=>0);navigator.sendBeacon('http://{h}/','x');new Image().src='http://{h}/'",
    "new WebSocket('ws://{h}/');new EventSource('http://{h}/')",
    (
        "const c=new RTCPeerConnection({iceServers:[{urls:'stun:{h}'},{urls:'turn:{h}?transport=udp',username:'x',"
        "credential:'x'}]});c.createDataChannel('x');c.createOffer().then(o=>c.setLocalDescription(o));"
        "const until=performance.now()+500;while(performance.now()<until);"
    ),
    "new Worker(URL.createObjectURL(new Blob(['fetch(\"http://{h}/\")'])))",
    "navigator.serviceWorker&&navigator.serviceWorker.register('http://{h}/sw.js').catch(()=>0)",
    "open('http://{h}/');const a=document.createElement('a');a.href='http://{h}/';a.download='x';a.click()",
    "location.href='http://{h}/'",
    "close();self.close()",
    "const f=document.createElement('form');f.action='http://{h}/';f.method='post';document.body.append(f);f.submit()",
]


@pytest.mark.asyncio(loop_scope="module")
@pytest.mark.parametrize("number", range(len(LEAKS) + len(SCRIPTS)))
async def test_nothing_leaves(own: Engine, canary: Canary, number: int) -> None:
    """No tag and no script gets a connection out of the browser, or hangs it."""
    html = [*LEAKS, *(f"<script>{script}</script>" for script in SCRIPTS)][number]
    html = page("<p>x" + html.replace("{h}", f"127.0.0.1:{canary.port}"))
    started = time.monotonic()
    try:
        await draw(own, html, javascript=number >= len(LEAKS))
    except RenderError as error:
        assert error.code == "navigated"  # noqa: PT017 - a script that leaves ends its poster

    assert canary.connections == 0
    assert time.monotonic() - started < 3


@pytest.mark.asyncio(loop_scope="module")
@pytest.mark.parametrize("kind", [socket.SOCK_STREAM, socket.SOCK_DGRAM])
@pytest.mark.parametrize("family", [socket.AF_INET, socket.AF_INET6])
async def test_canary_would_notice(canary: Canary, family: int, kind: int) -> None:
    """The canary counts whatever reaches it, or the tests above prove nothing."""
    with socket.socket(family, kind) as sender:
        sender.setblocking(False)
        address = "127.0.0.1" if family == socket.AF_INET else "::1"
        await asyncio.get_running_loop().sock_connect(sender, (address, canary.port))
        sender.send(b"x")
        async with asyncio.timeout(2):
            while not canary.connections:  # noqa: ASYNC110 - it is a plain count
                await asyncio.sleep(0)

    assert canary.connections == 1


@pytest.mark.asyncio(loop_scope="module")
async def test_document_without_references_is_whole(own: Engine) -> None:
    """Links and namespaces are no assets."""
    rendering = await draw(
        own, page("<a href='http://127.0.0.1/x'>link</a><svg xmlns='http://www.w3.org/2000/svg'></svg>")
    )

    assert (rendering.assets, rendering.warnings) == ([], [])


@pytest.mark.asyncio(loop_scope="module")
async def test_entries_tell_no_secrets(own: Engine) -> None:
    """Each address has an entry, and there is no user info, query or fragment in it."""
    images = "".join(f"<img src='http://name:word@127.0.0.1/{number}.png?token=1#part'>" for number in range(70))
    rendering = await draw(own, page(images))

    assert {asset.url for asset in rendering.assets} == {f"http://127.0.0.1/{number}.png" for number in range(70)}
    assert "and 65 more" in rendering.warnings[0].message


@pytest.mark.asyncio(loop_scope="module")
@pytest.mark.parametrize("content", ["0", "1;url=about:blank", "0;url=data:text/html,x"])
async def test_document_that_replaces_itself_is_refused(own: Engine, content: str) -> None:
    """A refresh that would replace the document fails with `navigated` every time, not by chance."""
    for _ in range(4):
        with pytest.raises(RenderError) as raised:
            await draw(own, page(f"<meta http-equiv=Refresh content='{content}'>x"))

        assert (raised.value.code, raised.value.retryable) == ("navigated", False)


@pytest.mark.asyncio(loop_scope="module")
async def test_late_refresh_is_no_matter(own: Engine) -> None:
    """A refresh that is due after the deadline is ignored."""
    assert (await draw(own, page("<meta http-equiv=refresh content='900;url=about:blank'>x"))).warnings == []


class Fetcher:
    """A fetcher with a few assets."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, str]] = []

    async def fetch(self, url: str, kind: Kind, received: Received = ignore) -> Fetched:
        """Return a green image, a style sheet, or an error."""
        self.asked.append((url, kind))
        if "missing" in url:
            raise AssetError("asset_status", 404)
        if "slow" in url:
            await asyncio.sleep(0.3)
        if kind == "stylesheet":
            return Fetched(body=b"i{background:url(https://cdn.example/in-style.png)}", content_type="text/css")
        content = io.BytesIO()
        with PIL.Image.new("RGB", (8, 8), "green") as image:
            image.save(content, "PNG")
        return Fetched(body=content.getvalue(), content_type="image/png")


async def test_asset_port_serves_documents() -> None:
    """With a fetcher, assets are in the picture and in `assets` with status, bytes and time; failures say why."""
    fetcher = Fetcher()
    engine = Engine(concurrency=1, fetcher=fetcher)
    await engine.start()
    html = page(
        "<img src='https://cdn.example/slow.png?a=1' width=100 height=50><i></i>"
        "<img src='https://cdn.example/missing.png'><iframe src='https://cdn.example/frame'></iframe>"
        "<link rel=stylesheet href='https://cdn.example/style.css'>",
        "img,i{display:block}i{width:100px;height:50px}",
    )
    rendering = await draw(engine, html)
    image = decode(rendering.images[0].data)
    after = await picture(engine, page("plain"))
    asked = len(fetcher.asked)
    await draw(engine, page("<svg xmlns='http://www.w3.org/2000/svg'></svg>"))
    await engine.close()

    assert [rgb(image, 50, y) for y in (25, 75)] == [(0, 128, 0)] * 2
    found = {asset.url.rpartition("/")[2]: asset for asset in rendering.assets}
    assert set(found) == {"slow.png", "missing.png", "style.css", "in-style.png", "frame"}
    assert found["slow.png"].ok
    assert (found["slow.png"].status, (found["slow.png"].ms or 0) >= 300, found["slow.png"].bytes) == (200, True, 76)
    assert (found["missing.png"].ok, found["missing.png"].status, found["missing.png"].reason) == (
        False,
        404,
        "asset_status",
    )
    assert found["frame"].reason == "asset_blocked"
    assert ("https://cdn.example/slow.png?a=1", "image") in fetcher.asked
    assert {warning.code for warning in rendering.warnings} == {"asset_status", "asset_blocked"}
    assert rgb(after, 150, 90) == (255, 255, 255)
    assert len(fetcher.asked) == asked


def test_hint_of_the_network() -> None:
    """Only documents that name an address of the network pay for the asset port."""
    assert may_use_network("<img src=HTTPS://x>")
    assert may_use_network("<svg xmlns='http://www.w3.org/2000/svg'><image href='http://x/y'/></svg>")
    assert not may_use_network("<svg xmlns='http://www.w3.org/2000/svg'/>")
    assert may_use_network("<img src='&#104;ttp&colon;//x'>")
    assert not may_use_network("<p>https is a word &amp; no address")


def test_addresses_are_shown_without_secrets() -> None:
    """User info, query and fragment never reach an event; what is inside the document has no entry."""
    assert public_url("https://u:p@host.example:8443/a/b.png?k=v#f") == "https://host.example:8443/a/b.png"
    assert public_url("data:image/png;base64,AAAA") == ""
    assert public_url("http://[bad/") == "invalid:"


def test_images_in_a_document_are_not_kept() -> None:
    """Images in data: addresses are not in memory after their document, however many documents there are."""
    interceptor = RequestInterceptor(Session(Connection(), None), None)
    tracemalloc.start()
    try:
        for number in range(50):
            interceptor.record_request({"request": {"url": f"data:image/png;base64,{number}{'A' * 100_000}"}})
        memory, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()

    assert memory < 1_000_000
    assert interceptor.usage().assets == []


@pytest.mark.parametrize("url", ["http://[#x", "http://[x#y", "http://\u2100/#z"])
def test_what_is_no_address_is_reported(url: str) -> None:
    """An image from nowhere degrades its poster; it does not fail it."""
    interceptor = RequestInterceptor(Session(Connection(), None), None)
    interceptor.mark_invalid(url)

    assert [(asset.url, asset.reason) for asset in interceptor.usage().assets] == [("invalid:", "asset_blocked")]
