"""Reading a body within a limit, however small it was packed."""

import zlib
from collections.abc import AsyncIterator
from typing import Final

from agents.assets.port import AssetError

ENCODINGS: Final = "gzip"
"""What we ask for: it can be unpacked bit by bit within a limit."""
_ANY_HEADER: Final = 47
"""Says zlib to take gzip's and zlib's headers alike."""


async def read_body(chunks: AsyncIterator[bytes], encoding: str, limit: int, status: int) -> bytes:
    """Return the body, unpacked. Stops reading at the limit, in bytes before and after unpacking.

    Raises AssetError: `asset_too_large`, `asset_invalid` for what cannot be unpacked.
    """
    body = bytearray()
    unpacking = _unpacking(encoding, status)
    received = 0
    async for chunk in chunks:
        received += len(chunk)
        if received > limit:
            raise AssetError("asset_too_large", status)
        body += chunk if unpacking is None else _unpacked(unpacking, chunk, limit - len(body), status)
        if len(body) > limit:
            raise AssetError("asset_too_large", status)
    if unpacking is not None and received and not unpacking.eof:
        raise AssetError("asset_invalid", status)
    return bytes(body)


def _unpacking(encoding: str, status: int) -> "zlib._Decompress | None":
    encoding = encoding.strip().lower()
    if encoding in ("", "identity"):
        return None
    if encoding in ("gzip", "x-gzip", "deflate"):
        return zlib.decompressobj(_ANY_HEADER)
    raise AssetError("asset_invalid", status)


def _unpacked(unpacking: "zlib._Decompress", chunk: bytes, room: int, status: int) -> bytes:
    """Return at most one byte more than there is room for."""
    try:
        return unpacking.decompress(chunk, room + 1)
    except zlib.error:
        raise AssetError("asset_invalid", status) from None
