"""Bounded decompression: read a response body within a limit of bytes, packed and unpacked (zip bombs).

It is our own because aiohttp's does not notice a gzip, Brotli or zstd body that was cut, and sets no limit to the
window of zstd.
"""

import sys
import zlib
from collections.abc import AsyncIterator, Callable
from typing import Final, Protocol

import brotli

from renderer.assets.port import AssetError, Received, ignore

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

ENCODINGS: Final = "gzip, br, zstd"
"""The content codings we accept. Each can be unpacked piece by piece within a limit, as can those sent unasked."""
_BROKEN_OFF: Final = "its compressed content is damaged"
_GZIP: Final = 31
_ZLIB: Final = 15
_RAW: Final = -15
_WINDOW_LOG: Final = 23
"""The largest window that zstd may have in HTTP (RFC 9659), 8 MiB: memory that is allocated for any body."""


class Unpacker(Protocol):
    """Unpacks a body part by part."""

    def feed(self, chunk: bytes, most: int) -> bytes:
        """Return what a chunk unpacks to, or the first `most` bytes of it. Raises one of `BROKEN`."""
        ...

    @property
    def whole(self) -> bool:
        """Whether the body has ended where it should."""
        ...


class _Plain:
    whole = True

    def feed(self, chunk: bytes, most: int) -> bytes:
        return chunk[:most]


class _Zlib:
    """gzip, of one member after the other, and both kinds of deflate: with zlib's header, as it should be, or raw."""

    def __init__(self, form: int | None) -> None:
        self._form = form
        self._unpacking = None if form is None else zlib.decompressobj(form)
        self._start = b""

    @property
    def whole(self) -> bool:
        return self._unpacking is not None and self._unpacking.eof

    def feed(self, chunk: bytes, most: int) -> bytes:
        if self._unpacking is None:
            self._start += chunk
            if len(self._start) < 2:
                return b""
            chunk, self._form = self._start, _ZLIB if _has_zlib_header(self._start) else _RAW
            self._unpacking = zlib.decompressobj(self._form)
        unpacked = bytearray()
        while chunk and len(unpacked) < most:
            if self._unpacking.eof:
                # Another member, or the padding that some servers put after the last one.
                if self._form != _GZIP or not chunk.startswith(b"\x1f"):
                    break
                self._unpacking = zlib.decompressobj(_GZIP)
            unpacked += self._unpacking.decompress(chunk, most - len(unpacked))
            chunk = self._unpacking.unused_data
        return bytes(unpacked)


class _Brotli:
    def __init__(self) -> None:
        self._unpacking = brotli.Decompressor()

    @property
    def whole(self) -> bool:
        return bool(self._unpacking.is_finished())

    def feed(self, chunk: bytes, most: int) -> bytes:
        unpacked = bytearray(self._unpacking.process(chunk, output_buffer_limit=most))
        # It may stop short of the limit, and takes no more input before the rest of the output is read.
        while len(unpacked) < most and not self._unpacking.can_accept_more_data():
            unpacked += self._unpacking.process(b"", output_buffer_limit=most - len(unpacked))
        return bytes(unpacked)


class _Zstandard:
    def __init__(self) -> None:
        self._unpacking = zstd.ZstdDecompressor(options={zstd.DecompressionParameter.window_log_max: _WINDOW_LOG})

    @property
    def whole(self) -> bool:
        return self._unpacking.eof

    def feed(self, chunk: bytes, most: int) -> bytes:
        unpacked = bytearray()
        while chunk or not (self._unpacking.needs_input or self._unpacking.eof):
            if self._unpacking.eof:
                self._unpacking = _Zstandard()._unpacking
            unpacked += self._unpacking.decompress(chunk, most - len(unpacked))
            chunk = self._unpacking.unused_data if self._unpacking.eof else b""
            if len(unpacked) >= most:
                break
        return bytes(unpacked)


BROKEN: Final = (zlib.error, brotli.error, zstd.ZstdError, EOFError)
_UNPACKERS: Final[dict[str, Callable[[], Unpacker]]] = {
    "": _Plain,
    "identity": _Plain,
    "gzip": lambda: _Zlib(_GZIP),
    "x-gzip": lambda: _Zlib(_GZIP),
    "deflate": lambda: _Zlib(None),
    "br": _Brotli,
    "zstd": _Zstandard,
}


async def read_body(
    chunks: AsyncIterator[bytes], encoding: str, limit: int, status: int, received: Received = ignore
) -> bytes:
    """Return the unpacked body; call `received` with the number of bytes so far.

    Stops reading at the limit, in bytes before and after unpacking. Raises AssetError: `asset_too_large`,
    `asset_invalid` for what cannot be unpacked.
    """
    make = _UNPACKERS.get(encoding.strip().lower())
    if make is None:
        raise AssetError("asset_invalid", status, "its Content-Encoding is unknown")
    unpacker = make()
    body = bytearray()
    packed = 0
    async for chunk in chunks:
        packed += len(chunk)
        if packed > limit:
            raise too_large(limit, status)
        try:
            body += unpacker.feed(chunk, limit + 1 - len(body))
        except BROKEN:
            raise AssetError("asset_invalid", status, _BROKEN_OFF) from None
        if len(body) > limit:
            raise too_large(limit, status)
        received(len(body))
    if packed and not unpacker.whole:
        raise AssetError("asset_invalid", status, _BROKEN_OFF)
    return bytes(body)


def too_large(limit: int, status: int) -> AssetError:
    """Return the error for an asset of more bytes than `limit`."""
    return AssetError("asset_too_large", status, f"it has more than {limit // 1024**2} MiB")


def _has_zlib_header(start: bytes) -> bool:
    return start[0] & 0x0F == 8 and (start[0] << 8 | start[1]) % 31 == 0
