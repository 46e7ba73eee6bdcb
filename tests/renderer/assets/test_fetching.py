"""The fetcher gets what is allowed and right, from real servers, and nothing else."""

import asyncio
import gzip
import hashlib
import math
import re
import socket
import struct
import sys
import threading
import time
import zlib
from collections.abc import AsyncIterator, Callable, Sequence

import brotli
import pytest
import pytest_asyncio
from aiohttp import web
from multidict import CIMultiDict

from renderer.assets import address_policy
from renderer.assets.allowed_hosts import AllowedHosts
from renderer.assets.body import read_body
from renderer.assets.fetcher import HttpFetcher
from renderer.assets.integrity import digests_of
from renderer.assets.port import AssetError, Kind
from tests.renderer.assets.site import Listener, Site, open_canary, open_raw, open_site, png

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

CSS = "text/css"


@pytest_asyncio.fixture
async def site() -> AsyncIterator[Site]:
    """A site on 127.0.0.1."""
    async with open_site() as site:
        yield site


@pytest_asyncio.fixture
async def canary() -> AsyncIterator[Listener]:
    """A listener on addresses that nobody allowed."""
    async with open_canary("127.0.0.1", "::1", "127.0.0.2") as canary:
        yield canary


@pytest_asyncio.fixture
async def fetcher(site: Site) -> AsyncIterator[HttpFetcher]:
    """A fetcher that may reach the site, and gives it a second."""
    async with HttpFetcher(AllowedHosts.parse(f"127.0.0.1:{site.port}"), seconds=1.0) as fetcher:
        yield fetcher


async def refusal(fetcher: HttpFetcher, url: str, kind: Kind = "image") -> tuple[str, int | None]:
    """Return the code and status with which an asset is refused."""
    with pytest.raises(AssetError) as raised:
        await fetcher.fetch(url, kind)
    return raised.value.code, raised.value.status


async def test_an_asset_comes_as_it_is(site: Site, fetcher: HttpFetcher) -> None:
    """Body, type, status and size are those of the server."""
    fetched = await fetcher.fetch(site.put("/a.png", png()), "image")

    assert (fetched.body, fetched.content_type, fetched.status, fetched.pixels) == (png(), "image/png", 200, 64)


async def test_requests_reveal_nothing(site: Site, fetcher: HttpFetcher) -> None:
    """No cookie, referer, authorization or origin goes out, not even what an address holds or a server set."""
    site.put("/set.png", png(), Set_Cookie="a=1; Path=/")
    address = f"http://user:word@127.0.0.1:{site.port}"
    site.redirect("/elsewhere.png", f"{address}/set.png")
    for path in ("/set.png", "/set.png?2", "/elsewhere.png"):
        await fetcher.fetch(address + path, "image")
    sent = {name.lower() for request in site.requests for name in request.headers}

    assert len(site.requests) == 4
    assert sent == {"host", "accept", "accept-encoding", "user-agent"}


@pytest.mark.parametrize(
    "url",
    [
        "http://127.0.0.1:{port}/",
        "http://localhost:{port}/",
        "http://LOCALHOST.:{port}/",
        "http://[::1]:{port}/",
        "http://[::ffff:127.0.0.1]:{port}/",
        "http://[::ffff:7f00:1]:{port}/",
        "http://[::]:{port}/",
        "http://0.0.0.0:{port}/",
        "http://0:{port}/",
        "http://2130706433:{port}/",
        "http://0x7f.1:{port}/",
        "http://127.1:{port}/",
        "http://127.0.0.2:{port}/",
        "http://[64:ff9b::7f00:1]:{port}/",
        "http://[2002:7f00:1::]:{port}/",
        "https://127.0.0.1:{port}/",
        "ftp://127.0.0.1:{port}/",
        "file:///etc/passwd",
        "//127.0.0.1:{port}/",
        "http:///x",
        "http://[bad/",
        "http://127.0.0.1:0/",
        "http://127.0.0.1:{port} /",
        "http://127.0.0.1:99999/",
    ],
)
async def test_what_is_not_allowed_is_never_dialled(fetcher: HttpFetcher, canary: Listener, url: str) -> None:
    """However an address is written, neither it nor a redirect to it reaches a listener."""
    assert await refusal(fetcher, url.replace("{port}", str(canary.port))) == ("asset_blocked", None)
    assert canary.connections == 0


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "[::1]", "127.0.0.2", "2130706433", "[::ffff:127.0.0.1]"])
async def test_a_redirect_is_checked_like_an_address(
    site: Site, fetcher: HttpFetcher, canary: Listener, host: str
) -> None:
    """An allowed server cannot send us to one that is not."""
    first = site.redirect("/first", "/second")
    site.redirect("/second", f"http://{host}:{canary.port}/")

    assert await refusal(fetcher, first) == ("asset_blocked", None)
    assert site.paths == ["/first", "/second"]
    assert canary.connections == 0


@pytest.mark.parametrize("location", ["file:///etc/passwd", "data:image/png;base64,AAAA", "http://[bad", "ftp://x/y"])
async def test_a_redirect_leads_to_http_only(site: Site, fetcher: HttpFetcher, location: str) -> None:
    """Other schemes and what is no address at all are blocked."""
    assert await refusal(fetcher, site.redirect("/a", location)) == ("asset_blocked", None)


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
async def test_redirects_are_followed(site: Site, fetcher: HttpFetcher, status: int) -> None:
    """Relative ones too, five of them at most."""
    site.put("/deep/5", png())
    for hop in range(5):
        site.redirect(f"/deep/{hop}", f"{hop + 1}#part", status)
    site.redirect("/deep/before", "0", status)

    assert (await fetcher.fetch(f"{site.url}/deep/0", "image")).body == png()
    assert await refusal(fetcher, f"{site.url}/deep/before") == ("asset_status", status)


class Names:
    """A name server whose answers change."""

    def __init__(self, *answers: Sequence[str] | OSError) -> None:
        self.answers = list(answers)
        self.asked = 0

    async def __call__(self, host: str, port: int) -> list[str]:
        """Return the next answer."""
        self.asked += 1
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if isinstance(answer, OSError):
            raise answer
        return list(answer)


async def test_dns_rebinding_is_of_no_use() -> None:
    """The address that was checked is the one that is dialled; the next look-up is checked again."""
    names = Names(["127.0.0.1"], ["127.0.0.2"])
    async with open_site() as site, open_canary("127.0.0.2") as canary:
        site.put("/a.png", png(), Connection="close")
        url = f"http://rebinding.example:{site.port}/a.png"
        async with HttpFetcher(AllowedHosts.parse("127.0.0.1/32"), resolve=names) as fetcher:
            fetched = await fetcher.fetch(url, "image")
            hosts = [request.host for request in site.requests]
            asked = names.asked
            again = await refusal(fetcher, url.replace(str(site.port), str(canary.port)))

    assert fetched.body == png()
    assert hosts == [f"rebinding.example:{site.port}"]
    assert asked == 1
    assert again == ("asset_blocked", None)
    assert canary.connections == 0


async def test_only_the_permitted_addresses_of_a_name_are_dialled(site: Site) -> None:
    """A name with several addresses is reached at those that are allowed."""
    async with open_canary("127.0.0.2") as canary:
        names = Names(["127.0.0.2", "127.0.0.1"])
        async with HttpFetcher(AllowedHosts.parse("127.0.0.1/32"), resolve=names) as fetcher:
            site.put("/a.png", png())
            await fetcher.fetch(f"http://two.example:{site.port}/a.png", "image")
            refused = await refusal(fetcher, f"http://two.example:{canary.port}/a.png")

    assert canary.connections == 0
    assert refused == ("asset_timeout", None)


@pytest.mark.parametrize(
    ("answer", "code"),
    [
        (socket.gaierror(socket.EAI_NONAME, "no such name"), "asset_blocked"),
        (socket.gaierror(socket.EAI_AGAIN, "try again"), "asset_timeout"),
        ([], "asset_blocked"),
        (["169.254.169.254"], "asset_blocked"),
        (["fd00:ec2::254", "168.63.129.16", "100.100.100.200"], "asset_blocked"),
    ],
)
async def test_a_name_that_leads_nowhere_says_why(answer: Sequence[str] | OSError, code: str) -> None:
    """Metadata services and names that do not exist are blocked; an unavailable name server may come back."""
    async with HttpFetcher(AllowedHosts(), resolve=Names(answer)) as fetcher:
        assert await refusal(fetcher, "http://name.example/a.png") == (code, None)


async def test_a_host_that_no_name_server_answers_for_blocks_no_other(monkeypatch: pytest.MonkeyPatch) -> None:
    """However many assets name it, there is one look-up of it at a time, and others run beside it."""
    answered = threading.Event()
    asked: list[str] = []

    def look_up(host: str, port: int) -> list[tuple[int, int, int, str, tuple[str, int]]]:
        asked.append(host)
        if host == "unanswered.example":
            answered.wait(30)
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", port))]

    monkeypatch.setattr(address_policy, "_look_up", look_up)
    async with HttpFetcher(AllowedHosts(), seconds=0.2) as fetcher:
        for _ in range(2):
            refused = [refusal(fetcher, f"http://unanswered.example/{number}.png") for number in range(300)]
            assert set(await asyncio.gather(*refused)) == {("asset_timeout", None)}
        assert await refusal(fetcher, "http://there.example/a.png") == ("asset_blocked", None)
        answered.set()

    assert asked == ["unanswered.example", "there.example"]


async def test_an_allowed_host_is_allowed_as_it_is_named(site: Site) -> None:
    """A host on one port, a host on all, a range: each permits what it names and no more."""
    site.put("/a.png", png())
    names = Names(["127.0.0.1"])
    for allowed, host, passes in [
        (f"assets.example:{site.port}", "assets.example", True),
        ("assets.example", "ASSETS.example", True),
        ("assets.example:1", "assets.example", False),
        ("assets.example", "other.example", False),
        ("127.0.0.1", "127.0.0.1", True),
        ("127.0.0.1", "assets.example", False),
        ("127.0.0.0/8", "assets.example", True),
        ("127.0.0.0/8", "[::ffff:127.0.0.1]", True),
        ("10.0.0.0/8, ::/0", "127.0.0.1", False),
    ]:
        async with HttpFetcher(AllowedHosts.parse(allowed), resolve=names) as fetcher:
            url = f"http://{host}:{site.port}/a.png"
            if passes:
                await fetcher.fetch(url, "image")
            else:
                assert await refusal(fetcher, url) == ("asset_blocked", None)


@pytest.mark.parametrize("status", [201, 204, 206, 304, 400, 401, 403, 404, 410, 429, 500, 503])
async def test_an_error_with_a_picture_is_an_error(site: Site, fetcher: HttpFetcher, status: int) -> None:
    """What counts is the status, not that the body could be drawn."""
    assert await refusal(fetcher, site.put("/a.png", png(), status=status)) == ("asset_status", status)


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
    """A style sheet of almost 5 MiB is read and rewritten in two seconds of processor time."""
    sheet = sheet[: 5 * 2**20 - 1]
    site.put("/deep/s.css", sheet, "text/css")
    url = site.redirect("/s.css", "/deep/s.css")
    async with HttpFetcher(AllowedHosts.parse("127.0.0.1"), seconds=20) as patient:
        began = time.process_time()
        fetched = await patient.fetch(url, "stylesheet")
        took = time.process_time() - began

    assert len(sheet) > 4 * 2**20
    assert len(fetched.body) >= len(sheet)
    assert took < 2


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


def deflated(body: bytes) -> bytes:
    """Return a body as some servers deflate it, without the header that belongs to it."""
    packer = zlib.compressobj(9, zlib.DEFLATED, -15)
    return packer.compress(body) + packer.flush()


def in_a_large_window(body: bytes) -> bytes:
    """Return a body packed so that unpacking it takes 128 MiB."""
    packer = zstd.ZstdCompressor(options={zstd.CompressionParameter.window_log: 27})
    return packer.compress(body) + packer.flush()


PACKERS: dict[str, Callable[[bytes], bytes]] = {
    "gzip": gzip.compress,
    "zlib": zlib.compress,
    "deflate": deflated,
    "br": lambda body: brotli.compress(body, quality=4),
    "zstd": zstd.compress,
}
PACKINGS = {"zlib": "deflate"}


@pytest.mark.parametrize("packer", PACKERS)
async def test_a_zip_bomb_is_refused_while_it_is_unpacked(site: Site, fetcher: HttpFetcher, packer: str) -> None:
    """Unpacking of 24 MiB stops after the first ten."""
    bomb = PACKERS[packer](png() + bytes(24 * 2**20))
    url = site.put("/a.png", bomb, Content_Encoding=PACKINGS.get(packer, packer))
    began = time.process_time()
    refused = await refusal(fetcher, url)

    assert refused == ("asset_too_large", 200)
    assert len(bomb) < 2**16
    assert time.process_time() - began < 0.5


@pytest.mark.parametrize("size", [1, 700, 2**20])
@pytest.mark.parametrize("packer", PACKERS)
async def test_packed_bodies_are_unpacked_whole(packer: str, size: int) -> None:
    """However a body is cut, it is what was packed, up to the very limit; what is cut off or garbled is invalid."""
    body = b"".join(hashlib.sha256(bytes([number])).digest() for number in range(100)) + b"abc" * 1_000
    packed = PACKERS[packer](body)

    async def read(sent: bytes, limit: int) -> bytes | str:
        async def parts() -> AsyncIterator[bytes]:
            for start in range(0, len(sent), size):
                yield sent[start : start + size]

        try:
            return await read_body(parts(), PACKINGS.get(packer, packer), limit, 200)
        except AssetError as error:
            return error.code

    assert await read(packed, len(body)) == body
    assert await read(packed, len(body) - 1) == "asset_too_large"
    assert await read(packed[:-1], len(body)) == "asset_invalid"
    assert await read(b"\x07" + body, len(body) * 2) == "asset_invalid"


@pytest.mark.parametrize(
    ("encoding", "body", "passes"),
    [
        ("x-gzip", gzip.compress(png()), True),
        ("GZIP", gzip.compress(png()[:9]) + gzip.compress(png()[9:]) + bytes(9), True),
        ("zstd", zstd.compress(png()[:9]) + zstd.compress(png()[9:]), True),
        ("identity", png(), True),
        ("gzip", png(), False),
        ("compress", png(), False),
        ("gzip, gzip", gzip.compress(gzip.compress(png())), False),
        # A window of 128 MiB, which would be taken whatever the body holds.
        ("zstd", in_a_large_window(png()), False),
    ],
    ids=["old name", "two members", "two frames", "none", "not packed", "unknown", "twice", "large window"],
)
async def test_only_known_packings_are_unpacked(
    site: Site, fetcher: HttpFetcher, encoding: str, body: bytes, *, passes: bool
) -> None:
    """What is packed otherwise is invalid."""

    async def answer(_: web.Request) -> web.Response:
        return web.Response(body=body, headers={"Content-Type": "image/png", "Content-Encoding": encoding})

    url = site.serve("/a.png", answer)
    if passes:
        assert (await fetcher.fetch(url, "image")).body == png()
    else:
        assert await refusal(fetcher, url) == ("asset_invalid", 200)


async def _head(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, *lines: str) -> None:
    await reader.readuntil(b"\r\n\r\n")
    writer.write("\r\n".join(["HTTP/1.1 200 OK", "Content-Type: image/png", *lines, "", ""]).encode())
    await writer.drain()


async def _endless(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await _head(reader, writer, "Connection: close")
    while True:
        writer.write(png() + bytes(2**16))
        await writer.drain()


async def _announced(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await _head(reader, writer, f"Content-Length: {11 * 2**20}")
    await reader.read()


async def _slow(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await _head(reader, writer, "Content-Length: 1000")
    for byte in png():
        writer.write(bytes([byte]))
        await writer.drain()
        await asyncio.sleep(0.1)


async def _silent(reader: asyncio.StreamReader, _: asyncio.StreamWriter) -> None:
    await reader.read()


async def _headers(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await _head(reader, writer, *(f"X-{number}: {'x' * 1000}" for number in range(10_000)))


async def _short(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await _head(reader, writer, "Content-Length: 1000")
    writer.write(png())


async def _gibberish(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.readuntil(b"\r\n\r\n")
    writer.write(b"\x00\x01\x02 what\r\n\r\n")


async def _closing(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.close()


@pytest.mark.parametrize(
    ("behave", "code"),
    [
        (_endless, "asset_too_large"),
        (_announced, "asset_too_large"),
        (_slow, "asset_timeout"),
        (_silent, "asset_timeout"),
        (_headers, "asset_invalid"),
        (_short, "asset_invalid"),
        (_gibberish, "asset_invalid"),
        (_closing, "asset_timeout"),
    ],
)
async def test_a_server_that_misbehaves_times_out(behave: object, code: str) -> None:
    """Whatever a server does, the fetch fails with the fitting code within its second."""
    async with open_raw(behave) as url, HttpFetcher(AllowedHosts.parse("127.0.0.1"), seconds=0.6) as fetcher:  # type: ignore[arg-type]
        began = time.monotonic()
        code_found, _ = await refusal(fetcher, url + "/")

    assert code_found == code
    assert time.monotonic() - began < 3


async def test_a_refused_connection_counts_as_a_timeout(fetcher: HttpFetcher, site: Site, unused_tcp_port: int) -> None:
    """It may be accepted later, so the failure is not final."""
    async with HttpFetcher(AllowedHosts.parse("127.0.0.1")) as other:
        assert await refusal(other, f"http://127.0.0.1:{unused_tcp_port}/") == ("asset_timeout", None)


async def test_a_slow_server_slows_nobody(site: Site) -> None:
    """While many assets of one host hang, others of the same host come at once."""

    async def hang(_: web.Request) -> web.Response:
        await asyncio.Event().wait()
        raise AssertionError

    slow = site.serve("/slow", hang)
    async with HttpFetcher(AllowedHosts.parse("127.0.0.1"), seconds=60) as fetcher:
        waiting = [asyncio.ensure_future(fetcher.fetch(f"{slow}?{number}", "image")) for number in range(100)]
        await site.asked(100)
        await fetcher.fetch(site.put("/a.png", png()), "image")
        ended = [each for each in waiting if each.done()]
        for each in waiting:
            each.cancel()
        await asyncio.gather(*waiting, return_exceptions=True)

    assert ended == []


async def test_an_asset_that_timed_out_gets_little_time_at_first(site: Site) -> None:
    """For five seconds a fifth of the time is enough to see that it is there again, or that it is not."""
    clock = [100.0]

    async def hang(_: web.Request) -> web.Response:
        await asyncio.Event().wait()
        raise AssertionError

    url = site.serve("/a.png", hang)
    times = []
    async with HttpFetcher(AllowedHosts.parse("127.0.0.1"), seconds=1.0, clock=lambda: clock[0]) as fetcher:
        for passed in (0.0, 4.9, 4.9, 5.0):
            clock[0] += passed
            began = time.monotonic()
            assert await refusal(fetcher, url) == ("asset_timeout", None)
            times.append(time.monotonic() - began)
        site.put("/a.png", png())
        await fetcher.fetch(url, "image")

    assert [each < 1.0 for each in times] == [False, True, True, False]


async def test_equal_fetches_are_joined(site: Site, fetcher: HttpFetcher) -> None:
    """Callers of a fetch under way share its result; one that is cancelled does not cancel the others' fetch."""
    go = asyncio.Event()

    async def answer(_: web.Request) -> web.Response:
        await go.wait()
        return web.Response(body=png(), content_type="image/png")

    url = site.serve("/a.png", answer)
    asked = [asyncio.ensure_future(fetcher.fetch(url, "image")) for _ in range(5)]
    await site.asked(1)
    asked[0].cancel()
    go.set()
    came = await asyncio.gather(*asked, return_exceptions=True)

    assert len(site.requests) == 1
    assert [isinstance(each, BaseException) for each in came] == [True, False, False, False, False]


async def test_fresh_assets_come_from_the_cache_and_stale_ones_do_not(site: Site) -> None:
    """An asset is requested once while it is fresh; a redirect that is not fresh is requested each time."""
    clock = [1000.0]
    site.put("/fresh.png", png(), Cache_Control="max-age=60")
    site.put("/plain.png", png())
    site.redirect("/to-fresh.png", "/fresh.png")
    async with HttpFetcher(AllowedHosts.parse("127.0.0.1"), clock=lambda: clock[0]) as fetcher:
        for path in ("/fresh.png", "/fresh.png#part", "/plain.png", "/plain.png", "/to-fresh.png", "/to-fresh.png"):
            await fetcher.fetch(site.url + path, "image")
        clock[0] += 59
        fetched = await fetcher.fetch(f"{site.url}/fresh.png", "image")
        while_fresh = list(site.paths)
        clock[0] += 2
        await fetcher.fetch(f"{site.url}/fresh.png", "image")

    assert fetched.fresh_until == pytest.approx(1060, abs=2)
    assert while_fresh == ["/fresh.png", "/plain.png", "/plain.png"] + ["/to-fresh.png", "/fresh.png"] * 2
    assert site.paths[len(while_fresh) :] == ["/fresh.png"]


@pytest.mark.parametrize("validator", [{"ETag": 'W/"1"'}, {"Last-Modified": "Wed, 21 Oct 2015 07:28:00 GMT"}])
async def test_a_stale_asset_is_revalidated(site: Site, validator: dict[str, str]) -> None:
    """A 304 has no body, and its headers give the asset new freshness; through redirects as well."""
    clock = [1000.0]
    version = ["1"]
    asked_with: list[dict[str, str]] = []

    async def answer(request: web.Request) -> web.Response:
        conditions = {name: value for name, value in request.headers.items() if name.startswith("If-")}
        asked_with.append(conditions)
        if conditions and version == ["1"]:
            return web.Response(status=304, headers={"Cache-Control": "max-age=7"})
        body = png("green" if version == ["1"] else "red")
        headers = {"Cache-Control": "max-age=60", **(validator if version == ["1"] else {})}
        return web.Response(body=body, content_type="image/png", headers=headers)

    site.serve("/a.png", answer)
    site.redirect("/moved.png", "/a.png")
    async with HttpFetcher(AllowedHosts.parse("127.0.0.1"), clock=lambda: clock[0]) as fetcher:
        for path in ("/a.png", "/moved.png"):
            asked_with.clear()
            version[0] = "1"
            await fetcher.fetch(site.url + path, "image")
            clock[0] += 61
            again = await fetcher.fetch(site.url + path, "image")
            fresh_for = again.fresh_until - clock[0]
            clock[0] += 8
            version[0] = "2"
            other = await fetcher.fetch(site.url + path, "image")
            clock[0] += 61
            await fetcher.fetch(site.url + path, "image")

            assert (again.body, again.status, again.content_type) == (png(), 200, "image/png")
            assert other.body == png("red")
            assert [list(each.values()) for each in asked_with] == [[], *[list(validator.values())] * 2, []]
            assert fresh_for == pytest.approx(7 if path == "/a.png" else -math.inf, abs=1) or fresh_for <= 0


@pytest.mark.parametrize("control", ["no-store", "private", "max-age=0, no-store", "max-age=9, private"])
async def test_what_may_not_be_cached_is_requested_again(site: Site, fetcher: HttpFetcher, control: str) -> None:
    """It is not even revalidated; a header in several fields is read as one."""
    first, *rest = control.split(", ")

    async def answer(_: web.Request) -> web.Response:
        fields = CIMultiDict([("Cache-Control", first), ("ETag", '"1"'), *(("Cache-Control", one) for one in rest)])
        return web.Response(body=png(), content_type="image/png", headers=fields)

    url = site.serve("/a.png", answer)
    for _ in range(2):
        await fetcher.fetch(url, "image")

    assert [dict(request.headers).keys() & {"If-None-Match"} for request in site.requests] == [set(), set()]


async def test_not_modified_without_a_validator_is_an_error(site: Site, fetcher: HttpFetcher) -> None:
    """A 304 to a request without a validator fails the asset."""
    for _ in range(2):
        assert await refusal(fetcher, site.put("/a.png", b"", status=304, ETag='"1"')) == ("asset_status", 304)


async def test_progress_is_reported_to_every_caller(site: Site, fetcher: HttpFetcher) -> None:
    """Each caller that shares a fetch gets the number of bytes after every part."""
    heard: tuple[list[int], list[int]] = ([], [])
    url = site.put("/a.png", png() + bytes(2**20))
    await asyncio.gather(*(fetcher.fetch(url, "image", each.append) for each in heard))

    assert heard[0] == heard[1] == sorted(heard[0])
    assert heard[0][-1] == len(png()) + 2**20


async def test_the_cache_is_bounded(site: Site) -> None:
    """Above its size the least recently used asset is evicted."""
    async with HttpFetcher(AllowedHosts.parse("127.0.0.1"), cache_bytes=400 + 10 * len(site.url)) as fetcher:
        urls = [site.put(f"/{number}.png", png(), Cache_Control="max-age=60") for number in range(6)]
        for url in [*urls, urls[5], urls[0]]:
            await fetcher.fetch(url, "image")

    assert len(png()) == 76
    assert site.paths == [f"/{number}.png" for number in (*range(6), 0)]
