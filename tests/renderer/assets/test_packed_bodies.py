"""Packed bodies are unpacked within the limit of bytes, and whole."""

import gzip
import hashlib
import sys
import time
import zlib
from collections.abc import AsyncIterator, Callable

import brotli
import pytest
from aiohttp import web

from renderer.assets.body import read_body
from renderer.assets.fetcher import HttpFetcher
from renderer.assets.port import AssetError
from tests.renderer.assets.conftest import refusal
from tests.renderer.assets.site import Site, png

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd


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
