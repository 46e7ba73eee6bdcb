"""Posters show the assets that they name: decoded before the capture, the same every time, from nowhere else."""

import asyncio
import base64
import hashlib
import math
import time
from urllib.parse import quote

import pytest
from aiohttp import web

from agents.render.object_key import object_digest
from renderer.assets.allowed_hosts import AllowedHosts
from renderer.assets.fetcher import HttpFetcher
from renderer.assets.port import AssetError, Fetched, Kind
from renderer.engine import Engine
from renderer.page.document_assets import DocumentAssets
from tests.renderer.assets.site import Site, open_canary, png
from tests.renderer.drawing import decode, draw, page, rgb

pytestmark = pytest.mark.asyncio(loop_scope="module")
GREEN = (0, 128, 0)
WHITE = (255, 255, 255)
FIXED = "i{display:block;width:200px;height:100px}"


@pytest.fixture
def site(served: tuple[Engine, Site]) -> Site:
    """The site, with a green picture at several paths."""
    site = served[1]
    site.answers.clear()
    site.requests.clear()
    for path in ("/a.png", "/b.png", "/deep/c.png"):
        site.put(path, png())
    return site


@pytest.fixture
def engine(served: tuple[Engine, Site]) -> Engine:
    """The engine that fetches from the site."""
    return served[0]


PICTURES = {
    "img": "<img src='{u}/a.png' {s}>",
    "lazy": "<img loading=lazy src='{u}/a.png' {s}>",
    "srcset": "<img srcset='{u}/a.png 1x, {u}/no.png 3x' {s}>",
    "sizes": "<img srcset='{u}/no.png 20w, {u}/a.png 200w' sizes=200px {s}>",
    "picture": (
        "<picture><source media='(max-width:9px)' srcset='{u}/no.png'><source srcset='{u}/a.png'>"
        "<img src='{u}/no.png' {s}></picture>"
    ),
    "crossorigin": "<img crossorigin src='{u}/a.png' {s}>",
    "background": "<style>i{background:url({u}/a.png)}</style><i></i>",
    "background of a part": (
        "<style>i::before{content:'';display:block;height:100px;background:url('{u}/a.png')}</style><i></i>"
    ),
    "image-set": "<style>i{background:image-set('{u}/a.png' 1x, '{u}/no.png' 3x)}</style><i></i>",
    "several layers": "<style>i{background:url({u}/a.png),url({u}/b.png)}</style><i></i>",
    "mask": "<style>i{background:green;-webkit-mask:url({u}/a.png);mask:url({u}/a.png)}</style><i></i>",
    "border-image": (
        "<style>i{box-sizing:border-box;border:50px solid;border-image:url({u}/a.png) 2 fill}</style><i></i>"
    ),
    "content": "<style>i{content:url({u}/a.png)}</style><i></i>",
    "list": "<style>ul{margin:0;padding:0;font-size:0;list-style:url({u}/a.png) inside}</style><ul><li></ul>",
    "svg image": "<svg {s}><image href='{u}/a.png' {s} preserveAspectRatio=none /></svg>",
    "svg filter": (
        "<svg {s}><filter id=f x=0 y=0 width=1 height=1><feImage href='{u}/a.png' preserveAspectRatio=none />"
        "</filter><rect {s} filter=url(#f) /></svg>"
    ),
    "poster": "<video poster='{u}/a.png' {s} style='object-fit:fill'></video>",
    "input": "<input type=image src='{u}/a.png' style='width:200px;height:100px'>",
    "stylesheet": "<link rel=stylesheet href='{u}/style.css'><i></i>",
    "import": "<style>@import '{u}/one.css';</style><i></i>",
    "import by url": "<style>@import url({u}/one.css) screen;</style><i></i>",
    "base": "<base href='{u}/deep/'><img src=c.png {s}>",
    "redirect": "<img src='{u}/moved' {s}>",
    "moved stylesheet": "<link rel=stylesheet href='{u}/moved.css'><i></i>",
    "encoded address": "<img src='&#104;ttp&colon;//127.0.0.1:{p}/a.png' {s}>",
    "capital address": ("<svg {s}><image href='HTTP://127.0.0.1:{p}/./a.png#x' {s} preserveAspectRatio=none /></svg>"),
    "shadow": (
        "<div><template shadowrootmode=open><style>i{background:url({u}/a.png);display:block;height:100px}</style>"
        "<i></i></template></div>"
    ),
}


@pytest.mark.parametrize("body", PICTURES.values(), ids=PICTURES.keys())
async def test_a_picture_is_there_wherever_a_document_names_it(engine: Engine, site: Site, body: str) -> None:
    """Every way to show a picture waits for it, though its server takes its time."""

    async def late(_: web.Request) -> web.Response:
        await asyncio.sleep(0.05)
        return web.Response(body=png(size=(200, 100)), content_type="image/png")

    site.serve("/a.png", late)
    site.put("/style.css", "i{background:url(a.png)}", "text/css")
    site.put("/one.css", "@import 'deep/two.css';", "text/css")
    site.put("/deep/two.css", "@import '../deep/three.css' layer(x);", "text/css")
    site.put("/deep/three.css", "i{background:url('../a.png')}", "text/css")
    site.redirect("/moved", "/a.png")
    site.redirect("/moved.css", "/deep/moved.css")
    site.put("/deep/moved.css", "@import 'two.css';i{color:red}", "text/css")
    for name, value in (("{u}", site.url), ("{p}", str(site.port)), ("{s}", "width=200 height=100")):
        body = body.replace(name, value)
    html = page(body, FIXED)
    rendering = await draw(engine, html)
    image = decode(rendering.images[0].data)

    assert rendering.warnings == []
    assert {rgb(image, x, y) for x in (10, 100, 190) for y in (10, 50, 90)} == {GREEN}
    assert all(asset.ok and asset.status == 200 and asset.bytes for asset in rendering.assets)
    assert not any("no.png" in path for path in site.paths)


@pytest.mark.parametrize("inside", [False, True])
@pytest.mark.parametrize("display", ["auto", "swap", "optional", "fallback"])
async def test_a_font_is_there(engine: Engine, site: Site, pixel_font: str, display: str, *, inside: bool) -> None:
    """Text waits for a font of the network, also where its `font-display` is `optional`."""
    site.put("/f.ttf", base64.b64decode(pixel_font.partition(",")[2]), "font/ttf")
    sheet = f"@font-face{{font-family:F;font-display: {display};src:url({site.url}/f.ttf)}}"
    site.put("/f.css", sheet, "text/css")
    head = f"<style>{sheet}</style>" if inside else f"<link rel=stylesheet href='{site.url}/f.css'>"
    html = page(f"{head}<p>XX", "p{margin:0;font:100px/1 F;color:green;width:200px}")
    rendering = await draw(engine, html)
    image = decode(rendering.images[0].data)

    assert rendering.warnings == []
    assert {rgb(image, x, y) for x in (3, 100, 197) for y in (3, 97)} == {GREEN}
    assert len(rendering.assets) == (1 if inside else 2)


async def test_ten_runs_are_one(engine: Engine, site: Site, pixel_font: str) -> None:
    """However the assets come in, the bytes and the digest are the same."""
    turn = 0

    async def sometimes_late(_: web.Request) -> web.Response:
        nonlocal turn
        turn += 1
        await asyncio.sleep(turn * 7 % 5 * 0.01)
        return web.Response(body=png("teal", (16, 16)), content_type="image/png")

    for number in range(6):
        site.serve(f"/{number}.png", sometimes_late)
    site.put("/f.ttf", base64.b64decode(pixel_font.partition(",")[2]), "font/ttf")
    moving = (
        "<svg xmlns='http://www.w3.org/2000/svg' width='9' height='9'><style>rect{animation:a 70ms infinite}"
        "@keyframes a{from{fill:red}to{fill:blue}}</style><rect width='9' height='9'/></svg>"
    )
    site.put("/moving.svg", moving, "image/svg+xml")
    sheet = f'b{{background:url(moving.svg)}}i{{background:url("data:image/svg+xml,{quote(moving)}")}}'
    sheet += "@font-face{font-family:F;src:url(f.ttf)}p{font:20px F;background:url(4.png)}"
    site.put("/s.css", sheet, "text/css")
    images = "".join(f"<img src='{site.url}/{number}.png' style='zoom:1.{number}'>" for number in range(4))
    html = page(
        f"<link rel=stylesheet href='{site.url}/s.css'>{images}<p>X Y<svg><image href='{site.url}/5.png'/></svg>"
        "<b>b</b><i>i</i>"
    )
    renderings = [await draw(engine, html) for _ in range(10)]

    assert all(rendering.warnings == [] for rendering in renderings)
    assert len({hashlib.sha256(rendering.images[0].data).digest() for rendering in renderings}) == 1
    assert len({object_digest("a", "b", rendering.usage) for rendering in renderings}) == 1


MISSING = {
    "404 with a picture": ("asset_status", 404),
    "web page": ("asset_invalid", 200),
    "large": ("asset_too_large", 200),
    "hanging": ("asset_timeout", None),
    "broken": ("asset_invalid", 200),
    "elsewhere": ("asset_blocked", None),
}


@pytest.mark.parametrize("what", MISSING)
async def test_what_is_missing_is_left_out_and_named(engine: Engine, site: Site, what: str) -> None:
    """The rest of the poster is drawn; the entry has the reason."""

    async def hang(_: web.Request) -> web.Response:
        await asyncio.Event().wait()
        raise AssertionError

    site.put("/404 with a picture", png(), status=404)
    site.put("/web page", "<html>", "text/html")
    site.put("/large", bytes(11 * 2**20))
    site.serve("/hanging", hang)
    site.put("/broken", b"RIFF\x40\0\0\0WEBPVP8 " + b"\x08" * 60, "image/webp")
    site.redirect("/elsewhere", "http://localhost:9/")
    url = f"{site.url}/{what}".replace(" ", "%20")
    html = page(
        f"<img src='{site.url}/a.png' width=100 height=100><img src='{url}' width=100 height=100>", "img{float:left}"
    )
    began = time.monotonic()
    rendering = await draw(engine, html)
    image = decode(rendering.images[0].data)
    code, status = MISSING[what]

    assert (rgb(image, 50, 50), rgb(image, 190, 90)) == (GREEN, WHITE)
    assert [(asset.url, asset.ok, asset.reason, asset.status) for asset in rendering.assets] == [
        (f"{site.url}/a.png", True, None, 200),
        (url, False, code, status),
    ]
    assert [warning.code for warning in rendering.warnings] == [code]
    assert rendering.usage.fresh_until == -math.inf
    assert time.monotonic() - began < 3


@pytest.mark.parametrize(
    "body",
    [
        "<img src='{u}'>",
        "<style>i{{background:url({u})}}</style><i></i>",
        "<i style='background-image:url(\"{u}\")'></i>",
        "<img srcset='{u} 1x'>",
        "<style>@font-face{{font-family:F;src:url({u})}}i{{font-family:F}}</style><i>x</i>",
        "<style>@import '{u}';</style>",
    ],
)
async def test_posters_that_wait_for_assets_hold_up_nobody(
    engine: Engine, site: Site, monkeypatch: pytest.MonkeyPatch, body: str
) -> None:
    """Wherever they name them: with a single page others are drawn meanwhile, and then those that waited, whole."""
    release = asyncio.Event()

    async def hang(_: web.Request) -> web.Response:
        await release.wait()
        return web.Response(body=png(), content_type="image/png")

    site.serve("/hanging", hang)
    async with HttpFetcher(AllowedHosts.parse(f"127.0.0.1:{site.port}"), seconds=100) as patient:
        monkeypatch.setattr(engine, "_fetcher", patient)
        slow = [
            asyncio.ensure_future(
                draw(engine, page(body.format(u=f"{site.url}/hanging?{number}"), FIXED), deadline_seconds=100)
            )
            for number in range(3)
        ]
        await site.asked(1)
        quick = await asyncio.gather(*(draw(engine, page(f"<img src='{site.url}/a.png'>{each}")) for each in range(3)))
        waiting = [each for each in slow if not each.done()]
        release.set()
        renderings = await asyncio.gather(*slow)

    assert [each.warnings for each in quick] == [[]] * 3
    assert len(waiting) == 3
    assert [[asset.url for asset in each.assets] for each in renderings] == [[f"{site.url}/hanging"]] * 3
    assert len({each.images[0].data for each in renderings}) == 1
    assert sum("hanging" in path for path in site.paths) == 3


async def test_slow_assets_never_cost_a_poster(engine: Engine, site: Site) -> None:
    """However many come one after the other, the poster is made in its time without the rest."""

    async def slowly(request: web.Request) -> web.Response:
        await asyncio.sleep(0.4)
        number = int(request.query["n"]) + 1
        return web.Response(text=f"@import '/chain.css?n={number}';", content_type="text/css")

    site.serve("/chain.css", slowly)
    rendering = await draw(engine, page(f"<style>@import '{site.url}/chain.css?n=0';</style>x"), deadline_seconds=3.0)

    assert [warning.code for warning in rendering.warnings] == ["asset_timeout"]
    assert [asset.ok for asset in rendering.assets] == [True] * 4 + [False]


@pytest.mark.parametrize("as_data", [False, True])
async def test_a_picture_in_svg_loads_nothing(engine: Engine, site: Site, *, as_data: bool) -> None:
    """What an SVG image refers to is left out, whether the image is fetched or part of the document."""
    svg = (
        f'<?xml version="1.0"?><?xml-stylesheet href="{site.url}/s.css"?>'
        f'<!DOCTYPE svg [<!ENTITY e SYSTEM "{site.url}/e">]>'
        '<svg xmlns="http://www.w3.org/2000/svg" width="200" height="100"><rect width="100" height="100" fill="green"/>'
        f'<style>@import "{site.url}/t.css";rect{{filter:url({site.url}/f.svg#f)}}</style>'
        f'<image href="{site.url}/b.png" x="100" width="100" height="100"/><use href="{site.url}/u.svg#u"/>'
        f'<script href="{site.url}/x.js"/></svg>'
    ).replace(f"rect{{filter:url({site.url}/f.svg#f)}}", "")
    site.put("/a.svg", svg.replace('<!DOCTYPE svg [<!ENTITY e SYSTEM "' + site.url + '/e">]>', ""), "image/svg+xml")
    data = f"data:image/svg+xml;base64,{base64.b64encode(svg.encode()).decode()}"
    rendering = await draw(engine, page(f"<!-- http: --><img src='{data if as_data else site.url + '/a.svg'}'>"))
    image = decode(rendering.images[0].data)

    assert rgb(image, 50, 50) == GREEN
    assert rgb(image, 150, 50) != GREEN
    assert site.paths == ([] if as_data else ["/a.svg"])


async def test_a_document_asks_for_each_asset_once(engine: Engine, site: Site) -> None:
    """Ten uses of an image that may not be cached are one request, and show one image."""
    uses = "".join(f"<img src='{site.url}/a.png#{number}'>" for number in range(5))
    html = page(uses + f"<i></i><svg><image href='{site.url}/a.png'/></svg>", f"i{{background:url({site.url}/a.png)}}")
    await draw(engine, html)

    assert site.paths == ["/a.png"]


async def test_a_document_has_a_share_of_the_network(engine: Engine, site: Site) -> None:
    """Beyond a hundred addresses the rest is left out."""
    for number in range(120):
        site.put(f"/{number}.png", png())
    many = await draw(engine, page("".join(f"<img src='{site.url}/{number}.png'>" for number in range(120))))

    assert len(site.requests) == 100
    assert [asset.reason for asset in many.assets].count("asset_blocked") == 20
    assert len(many.assets) == 120


async def test_a_document_has_a_share_of_the_bytes(site: Site) -> None:
    """Beyond 32 MiB the rest is left out, however slowly it comes."""
    for number in range(5):
        site.put(f"/{number}.png", png() + bytes(9 * 2**20))
    async with HttpFetcher(AllowedHosts.parse(f"127.0.0.1:{site.port}"), seconds=60) as patient:
        assets = DocumentAssets(patient, 60)
        came = await asyncio.gather(
            *(assets.get(f"{site.url}/{number}.png", "image") for number in range(5)), return_exceptions=True
        )

    assert [each.code for each in came if isinstance(each, AssetError)] == ["asset_too_large"] * 2
    assert sum(isinstance(each, Fetched) for each in came) == 3


async def test_what_is_beyond_the_share_is_not_asked_of_us(
    engine: Engine, site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A thousand addresses take the time of a hundred: those that cannot be had end in the browser, and are named."""
    asked: list[str] = []
    get = DocumentAssets.get

    async def counted(self: DocumentAssets, url: str, kind: Kind) -> Fetched:
        asked.append(url)
        return await get(self, url, kind)

    monkeypatch.setattr(DocumentAssets, "get", counted)
    urls = [f"{site.url}/{number}.png?a=(1)$" for number in range(150)]
    for number in range(100):
        site.put(f"/{number}.png", png())
    images = "".join(f"<img src='{url}' width=9 height=9>" for url in urls)
    html = page(
        f"<img src='{urls[0]}#part'>{images}<i></i><iframe src='{site.url}/frame'></iframe>",
        f"img{{float:left}}i{{background:url({site.url}/i.png)}}",
    )
    rendering = await draw(engine, html)
    blocked = {asset.url for asset in rendering.assets if asset.reason == "asset_blocked"}

    assert sorted(set(asked)) == sorted(urls[:100])
    assert len(rendering.assets) == 152
    assert blocked == {
        f"{site.url}/{name}" for name in ("i.png", "frame", *(f"{each}.png" for each in range(100, 150)))
    }


async def test_nobody_else_is_reached(engine: Engine, site: Site) -> None:
    """A document that may fetch from one port of the loopback reaches no other one."""
    async with open_canary("127.0.0.1", "::1") as canary:
        targets = [f"http://{host}:{canary.port}/x" for host in ("127.0.0.1", "localhost", "[::1]", "[::ffff:7f00:1]")]
        site.redirect("/elsewhere", targets[0])
        site.put(
            "/s.css", "".join(f"@import '{target}';i{{background:url({target})}}" for target in targets), "text/css"
        )
        body = "".join(
            f"<img src='{target}'><link rel=stylesheet href='{target}'><iframe src='{target}'></iframe>"
            f"<video src='{target}'></video><object data='{target}'></object>"
            f"<link rel=preload as=image href='{target}'>"
            f"<link rel=prefetch href='{target}'><link rel=preconnect href='{target}'><img srcset='{target}?s 1x'>"
            f"<svg><use href='{target}#u'/></svg><script src='{target}'></script><input type=image src='{target}'>"
            for target in [*targets, f"{site.url}/elsewhere", f"ws://127.0.0.1:{canary.port}/"]
        )
        rendering = await draw(engine, page(f"<link rel=stylesheet href='{site.url}/s.css'><i></i>{body}"))
        script = "fetch('{t}').catch(()=>0);new Image().src='{t}';new WebSocket('{t}'.replace('http','ws'))"
        scripts = "".join(f"<script>{script}</script>".replace("{t}", target) for target in targets)
        await draw(engine, page(scripts), javascript=True)

    assert canary.connections == 0
    assert all(asset.ok == asset.url.endswith(".css") for asset in rendering.assets)
    assert set(site.paths) == {"/s.css", "/elsewhere", "/elsewhere?s"}


async def test_assets_leave_no_trace_in_the_next_poster(engine: Engine, site: Site) -> None:
    """A poster that is cancelled while it waits for assets affects neither the next one nor its assets."""
    plain = page(f"<img src='{site.url}/a.png'>text")
    before = await draw(engine, plain)
    asked = asyncio.Event()

    async def hang(_: web.Request) -> web.Response:
        asked.set()
        await asyncio.Event().wait()
        raise AssertionError

    site.serve("/hang.png", hang)
    poster = asyncio.ensure_future(draw(engine, page(f"<img src='{site.url}/hang.png'>")))
    await asked.wait()
    poster.cancel()
    await asyncio.gather(poster, return_exceptions=True)
    after = await draw(engine, plain)

    assert after.images[0].data == before.images[0].data
    assert [asset.ok for asset in after.assets] == [True]
