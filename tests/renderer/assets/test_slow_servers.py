"""Servers that are slow, late or broken cost their own assets, and no others."""

import asyncio
import time

import pytest
from aiohttp import web

from renderer.assets.allowed_hosts import AllowedHosts
from renderer.assets.fetcher import HttpFetcher
from tests.renderer.assets.conftest import refusal
from tests.renderer.assets.site import Site, open_raw, png


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
