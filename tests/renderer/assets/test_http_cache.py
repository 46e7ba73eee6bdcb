"""The HTTP cache: fetches that are joined, freshness, revalidation and its bound."""

import asyncio
import math

import pytest
from aiohttp import web
from multidict import CIMultiDict

from renderer.assets.allowed_hosts import AllowedHosts
from renderer.assets.fetcher import HttpFetcher
from tests.renderer.assets.conftest import refusal
from tests.renderer.assets.site import Site, png


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
