"""What a document asks the network for: nothing is let through but what the asset port answers."""

import re
import time
from dataclasses import dataclass
from typing import Final, Protocol, cast
from urllib.parse import urlsplit

from playwright.async_api import Page, Request, Route

from schemas import limits, outcomes
from schemas.codes import WarningCode
from schemas.outcomes import Asset

_HINT: Final = re.compile(r"https?:|wss?:", re.IGNORECASE)
_NAMESPACE: Final = re.compile(r"https?://www\.w3\.org/(?:2000/svg|1999/xlink|1999/xhtml|1998/Math/MathML)")
SHOWN: Final = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Fetched:
    """An asset as it came: the browser is given `body` as `content_type`."""

    body: bytes
    content_type: str
    status: int = 200


class AssetError(Exception):
    """An asset is not to be had; `code` says why, `status` is what the server answered, if it did."""

    def __init__(self, code: WarningCode, status: int | None = None) -> None:
        super().__init__(code)
        self.code: WarningCode = code
        self.status = status


class AssetFetcher(Protocol):
    """Gets network assets for documents. It bounds the time of each; the browser waits for it."""

    async def fetch(self, url: str, kind: str) -> Fetched:
        """Return the asset. `kind` is Playwright's resource type: image, stylesheet, font. Raises AssetError."""


def may_use_network(html: str) -> bool:
    """Say whether a document names an address of the network. A missed one is not fetched, so it cannot do harm."""
    return bool(_HINT.search(_NAMESPACE.sub("", html)))


class Traffic:
    """The requests of one document."""

    def __init__(self, page: Page, fetcher: AssetFetcher | None) -> None:
        self._page = page
        self._fetcher = fetcher
        self._assets: dict[str, Asset] = {}

    @property
    def seen(self) -> bool:
        """Whether the document asked the network for anything."""
        return bool(self._assets)

    async def serve(self) -> None:
        """Begin to answer requests with the fetcher's assets."""
        await self._page.route("**/*", self._answer)

    async def stop(self) -> None:
        """Answer no more requests."""
        await self._page.unroute("**/*", self._answer)

    def note(self, request: Request) -> None:
        """Keep an entry for a request; until it is answered it stands as blocked."""
        self.block(request.url)

    def block(self, url: str) -> None:
        """Keep an entry for an address that is not fetched."""
        url = public_url(url)
        if url and url not in self._assets and len(self._assets) < limits.ASSETS_MAX:
            self._assets[url] = Asset(url=url, ok=False, reason="asset_blocked")

    def assets(self) -> list[Asset]:
        """Return an entry for each address asked for, at most 50, in the order of the requests."""
        return list(self._assets.values())

    async def _answer(self, route: Route) -> None:
        request = route.request
        if request.is_navigation_request():
            await route.fulfill(status=204)
            return
        if self._fetcher is None or request.resource_type not in ("image", "stylesheet", "font", "media"):
            await route.abort("blockedbyclient")
            return
        started = time.monotonic()
        try:
            fetched = await self._fetcher.fetch(request.url, request.resource_type)
        except AssetError as error:
            self._keep(request.url, started, ok=False, status=error.status, reason=error.code)
            await route.abort("failed")
            return
        self._keep(request.url, started, ok=True, status=fetched.status, size=len(fetched.body))
        # The document has no origin of its own, so that fonts need leave to be used by any.
        headers = {"access-control-allow-origin": "*"}
        await route.fulfill(
            status=fetched.status, body=fetched.body, content_type=fetched.content_type, headers=headers
        )

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
        shown = public_url(url)
        milliseconds = round((time.monotonic() - started) * 1000)
        if shown in self._assets:
            self._assets[shown] = Asset(url=shown, ok=ok, status=status, reason=reason, bytes=size, ms=milliseconds)


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
        if not asset.ok and asset.reason:
            missing.setdefault(cast("WarningCode", asset.reason), []).append(asset.url)
    return [
        outcomes.Warning(code=code, message=f"not loaded: {', '.join(urls[:SHOWN])}{_more(len(urls) - SHOWN)}")
        for code, urls in missing.items()
    ]


def _more(count: int) -> str:
    return f" and {count} more" if count > 0 else ""
