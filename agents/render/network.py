"""What a document asks the network for: nothing is let through but what the asset port answers."""

import asyncio
import contextlib
import math
import re
from dataclasses import replace
from html import unescape
from typing import Final, cast
from urllib.parse import urldefrag, urlsplit

from playwright.async_api import Error as PlaywrightError
from playwright.async_api import Page, Request, Route

from agents.assets.port import KINDS, AssetError
from agents.render.rendering import Usage
from agents.render.supply import Supply
from schemas import outcomes
from schemas.codes import WarningCode
from schemas.outcomes import Asset

_HINT: Final = re.compile(r"https?:|wss?:", re.IGNORECASE)
_NAMESPACE: Final = re.compile(r"https?://www\.w3\.org/(?:2000/svg|1999/xlink|1999/xhtml|1998/Math/MathML)")
SHOWN: Final = 5
ENTRIES_MAX: Final = 1_000


def may_use_network(html: str) -> bool:
    """Say whether a document names an address of the network. A missed one is not fetched, so it cannot do harm."""
    text = _NAMESPACE.sub("", html)
    return bool(_HINT.search(text) or ("&" in text and _HINT.search(unescape(text))))


class Traffic:
    """The requests of one document."""

    def __init__(self, page: Page, supply: Supply | None) -> None:
        self._page = page
        self._supply = supply
        self._assets: dict[str, Asset] = {}
        self._served: str | re.Pattern[str] = "**/*"
        self._open = 0
        self._idle = asyncio.Event()
        self._idle.set()

    async def serve(self) -> None:
        """Begin to answer requests, if there is anything to answer with."""
        if self._supply is not None:
            addresses = self._supply.addresses
            if addresses is not None:
                # The rest ends in Chromium, which has no network; each request that is let out to us takes much longer.
                self._served = _only(addresses)
            await self._page.route(self._served, self._route)

    async def stop(self) -> None:
        """Answer no more requests."""
        if self._supply is not None:
            await self._page.unroute(self._served, self._route)

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
        if self._supply is None:
            return Usage(
                assets=list(self._assets.values()),
                contents=[None] * len(self._assets),
                fresh_until=-math.inf if self._assets else math.inf,
            )
        missing = any(not asset.ok for asset in self._assets.values())
        return Usage(
            assets=list(self._assets.values()),
            contents=[self._supply.contents.get(url) for url in self._assets],
            fresh_until=-math.inf if missing else self._supply.fresh_until,
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
        if self._supply is None or request.resource_type not in KINDS:
            await route.abort("blockedbyclient")
            return
        url = urldefrag(request.url).url
        try:
            fetched = await self._supply.get(url, request.resource_type)
        except AssetError as error:
            self._keep(url, ok=False, status=error.status, reason=error.code)
            await route.abort("failed")
            return
        self._keep(url, ok=True, status=fetched.status, size=len(fetched.body))
        # The document has no origin of its own, so that fonts need leave to be used by any.
        headers = {"access-control-allow-origin": "*"}
        await route.fulfill(
            status=fetched.status, body=fetched.body, content_type=fetched.content_type, headers=headers
        )

    def _keep(
        self,
        url: str,
        *,
        ok: bool,
        status: int | None,
        reason: str | None = None,
        size: int | None = None,
    ) -> None:
        if url in self._assets and self._supply is not None:
            milliseconds = self._supply.milliseconds.get(url)
            self._assets[url] = Asset(
                url=public_url(url), ok=ok, status=status, reason=reason, bytes=size, ms=milliseconds
            )


def _only(addresses: list[str]) -> re.Pattern[str]:
    return re.compile(f"^(?:{'|'.join(map(re.escape, addresses))})(?:#.*)?$")


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
