"""Addresses of every form lead where a browser would go, or are named; scripts and `integrity` of the network."""

import base64
import hashlib
import math

import pytest

from agents.render.object_key import object_digest
from agents.render.strictness import refuse_missing_assets
from renderer.assets.port import AssetError, Fetched, Kind, Received, ignore
from renderer.engine import Engine
from renderer.errors import RenderError
from tests.renderer.assets.site import Site, open_canary, png
from tests.renderer.drawing import decode, draw, page, rgb

pytestmark = pytest.mark.asyncio(loop_scope="module")
GREEN = (0, 128, 0)
WHITE = (255, 255, 255)
SIZE = "width=200 height=100"


@pytest.fixture
def site(served: tuple[Engine, Site]) -> Site:
    """The site, with a green picture."""
    site = served[1]
    site.answers.clear()
    site.requests.clear()
    site.put("/a.png", png(size=(200, 100)))
    return site


@pytest.fixture
def engine(served: tuple[Engine, Site]) -> Engine:
    """The engine that fetches from the site."""
    return served[0]


class SecureSite:
    """A fetcher of one picture, at an https address."""

    def __init__(self) -> None:
        self.asked: list[str] = []

    async def fetch(self, url: str, kind: Kind, received: Received = ignore) -> Fetched:
        """Return the picture, or fail as a server without it does."""
        self.asked.append(url)
        if not url.startswith("https://cdn.example/"):
            raise AssetError("asset_status", 404)
        if kind == "stylesheet":
            return Fetched(body=b"i{background:url(a.png)}", content_type="text/css")
        return Fetched(body=png(size=(200, 100)), content_type="image/png")


RELATIVE = {
    "img": ("<img src=logo.png>", ["logo.png"]),
    "srcset": ("<img srcset='img/logo.png 1x'>", ["img/logo.png"]),
    "from the root": ("<img src='/static/logo.png?v=1#x'>", ["/static/logo.png"]),
    "style sheet": ("<link rel=stylesheet href=style.css>", ["style.css"]),
    "style": ("<style>i{display:block;height:9px;background:url(img/bg.png)}</style><i></i>", ["img/bg.png"]),
    "attribute": ("<i style='display:block;height:9px;background:url(bg.png)'></i>", ["bg.png"]),
    "import": ("<style>@import 'more.css';</style>", ["more.css"]),
    "font": ("<style>@font-face{font-family:F;src:url(f.woff2)}p{font-family:F}</style><p>x", ["f.woff2"]),
    "svg": ("<svg><image href=a.png width=9 height=9 /></svg>", ["a.png"]),
    "poster": ("<video poster=p.jpg></video>", ["p.jpg"]),
    "frame": ("<iframe src=frame.html></iframe>", ["frame.html"]),
    "in a frame": ("<iframe srcdoc='<img src=logo.png>'></iframe>", ["logo.png"]),
    "base": ("<base href='/assets/'><img src=logo.png>", ["/assets/logo.png"]),
    "several": ("<img src=a.png><img src=b.png>", ["a.png", "b.png"]),
}


@pytest.mark.parametrize(("body", "expected"), RELATIVE.values(), ids=RELATIVE.keys())
@pytest.mark.parametrize("with_fetcher", [True, False])
async def test_relative_addresses_are_named(
    engine: Engine, site: Site, monkeypatch: pytest.MonkeyPatch, body: str, expected: list[str], *, with_fetcher: bool
) -> None:
    """Each has an entry and one warning for all; strict refuses them, nothing is requested, and the key is certain."""
    if not with_fetcher:
        monkeypatch.setattr(engine, "_fetcher", None)
    rendering = await draw(engine, page(body))

    assert {(asset.url, asset.ok, asset.reason) for asset in rendering.assets} == {
        (url, False, "relative_address") for url in expected
    }
    assert [warning.code for warning in rendering.warnings] == ["relative_address"]
    assert "base href" in rendering.warnings[0].message
    with pytest.raises(RenderError, match=f"{expected[0]}.*relative") as raised:
        refuse_missing_assets(rendering.assets)
    assert raised.value.code == "relative_address"
    assert site.paths == []
    assert rendering.usage.fresh_until == math.inf


async def test_what_a_script_names_is_named_too(engine: Engine, site: Site) -> None:
    """An image that a script adds has a relative address that the template's text does not show."""
    script = "const image = new Image(); image.src = 'by-' + 'script.png?x'; document.body.append(image)"
    rendering = await draw(engine, page(f"<script>{script}</script>"), javascript=True)

    assert [(asset.url, asset.reason) for asset in rendering.assets] == [("by-script.png", "relative_address")]


REFERENCES = """
<style>.c{clip-path:url(#clip);background:linear-gradient(red,blue);width:60px;height:60px}.f{filter:url(#blur)}
.m{mask:url(#m)}.g{fill:url(#g)}</style>
<svg width=200 height=100><defs><linearGradient id=g><stop stop-color=lime /><stop offset=1 stop-color=navy />
</linearGradient><clipPath id=clip><circle cx=30 cy=30 r=30 /></clipPath><mask id=m>
<rect width=50 height=50 fill=white /></mask><filter id=blur><feGaussianBlur stdDeviation=2 /></filter>
<g id=a><rect class=g width=40 height=40 /></g>
<path id=p d='M0 80 H200'/></defs><use href='#a'/><use xlink:href='#a' x=50 /><rect x=100 width=40 height=40
fill='url(#g)'/><text><textPath href='#p'>along the path</textPath></text></svg>
<div class=c></div><div class='c f m'></div>
"""


async def test_references_within_a_document_stay_within_it(engine: Engine, site: Site) -> None:
    """A base, its own or ours, changes no gradient, mask, clip, filter or `<use>` of the document."""
    plain = await draw(engine, page(REFERENCES), full_page=True)
    own = await draw(engine, page(f"<base href='{site.url}/'>{REFERENCES}"), full_page=True)
    ours = await draw(engine, page(f"{REFERENCES}<video src=none.mp4 hidden></video>"), full_page=True)

    assert plain.images[0].data == own.images[0].data == ours.images[0].data
    assert (plain.assets, own.assets, site.paths) == ([], [], [])
    assert [asset.url for asset in ours.assets] == ["none.mp4"]


BASED = {
    "base": "<base href='{u}/deep/'><img src='../a.png' {s}>",
    "base of a style": "<base href='{u}/'><style>i{{display:block;height:100px;background:url(a.png)}}</style><i></i>",
    "base of a sheet": "<base href='{u}/'><link rel=stylesheet href=s.css><i></i>",
    "base after its use": "<link rel=stylesheet href='{u}/s.css'><base href='{u}/x/'><i></i>",
}


@pytest.mark.parametrize("body", BASED.values(), ids=BASED.keys())
async def test_a_base_makes_addresses_whole(engine: Engine, site: Site, body: str) -> None:
    """Relative addresses of a document with a base are loaded from there."""
    site.put("/s.css", "i{display:block;height:100px;background:url(a.png)}", "text/css")
    rendering = await draw(engine, page(body.format(u=site.url, s=SIZE)))

    assert rendering.warnings == []
    assert rgb(decode(rendering.images[0].data), 100, 50) == GREEN
    assert "/a.png" in site.paths


@pytest.mark.parametrize(
    "body",
    [
        f"<img src='//cdn.example/a.png' {SIZE}>",
        "<i style='display:block;height:100px;background:url(//cdn.example/a.png)'></i>",
        "<link rel=stylesheet href='//cdn.example/s.css'><i style='display:block;height:100px'></i>",
        f"<base href='//cdn.example/deep/'><img src='../a.png' {SIZE}>",
    ],
)
async def test_addresses_without_a_scheme_are_of_https(
    engine: Engine, monkeypatch: pytest.MonkeyPatch, body: str
) -> None:
    """`//host/path` is fetched, by the guard and limits of every other address."""
    fetcher = SecureSite()
    monkeypatch.setattr(engine, "_fetcher", fetcher)
    rendering = await draw(engine, page(body))

    assert rendering.warnings == []
    assert rgb(decode(rendering.images[0].data), 100, 50) == GREEN
    assert {url for url in fetcher.asked if url.endswith(".png")} == {"https://cdn.example/a.png"}


async def test_no_form_of_an_address_passes_the_guard(engine: Engine, site: Site) -> None:
    """Neither a base nor a missing scheme nor a script leads to an address that is not allowed."""
    async with open_canary("127.0.0.1", "::1") as canary:
        hosts = [f"127.0.0.1:{canary.port}", f"localhost:{canary.port}", f"[::1]:{canary.port}"]
        site.redirect("/moved.js", f"http://{hosts[0]}/x.js")
        for host in hosts:
            tags = (
                f"<img src=a.png><script src=b.js></script><link rel=stylesheet href='c.css'><img src='//{host}/d.png'>"
            )
            for base in (f"<base href='http://{host}/'>", f"<base href='//{host}/'>"):
                await draw(engine, page(base + tags), javascript=True)
            scripts = f"<script src='http://{host}/x.js'></script><script src='{site.url}/moved.js'></script>"
            module = f"<script type=module>import 'http://{host}/y.js'</script>"
            rendering = await draw(engine, page(scripts + module), javascript=True)
            assert {asset.reason for asset in rendering.assets} == {"asset_blocked"}
            assert "POSTERS_ASSET_ALLOW" in rendering.warnings[0].message

    assert canary.connections == 0


def sri(body: bytes, algorithm: str = "sha384") -> str:
    """Return the integrity of content."""
    return f"{algorithm}-{base64.b64encode(hashlib.new(algorithm, body).digest()).decode()}"


SHEETS = {
    "font": "@font-face{font-family:F;font-display:fallback;src:url(f.woff2)}i{background:green}",
    "moving": (
        "i{background:url(\"data:image/svg+xml,<svg xmlns='http://www.w3.org/2000/svg'><style>@keyframes a{}</style>"
        "<rect width='200' height='100' fill='green'/></svg>\")}"
    ),
    "redirected": "i{background:url(../a.png)}",
}


@pytest.mark.parametrize("sheet", SHEETS.values(), ids=SHEETS.keys())
@pytest.mark.parametrize("crossorigin", ["crossorigin", ""])
async def test_integrity_is_that_of_what_came(engine: Engine, site: Site, sheet: str, crossorigin: str) -> None:
    """A sheet that is rewritten is applied where it is what the document asks for, and only there."""
    body = sheet.encode()
    site.put("/deep/s.css", body, "text/css")
    url = site.redirect("/s.css", "/deep/s.css")
    box = "<i style='display:block;height:100px'></i>"
    pictures = {}
    for name, integrity in (
        ("right", sri(body)),
        ("one of two", f"{sri(b'x')} {sri(body)}"),
        ("weak one is wrong", f"{sri(b'x', 'sha256')} {sri(body, 'sha512')}"),
        ("wrong", sri(b"x")),
        ("strong one is wrong", f"{sri(body, 'sha256')} {sri(b'x', 'sha512')}"),
    ):
        link = f"<link rel=stylesheet href='{url}' integrity='{integrity}' {crossorigin}>"
        rendering = await draw(engine, page(link + box))
        asset = rendering.assets[0]
        pictures[name] = rgb(decode(rendering.images[0].data), 100, 50), asset.ok, asset.reason
    good, bad = (GREEN, True, None), (WHITE, False, "asset_invalid")

    assert pictures == {
        **dict.fromkeys(("right", "one of two", "weak one is wrong"), good),
        **dict.fromkeys(("wrong", "strong one is wrong"), bad),
    }
    assert [warning.code for warning in rendering.warnings] == ["asset_invalid"]
    assert sri(body, "sha512").rstrip("=") in rendering.warnings[0].message


async def test_integrity_that_only_the_browser_can_check(engine: Engine, site: Site) -> None:
    """A sheet that the browser drops is named, though it was loaded."""
    site.put("/ä.css", "body{background:green}", "text/css")
    for integrity, ok in ((sri(b"body{background:green}"), True), (sri(b"x"), False)):
        link = f"<link rel=stylesheet href='{site.url}/ä.css' integrity='{integrity}' crossorigin>"
        rendering = await draw(engine, page(link))
        assert [asset.ok for asset in rendering.assets] == [ok]
        assert (rgb(decode(rendering.images[0].data), 100, 50) == GREEN) is ok


PAINT = "document.body.style.background = 'green'"
SCRIPTS = {
    "plain": "<script src='{u}/paint.js'></script>",
    "module": "<script type=module src='{u}/paint.js'></script>",
    "imported": "<script type=module>import '{u}/import.js'</script>",
    "added": (
        "<script>document.head.append(Object.assign(document.createElement('script'),{{src:'{u}/paint.js'}}))</script>"
    ),
    "base": "<base href='{u}/'><script src=paint.js></script>",
    "deferred": "<script defer src='{u}/paint.js'></script>",
}


@pytest.mark.parametrize("body", SCRIPTS.values(), ids=SCRIPTS.keys())
async def test_scripts_come_from_the_network(engine: Engine, site: Site, body: str) -> None:
    """Those of a template with JavaScript run, are in `assets`, and their content is in the picture's key."""
    site.put("/paint.js", PAINT, "text/javascript")
    site.put("/import.js", "import './paint.js'", "text/javascript")
    html = page(body.format(u=site.url))
    rendering = await draw(engine, html, javascript=True)
    digest = object_digest("a", "b", rendering.usage)
    same = object_digest("a", "b", (await draw(engine, html, javascript=True)).usage)
    site.put("/paint.js", PAINT + ";", "text/javascript")
    other = object_digest("a", "b", (await draw(engine, html, javascript=True)).usage)

    assert rendering.warnings == []
    assert all(asset.ok for asset in rendering.assets)
    assert rgb(decode(rendering.images[0].data), 100, 50) == GREEN
    assert digest == same != other


async def test_scripts_of_other_templates_are_not_loaded(engine: Engine, site: Site) -> None:
    """Without JavaScript a script is neither run nor requested."""
    site.put("/paint.js", PAINT, "text/javascript")
    rendering = await draw(engine, page(f"<script src='{site.url}/paint.js'></script>"))

    assert (rendering.warnings, site.paths) == ([], [])


@pytest.mark.parametrize(
    ("content_type", "attributes", "ok"),
    [
        ("text/javascript", f"integrity={sri(PAINT.encode())}", True),
        ("text/javascript", f"integrity={sri(PAINT.encode())} crossorigin", True),
        ("text/javascript", f"integrity={sri(b'x')}", False),
        ("text/plain", "", False),
        ("text/html", "", False),
    ],
)
async def test_scripts_are_what_they_should_be(
    engine: Engine, site: Site, content_type: str, attributes: str, *, ok: bool
) -> None:
    """A script that is typed as something else, or is not the one that was asked for, does not run and is named."""
    site.put("/paint.js", PAINT, content_type)
    html = page(f"<script src='{site.url}/paint.js' {attributes}></script>")
    rendering = await draw(engine, html, javascript=True)

    assert [(asset.ok, asset.reason) for asset in rendering.assets] == [(ok, None if ok else "asset_invalid")]
    assert (rgb(decode(rendering.images[0].data), 100, 50) == GREEN) is ok


async def test_a_library_of_megabytes_runs(engine: Engine, site: Site) -> None:
    """A script of 4 MB, as large as chart libraries are, is loaded, run and part of the key."""
    site.put("/large.js", f"/*{'x' * 4_000_000}*/{PAINT}", "text/javascript")
    rendering = await draw(engine, page(f"<script src='{site.url}/large.js'></script>"), javascript=True)

    assert rendering.warnings == []
    assert rgb(decode(rendering.images[0].data), 100, 50) == GREEN


async def test_a_large_style_sheet_applies(engine: Engine, site: Site) -> None:
    """A sheet of 2.9 MB, like those of utility classes, is loaded and applied."""
    rules = "".join(f".md\\:w-{number}{{width:{number}px;color:#{number % 4096:03x}}}\n" for number in range(75_000))
    site.put("/t.css", f"{rules}body{{background:green}}", "text/css")
    rendering = await draw(engine, page(f"<link rel=stylesheet href='{site.url}/t.css'><p class='md:w-9'>x"))

    assert len(rules) > 2_900_000
    assert rendering.warnings == []
    assert rgb(decode(rendering.images[0].data), 100, 90) == GREEN


HINTS = [
    (
        "<script>document.head.append(Object.assign(document.createElement('link'),{{rel:'prefetch',"
        "href:'{u}/none'}}))</script>"
    ),
    *(f"<link rel={rel} href='{{u}}/none'>" for rel in ("prefetch", "preconnect", "dns-prefetch", "modulepreload")),
    *(f"<link rel=preload as={kind} href='{{u}}/none' crossorigin>" for kind in ("font", "image", "style", "script")),
    "<link rel=prefetch href='//127.0.0.2/none'><link rel=icon href=favicon.ico><link rel=manifest href=m.json>",
    "<link rel='preload prefetch' as=font href='{u}/none'><link rel=prerender href='{u}/none'>",
]


@pytest.mark.parametrize("javascript", [False, True])
@pytest.mark.parametrize("hint", HINTS)
async def test_hints_of_what_to_load_ahead_are_ignored(
    engine: Engine, site: Site, hint: str, *, javascript: bool
) -> None:
    """They are for pages that go on; a poster is whole without them, and nothing is requested."""
    rendering = await draw(engine, page(hint.format(u=site.url) + "x"), javascript=javascript)

    assert (rendering.assets, rendering.warnings, site.paths) == ([], [], [])


async def test_a_preload_of_what_is_used_does_no_harm(engine: Engine, site: Site) -> None:
    """The asset is loaded once; where it is missing, it is missing."""
    site.put("/s.css", "body{background:green}", "text/css")
    link = "<link rel=preload as=style href='{u}'><link rel=stylesheet href='{u}'>"
    there = await draw(engine, page(link.format(u=f"{site.url}/s.css")))
    once = list(site.paths)
    late = page(f"<link rel=preload as=style onload=\"this.rel='stylesheet'\" href='{site.url}/s.css'>")
    loaded = await draw(engine, late, javascript=True)
    missing = await draw(engine, page(link.format(u=f"{site.url}/none.css")))

    assert once == ["/s.css"]
    assert there.warnings == loaded.warnings == []
    assert rgb(decode(there.images[0].data), 100, 50) == rgb(decode(loaded.images[0].data), 100, 50) == GREEN
    assert [asset.reason for asset in missing.assets] == ["asset_status"]


async def test_only_the_subsets_of_a_font_that_a_text_needs_are_loaded(
    engine: Engine, site: Site, pixel_font: str
) -> None:
    """Of a font in parts by `unicode-range`, as services of fonts have them, those without a character are left out."""
    font = base64.b64decode(pixel_font.partition(",")[2])
    ranges = {"latin": "U+0000-00FF", "latin-ext": "U+0100-02BA", "greek": "U+0370-03FF", "cyrillic": "U+0400-04FF"}
    faces = []
    for name, unicode_range in ranges.items():
        site.put(f"/{name}.ttf", font, "text/plain")
        faces.append(f"@font-face{{font-family:F;src:url({name}.ttf);unicode-range:{unicode_range}}}")
    faces.append("@font-face{font-family:F;font-weight:700;src:url(bold.ttf)}@font-face{font-family:G;src:url(g.ttf)}")
    site.put("/css2", "".join(faces), "text/css")
    rendering = await draw(
        engine, page(f"<link rel=stylesheet href='{site.url}/css2?family=F'><p style='font:20px F'>XX")
    )

    assert rendering.warnings == []
    assert sorted(site.paths) == ["/css2?family=F", "/latin.ttf"]
