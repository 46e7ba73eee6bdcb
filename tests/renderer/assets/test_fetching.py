"""The fetcher connects to what is allowed, and to nothing else."""

import asyncio
import socket
import threading
from collections.abc import Sequence

import pytest

from renderer.assets import address_policy
from renderer.assets.allowed_hosts import AllowedHosts
from renderer.assets.fetcher import HttpFetcher
from tests.renderer.assets.conftest import Names, refusal
from tests.renderer.assets.site import Listener, Site, open_canary, open_site, png


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
