"""The assets of one document: each fetched once, within limits of number, bytes, pixels and time."""

import asyncio
import hashlib
import math
import time
from collections.abc import Callable, Collection, Mapping
from typing import Final

from renderer.assets.integrity import Integrity, digests_of
from renderer.assets.port import AssetError, AssetFetcher, Fetched, Kind
from renderer.large_text import off_the_loop
from renderer.page.prefetch import named_assets

FETCHED_MAX: Final = 100
BYTES_MAX: Final = 32 * 1024 * 1024
PIXELS_MAX: Final = 128_000_000
"""Of one document: addresses fetched, bytes and pixels of all its assets together."""
LATE_SECONDS: Final = 0.2
"""How long an asset may block a page that other documents wait for; then the page is given to them."""
YIELDS_MAX: Final = 4
"""How often a document gives its page to others: each time it is drawn again from the beginning."""


_TOO_LARGE: Final = (
    f"the assets of a document have at most {BYTES_MAX // 1024**2} MiB and {PIXELS_MAX // 1_000_000} megapixels"
)
MANY: Final = AssetError("asset_blocked", detail=f"a document may load {FETCHED_MAX} addresses")


class AssetsLateError(Exception):
    """The page should be given to other documents until this one's assets are there."""


class DocumentAssets:
    """Fetches for one document, for `seconds` altogether from the first asset on.

    `page_is_wanted` says whether other documents wait for a page, and `integrity` what the document asks of the content
    of addresses.
    """

    def __init__(
        self,
        fetcher: AssetFetcher,
        seconds: float,
        page_is_wanted: Callable[[], bool] = lambda: False,
        integrity: Mapping[str, Collection[Integrity]] | None = None,
    ) -> None:
        self._fetcher = fetcher
        self._seconds = seconds
        self._page_is_wanted = page_is_wanted
        self._integrity = integrity or {}
        self._deadline: float | None = None
        self._fetches: dict[tuple[str, Kind], asyncio.Task[Fetched]] = {}
        self._sizes: dict[tuple[str, Kind], int] = {}
        self._refused: set[tuple[str, Kind]] = set()
        self._pixels = 0
        self._yields = 0
        self.late = asyncio.Event()
        """Set once an asset has blocked a page that is wanted for too long."""
        self.contents: dict[str, str] = {}
        """The SHA-256 of each asset that was fetched, by address."""
        self.milliseconds: dict[str, int] = {}
        """How long each fetch took, successful or not, by address."""
        self.fresh_until = math.inf
        """When the first of the fetched assets becomes stale, by `time.monotonic`."""

    async def prefetch(self, html: str, *, scripts: bool = False) -> None:
        """Fetch what the document names outright, so that a page need not wait for it. Raises nothing."""
        named = await off_the_loop(lambda: named_assets(html, scripts=scripts), len(html))
        for url, kind in named[:FETCHED_MAX]:
            self._fetch_once(url, kind)
        await self.wait_idle()

    async def wait_idle(self) -> None:
        """Return once nothing is being fetched, with `late` cleared. Raises nothing."""
        under_way = [fetch for fetch in self._fetches.values() if not fetch.done()]
        if under_way:
            await asyncio.wait(under_way)
        self.late.clear()

    @property
    def addresses(self) -> list[str] | None:
        """Return the only addresses that have an answer; None as long as others may be fetched."""
        if len(self._fetches) < FETCHED_MAX:
            return None
        return list(dict.fromkeys(url for url, _ in self._fetches))

    async def get(self, url: str, kind: Kind) -> Fetched:
        """Return an asset to a page, the same however often it is asked for. Raises AssetError."""
        if (url, kind) not in self._fetches and len(self._fetches) >= FETCHED_MAX:
            raise AssetError(MANY.code, detail=MANY.detail)
        fetch = self._fetch_once(url, kind)
        while not fetch.done() and self._yields < YIELDS_MAX:
            await asyncio.wait((fetch,), timeout=LATE_SECONDS)
            if not fetch.done() and not self.late.is_set() and self._page_is_wanted():
                self._yields += 1
                self.late.set()
        return await asyncio.shield(fetch)

    def cancel(self) -> None:
        """Cancel the fetches under way."""
        for fetch in self._fetches.values():
            fetch.cancel()

    def _fetch_once(self, url: str, kind: Kind) -> asyncio.Task[Fetched]:
        fetch = self._fetches.get((url, kind))
        if fetch is None:
            fetch = self._fetches[url, kind] = asyncio.create_task(self._fetch(url, kind))
            # The document may never ask for it, and then nobody reads why it is missing.
            fetch.add_done_callback(lambda done: done.cancelled() or done.exception())
        return fetch

    async def _fetch(self, url: str, kind: Kind) -> Fetched:
        began = time.monotonic()
        if self._deadline is None:
            self._deadline = began + self._seconds
        try:
            async with asyncio.timeout(self._deadline - began):
                fetched = await self._fetcher.fetch(url, kind, lambda size: self._measure((url, kind), size))
        except TimeoutError:
            detail = f"the assets of a document have {self._seconds:.3g} s altogether"
            raise AssetError("asset_timeout", detail=detail) from None
        except asyncio.CancelledError:
            if (url, kind) not in self._refused:
                raise
            raise AssetError("asset_too_large", detail=_TOO_LARGE) from None
        finally:
            self._sizes.pop((url, kind), None)
            self.milliseconds[url] = round((time.monotonic() - began) * 1000)
        if (url, kind) not in self._refused:
            self._measure((url, kind), len(fetched.body))
        self._pixels += fetched.pixels
        if (url, kind) in self._refused or self._pixels > PIXELS_MAX:
            raise AssetError("asset_too_large", fetched.status, _TOO_LARGE)
        self._check_integrity(url, fetched)
        self.contents[url] = hashlib.sha256(fetched.body).hexdigest()
        self.fresh_until = min(self.fresh_until, fetched.fresh_until)
        return fetched

    def _check_integrity(self, url: str, fetched: Fetched) -> None:
        asked = self._integrity.get(url, ())
        digests = (fetched.digests or digests_of(fetched.body)) if asked else {}
        for each in asked:
            if not each.accepts(digests):
                found = f"{each.algorithm}-{digests[each.algorithm]}"
                detail = f"its content is not what `integrity` asks for; it has {found}"
                raise AssetError("asset_invalid", fetched.status, detail)

    def _measure(self, asset: tuple[str, Kind], size: int) -> None:
        """Note how much of an asset has arrived; above the limit of bytes, refuse the last asset that still arrives."""
        self._sizes[asset] = size
        while sum(self._sizes.values()) > BYTES_MAX:
            last = [each for each, fetch in self._fetches.items() if each in self._sizes and not fetch.done()][-1]
            del self._sizes[last]
            self._refused.add(last)
            if self._fetches[last] is not asyncio.current_task():
                self._fetches[last].cancel()
