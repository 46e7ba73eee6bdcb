"""The assets of one document: each fetched once, within what a document may have."""

import asyncio
import hashlib
import math
import time
from typing import Final

from agents.assets.port import AssetError, AssetFetcher, Fetched, Kind
from agents.render.named_assets import named_assets

FETCHED_MAX: Final = 100
BYTES_MAX: Final = 32 * 1024 * 1024
PIXELS_MAX: Final = 128_000_000
"""Of one document: addresses fetched, bytes and pixels of all its assets together."""


class Supply:
    """Fetches for one document, for `seconds` altogether from the first asset on."""

    def __init__(self, fetcher: AssetFetcher, seconds: float) -> None:
        self._fetcher = fetcher
        self._seconds = seconds
        self._deadline: float | None = None
        self._fetches: dict[tuple[str, Kind], asyncio.Task[Fetched]] = {}
        self._bytes = 0
        self._pixels = 0
        self.contents: dict[str, str] = {}
        """The SHA-256 of what came, by address."""
        self.milliseconds: dict[str, int] = {}
        """How long each address took, whatever became of it."""
        self.fresh_until = math.inf
        """When the first of what came may be something else, by `time.monotonic`."""

    async def look_ahead(self, html: str) -> None:
        """Fetch what the document names outright, so that a page need not wait for it. Raises nothing."""
        fetches = [self._fetch_once(url, kind) for url, kind in named_assets(html)[:FETCHED_MAX]]
        if fetches:
            await asyncio.wait(fetches)

    async def get(self, url: str, kind: Kind) -> Fetched:
        """Return an asset, the same however often it is asked for. Raises AssetError."""
        if (url, kind) not in self._fetches and len(self._fetches) >= FETCHED_MAX:
            raise AssetError("asset_blocked")
        return await asyncio.shield(self._fetch_once(url, kind))

    def abandon(self) -> None:
        """Give up what is still being fetched."""
        for fetch in self._fetches.values():
            fetch.cancel()

    def _fetch_once(self, url: str, kind: Kind) -> asyncio.Task[Fetched]:
        fetch = self._fetches.get((url, kind))
        if fetch is None:
            fetch = self._fetches[url, kind] = asyncio.create_task(self._fetch(url, kind))
            # The document may never ask for it, and then nobody needs to know why it is missing.
            fetch.add_done_callback(lambda done: done.cancelled() or done.exception())
        return fetch

    async def _fetch(self, url: str, kind: Kind) -> Fetched:
        began = time.monotonic()
        if self._deadline is None:
            self._deadline = began + self._seconds
        try:
            async with asyncio.timeout(self._deadline - began):
                fetched = await self._fetcher.fetch(url, kind)
        except TimeoutError:
            raise AssetError("asset_timeout") from None
        finally:
            self.milliseconds[url] = round((time.monotonic() - began) * 1000)
        self._bytes += len(fetched.body)
        self._pixels += fetched.pixels
        if self._bytes > BYTES_MAX or self._pixels > PIXELS_MAX:
            raise AssetError("asset_too_large", fetched.status)
        self.contents[url] = hashlib.sha256(fetched.body).hexdigest()
        self.fresh_until = min(self.fresh_until, fetched.fresh_until)
        return fetched
