"""What a document asks the network for: nothing is let through but what the asset port answers."""

import asyncio
import contextlib
import hashlib
import math
import re
import time
from dataclasses import replace
from html import unescape
from typing import Final, cast
from urllib.parse import urldefrag, urlsplit

from playwright.async_api import Error as PlaywrightError
from playwright.async_api import Page, Request, Route

from agents.assets.port import KINDS, AssetError, AssetFetcher, Fetched, Kind
from agents.render.rendering import Usage
from schemas import outcomes
from schemas.codes import WarningCode
from schemas.outcomes import Asset

_HINT: Final = re.compile(r"https?:|wss?:", re.IGNORECASE)
_NAMESPACE: Final = re.compile(r"https?://www\.w3\.org/(?:2000/svg|1999/xlink|1999/xhtml|1998/Math/MathML)")
SHOWN: Final = 5
ENTRIES_MAX: Final = 1_000
FETCHED_MAX: Final = 100
BYTES_MAX: Final = 32 * 1024 * 1024
PIXELS_MAX: Final = 128_000_000
"""Of one document: addresses reported and fetched, bytes and pixels of all its assets together."""


def may_use_network(html: str) -> bool:
    """Say whether a document names an address of the network. A missed one is not fetched, so it cannot do harm."""
    text = _NAMESPACE.sub("", html)
    return bool(_HINT.search(text) or ("&" in text and _HINT.search(unescape(text))))


class Traffic:
    """The requests of one document. Its assets have `seconds` altogether, from the first request on."""

    def __init__(self, page: Page, fetcher: AssetFetcher | None, seconds: float = 0.0) -> None:
        self._page = page
        self._fetcher = fetcher
        self._seconds = seconds
        self._deadline: float | None = None
        self._assets: dict[str, Asset] = {}
        self._answers: dict[tuple[str, Kind], asyncio.Task[Fetched]] = {}
        self._contents: dict[str, str] = {}
        self._fresh_until = math.inf
        self._bytes = 0
        self._pixels = 0
        self._open = 0
        self._idle = asyncio.Event()
        self._idle.set()

    async def serve(self) -> None:
        """Begin to answer requests with the fetcher's assets."""
        await self._page.route("**/*", self._route)

    async def stop(self) -> None:
        """Answer no more requests."""
        await self._page.unroute("**/*", self._route)

    def abandon(self) -> None:
        """Give up what is still being fetched."""
        for answer in self._answers.values():
            answer.cancel()

    @property
    def busy(self) -> bool:
        """Whether a request waits for its answer."""
        return not self._idle.is_set()

    async def idle(self) -> None:
        """Return once no request waits for its answer."""
        await self._idle.wait()

    def note(self, request: Request) -> None:
        """Keep an entry for a request; until it is answered it stands as blocked."""
        self.block(request.url)

    def block(self, url: str) -> None:
        """Keep an entry for an address that is not fetched."""
        url = urldefrag(url).url
        if public_url(url) and url not in self._assets and len(self._assets) < ENTRIES_MAX:
            self._assets[url] = Asset(url=public_url(url), ok=False, reason="asset_blocked")

    def lack(self, url: str) -> None:
        """Note that the document does not show an asset, although it may have been fetched."""
        self.block(url)
        asset = self._assets.get(urldefrag(url).url)
        if asset is not None and asset.ok:
            self._assets[urldefrag(url).url] = replace(asset, ok=False, reason="asset_invalid")

    def usage(self) -> Usage:
        """Return what became of each address asked for, in the order of the requests."""
        missing = any(not asset.ok for asset in self._assets.values())
        return Usage(
            assets=list(self._assets.values()),
            contents=[self._contents.get(url) for url in self._assets],
            fresh_until=-math.inf if missing else self._fresh_until,
        )

    async def _route(self, route: Route) -> None:
        self._open += 1
        self._idle.clear()
        try:
            # The page may be closed, or the document given up, before its assets are there.
            with contextlib.suppress(PlaywrightError, asyncio.CancelledError):
                await self._answer(route)
        finally:
            self._open -= 1
            if not self._open:
                self._idle.set()

    async def _answer(self, route: Route) -> None:
        request = route.request
        if request.is_navigation_request():
            await route.fulfill(status=204)
            return
        if self._fetcher is None or request.resource_type not in KINDS:
            await route.abort("blockedbyclient")
            return
        started = time.monotonic()
        url, kind = urldefrag(request.url).url, request.resource_type
        try:
            fetched = await self._fetched(self._fetcher, url, kind)
        except AssetError as error:
            self._keep(url, started, ok=False, status=error.status, reason=error.code)
            await route.abort("failed")
            return
        self._keep(url, started, ok=True, status=fetched.status, size=len(fetched.body))
        # The document has no origin of its own, so that fonts need leave to be used by any.
        headers = {"access-control-allow-origin": "*"}
        await route.fulfill(
            status=fetched.status, body=fetched.body, content_type=fetched.content_type, headers=headers
        )

    async def _fetched(self, fetcher: AssetFetcher, url: str, kind: Kind) -> Fetched:
        """Fetch each address once for the document, however often the browser asks. Raises AssetError."""
        answer = self._answers.get((url, kind))
        if answer is None:
            if len(self._answers) >= FETCHED_MAX:
                raise AssetError("asset_blocked")
            answer = self._answers[url, kind] = asyncio.create_task(self._fetch(fetcher, url, kind))
        return await asyncio.shield(answer)

    async def _fetch(self, fetcher: AssetFetcher, url: str, kind: Kind) -> Fetched:
        if self._deadline is None:
            self._deadline = time.monotonic() + self._seconds
        try:
            async with asyncio.timeout(self._deadline - time.monotonic()):
                fetched = await fetcher.fetch(url, kind)
        except TimeoutError:
            raise AssetError("asset_timeout") from None
        self._bytes += len(fetched.body)
        self._pixels += fetched.pixels
        if self._bytes > BYTES_MAX or self._pixels > PIXELS_MAX:
            raise AssetError("asset_too_large", fetched.status)
        self._contents[url] = hashlib.sha256(fetched.body).hexdigest()
        self._fresh_until = min(self._fresh_until, fetched.fresh_until)
        return fetched

    def _keep(
        self,
        url: str,
        started: float,
        *,
        ok: bool,
        status: int | None,
        reason: str | None = None,
        size: int | None = None,
    ) -> None:
        milliseconds = round((time.monotonic() - started) * 1000)
        if url in self._assets:
            self._assets[url] = Asset(
                url=public_url(url), ok=ok, status=status, reason=reason, bytes=size, ms=milliseconds
            )


def public_url(url: str) -> str:
    """Return `url` without user info, query and fragment; empty for what is no address of the network."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return "invalid:"
    if parts.scheme in ("data", "about", "blob", "javascript", ""):
        return ""
    return parts._replace(netloc=parts.netloc.rpartition("@")[2], query="", fragment="").geturl()


def asset_warnings(assets: list[Asset]) -> list[outcomes.Warning]:
    """Return one warning for each reason for which assets are missing, with the first five addresses."""
    missing: dict[WarningCode, list[str]] = {}
    for asset in assets:
        urls = missing.setdefault(cast("WarningCode", asset.reason), []) if asset.reason else []
        if asset.url not in urls:
            urls.append(asset.url)
    return [
        outcomes.Warning(code=code, message=f"not loaded: {', '.join(urls[:SHOWN])}{_more(len(urls) - SHOWN)}")
        for code, urls in missing.items()
    ]


def _more(count: int) -> str:
    return f" and {count} more" if count > 0 else ""
