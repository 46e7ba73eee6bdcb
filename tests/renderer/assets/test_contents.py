"""What came fits what was asked for: its type, its content, its size, and the words of a refusal."""

import gzip
import re
import socket
import struct
import time
import zlib

import pytest

from renderer.assets.allowed_hosts import AllowedHosts
from renderer.assets.fetcher import HttpFetcher
from renderer.assets.integrity import digests_of
from renderer.assets.port import AssetError, Kind
from tests.renderer.assets.conftest import Names, refusal
from tests.renderer.assets.site import Listener, Site, png

SVG = b'<?xml version="1.0"?>\n<svg xmlns="http://www.w3.org/2000/svg"/>'
WOFF2 = b"wOF2" + bytes(60)


@pytest.mark.parametrize(
    ("kind", "content_type", "body", "given"),
    [
        ("image", "image/png", png(), "image/png"),
        ("image", "image/jpeg", png(), "image/png"),
        ("image", "application/octet-stream", png(), "image/png"),
        ("image", "image/webp", png(kind="WEBP"), "image/webp"),
        ("image", "image/svg+xml; charset=utf-8", SVG, "image/svg+xml"),
        ("stylesheet", 'text/css; charset="utf-8"', b"p{}", "text/css; charset=utf-8"),
        ("font", "font/woff2", WOFF2, "font/woff2"),
        ("font", "application/font-woff2", WOFF2, "font/woff2"),
        ("font", "application/octet-stream", WOFF2, "font/woff2"),
        ("image", "application/x-www-form-urlencoded", png(), "image/png"),
        ("image", "text/plain; charset=utf-8", png(kind="JPEG"), "image/jpeg"),
        ("image", "text/html", png(), "image/png"),
        ("image", "", png(), "image/png"),
        ("image", "what is this", png(kind="GIF"), "image/gif"),
        ("image", "text/plain", SVG, None),
        ("image", "application/octet-stream", SVG, None),
        ("image", "text/plain", b"<html>", None),
        ("image", "text/javascript", b"alert(1)", None),
        ("image", "image/png", b"<html>not found</html>", None),
        ("image", "image/png", b"", None),
        ("image", "image/png", png()[:20], None),
        ("image", "image/svg+xml", b"<html></html>", None),
        ("image", "text/html", SVG, None),
        ("stylesheet", "text/html", b"p{}", None),
        ("stylesheet", "text/plain", b"p{}", None),
        ("font", "text/plain", WOFF2, "font/woff2"),
        ("font", "text/html", WOFF2, "font/woff2"),
        ("font", "", b"OTTO" + bytes(60), "font/otf"),
        ("font", "text/plain", b"p{}", None),
        ("stylesheet", "application/octet-stream", b"p{}", None),
        ("script", "text/javascript; charset=utf-8", b"1", "text/javascript; charset=utf-8"),
        ("script", "application/javascript", b"1", "text/javascript"),
        ("script", "application/x-javascript", b"1", "text/javascript"),
        ("script", "text/plain", b"1", None),
        ("script", "text/html", b"1", None),
        ("script", "application/octet-stream", b"1", None),
        ("script", "application/json", b"1", None),
        ("font", "font/woff2", b"<html>", None),
        ("font", "image/png", png(), None),
    ],
)
async def test_type_and_content_fit_what_was_asked_for(
    site: Site, fetcher: HttpFetcher, kind: Kind, content_type: str, body: bytes, given: str | None
) -> None:
    """The browser gets the type that was found; what is something else is invalid."""
    url = site.put("/a", body, content_type)
    if given is None:
        assert await refusal(fetcher, url, kind) == ("asset_invalid", 200)
    else:
        assert (await fetcher.fetch(url, kind)).content_type == given


@pytest.mark.parametrize(
    ("kind", "content_type", "body", "passes"),
    [
        ("image", "image/png", png(), True),
        ("image", "application/octet-stream", png(), True),
        ("image", "text/plain", png(), False),
        ("image", "text/html", png(), False),
        ("image", "application/json", png(), False),
        ("image", "image/svg+xml", SVG, True),
        ("font", "text/plain", WOFF2, True),
        ("stylesheet", "text/css", b"p{}", True),
        ("stylesheet", "", b"p{}", False),
        ("script", "text/javascript", b"1", True),
    ],
)
async def test_no_sniff_is_heeded_as_browsers_do(
    site: Site, fetcher: HttpFetcher, kind: Kind, content_type: str, body: bytes, *, passes: bool
) -> None:
    """`X-Content-Type-Options: nosniff` stops images that are declared as texts, and sheets without a type."""
    url = site.put("/a", body, content_type, X_Content_Type_Options="nosniff")
    if passes:
        await fetcher.fetch(url, kind)
    else:
        assert await refusal(fetcher, url, kind) == ("asset_invalid", 200)


async def detail(fetcher: HttpFetcher, url: str, kind: Kind = "image") -> str | None:
    """Return in which words an asset is refused."""
    with pytest.raises(AssetError) as raised:
        await fetcher.fetch(url, kind)
    return raised.value.detail


async def test_a_refusal_says_why_in_words(site: Site, fetcher: HttpFetcher, canary: Listener) -> None:
    """What is blocked names the setting that would allow it; others name the limit, the type or the status."""
    private = await detail(fetcher, f"http://127.0.0.2:{canary.port}/a.png")
    redirected = await detail(fetcher, site.redirect("/r", f"http://[::1]:{canary.port}/"))
    async with HttpFetcher(AllowedHosts(), resolve=Names(["10.1.2.3"])) as other:
        name = await detail(other, "https://intranet.example/a.png")
    async with HttpFetcher(AllowedHosts(), resolve=Names(socket.gaierror(socket.EAI_NONAME, "none"))) as other:
        unknown = await detail(other, "https://nobody.example/a.png")

    assert private == redirected == name
    assert "not public" in (private or "")
    assert "POSTERS_ASSET_ALLOW" in (private or "")
    assert "10.1.2.3" not in (name or "")
    assert unknown == "no host has this name"
    assert await detail(fetcher, "ftp://127.0.0.1/a.png") == "it is no https:// or http:// address"
    assert await detail(fetcher, site.put("/s", b"p{}", "text/plain"), "stylesheet") == (
        "its Content-Type is `text/plain`, which is that of no style sheet"
    )
    assert await detail(fetcher, site.put("/l", bytes(11 * 2**20))) == "it has more than 10 MiB"
    assert await detail(fetcher, site.put("/m", png(), status=404)) == "its server answered 404"
    assert await detail(fetcher, site.put("/p", huge_png(9_000, 9_000))) == (
        "it has 9,000 by 9,000 pixels; 64,000,000 are allowed"
    )


async def test_style_sheets_are_asked_for_as_by_a_browser(site: Site, fetcher: HttpFetcher) -> None:
    """Services of fonts give subsets to the browsers that they know; all else is asked for in our own name."""
    await fetcher.fetch(site.put("/s.css", b"p{}", "text/css"), "stylesheet")
    await fetcher.fetch(site.put("/a.png", png()), "image")
    await fetcher.fetch(site.put("/f", WOFF2, "font/woff2"), "font")
    agents = [request.headers["User-Agent"] for request in site.requests]

    assert re.fullmatch(r"Mozilla/5\.0 .* Chrome/\d+\S* Safari/\S+", agents[0])
    assert agents[1:] == ["Posterstream"] * 2


async def test_digests_are_those_of_what_came(site: Site, fetcher: HttpFetcher) -> None:
    """A style sheet that is rewritten has the digests of the original, packed or not, behind a redirect as well."""
    sheet = b"@font-face{font-family:F;font-display:fallback;src:url(f.woff2)}i{background:url(a.png)}"
    site.put("/deep/s.css", gzip.compress(sheet), "text/css", Content_Encoding="gzip")
    fetched = await fetcher.fetch(site.redirect("/s.css", "/deep/s.css"), "stylesheet")
    script = await fetcher.fetch(site.put("/s.js", b"1", "text/javascript"), "script")

    assert b"swap" in fetched.body
    assert f"{site.url}/deep/a.png".encode() in fetched.body
    assert fetched.digests == digests_of(sheet)
    assert script.digests == digests_of(b"1")


SHEETS = {
    "tailwind": "".join(
        f".md\\:w-{n}{{width:{n}px;content:'url(a)';background:url(\"{n}.png\")}}\n" for n in range(65_000)
    ),
    "svg images": 'i{background:url("data:image/svg+xml,%3Csvg/%3E")}' * 90_000,
    "open strings": "'\\\n" * 1_500_000,
    "open comments": "/*" * 2_300_000,
    "open addresses": "url(" * 1_200_000,
    "images without an end": "data:image/svg+xml," * 250_000,
    "displays": "font-display:" * 360_000,
}


@pytest.mark.parametrize("sheet", SHEETS.values(), ids=SHEETS.keys())
async def test_a_large_sheet_takes_linear_time(site: Site, fetcher: HttpFetcher, sheet: str) -> None:
    """A style sheet of almost 5 MiB is read and rewritten in some seconds of processor time, not minutes."""
    sheet = sheet[: 5 * 2**20 - 1]
    site.put("/deep/s.css", sheet, "text/css")
    url = site.redirect("/s.css", "/deep/s.css")
    async with HttpFetcher(AllowedHosts.parse("127.0.0.1"), seconds=20) as patient:
        began = time.process_time()
        fetched = await patient.fetch(url, "stylesheet")
        took = time.process_time() - began

    assert len(sheet) > 4 * 2**20
    assert len(fetched.body) >= len(sheet)
    assert took < 6


async def test_a_larger_sheet_is_refused(site: Site, fetcher: HttpFetcher) -> None:
    """5 MiB is the limit of a style sheet and of a script."""
    sheet, script = bytes(5 * 2**20), bytes(5 * 2**20)
    assert (await fetcher.fetch(site.put("/s.js", script, "text/javascript"), "script")).body == script
    for path, kind, content_type in (("/s", "stylesheet", "text/css"), ("/t", "script", "text/javascript")):
        assert await refusal(fetcher, site.put(path, sheet + b" ", content_type), kind) == ("asset_too_large", 200)  # type: ignore[arg-type]


def huge_png(width: int, height: int) -> bytes:
    """Return a small PNG whose header claims to be large."""
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    chunk = b"IHDR" + header
    return b"\x89PNG\r\n\x1a\n" + struct.pack(">I", 13) + chunk + struct.pack(">I", zlib.crc32(chunk))


@pytest.mark.parametrize(
    ("width", "height", "refused"), [(8_000, 8_000, False), (8_001, 8_000, True), (2**31 - 1, 1, True)]
)
async def test_pixels_are_counted_before_anything_decodes_them(
    site: Site, fetcher: HttpFetcher, width: int, height: int, *, refused: bool
) -> None:
    """64 megapixels are the limit, read from the header."""
    url = site.put("/a.png", huge_png(width, height))
    if refused:
        assert await refusal(fetcher, url) == ("asset_too_large", 200)
    else:
        assert (await fetcher.fetch(url, "image")).pixels == width * height
